#!/usr/bin/env bash
# Installs into a scratch folder and does what the README says with it: its C, C++ and Python programs, its lines for CMake and
# pkg-config, as they stand there. Then the static library, and what the module for Python promises.
set -eu
: "${SOURCE_DIR:?}" "${BUILD_DIR:?}"
CC=${CC:-cc}
if nm -D "$BUILD_DIR/kernels/libgradkern.so" | grep -qE '__(asan|tsan)_'; then
  echo "skipped: a library with a sanitizer in it is not for others"
  exit 77
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
want='success: 10 20 30 20 40 60'
prefix=$scratch/prefix
cmake --install "$BUILD_DIR" --prefix "$prefix" >/dev/null
cd "$scratch"

# What the README shows after the line <!-- NAME -->.
readme() { # NAME
  awk -v mark="<!-- $1 -->" '$0 == mark { shown = 1; next } !shown { next } /^    / { sub(/^    /, ""); print; any = 1; next }
    /^$/ { print; next } { exit } END { exit !any }' "$SOURCE_DIR/README.md"
}

check() { # WHAT COMMAND...
  local what=$1 got
  shift
  got=$("$@") || { echo "$what failed: $got"; exit 1; }
  [ "$got" = "$want" ] || { echo "$what printed '$got'"; exit 1; }
  echo "$what: $got"
}

by_cmake() { # FOLDER LIBRARY
  mkdir "$1"
  readme use.c >"$1/use.c"
  {
    printf 'cmake_minimum_required(VERSION 3.25)\nproject(use LANGUAGES C)\nadd_executable(use use.c)\ninstall(TARGETS use)\n'
    readme CMakeLists.txt | sed "s/gradkern::gradkern/$2/"
  } >"$1/CMakeLists.txt"
  cmake -S "$1" -B "$1/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_INSTALL_RPATH_USE_LINK_PATH=ON >/dev/null
  cmake --build "$1/build" >/dev/null
  cmake --install "$1/build" --prefix "$1/installed" >/dev/null
}
by_cmake shared gradkern::gradkern
by_cmake static gradkern::static
check "CMake, shared" shared/build/use
check "CMake, shared, installed with an rpath" shared/installed/bin/use
check "CMake, static" static/build/use
if ldd static/build/use | grep gradkern; then echo "gradkern::static is not static"; exit 1; fi

export PKG_CONFIG_PATH; PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name gradkern.pc)")
cc() { command "$CC" -std=c17 -Wall -Wextra -Werror "$@"; }
readme use.c >use.c
eval "$(readme pkg-config)"
check "pkg-config, shared" ./use
libraries=$(pkg-config --static --libs gradkern)
cc use.c $(pkg-config --cflags gradkern) ${libraries/-lgradkern/-l:libgradkern.a} -o use_static
check "pkg-config, static" ./use_static

# A plugin with the static library in it, unloaded after a threaded call.
cat >plugin.c <<'END'
#include <gradkern.h>
int compute(void);
int compute(void) {
    static float x[64 * 64], y[64 * 64];
    gk_context *ctx;
    if (gk_context_create(&ctx, &(gk_options){.threads = 3, .serial_below = 1}) != GK_OK) return 1;
    const gk_status status = gk_relu_forward(ctx, &(gk_relu_forward_args){.n = 64, .d = 64, .x = x, .y = y});
    gk_context_destroy(ctx);
    return status != GK_OK;
}
END
cat >loader.c <<'END'
#include <dlfcn.h>
#include <unistd.h>
int main(void) {
    for (int i = 0; i < 3; i++) {
        void *const plugin = dlopen("./plugin.so", RTLD_NOW);
        int (*compute)(void);
        if (!plugin || !(*(void **)&compute = dlsym(plugin, "compute")) || compute() || dlclose(plugin)) return 1;
        usleep(1000);
    }
    return 0;
}
END
cc -shared -fPIC plugin.c $(pkg-config --cflags gradkern) ${libraries/-lgradkern/-l:libgradkern.a} -o plugin.so
cc loader.c -D_GNU_SOURCE -ldl -o loader
./loader || { echo "a plugin with the static library: exit code $?"; exit 1; }
echo "a plugin with the static library: fine"

readme use.cpp >use.cpp
if command -v c++ >/dev/null; then
  c++ -std=c++11 -Wall -Wextra -Werror use.cpp $(pkg-config --cflags --libs gradkern) \
    -Wl,-rpath,"$(pkg-config --variable=libdir gradkern)" -o use_cpp
  ./use_cpp || { echo "C++ failed"; exit 1; }
  echo "C++: fine"
else
  echo "skipped: no C++ compiler"
fi

{ readme use.py; cat "$SOURCE_DIR/tests/data/module.py"; } >use.py
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$(pkg-config --variable=pythondir gradkern) python3 use.py

"$prefix/bin/gradbench" list --plain workloads >workloads
grep -q '^smoke' workloads || { echo "the installed gradbench finds no workloads"; exit 1; }
[ -f "$prefix/share/gradbench/mnist/t10k-images-idx3-ubyte.gz" ] && [ -f "$prefix/share/gradbench/mnist/README.md" ] ||
  { echo "images to train on are not installed"; exit 1; }
"$prefix/bin/gradbench" train --layers 784,1,10 --epochs 1 --isa ref --threads 1 >trained
grep -q '^all equal$' trained || { echo "the installed gradbench does not train"; exit 1; }

for file in man/man1/gradbench.1 bash-completion/completions/gradbench zsh/site-functions/_gradbench \
  fish/vendor_completions.d/gradbench.fish gradbench/gradbench-1.json; do
  grep -qE 'peer.*limit|threads_used' "$prefix/share/$file" ||
    { echo "$file is not installed"; exit 1; }
done

"$prefix/bin/gradbench" list --plain peers >peers
if grep 'bench/peers/install' peers; then echo "the installed gradbench names a script that it does not have"; exit 1; fi
grep -qE '^mkl.(here|absent.*GRADBENCH_PEERS=DIR)' peers ||
  { echo "the installed gradbench does not say how to get a peer"; exit 1; }
library=$(pkg-config --variable=libdir gradkern)/libgradkern.so
"$prefix/bin/gradbench" compare --build "$library" "$library" --quick --isa ref --threads 1 --threshold 1000 \
  --shape 'relu n=20 d=30' >compared || { echo "the installed gradbench does not race a library"; exit 1; }
