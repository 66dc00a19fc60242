#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGE_MAX = 1200 };

static void print_line(char *text) {
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f) *p = '?';
    fprintf(stderr, "gradbench: %s\n", text);
}

void gb_note(const char *format, ...) {
    char text[MESSAGE_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    print_line(text);
}

int gb_fail(enum gb_exit code, const char *format, ...) {
    char text[MESSAGE_MAX] = "error: ";
    const size_t prefix = strlen(text);
    va_list list;
    va_start(list, format);
    vsnprintf(text + prefix, sizeof text - prefix, format, list);
    va_end(list);
    print_line(text);
    return code;
}

int gb_fail_at(enum gb_exit code, const char *file, size_t line, size_t column, const char *text) {
    char whole[MESSAGE_MAX];
    snprintf(whole, sizeof whole, "%.400s:%zu:%zu: error: %s", file, line, column, text);
    print_line(whole);
    return code;
}

bool gb_reader_is_gone(FILE *out) {
    struct pollfd state = {.fd = fileno(out), .events = POLLOUT};
    fflush(out);
    return ferror(out) && poll(&state, 1, 0) == 1 && state.revents & (POLLERR | POLLHUP);
}

int gb_finish_output(int code) {
    errno = 0;
    const bool good = fflush(stdout) == 0 && !ferror(stdout);
    const int reason = errno;
    if (good) return code;
    if (gb_reader_is_gone(stdout)) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    return gb_fail(GB_EXIT_RESOURCE, "cannot write standard output (%s)",
                   reason ? strerror(reason) : "an earlier write failed");
}

void gb_secure_descriptors(void) {
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF && open("/dev/null", O_RDONLY) == -1) _exit(GB_EXIT_RESOURCE);
}
