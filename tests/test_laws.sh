#!/usr/bin/env bash
# The laws of CONTRIBUTING.md, each a check that prints nothing while it holds. Each is first shown to fail on a planted violation.
set -u
: "${SOURCE_DIR:?}" "${BUILD_DIR:?}" "${GRADBENCH:?}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0

# law NAME TEXT: fails if TEXT, the violations, is not empty.
law() {
  if [ -n "$2" ]; then
    printf 'law broken: %s\n%s\n' "$1" "$2"
    status=1
  else
    printf 'holds: %s\n' "$1"
  fi
}

# caught NAME TEXT: fails if TEXT, what a planted violation gave, is empty.
caught() {
  [ -n "$2" ] && return
  printf 'law that cannot fail: %s\n' "$1"
  status=1
}

# Instruction sets, intrinsics and OpenMP keep to their places: the SIMD headers, cpu.*, team.c, cells tuned by hand.
isa_words() {
  grep -rnE 'immintrin|arm_neon|_mm(256|512)?_[a-z]|__m(128|256|512)|__builtin_ia32|\b(avx2|avx512|neon)\b|pragma omp|\bomp_[a-z_]+\(' \
    --include='*.c' --include='*.h' --include='*.def' "$1" |
    grep -vE '/kernels/simd/|/kernels/core/cpu\.[ch]:|/kernels/core/team\.c:|/kernels/ops/[a-z0-9_]+_(avx2|avx512)\.c:' |
    grep -vE '/tests/test_cpu\.c:|/kernels/gradkern\.h:[0-9]+:.*"avx2"|/core/(registry|kernel)\.h:[0-9]+:.*"avx2"|kernel\.h:[0-9]+:/\*|^[^:]*:[0-9]+: *(/?\*)'
}
mkdir "$scratch/kernels" "$scratch/kernels/ops"
echo 'void f(void) { _mm256_zeroupper(); }' >"$scratch/kernels/ops/planted.c"
caught "instruction sets stay in their places" "$(isa_words "$scratch")"
law "instruction sets stay in their places" "$(isa_words "$SOURCE_DIR/kernels"; isa_words "$SOURCE_DIR/bench"; isa_words "$SOURCE_DIR/tests")"

# An object built with instruction-set flags exports only names that end in its column.
foreign_symbols() {
  nm -g --defined-only "$1" | awk -v suffix="__$2" 'NF == 3 && substr($3, length($3) - length(suffix) + 1) != suffix { print FILENAME $3 }'
}
columns=$(find "$BUILD_DIR/kernels/CMakeFiles" -maxdepth 1 -name 'gk_*_f??.dir' | sed -E 's|.*/gk_(.*)\.dir|\1|' | sort)
[ -n "$columns" ] || law "there are columns" "no objects below $BUILD_DIR/kernels"
for column in $columns; do
  for object in $(find "$BUILD_DIR/kernels/CMakeFiles/gk_$column.dir" -name '*.o'); do foreign_symbols "$object" "$column"; done
done >"$scratch/symbols"
caught "objects export their own column only" "$(foreign_symbols "$(find "$BUILD_DIR/kernels/CMakeFiles/gk_ref_f32.dir" -name 'gemm.c.o')" avx2_f32)"
law "objects export their own column only" "$(cat "$scratch/symbols")"

# The disassembly holds the registers that the column's name promises, and no wider ones.
disassemble() { objdump -d --no-show-raw-insn "$1"; }
object_of() { find "$BUILD_DIR/kernels/CMakeFiles/gk_$1.dir" -name "$2.c.o"; }
wider() { # COLUMN FORBIDDEN: files of the column that hold a register they may not
  for object in $(find "$BUILD_DIR/kernels/CMakeFiles/gk_$1.dir" -name '*.o'); do
    disassemble "$object" | grep -qE "$2" && echo "$object"
  done
}
lacks_fma() { disassemble "$(object_of "$1" gemm)" | grep -qE "vfmadd[0-9]+p[sd] .*$2" || echo "gemm of $1 has no fma on $2"; }
if echo "$columns" | grep -q avx; then
  caught "no register wider than the column" "$(wider avx512_f32 '%zmm')"
  caught "fma on the column's registers" "$(lacks_fma ref_f32 '%ymm')"
  for dtype in f32 f64; do
    law "ref $dtype runs on any x86-64" "$(wider "ref_$dtype" '%[yz]mm|\bv(add|mul|fmadd)[a-z0-9]* ')"
    law "avx2 $dtype has no AVX-512 register" "$(wider "avx2_$dtype" '%zmm|%[xy]mm(1[6-9]|2[0-9]|3[01])|%k[0-7]')"
    law "avx2 $dtype multiplies and adds on ymm" "$(lacks_fma "avx2_$dtype" '%ymm')"
    law "avx512 $dtype multiplies and adds on zmm" "$(lacks_fma "avx512_$dtype" '%zmm')"
  done
