/* Rotary positions: tables of cosines and sines for each kind of layer, and the turning of one head's row.
 * Angles are formed in f64; tables grow with the longest document. */
#ifndef HS_ENGINE_CPU_ROTARY_H
#define HS_ENGINE_CPU_ROTARY_H

#include "engine/cpu/layer.h"

/** Cosines and sines of one position. */
struct hs_angles {
    const float *cosine, *sine;
};

/** What a layer turns a position's queries and keys by. */
static inline struct hs_angles hs_angles_at(const struct hs_engine *engine, int32_t layer,
                                            const struct hs_segment *segment, int64_t position) {
    const uint8_t flags = engine->config->layer_flags[layer];
    if ((flags & HS_LAYER_NO_ROPE) != 0) {
        return (struct hs_angles){engine->ones, engine->zeros};
    }
    const struct hs_rotary *table = &engine->rotary[(flags & HS_LAYER_LOCAL_ROPE) != 0 ? HS_ROPE_LOCAL
                                                    : segment->far                     ? HS_ROPE_FAR
                                                                                       : HS_ROPE_GLOBAL];
    const int64_t at = position * (engine->config->rotary_dim / 2);
    return (struct hs_angles){table->cosine + at, table->sine + at};
}

/** out (D) E = v (D) turned in its first rotary_dim dimensions, times scale. */
static inline void hs_rotate(const struct hs_engine *engine, const float *v, struct hs_angles angles, float scale,
                             void *out) {
    const int32_t rotated = engine->config->rotary_dim, rest = engine->config->head_dim - rotated;
    engine->kernels->rotate(v, angles.cosine, angles.sine, rotated / 2, scale, out);
    if (rest > 0) {
        engine->kernels->rotate(v + rotated, engine->ones, engine->zeros, rest / 2, scale, hs_at(engine, out, rotated));
    }
}

#endif
