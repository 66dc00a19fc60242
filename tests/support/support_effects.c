#include "support_effects.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/mman.h>

struct script script;

static struct {
    const struct script_cell *running;
    size_t runs;  /* in its turn */
    size_t bound; /* threads, for the turn in this process; 0: none */
    size_t reads; /* of the clock in it, or since the reference began */
    bool reference;
    bool began; /* calls after verification */
} state;

struct gb_binding *const script_binding = (struct gb_binding *)&state;

/* True: the cell fails now. */
static bool record(enum script_what what, struct script_cell *cell, uint64_t count, double limit_ns) {
    assert_true(script.n_events < SCRIPT_EVENTS);
    script.events[script.n_events++] = (struct script_event){what, cell, count, limit_ns, script.round, NULL};
    if (script.n_events == script.stop_at) script.stop = 1;
    return cell && ++cell->asked[what] == cell->fails_at && what == cell->fails_in;
}

static double read_clock(void *self) {
    assert_ptr_equal(self, &script);
    record(SCRIPT_CLOCK, NULL, 0, 0);
    state.reads++;
    if (state.reference && state.reads == 2) script.now += script.ref_ns;
    if (!state.reference && state.bound && state.reads == 2) state.bound = 0;
    return script.now;
}

static size_t bind_threads(struct gb_binding *binding, size_t threads) {
    assert_ptr_equal(binding, script.free ? NULL : script_binding);
    assert_null(state.running);
    record(SCRIPT_BIND, NULL, threads, 0);
    state.bound = threads;
    state.reads = 0;
    return threads;
}

/* What befalls a round, '.' nothing. Signs are looked for before the first one and after each. */
static char letter_of(size_t round) {
    return script.disturbed && round < strlen(script.disturbed) ? script.disturbed[round] : '.';
}

static struct gb_signs read_signs(void) {
    struct gb_signs signs = {.ns = script.now, .ticks = {.all = 100 * (double)script.n_signs}};
    for (size_t i = 0; i < script.n_signs; i++) {
        const char letter = letter_of(i);
        signs.ticks.stolen += letter == 's' ? 2 : 1;
        signs.switches += letter == 'w';
        signs.processor += letter == 'm';
    }
    script.n_signs++;
    return signs;
}

static double cost_of(const struct script_cell *cell, bool warm, uint64_t calls) {
    const double n = (double)calls * (script.n_signs && letter_of(script.n_signs - 1) != '.' ? script.disturbed_cost : 1);
    if (script.round == SCRIPT_BEFORE) return cell->flat ? cell->cost : cell->cost * n;
    if (warm && cell->warm_cost > 0) return cell->warm_cost * n;
    return (cell->in_round ? cell->in_round[script.round] : cell->cost) * n;
}

static void make_wrong(const struct script_cell *cell, const struct gb_operand *o, char *start) {
    const float value = 1.5F; /* of an element */
    if (cell->wrong == SCRIPT_RIGHT || strcmp(o->field->name, cell->operand) != 0) return;
    char *const element = start + (cell->row * o->ld + cell->col) * o->element_size;
    if (cell->wrong == SCRIPT_WRONG_ELEMENT && o->element_size == sizeof value) memcpy(element, &value, sizeof value);
    else element[cell->wrong == SCRIPT_WRONG_PADDING ? (ptrdiff_t)(o->row_elements * o->element_size) : 0] ^= 1;
}

static struct script_cell *cell_of(const gk_context *ctx) {
    struct script_cell *cell = script.cells;
    while (cell < script.cells + script.n_cells && cell->ctx != ctx) cell++;
    assert_true(cell < script.cells + script.n_cells);
    return cell;
}

static bool as_made(const struct gb_problem *problem) {
    for (size_t i = 0; i < problem->n_operands; i++) {
        const struct gb_operand *const o = &problem->operands[i];
        const size_t bytes = o->row_elements * o->element_size;
        for (size_t row = 0; row < o->rows && o->output; row++)
            if (memcmp((char *)o->start + row * o->ld * o->element_size, (char *)o->initial + row * bytes, bytes) != 0)
                return false;
    }
    return true;
}

