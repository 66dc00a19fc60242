#include "result_schema.h"

#include "comparison.h"
#include "info.h"

#define AT(type, field)    .at = offsetof(struct type, field)
#define ARRAY(type, field) AT(type, field), .count_at = offsetof(struct type, n_##field)
#define MEMBERS(name, type, ...)                                                                                               \
    { name, sizeof name / sizeof *name, sizeof(struct type), __VA_ARGS__ }

_Static_assert(offsetof(struct gb_pair, high) == offsetof(struct gb_pair, low) + sizeof(double), "an interval");
_Static_assert(offsetof(struct gb_summary, high) == offsetof(struct gb_summary, low) + sizeof(double), "an interval");

static const char *const schemas[] = {"gradbench/1", NULL}, *const comparison_schemas[] = {"gradbench-comparison/1", NULL},
                         *const info_schemas[] = {"gradbench-info/1", NULL},
                         *const health[] = {"good", "note", "bad", "unknown", NULL}, *const dtypes[] = {"f32", "f64", NULL},
                         *const binds[] = {"core", "pu", "none", NULL}, *const huge_pages[] = {"auto", "on", "off", NULL},
                         *const float_states[] = {"ieee", "ftz", "daz", "ftz daz", NULL},
                         *const caches[] = {"hot", "cold", NULL}, *const extents[] = {"full", "sampled", "no", NULL},
                         *const limits[] = {"fma", "memory", "chain", "call", "cache", "latency", NULL},
                         *const verdicts[] = {"faster", "slower", "same", "inconclusive", NULL};

/* clang-format off */
#define BANDWIDTH(type, prefix) \
    {"read_gbps", GB_MEMBER_NUMBER, AT(type, prefix read)}, \
    {"copy_gbps", GB_MEMBER_NUMBER, AT(type, prefix copy)}, \
    {"copy_nt_gbps", GB_MEMBER_NUMBER, AT(type, prefix copy_nt)}, \
    {"triad_gbps", GB_MEMBER_NUMBER, AT(type, prefix triad), .optional = true}, \
    {"triad_nt_gbps", GB_MEMBER_NUMBER, AT(type, prefix triad_nt), .optional = true}

static const struct gb_member bandwidth[] = {BANDWIDTH(gb_bandwidth, )};

static const struct gb_member spot[] = {
    BANDWIDTH(gb_result_spot, bandwidth.),
    {"footprint", GB_MEMBER_NUMBER, AT(gb_result_spot, footprint)},
};

static const struct gb_members bandwidth_members = MEMBERS(bandwidth, gb_bandwidth, NULL);
static const struct gb_members spot_members = MEMBERS(spot, gb_result_spot, NULL);

static const struct gb_member roof[] = {
    {"isa", GB_MEMBER_TEXT, AT(gb_result_roof, isa)},
    {"dtype", GB_MEMBER_WORD, AT(gb_result_roof, dtype), .words = dtypes},
    {"threads", GB_MEMBER_COUNT, AT(gb_result_roof, threads)},
    {"fma_gflops", GB_MEMBER_NUMBER, AT(gb_result_roof, fma)},
    {"fma_latency_ns", GB_MEMBER_NUMBER, AT(gb_result_roof, fma_latency), .optional = true},
    {"add_latency_ns", GB_MEMBER_NUMBER, AT(gb_result_roof, add_latency), .optional = true},
    BANDWIDTH(gb_result_roof, at[GB_LEVEL_MEMORY].),
    {"in_l2", GB_MEMBER_STRUCT, AT(gb_result_roof, at[GB_LEVEL_L2]), .members = &bandwidth_members},
    {"in_l3", GB_MEMBER_STRUCT, AT(gb_result_roof, at[GB_LEVEL_L3]), .members = &bandwidth_members},
    {"spots", GB_MEMBER_LIST, ARRAY(gb_result_roof, spots), .optional = true, .members = &spot_members},
};

static const struct gb_member null[] = {
    {"kernel", GB_MEMBER_TEXT, AT(gb_result_null, kernel)},
    {"dtype", GB_MEMBER_WORD, AT(gb_result_null, dtype), .words = dtypes},
    {"workload", GB_MEMBER_TEXT, AT(gb_result_null, workload)},
    {"variant", GB_MEMBER_TEXT, AT(gb_result_null, variant)},
    {"threads", GB_MEMBER_COUNT, AT(gb_result_null, threads)},
    {"ratio", GB_MEMBER_NUMBER, AT(gb_result_null, pair.ratio)},
    {"ci95", GB_MEMBER_INTERVAL, AT(gb_result_null, pair.low)},
};

