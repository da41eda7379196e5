/* The kernels over vectors of HS_WIDTH floats in the compiler's vector types; compiled once for each instruction set by
 * the kernels_*.c files, which define HS_WIDTH, HS_PASS_ROWS and HS_TABLE. */
#include <math.h>
#include <string.h>

#include "engine/cpu/kernels.h"

typedef float vec __attribute__((vector_size(HS_WIDTH * 4)));
typedef int32_t ivec __attribute__((vector_size(HS_WIDTH * 4)));

enum {
    KEY_VECTORS = HS_KEY_BLOCK / HS_WIDTH,
    CHUNK_BLOCKS = 4, /* key blocks between two updates of the running maximum */
    CHUNK = CHUNK_BLOCKS * HS_KEY_BLOCK,
};

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

static inline vec load(const float *from) {
    vec value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline void store(float *to, vec value) { memcpy(to, &value, sizeof value); }
static inline vec spread(float value) { return value - (vec){0}; }
static inline vec pick(ivec mask, vec yes, vec no) { return (vec)(((ivec)yes & mask) | ((ivec)no & ~mask)); }
static inline vec vector_max(vec a, vec b) { return pick(a > b, a, b); }

static inline float sum_of(vec value) {
    float sum = 0;
    UNROLL
    for (int i = 0; i < HS_WIDTH; i++) {
        sum += value[i];
    }
    return sum;
}

/* exp(x) for x <= 0 (and up to 88): 2^n times a Taylor polynomial of degree 7 in |f| <= ln2 / 2, whose remainder is
 * below 6e-9; 0 below -87. */
static inline vec vector_exp(vec x) {
    const float to_integer = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    vec n = (x * spread(1.44269504f) + spread(to_integer)) - spread(to_integer);
    vec f = (x - n * spread(0.693145752f)) - n * spread(1.42860677e-6f);
    vec p = spread(1.0f / 5040);
    p = p * f + spread(1.0f / 720);
    p = p * f + spread(1.0f / 120);
    p = p * f + spread(1.0f / 24);
    p = p * f + spread(1.0f / 6);
    p = p * f + spread(0.5f);
    p = p * f + spread(1.0f);
    p = p * f + spread(1.0f);
    ivec none = x < spread(-87.0f);
    ivec power = __builtin_convertvector(pick(none, (vec){0}, n), ivec);
    vec scaled = p * (vec)((power + 127) << 23);
    return pick(none, (vec){0}, scaled);
}

static void rms_norm(const float *x, const float *weight, int64_t n, float eps, float *out) {
    vec squares = {0};
    int64_t i = 0;
    for (; i + HS_WIDTH <= n; i += HS_WIDTH) {
        squares += load(x + i) * load(x + i);
    }
    float sum = sum_of(squares);
    for (; i < n; i++) {
        sum += x[i] * x[i];
    }
    float scale = 1 / sqrtf(sum / (float)n + eps);
    for (i = 0; i < n; i++) {
        out[i] = x[i] * scale * weight[i];
    }
}

static void add(float *y, const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        y[i] += x[i];
    }
}

static inline vec gated(vec gate, vec up) {
    vec magnitude = pick(gate > 0, -gate, gate); /* exp of what is not positive can't overflow */
    vec small = vector_exp(magnitude);
    vec sigmoid = pick(gate > 0, spread(1), small) / (spread(1) + small);
    return gate * sigmoid * up;
}

static void swiglu(const float *gate, const float *up, int64_t n, float *out) {
    int64_t i = 0;
    for (; i + HS_WIDTH <= n; i += HS_WIDTH) {
        store(out + i, gated(load(gate + i), load(up + i)));
    }
    if (i < n) {
        float g[HS_WIDTH] = {0}, u[HS_WIDTH] = {0}, o[HS_WIDTH];
        memcpy(g, gate + i, (size_t)(n - i) * sizeof *g);
        memcpy(u, up + i, (size_t)(n - i) * sizeof *u);
        store(o, gated(load(g), load(u)));
        memcpy(out + i, o, (size_t)(n - i) * sizeof *o);
    }
}

