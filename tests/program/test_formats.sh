#!/usr/bin/env bash
# What other programs read is read by them: the schema of result files, exports by their readers. A reader that is not here is
# said at the end, and makes the test skipped; what could be tested has been.
set -u
. "$(dirname "$0")/../support/support_script.sh" || exit 1
python=$SOURCE_DIR/tests/python
missing=()

no() {
    failure "$@"
    sed 's/^/    /' out err 2> /dev/null
}

# needs NAME COMMAND...: whether the command succeeds.
needs() {
    "${@:2}" > /dev/null 2>&1 && return
    missing+=("$1")
    return 1
}

# written FILE ARGUMENTS...: a short run.
written() {
    "$GRADBENCH" run --quick --rounds 6 --max-time 0.001 --threads 1 --json "$@" > out 2> err
}

for name in good again; do
    written $name.json --shape 'affine n=3 d=4 m=5 name=net:fc' --shape 'softmax_xent n=3 c=7 labels=dense' --dtype f32,f64
    holds '[ $? = 0 ]'
done
written raced.json --shape 'relu n=9 d=4 name=odd' --peers naive
holds '[ $? = 0 ]'
sed -i 's/"odd"/"=1+1,\\"é|<\&"/' raced.json
written gone.json --shape 'affine n=3 d=4 m=5' --kernels affine_dx --peer 'bad=false'
holds '[ $? = 1 ]'
(ulimit -f 1024 && written lost.json --kernels affine_dx --peers naive --shape 'affine n=1000 d=1000 m=8')
holds '[ $? = 4 ]'

# --- the schema

"$GRADBENCH" export --schema > schema.json 2> err
holds 'diff schema.json "$SOURCE_DIR/bench/records/schema/gradbench-1.json" > out' # else the target update is due
"$GRADBENCH" info --schema > info_schema.json 2> err
holds 'diff info_schema.json "$SOURCE_DIR/bench/records/schema/gradbench-info-1.json" > out' # likewise
OMP_NUM_THREADS=1 GRADKERN_ISA=ref "$GRADBENCH" info --json > info.json 2> err
holds '[ $? = 0 ] && [ ! -s err ] && grep -q "\"fma_gflops\"" info.json && grep -q "\"null_pairs\"" info.json'
"$GRADBENCH" info --json --no-roofs > bare.json 2> err
holds '[ $? = 0 ] && ! grep -q "\"roofs\"" bare.json'
check_by() { python3 "$python/result_schema.py" "$@" > out 2> err; }
# sees_changes SCHEMA FILE CHANGE...: each, a command of sed, makes a file that the schema does not allow.
sees_changes() {
    for change in "${@:3}"; do
        sed "$change" "$2" > bad.json
        holds '! check_by '"$1"' bad.json && grep -q "^bad.json: " out' # $change
    done
}
if needs python3-jsonschema python3 -c 'import jsonschema; jsonschema.Draft202012Validator'; then
    holds 'check_by schema.json {good,raced,gone,lost}.json \
        "$SOURCE_DIR"/bench/records/*.json "$SOURCE_DIR"/tests/data/report/*.json'
    sees_changes schema.json good.json 's/"kernel"/"kernels"/' 's/"threads": 1,/"threads": -1,/' 's/"f32"/"f16"/' \
        's/: true,/: 1,/'
    holds 'check_by info_schema.json {info,bare}.json && ! check_by schema.json info.json'
    sees_changes info_schema.json bare.json 's/"checks"/"check"/' 's/"unknown"/"bad luck"/' 's/"chosen": true/"chosen": 1/' \
        's/info\/1/info\/2/'
fi

"$GRADBENCH" compare --schema > comparison.json 2> err
holds 'diff comparison.json "$SOURCE_DIR/bench/records/schema/gradbench-comparison-1.json" > out' # likewise
# compared FILE ARGUMENTS...
compared() { "$GRADBENCH" compare --json "$@" > out 2> err; }
sed 's/"cpu": ".*"/"cpu": "another"/; s/"net:fc"/"else"/' again.json > other.json
compared same.json good.json again.json
compared apart.json good.json other.json # some rows in both, some in one alone, another CPU
python3 -c 'import json, sys
result = json.load(open("good.json"))
for key in "median_ns", "best_peer", "samples_ns": result["results"][0].pop(key, None)
result["results"][0].update(state="failed", failure="wrong")
json.dump(result, open("wrong.json", "w"))'
compared several.json good.json again.json -- good.json wrong.json
compared builds.json --build "$GRADBENCH" "$BUILD_DIR/kernels/libgradkern.so" --quick --isa ref --threads 1 \
    --shape 'relu n=3 d=4'
