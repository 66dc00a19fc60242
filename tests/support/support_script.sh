# Sourced by scripts that start gradbench: a scratch folder to be in, an environment without settings, and a count of what
# holds. The script says in no() what it shows of a failure.
: "${GRADBENCH:?path of the program}"
dir=$(readlink -f "$(mktemp -d)")
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
unset GRADKERN_ISA OMP_NUM_THREADS GRADBENCH_WORKLOADS NO_COLOR COLUMNS
export LC_ALL=C
passed=0 failed=0

# failure WORDS...: counts one, and names it.
failure() {
    failed=$((failed + 1))
    echo "FAILED: $*"
}

holds() {
    if eval "$1"; then passed=$((passed + 1)); else no "$1"; fi
}
