#!/usr/bin/env bash
# The manual page and the completions hold every option of every command, and those who read them take them: man's own checks,
# bash, zsh and fish where they are.
set -u
. "$(dirname "$0")/../support/support_script.sh" || exit 1
missing=()

no() {
    failure "$@"
    sed 's/^/    /' out err 2> /dev/null
}

for kind in bash zsh fish; do
    "$GRADBENCH" help --completion $kind > $kind.txt 2> err
    holds '[ $? = 0 ] && [ ! -s err ]'
done
"$GRADBENCH" help --man > gradbench.1 2> err
holds '[ $? = 0 ] && [ ! -s err ]'

# --- each option of each table

commands=$("$GRADBENCH" help | sed -n '/^usage/,/^environment/s/^  \([a-z]*\)  .*/\1/p')
holds '[ "$(wc -w <<< "$commands")" -ge 9 ]'
for command in $commands help; do
    section="$(sed -n "/^\.SS gradbench $command\b/,/^\.S[SH] /p" gradbench.1 | sed '1d;$d')"
    options=$("$GRADBENCH" "$command" --help 2> err |
        sed -n '/^options:/,/^$/s/^  \(-., \)\?--\([a-z0-9-]*\).*/\2/p' | grep -v '^help$')
    holds '[ $(wc -w <<< "$options") -ge 1 ]' # $command
    for option in $options; do
        typed=${option//-/\\-}
        holds '[ "$(grep -cF "\\fB\\-\\-$typed\\fR" <<< "$section")" = 1 ]' # $command --$option
        holds 'sed -n "/^    .$command .\*)/,/;;/p" bash.txt | grep -qE -- "--$option( |.\$)"' # $command --$option
        holds 'sed -n "/^    $command)/,/;;/p" zsh.txt | grep -qE -- "^ +.\*?--$option=?\\["' # $command --$option
        holds 'grep -qE -- "_from $command. -l $option " fish.txt' # $command --$option
    done
done

# A letter of an option is in all of them.
holds 'grep -qF "\fB\-o\fR, \fB\-\-output\fR \fIFILE\fR" gradbench.1 && grep -qF -- "-l output -s o -r -F" fish.txt'
holds 'grep -qF "'"'report --output' | 'report -o') files=-f"'" bash.txt && grep -q "^ *.-o\[.*:FILE:_files" zsh.txt'

# --- those who read them

lint() { "$@" gradbench.1 > out 2>&1; }
if command -v mandoc > /dev/null; then
    lint mandoc -T lint -W warning
    holds '! grep -v "WARNING: missing date" out'
else missing+=(mandoc); fi
if command -v groff > /dev/null && groff -man -Tascii /dev/null > /dev/null 2>&1; then
    holds 'lint groff -man -ww -z && [ ! -s out ]'
    holds 'groff -man -Tascii gradbench.1 | sed "s/.\x08//g" | grep -q "^ *--peer-limit SECONDS"'
else missing+=(groff); fi

# completes WANTED WORDS...: what bash makes of the last word.
completes() {
    bash -c '. ./bash.txt || exit 9
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _gradbench gradbench "${@: -1}" "${@: -2:1}"
        printf "%s\n" "${COMPREPLY[@]}"' - "$GRADBENCH" "${@:2}" 2> err | sort > out
    local got
    got=$(xargs < out)
    holds "[ '$got' = '$1' ] && [ ! -s err ]" # ${*:2}
}
touch file.json 'a file.json'
completes '--peer --peer-limit --peers' run --pe
completes 'gradcheck graph' gra
completes '--isa' run --threads 1 --is
completes 'f32 f64' gradcheck --dtype ''
completes 'f64' gradcheck --dtype = f6
completes 'file.json' run --json file.
completes 'a file.json' run --json 'a '
completes 'google-benchmark' export go
completes '--schema --short' export --s
completes '' run --rounds ''
completes 'relu_backward relu_forward' run --kernels relu
completes 'affine_dx,relu_backward affine_dx,relu_forward' run --kernels affine_dx,relu
completes 'ref' run --isa re
completes 'shop' graph sh
completes 'bash fish zsh' help --completion ''
completes 'train' help tr
completes '--output' report --o
completes 'file.json' report -o file.
if command -v zsh > /dev/null; then
    holds 'zsh -n zsh.txt > out 2>&1'
else missing+=(zsh); fi
if command -v fish > /dev/null; then
    PATH=$(dirname "$GRADBENCH"):$PATH HOME=$dir fish --no-config -c 'source fish.txt
        complete -C "gradbench run --pe"; complete -C "gradbench gradcheck --dtype f"
        complete -C "gradbench run --kernels relu_f"; complete -C "gradbench export ben"' | sort > out 2> err
    holds '[ "$(cut -f1 out | xargs)" = "--peer --peer-limit --peers bencher f32 f64 relu_forward" ] && [ ! -s err ]'
else missing+=(fish); fi

# --- what is refused

refuses() { # MESSAGE ARGUMENTS...
    "$GRADBENCH" help "${@:2}" > out 2> err
    holds "[ $? = 2 ] && [ ! -s out ] && grep -qF \"error: $1\" err"
}
refuses 'help takes one of a command, --man and --completion' --man --completion bash
refuses 'help takes one of a command, --man and --completion' --man run
refuses "unknown value of --completion 'tcsh' (" --completion tcsh
holds '"$GRADBENCH" help --help | grep -q "^usage: gradbench help \[options\] \[COMMAND\]"'

[ ${#missing[@]} = 0 ] || echo "not tested, for it is missing: ${missing[*]}"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -ge 200 ] || exit 1
[ ${#missing[@]} = 0 ] || exit 77
