/* What the bf16 kernels of every instruction set share: norms, activations, positions, caches. Included by files that
 * have included vectors.h and define put(), which rounds a vector to bf16, and later place_value(), weigh_in_bf16(),
 * score_rows() and mix_rows(). */

typedef uint16_t element;
enum { PAIR = 2 };

/* Scores of query rows with one block of keys. */
static void score_rows(const uint16_t *const *q, int32_t rows, const uint16_t *block, int32_t head_dim, float *out,
                       ptrdiff_t stride);
/* sums (rows, head_dim) += weights (rows, 2 pairs) values (pairs, head_dim, 2). */
static void mix_rows(const uint16_t *weights, int32_t rows, const uint16_t *values, int64_t pairs, int32_t head_dim,
                     float *sums);

/* weigh_row, and the weights rounded. */
static void weigh_in_bf16(float *scores, int64_t keys, int64_t seen, float *largest, float *total, float *sums,
                          int32_t head_dim, uint16_t *weights);

static void rms_norm(const float *x, const float *weight, int64_t n, float eps, void *to) {
    uint16_t *out = to;
    const float scale = inverse_rms(x, n, eps);
    int64_t i = 0;
    for (; i + HS_WIDTH <= n; i += HS_WIDTH) {
        put(out + i, load(x + i) * spread(scale) * load(weight + i));
    }
    for (; i < n; i++) {
        out[i] = hs_to_bf16(x[i] * scale * weight[i]);
    }
}

static void round_row(const float *x, int64_t n, void *to) {
    uint16_t *out = to;
    int64_t i = 0;
    for (; i + HS_WIDTH <= n; i += HS_WIDTH) {
        put(out + i, load(x + i));
    }
    for (; i < n; i++) {
        out[i] = hs_to_bf16(x[i]);
    }
}

/* A gated activation over n values: `of` is a constant. */
static inline __attribute__((always_inline)) void gate_rows(const float *gate, const float *up, int64_t n,
                                                            uint16_t *out, vec (*const of)(vec, vec)) {
    int64_t i = 0;
    for (; i + HS_WIDTH <= n; i += HS_WIDTH) {
        put(out + i, of(load(gate + i), load(up + i)));
    }
    if (i < n) {
        float g[HS_WIDTH] = {0}, u[HS_WIDTH] = {0};
        uint16_t o[HS_WIDTH];
        memcpy(g, gate + i, (size_t)(n - i) * sizeof *g);
        memcpy(u, up + i, (size_t)(n - i) * sizeof *u);
        put(o, of(load(g), load(u)));
        memcpy(out + i, o, (size_t)(n - i) * sizeof *o);
    }
}

static void swiglu(const float *gate, const float *up, int64_t n, void *out) { gate_rows(gate, up, n, out, gated); }

static void geglu(const float *gate, const float *up, int64_t n, void *out) { gate_rows(gate, up, n, out, gelu_gated); }

static void rotate(const float *v, const float *cosine, const float *sine, int32_t half, float scale, void *to) {
    uint16_t *out = to;
    int32_t i = 0;
    for (; i + HS_WIDTH <= half; i += HS_WIDTH) {
        vec a = load(v + i), b = load(v + i + half), c = load(cosine + i) * scale, s = load(sine + i) * scale;
        put(out + i, a * c - b * s);
        put(out + i + half, b * c + a * s);
    }
    for (; i < half; i++) {
        float a = v[i], b = v[i + half];
        out[i] = hs_to_bf16((a * cosine[i] - b * sine[i]) * scale);
        out[i + half] = hs_to_bf16((b * cosine[i] + a * sine[i]) * scale);
    }
}

static void place_key(const void *key, int64_t position, int32_t head_dim, void *keys) {
    uint32_t *block =
        (uint32_t *)keys + position / HS_KEY_BLOCK * HS_KEY_BLOCK * (head_dim / PAIR) + position % HS_KEY_BLOCK;
    for (int32_t d = 0; d < head_dim / PAIR; d++) {
        memcpy(block + (ptrdiff_t)d * HS_KEY_BLOCK, (const uint16_t *)key + d * PAIR, sizeof *block);
    }
}

static const uint16_t *value_at(const void *values, int64_t position, int32_t head_dim) {
    return (const uint16_t *)values + position / PAIR * head_dim * PAIR + position % PAIR;
}

static void running_mean(const void *values, int64_t first, int64_t count, int32_t head_dim, int64_t window,
                         double *sums, void *out) {
    for (int64_t i = 0; i < count; i++) {
        const int64_t position = first + i;
        const bool full = window > 0 && position >= window;
        const uint16_t *value = value_at(values, position, head_dim);
        const uint16_t *leaves = full ? value_at(values, position - window, head_dim) : value;
        uint16_t *mean = (uint16_t *)out + i * head_dim;
        double share = 1 / (double)(full ? window : position + 1);
        for (int32_t d = 0; full && d < head_dim; d++) {
            sums[d] -= (double)hs_from_bf16(leaves[d * PAIR]);
        }
        for (int32_t d = 0; d < head_dim; d++) {
            sums[d] += (double)hs_from_bf16(value[d * PAIR]);
            mean[d] = hs_to_bf16((float)(sums[d] * share));
        }
    }
}

/* One head's rows over one chunk of keys: rows behind the last count as the last and are dropped. */
static void attend_chunk(const struct hs_tile *tile, int32_t head, int64_t start, int64_t keys, struct softmax *state,
                         float *all_sums) {
    _Alignas(64) float scores[HS_TILE_ROWS * CHUNK];
    _Alignas(64) uint16_t weights[HS_TILE_ROWS * CHUNK];
    const int32_t dim = tile->head_dim, pass = tile->rows == 1 ? 1 : HS_TILE_ROWS, own = head * HS_TILE_ROWS;
    float *sums = all_sums + (ptrdiff_t)own * dim;
    const uint16_t *q[HS_TILE_ROWS];
    for (int32_t r = 0; r < pass; r++) {
        q[r] = (const uint16_t *)tile->q[head] + (r < tile->rows ? r : tile->rows - 1) * tile->q_stride;
    }
    for (int64_t key = 0; key < keys; key += HS_KEY_BLOCK) {
        score_rows(q, pass, (const uint16_t *)tile->keys + (start + key) * dim, dim, scores + key, CHUNK);
    }
    for (int32_t r = 0; r < pass; r++) {
        int64_t seen = narrow(tile, r < tile->rows ? r : tile->rows - 1, start, keys, scores + r * CHUNK);
        weigh_in_bf16(scores + r * CHUNK, keys, seen, &state->largest[own + r], &state->total[own + r],
                      sums + (ptrdiff_t)r * dim, dim, weights + r * CHUNK);
    }
    mix_rows(weights, pass, (const uint16_t *)tile->values + start * dim, (keys + 1) / PAIR, dim, sums);
}

static void put_row(const float *sums, float scale, int32_t n, element *out) {
    int32_t d = 0;
    for (; d + HS_WIDTH <= n; d += HS_WIDTH) {
        put(out + d, load(sums + d) * spread(scale));
    }
    for (; d < n; d++) {
        out[d] = hs_to_bf16(sums[d] * scale);
    }
}

#include "engine/cpu/kernels_attend.h"
