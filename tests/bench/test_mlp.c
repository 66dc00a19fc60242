/* The net against a textbook's in double, and its weights against themselves: on every instruction set, and for all time. */
#include <math.h>

#include "mlp.h"
#include "random.h"
#include "support.h"

enum { COUNT = 23, PIXELS = 9, CLASSES = 3, PARAMETERS = 10 * 5 + 6 * 4 + 5 * 3 };

static unsigned char pixels[COUNT * PIXELS];
static int32_t labels[COUNT];
static struct gb_examples examples = {COUNT, PIXELS, pixels, labels};
static const size_t widths[] = {PIXELS, 5, 4, CLASSES};

static void make_examples(void) {
    for (size_t i = 0; i < COUNT; i++) {
        labels[i] = (int32_t)(gb_mix(i) % CLASSES);
        for (size_t j = 0; j < PIXELS; j++) pixels[i * PIXELS + j] = (unsigned char)gb_mix(i * 100 + j);
    }
}

static double no_time(void *self) { return (*(double *)self)++; }

/* A net of three layers with its own context and a clock that counts how often it is read. */
struct made {
    struct gb_trainer trainer;
    struct gb_clock clock;
    double reads;
};

static void make(struct made *m, const char *isa, size_t threads, size_t batch) {
    *m = (struct made){.clock = {no_time, &m->reads}};
    m->trainer.mlp.layers = 3;
    memcpy(m->trainer.mlp.widths, widths, sizeof widths);
    m->trainer.clock = &m->clock;
    assert_true(gb_trainer_create(&m->trainer, batch));
    assert_int_equal(gk_context_create(&m->trainer.ctx, &(gk_options){.isa = isa, .threads = threads}), GK_OK);
    gb_mlp_start(&m->trainer.mlp, 3);
}

static void unmake(struct made *m) {
    gk_context_destroy(m->trainer.ctx);
    gb_trainer_free(&m->trainer);
}

/* --- the textbook: one image at a time, in double */

static double w_at(const struct gb_mlp *mlp, size_t layer, size_t i, size_t j) {
    return gb_mlp_w(mlp, mlp->parameters, layer)[i * widths[layer + 1] + j];
}

/* Adds the image's gradients, divided by n, to g, which is laid out as the parameters are. Returns its loss; *best: the class.
 */
static double backpropagate(const struct gb_mlp *mlp, size_t row, double n, double *g, size_t *best) {
    double a[4][PIXELS], dy[PIXELS], dx[PIXELS], sum = 0;
    for (size_t j = 0; j < PIXELS; j++) a[0][j] = pixels[row * PIXELS + j] / 255.0;
    for (size_t l = 0; l < 3; l++)
        for (size_t j = 0; j < widths[l + 1]; j++) {
            a[l + 1][j] = gb_mlp_b(mlp, mlp->parameters, l)[j];
            for (size_t i = 0; i < widths[l]; i++) a[l + 1][j] += a[l][i] * w_at(mlp, l, i, j);
            if (l < 2 && a[l + 1][j] <= 0) a[l + 1][j] = 0;
        }
    for (size_t j = 0; j < CLASSES; j++) sum += exp(a[3][j]);
    *best = 0;
    for (size_t j = 0; j < CLASSES; j++) {
        dy[j] = (exp(a[3][j]) / sum - ((int32_t)j == labels[row])) / n;
        if (a[3][j] > a[3][*best]) *best = j;
    }
    for (size_t l = 3; l-- > 0;) {
        double *const dw = g + (gb_mlp_w(mlp, mlp->parameters, l) - mlp->parameters);
        double *const db = g + (gb_mlp_b(mlp, mlp->parameters, l) - mlp->parameters);
        for (size_t i = 0; i < widths[l]; i++) {
            dx[i] = 0;
            for (size_t j = 0; j < widths[l + 1]; j++) {
                dw[i * widths[l + 1] + j] += a[l][i] * dy[j];
                dx[i] += w_at(mlp, l, i, j) * dy[j];
            }
        }
        for (size_t j = 0; j < widths[l + 1]; j++) db[j] += dy[j];
        for (size_t i = 0; i < widths[l]; i++) dy[i] = l > 0 && a[l][i] <= 0 ? 0 : dx[i];
    }
    return log(sum) - a[3][labels[row]];
}

