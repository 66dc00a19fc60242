#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "data_folder.h"
#include "environment.h"
#include "message.h"
#include "npz.h"
#include "plan.h"
#include "result_file.h"
#include "terminal.h"
#include "train_run.h"
#include "training_plot.h"

enum { EPOCHS_MAX = 10000 };

struct train_options {
    const char *data, *layers, *isa, *threads, *plot, *save, *load;
    uint64_t batch, epochs, seed;
    double lr, momentum, decay, max_time;
};

static bool parse(struct train_options *o, int argc, char **argv, int *code) {
    const struct gb_flag options[] = {
        {"data", GB_FLAG_TEXT, &o->data, "FOLDER",
         .help = "the four files of MNIST, plain or .gz (default: its test images, every fifth to test)"},
        {"layers", GB_FLAG_TEXT, &o->layers, "LIST", .help = "widths, from pixels to classes (default: 784,50,10)"},
        {"batch", GB_FLAG_COUNT, &o->batch, "N", .help = "images a step (default: 100)", .low = 1, .high = GB_MLP_BATCH_MAX},
        {"epochs", GB_FLAG_COUNT, &o->epochs, "N", .help = "times through all images (default: 10)", .low = 1,
         .high = EPOCHS_MAX},
        {"lr", GB_FLAG_REAL, &o->lr, "RATE", .help = "learning rate (default: 0.1)", .low = 0, .high = 1e6},
        {"momentum", GB_FLAG_REAL, &o->momentum, "MU", .help = "v = mu v + g (default: 0)", .low = 0, .high = 1},
        {"decay", GB_FLAG_REAL, &o->decay, "LAMBDA", .help = "g += lambda p, of all parameters (default: 0)", .low = 0,
         .high = 1e6},
        {"seed", GB_FLAG_COUNT, &o->seed, "N", .help = "of the weights and the order of images (default: 1)", .low = 0,
         .high = 0x1p53},
        {"isa", GB_FLAG_TEXT, &o->isa, "LIST", .help = "instruction sets (default: all that this CPU runs)"},
        {"threads", GB_FLAG_TEXT, &o->threads, "LIST", .help = "thread counts (default: 1,all)"},
        {"max-time", GB_FLAG_REAL, &o->max_time, "SECONDS",
         .help = "all but the first variant start no epoch after this (default: 30)", .low = 0, .high = 1e6},
        {"plot", GB_FLAG_TEXT, &o->plot, "FILE", .help = "draws loss and accuracy as SVG"},
        {"save", GB_FLAG_TEXT, &o->save, "FILE", .help = "writes the weights as .npz: w1, b1, w2, ..., w [in][out]"},
        {"load", GB_FLAG_TEXT, &o->load, "FILE", .help = "begins with weights that were saved, or that NumPy wrote"},
    };
    const struct gb_syntax syntax = {
        .command = "train",
        .summary = "Trains a network on images of digits: affine layers with ReLU between them, softmax with loss, stochastic\n"
                   "gradient descent. Once by each instruction set and number of threads, the fastest first; then the weights\n"
                   "are compared, which must have the same bits.",
        .options = options,
        .n_options = sizeof options / sizeof *options,
        .notes =
            "p are the parameters, g their gradients; p -= lr v, or p -= lr g without momentum. Weights begin normal with\n"
            "variance 2 / inputs, biases 0. Loss is the mean over the epoch, each batch before its step; test loss and "
            "accuracy are\n"
            "those after it. The share of its roof is that of the products' multiply-adds alone in a step.\n"
            "FILEs are written at the end, and only if all weights are equal.",
    };
    return gb_options_parse(&syntax, argc, argv, code);
}

static int parse_layers(const char *list, struct gb_mlp *mlp) {
    char item[32];
    bool too_long = false;
    const char *rest = list;
    size_t count = 0;
    while (gb_text_item(&rest, item, sizeof item, &too_long)) {
        uint64_t width;
        if (count > GB_MLP_LAYERS_MAX)
            return gb_fail(GB_EXIT_USAGE, "--layers has more than %d layers (got '%.80s')", GB_MLP_LAYERS_MAX, list);
        if (!gb_text_count(item, 1, GB_MLP_WIDTH_MAX, &width))
            return gb_fail(GB_EXIT_USAGE, "--layers has widths from 1 to %d (got '%.80s')", GB_MLP_WIDTH_MAX, item);
        mlp->widths[count++] = (size_t)width;
    }
    if (too_long || count < 2)
        return gb_fail(GB_EXIT_USAGE, "--layers must be two widths or more, such as 784,50,10 (got '%.80s')", list);
    mlp->layers = count - 1;
    return GB_EXIT_OK;
}

static int read_data(const char *folder, struct gb_dataset *data) {
    char path[GB_PATH_MAX];
    if (folder) return gb_dataset_read(data, folder);
    if (gb_data_folder(GB_MNIST_INSTALLED, GB_MNIST_SOURCE, path)) return gb_dataset_read_split(data, path);
    return gb_fail(GB_EXIT_RESOURCE, "found no folder of images (--data FOLDER names one)");
}

