/* One transformer layer over packed rows, in two phases over blocks of rows: first the keys and values of all rows
 * (documents with parents then copy theirs), then, block by block, everything else. Queries and activations exist only
 * for the blocks in work.
 *
 *   h = norm(x); q, k, v = h Wqkv; a = attention(rope(q), rope(k), v); x += a Wo
 *   h = norm(x); x += (silu(h Wgate) * (h Wup)) Wdown                                                               */
#include <string.h>

#include "engine/cpu/layer.h"
#include "engine/cpu/norms.h"
#include "engine/cpu/rotary.h"

static int64_t minimum(int64_t a, int64_t b) { return a < b ? a : b; }

static void add_bias(float *y, const float *bias, int64_t n) {
    for (int64_t i = 0; bias != NULL && i < n; i++) {
        y[i] += bias[i];
    }
}

static void add_bias_rows(float *y, const float *bias, int64_t rows, int64_t n) {
    for (int64_t row = 0; bias != NULL && row < rows; row++) {
        add_bias(y + row * n, bias, n);
    }
}

/* worker->normed = norm(x), ready for products by this matrix. */
static void norm_rows(const struct hs_engine *engine, struct hs_worker *worker, const float *x, const float *weight,
                      int64_t rows, const struct hs_matrix *matrix) {
    const int64_t hidden = engine->config->hidden;
    for (int64_t row = 0; row < rows; row++) {
        void *normed = hs_at(engine, worker->normed, row * hidden);
        hs_norm_rows(engine, x + row * hidden, weight, 1, normed);
        hs_quantise_row(engine, worker, matrix, row, normed);
    }
}

/* ---- First phase: keys and values ------------------------------------------------------------------------------- */

/* Puts a row's rotated keys and its values into the cache. */
static void place_row(const struct hs_engine *engine, const struct hs_pass *pass, const struct hs_span *span, int64_t i,
                      const float *keys) {
    const struct hs_config *c = engine->config;
    const struct hs_cache *cache = &pass->walk->cache;
    const int32_t dim = c->head_dim;
    const int64_t position = span->position + i;
    const struct hs_angles angles = hs_angles_at(engine, pass->layer, span->segment, position);
    const float *values = keys + c->n_kv_head * dim;
    const bool last = position + 1 == span->segment->position + span->segment->length;
    _Alignas(64) float key[HS_MAX_HEAD_DIM]; /* room for either element type */
    for (int32_t head = 0; head < c->n_kv_head; head++) {
        int64_t at = hs_cached_at(engine, cache, span->segment, head);
        hs_rotate(engine, keys + head * dim, angles, 1, key);
        engine->kernels->place_key(key, position, dim, hs_at(engine, cache->keys, at));
        engine->kernels->place_value(values + head * dim, position, dim, last, hs_at(engine, cache->values, at));
    }
}

static headsift_status place_block(struct hs_engine *engine, struct hs_worker *worker, const void *job, int64_t block,
                                   headsift_error *error) {
    const struct hs_pass *pass = job;
    const struct hs_config *c = engine->config;
    const struct hs_matrix *matrix = pass->weights->key_value;
    struct hs_rows rows = hs_rows_of(pass, block);
    struct hs_span span;
    hs_clock_start(worker);
    norm_rows(engine, worker, pass->walk->x + rows.first * c->hidden, pass->weights->attention_norm, rows.n, matrix);
    HS_TRY(hs_multiply(engine, worker, HS_STAGE_QKV, matrix, rows.n, worker->normed, error));
    while (hs_next_span(pass, &rows, &span)) {
        for (int64_t i = 0; i < span.length; i++) {
            float *keys = hs_product_row(engine, worker, matrix, span.row + i);
            add_bias(keys, pass->weights->key_value_bias, hs_matrix_outputs(matrix));
            hs_norm_heads(engine, pass->weights->key_norm, c->n_kv_head, keys);
            place_row(engine, pass, &span, i, keys);
        }
        if (span.position + span.length < span.segment->position + span.segment->length) {
            hs_sum_values(engine, worker, pass, &span, block);
        }
    }
    hs_clock_stop(engine, worker, HS_STAGE_QKV);
    return HEADSIFT_OK;
}

