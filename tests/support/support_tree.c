#include "support_tree.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

void support_tree_make(char root[SUPPORT_ROOT_MAX]) {
    strcpy(root, "/tmp/gradkern-XXXXXX");
    assert_non_null(mkdtemp(root));
}

void support_tree_write(const char *root, const char *path, const void *bytes, size_t size) {
    char place[4300];
    snprintf(place, sizeof place, "%s%s", root, path);
    for (char *slash = place + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        mkdir(place, 0700);
    }
    FILE *const file = fopen(place, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at) {
    (void)status, (void)type, (void)at;
    return remove(path);
}

void support_tree_remove(const char *root) { nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS); }

static char entered[SUPPORT_ROOT_MAX];

int support_tree_enter(void **state) {
    (void)state;
    support_tree_make(entered);
    return chdir(entered);
}

int support_tree_leave(void **state) {
    (void)state;
    support_tree_remove(entered);
    return chdir("/");
}
