#include "build_command.h"

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"
#include "peer_catalog.h"
#include "text.h"

enum kind { OTHER, LIBRARY, CUT_OFF, FOREIGN };

/* A descriptor, or -1: it is no file in ELF. One of 32 bits has the first members of the head at the same places. */
static int open_elf(const char *path, Elf64_Ehdr *head) {
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file >= 0 && pread(file, head, sizeof *head, 0) == sizeof *head && memcmp(head->e_ident, ELFMAG, SELFMAG) == 0)
        return file;
    if (file >= 0) close(file);
    return -1;
}

static bool is_foreign(const Elf64_Ehdr *head) {
    Elf64_Ehdr own;
    const int file = open_elf("/proc/self/exe", &own);
    if (file >= 0) close(file);
    return file >= 0 && (memcmp(head->e_ident + EI_CLASS, own.e_ident + EI_CLASS, EI_VERSION - EI_CLASS) != 0 ||
                         head->e_machine != own.e_machine);
}

/* A shared object that is no program names no loader that would start it. A touch of what is cut off would kill who loads it.
 */
static enum kind kind_of_parts(int file, const Elf64_Ehdr *head) {
    struct stat about;
    if (fstat(file, &about) != 0) return OTHER;
    const uint64_t size = (uint64_t)about.st_size;
    for (size_t i = 0; i < head->e_phnum; i++) {
        Elf64_Phdr part;
        if (pread(file, &part, sizeof part, (off_t)(head->e_phoff + i * sizeof part)) != sizeof part) return CUT_OFF;
        if (part.p_type == PT_INTERP) return OTHER;
        if (part.p_type == PT_LOAD && (part.p_filesz > size || part.p_offset > size - part.p_filesz)) return CUT_OFF;
    }
    return LIBRARY;
}

static enum kind kind_of(const char *path) {
    Elf64_Ehdr head;
    const int file = open_elf(path, &head);
    enum kind kind = OTHER;
    if (file < 0) return kind;
    if (head.e_type == ET_DYN) kind = is_foreign(&head) ? FOREIGN : kind_of_parts(file, &head);
    close(file);
    return kind;
}

static bool is_program(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode) && access(path, X_OK) == 0;
}

/* A path without a slash would be looked for elsewhere, by the shell and by the loader. */
int gb_build_command(const char *path, char command[GB_BUILD_COMMAND_MAX]) {
    char programs[GB_BUILD_COMMAND_MAX], loader[sizeof programs + 32], here[GB_BUILD_COMMAND_MAX];
    const enum kind kind = kind_of(path);
    const bool library = kind == LIBRARY;
    bool installed;
    if (kind == FOREIGN) return gb_fail(GB_EXIT_ISA, "%.400s is for another machine than this program", path);
    if (kind == CUT_OFF) return gb_fail(GB_EXIT_INPUT, "%.400s is cut off", path);
    if (!library && !is_program(path))
        return gb_fail(GB_EXIT_INPUT, "%.400s is neither a program to start nor a shared library", path);
    if (library && !gb_peer_programs(programs, sizeof programs, &installed))
        return gb_fail(GB_EXIT_RESOURCE, "the folder of the programs of peers is not known");
    snprintf(loader, sizeof loader, "%s/gradbench-peer-library", programs);
    command[0] = '\0';
    const bool fits = (size_t)snprintf(here, sizeof here, "%s%s", strchr(path, '/') ? "" : "./", path) < sizeof here &&
                      (!library || (gb_text_quote(command, GB_BUILD_COMMAND_MAX, loader) &&
                                    gb_text_append(command, GB_BUILD_COMMAND_MAX, " "))) &&
                      gb_text_quote(command, GB_BUILD_COMMAND_MAX, here) &&
                      (library || gb_text_append(command, GB_BUILD_COMMAND_MAX, " peer"));
    return fits ? GB_EXIT_OK : gb_fail(GB_EXIT_USAGE, "the path of a build is too long");
}
