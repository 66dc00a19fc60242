#include "report_words.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

/* Decimals that make three digits of it. */
static int decimals(double value) { return value < 9.995 ? 2 : value < 99.95 ? 1 : 0; }

/* The step of units, each a thousand of the one before, that leaves at most three digits before the point. */
static size_t unit_of(double *value, size_t units) {
    size_t unit = 0;
    while (*value >= 999.5 && unit + 1 < units) {
        *value /= 1000;
        unit++;
    }
    return unit;
}

const char *gb_time_text(double ns, char *text, size_t size) {
    static const char *const units[] = {"ns", "us", "ms", "s"};
    const size_t unit = unit_of(&ns, sizeof units / sizeof *units);
    snprintf(text, size, "%.*f %s", decimals(ns), ns, units[unit]);
    return text;
}

static const char *const prefixes[] = {"", "k", "M", "G", "T", "P", "E"};

const char *gb_flops_text(double flops, char *text, size_t size) {
    const size_t unit = unit_of(&flops, sizeof prefixes / sizeof *prefixes);
    snprintf(text, size, "%.*f %sFLOP", unit ? decimals(flops) : 0, flops, prefixes[unit]);
    return text;
}

const char *gb_rate_text(double amount, const char *unit, char *text, size_t size) {
    double value = 1e9 * amount;
    const size_t step = unit_of(&value, sizeof prefixes / sizeof *prefixes);
    snprintf(text, size, "%.*f %s%s", decimals(value), value, prefixes[step], unit);
    return text;
}

const char *gb_amount_text(double amount, char *text, size_t size) {
    const size_t step = unit_of(&amount, sizeof prefixes / sizeof *prefixes);
    if (amount < 0.01) snprintf(text, size, "%.2g", amount);
    else snprintf(text, size, "%.*f%s", decimals(amount), amount, prefixes[step]);
    return text;
}

const char *gb_ratio_text(double ratio, char *text, size_t size) {
    if (ratio < 0.00995) snprintf(text, size, "<.01");
    else if (ratio >= 999.5e3) snprintf(text, size, "%.0fM", ratio / 1e6);
    else if (ratio >= 9999.5) snprintf(text, size, "%.0fk", ratio / 1000);
    else snprintf(text, size, "%.*f", decimals(ratio), ratio);
    return text;
}

const char *gb_interval_text(double low, double high, char *text, size_t size) {
    char a[24], b[24];
    snprintf(text, size, "[%s, %s]", gb_ratio_text(low, a, sizeof a), gb_ratio_text(high, b, sizeof b));
    return text;
}

const char *gb_pair_text(const struct gb_pair *pair, const char *verdict, char *text, size_t size) {
    const bool slower = strcmp(verdict, "slower") == 0;
    char ratio[24], interval[56];
    if (slower) gb_interval_text(1 / pair->high, 1 / pair->low, interval, sizeof interval);
    else gb_interval_text(pair->low, pair->high, interval, sizeof interval);
    snprintf(text, size, "%sx %s %s", gb_ratio_text(slower ? 1 / pair->ratio : pair->ratio, ratio, sizeof ratio), verdict,
             interval);
    return text;
}

const char *gb_share_text(const struct gb_share *share, char *text, size_t size) {
    const double percent = 100 * share->fraction;
    const char *const limit = strcmp(share->limit, "memory") != 0 ? share->limit
                              : share->level == GB_LEVEL_MEMORY   ? "mem"
                                                                  : gb_level_name(share->level);
    if (strcmp(share->limit, "cache") == 0) snprintf(text, size, "in cache");
    else if (percent <= 0) snprintf(text, size, "unknown");
    else if (percent < 1) snprintf(text, size, "<1 %% %s", limit);
    else snprintf(text, size, "%.0f %% %s", percent, limit);
    return text;
}

const char *gb_kernel_part(const char *kernel) {
    const struct gb_names families = gb_family_names();
    size_t most = 0;
    for (size_t i = 0; i < families.count; i++) {
        const size_t length = strlen(families.list[i]);
        if (strncmp(kernel, families.list[i], length) == 0 && kernel[length] == '_' && length > most) most = length;
    }
    return kernel + (most ? most + 1 : 0);
}

size_t gb_causes_count(const struct gb_result_causes *causes) {
    return causes ? causes->steal + causes->switches + causes->migration : 0;
}

const char *gb_causes_text(const struct gb_result_causes *causes, char *text, size_t size) {
    const struct {
        size_t count;
        const char *name;
    } all[] = {{causes->steal, "steal"}, {causes->switches, "involuntary switches"}, {causes->migration, "migration"}};
    text[0] = '\0';
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].count) gb_text_append(text, size, "%s%zu by %s", text[0] ? ", " : "", all[i].count, all[i].name);
    return text;
}
