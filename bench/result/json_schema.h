/* The JSON Schema of result files, made from the tables that they are written and read by. */
#ifndef GB_JSON_SCHEMA_H
#define GB_JSON_SCHEMA_H

#include <stdio.h>

/* Prints it. Prints what is wrong instead, and returns the exit code. */
int gb_json_schema(FILE *out);

#endif
