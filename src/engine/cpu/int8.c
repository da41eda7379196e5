/* What products in int8 take in. A few columns of every input are far larger than the others and would cost them their
 * precision (Dettmers et al., 2208.07339): they are found once, over a text, and multiplied in bf16. */
#include <math.h>
#include <string.h>

#include "engine/cpu/cpu.h"

/* Inputs of a layer: of queries, keys and values; of the output projection; of gates and ups; of each piece of downs.
 */
enum { OF_ATTENTION, OF_OUTPUT, OF_MLP, OF_DOWN };

static size_t inputs_of_layer(const struct hs_engine *engine) { return OF_DOWN + (size_t)engine->n_ffn_pieces; }

static size_t input_count(const struct hs_engine *engine) { /* the last is of the output matrix */
    return (size_t)engine->config->n_layer * inputs_of_layer(engine) + 1;
}

struct hs_int8_input *hs_int8_input_of(const struct hs_engine *engine, enum hs_role role, int32_t layer,
                                       int64_t piece) {
    if (!engine->int8) {
        return NULL;
    }
    struct hs_int8_input *inputs = engine->inputs + (size_t)layer * inputs_of_layer(engine);
    switch (role) {
    case HS_O:
        return inputs + OF_OUTPUT;
    case HS_GATE:
    case HS_UP:
        return inputs + OF_MLP;
    case HS_DOWN:
        return inputs + OF_DOWN + piece;
    case HS_OUTPUT:
        return engine->inputs + input_count(engine) - 1;
    default:
        return inputs + OF_ATTENTION;
    }
}

/* Activations have their outliers elsewhere in every row, so those of the down projection are spread out by a transform
 * (Ashkboos et al., 2404.00456), and its pieces are worked on while their layer's input is still needed. */
static headsift_status input_alloc(const struct hs_engine *engine, size_t index, struct hs_int8_input *input,
                                   headsift_error *error) {
    const struct hs_config *c = engine->config;
    const size_t within = index % inputs_of_layer(engine);
    const bool last = index + 1 == input_count(engine);
    input->n = c->hidden;
    input->block = 1;
    if (!last && within == OF_OUTPUT) {
        input->n = (int64_t)c->n_head * c->head_dim;
    } else if (!last && within >= OF_DOWN) {
        int64_t left = c->ffn - (int64_t)(within - OF_DOWN) * engine->ffn_piece;
        input->n = left < engine->ffn_piece ? left : engine->ffn_piece;
        input->block = (int32_t)(input->n & -input->n); /* the largest power of 2 in it */
        input->slot = 1;
    }
    input->n_columns = (int32_t)(input->n / 2 < HS_OUTLIERS ? (input->n + 1) / 2 : HS_OUTLIERS);
    input->columns = hs_alloc((size_t)input->n_columns, sizeof *input->columns);
    input->weights = hs_alloc((size_t)input->n, sizeof *input->weights);
    return input->columns == NULL || input->weights == NULL
               ? hs_fail_memory(error, "a calibration", (size_t)input->n * sizeof *input->weights)
               : HEADSIFT_OK;
}

headsift_status hs_int8_alloc(struct hs_engine *engine, headsift_error *error) {
    if (!engine->int8) {
        return HEADSIFT_OK;
    }
    engine->inputs = hs_alloc(input_count(engine), sizeof *engine->inputs);
    if (engine->inputs == NULL) {
        return hs_fail_memory(error, "a calibration", input_count(engine) * sizeof *engine->inputs);
    }
    for (size_t i = 0; i < input_count(engine); i++) {
        HS_TRY(input_alloc(engine, i, &engine->inputs[i], error));
    }
    return HEADSIFT_OK;
}

void hs_int8_free(struct hs_engine *engine) {
    for (size_t i = 0; engine->inputs != NULL && i < input_count(engine); i++) {
        hs_free(engine->inputs[i].columns);
        hs_free(engine->inputs[i].weights);
    }
    hs_free(engine->inputs);
}

/* ---- Calibration ------------------------------------------------------------------------------------------------ */

/* Adds the fourth powers of a row's elements, relative to its mean square. Whole numbers, so that the order in which
 * threads come doesn't matter. */
static void observe_rows(struct hs_int8_input *input, int64_t rows, const uint16_t *x) {
    const double scale = 0x1p16;
    for (int64_t row = 0; row < rows; row++) {
        double square = 1e-30;
        for (int64_t i = 0; i < input->n; i++) {
            double value = (double)hs_from_bf16(x[row * input->n + i]);
            square += value * value / (double)input->n;
        }
        for (int64_t i = 0; isfinite(square) && i < input->n; i++) {
            double value = (double)hs_from_bf16(x[row * input->n + i]), share = value * value / square;
            int64_t weight = (int64_t)(share * share * scale);
#pragma omp atomic
            input->weights[i] += weight;
        }
    }
}

/* The columns that weighed most, the lowest of equals; ascending. */
static void choose_columns(struct hs_int8_input *input) {
    for (int32_t i = 0; i < input->n_columns; i++) {
        int64_t best = 0;
        for (int64_t column = 1; column < input->n; column++) {
            best = input->weights[column] > input->weights[best] ? column : best;
        }
        input->weights[best] = -1; /* taken */
    }
    int32_t n = 0;
    for (int64_t column = 0; column < input->n; column++) {
        if (input->weights[column] < 0) {
            input->columns[n++] = (int32_t)column;
        }
    }
}

headsift_status hs_int8_calibrate(struct hs_engine *engine, const int32_t *tokens, int64_t n, headsift_error *error) {
    if (!engine->int8) {
        return HEADSIFT_OK;
    }
    if (n < 2) {
        return hs_fail(error, HEADSIFT_FAILED, "an engine in int8 needs tokens to calibrate with; it was given %lld",
                       (long long)n);
    }
    const int64_t offsets[] = {0, n};
    const struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = 1};
    const struct hs_mask unmasked = {0};
    double *nll = hs_alloc((size_t)n, sizeof *nll);
    if (nll == NULL) {
        return hs_fail_memory(error, "losses", (size_t)n * sizeof *nll);
    }
    headsift_status status = hs_engine_nll(engine, &batch, &unmasked, 1, nll, error);
    hs_free(nll);
    for (size_t i = 0; i < input_count(engine); i++) {
        choose_columns(&engine->inputs[i]);
        hs_free(engine->inputs[i].weights);
        engine->inputs[i].weights = NULL;
    }
    engine->layer_passes = 0;
    for (int i = 0; i < engine->threads; i++) {
        memset(engine->workers[i].costs, 0, sizeof engine->workers[i].costs);
    }
    return status;
}

/* ---- Rows ------------------------------------------------------------------------------------------------------- */

void hs_quantise_rows(const struct hs_engine *engine, struct hs_worker *worker, const struct hs_matrix *matrix,
                      int64_t rows, void *x) {
    struct hs_int8_input *input = matrix->input;
    if (input == NULL) {
        return;
    }
    if (input->weights != NULL) {
        observe_rows(input, rows, x);
        return;
    }
    const struct hs_quantised *out = &worker->quantised[input->slot];
    for (int64_t row = 0; row < rows; row++) {
        out->scales[row] = engine->kernels->quantise(
            hs_at(engine, x, row * input->n), input->n, input->columns, input->n_columns, input->block,
            hs_at(engine, out->outliers, row * input->n_columns), out->rows + row * input->n);
    }
}
