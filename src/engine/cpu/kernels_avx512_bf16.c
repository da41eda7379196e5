/* The bf16 kernels for x86-64 with AVX-512 and its BF16 extension: products of pairs summed in f32 (vdpbf16ps), the
 * rest in f32 vectors of 16. */
#if defined(__x86_64__)
#include <immintrin.h>

#define HS_WIDTH 16
#define HS_PASS_ROWS 8
#include "engine/cpu/vectors.h"

enum { LANES = HS_WIDTH };

static inline void put(uint16_t *out, vec value) {
    _mm256_storeu_si256((__m256i *)(void *)out, (__m256i)_mm512_cvtneps_pbh((__m512)value));
}

#include "engine/cpu/kernels_bf16.h"

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

/* exp(x) of x <= 0 as bf16 needs it: 2^t with a polynomial of degree 4, relative error below 1e-5 (8 bits of bf16 are
 * 4e-3); 0 for what is hidden. */
static inline __m512 weight_of(__m512 x, __m512 largest) {
    const __m512 to_base_2 = _mm512_set1_ps(1.44269504F);
    __m512 t = _mm512_mul_ps(_mm512_sub_ps(x, largest), to_base_2);
    t = _mm512_max_ps(_mm512_set1_ps(-151), t);
    __m512 n = _mm512_roundscale_ps(t, 8), f = _mm512_sub_ps(t, n);
    __m512 p = _mm512_set1_ps(9.57010128e-03F);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.59178628e-02F));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.40247443e-01F));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.93121791e-01F));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(9.99999285e-01F));
    return _mm512_scalef_ps(p, n);
}

static void weigh_in_bf16(float *scores, int64_t keys, int64_t seen, float *largest, float *total, float *sums,
                          int32_t head_dim, uint16_t *weights) {
    int64_t padded = whole_blocks(keys);
    if (!take_maximum(scores, padded, seen, largest, total, sums, head_dim)) {
        memset(weights, 0, (size_t)padded * sizeof *weights);
        return;
    }
    __m512 sum = _mm512_setzero_ps(), most = _mm512_set1_ps(*largest);
    for (int64_t key = 0; key < padded; key += 2 * LANES) {
        __m512 low = weight_of(_mm512_loadu_ps(scores + key), most);
        __m512 high = weight_of(_mm512_loadu_ps(scores + key + LANES), most);
        sum = _mm512_add_ps(sum, _mm512_add_ps(low, high));
        _mm512_storeu_si512(weights + key, (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
    *total += sum_of((vec)sum);
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
typedef int hs_no_avx512_bf16; /* a translation unit must hold something */
#endif
