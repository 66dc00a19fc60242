/* What the CPU can run: features from CPUID and XCR0, never model or vendor. */
#ifndef GK_CPU_H
#define GK_CPU_H

#include <stddef.h>
#include <stdint.h>

/* A feature is present when the CPU has it and the operating system saves its registers. */
enum gk_cpu_feature {
    GK_CPU_AVX2 = 1 << 0,
    GK_CPU_FMA = 1 << 1,
    GK_CPU_AVX512F = 1 << 2,
    GK_CPU_AVX512DQ = 1 << 3,
    GK_CPU_AVX512BW = 1 << 4,
    GK_CPU_AVX512VL = 1 << 5,
};

struct gk_cpuid_leaf {
    uint32_t leaf, subleaf, eax, ebx, ecx, edx;
};

/* The answers of CPUID that detection looks at, and XCR0 (0 where OSXSAVE is clear). */
struct gk_cpu_dump {
    struct gk_cpuid_leaf leaves[8];
    size_t count;
    uint64_t xcr0;
};

/* A pure function: the same dump gives the same features on any machine. A leaf that is absent, or above the largest leaf that
 * leaf 0 reports, counts as zeros. */
uint32_t gk_cpu_features(const struct gk_cpu_dump *dump);

/* Fills dump from this CPU; on another architecture it stays empty. */
void gk_cpu_read(struct gk_cpu_dump *dump);

/* The processor's own name for itself, or "unknown". */
void gk_cpu_brand(char *brand, size_t size);

/* Writes the names of the features in the mask, separated by spaces ("avx512dq avx512vl"). */
void gk_cpu_feature_names(uint32_t features, char *text, size_t size);

/* The calling thread's floating-point state without its exception flags: rounding, flushing of subnormals, what traps. */
uint32_t gk_cpu_float_state(void);
void gk_cpu_set_float_state(uint32_t state);

#endif
