#!/usr/bin/env bash
# The laws of CONTRIBUTING.md. Each is a filter that prints what breaks it; before it is asked about the tree it must find a
# violation planted for it. Columns, and what their machine code promises, come from the build (gk_promises.txt).
set -u
: "${SOURCE_DIR:?}" "${BUILD_DIR:?}" "${GRADBENCH:?}"
export LC_ALL=C
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
promises=$BUILD_DIR/kernels/generated/gk_promises.txt
shared=$BUILD_DIR/kernels/libgradkern.so
status=0

# law NAME PLANTED FOUND: what the law's filter printed for a planted violation, and for the project.
law() {
  if [ -z "$2" ]; then
    printf 'law that cannot fail: %s\n' "$1"
    status=1
  elif [ -n "$3" ]; then
    printf 'law broken: %s\n%s\n' "$1" "$3"
    status=1
  else
    printf 'holds: %s\n' "$1"
  fi
}

isas=$(cut -f1 "$promises")
[ -n "$isas" ] || { echo "the build names no isas"; exit 1; }
fast=$(grep -v '^ref$' <<<"$isas" | xargs | tr ' ' '|')

# --- sources

# FILE:LINE:code, without comments.
code() {
  awk 'FNR == 1 { inside = 0 }
    {
      rest = $0; kept = ""
      while (rest != "") {
        if (inside) {
          end = index(rest, "*/")
          if (!end) break
          rest = substr(rest, end + 2); inside = 0
        } else {
          start = index(rest, "/*")
          if (!start) { kept = kept rest; break }
          kept = kept substr(rest, 1, start - 1); rest = substr(rest, start + 2); inside = 1
        }
      }
      sub("//.*", "", kept)
      if (kept ~ /[^ \t]/) print FILENAME ":" FNR ":" kept
    }' "$@"
}

sources() { find "$@" -type f \( -name '*.[ch]' -o -name '*.def' \); }

# Instruction sets, intrinsics and OpenMP keep to their places. test_cpu.c is about CPUID; host.c is a program around the
# library; peers are what others wrote, and their settings.
places="/kernels/(simd/.*|core/(cpu\.[ch]|team\.c)|ops/[a-z0-9_]+_(${fast:-none})\.c)\$"
places+='|/tests/(kernels/test_cpu|bench/test_peer_(catalog|programs)|data/host)\.c$'
places+='|/bench/(peers/.*|contenders/peer_catalog\.c)$'
intrinsics='intrin\.h|arm_(neon|sve)|\b_mm[0-9]*_[a-z]|\b__m(128|256|512)|__builtin_ia32'
sets="\b(avx|avx2|avx512[a-z]*|sse[0-9]|fma[34]|neon|sve|${fast:-none})\b"
openmp='pragma omp|\bomp\.h|\bomp_(get|set|in|init|destroy|test|unset)_'
words() {
  sources "$@" | grep -vE "$places" | while read -r file; do code "$file"; done | grep -iE "$intrinsics|$sets|$openmp"
}
mkdir -p "$scratch/tree/kernels/ops" "$scratch/tree/kernels/simd"
planted_words() {
  local line count=0
  for line in 'void f(void) { _mm256_zeroupper(); }' '#include <immintrin.h>' '_Pragma omp parallel for' \
    'int n = omp_get_max_threads();' 'const char *best = "AVX2";' '__attribute__((target("avx512f")))'; do
    printf '/* avx2, in a comment\n avx2 */ int ok;\n%s\n' "${line/_Pragma/#pragma}" >"$scratch/tree/kernels/ops/planted.c"
    [ "$(words "$scratch/tree" | wc -l)" = 1 ] && count=$((count + 1))
  done
  [ "$count" = 6 ] && echo caught
}
law "instruction sets, intrinsics and OpenMP stay in their places" "$(planted_words)" \
  "$(words "$SOURCE_DIR/kernels" "$SOURCE_DIR/bench" "$SOURCE_DIR/tests")"

