/* Packed weight matrices and products by them, whatever the engine's type: in f32 and bf16 they are one product, in
 * int8 a small one in bf16 and a large one in s8, whose sums are scaled by row and by column and added. */
#include <math.h>
#include <string.h>

#include "engine/cpu/cpu.h"

/* Moves the columns of the outliers from w to a matrix of their own. */
static headsift_status pack_outliers(struct hs_engine *engine, float *w, int64_t outputs, int64_t inputs,
                                     struct hs_matrix *matrix, headsift_error *error) {
    const struct hs_int8_input *input = matrix->input;
    const int64_t n = input->n_columns;
    float *columns = hs_alloc((size_t)(outputs * n), sizeof *columns);
    if (columns == NULL) {
        return hs_fail_memory(error, "columns of weights", (size_t)(outputs * n) * sizeof *columns);
    }
    for (int64_t row = 0; row < outputs; row++) {
        for (int64_t i = 0; i < n; i++) {
            float *from = &w[row * inputs + input->columns[i]];
            columns[row * n + i] = *from;
            *from = 0;
        }
    }
    headsift_status status = hs_gemm_pack(engine->gemm, columns, n, outputs, n, HS_BF16, &matrix->outliers, error);
    hs_free(columns);
    return status;
}

/* A row of w becomes whole numbers of -127 .. 127. @return their scale, not finite where the weights aren't */
static float round_row(float *w, int64_t n) {
    float most = 0;
    for (int64_t i = 0; i < n && isfinite(most); i++) {
        most = fabsf(w[i]) <= most ? most : fabsf(w[i]);
    }
    if (!(most > 0) || !isfinite(most)) {
        memset(w, 0, (size_t)n * sizeof *w);
        return most == 0 ? 0 : NAN;
    }
    for (int64_t i = 0; i < n; i++) {
        w[i] = rintf(w[i] / most * 127);
    }
    return most / 127;
}

static headsift_status pack_rounded(struct hs_engine *engine, float *w, int64_t outputs, int64_t inputs,
                                    struct hs_matrix *matrix, headsift_error *error) {
    const int32_t block = matrix->input->block;
    HS_TRY(pack_outliers(engine, w, outputs, inputs, matrix, error));
    matrix->scales = hs_alloc_aligned((size_t)outputs, sizeof *matrix->scales);
    if (matrix->scales == NULL) {
        return hs_fail_memory(error, "scales of weights", (size_t)outputs * sizeof *matrix->scales);
    }
    for (int64_t row = 0; row < outputs; row++) {
        for (int64_t i = 0; block > 1 && i < inputs; i += block) {
            engine->kernels->hadamard(w + row * inputs + i, block);
        }
        matrix->scales[row] = round_row(w + row * inputs, inputs);
    }
    return hs_gemm_pack(engine->gemm, w, inputs, outputs, inputs, HS_S8, &matrix->packed, error);
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
            : pack_rounded(engine, w, outputs, inputs, matrix, error);
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

static headsift_status multiply_rounded(struct hs_engine *engine, struct hs_worker *worker,
                                        const struct hs_matrix *matrix, int64_t rows, float *y, enum hs_gemm_into into,
                                        headsift_error *error) {
    const struct hs_quantised *x = &worker->quantised[matrix->input->slot];
    const int64_t outputs = hs_matrix_outputs(matrix);
    HS_TRY(hs_gemm_run(engine->gemm, matrix->outliers, rows, x->outliers, y, into, error));
    HS_TRY(hs_gemm_run(engine->gemm, matrix->packed, rows, x->rows, worker->sums, HS_GEMM_SET, error));
    for (int64_t row = 0; row < rows; row++) {
        engine->kernels->add_scaled(worker->sums + row * outputs, x->scales[row], matrix->scales, outputs,
                                    y + row * outputs);
    }
    return HEADSIFT_OK;
}

headsift_status hs_multiply(struct hs_engine *engine, struct hs_worker *worker, enum hs_engine_stage stage,
                            const struct hs_matrix *matrix, int64_t rows, const void *x, float *y,
                            enum hs_gemm_into into, headsift_error *error) {
    worker->costs[stage].multiply_adds += (double)rows * (double)(hs_matrix_outputs(matrix) * hs_matrix_inputs(matrix));
    return matrix->scales == NULL ? hs_gemm_run(engine->gemm, matrix->packed, rows, x, y, into, error)
                                  : multiply_rounded(engine, worker, matrix, rows, y, into, error);
}
