#!/usr/bin/env bash
# What bench/run, tests/run and bench/peers/install answer in broken surroundings: exit code and exact words.
set -u
. "$(dirname "$0")/../support/support_stubs.sh" || exit 1
other="(GRADKERN_BUILD=FOLDER builds elsewhere)"
gone="gradkern: error: not installed (GRADKERN_INSTALL=0): openblas blis onednn2
gradkern: going on without these peers"
all_gone=${gone/onednn2/onednn2 numpy} # the tests want NumPy, too
no_numpy="gradkern: installing numpy from PyPI into $tree/build/peers, about 80 MB on disk
ERROR: no such package"
fresh_without_packages() {
  fresh
  touch "$state/has_venv"
  printf '#!/bin/sh\necho "ERROR: no such package"\nexit 1\n' >"$state/pip"
}

# --- a word about what cannot work, before anything is done
for run in "$tree/bench/run" "$tree/tests/run"; do
  fresh
  unlearn
  answers 2 "gradkern: error: CC=nonexistent: not found" env CC=nonexistent bash "$run"
  answers 2 "gradkern: error: CC=no/such/gcc -m64: not found" env CC="no/such/gcc -m64" bash "$run"
  for cc in "$bin/python3" says_so g++; do
    answers 2 "gradkern: error: CC=$cc: makes no program of C with OpenMP" env CC="$cc" bash "$run"
  done
  answers 2 "gradkern: error: GRADKERN_INSTALL must be 0 or 1 (got 'no')" env GRADKERN_INSTALL=no bash "$run"
  answers 4 "gradkern: error: /nonexistent is no folder (TMPDIR=FOLDER names another)" env TMPDIR=/nonexistent bash "$run"
  answers 4 "gradkern: error: /proc cannot be written to (TMPDIR=FOLDER names another)" env TMPDIR=/proc bash "$run"
  answers 4 "gradkern: error: /proc/x cannot be made $other" env GRADKERN_BUILD=/proc/x bash "$run"
  answers 4 "gradkern: error: /proc cannot be written to $other" env GRADKERN_BUILD=/proc bash "$run"
  rm -rf "$tree/build" && touch "$tree/build"
  answers 4 "gradkern: error: $tree/build cannot be made $other" bash "$run"
  rm "$tree/build"
  mv "$bin/mktemp" "$dir/mktemp"
  stub mktemp <<<"ln -sf /dev/full '$dir/full'; echo '$dir/full'"
  answers 4 "gradkern: error: /tmp is full (TMPDIR=FOLDER names another)" bash "$run"
  stub mktemp <<<'echo "mktemp: failed to create file: No space left on device" >&2; exit 1'
  answers 4 "gradkern: error: /tmp is full (TMPDIR=FOLDER names another)" bash "$run"
  mv "$dir/mktemp" "$bin/mktemp"
  answers 0 "" bash "$run" --help
  holds 'head -n 1 "$dir/out" | grep -q "^usage: bash "'
  holds '[ ! -s "$state/log" ]' # nothing was installed, configured or built
done
for run in "$tree/tests/fresh_machine" "$tree/.ci/run"; do
  fresh
  answers 0 "" bash "$run" --help
  holds '[ "$(head -n 1 "$dir/out")" = "usage: bash $run" ]'
  holds 'grep -q "fresh machine" "$dir/out" && ! grep -q "[#$]" "$dir/out"'
  answers 2 "gradkern: error: $run takes no arguments (got '-R')" bash "$run" -R
  answers 4 "gradkern: error: /proc cannot be written to (TMPDIR=FOLDER names another)" env TMPDIR=/proc bash "$run"
  holds '[ ! -s "$state/log" ]'
done
fresh
answers 2 "gradkern: error: there is no preset 'nope' (allowed: release debug clang asan tsan)" "${tests[@]}" --preset nope
answers 2 "gradkern: error: --preset needs a value" "${tests[@]}" --preset
answers 2 "gradkern: error: there is no preset 'nope' (allowed: release debug clang asan tsan)" "${tests[@]}" --preset=nope
for words in golden "-R ^json$ golden" "-j4 golden"; do
  answers 2 "gradkern: error: tests are chosen by -R '^golden\$' (got 'golden')" "${tests[@]}" $words
done
for word in --no-peer -Z --timeout=3 -Rgolden; do
  answers 2 "gradkern: error: neither tests/run nor ctest has an option $word" "${tests[@]}" -N $word -R '^json$'
