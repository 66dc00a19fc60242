/* For tests that call kernels: operands by name, contexts, and the lineup. What cannot be had fails the test. */
#ifndef GB_SUPPORT_LINEUP_H
#define GB_SUPPORT_LINEUP_H

#include "lineup.h"
#include "support.h"

struct gb_operand *gb_operand_named(struct gb_problem *problem, const char *name); /* NULL: none */

/* Options by the bits of a number: layout, accumulate, soft_labels, ignore, dloss, bare, in_place, wide_labels. */
void gb_set_options(struct gb_problem_spec *spec, unsigned bits);

/* A context of an isa, by index, that uses its threads however small the work is. */
gk_context *gb_context(size_t isa, size_t threads);

/* Whether this CPU runs an isa; prints that it is skipped, and why, if not. */
bool gb_isa_runs(size_t isa);

/* The widest that it runs, whatever GRADKERN_ISA says. */
size_t gb_widest_isa(void);

/* A context for each isa that this CPU runs, the others are printed. Returns their number. */
size_t gb_open_contexts(gk_context *contexts[GK_ISA_COUNT], size_t threads);
void gb_close_contexts(gk_context *const *contexts, size_t count);

/* As gb_edge_sizes, of the edges that a kernel's own cells, and those of its parts, export. */
size_t gb_own_edge_sizes(enum gk_kernel_id kernel, enum gk_dtype dtype, size_t sizes[GB_EDGE_SIZES_MAX]);

/* gb_lineup_open that logs to stderr. isas: by index, NULL: all usable ones. */
void gb_open_lineup(struct gb_lineup *lineup, const bool *isas, const size_t *threads, size_t n_threads);

#endif
