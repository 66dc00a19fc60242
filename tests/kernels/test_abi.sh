#!/usr/bin/env bash
# The header's promise to compiled programs. abi.txt is what programs know of this soname's library; UPDATE_ABI=1 writes it
# anew, and does no more.
# - abi.txt, gradkern.h as C and C++ of every standard, gradkern.py and the library's symbols agree in every field, value and
#   function.
# - What has changed since abi.txt was written follows the rule that gradkern.h states. Changes planted against it are found.
# - A program runs on a later library that has new fields, and fails, as planted, on one whose structs have grown.
set -u
: "${SOURCE_DIR:?}" "${BUILD_DIR:?}"
CC=${CC:-cc}
public=$BUILD_DIR/kernels/public
kept=$SOURCE_DIR/tests/data/abi.txt
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0

is() { # WHAT GOT WANT
  if [ "$2" = "$3" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED: %s: got\n%s\nexpected\n%s\n' "$1" "$2" "$3"
  fi
}

abi() { python3 "$SOURCE_DIR/tests/data/abi.py" "$@"; }

# --- the list

abi list "$public" >"$scratch/abi.txt" || { echo "FAILED: no list of what gradkern.py declares"; exit 1; }
if [ "${UPDATE_ABI:-0}" = 1 ]; then
  [ ! -f "$kept" ] || abi breaks "$kept" "$scratch/abi.txt" | sed 's/^/breaks programs that were built before: /'
  {
    echo "# What a compiled program knows of the library, checked by test_abi. UPDATE_ABI=1 writes it anew."
    cat "$scratch/abi.txt"
  } >"$kept"
  exit
fi
is "what breaks programs that were built before" "$(abi breaks "$kept" "$scratch/abi.txt")" ""
is "abi.txt against the build (if it may change: cmake --build build/release --target update)" \
  "$(diff <(grep -v '^#' "$kept") "$scratch/abi.txt")" ""
is "the functions that the library exports" \
  "$(nm -D --defined-only "$BUILD_DIR/kernels/libgradkern.so" | awk '{ print $NF }' | sort)" \
  "$(awk '$1 == "function" { print $2 }' "$scratch/abi.txt" | sort)"

# --- the header, alone in its folder, in every language; the assertions are those of the list

mkdir "$scratch/include"
cp "$public/gradkern.h" "$scratch/include"
abi asserts "$public" >"$scratch/asserts.c"
strict=(-Wall -Wextra -pedantic -Werror -I"$scratch/include" -c -o "$scratch/asserts.o")
for standard in c99 c11 c17; do
  is "$CC -std=$standard" "$("$CC" -std=$standard "${strict[@]}" "$scratch/asserts.c" 2>&1)" ""
done
compilers=0
for cxx in g++ clang++; do
  command -v $cxx >/dev/null || continue
  compilers=$((compilers + 1))
  for standard in c++98 c++11 c++14 c++17 c++20; do
    is "$cxx -std=$standard" "$($cxx -x c++ -std=$standard "${strict[@]}" "$scratch/asserts.c" 2>&1)" ""
  done
done
[ "$compilers" -gt 0 ] || echo "skipped: the header as C++: neither g++ nor clang++ is here"
sed 's/    size_t ld_dy; .*/    int &/' "$public/gradkern.h" >"$scratch/include/gradkern.h"
"$CC" -std=c17 "${strict[@]}" "$scratch/asserts.c" 2>/dev/null && is "assertions against another header" "compiled" "an error"

# --- the rule: each of these edits of the header breaks it, or does not

edited() { # SED_SCRIPT: what it breaks
  rm -rf "$scratch/edited"
  mkdir "$scratch/edited"
  sed -E "$1" "$public/gradkern.h" >"$scratch/edited/gradkern.h"
  cmp -s "$public/gradkern.h" "$scratch/edited/gradkern.h" && echo "does not apply: $1"
  awk -v library=libgradkern.so.${2:-0} -f "$SOURCE_DIR/kernels/ctypes.awk" "$scratch/edited/gradkern.h" \
    "$SOURCE_DIR/kernels/gradkern.py.in" >"$scratch/edited/gradkern.py" && abi list "$scratch/edited" >"$scratch/edited.txt" &&
    abi breaks "$scratch/abi.txt" "$scratch/edited.txt"
}
breaks() { # WHAT SED_SCRIPT
  local found
  found=$(edited "$2")
  is "$1 is found" "$([ -n "$found" ] && grep -vq "does not apply" <<<"$found" && echo found)" found
}
in_dx='/^typedef struct gk_affine_dx_args \{/,/^}/' in_db='/^typedef struct gk_affine_db_args \{/,/^}/'
breaks "a field in the middle" 's|^    size_t ld_dy;|    size_t planted;\n&|'
breaks "a field in padding" 's|^    bool use_ignore_index;|&\n    bool planted;|'
breaks "a field at the end, which takes nothing" 's|^    uint8_t reserved|    size_t planted;\n&|'
breaks "a field after all" 's|^    uint8_t reserved.*|&\n    size_t planted;|'
breaks "a field that is gone" '/^    size_t ld_dy;/d'
breaks "a field of another type" 's|^    const float \*dy;|    const double *dy;|'
breaks "two fields in each other's place" 's|^    size_t n;|    size_t d_;|; s|^    size_t d;|    size_t n;|; s|d_;|d;|'
breaks "a value in the middle of an enum" 's|GK_MEAN,|GK_MEAN, GK_PLANTED,|'
breaks "a function that is gone" '/^GK_API .*gk_version/d'
breaks "a function with another argument" 's|gk_status_string\(gk_status status\)|gk_status_string(size_t status)|'
is "a pointer that takes reserved bytes" \
  "$(edited "$in_dx s|uint8_t reserved\[32\];|const float *planted; uint8_t reserved[24];|")" ""
is "a number that takes the last of them" \
  "$(edited "$in_dx s|uint8_t reserved\[32\];|uint8_t reserved[24]; double planted;|")" ""
is "a flag that takes a reserved byte" "$(edited "$in_db s|uint8_t reserved\[39\];|bool planted; uint8_t reserved[38];|")" ""
is "a value at the end of an enum" "$(edited 's|GK_STATUS_COUNT|GK_PLANTED, &|')" ""
is "a new function" "$(edited 's|^GK_API .*gk_version.*|&\nGK_API int gk_planted(void);|')" ""
is "anything, with another soname" "$(edited '/^    size_t ld_dy;/d' 1)" ""

# --- other versions of the library: only the reference, without optimisation, for these are about structs

version() { # NAME KERNELS_SED HEADER_SED CONTEXT_SED
  local source=$scratch/$1/source build=$scratch/$1/build
  mkdir -p "$source"
  cp -R "$SOURCE_DIR"/{CMakeLists.txt,kernels,bench} "$source"
  sed -i 's/list(APPEND isas avx2 avx512)/set(plain TRUE)/' "$source/kernels/CMakeLists.txt"
  sed -i "$2" "$source/kernels/kernels.def"
  sed -i "$3" "$source/kernels/gradkern.h.in"
  sed -i "$4" "$source/kernels/core/context.c"
  if ! { cmake -S "$source" -B "$build" -DCMAKE_C_COMPILER="$CC" -DCMAKE_BUILD_TYPE=Plain -DCMAKE_C_FLAGS= \
    -DGRADKERN_TESTS=OFF &&
    cmake --build "$build" -j2 --target gradkern; } >"$scratch/log" 2>&1; then
    echo "FAILED: the $1 library does not build"
    tail -n 20 "$scratch/log"
    exit 1
  fi
}
compile() { # VERSION PROGRAM FLAG...
  "$CC" -std=c17 -Wall -Wextra -Werror "${@:3}" -I"$scratch/$1/build/kernels/public" "$SOURCE_DIR/tests/data/compatible.c" \
    -L"$scratch/$1/build/kernels" -lgradkern -o "$scratch/$2"
}
run_on() { LD_LIBRARY_PATH=$scratch/$1/build/kernels "$scratch/$2"; }

dx='/^GK_KERNEL(affine_dx,/,/^GK_END/'
output='GK_VECTOR_OUT(planted, m, OPTIONAL)'
refuse='s/^static gk_status configure(.*/&\n    if (options->planted) return GK_ERROR_OPTION;/'
version present '' '' ''
version later "$dx s/GK_RESERVED(32)/$output GK_RESERVED(24)/" \
  's/uint8_t reserved\[32\];/size_t planted; uint8_t reserved[24];/' "$refuse"
version grown "$dx s/GK_RESERVED(32)/$output &/" '' ''
compile present present_program && compile later later_program -DPLANTED || exit 1

right='success: 10 20 30 20 40 60'
is "a program on its own library" "$(run_on present present_program)" "$right"
is "a program on a later library" "$(run_on later present_program)" "$right"
is "a later program on its library" "$(run_on later later_program)" "$right"
is "a later program, which uses what is new, on this library" "$(run_on present later_program)" \
  "an option has no such value, options exclude each other, no output is wanted, or reserved is not 0: 0 0 0 0 0 0"
is "a program on a library whose structs have grown" "$(run_on grown present_program | grep -cF "$right")" 0

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
