#!/usr/bin/env bash
# What the command line refuses: the exit code, and exactly one line on standard error, which this file has word for word where
# it can. And what must survive: the old result file, a run that is interrupted or killed, a standard output that is full,
# closed or read by nobody.
set -u
. "$(dirname "$0")/../support/support_script.sh" || exit 1
exact=0

no() {
    failure "$@"
    head -5 err | sed 's/^/    stderr: /'
}

# refuses CODE WORDS COMMAND...: exits with CODE, says one line, in which WORDS occur.
refuses() {
    local code=$1 words=$2 got lines
    shift 2
    timeout 100 "$@" > out 2> err < /dev/null
    got=$?
    lines=$(wc -l < err)
    if [ "$got" != "$code" ]; then no "exit code $got, expected $code: $*"
    elif [ "$lines" != 1 ]; then no "$lines lines on standard error: $*"
    elif ! grep -q '^gradbench: ' err || ! grep -qF -- "$words" err; then no "'$words' is not in the message: $*"
    else passed=$((passed + 1)); fi
}

# answers CODE LINE COMMAND...: exits with CODE, and standard error is "gradbench: " and LINE.
answers() {
    local code=$1 line="gradbench: $2" got
    shift 2
    timeout 100 "$@" > out 2> err < "${input:-/dev/null}"
    got=$?
    if [ "$got" != "$code" ]; then no "exit code $got, expected $code: $*"
    elif [ "$(cat err)" != "$line" ]; then no "standard error is not '$line': $*"
    else passed=$((passed + 1)) exact=$((exact + 1)); fi
}

# accepts WORDS COMMAND...: exits with 0, prints WORDS, and nothing on standard error.
accepts() {
    local words=$1 got
    shift
    timeout 100 "$@" > out 2> err < /dev/null
    got=$?
    if [ "$got" != 0 ]; then no "exit code $got: $*"
    elif [ -s err ]; then no "standard error is not empty: $*"
    elif ! grep -qF -- "$words" out; then no "'$words' is not in the output: $*"
    else passed=$((passed + 1)); fi
}

g=$GRADBENCH
tiny='relu n=3 d=5'
isas=$("$g" list --plain variants | cut -f1)
# joined: "a, b, c" of lines, each once.
joined() { awk '!seen[$0]++ { printf "%s%s", n++ ? ", " : "", $0 }'; }
column_of() { "$g" list --plain "$1" | cut -f"$2"; }
listed=$(joined <<< "$isas")
kernels=$(column_of kernels 1 | joined)
kernels_first=$({ column_of kernels 1; column_of kernels 2; } | joined)
families_first=$({ column_of kernels 2; column_of kernels 1; } | joined)
workloads=$(column_of workloads 1 | joined)
sizes='must be a number from 1 to 16777216, or several: 10,50,100 or 64..4096*2 or 10..100+10'
lowest=$(head -1 <<< "$isas")
highest=$(tail -1 <<< "$isas")
# A run of a fraction of a second, most of which are the limits of its variants: all that there are, or one.
all=("$g" run --shape "$tiny" --rounds 6 --max-time 0.001 --quick)
short=("${all[@]}" --isa "$lowest" --threads 1)

# --- words and flags
answers 2 'error: run has no option --round (did you mean --rounds? see gradbench run --help)' "$g" run --round 5
answers 2 'error: run has no option --frobnicate (see gradbench run --help)' "$g" run --frobnicate
answers 2 'error: run has no option -- (see gradbench run --help)' "$g" run --=3
answers 2 "error: options are written with two dashes (got '-q')" "$g" run -q
answers 2 "error: run takes options only (got 'smoke')" "$g" run smoke
answers 2 'error: --quick is given twice' "$g" run --quick --quick
answers 2 "error: --quick takes no value (got 'yes')" "$g" run --quick=yes
answers 2 'error: --rounds needs a value (N)' "$g" run --rounds
answers 2 'error: --json needs a value (got an empty one, expected FILE)' "$g" run --json=
answers 2 'error: --workload needs a value (got an empty one, expected NAME)' "$g" run --workload ''
answers 2 "error: --rounds must be a whole number from 6 to 1001 (got '5')" "$g" run --rounds 5
answers 2 "error: --rounds must be a whole number from 6 to 1001 (got '1002')" "$g" run --rounds 1002
answers 2 "error: --rounds must be a whole number from 6 to 1001 (got '31x')" "$g" run --rounds 31x
answers 2 "error: --rounds must be a whole number from 6 to 1001 (got '-7')" "$g" run --rounds -7
answers 2 "error: --rounds must be a whole number from 6 to 1001 (got '99999999999999999999999999')" \
    "$g" run --rounds 99999999999999999999999999
