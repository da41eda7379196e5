/* The documents of a batch laid out as a stream: where each stands behind its parents, and its segment, rows and cache
 * slots. */
#include "engine/cpu/cpu.h"

int64_t hs_engine_prefix_step(void) { return HS_KEY_BLOCK; }

headsift_status hs_batch_check(const struct hs_engine *engine, const struct hs_batch *batch, headsift_error *error) {
    if (batch->n_documents < 0 || (batch->n_documents > 0 && batch->offsets[0] != 0)) {
        return hs_fail(error, HEADSIFT_FAILED, "a batch must begin at token 0");
    }
    for (int32_t d = 0; d < batch->n_documents; d++) {
        if (batch->offsets[d + 1] < batch->offsets[d]) {
            return hs_fail(error, HEADSIFT_FAILED, "document %d of a batch has a negative length", d);
        }
        if (batch->parents != NULL && (batch->parents[d] < -1 || batch->parents[d] >= d)) {
            return hs_fail(error, HEADSIFT_FAILED, "document %d of a batch has parent %d, which must stand before it",
                           d, batch->parents[d]);
        }
    }
    return hs_tokens_check(engine, batch->tokens, batch->n_documents > 0 ? batch->offsets[batch->n_documents] : 0,
                           error);
}

static struct hs_place *parent_of(const struct hs_layout *layout, int32_t document) {
    const int32_t *parents = layout->batch->parents;
    return parents == NULL || parents[document] < 0 ? NULL : &layout->places[parents[document]];
}

static headsift_status place_document(struct hs_layout *layout, int32_t document, headsift_error *error) {
    const int64_t *offsets = layout->batch->offsets, length = offsets[document + 1] - offsets[document];
    struct hs_place *place = &layout->places[document], *parent = parent_of(layout, document);
    *place = (struct hs_place){.end = length, .last_row = -1, .segment = -1};
    if (parent != NULL) {
        if (parent->end % HS_KEY_BLOCK != 0) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "document %d of a batch goes on behind %lld tokens: parents must end at a multiple of %d",
                           document, (long long)parent->end, HS_KEY_BLOCK);
        }
        *place = *parent;
        place->position = parent->end;
        place->end = parent->end + length;
        parent->has_children = true;
    }
    if (length > 0) {
        place->last_row = offsets[document + 1] - 1;
        place->segment = layout->n_segments++;
    }
    place->has_children = false;
    return HEADSIFT_OK;
}

/* Which rotary table each document takes: that of the texts that end in it or go on behind it. */
static headsift_status choose_tables(const struct hs_engine *engine, struct hs_layout *layout, headsift_error *error) {
    const int64_t border = hs_rope_near(engine->config);
    for (int32_t d = layout->batch->n_documents - 1; d >= 0; d--) {
        struct hs_place *place = &layout->places[d], *parent = parent_of(layout, d);
        if (!place->has_children) {
            place->far = place->end + layout->more > border;
            place->near = !place->far;
        }
        if (place->near && place->far) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "texts behind document %d of a batch lie on both sides of %lld tokens, where %s's rotary "
                           "positions change: send them without parents",
                           d, (long long)border, engine->config->name);
        }
        if (parent != NULL) {
            parent->near = parent->near || place->near;
            parent->far = parent->far || place->far;
        }
    }
    return HEADSIFT_OK;
}

/* Positions that the cache must have room for. */
static int64_t positions(const struct hs_layout *layout, const struct hs_place *place) {
    return place->end + (place->has_children ? 0 : layout->more);
}

headsift_status hs_layout_make(const struct hs_engine *engine, const struct hs_batch *batch, int64_t more,
                               struct hs_layout *out, headsift_error *error) {
    const int32_t n = batch->n_documents;
    *out = (struct hs_layout){.batch = batch, .more = more};
    HS_TRY(hs_batch_check(engine, batch, error));
    out->n_tokens = n > 0 ? batch->offsets[n] : 0;
    out->places = hs_alloc((size_t)n, sizeof *out->places);
    if (out->places == NULL && n > 0) {
        return hs_fail_memory(error, "documents of a batch", (size_t)n * sizeof *out->places);
    }
    headsift_status status = HEADSIFT_OK;
    for (int32_t d = 0; d < n && status == HEADSIFT_OK; d++) {
        status = place_document(out, d, error);
    }
    if (status == HEADSIFT_OK) {
        status = choose_tables(engine, out, error);
    }
    if (status != HEADSIFT_OK) {
        hs_layout_free(out);
        return status;
    }
    for (int32_t d = 0; d < n; d++) {
        int64_t needed = positions(out, &out->places[d]);
        out->slots += batch->offsets[d + 1] > batch->offsets[d] ? hs_slots(needed) : 0;
        out->longest = needed > out->longest ? needed : out->longest;
    }
    return HEADSIFT_OK;
}

void hs_layout_free(struct hs_layout *layout) {
    hs_free(layout->places);
    layout->places = NULL;
}

void hs_layout_segments(const struct hs_layout *layout, int64_t stream, const struct hs_plan *plan,
                        struct hs_segment *out) {
    const int64_t *offsets = layout->batch->offsets;
    int64_t slot = stream * layout->slots;
    for (int32_t d = 0; d < layout->batch->n_documents; d++) {
        const struct hs_place *place = &layout->places[d], *parent = parent_of(layout, d);
        if (offsets[d + 1] == offsets[d]) {
            continue;
        }
        out[place->segment] = (struct hs_segment){
            .row = stream * layout->n_tokens + offsets[d],
            .length = offsets[d + 1] - offsets[d],
            .position = place->position,
            .far = place->far,
            .slot = slot,
            .plan = plan,
            .parent = parent == NULL || parent->segment < 0 ? NULL : &out[parent->segment],
        };
        slot += hs_slots(positions(layout, place));
    }
}
