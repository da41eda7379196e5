/* Greedy continuation of a prompt: the prompt goes through the layers once, then each token alone, over caches of all
 * layers. */
#include "engine/cpu/cpu.h"

/* Takes `rows` new rows, the first at `position`, through all layers. Layer l's cache stands behind that of layer l
 * - 1. */
static headsift_status step(struct hs_engine *engine, struct hs_walk *walk, const struct hs_cache *caches,
                            int64_t position, bool far, headsift_error *error) {
    const struct hs_config *c = engine->config;
    const int64_t layer_size = caches->slots * c->n_kv_head * c->head_dim;
    struct hs_segment segment = {.length = walk->rows, .position = position, .far = far};
    walk->segments = &segment;
    walk->n_segments = 1;
    for (int32_t layer = 0; layer < c->n_layer; layer++) {
        walk->cache = *caches;
        walk->cache.keys = hs_at(engine, caches->keys, layer * layer_size);
        walk->cache.values = hs_at(engine, caches->values, layer * layer_size);
        HS_TRY(hs_layer_walk(engine, layer, walk, error));
    }
    return HEADSIFT_OK;
}

headsift_status hs_engine_generate(struct hs_engine *engine, const int32_t *prompt, int64_t n_prompt, int32_t most,
                                   hs_stop_fn stop, void *user, int32_t *out, int32_t *n_out, int32_t *columns,
                                   headsift_error *error) {
    const struct hs_config *c = engine->config;
    const int64_t hidden = c->hidden, heads = (int64_t)c->n_layer * c->n_head;
    *n_out = 0;
    if (n_prompt < 1) {
        return hs_fail(error, HEADSIFT_FAILED, "a prompt needs at least one token");
    }
    HS_TRY(hs_tokens_check(engine, prompt, n_prompt, error));
    HS_TRY(hs_rope_need(engine, n_prompt + most, error));
    HS_TRY(hs_scratch_need(&engine->streams, (size_t)(n_prompt * hidden) * sizeof(float), "hidden states", error));
    struct hs_cache caches;
    HS_TRY(hs_cache_need(engine, c->n_layer, hs_slots(n_prompt + most), &caches, error));
    struct hs_walk walk = {.x = engine->streams.data, .rows = n_prompt};
    int64_t position = 0;
    hs_embed(engine, prompt, n_prompt, walk.x);
    while (*n_out < most) {
        int64_t last = walk.rows - 1;
        struct hs_attend_request request = {&last, 1, columns == NULL ? NULL : columns + *n_out * heads};
        walk.request = columns == NULL ? NULL : &request;
        HS_TRY(step(engine, &walk, &caches, position, n_prompt + most > hs_rope_near(c), error));
        position += walk.rows;
        int32_t token;
        HS_TRY(hs_best_token(engine, walk.x + last * hidden, &token, error));
        out[(*n_out)++] = token;
        if (stop != NULL && stop(user, token)) {
            break;
        }
        walk.rows = 1;
        hs_embed(engine, &token, 1, walk.x);
    }
    return HEADSIFT_OK;
}
