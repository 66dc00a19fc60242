#include "isa.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "cpu.h"
#include "team.h"

#define DECLARE(isa) extern const struct gk_isa gk_isa__##isa##_f32, gk_isa__##isa##_f64;
GK_FOR_EACH_ISA(DECLARE)

#define ENTRY(isa) {&gk_isa__##isa##_f32, &gk_isa__##isa##_f64},
static const struct gk_isa *const isas[GK_ISA_COUNT][GK_DTYPE_COUNT] = {GK_FOR_EACH_ISA(ENTRY)};

enum { REASON = 128 };
static char missing[GK_ISA_COUNT][REASON];
static pthread_once_t detected = PTHREAD_ONCE_INIT;

void gk_isa_lacks(uint32_t needs, uint32_t features, char *text, size_t size) {
    char names[64];
    const uint32_t absent = needs & ~features;
    gk_cpu_feature_names(absent, names, sizeof names);
    snprintf(text, size, absent ? "this CPU or its operating system lacks %s" : "%s", names);
}

static void detect(void) {
    struct gk_cpu_dump dump;
    gk_cpu_read(&dump);
    const uint32_t features = gk_cpu_features(&dump);
    for (size_t i = 0; i < GK_ISA_COUNT; i++) gk_isa_lacks(isas[i][0]->needs, features, missing[i], REASON);
}

const struct gk_isa *gk_isa_get(size_t index, enum gk_dtype dtype) {
    return index < GK_ISA_COUNT && (unsigned)dtype < GK_DTYPE_COUNT ? isas[index][dtype] : NULL;
}

int gk_isa_find(const char *name) {
    for (int i = 0; i < GK_ISA_COUNT; i++)
        if (strcmp(isas[i][0]->name, name) == 0) return i;
    return -1;
}

const char *gk_isa_missing(size_t index) {
    if (index >= GK_ISA_COUNT) return "no such isa";
    pthread_once(&detected, detect);
    return missing[index][0] ? missing[index] : NULL;
}

const char *gk_isa_cap(void) {
    const char *const cap = getenv("GRADKERN_ISA");
    return cap && *cap ? cap : NULL;
}

const char *gk_isa_unusable(size_t index) {
    const char *const reason = gk_isa_missing(index), *const cap = gk_isa_cap();
    if (reason) return reason;
    const int highest = cap ? gk_isa_find(cap) : -1;
    return highest >= 0 && index > (size_t)highest ? "GRADKERN_ISA names a lower one" : NULL;
}

size_t gk_probe_run(size_t index, enum gk_dtype dtype, enum gk_probe probe, size_t threads, const struct gk_probe_args *args) {
    static const struct gk_caches none;
    return gk_team_run(threads, isas[index][dtype]->probes[probe], args, NULL, &none);
}
