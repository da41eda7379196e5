/* Inverse frequencies of the rotary embedding, in f64.
 * RoFormer (2104.09864) eq. 15; the scalings as transformers defines them (yarn: 2309.00071). */
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

/* The pair, as a real number, that makes so many turns in the original context. */
static double pair_of_turns(const struct hs_rope *rope, double turns, int32_t dim) {
    return dim * log((double)rope->original_context / (turns * 2.0 * PI)) / (2.0 * log(rope->base));
}

/* Fast pairs are kept, slow ones slowed by the factor, with a ramp over the pairs between. */
static double yarn(const struct hs_rope *rope, int32_t pair, int32_t dim, double frequency) {
    double low = pair_of_turns(rope, rope->beta_fast, dim), high = pair_of_turns(rope, rope->beta_slow, dim);
    if (rope->whole_bounds) {
        low = floor(low);
        high = ceil(high);
    }
    low = fmax(low, 0);
    high = fmin(high, dim - 1);
    double ramp = (pair - low) / (high == low ? 0.001 : high - low);
    ramp = fmin(fmax(ramp, 0), 1);
    return frequency / rope->factor * ramp + frequency * (1 - ramp);
}

void hs_rope_fill(const struct hs_rope *rope, int32_t rotary_dim, double *out) {
    for (int32_t i = 0; i < rotary_dim / 2; i++) {
        double frequency = pow(rope->base, -2.0 * i / rotary_dim);
        switch (rope->kind) {
        case HS_ROPE_LINEAR:
            frequency /= rope->factor;
            break;
        case HS_ROPE_LLAMA3:
            frequency = llama3(rope, frequency);
            break;
        case HS_ROPE_YARN:
            frequency = yarn(rope, i, rotary_dim, frequency);
            break;
        case HS_ROPE_DEFAULT:
        case HS_ROPE_DYNAMIC:  /* refused where it would differ */
        case HS_ROPE_LONGROPE: /* by its divisors */
            break;
        }
        out[i] = frequency;
    }
}

bool hs_rope_has(const struct hs_config *config, enum hs_rope_table table) {
    uint8_t flags = 0;
    for (int32_t i = 0; i < config->n_layer; i++) {
        flags |= config->layer_flags[i];
    }
    return table == HS_ROPE_GLOBAL || (table == HS_ROPE_LOCAL && (flags & HS_LAYER_LOCAL_ROPE) != 0) ||
           (table == HS_ROPE_FAR && config->rope.kind == HS_ROPE_LONGROPE);
}

double hs_rope_frequencies(const struct hs_config *config, enum hs_rope_table table, double *out) {
    const struct hs_rope *rope = table == HS_ROPE_LOCAL ? &config->local_rope : &config->rope;
    hs_rope_fill(rope, config->rotary_dim, out);
    for (int32_t i = 0; config->divided && table != HS_ROPE_LOCAL && i < config->rotary_dim / 2; i++) {
        out[i] /= (double)config->divisors[table == HS_ROPE_FAR][i];
    }
    return rope->magnitude > 0 ? rope->magnitude : 1;
}
