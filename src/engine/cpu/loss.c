/* From the residual stream to losses and to the next tokens: the final norm and the output matrix, block of rows by
 * block of vocabulary. Logits are f32 and summed up in f64; each thread has no more than (block_rows, vocab_block) of
 * them. */
#include <math.h>
#include <string.h>

#include "engine/cpu/cpu.h"

/* Log-sum-exp of a row's logits so far, and the logit of its target. */
struct row_state {
    float largest;
    double total; /* of exp(logit - largest) */
    float target;
};

/* The call's work: n_streams * n rows, cut into blocks; each row has a state. */
struct loss_job {
    const float *x;
    const struct hs_loss_rows *which;
    struct hs_cut cut;
    struct row_state *states;
};

/* Row i of worker->normed = norm(x), ready for products by the output matrix. */
static void norm_row(const struct hs_engine *engine, struct hs_worker *worker, const float *x, int64_t i) {
    const int64_t hidden = engine->config->hidden;
    void *normed = hs_at(engine, worker->normed, i * hidden);
    engine->kernels->rms_norm(x, engine->output_norm, hidden, (float)engine->config->norm_eps, normed);
    hs_quantise_row(engine, worker, engine->vocabulary[0], i, normed);
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

static headsift_status loss_block(struct hs_engine *engine, struct hs_worker *worker, const void *of, int64_t block,
                                  headsift_error *error) {
    const struct loss_job *job = of;
    const struct hs_loss_rows *which = job->which;
    const int64_t first = block * job->cut.size, left = job->cut.rows - first;
    const int64_t n = left < job->cut.size ? left : job->cut.size;
    hs_clock_start(worker);
    for (int64_t i = 0; i < n; i++) {
        int64_t row = (first + i) / which->n * which->stream_rows + which->rows[(first + i) % which->n];
        norm_row(engine, worker, job->x + row * engine->config->hidden, i);
        job->states[first + i] = (struct row_state){.largest = -INFINITY};
    }
    for (int32_t piece = 0; piece < engine->n_vocabulary; piece++) {
        const struct hs_matrix *matrix = engine->vocabulary[piece];
        HS_TRY(hs_multiply(engine, worker, HS_STAGE_LOSS, matrix, n, worker->normed, error));
        for (int64_t i = 0; i < n; i++) {
            int64_t target = which->targets[(first + i) % which->n] - (int64_t)piece * engine->vocab_block;
            float *logits = hs_product_row(engine, worker, matrix, i);
            if (engine->config->logit_cap > 0) {
                engine->kernels->soft_cap(logits, hs_matrix_outputs(matrix), (float)engine->config->logit_cap);
            }
            add_logits(engine->kernels, &job->states[first + i], logits, hs_matrix_outputs(matrix), target);
        }
    }
    for (int64_t i = first; i < first + n; i++) {
        const struct row_state *state = &job->states[i];
        which->nll[i / which->n][which->out[i % which->n]] =
            log(state->total) + ((double)state->largest - (double)state->target);
    }
    hs_clock_stop(engine, worker, HS_STAGE_LOSS);
    return HEADSIFT_OK;
}

headsift_status hs_losses(struct hs_engine *engine, const float *x, const struct hs_loss_rows *which,
                          headsift_error *error) {
    const int64_t rows = which->n * which->n_streams;
    if (rows == 0) {
        return HEADSIFT_OK;
    }
    struct loss_job job = {.x = x, .which = which, .cut = hs_cut_rows(engine, rows)};
    job.states = hs_alloc((size_t)rows, sizeof *job.states);
    if (job.states == NULL) {
        return hs_fail_memory(error, "losses", (size_t)rows * sizeof *job.states);
    }
    headsift_status status = hs_for_blocks(engine, job.cut.n, loss_block, &job, error);
    hs_free(job.states);
    return status;
}

/* ---- The largest logit ------------------------------------------------------------------------------------------ */

struct best_job {
    const float *x;
    const int64_t *rows;
    struct hs_cut cut;
    float *largest; /* (n) */
    int32_t *out;
};

static void take_largest(const float *logits, int64_t n, int64_t first, float *largest, int32_t *out) {
    for (int64_t i = 0; i < n; i++) {
        if (logits[i] > *largest) {
            *largest = logits[i];
            *out = (int32_t)(first + i);
        }
    }
}

static headsift_status best_block(struct hs_engine *engine, struct hs_worker *worker, const void *of, int64_t block,
                                  headsift_error *error) {
    const struct best_job *job = of;
    const int64_t first = block * job->cut.size, left = job->cut.rows - first;
    const int64_t n = left < job->cut.size ? left : job->cut.size;
    hs_clock_start(worker);
    for (int64_t i = 0; i < n; i++) {
        norm_row(engine, worker, job->x + job->rows[first + i] * engine->config->hidden, i);
        job->largest[first + i] = -INFINITY;
        job->out[first + i] = 0;
    }
    for (int32_t piece = 0; piece < engine->n_vocabulary; piece++) {
        const struct hs_matrix *matrix = engine->vocabulary[piece];
        HS_TRY(hs_multiply(engine, worker, HS_STAGE_LOSS, matrix, n, worker->normed, error));
        for (int64_t i = 0; i < n; i++) {
            take_largest(hs_product_row(engine, worker, matrix, i), hs_matrix_outputs(matrix),
                         (int64_t)piece * engine->vocab_block, &job->largest[first + i], &job->out[first + i]);
        }
    }
    hs_clock_stop(engine, worker, HS_STAGE_LOSS);
    return HEADSIFT_OK;
}

headsift_status hs_best_tokens(struct hs_engine *engine, const float *x, const int64_t *rows, int64_t n, int32_t *out,
                               headsift_error *error) {
    struct best_job job = {x, rows, hs_cut_rows(engine, n), hs_alloc((size_t)n, sizeof *job.largest), out};
    if (job.largest == NULL) {
        return hs_fail_memory(error, "tokens", (size_t)n * sizeof *job.largest);
    }
    headsift_status status = hs_for_blocks(engine, job.cut.n, best_block, &job, error);
    hs_free(job.largest);
    return status;
}
