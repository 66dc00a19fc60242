/* Limits of control groups are found wherever they are. Each case is a tree of files as /proc and the mounts would show it. */
#include "core/cgroup.h"
#include "support.h"
#include "support_tree.h"

/* Lines of mountinfo: what the mount shows at its top, where it is, what it is. */
#define MOUNT(top, folder, rest)      "31 23 0:28 " top " " folder " rw,relatime shared:4 master:1 - " rest "\n"
#define MOUNT_2(top, folder)          MOUNT(top, folder, "cgroup2 cgroup2 rw,nsdelegate")
#define MOUNT_1(top, folder, options) MOUNT(top, folder, "cgroup cgroup rw," options)
#define OTHERS                                                                                                                 \
    "22 1 8:1 / / rw,relatime - ext4 /dev/root rw,cpu\n" MOUNT("/", "/sys/fs/cgroup", "tmpfs tmpfs rw,mode=755")               \
        MOUNT_1("/", "/sys/fs/cgroup/cpuset", "cpuset")
#define SYSTEM_1 "12:cpuset:/\n4:name=systemd:/user.slice\n"
#define S        "/sys/fs/cgroup"

enum { FILES_MAX = 8, PLACE = 4300 };

/* clang-format off */
static const struct {
    const char *name, *groups, *mounts;
    const char *files[FILES_MAX][2];
    double want;
} cases[] = {
    {"no files at all", NULL, NULL, {{NULL}}, 0},
    {"2, none set", "0::/\n", MOUNT_2("/", S), {{S "/cpu.max", "max 100000\n"}}, 0},
    {"2, in the root", "0::/\n", MOUNT_2("/", S), {{S "/cpu.max", "150000 100000\n"}}, 1.5},
    {"2, a group of the job's own", "0::/a/b\n", MOUNT_2("/", S), {{S "/a/b/cpu.max", "50000 100000\n"}}, 0.5},
    {"2, the one above is tighter", "0::/a/b\n", MOUNT_2("/", S),
     {{S "/a/b/cpu.max", "300000 100000\n"}, {S "/a/cpu.max", "200000 100000\n"}, {S "/cpu.max", "max 100000\n"}}, 2},
    {"2, its own is tighter", "0::/a/b\n", MOUNT_2("/", S),
     {{S "/a/b/cpu.max", "100000 100000\n"}, {S "/a/cpu.max", "200000 100000\n"}}, 1},
    {"2, a sibling does not count", "0::/a/b\n", MOUNT_2("/", S),
     {{S "/a/c/cpu.max", "100000 100000\n"}, {S "/a/b/cpu.max", "max 100000\n"}}, 0},
    {"2, the group is gone, its parent holds", "0::/a/b (deleted)\n", MOUNT_2("/", S),
     {{S "/a/cpu.max", "200000 100000\n"}}, 2},
    {"2, in the last line", SYSTEM_1 "0::/a\n", OTHERS MOUNT_2("/", S "/unified"),
     {{S "/unified/a/cpu.max", "100000 100000\n"}}, 1},
    {"2, a container that sees its own group only", "0::/docker/7\n", MOUNT_2("/docker/7", S),
     {{S "/cpu.max", "70000 100000\n"}}, 0.7},
    {"2, a group in the container", "0::/docker/7/job\n", MOUNT_2("/docker/7", S),
     {{S "/cpu.max", "max 100000\n"}, {S "/job/cpu.max", "40000 100000\n"}}, 0.4},
    {"2, a namespace", "0::/job\n", MOUNT_2("/", S),
     {{S "/job/cpu.max", "40000 100000\n"}, {S "/cpu.max", "30000 100000\n"}}, 0.3},
    {"2, a mount from above the namespace", "0::/\n", MOUNT_2("/../..", S), {{S "/cpu.max", "60000 100000\n"}}, 0.6},
    {"2, outside its namespace", "0::/../job\n", MOUNT_2("/", S),
     {{S "/cpu.max", "60000 100000\n"}, {"/sys/fs/job/cpu.max", "10000 100000\n"}}, 0},
    {"2, outside its namespace, and the mount too", "0::/../job\n", MOUNT_2("/..", S),
     {{S "/job/cpu.max", "60000 100000\n"}}, 0.6},
    {"2, a mount of somebody else's group", "0::/a\n", MOUNT_2("/b", "/mnt"), {{"/mnt/cpu.max", "60000 100000\n"}}, 0},
    {"2, a name that begins alike", "0::/ab\n", MOUNT_2("/a", "/mnt"),
     {{"/mnt/cpu.max", "60000 100000\n"}, {"/mntb/cpu.max", "60000 100000\n"}}, 0},
    {"2, a name that begins with dots", "0::/..a\n", MOUNT_2("/", S), {{S "/..a/cpu.max", "60000 100000\n"}}, 0.6},
    {"2, mounted elsewhere, with a space", "0::/a\n", MOUNT_2("/", "/my\\040groups"),
     {{"/my groups/a/cpu.max", "60000 100000\n"}}, 0.6},
    {"2, mounted elsewhere, with every escape", "0::/a b\n", MOUNT_2("/a\\040b", "/t\\011n\\012b\\134q\\176z"),
     {{"/t\tn\nb\\q~z/cpu.max", "60000 100000\n"}}, 0.6},
    {"2, mounted elsewhere, what is no escape", "0::/\n", MOUNT_2("/", "/a\\08\\18\\8"),
     {{"/a\\08\\18\\8/cpu.max", "60000 100000\n"}}, 0.6},
    {"2, mounted twice", "0::/a\n", MOUNT_2("/", "/one") MOUNT_2("/a", "/two"), {{"/two/cpu.max", "60000 100000\n"}}, 0.6},
    {"1, none set", SYSTEM_1 "1:cpu:/\n", OTHERS MOUNT_1("/", S "/cpu", "cpu"),
     {{S "/cpu/cpu.cfs_quota_us", "-1\n"}, {S "/cpu/cpu.cfs_period_us", "100000\n"}}, 0},
    {"1, a folder named cpu,cpuacct", SYSTEM_1 "3:cpu,cpuacct:/\n", OTHERS MOUNT_1("/", S "/cpu,cpuacct", "cpu,cpuacct"),
     {{S "/cpu,cpuacct/cpu.cfs_quota_us", "150000\n"}, {S "/cpu,cpuacct/cpu.cfs_period_us", "100000\n"}}, 1.5},
    {"1, named the other way round", SYSTEM_1 "3:cpuacct,cpu:/\n", OTHERS MOUNT_1("/", S "/cpuacct,cpu", "cpuacct,cpu"),
     {{S "/cpuacct,cpu/cpu.cfs_quota_us", "150000\n"}, {S "/cpuacct,cpu/cpu.cfs_period_us", "100000\n"}}, 1.5},
    {"1, a group of the job's own, the parent's quota", "3:cpu,cpuacct:/a/b\n", MOUNT_1("/", S "/cpu", "cpu,cpuacct"),
     {{S "/cpu/a/b/cpu.cfs_quota_us", "-1\n"}, {S "/cpu/a/b/cpu.cfs_period_us", "100000\n"},
      {S "/cpu/a/cpu.cfs_quota_us", "25000\n"}, {S "/cpu/a/cpu.cfs_period_us", "50000\n"}}, 0.5},
    {"1, a container", "3:cpu,cpuacct:/docker/7\n", MOUNT_1("/docker/7", S "/cpu,cpuacct", "cpu,cpuacct"),
     {{S "/cpu,cpuacct/cpu.cfs_quota_us", "150000\n"}, {S "/cpu,cpuacct/cpu.cfs_period_us", "100000\n"}}, 1.5},
    {"1, cpuset and cpuacct are not cpu", "1:cpu:/\n2:cpuset:/\n3:cpuacct:/\n",
     MOUNT_1("/", S "/cpuset", "cpuset") MOUNT_1("/", S "/cpuacct", "cpuacct"),
     {{S "/cpuset/cpu.cfs_quota_us", "50000\n"}, {S "/cpuset/cpu.cfs_period_us", "100000\n"},
      {S "/cpuacct/cpu.cfs_quota_us", "50000\n"}, {S "/cpuacct/cpu.cfs_period_us", "100000\n"}}, 0},
    {"1, a hierarchy that is only named so", "3:name=cpu:/\n", MOUNT_1("/", S "/cpu", "cpu"),
     {{S "/cpu/cpu.cfs_quota_us", "50000\n"}, {S "/cpu/cpu.cfs_period_us", "100000\n"}}, 0},
    {"1, a group with a colon", "3:cpu:/a:b\n", MOUNT_1("/", S "/cpu", "cpu"),
     {{S "/cpu/a:b/cpu.cfs_quota_us", "50000\n"}, {S "/cpu/a:b/cpu.cfs_period_us", "100000\n"}}, 0.5},
    {"1, no period", "3:cpu:/\n", MOUNT_1("/", S "/cpu", "cpu"), {{S "/cpu/cpu.cfs_quota_us", "50000\n"}}, 0},
    {"both, the quota in 1", SYSTEM_1 "3:cpu:/a\n0::/\n", OTHERS MOUNT_1("/", S "/cpu", "cpu") MOUNT_2("/", S "/unified"),
     {{S "/cpu/a/cpu.cfs_quota_us", "150000\n"}, {S "/cpu/a/cpu.cfs_period_us", "100000\n"}}, 1.5},
    {"both, the tighter in 2", "3:cpu:/a\n0::/b\n", MOUNT_1("/", S "/cpu", "cpu") MOUNT_2("/", S "/unified"),
     {{S "/cpu/a/cpu.cfs_quota_us", "150000\n"}, {S "/cpu/a/cpu.cfs_period_us", "100000\n"},
      {S "/unified/b/cpu.max", "120000 100000"}}, 1.2},
    {"malformed lines come first", "\n:\n::\nx\n0:\n0::\n0::a\n3\n3:cpu\n0::/a\n",
     "\n-\n - \n1 2 3 4 5 6\n1 2 3 / " S " rw\n1 2 3 / " S " rw -\n1 2 3 / " S " rw - cgroup2\n1 2 3 / \\1 rw - cgroup2 c rw\n"
     MOUNT_2("/", S),
     {{S "/a/cpu.max", "60000 100000\n"}}, 0.6},
    {"malformed lines only", "::\n:\n0:\n0::\n0::a\n3:cpu\n3:cpu:\n3:cpu:a\n", MOUNT_2("/", S) MOUNT_1("/", S "/cpu", "cpu"),
     {{S "/cpu.max", "60000 100000\n"}, {S "/cpu/cpu.cfs_quota_us", "1\n"}, {S "/cpu/cpu.cfs_period_us", "2\n"}}, 0},
    {"malformed quotas", "0::/a/b/c\n", MOUNT_2("/", S),
     {{S "/a/b/c/cpu.max", "x"}, {S "/a/b/cpu.max", ""}, {S "/a/cpu.max", "0 0\n"}, {S "/cpu.max", "-1 100000\n"}}, 0},
};
/* clang-format on */

