/* The bf16 kernels for x86-64 with AVX-512 and its BF16 extension: products of pairs summed in f32 (vdpbf16ps), the
 * rest in f32 vectors of 16. */
#if defined(__x86_64__)
#include <immintrin.h>

#define HS_WIDTH 16
#define HS_PASS_ROWS 8
#include "engine/cpu/vectors.h"

enum { LANES = 16, PAIR = 2 };

static inline void put(uint16_t *out, vec value) {
    _mm256_storeu_si256((__m256i *)(void *)out, (__m256i)_mm512_cvtneps_pbh((__m512)value));
}

static void rms_norm(const float *x, const float *weight, int64_t n, float eps, void *to) {
    uint16_t *out = to;
    vec squares = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        squares += load(x + i) * load(x + i);
    }
    float sum = sum_of(squares);
    for (; i < n; i++) {
        sum += x[i] * x[i];
    }
    float scale = 1 / sqrtf(sum / (float)n + eps);
    for (i = 0; i + LANES <= n; i += LANES) {
        put(out + i, load(x + i) * spread(scale) * load(weight + i));
    }
    for (; i < n; i++) {
        out[i] = hs_to_bf16(x[i] * scale * weight[i]);
    }
}

static void swiglu(const float *gate, const float *up, int64_t n, void *to) {
    uint16_t *out = to;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        put(out + i, gated(load(gate + i), load(up + i)));
    }
    if (i < n) {
        float g[LANES] = {0}, u[LANES] = {0};
        uint16_t o[LANES];
        memcpy(g, gate + i, (size_t)(n - i) * sizeof *g);
        memcpy(u, up + i, (size_t)(n - i) * sizeof *u);
        put(o, gated(load(g), load(u)));
        memcpy(out + i, o, (size_t)(n - i) * sizeof *o);
    }
}

static void rotate(const float *v, const float *cosine, const float *sine, int32_t half, float scale, void *to) {
    uint16_t *out = to;
    int32_t i = 0;
    for (; i + LANES <= half; i += LANES) {
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

/* Masked stores leave the pair's other half alone. */
static void place_value(const float *value, int64_t position, int32_t head_dim, bool last, void *values) {
    uint16_t *row = (uint16_t *)values + position / PAIR * head_dim * PAIR;
    const bool odd = position % PAIR == 1, both = last && !odd;
    const __mmask32 lanes = both ? 0xFFFFFFFF : odd ? 0xAAAAAAAA : 0x55555555;
    int32_t d = 0;
    for (; d + LANES <= head_dim; d += LANES) {
        __m512i wide = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)load(value + d)));
        _mm512_mask_storeu_epi16(row + d * PAIR, lanes, odd ? _mm512_slli_epi32(wide, 16) : wide);
    }
    for (; d < head_dim; d++) {
        row[d * PAIR + odd] = hs_to_bf16(value[d]);
        if (both) {
            row[d * PAIR + 1] = 0;
        }
    }
}

/* ---- Attention -------------------------------------------------------------------------------------------------- */

static inline __m512 product(__m512 sum, __m512i a, __m512i b) {
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}

static inline __m512i spread_pair(const uint16_t *pair) {
    int32_t bits;
    memcpy(&bits, pair, sizeof bits);
    return _mm512_set1_epi32(bits);
}

