/* One transformer layer over packed rows, a block of rows at a time: each block writes its keys and values before it
 * attends, and later blocks see them, so that no more than a block of queries or MLP activations is ever alive.
 *
 *   h = norm(x); q, k, v = h Wqkv; a = attention(rope(q), rope(k), v); x += a Wo
 *   h = norm(x); x += (silu(h Wgate) * (h Wup)) Wdown                                                               */
#include <math.h>
#include <string.h>

#include "engine/cpu/cpu.h"

/* Neighbouring rows of one segment inside a block. */
struct span {
    const struct hs_segment *segment;
    int64_t index; /* of the segment in the walk */
    int64_t row;   /* in the block */
    int64_t length;
    int64_t position;
};

/* The rows of one attention task. */
struct tile {
    struct span span; /* at most HS_TILE_ROWS rows */
};

static int64_t minimum(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t maximum(int64_t a, int64_t b) { return a > b ? a : b; }

/* The part of segment `index` in rows first .. first + rows of the walk. */
static struct span span_of(const struct hs_walk *walk, int64_t index, int64_t first, int64_t rows) {
    const struct hs_segment *segment = &walk->segments[index];
    int64_t begin = maximum(segment->row, first), end = minimum(segment->row + segment->length, first + rows);
    return (struct span){.segment = segment,
                         .index = index,
                         .row = begin - first,
                         .length = end - begin,
                         .position = segment->position + begin - segment->row};
}

/* The first segment that reaches beyond row `first`. */
static int64_t segment_at(const struct hs_walk *walk, int64_t first) {
    int64_t low = 0, high = walk->n_segments;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (walk->segments[middle].row + walk->segments[middle].length <= first) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_masked(const struct hs_plan *plan, const struct hs_config *c, int32_t layer, int32_t head) {
    return plan != NULL && plan->masked[layer * c->n_head + head];
}

static void add_bias(float *y, const float *bias, int64_t rows, int64_t columns) {
    for (int64_t row = 0; bias != NULL && row < rows; row++) {
        for (int64_t i = 0; i < columns; i++) {
            y[row * columns + i] += bias[i];
        }
    }
}

static void norm_rows(const struct hs_engine *engine, const float *x, const float *weight, int64_t rows, void *out) {
    int64_t hidden = engine->config->hidden;
    float eps = (float)engine->config->norm_eps;
#pragma omp parallel for
    for (int64_t row = 0; row < rows; row++) {
        engine->kernels->rms_norm(x + row * hidden, weight, hidden, eps, hs_at(engine, out, row * hidden));
    }
}

/* Adds a block's projected rows (and bias) to the residual stream. */
static void add_rows(const struct hs_engine *engine, float *x, float *projected, const float *bias, int64_t rows) {
    int64_t hidden = engine->config->hidden;
#pragma omp parallel for
    for (int64_t row = 0; row < rows; row++) {
        add_bias(projected + row * hidden, bias, 1, hidden);
        engine->kernels->add(x + row * hidden, projected + row * hidden, hidden);
    }
}

/* ---- Queries, keys and values ----------------------------------------------------------------------------------- */

/* Cuts rows first .. first + rows of the walk into attention tiles. Tiles begin at multiples of HS_TILE_ROWS in their
 * document, so that the two positions of a cache's pair never stand in different tiles of a block. */
static headsift_status cut_tiles(struct hs_engine *engine, const struct hs_walk *walk, int64_t first, int64_t rows,
                                 int64_t *n, headsift_error *error) {
    HS_TRY(hs_scratch_need(&engine->tiles, (size_t)rows * sizeof(struct tile), "attention tiles", error));
    struct tile *tiles = engine->tiles.data;
    *n = 0;
    for (int64_t s = segment_at(walk, first); s < walk->n_segments && walk->segments[s].row < first + rows; s++) {
        struct span span = span_of(walk, s, first, rows);
        for (int64_t i = 0, length; i < span.length; i += length) {
            struct span part = span;
            part.row += i;
            part.position += i;
            length = minimum(span.length - i, HS_TILE_ROWS - part.position % HS_TILE_ROWS);
            part.length = length;
            tiles[(*n)++].span = part;
        }
    }
    return HEADSIFT_OK;
}

/* Where a KV head's cache holds the document of a segment: an index of elements. */
static int64_t cached_at(const struct hs_engine *engine, const struct hs_cache *cache, const struct hs_segment *segment,
                         int32_t kv_head) {
    return (kv_head * cache->slots + segment->slot) * engine->config->head_dim;
}

/* Rotates a row's queries and keys and puts its keys and values into the cache. */
static void place_row(const struct hs_engine *engine, const struct hs_walk *walk, const struct span *span, int64_t i) {
    const struct hs_config *c = engine->config;
    const struct hs_kernels *kernels = engine->kernels;
    const int32_t dim = c->head_dim, half = dim / 2;
    const int64_t position = span->position + i, row = span->row + i;
    const float *cosine = engine->cosine + position * half, *sine = engine->sine + position * half;
    const float *qkv = engine->block.qkv + row * (c->n_head + 2 * c->n_kv_head) * dim;
    const float *keys = qkv + c->n_head * dim, *values = keys + c->n_kv_head * dim;
    const float scale = (float)(1 / sqrt((double)dim));
    _Alignas(64) float key[HS_MAX_HEAD_DIM]; /* room for either element type */
    for (int32_t head = 0; head < c->n_head; head++) {
        void *query = hs_at(engine, engine->block.queries, (row * c->n_head + head) * dim);
        kernels->rotate(qkv + head * dim, cosine, sine, half, scale, query);
    }
    for (int32_t head = 0; head < c->n_kv_head; head++) {
        int64_t at = cached_at(engine, &walk->cache, span->segment, head);
        kernels->rotate(keys + head * dim, cosine, sine, half, 1, key);
        kernels->place_key(key, position, dim, hs_at(engine, walk->cache.keys, at));
        kernels->place_value(values + head * dim, position, dim, i + 1 == span->length,
                             hs_at(engine, walk->cache.values, at));
    }
}

static headsift_status project_block(struct hs_engine *engine, int32_t layer, const struct hs_walk *walk, int64_t first,
                                     int64_t rows, int64_t n_tiles, headsift_error *error) {
    const struct hs_config *c = engine->config;
    const struct hs_layer *weights = &engine->layers[layer];
    const struct tile *tiles = engine->tiles.data;
    const int64_t columns = (int64_t)(c->n_head + 2 * c->n_kv_head) * c->head_dim;
    float *qkv = engine->block.qkv;
    norm_rows(engine, walk->x + first * c->hidden, weights->attention_norm, rows, engine->block.normed);
    HS_TRY(hs_gemm_run(engine->gemm, weights->qkv, rows, engine->block.normed, qkv, error));
#pragma omp parallel for
    for (int64_t t = 0; t < n_tiles; t++) {
        const struct span *span = &tiles[t].span;
        add_bias(qkv + span->row * columns, weights->qkv_bias, span->length, columns);
        for (int64_t i = 0; i < span->length; i++) {
            place_row(engine, walk, span, i);
        }
    }
    return HEADSIFT_OK;
}

/* ---- Attention -------------------------------------------------------------------------------------------------- */

static void attend_tile(const struct hs_engine *engine, const struct hs_walk *walk, const struct span *span,
                        int32_t head) {
    const struct hs_config *c = engine->config;
    const int64_t dim = c->head_dim, at = (span->row * c->n_head + head) * dim;
    const int64_t cached = cached_at(engine, &walk->cache, span->segment, head / (c->n_head / c->n_kv_head));
    struct hs_tile tile = {
        .q = hs_at(engine, engine->block.queries, at),
        .q_stride = c->n_head * dim,
        .rows = (int32_t)span->length,
        .position = span->position,
        .keys = hs_at(engine, walk->cache.keys, cached),
        .values = hs_at(engine, walk->cache.values, cached),
        .head_dim = (int32_t)dim,
        .out = hs_at(engine, engine->block.attention, at),
        .out_stride = c->n_head * dim,
    };
    engine->kernels->attend(&tile);
}

static void attend_block(const struct hs_engine *engine, int32_t layer, const struct hs_walk *walk, int64_t n_tiles) {
    const struct hs_config *c = engine->config;
    const struct tile *tiles = engine->tiles.data;
    const int64_t tasks = n_tiles * c->n_head;
#pragma omp parallel for schedule(dynamic, 4)
    for (int64_t task = 0; task < tasks; task++) {
        const struct span *span = &tiles[task % n_tiles].span;
        int32_t head = (int32_t)(task / n_tiles);
        if (!is_masked(span->segment->plan, c, layer, head)) {
            attend_tile(engine, walk, span, head);
        }
    }
}

/* Columns of the rows that the request names in this block. */
static void answer_request(const struct hs_engine *engine, int32_t layer, const struct hs_walk *walk, int64_t first,
                           int64_t rows) {
    const struct hs_config *c = engine->config;
    const struct hs_attend_request *request = walk->request;
    const int64_t dim = c->head_dim;
#pragma omp parallel for schedule(dynamic)
    for (int64_t i = 0; i < request->n_rows; i++) {
        int64_t row = request->rows[i];
        if (row < first || row >= first + rows) {
            continue;
        }
        struct span span = span_of(walk, segment_at(walk, row), row, 1);
        for (int32_t head = 0; head < c->n_head; head++) {
            const void *q = hs_at(engine, engine->block.queries, ((row - first) * c->n_head + head) * dim);
            int64_t cached = cached_at(engine, &walk->cache, span.segment, head / (c->n_head / c->n_kv_head));
            const void *keys = hs_at(engine, walk->cache.keys, cached);
            int64_t key = engine->kernels->best_key(q, keys, c->head_dim, span.position + 1);
            request->columns[(i * c->n_layer + layer) * c->n_head + head] = (int32_t)key;
        }
    }
}

/* ---- Masked heads ----------------------------------------------------------------------------------------------- */

/* Whether some stream of the walk needs running means of this KV head in this layer. */
static bool needs_means(const struct hs_config *c, const struct hs_walk *walk, int32_t layer, int32_t kv_head) {
    const int32_t group = c->n_head / c->n_kv_head;
    for (int32_t head = kv_head * group; head < (kv_head + 1) * group; head++) {
        for (int32_t f = 0; f < walk->n_forks; f++) {
            if (walk->forks[f].kind == HEADSIFT_MASK_UNIFORM && is_masked(&walk->forks[f], c, layer, head)) {
                return true;
            }
        }
        const struct hs_plan *last = NULL;
        for (int32_t s = 0; s < walk->n_segments; s++) {
            const struct hs_plan *plan = walk->segments[s].plan;
            if (plan == last) {
                continue;
            }
            last = plan;
            if (plan != NULL && plan->kind == HEADSIFT_MASK_UNIFORM && is_masked(plan, c, layer, head)) {
                return true;
            }
        }
    }
    return false;
}

/* Running means of the values of one KV head over a span; the sums of a segment's earlier blocks are in `sums` (D). */
static void mean_rows(const struct hs_engine *engine, const struct hs_walk *walk, const struct span *span,
                      int32_t kv_head, double *sums) {
    const int32_t dim = engine->config->head_dim;
    const int64_t rows = hs_gemm_padded(engine->block_rows);
    const void *values = hs_at(engine, walk->cache.values, cached_at(engine, &walk->cache, span->segment, kv_head));
    void *means = hs_at(engine, engine->block.means, (kv_head * rows + span->row) * dim);
    if (span->position == 0) {
        memset(sums, 0, (size_t)dim * sizeof *sums);
    }
    engine->kernels->running_mean(values, span->position, span->length, dim, sums, means);
}

static void mean_block(const struct hs_engine *engine, int32_t layer, const struct hs_walk *walk, int64_t first,
                       int64_t rows) {
    const struct hs_config *c = engine->config;
    double *sums = engine->sums.data;
    int64_t begin = segment_at(walk, first), end = begin;
    while (end < walk->n_segments && walk->segments[end].row < first + rows) {
        end++;
    }
#pragma omp parallel for schedule(dynamic)
    for (int32_t kv_head = 0; kv_head < c->n_kv_head; kv_head++) {
        if (!needs_means(c, walk, layer, kv_head)) {
            continue;
        }
        for (int64_t s = begin; s < end; s++) {
            struct span span = span_of(walk, s, first, rows);
            mean_rows(engine, walk, &span, kv_head, sums + (s * c->n_kv_head + kv_head) * c->head_dim);
        }
    }
}

/* Replaces the masked heads' outputs in attention rows row .. row + count of the block. */
static void mask_rows(const struct hs_engine *engine, int32_t layer, const struct hs_plan *plan, int64_t row,
                      int64_t count, void *attention) {
    const struct hs_config *c = engine->config;
    const int64_t dim = c->head_dim, rows = hs_gemm_padded(engine->block_rows);
    const size_t bytes = (size_t)dim * engine->element_size;
    for (int32_t head = 0; head < c->n_head; head++) {
        if (!is_masked(plan, c, layer, head)) {
            continue;
        }
        int64_t kv_head = head / (c->n_head / c->n_kv_head);
        for (int64_t i = row; i < row + count; i++) {
            void *out = hs_at(engine, attention, (i * c->n_head + head) * dim);
            if (plan->kind == HEADSIFT_MASK_ZERO) {
                memset(out, 0, bytes);
            } else {
                memcpy(out, hs_at(engine, engine->block.means, (kv_head * rows + i) * dim), bytes);
            }
        }
    }
}

static void mask_segments(const struct hs_engine *engine, int32_t layer, const struct hs_walk *walk, int64_t first,
                          int64_t rows) {
    for (int64_t s = segment_at(walk, first); s < walk->n_segments && walk->segments[s].row < first + rows; s++) {
        struct span span = span_of(walk, s, first, rows);
        mask_rows(engine, layer, span.segment->plan, span.row, span.length, engine->block.attention);
    }
}

/* ---- The layer -------------------------------------------------------------------------------------------------- */

/* Fills block.attention (and block.means) for rows first .. first + rows of the walk. */
static headsift_status attention_block(struct hs_engine *engine, int32_t layer, const struct hs_walk *walk,
                                       int64_t first, int64_t rows, headsift_error *error) {
    int64_t n_tiles;
    HS_TRY(cut_tiles(engine, walk, first, rows, &n_tiles, error));
    HS_TRY(project_block(engine, layer, walk, first, rows, n_tiles, error));
    attend_block(engine, layer, walk, n_tiles);
    mean_block(engine, layer, walk, first, rows);
    mask_segments(engine, layer, walk, first, rows);
    if (walk->request != NULL) {
        answer_request(engine, layer, walk, first, rows);
    }
    return HEADSIFT_OK;
}

/* From attention rows to the residual stream behind the layer. */
static headsift_status finish_block(struct hs_engine *engine, int32_t layer, const void *attention, int64_t rows,
                                    float *x, headsift_error *error) {
    const struct hs_layer *weights = &engine->layers[layer];
    const int64_t ffn = engine->config->ffn;
    struct hs_block *block = &engine->block;
    HS_TRY(hs_gemm_run(engine->gemm, weights->output, rows, attention, block->projected, error));
    add_rows(engine, x, block->projected, weights->output_bias, rows);
    norm_rows(engine, x, weights->mlp_norm, rows, block->normed);
    HS_TRY(hs_gemm_run(engine->gemm, weights->gate_up, rows, block->normed, block->gate_up, error));
#pragma omp parallel for
    for (int64_t row = 0; row < rows; row++) {
        float *gate = block->gate_up + row * 2 * ffn;
        add_bias(gate, weights->gate_up_bias, 1, 2 * ffn);
        engine->kernels->swiglu(gate, gate + ffn, ffn, hs_at(engine, block->active, row * ffn));
    }
    HS_TRY(hs_gemm_run(engine->gemm, weights->down, rows, block->active, block->projected, error));
    add_rows(engine, x, block->projected, weights->down_bias, rows);
    return HEADSIFT_OK;
}

static headsift_status sums_need(struct hs_engine *engine, const struct hs_walk *walk, headsift_error *error) {
    const struct hs_config *c = engine->config;
    size_t bytes = (size_t)walk->n_segments * (size_t)(c->n_kv_head * c->head_dim) * sizeof(double);
    return hs_scratch_need(&engine->sums, bytes, "running means", error);
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
    HS_TRY(sums_need(engine, walk, error));
    for (int64_t first = 0; first < walk->rows; first += engine->block_rows) {
        int64_t rows = minimum(walk->rows - first, engine->block_rows);
        HS_TRY(attention_block(engine, layer, walk, first, rows, error));
        float *x = walk->x + first * engine->config->hidden;
        HS_TRY(finish_block(engine, layer, engine->block.attention, rows, x, error));
    }
    engine->layer_passes += stream_count(walk);
    return HEADSIFT_OK;
}

headsift_status hs_layer_fork(struct hs_engine *engine, int32_t layer, const struct hs_walk *walk, float *forked_x,
                              bool advance, headsift_error *error) {
    const int64_t hidden = engine->config->hidden, heads = (int64_t)engine->config->n_head * engine->config->head_dim;
    HS_TRY(sums_need(engine, walk, error));
    for (int64_t first = 0; first < walk->rows; first += engine->block_rows) {
        int64_t rows = minimum(walk->rows - first, engine->block_rows);
        float *x = walk->x + first * hidden;
        HS_TRY(attention_block(engine, layer, walk, first, rows, error));
        for (int32_t f = 0; f < walk->n_forks; f++) {
            float *fork = forked_x + (f * walk->rows + first) * hidden;
            memcpy(fork, x, (size_t)(rows * hidden) * sizeof *fork);
            memcpy(engine->block.forked, engine->block.attention, (size_t)(rows * heads) * engine->element_size);
            mask_rows(engine, layer, &walk->forks[f], 0, rows, engine->block.forked);
            HS_TRY(finish_block(engine, layer, engine->block.forked, rows, fork, error));
        }
        if (advance) {
            HS_TRY(finish_block(engine, layer, engine->block.attention, rows, x, error));
        }
    }
    engine->layer_passes += walk->n_forks + 1;
    return HEADSIFT_OK;
}