static const struct gb_member peer[] = {
    {"name", GB_MEMBER_TEXT, AT(gb_result_peer, name)},
    {"command", GB_MEMBER_TEXT, AT(gb_result_peer, command)},
    {"description", GB_MEMBER_TEXT, AT(gb_result_peer, description), .optional = true},
    {"reason", GB_MEMBER_TEXT, AT(gb_result_peer, reason), .optional = true},
};

static const struct gb_member counter[] = {
    {"name", GB_MEMBER_TEXT, AT(gb_result_counter, name)},
    {"reason", GB_MEMBER_TEXT, AT(gb_result_counter, reason), .optional = true},
};

static bool is_measured(const void *item) { return ((const struct gb_result_roof *)item)->fma > 0; }

static const struct gb_members roof_members = MEMBERS(roof, gb_result_roof, is_measured);
static const struct gb_members null_members = MEMBERS(null, gb_result_null, NULL);
static const struct gb_members counter_members = MEMBERS(counter, gb_result_counter, NULL);
static const struct gb_members peer_members = MEMBERS(peer, gb_result_peer, NULL);

static const struct gb_member context[] = {
    {"host", GB_MEMBER_TEXT, AT(gb_result_context, host), .optional = true},
    {"cpu", GB_MEMBER_TEXT, AT(gb_result_context, cpu)},
    {"isa", GB_MEMBER_TEXT, AT(gb_result_context, isa)},
    {"cores", GB_MEMBER_COUNT, AT(gb_result_context, cores)},
    {"threads", GB_MEMBER_COUNT, AT(gb_result_context, threads)},
    {"topology", GB_MEMBER_TEXT, AT(gb_result_context, topology)},
    {"compiler", GB_MEMBER_TEXT, AT(gb_result_context, compiler)},
    {"flags", GB_MEMBER_TEXT, AT(gb_result_context, flags)},
    {"revision", GB_MEMBER_TEXT, AT(gb_result_context, revision)},
    {"version", GB_MEMBER_TEXT, AT(gb_result_context, version)},
    {"numerics", GB_MEMBER_COUNT, AT(gb_result_context, numerics)},
    {"seed", GB_MEMBER_COUNT, AT(gb_result_context, seed)},
    {"settings", GB_MEMBER_TEXT, AT(gb_result_context, settings), .optional = true},
    {"date", GB_MEMBER_TEXT, AT(gb_result_context, date)},
    {"bind", GB_MEMBER_WORD, AT(gb_result_context, bind), .optional = true, .words = binds},
    {"huge_pages", GB_MEMBER_WORD, AT(gb_result_context, huge_pages), .optional = true, .words = huge_pages},
    {"float_state", GB_MEMBER_WORD, AT(gb_result_context, float_state), .optional = true, .words = float_states},
    {"warnings", GB_MEMBER_TEXTS, ARRAY(gb_result_context, warnings)},
    {"roofs", GB_MEMBER_LIST, ARRAY(gb_result_context, roofs), .members = &roof_members},
    {"null_pairs", GB_MEMBER_LIST, ARRAY(gb_result_context, nulls), .optional = true, .members = &null_members},
    {"peers", GB_MEMBER_LIST, ARRAY(gb_result_context, peers), .optional = true, .members = &peer_members},
    {"counters", GB_MEMBER_LIST, ARRAY(gb_result_context, counters), .optional = true, .members = &counter_members},
};

static const struct gb_member option[] = {
    {NULL, GB_MEMBER_TEXT, AT(gb_result_option, word)},
    {NULL, GB_MEMBER_VALUE, AT(gb_result_option, value)},
};

static const struct gb_member size[] = {
    {NULL, GB_MEMBER_TEXT, AT(gb_result_size, name)},
    {NULL, GB_MEMBER_COUNT, AT(gb_result_size, size)},
};

