/* From the residual stream to losses: the final norm and the output matrix, block of rows by block of vocabulary.
 * Logits are f32 and summed up in f64; at no time are there more than (block_rows, vocab_block) of them. */
#include <math.h>
#include <string.h>

#include "engine/cpu/cpu.h"

/* Log-sum-exp of a row's logits so far, and the logit of its target. */
struct row_state {
    float largest;
    double total; /* of exp(logit - largest) */
    float target;
};

static void norm_gathered(struct hs_engine *engine, const float *x, const int64_t *rows, int64_t n) {
    int64_t hidden = engine->config->hidden;
    float eps = (float)engine->config->norm_eps;
#pragma omp parallel for
    for (int64_t i = 0; i < n; i++) {
        engine->kernels->rms_norm(x + rows[i] * hidden, engine->output_norm, hidden, eps,
                                  hs_at(engine, engine->block.normed, i * hidden));
    }
}

static void add_logits(const struct hs_kernels *kernels, struct row_state *state, const float *logits, int64_t n,
                       int64_t target) {
    float largest = kernels->largest(logits, n);
    if (!(largest <= state->largest)) { /* also when it is NaN */
        state->total *= exp((double)state->largest - (double)largest);
        state->largest = largest;
    }
    state->total += (double)kernels->exp_sum(logits, n, state->largest);
    if (target >= 0 && target < n) {
        state->target = logits[target];
    }
}

static headsift_status losses_block(struct hs_engine *engine, const int32_t *targets, int64_t n,
                                    struct row_state *states, headsift_error *error) {
    for (int64_t i = 0; i < n; i++) {
        states[i] = (struct row_state){.largest = -INFINITY};
    }
    for (int32_t piece = 0; piece < engine->n_vocabulary; piece++) {
        int64_t first = (int64_t)piece * engine->vocab_block, left = engine->config->vocab - first;
        int64_t columns = left < engine->vocab_block ? left : engine->vocab_block;
        float *logits = engine->block.logits;
        HS_TRY(hs_gemm_run(engine->gemm, engine->vocabulary[piece], n, engine->block.normed, logits, error));
#pragma omp parallel for
        for (int64_t i = 0; i < n; i++) {
            add_logits(engine->kernels, &states[i], logits + i * columns, columns, targets[i] - first);
        }
    }
    return HEADSIFT_OK;
}

headsift_status hs_losses(struct hs_engine *engine, const float *x, const struct hs_loss_rows *which, double *nll,
                          headsift_error *error) {
    struct row_state *states = hs_alloc((size_t)engine->block_rows, sizeof *states);
    if (states == NULL) {
        return hs_fail_memory(error, "losses", (size_t)engine->block_rows * sizeof *states);
    }
    headsift_status status = HEADSIFT_OK;
    for (int64_t first = 0; status == HEADSIFT_OK && first < which->n; first += engine->block_rows) {
        int64_t n = which->n - first < engine->block_rows ? which->n - first : engine->block_rows;
        norm_gathered(engine, x, which->rows + first, n);
        status = losses_block(engine, which->targets + first, n, states, error);
        for (int64_t i = 0; status == HEADSIFT_OK && i < n; i++) {
            nll[which->out[first + i]] = log(states[i].total) + ((double)states[i].largest - (double)states[i].target);
        }
    }
    hs_free(states);
    return status;
}

headsift_status hs_best_token(struct hs_engine *engine, const float *x, int32_t *out, headsift_error *error) {
    static const int64_t only[] = {0};
    float best = -INFINITY;
    *out = 0;
    norm_gathered(engine, x, only, 1);
    for (int32_t piece = 0; piece < engine->n_vocabulary; piece++) {
        int32_t first = piece * engine->vocab_block, left = engine->config->vocab - first;
        int32_t columns = left < engine->vocab_block ? left : engine->vocab_block;
        HS_TRY(
            hs_gemm_run(engine->gemm, engine->vocabulary[piece], 1, engine->block.normed, engine->block.logits, error));
        for (int32_t i = 0; i < columns; i++) {
            if (engine->block.logits[i] > best) {
                best = engine->block.logits[i];
                *out = first + i;
            }
        }
    }
    return HEADSIFT_OK;
}
