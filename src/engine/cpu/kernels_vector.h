/* The f32 kernels over vectors of HS_WIDTH floats; compiled once for each instruction set by the kernels_*.c files,
 * which define HS_WIDTH, HS_PASS_ROWS and HS_TABLE. */
#include "engine/cpu/vectors.h"

typedef float element;

static void rms_norm(const float *x, const float *weight, int64_t n, float eps, void *to) {
    float *out = to;
    const float scale = inverse_rms(x, n, eps);
    for (int64_t i = 0; i < n; i++) {
        out[i] = x[i] * scale * weight[i];
    }
}

static void round_row(const float *x, int64_t n, void *out) { memcpy(out, x, (size_t)n * sizeof *x); }

/* A gated activation over n values: `of` is a constant. */
static inline __attribute__((always_inline)) void gate_rows(const float *gate, const float *up, int64_t n, float *out,
                                                            vec (*const of)(vec, vec)) {
    int64_t i = 0;
    for (; i + HS_WIDTH <= n; i += HS_WIDTH) {
        store(out + i, of(load(gate + i), load(up + i)));
    }
    if (i < n) {
        float g[HS_WIDTH] = {0}, u[HS_WIDTH] = {0}, o[HS_WIDTH];
        memcpy(g, gate + i, (size_t)(n - i) * sizeof *g);
        memcpy(u, up + i, (size_t)(n - i) * sizeof *u);
        store(o, of(load(g), load(u)));
        memcpy(out + i, o, (size_t)(n - i) * sizeof *o);
    }
}

static void swiglu(const float *gate, const float *up, int64_t n, void *out) { gate_rows(gate, up, n, out, gated); }

static void geglu(const float *gate, const float *up, int64_t n, void *out) { gate_rows(gate, up, n, out, gelu_gated); }

static void rotate(const float *restrict v, const float *restrict cosine, const float *restrict sine, int32_t half,
                   float scale, void *restrict to) {
    float *out = to;
    for (int32_t i = 0; i < half; i++) {
        float a = v[i], b = v[i + half];
        out[i] = (a * cosine[i] - b * sine[i]) * scale;
        out[i + half] = (b * cosine[i] + a * sine[i]) * scale;
    }
}

static void place_key(const void *key, int64_t position, int32_t head_dim, void *keys) {
    float *block = (float *)keys + position / HS_KEY_BLOCK * HS_KEY_BLOCK * head_dim + position % HS_KEY_BLOCK;
    for (int32_t d = 0; d < head_dim; d++) {
        block[(ptrdiff_t)d * HS_KEY_BLOCK] = ((const float *)key)[d];
    }
}

static void place_value(const float *value, int64_t position, int32_t head_dim, bool last, void *values) {
    (void)last;
    memcpy((float *)values + position * head_dim, value, (size_t)head_dim * sizeof *value);
}

static void running_mean(const void *values, int64_t first, int64_t count, int32_t head_dim, int64_t window,
                         double *sums, void *out) {
    for (int64_t i = 0; i < count; i++) {
        const bool full = window > 0 && first + i >= window;
        const float *value = (const float *)values + (first + i) * head_dim;
        const float *leaves = full ? value - window * head_dim : value;
        float *mean = (float *)out + i * head_dim;
        double share = 1 / (double)(full ? window : first + i + 1);
        for (int32_t d = 0; full && d < head_dim; d++) {
            sums[d] -= leaves[d];
        }
        for (int32_t d = 0; d < head_dim; d++) {
            sums[d] += value[d];
            mean[d] = (float)(sums[d] * share);
        }
    }
}

/* ---- Attention -------------------------------------------------------------------------------------------------- */

/* Scores of `rows` (a constant) query rows with one block of keys. */
static inline __attribute__((always_inline)) void
score_block(const float *const *q, const float *block, int32_t head_dim, float *out, ptrdiff_t stride, const int rows) {
    vec sums[HS_PASS_ROWS][KEY_VECTORS];
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < KEY_VECTORS; v++) {
            sums[r][v] = (vec){0};
        }
    }
    for (int32_t d = 0; d < head_dim; d++) {
        vec keys[KEY_VECTORS];
        UNROLL
        for (int v = 0; v < KEY_VECTORS; v++) {
            keys[v] = load(block + (ptrdiff_t)d * HS_KEY_BLOCK + v * HS_WIDTH);
        }
        UNROLL
        for (int r = 0; r < rows; r++) {
            vec part = spread(q[r][d]);
            UNROLL
            for (int v = 0; v < KEY_VECTORS; v++) {
                sums[r][v] += part * keys[v];
            }
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < KEY_VECTORS; v++) {
            store(out + r * stride + v * HS_WIDTH, sums[r][v]);
        }
    }
}

static void score_rows(const float *const *q, int32_t rows, const float *block, int32_t head_dim, float *out,
                       ptrdiff_t stride) {
    int32_t row = 0;
    for (; row + HS_PASS_ROWS <= rows; row += HS_PASS_ROWS) {
        score_block(q + row, block, head_dim, out + row * stride, stride, HS_PASS_ROWS);
    }
    for (; row < rows; row++) {
        score_block(q + row, block, head_dim, out + row * stride, stride, 1);
    }
}

/* sums (rows, head_dim) += weights (rows, keys) values (keys, head_dim), for dimensions first .. first + HS_KEY_BLOCK.
 */
