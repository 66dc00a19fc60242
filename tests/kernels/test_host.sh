#!/usr/bin/env bash
# The shared library inside other programs (tests/data/host.c): loaded and unloaded, in children after fork, where no thread can
# be had, and under an odd floating-point state; each with a host that uses OpenMP itself and with one that does not.
set -u
: "${SOURCE_DIR:?}" "${BUILD_DIR:?}" "${GRADBENCH:?}"
library=$BUILD_DIR/kernels/libgradkern.so
if nm -D "$library" | grep -qE '__(asan|tsan)_'; then
  echo "skipped: a library with a sanitizer in it is not for others"
  exit 77
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
unset OMP_NUM_THREADS GRADKERN_ISA
passed=0 failed=0

result() { # NAME CODE
  case $2 in
  0) passed=$((passed + 1)) ;;
  77) echo "skipped: $1: this system does not limit so" ;;
  *) failed=$((failed + 1)); echo "FAILED: $1: exit code $2"; tail -n 5 "$scratch/log" ;;
  esac
}

run() { # NAME COMMAND...
  local name=$1
  shift
  timeout -k 5 120 "$@" >"$scratch/log" 2>&1 </dev/null
  result "$name" $?
}

for kind in plain openmp; do
  flags=()
  [ $kind = plain ] || flags=(-fopenmp)
  "${CC:-cc}" -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unknown-pragmas "${flags[@]}" "-I$BUILD_DIR/kernels/public" \
    "$SOURCE_DIR/tests/data/host.c" -o "$scratch/$kind" -ldl -lpthread || exit 1
  cp "$library" "$scratch/libgradkern.so" # where nobody can read it, too
  chmod 755 "$scratch/libgradkern.so"
  for scenario in $("$scratch/$kind"); do
    run "$scenario, a host with $kind threads" "$scratch/$kind" "$scenario" "$scratch/libgradkern.so"
  done
  OMP_STACKSIZE=1G run "address_space, large stacks, $kind" "$scratch/$kind" address_space "$scratch/libgradkern.so"
done

# gradbench where no thread can be had: it says so, and that is no failed check.
short=(run --shape 'relu n=3000 d=500' --kernels relu_forward --threads 1,2 --rounds 6 --max-time 0.001 --quick)
cp "$GRADBENCH" "$scratch/gradbench"
chmod 755 "$scratch/gradbench"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && command -v prlimit >/dev/null; then
  run "gradbench without threads" setpriv --reuid $((60000 + $$ % 5000)) --regid 65534 --clear-groups prlimit --nproc=1:1 \
    "$scratch/gradbench" "${short[@]}"
  grep -q 'fewer threads' "$scratch/log" || result "gradbench says that it had fewer threads" 1
else
  echo "skipped: gradbench without threads: only root, with setpriv and prlimit, can become a user with no other process"
fi
# A thread count is what really ran, in this process and in one that is raced; where it is lower there is no verdict, no roof.
for peer in "" "self='$GRADBENCH' peer"; do
  race=(${peer:+--peer "$peer"})
  run "gradbench under OMP_THREAD_LIMIT=1 ${race[*]}" env OMP_THREAD_LIMIT=1 "$GRADBENCH" "${short[@]}" "${race[@]}" \
    --json "$scratch/limited.json"
  grep -q 'fewer threads' "$scratch/log" || result "gradbench says that it had fewer threads ${race[*]}" 1
  python3 - "$scratch/limited.json" <<'PYTHON' || result "threads in the file ${race[*]}" 1
import json, sys
result = json.load(open(sys.argv[1]))
rows = [r for r in result["results"] if r["threads"] == 2]
assert rows and all(r["threads_used"] == 1 for r in rows), [r["threads_used"] for r in rows]
assert all(v["verdict"] == "inconclusive" for r in rows for v in r["vs"].values()), rows
roofs = [r["threads"] for r in result["context"]["roofs"]]
assert roofs and set(roofs) == {1}, roofs
PYTHON
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 10 ]
