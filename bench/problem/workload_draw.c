#include <math.h>
#include <stdio.h>
#include <string.h>

#include "random.h"
#include "workload.h"

/* The largest size of a dimension; elements of an operand (in f64 32 MiB); and the product of all sizes, which the reference
 * computes in about a quarter of a second. Sizes beyond are drawn anew. */
enum { SIDE_BITS = 12, CLASSES_BITS = 16, OPERAND_MOST = 1 << 22, WORK_MOST = 1 << 28 };

static const struct {
    enum gb_option option;
    const char *values[2];
} coins[] = {
    {GB_OPTION_DTYPE, {"f32", "f64"}},
    {GB_OPTION_LAYOUT, {"in_out", "out_in"}},
    {GB_OPTION_ACCUMULATE, {"0", "1"}},
};

/* From 1 to 2^bits, as often between s and 2 s for every s. */
static size_t draw_size(uint64_t *random, int bits) {
    return (size_t)lround(exp2(bits * ((double)(gb_next_random(random) >> 11) * 0x1p-53)));
}

static bool fits(const size_t dims[GK_DIM_COUNT]) {
    size_t work = 1;
    for (int i = 0; i < GK_DIM_COUNT; i++) {
        work *= dims[i] ? dims[i] : 1;
        for (int j = 0; j < i; j++)
            if (dims[i] * dims[j] > OPERAND_MOST) return false;
    }
    return work <= WORK_MOST;
}

static bool in_family(int id, const char *family) { return strcmp(gk_kernel_get((enum gk_kernel_id)id)->family, family) == 0; }

static void draw_sizes(const char *family, uint64_t *random, char *text, size_t size) {
    size_t dims[GK_DIM_COUNT];
    do {
        memset(dims, 0, sizeof dims);
        for (enum gk_dim dim = 0; dim < GK_DIM_COUNT; dim++)
            for (int id = 0; id < GK_KERNEL_COUNT && dims[dim] == 0; id++)
                if (in_family(id, family) && gk_kernel_dim(gk_kernel_get((enum gk_kernel_id)id), dim))
                    dims[dim] = draw_size(random, dim == GK_DIM_c ? CLASSES_BITS : SIDE_BITS);
    } while (!fits(dims));
    for (enum gk_dim dim = 0; dim < GK_DIM_COUNT; dim++)
        if (dims[dim]) gb_text_append(text, size, " %s=%zu", gk_dim_name(dim), dims[dim]);
}

static void draw_options(const char *family, bool typed, uint64_t *random, char *text, size_t size) {
    for (size_t i = 0; i < sizeof coins / sizeof *coins; i++) {
        const char *const value = coins[i].values[gb_next_random(random) >> 63];
        bool has = false;
        for (int id = 0; id < GK_KERNEL_COUNT; id++)
            has = has || (in_family(id, family) && gb_kernel_has((enum gk_kernel_id)id, coins[i].option));
        if (has && (typed || coins[i].option != GB_OPTION_DTYPE))
            gb_text_append(text, size, " %s=%s", gb_option_name(coins[i].option), value);
    }
}

/* Of each family and number a sequence of its own: whatever else is drawn, the problem is the same. */
static uint64_t start_of(uint64_t seed, const char *family, size_t number) {
    uint64_t start = gb_mix(gb_mix(seed) + number);
    for (; *family; family++) start = gb_mix(start + (unsigned char)*family);
    return start;
}

bool gb_workload_draw(struct gb_workload *workload, size_t count, uint64_t seed, const bool kernels[GK_KERNEL_COUNT],
                      bool typed) {
    struct gb_names families = {.count = 0};
    for (int id = 0; id < GK_KERNEL_COUNT; id++)
        if (kernels[id]) gb_names_add(&families, gk_kernel_get((enum gk_kernel_id)id)->family);
    for (size_t i = 0; i < count; i++) {
        const char *const family = families.list[i % families.count];
        const size_t number = i / families.count + 1;
        uint64_t random = start_of(seed, family, number);
        char text[256];
        struct gb_parse_error error;
        snprintf(text, sizeof text, "%s name=drawn:%s%zu", family, family, number);
        draw_sizes(family, &random, text, sizeof text);
        draw_options(family, typed, &random, text, sizeof text);
        if (!gb_workload_parse(workload, "drawn", text, strlen(text), &error)) return false;
    }
    return true;
}