static void write_file(const char *root, const char *path, const char *text) {
    support_tree_write(root, path, text, strlen(text));
}

static void quotas_are_found(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char root[SUPPORT_ROOT_MAX];
        support_tree_make(root);
        if (cases[i].groups) write_file(root, "/proc/self/cgroup", cases[i].groups);
        if (cases[i].mounts) write_file(root, "/proc/self/mountinfo", cases[i].mounts);
        for (size_t k = 0; k < FILES_MAX && cases[i].files[k][0]; k++)
            write_file(root, cases[i].files[k][0], cases[i].files[k][1]);
        const double got = gk_cgroup_cpu_quota(root);
        support_tree_remove(root);
        if (got != cases[i].want) fail_msg("%s: got %g, want %g", cases[i].name, got, cases[i].want);
    }
}

/* A thousand levels, and a line longer than any buffer. */
static void long_lines_are_read(void **state) {
    enum { LEVELS = 1000, LONG = 1 << 20 };
    char root[SUPPORT_ROOT_MAX], group[8 + 2 * LEVELS + 2] = "0::";
    char *const mounts = malloc(LONG + 256);
    (void)state;
    assert_non_null(mounts);
    for (size_t i = 0; i < LEVELS; i++) strcpy(group + 3 + 2 * i, "/a");
    memset(mounts, 'x', LONG);
    strcpy(mounts + LONG, "\n" MOUNT_2("/", S));
    support_tree_make(root);
    write_file(root, "/proc/self/cgroup", group);
    write_file(root, "/proc/self/mountinfo", mounts);
    write_file(root, S "/a/cpu.max", "60000 100000\n");
    const double got = gk_cgroup_cpu_quota(root);
    support_tree_remove(root);
    free(mounts);
    assert_true(got == 0.6);
}