answers 2 "error: --rounds must be a whole number from 6 to 1001 (got '')" "$g" run --rounds ''
answers 2 "error: --max-time must be a number from 0.001 to 1e+06 (got 'nan')" "$g" run --max-time nan
answers 2 "error: --max-time must be a number from 0.001 to 1e+06 (got 'inf')" "$g" run --max-time inf
answers 2 "error: --max-time must be a number from 0.001 to 1e+06 (got '0')" "$g" run --max-time 0
answers 2 "error: --max-time must be a number from 0.001 to 1e+06 (got '0x10')" "$g" run --max-time 0x10
answers 2 "error: --max-time must be a number from 0.001 to 1e+06 (got '1e999')" "$g" run --max-time 1e999
answers 2 "error: --seed must be a whole number from 0 to 9007199254740992 (got '-1')" "$g" run --seed -1
answers 2 "error: --seed must be a whole number from 0 to 9007199254740992 (got '18446744073709551616')" \
    "$g" run --seed 18446744073709551616
answers 2 "error: --threads takes numbers from 1 to 1024, ranges (1..4, 1..64*2), or all (got '0')" "$g" run --threads 0
answers 2 "error: --threads takes numbers from 1 to 1024, ranges (1..4, 1..64*2), or all (got '')" "$g" run --threads 1,,2
answers 2 "error: --threads takes numbers from 1 to 1024, ranges (1..4, 1..64*2), or all (got '1025')" "$g" run --threads 1025
answers 2 "error: --threads takes numbers from 1 to 1024, ranges (1..4, 1..64*2), or all (got 'two')" "$g" run --threads two
answers 2 'error: --threads takes at most 16 different numbers' "$g" run --threads 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17
answers 2 "error: unknown instruction set 'sse9' (allowed: $listed, all)" "$g" run --isa sse9
answers 2 "error: unknown instruction set 'nothing' (allowed: $listed, all)" "$g" run --isa nothing
answers 2 "error: unknown instruction set '' (allowed: $listed, all)" "$g" run --isa "$lowest,"
refuses 2 'longer than 63' "$g" run --isa "$(printf '%0200d' 0)"
answers 2 "error: unknown kernel 'affine_xd' (did you mean 'affine_dx'? allowed: $kernels_first)" \
    "$g" run --kernels affine_xd
answers 2 "error: unknown kernel 'nothing' (allowed: $kernels_first)" "$g" check --kernels nothing
refuses 2 "unknown peer 'nobody'" "$g" run --peers nobody
refuses 2 "unknown peer 'nobody'" "$g" run --peers auto,nobody
answers 2 "error: none stands alone in --peers (got 'none,auto')" "$g" run --peers none,auto
answers 2 "error: none stands alone in --peers (got 'naive,none')" "$g" run --peers naive,none
answers 2 "error: --peer takes NAME=COMMAND, the name of 1 to 39 letters, digits, ._@+- (got './program')" \
    "$g" run --peer ./program
answers 2 "error: --peer-limit must be a number from 0.01 to 1e+06 (got '0')" "$g" run --peer-limit 0
answers 2 "error: unknown type 'f16' in --dtype (allowed: f32, f64)" "$g" run --dtype f16
answers 2 'error: nothing to run: no problem of 1 shape has a kernel of --kernels' "$g" run --shape "$tiny" --kernels affine
answers 2 "error: info takes options only (got 'x')" "$g" info --json x
answers 2 "error: unknown instruction set 'nothing' (allowed: $listed, all)" "$g" check --isa nothing
answers 2 "error: PROBLEM, column 17: n ${sizes/from 1/from 0} (got '-3')" "$g" check 'affine_dx f32 n=-3 d=4 m=5'
answers 2 "error: PROBLEM, column 1: unknown kernel or family 'two' (allowed: $families_first)" "$g" check 'two n=3'

# words of other programs, and options without a command: each answer is a command that there is
answers 2 "error: options follow a command (did you mean 'gradbench run --quick'?)" "$g" --quick
for word in --list --csv --json=x.json --info --check --markdown --plain --no-roofs --filter=x --size --repetitions -v; do
    timeout 100 "$g" "$word" > out 2> err
    suggested=$(sed -n "s/^gradbench: error: options follow a command (did you mean 'gradbench \\(.*\\)'?)$/\\1/p" err)
    read -r command option value <<< "$suggested"
    holds '[ "$command" = --version ] || "$g" "$command" --help > out 2>&1' # $word
    holds '[ -z "$option" ] || grep -q "^  $option${value:+ $value}" out' # $word: $suggested
done
answers 2 "error: run has no option --list (did you mean 'gradbench list'?)" "$g" run --list
answers 2 "error: run has no option --csv (did you mean 'gradbench run --json FILE'?)" "$g" run --csv=out.csv
answers 2 "error: check has no option --json (did you mean 'gradbench run --json FILE'?)" "$g" check --json x.json
answers 2 "error: run has no option --markdown (did you mean 'gradbench list --markdown'?)" "$g" run --markdown
answers 2 "error: unknown kernel 'nothing*' (allowed: $kernels_first)" "$g" run --kernels 'nothing*'
answers 2 "error: unknown kernel 'affine[' (did you mean 'affine'? allowed: $kernels_first)" "$g" check --kernels 'affine['

# --- shapes on the command line
answers 2 "error: --shape, column 1: unknown kernel or family 'affin' (did you mean 'affine'? allowed: $families_first)" \
    "$g" run --shape 'affin n=1 d=1 m=1'
