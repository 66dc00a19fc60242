#!/usr/bin/env bash
# What the command line refuses: the exit code, and exactly one line on standard error that names what is wrong. And what must
# survive: the old result file, a run that is interrupted, a standard output that is full or closed.
set -u
: "${GRADBENCH:?path of the program}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
unset GRADKERN_ISA OMP_NUM_THREADS GRADBENCH_WORKLOADS NO_COLOR COLUMNS
export LC_ALL=C
passed=0 failed=0

# The OpenMP runtime has its own word on OMP_NUM_THREADS before main starts.
own_lines() { grep -v '^$\|^libgomp: \|^OMP: ' "$1"; }

no() {
    failed=$((failed + 1))
    echo "FAILED: $*"
    own_lines err | head -5 | sed 's/^/    stderr: /'
}

# refuses CODE WORDS COMMAND...: exits with CODE, says one line, in which WORDS occur.
refuses() {
    local code=$1 words=$2 got lines
    shift 2
    timeout 100 "$@" > out 2> err < /dev/null
    got=$?
    lines=$(own_lines err | wc -l)
    if [ "$got" != "$code" ]; then no "exit code $got, expected $code: $*"
    elif [ "$lines" != 1 ]; then no "$lines lines on standard error: $*"
    elif ! grep -q '^gradbench: ' err || ! grep -qF -- "$words" err; then no "'$words' is not in the message: $*"
    else passed=$((passed + 1)); fi
}

# accepts WORDS COMMAND...: exits with 0, prints WORDS, and nothing on standard error.
accepts() {
    local words=$1 got
    shift
    timeout 100 "$@" > out 2> err < /dev/null
    got=$?
    if [ "$got" != 0 ]; then no "exit code $got: $*"
    elif own_lines err | grep -q .; then no "standard error is not empty: $*"
    elif ! grep -qF -- "$words" out; then no "'$words' is not in the output: $*"
    else passed=$((passed + 1)); fi
}

holds() {
    if eval "$1"; then passed=$((passed + 1)); else no "$1"; fi
}

g=$GRADBENCH
tiny='elementwise n=3 d=5'
# A run of a fraction of a second.
short=("$g" run --shape "$tiny" --rounds 6 --max-time 0.001 --quick)
columns=$("$g" list --plain variants | cut -f1)
lowest=$(head -1 <<< "$columns")
highest=$(tail -1 <<< "$columns")