leftovers() { sources "$@" | xargs grep -nE '\b(TO''DO|FIX''ME|XX''X)\b|^[[:space:]]*#[[:space:]]*if[[:space:]]+0\b'; }
printf '#if 0\n#endif\n' >"$scratch/tree/kernels/ops/planted.c"
law "no dead code, nothing left to do" "$(leftovers "$scratch/tree")" \
  "$(leftovers "$SOURCE_DIR/kernels" "$SOURCE_DIR/bench" "$SOURCE_DIR/tests")"

twice() {
  (cd "$1" && find . -path ./build -prune -o -path ./.git -prune -o -type f -print) |
    sed 's|.*/||' | grep -vxE 'CMakeLists\.txt|README\.md|run' | sort | uniq -d
}
echo >"$scratch/tree/kernels/simd/planted.c"
law "file names are unique" "$(twice "$scratch/tree")" "$(twice "$SOURCE_DIR")"

loose() {
  grep -rnE 'ffast''-math|O''fast|ffp-contract=(fast|on)|funsafe' --include={CMakeLists.txt,'*.[ch]','*.json'} "$@"
}
echo 'add_compile_options(-O''fast)' >"$scratch/tree/CMakeLists.txt"
law "no loose floating point" "$(loose "$scratch/tree")" \
  "$(loose "$SOURCE_DIR"/{CMakeLists.txt,CMakePresets.json,kernels,bench,tests})"

# What stands in a file between <!-- WORD --> and <!-- /WORD -->.
between() { sed -n "/<!-- $1 -->/,/<!-- \/$1 -->/p" "$2" | sed '1d;$d'; } # WORD FILE

# The README's kernel table is what the program prints.
table_differs() { diff <(between kernels "$1" | grep '^|') <("$GRADBENCH" list --markdown | grep '^|'); }
printf '<!-- kernels -->\n| kernel |\n<!-- /kernels -->\n' >"$scratch/readme"
law "the README's kernel table is current (cmake --build build/release --target update)" \
  "$(table_differs "$scratch/readme")" "$(table_differs "$SOURCE_DIR/README.md" 2>&1)"