answers 2 'error: --shape, column 15: m is missing (expected m=1 to 16777216)' "$g" run --shape 'affine n=1 d=1'
answers 2 "error: --shape, column 10: n $sizes (got '0')" \
    "$g" run --shape 'affine n=0 d=1 m=1'
answers 2 "error: --shape, column 10: n $sizes (got '16777217')" \
    "$g" run --shape 'affine n=16777217 d=1 m=1'
keys="n, d, dtype, bare, in_place, ld_pad, misalign, data, seed, name"
answers 2 "error: --shape, column 14: unknown key 'layout' (allowed: $keys)" \
    "$g" run --shape 'relu n=1 d=1 layout=in_out'
answers 2 "error: --shape, column 23: misalign cannot be '4097' (allowed: 0..4096)" \
    "$g" run --shape 'relu n=1 d=1 misalign=4097'
answers 2 "error: --shape, column 19: accumulate is given twice" "$g" run --shape 'affine accumulate accumulate=0 n=1 d=1 m=1'
answers 2 "error: --shape, column 8: expected key=value (got 'f16')" "$g" run --shape 'affine f16 n=1 d=1 m=1'
answers 2 "error: affine_dx n=1 d=1 m=1 dtype=f32 data=tiny seed=1: a peer's results are judged with data=normal only" \
    "$g" run --shape 'affine_dx n=1 d=1 m=1 data=tiny' --peers naive
answers 2 "error: --shape holds no problem (got '# nothing')" "$g" run --shape '# nothing'
answers 2 'error: --shape takes one line' "$g" run --shape $'relu n=1 d=1\nrelu n=2 d=2'
refuses 2 'more than 4096 bytes' "$g" run --shape "relu n=1 d=1 #$(printf '%05000d' 0)"
answers 2 "error: --shape, column 10: n $sizes (got '1,,2')" "$g" run --shape 'relu n=1,,2 d=3'
answers 2 "error: --shape, column 10: n $sizes (got '1,')" "$g" run --shape 'relu n=1, d=3'
answers 2 "error: --shape, column 11: n $sizes (got '1..')" "$g" run --shape 'relu n=1.. d=3'
answers 2 "error: --shape, column 19: d $sizes (got '4..9*1')" "$g" run --shape 'relu n=1,2 d=4..9*1'
answers 2 "error: --shape, column 19: d $sizes (got '4..9+0')" "$g" run --shape 'relu n=1,2 d=4..9+0'
answers 2 "error: --shape, column 12: n $sizes (got '4..9-1')" "$g" run --shape 'relu n=4..9-1 d=3'
answers 2 "error: --shape, column 11: n must go up in a range (got '5..1')" "$g" run --shape 'relu n=5..1 d=3'
answers 2 "error: --shape, column 8: n has more than 1000 sizes (got '1..1001')" "$g" run --shape 'relu n=1..1001 d=3'
answers 2 'error: --shape, column 1: more than 100000 problems' "$g" run --shape 'affine n=1..1000 d=1..1000 m=1..1000'
answers 2 "error: --shape, column 15: n is given twice" "$g" run --shape 'affine n=1..3 n=4 d=1 m=1'

# --- memory
refuses 4 'TiB (operands' "$g" run --shape 'affine n=1048576 d=1048576 m=1'
refuses 4 'PiB' "$g" run --shape 'affine n=16777216 d=16777216 m=16777216 dtype=f64'
if ! grep -q sanitize <<< "$("$g" info --no-roofs)"; then
    refuses 4 'ulimit -v' bash -c "ulimit -v 600000; exec '$g' run --shape 'relu n=16384 d=16384'"
fi

# --- workload files
file() { printf "$2" > "$1.txt"; }
mkdir folder folder.txt
mkfifo fifo.txt
file empty ''
file comment '# nothing\n\n'
file word 'affine n=1 d=1 m=1\nswish n=1 d=1\n'
file zero 'affine n=0 d=1 m=1\n'
file nul 'affine n=1\0 d=1 m=1\n'
file binary '\177ELF\002\001'
file utf16 '\377\376a\0'
file twice 'affine n=1 d=1 m=1 n=1\n'
file cr 'affine n=1\rd=1 m=1\n'
{ printf 'affine n=1 d=1 m=1 #'; head -c 5000 /dev/zero | tr '\0' x; } > long.txt
head -c $((17 << 20)) /dev/zero | tr '\0' '#' > large.txt
head -c $((1 << 20)) /dev/urandom > random.txt
yes "$tiny" | head -100001 > many.txt
answers 2 "error: unknown workload 'nothing' (allowed: $workloads, a path with a '/', - for standard input)" \
    "$g" run --workload nothing
answers 2 "error: unknown workload 'smok' (did you mean 'smoke'? allowed: $workloads, a path with a '/', - for standard input\
)" \
    "$g" run --workload smok
answers 3 'error: cannot open workload ./nothing (No such file or directory)' "$g" run --workload ./nothing
answers 3 'error: workload ./folder is not a regular file' "$g" run --workload ./folder
answers 3 'error: workload folder.txt is not a regular file' "$g" run --workload folder.txt
answers 3 'error: workload fifo.txt is not a regular file (use - for standard input)' "$g" run --workload fifo.txt
answers 3 'error: workload /dev/zero is not a regular file (use - for standard input)' "$g" run --workload /dev/zero
answers 3 'error: workload /dev/stdin is not a regular file (use - for standard input)' \
    bash -c 'echo "$0" | "$@"' "$tiny" "$g" run --workload /dev/stdin