done
answers 2 "gradkern: error: -R needs a value" "${tests[@]}" -R
answers 2 "gradkern: error: -E needs a value" "${tests[@]}" -E -N
names="openblas blis onednn2 scipy-openblas mkl onednn3 onednn3-openmp torch jax numpy"
answers 2 "gradkern: error: unknown peer 'torch-compile' (allowed: $names, all)" "${install[@]}" torch-compile
holds '[ ! -s "$state/log" ]'

# --- what is missing
need="libhwloc-dev libjansson-dev zlib1g-dev (Debian, Ubuntu) or hwloc-devel jansson-devel zlib-devel (Fedora)"
all_need="libhwloc-dev libjansson-dev zlib1g-dev libcmocka-dev (Debian, Ubuntu) or \
hwloc-devel jansson-devel zlib-devel libcmocka-devel (Fedora)"
please="gradkern: error: please install what is missing"
fresh
unlearn
answers 4 "$please (GRADKERN_INSTALL=0): $all_need" env GRADKERN_INSTALL=0 "${tests[@]}"
answers 4 "$please (GRADKERN_INSTALL=0): $need" env GRADKERN_INSTALL=0 "${bench[@]}"
echo 1000 >"$state/uid"
answers 4 "$please: $all_need" "${tests[@]}"
echo 0 >"$state/uid"
touch "$state/apt_fails"
answers 4 "gradkern: installing libhwloc-dev libjansson-dev zlib1g-dev libcmocka-dev by apt-get, 106 MB on disk
E: no network
gradkern: error: the installation failed" "${tests[@]}"
rm "$state/apt_fails"
answers 0 "gradkern: installing libhwloc-dev libjansson-dev zlib1g-dev by apt-get, 106 MB on disk
$building" "${bench[@]}" --quick
holds 'grep -q "^cmake --preset release .*-DGRADKERN_TESTS=OFF" "$state/log"'

# --- what one preset needs alone
fresh
stub clang <<'END'
case $* in *-fsanitize=thread*) exit 1 ;; esac
while [ "$1" != -o ]; do shift; done
echo program >"$2"
END
answers 4 "gradkern: error: please install what is missing (GRADKERN_INSTALL=0): libclang-rt-dev (Debian, Ubuntu) or \
compiler-rt (Fedora)" env GRADKERN_INSTALL=0 "${tests[@]}" --preset tsan
rm "$bin/clang"

# --- peers are offered, and said
fresh_without_packages
answers 0 "gradkern: installing libopenblas0-openmp libblis4-openmp libdnnl2 by apt-get, 106 MB on disk
$no_numpy
gradkern: error: not fetched: openblas blis onednn2 numpy
gradkern: going on without these peers
$building" "${tests[@]}"
holds '[ "$(tail -n 1 "$dir/out")" = "1 passed, 0 failed" ]'
fresh_without_packages
touch "$state/apt_fails"
answers 0 "gradkern: installing libopenblas0-openmp libblis4-openmp libdnnl2 by apt-get, 106 MB on disk
E: no network
$no_numpy
gradkern: error: not fetched: openblas blis onednn2 numpy
gradkern: going on without these peers
$building" "${tests[@]}"
fresh
answers 0 "$all_gone
$building" env GRADKERN_INSTALL=0 "${tests[@]}"
answers 0 "" "${tests[@]}" --no-peers -LE slow
answers 0 "" "${tests[@]}" --no-peers -j --timeout 9 -j 2 --no-tests=error -V --repeat until-pass:2 -j2
for words in "--peers none" --peers=nobody "--peers naive,mkl" "list peers"; do answers 0 "" "${bench[@]}" $words; done
answers 0 "${gone/openblas blis onednn2/onednn2 openblas}" env GRADKERN_INSTALL=0 "${bench[@]}" --peers onednn2@avx2,openblas
for words in "--peers auto" --peers=naive,all; do answers 0 "$gone" env GRADKERN_INSTALL=0 "${bench[@]}" $words; done
printf '\t%s (libc6) => here\n' libopenblas.so.0 libblis.so.4 libdnnl.so.2 >"$state/libraries"
mkdir -p "$tree/build/peers/lib/python3.13/site-packages/numpy"
answers 0 "" "${tests[@]}"
holds '! grep -q apt-get "$state/log"'