/* In vs the variant is the name of what follows, in best_peer it follows. */
#define COMPARISON \
    {"ratio", GB_MEMBER_NUMBER, AT(gb_versus, pair.ratio)}, \
    {"ci95", GB_MEMBER_INTERVAL, AT(gb_versus, pair.low)}, \
    {"verdict", GB_MEMBER_WORD, AT(gb_versus, verdict), .words = verdicts}

static const struct gb_member versus[] = {{NULL, GB_MEMBER_TEXT, AT(gb_versus, variant)}, COMPARISON};
static const struct gb_member best_peer[] = {COMPARISON, {"variant", GB_MEMBER_TEXT, AT(gb_versus, variant)}};

static const struct gb_member causes[] = {
    {"steal", GB_MEMBER_COUNT, AT(gb_result_causes, steal)},
    {"switches", GB_MEMBER_COUNT, AT(gb_result_causes, switches)},
    {"migration", GB_MEMBER_COUNT, AT(gb_result_causes, migration)},
};

static const struct gb_members causes_members = MEMBERS(causes, gb_result_causes, NULL);

static const struct gb_member count[] = {
    {NULL, GB_MEMBER_TEXT, AT(gb_result_count, name)},
    {"per_call", GB_MEMBER_NUMBER, AT(gb_result_count, per_call)},
    {"share", GB_MEMBER_NUMBER, AT(gb_result_count, share), .optional = true},
};

static const struct gb_members count_members = MEMBERS(count, gb_result_count, NULL);
static const struct gb_members option_members = MEMBERS(option, gb_result_option, NULL);
static const struct gb_members size_members = MEMBERS(size, gb_result_size, NULL);
static const struct gb_members versus_members = MEMBERS(versus, gb_versus, NULL);
static const struct gb_members best_peer_members = MEMBERS(best_peer, gb_versus, NULL);

static const struct gb_member row[] = {
    {"kernel", GB_MEMBER_TEXT, AT(gb_result_row, kernel)},
    {"dtype", GB_MEMBER_WORD, AT(gb_result_row, dtype), .words = dtypes},
    {"options", GB_MEMBER_MAP, ARRAY(gb_result_row, options), .members = &option_members},
    {"variant", GB_MEMBER_TEXT, AT(gb_result_row, variant)},
    {"isa", GB_MEMBER_TEXT, AT(gb_result_row, isa)},
    {"threads", GB_MEMBER_COUNT, AT(gb_result_row, threads)},
    {"workload", GB_MEMBER_TEXT, AT(gb_result_row, workload)},
    {"cache", GB_MEMBER_WORD, AT(gb_result_row, cache), .words = caches},
    {"shape", GB_MEMBER_MAP, ARRAY(gb_result_row, shape), .members = &size_members},
    {"flops", GB_MEMBER_NUMBER, AT(gb_result_row, flops), .optional = true},
    {"bytes", GB_MEMBER_NUMBER, AT(gb_result_row, bytes), .optional = true},
    {"verified", GB_MEMBER_WORD, AT(gb_result_row, verified), .words = extents},
    {"median_ns", GB_MEMBER_NUMBER, AT(gb_result_row, summary.median), .optional = true},
    {"ci95_ns", GB_MEMBER_INTERVAL, AT(gb_result_row, summary.low), .optional = true},
    {"min_ns", GB_MEMBER_NUMBER, AT(gb_result_row, summary.min), .optional = true},
    {"samples_ns", GB_MEMBER_NUMBERS, ARRAY(gb_result_row, samples), .optional = true},
    {"processes", GB_MEMBER_COUNTS, ARRAY(gb_result_row, processes), .optional = true},
    {"rounds_dropped", GB_MEMBER_POINTER, AT(gb_result_row, dropped), .optional = true, .members = &causes_members},
    {"rounds_disturbed", GB_MEMBER_POINTER, AT(gb_result_row, disturbed), .optional = true, .members = &causes_members},
    {"iterations", GB_MEMBER_COUNT, AT(gb_result_row, iterations), .optional = true},
    {"threads_used", GB_MEMBER_COUNT, AT(gb_result_row, threads_used), .optional = true},
    {"gflops", GB_MEMBER_NUMBER, AT(gb_result_row, gflops), .optional = true},
    {"gbps", GB_MEMBER_NUMBER, AT(gb_result_row, gbps), .optional = true},
    {"call_ns", GB_MEMBER_NUMBER, AT(gb_result_row, empty_ns), .optional = true},
    {"bound", GB_MEMBER_WORD, AT(gb_result_row, share.limit), .optional = true, .words = limits},
    {"roof_fraction", GB_MEMBER_NUMBER, AT(gb_result_row, share.fraction), .optional = true},
    {"not_cold", GB_MEMBER_FLAG, AT(gb_result_row, not_cold), .optional = true},
    {"vs", GB_MEMBER_MAP, ARRAY(gb_result_row, vs), .optional = true, .members = &versus_members},
    {"best_peer", GB_MEMBER_POINTER, AT(gb_result_row, best_peer), .optional = true, .members = &best_peer_members},
    {"counters", GB_MEMBER_MAP, ARRAY(gb_result_row, counts), .optional = true, .members = &count_members},
    {"state", GB_MEMBER_STATE, AT(gb_result_row, state), .optional = true, .words = gb_state_words},
    {"failure", GB_MEMBER_TEXT, AT(gb_result_row, failure), .optional = true},
    {"note", GB_MEMBER_TEXT, AT(gb_result_row, note), .optional = true},
};

