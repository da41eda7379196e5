/* Masked heads in a layer: running means of the values, zeros or given vectors in place of attention (method.md section
 * 3). Each block sums the values of a document that goes on behind it, so that later blocks need only those sums. */
#include <string.h>

#include "engine/cpu/layer.h"

/* Whether a stream has uniform heads in a group. */
static bool plan_means(const struct hs_engine *engine, int32_t layer, const struct hs_plan *plan, int32_t kv_head) {
    const int32_t group = hs_group_size(engine->config);
    for (int32_t head = kv_head * group; head < (kv_head + 1) * group; head++) {
        if (plan != NULL && plan->kind == HEADSIFT_MASK_UNIFORM && hs_is_masked(plan, engine->config, layer, head)) {
            return true;
        }
    }
    return false;
}

/* The sums of the values of a block's part of a document that goes on in the next block: (blocks, n_kv_head, D). */
static double *block_sums(const struct hs_engine *engine, int64_t block, int32_t kv_head) {
    const struct hs_config *c = engine->config;
    return (double *)engine->sums.data + (block * c->n_kv_head + kv_head) * c->head_dim;
}

void hs_sum_values(const struct hs_engine *engine, struct hs_worker *worker, const struct hs_pass *pass,
                   const struct hs_span *span, int64_t block) {
    const struct hs_config *c = engine->config;
    for (int32_t head = 0; head < c->n_kv_head; head++) {
        if (pass->means_needed[head] && hs_layer_window(c, pass->layer) == 0) {
            double *sums = block_sums(engine, block, head);
            const void *values =
                hs_at(engine, pass->walk->cache.values, hs_cached_at(engine, &pass->walk->cache, span->segment, head));
            memset(sums, 0, (size_t)c->head_dim * sizeof *sums);
            engine->kernels->running_mean(values, span->position, span->length, c->head_dim, 0, sums, worker->means);
        }
    }
}

/* The sums of the values in positions at .. end of a document, which the cache holds.
 *  @param means room for `most` rows, which it overwrites */
static void sum_of_cache(const struct hs_engine *engine, const void *values, int64_t at, int64_t end, int64_t most,
                         double *sums, void *means) {
    while (at < end) {
        int64_t count = end - at < most ? end - at : most;
        engine->kernels->running_mean(values, at, count, engine->config->head_dim, 0, sums, means);
        at += count;
    }
}

/* The sums of the values of a segment before a span, in earlier blocks. */
static void sum_of_blocks(const struct hs_engine *engine, const struct hs_pass *pass, const struct hs_span *span,
                          int64_t here, int32_t kv_head, double *sums) {
    for (int64_t block = span->segment->row / pass->cut.size; block < here; block++) {
        const double *before = block_sums(engine, block, kv_head);
        for (int32_t d = 0; d < engine->config->head_dim; d++) {
            sums[d] += before[d];
        }
    }
}

/* Running means of the values over the block's rows, for the KV heads that have uniform query heads. */
void hs_mean_rows(const struct hs_engine *engine, struct hs_worker *worker, const struct hs_pass *pass,
                  struct hs_rows rows, int32_t kv_head) {
    const int32_t dim = engine->config->head_dim;
    const int64_t window = hs_layer_window(engine->config, pass->layer);
    const struct hs_cache *cache = &pass->walk->cache;
    struct hs_span span;
    while (hs_next_span(pass, &rows, &span)) {
        if (pass->forked_x == NULL && !plan_means(engine, pass->layer, span.segment->plan, kv_head)) {
            continue;
        }
        double sums[HS_MAX_HEAD_DIM] = {0};
        const void *values = hs_at(engine, cache->values, hs_cached_at(engine, cache, span.segment, kv_head));
        void *means = hs_at(engine, worker->means, (kv_head * engine->block_rows + span.row) * dim);
        const int64_t room = engine->block_rows - span.row;
        if (window == 0) {
            sum_of_cache(engine, values, 0, span.segment->position, room, sums, means);
            sum_of_blocks(engine, pass, &span, (rows.first + span.row) / pass->cut.size, kv_head, sums);
        } else {
            int64_t at = span.position > window ? span.position - window : 0; /* no earlier block knows this sum */
            sum_of_cache(engine, values, at, span.position, room, sums, means);
        }
        engine->kernels->running_mean(values, span.position, span.length, dim, window, sums, means);
    }
}

/* Replaces the masked heads' outputs in attention rows row .. row + count of the block. */
void hs_mask_rows(const struct hs_engine *engine, const struct hs_worker *worker, const struct hs_pass *pass,
                  const struct hs_plan *plan, int64_t row, int64_t count, void *attention) {
    const struct hs_config *c = engine->config;
    const int64_t dim = c->head_dim;
    const size_t bytes = (size_t)dim * engine->element_size;
    for (int32_t head = 0; head < c->n_head; head++) {
        if (!hs_is_masked(plan, c, pass->layer, head)) {
            continue;
        }
        int64_t kv_head = head / hs_group_size(c), at = ((int64_t)pass->layer * c->n_head + head) * dim;
        for (int64_t i = row; i < row + count; i++) {
            void *out = hs_at(engine, attention, (i * c->n_head + head) * dim);
            if (plan->kind == HEADSIFT_MASK_ZERO) {
                memset(out, 0, bytes);
            } else if (plan->kind == HEADSIFT_MASK_MEAN) {
                memcpy(out, (const char *)plan->means + (size_t)at * engine->element_size, bytes);
            } else {
                memcpy(out, hs_at(engine, worker->means, (kv_head * engine->block_rows + i) * dim), bytes);
            }
        }
    }
}

void hs_mask_spans(const struct hs_engine *engine, const struct hs_worker *worker, const struct hs_pass *pass,
                   struct hs_rows rows) {
    struct hs_span span;
    while (hs_next_span(pass, &rows, &span)) {
        hs_mask_rows(engine, worker, pass, span.segment->plan, span.row, span.length, worker->attention);
    }
}

/* Which KV heads need running means. */
headsift_status hs_need_means(struct hs_engine *engine, struct hs_pass *pass, headsift_error *error) {
    const struct hs_config *c = engine->config;
    const struct hs_walk *walk = pass->walk;
    size_t sums = (size_t)(pass->cut.n * c->n_kv_head * c->head_dim);
    HS_TRY(hs_scratch_need(&engine->means_needed, (size_t)c->n_kv_head * sizeof(bool), "running means", error));
    HS_TRY(hs_scratch_need(&engine->sums, sums * sizeof(double), "running means", error));
    bool *needed = engine->means_needed.data;
    pass->means_needed = needed;
    memset(needed, 0, (size_t)c->n_kv_head * sizeof *needed);
    for (int32_t kv_head = 0; kv_head < c->n_kv_head; kv_head++) {
        for (int32_t f = 0; f < walk->n_forks; f++) {
            needed[kv_head] = needed[kv_head] || plan_means(engine, pass->layer, &walk->forks[f], kv_head);
        }
        const struct hs_plan *last = NULL;
        for (int32_t s = 0; s < walk->n_segments; s++) {
            const struct hs_plan *plan = walk->segments[s].plan;
            if (plan != last) {
                needed[kv_head] = needed[kv_head] || plan_means(engine, pass->layer, plan, kv_head);
            }
            last = plan;
        }
    }
    return HEADSIFT_OK;
}
