/* The loops between the products: norms, rotary positions, attention, activations, softmax sums. Each set of kernels is
 * one table; kernels_plain.c is the twin that says what the others must compute and that tests compare them with. */
#ifndef HS_ENGINE_CPU_KERNELS_H
#define HS_ENGINE_CPU_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum {
    HS_KEY_BLOCK = 32, /**< keys of a cache block: dimension d of 32 neighbouring positions stands together */
    HS_TILE_ROWS = 8,  /**< query rows of an attention tile, at most */
    HS_MAX_HEAD_DIM = 1024,
};

/** Attention of neighbouring query rows of one head over their own past. */
struct hs_tile {
    const float *q; /**< row r at q + r * q_stride, already scaled by 1 / sqrt(head_dim) */
    ptrdiff_t q_stride;
    int32_t rows;        /**< 1 .. HS_TILE_ROWS */
    int64_t position;    /**< of the first row in its document: it sees keys 0 .. position */
    const float *keys;   /**< (blocks, head_dim, HS_KEY_BLOCK) of the KV head */
    const float *values; /**< (positions, head_dim) of the KV head */
    int32_t head_dim;
    float *out; /**< row r at out + r * out_stride */
    ptrdiff_t out_stride;
};

struct hs_kernels {
    const char *name;
    /** out = x / sqrt(mean(x^2) + eps) * weight (Zhang and Sennrich, 1910.07467). n elements. */
    void (*rms_norm)(const float *x, const float *weight, int64_t n, float eps, float *out);
    /** y += x */
    void (*add)(float *y, const float *x, int64_t n);
    /** out = gate * sigmoid(gate) * up (Shazeer, 2002.05202, SwiGLU without its products) */
    void (*swiglu)(const float *gate, const float *up, int64_t n, float *out);
    /** Rotates the pairs (i, i + half) of v by the angles whose cosines and sines are given, then multiplies by scale.
     */
    void (*rotate)(float *v, const float *cosine, const float *sine, int32_t half, float scale);
    /** Softmax attention with running maximum and sum: no row of scores longer than a chunk exists. */
    void (*attend)(const struct hs_tile *tile);
    /** The position in 0 .. n-1 with the largest dot product with q, the lowest on ties. */
    int64_t (*best_key)(const float *q, const float *keys, int32_t head_dim, int64_t n);
    /** The largest of n > 0 values; NaN if any is NaN. */
    float (*largest)(const float *x, int64_t n);
    /** Sum of exp(x - shift), relative error below 1e-6 where every x <= shift. */
    float (*exp_sum)(const float *x, int64_t n, float shift);
};

extern const struct hs_kernels hs_kernels_plain; /**< the twin */
extern const struct hs_kernels hs_kernels_base;  /**< vectors of 4: any x86-64, ARM64 */
#if defined(__x86_64__)
extern const struct hs_kernels hs_kernels_avx2;
extern const struct hs_kernels hs_kernels_avx512;
#endif

/** The sets that this machine can run, best first, NULL behind the last. @param out room for 5. */
void hs_kernels_available(const struct hs_kernels **out);

#endif
