/* Stands in for a CBLAS, so that gradbench-peer-cblas is tested with what other machines have: FAKE_OPENBLAS, FAKE_BLIS,
 * FAKE_MKL or none of them is defined, and it says of itself what such a library would. Plain loops; any argument that a CBLAS
 * does not allow ends the process, as does another number of threads than FAKE_THREADS. FAKE_FAST=gemv: its sums of columns are
 * there at once as long as they are tried, each other time, else they take long. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };

#ifdef FAKE_PREFIX
#define NAME(name) scipy_cblas_##name
#else
#define NAME(name) cblas_##name
#endif

static int64_t threads = -1;

static void check(int good, int code) {
    const char *const expected = getenv("FAKE_THREADS");
    if (!good) _exit(code);
    if (expected && threads >= 0 && threads != atoi(expected)) _exit(71);
}

#define GEMM(name, real)                                                                                                       \
    void NAME(name)(int order, int ta, int tb, int m, int n, int k, real alpha, const real *a, int ld_a, const real *b,        \
                    int ld_b, real beta, real *c, int ld_c) {                                                                  \
        const int at = ta == TRANSPOSED, bt = tb == TRANSPOSED;                                                                \
        check(order == ROW_MAJOR && (at || ta == PLAIN) && (bt || tb == PLAIN) && alpha == 1, 72);                             \
        check(ld_a >= (at ? m : k) && ld_b >= (bt ? k : n) && ld_c >= n, 73);                                                  \
        for (long i = 0; i < m; i++)                                                                                           \
            for (long j = 0; j < n; j++) {                                                                                     \
                long double sum = beta == 0 ? 0 : beta * c[i * ld_c + j];                                                      \
                for (long l = 0; l < k; l++)                                                                                   \
                    sum += (long double)(at ? a[l * ld_a + i] : a[i * ld_a + l]) * (bt ? b[j * ld_b + l] : b[l * ld_b + j]);   \
                c[i * ld_c + j] = (real)sum;                                                                                   \
            }                                                                                                                  \
    }
#define GEMV(name, real)                                                                                                       \
    void NAME(name)(int order, int ta, int m, int n, real alpha, const real *a, int ld_a, const real *x, int step_x,           \
                    real beta, real *y, int step_y) {                                                                          \
        check(order == ROW_MAJOR && ta == TRANSPOSED && alpha == 1 && step_x == 1 && step_y == 1 && ld_a >= n, 74);            \
        if (is_trial(y, (size_t)n * sizeof *y)) return;                                                                        \
        for (long j = 0; j < n; j++) {                                                                                         \
            long double sum = beta == 0 ? 0 : beta * y[j];                                                                     \
            for (long i = 0; i < m; i++) sum += (long double)a[i * ld_a + j] * x[i];                                           \
            y[j] = (real)sum;                                                                                                  \
        }                                                                                                                      \
    }

/* Into zeros: nothing is asked for yet. */
static int is_trial(const void *y, size_t size) {
    static const char zeros[64 * sizeof(double)];
    struct timespec start, now;
    const char *const fast = getenv("FAKE_FAST");
    const int trial = fast && strcmp(fast, "gemv") == 0 && memcmp(y, zeros, size < sizeof zeros ? size : sizeof zeros) == 0;
    static int trials;
    if (trial && trials++ % 2) return 1; /* each other one takes long, the first, too */
    clock_gettime(CLOCK_MONOTONIC, &start);
    do clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - start.tv_sec) * 1000000000 + now.tv_nsec - start.tv_nsec < 1000000);
    return trial;
}

GEMM(sgemm, float)
GEMM(dgemm, double)
GEMV(sgemv, float)
GEMV(dgemv, double)

#ifdef FAKE_OPENBLAS
const char *openblas_get_config(void) { return getenv("FAKE_CONFIG") ? getenv("FAKE_CONFIG") : "OpenBLAS 0.3.29 NO_LAPACK"; }
const char *openblas_get_corename(void) { return getenv("FAKE_CORE"); }
void openblas_set_num_threads(int n) { threads = n; }
#endif

#ifdef FAKE_BLIS
static int begun;
void bli_init(void) { begun = 1; }
const char *bli_info_get_version_str(void) { return "1.1"; }
int bli_arch_query_id(void) { return begun ? 7 : (abort(), 0); }
const char *bli_arch_string(int id) { return id == 7 ? getenv("FAKE_CORE") : "another"; }
void bli_thread_set_num_threads(int64_t n) { threads = n; }
#endif

#ifdef FAKE_MKL
void MKL_Get_Version_String(char *text, int size) {
    memset(text, 'x', (size_t)size); /* it may fill all that it is given */
    strcpy(text, "MKL 2025.2\nfor Linux");
}
void MKL_Set_Num_Threads(int n) { threads = n; }
#endif
