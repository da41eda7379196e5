/* Packed weight matrices and products by them, whatever the engine's type: in f32 and bf16 they are one product, in
 * int8 a small one in bf16 and a large one in s8 that sum into the same rows, scaled by row and by column afterwards.
 */
#include <math.h>
#include <string.h>

#include "engine/cpu/cpu.h"

/* ---- Packing ---------------------------------------------------------------------------------------------------- */

/* Parts a row of w; `rest` may stand where the row or one before it stood. */
static void part_row(const struct hs_split *split, const float *w, float *outliers, float *rest) {
    for (int64_t i = 0; i < split->n; i++) {
        if ((split->taken[i / 32] >> i % 32 & 1) != 0) {
            *outliers++ = w[i];
        } else {
            *rest++ = w[i];
        }
    }
}

/* A row of w becomes whole numbers of -127 .. 127. @return their scale, not finite where the weights aren't */
static float round_row(float *w, int64_t n) {
    float most = 0;
    for (int64_t i = 0; i < n && isfinite(most); i++) {
        most = fabsf(w[i]) <= most ? most : fabsf(w[i]);
    }
    if (!(most > 1e-30f) || !isfinite(most)) {
        memset(w, 0, (size_t)n * sizeof *w);
        return isfinite(most) ? 1 : NAN;
    }
    for (int64_t i = 0; i < n; i++) {
        w[i] = rintf(w[i] / most * 127);
    }
    return most / 127;
}

/* Splits and rounds row by row: w (outputs, n) becomes (outputs, n - n_taken).
 * @param outliers (outputs, n_taken), in units of the rows' scales */
static void round_rows(const struct hs_split *split, float *w, int64_t outputs, float *outliers, float *scales) {
    const int64_t n = split->n - split->n_taken;
    for (int64_t row = 0; row < outputs; row++) {
        float *rest = w + row * n, *apart = outliers + row * split->n_taken;
        part_row(split, w + row * split->n, apart, rest);
        for (int64_t i = 0; split->block > 1 && i < n; i += split->block) {
            hs_hadamard(rest + i, split->block);
        }
        scales[row] = round_row(rest, n);
        for (int32_t i = 0; i < split->n_taken; i++) {
            apart[i] /= scales[row];
        }
    }
}

static headsift_status pack_rounded(struct hs_engine *engine, float *w, int64_t outputs, struct hs_matrix *matrix,
                                    headsift_error *error) {
    const struct hs_split *split = &matrix->input->split;
    const size_t apart = (size_t)(outputs * split->n_taken);
    const int64_t n = split->n - split->n_taken;
    float *outliers = hs_alloc(apart > 0 ? apart : 1, sizeof *outliers);
    matrix->scales = hs_alloc_aligned((size_t)outputs, sizeof *matrix->scales);
    if (outliers == NULL || matrix->scales == NULL) {
        hs_free(outliers);
        return hs_fail_memory(error, "columns of weights", (apart + (size_t)outputs) * sizeof *outliers);
    }
    round_rows(split, w, outputs, outliers, matrix->scales);
    headsift_status status = hs_gemm_pack(engine->gemm, w, n, outputs, n, HS_S8, &matrix->packed, error);
    if (status == HEADSIFT_OK && apart > 0) {
        status = hs_gemm_pack(engine->gemm, outliers, split->n_taken, outputs, split->n_taken, HS_BF16,
                              &matrix->outliers, error);
    }
    hs_free(outliers);
    return status;
}

headsift_status hs_matrix_pack(struct hs_engine *engine, float *w, int64_t outputs, int64_t inputs,
                               struct hs_int8_input *input, struct hs_matrix **out, headsift_error *error) {
    struct hs_matrix *matrix = hs_alloc(1, sizeof *matrix);
    if (matrix == NULL) {
        return hs_fail_memory(error, "a matrix", sizeof *matrix);
    }
    matrix->input = input;
    headsift_status status =
        input == NULL || input->weights != NULL
            ? hs_gemm_pack(engine->gemm, w, inputs, outputs, inputs, engine->element, &matrix->packed, error)
            : pack_rounded(engine, w, outputs, matrix, error);
    if (status != HEADSIFT_OK) {
        hs_matrix_free(matrix);
        return status;
    }
    *out = matrix;
    return HEADSIFT_OK;
}