static void rotate(float *restrict v, const float *restrict cosine, const float *restrict sine, int32_t half,
                   float scale) {
    for (int32_t i = 0; i < half; i++) {
        float a = v[i], b = v[i + half];
        v[i] = (a * cosine[i] - b * sine[i]) * scale;
        v[i + half] = (b * cosine[i] + a * sine[i]) * scale;
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
            vec element = spread(q[r][d]);
            UNROLL
            for (int v = 0; v < KEY_VECTORS; v++) {
                sums[r][v] += element * keys[v];
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

/* Running softmax state of a tile (Milakov and Gimelshein, 1805.02867). */
struct softmax {
    float largest[HS_TILE_ROWS];
    float total[HS_TILE_ROWS];
};

/* Turns a row of scores into weights against its new maximum; scales what was summed before. */
static void weigh_row(float *scores, int64_t keys, int64_t seen, float *largest, float *total, float *sums,
                      int32_t head_dim) {
    int64_t padded = (keys + HS_KEY_BLOCK - 1) / HS_KEY_BLOCK * HS_KEY_BLOCK;
    for (int64_t key = seen > 0 ? seen : 0; key < padded; key++) {
        scores[key] = -INFINITY;
    }
    if (seen <= 0) {
        memset(scores, 0, (size_t)padded * sizeof *scores);
        return;
    }
    vec most = load(scores);
    for (int64_t key = HS_WIDTH; key < padded; key += HS_WIDTH) {
        most = vector_max(most, load(scores + key));
    }
    float top = *largest;
    UNROLL
    for (int i = 0; i < HS_WIDTH; i++) {
        top = most[i] > top ? most[i] : top;
    }
    if (top > *largest) {
        float shrink = *total > 0 ? expf(*largest - top) : 0;
        *total *= shrink;
        for (int32_t d = 0; d < head_dim; d++) {
            sums[d] *= shrink;
        }
        *largest = top;
    }
    vec sum = {0};
    for (int64_t key = 0; key < padded; key += HS_WIDTH) {
        vec weight = vector_exp(load(scores + key) - spread(*largest));
        sum += weight;
        store(scores + key, weight);
    }
    *total += sum_of(sum);
}

static void attend(const struct hs_tile *tile) {
    _Alignas(64) float scores[HS_TILE_ROWS * CHUNK];
    _Alignas(64) float sums[HS_TILE_ROWS * HS_MAX_HEAD_DIM];
    const int32_t dim = tile->head_dim;
    struct softmax state;
    const float *q[HS_TILE_ROWS];
    memset(sums, 0, (size_t)tile->rows * (size_t)dim * sizeof *sums);
    for (int32_t r = 0; r < tile->rows; r++) {
        q[r] = tile->q + r * tile->q_stride;
        state.largest[r] = -INFINITY;
        state.total[r] = 0;
    }
    int64_t end = tile->position + tile->rows; /* keys that the last row sees */
    for (int64_t start = 0; start < end; start += CHUNK) {
        int64_t keys = end - start < CHUNK ? end - start : CHUNK;
        for (int64_t key = 0; key < keys; key += HS_KEY_BLOCK) {
            score_rows(q, tile->rows, tile->keys + (start + key) * dim, dim, scores + key, CHUNK);
        }
        for (int32_t r = 0; r < tile->rows; r++) {
            int64_t seen = tile->position + r + 1 - start;
            weigh_row(scores + r * CHUNK, keys, seen < keys ? seen : keys, &state.largest[r], &state.total[r],
                      sums + (ptrdiff_t)r * dim, dim);
        }
        mix_rows(scores, tile->rows, tile->values + start * dim, keys, dim, sums);
    }
    for (int32_t r = 0; r < tile->rows; r++) {
        float scale = 1 / state.total[r];
        for (int32_t d = 0; d < dim; d++) {
            tile->out[r * tile->out_stride + d] = sums[(ptrdiff_t)r * dim + d] * scale;
        }
    }
}

static int64_t best_key(const float *q, const float *keys, int32_t head_dim, int64_t n) {
    int64_t best = 0;
    float most = -INFINITY;
    for (int64_t start = 0; start < n; start += HS_KEY_BLOCK) {
        float scores[HS_KEY_BLOCK];
        score_rows(&q, 1, keys + start * head_dim, head_dim, scores, HS_KEY_BLOCK);
        int64_t count = n - start < HS_KEY_BLOCK ? n - start : HS_KEY_BLOCK;
        for (int64_t key = 0; key < count; key++) {
            if (scores[key] > most) {
                most = scores[key];
                best = start + key;
            }
        }
    }
    return best;
}

/* ---- Softmax of the logits -------------------------------------------------------------------------------------- */

static float largest(const float *x, int64_t n) {
    vec most = spread(-INFINITY);
    ivec wrong = {0};
    int64_t i = 0;
    for (; i + HS_WIDTH <= n; i += HS_WIDTH) {
        vec value = load(x + i);
        wrong |= value != value;
        most = vector_max(value, most);
    }
    float top = -INFINITY;
    for (int k = 0; k < HS_WIDTH; k++) {
        if (wrong[k]) {
            return NAN;
        }
        top = most[k] > top ? most[k] : top;
    }
    for (; i < n; i++) {
        if (isnan(x[i])) {
            return x[i];
        }
        top = x[i] > top ? x[i] : top;
    }
    return top;
}

static float exp_sum(const float *x, int64_t n, float shift) {
    vec sum = {0};
    int64_t i = 0;
    for (; i + HS_WIDTH <= n; i += HS_WIDTH) {
        sum += vector_exp(load(x + i) - spread(shift));
    }
    float total = sum_of(sum);
    for (; i < n; i++) {
        total += expf(x[i] - shift);
    }
    return total;
}

const struct hs_kernels HS_TABLE = {
    .name = HS_TABLE_NAME,
    .rms_norm = rms_norm,
    .add = add,
    .swiglu = swiglu,
    .rotate = rotate,
    .attend = attend,
    .best_key = best_key,
    .largest = largest,
    .exp_sum = exp_sum,
};
