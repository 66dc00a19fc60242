#!/usr/bin/env bash
# The library from Python, beside NumPy and PyTorch: compare.py, weights.py, and the README's lines. Skipped
# where there is no NumPy.
set -u
: "${SOURCE_DIR:?}" "${BUILD_DIR:?}" "${GRADBENCH:?}"
export PYTHONDONTWRITEBYTECODE=1
python=
for candidate in "$BUILD_DIR/../peers/bin/python" python3; do # what bench/peers/install made, or the system's
  "$candidate" -c 'import numpy' 2>/dev/null && python=$candidate && break
done
[ -n "$python" ] || { echo "skipped: NumPy is not installed (bash bench/peers/install numpy)"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
# As installed: the module beside the library.
cp "$BUILD_DIR/kernels/public/gradkern.py" "$SOURCE_DIR"/tests/python/*.py .
library=$BUILD_DIR/kernels/libgradkern.so
"$python" compare.py "$library" "$SOURCE_DIR/bench/train/mnist" || exit 1
"$python" weights.py "$GRADBENCH" "$SOURCE_DIR/bench/train/mnist" || exit 1

# shellcheck disable=SC2016
sed -n '/^<!-- train.py -->$/,/^[^ <]/{/^    /s/^    //p}' "$SOURCE_DIR/README.md" >train.py
[ "$(wc -l <train.py)" -ge 10 ] || { echo "the README has no lines for NumPy"; exit 1; }
sed -i "s|gradkern.Context()|gradkern.Context(library=gradkern.load('$library'))|" train.py
"$python" train.py >out || exit 1
echo "the README's lines: $(cat out)"
[[ $(cat out) =~ ^'loss 2.30 -> '0\.[0-9]+$ ]] || exit 1
