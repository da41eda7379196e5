/* The kernels as their definitions read, in scalar C with double sums: slow, and the measure for the others. Compiled
 * for each element type by kernels_plain.c and kernels_plain_bf16.c, which define ELEMENT, PAIR, GET, PUT and the
 * table. */
#include <math.h>
#include <string.h>

#include "engine/cpu/kernels.h"

static void rms_norm(const float *x, const float *weight, int64_t n, float eps, void *out) {
    double squares = 0;
    for (int64_t i = 0; i < n; i++) {
        squares += (double)x[i] * x[i];
    }
    double scale = 1 / sqrt(squares / (double)n + eps);
    for (int64_t i = 0; i < n; i++) {
        ((ELEMENT *)out)[i] = PUT((float)(x[i] * scale) * weight[i]);
    }
}

static void round_row(const float *x, int64_t n, void *out) {
    for (int64_t i = 0; i < n; i++) {
        ((ELEMENT *)out)[i] = PUT(x[i]);
    }
}

static void norm_floats(float *x, const float *weight, int64_t n, float eps) {
    double squares = 0;
    for (int64_t i = 0; i < n; i++) {
        squares += (double)x[i] * x[i];
    }
    double scale = 1 / sqrt(squares / (double)n + eps);
    for (int64_t i = 0; i < n; i++) {
        x[i] = (float)(x[i] * scale) * weight[i];
    }
}

static void soft_cap(float *x, int64_t n, float cap) {
    for (int64_t i = 0; i < n; i++) {
        x[i] = (float)(cap * tanh((double)x[i] / cap));
    }
}

static void add(float *y, const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        y[i] += x[i];
    }
}

static void swiglu(const float *gate, const float *up, int64_t n, void *out) {
    for (int64_t i = 0; i < n; i++) {
        ((ELEMENT *)out)[i] = PUT((float)(gate[i] / (1 + exp(-(double)gate[i])) * up[i]));
    }
}

static void geglu(const float *gate, const float *up, int64_t n, void *out) {
    const double root = 0.79788456080286535588; /* sqrt(2 / pi) */
    for (int64_t i = 0; i < n; i++) {
        double x = gate[i], inner = root * (x + 0.044715 * x * x * x);
        ((ELEMENT *)out)[i] = PUT((float)(0.5 * x * (1 + tanh(inner)) * up[i]));
    }
}

static void rotate(const float *v, const float *cosine, const float *sine, int32_t half, float scale, void *out) {
    ELEMENT *to = out;
    for (int32_t i = 0; i < half; i++) {
        float a = v[i], b = v[i + half];
        to[i] = PUT((a * cosine[i] - b * sine[i]) * scale);
        to[i + half] = PUT((b * cosine[i] + a * sine[i]) * scale);
    }
}

static ptrdiff_t key_at(int64_t position, int32_t d, int32_t head_dim) {
    int64_t block = position / HS_KEY_BLOCK, lane = position % HS_KEY_BLOCK;
    return ((block * (head_dim / PAIR) + d / PAIR) * HS_KEY_BLOCK + lane) * PAIR + d % PAIR;
}

static ptrdiff_t value_at(int64_t position, int32_t d, int32_t head_dim) {
    return (position / PAIR * head_dim + d) * PAIR + position % PAIR;
}

static void place_key(const void *key, int64_t position, int32_t head_dim, void *keys) {
    for (int32_t d = 0; d < head_dim; d++) {
        ((ELEMENT *)keys)[key_at(position, d, head_dim)] = ((const ELEMENT *)key)[d];
    }
}

static void place_value(const float *value, int64_t position, int32_t head_dim, bool last, void *values) {
    for (int32_t d = 0; d < head_dim; d++) {
        ((ELEMENT *)values)[value_at(position, d, head_dim)] = PUT(value[d]);
        if (last && position % PAIR + 1 < PAIR) {
            ((ELEMENT *)values)[value_at(position + 1, d, head_dim)] = 0;
        }
    }
}

static double dot(const ELEMENT *q, const ELEMENT *keys, int32_t head_dim, int64_t key) {
    double sum = 0;
    for (int32_t d = 0; d < head_dim; d++) {
        sum += (double)GET(q[d]) * (double)GET(keys[key_at(key, d, head_dim)]);
    }
    return sum;
}

static double score(const struct hs_tile *tile, const ELEMENT *q, int64_t key) {
    double plain = dot(q, tile->keys, tile->head_dim, key), cap = tile->cap;
    return cap > 0 ? cap * tanh(plain / cap) : plain;
}

/* Two passes over the keys instead of a running maximum. */
static void attend_row(const struct hs_tile *tile, int32_t head, int32_t row) {
    const ELEMENT *q = (const ELEMENT *)tile->q[head] + row * tile->q_stride, *values = tile->values;
    int64_t seen = tile->position + row + 1, first = tile->window > 0 && seen > tile->window ? seen - tile->window : 0;
    double largest = -INFINITY, total = 0, sums[HS_MAX_HEAD_DIM] = {0};
    for (int64_t key = first; key < seen; key++) {
        largest = fmax(largest, score(tile, q, key));
    }
    for (int64_t key = first; key < seen; key++) {
        double weight = exp(score(tile, q, key) - largest);
        total += weight;
        for (int32_t d = 0; d < tile->head_dim; d++) {
            sums[d] += weight * (double)GET(values[value_at(key, d, tile->head_dim)]);
        }
    }
    ELEMENT *out = (ELEMENT *)tile->out[head] + row * tile->out_stride;
    for (int32_t d = 0; d < tile->head_dim; d++) {
        out[d] = PUT((float)(sums[d] / total));
    }
}

static void attend(const struct hs_tile *tile) {
    for (int32_t head = 0; head < tile->heads; head++) {
        for (int32_t row = 0; row < tile->rows; row++) {
            attend_row(tile, head, row);
        }
    }
}

static void running_mean(const void *values, int64_t first, int64_t count, int32_t head_dim, int64_t window,
                         double *sums, void *out) {
    const ELEMENT *from = values;
    for (int64_t position = first; position < first + count; position++) {
        const bool full = window > 0 && position >= window;
        for (int32_t d = 0; d < head_dim; d++) {
            sums[d] += (double)GET(from[value_at(position, d, head_dim)]);
            sums[d] -= full ? (double)GET(from[value_at(position - window, d, head_dim)]) : 0;
            ((ELEMENT *)out)[(position - first) * head_dim + d] =
                PUT((float)(sums[d] / (double)(full ? window : position + 1)));
        }
    }
}

static int64_t best_key(const void *q, const void *keys, int32_t head_dim, int64_t first, int64_t n) {
    int64_t best = first;
    double most = -INFINITY;
    for (int64_t key = first; key < n; key++) {
        double value = dot(q, keys, head_dim, key);
        if (value > most) {
            most = value;
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

static double saturate(int64_t rounds) {
    float sums[8] = {0}, element = GET(PUT(0.5f));
    for (int64_t round = 0; round < rounds; round++) {
        for (int i = 0; i < 8; i++) {
            sums[i] += element * element;
        }
        __asm__ volatile("" : : "r"(sums) : "memory");
    }
    return (double)rounds * 8;
}

const struct hs_kernels HS_TABLE = {
    .name = HS_TABLE_NAME,
    .element = HS_TABLE_ELEMENT,
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
