#include "support_cpustate.h"

#include <fenv.h>

#if defined(__x86_64__) && defined(__GLIBC__)

enum { EXCEPTION_FLAGS = 0x3f, FLUSH = 0x8040, UPPER_HALVES = 1 << 2 | 1 << 6 };

struct gb_fp_control gb_fp_control(void) {
    fenv_t env;
    fegetenv(&env);
    fesetenv(&env); /* reading masks the exceptions of the scalar unit */
    return (struct gb_fp_control){env.__mxcsr & ~(uint32_t)EXCEPTION_FLAGS, env.__control_word};
}

bool gb_fp_flush(bool on) {
    fenv_t env;
    fegetenv(&env);
    env.__mxcsr = on ? env.__mxcsr | FLUSH : env.__mxcsr & ~(uint32_t)FLUSH;
    return fesetenv(&env) == 0;
}

static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4]) {
    __asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(subleaf));
}

/* The state components in use, of those that XCR0 enables. */
static uint64_t in_use(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
    return (uint64_t)high << 32 | low;
}

static bool tells_in_use(void) {
    uint32_t r[4];
    cpuid(0, 0, r);
    if (r[0] < 13) return false;
    cpuid(1, 0, r);
    if (!(r[2] >> 27 & 1) || !(r[2] >> 28 & 1)) return false; /* the system saves registers, and there are upper halves */
    cpuid(13, 1, r);
    return r[0] >> 2 & 1;
}

bool gb_upper_halves_used(void) { return (in_use() & UPPER_HALVES) != 0; }

bool gb_upper_halves_visible(void) {
    if (!tells_in_use()) return false;
    __asm__ volatile("vzeroupper");
    const bool before = gb_upper_halves_used();
    __asm__ volatile("vcmptrueps %%ymm0, %%ymm0, %%ymm0" : : : "xmm0");
    const bool during = gb_upper_halves_used();
    __asm__ volatile("vzeroupper");
    return !before && during && !gb_upper_halves_used();
}

bool gb_direction_flag(void) {
    uint64_t flags;
    __asm__ volatile("pushfq\n\tpopq %0" : "=r"(flags));
    return flags >> 10 & 1;
}

#else

struct gb_fp_control gb_fp_control(void) {
    return (struct gb_fp_control){(uint32_t)fegetround(), 0};
}

bool gb_fp_flush(bool on) {
    (void)on;
    return false;
}

bool gb_upper_halves_used(void) { return false; }

bool gb_upper_halves_visible(void) { return false; }

bool gb_direction_flag(void) { return false; }

#endif
