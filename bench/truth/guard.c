#include "guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    SLOTS = 2 * GK_OPERANDS_MAX, /* the first half for inputs, the second for what is written */
    SCRATCH_PAGES = 4096,
    CANARY = 0x7fa5a5a5,
};

/* The same pages three times: plain, writable and without gaps; whole, between two pages that cannot be touched; and with one
 * such page between each two. */
struct slot {
    size_t pages;
    char *plain, *whole, *rows; /* rows: NULL until it is asked for */
    char *before;               /* a copy of the plain pages as the call finds them */
};

static struct slot slots[SLOTS];
static size_t page;
static char *scratch_end;
static size_t scratch_pages, scratch_used; /* usable pages before scratch_end; bytes of the current call */

static sigjmp_buf back;
static struct gb_guard_problem *current;
static size_t current_threads;
static const char *volatile fault_address;

static char *reserve(size_t pages, int protection) {
    void *const at = mmap(NULL, pages * page, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static bool map_file(char *at, size_t pages, int protection, int file, size_t first) {
    return mmap(at, pages * page, protection, MAP_SHARED | MAP_FIXED, file, (off_t)(first * page)) != MAP_FAILED;
}

static void unmap(char *at, size_t pages) {
    if (at) munmap(at, pages * page);
}

static void unmap_slot(struct slot *s) {
    unmap(s->plain, s->pages);
    unmap(s->before, s->pages);
    unmap(s->whole ? s->whole - page : NULL, s->pages + 2);
    unmap(s->rows ? s->rows - page : NULL, 2 * s->pages + 1);
    *s = (struct slot){0};
}

static bool map_views(struct slot *s, int file, int protection, bool apart) {
    s->plain = reserve(s->pages, PROT_NONE);
    s->before = reserve(s->pages, PROT_READ | PROT_WRITE);
    s->whole = reserve(s->pages + 2, PROT_NONE);
    if (s->whole) s->whole += page;
    if (!s->plain || !s->before || !s->whole || ftruncate(file, (off_t)(s->pages * page)) != 0) return false;
    if (!map_file(s->plain, s->pages, PROT_READ | PROT_WRITE, file, 0)) return false;
    if (!map_file(s->whole, s->pages, protection, file, 0)) return false;
    if (!apart) return true;
    s->rows = reserve(2 * s->pages + 1, PROT_NONE);
    if (!s->rows) return false;
    s->rows += page;
    for (size_t i = 0; i < s->pages; i++)
        if (!map_file(s->rows + 2 * i * page, 1, protection, file, i)) return false;
    return true;
}

/* apart: with the view whose pages lie apart. False: no memory, and no slot. */
static bool grow(size_t index, size_t pages, bool apart) {
    struct slot *const s = &slots[index];
    const int protection = index < SLOTS / 2 ? PROT_READ : PROT_READ | PROT_WRITE;
    size_t enough = s->pages ? s->pages : 64;
    if (pages <= s->pages && (s->rows || !apart)) return true;
    while (enough < pages) enough *= 2;
    unmap_slot(s);
    s->pages = enough;
    const int file = memfd_create("operands", MFD_CLOEXEC);
    const bool done = file >= 0 && map_views(s, file, protection, apart);
    if (file >= 0) close(file);
    if (!done) unmap_slot(s);
    return done;
}

static bool inside(const char *address, const char *begin, size_t bytes) {
    return address >= begin && (size_t)(address - begin) < bytes;
}

static bool in_slot(const char *address, const struct slot *s) {
    if (!s->pages) return false;
    return inside(address, s->whole - page, (s->pages + 2) * page) ||
           (s->rows && inside(address, s->rows - page, (2 * s->pages + 1) * page));
}

static bool in_scratch(const char *address) {
    return scratch_end && inside(address, scratch_end - (SCRATCH_PAGES + 1) * page, (SCRATCH_PAGES + 2) * page);
}

static size_t row_bytes(const struct gb_operand *o) { return o->row_elements * o->element_size; }

static void locate(const char *address, struct gb_guard_fault *fault) {
    *fault = (struct gb_guard_fault){.operand = "memory outside the arena"};
    if (in_scratch(address)) {
        const size_t bytes = (scratch_used + page - 1) / page * page;
        *fault = (struct gb_guard_fault){"scratch", 0, scratch_used, address - (scratch_end - bytes)};
    }
    for (size_t i = 0; i < current->problem.n_operands; i++) {
        const struct gb_operand *const o = &current->problem.operands[i];
        if (!in_slot(address, &slots[current->places[i].slot])) continue;
        const ptrdiff_t offset = address - (const char *)o->start, stride = (ptrdiff_t)current->places[i].stride;
        const ptrdiff_t last = o->rows ? (ptrdiff_t)o->rows - 1 : 0;
        ptrdiff_t row = offset < 0 ? 0 : (ptrdiff_t)gk_min((size_t)(offset / stride), (size_t)last);
        if (current->side == GB_GUARD_ROWS_LEFT && row < last && offset - row * stride >= (ptrdiff_t)page) row++;
        *fault = (struct gb_guard_fault){o->field->name, (size_t)row, row_bytes(o), offset - row * stride};
        return;
    }
}

static void on_fault(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    fault_address = info->si_addr;
    if (current_threads == 1) siglongjmp(back, 1);
    struct gb_guard_fault fault;
    char spec[256], what[160], text[512];
    locate(fault_address, &fault);
    gb_guard_describe(&fault, what, sizeof what);
    gb_problem_describe(&current->problem.spec, spec, sizeof spec);
    const int length = snprintf(text, sizeof text, "FAULT with %zu threads, %s: %s: %s\n", current_threads,
                                gb_guard_side_name(current->side), what, spec);
    if (write(STDERR_FILENO, text, (size_t)length) != length) _exit(2);
    _exit(1);
}

void gb_guard_describe(const struct gb_guard_fault *fault, char *text, size_t size) {
    const ptrdiff_t past = fault->byte - (ptrdiff_t)fault->row_bytes;
    const char *const name = fault->operand;
    if (fault->byte == 0 && fault->row_bytes == 0) snprintf(text, size, "a fault: %s", name);
    else if (fault->byte < 0)
        snprintf(text, size, "%s[%zu] was touched %td bytes before its first element", name, fault->row, -fault->byte);
    else if (past >= 0) snprintf(text, size, "%s[%zu] was touched %td bytes past its last element", name, fault->row, past);
    else snprintf(text, size, "the input %s[%zu] was written, byte %td", name, fault->row, fault->byte);
}

void gb_guard_close(void) {
    for (size_t i = 0; i < SLOTS; i++) unmap_slot(&slots[i]);
    if (scratch_end) munmap(scratch_end - (SCRATCH_PAGES + 1) * page, (SCRATCH_PAGES + 2) * page);
    scratch_end = NULL;
    scratch_pages = 0;
}

const char *gb_guard_side_name(enum gb_guard_side side) {
    static const char *const names[GB_GUARD_SIDES] = {"operands end at a guard page", "operands begin at a guard page",
                                                      "rows end at a guard page", "rows begin at a guard page"};
    return names[side];
}

/* The index of the operand that an output lies upon, or its own. */
static size_t shared_with(const struct gb_problem *p, size_t index) {
    for (size_t i = 0; i < p->kernel->n_fields; i++) {
        const struct gk_field *const f = &p->kernel->fields[i];
        if (f->kind != GK_FIELD_IN_PLACE || f->offset != p->operands[index].field->offset) continue;
        for (size_t j = 0; j < p->n_operands; j++)
            if (p->operands[j].field->offset == f->offset2) return j;
    }
    return index;
}

/* The rows have pages of their own where the side asks for it and the operand has a leading dimension. */
static bool place(struct gb_guard_problem *g, size_t index, size_t ld_pad) {
    struct gb_operand *const o = &g->problem.operands[index];
    struct gb_guard_place *const at = &g->places[index];
    struct slot *const s = &slots[at->slot];
    const bool apart = g->side >= GB_GUARD_ROWS_RIGHT && o->field->offset2 != GK_NOWHERE && o->rows > 0;
    const bool right = g->side == GB_GUARD_RIGHT || g->side == GB_GUARD_ROWS_RIGHT;
    if (apart) {
        if (row_bytes(o) > page || !grow(at->slot, o->rows, true)) return false;
        const size_t within = right ? page - row_bytes(o) : 0;
        o->ld = 2 * page / o->element_size;
        o->start = s->rows + within;
        *at = (struct gb_guard_place){at->slot, 0, o->rows, 2 * page, page, s->plain + within};
    } else {
        if (o->field->offset2 != GK_NOWHERE) o->ld = o->row_elements + ld_pad;
        const size_t stride = o->ld * o->element_size, bytes = o->rows ? (o->rows - 1) * stride + row_bytes(o) : 0;
        const size_t pages = bytes / page + 2;
        if (!grow(at->slot, pages, false)) return false;
        const size_t offset = right ? s->pages * page - bytes : 0;
        o->start = s->whole + offset;
        *at = (struct gb_guard_place){at->slot, right ? s->pages - pages : 0, pages, stride, stride, s->plain + offset};
    }
    memcpy(g->args + o->field->offset, &o->start, sizeof o->start);
    if (o->field->offset2 != GK_NOWHERE) memcpy(g->args + o->field->offset2, &o->ld, sizeof o->ld);
    return true;
}

static void fill(const struct gb_guard_problem *g, const struct gb_problem *source, size_t index, size_t contents) {
    const struct gb_guard_place *const at = &g->places[index];
    const struct gb_operand *const o = &source->operands[contents];
    char *const begin = slots[at->slot].plain + at->first_page * page;
    const uint32_t canary = CANARY;
    for (size_t i = 0; i < at->pages * page; i += sizeof canary) memcpy(begin + i, &canary, sizeof canary);
    for (size_t row = 0; row < o->rows && row_bytes(o); row++) {
        const char *const from =
            o->output ? (const char *)o->initial + row * row_bytes(o) : (const char *)o->start + row * o->ld * o->element_size;
        memcpy(at->plain + row * at->plain_stride, from, row_bytes(o));
    }
    memcpy(slots[at->slot].before, begin, at->pages * page);
}

bool gb_guard_place(struct gb_guard_problem *g, const struct gb_problem *source, enum gb_guard_side side, bool in_place,
                    size_t ld_pad) {
    size_t next_input = 0, next_output = SLOTS / 2;
    if (source->kernel->args_size > sizeof g->args) return false;
    page = (size_t)sysconf(_SC_PAGESIZE);
    g->problem = *source;
    g->side = side;
    memcpy(g->args, source->args, source->kernel->args_size);
    g->problem.args = g->args;
    size_t owners[GK_OPERANDS_MAX];
    bool written[GK_OPERANDS_MAX] = {0};
    for (size_t i = 0; i < source->n_operands; i++) {
        owners[i] = in_place && source->operands[i].output ? shared_with(source, i) : i;
        written[owners[i]] |= source->operands[i].output;
    }
    for (size_t i = 0; i < source->n_operands; i++)
        if (owners[i] == i) g->places[i].slot = written[i] ? next_output++ : next_input++;
    for (size_t i = 0; i < source->n_operands; i++) {
        g->places[i].slot = g->places[owners[i]].slot;
        if (!place(g, i, ld_pad)) return false;
        if (owners[i] == i) fill(g, source, i, i);
    }
    return true;
}

void gb_guard_reset(struct gb_guard_problem *g) {
    for (size_t i = 0; i < g->problem.n_operands; i++) {
        const struct gb_guard_place *const at = &g->places[i];
        if (at->slot < SLOTS / 2) continue;
        memcpy(slots[at->slot].plain + at->first_page * page, slots[at->slot].before, at->pages * page);
    }
}

/* False: it does not fit. */
static bool place_scratch(size_t bytes) {
    const size_t pages = (bytes + page - 1) / page;
    if (pages > SCRATCH_PAGES) return false;
    if (!scratch_end) {
        char *const scratch = reserve(SCRATCH_PAGES + 2, PROT_NONE);
        if (!scratch) return false;
        scratch_end = scratch + (SCRATCH_PAGES + 1) * page;
    }
    if (pages != scratch_pages) {
        if (mprotect(scratch_end - scratch_pages * page, scratch_pages * page, PROT_NONE) != 0) return false;
        if (mprotect(scratch_end - pages * page, pages * page, PROT_READ | PROT_WRITE) != 0) return false;
    }
    scratch_pages = pages;
    scratch_used = bytes;
    memset(scratch_end - pages * page, 0xff, pages * page);
    return true;
}

bool gb_guard_run(struct gb_guard_problem *g, size_t threads, gb_guard_call *call, void *context, size_t bytes,
                  struct gb_guard_fault *fault) {
    *fault = (struct gb_guard_fault){0};
    if (!place_scratch(bytes)) {
        *fault = (struct gb_guard_fault){.operand = "scratch space that cannot be had"};
        return false;
    }
    current = g;
    current_threads = threads;
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, old_segv, old_bus;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &old_segv); /* at each call: cmocka sets its own at each test */
    sigaction(SIGBUS, &action, &old_bus);
    if (sigsetjmp(back, 1) == 0) call(context, g->args, bytes ? scratch_end - scratch_pages * page : NULL);
    else locate(fault_address, fault);
    sigaction(SIGSEGV, &old_segv, NULL);
    sigaction(SIGBUS, &old_bus, NULL);
    return !fault->operand;
}

bool gb_guard_intact(const struct gb_guard_problem *g, const char **what) {
    for (const char *p = scratch_end - scratch_pages * page + scratch_used; p < scratch_end; p++)
        if ((unsigned char)*p != 0xff) {
            *what = "scratch";
            return false;
        }
    for (size_t i = 0; i < g->problem.n_operands; i++) {
        const struct gb_guard_place *const at = &g->places[i];
        const struct gb_operand *const o = &g->problem.operands[i];
        const char *const begin = slots[at->slot].plain + at->first_page * page, *now = begin;
        const char *before = slots[at->slot].before;
        for (size_t row = 0; row < o->rows && at->slot >= SLOTS / 2; row++) {
            const char *const start = at->plain + row * at->plain_stride;
            if (memcmp(before, now, (size_t)(start - now)) != 0) break;
            before += start - now + (ptrdiff_t)row_bytes(o);
            now = start + row_bytes(o);
        }
        if (memcmp(before, now, (size_t)(begin + at->pages * page - now)) == 0) continue;
        *what = o->field->name;
        return false;
    }
    return true;
}
