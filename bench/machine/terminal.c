#include "terminal.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "environment.h"

bool gb_is_terminal(int fd) {
    const char *const kind = gb_environment_get("TERM");
    return isatty(fd) && kind && strcmp(kind, "dumb") != 0;
}

void gb_progress_show(const char *line) {
    struct winsize window = {.ws_col = 0};
    ioctl(STDERR_FILENO, TIOCGWINSZ, &window);
    fprintf(stderr, "\r%.*s\033[K", window.ws_col ? window.ws_col - 1 : (int)strlen(line), line);
}

void gb_progress_end(void) { fprintf(stderr, "\r\033[K"); }

const char *gb_time_left(double seconds, char text[32]) {
    const int whole = seconds < 1e6 ? (int)seconds : 1000000;
    snprintf(text, 32, "  about %d:%02d left", whole / 60, whole % 60);
    return text;
}
