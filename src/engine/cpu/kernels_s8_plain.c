/* The kernels beside products of s8 as their definitions read, in scalar C.
 * Slow, and the measure for the other table. */
#include "engine/cpu/kernels_s8.h"

#include <math.h>
#include <stdbool.h>

#include "engine/cpu/kernels.h"

void hs_hadamard(float *v, int64_t n) {
    for (int64_t step = 1; step < n; step *= 2) {
        for (int64_t i = 0; i < n; i++) {
            if ((i & step) == 0) {
                float a = v[i], b = v[i + step];
                v[i] = a + b;
                v[i + step] = a - b;
            }
        }
    }
    for (int64_t i = 0; i < n; i++) {
        v[i] /= sqrtf((float)n);
    }
}

static bool is_taken(const struct hs_split *split, int64_t i) { return (split->taken[i / 32] >> i % 32 & 1) != 0; }

/* What isn't an outlier; in blocks it is transformed. */
static float rest_at(const uint16_t *x, const struct hs_split *split, int64_t at) {
    float block[HS_MOST_ROTATED];
    const int64_t first = at / split->block * split->block;
    int64_t n = 0;
    for (int64_t i = 0; i < split->n && n < first + split->block; i++) {
        if (!is_taken(split, i)) {
            if (n >= first) {
                block[n - first] = hs_from_bf16(x[i]);
            }
            n++;
        }
    }
    if (split->block > 1) {
        hs_hadamard(block, split->block);
    }
    return block[at - first];
}

static float quantise(const uint16_t *x, const struct hs_split *split, uint16_t *outliers, int8_t *q) {
    const int64_t rest = split->n - split->n_taken;
    float most = 0;
    for (int64_t i = 0; i < rest && isfinite(most); i++) {
        float magnitude = fabsf(rest_at(x, split, i));
        most = magnitude <= most ? most : magnitude;
    }
    const float inverse = most > 1e-30f && isfinite(most) ? 127 / most : 0;
    const float scale_of_row = !isfinite(most) ? NAN : most > 1e-30f ? most / 127 : 1;
    for (int64_t i = 0; i < rest; i++) {
        q[i] = isfinite(most) ? (int8_t)rintf(rest_at(x, split, i) * inverse) : 0;
    }
    for (int64_t i = 0, n = 0; i < split->n; i++) {
        if (is_taken(split, i)) {
            outliers[n++] = hs_to_bf16(hs_from_bf16(x[i]) * (1 / scale_of_row));
        }
    }
    return scale_of_row;
}

static void scale(const float *y, float row, const float *columns, int64_t n, float *out) {
    for (int64_t i = 0; i < n; i++) {
        out[i] = (float)((double)y[i] * row * columns[i]);
    }
}

static void add_scaled(const float *y, float row, const float *columns, int64_t n, float *x) {
    for (int64_t i = 0; i < n; i++) {
        x[i] = (float)(x[i] + (double)y[i] * row * columns[i]);
    }
}

static double saturate(int64_t rounds) {
    int32_t sums[8] = {0};
    for (int64_t round = 0; round < rounds; round++) {
        for (int i = 0; i < 8; i++) {
            sums[i] += 3;
        }
        __asm__ volatile("" : : "r"(sums) : "memory");
    }
    return (double)rounds * 8;
}

const struct hs_s8_kernels hs_s8_plain = {
    .name = "plain",
    .quantise = quantise,
    .scale = scale,
    .add_scaled = add_scaled,
    .saturate = saturate,
};
