/* Inverse frequencies of the rotary embedding, in f64.
 * RoFormer (2104.09864) eq. 15; Llama 3's scaling by wavelength as transformers defines it. */
#include <math.h>

#include "model/internal.h"

static const double PI = 3.14159265358979323846;

/* Long wavelengths are slowed by the factor, short ones kept, those between blended by how many turns they make in the
 * original context. */
static double llama3(const struct hs_rope *rope, double frequency) {
    double context = (double)rope->original_context;
    double wavelength = 2.0 * PI / frequency;
    if (wavelength > context / rope->low_freq_factor) {
        return frequency / rope->factor;
    }
    if (wavelength < context / rope->high_freq_factor) {
        return frequency;
    }
    double smooth = (context / wavelength - rope->low_freq_factor) / (rope->high_freq_factor - rope->low_freq_factor);
    return (1.0 - smooth) * frequency / rope->factor + smooth * frequency;
}

void hs_rope_fill(const struct hs_rope *rope, int32_t head_dim, double *out) {
    for (int32_t i = 0; i < head_dim / 2; i++) {
        double frequency = pow(rope->base, -2.0 * i / head_dim);
        switch (rope->kind) {
        case HS_ROPE_LINEAR:
            frequency /= rope->factor;
            break;
        case HS_ROPE_LLAMA3:
            frequency = llama3(rope, frequency);
            break;
        case HS_ROPE_DEFAULT:
            break;
        }
        out[i] = frequency;
    }
}

void hs_rope_frequencies(const struct hs_model *model, double *out) {
    hs_rope_fill(&model->config.rope, model->config.head_dim, out);
    for (int32_t i = 0; model->rope_divisors != NULL && i < model->config.head_dim / 2; i++) {
        out[i] /= model->rope_divisors[i];
    }
}
