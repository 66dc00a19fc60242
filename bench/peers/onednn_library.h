/* What the parts of gradbench-peer-onednn share: the library, its objects, which go with the problem that they were made for,
 * matrices as it sees them, and what is executed. */
#ifndef GB_ONEDNN_LIBRARY_H
#define GB_ONEDNN_LIBRARY_H

#include "onednn_api.h"
#include "peer_child.h"

enum { DNN_ARGUMENTS_MAX = 4, DNN_OWNED_MAX = 256 };

/* A matrix in memory, or the transpose of one. */
struct dnn_view {
    float *at; /* NULL: absent */
    size_t rows, cols, row_step, col_step;
};

/* One execution of a primitive. */
struct dnn_step {
    void *primitive;
    struct dnn_argument arguments[DNN_ARGUMENTS_MAX];
    int n_arguments;
};

struct dnn {
    void *library;
#define DNN_MEMBER(result, name, arguments) result(*name) arguments;
    DNN_OF_EVERY_VERSION(DNN_MEMBER)
    DNN_OF_VERSION_3(DNN_MEMBER)
#undef DNN_MEMBER
    void *engine, *stream; /* NULL: version 2 */
    struct {
        void *object;
        int (*destroy)(void *object);
    } owned[DNN_OWNED_MAX];
    size_t n_owned;
};

/* To be destroyed with the problem. False: it was not made. */
bool dnn_own(struct dnn *dnn, bool made, void *object, int (*destroy)(void *object));
void dnn_release(struct dnn *dnn);

/* NULL: no memory. */
void *dnn_zeros(struct dnn *dnn, size_t count, size_t size);

/* A mask as 1 and 0, which users of oneDNN have in place of bits: what a ReLU read. NULL: no memory. */
float *dnn_unpack(struct dnn *dnn, const uint64_t *mask, size_t ld, size_t rows, size_t cols);

/* An operand; at is NULL where it is absent. A vector has cols elements. */
struct dnn_view dnn_operand(const struct gb_peer_problem *problem, const char *name, size_t rows, size_t cols);

/* Descriptors, and memory of them, NULL where there is none. any: laid out as the primitive likes it. */
void *dnn_describe(struct dnn *dnn, const struct dnn_view *v);
void *dnn_describe_any(struct dnn *dnn, const struct dnn_view *v);
void *dnn_describe_vector(struct dnn *dnn, size_t count);
void *dnn_memory(struct dnn *dnn, const void *desc, const void *at);

/* The primitive of a step; the second takes a descriptor that the caller made, if status says so. */
bool dnn_set_primitive(struct dnn *dnn, struct dnn_step *step, const void *desc);
bool dnn_add_step(struct dnn *dnn, struct dnn_step *step, int status, void *desc);
bool dnn_add_argument(struct dnn_step *step, int name, void *memory);

void dnn_take(const struct dnn *dnn, const struct dnn_step *step);

/* False: unsupported, for this reason. */
bool dnn_unfit(char note[GB_PEER_NOTE_MAX], const char *what, const char *which);

/* A problem that is prepared: one call of it. */
struct dnn_job {
    const void *data; /* dnn_zeros */
    void (*call)(const void *data);
};

/* The parts: what they do not do is unsupported. */
bool dnn_prepare_product(struct dnn *dnn, const struct gb_peer_problem *problem, struct dnn_job *job,
                         char note[GB_PEER_NOTE_MAX]);
bool dnn_prepare_node(struct dnn *dnn, const struct gb_peer_problem *problem, struct dnn_job *job, char note[GB_PEER_NOTE_MAX]);
bool dnn_prepare_softmax(struct dnn *dnn, const struct gb_peer_problem *problem, struct dnn_job *job,
                         char note[GB_PEER_NOTE_MAX]);

/* dx = dy where what the ReLU read is above 0. */
bool dnn_set_relu_backward(struct dnn *dnn, struct dnn_step *step, const struct dnn_view *dy, const struct dnn_view *read,
                           const struct dnn_view *dx);

#endif
