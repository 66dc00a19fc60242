#include "guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct arena {
    char *map;
    size_t map_bytes, data_bytes; /* data_bytes: whole pages between the two forbidden ones */
    char *start;
    size_t bytes; /* from the first element to the end of the last */
};

static sigjmp_buf escape;
static char *volatile fault_address;

static void on_fault(int signal, siginfo_t *info, void *unused) {
    (void)signal, (void)unused;
    fault_address = info->si_addr;
    siglongjmp(escape, 1);
}

static size_t span(const struct gb_operand *o) {
    return o->rows && o->row_elements ? ((o->rows - 1) * o->ld + o->row_elements) * o->element_size : 0;
}

static bool map(struct arena *a, const struct gb_operand *o, enum gb_side side) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    a->bytes = span(o);
    a->data_bytes = (a->bytes / page + 1) * page;
    a->map_bytes = a->data_bytes + 2 * page;
    a->map = mmap(NULL, a->map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (a->map == MAP_FAILED) {
        a->map = NULL;
        return false;
    }
    if (mprotect(a->map + page, a->data_bytes, PROT_READ | PROT_WRITE) != 0) return false;
    a->start = side == GB_GUARD_BEFORE ? a->map + page : a->map + page + a->data_bytes - a->bytes;
    memcpy(a->start, o->start, a->bytes);
    /* initial: an output, or what an output shares */
    return o->initial || mprotect(a->map + page, a->data_bytes, PROT_READ) == 0;
}

static void describe_fault(const struct gb_problem *problem, const struct arena *arenas, char what[160]) {
    const char *const at = fault_address;
    snprintf(what, 160, "memory: a fault at %p, outside every operand", (const void *)at);
    for (size_t i = 0; i < problem->n_operands; i++) {
        const struct arena *const a = &arenas[i];
        if (!a->map || at < a->map || at >= a->map + a->map_bytes) continue;
        const char *const name = problem->operands[i].field->name;
        if (at < a->start)
            snprintf(what, 160, "memory: %s was touched %td bytes before its first element", name, a->start - at);
        else if (at >= a->start + a->bytes)
            snprintf(what, 160, "memory: %s was touched %td bytes past its last element", name, at - (a->start + a->bytes));
        else snprintf(what, 160, "memory: the input %s was written, byte %td", name, at - a->start);
    }
}

static enum gb_guarded call(const struct gb_problem *problem, gk_context *ctx, const void *args) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, old_segv, old_bus;
    enum gb_guarded result = GB_GUARD_FAULT;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &old_segv);
    sigaction(SIGBUS, &action, &old_bus);
    if (sigsetjmp(escape, 1) == 0)
        result = gk_call(ctx, problem->spec.kernel, problem->spec.dtype, args) == GK_OK ? GB_GUARD_OK : GB_GUARD_STATUS;
    sigaction(SIGSEGV, &old_segv, NULL);
    sigaction(SIGBUS, &old_bus, NULL);
    return result;
}

enum gb_guarded gb_guard_call(struct gb_problem *problem, gk_context *ctx, enum gb_side side, char what[160]) {
    struct arena arenas[GB_OPERANDS_MAX] = {{0}};
    enum gb_guarded result = GB_GUARD_OK;
    void *const args = malloc(problem->kernel->args_size);
    if (!args) return GB_GUARD_NO_MEMORY;
    memcpy(args, problem->args, problem->kernel->args_size);
    for (size_t i = 0; i < problem->n_operands; i++)
        if (problem->operands[i].base && !map(&arenas[i], &problem->operands[i], side)) result = GB_GUARD_NO_MEMORY;
    for (size_t i = 0; i < problem->n_operands; i++)
        for (size_t j = 0; j < problem->n_operands && result == GB_GUARD_OK; j++)
            if (arenas[j].map && problem->operands[i].start == problem->operands[j].start)
                memcpy((char *)args + problem->operands[i].field->offset, &arenas[j].start, sizeof arenas[j].start);
    if (result == GB_GUARD_OK) result = call(problem, ctx, args);
    if (result == GB_GUARD_FAULT) describe_fault(problem, arenas, what);
    for (size_t i = 0; i < problem->n_operands; i++) {
        if (!arenas[i].map) continue;
        if (result == GB_GUARD_OK && problem->operands[i].initial)
            memcpy(problem->operands[i].start, arenas[i].start, arenas[i].bytes);
        munmap(arenas[i].map, arenas[i].map_bytes);
    }
    free(args);
    return result;
}
