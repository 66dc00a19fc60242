/* Are the gradients right? Centred differences through the f64 forward kernels against the backward kernels, and the complex
 * step through the true forward formulas against the true gradients. */
#ifndef GB_GRADIENTS_H
#define GB_GRADIENTS_H

#include "lineup.h"

/* y = f(x): reads whatever the caller perturbs, writes n_outputs values. */
struct gb_function {
    void (*evaluate)(void *state, double *y);
    void *state;
    size_t n_outputs;
    const double *dout; /* n_outputs; NULL: 1 */
};

/* gradient[i] = sum((f(x + h e_i) - f(x - h e_i)) dout) / 2h, one coordinate at a time; x is as before afterwards. False: no
 * memory. */
bool gb_centred_differences(const struct gb_function *f, double *x, size_t count, double h, double *gradient);

/* max |a - b| / max(1e-8, |a| + |b|), NaN if there is one. */
double gb_relative_error(const double *a, const double *b, size_t count);

/* The largest |a - b|, relative to the largest |a| + |b| of all or to 1e-8. A difference is off by as much wherever the
 * gradient happens to be next to 0, and there one element by itself would decide, at some seeds. NaN if there is one. */
double gb_gradient_error(const double *a, const double *b, size_t count);

/* Close to standard normal, from a state that it moves on. */
double gb_next_normal(uint64_t *state);

struct gb_gradient_check {
    char name[160];     /* "dx of affine_dx n=10 d=6 m=5 dtype=f64 layout=out_in" */
    const char *method; /* "centred differences", "complex step" */
    double error, error_bound;
};

/* Makes the checks that the list's GK_GRADIENT lines ask for, with every choice of the options that a line's kernel has, and
 * hands each to `each`; kernels are called by call. One is passed where error <= error_bound (never for NaN). False: no memory,
 * or a kernel refused. The numbers are always the same ones: a difference is off by about 1e-11 however small the gradient is,
 * so that by relative error numbers that give a gradient near 0 fail. */
bool gb_gradient_checks(gk_context *ctx, gb_cell_call *call, void (*each)(void *state, const struct gb_gradient_check *check),
                        void *state);

#endif
