#include "pages.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "core/team.h"
#include "system_file.h"

enum { PAGE = 4096, HUGE_PAGE = 2 << 20 };

const char *const gb_huge_pages_words[GB_HUGE_COUNT + 1] = {"auto", "on", "off", NULL};

bool gb_huge_pages_never(const char *root) {
    char word[32];
    return !gb_system_choice(root, GB_HUGE_PAGES_FILE, word, sizeof word) || strcmp(word, "never") == 0;
}

static size_t rounded(size_t bytes) { return (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE; }

/* What is mapped beside the pages is given back. A system that has no huge pages takes no advice on them. */
bool gb_pages_map(struct gb_pages *pages, size_t bytes, enum gb_huge_pages huge) {
    *pages = (struct gb_pages){.bytes = 0};
    if (bytes > PTRDIFF_MAX - 2 * HUGE_PAGE) return false;
    const size_t size = rounded(bytes ? bytes : 1);
    char *const mapped = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return false;
    const size_t before = rounded((uintptr_t)mapped) - (uintptr_t)mapped;
    if (before) munmap(mapped, before);
    if (before < HUGE_PAGE) munmap(mapped + before + size, HUGE_PAGE - before);
    *pages = (struct gb_pages){mapped + before, size};
    if (huge != GB_HUGE_AUTO) madvise(pages->start, size, huge == GB_HUGE_ON ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    return true;
}

void gb_pages_unmap(struct gb_pages *pages) {
    if (pages->start) munmap(pages->start, pages->bytes);
    *pages = (struct gb_pages){.bytes = 0};
}

/* The kernel may say one line of several mappings that lie side by side. */
double gb_pages_huge_share(const struct gb_pages *pages) {
    char line[512];
    uintmax_t from, to, kib;
    const uintptr_t start = (uintptr_t)pages->start;
    bool here = false;
    double bytes = NAN;
    FILE *const file = gb_system_open("", "/proc/self/smaps");
    if (!file) return NAN;
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "%jx-%jx ", &from, &to) == 2) here = from < start + pages->bytes && to > start;
        else if (here && sscanf(line, "AnonHugePages: %ju kB", &kib) == 1) bytes = fmax(bytes, 0) + (double)kib * 1024;
    }
    fclose(file);
    return isnan(bytes) ? NAN : fmin(bytes / (double)pages->bytes, 1);
}

struct touched {
    volatile char *start;
    size_t bytes;
};

static void touch_share(const void *args, const struct gk_team *team) {
    const struct touched *const t = args;
    const struct gk_slice share = gk_team_slice(team, t->bytes, PAGE);
    for (size_t i = share.begin; i < share.end; i += PAGE) t->start[i] = 0;
}

void gb_pages_touch(char *start, size_t bytes, size_t threads) {
    static const struct gk_caches none;
    gk_team_run(threads, touch_share, &(const struct touched){start, bytes}, NULL, &none);
}
