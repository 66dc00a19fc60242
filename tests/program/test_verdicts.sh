#!/usr/bin/env bash
# What tests/run, bench/run and .ci/run make of what they started: counts, last lines and exit codes, and that a mistake in the
# adding up is seen.
set -u
. "$(dirname "$0")/../support/support_stubs.sh" || exit 1

says_last() { holds '[ "$(tail -n 1 "$dir/out")" = "'"$1"'" ]'; }

# --- tests/run
all=("${tests[@]}" --no-peers)
errors="Errors while running CTest"
failing_test() {
  fresh
  echo 'add_test(planted /bin/sh -c false)' >>"$state/tests"
  answers 0 "$building" "${all[@]}" -R good
  says_last "1 passed, 0 failed"
  answers 1 "$errors" "${all[@]}" -R planted
  says_last "0 passed, 1 failed"
  answers 1 "$errors" "${all[@]}"
  says_last "1 passed, 1 failed"
  answers 0 "" "${all[@]}" -N
  says_last "Total Tests: 2"
}
odd_tests() {
  fresh
  cat >>"$state/tests" <<'END_OF_TESTS'
add_test(gone /nonexistent)
add_test(skips /bin/sh -c "exit 77")
set_tests_properties(skips PROPERTIES SKIP_RETURN_CODE 77)
add_test(off /bin/sh -c true)
set_tests_properties(off PROPERTIES DISABLED TRUE)
add_test(makes /bin/sh -c false)
set_tests_properties(makes PROPERTIES FIXTURES_SETUP made)
add_test(needs /bin/sh -c true)
set_tests_properties(needs PROPERTIES FIXTURES_REQUIRED made)
END_OF_TESTS
  answers 1 "$building
Unable to find executable: /nonexistent
$errors" "${all[@]}" -R 'good|gone'
  says_last "1 passed, 1 failed"
  answers 0 "" "${all[@]}" -R 'good|skips|off'
  says_last "1 passed, 0 failed, 2 skipped"
  holds 'tail -n 2 "$dir/out" | grep -qx "skipped: 2 tests"'
  answers 1 "Unable to find executable: /nonexistent
$errors" "${all[@]}"
  says_last "1 passed, 3 failed, 2 skipped"
}
no_test() {
  fresh
  answers 1 "$building
No tests were found!!!
gradkern: error: no test was run (the options of ctest: -R nothing)" "${all[@]}" -R nothing
  says_last "0 passed, 1 failed"
}
unusable_variant() {
  fresh
  printf 'avx8\tunusable\tthis CPU has no avx8\navx9\tunusable\tno avx9\n' >>"$state/variants"
  answers 0 "$building" "${all[@]}" --require ref
  holds '[ "$(tail -n 3 "$dir/out")" = "skipped: variant avx8: this CPU has no avx8
skipped: variant avx9: no avx9
1 passed, 0 failed, 2 skipped" ]'
  answers 1 "" "${all[@]}" --require ref --require=avx8
  holds 'grep -qx "failed: variant avx8 was required" "$dir/out"'
  says_last "1 passed, 1 failed, 2 skipped"
  for option in "--require avx" --require=avx; do
    answers 2 "gradkern: error: --require names no compiled variant (got 'avx', allowed: ref avx8 avx9)" "${all[@]}" $option
  done
}
presets() {
  fresh
  answers 0 "${building/release/debug}" "${all[@]}" --preset debug
  holds 'grep -q "^cmake --preset debug -B $tree/build/debug .*-DGRADKERN_TESTS=ON" "$state/log"'
  cp "$bin/cc" "$bin/clang"
  answers 0 "${building/release/tsan}" "${all[@]}" --preset=tsan
  holds 'grep -qx "CMAKE_C_COMPILER:FILEPATH=$bin/clang" "$tree/build/tsan/CMakeCache.txt"'
}
# Two tests that wait for each other end only where both run at a time.
at_a_time() {
  fresh
  hide nproc
  stub nproc <<<'echo 2'
  cat >"$state/waits" <<'END_OF_TEST'
touch "$state/$1"
i=0
while [ $((i += 1)) -le 300 ]; do
  [ ! -e "$state/$2" ] || exit 0
  sleep 0.1
done
exit 1
END_OF_TEST
  printf 'add_test(%s /bin/sh "%s" %s %s)\n' a "$state/waits" a b b "$state/waits" b a >>"$state/tests"
  answers 0 "$building" "${all[@]}"
}
quick() {
  fresh
  cat >>"$state/tests" <<'END_OF_TESTS'
add_test(fast /bin/sh -c "test $GK_QUICK = 1")
add_test(long /bin/sh -c false)
add_test(slow /bin/sh -c false)
set_tests_properties(long PROPERTIES LABELS "long;native")
set_tests_properties(slow PROPERTIES LABELS slow)
END_OF_TESTS
  answers 0 "$building" "${all[@]}" --quick
  says_last "2 passed, 0 failed"
  answers 0 "" "${all[@]}" -R fast --quick
  says_last "1 passed, 0 failed"
  for option in "-LE fast" --label-exclude=fast; do
    answers 2 "gradkern: error: --quick is a -LE: it takes no other" "${all[@]}" --quick $option
  done
}
for check in failing_test odd_tests no_test unusable_variant presets at_a_time quick; do $check; done
planted tests/run "s/ -LE 'slow|long'\$//" quick
planted tests/run "s/'slow|long'\$/slow/" quick
planted tests/run 's/^  export GK_QUICK=1//' quick
planted tests/run 's/^status=\$?/status=0/; s/^\[ "\$status" = 0 \] .*/true/' failing_test
planted tests/run 's/^\[ "\$status" = 0 \] && .*/exit "$status" | true/' failing_test
planted tests/run 's/ failed=\$(count failures)/ failed=0/' failing_test
planted tests/run 's/\(passed=\$((total\) - failed/\1/' failing_test
planted tests/run 's/^failed=.*unrun.*/:/' odd_tests
planted tests/run 's/passed=\$((total - failed - skipped))/passed=$((total - failed))/' odd_tests
planted tests/run 's/^\(failed=.*\) - skipped/\1/' odd_tests
planted tests/run 's/^  exit 1$/  exit 0/' no_test
planted tests/run 's/failed=\$((failed + 1)) status=1/failed=$((failed + 1))/; s/&& \[ "\$failed" = 0 \]//' unusable_variant
planted tests/run 's/failed=\$((failed + 1)) status=1/status=1/' unusable_variant
planted tests/run 's/  skipped=\$((skipped + 1))/  skipped=1/' unusable_variant
planted tests/run 's/^build "\$preset"/build release/' presets
planted tests/run 's/^case \$preset in clang.*//' presets

