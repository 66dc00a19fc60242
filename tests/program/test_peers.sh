#!/usr/bin/env bash
# Races: gradkern against itself comes out even, a peer that misbehaves in any way is reported and harms nothing, and no process
# is left behind.
set -u
. "$(dirname "$0")/../support/support_script.sh" || exit 1
: "${SOURCE_DIR:?}"

no() {
    failure "$@"
    sed 's/^/    /' err out | head -60
}

# Children inherit the mark; this script does not have it.
marked() { env PEERS_TEST="$dir" "$@"; }
left() { grep -lzsx "PEERS_TEST=$dir" /proc/[0-9]*/environ; }
nobody_is_left() {
    for _ in 1 2 3 4 5; do
        [ -n "$(left)" ] || return 0
        sleep 0.2
    done
    return 1
}

isa=$("$GRADBENCH" list --plain variants | awk -F'\t' '$2 == "usable" || NF == 1 { last = $1 } END { print last }')
self="'$GRADBENCH' peer --isa $isa --threads \$OMP_NUM_THREADS"
shape='affine n=64 d=48 m=40 name=one'

# race ARGUMENTS...: a short one; got is its exit code.
race() {
    marked timeout 100 "$GRADBENCH" run --quick --details --rounds 6 --max-time 0.001 --isa "$isa" \
        --kernels affine_dx,affine_db --shape "$shape" "$@" > out 2> err < /dev/null
    got=$?
}

# What every race must come to, whatever a peer does: our rows, nobody left. PROBLEMS.
ran() {
    holds '[ "$(grep -cE "^  $isa +[0-9]+ .* in full$" out)" = '"$1"' ]'
    holds nobody_is_left
}

# A good exit, and silence. PROBLEMS.
is_good() {
    holds '[ "$got" = 0 ] && [ ! -s err ]'
    ran "$1"
}

# Whoever was asked for by name and did not finish makes the race fail, in one line. PROBLEMS NAME WORDS.
is_failed() {
    holds '[ "$got" = 1 ] && [ "$(wc -l < err)" = 1 ] && grep -q "^gradbench: error: peer '"$2 $3"'" err'
    ran "$1"
}

# --- a peer in sh, which never writes a result: the way it fails is its argument
cat > fake.sh <<'FAKE'
at=$1
is() { [ "$at" = "$1" ]; }
is absent && { echo 'absent no such library here'; exit; }
is silent && exec sleep 1000
is crash_at_start && kill -SEGV $$
is gone_at_start && exit 3
is old && { echo 'peer 0 too old'; exec cat; }
echo "peer 1 fake, $at"
while read -r word rest; do
    case "$word" in
    prepare)
        is hang_in_prepare && exec sleep 1000
        is ignores_quit && trap '' TERM HUP INT
        is unfit && { echo 'unsupported not today'; continue; }
        is error && { echo 'error out of luck'; continue; }
        is chatty && echo 'hello'
        echo ready the fast way ;;
    run)
        is crash && { echo 'last words' >&2; kill -SEGV $$; }
        is hang && sleep 1000
        is garbage && { head -c 3000 /dev/urandom; continue; }
        is long && { head -c 100000 /dev/zero | tr '\0' x; continue; }
        is nothing && { echo 'ran 0'; continue; }
        is negative && { echo 'ran -5'; continue; }
        is nan && { echo 'ran nan'; continue; }
        is lies && { echo 'ran 1e300'; continue; }
        echo 'ran 1000' ;;
    result) echo done ;;
    quit) is ignores_quit || exit 0 ;;
    esac
done
is ignores_quit && sleep 1000
FAKE

fake() { race --threads 1 --peer-limit 1 --peer "fake=sh '$dir/fake.sh' $1"; }

for how in crash hang hang_in_prepare garbage long nothing negative nan lies error chatty; do
    fake $how
    is_failed 2 fake 'is gone (..*), 2 cells without a time$'
    holds '[ "$(grep -cE "^  fake +1 +gone" out)" = 2 ] && grep -q "peers: 0 cells timed, .*; 2 gone" out' # how: $how
done
for how in absent silent crash_at_start gone_at_start old; do
    fake $how
    is_failed 2 fake 'is not in the race: .'
    holds 'grep -q "^peer fake is not in the race: ." out'
