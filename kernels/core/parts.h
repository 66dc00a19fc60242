#ifndef GK_PARTS_H
#define GK_PARTS_H

#include "table.h"

/* Of a kernel with parts: the FLOPs of those that args runs, and the highest of their roofs. */
double gk_parts_flops(const struct gk_kernel *kernel, const void *args, enum gk_roof *roof);

#endif
