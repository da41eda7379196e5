/* Vectors of HS_WIDTH floats in the compiler's vector types, and what kernels of every element type share: exp, the
 * running softmax, sums of logits. Included by files that define HS_WIDTH. */
#include <math.h>
#include <string.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "engine/cpu/compiler.h"
#include "engine/cpu/kernels.h"

typedef float vec __attribute__((vector_size(HS_WIDTH * 4)));
typedef double dvec __attribute__((vector_size(HS_WIDTH * 8)));
typedef int32_t ivec __attribute__((vector_size(HS_WIDTH * 4)));

enum {
    KEY_VECTORS = HS_KEY_BLOCK / HS_WIDTH,
    CHUNK_BLOCKS = 4, /* key blocks between two updates of the running maximum */
    CHUNK = CHUNK_BLOCKS * HS_KEY_BLOCK,
};

static inline vec load(const float *from) {
    vec value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline void store(float *to, vec value) { memcpy(to, &value, sizeof value); }
static inline vec spread(float value) { return value - (vec){0}; }
static inline vec pick(ivec mask, vec yes, vec no) { return (vec)(((ivec)yes & mask) | ((ivec)no & ~mask)); }
static inline vec vector_max(vec a, vec b) { return pick(a > b, a, b); }

#if defined(__AVX512F__) && HS_WIDTH == 16

static inline float sum_of(vec value) { return _mm512_reduce_add_ps((__m512)value); }
static inline float largest_of(vec value) { return _mm512_reduce_max_ps((__m512)value); }

/* exp(x) for x <= 88, NaN for NaN: 2^n times 2^f as a Taylor polynomial of degree 6 in |f ln2| <= ln2 / 2, whose
 * remainder is below 2e-7; 0 from about -104 down. */
static inline vec vector_exp(vec x) {
    __m512 y = _mm512_max_ps(_mm512_set1_ps(-105), (__m512)x); /* the second operand where one is NaN */
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(y, _mm512_set1_ps(1.44269504F)), 8);
    vec f = (vec)y - (vec)n * spread(0.693145752F) - (vec)n * spread(1.42860677e-6F);
    vec p = spread(1.0F / 720);
    p = p * f + spread(1.0F / 120);
    p = p * f + spread(1.0F / 24);
    p = p * f + spread(1.0F / 6);
    p = p * f + spread(0.5F);
    p = p * f + spread(1.0F);
    p = p * f + spread(1.0F);
    return (vec)_mm512_scalef_ps((__m512)p, n);
}

#else

static inline float sum_of(vec value) {
    float sum = 0;
    UNROLL
    for (int i = 0; i < HS_WIDTH; i++) {
        sum += value[i];
    }
    return sum;
}

static inline float largest_of(vec value) {
    float top = value[0];
    UNROLL
    for (int i = 1; i < HS_WIDTH; i++) {
        top = value[i] > top ? value[i] : top;
    }
    return top;
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

#endif

static inline vec gated(vec gate, vec up) {
    vec magnitude = pick(gate > 0, -gate, gate); /* exp of what is not positive can't overflow */
    vec small = vector_exp(magnitude);
    vec sigmoid = pick(gate > 0, spread(1), small) / (spread(1) + small);
    return gate * sigmoid * up;
}

static const float GELU_RATE = 1.59576912160573071176f; /* 2 sqrt(2 / pi): (1 + tanh(x)) / 2 is sigmoid(2 x) */

static inline vec gelu_gated(vec gate, vec up) {
    vec inner = spread(GELU_RATE) * (gate + spread(0.044715f) * gate * gate * gate);
    vec magnitude = pick(inner > 0, -inner, inner);
    vec small = vector_exp(magnitude);
    vec sigmoid = pick(inner > 0, spread(1), small) / (spread(1) + small);
    return gate * sigmoid * up;
}

/* tanh: its series where exponentials would cancel, else by exp(-2 |x|). */
static inline vec vector_tanh(vec x) {
    vec magnitude = pick(x > 0, x, -x), square = x * x;
    vec series = spread(62.0f / 2835);
    series = series * square - spread(17.0f / 315);
    series = series * square + spread(2.0f / 15);
    series = series * square - spread(1.0f / 3);
    series = x + x * square * series;
    vec small = vector_exp(spread(-2) * magnitude);
    vec ratio = (spread(1) - small) / (spread(1) + small);
    return pick(magnitude < spread(0.25f), series, pick(x > 0, ratio, -ratio));
}

static void soft_cap(float *x, int64_t n, float cap) {
    const vec rate = spread(1 / cap);
    int64_t i = 0;
    for (; i + HS_WIDTH <= n; i += HS_WIDTH) {
        store(x + i, spread(cap) * vector_tanh(load(x + i) * rate));
    }
    if (i < n) {
        float tail[HS_WIDTH] = {0};
        memcpy(tail, x + i, (size_t)(n - i) * sizeof *tail);
        store(tail, spread(cap) * vector_tanh(load(tail) * rate));
        memcpy(x + i, tail, (size_t)(n - i) * sizeof *tail);
    }
}

/* 1 / sqrt(mean(x^2) + eps) */
static inline float inverse_rms(const float *x, int64_t n, float eps) {
    vec squares = {0};
    int64_t i = 0;
    for (; i + HS_WIDTH <= n; i += HS_WIDTH) {
        squares += load(x + i) * load(x + i);
    }
    float sum = sum_of(squares);
    for (; i < n; i++) {
        sum += x[i] * x[i];
    }
    return 1 / sqrtf(sum / (float)n + eps);
}

static void norm_floats(float *x, const float *weight, int64_t n, float eps) {
    const float scale = inverse_rms(x, n, eps);
    for (int64_t i = 0; i < n; i++) {
        x[i] = x[i] * scale * weight[i];
    }
}

static void add(float *y, const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        y[i] += x[i];
    }
}