static void gradients_are_the_textbooks(void **state) {
    static const uint32_t rows[] = {4, 0, 22, 7, 7, 13, 2};
    struct made m;
    (void)state;
    make(&m, NULL, 1, 8);
    for (size_t n = 1; n <= 7; n++) {
        double g[PARAMETERS] = {0}, loss = 0;
        float got;
        size_t best;
        for (size_t i = 0; i < n; i++) loss += backpropagate(&m.trainer.mlp, rows[i], (double)n, g, &best) / (double)n;
        assert_int_equal(gb_mlp_gradients(&m.trainer, &examples, rows, n, &got), GK_OK);
        assert_true(fabs(got - loss) < 1e-6 * loss);
        for (size_t i = 0; i < PARAMETERS; i++)
            if (!(fabs(m.trainer.mlp.gradients[i] - g[i]) < 1e-6)) fail_msg("%zu: %g %g", i, m.trainer.mlp.gradients[i], g[i]);
    }
    assert_int_equal(m.trainer.mlp.count, PARAMETERS);
    unmake(&m);
}

static void a_test_is_the_textbooks(void **state) {
    struct made m;
    double loss, accuracy, wanted = 0, ignored[PARAMETERS];
    size_t right = 0, best;
    (void)state;
    make(&m, NULL, 1, 4);
    for (size_t i = 0; i < COUNT; i++) {
        wanted += backpropagate(&m.trainer.mlp, i, 1, ignored, &best) / COUNT;
        right += (int32_t)best == labels[i];
    }
    assert_int_equal(gb_mlp_test(&m.trainer, &examples, &loss, &accuracy), GK_OK);
    assert_true(fabs(loss - wanted) < 1e-6);
    assert_true(accuracy == (double)right / COUNT && right > 0 && right < COUNT);
    assert_true(m.trainer.times.batch == 0 && m.trainer.flops == 0); /* it is no step */
    assert_true(m.trainer.times.kernels[GK_KERNEL_affine_forward] == 0);
    memset(m.trainer.mlp.parameters, 0, PARAMETERS * sizeof(float)); /* all classes equal: the first counts */
    assert_int_equal(gb_mlp_test(&m.trainer, &examples, &loss, &accuracy), GK_OK);
    size_t zeros = 0;
    for (size_t i = 0; i < COUNT; i++) zeros += labels[i] == 0;
    assert_true(accuracy == (double)zeros / COUNT);
    unmake(&m);
}

static void updates_in_their_order(void **state) {
    static const struct gb_sgd table[] = {{0.1f, 0, 0}, {0.1f, 0.9f, 0}, {0.3f, 0, 0.01f}, {0.7f, 0.5f, 0.03f}};
    struct made m;
    (void)state;
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        make(&m, "ref", 1, 1);
        struct gb_mlp *const mlp = &m.trainer.mlp;
        uint64_t random = k;
        for (size_t i = 0; i < PARAMETERS; i++) {
            mlp->gradients[i] = (float)((double)gb_next_random(&random) * 0x1p-64 - 0.5);
            mlp->velocities[i] = (float)((double)gb_next_random(&random) * 0x1p-64 - 0.5);
        }
        float p[PARAMETERS];
        for (size_t i = 0; i < PARAMETERS; i++) {
            volatile float decayed = table[k].decay * mlp->parameters[i], kept = table[k].momentum * mlp->velocities[i];
            const volatile float g = mlp->gradients[i] + decayed, v = kept + g;
            const volatile float moved = table[k].lr * (table[k].momentum == 0 ? g : v);
            p[i] = mlp->parameters[i] - moved;
        }
        gb_mlp_update(mlp, &table[k]);
        assert_memory_equal(mlp->parameters, p, sizeof p);
        unmake(&m);
    }
}

static void weights_begin_normal(void **state) {
    struct gb_trainer t = {.mlp = {.layers = 1, .widths = {200, 300}}};
    double sum = 0, squares = 0, cubes = 0;
    (void)state;
    assert_true(gb_trainer_create(&t, 1));
    gb_mlp_start(&t.mlp, 1);
    for (size_t i = 0; i < 60000; i++) {
        const double w = t.mlp.parameters[i] * 10;
        sum += w;
        squares += w * w;
        cubes += w * w * w;
    }
    assert_true(fabs(sum / 60000) < 0.015 && fabs(squares / 60000 - 1) < 0.02 && fabs(cubes / 60000) < 0.05);
    for (size_t i = 60000; i < 60300; i++) assert_true(t.mlp.parameters[i] == 0);
    gb_trainer_free(&t);
}

