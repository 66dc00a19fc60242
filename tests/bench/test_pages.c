/* Memory of a mapping of its own: where it starts, what the system is told of it, who touches it first, what is left of it. */
#include "pages.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "core/team.h"
#include "support.h"
#include "support_tree.h"

enum { PAGE = 4096, HUGE_PAGE = 2 << 20, TEAM = 3 };

/* The line that the kernel says of the mapping at start. */
static void read_line(const char *start, const char *key, char line[512]) {
    unsigned long from, to;
    bool here = false;
    FILE *const file = fopen("/proc/self/smaps", "r");
    assert_non_null(file);
    while (fgets(line, 512, file)) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) here = from <= (uintptr_t)start && (uintptr_t)start < to;
        if (here && strncmp(line, key, strlen(key)) == 0) break;
    }
    fclose(file);
}

/* "hg": huge pages, "nh": none. */
static bool has_flag(const char *start, const char *flag) {
    char line[512];
    read_line(start, "VmFlags:", line);
    return strstr(line, flag) != NULL;
}

static double number_of(const char *start, const char *key) {
    char line[512];
    read_line(start, key, line);
    return strtod(line + strlen(key), NULL);
}

static bool knows_huge_pages(void) {
    void *const page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const bool known = page != MAP_FAILED && madvise(page, PAGE, MADV_HUGEPAGE) == 0;
    munmap(page, PAGE);
    return known;
}

static void the_system_is_told(void **state) {
    (void)state;
    if (!knows_huge_pages()) {
        printf("skipped: this kernel takes no advice on huge pages\n");
        return;
    }
    for (enum gb_huge_pages huge = 0; huge < GB_HUGE_COUNT; huge++) {
        struct gb_pages pages;
        assert_true(gb_pages_map(&pages, HUGE_PAGE + 1, huge));
        for (size_t at = 0; at < pages.bytes; at += HUGE_PAGE) {
            assert_int_equal(has_flag(pages.start + at, " hg"), huge == GB_HUGE_ON);
            assert_int_equal(has_flag(pages.start + at, " nh"), huge == GB_HUGE_OFF);
        }
        gb_pages_unmap(&pages);
    }
}

/* As another look at the same file has it; with none allowed there are none. */
static void how_much_is_huge(void **state) {
    (void)state;
    for (enum gb_huge_pages huge = 0; huge < GB_HUGE_COUNT; huge++) {
        struct gb_pages pages;
        assert_true(gb_pages_map(&pages, 4 * HUGE_PAGE, huge));
        const double none = gb_pages_huge_share(&pages);
        if (isnan(none)) {
            printf("skipped: this system does not say what is huge\n");
            gb_pages_unmap(&pages);
            return;
        }
        assert_true(none == 0);
        memset(pages.start, 1, HUGE_PAGE);
        memset(pages.start + 2 * HUGE_PAGE, 1, HUGE_PAGE);
        const double share = gb_pages_huge_share(&pages), kib = number_of(pages.start, "AnonHugePages:");
        if (huge == GB_HUGE_OFF) assert_true(share == 0);
        assert_true(share == kib * 1024 / (4 * HUGE_PAGE));
        gb_pages_unmap(&pages);
    }
}

static size_t mapped_bytes(void) {
    unsigned long pages = 0;
    FILE *const file = fopen("/proc/self/statm", "r");
    assert_true(file && fscanf(file, "%lu", &pages) == 1);
    fclose(file);
    return pages * PAGE;
}

static void whole_huge_pages_and_no_more(void **state) {
    (void)state;
    static const size_t sizes[][2] = {{0, 1}, {1, 1}, {HUGE_PAGE, 1}, {HUGE_PAGE + 1, 2}, {5 * HUGE_PAGE - 7, 5}};
    fclose(fopen("/proc/self/statm", "r")); /* its buffer is there */
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct gb_pages pages;
        const size_t before = mapped_bytes(), bytes = sizes[i][1] * HUGE_PAGE;
        assert_true(gb_pages_map(&pages, sizes[i][0], GB_HUGE_AUTO));
        assert_int_equal((uintptr_t)pages.start % HUGE_PAGE, 0);
        assert_int_equal(pages.bytes, bytes);
        if (!GB_SANITIZER) assert_int_equal(mapped_bytes(), before + bytes);
        memset(pages.start, 1, bytes);
        char *const start = pages.start;
        gb_pages_unmap(&pages);
        assert_true(!pages.start && pages.bytes == 0);
        assert_true(msync(start, PAGE, MS_ASYNC) == -1 && errno == ENOMEM);
        assert_true(msync(start + bytes - PAGE, PAGE, MS_ASYNC) == -1 && errno == ENOMEM);
        gb_pages_unmap(&pages);
    }
    struct gb_pages pages = {(char *)state, 7};
    assert_false(gb_pages_map(&pages, SIZE_MAX, GB_HUGE_ON));
    assert_true(!pages.start && pages.bytes == 0);
}

static long faults[TEAM];

/* Of each thread, how many pages it was given so far; the difference of two calls is what came between. */
static void count_faults(const void *args, const struct gk_team *team) {
    struct rusage usage;
    (void)args;
    getrusage(RUSAGE_THREAD, &usage);
    faults[team->rank] = usage.ru_minflt - faults[team->rank];
}

/* Every page is there then, and each thread was given as many. */
static void each_thread_touches_its_share(void **state) {
    static const struct gk_caches none;
    enum { PAGES = 3000 };
    static unsigned char there[PAGES];
    struct gb_pages pages;
    (void)state;
    assert_true(gb_pages_map(&pages, PAGES * PAGE, GB_HUGE_OFF));
    char *const start = pages.start + 64; /* as operands lie */
    gk_team_run(TEAM, count_faults, NULL, NULL, &none);
    if (gk_team_run(TEAM, count_faults, NULL, NULL, &none) < TEAM) {
        printf("skipped: the system gives no team of %d\n", TEAM);
        gb_pages_unmap(&pages);
        return;
    }
    memset(faults, 0, sizeof faults);
    gk_team_run(TEAM, count_faults, NULL, NULL, &none);
    gb_pages_touch(start, PAGES * PAGE - 64, TEAM);
    gk_team_run(TEAM, count_faults, NULL, NULL, &none);
    assert_int_equal(mincore(pages.start, PAGES * PAGE, there), 0);
    for (size_t i = 0; i < PAGES; i++) assert_true(there[i] & 1);
    for (size_t i = 0; i < TEAM; i++) assert_true(faults[i] >= PAGES / TEAM);
    gb_pages_unmap(&pages);
}

static void systems_without(void **state) {
    static const struct {
        const char *text;
        bool never;
    } cases[] = {{"always madvise [never]\n", true},
                 {"always [madvise] never\n", false},
                 {"[always] madvise never\n", false},
                 {"always madvise never\n", true},
                 {NULL, true}};
    char root[SUPPORT_ROOT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        support_tree_make(root);
        if (cases[i].text) support_tree_write(root, GB_HUGE_PAGES_FILE, cases[i].text, strlen(cases[i].text));
        assert_int_equal(gb_huge_pages_never(root), cases[i].never);
        support_tree_remove(root);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_system_is_told),
        cmocka_unit_test(how_much_is_huge),
        cmocka_unit_test(whole_huge_pages_and_no_more),
        cmocka_unit_test(each_thread_touches_its_share),
        cmocka_unit_test(systems_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
