#include "isa.h"
#include "text.h"

_Static_assert(2 * GK_KERNEL_COUNT + 1 <= GB_NAMES_MAX, "kernels, their families and \"all\" are named together");

struct gb_names gb_family_names(void) {
    struct gb_names names = {.count = 0};
    for (int id = 0; id < GK_KERNEL_COUNT; id++) gb_names_add(&names, gk_kernel_get((enum gk_kernel_id)id)->family);
    return names;
}

struct gb_names gb_kernel_names(void) {
    struct gb_names names = {.count = 0};
    for (int id = 0; id < GK_KERNEL_COUNT; id++) gb_names_add(&names, gk_kernel_get((enum gk_kernel_id)id)->name);
    return names;
}

struct gb_names gb_isa_names(void) {
    struct gb_names names = {.count = 0};
    for (size_t i = 0; i < GK_ISA_COUNT; i++) gb_names_add(&names, gk_isa_get(i, GK_F32)->name);
    return names;
}
