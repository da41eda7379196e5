/* The clocks of the bench: peak, batch, peak, batch ... so that each batch is compared with what the machine could do
 * in the same second. What comes out are medians of ratios over the repetitions. */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <string.h>
#include <time.h>

static const double peak_seconds = 0.25;

/* A measurement under way. */
struct measuring {
    struct hs_engine *engine;
    struct hs_peak_meter *meter;
    const struct hs_config *config;
    const struct hs_bench_work *work;
    const struct hs_bench_question *question;
    int64_t *offsets;               /* of the batch in the engine */
    double *nll;                    /* (n_masks, tokens) */
    int32_t *columns;               /* (HS_BENCH_PROBE_ROWS, n_layer, n_head) */
    double peak;                    /* the last one, multiply-adds a second */
    double *rates, *peaks, *shares; /* one a repetition: tokens a second, multiply-adds a second, of the floor */
    double seconds;                 /* of all repetitions */
};

double hs_bench_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static headsift_status measure_peak(struct measuring *m, headsift_error *error) {
    struct hs_peak peak;
    HS_TRY(hs_peak_measure(m->meter, peak_seconds, &peak, error));
    m->peak = peak.registers > peak.products ? peak.registers : peak.products;
    return HEADSIFT_OK;
}

/* The attention of the last rows, where an answer would stand. */
static headsift_status attend(struct measuring *m, const int32_t *tokens, int64_t n, headsift_error *error) {
    int64_t rows[HS_BENCH_PROBE_ROWS], n_rows = n < HS_BENCH_PROBE_ROWS ? n : HS_BENCH_PROBE_ROWS;
    for (int64_t i = 0; i < n_rows; i++) {
        rows[i] = n - n_rows + i;
    }
    return hs_engine_attend(m->engine, tokens, n, rows, n_rows, m->columns, error);
}

static headsift_status ask(struct measuring *m, int32_t b, headsift_error *error) {
    const struct hs_bench_work *work = m->work;
    int32_t first = work->batches[b], n = work->batches[b + 1] - first;
    int64_t start = work->offsets[first];
    if (m->question->masks == NULL) {
        return attend(m, work->tokens + start, work->offsets[first + 1] - start, error);
    }
    for (int32_t d = 0; d <= n; d++) {
        m->offsets[d] = work->offsets[first + d] - start;
    }
    struct hs_batch batch = {.tokens = work->tokens + start, .offsets = m->offsets, .n_documents = n};
    return hs_engine_nll(m->engine, &batch, m->question->masks, m->question->n_masks, m->nll, error);
}

static double needed_by(const struct measuring *m, int32_t b) {
    const int64_t *offsets = m->work->offsets;
    double needed = 0;
    for (int32_t d = m->work->batches[b]; d < m->work->batches[b + 1]; d++) {
        int64_t length = offsets[d + 1] - offsets[d];
        needed += (double)length * hs_bench_needed(m->config, m->question->needs, length);
    }
    return needed;
}

static headsift_status repeat_once(struct measuring *m, int at, headsift_error *error) {
    double floor = 0, seconds = 0, needed = 0;
    for (int32_t b = 0; b < m->work->n_batches; b++) {
        double before = m->peak, start = hs_bench_now();
        HS_TRY(ask(m, b, error));
        seconds += hs_bench_now() - start;
        HS_TRY(measure_peak(m, error));
        needed += needed_by(m, b);
        floor += needed_by(m, b) / ((before + m->peak) / 2);
    }
    m->rates[at] = (double)m->work->offsets[m->work->n_documents] / seconds;
    m->peaks[at] = needed / floor;
    m->shares[at] = floor / seconds;
    m->seconds += seconds;
    return HEADSIFT_OK;
}