# So are the tables of races, from the results that are kept.
races_differ() {
  diff <(between races "$1") <("$GRADBENCH" export markdown "${@:2}" "$SOURCE_DIR"/bench/records/*.json)
}
printf '<!-- races -->\nahead everywhere\n<!-- /races -->\n' >"$scratch/readme"
law "the README's table of races is that of bench/records" "$(races_differ "$scratch/readme" --short)" \
  "$(races_differ "$SOURCE_DIR/README.md" --short 2>&1)"
law "so is the whole one beside them" "$(races_differ "$scratch/readme")" \
  "$(races_differ "$SOURCE_DIR/bench/records/README.md" 2>&1)"

# What a page says that a command prints is what it prints.
. "$SOURCE_DIR/tests/support/support_page.sh"
page_differs() { diff "$1" <(page_again "$1"); }
printf 'Text\n\n    $ gradbench --version\n    gradbench 1969\n\nmore\n' >"$scratch/readme"
law "the commands on the learners' page print what it says (the target update)" "$(page_differs "$scratch/readme")" \
  "$(page_differs "$SOURCE_DIR/bench/train/README.md" 2>&1)"

# What is kept of a race says what was raced, not where it lay.
folders() { grep -oE "[\"'= ]/[^\"]*" "$@"; }
printf '  "command": "env LIBRARY=/a/l.so peer -u ./c"\n' >"$scratch/race.json"
law "the races that are kept have no folders in their commands" "$(folders "$scratch/race.json")" \
  "$(folders "$SOURCE_DIR"/bench/records/*.json)"

# No line is longer than 128 columns, but those of tables and data.
too_long() {
  find "$@" \( -name build -o -name .git -o -name "*.json" -o -name "*.gz" -o -path "*/tests/*.txt" -o -path "*/records/*" \) \
    ! -name CMakeLists.txt -prune -o -type f -print0 |
    xargs -0 awk 'length > 128 && !/^\|/ { print FILENAME ":" FNR ": " length " columns" }'
}
printf '%0129d\n' 0 >"$scratch/tree/kernels/planted.h"
law "no line is longer than 128 columns" "$(too_long "$scratch/tree")" "$(too_long "$SOURCE_DIR")"

# The environment of the tests is in CONTRIBUTING.md; that of the library, of OpenMP and of the system has its places, and TEST_
# and FAKE_ are what a test says to its own children.
outside='^(GRADKERN|OMP|LD|OCL|TEST|FAKE)_'
variables() { # FOLDER
  grep -rhoE 'getenv\("[A-Z_]+|\$\{[A-Z_]+:?[-?]' "$1" | grep -oE '[A-Z_]{2,}' | grep -vE "$outside" | sort -u
}
listed() { # FILE
  sed -n '/^## Tests/,/^## [^T]/p' "$1" | grep -oE '`[A-Z_]+(=[^`]*)?`' | sed -E 's/`|=.*//g' | grep -vE "$outside" | sort -u
}
unlisted() { diff <(variables "$1") <(listed "$2"); }
echo 'get''env("GK_PLANTED"); $''{GK_OTHER:-}' >"$scratch/tree/kernels/planted.c"
law "CONTRIBUTING.md lists the environment of the tests" \
  "$([ "$(unlisted "$scratch/tree" /dev/null | grep -c '^< GK')" = 2 ] && unlisted "$SOURCE_DIR/tests" /dev/null)" \
  "$(unlisted "$SOURCE_DIR/tests" "$SOURCE_DIR/CONTRIBUTING.md")"

# --- the rooms of bench/

# A room, and those that it stands on: it may include their headers, and what these may include. "table" is what the library
# says of itself, "core" the rest of the library.
declare -A stands=([base]=table [machine]='base core' [problem]=machine [contenders]=problem [truth]=problem
  [measure]='contenders truth' [result]=base [report]=result [train]=base
  [commands]='report measure train')

# NAME...: these rooms and all below them. The library's inside is for those only that name it.
below() {
  local room
  for room in "$@"; do
    echo "$room"
    # shellcheck disable=SC2046,SC2086
    below $(xargs -n 1 <<<"${stands[$room]:-}" | grep -vx core)
  done | sort -u
}
headers() { # ROOM: as an include names them
  case $1 in
    core) (cd "$SOURCE_DIR/kernels" && ls kernel.h {core,ops,simd}/*.h && ls {core,ops,simd}/*.h | sed 's|.*/||') ;;
    table) (cd "$SOURCE_DIR/kernels/table" && echo gradkern.h && ls -- *.h) ;;
    *) (cd "$SOURCE_DIR/bench/$1" && ls -- *.h) ;;
  esac
}
# Nor does an include climb out of a room, but to a list.
climbs() { sources "$@" | xargs grep -nE '#include "[^"]*\.\./[^"]*\.h"'; }
echo '#include "../planted.h"' >"$scratch/tree/kernels/planted.c"
law "no include climbs to a header of another folder" "$(climbs "$scratch/tree")" \
  "$(climbs "$SOURCE_DIR"/{kernels,bench,tests})"

