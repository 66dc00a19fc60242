#!/usr/bin/env bash
# bench/compare-revisions: what is built from where, what is raced, and what is refused; bench/prove: how it adds up.
set -u
. "$(dirname "$0")/../support/support_stubs.sh" || exit 1
type -P git >"$dir/out" || { echo "skipped: there is no git" && exit 77; }

cp "$SOURCE_DIR"/bench/{compare-revisions,prove} "$tree/bench"
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

# --- bench/prove, of comparisons that say what the state does, one a line: rows, slower, inconclusive, same, faster, apart
for tool in cmp mv seq; do ln -s "$(type -P "$tool")" "$bin/$tool"; done
cat >"$dir/compared" <<'END_OF_PROGRAM'
#!/bin/sh
echo "$*" >>"$state/asked"
case $1 in
  run) while [ "$1" != --json ]; do shift; done && echo result >"$2" ;;
  compare)
    read -r rows slower inconclusive same faster apart <"$state/says"
    sed -i 1d "$state/says"
    echo "$rows rows compared: $slower slower, $inconclusive inconclusive, $same the same, $faster faster"
    echo "new is 1.00x as fast as old in the geometric mean of these rows; |ratio - 1| is $apart % in the median"
    [ "$slower" = 0 ]
    ;;
esac
END_OF_PROGRAM
prove=(bash "$tree/bench/prove")
fresh_proof() { # LINE...
  fresh
  cp "$dir/compared" "$state/gradbench"
  printf '%s\n' "$@" >"$state/says"
}
says() { # LINES...
  local wanted
  wanted=$(printf '%s\n' "$@")
  holds '[ "$(cat "$dir/out")" = "$wanted" ]'
}
nulls() {
  fresh_proof "10 0 1 9 0 2" "10 1 1 7 1 10" "10 0 0 9 1 9" "8 0 0 8 0 0.1" "8 0 0 8 0 0.3" "8 0 0 8 0 0.2"
  (cd "$dir/elsewhere" && timeout 60 env PATH="$bin" "${prove[@]}" null 3 --quick) >"$dir/out" 2>"$dir/err"
  code=$?
  holds '[ "$code" = 0 ] && [ "$(grep -c "gradkern: 3 of 3: " "$dir/err")" = 2 ]'
  says "files: 2 of 3 with a false verdict (66.67 %), 1 with exit code 1; 3 of 30 rows (10.00 %);\
 |ratio - 1| is 9 % in the median" "builds: 0 of 3 with a false verdict (0.00 %), 0 with exit code 1; 0 of 24 rows (0.00 %);\
 |ratio - 1| is 0.2 % in the median"
  holds '[ "$(grep -c "^run --quick --repeat 3 --json " "$state/asked")" = 4 ]'
  holds '[ "$(grep -c "^compare .*/old.json .*/new.json --wide$" "$state/asked")" = 3 ]'
  holds '[ "$(grep -c "^compare --build .*release/gradbench .*prove/same --quick --wide$" "$state/asked")" = 3 ]'
}
slower_found() {
  fresh_proof "10 10 0 0 0 5" "10 0 9 1 0 5" "10 4 6 0 0 5"
  mkdir -p "$tree"/{kernels,bench/contenders}
  touch "$tree/CMakeLists.txt"
  cp "$SOURCE_DIR/bench/contenders/peer_child.c" "$tree/bench/contenders"
  (cd "$dir/elsewhere" && timeout 60 env PATH="$bin" "${prove[@]}" slower 3) >"$dir/out" 2>"$dir/err"
  says "one build 5 % slower: found in 2 of 3 (66.67 %), 1 of them in every row; 14 of 30 rows (46.67 %)"
  holds 'grep -A 1 "s->peer->call(" "$tree/build/prove/source/bench/contenders/peer_child.c" | grep -q "double made ="'
  holds 'grep -A 1 "while (gb_clock_ns() - start < 1.05 . made)" "$tree/build/prove/source/bench/contenders/peer_child.c" |
    grep -q "double ns ="'
  holds 'grep -q "^compare --build $tree/build/release/gradbench $tree/build/prove/release/gradbench " "$state/asked"'
}
unproved() {
  fresh_proof ""
  local usage="(usage: bash bench/prove null|slower [COUNT] [OPTIONS])"
  answers 2 "gradkern: error: null or slower is proved $usage" "${prove[@]}"
  answers 2 "gradkern: error: null or slower is proved $usage" "${prove[@]}" 7
  answers 2 "gradkern: error: COUNT must be a whole number from 1 on (got '0')" "${prove[@]}" null 0
  answers 2 "gradkern: error: COUNT must be a whole number from 1 on (got '1x')" "${prove[@]}" null 1x
  answers 0 "" "${prove[@]}" --help
  holds '[ ! -s "$state/log" ]'
}
for check in nulls slower_found unproved; do $check; done
planted bench/prove 's/\[ \$((slower + faster)) = 0 \]/[ "$slower" = 0 ]/' nulls
planted bench/prove 's/^  comparisons=0 wrong=0 rows=0 false_rows=0 failed=0$/  comparisons=0 wrong=0/' nulls
planted bench/prove 's/sort -g/sort/' nulls
planted bench/prove 's/"\$all" != "\$slower"/"$slower" = 0/' slower_found
planted bench/prove 's/1\.05 \* made/0.5 * made/' slower_found

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -ge 40 ]
