/* The detector on CPUID dumps: real ones, and contradictory ones as hypervisors and masks make them. */
#include "core/cpu.h"
#include "isa.h"
#include "support.h"

enum { NONE = 0, A2 = GK_CPU_AVX2, A2F = GK_CPU_AVX2 | GK_CPU_FMA, FMA = GK_CPU_FMA };
enum {
    F = GK_CPU_AVX512F,
    DQ = GK_CPU_AVX512DQ,
    BW = GK_CPU_AVX512BW,
    VL = GK_CPU_AVX512VL,
    A512 = A2F | F | DQ | BW | VL,
};

struct machine {
    const char *name;
    uint32_t largest, leaf1_ecx, leaf7_ebx;
    uint64_t xcr0;
    uint32_t want;
};

static const struct machine machines[] = {
    /* as the CPUs answer, under an operating system that saves what they have */
    {"Conroe", 0xa, 0x0000e3bd, 0, 0, NONE},
    {"Nehalem", 0xb, 0x0098e3bd, 0, 0, NONE},
    {"Westmere", 0xb, 0x029ee3ff, 0, 0, NONE},
    {"Sandy Bridge", 0xd, 0x1fbae3ff, 0, 0x7, NONE},
    {"Ivy Bridge", 0xd, 0x7fbae3ff, 0x00000281, 0x7, NONE},
    {"Haswell", 0xd, 0x7ffafbff, 0x000027ab, 0x7, A2F},
    {"Broadwell", 0x14, 0x7ffefbff, 0x021cbfbb, 0x7, A2F},
    {"Skylake client", 0x16, 0x7ffafbbf, 0x029c6fbf, 0x1f, A2F},
    {"Skylake server", 0x16, 0x7ffefbff, 0xd39ffffb, 0x2ff, A512},
    {"Cascade Lake", 0x16, 0x7ffefbff, 0xd39ffffb, 0x2ff, A512},
    {"Ice Lake server", 0x1b, 0x7ffefbff, 0xf3bfb7ef, 0x2e7, A512},
    {"Tiger Lake", 0x1b, 0x7ffafbbf, 0xf3bfa7eb, 0x2e7, A512},
    {"Alder Lake", 0x20, 0x7ffafbbf, 0x239ca7eb, 0x207, A2F},
    {"Sapphire Rapids", 0x20, 0x7ffefbff, 0xf3bfbfef, 0x602e7, A512},
    {"Emerald Rapids in a VM, AMX masked", 0x1f, 0xfffab20f, 0xf1bf07ab, 0x2e7, A512},
    {"Knights Landing: F without DQ, BW, VL", 0xd, 0x7ff8f3bf, 0x1c0d23ab, 0xe7, A2F | F},
    {"Silvermont", 0xb, 0x41d8e3bf, 0x00002282, 0, NONE},
    {"Gracemont", 0x1b, 0x7ffafbbf, 0x239c27ab, 0x207, A2F},
    {"Bulldozer: FMA4 only", 0xd, 0x1e98220b, 0, 0x7, NONE},
    {"Piledriver: FMA without AVX2", 0xd, 0x3e98320b, 0x00000008, 0x7, FMA},
    {"Jaguar", 0xd, 0x3ed8220b, 0x00000008, 0x7, NONE},
    {"Excavator", 0xd, 0x7ed8320b, 0x000001a9, 0x7, A2F},
    {"Zen", 0xd, 0x7ed8320b, 0x209c01a9, 0x7, A2F},
    {"Zen 2", 0x10, 0x7ed8320b, 0x219c91a9, 0x207, A2F},
    {"Zen 3", 0x10, 0x7efa320b, 0x219c97a9, 0x207, A2F},
    {"Zen 4", 0x10, 0x7efa320b, 0xf1bf97a9, 0x2e7, A512},
    {"Zen 5", 0x10, 0x7efa320b, 0xf1bf97a9, 0x2e7, A512},
    {"a Zhaoxin: AVX2 without FMA", 0xd, 0x7eda63cb, 0x000001a9, 0x7, A2},
    /* contradictions */
    {"AVX2 without OSXSAVE", 0xd, 0x77fafbff, 0x000027ab, 0x7, NONE},
    {"AVX2 without AVX", 0xd, 0x6ffafbff, 0x000027ab, 0x7, NONE},
    {"XCR0 without YMM", 0xd, 0x7ffafbff, 0x000027ab, 0x3, NONE},
    {"XCR0 with YMM but not SSE", 0xd, 0x7ffafbff, 0x000027ab, 0x5, NONE},
    {"AVX-512 that the system does not save", 0x16, 0x7ffefbff, 0xd39ffffb, 0x7, A2F},
    {"AVX-512 without the upper sixteen registers", 0x16, 0x7ffefbff, 0xd39ffffb, 0x67, A2F},
    {"AVX-512 without the mask registers", 0x16, 0x7ffefbff, 0xd39ffffb, 0xc7, A2F},
    {"AVX-512 state without YMM state", 0x16, 0x7ffefbff, 0xd39ffffb, 0xe1, NONE},
    {"stale leaf 7 above the largest leaf", 6, 0x7ffefbff, 0xd39ffffb, 0xe7, FMA},
    {"FMA masked", 0x16, 0x7ffeebff, 0xd39ffffb, 0xe7, A512 & ~FMA},
    {"AVX2 masked, AVX-512 left", 0x16, 0x7ffefbff, 0xd39fffdb, 0xe7, A512 & ~A2},
    {"VL masked", 0x16, 0x7ffefbff, 0x539ffffb, 0xe7, A512 & ~VL},
    {"BW masked", 0x16, 0x7ffefbff, 0x939ffffb, 0xe7, A512 & ~BW},
    {"DQ masked", 0x16, 0x7ffefbff, 0xd39dfffb, 0xe7, A512 & ~DQ},
    {"F masked, its extensions left", 0x16, 0x7ffefbff, 0xd39efffb, 0xe7, A512 & ~F},
    {"XCR0 of zero", 0xd, 0x7ffafbff, 0x000027ab, 0, NONE},
    {"all bits", UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT64_MAX, A512},
};

