/* The kernels beside products of s8 for x86-64 with AVX-512, its VNNI and its BF16 extensions.
 * Narrowed and compressed lanes go through registers: such stores to memory are slow on some processors. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "engine/cpu/compiler.h"
#include "engine/cpu/kernels_s8.h"

enum { LANES = 16, WORD = 32 };

static inline uint32_t lanes_of(int64_t left) { return left >= WORD ? 0xFFFFFFFF : (1U << left) - 1; }

static inline __m512 widened(const uint16_t *x, __mmask16 lanes) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(lanes, x)), 16));
}

/* ---- Hadamard --------------------------------------------------------------------------------------------------- */

/* Stages of 1, 2, 4 and 8 lanes: each adds the partner's lane to its own, or to its own with the sign turned. */
static inline __m512 stages_within(__m512 v) {
    const __m512 one = _mm512_set1_ps(1), none = _mm512_setzero_ps();
    v = _mm512_fmadd_ps(v, _mm512_mask_sub_ps(one, 0xAAAA, none, one), _mm512_permute_ps(v, 0xB1));
    v = _mm512_fmadd_ps(v, _mm512_mask_sub_ps(one, 0xCCCC, none, one), _mm512_permute_ps(v, 0x4E));
    v = _mm512_fmadd_ps(v, _mm512_mask_sub_ps(one, 0xF0F0, none, one), _mm512_shuffle_f32x4(v, v, 0xB1));
    return _mm512_fmadd_ps(v, _mm512_mask_sub_ps(one, 0xFF00, none, one), _mm512_shuffle_f32x4(v, v, 0x4E));
}

/* v times `factor`, transformed without its norm. @return the largest magnitudes */
static inline __attribute__((always_inline)) __m512 transform(float *v, const int vectors, __m512 factor) {
    __m512 part[HS_MOST_ROTATED / LANES];
    UNROLL
    for (int i = 0; i < vectors; i++) {
        part[i] = stages_within(_mm512_mul_ps(_mm512_loadu_ps(v + i * LANES), factor));
    }
    UNROLL
    for (int step = 1; step < vectors; step *= 2) {
        UNROLL
        for (int i = 0; i < vectors; i++) {
            if ((i & step) == 0) {
                __m512 sum = _mm512_add_ps(part[i], part[i | step]);
                part[i | step] = _mm512_sub_ps(part[i], part[i | step]);
                part[i] = sum;
            }
        }
    }
    __m512i most = _mm512_setzero_si512();
    UNROLL
    for (int i = 0; i < vectors; i++) {
        _mm512_storeu_ps(v + i * LANES, part[i]);
        __m512i bits = _mm512_and_si512(_mm512_castps_si512(part[i]), _mm512_set1_epi32(0x7FFFFFFF));
        most = _mm512_max_epu32(most, bits);
    }
    return _mm512_castsi512_ps(most);
}

static inline __m512 transform_any(float *v, int32_t n, __m512 factor) {
    return n == 64 ? transform(v, 4, factor) : n == 32 ? transform(v, 2, factor) : transform(v, 1, factor);
}

static void hadamard(float *v, int32_t n) { transform_any(v, n, _mm512_set1_ps(1 / sqrtf((float)n))); }

/* ---- Quantising ------------------------------------------------------------------------------------------------- */

/* The scale for a largest magnitude that is given by its bits: those of NaN and infinity are the largest. */
static float scale_of(uint32_t bits, float *inverse) {
    float most;
    memcpy(&most, &bits, sizeof most);
    *inverse = bits >= 0x7F800000 ? 0 : most > 1e-30f ? 127 / most : 1;
    return bits >= 0x7F800000 ? NAN : most > 1e-30f ? most / 127 : 1;
}

