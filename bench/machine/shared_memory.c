#include "shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Allocated now: a page that cannot be had later would be a signal instead of an error. */
static bool reserve(int fd, size_t bytes) {
    if (ftruncate(fd, (off_t)bytes) != 0) return false;
    int error;
    do error = posix_fallocate(fd, 0, (off_t)bytes);
    while (error == EINTR);
    return error == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
}

bool gb_shared_create(struct gb_shared *shared, size_t bytes) {
    *shared = (struct gb_shared){.fd = -1};
    const int fd = memfd_create("gradbench", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return false;
    void *const start = reserve(fd, bytes) ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (start == MAP_FAILED) {
        close(fd);
        return false;
    }
    *shared = (struct gb_shared){start, bytes, fd};
    return true;
}

void gb_shared_destroy(struct gb_shared *shared) {
    if (!shared->start) return;
    munmap(shared->start, shared->bytes);
    close(shared->fd);
    *shared = (struct gb_shared){.fd = -1};
}