static gk_status repeat(const struct gb_problem *problem, gk_context *ctx, uint64_t calls) {
    struct script_cell *const cell = cell_of(ctx);
    assert_null(state.running);
    assert_int_equal(state.bound, cell->threads);
    const bool warm = state.reads == 0, verifying = cell->asked[SCRIPT_CALLS] == 0;
    if (!verifying && !state.began) script.began_as_made = as_made(problem);
    state.began = !verifying;
    const bool fails = record(warm ? SCRIPT_WARM : SCRIPT_CALLS, cell, calls, 0);
    script.events[script.n_events - 1].problem = problem;
    script.now += cost_of(cell, warm, calls);
    const gk_status status = gb_problem_call(problem, ctx);
    if (cell->then_small) assert_int_equal(gb_problem_call(&script.small, ctx), GK_OK);
    for (size_t i = 0; i < problem->n_operands; i++) make_wrong(cell, &problem->operands[i], problem->operands[i].start);
    return fails ? GK_ERROR_MEMORY : status;
}

static struct script_cell *contender_of(const struct gb_contender *contender) {
    struct script_cell *cell = script.cells;
    while (cell < script.cells + script.n_cells && &cell->contender != contender) cell++;
    assert_true(cell < script.cells + script.n_cells);
    return cell;
}

/* What the real ones do of a request to one that is gone, is done here. */
static bool answers(enum script_what what, struct gb_contender *contender, uint64_t count, double limit_ns) {
    struct script_cell *const cell = contender_of(contender);
    assert_ptr_equal(state.running, cell);
    assert_int_not_equal(contender->state, GB_CONTENDER_GONE);
    if (!record(what, cell, count, limit_ns)) return true;
    contender->state = GB_CONTENDER_GONE;
    snprintf(contender->reason, sizeof contender->reason, "%s died", cell->name);
    return false;
}

static void begin_turn(struct gb_contender *contender) {
    struct script_cell *const cell = contender_of(contender);
    assert_null(state.running);
    assert_int_not_equal(contender->state, GB_CONTENDER_GONE);
    record(SCRIPT_BEGIN, cell, 0, 0);
    state.running = cell;
    state.runs = 0;
    state.bound = 0;
}

static void end_turn(struct gb_contender *contender) {
    struct script_cell *const cell = contender_of(contender);
    assert_ptr_equal(state.running, cell);
    state.running = NULL;
    if (!record(SCRIPT_END, cell, 0, 0)) return;
    contender->state = GB_CONTENDER_GONE;
    snprintf(contender->reason, sizeof contender->reason, "%s died", cell->name);
}

static void forget_memory(struct script_cell *cell) {
    if (cell->memory) munmap(cell->memory, cell->bytes);
    cell->memory = NULL;
}