answers 2 'error: --workload - is given twice' bash -c 'echo "$0" | "$@"' "$tiny" "$g" run --workload - --workload -
answers 3 'empty.txt:1:1: error: the file holds no problem' "$g" run --workload empty.txt
answers 3 'comment.txt:1:1: error: the file holds no problem' "$g" run --workload comment.txt
answers 3 "word.txt:2:1: error: unknown kernel or family 'swish' (allowed: $families_first)" "$g" run --workload word.txt
answers 3 "zero.txt:1:10: error: n $sizes (got '0')" \
    "$g" run --workload zero.txt
answers 3 'nul.txt:1:11: error: a byte that is no printable ASCII (got 0x00)' "$g" run --workload nul.txt
answers 3 'binary.txt:1:1: error: a byte that is no printable ASCII (got 0x7f)' "$g" run --workload binary.txt
answers 3 'utf16.txt:1:1: error: a byte that is no printable ASCII (got 0xff)' "$g" run --workload utf16.txt
answers 3 'twice.txt:1:20: error: n is given twice' "$g" run --workload twice.txt
answers 3 'cr.txt:1:11: error: a byte that is no printable ASCII (got 0x0d)' "$g" run --workload cr.txt
answers 3 'long.txt:1:4097: error: a line of more than 4096 bytes' "$g" run --workload long.txt
answers 3 'large.txt:1:1: error: the file is larger than 16 MiB' "$g" run --workload large.txt
refuses 3 'random.txt:' "$g" run --workload random.txt
answers 3 'many.txt:100001:1: error: more than 100000 problems' "$g" run --workload many.txt
refuses 3 'File name too long' "$g" run --workload "./$(printf '%0300d' 0)"
refuses 2 'longer than' "$g" run --workload "./$(printf '%05000d' 0)"
answers 4 'error: GRADBENCH_WORKLOADS is /nonexistent: No such file or directory' \
    env GRADBENCH_WORKLOADS=/nonexistent "$g" run
answers 4 'error: GRADBENCH_WORKLOADS is word.txt: Not a directory' env GRADBENCH_WORKLOADS=word.txt "$g" run
answers 2 "error: unknown workload 'default' (allowed: a path with a '/', - for standard input)" \
    env GRADBENCH_WORKLOADS="$dir/folder" "$g" run
mkdir bad && cp word.txt bad/
answers 3 "$dir/bad/word.txt:2:1: error: unknown kernel or family 'swish' (allowed: $families_first)" \
    env GRADBENCH_WORKLOADS="$dir/bad" "$g" list --plain workloads

# --- environment
for value in nothing "$(tr a-z A-Z <<< "$highest")" "$highest " "$lowest,$highest" $'a\nb' "$(printf '%0100000d' 0)"; do
    refuses 5 'GRADKERN_ISA names no instruction set' env GRADKERN_ISA="$value" "$g" list
done
answers 5 "error: GRADKERN_ISA names no instruction set (got 'nothing', allowed: $listed)" env GRADKERN_ISA=nothing "$g" check
answers 5 "error: GRADKERN_ISA names no instruction set (got 'nothing', allowed: $listed)" \
    env GRADKERN_ISA=nothing "${all[@]}"
if [ "$lowest" != "$highest" ]; then
    refuses 5 "$highest cannot be used" env GRADKERN_ISA="$lowest" "$g" run --isa "$highest"
else
    echo "skipped: 1 case needs more than one compiled isa"
fi
for value in abc 0 -1; do
    refuses 2 'OMP_NUM_THREADS must be' env OMP_NUM_THREADS="$value" "$g" info
done
# an empty variable is one that is not set
empty=(env GRADKERN_ISA= OMP_NUM_THREADS= GRADBENCH_WORKLOADS= GRADBENCH_BASELINES= GRADBENCH_PEERS=)
accepts "chosen       $highest" "${empty[@]}" "$g" info --no-roofs
accepts 'smoke' "${empty[@]}" "$g" list --plain workloads
accepts 'problems run' "${empty[@]}" "${short[@]}"
warned() { answers 0 "warning: $1" env "$2" "$g" list --plain variants; }
warned 'nobody reads the variable GRADKERN_ISAS (did you mean GRADKERN_ISA?)' GRADKERN_ISAS=avx2
warned 'nobody reads the variable GRADKERN_THREADS' GRADKERN_THREADS=2
warned 'nobody reads the variable GRADBENCH_WORKLOAD (did you mean GRADBENCH_WORKLOADS?)' GRADBENCH_WORKLOAD=mlp
warned 'nobody reads the variable GRADBENCH_' GRADBENCH_=
accepts "$lowest" env GRADKERN_VERBOSE=0 GRADKERN_INSTALL=0 GRADKERN_BUILD=x GRADBENCH_PEERS=x "$g" list --plain variants
# libgomp complains of these before main, in two lines; other runtimes have no word on them
case $("$g" --version) in
*gcc*)
    warned 'OpenMP: Unknown value for environment variable OMP_SCHEDULE' OMP_SCHEDULE=x
    warned 'OpenMP: Invalid value for environment variable OMP_DYNAMIC' OMP_DYNAMIC=7 ;;
