#!/usr/bin/env bash
# What `gradbench info` makes of the environment in which it is started: bound threads, masks, variables, no /sys.
set -u
: "${GRADBENCH:?}"
unset OMP_NUM_THREADS OMP_PROC_BIND OMP_PLACES GOMP_CPU_AFFINITY KMP_AFFINITY
for name in $(compgen -e HWLOC_) $(compgen -e GRADKERN_); do unset "$name"; done
status=0 cases=0
# expect NAME WANTED COMMAND...: the standard output or error of the command has a line with the extended regular expression.
expect() {
    local name=$1 wanted=$2 got
    shift 2
    got=$("$@" 2>&1)
    cases=$((cases + 1))
    grep -qE -e "$wanted" <<< "$got" && return
    printf 'environment: %s: no line with "%s" in:\n%s\n' "$name" "$wanted" "$got"
    status=1
}
info=("$GRADBENCH" info --no-roofs)
run=("$GRADBENCH" run --shape 'relu n=3 d=5' --rounds 6 --max-time 0.001 --quick)
first=$(taskset -pc $$ | sed 's/.*: *//; s/[^0-9].*//')
cores=$("${info[@]}" | sed -n 's/^cores *\([0-9]*\) usable.*/\1/p')
logical=$("${info[@]}" | sed -n 's/^cores .* with \([0-9]*\) hardware thread.*/\1/p')
case $cores in
'' | 0) echo "environment: info says no number of cores"; exit 1 ;;
1) echo "skipped: one core: binding cannot hide others" ;;
esac

rule='((physical cores|processors) this thread may use|CPU quota of the cgroup)$'

# OpenMP binds the first thread before anything else can look.
for binding in OMP_PROC_BIND={true,spread,close} OMP_PLACES={cores,threads} KMP_AFFINITY=compact; do
    expect "$binding" "^cores +$cores usable" env "$binding" "${info[@]}"
    expect "$binding on one core" '^cores +1 usable, with 1 hardware thread;' env "$binding" taskset -c "$first" "${info[@]}"
done
expect 'places' "^threads .*(cores in OpenMP's places|CPU quota of the cgroup)\$" env OMP_PROC_BIND=true "${info[@]}"
expect 'not bound' "^threads +[0-9]+: $rule" env OMP_PROC_BIND=false "${info[@]}"
expect 'one place' '^cores +1 usable' env OMP_PLACES="{$first}" "${info[@]}"
expect 'one place of the other kind' '^cores +1 usable' env GOMP_CPU_AFFINITY="$first" "${info[@]}"
expect 'a mask' "^threads +1: $rule" taskset -c "$first" "${info[@]}"

# The number of threads.
expect 'more threads than supported' '^threads +1024: OMP_NUM_THREADS asks for more' env OMP_NUM_THREADS=2000 "${info[@]}"
expect 'no number of threads' "^threads +[0-9]+: $rule" env OMP_NUM_THREADS= "${info[@]}"
expect 'no instruction set' '^chosen .*: the widest' env GRADKERN_ISA= "${info[@]}"

# hwloc's variables.
for variable in HWLOC_SYNTHETIC='core:3 pu:1' HWLOC_XMLFILE=/nonexistent HWLOC_FSROOT=/nonexistent HWLOC_COMPONENTS=-x86 \
    HWLOC_CPUID_PATH=/nonexistent HWLOC_THISSYSTEM=1; do
    expect "$variable" "^  BAD +variables +${variable%%=*} is set: cores and caches" env "$variable" "${info[@]}"
    expect "$variable" "^environment +${variable%%=*}=" env "$variable" "${info[@]}"
done
# One that is empty or only prints misleads nobody.
for variable in HWLOC_{HIDE_ERRORS,{DEBUG,COMPONENTS,PLUGINS,XML,SYNTHETIC}_VERBOSE}=1 HWLOC_{SYNTHETIC,XMLFILE,COMPONENTS}=; do
    cases=$((cases + 1))
    env "$variable" "${info[@]}" 2> /dev/null | grep 'variables *HWLOC' && { echo "environment: $variable warns"; status=1; }
done
expect 'threads of another machine' '^warning: hwloc cannot bind' env HWLOC_SYNTHETIC='core:2 pu:1' "${run[@]}"
expect 'more cores than there are' "^cores +$logical usable" env HWLOC_SYNTHETIC='core:3000 pu:1' "${info[@]}"
expect 'a cache of an absurd size' 'L2 1.0 MiB a core' \
    env HWLOC_SYNTHETIC='core:2 l2:1(size=1000000000000000000) pu:1' "${info[@]}"

# Without /sys: one line of ours, none of hwloc's.
without_sys() { unshare -rm sh -c 'mount -t tmpfs none /sys && exec "$@"' sh "$@"; }
warning='gradkern: warning: the machine is not known (/sys does not describe the processors): '
warning+='each processor counts as a core, caches are guessed'
if without_sys true 2> /dev/null; then
    expect 'no /sys' "^threads +[0-9]+: $rule" without_sys "${info[@]}"
    errors() { without_sys "$@" 2>&1 > /dev/null; }
    [ "$(errors "${info[@]}")" = "$warning" ] || { echo "environment: info without /sys says something else"; status=1; }
    [ "$(errors "${run[@]}")" = "$warning" ] || { echo "environment: run without /sys says something else"; status=1; }
else
    echo "skipped: no namespace of our own: 3 cases without /sys"
fi
echo "$cases cases"
exit $status
