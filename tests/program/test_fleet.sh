#!/usr/bin/env bash
# Several runs at once, one file a process: mpirun starts two, bound to a core each.
set -u
. "$(dirname "$0")/../support/support_script.sh" || exit 1

no() {
    failure "$@"
    sed 's/^/    /' out err
}

if ! command -v mpirun > /dev/null; then
    echo "skipped: there is no mpirun"
    exit 77
fi
lowest=$("$GRADBENCH" list --plain variants | head -1 | cut -f1)
bind=core
[ "$(nproc)" -ge 2 ] || bind=none
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mkdir results
mpirun -n 2 --oversubscribe --bind-to "$bind" "$GRADBENCH" run --quick --rounds 6 --max-time 0.001 --isa "$lowest" \
    --shape 'relu n=9 d=4' --json results/%h-%p.json > out 2> err
holds '[ $? = 0 ]'
holds '[ "$(ls results)" = "$(printf "%s-0.json\n%s-1.json" "$(uname -n)" "$(uname -n)")" ]'
for rank in 0 1; do
    holds 'grep -q "\"host\": \"$(uname -n)\"" results/*-$rank.json && grep -q "\"complete\": true" results/*-$rank.json'
    [ "$bind" = none ] || holds 'grep -q "\"cores\": 1," results/*-$rank.json'
    [ "$bind" = none ] || holds '! grep -q "\"threads\": 2," results/*-$rank.json'
done
holds '"$GRADBENCH" export csv results/*.json > table 2> err && [ "$(wc -l < table)" = 5 ]'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