/* What has neither time nor failure has no row. */
static bool has_come_out(const void *item) {
    const struct gb_result_row *const r = item;
    return r->state == GB_STATE_TIMED || gb_state_words[r->state];
}

static const struct gb_members context_members = MEMBERS(context, gb_result_context, NULL);
static const struct gb_members row_members = MEMBERS(row, gb_result_row, has_come_out);

static const struct gb_member result[] = {
    {"schema", GB_MEMBER_CONSTANT, .words = schemas},
    {"complete", GB_MEMBER_FLAG, AT(gb_result, complete)},
    {"context", GB_MEMBER_STRUCT, AT(gb_result, context), .members = &context_members},
    {"results", GB_MEMBER_LIST, ARRAY(gb_result, rows), .members = &row_members},
};

/* Of a comparison; a row is there as what it is known by, which comes first. */
static const struct gb_members key_members = {row, 9, sizeof(struct gb_result_row), NULL};

static const struct gb_member compared[] = {
    {"row", GB_MEMBER_POINTER, AT(gb_compared, row), .members = &key_members},
    {"base_ns", GB_MEMBER_NUMBER, AT(gb_compared, ns[GB_BASE])},
    {"new_ns", GB_MEMBER_NUMBER, AT(gb_compared, ns[GB_NEW])},
    {"ratio", GB_MEMBER_NUMBER, AT(gb_compared, pair.ratio)},
    {"ci95", GB_MEMBER_INTERVAL, AT(gb_compared, pair.low)},
    {"p", GB_MEMBER_NUMBER, AT(gb_compared, holm)},
    {"noise", GB_MEMBER_NUMBER, AT(gb_compared, noise)},
    {"verdict", GB_MEMBER_WORD, AT(gb_compared, verdict), .words = verdicts},
};

static const struct gb_member only[] = {{"row", GB_MEMBER_POINTER, .at = 0, .members = &key_members}};

static const struct gb_member difference[] = {
    {"what", GB_MEMBER_TEXT, AT(gb_context_difference, what)},
    {"base", GB_MEMBER_TEXT, AT(gb_context_difference, values[GB_BASE])},
    {"new", GB_MEMBER_TEXT, AT(gb_context_difference, values[GB_NEW])},
    {"decides", GB_MEMBER_FLAG, AT(gb_context_difference, decides)},
};

static const struct gb_members compared_members = MEMBERS(compared, gb_compared, NULL);
static const struct gb_members only_members = {only, 1, sizeof(const struct gb_result_row *), NULL};
static const struct gb_members difference_members = MEMBERS(difference, gb_context_difference, NULL);

