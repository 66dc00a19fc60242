#!/usr/bin/env bash
# What bench/setup and bench/peers/install find missing, name, and install on all kinds of systems: with apt-get, dnf or
# neither, as root, with sudo and without; and that a mistake in them is seen.
set -u
. "$(dirname "$0")/../support/support_stubs.sh" || exit 1

please="gradkern: error: please install what is missing"
no_network="E: no network
gradkern: error: the installation failed"
stub_dnf() {
  stub dnf <<'END_OF_STUB'
echo "dnf $*" >>"$state/log"
[ ! -e "$state/dnf_fails" ] || { echo 'Error: no network'; exit 1; }
touch "$state"/{hwloc,jansson,zlib,cmocka,has_venv}
END_OF_STUB
}
stub_sudo() {
  stub sudo <<'END_OF_STUB'
echo "sudo $1" >>"$state/log"
exec "$@"
END_OF_STUB
}
logged() { holds '[ "$(cat "$state/log")" = "'"$1"'" ]'; }

# needs APT DNF COMMAND...: they are named, and nothing is done.
needs() {
  : >"$state/log"
  answers 4 "$please (GRADKERN_INSTALL=0): $1 (Debian, Ubuntu) or $2 (Fedora)" env GRADKERN_INSTALL=0 "${@:3}"
  logged ""
}
all_tests=("${tests[@]}" --no-peers)

# --- what is missing is named
compilers() {
  fresh
  hide cc gcc g++
  needs "gcc libc6-dev" "gcc glibc-devel" "${bench[@]}"
  needs "gcc libc6-dev" "gcc glibc-devel" env CC=gcc "${bench[@]}"
  needs "clang libomp-dev" "clang libomp-devel" env CC=clang "${bench[@]}"
  needs "clang libomp-dev" "clang libomp-devel" "${all_tests[@]}" --preset clang
  stub clang <<<'exit 1'
  needs "libomp-dev" "libomp-devel" env CC=clang "${bench[@]}"
  unhide
  stub clang <<'END_OF_STUB'
case $* in *-fsanitize=thread*) exit 1 ;; esac
while [ "$1" != -o ]; do shift; done
echo program >"$2"
END_OF_STUB
  needs "libclang-rt-dev" "compiler-rt" "${all_tests[@]}" --preset tsan
  answers 0 "${building/release/clang}" "${all_tests[@]}" --preset clang
}
tools() {
  fresh
  hide cmake
  needs cmake cmake "${bench[@]}"
  unhide
  for old in 3.24.9 3.9 2.99; do
    echo $old >"$state/cmake_version"
    needs cmake cmake "${bench[@]}"
  done
  for new in 3.25 3.25.0 3.100.1 4.0.0-rc1; do
    echo $new >"$state/cmake_version"
    fresh_build
  done
  hide make
  needs make make "${bench[@]}"
  stub ninja <<<'exit 0'
  fresh_build
  rm "$bin/ninja"
  hide pkg-config
  needs "make pkg-config libhwloc-dev libjansson-dev zlib1g-dev" \
    "make pkgconf-pkg-config hwloc-devel jansson-devel zlib-devel" "${bench[@]}"
  unhide
}
fresh_build() {
  rm -rf "$tree/build"
  answers 0 "$building" "${bench[@]}"
}
libraries() {
  fresh
  hide objdump python3
  rm "$state/cmocka"
  needs "libcmocka-dev binutils python3" "libcmocka-devel binutils python3" "${all_tests[@]}"
  fresh_build # which needs none of them
  unhide
  touch "$state/cmocka"
  rm "$state/hwloc"
  needs libhwloc-dev hwloc-devel "${bench[@]}"
  touch "$state/hwloc"
  rm "$state/jansson"
  needs libjansson-dev jansson-devel "${bench[@]}"
  touch "$state/jansson"
  rm "$state/zlib"
  needs zlib1g-dev zlib-devel "${bench[@]}"
}
for check in compilers tools libraries; do $check; done
planted bench/setup 's/sort -V -C/sort -C/' tools
planted bench/setup 's/^cmake_minimum=.*/cmake_minimum=3.24/' tools
planted bench/setup 's/^cmake_minimum=.*/cmake_minimum=3.26/' tools
planted bench/setup 's/  have ninja || have make/  have make/' tools
planted bench/setup 's/  have pkg-config || .*/:/' tools
planted bench/setup 's/  \[ "\${1:-}" = test \] || return 0/:/' libraries
planted bench/setup 's/  have objdump || .*/:/' libraries
planted bench/setup 's/if ! may_install/if false/' libraries
planted bench/setup 's/  library zlib || .*//' libraries
planted bench/setup 's/    has_openmp "\$CC" || echo libomp.*//' compilers
planted bench/setup 's/    echo libc6-dev.*//' compilers
planted bench/setup 's/"\$CC -fsanitize=thread"/"$CC"/' compilers

