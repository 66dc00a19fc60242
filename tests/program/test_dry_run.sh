#!/usr/bin/env bash
# gradbench run --dry-run: each problem of the run with its memory and time, and nothing done.
set -u
. "$(dirname "$0")/../support/support_script.sh" || exit 1

no() {
    failure "$@"
    sed 's/^/    /' out err
}

lowest=$("$GRADBENCH" list --plain variants | head -1 | cut -f1)
dry=("$GRADBENCH" run --dry-run --isa "$lowest" --threads 1)
"${dry[@]}" --shape 'affine n=30 d=40 m=50 name=net:fc' --shape 'affine n=1000 d=1000 m=1000 name=net:large' \
    --kernels 'affine_d*' --json none.json --peer "own=touch $dir/started" > out 2> err
holds '[ $? = 0 ] && [ ! -s err ] && [ ! -e none.json ] && [ ! -e started ]'
holds '[ "$(grep -cE "^ *[0-9.]+ (ms|s|us) +[0-9.]+ [KMG]iB  affine_d[xwb] n=30 .*  net:fc$" out)" = 3 ]'
holds 'tail -1 out | grep -qE "^6 problems of 2 variants: up to [0-9]+ MiB of memory, and about 0 min [0-9]{2} s, "'
"${dry[@]}" --quick > out 2> err
holds '[ $? = 0 ] && tail -1 out | grep -qE "of 1 variant: up to .* 0 min 0[0-9] s, guessed"'
"${dry[@]}" --shape 'affine n=16777216 d=16777216 m=16777216' > out 2> err
holds '[ $? = 4 ] && [ ! -s out ] && grep -q " needs .*, but .* are " err'
"${dry[@]}" --shape 'affine n=0' > out 2> err
holds '[ $? = 2 ] && [ ! -s out ]'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
