#!/usr/bin/env bash
# Do the tests fail when they should? Plants the faults of mutants/list.txt, one at a time, in a copy of the sources, builds and
# runs the tests that must see each. Killed means an exit code other than 0, a signal, or no end in time. Without GK_LONG=1 only
# the records marked with a star. MUTANTS="M01 M20" runs just these. Prints a matrix: K killed, . passed (so the fault was not
# seen), blank not run, for a fault that has been seen needs no second look.
# Usage: test_mutants.sh apply, which only asks whether every command of every record still changes its file; test_mutants.sh
# build, which makes the copy in BUILD_DIR/mutants and runs its tests without a fault; for each share of the list
# test_mutants.sh SHARE/SHARES, which skips a share without a fault for this CPU. Without an argument: all of it.
set -u
: "${SOURCE_DIR:?}" "${BUILD_DIR:?}" "${GRADBENCH:?}"
share=${1:-1/1}
copy=$BUILD_DIR/mutants
source=$copy/source pristine=$copy/pristine build=$copy/build log=$copy/log
declare -a ids=() files=() detectors=() texts=() scripts=()
declare -A limits=()

wanted() { # ID STAR
  if [ "$share" = apply ]; then return; fi
  if [ -n "${MUTANTS:-}" ]; then [[ " $MUTANTS " == *" $1 "* ]]; else [ "${GK_LONG:-0}" = 1 ] || [ "$2" = 1 ]; fi
}