/* The folders, the process's own first; another controller's limits are found in the same way. */
static void note(void *into, const char *folder, int version) {
    char *const text = into;
    snprintf(text + strlen(text), PLACE - strlen(text), " %d:%s", version, strstr(folder, "/groups"));
}

static void groups_are_visited_upwards(void **state) {
    char root[SUPPORT_ROOT_MAX], text[PLACE] = "";
    (void)state;
    support_tree_make(root);
    write_file(root, "/proc/self/cgroup", "4:memory,pids:/a/b\n0::/c\n");
    write_file(root, "/proc/self/mountinfo", MOUNT_1("/", "/groups/1", "pids,memory") MOUNT_2("/", "/groups"));
    gk_cgroup_visit_all(root, "memory", note, text);
    support_tree_remove(root);
    assert_string_equal(text, " 1:/groups/1/a/b 1:/groups/1/a 1:/groups/1 2:/groups/c 2:/groups");
}

static char kept_root[SUPPORT_ROOT_MAX];

static void look_once(void) { assert_true(gk_cgroup_cpu_quota(kept_root) == 0.25); }

static void nothing_is_kept(void **state) {
    (void)state;
    support_tree_make(kept_root);
    write_file(kept_root, "/proc/self/cgroup", "3:cpu:/a/b\n0::/c\n");
    write_file(kept_root, "/proc/self/mountinfo", "x\n" MOUNT_1("/", S "/1", "cpu") MOUNT_2("/", S));
    write_file(kept_root, S "/1/a/cpu.cfs_quota_us", "25000\n");
    write_file(kept_root, S "/1/a/cpu.cfs_period_us", "100000\n");
    write_file(kept_root, S "/c/cpu.max", "60000 100000\n");
    gb_assert_keeps_nothing(look_once);
    support_tree_remove(kept_root);
}