/* Copies to a segment's slots what its ancestors have placed in theirs. */
static headsift_status copy_ancestors(struct hs_engine *engine, struct hs_worker *worker, const void *job,
                                      int64_t block, headsift_error *error) {
    const struct hs_walk *walk = ((const struct hs_pass *)job)->walk;
    const struct hs_segment *segment = &walk->segments[block];
    const int64_t dim = engine->config->head_dim;
    (void)error;
    hs_clock_start(worker);
    for (const struct hs_segment *from = segment->parent; from != NULL; from = from->parent) {
        const size_t bytes = (size_t)(from->length * dim) * engine->element_size;
        for (int32_t head = 0; head < engine->config->n_kv_head; head++) {
            int64_t source = hs_cached_at(engine, &walk->cache, from, head) + from->position * dim;
            int64_t to = hs_cached_at(engine, &walk->cache, segment, head) + from->position * dim;
            memcpy(hs_at(engine, walk->cache.keys, to), hs_at(engine, walk->cache.keys, source), bytes);
            memcpy(hs_at(engine, walk->cache.values, to), hs_at(engine, walk->cache.values, source), bytes);
        }
    }
    hs_clock_stop(engine, worker, HS_STAGE_QKV);
    return HEADSIFT_OK;
}

static bool has_parents(const struct hs_walk *walk) {
    for (int32_t s = 0; s < walk->n_segments; s++) {
        if (walk->segments[s].parent != NULL) {
            return true;
        }
    }
    return false;
}

/* ---- Second phase: queries and attention ------------------------------------------------------------------------ */

static bool plan_needs(const struct hs_engine *engine, const struct hs_pass *pass, const struct hs_plan *plan,
                       int32_t kv_head) {
    const int32_t group = hs_group_size(engine->config);
    for (int32_t head = kv_head * group; head < (kv_head + 1) * group; head++) {
        if (!hs_is_masked(plan, engine->config, pass->layer, head)) {
            return true;
        }
    }
    return false;
}

/* Whether attention proper is needed by some row of the block, in some head of the KV head's group. */
static bool group_needed(const struct hs_engine *engine, const struct hs_pass *pass, struct hs_rows rows,
                         int32_t kv_head) {
    if (pass->walk->request != NULL || (pass->forked_x != NULL && pass->advance)) {
        return true;
    }
    for (int32_t f = 0; pass->forked_x != NULL && f < pass->walk->n_forks; f++) {
        if (plan_needs(engine, pass, &pass->walk->forks[f], kv_head)) {
            return true;
        }
    }
    struct hs_span span;
    while (pass->forked_x == NULL && hs_next_span(pass, &rows, &span)) {
        if (plan_needs(engine, pass, span.segment->plan, kv_head)) {
            return true;
        }
    }
    return false;
}

/* Rotates and scales the queries of a piece, which hs_multiply has left. */
static void rotate_queries(const struct hs_engine *engine, struct hs_worker *worker, const struct hs_pass *pass,
                           struct hs_rows rows, int32_t piece) {
    const struct hs_config *c = engine->config;
    const int32_t dim = c->head_dim, heads = c->n_head / engine->n_query_pieces, first = piece * heads;
    const float scale = (float)c->attention_scale, *bias = pass->weights->query_bias;
    const struct hs_matrix *matrix = pass->weights->queries[piece];
    struct hs_span span;
    while (hs_next_span(pass, &rows, &span)) {
        for (int64_t i = 0; i < span.length; i++) {
            const int64_t row = span.row + i;
            const struct hs_angles angles = hs_angles_at(engine, pass->layer, span.segment, span.position + i);
            float *from = hs_product_row(engine, worker, matrix, row);
            add_bias(from, bias == NULL ? NULL : bias + (int64_t)first * dim, (int64_t)heads * dim);
            hs_norm_heads(engine, pass->weights->query_norm, heads, from);
            for (int32_t head = 0; head < heads; head++) {
                void *query = hs_at(engine, worker->queries, (row * c->n_head + first + head) * dim);
                hs_rotate(engine, from + head * dim, angles, scale, query);
            }
        }
    }
}

