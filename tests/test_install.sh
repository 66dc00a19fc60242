#!/usr/bin/env bash
# Installs into a scratch folder and builds a ten-line program against it: by CMake, by pkg-config, from C++ and from Python.
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

check() { # WHAT COMMAND...
  local what=$1 got
  shift
  got=$("$@") || { echo "$what failed: $got"; exit 1; }
  [ "$got" = "$want" ] || { echo "$what printed '$got'"; exit 1; }
  echo "$what: $got"
}

cmake -S "$SOURCE_DIR/tests/consumer" -B "$scratch/cmake" -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
cmake --build "$scratch/cmake" >/dev/null
check "CMake, shared" "$scratch/cmake/with_gradkern"
check "CMake, static" "$scratch/cmake/with_static"

export PKG_CONFIG_PATH; PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name gradkern.pc)")
libraries=$(pkg-config --variable=libdir gradkern)
consumer=$SOURCE_DIR/tests/consumer/consumer.c
"$CC" -std=c17 "$consumer" $(pkg-config --cflags --libs gradkern) -o "$scratch/by_pkg_config"
check "pkg-config, shared" env LD_LIBRARY_PATH="$libraries" "$scratch/by_pkg_config"
static=$(pkg-config --static --libs gradkern)
"$CC" -std=c17 "$consumer" $(pkg-config --cflags gradkern) ${static/-lgradkern/-l:libgradkern.a} -o "$scratch/by_pkg_config_static"
check "pkg-config, static" "$scratch/by_pkg_config_static"

if command -v c++ >/dev/null; then
  printf '#include <gradkern.h>\nint main() { gk_affine_dx_args a = {}; a.n = 0; return gk_affine_dx(nullptr, &a) == GK_ERROR_NULL ? 0 : 1; }\n' >"$scratch/a.cpp"
  c++ -std=c++11 -Wall -Wextra -Werror "$scratch/a.cpp" $(pkg-config --cflags --libs gradkern) -o "$scratch/cpp"
  env LD_LIBRARY_PATH="$libraries" "$scratch/cpp" && echo "C++: fine"
else
  echo "skipped: no C++ compiler"
fi

python3 - "$libraries/libgradkern.so" <<'PYTHON'
import ctypes, sys
lib = ctypes.CDLL(sys.argv[1])
lib.gk_version.restype = ctypes.c_char_p
ctx = ctypes.c_void_p()
assert lib.gk_context_create(ctypes.byref(ctx), None) == 0
class ReluForward(ctypes.Structure):
    _fields_ = [("n", ctypes.c_size_t), ("d", ctypes.c_size_t), ("x", ctypes.c_void_p), ("ld_x", ctypes.c_size_t),
                ("y", ctypes.c_void_p), ("ld_y", ctypes.c_size_t), ("mask", ctypes.c_void_p), ("ld_mask", ctypes.c_size_t)]
x, y = (ctypes.c_float * 3)(-1, 0, 2), (ctypes.c_float * 3)()
args = ReluForward(1, 3, ctypes.addressof(x), 0, ctypes.addressof(y), 0, None, 0)
assert lib.gk_relu_forward(ctx, ctypes.byref(args)) == 0
assert list(y) == [0, 0, 2], list(y)
print("ctypes:", lib.gk_version().decode())
PYTHON
"$prefix/bin/gradbench" list --plain workloads >"$scratch/workloads"
grep -q '^smoke' "$scratch/workloads" || { echo "the installed gradbench finds no workloads"; exit 1; }