static void each_example_once_an_epoch(void **state) {
    uint32_t orders[4][COUNT];
    static const struct {
        uint64_t seed;
        size_t epoch;
    } table[] = {{1, 0}, {1, 1}, {2, 0}, {1, 0}};
    const struct gb_sgd still = {0, 0, 0};
    struct made m;
    double loss, wanted = 0, ignored[PARAMETERS];
    size_t best;
    (void)state;
    make(&m, NULL, 1, 10); /* 10, 10 and 3 */
    for (size_t i = 0; i < COUNT; i++) wanted += backpropagate(&m.trainer.mlp, i, 1, ignored, &best) / COUNT;
    for (size_t k = 0; k < 4; k++) {
        bool seen[COUNT] = {false};
        assert_int_equal(gb_mlp_epoch(&m.trainer, &still, &examples, table[k].seed, table[k].epoch, orders[k], &loss), GK_OK);
        for (size_t i = 0; i < COUNT; i++) {
            assert_true(orders[k][i] < COUNT && !seen[orders[k][i]]);
            seen[orders[k][i]] = true;
        }
        assert_true(fabs(loss - wanted) < 1e-6);
    }
    assert_memory_equal(orders[0], orders[3], sizeof orders[0]);
    assert_memory_not_equal(orders[0], orders[1], sizeof orders[0]);
    assert_memory_not_equal(orders[0], orders[2], sizeof orders[0]);
    /* a step: 2 x (3 layers, 2 of them with a ReLU, softmax, 3 backward, the batch, the update) */
    assert_true(m.trainer.times.kernels[GK_KERNEL_affine_forward] == 4 * 3 * 3);
    assert_true(m.trainer.times.kernels[GK_KERNEL_relu_forward] == 4 * 3 * 2);
    assert_true(m.trainer.times.kernels[GK_KERNEL_softmax_xent] == 4 * 3);
    assert_true(m.trainer.times.kernels[GK_KERNEL_affine_backward] == 4 * 3 * 3);
    assert_true(m.trainer.times.batch == 4 * 3 && m.trainer.times.update == 4 * 3);
    assert_true(m.reads == 4 * 3 * 2 * 11);
    /* products: forward all three layers, dw all three, dx but for the first; db and the masks */
    if (m.trainer.flops != 4.0 * COUNT * (2 * (3 * (45 + 20 + 12) - 45) + 21)) fail_msg("%g", m.trainer.flops / 4 / COUNT);
    unmake(&m);
}

/* What a hundred steps make of the weights does not depend on who takes them. The hash is for all time: what changes it changes
 * what every user gets. */
static void the_same_weights_everywhere(void **state) {
    static const char wanted[] = "89c10daa13549e299be28d1b022e3e35460612b27df0f66cd18956141be4a587";
    static uint32_t order[COUNT];
    (void)state;
    for (size_t isa = 0; isa < GK_ISA_COUNT; isa++)
        for (size_t threads = 1; threads <= 3 && !gk_isa_missing(isa); threads++) {
            const struct gb_sgd sgd = {0.1f, 0.5f, 1e-3f};
            double first = 0, loss = 0;
            char hash[65];
            struct made m;
            make(&m, gk_isa_get(isa, GK_F32)->name, threads, 7);
            for (size_t epoch = 0; epoch < 25; epoch++) {
                assert_int_equal(gb_mlp_epoch(&m.trainer, &sgd, &examples, 5, epoch, order, &loss), GK_OK);
                if (epoch == 0) first = loss;
            }
            assert_true(loss < first);
            gb_mlp_hash(&m.trainer.mlp, hash);
            assert_string_equal(hash, wanted);
            unmake(&m);
        }
}

static void memory(void **state) {
    struct gb_trainer t = {.mlp = {.layers = GB_MLP_LAYERS_MAX}};
    (void)state;
    for (size_t i = 0; i <= GB_MLP_LAYERS_MAX; i++) t.mlp.widths[i] = GB_MLP_WIDTH_MAX;
    assert_true(gb_trainer_bytes(&t.mlp, GB_MLP_BATCH_MAX) > 12 * 16 * 65536.0 * 65536);
    t.mlp.layers = 1;
    t.mlp.widths[0] = 2;
    t.mlp.widths[1] = 3;
    assert_true(gb_trainer_bytes(&t.mlp, 1) == 3 * 64 + 64 + 2 * 64 + 2 * 64 + 64); /* parts begin on lines */
    assert_true(gb_trainer_create(&t, 1));
    gb_mlp_start(&t.mlp, 1);
    const float start[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    t.mlp.velocities[8] = 1;
    gb_mlp_restart(&t.mlp, start);
    assert_memory_equal(t.mlp.parameters, start, sizeof start);
    assert_true(t.mlp.velocities[8] == 0);
    gb_trainer_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_the_textbooks),
        cmocka_unit_test(a_test_is_the_textbooks),
        cmocka_unit_test(updates_in_their_order),
        cmocka_unit_test(weights_begin_normal),
        cmocka_unit_test(each_example_once_an_epoch),
        cmocka_unit_test(the_same_weights_everywhere),
        cmocka_unit_test(memory),
    };
    make_examples();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
