#include "interrupt.h"

#include <stdio.h>

volatile sig_atomic_t gb_caught;
static const struct gb_clock *signals_clock;

static void on_signal(int number) {
    static volatile double first;
    const double time = gb_clock_read(signals_clock);
    if (!gb_caught) {
        gb_caught = number;
        first = time;
    } else if (time - first > 1e9) {
        signal(number, SIG_DFL);
        raise(number);
    }
}

void gb_interrupt_catch(const struct gb_clock *clock) {
    const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};
    signals_clock = clock;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction before;
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(numbers[i], &action, NULL);
    }
}

void gb_interrupt_ignore(void) {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

int gb_interrupt_end(int code) {
    if (!gb_caught) return code;
    fflush(stdout);
    signal(gb_caught, SIG_DFL);
    raise(gb_caught);
    return code;
}
