#include "run_settings.h"

#include <string.h>

#include "text.h"

static void add_option(char *text, size_t size, const char *option, const char *value) {
    gb_text_append(text, size, " --%s ", option);
    gb_text_quote(text, size, value);
}

static void add_variants(char *text, size_t size, const struct gb_plan *plan) {
    for (size_t i = 0; i < plan->n_own; i += plan->n_threads)
        gb_text_append(text, size, "%s%s", i ? "," : "--isa ", plan->variants[i].name);
    for (size_t t = 0; t < plan->n_threads; t++) gb_text_append(text, size, "%s%zu", t ? "," : " --threads ", plan->threads[t]);
    gb_text_append(text, size, " ");
}

const char *gb_run_settings(const struct gb_run_options *o, const struct gb_plan *plan, char *text, size_t size) {
    text[0] = '\0';
    if (plan) add_variants(text, size, plan);
    gb_text_append(text, size, "--seed %ju --rounds %ju --max-time %g%s", (uintmax_t)o->plan.seed, (uintmax_t)o->rounds,
                   o->max_time, o->quick ? " --quick" : "");
    if (gb_run_bind(o) != GB_BIND_CORE) gb_text_append(text, size, " --bind %s", o->bind);
    if (gb_run_huge_pages(o) != GB_HUGE_AUTO) gb_text_append(text, size, " --huge-pages %s", o->huge_pages);
    if (o->precision > 0) gb_text_append(text, size, " --precision %g", o->precision);
    if (o->cache) gb_text_append(text, size, " --cache %s", o->cache);
    if (o->repeat) gb_text_append(text, size, " --repeat %ju", (uintmax_t)o->repeat);
    if (o->plan.shift) gb_text_append(text, size, " --shift %ju", (uintmax_t)o->plan.shift);
    if (!o->peers && o->peer_commands.count == 0) return text;
    gb_text_append(text, size, " --peer-limit %g", o->peer_limit);
    if (o->peers) add_option(text, size, "peers", o->peers);
    for (size_t i = 0; i < o->peer_commands.count; i++) add_option(text, size, "peer", o->peer_commands.list[i]);
    return text;
}
