# Sourced by scripts that try kernels which the list does not have.
: "${SOURCE_DIR:?}"

# plant FOLDER: a copy of the sources there, whose list has the dimension and the kernels of tests/data/planted, too.
plant() {
  local planted=$SOURCE_DIR/tests/data/planted
  mkdir -p "$1"
  cp -R "$SOURCE_DIR"/{CMakeLists.txt,kernels,bench} "$1"
  cp "$planted"/ops/* "$1/kernels/ops"
  sed -i "/^#undef GK_DIMENSION$/e cat '$planted/planted.def'" "$1/kernels/kernels.def"
}
