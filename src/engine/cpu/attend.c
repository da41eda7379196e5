/* Where each head of each layer looks from some rows of one sequence.
 * The layers are walked as for losses; each block answers the rows that it holds before its queries are overwritten. */
#include "engine/cpu/cpu.h"

headsift_status hs_engine_attend(struct hs_engine *engine, const int32_t *tokens, int64_t n_tokens, const int64_t *rows,
                                 int64_t n_rows, int32_t *columns, headsift_error *error) {
    const struct hs_config *c = engine->config;
    if (n_rows == 0) {
        return HEADSIFT_OK;
    }
    int64_t needed = rows[n_rows - 1] + 1; /* what stands behind the last row is never seen */
    if (rows[0] < 0 || needed > n_tokens) {
        return hs_fail(error, HEADSIFT_FAILED, "rows %lld to %lld are asked of %lld tokens", (long long)rows[0],
                       (long long)needed - 1, (long long)n_tokens);
    }
    HS_TRY(hs_tokens_check(engine, tokens, needed, error));
    HS_TRY(hs_rope_need(engine, n_tokens > hs_rope_near(c) ? n_tokens : needed, error));
    HS_TRY(hs_scratch_need(&engine->streams, (size_t)(needed * c->hidden) * sizeof(float), "hidden states", error));
    struct hs_segment segment = {.length = needed, .far = n_tokens > hs_rope_near(c)};
    struct hs_attend_request request = {rows, n_rows, columns};
    struct hs_walk walk = {
        .x = engine->streams.data, .rows = needed, .segments = &segment, .n_segments = 1, .request = &request};
    HS_TRY(hs_cache_need(engine, 1, hs_slots(needed), &walk.cache, error));
    hs_embed(engine, tokens, needed, walk.x);
    for (int32_t layer = 0; layer < c->n_layer; layer++) {
        HS_TRY(hs_layer_walk(engine, layer, &walk, error));
    }
    return HEADSIFT_OK;
}