/* Whether some group of a piece of the queries is needed. */
static bool piece_needed(const struct hs_engine *engine, const struct hs_pass *pass, struct hs_rows rows,
                         int32_t piece) {
    const int32_t groups = engine->config->n_kv_head / engine->n_query_pieces;
    for (int32_t kv_head = piece * groups; kv_head < (piece + 1) * groups; kv_head++) {
        if (group_needed(engine, pass, rows, kv_head)) {
            return true;
        }
    }
    return false;
}

static headsift_status project_queries(struct hs_engine *engine, struct hs_worker *worker, const struct hs_pass *pass,
                                       struct hs_rows rows, headsift_error *error) {
    const struct hs_config *c = engine->config;
    const float *x = pass->walk->x + rows.first * c->hidden;
    norm_rows(engine, worker, x, pass->weights->attention_norm, rows.n, pass->weights->queries[0]);
    for (int32_t piece = 0; piece < engine->n_query_pieces; piece++) {
        if (piece_needed(engine, pass, rows, piece)) {
            HS_TRY(hs_multiply(engine, worker, HS_STAGE_QKV, pass->weights->queries[piece], rows.n, worker->normed,
                               error));
            rotate_queries(engine, worker, pass, rows, piece);
        }
    }
    return HEADSIFT_OK;
}

/* Keys that the rows of a tile see, summed. */
static double seen_by(const struct hs_tile *tile) {
    double all = (double)tile->rows * ((double)tile->position + 0.5 * (tile->rows + 1));
    for (int32_t row = 0; tile->window > 0 && row < tile->rows; row++) {
        int64_t position = tile->position + row;
        all -= (double)(position + 1 - hs_seen(tile->window, position));
    }
    return all;
}