# --- words and flags
refuses 2 'a command is missing' "$g"
refuses 2 "did you mean 'run'" "$g" rnu
refuses 2 'allowed: run, check, list, info' "$g" frobnicate
refuses 2 "unknown command ''" "$g" ''
refuses 2 "unknown command '--frob'" "$g" --frob
refuses 2 'stands alone' "$g" --version now
refuses 2 'did you mean --rounds' "$g" run --round 5
refuses 2 'has no option --frobnicate' "$g" run --frobnicate
refuses 2 'has no option --' "$g" run --=3
refuses 2 'two dashes' "$g" run -q
refuses 2 'run takes options only' "$g" run smoke
refuses 2 'list takes options only' "$g" list kernels
refuses 2 'check takes one operand' "$g" check a b
refuses 2 'is given twice' "$g" run --quick --quick
refuses 2 'takes no value' "$g" run --quick=yes
refuses 2 'needs a value' "$g" run --rounds
refuses 2 'needs a value' "$g" run --json=
refuses 2 'needs a value' "$g" run --workload ''
refuses 2 'from 6 to 1001' "$g" run --rounds 5
refuses 2 'from 6 to 1001' "$g" run --rounds 1002
refuses 2 'from 6 to 1001' "$g" run --rounds 31x
refuses 2 'from 6 to 1001' "$g" run --rounds -7
refuses 2 'from 6 to 1001' "$g" run --rounds 99999999999999999999999999
refuses 2 "got ''" "$g" run --rounds ''
refuses 2 '--max-time must be a number' "$g" run --max-time nan
refuses 2 '--max-time must be a number' "$g" run --max-time inf
refuses 2 '--max-time must be a number' "$g" run --max-time 0
refuses 2 '--max-time must be a number' "$g" run --max-time 0x10
refuses 2 '--max-time must be a number' "$g" run --max-time 1e999
refuses 2 '--seed must be a whole number' "$g" run --seed -1
refuses 2 '--seed must be a whole number' "$g" run --seed 18446744073709551616
refuses 2 '--threads takes numbers' "$g" run --threads 0
refuses 2 '--threads takes numbers' "$g" run --threads 1,,2
refuses 2 '--threads takes numbers' "$g" run --threads 1025
refuses 2 '--threads takes numbers' "$g" run --threads two
refuses 2 'at most 16 different' "$g" run --threads 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17
refuses 2 "unknown instruction set 'sse9'" "$g" run --isa sse9
refuses 2 "$lowest" "$g" run --isa nothing
refuses 2 "unknown instruction set ''" "$g" run --isa "$lowest,"
refuses 2 'longer than 63' "$g" run --isa "$(printf '%0200d' 0)"
refuses 2 "did you mean 'affine_dx'" "$g" run --kernels affine_xd
refuses 2 'unknown kernel' "$g" check --kernels nothing
refuses 2 "unknown peer 'nobody'" "$g" run --peers nobody
refuses 2 '--peer takes NAME=COMMAND' "$g" run --peer ./program
refuses 2 '--peer-limit must be a number' "$g" run --peer-limit 0
refuses 2 "unknown type 'f16'" "$g" run --dtype f16
refuses 2 'nothing to run' "$g" run --shape "$tiny" --kernels affine
refuses 2 'allowed: kernels, variants, workloads' "$g" list --plain columns
refuses 2 'exclude each other' "$g" list --plain kernels --markdown
refuses 2 'has no option' "$g" info --json x
refuses 2 'unknown instruction set' "$g" check --isa nothing
refuses 2 '--threads takes numbers' "$g" check --threads x
refuses 2 '' "$g" check 'affine_dx f32 n=-3 d=4 m=5'
refuses 2 '' "$g" check $'two\nlines'
refuses 2 'unknown command' "$g" $'a\nb\033[31m'

# --- shapes on the command line
refuses 2 "did you mean 'affine'" "$g" run --shape 'affin n=1 d=1 m=1'
refuses 2 'm is missing' "$g" run --shape 'affine n=1 d=1'
refuses 2 'from 1 to 16777216' "$g" run --shape 'affine n=0 d=1 m=1'
refuses 2 'from 1 to 16777216' "$g" run --shape 'affine n=16777217 d=1 m=1'
refuses 2 'unknown key' "$g" run --shape 'elementwise n=1 d=1 layout=in_out'
refuses 2 'holds no problem' "$g" run --shape '# nothing'
refuses 2 'one line' "$g" run --shape $'elementwise n=1 d=1\nelementwise n=2 d=2'
refuses 2 'more than 4096 bytes' "$g" run --shape "elementwise n=1 d=1 #$(printf '%05000d' 0)"

# --- memory
refuses 4 'TiB (operands' "$g" run --shape 'affine n=1048576 d=1048576 m=1'
refuses 4 'PiB' "$g" run --shape 'affine n=16777216 d=16777216 m=16777216 dtype=f64'
if ! grep -q sanitize <<< "$("$g" info --no-roofs)"; then
    refuses 4 'ulimit -v' bash -c "ulimit -v 600000; exec '$g' run --shape 'elementwise n=16384 d=16384'"
fi

