/* The peers that gradbench knows by name, each at its default and at the settings that could be its best. */
#ifndef GB_PEER_CATALOG_H
#define GB_PEER_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

#include "contender.h"

struct gb_peer_entry {
    char name[40];      /* "openblas", "openblas@skylakex" */
    char command[1200]; /* for gb_contender_start */
    char advice[400];   /* how to get it; may be empty */
};

enum { GB_PEERS_MAX = 40, GB_PEER_REASON_MAX = GB_CONTENDER_TEXT_MAX + 420 };

/* All that could be raced here, whether found or not: a start tells (absent). Returns their number. */
size_t gb_peer_catalog(struct gb_peer_entry entries[GB_PEERS_MAX]);

/* The folder that the peers' programs are in: this program's in a build, libexec where it is installed. */
bool gb_peer_programs(char *folder, size_t size, bool *installed);

/* Why one that was started did not come up, and if it is absent how to get it. */
void gb_peer_explain(const struct gb_peer_entry *entry, const struct gb_contender *contender, char text[GB_PEER_REASON_MAX]);

#endif
