#include "cpu.h"

#include <fenv.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#define GK_HAS_CPUID 1
#else
#define GK_HAS_CPUID 0
#endif

/* The list is the code: a feature, where CPUID reports it, and which state the operating system must save. */
enum reg { EBX, ECX };
enum { STATE_YMM = 0x6, STATE_ZMM = 0xe6, LEAF1_ECX_OSXSAVE = 27, LEAF1_ECX_AVX = 28 };

static const struct feature {
    uint32_t feature;
    const char *name;
    uint32_t leaf;
    enum reg reg;
    unsigned bit;
    uint64_t state;
} features[] = {
    {GK_CPU_AVX2, "avx2", 7, EBX, 5, STATE_YMM},          {GK_CPU_FMA, "fma", 1, ECX, 12, STATE_YMM},
    {GK_CPU_AVX512F, "avx512f", 7, EBX, 16, STATE_ZMM},   {GK_CPU_AVX512DQ, "avx512dq", 7, EBX, 17, STATE_ZMM},
    {GK_CPU_AVX512BW, "avx512bw", 7, EBX, 30, STATE_ZMM}, {GK_CPU_AVX512VL, "avx512vl", 7, EBX, 31, STATE_ZMM},
};

static struct gk_cpuid_leaf leaf_of(const struct gk_cpu_dump *dump, uint32_t leaf) {
    uint32_t largest = 0;
    for (size_t i = 0; i < dump->count; i++)
        if (dump->leaves[i].leaf == 0) largest = dump->leaves[i].eax;
    for (size_t i = 0; i < dump->count && leaf <= largest; i++)
        if (dump->leaves[i].leaf == leaf && dump->leaves[i].subleaf == 0) return dump->leaves[i];
    return (struct gk_cpuid_leaf){0};
}

uint32_t gk_cpu_features(const struct gk_cpu_dump *dump) {
    const uint32_t base = leaf_of(dump, 1).ecx;
    const bool osxsave = base >> LEAF1_ECX_OSXSAVE & 1, avx = base >> LEAF1_ECX_AVX & 1;
    const uint64_t saved = osxsave && avx ? dump->xcr0 : 0;
    uint32_t found = 0;
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        const struct feature *const f = &features[i];
        const struct gk_cpuid_leaf leaf = leaf_of(dump, f->leaf);
        const uint32_t word = f->reg == EBX ? leaf.ebx : leaf.ecx;
        if (word >> f->bit & 1 && (saved & f->state) == f->state) found |= f->feature;
    }
    return found;
}

void gk_cpu_feature_names(uint32_t mask, char *text, size_t size) {
    size_t used = 0;
    if (size > 0) text[0] = '\0';
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        if (!(mask & features[i].feature) || used >= size) continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " " : "", features[i].name);
    }
}

#if GK_HAS_CPUID

static bool add_leaf(struct gk_cpu_dump *dump, uint32_t leaf) {
    struct gk_cpuid_leaf *const l = &dump->leaves[dump->count];
    *l = (struct gk_cpuid_leaf){.leaf = leaf};
    if (!__get_cpuid_count(leaf, 0, &l->eax, &l->ebx, &l->ecx, &l->edx)) return false;
    dump->count++;
    return true;
}

void gk_cpu_read(struct gk_cpu_dump *dump) {
    *dump = (struct gk_cpu_dump){0};
    if (!add_leaf(dump, 0) || !add_leaf(dump, 1)) return;
    if (dump->leaves[1].ecx >> LEAF1_ECX_OSXSAVE & 1) {
        uint32_t low, high;
        __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0)); /* faults where OSXSAVE is clear */
        dump->xcr0 = (uint64_t)high << 32 | low;
    }
    add_leaf(dump, 7);
}

void gk_cpu_brand(char *brand, size_t size) {
    uint32_t words[12] = {0};
    for (unsigned i = 0; i < 3; i++)
        if (!__get_cpuid(0x80000002 + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2], &words[4 * i + 3])) {
            snprintf(brand, size, "unknown");
            return;
        }
    char text[sizeof words + 1] = {0};
    memcpy(text, words, sizeof words);
    const char *const first = text + strspn(text, " ");
    snprintf(brand, size, "%s", *first ? first : "unknown");
}

#else

void gk_cpu_read(struct gk_cpu_dump *dump) { *dump = (struct gk_cpu_dump){0}; }

void gk_cpu_brand(char *brand, size_t size) { snprintf(brand, size, "unknown"); }

#endif

#if defined(__x86_64__)

enum { MXCSR_FLAGS = 0x3f };

uint32_t gk_cpu_float_state(void) { return __builtin_ia32_stmxcsr() & ~(uint32_t)MXCSR_FLAGS; }

void gk_cpu_set_float_state(uint32_t state) { __builtin_ia32_ldmxcsr(state | (__builtin_ia32_stmxcsr() & MXCSR_FLAGS)); }

#else

uint32_t gk_cpu_float_state(void) { return (uint32_t)fegetround(); }

void gk_cpu_set_float_state(uint32_t state) { fesetround((int)state); }

#endif