*) echo 'skipped: 2 cases need a gradbench that gcc built' ;;
esac

# --- standard output and result files
refuses 4 'cannot write standard output' bash -c "'$g' list --plain kernels > /dev/full"
refuses 4 'cannot write standard output' bash -c "'$g' --help > /dev/full"
refuses 4 'cannot write standard output' bash -c "'$g' run --help > /dev/full"
refuses 4 'cannot write standard output' bash -c "'$g' info --no-roofs > /dev/full"
refuses 4 'cannot write standard output' bash -c "'$g' list --plain kernels >&-"
answers 4 'error: cannot write nowhere/x.json (No such file or directory)' "${short[@]}" --json nowhere/x.json
answers 4 'error: cannot write folder (Is a directory)' "${short[@]}" --json folder
answers 4 'error: cannot write empty.txt/x.json (Not a directory)' "${short[@]}" --json empty.txt/x.json
answers 4 "error: cannot write ./$(printf '%0256d' 0) (File name too long)" "${short[@]}" --json "./$(printf '%0256d' 0)"
refuses 4 'File name too long' "${short[@]}" --json "$(printf '%05000d' 0)"
echo precious > old.json
answers 2 'error: nothing to run: no problem of 1 shape has a kernel of --kernels' \
    "${short[@]}" --kernels affine --json old.json
answers 4 'error: cannot write old.json (File too large)' \
    bash -c 'ulimit -f 1; exec "$@" > /dev/null' - "${short[@]}" --json old.json
refuses 4 'cannot write standard output' bash -c '"$@" >&-' - "${short[@]}" --json closed.json
holds '[ "$(cat old.json)" = precious ]'
holds 'head -1 closed.json | grep -q "^{"'
holds '[ -z "$(ls -d old.json.* closed.json.* 2>/dev/null)" ]'

# --- the place of the result file is tried before anything is measured: the report has not begun
lost() { # REASON PLACE: the place is refused, and nothing was printed
    answers 4 "error: cannot write $2 ($1)" "${short[@]}" --json "$2"
    holds '[ ! -s out ]'
}
long=$(printf '%0255d' 0)
accepts 'problems run' "${short[@]}" --json "$long"
holds 'grep -q "\"complete\": true" "$long"'
lost 'File name too long' "./0$long"
lost 'No such file or directory' nowhere/x.json
ln -s nowhere/target.json astray.json
lost 'No such file or directory' astray.json
ln -s loop.json loop.json
lost 'Too many levels of symbolic links' loop.json
ln -s target.json dangling.json
accepts 'problems run' "${short[@]}" --json dangling.json
holds '[ -L dangling.json ] && grep -q "\"complete\": true" target.json'
answers 4 'error: cannot write x.json (No such file or directory)' \
    bash -c 'mkdir gone && cd gone && rmdir ../gone && "$@" > ../out' - "${short[@]}" --json x.json
holds '[ ! -s out ]'
mkdir locked && echo old > locked/there.json && chmod 666 locked/there.json && chmod 555 locked && chmod 755 "$dir"
as_user=()
[ "$(id -u)" != 0 ] || as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
if "${as_user[@]}" "$g" --version > out 2>&1; then
    answers 4 'error: cannot write locked/new.json (Permission denied)' "${as_user[@]}" "${short[@]}" --json locked/new.json
    holds '[ ! -s out ]'
    accepts 'problems run' "${as_user[@]}" "${short[@]}" --json locked/there.json
    holds 'tail -1 locked/there.json | grep -q "^}$"'
else
    echo "skipped: 3 cases need setpriv, and a program that others may run: $(head -1 out)"
fi
chmod 755 locked
lost 'No such device or address' fifo.txt
lost 'No space left on device' /dev/full
exec 9<>fifo.txt # a reader from the start on: the one below may be late
timeout 100 cat fifo.txt > read.json 9>&- &
accepts 'problems run' "${short[@]}" --json fifo.txt
exec 9>&-
wait $!
holds 'head -1 read.json | grep -q "^{" && tail -1 read.json | grep -q "^}$"'
# with a folder in its place the run ends at the next problem
"$g" run --shape 'relu n=1..200 d=3' --kernels relu_forward --isa "$lowest" --threads 1 --rounds 6 --max-time 0.1 \
    --json turned.json > out 2> err &
for _ in $(seq 300); do
    [ ! -s turned.json ] || break
    sleep 0.1
done
until mkdir turned.json 2> /dev/null; do rm -f turned.json; done
wait $!
got=$?
holds '[ $got = 4 ] && [ "$(cat err)" = "gradbench: error: cannot write turned.json (Is a directory)" ]'
holds '! grep -q "200 of 200" out'