# --- workload files
file() { printf "$2" > "$1.txt"; }
mkdir folder folder.txt
mkfifo fifo.txt
file empty ''
file comment '# nothing\n\n'
file word 'affine n=1 d=1 m=1\nrelu n=1 d=1\n'
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
refuses 2 "unknown workload 'nothing'" "$g" run --workload nothing
refuses 2 "did you mean 'smoke'" "$g" run --workload smok
refuses 3 'No such file' "$g" run --workload ./nothing
refuses 3 'not a regular file' "$g" run --workload ./folder
refuses 3 'not a regular file' "$g" run --workload folder.txt
refuses 3 'not a regular file' "$g" run --workload fifo.txt
refuses 3 'not a regular file' "$g" run --workload /dev/zero
refuses 3 'holds no problem' "$g" run --workload empty.txt
refuses 3 'holds no problem' "$g" run --workload comment.txt
refuses 3 'word.txt:2:1: error: unknown kernel' "$g" run --workload word.txt
refuses 3 'zero.txt:1:10: error: n must be' "$g" run --workload zero.txt
refuses 3 'nul.txt:1:11: error:' "$g" run --workload nul.txt
refuses 3 'binary.txt:1:1: error:' "$g" run --workload binary.txt
refuses 3 'utf16.txt:1:1: error:' "$g" run --workload utf16.txt
refuses 3 'twice.txt:1:20: error: n is given twice' "$g" run --workload twice.txt
refuses 3 'cr.txt:1:11: error:' "$g" run --workload cr.txt
refuses 3 'long.txt:1:4097: error:' "$g" run --workload long.txt
refuses 3 'larger than 16 MiB' "$g" run --workload large.txt
refuses 3 'random.txt:' "$g" run --workload random.txt
refuses 3 'many.txt:100001:1: error: more than 100000 problems' "$g" run --workload many.txt
refuses 3 'File name too long' "$g" run --workload "./$(printf '%0300d' 0)"
refuses 2 'longer than' "$g" run --workload "./$(printf '%05000d' 0)"
refuses 4 'no folder of workloads' env GRADBENCH_WORKLOADS=/nonexistent "$g" list
refuses 4 'no folder of workloads' env GRADBENCH_WORKLOADS= "$g" run
refuses 2 'unknown workload' env GRADBENCH_WORKLOADS="$dir/folder" "$g" run
mkdir bad && cp word.txt bad/
refuses 3 'word.txt:2:1: error:' env GRADBENCH_WORKLOADS="$dir/bad" "$g" list

# --- environment
for value in nothing "$(tr a-z A-Z <<< "$highest")" "$highest " "$lowest,$highest" $'a\nb' "$(printf '%0100000d' 0)"; do
    refuses 5 'GRADKERN_ISA names no instruction set' env GRADKERN_ISA="$value" "$g" list
done
refuses 5 'GRADKERN_ISA' env GRADKERN_ISA=nothing "$g" info
refuses 5 'GRADKERN_ISA' env GRADKERN_ISA=nothing "$g" check
refuses 5 'GRADKERN_ISA' env GRADKERN_ISA=nothing "${short[@]}"
if [ "$lowest" != "$highest" ]; then
    refuses 5 "$highest cannot be used" env GRADKERN_ISA="$lowest" "$g" run --isa "$highest"
    refuses 5 "$highest cannot be used" env GRADKERN_ISA="$lowest" "$g" check --isa "$highest"
else
    echo "skipped: 2 cases need more than one compiled column"
fi
for value in abc 0 -1; do
    refuses 2 'OMP_NUM_THREADS must be' env OMP_NUM_THREADS="$value" "$g" info
done