/* Scores of `rows` (a constant) query rows with one block of keys. */
static inline __attribute__((always_inline)) void score_block(const uint16_t *const *q, const uint16_t *block,
                                                              int32_t head_dim, float *out, ptrdiff_t stride,
                                                              const int rows) {
    __m512 sums[HS_PASS_ROWS][2];
    UNROLL
    for (int r = 0; r < rows; r++) {
        sums[r][0] = sums[r][1] = _mm512_setzero_ps();
    }
    for (int32_t d = 0; d < head_dim; d += PAIR) {
        const uint16_t *keys = block + (ptrdiff_t)d * HS_KEY_BLOCK;
        __m512i low = _mm512_loadu_si512(keys), high = _mm512_loadu_si512(keys + 2 * LANES);
        UNROLL
        for (int r = 0; r < rows; r++) {
            __m512i pair = spread_pair(q[r] + d);
            sums[r][0] = product(sums[r][0], pair, low);
            sums[r][1] = product(sums[r][1], pair, high);
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        _mm512_storeu_ps(out + r * stride, sums[r][0]);
        _mm512_storeu_ps(out + r * stride + LANES, sums[r][1]);
    }
}

static void score_rows(const uint16_t *const *q, int32_t rows, const uint16_t *block, int32_t head_dim, float *out,
                       ptrdiff_t stride) {
    int32_t row = 0;
    for (; row + HS_PASS_ROWS <= rows; row += HS_PASS_ROWS) {
        score_block(q + row, block, head_dim, out + row * stride, stride, HS_PASS_ROWS);
    }
    for (; row < rows; row++) {
        score_block(q + row, block, head_dim, out + row * stride, stride, 1);
    }
}

/* sums (rows, head_dim) += weights (rows, 2 pairs) values (pairs, head_dim, 2) for two vectors of dimensions, the
 * second of which may be cut by its mask. */
static inline __attribute__((always_inline)) void mix_block(const uint16_t *weights, const uint16_t *values,
                                                            int64_t pairs, int32_t head_dim, __mmask16 first,
                                                            __mmask16 second, float *sums, const int rows) {
    __m512 totals[HS_PASS_ROWS][2];
    UNROLL
    for (int r = 0; r < rows; r++) {
        totals[r][0] = _mm512_maskz_loadu_ps(first, sums + (ptrdiff_t)r * head_dim);
        totals[r][1] = _mm512_maskz_loadu_ps(second, sums + (ptrdiff_t)r * head_dim + LANES);
    }
    for (int64_t pair = 0; pair < pairs; pair++) {
        const uint16_t *value = values + pair * head_dim * PAIR;
        __m512i low = _mm512_maskz_loadu_epi32(first, value),
                high = _mm512_maskz_loadu_epi32(second, value + 2 * LANES);
        UNROLL
        for (int r = 0; r < rows; r++) {
            __m512i weight = spread_pair(weights + r * CHUNK + pair * PAIR);
            totals[r][0] = product(totals[r][0], weight, low);
            totals[r][1] = product(totals[r][1], weight, high);
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        _mm512_mask_storeu_ps(sums + (ptrdiff_t)r * head_dim, first, totals[r][0]);
        _mm512_mask_storeu_ps(sums + (ptrdiff_t)r * head_dim + LANES, second, totals[r][1]);
    }
}

static inline __mmask16 lanes_left(int32_t left) {
    return (__mmask16)(left >= LANES ? 0xFFFF : left <= 0 ? 0 : (1 << left) - 1);
}

static void mix_rows(const uint16_t *weights, int32_t rows, const uint16_t *values, int64_t pairs, int32_t head_dim,
                     float *sums) {
    for (int32_t d = 0; d < head_dim; d += 2 * LANES) {
        __mmask16 first = lanes_left(head_dim - d), second = lanes_left(head_dim - d - LANES);
        int32_t row = 0;
        for (; row + HS_PASS_ROWS <= rows; row += HS_PASS_ROWS) {
            mix_block(weights + row * CHUNK, values + d * PAIR, pairs, head_dim, first, second,
                      sums + (ptrdiff_t)row * head_dim + d, HS_PASS_ROWS);
        }
        for (; row < rows; row++) {
            mix_block(weights + row * CHUNK, values + d * PAIR, pairs, head_dim, first, second,
                      sums + (ptrdiff_t)row * head_dim + d, 1);
        }
    }
}

static void round_weights(const float *scores, int64_t n, uint16_t *weights) {
    for (int64_t key = 0; key < n; key += LANES) {
        put(weights + key, load(scores + key));
    }
}

/* One head's rows over one chunk of keys: rows behind the last count as the last and are dropped. */
static void attend_chunk(const struct hs_tile *tile, int32_t head, int64_t start, int64_t keys, struct softmax *state,
                         float *all_sums) {
    _Alignas(64) float scores[HS_TILE_ROWS * CHUNK];
    _Alignas(64) uint16_t weights[HS_TILE_ROWS * CHUNK];
    const int32_t dim = tile->head_dim, pass = tile->rows == 1 ? 1 : HS_TILE_ROWS, own = head * HS_TILE_ROWS;
    const int64_t padded = (keys + HS_KEY_BLOCK - 1) / HS_KEY_BLOCK * HS_KEY_BLOCK;
    float *sums = all_sums + (ptrdiff_t)own * dim;
    const uint16_t *q[HS_TILE_ROWS];
    for (int32_t r = 0; r < pass; r++) {
        q[r] = (const uint16_t *)tile->q[head] + (r < tile->rows ? r : tile->rows - 1) * tile->q_stride;
    }
    for (int64_t key = 0; key < keys; key += HS_KEY_BLOCK) {
        score_rows(q, pass, (const uint16_t *)tile->keys + (start + key) * dim, dim, scores + key, CHUNK);
    }
    for (int32_t r = 0; r < pass; r++) {
        int64_t seen = tile->position + (r < tile->rows ? r : tile->rows - 1) + 1 - start;
        weigh_row(scores + r * CHUNK, keys, seen < keys ? seen : keys, &state->largest[own + r], &state->total[own + r],
                  sums + (ptrdiff_t)r * dim, dim);
        round_weights(scores + r * CHUNK, padded, weights + r * CHUNK);
    }
    mix_rows(weights, pass, (const uint16_t *)tile->values + start * dim, (keys + 1) / PAIR, dim, sums);
}

static void attend(const struct hs_tile *tile) {
    _Alignas(64) float sums[STATE_ROWS * HS_MAX_HEAD_DIM];
    const int32_t dim = tile->head_dim;
    struct softmax state;
    softmax_start(&state, sums, tile);
    int64_t end = tile->position + tile->rows; /* keys that the last row sees */
    for (int64_t start = 0; start < end; start += CHUNK) {
        int64_t keys = end - start < CHUNK ? end - start : CHUNK;
        for (int32_t head = 0; head < tile->heads; head++) {
            attend_chunk(tile, head, start, keys, &state, sums);
        }
    }
    for (int32_t head = 0; head < tile->heads; head++) {
        for (int32_t r = 0; r < tile->rows; r++) {
            float scale = 1 / state.total[head * HS_TILE_ROWS + r];
            uint16_t *out = (uint16_t *)tile->out[head] + r * tile->out_stride;
            const float *sum = sums + (ptrdiff_t)(head * HS_TILE_ROWS + r) * dim;
            int32_t d = 0;
            for (; d + LANES <= dim; d += LANES) {
                put(out + d, load(sum + d) * spread(scale));
            }
            for (; d < dim; d++) {
                out[d] = hs_to_bf16(sum[d] * scale);
            }
        }
    }
}

static void running_mean(const void *values, int64_t first, int64_t count, int32_t head_dim, double *sums, void *out) {
    for (int64_t i = 0; i < count; i++) {
        int64_t position = first + i;
        const uint16_t *value = (const uint16_t *)values + position / PAIR * head_dim * PAIR + position % PAIR;
        uint16_t *mean = (uint16_t *)out + i * head_dim;
        double share = 1 / (double)(position + 1);
        for (int32_t d = 0; d < head_dim; d++) {
            sums[d] += (double)hs_from_bf16(value[d * PAIR]);
            mean[d] = hs_to_bf16((float)(sums[d] * share));
        }
    }
}

static int64_t best_key(const void *query, const void *keys, int32_t head_dim, int64_t n) {
    const uint16_t *q = query;
    int64_t best = 0;
    float most = -INFINITY;
    for (int64_t start = 0; start < n; start += HS_KEY_BLOCK) {
        float scores[HS_KEY_BLOCK];
        score_rows(&q, 1, (const uint16_t *)keys + start * head_dim, head_dim, scores, HS_KEY_BLOCK);
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

static double saturate(int64_t rounds) {
    enum { SUMS = 12 };
    __m512 sums[SUMS] = {{0}};
    __m512i a = _mm512_set1_epi32(0x3F003F00), b = a; /* pairs of 0.5 */
    for (int64_t round = 0; round < rounds; round++) {
        UNROLL
        for (int i = 0; i < SUMS; i++) {
            sums[i] = product(sums[i], a, b);
            HS_KEEP(sums[i]);
        }
    }
    return (double)rounds * SUMS * LANES * PAIR;
}

const struct hs_kernels hs_kernels_avx512_bf16 = {
    .name = "avx512_bf16",
    .element = HS_BF16,
    .rms_norm = rms_norm,
    .add = add,
    .swiglu = swiglu,
    .rotate = rotate,
    .place_key = place_key,
    .place_value = place_value,
    .attend = attend,
    .running_mean = running_mean,
    .best_key = best_key,
    .largest = largest,
    .exp_sum = exp_sum,
    .saturate = saturate,
};
#else
typedef int hs_no_avx512_bf16; /* a translation unit must hold something */
#endif