# --- what is replaced keeps its mode and owner, and all its names its contents
mode_of() { stat -c '%a %u %g' "$1"; }
echo old > secret.json && chmod 600 secret.json
[ "$(id -u)" != 0 ] || chown 65534:65533 secret.json
before=$(mode_of secret.json)
accepts 'problems run' "${short[@]}" --json secret.json
holds '[ "$(mode_of secret.json)" = "$before" ] && tail -1 secret.json | grep -q "^}$"'
echo old > first.json && ln first.json second.json
accepts 'problems run' "${short[@]}" --json first.json
holds '[ first.json -ef second.json ] && tail -1 second.json | grep -q "^}$"'
mkdir shared && chmod 777 shared && echo old > shared/foreign.json && chmod 666 shared/foreign.json
if [ "$(id -u)" = 0 ] && "${as_user[@]}" "$g" --version > out 2>&1; then
    before=$(mode_of shared/foreign.json)
    accepts 'problems run' "${as_user[@]}" "${short[@]}" --json shared/foreign.json
    holds '[ "$(mode_of shared/foreign.json)" = "$before" ] && tail -1 shared/foreign.json | grep -q "^}$"'
    chmod 644 shared/foreign.json
    answers 4 'error: cannot write shared/foreign.json (Permission denied)' \
        "${as_user[@]}" "${short[@]}" --json shared/foreign.json
    holds '[ ! -s out ]'
else
    echo 'skipped: 4 cases need root, setpriv, and a program that others may run'
fi

