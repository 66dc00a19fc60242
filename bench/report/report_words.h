/* Numbers as a person reads them. Each function writes into text, cut off at size, and returns it. */
#ifndef GB_REPORT_WORDS_H
#define GB_REPORT_WORDS_H

#include "result.h"
#include "speed.h"
#include "stats.h"

enum { GB_WORST_SHOWN = 5 }; /* rows of a race that are named as those furthest behind */

const char *gb_time_text(double ns, char *text, size_t size);     /* "12.3 us" */
const char *gb_flops_text(double flops, char *text, size_t size); /* "50 FLOP", "302 MFLOP" */

/* "107 GFLOP/s": amount a nanosecond, of a unit such as "FLOP/s". */
const char *gb_rate_text(double amount, const char *unit, char *text, size_t size);

/* "12.3k", "0.50", "0". */
const char *gb_amount_text(double amount, char *text, size_t size);

/* "1.23", "0.98", "<.01", "12k": at most four characters below a billion. */
const char *gb_ratio_text(double ratio, char *text, size_t size);

const char *gb_interval_text(double low, double high, char *text, size_t size); /* "[1.02, 1.10]" */

/* "1.77x slower [1.70, 1.85]": what is slower is so by a factor above 1. */
const char *gb_pair_text(const struct gb_pair *pair, const char *verdict, char *text, size_t size);

/* "dx" for affine_dx: the kernel's name without that of its family, where it starts with it. */
const char *gb_kernel_part(const char *kernel);

/* "74 % fma", "<1 % L2", "60 % call", "in cache" (faster than the roof of its level), "unknown". */
const char *gb_share_text(const struct gb_share *share, char *text, size_t size);

/* Rounds; of NULL none. */
size_t gb_causes_count(const struct gb_result_causes *causes);
const char *gb_causes_text(const struct gb_result_causes *causes, char *text, size_t size); /* "5 by steal, 1 by migration" */

#endif