fi

# No vector goes to or from the stack inside the loop of a tile: the accumulators stay in registers. A loop is what lies between a
# backward jump and its target.
spills() {
  awk '
    /^[0-9a-f]+ <.*>:$/ { name = $2; lines = 0; next }
    name ~ /gk_tile_/ && /^ *[0-9a-f]+:/ {
      address = $1; sub(":", "", address); at[++lines] = address; text[lines] = $0
      if ($2 ~ /^j/ && $3 ~ /^[0-9a-f]+$/)
        for (first = lines; first > 0; first--)
          if (at[first] == $3) {
            for (i = first; i <= lines; i++)
              if (text[i] ~ /v?mov[a-z0-9]* .*\(%r[sb]p.*\).*%[xyz]mm|%[xyz]mm[0-9]+,.*\(%r[sb]p/) print name, text[i]
            break
          }
    }' "$@"
}
if [ "${CHECK_SPILLS:-1}" = 1 ] && echo "$columns" | grep -q avx; then
  printf '0000 <gk_tile_planted>:\n 10:\tvmovaps %%zmm1,0x40(%%rsp)\n 20:\tvfmadd231ps %%zmm1,%%zmm2,%%zmm3\n 30:\tjne    10 <x>\n' >"$scratch/spill"
  caught "no spill in a tile's loop" "$(spills "$scratch/spill")"
  for column in $columns; do
    case $column in ref*) continue ;; esac
    disassemble "$(object_of "$column" gemm)" >"$scratch/dis"
    grep -q '<gk_tile_' "$scratch/dis" || law "$column has tiles" "no function gk_tile_ in its gemm"
    law "no spill in a tile's loop, $column" "$(spills "$scratch/dis" | head -n 5)"
  done
fi

# Nobody touches the floating-point environment; the shared library shows gk_* alone and has no executable stack.
environment() { disassemble "$1" | grep -E '\b(v?ldmxcsr|fldcw)\b' | head -n 3; }
law "kernels never write MXCSR" "$(environment "$BUILD_DIR/kernels/libgradkern.so")"
law "the shared library exports gk_* only" "$(nm -D --defined-only "$BUILD_DIR/kernels/libgradkern.so" | awk '{ print $3 }' | grep -v '^gk_')"
law "no instruction set in an exported name" "$(nm -D --defined-only "$BUILD_DIR/kernels/libgradkern.so" | grep '__')"
law "no executable stack" "$(readelf -lW "$BUILD_DIR/kernels/libgradkern.so" | grep 'GNU_STACK.*E ')"

# Names are said once; nothing is left lying about.
law "file names are unique" "$(cd "$SOURCE_DIR" && git ls-files 2>/dev/null | grep -vE '(^|/)(CMakeLists\.txt|run)$' | sed 's|.*/||' | sort | uniq -d)"
law "no dead code" "$(grep -rnE '\b(TO''DO|FIX''ME|XX''X)\b|^[[:space:]]*#[[:space:]]*if[[:space:]]+0' --include='*.[ch]' --include='*.def' "$SOURCE_DIR/kernels" "$SOURCE_DIR/bench" "$SOURCE_DIR/tests")"
law "no fast-math" "$(grep -rnE 'f''fast-math|O''fast' "$SOURCE_DIR/CMakeLists.txt" "$SOURCE_DIR/kernels" "$SOURCE_DIR/bench")"

# The README's kernel table is what the program prints.
sed -n '/<!-- kernels -->/,/<!-- \/kernels -->/p' "$SOURCE_DIR/README.md" | grep '^|' >"$scratch/readme"
"$GRADBENCH" list --markdown | grep '^|' >"$scratch/program"
law "the README's kernel table is current" "$(diff "$scratch/readme" "$scratch/program")"

exit "$status"
