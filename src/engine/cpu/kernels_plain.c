/* The kernels as their definitions read, in scalar C with double sums: slow, and the measure for the others.
 * Tests run every other table against this one. */
#include <math.h>

#include "engine/cpu/kernels.h"

static void rms_norm(const float *x, const float *weight, int64_t n, float eps, float *out) {
    double squares = 0;
    for (int64_t i = 0; i < n; i++) {
        squares += (double)x[i] * x[i];
    }
    double scale = 1 / sqrt(squares / (double)n + eps);
    for (int64_t i = 0; i < n; i++) {
        out[i] = (float)(x[i] * scale) * weight[i];
    }
}

static void add(float *y, const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        y[i] += x[i];
    }
}

static void swiglu(const float *gate, const float *up, int64_t n, float *out) {
    for (int64_t i = 0; i < n; i++) {
        out[i] = (float)(gate[i] / (1 + exp(-(double)gate[i])) * up[i]);
    }
}

static void rotate(float *v, const float *cosine, const float *sine, int32_t half, float scale) {
    for (int32_t i = 0; i < half; i++) {
        float a = v[i], b = v[i + half];
        v[i] = (a * cosine[i] - b * sine[i]) * scale;
        v[i + half] = (b * cosine[i] + a * sine[i]) * scale;
    }
}

static double dot(const float *q, const float *keys, int32_t head_dim, int64_t key) {
    const float *block = keys + key / HS_KEY_BLOCK * HS_KEY_BLOCK * head_dim + key % HS_KEY_BLOCK;
    double sum = 0;
    for (int32_t d = 0; d < head_dim; d++) {
        sum += (double)q[d] * block[(ptrdiff_t)d * HS_KEY_BLOCK];
    }
    return sum;
}

/* Two passes over the keys instead of a running maximum. */
static void attend_row(const struct hs_tile *tile, int32_t row) {
    const float *q = tile->q + row * tile->q_stride;
    int64_t seen = tile->position + row + 1;
    double largest = -INFINITY, total = 0, sums[HS_MAX_HEAD_DIM] = {0};
    for (int64_t key = 0; key < seen; key++) {
        largest = fmax(largest, dot(q, tile->keys, tile->head_dim, key));
    }
    for (int64_t key = 0; key < seen; key++) {
        double weight = exp(dot(q, tile->keys, tile->head_dim, key) - largest);
        total += weight;
        for (int32_t d = 0; d < tile->head_dim; d++) {
            sums[d] += weight * tile->values[key * tile->head_dim + d];
        }
    }
    for (int32_t d = 0; d < tile->head_dim; d++) {
        tile->out[row * tile->out_stride + d] = (float)(sums[d] / total);
    }
}

static void attend(const struct hs_tile *tile) {
    for (int32_t row = 0; row < tile->rows; row++) {
        attend_row(tile, row);
    }
}

static int64_t best_key(const float *q, const float *keys, int32_t head_dim, int64_t n) {
    int64_t best = 0;
    double most = -INFINITY;
    for (int64_t key = 0; key < n; key++) {
        double score = dot(q, keys, head_dim, key);
        if (score > most) {
            most = score;
            best = key;
        }
    }
    return best;
}

static float largest(const float *x, int64_t n) {
    float most = x[0];
    for (int64_t i = 1; i < n; i++) {
        if (!(x[i] <= most)) {
            most = x[i];
        }
        if (isnan(most)) {
            return most;
        }
    }
    return most;
}

static float exp_sum(const float *x, int64_t n, float shift) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += exp((double)x[i] - shift);
    }
    return (float)sum;
}

const struct hs_kernels hs_kernels_plain = {
    .name = "plain",
    .rms_norm = rms_norm,
    .add = add,
    .swiglu = swiglu,
    .rotate = rotate,
    .attend = attend,
    .best_key = best_key,
    .largest = largest,
    .exp_sum = exp_sum,
};
