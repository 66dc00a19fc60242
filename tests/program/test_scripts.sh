#!/usr/bin/env bash
# What bench/run, tests/run and bench/peers/install answer in broken surroundings: exit code and exact words. They run in a tree
# that holds nothing else, with only what is in bin on their PATH: a few tools of the system, and stand-ins for compiler, CMake,
# pkg-config and apt-get.
set -u
: "${SOURCE_DIR:?}"
. "$(dirname "$0")/../support/support_script.sh" || exit 1
unset CC TMPDIR GRADKERN_BUILD GRADKERN_INSTALL CMAKE_GENERATOR
tree=$dir/tree bin=$dir/bin
export state=$dir/state # what the stand-ins remember: log, what is installed, how to behave

no() {
  failure "$@"
  sed 's/^/    /' "$dir/out"
}

mkdir -p "$bin" "$state" "$tree"/{bench/peers,tests,.ci} "$dir/elsewhere"
cp "$SOURCE_DIR"/bench/{run,setup} "$tree/bench"
cp "$SOURCE_DIR"/bench/peers/{install,packages.def} "$tree/bench/peers"
cp "$SOURCE_DIR"/tests/{run,fresh_machine} "$tree/tests"
cp "$SOURCE_DIR/.ci/run" "$tree/.ci"
cp "$SOURCE_DIR/CMakePresets.json" "$tree"
tools="awk basename bash cat chmod cp ctest cut dirname echo env grep head ln mkdir mktemp nproc printf readlink rm sed sleep
  sort tail touch tr xargs"
for tool in $tools; do ln -s "$(type -P "$tool")" "$bin/$tool" || exit 1; done

stub() { { echo "#!$(type -P bash)" && cat; } >"$bin/$1" && chmod +x "$bin/$1"; }
for name in cc gcc; do
  stub $name <<'END' # compiles
while [ "$1" != -o ]; do shift; done
echo program >"$2"
END
done
stub says_so <<<'exit 0'
stub g++ <<<'grep -q __cplusplus "$2" && exit 1' # -fopenmp FILE
stub ldconfig <<<'cat "$state/libraries" 2>/dev/null'
stub id <<<'cat "$state/uid"'
stub python3 <<<'exit 1'
stub objdump <<<'exit 0'
stub make <<<'exit 0'
stub pkg-config <<<'[ -e "$state/$2" ]' # --exists LIBRARY
stub apt-get <<'END'
echo "apt-get $*" >>"$state/log"
case $* in
  *--assume-no*) echo 'After this operation, 106 MB of additional disk space will be used.' ;;
  *install*) [ ! -e "$state/apt_fails" ] || { echo 'E: no network'; exit 100; }
    touch "$state"/{hwloc,jansson,cmocka} ;;
esac
END
stub cmake <<'END'
[ "$1" != --version ] || { echo 'cmake version 3.30.1'; exit; }
echo "cmake $*" >>"$state/log"
if [ "$1" = --build ]; then
  echo '[ 12%] Building C object one.c.o'
  sleep "$(cat "$state/seconds")"
  echo '[ 50%] Building C object two.c.o'
  [ ! -e "$state/build_fails" ] || { echo 'error: two'; exit 1; }
  cp "$state/gradbench" "$2"
  chmod +x "$2/gradbench"
else
  folder=$4 # --preset PRESET -B FOLDER
  mkdir -p "$folder" && cp "$state/tests" "$folder/CTestTestfile.cmake"
  compiler=${CC:-cc}
  printf '%s\n' "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "CMAKE_CACHEFILE_DIR:INTERNAL=$folder" \
    "CMAKE_C_COMPILER:FILEPATH=$(type -P "${compiler%% *}")" >"$folder/CMakeCache.txt"
  [ ! -e "$state/configure_fails" ] || { mkdir "$folder/CMakeFiles"; echo 'CMake Error'; exit 1; }
  case $* in *GRADKERN_TESTS=OFF*) ;; *) echo GRADKERN_TESTS:BOOL=ON >>"$folder/CMakeCache.txt" ;; esac
fi
END

# --- what the build above makes
cat >"$dir/gradbench" <<'END'
#!/bin/sh
case "$*" in *variants) printf 'ref\tusable\t\n' ;; *) echo "gradbench $* in $PWD" ;; esac
END

# A machine on which everything is installed but the peers, and all works.
fresh() {
  rm -rf "$state" "${tree:?}/build"
  mkdir "$state"
  cp "$dir/gradbench" "$state"
  touch "$state"/{hwloc,jansson,cmocka,log}
  echo 0 >"$state/uid"
  echo 0 >"$state/seconds"
  echo 'add_test(good /bin/sh -c true)' >"$state/tests"
}
unlearn() { rm "$state"/{hwloc,jansson,cmocka}; }

# answers CODE ERRORS COMMAND...: started outside the tree it has this exit code, and this is all of standard error; out keeps
# its standard output.
answers() {
  local code=$1 words=$2 got
  shift 2
  (cd "$dir/elsewhere" && timeout 60 env PATH="$bin" "$@") >"$dir/out" 2>"$dir/err" </dev/null
  got=$?
  if [ "$got" = "$code" ] && [ "$(cat "$dir/err")" = "$words" ]; then
    passed=$((passed + 1))
  else
    failure "$*: exit code $got, expected $code, and on standard error:"
    sed 's/^/    /' "$dir/err"
  fi
}
bench=(bash "$tree/bench/run") tests=(bash "$tree/tests/run") install=(bash "$tree/bench/peers/install")
building="gradkern: building into build/release; this takes a minute or two"
other="(GRADKERN_BUILD=FOLDER builds elsewhere)"
gone="gradkern: error: not installed (GRADKERN_INSTALL=0): openblas blis onednn2
gradkern: going on without these peers"

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
names="openblas blis onednn2 scipy-openblas mkl onednn3 onednn3-openmp torch jax"
answers 2 "gradkern: error: unknown peer 'torch-compile' (allowed: $names, all)" "${install[@]}" torch-compile
holds '[ ! -s "$state/log" ]'