/* The bits of the rest's largest magnitude. */
static uint32_t largest_rest(const uint16_t *x, const struct hs_split *split) {
    __m512i most = _mm512_setzero_si512();
    for (int64_t i = 0; i < split->n; i += WORD) {
        __mmask32 lanes = lanes_of(split->n - i) & ~split->taken[i / WORD];
        __m512i bits = _mm512_maskz_loadu_epi16(lanes, x + i);
        most = _mm512_max_epu16(most, _mm512_and_si512(bits, _mm512_set1_epi16(0x7FFF)));
    }
    most = _mm512_max_epu32(_mm512_srli_epi32(most, 16), _mm512_and_si512(most, _mm512_set1_epi32(0xFFFF)));
    return _mm512_reduce_max_epu32(most) << 16;
}

static inline void put_rounded(int8_t *q, __m512i rounded) {
    _mm_storeu_si128((__m128i *)(void *)q, _mm512_cvtsepi32_epi8(rounded));
}

static inline uint16_t *put_outliers(uint16_t *outliers, __m512 value, __mmask16 lanes) {
    __m512 left = _mm512_maskz_compress_ps(lanes, value);
    _mm256_storeu_si256((__m256i *)(void *)outliers, (__m256i)_mm512_cvtneps_pbh(left));
    return outliers + _mm_popcnt_u32(lanes);
}

static float quantise_as_it_is(const uint16_t *x, const struct hs_split *split, uint16_t *outliers, int8_t *q) {
    float inverse, scale = scale_of(largest_rest(x, split), &inverse);
    const __m512 factor = _mm512_set1_ps(inverse);
    for (int64_t i = 0; i < split->n; i += LANES) {
        const __mmask16 lanes = (__mmask16)lanes_of(split->n - i);
        const __mmask16 taken = (__mmask16)(split->taken[i / WORD] >> i % WORD), rest = (__mmask16)(lanes & ~taken);
        __m512 value = _mm512_mul_ps(widened(x + i, lanes), factor);
        put_rounded(q, _mm512_maskz_compress_epi32(rest, _mm512_cvtps_epi32(value)));
        q += _mm_popcnt_u32(rest);
        if (split->n_taken > 0) {
            outliers = put_outliers(outliers, value, taken);
        }
    }
    return scale;
}

static float quantise_rotated(const uint16_t *x, const struct hs_split *split, uint16_t *outliers, int8_t *q) {
    _Alignas(64) float rest[HS_MAX_ROTATED + LANES];
    const int64_t n = split->n - split->n_taken;
    float *to = rest, inverse;
    for (int64_t i = 0; i < split->n; i += LANES) {
        const __mmask16 lanes = (__mmask16)lanes_of(split->n - i);
        const __mmask16 taken = (__mmask16)(split->taken[i / WORD] >> i % WORD);
        __m512 value = widened(x + i, lanes);
        _mm512_storeu_ps(to, _mm512_maskz_compress_ps((__mmask16)(lanes & ~taken), value));
        to += _mm_popcnt_u32(lanes & ~(uint32_t)taken);
        if (split->n_taken > 0) {
            outliers = put_outliers(outliers, value, taken);
        }
    }
    const __m512 norm = _mm512_set1_ps(1 / sqrtf((float)split->block));
    __m512i most = _mm512_setzero_si512();
    for (int64_t i = 0; i < n; i += split->block) {
        most = _mm512_max_epu32(most, _mm512_castps_si512(transform_any(rest + i, split->block, norm)));
    }
    float scale = scale_of(_mm512_reduce_max_epu32(most), &inverse);
    for (int64_t i = 0; i < n; i += LANES) {
        put_rounded(q + i, _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(rest + i), _mm512_set1_ps(inverse))));
    }
    for (int32_t i = -split->n_taken; i < 0; i += LANES) { /* back to the first */
        __mmask16 lanes = (__mmask16)lanes_of(-i);
        __m512 value = _mm512_mul_ps(widened(outliers + i, lanes), _mm512_set1_ps(inverse));
        _mm256_storeu_si256((__m256i *)(void *)(outliers + i), (__m256i)_mm512_cvtneps_pbh(value));
    }
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
    .hadamard = hadamard,
    .scale = scale,
    .add_scaled = add_scaled,
    .saturate = saturate,
};
#else
typedef int hs_no_s8_avx512; /* a translation unit must hold something */
#endif
