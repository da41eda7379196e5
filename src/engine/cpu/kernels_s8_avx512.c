/* The kernels beside products of s8 for x86-64 with AVX-512, its VNNI, BF16 and VBMI2 extensions.
 * Pairs of bf16 become two vectors of f32, one of the even and one of the odd columns, and pairs again as whole
 * numbers: nothing has to be moved between lanes. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "engine/cpu/compiler.h"
#include "engine/cpu/kernels_s8.h"

enum { LANES = 16, WORDS = 32 };

/* 32 neighbouring columns. */
struct pairs {
    __m512 even, odd;
};

static inline uint32_t lanes_of(int64_t left) { return left >= WORDS ? 0xFFFFFFFF : (1U << left) - 1; }

static inline struct pairs widened(__m512i words) {
    return (struct pairs){_mm512_castsi512_ps(_mm512_slli_epi32(words, 16)),
                          _mm512_castsi512_ps(_mm512_and_si512(words, _mm512_set1_epi32((int)0xFFFF0000)))};
}

/* Values of -127 .. 127 as whole numbers. */
static inline __m256i rounded(struct pairs v, __m512 factor) {
    __m512i even = _mm512_cvtps_epi32(_mm512_mul_ps(v.even, factor));
    __m512i odd = _mm512_cvtps_epi32(_mm512_mul_ps(v.odd, factor));
    return _mm512_cvtepi16_epi8(_mm512_mask_blend_epi16(0xAAAAAAAA, even, _mm512_slli_epi32(odd, 16)));
}

static inline __m512i magnitude(__m512i bits) { return _mm512_and_si512(bits, _mm512_set1_epi32(0x7FFFFFFF)); }

/* The scale of values whose `norm`-fold has a largest magnitude that is given by its bits: those of NaN and infinity
 * are the largest. @param factor makes whole numbers of the norm-fold */
static float scale_of(uint32_t bits, float norm, __m512 *factor) {
    float most;
    memcpy(&most, &bits, sizeof most);
    const bool none = most <= 1e-30f;
    *factor = _mm512_set1_ps(bits >= 0x7F800000 || none ? 0 : 127 / most);
    return bits >= 0x7F800000 ? NAN : none ? 1 : most / (127 * norm);
}

static void divide_outliers(uint16_t *outliers, int32_t n, float scale) {
    const float factor = 1 / scale;
    for (int32_t i = 0; i < n; i += LANES) {
        __m512i bits = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((void *)(outliers + i))), 16);
        __m512 value = _mm512_mul_ps(_mm512_castsi512_ps(bits), _mm512_set1_ps(factor));
        _mm256_storeu_si256((void *)(outliers + i), (__m256i)_mm512_cvtneps_pbh(value));
    }
}

/* ---- Rows as they are ------------------------------------------------------------------------------------------- */

/* The bits of the rest's largest magnitude. */
static uint32_t largest_rest(const uint16_t *x, const struct hs_split *split) {
    __m512i most = _mm512_setzero_si512();
    for (int64_t i = 0; i < split->n; i += WORDS) {
        __m512i words = _mm512_maskz_loadu_epi16(lanes_of(split->n - i) & ~split->taken[i / WORDS], x + i);
        most = _mm512_max_epu16(most, _mm512_and_si512(words, _mm512_set1_epi16(0x7FFF)));
    }
    most = _mm512_max_epu32(_mm512_slli_epi32(most, 16), _mm512_and_si512(most, _mm512_set1_epi32((int)0xFFFF0000)));
    return _mm512_reduce_max_epu32(most);
}

static float quantise_as_it_is(const uint16_t *x, const struct hs_split *split, uint16_t *outliers, int8_t *q) {
    __m512 factor;
    const float scale = scale_of(largest_rest(x, split), 1, &factor);
    uint16_t *taken = outliers;
    for (int64_t i = 0; i < split->n; i += WORDS) {
        const uint32_t lanes = lanes_of(split->n - i), apart = split->taken[i / WORDS];
        __m512i words = _mm512_maskz_loadu_epi16(lanes, x + i);
        __m256i bytes = rounded(widened(words), factor);
        _mm256_storeu_si256((void *)q, _mm256_maskz_compress_epi8(lanes & ~apart, bytes));
        q += _mm_popcnt_u32(lanes & ~apart);
        if (split->n_taken > 0) {
            _mm512_storeu_si512(taken, _mm512_maskz_compress_epi16(apart, words));
            taken += _mm_popcnt_u32(apart);
        }
    }
    divide_outliers(outliers, split->n_taken, scale);
    return scale;
}

/* ---- Rows that are transformed ---------------------------------------------------------------------------------- */

/* Stages of 1, 2, 4 and 8 lanes: each adds the partner's lane to its own, or to its own with the sign turned. */
static inline __m512 stages_within(__m512 v) {
    const __m512 one = _mm512_set1_ps(1), none = _mm512_setzero_ps();
    v = _mm512_fmadd_ps(v, _mm512_mask_sub_ps(one, 0xAAAA, none, one), _mm512_permute_ps(v, 0xB1));
    v = _mm512_fmadd_ps(v, _mm512_mask_sub_ps(one, 0xCCCC, none, one), _mm512_permute_ps(v, 0x4E));
    v = _mm512_fmadd_ps(v, _mm512_mask_sub_ps(one, 0xF0F0, none, one), _mm512_shuffle_f32x4(v, v, 0xB1));
    return _mm512_fmadd_ps(v, _mm512_mask_sub_ps(one, 0xFF00, none, one), _mm512_shuffle_f32x4(v, v, 0x4E));
}

