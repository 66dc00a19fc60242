#!/usr/bin/env bash
# gradbench run --repeat: real processes, what they leave in the file, and that nothing else is left of them, however they end.
set -u
. "$(dirname "$0")/../support/support_script.sh" || exit 1

no() {
    failure "$@"
    sed 's/^/    /' out err
}

export TMPDIR="$dir/100 %p" GRADBENCH_BASELINES=$dir/baselines
mkdir "$TMPDIR"
lowest=$("$GRADBENCH" list --plain variants | head -1 | cut -f1)
run=("$GRADBENCH" run --quick --rounds 6 --max-time 0.01 --isa "$lowest" --threads 1)
two=(--shape 'relu n=9 d=4' --repeat 2 --json two.json)
is_clean() { [ -z "$(ls -A "$TMPDIR")" ]; }

"${run[@]}" "${two[@]}" > out 2> err
holds '[ $? = 0 ] && [ ! -s err ] && is_clean'
holds 'grep -q "up to 6 rounds in each of 2 processes" out && grep -q "^2 of 2 problems run; 2 cells timed" out'
holds '[ "$(tr -d " \n" < two.json | grep -o "\"processes\":\[6,6\]" | wc -l)" = 2 ]'
holds 'grep -q "\"settings\": \".* --quick --repeat 2\"" two.json && grep -q "\"complete\": true" two.json'
if python3 -c 'import jsonschema; jsonschema.Draft202012Validator' 2> /dev/null; then
    schema=$SOURCE_DIR/bench/records/schema/gradbench-1.json
    holds 'python3 "$SOURCE_DIR/tests/python/result_schema.py" "$schema" two.json > out 2> err'
else
    echo "left out: there is no python3-jsonschema, and the schema is not looked at"
fi
holds '"$GRADBENCH" compare two.json two.json > out 2> err && ! grep -q "of one process" out'
holds '"$GRADBENCH" baseline save two two.json > out 2> err'
"${run[@]}" "${two[@]}" --vs two > out 2> err
holds '[ $? -le 1 ] && [ ! -s err ] && grep -q "^base: the baseline two; new: this run" out && ! grep -q "of one process" out'
holds '"$GRADBENCH" report two.json -o page.html > out 2> err && grep -q "class=\"strip figure\"" page.html'
holds '[ "$("${run[@]}" "${two[@]}" --dry-run 2> err | tail -1 | grep -c "of 1 variant in 2 processes: up to ")" = 1 ]'
"${run[@]}" "${two[@]}" --resume > out 2> err
holds '[ $? = 2 ] && [ "$(cat err)" = "gradbench: error: --repeat begins anew: it has no --resume" ] && [ ! -s out ]'
TMPDIR=$dir/absent "${run[@]}" "${two[@]}" > out 2> err
holds '[ $? = 4 ] && [ "$(cat err)" = "gradbench: error: cannot make a file in $dir/absent (No such file or directory)" ]'

# Runs of many processes, whose first ones have ended.
begin() {
    rm -f many.json
    "${run[@]}" --shape 'relu n=9 d=4' --repeat 64 --json many.json > out 2> err &
    parent=$!
    for try in $(seq 600); do
        child=$(cat "/proc/$parent/task/$parent/children" 2> /dev/null)
        [ -n "$child" ] && tr '\0' ' ' < "/proc/${child% }/cmdline" 2> /dev/null | grep -q -- "--shift 74 " && return
        sleep 0.05
    done
    no "no third process in $try looks"
}
is_gone() {
    for try in $(seq 200); do
        [ -e "/proc/${child% }" ] || return 0
        sleep 0.05
    done
    return 1
}

# A signal to one of them ends both; what the first ones found is kept.
begin
kill -TERM $parent
wait $parent
holds '[ $? = 143 ] && is_gone && is_clean'
holds 'grep -q "^gradbench: interrupted, 2 of 64 processes$" err && grep -q "in each of 2 processes" out'
holds 'grep -q "\"complete\": false" many.json && tr -d " \n" < many.json | grep -q "\"processes\":\[6,6\]"'
begin
kill -KILL ${child% }
wait $parent
holds '[ $? = 4 ] && is_clean && [ ! -e many.json ] && [ ! -s out ]'
holds '[ "$(cat err)" = "gradbench: error: process 3 of 64 was killed by signal 9 (Killed)" ]'
begin # nobody can clean up then, but nobody goes on
kill -KILL $parent
wait $parent 2> /dev/null
holds 'is_gone && [ ! -e many.json ]'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
