/* Results as a Markdown document: a summary, and a table with a layer and kernel a row, an instruction set and a number of
 * threads a column. */
#ifndef GB_REPORT_MARKDOWN_H
#define GB_REPORT_MARKDOWN_H

#include <stdio.h>

#include "result.h"

/* brief: of each layer all gradients in one call only, and no word on who raced where. Rows of peers are left out. Prints what
 * is wrong and returns the exit code. */
int gb_report_markdown(FILE *out, const struct gb_result *results, size_t count, bool brief);

#endif