# --- both orders: a build for measurements has no tests, and keeps those that are there
answers 0 "" env CC="cc -O1" "${bench[@]}" --quick
holds '! grep -q -e --fresh "$state/log"'
answers 0 "" env CC=gcc "${bench[@]}" --quick
holds 'tail -n 2 "$state/log" | grep -q -e --fresh'
answers 0 "" "${bench[@]}"
holds 'tail -n 2 "$state/log" | grep -q -e --fresh'
answers 0 "" env CC=" cc " "${bench[@]}" --quick
holds '! tail -n 2 "$state/log" | grep -q -e --fresh'
holds '[ "$(cat "$dir/out")" = "gradbench run --quick in $dir/elsewhere" ]'
holds '! grep -q TESTS=OFF "$state/log"'
fresh
answers 0 "$building" "${bench[@]}" info
holds '[ "$(cat "$dir/out")" = "gradbench info in $dir/elsewhere" ]'
answers 0 "" "${tests[@]}" --no-peers
holds '[ "$(grep "^cmake --preset" "$state/log" | grep -o "TESTS=.*" | xargs)" = "TESTS=OFF TESTS=ON" ]'
answers 0 "${building/build\/release/"$dir/elsewhere/here/release"}" env GRADKERN_BUILD=here "${bench[@]}"
holds '[ -x "$dir/elsewhere/here/release/gradbench" ]'

# --- by another path, through a link to the script, and moved
ln -s tree "$dir/linked"
ln -s "$tree/bench/run" "$dir/elsewhere/measure"
ln -s "$tree/tests/run" "$dir/elsewhere/check"
fresh
answers 0 "$building" bash "$dir/linked/bench/run"
for run in "$tree/bench/run" measure "$dir/linked/tests/run -N --no-peers" "check -N --no-peers"; do
  answers 0 "" bash $run
done
holds '! grep -q -e --fresh "$state/log"'
mv "$tree/build" "$dir/elsewhere/moved"
: >"$state/log"
answers 0 "" env GRADKERN_BUILD=moved "${bench[@]}"
holds 'grep -q -e --fresh "$state/log"'

# --- a build that takes its time
fresh
echo 2.1 >"$state/seconds"
cp "$tree/bench/setup" "$dir/setup"
sed -i 's/-lt 10 /-lt 2 /' "$tree/bench/setup" # nobody waits 10 s for a word here
(cd "$dir/elsewhere" && env PATH="$bin" "${bench[@]}") >"$dir/out" 2>"$dir/err" </dev/null
holds '[ "$(grep -vx "gradkern: building, 12%" "$dir/err" | sed 1d)" = "gradkern: building, 50%" ]'
cp "$dir/setup" "$tree/bench/setup"
if ln -s "$(type -P script)" "$bin/script" 2>/dev/null; then # makes a terminal
  answers 0 "" script -qec "bash '$tree/bench/run'" /dev/null
  holds 'grep -q "gradkern: building, 50%" "$dir/out"'
else
  echo "skipped: progress on a terminal: there is no program 'script'"
fi

# --- what documents tell to start can be started
for script in bench/run bench/peers/install tests/run tests/fresh_machine .ci/run; do holds "[ -x '$SOURCE_DIR/$script' ]"; done

# --- what gradbench says about peers that are absent can be followed
"$GRADBENCH" list --plain peers | sed -n "s|.*/bench/peers/install'* \([a-z0-9-]*\))\$|\1|p" | sort -u >"$dir/named"
env -u GRADKERN_BUILD GRADBENCH_PEERS=/nonexistent "$GRADBENCH" list --plain peers | grep -c '/bench/peers/install' >"$dir/out"
holds '[ "$(cat "$dir/out")" -ge 8 ]'
for name in $(cat "$dir/named"); do holds 'grep -q "^GB_PACKAGE(\"$name\"" "$tree/bench/peers/packages.def"'; done
# ... also where the folder to build in has a name that the shell must not take apart
peers="$dir/it's a folder/peers"
cmake -S "$SOURCE_DIR" -B "$dir/advice" -DGRADKERN_PEERS="$peers" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >"$dir/out" 2>&1
python3 - "$dir/advice/compile_commands.json" "${peers%/*}" "$SOURCE_DIR" <<'END' >>"$dir/out" 2>&1
import json, shlex, sys
command = [c["command"] for c in json.load(open(sys.argv[1])) if c["file"].endswith("/peer_catalog.c")]
mark = "-DGB_PEERS_INSTALL="
literal, = [word for word in shlex.split(command[0]) if word.startswith(mark)]
words = shlex.split(json.loads(literal[len(mark):]))
assert words == ["GRADKERN_BUILD=" + sys.argv[2], "bash", sys.argv[3] + "/bench/peers/install"], words
END
advised=$?
holds '[ "$advised" = 0 ]'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -ge 60 ]