/* What the engine counted between `before` and now, over `tokens` in m->seconds. */
static void read_stages(const struct measuring *m, const struct hs_stage_cost before[HS_STAGES], double tokens,
                        struct hs_bench_result *out) {
    struct hs_stage_cost after[HS_STAGES];
    double threads = hs_engine_threads(m->engine), all_adds = 0, all_seconds = 0;
    hs_engine_costs(m->engine, after);
    for (int i = 0; i < HS_STAGES; i++) {
        double seconds = (after[i].seconds - before[i].seconds) / threads;
        double adds = after[i].multiply_adds - before[i].multiply_adds;
        struct hs_bench_stage_result *stage = &out->stages[i];
        *stage = (struct hs_bench_stage_result){.milliseconds = seconds / tokens * 1e6};
        if (seconds > 0) {
            stage->gflops = adds / seconds * 2e-9;
            stage->share_of_peak = stage->gflops / out->peak;
        }
        all_adds += adds;
        all_seconds += seconds;
    }
    out->rest_milliseconds = all_seconds > 0 ? (m->seconds - all_seconds) / tokens * 1e6 : 0;
    out->gflops = (all_adds > 0 ? all_adds / tokens : out->needed) * out->tokens_per_second * 2e-9;
    out->share_of_peak = out->gflops / out->peak;
}

static headsift_status run(struct measuring *m, int repeat, struct hs_bench_result *out, headsift_error *error) {
    struct hs_stage_cost before[HS_STAGES];
    double needed = 0, tokens = (double)m->work->offsets[m->work->n_documents];
    HS_TRY(ask(m, 0, error)); /* memory grows, primitives are made */
    HS_TRY(measure_peak(m, error));
    hs_engine_costs(m->engine, before);
    for (int i = 0; i < repeat; i++) {
        HS_TRY(repeat_once(m, i, error));
    }
    for (int32_t b = 0; b < m->work->n_batches; b++) {
        needed += needed_by(m, b);
    }
    size_t n = (size_t)repeat;
    *out = (struct hs_bench_result){
        .what = m->question->what,
        .documents = m->work->n_documents,
        .tokens = (int64_t)tokens,
        .needed = needed / tokens,
        .tokens_per_second = hs_bench_median(m->rates, n),
        .peak = hs_bench_median(m->peaks, n) * 2e-9,
        .share_of_floor = hs_bench_median(m->shares, n),
    };
    read_stages(m, before, tokens * repeat, out);
    return HEADSIFT_OK;
}

static int64_t largest_batch(const struct hs_bench_work *work) {
    int64_t most = 0;
    for (int32_t b = 0; b < work->n_batches; b++) {
        int64_t tokens = work->offsets[work->batches[b + 1]] - work->offsets[work->batches[b]];
        most = tokens > most ? tokens : most;
    }
    return most;
}

headsift_status hs_bench_measure(struct hs_engine *engine, struct hs_peak_meter *meter, const struct hs_config *config,
                                 const struct hs_bench_work *work, const struct hs_bench_question *question, int repeat,
                                 struct hs_bench_result *out, headsift_error *error) {
    struct measuring m = {.engine = engine, .meter = meter, .config = config, .work = work, .question = question};
    size_t n_heads = (size_t)(config->n_layer * config->n_head), n = (size_t)repeat;
    m.offsets = hs_alloc((size_t)work->n_documents + 1, sizeof *m.offsets);
    m.nll = hs_alloc((size_t)largest_batch(work) * (size_t)question->n_masks, sizeof *m.nll);
    m.columns = hs_alloc(n_heads * HS_BENCH_PROBE_ROWS, sizeof *m.columns);
    m.rates = hs_alloc(3 * n, sizeof *m.rates);
    headsift_status status;
    if (m.offsets == NULL || m.nll == NULL || m.columns == NULL || m.rates == NULL) {
        status = hs_fail_memory(error, "the losses of a batch", (size_t)largest_batch(work) * sizeof *m.nll);
    } else {
        m.peaks = m.rates + n;
        m.shares = m.peaks + n;
        status = run(&m, repeat, out, error);
    }
    hs_free(m.offsets);
    hs_free(m.nll);
    hs_free(m.columns);
    hs_free(m.rates);
    return status;
}
