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

/* One element of a gradient, both ways. */
struct gb_coordinate {
    size_t row, col;
    double numerical, computed;
};

enum { GB_COORDINATES_MAX = 10 };

struct gb_gradient_check {
    char name[160];     /* "dx of affine_dx n=10 d=6 m=5 dtype=f64 layout=out_in" */
    const char *method; /* "centred differences", "complex step" */
    double error, error_bound;
    const char *output, *by, *function; /* "dx", "x", "affine_forward" */
    size_t elements, compared;          /* of the gradient; those that the error is about */
    size_t kinks;                       /* that lie within the step of a kink of the function, and are left out */
    struct gb_coordinate worst[GB_COORDINATES_MAX], kinked[GB_COORDINATES_MAX]; /* the first ones; rows and columns of by */
    size_t n_worst, n_kinked;
};

/* Makes the checks that the list's GK_GRADIENT lines ask for, with every choice of the options that a line's kernel has, and
 * hands each to `each`; kernels are called by call. One is passed where error <= error_bound (never for NaN). False: no memory,
 * or a kernel refused. The numbers are always the same ones: a difference is off by about 1e-11 however small the gradient is,
 * so that by relative error numbers that give a gradient near 0 fail. */
bool gb_gradient_checks(gk_context *ctx, gb_cell_call *call, void (*each)(void *state, const struct gb_gradient_check *check),
                        void *state);

struct gb_gradient_options {
    double step;        /* of the differences */
    double error_bound; /* 0: by the function and the type */
    size_t most;        /* elements of a gradient that are compared, evenly spread; 0: all */
    void (*progress)(void *data, const char *output, size_t done, size_t of); /* NULL: nobody waits */
    void *data;
};

/* Has one of its outputs a GK_GRADIENT line, of its own or of a part's? */
bool gb_has_gradient(enum gk_kernel_id kernel);

/* The checks of one problem, whatever its numbers are: the error is gb_gradient_error, the differences are those of the forward
 * kernel in double, and both they and the complex step through the true formula are compared with what the kernel computed, in
 * its own type. Where a step costs much the complex one is taken of fewer elements. */
bool gb_gradient_check_problem(gk_context *ctx, gb_cell_call *call, const struct gb_problem_spec *spec,
                               const struct gb_gradient_options *options,
                               void (*each)(void *state, const struct gb_gradient_check *check), void *state);

#endif
