/* One transformer layer over packed rows, in two phases over blocks of rows: first the keys and values of all rows,
 * then, block by block, everything else. Queries and activations exist only for the blocks in work.
 *
 *   h = norm(x); q, k, v = h Wqkv; a = attention(rope(q), rope(k), v); x += a Wo
 *   h = norm(x); x += (silu(h Wgate) * (h Wup)) Wdown                                                               */
#include <math.h>
#include <string.h>

#include "engine/cpu/cpu.h"

/* One layer's work. */
struct pass {
    const struct hs_walk *walk;
    const struct hs_layer *weights;
    int32_t layer;
    struct hs_cut cut;
    const bool *means_needed; /* (n_kv_head) whether some stream has uniform heads there */
    float *forked_x;          /* NULL: no streams leave here */
    bool advance;
};

/* Neighbouring rows of one segment inside a block. */
struct span {
    const struct hs_segment *segment;
    int64_t row; /* in the block */
    int64_t length;
    int64_t position;
};

/* The rows of a block, walked span by span. */
struct rows {
    int64_t first, n; /* in the walk */
    int32_t segment;  /* the next one */
};

static int64_t minimum(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t maximum(int64_t a, int64_t b) { return a > b ? a : b; }

/* The first segment that reaches beyond row `first`. */
static int32_t segment_at(const struct hs_walk *walk, int64_t first) {
    int32_t low = 0, high = walk->n_segments;
    while (low < high) {
        int32_t middle = (low + high) / 2;
        if (walk->segments[middle].row + walk->segments[middle].length <= first) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct rows rows_of(const struct pass *pass, int64_t block) {
    int64_t first = block * pass->cut.size;
    return (struct rows){first, minimum(pass->cut.rows - first, pass->cut.size), segment_at(pass->walk, first)};
}

static bool next_span(const struct pass *pass, struct rows *rows, struct span *span) {
    const struct hs_segment *segment = &pass->walk->segments[rows->segment];
    int64_t end = rows->first + rows->n;
    if (rows->segment == pass->walk->n_segments || segment->row >= end) {
        return false;
    }
    int64_t from = maximum(segment->row, rows->first), to = minimum(segment->row + segment->length, end);
    *span = (struct span){segment, from - rows->first, to - from, segment->position + from - segment->row};
    rows->segment++;
    return true;
}

static bool is_masked(const struct hs_plan *plan, const struct hs_config *c, int32_t layer, int32_t head) {
    return plan != NULL && plan->masked[layer * c->n_head + head];
}

static int32_t group_size(const struct hs_config *c) { return c->n_head / c->n_kv_head; }

static void add_bias(float *y, const float *bias, int64_t rows, int64_t columns, int64_t stride) {
    for (int64_t row = 0; bias != NULL && row < rows; row++) {
        for (int64_t i = 0; i < columns; i++) {
            y[row * stride + i] += bias[i];
        }
    }
}

static void norm_rows(const struct hs_engine *engine, const float *x, const float *weight, int64_t rows, void *out) {
    const int64_t hidden = engine->config->hidden;
    const float eps = (float)engine->config->norm_eps;
    for (int64_t row = 0; row < rows; row++) {
        engine->kernels->rms_norm(x + row * hidden, weight, hidden, eps, hs_at(engine, out, row * hidden));
    }
}

/* Where a KV head's cache holds the document of a segment: an index of elements. */
static int64_t cached_at(const struct hs_engine *engine, const struct hs_cache *cache, const struct hs_segment *segment,
                         int32_t kv_head) {
    return (kv_head * cache->slots + segment->slot) * engine->config->head_dim;
}

/* ---- First phase: keys and values ------------------------------------------------------------------------------- */

/* Puts a row's rotated keys and its values into the cache. */
static void place_row(const struct hs_engine *engine, const struct pass *pass, const struct span *span, int64_t i,
                      const float *keys) {
    const struct hs_config *c = engine->config;
    const struct hs_cache *cache = &pass->walk->cache;
    const int32_t dim = c->head_dim, half = dim / 2;
    const int64_t position = span->position + i;
    const float *cosine = engine->cosine + position * half, *sine = engine->sine + position * half;
    const float *values = keys + c->n_kv_head * dim;
    const bool last = position + 1 == span->segment->position + span->segment->length;
    _Alignas(64) float key[HS_MAX_HEAD_DIM]; /* room for either element type */
    for (int32_t head = 0; head < c->n_kv_head; head++) {
        int64_t at = cached_at(engine, cache, span->segment, head);
        engine->kernels->rotate(keys + head * dim, cosine, sine, half, 1, key);
        engine->kernels->place_key(key, position, dim, hs_at(engine, cache->keys, at));
        engine->kernels->place_value(values + head * dim, position, dim, last, hs_at(engine, cache->values, at));
    }
}

/* The sums of the values of a block's part of a document that goes on in the next block: (blocks, n_kv_head, D). */
static double *block_sums(const struct hs_engine *engine, int64_t block, int32_t kv_head) {
    const struct hs_config *c = engine->config;
    return (double *)engine->sums.data + (block * c->n_kv_head + kv_head) * c->head_dim;
}

static void sum_values(const struct hs_engine *engine, struct hs_worker *worker, const struct pass *pass,
                       const struct span *span, int64_t block) {
    const struct hs_config *c = engine->config;
    for (int32_t head = 0; head < c->n_kv_head; head++) {
        if (pass->means_needed[head]) {
            double *sums = block_sums(engine, block, head);
            const void *values =
                hs_at(engine, pass->walk->cache.values, cached_at(engine, &pass->walk->cache, span->segment, head));
            memset(sums, 0, (size_t)c->head_dim * sizeof *sums);
            engine->kernels->running_mean(values, span->position, span->length, c->head_dim, sums, worker->means);
        }
    }
}

static headsift_status place_block(struct hs_engine *engine, struct hs_worker *worker, const void *job, int64_t block,
                                   headsift_error *error) {
    const struct pass *pass = job;
    const struct hs_config *c = engine->config;
    const int64_t columns = 2 * (int64_t)c->n_kv_head * c->head_dim;
    struct rows rows = rows_of(pass, block);
    struct span span;
    hs_clock_start(worker);
    norm_rows(engine, pass->walk->x + rows.first * c->hidden, pass->weights->attention_norm, rows.n, worker->normed);
    HS_TRY(hs_multiply(engine, worker, HS_STAGE_QKV, pass->weights->key_value, rows.n, worker->normed, worker->product,
                       HS_GEMM_SET, error));
    add_bias(worker->product, pass->weights->key_value_bias, rows.n, columns, columns);
    while (next_span(pass, &rows, &span)) {
        for (int64_t i = 0; i < span.length; i++) {
            place_row(engine, pass, &span, i, worker->product + (span.row + i) * columns);
        }
        if (span.position + span.length < span.segment->position + span.segment->length) {
            sum_values(engine, worker, pass, &span, block);
        }
    }
    hs_clock_stop(engine, worker, HS_STAGE_QKV);
    return HEADSIFT_OK;
}

/* ---- Second phase: queries and attention ------------------------------------------------------------------------ */

static bool plan_needs(const struct hs_engine *engine, const struct pass *pass, const struct hs_plan *plan,
                       int32_t kv_head) {
    const int32_t group = group_size(engine->config);
    for (int32_t head = kv_head * group; head < (kv_head + 1) * group; head++) {
        if (!is_masked(plan, engine->config, pass->layer, head)) {
            return true;
        }
    }
    return false;
}

/* Whether attention proper is needed by some row of the block, in some head of the KV head's group. */
static bool group_needed(const struct hs_engine *engine, const struct pass *pass, struct rows rows, int32_t kv_head) {
    if (pass->walk->request != NULL || (pass->forked_x != NULL && pass->advance)) {
        return true;
    }
    for (int32_t f = 0; pass->forked_x != NULL && f < pass->walk->n_forks; f++) {
        if (plan_needs(engine, pass, &pass->walk->forks[f], kv_head)) {
            return true;
        }
    }
    struct span span;
    while (pass->forked_x == NULL && next_span(pass, &rows, &span)) {
        if (plan_needs(engine, pass, span.segment->plan, kv_head)) {
            return true;
        }
    }
    return false;
}

/* Rotates and scales the queries of a group, which stand in worker->product. */
static void rotate_queries(const struct hs_engine *engine, struct hs_worker *worker, const struct pass *pass,
                           struct rows rows, int32_t kv_head) {
    const struct hs_config *c = engine->config;
    const int32_t dim = c->head_dim, half = dim / 2, group = group_size(c);
    const float scale = (float)(1 / sqrt((double)dim));
    struct span span;
    while (next_span(pass, &rows, &span)) {
        for (int64_t i = 0; i < span.length; i++) {
            int64_t row = span.row + i, at = (span.position + i) * half;
            for (int32_t head = 0; head < group; head++) {
                void *query = hs_at(engine, worker->queries, (row * c->n_head + kv_head * group + head) * dim);
                engine->kernels->rotate(worker->product + (row * group + head) * dim, engine->cosine + at,
                                        engine->sine + at, half, scale, query);
            }
        }
    }
}

static headsift_status project_queries(struct hs_engine *engine, struct hs_worker *worker, const struct pass *pass,
                                       struct rows rows, headsift_error *error) {
    const struct hs_config *c = engine->config;
    const int64_t columns = (int64_t)group_size(c) * c->head_dim;
    const float *bias = pass->weights->query_bias;
    norm_rows(engine, pass->walk->x + rows.first * c->hidden, pass->weights->attention_norm, rows.n, worker->normed);
    for (int32_t kv_head = 0; kv_head < c->n_kv_head; kv_head++) {
        if (group_needed(engine, pass, rows, kv_head)) {
            HS_TRY(hs_multiply(engine, worker, HS_STAGE_QKV, pass->weights->queries[kv_head], rows.n, worker->normed,
                               worker->product, HS_GEMM_SET, error));
            add_bias(worker->product, bias == NULL ? NULL : bias + kv_head * columns, rows.n, columns, columns);
            rotate_queries(engine, worker, pass, rows, kv_head);
        }
    }
    return HEADSIFT_OK;
}

/* Attention of some positions of a span in those heads of a group that its plan leaves alone. */
static void attend_tile(const struct hs_engine *engine, struct hs_worker *worker, const struct pass *pass,
                        const struct span *span, int64_t first, int32_t kv_head) {
    const struct hs_config *c = engine->config;
    const int32_t group = group_size(c);
    const int64_t dim = c->head_dim, cached = cached_at(engine, &pass->walk->cache, span->segment, kv_head);
    struct hs_tile tile = {
        .q_stride = c->n_head * dim,
        .out_stride = c->n_head * dim,
        .rows = (int32_t)minimum(span->length - first, HS_TILE_ROWS),
        .position = span->position + first,
        .keys = hs_at(engine, pass->walk->cache.keys, cached),
        .values = hs_at(engine, pass->walk->cache.values, cached),
        .head_dim = (int32_t)dim,
    };
    double past = (double)tile.rows * ((double)tile.position + 0.5 * (tile.rows + 1));
    for (int32_t i = 0; i < group; i++) {
        int32_t head = kv_head * group + i;
        if (!is_masked(span->segment->plan, c, pass->layer, head)) {
            int64_t at = ((span->row + first) * c->n_head + head) * dim;
            tile.q[tile.heads] = hs_at(engine, worker->queries, at);
            tile.out[tile.heads++] = hs_at(engine, worker->attention, at);
        }
        if (tile.heads == HS_TILE_HEADS || (i + 1 == group && tile.heads > 0)) {
            engine->kernels->attend(&tile);
            worker->costs[HS_STAGE_ATTENTION].multiply_adds += 2 * past * (double)(tile.heads * dim);
            tile.heads = 0;
        }
    }
}

static void attend_rows(const struct hs_engine *engine, struct hs_worker *worker, const struct pass *pass,
                        struct rows rows) {
    struct span span;
    while (next_span(pass, &rows, &span)) {
        for (int32_t kv_head = 0; kv_head < engine->config->n_kv_head; kv_head++) {
            for (int64_t first = 0; first < span.length; first += HS_TILE_ROWS) {
                attend_tile(engine, worker, pass, &span, first, kv_head);
            }
        }
    }
}

/* Columns of those rows of the block that the request names. */
static void answer_request(const struct hs_engine *engine, const struct hs_worker *worker, const struct pass *pass,
                           struct rows rows) {
    const struct hs_config *c = engine->config;
    const struct hs_attend_request *request = pass->walk->request;
    const int64_t dim = c->head_dim;
    struct span span;
    int64_t i = 0;
    while (next_span(pass, &rows, &span)) {
        int64_t begin = rows.first + span.row, end = begin + span.length;
        for (; i < request->n_rows && request->rows[i] < end; i++) {
            int64_t row = request->rows[i] - rows.first;
            for (int32_t head = 0; row >= span.row && head < c->n_head; head++) {
                const void *q = hs_at(engine, worker->queries, (row * c->n_head + head) * dim);
                int64_t cached = cached_at(engine, &pass->walk->cache, span.segment, head / group_size(c));
                const void *keys = hs_at(engine, pass->walk->cache.keys, cached);
                int64_t seen = span.position + row - span.row + 1;
                request->columns[(i * c->n_layer + pass->layer) * c->n_head + head] =
                    (int32_t)engine->kernels->best_key(q, keys, c->head_dim, seen);
            }
        }
    }
}

/* ---- Masked heads ----------------------------------------------------------------------------------------------- */

/* Running means of the values over the block's rows, for the KV heads that have uniform query heads. */
static void mean_rows(const struct hs_engine *engine, struct hs_worker *worker, const struct pass *pass,
                      struct rows rows, int32_t kv_head) {
    const int32_t dim = engine->config->head_dim;
    const struct hs_cache *cache = &pass->walk->cache;
    struct span span;
    while (next_span(pass, &rows, &span)) {
        double sums[HS_MAX_HEAD_DIM] = {0};
        int64_t here = (rows.first + span.row) / pass->cut.size;
        for (int64_t block = span.segment->row / pass->cut.size; block < here; block++) {
            const double *before = block_sums(engine, block, kv_head);
            for (int32_t d = 0; d < dim; d++) {
                sums[d] += before[d];
            }
        }
        const void *values = hs_at(engine, cache->values, cached_at(engine, cache, span.segment, kv_head));
        void *means = hs_at(engine, worker->means, (kv_head * engine->block_rows + span.row) * dim);
        engine->kernels->running_mean(values, span.position, span.length, dim, sums, means);
    }
}

/* Replaces the masked heads' outputs in attention rows row .. row + count of the block. */
static void mask_rows(const struct hs_engine *engine, const struct hs_worker *worker, const struct pass *pass,
                      const struct hs_plan *plan, int64_t row, int64_t count, void *attention) {
    const struct hs_config *c = engine->config;
    const int64_t dim = c->head_dim;
    const size_t bytes = (size_t)dim * engine->element_size;
    for (int32_t head = 0; head < c->n_head; head++) {
        if (!is_masked(plan, c, pass->layer, head)) {
            continue;
        }
        int64_t kv_head = head / group_size(c);
        for (int64_t i = row; i < row + count; i++) {
            void *out = hs_at(engine, attention, (i * c->n_head + head) * dim);
            if (plan->kind == HEADSIFT_MASK_ZERO) {
                memset(out, 0, bytes);
            } else {
                memcpy(out, hs_at(engine, worker->means, (kv_head * engine->block_rows + i) * dim), bytes);
            }
        }
    }
}

static void mask_spans(const struct hs_engine *engine, const struct hs_worker *worker, const struct pass *pass,
                       struct rows rows) {
    struct span span;
    while (next_span(pass, &rows, &span)) {
        mask_rows(engine, worker, pass, span.segment->plan, span.row, span.length, worker->attention);
    }
}

static bool plan_means(const struct hs_engine *engine, int32_t layer, const struct hs_plan *plan, int32_t kv_head) {
    const int32_t group = group_size(engine->config);
    for (int32_t head = kv_head * group; head < (kv_head + 1) * group; head++) {
        if (plan->kind == HEADSIFT_MASK_UNIFORM && is_masked(plan, engine->config, layer, head)) {
            return true;
        }
    }
    return false;
}

/* Which KV heads need running means. */
static headsift_status need_means(struct hs_engine *engine, struct pass *pass, headsift_error *error) {
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
            if (plan != last && plan != NULL) {
                needed[kv_head] = needed[kv_head] || plan_means(engine, pass->layer, plan, kv_head);
            }
            last = plan;
        }
    }
    return HEADSIFT_OK;
}

/* ---- The rest of the layer -------------------------------------------------------------------------------------- */

static headsift_status mlp_rows(struct hs_engine *engine, struct hs_worker *worker, const struct hs_layer *weights,
                                int64_t rows, float *x, headsift_error *error) {
    const int64_t hidden = engine->config->hidden;
    norm_rows(engine, x, weights->mlp_norm, rows, worker->normed);
    for (int32_t piece = 0; piece < engine->n_ffn_pieces; piece++) {
        const int64_t first = (int64_t)piece * engine->ffn_piece, n = hs_gemm_inputs(weights->down[piece]);
        HS_TRY(hs_multiply(engine, worker, HS_STAGE_MLP, weights->gate_up[piece], rows, worker->normed, worker->product,
                           HS_GEMM_SET, error));
        if (weights->gate_bias != NULL) {
            add_bias(worker->product, weights->gate_bias + first, rows, n, 2 * n);
        }
        if (weights->up_bias != NULL) {
            add_bias(worker->product + n, weights->up_bias + first, rows, n, 2 * n);
        }
        for (int64_t row = 0; row < rows; row++) {
            const float *gate = worker->product + row * 2 * n;
            engine->kernels->swiglu(gate, gate + n, n, hs_at(engine, worker->active, row * n));
        }
        HS_TRY(hs_multiply(engine, worker, HS_STAGE_MLP, weights->down[piece], rows, worker->active, x, HS_GEMM_ADD,
                           error));
    }
    add_bias(x, weights->down_bias, rows, hidden, hidden);
    return HEADSIFT_OK;
}

/* From attention rows to the residual stream behind the layer. */
static headsift_status finish_rows(struct hs_engine *engine, struct hs_worker *worker, const struct hs_layer *weights,
                                   const void *attention, int64_t rows, float *to, headsift_error *error) {
    const int64_t hidden = engine->config->hidden;
    const size_t bytes = (size_t)(rows * hidden) * sizeof *to;
    const bool aside = hs_gemm_padded(rows) != rows; /* products write whole steps of rows */
    float *x = aside ? worker->residual : to;
    if (aside) {
        memcpy(x, to, bytes);
    }
    HS_TRY(hs_multiply(engine, worker, HS_STAGE_PROJECTION, weights->output, rows, attention, x, HS_GEMM_ADD, error));
    add_bias(x, weights->output_bias, rows, hidden, hidden);
    hs_clock_stop(engine, worker, HS_STAGE_PROJECTION);
    HS_TRY(mlp_rows(engine, worker, weights, rows, x, error));
    if (aside) {
        memcpy(to, x, bytes);
    }
    hs_clock_stop(engine, worker, HS_STAGE_MLP);
    return HEADSIFT_OK;
}

static headsift_status fork_rows(struct hs_engine *engine, struct hs_worker *worker, const struct pass *pass,
                                 const struct rows *rows, headsift_error *error) {
    const struct hs_config *c = engine->config;
    const float *x = pass->walk->x + rows->first * c->hidden;
    const size_t heads = (size_t)(rows->n * c->n_head * c->head_dim);
    for (int32_t f = 0; f < pass->walk->n_forks; f++) {
        float *fork = pass->forked_x + (f * pass->walk->rows + rows->first) * c->hidden;
        memcpy(fork, x, (size_t)(rows->n * c->hidden) * sizeof *fork);
        memcpy(worker->forked, worker->attention, heads * engine->element_size);
        mask_rows(engine, worker, pass, &pass->walk->forks[f], 0, rows->n, worker->forked);
        HS_TRY(finish_rows(engine, worker, pass->weights, worker->forked, rows->n, fork, error));
    }
    return HEADSIFT_OK;
}

static headsift_status finish_block(struct hs_engine *engine, struct hs_worker *worker, const void *job, int64_t block,
                                    headsift_error *error) {
    const struct pass *pass = job;
    const struct rows rows = rows_of(pass, block);
    hs_clock_start(worker);
    HS_TRY(project_queries(engine, worker, pass, rows, error));
    hs_clock_stop(engine, worker, HS_STAGE_QKV);
    attend_rows(engine, worker, pass, rows);
    for (int32_t kv_head = 0; kv_head < engine->config->n_kv_head; kv_head++) {
        if (pass->means_needed[kv_head]) {
            mean_rows(engine, worker, pass, rows, kv_head);
        }
    }
    mask_spans(engine, worker, pass, rows);
    if (pass->walk->request != NULL) {
        answer_request(engine, worker, pass, rows);
    }
    hs_clock_stop(engine, worker, HS_STAGE_ATTENTION);
    if (pass->forked_x != NULL) {
        HS_TRY(fork_rows(engine, worker, pass, &rows, error));
    }
    if (pass->forked_x != NULL && !pass->advance) {
        return HEADSIFT_OK;
    }
    float *x = pass->walk->x + rows.first * engine->config->hidden;
    return finish_rows(engine, worker, pass->weights, worker->attention, rows.n, x, error);
}

static headsift_status run_pass(struct hs_engine *engine, struct pass *pass, headsift_error *error) {
    HS_TRY(need_means(engine, pass, error));
    HS_TRY(hs_for_blocks(engine, pass->cut.n, place_block, pass, error));
    return hs_for_blocks(engine, pass->cut.n, finish_block, pass, error);
}

/* How many streams (masks, or none) the walk's segments belong to. */
static int64_t stream_count(const struct hs_walk *walk) {
    int64_t streams = 1;
    for (int32_t s = 1; s < walk->n_segments; s++) {
        streams += walk->segments[s].plan != walk->segments[s - 1].plan;
    }
    return streams;
}

headsift_status hs_layer_walk(struct hs_engine *engine, int32_t layer, const struct hs_walk *walk,
                              headsift_error *error) {
    struct pass pass = {
        .walk = walk, .weights = &engine->layers[layer], .layer = layer, .cut = hs_cut_rows(engine, walk->rows)};
    HS_TRY(run_pass(engine, &pass, error));
    engine->layer_passes += stream_count(walk);
    return HEADSIFT_OK;
}

headsift_status hs_layer_fork(struct hs_engine *engine, int32_t layer, const struct hs_walk *walk, float *forked_x,
                              bool advance, headsift_error *error) {
    struct pass pass = {.walk = walk,
                        .weights = &engine->layers[layer],
                        .layer = layer,
                        .cut = hs_cut_rows(engine, walk->rows),
                        .forked_x = forked_x,
                        .advance = advance};
    HS_TRY(run_pass(engine, &pass, error));
    engine->layer_passes += walk->n_forks + 1;
    return HEADSIFT_OK;
}
