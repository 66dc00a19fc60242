# Sourced by scripts that try bench/run, tests/run, bench/peers/install and .ci/run. These run in a tree that holds nothing
# else, with only what is in bin on their PATH: a few tools of the system, and stand-ins for compiler, CMake, pkg-config and
# apt-get.
: "${SOURCE_DIR:?}"
. "$SOURCE_DIR/tests/support/support_script.sh" || exit 1
unset CC TMPDIR GRADKERN_BUILD GRADKERN_INSTALL CMAKE_GENERATOR GK_QUICK
tree=$dir/tree bin=$dir/bin
export state=$dir/state # what the stand-ins remember: log, what is installed, how to behave

no() {
  failure "$@"
  sed 's/^/    /' "$dir/out"
}

mkdir -p "$bin" "$state" "$tree"/{bench/peers,tests/mutants,.ci} "$dir/elsewhere"
cp "$SOURCE_DIR"/bench/{run,setup} "$tree/bench"
cp "$SOURCE_DIR"/bench/peers/{install,packages.def} "$tree/bench/peers"
cp "$SOURCE_DIR"/tests/{run,fresh_machine} "$tree/tests"
cp "$SOURCE_DIR/tests/mutants/run" "$tree/tests/mutants"
cp "$SOURCE_DIR/.ci/run" "$tree/.ci"
cp "$SOURCE_DIR/CMakePresets.json" "$tree"
tools="awk basename bash cat chmod cp ctest cut dirname echo env grep head ln mkdir mktemp nproc printf readlink rm sed sleep
  sort tail tee touch tr xargs"
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
stub python3 <<'END' # -m venv [--clear] FOLDER
[ "$2" = venv ] && [ -e "$state/has_venv" ] || exit 1
echo "python3 $*" >>"$state/log"
mkdir -p "${@: -1}/bin" && cp "$state/pip" "${@: -1}/bin/pip" && chmod +x "${@: -1}/bin/pip"
END
stub objdump <<<'exit 0'
stub make <<<'exit 0'
stub pkg-config <<<'[ -e "$state/$2" ]' # --exists LIBRARY
stub apt-get <<'END'
echo "apt-get $*" >>"$state/log"
case $* in
  *update*) [ ! -e "$state/update_fails" ] || { echo 'E: no lists'; exit 100; } ;;
  *--assume-no*) [ -e "$state/no_size" ] || echo 'After this operation, 106 MB of additional disk space will be used.' ;;
  *install*) [ ! -e "$state/apt_fails" ] || { echo 'E: no network'; exit 100; }
    [ -e "$state/nothing_comes" ] || touch "$state"/{hwloc,jansson,zlib,cmocka,has_venv} ;;
esac
END
stub cmake <<'END'
[ "$1" != --version ] || { echo "cmake version $(cat "$state/cmake_version")"; exit; }
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
case "$*" in
  *variants) cat "$state/variants" ;;
  *) echo "gradbench $* in $PWD" && printf '<%s>' "$@" >"$state/arguments" && exit "$(cat "$state/ends")" ;;
esac
END

# hide TOOL...: as if it were not installed, until unhide.
hide() {
  local tool
  for tool in "$@"; do mv "$bin/$tool" "$dir/hidden"; done
}
unhide() {
  mkdir -p "$dir/hidden"
  find "$dir/hidden" -type f -o -type l | while read -r tool; do mv "$tool" "$bin"; done
}

# A machine on which everything is installed but the peers, and all works.
fresh() {
  unhide
  rm -f "$bin"/{clang,ninja,sudo,dnf}
  rm -rf "$state" "${tree:?}/build"
  mkdir "$state"
  cp "$dir/gradbench" "$state"
  touch "$state"/{hwloc,jansson,zlib,cmocka,log}
  echo 0 | tee "$state"/{uid,seconds,ends} >"$dir/out"
  echo 3.30.1 >"$state/cmake_version"
  printf 'ref\tusable\t\n' >"$state/variants"
  echo 'add_test(good /bin/sh -c true)' >"$state/tests"
}
# What apt-get brings is not there.
unlearn() { rm "$state"/{hwloc,jansson,zlib,cmocka}; }

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

# planted FILE SED_SCRIPT FUNCTION: a mistake in the tree's copy, which the function's checks must see.
planted() {
  local file=$tree/$1 changed=yes seen=yes
  cp "$file" "$dir/right"
  sed -i "$2" "$file"
  cmp -s "$file" "$dir/right" && changed=no
  (
    failure() { exit 1; }
    "$3"
    exit 0
  ) >"$dir/planted" 2>&1 && seen=no
  cp "$dir/right" "$file"
  if [ $changed$seen = yesyes ]; then passed=$((passed + 1)); else failure "planted in $1: $2: changed $changed, seen $seen"; fi
}
