/* The JSON Schemas of result files, comparisons and infos, made from the tables that they are written and read by. */
#ifndef GB_JSON_SCHEMA_H
#define GB_JSON_SCHEMA_H

#include <stdio.h>

#include "result_schema.h"

/* Prints that of files with these members. Prints what is wrong instead, and returns the exit code. */
int gb_json_schema(FILE *out, const struct gb_members *members);

#endif