# --- a disk that is full: said at once, or, where the room ends during the run, with the old contents whole
disk=(unshare -m bash -c 'mount -t tmpfs -o size=64k none shared && eval "$1" && shift && "$@"; code=$?
    cat shared/full.json > kept.json 2> /dev/null; exit $code' -)
if "${disk[@]}" true true 2> err; then
    answers 4 'error: cannot write shared/full.json (No space left on device)' \
        "${disk[@]}" 'head -c 65536 /dev/zero > shared/rest' "${short[@]}" --json shared/full.json
    holds '[ ! -s out ]'
    touch bound.json
    answers 4 'error: cannot write bound.json (No space left on device)' \
        "${disk[@]}" 'echo precious > shared/full.json && mount --bind shared/full.json bound.json &&
            head -c 57344 /dev/zero > shared/rest' "${all[@]}" --json bound.json
    holds '[ "$(cat kept.json)" = precious ]'
else
    echo "skipped: 4 cases need the right to mount: $(head -1 err)"
fi
mounted=(unshare -m bash -c 'mount --bind "$1" "$1" && mount -o "remount,bind,$2" "$1" && shift 2 && exec "$@"' - mounted.json)
touch mounted.json
if "${mounted[@]}" rw true 2> err; then
    accepts 'problems run' "${mounted[@]}" rw "${short[@]}" --json mounted.json
    holds 'tail -1 mounted.json | grep -q "^}$" && [ -z "$(ls -d mounted.json.* 2> /dev/null)" ]'
    answers 4 'error: cannot write mounted.json (Read-only file system)' \
        "${mounted[@]}" ro "${short[@]}" --json mounted.json
    holds '[ ! -s out ]'
else
    echo "skipped: 4 cases need the right to mount: $(head -1 err)"
fi

# --- without /proc a peer is absent, and that is the reason
without=(unshare -m bash -c 'mount -t tmpfs none /proc && exec "$@"' -)
if "${without[@]}" true 2> err; then
    answers 1 'error: peer naive is not in the race: there is no /proc, by which a peer reaches the operands' \
        "${without[@]}" "${short[@]}" --peers naive
    accepts 'problems run' "${without[@]}" "${short[@]}" --peers auto
else
    echo "skipped: 2 cases need the right to mount: $(head -1 err)"
fi

# --- what works
accepts 'workloads, in' "$g" list
holds 'grep -qE "^  naive +here: plain loops" out'
accepts '"schema": "gradbench/1"' bash -c '"$@" --json - 2>/dev/null' - "${short[@]}"
accepts 'verified first' "${all[@]}" --json old.json
accepts 'verified first' "${short[@]}" --peers none
holds 'grep -q "\"complete\": true" old.json'
ln -s old.json link.json
accepts 'verified first' "${short[@]}" --json link.json
holds '[ -L link.json ]'
printf '\357\273\277relu n=3 d=5\r\n# no newline at the end' > crlf.txt
file_run=("$g" run --rounds 6 --max-time 0.001 --isa "$lowest" --threads 1 --kernels relu_forward)
accepts '1 of 1 problem run' "${file_run[@]}" --workload crlf.txt
accepts '8 shapes: 8 problems;' \
    "${short[@]}" --shape 'relu n=64..4096*2 d=2' --kernels 'relu_f*'
long=$(printf '%063d' 7)
accepts '2 of 2 problems run' "$g" run --shape "relu n=3,100000 d=1 name=$long" --kernels relu_forward \
    --isa "$lowest" --threads 1 --rounds 6 --max-time 0.001 --quick --json sweep.json
for size in 3 100000; do
    holds 'grep -qE "\"0{56,61}/$size\"" sweep.json' # the name is shortened, the size is whole
done
accepts 'n=3 d=5' bash -c 'echo "$0" | "$@"' "$tiny" "${file_run[@]}" --workload -
input=word.txt answers 3 "stdin:2:1: error: unknown kernel or family 'swish' (allowed: $families_first)" "$g" run --workload -
answers 3 'stdin:1:1: error: the file holds no problem' "$g" run --workload -
accepts "; variants $lowest; threads 1;" "${all[@]}" --isa "$lowest" --threads 1,1,1
accepts '3 (1)' "${all[@]}" --isa "$lowest" --threads 1,3
accepts ' f64 ' "${short[@]}" --dtype f64

# --- what is printed of a problem can be pasted: into --shape, where it is printed again, and into check
problem='[a-z_]+ n=[^ ]+( [a-z_]+=[^ ]+)+'
pasted() { # OPTION ARGUMENT...: prints the problems that a run with these shapes prints
    "$g" run "$@" --kernels 'affine_dx,softmax_xent_b*,relu_forward' --isa "$lowest" --threads 1 --rounds 6 --max-time 0.001 \
        --quick > out 2> err
    grep -oE "^([^ ]+  )?$problem( |\$)" out | grep -oE "$problem"
}
for view in --wide --details; do
    pasted $view --shape 'affine n=20 d=3,4 m=5 layout=out_in accumulate ld_pad=1' \
        --shape 'softmax_xent n=3 c=5 f64 labels=index64 ignore reduction=none dloss=1 data=wide' \
        --shape 'relu n=3 d=70 in_place bare misalign=3' > heads
    holds '[ "$(wc -l < heads)" = 4 ]' # $view
    shapes=()
    while read -r head; do shapes+=(--shape "$head"); done < heads
    pasted $view "${shapes[@]}" > again
    holds 'diff heads again' # $view
    while read -r head; do
        accepts ' 0 failures' "$g" check "$head" --isa "$lowest" --threads 1 --kernels 'affine_dx,softmax_xent_b*,relu_forward'
    done < heads
done
refused=$("$g" run --shape 'affine n=1048576 d=1048576 m=1 accumulate=1 f64' --kernels affine_dw 2>&1 | grep -oE "$problem")
refuses 4 "$refused needs" "$g" run --shape "$refused"
holds '[ -n "$refused" ]'

# --- a check says once what was left out
accepts 'failures; seed' "$g" check --isa "$lowest" --threads 1 --kernels relu_forward --quick
holds '[ "$(grep -c "not asked for" out)" = 1 ] && grep -q "^not asked for:.* kernels affine_forward, " out'

# --- what is too much for ref in full, check and run call the same
accepts 'skipped: isa ref: it computed a sample' "$g" check 'affine_backward n=700 d=1000 m=1000' --threads 1

# --- another gradbench disturbs; the contenders of a race do not. Where no other process is seen.
alone=(unshare --pid --fork --mount-proc bash -c)
if "${alone[@]}" true 2> err; then
    accepts 'problems run' "${alone[@]}" '"$@"' - "${short[@]}" --peers naive
    holds '! grep -q "another gradbench" out'
    printf 'sleep 20\n' | tee list > info
    for words in list 'info --no-roofs'; do # these measure nothing
        accepts 'problems run' "${alone[@]}" 'bash -c "exec -a gradbench bash $0" & "$@"; code=$?; kill -KILL $!; exit $code' \
            "$words" "${short[@]}"
        holds '! grep -q "another gradbench" out' # $words
    done
    accepts 'warning: another gradbench is running (process ' \
        "${alone[@]}" 'bash -c "exec -a gradbench bash info" & "$@"; code=$?; kill -KILL $!; exit $code' - "${short[@]}"
    accepts 'warning: another gradbench is running (process ' \
        "${alone[@]}" '"$0" run > /dev/null & "$@"; code=$?; kill -KILL $!; exit $code' "$g" "${short[@]}"
else
    echo "skipped: 8 cases need the right to unshare processes: $(head -1 err)"
fi

# --- nobody reads on: silence, and the usual end; a disk that is full is an error all the same (above)
for command in 'list --plain kernels' 'info --no-roofs' 'run --help' 'graph shop --svg' gradcheck \
    'train --layers 784,1,10 --epochs 2 --threads 1'; do
    bash -c "'$g' $command | true; exit \${PIPESTATUS[0]}" > out 2> err
    got=$?
    holds '[ $got = 0 -o $got = 141 ] && [ ! -s err ]' # $command
    bash -c "trap '' PIPE; '$g' $command | { exec <&-; sleep 0.5; }; exit \${PIPESTATUS[0]}" > out 2> err
    holds '[ ! -s err ]' # $command, by who ignores SIGPIPE
done
timeout 60 bash -c '"$@" | head -1; exit ${PIPESTATUS[0]}' - "$g" run --workload mlp --max-time 0.1 \
    --json unread.json > out 2> err
got=$?
holds '[ $got = 141 ] && [ ! -s err ] && [ "$(wc -l < out)" = 1 ]'
holds 'grep -q "\"complete\": false" unread.json && tail -1 unread.json | grep -q "^}$"'

# --- each check is written when it is done
"$g" gradcheck --shape 'relu n=2 d=2' --shape 'affine n=100000 d=100000 m=100000' > out 2>&1
got=$?
holds '[ $got = 4 ] && tail -1 out | grep -q "error: checking this problem needs"'

# --- escapes are for terminals that understand them
escape=$'\033'
on_terminal() { python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' "$@" < /dev/null > out 2> err; }
on_terminal env TERM=xterm "${all[@]}"
holds 'grep -q "$escape\[1m" out && grep -q "$escape\[K" out'
for setting in TERM=dumb TERM=; do
    on_terminal env "$setting" "${short[@]}"
    holds 'grep -q "problems run" out && ! grep -q "$escape" out' # $setting
done
on_terminal env TERM=xterm NO_COLOR=1 "${short[@]}"
holds 'grep -q "problems run" out && ! grep -q "$escape\[1m" out'

on_terminal env TERM=xterm "$g" gradcheck --kernels exp_backward
holds 'grep -q "dx of exp_backward  element 0/60" out && grep -q "$escape\[K" out && grep -q "2 checks, 0 failed" out'
on_terminal env TERM=dumb "$g" gradcheck --kernels exp_backward
holds 'grep -q "2 checks, 0 failed" out && ! grep -q "$escape" out'
train=("$g" train --layers 784,1,10 --epochs 3 --isa ref --threads 1)
on_terminal env TERM=xterm "${train[@]}"
holds 'grep -q "\[1/1\] ref, 1 thread  epoch 3/3  about 0:0[0-9] left$escape\[K" out && grep -q "all equal" out'
on_terminal env TERM=dumb "${train[@]}"
holds 'grep -q "all equal" out && ! grep -q "$escape" out'

# --- the progress is one line, however narrow the terminal
cat > narrow.py <<'NARROW'
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 30, 0, 0))
    os.execvp('bash', ['bash', '-c', '"$@" > /dev/null', '-'] + sys.argv[1:])