# --- what is missing is installed
libraries_by="libhwloc-dev libjansson-dev zlib1g-dev by"
by_apt() {
  fresh
  unlearn
  answers 0 "gradkern: installing $libraries_by apt-get, 106 MB on disk
$building" "${bench[@]}"
  holds '[ "$(grep apt-get "$state/log")" = "apt-get update -qq
apt-get --assume-no install --no-install-recommends libhwloc-dev libjansson-dev zlib1g-dev
apt-get -o DPkg::Lock::Timeout=300 -y -qq install --no-install-recommends libhwloc-dev libjansson-dev zlib1g-dev" ]'
  holds '[ "$(grep -n "^cmake" "$state/log" | head -n 1 | cut -d: -f1)" = 4 ]'
  fresh
  unlearn
  touch "$state/no_size" "$state/apt_fails"
  answers 4 "gradkern: installing $libraries_by apt-get
$no_network" "${bench[@]}"
  fresh
  unlearn
  touch "$state/update_fails"
  answers 4 "E: no lists
gradkern: error: the installation failed" "${bench[@]}"
  logged "apt-get update -qq"
}
nothing_comes() {
  fresh
  rm "$state/jansson"
  touch "$state/nothing_comes"
  answers 4 "gradkern: installing libjansson-dev by apt-get, 106 MB on disk
gradkern: error: still missing after the installation: libjansson-dev" "${bench[@]}"
  fresh
  echo 3.20.0 >"$state/cmake_version"
  answers 4 "gradkern: installing cmake by apt-get, 106 MB on disk
gradkern: error: CMake 3.25 or newer is needed, this system's packages have an older one" "${bench[@]}"
}
by_dnf() {
  fresh
  unlearn
  stub_dnf
  hide apt-get
  touch "$state/dnf_fails"
  answers 4 "gradkern: installing hwloc-devel jansson-devel zlib-devel libcmocka-devel by dnf
Error: no network
gradkern: error: the installation failed" "${all_tests[@]}"
  logged "dnf install -y -q hwloc-devel jansson-devel zlib-devel libcmocka-devel"
  rm "$state/dnf_fails"
  answers 0 "gradkern: installing hwloc-devel jansson-devel zlib-devel libcmocka-devel by dnf
$building" "${all_tests[@]}"
  unlearn
  rm "$bin/dnf"
  answers 4 "$please: libhwloc-dev libjansson-dev zlib1g-dev (Debian, Ubuntu) or \
hwloc-devel jansson-devel zlib-devel (Fedora)" "${bench[@]}"
  unhide
}
not_root() {
  fresh
  unlearn
  echo 1000 >"$state/uid"
  answers 4 "$please: libhwloc-dev libjansson-dev zlib1g-dev (Debian, Ubuntu) or \
hwloc-devel jansson-devel zlib-devel (Fedora)" "${bench[@]}"
  logged ""
  stub_sudo
  answers 0 "gradkern: sudo is asked to install libhwloc-dev libjansson-dev zlib1g-dev
gradkern: installing $libraries_by sudo apt-get, 106 MB on disk
$building" "${bench[@]}"
  holds '[ "$(grep -c "^sudo apt-get$" "$state/log")" = 2 ] && [ "$(grep -c "^sudo env$" "$state/log")" = 1 ]'
  unlearn
  rm -rf "$tree/build"
  stub_dnf
  hide apt-get
  answers 0 "gradkern: installing hwloc-devel jansson-devel zlib-devel by sudo dnf
$building" "${bench[@]}"
  holds 'grep -qx "sudo dnf" "$state/log"'
  unhide
  unlearn
  needs "libhwloc-dev libjansson-dev zlib1g-dev" "hwloc-devel jansson-devel zlib-devel" "${bench[@]}"
}
for check in by_apt nothing_comes by_dnf not_root; do $check; done
planted bench/setup 's/ || die 4 "the installation failed"//' by_apt
planted bench/setup 's/apt-get update -qq || return/apt-get update -qq/' by_apt
planted bench/setup '/^run_quietly()/,/^}/s/return "\$code"/return 0/' by_apt
planted bench/setup 's/install --no-install-recommends/install/' by_apt
planted bench/setup 's/  \[ -z "\$missing" \] && return 0/return 0/' nothing_comes
planted bench/setup 's/  cmake_is_recent || die.*//' nothing_comes
planted bench/setup 's/have apt-get || apt=\$dnf/:/' by_dnf
planted bench/setup 's/dnf=\$(echo "\$missing" | cut -d. . -f2/dnf=$(echo "$missing" | cut -d" " -f1/' by_dnf
planted bench/setup 's/have apt-get || have dnf; }/true; }/' by_dnf
planted bench/setup 's/\[ "\$(id -u)" = 0 \] || sudo=sudo/:/' not_root
planted bench/setup 's/\[ "\$(id -u)" = 0 \] || have sudo/true/' not_root
planted bench/setup 's/may_install() { .*= 1 \] && /may_install() { /' not_root
planted bench/setup 's/run_quietly \$sudo dnf/run_quietly dnf/' not_root