static const struct gb_member comparison[] = {
    {"schema", GB_MEMBER_CONSTANT, .words = comparison_schemas},
    {"threshold", GB_MEMBER_NUMBER, AT(gb_comparison, threshold)},
    {"slower", GB_MEMBER_COUNT, AT(gb_comparison, slower)},
    {"inconclusive", GB_MEMBER_COUNT, AT(gb_comparison, inconclusive)},
    {"same", GB_MEMBER_COUNT, AT(gb_comparison, same)},
    {"faster", GB_MEMBER_COUNT, AT(gb_comparison, faster)},
    {"mean_ratio", GB_MEMBER_NUMBER, AT(gb_comparison, mean)},
    {"differences", GB_MEMBER_LIST, ARRAY(gb_comparison, differences), .members = &difference_members},
    {"rows", GB_MEMBER_LIST, ARRAY(gb_comparison, rows), .members = &compared_members},
    {"only_base", GB_MEMBER_LIST, AT(gb_comparison, only[GB_BASE]), .count_at = offsetof(struct gb_comparison, n_only[GB_BASE]),
     .members = &only_members},
    {"only_new", GB_MEMBER_LIST, AT(gb_comparison, only[GB_NEW]), .count_at = offsetof(struct gb_comparison, n_only[GB_NEW]),
     .members = &only_members},
    {"wrong", GB_MEMBER_LIST, AT(gb_comparison, failed), .count_at = offsetof(struct gb_comparison, n_failed),
     .members = &only_members},
    {"bits_differ", GB_MEMBER_LIST, ARRAY(gb_comparison, differing), .members = &only_members},
};

/* Of a machine. */
static const struct gb_member isa[] = {
    {"name", GB_MEMBER_TEXT, AT(gb_info_isa, name)},
    {"chosen", GB_MEMBER_FLAG, AT(gb_info_isa, chosen)},
    {"usable", GB_MEMBER_FLAG, AT(gb_info_isa, usable)},
    {"reason", GB_MEMBER_TEXT, AT(gb_info_isa, reason)},
};

static const struct gb_member caches_here[] = {
    {"l1d", GB_MEMBER_COUNT, AT(gb_info, l1d)},
    {"l2", GB_MEMBER_COUNT, AT(gb_info, l2)},
    {"l3", GB_MEMBER_COUNT, AT(gb_info, l3)},
};

static const struct gb_member blocking[] = {
    {"lanes", GB_MEMBER_COUNT, AT(gb_info, edges[0]), .optional = true},
    {"tile_rows", GB_MEMBER_COUNT, AT(gb_info, edges[1]), .optional = true},
    {"tile_columns", GB_MEMBER_COUNT, AT(gb_info, edges[2]), .optional = true},
    {"row_sum_lanes", GB_MEMBER_COUNT, AT(gb_info, edges[3]), .optional = true},
    {"k_block", GB_MEMBER_COUNT, AT(gb_info, edges[4]), .optional = true},
    {"packed_columns", GB_MEMBER_COUNT, AT(gb_info, packed_cols), .optional = true},
    {"l2", GB_MEMBER_COUNT, AT(gb_info, packed_into), .optional = true},
};

static const struct gb_member plan[] = {
    {"kernel", GB_MEMBER_TEXT, AT(gb_info_plan, kernel)},
    {"way", GB_MEMBER_TEXT, AT(gb_info_plan, way)},
    {"transposed", GB_MEMBER_FLAG, AT(gb_info_plan, transposed)},
    {"threads_down", GB_MEMBER_COUNT, AT(gb_info_plan, down)},
    {"threads_across", GB_MEMBER_COUNT, AT(gb_info_plan, across)},
    {"tile_rows", GB_MEMBER_COUNT, AT(gb_info_plan, tile_rows), .optional = true},
    {"columns", GB_MEMBER_COUNT, AT(gb_info_plan, block_cols)},
    {"packs_a", GB_MEMBER_FLAG, AT(gb_info_plan, packs_strips)},
    {"packs_b", GB_MEMBER_FLAG, AT(gb_info_plan, packs_b)},
    {"streams", GB_MEMBER_FLAG, AT(gb_info_plan, streams)},
    {"rest_as_rows", GB_MEMBER_COUNT, AT(gb_info_plan, rest), .optional = true},
};

static const struct gb_members plan_members = MEMBERS(plan, gb_info_plan, NULL);

static const struct gb_member products[] = {
    {"n", GB_MEMBER_COUNT, AT(gb_info, n)},
    {"d", GB_MEMBER_COUNT, AT(gb_info, d)},
    {"m", GB_MEMBER_COUNT, AT(gb_info, m)},
    {"plans", GB_MEMBER_LIST, ARRAY(gb_info, plans), .members = &plan_members},
};