void hs_matrix_free(struct hs_matrix *matrix) {
    if (matrix == NULL) {
        return;
    }
    hs_gemm_matrix_free(matrix->packed);
    hs_gemm_matrix_free(matrix->outliers);
    hs_free(matrix->scales);
    hs_free(matrix);
}

int64_t hs_matrix_outputs(const struct hs_matrix *matrix) { return hs_gemm_outputs(matrix->packed); }

int64_t hs_matrix_inputs(const struct hs_matrix *matrix) {
    return hs_gemm_inputs(matrix->packed) + (matrix->outliers != NULL ? hs_gemm_inputs(matrix->outliers) : 0);
}

/* ---- Products --------------------------------------------------------------------------------------------------- */

static void count(struct hs_worker *worker, enum hs_engine_stage stage, const struct hs_matrix *matrix, int64_t rows) {
    const double outputs = (double)(rows * hs_matrix_outputs(matrix));
    worker->costs[stage].multiply_adds += outputs * (double)hs_matrix_inputs(matrix);
    if (matrix->scales != NULL) {
        worker->costs[stage].in_s8 += outputs * (double)hs_gemm_inputs(matrix->packed);
    }
}

static headsift_status multiply_rounded(struct hs_engine *engine, struct hs_worker *worker,
                                        const struct hs_matrix *matrix, int64_t rows, headsift_error *error) {
    const struct hs_quantised *x = &worker->quantised[matrix->input->slot];
    if (matrix->outliers != NULL) {
        HS_TRY(hs_gemm_run(engine->gemm, matrix->outliers, rows, x->outliers, worker->product, HS_GEMM_SET, error));
    }
    return hs_gemm_run(engine->gemm, matrix->packed, rows, x->rows, worker->product,
                       matrix->outliers != NULL ? HS_GEMM_ADD : HS_GEMM_SET, error);
}

headsift_status hs_multiply(struct hs_engine *engine, struct hs_worker *worker, enum hs_engine_stage stage,
                            const struct hs_matrix *matrix, int64_t rows, const void *x, headsift_error *error) {
    count(worker, stage, matrix, rows);
    return matrix->scales == NULL
               ? hs_gemm_run(engine->gemm, matrix->packed, rows, x, worker->product, HS_GEMM_SET, error)
               : multiply_rounded(engine, worker, matrix, rows, error);
}

float *hs_product_row(const struct hs_engine *engine, const struct hs_worker *worker, const struct hs_matrix *matrix,
                      int64_t row) {
    const int64_t n = hs_matrix_outputs(matrix);
    float *product = worker->product + row * n;
    if (matrix->scales == NULL) {
        return product;
    }
    engine->s8->scale(product, worker->quantised[matrix->input->slot].scales[row], matrix->scales, n, worker->scaled);
    return worker->scaled;
}

headsift_status hs_multiply_add(struct hs_engine *engine, struct hs_worker *worker, enum hs_engine_stage stage,
                                const struct hs_matrix *matrix, int64_t rows, const void *x, float *y,
                                headsift_error *error) {
    const int64_t n = hs_matrix_outputs(matrix);
    count(worker, stage, matrix, rows);
    if (matrix->scales == NULL) {
        return hs_gemm_run(engine->gemm, matrix->packed, rows, x, y, HS_GEMM_ADD, error);
    }
    HS_TRY(multiply_rounded(engine, worker, matrix, rows, error));
    const float *scales = worker->quantised[matrix->input->slot].scales;
    for (int64_t row = 0; row < rows; row++) {
        engine->s8->add_scaled(worker->product + row * n, scales[row], matrix->scales, n, y + row * n);
    }
    return HEADSIFT_OK;
}