# --- bench/peers/install
# Installs what pip is told to, as files of these names.
pip() {
  cat >"$state/pip" <<'END_OF_STUB'
#!/bin/sh
echo "pip $*" >>"$state/log"
[ ! -e "$state/pip_fails" ] || { echo 'ERROR: no such package' >&2; exit 1; }
packages=$(dirname "$0")/../lib/python3.13/site-packages
scipy=$packages/scipy_openblas32/lib
mkdir -p "$packages"
case "$*" in
  *scipy-openblas32*) mkdir -p "$scipy" && touch "$scipy/libscipy_openblas.so" ;;
  *mkl*) touch "$packages/../../libmkl_rt.so.2" ;;
  *" torch"*) mkdir "$packages/torch" ;;
  *" jax"*) mkdir "$packages/jax" ;;
  *" numpy") mkdir "$packages/numpy" ;;
  *gomp*) mkdir -p "$packages/../../../openmp/lib" && touch "$packages/../../../openmp/lib/libdnnl.so.3" ;;
  *) touch "$packages/../../libdnnl.so.3" ;;
esac
END_OF_STUB
}
fresh_pip() {
  fresh
  pip
  touch "$state/has_venv"
}
venv=$tree/build/peers
from="from PyPI into $venv, about"
quiet="pip install --quiet --disable-pip-version-check"
from_pypi() {
  fresh_pip
  answers 0 "gradkern: installing mkl $from 600 MB on disk
gradkern: installing onednn-cpu-gomp $from 170 MB on disk" "${install[@]}" mkl onednn3-openmp
  logged "python3 -m venv $venv
$quiet mkl
$quiet --prefix $venv/openmp onednn-cpu-gomp"
  answers 0 "" "${install[@]}" mkl onednn3-openmp
  holds '[ "$(cat "$dir/out")" = "mkl: is here already
onednn3-openmp: is here already" ]'
  answers 0 "gradkern: installing torch numpy $from 7000 MB on disk" "${install[@]}" mkl torch
  holds '[ "$(cat "$dir/out")" = "mkl: is here already" ]'
  touch "$state/pip_fails"
  answers 4 "gradkern: installing onednn $from 900 MB on disk
ERROR: no such package
gradkern: installing jax numpy $from 600 MB on disk
ERROR: no such package
gradkern: error: not fetched: onednn3 jax" "${install[@]}" mkl onednn3 jax
}
without_a_name() {
  fresh_pip
  printf '\t%s (libc6) => here\n' libopenblas.so.0 libblis.so.4 libdnnl.so.2.1 >"$state/libraries"
  answers 4 "gradkern: installing libdnnl2 by apt-get, 106 MB on disk
gradkern: installing scipy-openblas32 $from 40 MB on disk
gradkern: installing mkl $from 600 MB on disk
gradkern: installing onednn $from 900 MB on disk
gradkern: installing onednn-cpu-gomp $from 170 MB on disk
gradkern: installing numpy $from 80 MB on disk
gradkern: error: not fetched: onednn2" "${install[@]}" # another version's name is not its own
  answers 4 "gradkern: installing libdnnl2 by apt-get, 106 MB on disk
gradkern: installing torch numpy $from 7000 MB on disk
gradkern: installing jax numpy $from 600 MB on disk
gradkern: error: not fetched: onednn2" "${install[@]}" mkl all
  answers 2 "gradkern: error: unknown peer 'nobody' (allowed: openblas blis onednn2 scipy-openblas mkl onednn3 onednn3-openmp \
torch jax numpy, all)" "${install[@]}" mkl nobody
  answers 0 "" "${install[@]}" nobody --help
  holds '[ "$(sed -n 1p "$dir/out")" = "usage: bash bench/peers/install [NAME...]" ]'
  holds 'grep -qx "Fetches libraries to race (gradbench run --peers): openblas blis .* torch jax numpy." "$dir/out"'
  fresh_pip
  answers 4 "gradkern: error: not installed (GRADKERN_INSTALL=0): mkl blis" env GRADKERN_INSTALL=0 "${install[@]}" mkl blis
  logged ""
}
without_venv() {
  fresh_pip
  rm "$state/has_venv"
  answers 0 "gradkern: installing python3-venv by apt-get, 106 MB on disk
gradkern: installing mkl $from 600 MB on disk" "${install[@]}" mkl
  holds 'grep -qx "python3 -m venv --clear $venv" "$state/log"'
  fresh_pip
  rm "$state/has_venv"
  hide apt-get
  answers 4 "gradkern: please install libdnnl2 (Debian)
gradkern: please install python3-venv (Debian)
gradkern: error: not fetched: mkl onednn2" "${install[@]}" mkl onednn2
  unhide
}
for check in from_pypi without_a_name without_venv; do $check; done
planted bench/peers/install 's/^\[ \${#failed\[@\]} = 0 \] || .*/:/' from_pypi
planted bench/peers/install 's/ --prefix "\$venv\/openmp"//' from_pypi
planted bench/peers/install 's/; continue; fi/; fi/' from_pypi
planted bench/peers/install 's/about \$1 on disk/about $2 on disk/' from_pypi
planted bench/peers/install "s/grep -vxE 'torch|jax'/grep -v torch/" without_a_name
planted bench/peers/install 's/\$file " *$/$file"/; s/\$file "$/$file"/' without_a_name
planted bench/peers/install 's/^\[ "\${GRADKERN_INSTALL:-1}" = 1 \] || .*/:/' without_a_name
planted bench/peers/install 's/    all) .*/    all) ;;/' without_a_name
planted bench/peers/install 's/ && run_quietly python3 -m venv --clear "\$venv"//' without_venv
planted bench/peers/install 's/  make_venv || return/  make_venv/' without_venv

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -ge 100 ]
