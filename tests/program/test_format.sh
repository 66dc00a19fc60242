#!/usr/bin/env bash
# Every C file is as clang-format has it. Other releases of it break lines elsewhere, so only the one named here is asked.
set -u
: "${SOURCE_DIR:?}"
release=14
have=$(clang-format --version 2>&1)
[[ $have == *"version $release."* ]] || { echo "skipped: no clang-format $release ($have)" && exit 77; }

# The files below FOLDER... that it would change.
unformatted() {
  find "$@" -name '*.[ch]' -print0 | xargs -0 clang-format --style="file:$SOURCE_DIR/.clang-format" --dry-run 2>&1 |
    sed -n 's/^\([^ :]*\):.*Wclang-format-violations\]$/\1/p' | sort -u
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
printf 'int  planted;\n' >"$scratch/planted.c"
[ "$(unformatted "$scratch")" = "$scratch/planted.c" ] || { echo "a planted file was not found" && exit 1; }
found=$(unformatted "$SOURCE_DIR"/{kernels,bench,tests})
[ -z "$found" ] || { echo "not as clang-format -i has it:" && echo "$found" && exit 1; }
