#!/usr/bin/env bash
# What the list can say and no kernel of it says yet: a dimension of its own, in/out operands, real options, ULP, more operands
# than any kernel has. Kernels that use it are planted in a copy of the sources, compiled, and called from C and from Python.
# Lines that make no sense do not compile.
set -u
export LC_ALL=C
: "${SOURCE_DIR:?}" "${BUILD_DIR:?}"
CC=${CC:-cc}
. "$SOURCE_DIR/tests/support/support_plant.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
source=$scratch/source build=$scratch/build data=$SOURCE_DIR/tests/data/planted
passed=0 failed=0

is() { # WHAT GOT WANT
  if [ "$2" = "$3" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED: %s: got\n%s\nexpected\n%s\n' "$1" "$2" "$3"
  fi
}

# --- the planted kernels, and one with 20 operands that writes nothing

plant "$source"
list=$source/kernels/kernels.def
{
  printf 'GK_KERNEL(planted_wide, planted, "y = y")\nGK_DIM(h)\n'
  for i in {1..19}; do echo "GK_VECTOR_IN(x$i, h, OPTIONAL)"; done
  printf 'GK_VECTOR_OUT(y, h, REQUIRED)\nGK_RESERVED(32)\nGK_ROOF(MEMORY)\nGK_END(planted_wide)\n'
} >"$scratch/wide.def"
sed -i "/^#undef GK_DIMENSION$/e cat '$scratch/wide.def'" "$list"
cat >"$source/kernels/ops/planted_wide.c" <<'END'
#include "kernel.h"
static void run(const void *args, const struct gk_team *team) { (void)args, (void)team; }
GK_CELL(planted_wide) = {.run = run};
END
sed -i 's/list(APPEND isas avx2 avx512)/set(plain TRUE)/' "$source/kernels/CMakeLists.txt"
if ! { cmake -S "$source" -B "$build" -DCMAKE_C_COMPILER="$CC" -DCMAKE_BUILD_TYPE=Plain -DCMAKE_C_FLAGS= -DGRADKERN_TESTS=OFF &&
  cmake --build "$build" -j2 --target gradkern gk_table; } >"$scratch/log" 2>&1; then
  echo "FAILED: the library with the planted kernels does not build"
  tail -n 20 "$scratch/log"
  exit 1
fi
public=$build/kernels/public
strict=(-std=c17 -Wall -Wextra -Werror -I"$public")
library=("-L$build/kernels" "-Wl,-rpath,$build/kernels" -lgradkern)
"$CC" "${strict[@]}" "$data/planted.c" "${library[@]}" -o "$scratch/use" && is "a call" "$("$scratch/use")" right
"$CC" "${strict[@]}" -I"$source/kernels/table" "$data/planted_table.c" "$build/kernels/libgk_table.a" -o "$scratch/ask" &&
  is "the table" "$("$scratch/ask")" right
is "both programs" "$(cd "$scratch" && echo use* ask*)" "use ask"

comment() { sed -n "/^typedef struct gk_planted_step_args {/,/^}/s|^ *$1 */\* \(.*\) \*/|\1|p" "$public/gradkern.h"; }
is "the header, matrix" "$(comment 'float \*w;')" "input and output, n x h"
is "the header, vector" "$(comment 'float \*b;')" "input and output, h elements; may be NULL"
is "the header, option" "$(comment 'double rate;')" "of the step"
is "the header, words in quotes" "$(grep -c '/\* what x is multiplied by, (and nothing else) \*/$' "$public/gradkern.h")" 1

# --- Python

by_python() {
  PYTHONPATH=$public python3 - "$build/kernels/libgradkern.so" <<'END'
import array, gradkern, sys
w, b, g = array.array("d", [1, 1]), array.array("d", [5]), array.array("d", [2, 4])
with gradkern.Context(gradkern.load(sys.argv[1])) as context:
    context.planted_step_f64(n=2, h=1, g=g, w=w, b=b, rate=0.25)
print(list(w), list(b))
END
}
if command -v python3 >/dev/null; then is "Python" "$(by_python 2>&1)" "[0.5, 0.0] [4.75]"; else echo "skipped: no python3"; fi

# --- what does not compile, and why

plain() { # what the compiler says of the table and the function that reads it, made from this list by this header.awk
  rm -rf "$scratch/plain"
  mkdir "$scratch/plain"
  awk -f "$source/kernels/header.awk" "$list" "$source/kernels/gradkern.h.in" >"$scratch/plain/gradkern.h" &&
    "$CC" -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -I"$scratch/plain" -I"$source/kernels/table" \
      "$source/kernels/core/table.c"
}
is "the table as it is" "$(plain 2>&1)" ""
refused() { # WHAT FILE SED_SCRIPT WORDS
  local said
  cp "$source/kernels/$2" "$scratch/kept"
  sed -i "$3" "$source/kernels/$2"
  said=$(plain 2>&1) && said="it compiles"
  is "$1" "$(grep -o -m1 -- "$4" <<<"$said" || echo "$said")" "$4"
  cp "$scratch/kept" "$source/kernels/$2"
}
step='/^GK_KERNEL(planted_step,/,/^GK_END/'
refused "an option of another type in each struct" header.awk 's/"double " a\[1\]/"REAL " a[1]/' "the two types"
refused "a dimension without a name" kernels.def "$step s/GK_DIM(h)/GK_DIM(q)/g; $step s/, h/, q/g" "GK_DIM_q"
refused "a dimension that it has not" kernels.def "$step s/GK_ULP(w, 1)/GK_EXACTNESS(w, SUM, c)/" "no member named 'c'"
refused "FLOPs of what it has not" kernels.def "$step s/GK_FLOPS2(b,/GK_FLOPS2(q,/" "no member named 'q'"
refused "a part that is no kernel" kernels.def 's/GK_PART(planted_step)/GK_PART(planted_leap)/' "GK_KERNEL_planted_leap"
refused "a gradient by what is no input" kernels.def 's/planted_scale, y, x)/planted_scale, y, q)/' "no member named 'q'"
refused "a roof of no kind" kernels.def "$step s/GK_ROOF(MEMORY)/GK_ROOF(DISK)/" "GK_ROOF_DISK"
refused "no roof" kernels.def "$step s/GK_ROOF(MEMORY)//" "planted_step has not one roof"
refused "FLOPs beside parts" kernels.def 's/GK_PART(planted_step)/GK_FLOPS2(w, 2, n, h) &/' "FLOPs or a roof beside parts"
refused "a part of parts" kernels.def 's/GK_PART(planted_step)/GK_PART(softmax_xent)/' "softmax_xent is a part and has parts"
refused "a name of no part" kernels.def 's/GK_PART(planted_scale_dx) \(GK_RENAME(dx, g)\)/\1/' "no GK_PART before GK_RENAME"
refused "a line of no kind" kernels.def "$step s/GK_ROOF(/GK_CEILING(/" "no such line of an entry: GK_CEILING"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
