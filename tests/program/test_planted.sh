#!/usr/bin/env bash
# What the list says, gradbench knows without an edit: kernels with a dimension and with options that no kernel has yet, planted
# in a copy of the sources (tests/data/planted), from workload line to result file and race. What the list does not name does
# not compile.
set -u
. "$(dirname "$0")/../support/support_script.sh" || exit 1
: "${CC:?}" "${SOURCE_DIR:?}"
. "$SOURCE_DIR/tests/support/support_plant.sh" || exit 1

no() {
    failure "$@"
    cat out err | tail -n 20 | sed 's/^/    /'
}

# Only the reference is built.
plant source
sed -i 's/list(APPEND isas avx2 avx512)/set(plain TRUE)/' source/kernels/CMakeLists.txt
cmake -S source -B build -DCMAKE_C_COMPILER="$CC" -DCMAKE_BUILD_TYPE=Plain -DCMAKE_C_FLAGS=-O1 -DGRADKERN_TESTS=OFF > out 2> err
cp source/kernels/kernels.def whole.def
sed -i '/^GK_DIMENSION(h,/d' source/kernels/kernels.def
cmake --build build --target gk_table > out 2>&1
holds '[ $? != 0 ] && grep -q GK_DIM_h out' # kernels have it, the list does not name it
cp whole.def source/kernels/kernels.def
if ! cmake --build build -j2 --target gradbench > out 2> err; then
    no 'gradbench with the planted kernels does not compile'
    exit 1
fi
g=$dir/build/gradbench
short=(--rounds 6 --max-time 0.001 --quick --threads 1)
line='planted n=3 h=70,130 scale=-0.25 ld_pad=1'

holds '"$g" list --plain kernels | grep -q "^planted_scale	planted"'
"$g" run --shape "$line name=many" "${short[@]}" --json result.json > out 2> err
holds '[ $? = 0 ] && [ ! -s err ]'
for size in 70 130; do
    holds 'grep -qxE "many/$size +planted n=3 h=$size ld_pad=1 scale=-0.25" out'
done
cat > rows.py <<'ROWS'
import json
rows = json.load(open("result.json"))["results"]
assert len(rows) == 8
for row in rows:
    assert row["shape"] in ({"n": 3, "h": 70}, {"n": 3, "h": 130}), row
    assert row["options"].get("scale") == (None if row["kernel"] == "planted_step" else -0.25), row
    assert row["verified"] == "full", row
    if row["kernel"] == "planted_scale":
        assert row["flops"] == 3 * row["shape"]["h"], row
ROWS
holds 'python3 rows.py 2> err'
"$g" run --shape "planted_scale n=3 h=70 f64 scale=0.1" "${short[@]}" --details > out 2> err
holds 'grep -q "^planted_scale n=3 h=70 dtype=f64 scale=0.1  " out'

refused() { # WORDS LINE
    local words=$1
    "$g" run --shape "$2" "${short[@]}" > out 2> err
    holds 'grep -qF "$words" err' # $2
}
refused 'column 12: h is missing (expected h=1 to 16777216)' 'planted n=3'
refused "column 18: rate cannot be 'fast' (allowed: a number such as 0.5 or -1e-3)" 'planted n=3 rate=fast'
refused 'column 15: unknown key' 'planted_scale rate=1 n=3 h=4'
refused "column 27: unknown key 'd'" 'planted n=3 h=4 scale=0.5 d=5'

"$g" check "$line rate=2 data=special seed=7" > out 2> err
holds '[ $? = 0 ] && [ "$(grep -c ", 0 failures" out)" = 8 ]'
"$g" check --kernels planted --quick --threads 1 > out 2> err
holds '[ $? = 0 ] && grep -q ", 0 failures" out'

# raced, by the protocol: the other side knows the usual value, and is told of another
"$g" run --shape "$line" --shape 'planted n=30 h=7 in_place' "${short[@]}" --peer self="'$g' peer" > out 2> err
holds '[ $? = 0 ] && grep -q "^peers: 12 cells timed, each found within its error bound first" out'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
