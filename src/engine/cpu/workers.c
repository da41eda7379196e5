/* Blocks of rows shared out among threads. Each thread takes its block through all products and loops of a phase while
 * it is in the core's own cache; two phases a layer is all that threads wait for each other. */
#include <omp.h>
#include <string.h>

#include "engine/cpu/cpu.h"

struct array {
    void **array;
    size_t row_bytes;
};

/* Products of fewer rows than this are far from the machine's peak. */
enum { FEWEST_ROWS = 32 };

static int64_t divided(int64_t a, int64_t b) { return (a + b - 1) / b; }

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static headsift_status arrays_alloc(const struct array *arrays, size_t n, size_t rows, headsift_error *error) {
    for (size_t i = 0; i < n; i++) {
        if (arrays[i].row_bytes == 0) {
            continue;
        }
        void *array = hs_alloc_aligned(rows, arrays[i].row_bytes);
        if (array == NULL) {
            return hs_fail_memory(error, "a block of activations", rows * arrays[i].row_bytes);
        }
        memset(array, 0, rows * arrays[i].row_bytes); /* padding rows are read */
        *arrays[i].array = array;
    }
    return HEADSIFT_OK;
}

static headsift_status worker_alloc_s8(const struct hs_engine *engine, struct hs_worker *w, size_t widest,
                                       headsift_error *error) {
    const struct hs_config *c = engine->config;
    const size_t rows = (size_t)hs_gemm_padded(engine->block_rows), piece = (size_t)engine->ffn_piece;
    const size_t outliers = ((size_t)engine->recipe.outliers + HS_S8_SLACK) * sizeof(uint16_t);
    const size_t inputs = larger((size_t)c->hidden, (size_t)(c->n_head * c->head_dim));
    const struct array arrays[] = {
        {(void **)&w->quantised[0].rows, inputs + HS_S8_SLACK}, {(void **)&w->quantised[0].scales, sizeof(float)},
        {(void **)&w->quantised[0].outliers, outliers},         {(void **)&w->quantised[1].rows, piece + HS_S8_SLACK},
        {(void **)&w->quantised[1].scales, sizeof(float)},      {(void **)&w->quantised[1].outliers, outliers},
    };
    const struct array one_row[] = {{(void **)&w->scaled, widest * sizeof(float)}};
    HS_TRY(arrays_alloc(arrays, sizeof arrays / sizeof *arrays, rows, error));
    return arrays_alloc(one_row, 1, 1, error);
}

static headsift_status worker_alloc(const struct hs_engine *engine, struct hs_worker *w, headsift_error *error) {
    const struct hs_config *c = engine->config;
    size_t rows = (size_t)hs_gemm_padded(engine->block_rows), heads = (size_t)(c->n_head * c->head_dim);
    size_t kv = (size_t)(c->n_kv_head * c->head_dim), piece = (size_t)engine->ffn_piece;
    size_t hidden = (size_t)c->hidden, e = engine->element_size, widest = 2 * kv;
    const size_t others[] = {heads / (size_t)engine->n_query_pieces, 2 * piece, (size_t)engine->vocab_block,
                             engine->s8 != NULL ? hidden : 0};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        widest = larger(widest, others[i]);
    }
    const struct array arrays[] = {
        {&w->normed, hidden * e},
        {(void **)&w->product, widest * sizeof(float)},
        {&w->queries, heads * e},
        {&w->attention, heads * e},
        {&w->forked, heads * e},
        {&w->active, piece * e},
        {&w->means, kv * e},
        {(void **)&w->residual, hidden * sizeof(float)},
        {(void **)&w->branch, c->post_norm ? hidden * sizeof(float) : 0},
    };
    HS_TRY(arrays_alloc(arrays, sizeof arrays / sizeof *arrays, rows, error));
    return engine->s8 == NULL ? HEADSIFT_OK : worker_alloc_s8(engine, w, widest, error);
}

headsift_status hs_workers_alloc(struct hs_engine *engine, headsift_error *error) {
    engine->workers = hs_alloc((size_t)engine->threads, sizeof *engine->workers);
    if (engine->workers == NULL) {
        return hs_fail_memory(error, "threads", (size_t)engine->threads * sizeof *engine->workers);
    }
    for (int i = 0; i < engine->threads; i++) {
        HS_TRY(worker_alloc(engine, &engine->workers[i], error));
    }
    return HEADSIFT_OK;
}

void hs_workers_free(struct hs_engine *engine) {
    for (int i = 0; engine->workers != NULL && i < engine->threads; i++) {
        struct hs_worker *w = &engine->workers[i];
        void *arrays[] = {w->normed,
                          w->product,
                          w->queries,
                          w->attention,
                          w->forked,
                          w->active,
                          w->means,
                          w->residual,
                          w->branch,
                          w->quantised[0].rows,
                          w->quantised[0].scales,
                          w->quantised[0].outliers,
                          w->quantised[1].rows,
                          w->quantised[1].scales,
                          w->quantised[1].outliers,
                          w->scaled};
        for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) {
            hs_free(arrays[k]);
        }
    }
    hs_free(engine->workers);
}

struct hs_cut hs_cut_rows(const struct hs_engine *engine, int64_t rows) {
    int64_t n = divided(rows, engine->block_rows), threads = engine->threads;
    if (rows >= threads * FEWEST_ROWS) {
        n = divided(n, threads) * threads;
    }
    int64_t size = divided(divided(rows, n), HS_GEMM_ROW_STEP) * HS_GEMM_ROW_STEP;
    size = size > engine->block_rows ? engine->block_rows : size;
    return (struct hs_cut){rows, size, divided(rows, size)};
}

headsift_status hs_for_blocks(struct hs_engine *engine, int64_t n, hs_block_fn fn, const void *job,
                              headsift_error *error) {
    if (n == 1) {
        return fn(engine, &engine->workers[0], job, 0, error);
    }
    for (int i = 0; i < engine->threads; i++) {
        engine->workers[i].status = HEADSIFT_OK;
    }
#pragma omp parallel for schedule(dynamic) num_threads(engine->threads)
    for (int64_t i = 0; i < n; i++) {
        struct hs_worker *worker = &engine->workers[omp_get_thread_num()];
        if (worker->status == HEADSIFT_OK) {
            worker->status = fn(engine, worker, job, n - 1 - i, &worker->error);
        }
    }
    for (int i = 0; i < engine->threads; i++) {
        if (engine->workers[i].status != HEADSIFT_OK) {
            if (error != NULL) {
                *error = engine->workers[i].error;
            }
            return engine->workers[i].status;
        }
    }
    return HEADSIFT_OK;
}

void hs_clock_start(struct hs_worker *worker) { worker->since = omp_get_wtime(); }

void hs_clock_stop(const struct hs_engine *engine, struct hs_worker *worker, enum hs_engine_stage stage) {
    double time = omp_get_wtime();
    worker->costs[stage].seconds += (time - worker->since) * (omp_in_parallel() ? 1 : engine->threads);
    worker->since = time;
}

void hs_engine_costs(const struct hs_engine *engine, struct hs_stage_cost costs[HS_STAGES]) {
    memset(costs, 0, HS_STAGES * sizeof *costs);
    for (int i = 0; i < engine->threads; i++) {
        for (int stage = 0; stage < HS_STAGES; stage++) {
            costs[stage].seconds += engine->workers[i].costs[stage].seconds;
            costs[stage].multiply_adds += engine->workers[i].costs[stage].multiply_adds;
            costs[stage].in_s8 += engine->workers[i].costs[stage].in_s8;
        }
    }
}
