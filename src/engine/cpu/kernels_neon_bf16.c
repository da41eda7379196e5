/* The bf16 kernels for ARM64 with the BF16 instructions of ARMv8.6: products of pairs summed in f32 (bfdot), the rest
 * in f32 vectors of 4. Compiled with its own flags: see src/engine/CMakeLists.txt. */
#if defined(__aarch64__)
#include <arm_neon.h>

#define HS_WIDTH 4
#define HS_PASS_ROWS 2
#include "engine/cpu/vectors.h"

typedef bfloat16x8_t pairs;

static inline void put(uint16_t *out, vec value) {
    bfloat16x4_t rounded = vcvt_bf16_f32((float32x4_t)value);
    memcpy(out, &rounded, sizeof rounded);
}

#include "engine/cpu/kernels_bf16.h"

static void place_value(const float *value, int64_t position, int32_t head_dim, bool last, void *values) {
    uint16_t *row = (uint16_t *)values + position / PAIR * head_dim * PAIR + position % PAIR;
    for (int32_t d = 0; d < head_dim; d++) {
        row[d * PAIR] = hs_to_bf16(value[d]);
    }
    for (int32_t d = 0; last && position % PAIR == 0 && d < head_dim; d++) {
        row[d * PAIR + 1] = 0;
    }
}

/* ---- Attention -------------------------------------------------------------------------------------------------- */

static inline vec product(vec sum, pairs a, pairs b) { return (vec)vbfdotq_f32((float32x4_t)sum, a, b); }

static inline pairs load_pairs(const uint16_t *from) { return vreinterpretq_bf16_u16(vld1q_u16(from)); }

static inline pairs spread_pair(const uint16_t *pair) {
    uint32_t bits;
    memcpy(&bits, pair, sizeof bits);
    return vreinterpretq_bf16_u32(vdupq_n_u32(bits));
}

/* Scores of `rows` (a constant) query rows with one block of keys. */
static inline __attribute__((always_inline)) void score_block(const uint16_t *const *q, const uint16_t *block,
                                                              int32_t head_dim, float *out, ptrdiff_t stride,
                                                              const int rows) {
    vec sums[HS_PASS_ROWS][KEY_VECTORS];
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < KEY_VECTORS; v++) {
            sums[r][v] = (vec){0};
        }
    }
    for (int32_t d = 0; d < head_dim; d += PAIR) {
        pairs query[HS_PASS_ROWS];
        UNROLL
        for (int r = 0; r < rows; r++) {
            query[r] = spread_pair(q[r] + d);
        }
        UNROLL
        for (int v = 0; v < KEY_VECTORS; v++) {
            pairs keys = load_pairs(block + (ptrdiff_t)d * HS_KEY_BLOCK + v * HS_WIDTH * PAIR);
            UNROLL
            for (int r = 0; r < rows; r++) {
                sums[r][v] = product(sums[r][v], query[r], keys);
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

/* sums (rows, head_dim) += weights (rows, 2 n) values (n pairs, head_dim, 2), for `vectors` (a constant) vectors of
 * dimensions. */
static inline __attribute__((always_inline)) void mix_block(const uint16_t *weights, const uint16_t *values, int64_t n,
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
    for (int64_t i = 0; i < n; i++) {
        pairs weight[HS_PASS_ROWS];
        UNROLL
        for (int r = 0; r < rows; r++) {
            weight[r] = spread_pair(weights + r * CHUNK + i * PAIR);
        }
        UNROLL
        for (int v = 0; v < vectors; v++) {
            pairs value = load_pairs(values + (i * head_dim + v * HS_WIDTH) * PAIR);
            UNROLL
            for (int r = 0; r < rows; r++) {
                totals[r][v] = product(totals[r][v], weight[r], value);
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

/* The same for one row and the dimensions behind the last whole vector. */
static void mix_tail(const uint16_t *weights, const uint16_t *values, int64_t n, int32_t head_dim, int32_t first,
                     float *sums) {
    for (int64_t i = 0; i < n * PAIR; i++) {
        for (int32_t d = first; d < head_dim; d++) {
            sums[d] += hs_from_bf16(weights[i]) * hs_from_bf16(values[(i / PAIR * head_dim + d) * PAIR + i % PAIR]);
        }
    }
}

static void mix_rows(const uint16_t *weights, int32_t rows, const uint16_t *values, int64_t n, int32_t head_dim,
                     float *sums) {
    enum { WHOLE = KEY_VECTORS * HS_WIDTH };
    for (int32_t row = 0; row < rows; row += HS_PASS_ROWS) {
        const uint16_t *w = weights + row * CHUNK;
        float *s = sums + (ptrdiff_t)row * head_dim;
        int32_t pass = rows - row < HS_PASS_ROWS ? rows - row : HS_PASS_ROWS, d = 0;
        for (; pass == HS_PASS_ROWS && d + WHOLE <= head_dim; d += WHOLE) {
            mix_block(w, values + d * PAIR, n, head_dim, s + d, HS_PASS_ROWS, KEY_VECTORS);
        }
        for (; pass == 1 && d + WHOLE <= head_dim; d += WHOLE) {
            mix_block(w, values + d * PAIR, n, head_dim, s + d, 1, KEY_VECTORS);
        }
        for (int32_t r = 0; r < pass; r++) {
            int32_t at = d;
            for (; at + HS_WIDTH <= head_dim; at += HS_WIDTH) {
                mix_block(w + r * CHUNK, values + at * PAIR, n, head_dim, s + (ptrdiff_t)r * head_dim + at, 1, 1);
            }
            if (at < head_dim) {
                mix_tail(w + r * CHUNK, values, n, head_dim, at, s + (ptrdiff_t)r * head_dim);
            }
        }
    }
}

static void weigh_in_bf16(float *scores, int64_t keys, int64_t seen, float *largest, float *total, float *sums,
                          int32_t head_dim, uint16_t *weights) {
    int64_t padded = (keys + HS_KEY_BLOCK - 1) / HS_KEY_BLOCK * HS_KEY_BLOCK;
    weigh_row(scores, keys, seen, largest, total, sums, head_dim);
    for (int64_t key = 0; key < padded; key += HS_WIDTH) {
        put(weights + key, load(scores + key));
    }
}

static double saturate(int64_t rounds) {
    enum { SUMS = 16 };
    vec sums[SUMS] = {{0}};
    uint16x8_t half = vdupq_n_u16(0x3F00);
    HS_KEEP(half); /* as a constant of bf16, gcc 12 would make it one of IEEE half precision */
    pairs a = vreinterpretq_bf16_u16(half);
    for (int64_t round = 0; round < rounds; round++) {
        UNROLL
        for (int i = 0; i < SUMS; i++) {
            sums[i] = product(sums[i], a, a);
            HS_KEEP(sums[i]);
        }
    }
    return (double)rounds * SUMS * HS_WIDTH * PAIR;
}

const struct hs_kernels hs_kernels_neon_bf16 = {
    .name = "neon_bf16",
    .element = HS_BF16,
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
    .attend = attend,
    .running_mean = running_mean,
    .best_key = best_key,
    .largest = largest,
    .exp_sum = exp_sum,
    .saturate = saturate,
};
#else
typedef int hs_no_neon_bf16; /* a translation unit must hold something */
#endif
