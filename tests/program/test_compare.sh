#!/usr/bin/env bash
# gradbench compare, from results to exit codes.
set -u
. "$(dirname "$0")/../support/support_script.sh" || exit 1

no() {
    failure "$@"
    sed 's/^/    /' out err
}

# ends CODE ARGUMENTS...
ends() {
    "$GRADBENCH" compare "${@:2}" > out 2> err
    code=$?
    holds "[ $code = $1 ]" # $*
}

lowest=$("$GRADBENCH" list --plain variants | head -1 | cut -f1)
"$GRADBENCH" run --isa "$lowest" --threads 1 --quick --rounds 11 --max-time 0.2 --peers naive --json base.json \
    --shape 'affine n=20 d=30 m=10 name=net:fc' --kernels 'affine_d*' > out 2> err

# What each row's times are multiplied by, by its kernel; all nulls are made quiet.
cat > scale.py <<'END_OF_SCALE'
import json, sys
result = json.load(open(sys.argv[1]))
factors = dict(word.split("=") for word in sys.argv[3:])
result["context"]["null_pairs"] = []
result["context"].update({k: v for k, v in factors.items() if k in ("cpu", "compiler")})
for row in result["results"]:
    factor = float(factors.get(row["kernel"], 1))
    row["samples_ns"] = [1000 * factor * (1 + i / 1e5) for i, _ in enumerate(row["samples_ns"])]
    row["median_ns"] = row["samples_ns"][len(row["samples_ns"]) // 2]
    if factor == 0:
        for key in "median_ns", "best_peer", "samples_ns": row.pop(key, None)
        row.update(state="failed", failure="wrong")
json.dump(result, open(sys.argv[2], "w"))
END_OF_SCALE
scale() { python3 scale.py base.json "$@"; } # FILE KERNEL=FACTOR...
scale same.json
scale slow.json affine_dx=1.2 affine_db=0.5
scale fast.json affine_dw=0.5
scale near.json affine_dw=1.03
scale wrong.json affine_dw=0
scale other.json cpu=another affine_dx=1.2

ends 0 same.json same.json
holds 'grep -q "^3 rows compared: 0 slower, 0 inconclusive, 3 the same, 0 faster$" out && [ ! -s err ]'
ends 1 same.json slow.json
holds 'grep -qE "^ 1.20x slower \[1.20, 1.20\] +1.00 us +1.20 us +10.0 % +<.001  affine_dx n=20 d=30 m=10 dtype=f32, " out'
holds 'grep -q ": 1 slower, 0 inconclusive, 1 the same, 1 faster$" out && ! grep -q peer out'
ends 0 same.json fast.json
ends 0 same.json slow.json --threshold 25
ends 1 --threshold 19 same.json -- slow.json
ends 0 same.json slow.json --process-noise 25
holds 'grep -q "^3 rows of one process on a side: up to 25 % may be what" out'
ends 0 same.json near.json
ends 1 same.json near.json --require-verdict
holds 'grep -q " 1 inconclusive" out'
ends 1 same.json wrong.json
holds 'grep -q "^WRONG in new: affine_dw n=20" out && grep -q "^only in base: affine_dw n=20" out'
ends 0 same.json other.json
holds 'grep -q "^CPU differs: base: .*; new: another$" out && grep -q "no verdict is given (--force gives one)" out'
ends 1 same.json other.json --force
ends 1 same.json same.json -- slow.json slow.json
holds '[ "$(grep -c "^base: same.json$" out)" = 2 ] && [ "$(grep -c "^new: slow.json$" out)" = 2 ]'
ends 0 same.json same.json -- slow.json same.json
holds 'grep -q " 2 inconclusive" out'
ends 0 base.json base.json
sed 's/"complete": true/"complete": false/' same.json > part.json
ends 0 same.json part.json
holds 'grep -q "^new: part.json (of a run that did not end)$" out'
COLUMNS=60 ends 0 same.json same.json
holds '! grep -qE "^.{61}" out'

# --- as JSON
ends 1 same.json slow.json --json out.json
holds 'python3 - out.json << END_OF_CHECK
import json, sys
c = json.load(open(sys.argv[1]), parse_constant=sys.exit)
assert c["schema"] == "gradbench-comparison/1" and c["threshold"] == 0.03
assert (c["slower"], c["inconclusive"], c["same"], c["faster"]) == (1, 0, 1, 1)
first = c["rows"][0]
assert first["row"] == {"kernel": "affine_dx", "dtype": "f32", "options": {}, "variant": "$lowest", "isa": "$lowest",
    "threads": 1, "workload": "net:fc", "cache": "hot", "shape": {"n": 20, "d": 30, "m": 10}}
assert first["verdict"] == "slower" and abs(first["ratio"] - 1 / 1.2) < 1e-6 and first["base_ns"] < first["new_ns"]
assert first["ci95"][0] <= first["ratio"] <= first["ci95"][1] and first["p"] < 0.05 and len(c["rows"]) == 3
assert c["only_base"] == c["only_new"] == c["wrong"] == c["differences"] == []
END_OF_CHECK'
ends 1 same.json wrong.json --json -
holds 'python3 -c "import json, sys
c = json.load(sys.stdin)
assert c[\"wrong\"] == c[\"only_base\"] and c[\"wrong\"][0][\"row\"][\"kernel\"] == \"affine_dw\"" < out'
holds 'grep -q "^2 rows compared: " err'
ends 0 same.json other.json --json out.json
holds 'grep -A 3 "\"what\": \"CPU\"" out.json | grep -q "\"new\": \"another\"" && grep -q "\"decides\": true" out.json'
ends 4 same.json slow.json --json nowhere/out.json
holds '[ ! -s out ] && [ "$(cat err)" = "gradbench: error: cannot write nowhere/out.json (No such file or directory)" ]'

# --- not to be compared
usage='gradbench: error: compare takes two files, or BASE... -- NEW... (see gradbench compare --help)'
for words in '' same.json 'same.json same.json same.json' '-- same.json same.json' 'same.json same.json --'; do
    ends 2 $words
    holds '[ "$(cat err)" = "$usage" ] && [ ! -s out ]' # $words
done
ends 2 same.json slow.json --threshold 0
ends 3 same.json nowhere.json
holds '[ ! -s out ] && grep -q "error: cannot open nowhere.json (No such file" err'
ends 3 same.json .
head -c 500 same.json > cut.json
ends 3 cut.json same.json
holds '[ ! -s out ] && grep -q "^gradbench: cut.json:1:" err && [ "$(wc -l < err)" = 1 ]'
printf '%020000d' 0 | tr 0 '[' > nested.json
ends 3 same.json nested.json
holds '[ "$(wc -l < err)" = 1 ]'
sed 's/"net:fc"/"other"/g' same.json > apart.json
ends 3 same.json apart.json
holds '[ "$(cat err)" = "gradbench: error: there is no row that both sides have with a time" ]'
python3 -c 'import json, sys
result = json.load(open("same.json"))
result["results"] *= 257
json.dump(result, open("often.json", "w"))'
ends 3 same.json often.json
holds '[ "$(cat err)" = "gradbench: error: a side has a row more than 256 times" ]'
"$GRADBENCH" compare same.json slow.json > /dev/full 2> err
code=$?
holds '[ $code = 4 ]'

# --- two builds: a program that shows a twentieth of its time is a faster one
cat > faster <<END_OF_BUILD
#!/bin/sh
"$GRADBENCH" "\$@" | python3 "$dir/less.py"
END_OF_BUILD
cat > less.py <<'END_OF_LESS'
import sys
for line in iter(sys.stdin.readline, ""):
    word, *rest = line.split()
    if word == "ran": line = f"ran {max(int(rest[0]) // 20, 1)}\n"
    print(line, end="", flush=True)
END_OF_LESS
chmod +x faster
builds=(--shape 'affine n=20 d=30 m=10 name=net:fc' --kernels affine_dx --isa "$lowest" --threads 1 --quick)
ends 0 --build "$GRADBENCH" "$GRADBENCH" "${builds[@]}" --threshold 1000
holds 'grep -q "^1 row compared: 0 slower, [01] inconclusive, [01] the same, 0 faster$" out && [ ! -s err ]'
holds '[ "$(head -1 out)" = "old: $GRADBENCH" ] && grep -q "measured in the same rounds$" out'
ends 0 --build "$GRADBENCH" ./faster "${builds[@]}" --threshold 20 --rounds 31 --max-time 1
holds 'grep -q "^1 row compared: 0 slower, 0 inconclusive, 0 the same, 1 faster$" out'
holds 'grep -qE "^ [0-9.]+x faster \[.* affine_dx n=20 d=30 m=10 dtype=f32, $lowest, 1 thread \(net:fc\)$" out'
ends 1 --build ./faster "$GRADBENCH" "${builds[@]}" --threshold 20 --rounds 31 --max-time 1
holds 'grep -q "^1 row compared: 1 slower, 0 inconclusive, 0 the same, 0 faster$" out'
ends 2 --build "$GRADBENCH" --quick
holds '[ "$(cat err)" = "gradbench: error: compare --build takes two builds, OLD NEW (see gradbench compare --help)" ]'
ends 3 --build "$GRADBENCH" ./nowhere "${builds[@]}"
holds '[ "$(cat err)" = "gradbench: error: ./nowhere is neither a program to start nor a shared library" ] && [ ! -s out ]'
ends 4 --build "$GRADBENCH" /bin/false "${builds[@]}"
holds '[ "$(wc -l < err)" = 1 ] && grep -q "^gradbench: error: cannot start new $lowest, 1 thread as a contender: " err'

# what is under way, on a terminal: a round takes 3 ms and more, so that the third problem has a line after its first
cat > watch.py <<'END_OF_WATCH'
import os, pty, subprocess, sys
def read(end):
    try: return os.read(end, 1 << 16)
    except OSError: return b""  # nobody has the terminal any more
reader, terminal = pty.openpty()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=terminal, env={**os.environ, "TERM": "xterm"})
os.close(terminal)
sys.stdout.buffer.writelines(iter(lambda: read(reader), b""))
sys.exit(process.wait())
END_OF_WATCH
python3 watch.py "$GRADBENCH" compare --build "$GRADBENCH" "$GRADBENCH" --kernels relu_forward --isa "$lowest" --threads 1 \
    --rounds 101 --max-time 60 --threshold 1000 --shape 'relu n=2 d=3 name=a' --shape 'relu n=3 d=3 name=b' \
    --shape 'relu n=4 d=3 name=c' > out 2> err
code=$?
holds '[ $code = 0 ] && tr "\r" "\n" < out | grep -q "^\[1/3\] relu_forward a, 1 of 3  [a-z]* [0-9]*/[0-9]*"'
holds 'tr "\r" "\n" < out | grep -qE "^\[3/3\] relu_forward c, 3 of 3  round [0-9]+/33  about [0-9]+:[0-9]{2} left"'

# --- two libraries, or one and a program; the fake one is the built one, but for what it is told
library=$BUILD_DIR/kernels/libgradkern.so fake=$BUILD_DIR/tests/libfake_gradkern.so
cp "$library" gradbench # what the file is decides, not its name, and it is this one, not one on a path
for pair in "$library gradbench" "$GRADBENCH $library" "gradbench $GRADBENCH"; do
    ends 0 --build $pair "${builds[@]}" --threshold 1000
    holds 'grep -q "^1 row compared: 0 slower, [01] inconclusive, [01] the same, 0 faster$" out && [ ! -s err ]' # $pair
    holds '[ "$(sed -n "s/^old: //p; s/^new: //p" out | paste -sd " ")" = "$pair" ]'
done
FAKE_GRADKERN=bits ends 1 --build "$library" "$fake" "${builds[@]}" --threshold 1000 --json bits.json
holds '[ "$(grep -c "^the bits differ" out)" = 1 ]' # of three races
holds 'python3 -c "import json; c = json.load(open(\"bits.json\")); assert len(c[\"bits_differ\"]) == len(c[\"rows\"]) == 1"'
holds 'grep -q "^the bits differ: affine_dx n=20 d=30 m=10 dtype=f32 .*, $lowest, 1 thread$" out'
FAKE_GRADKERN=slow ends 1 --build "$library" "$fake" "${builds[@]}" --threshold 20 --rounds 31 --max-time 1
holds 'grep -q "^1 row compared: 1 slower, 0 inconclusive, 0 the same, 0 faster$" out'
for pair in "$fake $library old" "$library $fake new"; do
    read -r old new side <<< "$pair"
    FAKE_GRADKERN=version ends 4 --build "$old" "$new" "${builds[@]}"
    holds 'grep -q "cannot start $side $lowest, 1 thread as a contender: it has another ABI by its version (got 1.2.3" err'
    holds '[ "$(wc -l < err)" = 1 ] && ! grep -q compared out'
done
head -c 5000 "$library" > cut.so
ends 3 --build cut.so "$library" "${builds[@]}"
holds '[ "$(cat err)" = "gradbench: error: cut.so is cut off" ] && [ ! -s out ]'
FAKE_GRADKERN=late ends 1 --build "$library" "$fake" "${builds[@]}" --json wrong_build.json
holds 'grep -q "^WRONG in new: affine_dx n=20 d=30 m=10 dtype=f32, " out'
holds 'python3 -c "import json; c = json.load(open(\"wrong_build.json\")); assert len(c[\"wrong\"]) == 1 and not c[\"rows\"]"'
holds 'grep -q "^new is WRONG: affine_dx .*: ended with code 4: the call failed: no memory$" out && [ ! -s err ]'

ends 2 same.json same.json --quick
holds '[ "$(cat err)" = "gradbench: error: --quick is for --build (see gradbench compare --help)" ]'
ends 2 same.json same.json --kernels affine
for option in --force '--process-noise 5'; do
    ends 2 --build "$GRADBENCH" "$GRADBENCH" $option
    holds '[ "$(cat err)" = "gradbench: error: ${option% *} is for files (see gradbench compare --help)" ]'
done
ends 2 same.json same.json --shape 'relu n=3 d=4'

# --- baselines
kept() { # CODE ARGUMENTS...
    "$GRADBENCH" baseline "${@:2}" > out 2> err
    code=$?
    holds "[ $code = $1 ]" # $*
}
export GRADBENCH_BASELINES=$dir/some/where
kept 0 list
holds '[ ! -s out ] && [ ! -e some ]'
kept 0 save first same.json
kept 0 save v1.2+x_y slow.json
kept 0 list
holds '[ "$(cat out)" = "first
v1.2+x_y" ]'
holds '"$GRADBENCH" compare same.json some/where/first.json > out && grep -q " 3 the same" out'
kept 3 save first slow.json
holds '[ "$(cat err)" = "gradbench: error: there is a baseline first already (--force replaces it)" ]'
holds '"$GRADBENCH" compare same.json some/where/first.json > out'
kept 0 save first slow.json --force
holds '! "$GRADBENCH" compare same.json some/where/first.json > out'
kept 3 save first cut.json --force
holds 'cmp -s some/where/first.json some/where/v1.2+x_y.json' # a good one is never lost
kept 0 show first
holds '[ "$(head -1 out)" = "$dir/some/where/first.json" ] && grep -q "^| fc | 20, 30, 10 | dx |" out'
kept 0 rm first
kept 3 rm first
holds '[ "$(cat err)" = "gradbench: error: there is no baseline first ($dir/some/where/first.json is not there)" ]'
kept 3 show first
for name in '' .first -- a/b ../first 'a b' "$(printf '%065d' 1)"; do
    kept 2 save "$name" same.json
    holds '[ ! -s out ] && [ "$(ls some/where)" = v1.2+x_y.json ]' # $name
done
kept 2 save first
kept 2 frob
kept 2
holds 'grep -q "error: baseline takes save NAME FILE, or list, or show NAME, or rm NAME " err'
echo > file
GRADBENCH_BASELINES=$dir/file/below kept 4 save first same.json
holds '[ "$(cat err)" = "gradbench: error: cannot make the folder of $dir/file/below/first.json (Not a directory)" ]'
unset GRADBENCH_BASELINES
XDG_DATA_HOME=$dir/data kept 0 save first same.json
holds '[ -s data/gradbench/baselines/first.json ]'
HOME=$dir/home XDG_DATA_HOME= kept 0 save first same.json
holds '[ -s home/.local/share/gradbench/baselines/first.json ]'

# --- run --vs: times of a microsecond are 1 ns in one baseline and a second in the other
export GRADBENCH_BASELINES=$dir/vs
scale tiny.json affine_dx=0.001 affine_db=0.001 affine_dw=0.001
scale huge.json affine_dx=1e6 affine_db=1e6 affine_dw=1e6
kept 0 save tiny tiny.json
kept 0 save huge huge.json
again=("$GRADBENCH" run --isa "$lowest" --threads 1 --quick --rounds 11 --max-time 0.2 --kernels 'affine_d*'
    --shape 'affine n=20 d=30 m=10 name=net:fc')
"${again[@]}" --vs tiny > out 2> err
code=$?
holds '[ $code = 1 ] && grep -q "^base: the baseline tiny; new: this run$" out && grep -q "^3 rows compared: 3 slower" out'
"${again[@]}" --vs huge > out 2> err
code=$?
holds '[ $code = 0 ] && grep -q "^3 rows compared: 0 slower, 0 inconclusive, 0 the same, 3 faster$" out'
"${again[@]}" --vs nothing > out 2> err
code=$?
holds '[ $code = 3 ] && [ ! -s out ] && grep -q "there is no baseline nothing" err'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -ge 145 ]
