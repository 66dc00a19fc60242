#!/usr/bin/env bash
# gradbench export, from the file of a run to a table, and what a run leaves in its file where memory lacks.
set -u
. "$(dirname "$0")/../support/support_script.sh" || exit 1

no() {
    failure "$@"
    sed 's/^/    /' out err
}

# gives CODE ARGUMENTS...
gives() {
    "$GRADBENCH" export "${@:2}" > out 2> err
    code=$?
    holds "[ $code = $1 ]" # $*
}

lowest=$("$GRADBENCH" list --plain variants | head -1 | cut -f1)
quick=("$GRADBENCH" run --quick --rounds 6 --max-time 0.001 --threads 1)
"${quick[@]}" --isa "$lowest" --shape 'affine n=3 d=4 m=5 name=net:first' --shape 'softmax_xent n=3 c=7 labels=dense name=odd' \
    --kernels 'affine_d*,softmax_xent_backward' --dtype f32,f64 --peers naive --json run.json > out 2> err
sed -i 's/"odd"/"a|b"/' run.json
gives 0 markdown run.json
holds '[ ! -s err ] && [ "$(grep -c "^| first | 3, 4, 5 | dx" out)" = 2 ] && grep -q "^| first | 3, 5 | db f64 |" out'
holds 'grep -qF "| a\\|b | n=3, c=7 | backward f64 labels=dense |" out'
holds 'grep -qE "^- $lowest, 1 thread: geometric mean [0-9.]+ of [0-9], [0-9] below 1 and [0-9] behind; raced: naive" out'
holds 'grep -qE "^\\| layer \\| n, d, m \\| kernel \\| $lowest, 1 thr \\|$" out'
gives 0 markdown --short run.json run.json
holds '[ "$(grep -c "^| " out)" = 5 ] && ! grep -q raced out' # a run that comes twice is shown twice, as it is counted
sed 's/"net:first"/"other:first"/' run.json > other.json
gives 0 markdown run.json other.json
holds '[ "$(grep -c "^| first | 3, 4, 5 | dx | [0-9]" out)" = 2 ]'

gives 2
holds 'grep -q "export takes a format and files" err'
gives 2 xml run.json
holds 'grep -q "unknown format .xml. (allowed: markdown, csv, google-benchmark, gha, junit, bencher)" err'
gives 3 markdown nowhere.json
holds 'grep -q "error: cannot open nowhere.json (No such file" err'
gives 3 markdown .
gives 3 markdown /dev/null
sed 's/"threads": 1,/"threads": [],/' run.json > broken.json
gives 3 markdown run.json broken.json
holds '[ ! -s out ] && [ "$(cat err)" = "gradbench: broken.json:9:14: error: threads is not a count" ]'

# A race needs a file for the operands, which may not grow so large here.
(ulimit -f 1024 && "${quick[@]}" --isa "$lowest" --kernels affine_dx --peers naive --json lost.json \
    --shape 'affine n=8 d=8 m=8 name=it:fits' --shape 'affine n=1000 d=1000 m=8 name=it:lacks' > out 2> err)
code=$?
holds '[ $code = 4 ] && grep -q "^gradbench: error: no memory for affine_dx it:lacks$" err'
holds '[ "$(grep -c "\"failure\": \"no memory for affine_dx it:lacks\"" lost.json)" = 2 ]'
holds 'grep -q "\"complete\": false" lost.json && grep -q "^1 of 2 problems run; 1 cell timed.*; 2 not run$" out'
gives 0 markdown lost.json
holds 'grep -q "^| lacks | 1000, 1000, 8 | dx | \*\*no memory\*\* |$" out'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -ge 24 ]