static int check_labels(const struct gb_examples *examples, const char *set, size_t classes) {
    for (size_t i = 0; i < examples->count; i++)
        if ((size_t)examples->labels[i] >= classes)
            return gb_fail(GB_EXIT_INPUT, "%s image %zu has the label %d, but the net has %zu classes", set, i,
                           examples->labels[i], classes);
    return GB_EXIT_OK;
}

static int check_data(const struct gb_dataset *data, const struct gb_mlp *mlp) {
    if (mlp->widths[0] != data->train.pixels)
        return gb_fail(GB_EXIT_INPUT, "images have %zu pixels, but the net has %zu inputs (see --layers)", data->train.pixels,
                       mlp->widths[0]);
    const int code = check_labels(&data->train, "training", mlp->widths[mlp->layers]);
    return code == GB_EXIT_OK ? check_labels(&data->test, "test", mlp->widths[mlp->layers]) : code;
}

/* The parameters as the arrays of a file; returns how many. */
static size_t arrays_of(const struct gb_mlp *mlp, struct gb_npz_array arrays[2 * GB_MLP_LAYERS_MAX]) {
    for (size_t i = 0; i < mlp->layers; i++) {
        const size_t d = mlp->widths[i], m = mlp->widths[i + 1];
        arrays[2 * i] = (struct gb_npz_array){.rank = 2, .sizes = {d, m}, .values = gb_mlp_w(mlp, mlp->parameters, i)};
        arrays[2 * i + 1] = (struct gb_npz_array){.rank = 1, .sizes = {m}, .values = gb_mlp_b(mlp, mlp->parameters, i)};
        snprintf(arrays[2 * i].name, sizeof arrays->name, "w%zu", i + 1);
        snprintf(arrays[2 * i + 1].name, sizeof arrays->name, "b%zu", i + 1);
    }
    return 2 * mlp->layers;
}

static int write_file(const char *path, char *bytes, size_t size) {
    if (!bytes) return gb_fail(GB_EXIT_RESOURCE, "no memory to write %.400s", path);
    const int reason = gb_result_file_write(&gb_real_files, path, bytes, size, true);
    free(bytes);
    return reason == 0 ? GB_EXIT_OK : gb_fail(GB_EXIT_RESOURCE, "cannot write %.400s (%s)", path, strerror(reason));
}

static int save(const struct gb_mlp *mlp, const char *path) {
    struct gb_npz_array arrays[2 * GB_MLP_LAYERS_MAX];
    const size_t count = arrays_of(mlp, arrays);
    size_t size = 0;
    char *const bytes = gb_npz_write(arrays, count, &size);
    return write_file(path, bytes, size);
}

static void draw(FILE *out, const struct gb_train_run *run, const struct gb_training_point *points) {
    const struct gb_mlp *const mlp = &run->trainer.mlp;
    char title[200] = "";
    for (size_t i = 0; i <= mlp->layers; i++) gb_text_append(title, sizeof title, "%s%zu", i ? "-" : "", mlp->widths[i]);
    gb_text_append(title, sizeof title, ", batches of %zu, learning rate %g", run->batch, (double)run->sgd.lr);
    gb_training_svg(out, title, points, run->epochs);
}

static int plot(const struct gb_train_run *run, const char *path) {
    char *bytes = NULL;
    size_t size = 0;
    struct gb_training_point *const points = calloc(run->epochs, sizeof *points);
    FILE *const out = points ? open_memstream(&bytes, &size) : NULL;
    for (size_t i = 0; points && i < run->epochs; i++)
        points[i] = (struct gb_training_point){run->curve[i].loss, run->curve[i].test_loss, run->curve[i].accuracy};
    if (out) draw(out, run, points);
    free(points);
    if (!out || fclose(out) != 0) return gb_fail(GB_EXIT_RESOURCE, "no memory to draw %.400s", path);
    return write_file(path, bytes, size);
}

/* All variants: the widest on the most threads is the first, the reference on the fewest the last. */
static int choose_variants(const struct train_options *o, struct gb_train_run *run) {
    static struct gb_train_variant variants[GB_OWN_VARIANTS_MAX];
    bool isas[GK_ISA_COUNT];
    size_t threads[GB_THREAD_COUNTS_MAX], n_threads;
    int code = gb_parse_isas(o->isa, isas);
    if (code == GB_EXIT_OK) code = gb_parse_threads(o->threads ? o->threads : "1,all", threads, &n_threads);
    if (code != GB_EXIT_OK) return code;
    run->variants = variants;
    for (size_t isa = GK_ISA_COUNT; isa-- > 0;)
        for (size_t t = n_threads; t-- > 0 && isas[isa];)
            variants[run->count++] = (struct gb_train_variant){.isa = isa, .threads = threads[t]};
    return GB_EXIT_OK;
}