done
fake absent
holds 'grep -q "no such library here" out'
fake wrong
is_failed 2 fake 'gave a wrong result (d[xb]\[0\]\[0\] is nan, .*), 2 cells without a time$'
holds '! grep -q "every result within" out'
holds '[ "$(grep -cE "^  fake +1 +FAILED  d[xb]\[0\]\[0\] is nan, but .* in ours$" out)" = 2 ]'
fake ignores_quit
is_failed 2 fake 'gave a wrong result'
fake unfit
is_failed 2 fake 'did none of the problems (not today)$'
holds '[ "$(grep -c "not done by fake" out)" = 2 ] && ! grep -q "gone" out'
race --threads 1 --peer missing=/nonexistent/program
is_failed 2 missing 'is not in the race: .'
holds 'grep -q "^peer missing is not in the race: ." out'
GRADBENCH_PEERS=/nonexistent race --threads 1 --peers mkl
is_failed 2 mkl 'is not in the race: not fetched'
for everybody in auto all; do # who is not here is not missed
    GRADBENCH_PEERS=/nonexistent race --threads 1 --peers $everybody
    is_good 2
done
for list in auto,mkl mkl,all; do # but who is named beside them is
    GRADBENCH_PEERS=/nonexistent race --threads 1 --peers $list
    is_failed 2 mkl 'is not in the race: not fetched'
done

# --- gradkern against itself, and a peer that ends in the middle of the race, at once
race --threads 1,2 --peer "self=$self" --peer "brief=sed -u 5q | $self" --json result.json
is_failed 4 brief 'is gone (..*), 4 cells without a time$'
holds '[ "$(grep -cE "^  self +[12] .* within the bound" out)" = 4 ]'
holds '[ "$(grep -cE "^  brief +[12] +gone" out)" = 4 ]'
holds '[ "$(grep -c "against the best peer (self)" out)" = 4 ]'
holds 'grep -q "against the best peer: .*geometric mean" out'
holds 'python3 -m json.tool result.json > tidy.json && [ "$(grep -c "\"variant\": \"peer:self\"" tidy.json)" = 8 ]'

# The example of PEERS.md; whoever has no use for a key says so.
sed -n '/^<!-- example/,/^<!-- .example/s/^    //p' "$SOURCE_DIR/bench/PEERS.md" > loops.py
race --threads 1 --peer loops='python3 loops.py' --shape 'affine n=3 d=5 m=7 layout=out_in'
is_good 4
holds '[ "$(grep -cE "^  loops +1 .* within the bound" out)" = 1 ] && [ "$(grep -c "not done by loops" out)" = 3 ]'

# Even: calls of a fifth of a millisecond, not of a speed that matters.
marked timeout 100 "$GRADBENCH" run --details --rounds 15 --max-time 1 --isa "$isa" --kernels affine_dx --peer "self=$self" \
    --shape 'affine n=256 d=256 m=256' > out 2> err < /dev/null
holds 'awk "/against the best peer \(self\), / {
        split(\$0, a, /, [0-9]+ threads? +/); r = a[2] + 0; n++; bad += r < 0.8 || r > 1.25
    }
    END { exit !(n >= 1 && bad == 0) }" out'

# --- what is refused
refuses() {
    timeout 100 "$GRADBENCH" run --quick --shape "$shape" "${@:2}" > out 2> err < /dev/null
    got=$?
    holds '[ "$got" = 2 ] && [ "$(wc -l < err)" = 1 ] && grep -qF -- "'"$1"'" err'
}
refuses "unknown peer 'nobody'" --peers nobody
refuses "unknown peer ''" --peers naive,
refuses 'NAME=COMMAND' --peer true
refuses 'NAME=COMMAND' --peer =true
refuses 'NAME=COMMAND' --peer 'a b=true'
refuses 'one line' --peer a=
refuses 'own name' --peer "$isa=true"
refuses 'two peers' --peer a=true --peer a=false

# --- an interrupted race: what was measured is printed, and nobody is left
marked timeout --preserve-status -s INT 4 "$GRADBENCH" run --workload mlp --isa "$isa" --rounds 1001 --max-time 60 \
    --peer "self=$self" --json stopped.json > out 2> err
got=$?
holds '[ "$got" = 130 ]'
holds 'grep -q "problems run" out && grep -q "\"complete\": false" stopped.json'
holds nobody_is_left
marked timeout -s KILL 2 "$GRADBENCH" run --workload mlp --isa "$isa" --peer "self=$self" > out 2> err
holds nobody_is_left

# --- what the documentation and the sources of peers say
for word in $("$GRADBENCH" peer --help | sed -n 's/^  \([a-z_]*\)=.*/\1/p'); do
    holds 'grep -q "^| any other .*\`$word=" "$SOURCE_DIR/bench/PEERS.md"' # $word
done
includes=$(grep -hE '^#include "' "$SOURCE_DIR"/bench/peers/*.[ch] | sort -u)
own=$(cd "$SOURCE_DIR/bench/peers" && printf '#include "%s"\n' *.h)
holds '[ "$(comm -23 <(echo "$includes") <(sort <<< "$own"))" = "#include \"peer_child.h\"" ]'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -ge 50 ]
