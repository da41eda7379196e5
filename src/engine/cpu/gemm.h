/* Matrix products by oneDNN: y = x W^T with W packed once in the layout that oneDNN likes best.
 * gemm.c (with onednn.h) and isa_products.c alone know oneDNN; they build against 2.6 and 3.x. */
#ifndef HS_ENGINE_CPU_GEMM_H
#define HS_ENGINE_CPU_GEMM_H

#include "base/error.h"
#include "engine/cpu/kernels.h"

struct hs_gemm;        /**< oneDNN's engine, and one entry a shape with its primitives */
struct hs_gemm_matrix; /**< a packed weight matrix */

/** Rows are padded to a multiple of this: buffers for x and y must hold hs_gemm_padded(rows) rows. */
enum { HS_GEMM_ROW_STEP = 16 };

static inline int64_t hs_gemm_padded(int64_t rows) {
    return rows == 1 ? 1 : (rows + HS_GEMM_ROW_STEP - 1) / HS_GEMM_ROW_STEP * HS_GEMM_ROW_STEP;
}

/** @param max_rows the most rows of one product; the layout is chosen for it.
 *  @param threads  the size of the largest OpenMP team that will call hs_gemm_run. */
headsift_status hs_gemm_open(int64_t max_rows, int threads, struct hs_gemm **out, headsift_error *error);
void hs_gemm_close(struct hs_gemm *gemm); /**< after all its matrices; NULL is fine */

/** Packs w (outputs, inputs), row-major f32, as `element` (as HS_S8: whole numbers of -127 .. 127, and stride is
 *  inputs); w is not needed afterwards. Several threads of a team may pack at the same time.
 *  @param stride from a row of w to the next, in floats. */
headsift_status hs_gemm_pack(struct hs_gemm *gemm, const float *w, int64_t stride, int64_t outputs, int64_t inputs,
                             enum hs_element element, struct hs_gemm_matrix **out, headsift_error *error);
void hs_gemm_matrix_free(struct hs_gemm_matrix *matrix); /**< NULL is fine */
int64_t hs_gemm_outputs(const struct hs_gemm_matrix *matrix);
int64_t hs_gemm_inputs(const struct hs_gemm_matrix *matrix);

/** What a product does with y. */
enum hs_gemm_into { HS_GEMM_SET, HS_GEMM_ADD };

/** y (rows, outputs) f32 = (SET) or += (ADD) x (rows, inputs) W^T, x being of W's element type; sums are f32, of HS_S8
 *  s32. 1 <= rows <= max_rows; the padding rows of x are read and those of y are read and written. A row's result does
 *  not depend on the other rows. In a parallel region each thread's call is a product of its own; outside, a product of
 *  more than one row runs on all threads. */
headsift_status hs_gemm_run(struct hs_gemm *gemm, const struct hs_gemm_matrix *matrix, int64_t rows, const void *x,
                            float *y, enum hs_gemm_into into, headsift_error *error);

/** The library and its version, "oneDNN 3.6.2". */
void hs_gemm_library(char *out, size_t size);
/** Bytes of packed weights alive. */
size_t hs_gemm_packed_bytes(const struct hs_gemm *gemm);

#endif
