#!/usr/bin/env bash
# What CONTRIBUTING says of a new kernel: those of tests/data/planted are added to a copy of the tree, file by file, and
# gradbench says of each state what it checks and what is missing. Mistakes in their code are found. One command writes what
# is kept of the list.
set -u
. "$(dirname "$0")/../support/support_script.sh" || exit 1
: "${CC:?}" "${SOURCE_DIR:?}"
. "$SOURCE_DIR/tests/support/support_plant.sh" || exit 1
no() { failure "$1" && sed 's/^/    /' out; }

says() { grep -qE -- "$1" out; }
make() { # TARGET
  cmake --build build -j2 --target "$1" >log 2>&1 && return
  echo "FAILED: $1 does not build" && tail -n 30 log
  exit 1
}
check() { # EXIT_CODE
  build/gradbench check --quick --threads 1,3 --kernels planted >out 2>&1
  code=$?
  holds "[ $code = $1 ]"
}

# --- 1 and 2: the entries, a file each
plant tree
cp -R "$SOURCE_DIR"/{README.md,tests} tree
cmake -S tree -B build -DCMAKE_C_COMPILER="$CC" -DCMAKE_BUILD_TYPE=Plain -DCMAKE_C_FLAGS=-O1 >log 2>&1 || { cat log && exit 1; }
make gradbench
build/gradbench list >out 2>&1
holds 'says "^  planted_scale_dx +planted +n h +ULP 1 +dx = scale dy$"'
check 0
holds 'says "^planted_scale_dx +f64 +ref +[0-9]+ +not known +ok$"'
holds 'says "^memory: [0-9]+ calls"'
holds 'says "^skipped: accuracy of planted_scale_dx: no truth file has its formula$"'
gradients() { sed -n 's/^gradients: \([0-9]*\) checks, 0 failed.*/\1/p' out; }
without=$(gradients)

# --- 3: the truth
cp "$SOURCE_DIR/tests/data/planted/truth_planted.c" tree/bench/truth
make gradbench
check 0
holds 'says "^planted_scale_dx +f32 +ref +[0-9]+ +[01]\.[0-9]+ +ok$"'
holds '[ "$(grep "^skipped: accuracy" out)" = "skipped: accuracy of planted_scaled_step: no truth file has its formula" ]'
holds '[ "$(gradients)" -gt "$without" ]' # the complex step, too
build/gradbench run --quick --kernels planted_scale_dx --shape "planted n=10 h=50" --threads 1 --no-color >out 2>&1
holds 'says "^ *(planted_)?scale_dx +[0-9.]+[nu]s" && says "each verified first"'

# --- mistakes: in the vector code, in the memory that is touched, in what is computed, in a fused kernel
mistake() { # KERNEL SED WORDS...
  local file=kernels/ops/$1.c words
  cp "tree/$file" right.c
  sed -i "$2" "tree/$file"
  make gradbench
  check 1
  for words in "${@:3}"; do holds "says '$words'"; done
  cp right.c "tree/$file"
}
if [ "$("$GRADBENCH" list --plain variants | grep -c '[[:space:]]usable')" -gt 1 ]; then
  mistake planted_scale 's/vf_mul(/vf_add(/' '^FAILED bits: y\[.* ref has '
else
  echo "skipped: a mistake in vector code: this CPU runs none"
fi
mistake planted_scale_dx 's/j < a->h/j <= a->h/' '^FAILED memory: '
mistake planted_scale_dx 's/(real)a->scale/2 * &/' '^FAILED accuracy: dx\[' '^FAILED gradient: dx of planted_scale_dx '
mistake planted_scaled_step 's/a->scale \*/a->scale +/' '^FAILED bits: w\[.* its parts on ref have '

# --- what is kept of the list: nothing but theirs is new
GRADKERN_ISA=ref make update
for file in README.md tests/data/golden.txt tests/data/abi.txt; do diff "$SOURCE_DIR/$file" "tree/$file"; done >out
holds '! says "^<"'
holds '[ "$(grep -c "^> | .planted_" out)" = 4 ]'
holds '[ "$(grep -cE "^> planted_[a-z_]+ f(32|64) [0-9a-f]{64}$" out)" = 8 ]'
holds 'says "^> function gk_planted_scale_dx_f64"'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