static void see_memory(struct script_cell *cell) {
    char path[80];
    const char *const memory = strstr(cell->line, " memory=");
    assert_non_null(memory);
    assert_int_equal(sscanf(memory, " memory=%79s bytes=%zu", path, &cell->bytes), 2);
    const int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    forget_memory(cell);
    cell->memory = mmap(NULL, cell->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(cell->memory != MAP_FAILED);
    close(fd);
}

static bool prepare(struct gb_contender *contender, const char *line, double limit_ns) {
    struct script_cell *const cell = contender_of(contender);
    if (!answers(SCRIPT_PREPARE, contender, 0, limit_ns)) return false;
    contender->state = cell->unfit ? GB_CONTENDER_UNFIT : GB_CONTENDER_UP;
    snprintf(cell->line, sizeof cell->line, "%s", line);
    snprintf(contender->reason, sizeof contender->reason, "%s", cell->unfit ? cell->unfit : "");
    snprintf(contender->note, sizeof contender->note, "%s", cell->unfit ? "" : cell->name);
    if (!cell->unfit) see_memory(cell);
    return !cell->unfit;
}

static bool run(struct gb_contender *contender, uint64_t count, double *ns, double limit_ns) {
    const struct script_cell *const cell = contender_of(contender);
    assert_int_equal(contender->state, GB_CONTENDER_UP);
    if (!answers(SCRIPT_RUN, contender, count, limit_ns)) return false;
    *ns = cost_of(cell, state.runs++ == 0, count);
    script.now += *ns;
    return true;
}

/* All operands are as in the truth, whose memory is laid out in the same way. */
static bool result(struct gb_contender *contender, double limit_ns) {
    const struct script_cell *const cell = contender_of(contender);
    if (!answers(SCRIPT_RESULT, contender, 0, limit_ns)) return false;
    const struct gb_problem *const truth = script_truth();
    assert_int_equal(cell->bytes, truth->shared.bytes);
    memcpy(cell->memory, truth->shared.start, cell->bytes);
    for (size_t i = 0; i < truth->n_operands; i++) {
        const struct gb_operand *const o = &truth->operands[i];
        make_wrong(cell, o, cell->memory + ((char *)o->start - truth->shared.start));
    }
    return true;
}

static void look_again(struct gb_roofs *roofs, struct gb_binding *binding, size_t isa, enum gk_dtype dtype, size_t threads,
                       const struct gb_work *work, double ns) {
    assert_non_null(roofs);
    assert_ptr_equal(binding, script.free ? NULL : script_binding);
    assert_true(script.n_looks < SCRIPT_CELLS);
    script.looks[script.n_looks++] = (struct script_look){isa, threads, dtype, ns, *work};
    record(SCRIPT_LOOK, NULL, threads, 0);
}

static double empty_call(gk_context *ctx, enum gk_kernel_id kernel, enum gk_dtype dtype) {
    assert_true(ctx && kernel == script.truth.spec.kernel && dtype == script.truth.spec.dtype);
    script.empty_ns -= script.empty_step;
    return script.empty_ns + script.empty_step;
}

void script_tell(void *data, const struct gb_task *task, const char *what, size_t done, size_t of) {
    assert_ptr_equal(data, &script);
    assert_non_null(task);
    state.bound = 0;
    state.reference = strcmp(what, "reference") == 0;
    if (state.reference) state.reads = 0;
    if (strcmp(what, "round") == 0) script.round = done;
    if (script.n_progress == sizeof script.progress / sizeof *script.progress) return;
    struct script_progress *const p = &script.progress[script.n_progress++];
    *p = (struct script_progress){.done = done, .of = of};
    snprintf(p->what, sizeof p->what, "%s", what);
}

static const struct gb_clock clock_by_script = {read_clock, &script};

const struct gb_effects script_effects = {
    .clock = &clock_by_script,
    .signs = read_signs,
    .bind = bind_threads,
    .repeat = repeat,
    .empty_call = empty_call,
    .begin_turn = begin_turn,
    .end_turn = end_turn,
    .prepare = prepare,
    .run = run,
    .result = result,
    .look_again = look_again,
};

static int open_counter(const struct perf_event_attr *attr, int group) {
    (void)group;
    return attr->type == PERF_TYPE_HARDWARE && attr->config == PERF_COUNT_HW_CPU_CYCLES ? (int)attr->inherit : -ENOENT;
}

static bool read_counter(int fd, uint64_t values[3]) {
    script.counted[fd]++;
    for (int i = 0; i < 3; i++) values[i] = (uint64_t)script.now;
    script.now += SCRIPT_READING;
    return true;
}

static void turn_counter(int fd, bool on) {
    (void)fd;
    (void)on;
}

static void close_counter(int fd) { (void)fd; }

const struct gb_perf script_perf = {open_counter, read_counter, turn_counter, close_counter, ""};

void script_rewind(void) {
    memset(&state, 0, sizeof state);
    script.n_events = script.n_progress = script.n_looks = script.n_signs = 0;
    memset(script.counted, 0, sizeof script.counted);
    script.now = 1e9;
    script.stop = 0;
    script.round = SCRIPT_BEFORE;
    script.began_as_made = false;
    for (size_t i = 0; i < script.n_cells; i++) {
        struct script_cell *const cell = &script.cells[i];
        memset(cell->asked, 0, sizeof cell->asked);
        forget_memory(cell);
        cell->contender = (struct gb_contender){.threads = cell->threads, .ran = cell->contender.ran};
    }
}

void script_open(const struct gb_problem_spec *spec) {
    const struct gb_problem_spec small = {.kernel = GK_KERNEL_relu_forward, .n = 1, .d = 1};
    script.n_cells = 0;
    script.empty_ns = script.empty_step = 0;
    script.ref_ns = 0;
    script.disturbed = NULL;
    script.free = false;
    script.stop_at = 0;
    script.truth_is_known = false;
    script_rewind();
    script.ref = gb_context(0, 1);
    assert_true(gb_problem_create_shared(&script.truth, spec) && gb_problem_create(&script.small, &small));
}

const struct gb_problem *script_truth(void) {
    if (!script.truth_is_known) assert_int_equal(gb_problem_call(&script.truth, script.ref), GK_OK);
    script.truth_is_known = true;
    return &script.truth;
}

void script_close(void) {
    script_rewind();
    for (size_t i = 0; i < script.n_cells; i++) gk_context_destroy(script.cells[i].ctx);
    gk_context_destroy(script.ref);
    gb_problem_destroy(&script.truth);
    gb_problem_destroy(&script.small);
}

struct script_cell *script_add(const char *name, size_t threads, double cost) {
    assert_true(script.n_cells < SCRIPT_CELLS);
    struct script_cell *const cell = &script.cells[script.n_cells++];
    *cell = (struct script_cell){.name = name, .ctx = gb_context(0, 1), .threads = threads, .cost = cost};
    cell->contender.threads = threads;
    return cell;
}