static inline __attribute__((always_inline)) void mix_block(const float *weights, const float *values, int64_t keys,
                                                            int32_t head_dim, float *sums, const int rows,
                                                            const int vectors) {
    vec totals[HS_PASS_ROWS][KEY_VECTORS];
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < vectors; v++) {
            totals[r][v] = load(sums + (ptrdiff_t)r * head_dim + v * HS_WIDTH);
        }
    }
    for (int64_t key = 0; key < keys; key++) {
        vec value[KEY_VECTORS];
        UNROLL
        for (int v = 0; v < vectors; v++) {
            value[v] = load(values + key * head_dim + v * HS_WIDTH);
        }
        UNROLL
        for (int r = 0; r < rows; r++) {
            vec weight = spread(weights[r * CHUNK + key]);
            UNROLL
            for (int v = 0; v < vectors; v++) {
                totals[r][v] += weight * value[v];
            }
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < vectors; v++) {
            store(sums + (ptrdiff_t)r * head_dim + v * HS_WIDTH, totals[r][v]);
        }
    }
}

static void mix_tail(const float *weights, const float *values, int64_t keys, int32_t head_dim, int32_t first,
                     float *sums) {
    for (int64_t key = 0; key < keys; key++) {
        for (int32_t d = first; d < head_dim; d++) {
            sums[d] += weights[key] * values[key * head_dim + d];
        }
    }
}

static void mix_rows(const float *weights, int32_t rows, const float *values, int64_t keys, int32_t head_dim,
                     float *sums) {
    int32_t whole = head_dim / HS_KEY_BLOCK * HS_KEY_BLOCK;
    for (int32_t d = 0; d < whole; d += HS_KEY_BLOCK) {
        int32_t row = 0;
        for (; row + HS_PASS_ROWS <= rows; row += HS_PASS_ROWS) {
            mix_block(weights + row * CHUNK, values + d, keys, head_dim, sums + (ptrdiff_t)row * head_dim + d,
                      HS_PASS_ROWS, KEY_VECTORS);
        }
        for (; row < rows; row++) {
            mix_block(weights + row * CHUNK, values + d, keys, head_dim, sums + (ptrdiff_t)row * head_dim + d, 1,
                      KEY_VECTORS);
        }
    }
    for (int32_t row = 0; whole < head_dim && row < rows; row++) {
        mix_tail(weights + row * CHUNK, values, keys, head_dim, whole, sums + (ptrdiff_t)row * head_dim);
    }
}

/* One head's rows over one chunk of keys: rows behind the last count as the last and are dropped. */
static void attend_chunk(const struct hs_tile *tile, int32_t head, int64_t start, int64_t keys, struct softmax *state,
                         float *all_sums) {
    _Alignas(64) float scores[HS_TILE_ROWS * CHUNK];
    const int32_t dim = tile->head_dim, pass = tile->rows == 1 ? 1 : HS_TILE_ROWS, own = head * HS_TILE_ROWS;
    float *sums = all_sums + (ptrdiff_t)own * dim;
    const float *q[HS_TILE_ROWS];
    for (int32_t r = 0; r < pass; r++) {
        q[r] = (const float *)tile->q[head] + (r < tile->rows ? r : tile->rows - 1) * tile->q_stride;
    }
    for (int64_t key = 0; key < keys; key += HS_KEY_BLOCK) {
        score_rows(q, pass, (const float *)tile->keys + (start + key) * dim, dim, scores + key, CHUNK);
    }
    for (int32_t r = 0; r < pass; r++) {
        int64_t seen = narrow(tile, r < tile->rows ? r : tile->rows - 1, start, keys, scores + r * CHUNK);
        weigh_row(scores + r * CHUNK, keys, seen, &state->largest[own + r], &state->total[own + r],
                  sums + (ptrdiff_t)r * dim, dim);
    }
    mix_rows(scores, pass, (const float *)tile->values + start * dim, keys, dim, sums);
}

static void put_row(const float *sums, float scale, int32_t n, element *out) {
    for (int32_t d = 0; d < n; d++) {
        out[d] = sums[d] * scale;
    }
}

#include "engine/cpu/kernels_attend.h"

static double saturate(int64_t rounds) {
    enum { SUMS = 12 };
    vec sums[SUMS] = {{0}}, a = spread(0.5f), b = spread(0.25f);
    for (int64_t round = 0; round < rounds; round++) {
        UNROLL
        for (int i = 0; i < SUMS; i++) {
            sums[i] += a * b;
        }
        UNROLL
        for (int i = 0; i < SUMS; i++) {
            HS_KEEP(sums[i]);
        }
        HS_KEEP(a);
    }
    return (double)rounds * SUMS * HS_WIDTH;
}

const struct hs_kernels HS_TABLE = {
    .name = HS_TABLE_NAME,
    .element = HS_F32,
    .rms_norm = rms_norm,
    .add = add,
    .swiglu = swiglu,
    .geglu = geglu,
    .round_row = round_row,
    .norm_floats = norm_floats,
    .soft_cap = soft_cap,
    .rotate = rotate,
    .place_key = place_key,
    .place_value = place_value,
    .running_mean = running_mean,
    .attend = attend,
    .best_key = best_key,
    .largest = largest,
    .exp_sum = exp_sum,
    .saturate = saturate,
};
