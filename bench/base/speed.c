#include "speed.h"

const char *const gb_state_words[GB_STATE_COUNT] = {
    [GB_STATE_FAILED] = "failed", [GB_STATE_GONE] = "gone", [GB_STATE_NO_MEMORY] = "no memory"};

const char *gb_level_name(enum gb_level level) {
    static const char *const names[] = {"L2", "L3", "memory"};
    return names[level];
}
