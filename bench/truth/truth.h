/* What truth files share. truth_<family>.c holds the textbook's formulas in long double, from the formulas alone, and hands out
 * what a call must return: `const struct gb_truth gb_truth_<family>[]`, ended by an entry without a name. It is found because
 * it exists; a kernel that none knows is named by `gradbench check`. Matrices are tight, row-major; weights are always d x m.
 */
#ifndef GB_TRUTH_H
#define GB_TRUTH_H

#include <complex.h>

#include "accuracy.h"
#include "real.h"

struct gb_array;

/* One problem whose true values are computed. */
struct gb_task {
    const struct gb_problem *problem;
    const struct gb_problem_spec *spec;
    gb_real u, least, smallest_normal; /* unit roundoff, smallest subnormal and smallest normal number of its type */
    gb_real oracle_u;                  /* long double's own roundoff where it counts, else 0 */
    bool failed;                       /* no memory: nothing more need be computed */

    /* the caller's: */
    struct gb_accuracy *result; /* where the outputs are judged, else NULL */
    const char *wanted;         /* the output whose true values, or their derivative, are taken */
    const gb_real *values;
    const char *stepped; /* the operand of which one element has the step as its imaginary part */
    size_t stepped_at;
    const gb_real *dout; /* upstream gradient of wanted, NULL for 1 */
    double derivative;

    struct gb_array *arrays; /* the latest */
};

struct gb_truth {
    const char *kernel;
    void (*compute)(struct gb_task *task); /* gb_judge for every output that there is */
    /* Of a forward kernel: the same formula with complex arguments, for the complex step: Im f(x + ih) / h is the derivative,
     * without cancellation. gb_complex_input for what it may be derived by, gb_complex_output for what may be derived. */
    void (*compute_complex)(struct gb_task *task);
};

/* NULL: no truth file has the kernel's formula. */
const struct gb_truth *gb_truth_of(const struct gk_kernel *kernel);

struct gb_task gb_task_begin(const struct gb_problem *problem);
void gb_task_end(struct gb_task *task);

/* Zeroed memory that lives as long as the task. NULL: task->failed. */
void *gb_array(struct gb_task *task, size_t count, size_t size);
gb_real *gb_reals(struct gb_task *task, size_t count);

/* NULL: the operand is absent. */
const struct gb_operand *gb_find(const struct gb_task *task, const char *name);
/* The operand's contents before the call; NULL: absent, or no memory. */
gb_real *gb_input(struct gb_task *task, const char *name);
/* A mask of rows of cols bits as bytes. */
unsigned char *gb_mask(struct gb_task *task, const char *name, size_t cols);
/* What the output is added to; NULL: nothing. */
gb_real *gb_start_value(struct gb_task *task, const char *name);

/* What the output must be, in an array of the task; an absent one is not looked at. How far it may be off is for its line in
 * kernels.def to say; size is what that rule needs of each element: SUM the sum of the terms' absolute values, SOFTMAX the
 * bound itself; else NULL. */
void gb_judge(struct gb_task *task, const char *name, const gb_real *want, const gb_real *size);
void gb_judge_mask(struct gb_task *task, const char *name, const unsigned char *want, size_t cols);

gb_real gb_gamma(gb_real n, gb_real u); /* what n roundings in a row amount to, at most */
size_t gb_sum_depth(size_t terms);      /* the roundings between a term and the sum: in its block, then of the blocks */

double complex *gb_complex_input(struct gb_task *task, const char *name);
void gb_complex_output(struct gb_task *task, const char *name, const double complex *values, size_t count);
/* The derivative of wanted, dotted with dout (NULL: 1), by one element of an operand of the forward problem, and by all of
 * them. False: no memory. */
bool gb_complex_step_at(const struct gb_problem *forward, const char *wanted, const gb_real *dout, const char *by, size_t at,
                        double *derivative);
bool gb_complex_step(const struct gb_problem *forward, const char *wanted, const gb_real *dout, const char *by,
                     double *gradient);

#endif