/* Attention of some positions of a span in those heads of a group that its plan leaves alone. */
static void attend_tile(const struct hs_engine *engine, struct hs_worker *worker, const struct hs_pass *pass,
                        const struct hs_span *span, int64_t first, int32_t kv_head) {
    const struct hs_config *c = engine->config;
    const int32_t group = hs_group_size(c);
    const int64_t dim = c->head_dim, cached = hs_cached_at(engine, &pass->walk->cache, span->segment, kv_head);
    struct hs_tile tile = {
        .q_stride = c->n_head * dim,
        .out_stride = c->n_head * dim,
        .rows = (int32_t)minimum(span->length - first, HS_TILE_ROWS),
        .position = span->position + first,
        .window = hs_layer_window(c, pass->layer),
        .cap = (float)c->attention_cap,
        .keys = hs_at(engine, pass->walk->cache.keys, cached),
        .values = hs_at(engine, pass->walk->cache.values, cached),
        .head_dim = (int32_t)dim,
    };
    const double past = seen_by(&tile);
    for (int32_t i = 0; i < group; i++) {
        int32_t head = kv_head * group + i;
        if (!hs_is_masked(span->segment->plan, c, pass->layer, head)) {
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

static void attend_rows(const struct hs_engine *engine, struct hs_worker *worker, const struct hs_pass *pass,
                        struct hs_rows rows) {
    struct hs_span span;
    while (hs_next_span(pass, &rows, &span)) {
        for (int32_t kv_head = 0; kv_head < engine->config->n_kv_head; kv_head++) {
            for (int64_t first = 0; first < span.length; first += HS_TILE_ROWS) {
                attend_tile(engine, worker, pass, &span, first, kv_head);
            }
        }
    }
}

/* Columns of those rows of the block that the request names. */
static void answer_request(const struct hs_engine *engine, const struct hs_worker *worker, const struct hs_pass *pass,
                           struct hs_rows rows) {
    const struct hs_config *c = engine->config;
    const struct hs_attend_request *request = pass->walk->request;
    const int64_t dim = c->head_dim;
    struct hs_span span;
    int64_t i = 0;
    while (hs_next_span(pass, &rows, &span)) {
        int64_t begin = rows.first + span.row, end = begin + span.length;
        for (; i < request->n_rows && request->rows[i] < end; i++) {
            int64_t row = request->rows[i] - rows.first;
            for (int32_t head = 0; row >= span.row && head < c->n_head; head++) {
                const void *q = hs_at(engine, worker->queries, (row * c->n_head + head) * dim);
                int64_t cached = hs_cached_at(engine, &pass->walk->cache, span.segment, head / hs_group_size(c));
                const void *keys = hs_at(engine, pass->walk->cache.keys, cached);
                int64_t position = span.position + row - span.row;
                int64_t first = position + 1 - hs_seen(hs_layer_window(c, pass->layer), position);
                request->columns[(i * c->n_layer + pass->layer) * c->n_head + head] =
                    (int32_t)engine->kernels->best_key(q, keys, c->head_dim, first, position + 1);
            }
        }
    }
}

/* ---- The rest of the layer -------------------------------------------------------------------------------------- */

/* Gates and ups, which hs_multiply has left, become the input of their piece of the down projection. */
static void activate_rows(const struct hs_engine *engine, struct hs_worker *worker, const struct hs_layer *weights,
                          int32_t piece, int64_t rows) {
    const int64_t first = (int64_t)piece * engine->ffn_piece, n = hs_matrix_inputs(weights->down[piece]);
    const bool gelu = engine->config->activation == HS_GELU_TANH;
    for (int64_t row = 0; row < rows; row++) {
        float *gate = hs_product_row(engine, worker, weights->gate_up[piece], row);
        void *active = hs_at(engine, worker->active, row * n);
        add_bias(gate, weights->gate_bias == NULL ? NULL : weights->gate_bias + first, n);
        add_bias(gate + n, weights->up_bias == NULL ? NULL : weights->up_bias + first, n);
        (gelu ? engine->kernels->geglu : engine->kernels->swiglu)(gate, gate + n, n, active);
        hs_quantise_row(engine, worker, weights->down[piece], row, active);
    }
}

/* Where products by O and the downs go: x itself, or, where they are normed before they are added, zeros. */
static float *begin_branch(const struct hs_engine *engine, const struct hs_worker *worker, const float *norm,
                           int64_t rows, float *x) {
    if (norm == NULL) {
        return x;
    }
    memset(worker->branch, 0, (size_t)(hs_gemm_padded(rows) * engine->config->hidden) * sizeof *x);
    return worker->branch;
}

static void end_branch(const struct hs_engine *engine, const struct hs_worker *worker, const float *norm, int64_t rows,
                       float *x) {
    if (norm != NULL) {
        hs_add_normed(engine, worker->branch, norm, rows, x);
    }
}

static headsift_status mlp_rows(struct hs_engine *engine, struct hs_worker *worker, const struct hs_layer *weights,
                                int64_t rows, float *x, headsift_error *error) {
    float *to = begin_branch(engine, worker, weights->post_mlp_norm, rows, x);
    norm_rows(engine, worker, x, weights->mlp_norm, rows, weights->gate_up[0]);
    for (int32_t piece = 0; piece < engine->n_ffn_pieces; piece++) {
        HS_TRY(hs_multiply(engine, worker, HS_STAGE_MLP, weights->gate_up[piece], rows, worker->normed, error));
        activate_rows(engine, worker, weights, piece, rows);
        HS_TRY(hs_multiply_add(engine, worker, HS_STAGE_MLP, weights->down[piece], rows, worker->active, to, error));
    }
    add_bias_rows(to, weights->down_bias, rows, engine->config->hidden);
    end_branch(engine, worker, weights->post_mlp_norm, rows, x);
    return HEADSIFT_OK;
}

/* x += attention Wo */
static headsift_status project_rows(struct hs_engine *engine, struct hs_worker *worker, const struct hs_layer *weights,
                                    const void *attention, int64_t rows, float *x, headsift_error *error) {
    const int64_t inputs = hs_matrix_inputs(weights->output);
    float *to = begin_branch(engine, worker, weights->post_attention_norm, rows, x);
    for (int64_t row = 0; row < rows; row++) {
        const void *from = (const char *)attention + (size_t)(row * inputs) * engine->element_size;
        hs_quantise_row(engine, worker, weights->output, row, from);
    }
    HS_TRY(hs_multiply_add(engine, worker, HS_STAGE_PROJECTION, weights->output, rows, attention, to, error));
    add_bias_rows(to, weights->output_bias, rows, engine->config->hidden);
    end_branch(engine, worker, weights->post_attention_norm, rows, x);
    return HEADSIFT_OK;
}

/* From attention rows to the residual stream behind the layer. */
static headsift_status finish_rows(struct hs_engine *engine, struct hs_worker *worker, const struct hs_layer *weights,
                                   const void *attention, int64_t rows, float *to, headsift_error *error) {
    const size_t bytes = (size_t)(rows * engine->config->hidden) * sizeof *to;
    const bool aside = hs_gemm_padded(rows) != rows; /* products write whole steps of rows */
    float *x = aside ? worker->residual : to;
    if (aside) {
        memcpy(x, to, bytes);
    }
    HS_TRY(project_rows(engine, worker, weights, attention, rows, x, error));
    hs_clock_stop(engine, worker, HS_STAGE_PROJECTION);
    HS_TRY(mlp_rows(engine, worker, weights, rows, x, error));
    if (aside) {
        memcpy(to, x, bytes);
    }
    hs_clock_stop(engine, worker, HS_STAGE_MLP);
    return HEADSIFT_OK;
}

static headsift_status fork_rows(struct hs_engine *engine, struct hs_worker *worker, const struct hs_pass *pass,
                                 const struct hs_rows *rows, headsift_error *error) {
    const struct hs_config *c = engine->config;
    const float *x = pass->walk->x + rows->first * c->hidden;
    const size_t heads = (size_t)(rows->n * c->n_head * c->head_dim);
    for (int32_t f = 0; f < pass->walk->n_forks; f++) {
        float *fork = pass->forked_x + (f * pass->walk->rows + rows->first) * c->hidden;
        memcpy(fork, x, (size_t)(rows->n * c->hidden) * sizeof *fork);
        memcpy(worker->forked, worker->attention, heads * engine->element_size);
        hs_mask_rows(engine, worker, pass, &pass->walk->forks[f], 0, rows->n, worker->forked);
        HS_TRY(finish_rows(engine, worker, pass->weights, worker->forked, rows->n, fork, error));
    }
    return HEADSIFT_OK;
}

static headsift_status finish_block(struct hs_engine *engine, struct hs_worker *worker, const void *job, int64_t block,
                                    headsift_error *error) {
    const struct hs_pass *pass = job;
    const struct hs_rows rows = hs_rows_of(pass, block);
    hs_clock_start(worker);
    HS_TRY(project_queries(engine, worker, pass, rows, error));
    hs_clock_stop(engine, worker, HS_STAGE_QKV);
    attend_rows(engine, worker, pass, rows);
    for (int32_t kv_head = 0; kv_head < engine->config->n_kv_head; kv_head++) {
        if (pass->means_needed[kv_head]) {
            hs_mean_rows(engine, worker, pass, rows, kv_head);
        }
    }
    hs_mask_spans(engine, worker, pass, rows);
    if (pass->walk->request != NULL) {
        answer_request(engine, worker, pass, rows);
    }
    if (pass->walk->outputs != NULL) {
        const int64_t heads = (int64_t)engine->config->n_head * engine->config->head_dim;
        memcpy(hs_at(engine, pass->walk->outputs, rows.first * heads), worker->attention,
               (size_t)(rows.n * heads) * engine->element_size);
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

static headsift_status run_pass(struct hs_engine *engine, struct hs_pass *pass, headsift_error *error) {
    HS_TRY(hs_need_means(engine, pass, error));
    HS_TRY(hs_for_blocks(engine, pass->cut.n, place_block, pass, error));
    if (has_parents(pass->walk)) {
        HS_TRY(hs_for_blocks(engine, pass->walk->n_segments, copy_ancestors, pass, error));
    }
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
    struct hs_pass pass = {
        .walk = walk, .weights = &engine->layers[layer], .layer = layer, .cut = hs_cut_rows(engine, walk->rows)};
    HS_TRY(run_pass(engine, &pass, error));
    engine->layer_passes += stream_count(walk);
    return HEADSIFT_OK;
}

headsift_status hs_layer_fork(struct hs_engine *engine, int32_t layer, const struct hs_walk *walk, float *forked_x,
                              bool advance, headsift_error *error) {
    struct hs_pass pass = {.walk = walk,
                           .weights = &engine->layers[layer],
                           .layer = layer,
                           .cut = hs_cut_rows(engine, walk->rows),
                           .forked_x = forked_x,
                           .advance = advance};
    HS_TRY(run_pass(engine, &pass, error));
    engine->layer_passes += walk->n_forks + 1;
    return HEADSIFT_OK;
}
