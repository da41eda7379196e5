/* From the residual stream to losses: the final norm and the output matrix, block of rows by block of vocabulary.
 * Logits are f32 and summed up in f64; each thread has no more than (block_rows, vocab_block) of them. */
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

static void norm_row(const struct hs_engine *engine, const float *x, void *normed, int64_t i) {
    const int64_t hidden = engine->config->hidden;
    engine->kernels->rms_norm(x, engine->output_norm, hidden, (float)engine->config->norm_eps,
                              hs_at(engine, normed, i * hidden));
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
        norm_row(engine, job->x + row * engine->config->hidden, worker->normed, i);
        job->states[first + i] = (struct row_state){.largest = -INFINITY};
    }
    for (int32_t piece = 0; piece < engine->n_vocabulary; piece++) {
        const int64_t columns = hs_gemm_outputs(engine->vocabulary[piece]);
        HS_TRY(hs_multiply(engine, worker, HS_STAGE_LOSS, engine->vocabulary[piece], n, worker->normed, worker->product,
                           HS_GEMM_SET, error));
        if (engine->config->logit_cap > 0) {
            engine->kernels->soft_cap(worker->product, n * columns, (float)engine->config->logit_cap);
        }
        for (int64_t i = 0; i < n; i++) {
            int64_t target = which->targets[(first + i) % which->n] - (int64_t)piece * engine->vocab_block;
            add_logits(engine->kernels, &job->states[first + i], worker->product + i * columns, columns, target);
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

headsift_status hs_best_token(struct hs_engine *engine, const float *x, int32_t *out, headsift_error *error) {
    struct hs_worker *worker = &engine->workers[0];
    float best = -INFINITY;
    *out = 0;
    hs_clock_start(worker);
    norm_row(engine, x, worker->normed, 0);
    for (int32_t piece = 0; piece < engine->n_vocabulary; piece++) {
        HS_TRY(hs_multiply(engine, worker, HS_STAGE_LOSS, engine->vocabulary[piece], 1, worker->normed, worker->product,
                           HS_GEMM_SET, error));
        for (int32_t i = 0; i < hs_gemm_outputs(engine->vocabulary[piece]); i++) {
            if (worker->product[i] > best) {
                best = worker->product[i];
                *out = piece * engine->vocab_block + i;
            }
        }
    }
    hs_clock_stop(engine, worker, HS_STAGE_LOSS);
    return HEADSIFT_OK;
}