static const struct gb_member null_probe[] = {
    {"threads", GB_MEMBER_COUNT, AT(gb_info_null, threads)},
    {"ratio", GB_MEMBER_NUMBER, AT(gb_info_null, pair.ratio)},
    {"ci95", GB_MEMBER_INTERVAL, AT(gb_info_null, pair.low)},
};

static const struct gb_member check[] = {
    {"name", GB_MEMBER_TEXT, AT(gb_info_check, name)},
    {"state", GB_MEMBER_WORD, AT(gb_info_check, state), .words = health},
    {"found", GB_MEMBER_TEXT, AT(gb_info_check, found)},
    {"advice", GB_MEMBER_TEXT, AT(gb_info_check, advice), .optional = true},
};

static const struct gb_members isa_members = MEMBERS(isa, gb_info_isa, NULL);
static const struct gb_members caches_members = MEMBERS(caches_here, gb_info, NULL);
static const struct gb_members blocking_members = MEMBERS(blocking, gb_info, NULL);
static const struct gb_members products_members = MEMBERS(products, gb_info, NULL);
static const struct gb_members probe_members = MEMBERS(null_probe, gb_info_null, NULL);
static const struct gb_members check_members = MEMBERS(check, gb_info_check, NULL);

static const struct gb_member info[] = {
    {"schema", GB_MEMBER_CONSTANT, .words = info_schemas},
    {"version", GB_MEMBER_TEXT, AT(gb_info, version)},
    {"numerics", GB_MEMBER_COUNT, AT(gb_info, numerics)},
    {"revision", GB_MEMBER_TEXT, AT(gb_info, revision)},
    {"compiler", GB_MEMBER_TEXT, AT(gb_info, compiler)},
    {"flags", GB_MEMBER_TEXT, AT(gb_info, flags)},
    {"cpu", GB_MEMBER_TEXT, AT(gb_info, cpu)},
    {"features", GB_MEMBER_TEXT, AT(gb_info, features)},
    {"cores", GB_MEMBER_COUNT, AT(gb_info, cores)},
    {"hardware_threads", GB_MEMBER_COUNT, AT(gb_info, hardware_threads)},
    {"machine_cores", GB_MEMBER_COUNT, AT(gb_info, machine_cores)},
    {"packages", GB_MEMBER_COUNT, AT(gb_info, packages)},
    {"numa_nodes", GB_MEMBER_COUNT, AT(gb_info, numa_nodes)},
    {"cache_bytes", GB_MEMBER_STRUCT, .at = 0, .members = &caches_members},
    {"cpu_quota", GB_MEMBER_NUMBER, AT(gb_info, cpu_quota), .optional = true},
    {"environment", GB_MEMBER_TEXTS, ARRAY(gb_info, environment)},
    {"isas", GB_MEMBER_LIST, ARRAY(gb_info, isas), .members = &isa_members},
    {"threads", GB_MEMBER_COUNT, AT(gb_info, threads)},
    {"threads_rule", GB_MEMBER_TEXT, AT(gb_info, threads_rule)},
    {"blocking", GB_MEMBER_STRUCT, .at = 0, .members = &blocking_members},
    {"products", GB_MEMBER_STRUCT, .at = 0, .members = &products_members},
    {"roofs", GB_MEMBER_LIST, AT(gb_info, measured.context.roofs), .optional = true,
     .count_at = offsetof(struct gb_info, measured.context.n_roofs), .members = &roof_members},
    {"null_pairs", GB_MEMBER_LIST, ARRAY(gb_info, nulls), .optional = true, .members = &probe_members},
    {"warnings", GB_MEMBER_TEXTS, AT(gb_info, measured.context.warnings),
     .optional = true, .count_at = offsetof(struct gb_info, measured.context.n_warnings)},
    {"checks", GB_MEMBER_LIST, ARRAY(gb_info, checks), .members = &check_members},
    {"bad", GB_MEMBER_COUNT, AT(gb_info, bad)},
};
/* clang-format on */

const struct gb_members gb_info_members = MEMBERS(info, gb_info, NULL);
const struct gb_members gb_comparison_members = MEMBERS(comparison, gb_comparison, NULL);
const struct gb_members gb_result_members = MEMBERS(result, gb_result, NULL);
