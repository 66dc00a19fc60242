#!/usr/bin/env bash
# What a run prints fits the width that COLUMNS gives, from its head to its last warning, in each view, with peers and on many
# numbers of threads; a pipe without COLUMNS gets it whole, and as whole as --wide makes it.
set -u
. "$(dirname "$0")/../support/support_script.sh" || exit 1

no() {
    failure "$@"
    awk 'length > 60' out | sed 's/^/    /'
}

# One of a thing is not many.
plurals() {
    grep -nE '(^|[^0-9.])1 (threads|cores|problems|cells|columns|more columns|shapes|nodes)([^a-z]|$)' out ||
        grep -nE '[^0-9][02-9] (thread|core|problem|cell)([^a-z]|$)|\(s\)' out
}

# fits WIDTH ARGUMENTS...
fits() {
    COLUMNS=$1 timeout 100 "$GRADBENCH" run --quick --max-time 0.001 --rounds 6 "${@:2}" > out 2> err < /dev/null
    got=$?
    holds "[ $got = 0 ] && [ ! -s err ] && [ \$(wc -l < out) -ge 15 ]" # $*
    holds "[ \$(wc -L < out) -le $1 ] && ! grep -q \$'[\\033\\t]\\| \$' out && ! plurals" # $*
}

cat > peer.sh <<'PEER'
echo 'peer 1 a peer that has a lot to say of itself, of all that it was built with, and of whoever may have built it'
while read -r word rest; do
    case "$word" in
    prepare) echo unsupported ;;
    quit) exit ;;
    esac
done
PEER
fits 80
fits 80 --details
for width in 60 100 132; do
    fits $width --kernels affine_db
    fits $width --kernels affine_db --details
done
peers=(--peer "a.peer.whose.name.is.long@setting=sh '$dir/peer.sh'"
    --peer 'absent=echo absent as long as nobody installs what it is made of, which may take a while')
for view in '' --details; do
    COLUMNS=80 timeout 100 "$GRADBENCH" run --quick --max-time 0.001 --rounds 6 --kernels affine_db $view "${peers[@]}" \
        > out 2> err
    holds 'grep -q "^peer a.peer.whose" out && grep -q "^peer absent is not in the race:" out && [ "$(wc -L < out)" -le 80 ]'
done
fits 80 --kernels affine_db --threads 1,2,3,4,5,6 --shape 'affine n=33 d=10 m=20 name=a-name-of-many-words:and-a-colon:and-more'
holds 'grep -qE "^--wide shows [0-9]+ more columns$" out'
fits 80 --dtype f32,f64 --kernels softmax_xent_backward

quick=("$GRADBENCH" run --quick --rounds 6 --max-time 0.001 --kernels affine_db)
tiny=(--shape 'affine n=3 d=3 m=3')

# On one core, one problem of one cell. There are warnings to count in.
core=$(taskset -cp $$ | sed 's/.*[:, -]//')
lowest=$("$GRADBENCH" list --plain variants | head -1 | cut -f1)
COLUMNS=80 taskset -c "$core" "${quick[@]}" "${tiny[@]}" --threads 1 --isa "$lowest" > out 2> err
holds '! plurals && grep -q "^1 of 1 problem run; 1 cell timed" out && grep -q ", 1 core, " out'
COLUMNS=80 taskset -c "$core" "${quick[@]}" "${tiny[@]}" --threads 1,2 > out 2> err
holds '! plurals && grep -q "2 threads on 1 core" out'

# Whole: as long as it is.
"${quick[@]}" --threads 1,2,3,4,5,6 > out 2> err
holds '! grep -q -e --wide out && [ "$(wc -L < out)" -gt 132 ]'
COLUMNS=80 "${quick[@]}" --threads 1,2,3,4,5,6 --wide > out 2> err
holds '! grep -q -e --wide out && [ "$(wc -L < out)" -gt 132 ]'

# A row a problem and kernel, and the summary's, which are named in full.
COLUMNS=80 "$GRADBENCH" run --quick --max-time 0.001 --rounds 6 --shape 'affine n=8 d=8 m=8' > out 2> err
holds '[ "$(grep -cE "^ (forward|dx|dw|db|backward) " out)" = 5 ] && [ "$(grep -cE "^ affine_" out)" = 5 ]'
holds 'grep -q "^summary of " out && grep -q "^noise floor: in 5 problems" out'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -ge 29 ]