# --- bench/run
benchmark() {
  fresh
  answers 0 "$building" "${bench[@]}" --shape "affine n=1 d=2" --kernels ''
  holds '[ "$(cat "$state/arguments")" = "<run><--shape><affine n=1 d=2><--kernels><>" ]'
  for code in 1 3 130; do
    echo "$code" >"$state/ends"
    answers "$code" "" "${bench[@]}" info --all
  done
  holds '[ "$(cat "$state/arguments")" = "<info><--all>" ]'
}
usage="usage: bash bench/run [OPTIONS] (of gradbench run), or bash bench/run COMMAND [OPTIONS]
Installs what is missing (GRADKERN_INSTALL=0: nothing), builds into $tree/build/release, runs gradbench.

Once it is built, this prints gradbench's options too."
help_of_both() {
  fresh
  answers 0 "" "${bench[@]}" --quick --help
  holds '[ "$(cat "$dir/out")" = "$usage" ]'
  holds '! grep -q "^cmake" "$state/log" && [ ! -e "$state/arguments" ]'
  answers 0 "$building" "${bench[@]}"
  answers 0 "" "${bench[@]}" check -h
  holds '[ "$(tail -n 1 "$dir/out")" = "gradbench check -h in $dir/elsewhere" ]'
}
broken_build() {
  fresh
  touch "$state/build_fails"
  answers 4 "$building
[ 12%] Building C object one.c.o
[ 50%] Building C object two.c.o
error: two
gradkern: error: the build failed (all it said is in $tree/build/release/build.log)" "${bench[@]}"
  holds '[ ! -e "$state/arguments" ] && [ "$(tail -n 1 "$tree/build/release/build.log")" = "error: two" ]'
  rm "$state/build_fails"
  touch "$state/configure_fails"
  answers 4 "$building
CMake Error
gradkern: error: CMake could not configure $tree/build/release" "${bench[@]}"
  holds '! compgen -G "$tree/build/release/CMake*"' # nothing is left for the next
}
for check in benchmark help_of_both broken_build; do $check; done
planted bench/run 's/^cd "\$caller" && exec \(.*\)/cd "$caller" \&\& \1 | cat/' benchmark
planted bench/run 's/"\$program" "\$@"$/"$program" $@/' benchmark
planted bench/run 's/^cd "\$caller" && //' help_of_both
planted bench/setup 's/"\${PIPESTATUS\[0\]}" = 0/"$?" = 0/' broken_build
planted bench/setup '/^configure()/,/^}/s/return "\$code"/return 0/' broken_build
planted bench/setup '/^run_quietly()/,/^}/s/return "\$code"/return 0/' broken_build
planted bench/setup '/^configure()/,/^}/s/^  rm -rf.*//' broken_build