holds 'grep -q "\"only_new\": \[$" apart.json && grep -q "\"what\": \"CPU\"" apart.json'
holds 'grep -q "\"wrong\": \[$" several.json && grep -q "\"wrong\": \[\]" builds.json'
if needs python3-jsonschema python3 -c 'import jsonschema; jsonschema.Draft202012Validator'; then
    holds 'check_by comparison.json {same,apart,several,builds}.json'
    sees_changes comparison.json same.json 's/"verdict"/"verdicts"/' 's/"slower": /&-1/' 's/"f32"/"f16"/' \
        's/"noise": /&true, "more": /'
fi

# --- CSV

"$GRADBENCH" export csv {good,raced,gone,lost}.json > table.csv 2> err
holds 'python3 "$python/csv_table.py" table.csv {good,raced,gone,lost}.json 2> out'
holds "grep -qF \",\\\"'=1+1,\\\"\\\"é|<&\\\",\" table.csv"

# --- JUnit

"$GRADBENCH" export junit {good,raced,gone,lost}.json > junit.xml 2> err
holds 'python3 "$python/junit_tests.py" junit.xml {good,raced,gone,lost}.json 2> out'

# --- JSON

strict='import json, sys; json.load(sys.stdin, parse_constant=lambda word: sys.exit(word))'

for format in google-benchmark gha bencher; do
    for name in good again raced gone lost; do
        "$GRADBENCH" export $format $name.json > $name.$format 2> err
        holds '[ $? = 0 ] && python3 -c "$strict" < $name.$format'
    done
done
holds 'grep -q "\"failures\": \"affine_dx/.*/variant:peer:naive/threads:1: no memory for affine_dx " lost.google-benchmark'
holds '[ "$(grep -c "\"run_type\": \"iteration\"" good.google-benchmark)" = $((6 * $(grep -c "\"median_ns\"" good.json))) ]'

# compare.py of google/benchmark, with an interpreter that has SciPy.
compare=$(ls /usr/share/benchmark/compare.py 2> /dev/null)
reader=
for interpreter in python3 /usr/bin/python3 "$SOURCE_DIR/build/peers/bin/python3"; do
    [ -n "$reader" ] || ! "$interpreter" -c 'import scipy.stats' > /dev/null 2>&1 || reader=$interpreter
done
# compares ARGUMENTS...: in a mode.
compares() { "$reader" "$compare" --no-color "$@" > out 2> err; }
if needs libbenchmark-tools [ -n "$compare" ] && needs SciPy [ -n "$reader" ]; then
    rows=$(grep -c '"median_ns"' good.json)
    per_isa=$(grep -c '"variant": "ref"' good.json)
    isa=$("$GRADBENCH" list --plain variants | tail -1 | cut -f1)
    holds 'compares benchmarks good.google-benchmark again.google-benchmark'
    holds '[ "$(grep -c "_pvalue .*U Test, Repetitions: 6 vs 6" out)" = $rows ]'
    holds '[ "$(grep -c "_median " out)" = $rows ] && grep -q "^OVERALL_GEOMEAN " out'
    holds 'compares filters good.google-benchmark variant:ref variant:$isa'
    holds '[ "$(grep -c "/\[variant:ref vs. variant:$isa\]/threads:1_pvalue " out)" = $per_isa ]'
    holds 'compares benchmarksfiltered good.google-benchmark variant:ref again.google-benchmark variant:$isa'
    holds '[ "$(grep -c "/\[variant:ref vs. variant:$isa\]/threads:1_median " out)" = $per_isa ]'
    holds 'compares -a benchmarks good.google-benchmark gone.google-benchmark'
fi

[ ${#missing[@]} = 0 ] || echo "not tested, for it is missing: ${missing[*]}"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -ge 28 ] || exit 1
[ ${#missing[@]} = 0 ] || exit 77