said = b''
try:
    while more := os.read(fd, 4096):
        said += more
except OSError:
    pass
lines = [line.split(b'\033')[0] for line in said.split(b'\r')]
print(len(lines), max(map(len, lines)))
NARROW
TERM=xterm python3 narrow.py "$g" run --shape "$tiny name=$long" --kernels relu_forward --isa "$lowest" --threads 1 \
    --rounds 1001 --max-time 1 > out 2> err
holds 'read -r lines width < out && [ "$lines" -gt 2 ] && [ "$width" = 29 ]'

# --- an interrupted run: what was measured is written, and the signal has its usual effect
interrupted='^gradbench: interrupted, [0-9]+ of [0-9]+ problems$'
problems_of() {
    python3 -c 'import json, sys
print(len({(r["kernel"], r["workload"]) for r in json.load(open(sys.argv[1]))["results"]}))' "$1"
}
# who runs this script may ignore signals, and so would what it runs
many=(env --default-signal "$g" run --shape 'relu n=1..200 d=3' --kernels relu_forward --isa "$lowest" --threads 1
    --max-time 0.3)
wait_for_rows() { # COUNT: until the report in out, which was empty, has so many problems
    for _ in $(seq 300); do
        [ "$(grep -c '^ forward ' out)" -lt "$1" ] || break
        sleep 0.1
    done
}
answers 130 'interrupted, 0 of 1 problem' timeout --preserve-status -s INT 1.5 "$g" run --shape 'affine n=1024 d=4096 m=4096' \
    --kernels affine_dw --isa "$highest" --threads 1 --peers none
for signal in INT TERM HUP; do
    # at once, in the middle of the first measurements: there is nothing to save yet, but the file is as whole
    timeout --preserve-status -s "$signal" 0.5 "$g" run --json early.json > out 2> err
    holds "[ $? = $((128 + $(kill -l "$signal"))) ]"
    holds 'tail -1 early.json | grep -q "^}$" && grep -q "\"complete\": false" early.json'
    rm -f early.json
    : > out
    "${many[@]}" --json stopped.json > out 2> err &
    wait_for_rows 2
    kill -"$signal" $!
    wait $! 2> /dev/null
    got=$?
    number=$(kill -l "$signal")
    holds "[ $got = $((128 + number)) ]"
    holds 'grep -q "\"complete\": false" stopped.json && tail -1 stopped.json | grep -q "^}$"'
    holds 'grep -q "problems run" out && [ "$(wc -l < err)" = 1 ] && grep -qE "$interrupted" err'
    # the problem that was cut off is none
    holds '[ "$(grep "^gradbench: " err | tr -dc "0-9 " | cut -d" " -f3)" = "$(problems_of stopped.json)" ]'
    rm -f stopped.json
done

# --- a run that is killed: the file holds all problems that were reported, but for one at most
: > out
"${many[@]}" --json killed.json > out 2> err &
killed=$!
wait_for_rows 4
kill -KILL $killed
wait $killed 2> /dev/null
holds 'grep -q "\"complete\": false" killed.json && tail -1 killed.json | grep -q "^}$"'
holds '[ "$(grep -c "\"median_ns\"" killed.json)" -ge $(($(grep -c "^ forward " out) - 1)) ]'

echo "$passed passed, $failed failed; $exact answers word for word"
[ "$failed" = 0 ] && [ "$exact" -ge 100 ]
