#!/usr/bin/env bash
# bench/compare-revisions: what is built from where, what is raced, and what is refused.
set -u
. "$(dirname "$0")/../support/support_stubs.sh" || exit 1
type -P git >"$dir/out" || { echo "skipped: there is no git" && exit 77; }

cp "$SOURCE_DIR/bench/compare-revisions" "$tree/bench"
ln -s "$(type -P git)" "$bin/git"
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a GIT_CONFIG_GLOBAL=/dev/null
echo build >"$tree/.gitignore"
(cd "$tree" && git init -q -b main . && git add . && git commit -q -m one && echo >two && git add two && git commit -q -m two)
one=$(git -C "$tree" rev-parse HEAD~1) two=$(git -C "$tree" rev-parse HEAD)
revisions=(bash "$tree/bench/compare-revisions")
place=$tree/build/revisions

against_the_tree() {
  fresh
  answers 0 "$building
gradkern: building into $place/${one:0:12}/release; this takes a minute or two" "${revisions[@]}" HEAD~1 --quick --shape "a b"
  words="<compare><--build><$place/${one:0:12}/release/gradbench><$tree/build/release/gradbench><--quick><--shape><a b>"
  holds '[ "$(cat "$state/arguments")" = "$words" ]'
  holds 'tail -n 1 "$dir/out" | grep -q " in $dir/elsewhere$"'
  holds '[ "$(git -C "$place/${one:0:12}/source" rev-parse HEAD)" = "$one" ] && [ ! -e "$place/${one:0:12}/source/two" ]'
  answers 0 "" "${revisions[@]}" HEAD~1 # it stays
  echo 1 >"$state/ends"
  answers 1 "" "${revisions[@]}" HEAD~1
}
two_revisions() {
  fresh
  rm -rf "$place" # of which git is not told
  answers 0 "$building
gradkern: building into $place/${one:0:12}/release; this takes a minute or two
gradkern: building into $place/${two:0:12}/release; this takes a minute or two" "${revisions[@]}" "$one" main --isa ref
  words="<compare><--build><$place/${one:0:12}/release/gradbench><$place/${two:0:12}/release/gradbench><--isa><ref>"
  holds '[ "$(cat "$state/arguments")" = "$words" ]'
}
refused() {
  fresh
  local usage="(usage: bash bench/compare-revisions OLD [NEW] [OPTIONS])"
  answers 2 "gradkern: error: one or two revisions are compared $usage" "${revisions[@]}"
  answers 2 "gradkern: error: one or two revisions are compared $usage" "${revisions[@]}" --quick
  answers 2 "gradkern: error: one or two revisions are compared $usage" "${revisions[@]}" HEAD HEAD HEAD
  answers 2 "gradkern: error: there is no revision 'nowhere'" "${revisions[@]}" HEAD nowhere
  answers 0 "" "${revisions[@]}" --help
  holds '[ "$(head -n 1 "$dir/out")" = "usage: bash bench/compare-revisions OLD [NEW] [OPTIONS]" ]'
  holds '[ ! -s "$state/log" ]' # nothing was built
  hide git
  answers 4 "gradkern: error: git is needed" "${revisions[@]}" HEAD
  unhide
}
for check in against_the_tree two_revisions refused; do $check; done
planted bench/compare-revisions 's/^  GRADKERN_BUILD=\$folder/  GRADKERN_BUILD=$builds/' against_the_tree
planted bench/compare-revisions 's/--detach "\$folder\/source" "\$1"/--detach "$folder\/source" HEAD/' against_the_tree
planted bench/compare-revisions 's/"\${programs\[@\]}" "\$@"/"${programs[@]}"/' against_the_tree
planted bench/compare-revisions 's/ || die 2 "there is no/ || : "there is no/' refused

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -ge 20 ]
