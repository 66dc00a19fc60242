/* What is used of oneDNN's C interface, version 3, declared here so that its headers are not needed: the library is found at
 * run time. Source: the oneDNN Developer Guide, C API. A status is 0 where all went well. */
#ifndef GB_ONEDNN_API_H
#define GB_ONEDNN_API_H

#include <stddef.h>
#include <stdint.h>

enum {
    DNN_CPU = 1,
    DNN_IN_ORDER = 1,
    DNN_F32 = 3,
    DNN_TAG_ANY = 1,
    DNN_FORWARD_TRAINING = 64,
    DNN_ELTWISE_RELU = 0x20,
    DNN_ELTWISE_LINEAR = 0x26,
    DNN_ELTWISE_LOGISTIC = 0x29,
    DNN_ELTWISE_EXP = 0x2a,
    DNN_ELTWISE_LOG = 0x2d,
    DNN_ELTWISE_POW = 0x30,
    DNN_ELTWISE_LOGISTIC_FROM_DST = 0x104,
    DNN_ELTWISE_EXP_FROM_DST = 0x105,
    DNN_BINARY_ADD = 0x1fff0,
    DNN_BINARY_MUL = 0x1fff1,
    DNN_BINARY_MAX = 0x1fff2,
    DNN_BINARY_SUB = 0x1fff5,
    DNN_BINARY_LT = 0x1fff9,
    DNN_SOFTMAX_ACCURATE = 0x30000,
    DNN_REDUCTION_SUM = 0x2fff4,
    DNN_QUERY_WEIGHTS = 131,
    DNN_RUNTIME_OPENMP = 2,
    DNN_RUNTIME_TBB = 4,
    DNN_ISA_512 = 0x20, /* a bit that all of AVX-512 have */
};

/* Names of arguments. */
enum {
    DNN_SRC = 1,
    DNN_SRC_1 = 2,
    DNN_DST = 17,
    DNN_WEIGHTS = 33,
    DNN_BIAS = 41,
    DNN_DIFF_SRC = 129,
    DNN_DIFF_DST = 145,
    DNN_DIFF_WEIGHTS = 161,
    DNN_DIFF_BIAS = 169,
};

#define DNN_ALLOCATE ((void *)(size_t)-1)

typedef int64_t dnn_dims[12];

struct dnn_argument {
    int name;
    void *memory;
};

struct dnn_version {
    int major, minor, patch;
    const char *hash;
    unsigned cpu_runtime, gpu_runtime;
};

/* X(result, name, arguments): engines, streams, descriptors, attributes, memory and primitives are opaque. Version 2 has these.
 */
#define DNN_OF_EVERY_VERSION(X)                                                                                                \
    X(const struct dnn_version *, version, (void))                                                                             \
    X(int, sgemm,                                                                                                              \
      (char ta, char tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t ld_a, const float *b,           \
       int64_t ld_b, float beta, float *c, int64_t ld_c))
/* What version 2 has under the same names is something else. */
#define DNN_OF_VERSION_3(X)                                                                                                    \
    X(int, get_effective_cpu_isa, (void))                                                                                      \
    X(int, engine_create, (void **engine, int kind, size_t index))                                                             \
    X(int, stream_create, (void **stream, void *engine, unsigned flags))                                                       \
    X(int, stream_wait, (void *stream))                                                                                        \
    X(int, memory_desc_create_with_strides, (void **desc, int n, const dnn_dims dims, int type, const dnn_dims strides))       \
    X(int, memory_desc_create_with_tag, (void **desc, int n, const dnn_dims dims, int type, int tag))                          \
    X(int, memory_desc_equal, (const void *a, const void *b))                                                                  \
    X(int, memory_desc_destroy, (void *desc))                                                                                  \
    X(int, memory_create, (void **memory, const void *desc, void *engine, void *at))                                           \
    X(int, memory_set_data_handle, (void *memory, void *at))                                                                   \
    X(int, memory_destroy, (void *memory))                                                                                     \
    X(int, post_ops_create, (void **ops))                                                                                      \
    X(int, post_ops_append_sum, (void *ops, float scale, int32_t zero, int type))                                              \
    X(int, post_ops_append_eltwise, (void *ops, int algorithm, float alpha, float beta))                                       \
    X(int, post_ops_destroy, (void *ops))                                                                                      \
    X(int, primitive_attr_create, (void **attributes))                                                                         \
    X(int, primitive_attr_set_post_ops, (void *attributes, const void *ops))                                                   \
    X(int, primitive_attr_destroy, (void *attributes))                                                                         \
    X(int, matmul_primitive_desc_create,                                                                                       \
      (void **desc, void *engine, const void *src, const void *weights, const void *bias, const void *dst,                     \
       const void *attributes))                                                                                                \
    X(int, reorder_primitive_desc_create,                                                                                      \
      (void **desc, const void *from, void *from_engine, const void *to, void *to_engine, const void *attributes))             \
    X(int, inner_product_forward_primitive_desc_create,                                                                        \
      (void **desc, void *engine, int kind, const void *src, const void *weights, const void *bias, const void *dst,           \
       const void *attributes))                                                                                                \
    X(int, inner_product_backward_data_primitive_desc_create,                                                                  \
      (void **desc, void *engine, const void *diff_src, const void *weights, const void *diff_dst, const void *forward,        \
       const void *attributes))                                                                                                \
    X(int, inner_product_backward_weights_primitive_desc_create,                                                               \
      (void **desc, void *engine, const void *src, const void *diff_weights, const void *diff_bias, const void *diff_dst,      \
       const void *forward, const void *attributes))                                                                           \
    X(int, reduction_primitive_desc_create,                                                                                    \
      (void **desc, void *engine, int algorithm, const void *src, const void *dst, float p, float eps,                         \
       const void *attributes))                                                                                                \
    X(int, eltwise_forward_primitive_desc_create,                                                                              \
      (void **desc, void *engine, int kind, int algorithm, const void *src, const void *dst, float alpha, float beta,          \
       const void *attributes))                                                                                                \
    X(int, eltwise_backward_primitive_desc_create,                                                                             \
      (void **desc, void *engine, int algorithm, const void *diff_src, const void *diff_dst, const void *data, float alpha,    \
       float beta, const void *forward, const void *attributes))                                                               \
    X(int, binary_primitive_desc_create,                                                                                       \
      (void **desc, void *engine, int algorithm, const void *a, const void *b, const void *dst, const void *attributes))       \
    X(int, softmax_forward_primitive_desc_create,                                                                              \
      (void **desc, void *engine, int kind, int algorithm, const void *src, const void *dst, int axis,                         \
       const void *attributes))                                                                                                \
    X(const void *, primitive_desc_query_md, (const void *desc, int what, int index))                                          \
    X(int, primitive_desc_destroy, (void *desc))                                                                               \
    X(int, primitive_create, (void **primitive, const void *desc))                                                             \
    X(int, primitive_execute, (const void *primitive, void *stream, int n, const struct dnn_argument *arguments))              \
    X(int, primitive_destroy, (void *primitive))

#endif