read_list() {
  local line id file list text starred last=-1
  ids=() files=() detectors=() texts=() scripts=()
  while IFS= read -r line; do
    case $line in
    '' | '#'*) continue ;;
    ' '*) [ "$last" -lt 0 ] || scripts[last]+=$line$'\n' ;;
    *)
      read -r id file list text <<<"$line"
      starred=0
      [[ $id == *'*' ]] && starred=1
      id=${id%\*} last=-1
      wanted "$id" "$starred" || continue
      last=${#ids[@]}
      ids[last]=$id files[last]=$file detectors[last]=${list//,/ } texts[last]=$text scripts[last]=
      ;;
    esac
  done
}

# What of the records no longer means anything, a line each.
stale() {
  local i detector file command changed
  printf '%s\n' "${ids[@]}" | sort | uniq -d | sed 's/$/: two of that name/'
  for i in "${!ids[@]}"; do
    for detector in ${detectors[i]}; do
      compgen -G "$SOURCE_DIR/tests/*/test_$detector.c" >/dev/null || echo "${ids[i]}: no test $detector"
    done
    [ -n "${scripts[i]}" ] || echo "${ids[i]}: no commands"
    file=$SOURCE_DIR/${files[i]}
    [ -f "$file" ] || { echo "${ids[i]}: no file ${files[i]}" && continue; }
    while IFS= read -r command && [ -n "$command" ]; do
      changed=$(sed "$command" "$file" 2>&1) && [ "$changed" != "$(<"$file")" ] ||
        echo "${ids[i]}: changes nothing in ${files[i]}: ${command#"${command%%[! ]*}"}"
    done <<<"${scripts[i]}"
  done
}

apply() {
  local planted found
  planted=$'P1 README.md golden text\n    s/^# //\n    s/no such words//\nP2 no/file golden text\n    s/a/b/\n'
  planted+=$'P3 README.md nobody text\n    s/^# //\nP4 README.md golden text\n    s/^# \nP4 README.md golden no commands\n'
  read_list <<<"$planted"
  [ "$(stale | wc -l)" = 6 ] || { echo "planted records that mean nothing were not found:" && stale && exit 1; }
  read_list <"$SOURCE_DIR/tests/mutants/list.txt"
  found=$(stale)
  [ -z "$found" ] || { echo "$found" && exit 1; }
  echo "${#ids[@]} mutants apply"
}
if [ "$share" = apply ]; then apply && exit; fi

read_list <"$SOURCE_DIR/tests/mutants/list.txt"
[ ${#ids[@]} -gt 0 ] || { echo "no such mutants" >&2; exit 1; }

fail() {
  echo "$1" >&2
  [ ! -f "$log" ] || tail -n 20 "$log" >&2
  exit 1
}

all=$(printf '%s\n' "${detectors[@]}" | tr ' ' '\n' | sort -u)
build_tests() { # DETECTOR...
  cmake --build "$build" -j "$(nproc)" --target "${@/#/test_}" >"$log" 2>&1
}
run_test() { # DETECTOR SECONDS; the shell's own words about a signal are of no use
  { CMOCKA_TEST_ABORT=1 GK_QUICK=1 GK_LONG=0 timeout -k 5 "$2" "$build/tests/test_$1" >"$log" 2>&1; } 2>/dev/null
}

# Each detector passes without a fault, or its death would mean nothing. The time that it takes here and now is the measure of
# its limit with a fault.
build_copy() {
  local compiler detector start
  rm -rf "$copy"
  mkdir -p "$source" "$pristine"
  cp -R "$SOURCE_DIR"/{CMakeLists.txt,kernels,bench,tests} "$source"
  cp -R "$source"/. "$pristine" # the sources may change while this runs
  compiler=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$BUILD_DIR/CMakeCache.txt")
  cmake -S "$source" -B "$build" -DCMAKE_C_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Mutant -DCMAKE_C_FLAGS=-O2 \
    -DGRADKERN_WERROR=OFF >"$log" 2>&1 || fail "the copy does not configure"
  # shellcheck disable=SC2086
  build_tests $all || fail "the copy does not build"
  for detector in $all; do
    start=$SECONDS
    run_test "$detector" 1000 || fail "$detector fails without a fault"
    echo "$detector $((20 + 20 * (SECONDS - start)))" >>"$copy/limits"
  done
}

case $share in
  build) build_copy; exit ;;
  1/1) build_copy ;;
esac
while read -r detector limit; do limits[$detector]=$limit; done <"$copy/limits" || fail "the copy was not built"
for file in "${files[@]}"; do # a share that was stopped has left its fault
  cmp -s "$pristine/$file" "$source/$file" || cp "$pristine/$file" "$source/$file"
done

# The isa that a SIMD header belongs to, if this CPU cannot run it.
unusable() { # FILE
  local isa
  isa=$(sed -n 's|^kernels/simd/simd_\(.*\)\.h$|\1|p' <<<"$1")
  "$GRADBENCH" list --plain variants | awk -F '\t' -v name="$isa" '$1 == name && $2 == "unusable" { print $1 ": " $3 }'
}

# shellcheck disable=SC2086
printf '%-5s' mutant && printf ' %.9s' $all && echo
killed=0 survived=0 broken=0 skipped=0
for i in "${!ids[@]}"; do
  [ $((i % ${share#*/} + 1)) = "${share%/*}" ] || continue
  reason=$(unusable "${files[i]}")
  if [ -n "$reason" ]; then
    echo "${ids[i]} skipped: isa $reason"
    skipped=$((skipped + 1))
    continue
  fi
  target=$source/${files[i]}
  result=
  if [ ! -f "$target" ] || ! sed "${scripts[i]}" "$pristine/${files[i]}" >"$target" ||
    cmp -s "$target" "$pristine/${files[i]}"; then
    result="does not apply"
  # shellcheck disable=SC2086
  elif ! build_tests ${detectors[i]}; then
    result="does not build: $(grep -m1 -E 'error|Error' "$log")"
  fi
  if [ -n "$result" ]; then
    echo "${ids[i]} ${texts[i]}: $result"
    broken=$((broken + 1))
  else
    by=
    declare -A seen=()
    for detector in ${detectors[i]}; do
      seen[$detector]=.
      run_test "$detector" "${limits[$detector]:-1000}" && continue
      seen[$detector]=K by=$detector
      break
    done
    printf '%-5s' "${ids[i]}"
    for detector in $all; do printf ' %*s' "$((${#detector} < 9 ? ${#detector} : 9))" "${seen[$detector]:-}"; done
    printf '  %s%s\n' "${texts[i]}" "$([ -n "$by" ] || echo ': SURVIVED')"
    if [ -n "$by" ]; then killed=$((killed + 1)); else survived=$((survived + 1)); fi
    unset seen
  fi
  [ ! -f "$pristine/${files[i]}" ] || cp "$pristine/${files[i]}" "$target"
done
echo "$killed killed, $survived survived, $broken did not apply or build, $skipped skipped"
[ $((survived + broken)) -eq 0 ] || exit 1
[ "$killed" -gt 0 ] || exit 77