# shellcheck disable=SC2086
preprocess() { "${CC:-cc}" -std=c17 -D_GNU_SOURCE $2 "$1" -x c -; } # OPTION FLAGS
# Of these rooms' headers those that a source could include.
found() { # FLAGS ROOM...
  local room
  for room in "${@:2}"; do
    headers "$room" | sed "s|.*|#if __has_include(\"&\")\nsees & of $room\n#endif|"
  done | preprocess -E "$1" | grep '^sees'
}
# FILE of lines `PART -IFOLDER...`: what a source of the part can include and must not, or the other way round.
strange_includes() {
  local name flags room other allowed
  while read -r name flags; do
    room=${name#gb_}
    case $name in
      gradbench-peer-*) found "$flags" machine truth measure result report commands | sed "s|^|$name |" ;;
    esac
    [ -n "${stands[$room]:-}" ] || continue
    # shellcheck disable=SC2086
    allowed=" $(below $room | xargs) ${stands[$room]} "
    for other in "${!stands[@]}" table core; do
      if [[ $allowed != *" $other "* ]]; then found "$flags" "$other" | sed "s|^|$room |"
      elif [ "$other" != core ]; then
        headers "$other" | sed 's|.*|#include "&"|' | preprocess -fsyntax-only "$flags" >"$scratch/errors" 2>&1 ||
          echo "$room does not see $other: $(grep -m 1 error "$scratch/errors")"
      fi
    done
  done <"$1"
}
# A peer is as others write one: of gradbench it has peer_child.h, not the headers that this stands on.
peer_includes() { # FOLDER
  grep -nE '#include "' "$1"/*.[ch] | grep -vE "\"(peer_child\.h|$(cd "$1" && ls -- *.h | paste -sd '|'))\""
}
mkdir "$scratch/peers"
printf '#include "%s"\n' peer_child.h own.h contender.h >"$scratch/peers/planted.c"
echo >"$scratch/peers/own.h"
law "peers include peer_child.h alone" \
  "$([ "$(peer_includes "$scratch/peers")" = "$scratch/peers/planted.c:3:#include \"contender.h\"" ] && echo caught)" \
  "$(peer_includes "$SOURCE_DIR/bench/peers")"

includes=$BUILD_DIR/bench/includes.txt
sed -E "s#^(gb_base|gradbench-peer-naive) .*#& -I$SOURCE_DIR/bench/truth#" "$includes" >"$scratch/opened"
sed "/^gb_machine/s|-I$SOURCE_DIR/bench/base||" "$includes" >"$scratch/closed"
planted_walls() {
  local opened closed
  opened=$(strange_includes "$scratch/opened") closed=$(strange_includes "$scratch/closed")
  [[ $opened == *"base sees verify.h of truth"*"peer-naive sees verify.h of truth"* ]] &&
    [[ $closed == "machine does not see base: "* ]] && echo caught
}
law "a room of bench/ sees its own headers and those of the rooms below, no other compiles" "$(planted_walls)" \
  "$([ -s "$includes" ] || echo "the build says of no room what it sees"; strange_includes "$includes")"

if [ "${OPTIMISED:-1}" != 1 ]; then
  echo "not checked: the laws of the machine code, which are those of an optimised build without sanitizers"
  exit "$status"
fi

# --- machine code

objects() { find "$BUILD_DIR/kernels/CMakeFiles/gk_$1.dir" -name '*.o' | sort; }
disassemble() { objdump -dr --no-show-raw-insn "$@"; }
disassemble_products() { objects "$1" | grep '/ops/gemm/' | while read -r object; do disassemble "$object"; done; }

# Reads `nm -g --defined-only`: an object of an isa exports only names that end in the isa's own.
foreign() { awk -v suffix="__$1" 'NF == 3 && $3 !~ suffix "$" { print $3 " in " suffix }'; }

# Reads a disassembly: no vector goes to or from the stack inside a loop of fma, and each tile has one. A loop is what lies
# between a backward jump and its target, without another: compilers also put rare code last, from which they jump back. %rbp is
# the stack only in functions that make it so.
spills() {
  awk '
    function has_fma(first, last,   i) {
      for (i = first; i <= last; i++) if (text[i] ~ /fmadd/) return 1
      return 0
    }
    function finish(   last, first, i, loops, from, to) {
      if (name !~ /gk_tile_/) return
      tiles++
      for (last = 1; last <= lines; last++) {
        if (!(target[last] in line) || line[target[last]] > last) continue
        first = line[target[last]]
        if (!has_fma(first, last)) continue
        for (i = 1; i <= loops && (from[i] < first || to[i] > last); i++) {}
        if (i > loops) { from[++loops] = first; to[loops] = last }
      }
      for (last = 1; last <= loops; last++)
        for (i = from[last]; i <= to[last]; i++)
          if (text[i] ~ /%[xyz]mm/ && (text[i] ~ /\(%rsp/ || (frame && text[i] ~ /\(%rbp/))) print name, text[i]
      if (!loops) print name, "has no loop of fma"
    }
    /^[0-9a-f]+ <.*>:$/ { finish(); name = $2; lines = 0; frame = 0; split("", line); split("", target); next }
    /^ *[0-9a-f]+:/ {
      address = $1; sub(":", "", address); line[address] = ++lines; text[lines] = $0
      target[lines] = $2 ~ /^j/ ? $3 : ""
      if ($0 ~ /mov +%rsp,%rbp/) frame = 1
    }
    END { finish(); if (!tiles) print "no function is named gk_tile_" }'
}

# Reads a disassembly: no masked load from which the code comes to it again: AMD CPUs take 10 cycles for one, whatever its mask.
# A store, which has its memory last, is none. A jump by a table leads nowhere.
masked_loads() {
  awk '
    function comes_again(at,   seen, todo, left, i) {
      for (todo[left = 1] = at; left; ) {
        i = todo[left--]
        if (target[i] in line && !seen[line[target[i]]]++) todo[++left] = line[target[i]]
        if (!ends[i] && i < lines && !seen[i + 1]++) todo[++left] = i + 1
      }
      return seen[at]
    }
    function finish(   i) { for (i = 1; i <= lines; i++) if (masked[i] && comes_again(i)) print name, text[i] }
    /^[0-9a-f]+ <.*>:$/ { finish(); name = $2; lines = 0; split("", line); next }
    /^ *[0-9a-f]+:/ {
      address = $1; sub(":", "", address); line[address] = ++lines; text[lines] = $0
      target[lines] = $2 ~ /^j/ ? $3 : ""; ends[lines] = $2 ~ /^(jmp|ret)/; masked[lines] = /vp?maskmov[a-z]+ [^%]*\(/
    }
    END { finish() }'
}

# Reads a dynamic section and program headers (readelf -dlW).
loader_findings() {
  awk '/GNU_STACK/ && / RWE /  { print "executable stack" }
    /GNU_STACK/ { stack = 1 } /GNU_RELRO/ { relro = 1 } /BIND_NOW|FLAGS.* NOW/ { now = 1 }
    /TEXTREL/ { print "text relocations" }
    /\(NEEDED\)/ && !/\[(libc|libm|libhwloc|libgomp|libomp|libpthread|libgcc_s|ld-linux[^.]*)\.so/ { print "needs", $NF }
    END { if (!stack || !relro || !now) print "no stack header, no relro or no immediate binding" }'
}

# But for the one function that gives the caller's to the threads of a team.
environment() {
  awk '/^[0-9a-f]+ <.*>:$/ { allowed = /<gk_cpu_set_float_state>/ } !allowed' |
    grep -E '\b(v?ldmxcsr|fldcw|fldenv|fxrstor|xrstor)\b|<set_fast_math' | head -n 3
}

first=$(head -n 1 <<<"$isas")
found='' weak='' spilled='' promised='' masked=''
while IFS=$'\t' read -r isa holds lacks; do
  [ -n "$holds" ] && [ -n "$lacks" ] ||
    promised+="$isa promises nothing: set holds_$isa and lacks_$isa in kernels/CMakeLists.txt"$'\n'
  for dtype in f32 f64; do
    cell=${isa}_$dtype
    [ -n "$(objects "$cell")" ] || promised+="$cell has no objects"$'\n'
    for object in $(objects "$cell"); do
      found+=$(nm -g --defined-only "$object" | foreign "$cell")
      wrong=$(disassemble "$object" | grep -m 3 -E -- "${lacks:-^}")
      [ -z "$wrong" ] || promised+="$cell, $(basename "$object"): $wrong"$'\n'
      wrong=$(disassemble "$object" | masked_loads | head -n 3)
      [ -z "$wrong" ] || masked+="$cell, $(basename "$object"): $wrong"$'\n'
    done
    disassemble_products "$cell" >"$scratch/dis"
    grep -qE -- "${holds:-^$}" "$scratch/dis" || promised+="$cell: no '$holds' in its products"$'\n'
    [ "$isa" = ref ] || spilled+=$(spills <"$scratch/dis" | head -n 5)
  done
done <"$promises"

law "objects export their own isa only" \
  "$(nm -g --defined-only "$(objects "${first}_f32" | head -n 1)" | foreign other_f32)" "$found"
# Each isa's promise must fail on at least one other isa's code: a pattern that fits all code says nothing.
while IFS=$'\t' read -r isa holds lacks; do
  [ "$(wc -l <<<"$isas")" -gt 1 ] || continue
  told=
  for other in $isas; do
    [ "$other" = "$isa" ] && continue
    disassemble_products "${other}_f32" >"$scratch/dis"
    if ! grep -qE -- "$holds" "$scratch/dis" || grep -qE -- "$lacks" "$scratch/dis"; then told=1; fi
  done
  [ -n "$told" ] || weak+="the promise of $isa fits every isa"$'\n'
done <"$promises"
printf '%s' "$weak"
law "isas hold the instructions they promise, and no others" "$([ -z "$weak" ] && echo caught)" "$promised"

planted_spill() {
  local head='0000 <gk_tile_planted>:' fma='vfmadd231ps %zmm1,%zmm2,%zmm3' back='jne    10 <x>' good spill frame empty
  good=$(printf '%s\n 10:\t%s\n 20:\tvmovaps (%%rbp),%%zmm1\n 30:\t%s\n 40:\tvmovaps %%zmm1,(%%rsp)\n' "$head" "$fma" "$back" |
    spills)
  spill=$(printf '%s\n 10:\tvmovaps %%zmm1,0x40(%%rsp)\n 20:\t%s\n 30:\tjne    10 <x>\n' "$head" "$fma" | spills)
  frame='%s\n 8:\tmov    %%rsp,%%rbp\n 10:\t%s\n 20:\tvaddps -0x40(%%rbp),%%zmm1,%%zmm1\n 30:\t%s\n'
  # shellcheck disable=SC2059
  frame=$(printf "$frame" "$head" "$fma" "$back" | spills)
  empty=$(printf '%s\n 10:\t%s\n 20:\tret\n' "$head" "$fma" | spills)
  [ -z "$good" ] && [ -n "$spill" ] && [ -n "$frame" ] && [ -n "$empty" ] && echo caught
}
law "no spill in the loop of a tile" "$(planted_spill)" "$spilled"

planted_load() {
  local load='vmaskmovps -0x4(%rax,%rdx,4),%ymm1,%ymm2' store='vpmaskmovd %ymm2,%ymm1,(%rax)' lines
  lines=$(printf '%s:\n 10:\tret\n 20:\t%s\n 30:\t%s\n 40:\tjne    50 <x>\n 48:\tret\n 50:\t%s\n 60:\tjmp    30 <x>\n' \
    '0000 <planted>' "$load" "$store" "${load/ps/pd}" | masked_loads)
  [ "$lines" = "<planted>:  50:	${load/ps/pd}" ] && echo caught
}
law "no masked load in a loop" "$(planted_load)" "$masked"

exported() { awk '$NF !~ /^gk_/ || $NF ~ /__/ { print $NF }'; }
law "the shared library exports gk_* only" "$(echo '0 T gemm' | exported)$(echo '0 D gk_gemm__ref_f32' | exported)" \
  "$(nm -D --defined-only "$shared" | exported)"
law "the shared library is hardened and needs little" \
  "$(printf 'GNU_STACK 0 0 RWE 0x10\n (NEEDED) [libblas.so.3]\n' | loader_findings)" \
  "$(readelf -dlW "$shared" | loader_findings)"
law "nothing changes the floating-point environment" \
  "$(printf '0000 <gk_cpu_set_float_states>:\n10: ldmxcsr (%%rsp)\n' | environment)" \
  "$(disassemble "$shared" | environment)"

exit "$status"
