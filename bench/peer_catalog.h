/* The peers that gradbench knows by name, each at its default and at the settings that could be its best. */
#ifndef GB_PEER_CATALOG_H
#define GB_PEER_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

struct gb_peer_entry {
    char name[40];        /* "openblas", "openblas@skylakex" */
    char command[1200]; /* for gb_contender_start */
};

enum { GB_PEERS_MAX = 40 };

/* All that could be raced here, whether found or not: a start tells (absent). Returns their number. */
size_t gb_peer_catalog(struct gb_peer_entry entries[GB_PEERS_MAX]);

#endif