/* A line is cut off where there is no room for more, and has no newline. */
static void lines_are_read(void **state) {
    char root[SUPPORT_ROOT_MAX], line[8];
    (void)state;
    support_tree_make(root);
    write_file(root, "/short", "abc\nd\n");
    write_file(root, "/long", "abcdefghij\n");
    write_file(root, "/empty", "");
    assert_true(gk_cgroup_read(root, "short", line, sizeof line));
    assert_string_equal(line, "abc");
    assert_true(gk_cgroup_read(root, "long", line, sizeof line));
    assert_string_equal(line, "abcdefg");
    assert_false(gk_cgroup_read(root, "empty", line, sizeof line));
    assert_false(gk_cgroup_read(root, "none", line, sizeof line));
    support_tree_remove(root);
}

static void quotas_are_parsed(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double want;
    } texts[] = {
        {"max 100000\n", 0},
        {"150000 100000\n", 1.5},
        {"100000 100000", 1},
        {"50000 100000\n", 0.5},
        {"", 0},
        {"\n", 0},
        {"100000", 0},
        {"100000 ", 0},
        {"100000 0", 0},
        {"0 100000", 0},
        {"-1 100000", 0},
        {"100000 -1", 0},
        {"100000 x", 0},
        {"x 100000", 0},
        {"100000 100000 1", 0},
        {"99999999999999999999999 100000", 0},
        {"100000 99999999999999999999999", 0},
        {"1 100000", 0.00001},
        {"100000\t100000", 0},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (gk_cpu_quota_parse(texts[i].text) != texts[i].want) fail_msg("quota '%s'", texts[i].text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotas_are_found), cmocka_unit_test(long_lines_are_read), cmocka_unit_test(groups_are_visited_upwards),
        cmocka_unit_test(nothing_is_kept),  cmocka_unit_test(lines_are_read),      cmocka_unit_test(quotas_are_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
