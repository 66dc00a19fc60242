/* What every test program begins with: cmocka and what it wants before it, children of the program, the sanitizers. */
#ifndef GB_SUPPORT_H
#define GB_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>

#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define GB_THREAD_SANITIZER 1
#else
#define GB_THREAD_SANITIZER 0
#endif
#if GB_THREAD_SANITIZER || defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define GB_SANITIZER 1 /* it has a malloc of its own, and larger frames */
#else
#define GB_SANITIZER 0
#endif

/* For a program that uses more threads than there are cores: starts it again with OMP_WAIT_POLICY=passive unless the variable
 * is set. The runtime reads it before main, and threads that spin while others need their core make such tests several times
 * slower. */
void gb_wait_passively(char **argv);

/* Calls body again and again, and fails where each call keeps some of the memory, or a file, that it took. Of a sanitizer,
 * whose malloc it is and which sees leaks by itself, files only. */
void gb_assert_keeps_nothing(void (*body)(void));

/* Waits for a child. Its exit code, or 100 and the signal that ended it. */
int gb_exit_code(pid_t child);

/* Calls body in a child, which ends with the code that it returns. Text: what the child wrote to stderr, cut off at size.
 * Returns its exit code as above. */
int gb_child_run(int (*body)(const void *argument), const void *argument, char *text, size_t size);

/* From here on this process, a child, gets no more than so many bytes of new memory. */
void gb_limit_memory(size_t bytes);

/* Starts this program again with one argument and, unless name is NULL, one more variable in its environment: what is read
 * before main, and teams, which a child after fork has not. Returns its exit code as above; 127: it could not be started. */
int gb_start_again(const char *argument, const char *name, const char *value);

/* Bytes that malloc has given out, but for what it keeps for the next time: so after a dozen times it grows by what is not
 * given back. Of a sanitizer's heap it knows nothing; that looks for leaks itself. */
size_t gb_heap_in_use(void);

#endif
