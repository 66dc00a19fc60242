/* Forward, and forward with the gradient, of calls that ask for nothing but labels: short rows in lanes, others one by one. */
#ifndef GK_SOFTMAX_PLAIN_H
#define GK_SOFTMAX_PLAIN_H

#include "softmax_lanes.h"

/* Bytes of scratch of a thread: a block of short rows, or a spare row. */
static inline size_t gk_plain_own(const struct gk_softmax *o) {
    return gk_in_lanes(o->labels.t, o->c) ? gk_lanes_bytes(o->c) : gk_spare_bytes(o->labels.t, o->x, o->y, o->c);
}

static inline size_t gk_plain_scratch(const struct gk_softmax *o, size_t loss_bytes, size_t threads) {
    return loss_bytes + threads * gk_plain_own(o);
}

/* The batch's loss: from the sum where one thread had all rows and added them, else from the rows'. */
static inline real gk_plain_loss(const struct gk_softmax *o, size_t n, double divisor, double sum, const struct gk_team *team) {
    const bool summed = team->size == 1 && gk_in_lanes(o->labels.t, o->c);
    return summed ? gk_reduced_loss(sum, divisor) : gk_batch_loss(o->row_loss, n, divisor);
}

static inline void gk_plain_run(struct gk_softmax *o, size_t n, real *loss, const struct gk_team *team) {
    const struct gk_slice rows = gk_team_slice(team, n, 1);
    const size_t bytes = gk_loss_bytes(n, o->c, o->row_loss, loss), own = gk_plain_own(o);
    void *const scratch = own ? (char *)team->scratch + bytes + team->rank * own : NULL;
    double sum = 0;
    if (o->c == 0) {
        gk_empty_rows(n, o->row_loss, loss, team);
        return;
    }
    const double divisor = gk_rows_divisor(&o->labels, n, o->reduction);
    o->scale = gk_gradient_scale(divisor);
    o->row_loss = gk_losses(o->row_loss, loss, team);
    if (gk_in_lanes(o->labels.t, o->c)) {
        gk_lanes_rows(o, rows, scratch, &sum);
    } else {
        o->spare = scratch;
        o->fetches = gk_fetches(n, o->c, o->x == o->y, team);
        gk_rows(o, rows);
    }
    if (!loss) return;
    gk_team_barrier(team);
    if (team->rank == 0) *loss = gk_plain_loss(o, n, divisor, sum, team);
}

#endif