# --- what is missing
need="libhwloc-dev libjansson-dev (Debian, Ubuntu) or hwloc-devel jansson-devel (Fedora)"
all_need="libhwloc-dev libjansson-dev libcmocka-dev (Debian, Ubuntu) or hwloc-devel jansson-devel libcmocka-devel (Fedora)"
please="gradkern: error: please install what is missing"
fresh
unlearn
answers 4 "$please (GRADKERN_INSTALL=0): $all_need" env GRADKERN_INSTALL=0 "${tests[@]}"
answers 4 "$please (GRADKERN_INSTALL=0): $need" env GRADKERN_INSTALL=0 "${bench[@]}"
echo 1000 >"$state/uid"
answers 4 "$please: $all_need" "${tests[@]}"
echo 0 >"$state/uid"
touch "$state/apt_fails"
answers 4 "gradkern: installing libhwloc-dev libjansson-dev libcmocka-dev by apt-get, 106 MB on disk
E: no network
gradkern: error: the installation failed" "${tests[@]}"
rm "$state/apt_fails"
answers 0 "gradkern: installing libhwloc-dev libjansson-dev by apt-get, 106 MB on disk
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
fresh
answers 0 "gradkern: installing libopenblas0-openmp libblis4-openmp libdnnl2 by apt-get, 106 MB on disk
gradkern: error: not fetched: openblas blis onednn2
gradkern: going on without these peers
$building" "${tests[@]}"
holds '[ "$(tail -n 1 "$dir/out")" = "1 passed, 0 failed" ]'
fresh
touch "$state/apt_fails"
answers 0 "gradkern: installing libopenblas0-openmp libblis4-openmp libdnnl2 by apt-get, 106 MB on disk
E: no network
gradkern: error: not fetched: openblas blis onednn2
gradkern: going on without these peers
$building" "${tests[@]}"
fresh
answers 0 "$gone
$building" env GRADKERN_INSTALL=0 "${tests[@]}"
answers 0 "" "${tests[@]}" --no-peers -LE slow
answers 0 "" "${tests[@]}" --no-peers -j --timeout 9 -j 2 --no-tests=error -V --repeat until-pass:2 -j2
for words in "--peers none" --peers=nobody "--peers naive,mkl" "list peers"; do answers 0 "" "${bench[@]}" $words; done
answers 0 "${gone/openblas blis onednn2/onednn2 openblas}" env GRADKERN_INSTALL=0 "${bench[@]}" --peers onednn2@avx2,openblas
for words in "--peers auto" --peers=naive,all; do answers 0 "$gone" env GRADKERN_INSTALL=0 "${bench[@]}" $words; done
printf '\t%s (libc6) => here\n' libopenblas.so.0 libblis.so.4 libdnnl.so.2 >"$state/libraries"
answers 0 "" "${tests[@]}"
holds '! grep -q apt-get "$state/log"'

# --- tests that fail, and none
fresh
cat >>"$state/tests" <<'END'
add_test(planted /bin/sh -c false)
add_test(gone /nonexistent)
add_test(skips /bin/sh -c "exit 77")
set_tests_properties(skips PROPERTIES SKIP_RETURN_CODE 77)
END
answers 1 "$building
Errors while running CTest" "${tests[@]}" --no-peers -R 'good|planted'
holds '[ "$(tail -n 1 "$dir/out")" = "1 passed, 1 failed" ]'
answers 1 "Unable to find executable: /nonexistent
Errors while running CTest" "${tests[@]}" --no-peers
holds '[ "$(tail -n 1 "$dir/out")" = "1 passed, 2 failed, 1 skipped" ]'
answers 1 "No tests were found!!!
gradkern: error: no test was run (the options of ctest: -R nothing)" "${tests[@]}" --no-peers -R nothing
holds '[ "$(tail -n 1 "$dir/out")" = "0 passed, 1 failed" ]'
for option in "--require avx9" --require=avx9; do
  answers 2 "gradkern: error: --require names no compiled variant (got 'avx9', allowed: ref)" "${tests[@]}" $option --no-peers
done

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

# --- a configuration that fails leaves nothing for the next
fresh
touch "$state/configure_fails"
answers 4 "$building
CMake Error
gradkern: error: CMake could not configure $tree/build/release" "${bench[@]}"
holds '! compgen -G "$tree/build/release/CMake*"'

# --- a build that fails, and one that takes its time
fresh
touch "$state/build_fails"
answers 4 "$building
[ 12%] Building C object one.c.o
[ 50%] Building C object two.c.o
error: two
gradkern: error: the build failed (all it said is in $tree/build/release/build.log)" "${bench[@]}"
fresh
echo 11 >"$state/seconds"
answers 0 "$building
gradkern: building, 50%" "${bench[@]}"
echo 2 >"$state/seconds"
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
