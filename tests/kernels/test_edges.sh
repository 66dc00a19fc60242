#!/usr/bin/env bash
# The sizes where a kernel changes its path are exported, so that tests cross them: a constant of kernels/ops or of the
# product's plan stands in a list of edges, or is so small that all sizes up to it are tried, or stands below with what it is
# instead. And the code has no number of two digits that is no constant, but for the 64 bits of a mask's word. Each filter
# must find what is planted for it.
set -u
: "${SOURCE_DIR:?}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
small=$(sed -n 's/.*\bSMALL = \([0-9]*\).*/\1/p' "$SOURCE_DIR/tests/kernels/test_equivalence.c")
declare -A no_edge=(
  [LINE]='bytes of memory' [GK_LINE]='what is fetched' [GK_ROW_CHAINS]='registers'
  [PAGE]='bytes of memory'
  [MR]='an edge of the isa' [NV]='an edge of the isa' [NR]='an edge of the isa' [GK_ROW_VECTORS]='an edge of the isa'
  [GK_EIGHTH]='virtual lanes' [GK_LANES_GROUPS]='GK_ROWS_TOGETHER'
  [FEW]='GK_GEMM_THIN_ROWS' [SUMS]='GK_GEMM_THIN_SUMS' [IN_REGISTERS]='registers'
  [CHAINS]='registers' [KEPT]='registers'
  [MW]='how strips lie' [PITCH]='how panels lie' [STRIP]='how strips lie'
  [WIDE]='rows that are copied at once' [LONG_ENOUGH]='what is fetched, not what is computed'
)

without_comments() { # FILE
  tr '\n' '\1' <"$1" | sed -E 's|/\*([^*]\|\*+[^*/])*\*+/||g' | tr '\1' '\n'
}

files() { find "$1" -name '*.[ch]' | sort; }

# NAME VALUE, a line for each constant.
constants() { # FILE...
  local file
  for file; do
    without_comments "$file" | tr -s '\n\t ' ' ' | grep -oE 'enum [a-z_]*\{[^}]*\}' |
      grep -oE '[A-Z][A-Z0-9_]+ = [^,}]+' | sed 's/ = / /'
  done | sort -u
}

edges() { # FILE...
  local file
  for file; do
    without_comments "$file" | tr '\n' ' ' | grep -oE 'edges\)?(\[\])? = \{[^}]*\}'
  done
}

unexported() { # FOLDER FILE...: constants of the folder and of these files
  local name value known
  known=$(edges $(files "$1") "$SOURCE_DIR/kernels/core/cells.c")
  while read -r name value; do
    [[ $value =~ ^[0-9]+$ ]] && [ "$value" -le "$small" ] && continue
    [ -n "${no_edge[$name]:-}" ] || grep -qw "$name" <<<"$known" || echo "$name = $value"
  done < <(constants $(files "$1") "${@:2}")
}

numbers() { # FOLDER
  local file
  for file in $(files "$1" | grep -v '/probes\.c$'); do # which are no kernels
    without_comments "$file" | sed '/^#/d; /^FOR_EACH/d' | tr '\n' ' ' | sed -E 's/enum [a-z_]*\{[^}]*\}//g' |
      grep -oE '[^0-9A-Za-z_.][0-9]{2,}\b' | grep -v '64$' | sed "s|^|${file##*/}: |"
  done
}

status=0
law() { # NAME PLANTED FOUND
  if [ -z "$2" ]; then echo "law that cannot fail: $1" && status=1; fi
  if [ -n "$3" ]; then printf 'law broken: %s\n%s\n' "$1" "$3" && status=1; fi
}

mkdir "$scratch/ops"
echo 'enum { SOME = 3, /* few */ MANY = 300 }; int f(int i) { return i > 123; }' >"$scratch/ops/planted.c"
law "each size is exported" "$(unexported "$scratch/ops" | grep -x 'MANY = 300')" \
  "$(unexported "$SOURCE_DIR/kernels/ops" "$SOURCE_DIR/kernels/table/gemm_plan.h")"
law "each size is a constant" "$(numbers "$scratch/ops")" "$(numbers "$SOURCE_DIR/kernels/ops")"
for name in "${!no_edge[@]}"; do
  constants $(files "$SOURCE_DIR/kernels/ops") | grep -q "^$name " && continue
  echo "no constant $name: ${no_edge[$name]}" && status=1
done
[ "$small" -gt 1 ] && exit $status