# --- standard output and result files
refuses 4 'cannot write standard output' bash -c "'$g' list > /dev/full"
refuses 4 'cannot write standard output' bash -c "'$g' --help > /dev/full"
refuses 4 'cannot write standard output' bash -c "'$g' run --help > /dev/full"
refuses 4 'cannot write standard output' bash -c "'$g' --version > /dev/full"
refuses 4 'cannot write standard output' bash -c "'$g' info --no-roofs > /dev/full"
refuses 4 'cannot write standard output' bash -c "'$g' list >&-"
refuses 4 'No such file' "${short[@]}" --json nowhere/x.json
refuses 4 'Is a directory' "${short[@]}" --json folder
refuses 4 'Not a directory' "${short[@]}" --json empty.txt/x.json
refuses 4 'File name too long' "${short[@]}" --json "$(printf '%05000d' 0)"
refuses 4 'No space left' "${short[@]}" --json /dev/full
refuses 4 'cannot write fifo.txt' "${short[@]}" --json fifo.txt
echo precious > old.json
refuses 2 'nothing to run' "${short[@]}" --kernels affine --json old.json
refuses 4 'File too large' bash -c 'ulimit -f 1; exec "$@" > /dev/null' - "${short[@]}" --json old.json
refuses 4 'cannot write standard output' bash -c '"$@" >&-' - "${short[@]}" --json closed.json
holds '[ "$(cat old.json)" = precious ]'
holds 'head -1 closed.json | grep -q "^{"'
holds '[ -z "$(ls -d old.json.* closed.json.* 2>/dev/null)" ]'

# --- what works
accepts 'usage: gradbench COMMAND' "$g" --help
accepts 'gradbench ' "$g" --version
for command in run check list info peer; do
    accepts "usage: gradbench $command" "$g" "$command" --help
    accepts '--help' "$g" "$command" -h
done
accepts 'workloads, in' "$g" list
holds 'grep -qE "^  naive +here: plain loops" out'
accepts '| kernel | formula |' "$g" list --markdown
accepts 'chosen' "$g" info --no-roofs
accepts '"schema": "gradbench/1"' bash -c '"$@" --json - 2>/dev/null' - "${short[@]}"
accepts 'verified first' "${short[@]}" --json old.json
accepts 'verified first' "${short[@]}" --peers none
holds 'grep -q "\"complete\": true" old.json'
ln -s old.json link.json
accepts 'verified first' "${short[@]}" --json link.json
holds '[ -L link.json ]'
printf '\357\273\277elementwise n=3 d=5\r\n# no newline at the end' > crlf.txt
accepts 'problems run' "$g" run --quick --rounds 6 --workload crlf.txt
accepts "; variants $lowest; threads 1;" "${short[@]}" --isa "$lowest" --threads 1,1,1
accepts '3 (1)' "${short[@]}" --threads 1,3
accepts ' f64 ' "${short[@]}" --dtype f64
holds '[ "$(GRADBENCH_PEERS=/nonexistent "$g" list --plain peers | grep -cP "^(mkl|onednn3)\tabsent\t.*bench/peers/install")" = 2 ]'
holds '[ "$("$g" list --plain kernels | cut -f1 | sort -u | wc -l)" = "$("$g" list --markdown | tail -n +3 | wc -l)" ]'

# --- an interrupted run: what was measured is written, and the signal has its usual effect
for signal in INT TERM; do
    # at once, in the middle of the first measurements: there is nothing to save yet, but the file is as whole
    timeout --preserve-status -s "$signal" 0.5 "$g" run --json early.json > out 2> err
    holds "[ $? = $((128 + $(kill -l "$signal"))) ]"
    holds 'tail -1 early.json | grep -q "^}$" && grep -q "\"complete\": false" early.json'
    rm -f early.json
    long=("$g" run --workload mlp --rounds 1001 --max-time 60 --json stopped.json)
    timeout --preserve-status -s "$signal" 6 "${long[@]}" > out 2> err
    got=$?
    number=$(kill -l "$signal")
    holds "[ $got = $((128 + number)) ]"
    holds 'grep -q "\"complete\": false" stopped.json && tail -1 stopped.json | grep -q "^}$"'
    holds 'grep -q "not run" out && ! own_lines err | grep -q .'
    rm -f stopped.json
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -ge 100 ]
