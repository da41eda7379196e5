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
    if (engine->s8 == NULL || (role == HS_DOWN && engine->recipe.bf16_down) ||
        (role == HS_OUTPUT && engine->recipe.bf16_logits)) {
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

/* The columns of an input that are multiplied in bf16, at most half of them. */
static int32_t outlier_count(const struct hs_engine *engine, int64_t n) {
    return (int32_t)(n / 2 < engine->recipe.outliers ? n / 2 : engine->recipe.outliers);
}

/* The rest of a down projection's input has its outliers elsewhere in every row, so it is spread out by a transform
 * (Ashkboos et al., 2404.00456), in the largest blocks that divide it. */
static int32_t block_of(int64_t rest) {
    int32_t block = (int32_t)(rest & -rest);
    return block > HS_MOST_ROTATED ? HS_MOST_ROTATED : block < 32 ? 1 : block;
}

static headsift_status input_alloc(const struct hs_engine *engine, size_t index, struct hs_int8_input *input,
                                   headsift_error *error) {
    const struct hs_config *c = engine->config;
    const size_t within = index % inputs_of_layer(engine);
    const bool last = index + 1 == input_count(engine);
    int64_t n = c->hidden;
    input->split.block = 1;
    if (!last && within == OF_OUTPUT) {
        n = (int64_t)c->n_head * c->head_dim;
    } else if (!last && within >= OF_DOWN) {
        int64_t left = c->ffn - (int64_t)(within - OF_DOWN) * engine->ffn_piece;
        n = left < engine->ffn_piece ? left : engine->ffn_piece;
        input->split.block = engine->recipe.hadamard ? block_of(n - outlier_count(engine, n)) : 1;
        input->slot = 1; /* pieces are worked on while their layer's input is still needed */
    }
    input->split.n = n;
    input->split.n_taken = outlier_count(engine, n);
    input->taken = hs_alloc((size_t)(n + 31) / 32, sizeof *input->taken);
    input->split.taken = input->taken;
    if (input->split.n_taken > 0) {
        input->weights = hs_alloc((size_t)n, sizeof *input->weights);
    }
    return input->taken == NULL || (input->split.n_taken > 0 && input->weights == NULL)
               ? hs_fail_memory(error, "a calibration", (size_t)n * sizeof *input->weights)
               : HEADSIFT_OK;
}

headsift_status hs_int8_alloc(struct hs_engine *engine, headsift_error *error) {
    if (engine->s8 == NULL) {
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
        hs_free(engine->inputs[i].taken);
        hs_free(engine->inputs[i].weights);
    }
    hs_free(engine->inputs);
}

/* ---- Calibration ------------------------------------------------------------------------------------------------ */

/* Adds the fourth powers of a row's elements, relative to its mean square. Whole numbers, so that the order in which
 * threads come doesn't matter. */
static void observe_row(struct hs_int8_input *input, const uint16_t *x) {
    const double scale = 0x1p16;
    const int64_t n = input->split.n;
    double square = 1e-30;
    for (int64_t i = 0; i < n; i++) {
        double value = (double)hs_from_bf16(x[i]);
        square += value * value / (double)n;
    }
    for (int64_t i = 0; isfinite(square) && i < n; i++) {
        double value = (double)hs_from_bf16(x[i]), share = value * value / square;
        int64_t weight = (int64_t)(share * share * scale);
#pragma omp atomic
        input->weights[i] += weight;
    }
}

/* The columns that weighed most, the lowest of equals. */
static void choose_columns(struct hs_int8_input *input) {
    for (int32_t i = 0; i < input->split.n_taken; i++) {
        int64_t best = 0;
        for (int64_t column = 1; column < input->split.n; column++) {
            best = input->weights[column] > input->weights[best] ? column : best;
        }
        input->taken[best / 32] |= 1U << best % 32;
        input->weights[best] = -1;
    }
    hs_free(input->weights);
    input->weights = NULL;
}

/* All layers and logits, once, over one document. */
static headsift_status observe(struct hs_engine *engine, const int32_t *tokens, int64_t n, headsift_error *error) {
    const int64_t offsets[] = {0, n};
    const struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = 1};
    const struct hs_mask unmasked = {0};
    double *nll = hs_alloc((size_t)n, sizeof *nll);
    if (nll == NULL) {
        return hs_fail_memory(error, "losses", (size_t)n * sizeof *nll);
    }
    headsift_status status = hs_engine_nll(engine, &batch, &unmasked, 1, nll, error);
    hs_free(nll);
    engine->layer_passes = 0;
    for (int i = 0; i < engine->threads; i++) {
        memset(engine->workers[i].costs, 0, sizeof engine->workers[i].costs);
    }
    return status;
}

headsift_status hs_int8_calibrate(struct hs_engine *engine, const int32_t *tokens, int64_t n, headsift_error *error) {
    if (engine->s8 == NULL || engine->recipe.outliers == 0) {
        return HEADSIFT_OK;
    }
    if (n < 2) {
        return hs_fail(error, HEADSIFT_FAILED, "an engine in int8 needs tokens to calibrate with; it was given %lld",
                       (long long)n);
    }
    HS_TRY(observe(engine, tokens, n, error));
    for (size_t i = 0; i < input_count(engine); i++) {
        if (engine->inputs[i].weights != NULL) {
            choose_columns(&engine->inputs[i]);
        }
    }
    return hs_weights_repack(engine, error);
}

/* ---- Rows ------------------------------------------------------------------------------------------------------- */

void hs_quantise_row(const struct hs_engine *engine, struct hs_worker *worker, const struct hs_matrix *matrix,
                     int64_t row, const void *x) {
    struct hs_int8_input *input = matrix->input;
    if (input == NULL) {
        return;
    }
    if (input->weights != NULL) {
        observe_row(input, x);
        return;
    }
    const struct hs_split *split = &input->split;
    const struct hs_quantised *to = &worker->quantised[input->slot];
    to->scales[row] = engine->s8->quantise(x, split, to->outliers + row * split->n_taken,
                                           to->rows + row * (split->n - split->n_taken));
}
