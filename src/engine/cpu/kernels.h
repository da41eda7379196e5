/* The loops between the products: norms, rotary positions, attention, activations, softmax sums. Each set of kernels is
 * one table for one element type (f32 or bf16) of what goes into products and caches; sums are f32 or f64 in all of
 * them. kernels_plain.h is the twin that says what the others must compute and that tests compare them with. */
#ifndef HS_ENGINE_CPU_KERNELS_H
#define HS_ENGINE_CPU_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/cpu/isa.h"

enum {
    HS_KEY_BLOCK = 32, /**< positions of a cache block */
    HS_TILE_ROWS = 8,  /**< positions of an attention tile, at most */
    HS_TILE_HEADS = 8, /**< heads of an attention tile, at most */
    HS_MAX_HEAD_DIM = 1024,
};

enum hs_element { HS_F32, HS_BF16, HS_S8 /**< of products alone: see kernels_s8.h */ };

/*  Caches of one KV head, E = element. `pair` is 1 in f32 and 2 in bf16, whose instructions multiply pairs:
 *    keys   (blocks, D / pair, HS_KEY_BLOCK, pair) E: dimension(s) d of 32 neighbouring positions stand together
 *    values (positions / pair, D, pair) E: dimension d of neighbouring positions stand together */

/** Attention of neighbouring positions over their own past, for query heads that share a KV head: its keys and values
 *  are read once for all of them. */
struct hs_tile {
    const void
        *q[HS_TILE_HEADS];    /**< E; row r of a head at element r * q_stride, already scaled by 1 / sqrt(head_dim) */
    void *out[HS_TILE_HEADS]; /**< E; row r at element r * out_stride */
    ptrdiff_t q_stride, out_stride;
    int32_t heads;    /**< 1 .. HS_TILE_HEADS */
    int32_t rows;     /**< 1 .. HS_TILE_ROWS */
    int64_t position; /**< of the first row in its document: it sees keys 0 .. position */
    int64_t window;   /**< keys that a row sees at most, its own included; 0: all before it */
    float cap;        /**< scores become cap tanh(score / cap); 0: none */
    const void *keys; /**< of the KV head, from the document's first position on */
    const void *values;
    int32_t head_dim;
};

struct hs_kernels {
    const char *name;
    enum hs_element element;
    /** out (n) E = x / sqrt(mean(x^2) + eps) * weight (Zhang and Sennrich, 1910.07467). */
    void (*rms_norm)(const float *x, const float *weight, int64_t n, float eps, void *out);
    /** out (n) E = x */
    void (*round_row)(const float *x, int64_t n, void *out);
    /** x (n) = x / sqrt(mean(x^2) + eps) * weight, in place */
    void (*norm_floats)(float *x, const float *weight, int64_t n, float eps);
    /** x = cap tanh(x / cap) */
    void (*soft_cap)(float *x, int64_t n, float cap);
    /** y += x */
    void (*add)(float *y, const float *x, int64_t n);
    /** out (n) E = gate * sigmoid(gate) * up (Shazeer, 2002.05202, SwiGLU without its products) */
    void (*swiglu)(const float *gate, const float *up, int64_t n, void *out);
    /** out (n) E = gelu(gate) * up, gelu by its approximation with tanh (Hendrycks and Gimpel, 1606.08415) */
    void (*geglu)(const float *gate, const float *up, int64_t n, void *out);
    /** out (2 half) E: the pairs (i, i + half) of v rotated by the angles whose cosines and sines are given, times
     * scale. */
    void (*rotate)(const float *v, const float *cosine, const float *sine, int32_t half, float scale, void *out);
    /** Puts a key (D) E at a position of a cache. */
    void (*place_key)(const void *key, int64_t position, int32_t head_dim, void *keys);
    /** Puts a value (D), rounded to E, at a position of a cache. `last`: nothing stands behind it yet, and what the
     *  pair's other half holds becomes 0. The halves of a pair may be placed at the same time. */
    void (*place_value)(const float *value, int64_t position, int32_t head_dim, bool last, void *values);
    /** Softmax attention with running maximum and sum: no row of scores longer than a chunk exists. */
    void (*attend)(const struct hs_tile *tile);
    /** For positions first .. first + count: sums (D) += value, less what leaves the window (0: none), and out row E =
     * sums / min(position + 1, window). */
    void (*running_mean)(const void *values, int64_t first, int64_t count, int32_t head_dim, int64_t window,
                         double *sums, void *out);
    /** The position in first .. n-1 with the largest dot product with q (D) E, the lowest on ties. */
    int64_t (*best_key)(const void *q, const void *keys, int32_t head_dim, int64_t first, int64_t n);
    /** The largest of n > 0 values; NaN if any is NaN. */
    float (*largest)(const float *x, int64_t n);
    /** Sum of exp(x - shift), relative error below 1e-6 where every x <= shift. */
    float (*exp_sum)(const float *x, int64_t n, float shift);
    /** Multiply-adds in registers alone, `rounds` times: the most that one core can do. @return how many there were */
    double (*saturate)(int64_t rounds);
};

extern const struct hs_kernels hs_kernels_plain, hs_kernels_plain_bf16; /**< the twins */
extern const struct hs_kernels hs_kernels_base;                         /**< vectors of 4: any x86-64, ARM64 */
#if defined(__x86_64__)
extern const struct hs_kernels hs_kernels_avx2;
extern const struct hs_kernels hs_kernels_avx512;
extern const struct hs_kernels hs_kernels_avx512_bf16;
#elif defined(__aarch64__)
extern const struct hs_kernels hs_kernels_neon_bf16;
#endif

enum { HS_MOST_TABLES = 6 };

/** The tables of an element type for `most` and below, best first, NULL behind the last; the twin is the last.
 *  @param out room for HS_MOST_TABLES. */
void hs_kernels_available(enum hs_element element, enum hs_isa most, const struct hs_kernels **out);

static inline size_t hs_element_size(enum hs_element element) {
    return element == HS_F32 ? 4 : element == HS_BF16 ? 2 : 1;
}

/** bf16 is the upper half of an f32; rounded to nearest even. NaN stays NaN. */
static inline uint16_t hs_to_bf16(float value) {
    union {
        float f;
        uint32_t bits;
    } as = {value};
    if ((as.bits & 0x7FFFFFFF) > 0x7F800000) {
        return (uint16_t)(as.bits >> 16 | 0x40);
    }
    return (uint16_t)((as.bits + 0x7FFF + (as.bits >> 16 & 1)) >> 16);
}

static inline float hs_from_bf16(uint16_t value) {
    union {
        uint32_t bits;
        float f;
    } as = {(uint32_t)value << 16};
    return as.f;
}

#endif