enum { MACHINES = sizeof machines / sizeof *machines };

static struct gk_cpu_dump dump_of(const struct machine *m) {
    return (struct gk_cpu_dump){
        .leaves = {{.leaf = 0, .eax = m->largest}, {.leaf = 1, .ecx = m->leaf1_ecx}, {.leaf = 7, .ebx = m->leaf7_ebx}},
        .count = 3,
        .xcr0 = m->xcr0,
    };
}

static void machines_are_detected(void **state) {
    (void)state;
    for (size_t i = 0; i < MACHINES; i++) {
        const struct gk_cpu_dump dump = dump_of(&machines[i]);
        const uint32_t got = gk_cpu_features(&dump);
        if (got != machines[i].want) fail_msg("%s: got %#x, want %#x", machines[i].name, got, machines[i].want);
    }
    printf("%d dumps\n", (int)MACHINES);
}

/* One bit cleared never adds a feature; one bit of the state cleared takes every feature that needs it. */
static void fewer_bits_fewer_features(void **state) {
    (void)state;
    for (size_t i = 0; i < MACHINES; i++) {
        for (unsigned bit = 0; bit < 32; bit++) {
            struct gk_cpu_dump less = dump_of(&machines[i]);
            less.leaves[1].ecx &= ~(1u << bit);
            assert_int_equal(gk_cpu_features(&less) & ~machines[i].want, 0);
            less = dump_of(&machines[i]);
            less.leaves[2].ebx &= ~(1u << bit);
            assert_int_equal(gk_cpu_features(&less) & ~machines[i].want, 0);
            less = dump_of(&machines[i]);
            less.xcr0 &= ~((uint64_t)1 << bit);
            const uint32_t lost = bit == 1 || bit == 2 ? A512 : bit >= 5 && bit <= 7 ? A512 & ~A2F : 0;
            assert_int_equal(gk_cpu_features(&less), machines[i].want & ~lost);
        }
    }
}

static void order_and_subleaves_do_not_matter(void **state) {
    (void)state;
    const struct gk_cpu_dump dump = {
        .leaves = {{.leaf = 7, .subleaf = 1, .ebx = UINT32_MAX},
                   {.leaf = 7, .ebx = 0x20},
                   {.leaf = 1, .ecx = 0x7ffafbff},
                   {.leaf = 0, .eax = 7}},
        .count = 4,
        .xcr0 = 0xe7,
    };
    assert_int_equal(gk_cpu_features(&dump), A2F);
    assert_int_equal(gk_cpu_features(&(struct gk_cpu_dump){.xcr0 = UINT64_MAX}), NONE);
}

static void names_are_cut_not_overrun(void **state) {
    (void)state;
    char text[64];
    gk_cpu_feature_names(A2F | VL, text, sizeof text);
    assert_string_equal(text, "avx2 fma avx512vl");
    gk_cpu_feature_names(0, text, sizeof text);
    assert_string_equal(text, "");
    for (size_t size = 0; size < 40; size++) {
        memset(text, '#', sizeof text);
        gk_cpu_feature_names(A512, text, size);
        assert_int_equal(text[size], '#');
        if (size > 0) assert_true(strlen(text) < size);
    }
}

static void this_cpu_can_be_read(void **state) {
    (void)state;
    struct gk_cpu_dump dump;
    char brand[64];
    gk_cpu_read(&dump);
    gk_cpu_brand(brand, sizeof brand);
    assert_true(strlen(brand) > 0);
    assert_true(dump.count <= sizeof dump.leaves / sizeof *dump.leaves);
}

static void what_a_cpu_lacks_is_said(void **state) {
    enum { HAS = GK_CPU_AVX2 | GK_CPU_AVX512F };
    char text[128];
    (void)state;
    gk_isa_lacks(HAS | GK_CPU_FMA | GK_CPU_AVX512VL, HAS, text, sizeof text);
    assert_string_equal(text, "this CPU or its operating system lacks fma avx512vl");
    gk_isa_lacks(GK_CPU_AVX512VL, 0, text, sizeof text);
    assert_string_equal(text, "this CPU or its operating system lacks avx512vl");
    gk_isa_lacks(GK_CPU_AVX2, HAS, text, sizeof text);
    assert_string_equal(text, "");
    gk_isa_lacks(0, 0, text, sizeof text);
    assert_string_equal(text, "");
    gk_isa_lacks(GK_CPU_FMA, 0, text, 10);
    assert_string_equal(text, "this CPU ");
    assert_string_equal(gk_isa_missing(GK_ISA_COUNT), "no such isa");
    assert_string_equal(gk_isa_unusable(GK_ISA_COUNT), "no such isa");
    setenv("GRADKERN_ISA", "ref", 1);
    assert_null(gk_isa_unusable(0));
    if (!gk_isa_missing(1)) assert_string_equal(gk_isa_unusable(1), "GRADKERN_ISA names a lower one");
    unsetenv("GRADKERN_ISA");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machines_are_detected),
        cmocka_unit_test(fewer_bits_fewer_features),
        cmocka_unit_test(order_and_subleaves_do_not_matter),
        cmocka_unit_test(names_are_cut_not_overrun),
        cmocka_unit_test(this_cpu_can_be_read),
        cmocka_unit_test(what_a_cpu_lacks_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
