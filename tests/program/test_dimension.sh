#!/usr/bin/env bash
# A dimension of which nobody has heard, h, added to kernels.def with a kernel that has it: lists, workload lines, check, result
# files and the protocol of peers know it without another edit. A dimension that the list does not name does not compile.
set -u
. "$(dirname "$0")/../support/support_script.sh" || exit 1
: "${SOURCE_DIR:?}" "${CC:?}"

no() {
    failure "$@"
    cat out err | tail -n 20 | sed 's/^/    /'
}

# The kernel is relu_forward over n x h. Only the reference is built.
mkdir source
cp -R "$SOURCE_DIR"/{CMakeLists.txt,kernels,bench} source
sed -i 's/list(APPEND isas avx2 avx512)/set(plain TRUE)/' source/kernels/CMakeLists.txt
list=source/kernels/kernels.def
sed -n '/^GK_KERNEL(relu_forward,/,/^GK_END(relu_forward)/p' $list |
    sed 's/relu_forward, *elementwise/relu_heads, heads/; s/relu_forward/relu_heads/; s/\bd\b/h/g' > entry
sed -i -e '/^GK_END(relu_forward)/r entry' $list
sed 's/relu_forward/relu_heads/; s/->d\b/->h/g' source/kernels/ops/relu_forward.c > source/kernels/ops/relu_heads.c
holds '[ "$(grep -c "GK_DIM(h)" entry)" = 1 ]'

cmake -S source -B build -DCMAKE_C_COMPILER="$CC" -DCMAKE_BUILD_TYPE=Plain -DCMAKE_C_FLAGS=-O1 -DGRADKERN_TESTS=OFF > out 2> err
cmake --build build --target gk_table > out 2>&1
holds '[ $? != 0 ] && grep -q GK_DIM_h out' # no such dimension yet
sed -i '/^GK_DIMENSION(c,/a GK_DIMENSION(h, "heads")' $list
if ! cmake --build build -j2 --target gradbench > out 2> err; then
    no 'the planted dimension does not compile'
    exit 1
fi
g=$dir/build/gradbench
short=(--rounds 6 --max-time 0.001 --quick --threads 1)

holds '"$g" list --plain kernels | grep -q "^relu_heads	heads"'
"$g" run --shape 'heads n=3 h=70,130 bare ld_pad=1 name=many' "${short[@]}" --json result.json > out 2> err
holds '[ $? = 0 ] && [ ! -s err ]'
holds 'grep -qE "^many/70 +heads n=3 h=70 bare=1 ld_pad=1$" out && grep -qE "^many/130 +heads n=3 h=130 " out'
holds 'python3 -c "import json
rows = json.load(open(\"result.json\"))[\"results\"]
assert [row[\"shape\"] for row in rows] == [{\"n\": 3, \"h\": 70}, {\"n\": 3, \"h\": 130}]
assert all(row[\"flops\"] == 3 * row[\"shape\"][\"h\"] and row[\"verified\"] == \"full\" for row in rows)" 2> err'
"$g" run --shape 'heads n=3' > out 2> err
holds 'grep -qF "column 10: h is missing (expected h=1 to 16777216)" err'
"$g" run --shape 'heads n=3 h=4 d=5' > out 2> err
holds "grep -q \"unknown key 'd' (.*allowed: n, h, \" err"
"$g" check 'relu_heads n=3 h=70 dtype=f64 data=special seed=7' > out 2> err
holds '[ $? = 0 ] && grep -q ", 0 failures" out'
"$g" check --kernels relu_heads --quick --threads 1 > out 2> err
holds '[ $? = 0 ] && grep -q ", 0 failures" out'

# raced, by the protocol
"$g" run --shape 'relu_heads n=30 h=70' "${short[@]}" --peer self="'$g' peer" > out 2> err
holds '[ $? = 0 ] && grep -q "^peers: 1 cell timed, each found within its error bound first" out'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