/* Running softmax state of a tile's rows, head by head (Milakov and Gimelshein, 1805.02867). */
enum { STATE_ROWS = HS_TILE_HEADS * HS_TILE_ROWS };
struct softmax {
    float largest[STATE_ROWS];
    float total[STATE_ROWS];
};

static void softmax_start(struct softmax *state, float *sums, const struct hs_tile *tile) {
    for (int32_t r = 0; r < tile->heads * HS_TILE_ROWS; r++) {
        state->largest[r] = -INFINITY;
        state->total[r] = 0;
    }
    memset(sums, 0, (size_t)(tile->heads * HS_TILE_ROWS * tile->head_dim) * sizeof *sums);
}

/* Hides the scores of keys that a row does not see and takes its new maximum into account: what was summed before is
 * scaled. Returns false where it sees none of them, whose scores are then 0. */
static inline bool take_maximum(float *scores, int64_t padded, int64_t seen, float *largest, float *total, float *sums,
                                int32_t head_dim) {
    if (seen <= 0) {
        memset(scores, 0, (size_t)padded * sizeof *scores);
        return false;
    }
    for (int64_t key = seen; key < padded; key++) {
        scores[key] = -INFINITY;
    }
    vec most = load(scores);
    for (int64_t key = HS_WIDTH; key < padded; key += HS_WIDTH) {
        most = vector_max(most, load(scores + key));
    }
    float top = largest_of(most);
    if (top > *largest) {
        float shrink = *total > 0 ? expf(*largest - top) : 0;
        *total *= shrink;
        for (int32_t d = 0; d < head_dim; d++) {
            sums[d] *= shrink;
        }
        *largest = top;
    }
    return true;
}

/* Caps the scores of a chunk of keys, and hides those that have left the row's window. @return how many of them the
 * row sees, 0 where all have left it */
static inline int64_t narrow(const struct hs_tile *tile, int32_t row, int64_t start, int64_t keys, float *scores) {
    int64_t seen = tile->position + row + 1 - start, hidden = tile->window > 0 ? seen - tile->window : 0;
    seen = seen < keys ? seen : keys;
    if (hidden >= seen) {
        return 0;
    }
    if (tile->cap > 0) {
        soft_cap(scores, keys, tile->cap);
    }
    for (int64_t key = 0; key < hidden; key++) {
        scores[key] = -INFINITY;
    }
    return seen;
}

static inline int64_t whole_blocks(int64_t keys) { return (keys + HS_KEY_BLOCK - 1) / HS_KEY_BLOCK * HS_KEY_BLOCK; }

/* Turns a row of scores into weights against its new maximum. */
static inline void weigh_row(float *scores, int64_t keys, int64_t seen, float *largest, float *total, float *sums,
                             int32_t head_dim) {
    int64_t padded = whole_blocks(keys);
    if (!take_maximum(scores, padded, seen, largest, total, sums, head_dim)) {
        return;
    }
    vec sum = {0};
    for (int64_t key = 0; key < padded; key += HS_WIDTH) {
        vec weight = vector_exp(load(scores + key) - spread(*largest));
        sum += weight;
        store(scores + key, weight);
    }
    *total += sum_of(sum);
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

/* In f32 over short runs and in f64 over these: beside a large term, a long f32 sum loses the small ones. */
static float exp_sum(const float *x, int64_t n, float shift) {
    enum { RUN = 16 * HS_WIDTH };
    dvec sums = {0};
    int64_t i = 0;
    while (i + HS_WIDTH <= n) {
        int64_t end = i + RUN < n ? i + RUN : n;
        vec run = {0};
        for (; i + HS_WIDTH <= end; i += HS_WIDTH) {
            run += vector_exp(load(x + i) - spread(shift));
        }
        sums += __builtin_convertvector(run, dvec);
    }
    double total = 0;
    UNROLL
    for (int k = 0; k < HS_WIDTH; k++) {
        total += sums[k];
    }
    for (; i < n; i++) {
        total += (double)expf(x[i] - shift);
    }
    return (float)total;
}
