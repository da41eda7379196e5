/* The loops beside products of s8: rows split into outliers and whole numbers, and the scales of what comes out.
 * kernels_s8_plain.c is the twin that says what the other table must compute. */
#ifndef HS_ENGINE_CPU_KERNELS_S8_H
#define HS_ENGINE_CPU_KERNELS_S8_H

#include <stdint.h>

enum {
    HS_S8_SLACK = 32,     /**< elements behind a row that quantise may overwrite */
    HS_MAX_ROTATED = 512, /**< columns of an input that is transformed */
    HS_MOST_ROTATED = 64, /**< columns of a block of it */
};

/** How the columns of an input are split. */
struct hs_split {
    int64_t n;             /**< columns */
    const uint32_t *taken; /**< (n / 32, rounded up): bit i of word w says that column 32 w + i is an outlier */
    int32_t n_taken;
    int32_t block; /**< the rest is transformed by Hadamard in blocks of so many (32 or 64); 1: it isn't */
};

struct hs_s8_kernels {
    const char *name;
    /** x (n) bf16 = scale * (outliers (n_taken) bf16 and q (n - n_taken), each in the order of their columns; q stands
     *  for the rest after its transform). q is rounded to whole numbers of -127 .. 127 of the smallest scale.
     *  @return the scale: NaN where the rest isn't finite, 1 where it is 0 */
    float (*quantise)(const uint16_t *x, const struct hs_split *split, uint16_t *outliers, int8_t *q);
    /** out (n) = y (n) * row * columns (n) */
    void (*scale)(const float *y, float row, const float *columns, int64_t n, float *out);
    /** x (n) += y (n) * row * columns (n) */
    void (*add_scaled)(const float *y, float row, const float *columns, int64_t n, float *x);
    /** Multiply-adds in registers alone, as of hs_kernels. */
    double (*saturate)(int64_t rounds);
};

extern const struct hs_s8_kernels hs_s8_plain; /**< the twin */
#if defined(__x86_64__)
extern const struct hs_s8_kernels hs_s8_avx512; /**< AVX-512 VNNI, BF16 and VBMI2 */
#endif

/** v (n, a power of 2) becomes its orthonormal Hadamard transform, which undoes itself. */
void hs_hadamard(float *v, int64_t n);

/** The best table of a machine on which hs_isa_check_int8 finds nothing missing. */
static inline const struct hs_s8_kernels *hs_s8_best(void) {
#if defined(__x86_64__)
    return &hs_s8_avx512;
#else
    return &hs_s8_plain;
#endif
}

#endif