static void print_header(const struct train_options *o, const struct gb_train_run *run) {
    const struct gb_mlp *const mlp = &run->trainer.mlp;
    char threads[24];
    printf("network      ");
    for (size_t i = 0; i <= mlp->layers; i++) printf("%s%zu", i ? "-" : "", mlp->widths[i]);
    printf(", %zu parameters%s%.200s\n", mlp->count, o->load ? ", which begin as in " : "", o->load ? o->load : "");
    printf("data         %zu images to train, %zu to test; %.200s\n", run->data->train.count, run->data->test.count,
           o->data ? o->data : "the test images of MNIST");
    printf("descent      batches of %zu, lr %g, momentum %g, decay %g, seed %llu\n", run->batch, o->lr, o->momentum, o->decay,
           (unsigned long long)o->seed);
    printf("first by     %s, %s\n", gk_isa_get(run->variants[0].isa, GK_F32)->name,
           gb_count_text(run->variants[0].threads, "thread", threads, sizeof threads));
}

static int train_all(const struct train_options *o, struct gb_train_run *run, struct gb_binding *binding, float *weights) {
    int code = GB_EXIT_OK;
    for (size_t i = 0; i < run->count && code == GB_EXIT_OK; i++) {
        gb_binding_apply(binding, run->variants[i].threads);
        code = gb_train_variant(run, i);
        if (i == 0) memcpy(weights, run->trainer.mlp.parameters, run->trainer.mlp.count * sizeof *weights);
    }
    if (code != GB_EXIT_OK) return code;
    gb_print_train_speeds(run);
    if (!gb_print_train_hashes(run)) return GB_EXIT_CHECK;
    memcpy(run->trainer.mlp.parameters, weights, run->trainer.mlp.count * sizeof *weights);
    if (o->save) code = save(&run->trainer.mlp, o->save);
    return o->plot && code == GB_EXIT_OK ? plot(run, o->plot) : code;
}

/* With room for the weights before, and those of the first variant. */
static int train(const struct train_options *o, struct gb_train_run *run) {
    struct gb_mlp *const mlp = &run->trainer.mlp;
    struct gb_npz_array arrays[2 * GB_MLP_LAYERS_MAX];
    float *const weights = calloc(2 * mlp->count, sizeof *weights);
    run->curve = calloc(run->epochs, sizeof *run->curve);
    int code = weights && run->curve ? GB_EXIT_OK : gb_fail(GB_EXIT_RESOURCE, "no memory for the weights");
    if (code == GB_EXIT_OK) {
        gb_mlp_start(mlp, run->seed);
        if (o->load) code = gb_npz_read(o->load, arrays, arrays_of(mlp, arrays));
    }
    if (code == GB_EXIT_OK) {
        struct gb_binding *const binding = gb_binding_create(GB_BIND_CORE);
        memcpy(weights, mlp->parameters, mlp->count * sizeof *weights);
        run->start = weights;
        print_header(o, run);
        code = train_all(o, run, binding, weights + mlp->count);
        gb_binding_destroy(binding);
    }
    free(run->curve);
    free(weights);
    return code;
}

static int with_data(const struct train_options *o, struct gb_train_run *run, const struct gb_dataset *data) {
    struct gb_trainer *const t = &run->trainer;
    char needed[24];
    run->data = data;
    run->batch = o->batch < data->train.count ? o->batch : data->train.count;
    int code = check_data(data, &t->mlp);
    if (code != GB_EXIT_OK) return code;
    const double bytes = gb_trainer_bytes(&t->mlp, run->batch);
    if (bytes > gb_memory_available().bytes || !gb_trainer_create(t, run->batch))
        return gb_fail(GB_EXIT_RESOURCE, "no memory for the net and its batch (%s)",
                       gb_bytes_text(bytes, needed, sizeof needed));
    code = train(o, run);
    gb_trainer_free(t);
    return code;
}

int gb_command_train(int argc, char **argv) {
    struct train_options o = {.layers = "784,50,10", .batch = 100, .epochs = 10, .seed = 1, .lr = 0.1, .max_time = 30};
    struct gb_dataset data;
    int code;
    if (!parse(&o, argc, argv, &code)) return code;
    struct gb_train_run run = {.clock = &gb_real_clock,
                               .sgd = {(float)o.lr, (float)o.momentum, (float)o.decay},
                               .seed = o.seed,
                               .epochs = o.epochs,
                               .most_ns = o.max_time * 1e9,
                               .progress = gb_is_terminal(STDERR_FILENO)};
    code = gb_environment_check();
    if (code == GB_EXIT_OK) code = parse_layers(o.layers, &run.trainer.mlp);
    if (code == GB_EXIT_OK) code = choose_variants(&o, &run);
    if (code == GB_EXIT_OK && o.save && o.plot && strcmp(o.save, o.plot) == 0)
        code = gb_fail(GB_EXIT_USAGE, "--save and --plot would both write %.400s", o.save);
    if (code == GB_EXIT_OK && o.save) code = gb_result_file_try(&gb_real_files, o.save);
    if (code == GB_EXIT_OK && o.plot) code = gb_result_file_try(&gb_real_files, o.plot);
    if (code == GB_EXIT_OK) code = read_data(o.data, &data);
    if (code != GB_EXIT_OK) return code;
    code = with_data(&o, &run, &data);
    gb_dataset_free(&data);
    return code;
}
