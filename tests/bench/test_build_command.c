/* By what a build is started: what its file is decides, not its name. */
#include <dlfcn.h>
#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build_command.h"
#include "message.h"
#include "peer_catalog.h"
#include "support.h"
#include "support_file.h"
#include "support_said.h"

static struct gb_said said;
static char command[GB_BUILD_COMMAND_MAX], loader[GB_BUILD_COMMAND_MAX], folder[] = "/tmp/gradbench-build-XXXXXX";
static char *library; /* the bytes of one */
static size_t bytes;

static int ask(void *path) { return gb_build_command(path, command); }

static void is_refused(const char *path, enum gb_exit code, const char *why) {
    char line[800];
    gb_hear(&said, ask, (void *)(uintptr_t)path);
    snprintf(line, sizeof line, "gradbench: error: %s\n", why);
    assert_string_equal(said.err, line);
    assert_int_equal(said.code, code);
}

static void is_started(const char *path, const char *by) {
    gb_hear(&said, ask, (void *)(uintptr_t)path);
    assert_string_equal(said.err, "");
    assert_int_equal(said.code, GB_EXIT_OK);
    assert_string_equal(command, by);
}

static void put(const char *path, const char *content, size_t size, mode_t mode) {
    FILE *const file = fopen(path, "w");
    assert_true(file && fwrite(content, 1, size, file) == size && fclose(file) == 0 && chmod(path, mode) == 0);
}

static void loaded(const char *path, const char *word) {
    char by[sizeof loader + 100];
    snprintf(by, sizeof by, "'%s' %s", loader, word);
    is_started(path, by);
}

/* Whether it may be executed or not. */
static void a_library_is_loaded(void **state) {
    (void)state;
    put("gradbench", library, bytes, 0755);
    loaded("gradbench", "'./gradbench'");
    put("it's", library, bytes, 0644);
    loaded("./it's", "'./it'\\''s'");
}

/* Of other bits, another order of bytes, another machine. */
static void what_is_foreign(void **state) {
    static const size_t places[] = {EI_CLASS, EI_DATA, offsetof(Elf64_Ehdr, e_machine)};
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        library[places[i]] ^= 3;
        put("foreign", library, bytes, 0755);
        library[places[i]] ^= 3;
        is_refused("foreign", GB_EXIT_ISA, "foreign is for another machine than this program");
    }
}

static void a_program_is_started(void **state) {
    size_t size;
    (void)state;
    char *const program = support_file_read("/proc/self/exe", &size);
    put("libgradkern.so", program, size, 0755);
    is_started("libgradkern.so", "'./libgradkern.so' peer");
    put("script", "#!/bin/sh\n", 10, 0755);
    is_started("./script", "'./script' peer");
    put("libgradkern.so", program, size, 0644);
    is_refused("libgradkern.so", GB_EXIT_INPUT, "libgradkern.so is neither a program to start nor a shared library");
    free(program);
}

static void what_is_neither(void **state) {
    static const char *const paths[] = {"nowhere", ".", "empty", "text", "head", ""};
    (void)state;
    put("empty", "", 0, 0644);
    put("text", "INPUT(libgradkern.so)\n", 22, 0644);
    put("head", library, 63, 0644);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char why[200];
        snprintf(why, sizeof why, "%s is neither a program to start nor a shared library", paths[i]);
        is_refused(paths[i], GB_EXIT_INPUT, why);
    }
}

/* The last byte that is loaded is needed, the sections behind it are not. */
static void what_is_cut_off(void **state) {
    const Elf64_Ehdr *const head = (const void *)library;
    const Elf64_Phdr *const parts = (const void *)(library + head->e_phoff);
    size_t end = 0;
    (void)state;
    for (size_t i = 0; i < head->e_phnum; i++)
        if (parts[i].p_type == PT_LOAD && parts[i].p_offset + parts[i].p_filesz > end)
            end = parts[i].p_offset + parts[i].p_filesz;
    const size_t kept[] = {64, 65, 100, 1000, 5000, end - 1};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        put("cut", library, kept[i], 0755);
        is_refused("cut", GB_EXIT_INPUT, "cut is cut off");
    }
    put("cut", library, end, 0644);
    loaded("cut", "'./cut'");
    assert_non_null(dlopen("./cut", RTLD_NOW));
}

static void paths_that_are_too_long(void **state) {
    char path[GB_BUILD_COMMAND_MAX + 200];
    const size_t word = strlen("'' peer"), longest = GB_BUILD_COMMAND_MAX - 1 - word;
    (void)state;
    memset(path, '/', sizeof path);
    strcpy(path + longest - 6, "script");
    put(path + longest - 6, "#!/bin/sh\n", 10, 0755);
    memcpy(path, folder, strlen(folder));
    gb_hear(&said, ask, path);
    assert_int_equal(said.code, GB_EXIT_OK);
    assert_int_equal(strlen(command), GB_BUILD_COMMAND_MAX - 1);
    strcpy(path + longest - 6, "/script");
    is_refused(path, GB_EXIT_USAGE, "the path of a build is too long");
}

static int make_folder(void **state) {
    Dl_info about;
    bool installed;
    (void)state;
    assert_true(gb_peer_programs(loader, sizeof loader - 40, &installed));
    strcat(loader, "/gradbench-peer-library");
    assert_true(dladdr((void *)cmocka_set_message_output, &about) != 0); /* of a library that is here */
    library = support_file_read(about.dli_fname, &bytes);
    assert_non_null(library);
    assert_non_null(mkdtemp(folder));
    return chdir(folder);
}

static int remove_folder(void **state) {
    static const char *const files[] = {"gradbench", "it's", "foreign", "libgradkern.so", "script", "empty",
                                        "text",      "head", "cut"};
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) unlink(files[i]);
    free(library);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_library_is_loaded), cmocka_unit_test(what_is_foreign), cmocka_unit_test(a_program_is_started),
        cmocka_unit_test(what_is_neither),     cmocka_unit_test(what_is_cut_off), cmocka_unit_test(paths_that_are_too_long),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
