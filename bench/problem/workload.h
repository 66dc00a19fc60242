/* Workload files: one problem a line, such as
 *
 *     affine n=256 d=768 m=3072 name=gpt2:fc   # a comment
 *     affine n=64..4096*2 d=768 m=10,50,100    # 7 times 3 problems
 *
 * The first word is a family of kernels.def, which stands for all its kernels, or one kernel. Then the dimensions, each from 1
 * to 2^24, or several sizes (workload_sweep.h): a problem of each combination, named NAME/64x10; the options of vocabulary.h
 * that one of the kernels has; and name=WORD. "accumulate" is short for accumulate=1, "f64" for dtype=f64. Lines end with LF or
 * CRLF. */
#ifndef GB_WORKLOAD_H
#define GB_WORKLOAD_H

#include "input_file.h"
#include "problem.h"
#include "text.h"

enum {
    GB_NAME_MAX = 64,
    GB_WORKLOAD_LINE_MAX = 4 << 10,
    GB_WORKLOAD_SHAPES_MAX = 100000,
    GB_DRAW_MAX = 1000,
};

struct gb_shape {
    struct gb_problem_spec spec;   /* kernel is not set */
    uint64_t said;                 /* options that the line names: bit gb_option */
    bool kernels[GK_KERNEL_COUNT]; /* that the line stands for */
    char name[GB_NAME_MAX];
};

struct gb_workload {
    bool zeros; /* sizes may be 0 */
    struct gb_shape *shapes;
    size_t count, capacity;
};

/* Adds the problems of a text. label names those without a name: "<label>:<line>". False: the text is wrong, or (line 0) there
 * is no memory. */
bool gb_workload_parse(struct gb_workload *workload, const char *label, const char *text, size_t size,
                       struct gb_parse_error *error);

/* The problem of one of the shape's kernels; dtype and seed, where the line does not say them. */
struct gb_problem_spec gb_shape_problem(const struct gb_shape *shape, enum gk_kernel_id kernel, enum gk_dtype dtype,
                                        uint64_t seed);
bool gb_shape_says(const struct gb_shape *shape, enum gb_option option);

/* Adds the problems of a file, "-" of standard input. Prints what is wrong and returns the exit code. */
int gb_workload_read(struct gb_workload *workload, const char *path);

/* Adds the problems of one line of a command line, which is called `what` there. Prints what is wrong and returns the exit
 * code. */
int gb_workload_read_line(struct gb_workload *workload, const char *what, const char *label, const char *text);

/* Adds `count` problems that nobody chose, in turn of each family that has one of the kernels, of which there is one: each size
 * from 1 to 4096, classes to 65536, log-uniform; layout and accumulate, as far as there are any, and (typed) the type by coins.
 * The third of a family is named drawn:affine3, and is a function of seed, family and number. False: no memory. */
bool gb_workload_draw(struct gb_workload *workload, size_t count, uint64_t seed, const bool kernels[GK_KERNEL_COUNT],
                      bool typed);

void gb_workload_free(struct gb_workload *workload);

/* The file that a workload's name, a path, or "-" (standard input) stands for. Prints what is wrong and returns the exit
 * code. */
int gb_workload_find(const char *word, char path[GB_PATH_MAX]);

/* The directory of the workloads that come with the program: GRADBENCH_WORKLOADS, else beside the installed program, else in
 * the source tree. False: there is none. Whether the variable names one is not looked at. */
bool gb_workload_directory(char path[GB_PATH_MAX]);

/* Names of the workloads in it, sorted, in an array that ends with NULL, one allocation. NULL: no directory or no memory. */
char **gb_workload_list(void);

/* After a NULL, before errno changes: prints what is wrong and returns the exit code. */
int gb_workload_list_failed(void);

#endif
