#include "support_table.h"

#include <sys/mman.h>

#include "support.h"

void gb_overwrite(const void *at, const void *with, size_t size) {
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)at / page * page, end = (uintptr_t)at + size;
    assert_int_equal(mprotect((void *)begin, end - begin, PROT_READ | PROT_WRITE), 0);
    memcpy((void *)(uintptr_t)at, with, size);
}

const struct gk_cell *gb_replace_cell(size_t isa, enum gk_dtype dtype, enum gk_kernel_id kernel, const struct gk_cell *cell) {
    const struct gk_cell *const *const place = &gk_isa_get(isa, dtype)->cells[kernel], *const right = *place;
    gb_overwrite(place, &cell, sizeof cell);
    return right;
}
