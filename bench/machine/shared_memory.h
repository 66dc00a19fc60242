/* Memory that other processes can map, by the path of its descriptor. Its size is sealed: nobody can make it shorter. */
#ifndef GB_SHARED_MEMORY_H
#define GB_SHARED_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

struct gb_shared {
    char *start; /* NULL: none */
    size_t bytes;
    int fd;
};

/* False: no memory, or the system has no such files; shared->start is then NULL. */
bool gb_shared_create(struct gb_shared *shared, size_t bytes);
void gb_shared_destroy(struct gb_shared *shared);

#endif
