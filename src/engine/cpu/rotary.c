/* The tables of rotary positions: one for most layers, one for layers with a base of their own, one for documents
 * beyond the length that longrope began with. Layers without positions are turned by nothing: ones and zeros. */
#include "engine/cpu/rotary.h"

#include <math.h>

headsift_status hs_rotary_open(struct hs_engine *engine, headsift_error *error) {
    const size_t half = (size_t)engine->config->head_dim / 2;
    engine->ones = hs_alloc(half, sizeof *engine->ones);
    engine->zeros = hs_alloc(half, sizeof *engine->zeros);
    if (engine->ones == NULL || engine->zeros == NULL) {
        return hs_fail_memory(error, "rotary tables", half * sizeof *engine->ones);
    }
    for (size_t i = 0; i < half; i++) {
        engine->ones[i] = 1;
    }
    for (int table = 0; table < HS_ROPE_TABLES; table++) {
        struct hs_rotary *rotary = &engine->rotary[table];
        if (!hs_rope_has(engine->config, (enum hs_rope_table)table)) {
            continue;
        }
        rotary->frequencies = hs_alloc(half, sizeof *rotary->frequencies);
        if (rotary->frequencies == NULL) {
            return hs_fail_memory(error, "rotary tables", half * sizeof *rotary->frequencies);
        }
        rotary->magnitude = hs_rope_frequencies(engine->config, (enum hs_rope_table)table, rotary->frequencies);
    }
    return HEADSIFT_OK;
}

void hs_rotary_close(struct hs_engine *engine) {
    for (int table = 0; table < HS_ROPE_TABLES; table++) {
        hs_free(engine->rotary[table].frequencies);
        hs_free(engine->rotary[table].cosine);
        hs_free(engine->rotary[table].sine);
    }
    hs_free(engine->ones);
    hs_free(engine->zeros);
}

static headsift_status grow(struct hs_rotary *table, int64_t half, int64_t positions, headsift_error *error) {
    if (positions <= table->positions) {
        return HEADSIFT_OK;
    }
    int64_t count = positions * half;
    float *cosine = hs_realloc(table->cosine, (size_t)count, sizeof *cosine);
    if (cosine != NULL) {
        table->cosine = cosine;
    }
    float *sine = hs_realloc(table->sine, (size_t)count, sizeof *sine);
    if (sine != NULL) {
        table->sine = sine;
    }
    if (cosine == NULL || sine == NULL) {
        return hs_fail_memory(error, "rotary tables", (size_t)count * sizeof *sine);
    }
    const double *frequencies = table->frequencies, magnitude = table->magnitude;
#pragma omp parallel for
    for (int64_t t = table->positions; t < positions; t++) {
        for (int64_t i = 0; i < half; i++) {
            double angle = (double)t * frequencies[i];
            cosine[t * half + i] = (float)(cos(angle) * magnitude);
            sine[t * half + i] = (float)(sin(angle) * magnitude);
        }
    }
    table->positions = positions;
    return HEADSIFT_OK;
}

headsift_status hs_rope_need(struct hs_engine *engine, int64_t positions, headsift_error *error) {
    const struct hs_config *c = engine->config;
    if (c->rope.kind == HS_ROPE_DYNAMIC && positions > c->rope.original_context) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: a document of %lld tokens: dynamic rotary positions are not supported beyond the trained "
                       "%lld (--max-tokens %lld)",
                       c->name, (long long)positions, (long long)c->rope.original_context,
                       (long long)c->rope.original_context);
    }
    for (int table = 0; table < HS_ROPE_TABLES; table++) {
        bool needed = table != HS_ROPE_FAR || positions > hs_rope_near(c);
        if (needed && engine->rotary[table].frequencies != NULL) {
            HS_TRY(grow(&engine->rotary[table], c->rotary_dim / 2, positions, error));
        }
    }
    return HEADSIFT_OK;
}