# --- .ci/run, whose steps do and end as the state says
cat >"$dir/step" <<'END_OF_STEP'
name=${0##*/}
case $0 in *bench/run) name=bench ;; *mutants/run) name=mutants ;; esac
case $* in --preset*) name=$2 && shift 2 ;; esac
echo "$name $* CC=$CC $GRADKERN_BUILD" >>"$state/log"
case $name in bench) cat "$state/json" >"$3" ;; esac
cat "$state/says_$name" 2>/dev/null
exit "$(cat "$state/ends_$name" 2>/dev/null || echo 0)"
END_OF_STEP
steps() { # STEP...: those that this uses in place of the real ones
  for script in tests/run tests/fresh_machine tests/mutants/run bench/run; do cp "$dir/step" "$tree/$script"; done
}
ci() { # CODE LAST_LINE
  answers "$1" "" bash "$tree/.ci/run"
  says_last "$2"
}
fresh_ci() {
  fresh
  stub clang-format <<<'exit 0'
  stub mandoc <<<'exit 0'
  cp "$bin/cc" "$bin/clang"
  echo '{}' >"$state/json"
  echo 'add_test(golden /bin/sh -c true)' >"$state/tests"
  printf 'noise\n20 passed, 0 failed, 2 skipped\n' >"$state/says_run"
  echo "10 passed, 0 failed" | tee "$state"/says_{clang,asan,tsan} >"$dir/out"
  echo 77 >"$state/ends_fresh_machine"
}
good_steps() {
  fresh_ci
  ci 0 "54 passed, 0 failed, 3 skipped"
  holds '[ "$(grep "^==" "$dir/out" | sed "s/, [0-9]* s$//")" = "== all tests
== all tests: good
== quick benchmark
== quick benchmark: good
== a fresh machine
== a fresh machine: SKIPPED
== clang
== clang: good
== the same bits at -O2, gcc
== the same bits at -O2, gcc: good
== the same bits at -O2, clang
== the same bits at -O2, clang: good
== address and undefined-behaviour sanitizers
== address and undefined-behaviour sanitizers: good
== thread sanitizer
== thread sanitizer: good
== mistakes are found
== mistakes are found: good" ]'
  holds '[ "$(grep -v "^cmake\|^bench" "$state/log")" = "run  CC=cc $tree/build
fresh_machine  CC=cc $tree/build
clang -LE slow CC=clang $tree/build
asan -L sanitizers CC=gcc $tree/build
tsan -L races CC=clang $tree/build
mutants --starred --count 16 --short --least 75 --folder $tree/build/mutants CC=cc $tree/build" ]'
  holds '[ "$(grep -c "^bench --quick --json .* CC=cc" "$state/log")" = 1 ]'
  holds '[ "$(grep -c "^cmake -S . -B $tree/build/golden-\(gcc\|clang\)-O2 -DCMAKE_C_FLAGS_RELEASE=-O2$" "$state/log")" = 2 ]'
  rm "$state/ends_fresh_machine"
  ci 0 "55 passed, 0 failed, 2 skipped"
}
failing_steps() {
  fresh_ci
  printf '18 passed, 2 failed\n' >"$state/says_clang"
  echo 1 >"$state/ends_clang"
  ci 1 "62 passed, 2 failed, 3 skipped"
  holds 'grep -q "^== clang: FAILED, [0-9]* s$" "$dir/out"'
  printf '3 passed, 1 failed, 4 skipped\n' >"$state/says_asan"
  echo 1 >"$state/ends_asan"
  ci 1 "55 passed, 3 failed, 7 skipped"
  echo 9 >"$state/ends_fresh_machine"
  ci 1 "55 passed, 4 failed, 6 skipped"
}
step_without_numbers() {
  fresh_ci
  echo 1 >"$state/ends_tsan" # though it counts no failure
  ci 1 "54 passed, 1 failed, 3 skipped"
  echo "crashed" >"$state/says_tsan"
  ci 1 "44 passed, 1 failed, 3 skipped"
  echo 0 >"$state/ends_tsan"
  ci 0 "45 passed, 0 failed, 3 skipped"
}
quick_benchmark() {
  fresh_ci
  echo '{' >"$state/json"
  ci 1 "53 passed, 1 failed, 3 skipped"
  echo '{}' >"$state/json"
  echo 5 >"$state/ends_bench"
  ci 1 "53 passed, 1 failed, 3 skipped"
  holds 'grep -q "^== quick benchmark: FAILED" "$dir/out"'
}
golden_steps() {
  fresh_ci
  echo 'add_test(golden /bin/sh -c false)' >"$state/tests"
  answers 1 "" bash "$tree/.ci/run"
  says_last "52 passed, 2 failed, 3 skipped"
  : >"$state/tests" # a test that is not there tells nothing
  ci 1 "52 passed, 2 failed, 3 skipped"
  fresh_ci
  touch "$state/build_fails"
  ci 1 "52 passed, 2 failed, 3 skipped"
}
formatter() {
  fresh_ci
  rm "$bin/clang-format"
  answers 0 "gradkern: installing clang-format by apt-get, 106 MB on disk" bash "$tree/.ci/run"
  touch "$state/apt_fails"
  answers 0 "gradkern: installing clang-format by apt-get, 106 MB on disk
E: no network
gradkern: going on without clang-format" bash "$tree/.ci/run"
  answers 0 "gradkern: going on without clang-format" env GRADKERN_INSTALL=0 bash "$tree/.ci/run"
}
readers() {
  local names="mandoc zsh fish openmpi-bin libbenchmark-tools python3-jsonschema python3-scipy"
  fresh_ci
  rm "$bin/mandoc"
  answers 0 "gradkern: installing $names by apt-get, 106 MB on disk" bash "$tree/.ci/run"
  answers 0 "gradkern: going on without $names" env GRADKERN_INSTALL=0 bash "$tree/.ci/run"
}
cat >"$bin/python3" <<END_OF_PYTHON
#!$(type -P bash)
[ "\$*" != "-m json.tool \$3" ] || [ "\$(cat "\$3")" = '{}' ]
END_OF_PYTHON
steps
for check in good_steps failing_steps step_without_numbers quick_benchmark golden_steps formatter readers; do $check; done
planted .ci/run 's/code=\${PIPESTATUS\[0\]}/code=$?/' step_without_numbers
planted .ci/run 's/^\[ "\$failed" = 0 \]$/true/' failing_steps
planted .ci/run 's/failed=\$((failed + \$2))/failed=$2/' failing_steps
planted .ci/run 's/passed=\$((passed + \$1))/passed=$1/' good_steps
planted .ci/run 's/skipped=\$((skipped + \${3:-0}))/skipped=$((skipped + 0$3))/; s/77) line=.*code=0/77) code=0/' good_steps
planted .ci/run 's/ 77) / 78) /' good_steps
planted .ci/run 's/if \[ "\$code" != 0 \] && \[ "\$2" = 0 \]/if false/' step_without_numbers
planted .ci/run 's/line:-0 passed, 1 failed/line:-1 passed, 0 failed/; s/if \[ "\$code" != 0 \] && /if /' step_without_numbers
planted .ci/run 's/<\/dev\/null && python3/<\/dev\/null; python3/' quick_benchmark
planted .ci/run 's/  return "\$code"$/  return 0/' quick_benchmark
planted .ci/run 's/golden-\$1\$2" -j .* &&$/&\\n      true ||/; s/ &&$/ ;/' golden_steps
planted .ci/run 's/ --no-tests=error//' golden_steps
planted .ci/run 's/ || say "going on without clang-format"/ || exit 1/' formatter
planted .ci/run 's/ || say "going on without $readers"/ || exit 1/' readers
planted .ci/run 's/^  CC=\$1 bash/  bash/' good_steps
planted .ci/run 's/--preset "\$2"/--preset clang/' good_steps

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -ge 100 ]
