/* A mistake in the table of cells, which is read-only. */
#ifndef GB_SUPPORT_TABLE_H
#define GB_SUPPORT_TABLE_H

#include "isa.h"

/* Writes where only reading is allowed, in this process. */
void gb_overwrite(const void *at, const void *with, size_t size);

/* Replaces an isa's cell, as long as *cell lives. Returns the right one. */
const struct gk_cell *gb_replace_cell(size_t isa, enum gk_dtype dtype, enum gk_kernel_id kernel, const struct gk_cell *cell);

#endif
