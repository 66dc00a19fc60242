/* Before a speed is printed: the cell's output has the bits of the ref isa. In full where ref costs at most
 * GB_VERIFY_FULL_FMA multiply-adds; above, ref computes a sample, once a problem: whole output rows and columns chosen by the
 * seed, and all elements where rows and columns next to the edges of tiles, blocks and threads meet; the variants are then also
 * compared with each other in full, those of a fused kernel with its parts, called one after the other on the widest isa. What
 * ref computes in full of a fused kernel is its parts, too.
 *
 *     verifier = gb_verifier_create(&problem, ref_ctx, threads, n_threads);
 *     for each variant:
 *         gb_problem_reset(&problem), gb_problem_call(&problem, ctx), gb_verify(verifier, &problem, name, &report)
 *     gb_verifier_destroy(verifier);
 */
#ifndef GB_VERIFY_H
#define GB_VERIFY_H

#include "problem.h"

#define GB_VERIFY_FULL_FMA   0x1p30
#define GB_VERIFY_SAMPLE_FMA 0x1p28 /* about what ref spends on a sample, beyond a row and a column of each output */

enum gb_verified { GB_VERIFY_FAILED, GB_VERIFIED_SAMPLED, GB_VERIFIED_FULL };

struct gb_verify_report {
    enum gb_verified verified;
    const char *against; /* failed: "ref", or the variant that it differs from */
    struct gb_difference difference;
    const char *changed; /* failed: an input or a padding that was written, else NULL */
};

struct gb_verifier;

/* Is it too large for ref to compute it in full? */
bool gb_verify_samples(const struct gb_problem *problem);

/* problem is as created or reset, and is so again afterwards. ref is a context of the ref isa; threads are the thread counts
 * that will be verified (their cuts are sampled). NULL: no memory, or ref refused the problem. */
struct gb_verifier *gb_verifier_create(struct gb_problem *problem, gk_context *ref, const size_t *threads, size_t n_threads);
/* The same with other limits than those above, so that small problems are sampled. */
struct gb_verifier *gb_verifier_create_within(struct gb_problem *problem, gk_context *ref, const size_t *threads,
                                              size_t n_threads, double full_fma, double sample_fma);
void gb_verifier_destroy(struct gb_verifier *verifier);

/* What a verifier of such a problem allocates, at most; 0 if that overflows. For a look at the memory beforehand. */
size_t gb_verifier_bytes(const struct gb_problem_spec *spec);

/* The outputs of the problem after one call from its initial state. variant names the caller's cell in later reports; the text
 * must outlive the verifier. */
enum gb_verified gb_verify(struct gb_verifier *verifier, const struct gb_problem *problem, const char *variant,
                           struct gb_verify_report *report);

/* A rectangle of an output with the values that it must have, tight. */
struct gb_verify_region {
    size_t operand;
    struct gk_slice rows, cols;
    void *values;
};

/* What ref computed, in that order. */
const struct gb_verify_region *gb_verifier_regions(const struct gb_verifier *verifier, size_t *count);

#endif