static inline void stage_between(__m512 *a, __m512 *b) {
    __m512 sum = _mm512_add_ps(*a, *b);
    *b = _mm512_sub_ps(*a, *b);
    *a = sum;
}

/* 32 columns but for the norm; columns 2 i and 2 i + 1 are partners too. */
static inline struct pairs transformed(const uint16_t *x) {
    struct pairs v = widened(_mm512_loadu_si512(x));
    v.even = stages_within(v.even);
    v.odd = stages_within(v.odd);
    stage_between(&v.even, &v.odd);
    return v;
}

static inline void put_pairs(float *out, struct pairs v, __m512i *most) {
    _mm512_storeu_ps(out, v.even);
    _mm512_storeu_ps(out + LANES, v.odd);
    *most = _mm512_max_epu32(*most, magnitude(_mm512_castps_si512(v.even)));
    *most = _mm512_max_epu32(*most, magnitude(_mm512_castps_si512(v.odd)));
}

/* All of x (n) in blocks of 32 or 64, without the norm. @return the bits of the largest magnitude */
static uint32_t transform(const uint16_t *x, int64_t n, int32_t block, float *out) {
    __m512i most = _mm512_setzero_si512();
    for (int64_t i = 0; block == 32 && i < n; i += 32) {
        put_pairs(out + i, transformed(x + i), &most);
    }
    for (int64_t i = 0; block == 64 && i < n; i += 64) {
        struct pairs low = transformed(x + i), high = transformed(x + i + WORDS);
        stage_between(&low.even, &high.even);
        stage_between(&low.odd, &high.odd);
        put_pairs(out + i, low, &most);
        put_pairs(out + i + WORDS, high, &most);
    }
    return _mm512_reduce_max_epu32(most);
}

static float quantise_rotated(const uint16_t *x, const struct hs_split *split, uint16_t *outliers, int8_t *q) {
    _Alignas(64) uint16_t rest[HS_MAX_ROTATED + WORDS];
    _Alignas(64) float v[HS_MAX_ROTATED];
    const int64_t n = split->n - split->n_taken;
    uint16_t *to = rest, *taken = outliers;
    __m512 factor;
    for (int64_t i = 0; i < split->n; i += WORDS) {
        const uint32_t lanes = lanes_of(split->n - i), apart = split->taken[i / WORDS];
        __m512i words = _mm512_maskz_loadu_epi16(lanes, x + i);
        _mm512_storeu_si512(to, _mm512_maskz_compress_epi16(lanes & ~apart, words));
        to += _mm_popcnt_u32(lanes & ~apart);
        if (split->n_taken > 0) {
            _mm512_storeu_si512(taken, _mm512_maskz_compress_epi16(apart, words));
            taken += _mm_popcnt_u32(apart);
        }
    }
    const float scale = scale_of(transform(rest, n, split->block, v), sqrtf((float)split->block), &factor);
    for (int64_t i = 0; i < n; i += WORDS) {
        struct pairs part = {_mm512_load_ps(v + i), _mm512_load_ps(v + i + LANES)};
        _mm256_storeu_si256((void *)(q + i), rounded(part, factor));
    }
    divide_outliers(outliers, split->n_taken, scale);
    return scale;
}

static float quantise(const uint16_t *x, const struct hs_split *split, uint16_t *outliers, int8_t *q) {
    return split->block > 1 ? quantise_rotated(x, split, outliers, q) : quantise_as_it_is(x, split, outliers, q);
}

/* ---- Scales ----------------------------------------------------------------------------------------------------- */

static inline __m512 scaled(const float *y, __m512 row, const float *columns, __mmask16 lanes) {
    __m512 factor = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, columns), row);
    return _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, y), factor);
}

static void scale(const float *y, float row, const float *columns, int64_t n, float *out) {
    for (int64_t i = 0; i < n; i += LANES) {
        const __mmask16 lanes = (__mmask16)lanes_of(n - i);
        _mm512_mask_storeu_ps(out + i, lanes, scaled(y + i, _mm512_set1_ps(row), columns + i, lanes));
    }
}

static void add_scaled(const float *y, float row, const float *columns, int64_t n, float *x) {
    for (int64_t i = 0; i < n; i += LANES) {
        const __mmask16 lanes = (__mmask16)lanes_of(n - i);
        __m512 sum =
            _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, x + i), scaled(y + i, _mm512_set1_ps(row), columns + i, lanes));
        _mm512_mask_storeu_ps(x + i, lanes, sum);
    }
}

static double saturate(int64_t rounds) {
    enum { SUMS = 12, QUADS = 4 };
    __m512i sums[SUMS] = {{0}}, a = _mm512_set1_epi8(3), b = a;
    for (int64_t round = 0; round < rounds; round++) {
        UNROLL
        for (int i = 0; i < SUMS; i++) {
            sums[i] = _mm512_dpbusd_epi32(sums[i], a, b);
            HS_KEEP(sums[i]);
        }
    }
    return (double)rounds * SUMS * LANES * QUADS;
}

const struct hs_s8_kernels hs_s8_avx512 = {
    .name = "avx512_vnni",
    .quantise = quantise,
    .scale = scale,
    .add_scaled = add_scaled,
    .saturate = saturate,
};
#else
typedef int hs_no_s8_avx512; /* a translation unit must hold something */
#endif
