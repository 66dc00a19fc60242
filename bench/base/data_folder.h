/* Where files that come with the program are. */
#ifndef GB_DATA_FOLDER_H
#define GB_DATA_FOLDER_H

#include <stdbool.h>

#include "text.h"

/* A folder, at a place relative to that of the installed program, so that an installed tree can be moved; else in the source
 * tree. False: there is neither. */
bool gb_data_folder(const char *installed, const char *source, char path[GB_PATH_MAX]);

#endif
