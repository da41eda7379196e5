/* Greedy continuation of prompts under masks, over caches of all layers. The prompts go through the layers once; the
 * streams of the masks join where their first heads are. Then the last tokens of all streams go through together. */
#include <string.h>

#include "engine/cpu/cpu.h"

/* What was asked. */
struct question {
    struct hs_engine *engine;
    const struct hs_batch *batch;
    const struct hs_mask *masks;
    int32_t most;
    hs_stop_stream_fn stop;
    void *user;
    int32_t *out, *n_out;
    int32_t *columns; /* NULL: not asked; else there are one prompt and one mask */
};

/* Neighbouring masks and some prompts. */
struct share {
    const int32_t *prompts; /* documents of the question's batch, ascending */
    int32_t n_prompts;
    int32_t first_mask, n_masks;
};

/* What goes on behind a prompt in one stream. */
struct tail {
    int32_t mask, document; /* the question's */
    int64_t position;       /* of the next token */
    int64_t slot;
    const struct hs_plan *plan;
    bool far;
};

/* One round: the streams of a share. The first is that of the last plan, which shares most layers; it begins alone. */
struct round {
    const struct question *question;
    struct share share;
    struct hs_batch batch; /* the share's prompts and their ancestors */
    int32_t *documents;    /* (batch.n_documents) in the question's batch */
    struct hs_layout layout;
    struct hs_plan *plans;
    struct hs_cache caches; /* of the first layer; those of the others stand behind it */
    struct hs_segment *segments;
    struct tail *tails; /* still going on, stream by stream */
    int64_t *rows;      /* (n_tails) of x: what gives each tail's next token */
    int32_t *tokens;    /* (n_tails) the last ones */
    int32_t n_tails;
};

/* ---- Prompts of a round ----------------------------------------------------------------------------------------- */

static int32_t parent_of(const struct hs_batch *batch, int32_t document) {
    return batch->parents == NULL ? -1 : batch->parents[document];
}

static void free_round(struct round *round) {
    hs_layout_free(&round->layout);
    hs_free((void *)round->batch.tokens);
    hs_free((void *)round->batch.offsets);
    hs_free((void *)round->batch.parents);
    hs_free(round->documents);
    hs_free(round->tails);
    hs_free(round->rows);
    hs_free(round->tokens);
}

/* Copies those documents for which places (of the question's batch) is not -1, and puts their new places there. */
static headsift_status copy_documents(struct round *round, int32_t *places, headsift_error *error) {
    const struct hs_batch *from = round->question->batch;
    const size_t n = (size_t)from->n_documents, n_tokens = (size_t)from->offsets[n];
    int32_t *tokens = hs_alloc(n_tokens, sizeof *tokens), *parents = hs_alloc(n, sizeof *parents);
    int64_t *offsets = hs_alloc(n + 1, sizeof *offsets);
    round->documents = hs_alloc(n, sizeof *round->documents);
    round->batch = (struct hs_batch){.tokens = tokens, .offsets = offsets, .parents = parents};
    if (tokens == NULL || parents == NULL || offsets == NULL || round->documents == NULL) {
        return hs_fail_memory(error, "prompts", n_tokens * sizeof *tokens);
    }
    for (int32_t d = 0; d < from->n_documents; d++) {
        if (places[d] < 0) {
            continue;
        }
        const int32_t at = round->batch.n_documents++, parent = parent_of(from, d);
        const int64_t length = from->offsets[d + 1] - from->offsets[d];
        memcpy(tokens + offsets[at], from->tokens + from->offsets[d], (size_t)length * sizeof *tokens);
        offsets[at + 1] = offsets[at] + length;
        parents[at] = parent < 0 ? -1 : places[parent];
        round->documents[at] = d;
        places[d] = at;
    }
    return HEADSIFT_OK;
}

static headsift_status gather_prompts(struct round *round, headsift_error *error) {
    const struct hs_batch *from = round->question->batch;
    const size_t n = (size_t)from->n_documents;
    int32_t *places = hs_alloc(n, sizeof *places);
    if (places == NULL) {
        return hs_fail_memory(error, "prompts", n * sizeof *places);
    }
    memset(places, -1, n * sizeof *places);
    for (int32_t i = 0; i < round->share.n_prompts; i++) {
        for (int32_t d = round->share.prompts[i]; d >= 0 && places[d] < 0; d = parent_of(from, d)) {
            places[d] = 0;
        }
    }
    headsift_status status = copy_documents(round, places, error);
    hs_free(places);
    return status == HEADSIFT_OK
               ? hs_layout_make(round->question->engine, &round->batch, round->question->most, &round->layout, error)
               : status;
}

/* ---- Prompts through the layers --------------------------------------------------------------------------------- */

static const struct hs_plan *plan_of(const struct round *round, int32_t stream) {
    return &round->plans[stream == 0 ? round->share.n_masks - 1 : stream - 1];
}

/* Elements of one layer's keys, or values. */
static int64_t layer_size(const struct round *round) {
    const struct hs_config *c = round->question->engine->config;
    return round->caches.slots * c->n_kv_head * c->head_dim;
}

static size_t round_bytes(const struct round *round) {
    const struct hs_engine *engine = round->question->engine;
    const struct hs_config *c = engine->config;
    const size_t kv = 2 * (size_t)(c->n_layer * c->n_kv_head * c->head_dim) * engine->element_size;
    const size_t x = (size_t)(round->layout.n_tokens * c->hidden) * sizeof(float);
    return (size_t)round->share.n_masks * ((size_t)round->layout.slots * kv + x);
}

static headsift_status make_room(struct round *round, headsift_error *error) {
    struct hs_engine *engine = round->question->engine;
    const struct hs_config *c = engine->config;
    const int64_t streams = round->share.n_masks, rows = streams * round->layout.n_tokens;
    const size_t segments = (size_t)(streams * round->layout.n_segments);
    const size_t tails = (size_t)streams * (size_t)round->share.n_prompts;
    HS_TRY(hs_rope_need(engine, round->layout.longest, error));
    HS_TRY(hs_scratch_need(&engine->streams, (size_t)(rows * c->hidden) * sizeof(float), "hidden states", error));
    HS_TRY(hs_scratch_need(&engine->segments, segments * sizeof(struct hs_segment), "prompts", error));
    HS_TRY(hs_cache_need(engine, c->n_layer, streams * round->layout.slots, &round->caches, error));
    round->segments = engine->segments.data;
    round->tails = hs_alloc(tails, sizeof *round->tails);
    round->rows = hs_alloc(tails, sizeof *round->rows);
    round->tokens = hs_alloc(tails, sizeof *round->tokens);
    if (round->tails == NULL || round->rows == NULL || round->tokens == NULL) {
        return hs_fail_memory(error, "continuations", tails * sizeof *round->tails);
    }
    return HEADSIFT_OK;
}

/* A stream begins before `layer`, with what the first one has computed so far. */
static void join(const struct round *round, int32_t stream, int32_t layer) {
    const struct hs_engine *engine = round->question->engine;
    const struct hs_config *c = engine->config;
    const int64_t x = round->layout.n_tokens * c->hidden, slots = round->layout.slots * c->head_dim;
    const size_t bytes = (size_t)slots * engine->element_size;
    float *streams = engine->streams.data;
    memcpy(streams + stream * x, streams, (size_t)x * sizeof *streams);
    for (int32_t head = 0; head < layer * c->n_kv_head; head++) { /* of all these layers */
        const int64_t from = head * round->caches.slots * c->head_dim, to = from + stream * slots;
        memcpy(hs_at(engine, round->caches.keys, to), hs_at(engine, round->caches.keys, from), bytes);
        memcpy(hs_at(engine, round->caches.values, to), hs_at(engine, round->caches.values, from), bytes);
    }
}

static headsift_status walk_layer(const struct round *round, struct hs_walk *walk, int32_t layer,
                                  headsift_error *error) {
    struct hs_engine *engine = round->question->engine;
    walk->cache = round->caches;
    walk->cache.keys = hs_at(engine, round->caches.keys, layer * layer_size(round));
    walk->cache.values = hs_at(engine, round->caches.values, layer * layer_size(round));
    return hs_layer_walk(engine, layer, walk, error);
}

static headsift_status walk_prompts(const struct round *round, const struct hs_attend_request *request,
                                    headsift_error *error) {
    struct hs_engine *engine = round->question->engine;
    const struct hs_layout *layout = &round->layout;
    struct hs_walk walk = {.x = engine->streams.data, .segments = round->segments, .request = request};
    for (int32_t s = 0; s < round->share.n_masks; s++) {
        hs_layout_segments(layout, s, plan_of(round, s), round->segments + s * layout->n_segments);
    }
    hs_embed(engine, round->batch.tokens, layout->n_tokens, walk.x);
    for (int32_t layer = 0, streams = 1; layer <= engine->config->n_layer; layer++) {
        while (streams < round->share.n_masks && plan_of(round, streams)->first_layer == layer) {
            join(round, streams++, layer);
        }
        if (layer < engine->config->n_layer) {
            walk.rows = streams * layout->n_tokens;
            walk.n_segments = streams * layout->n_segments;
            HS_TRY(walk_layer(round, &walk, layer, error));
        }
    }
    return HEADSIFT_OK;
}

/* ---- Tokens ----------------------------------------------------------------------------------------------------- */

static void begin_tails(struct round *round) {
    for (int32_t s = 0; s < round->share.n_masks; s++) {
        const struct hs_segment *segments = round->segments + s * round->layout.n_segments;
        for (int32_t d = 0; d < round->batch.n_documents; d++) {
            const struct hs_place *place = &round->layout.places[d];
            if (place->has_children) {
                continue;
            }
            round->rows[round->n_tails] = s * round->layout.n_tokens + place->last_row;
            round->tails[round->n_tails++] = (struct tail){
                .mask = round->share.first_mask + plan_of(round, s)->index,
                .document = round->documents[d],
                .position = place->end,
                .slot = segments[place->segment].slot,
                .plan = plan_of(round, s),
                .far = place->far,
            };
        }
    }
}

/* The next token of each tail; those that end with it leave. */
static headsift_status choose_tokens(struct round *round, headsift_error *error) {
    const struct question *q = round->question;
    int32_t left = 0;
    HS_TRY(hs_best_tokens(q->engine, q->engine->streams.data, round->rows, round->n_tails, round->tokens, error));
    for (int32_t i = 0; i < round->n_tails; i++) {
        const struct tail *tail = &round->tails[i];
        const int64_t stream = (int64_t)tail->mask * q->batch->n_documents + tail->document;
        const int32_t token = round->tokens[i];
        q->out[stream * q->most + q->n_out[stream]++] = token;
        if (q->n_out[stream] < q->most && (q->stop == NULL || !q->stop(q->user, tail->mask, tail->document, token))) {
            round->tails[left] = *tail;
            round->tokens[left++] = token;
        }
    }
    round->n_tails = left;
    return HEADSIFT_OK;
}

/* The last tokens go through the layers, one row each. */
static headsift_status walk_tokens(struct round *round, const struct hs_attend_request *request,
                                   headsift_error *error) {
    struct hs_engine *engine = round->question->engine;
    struct hs_walk walk = {.x = engine->streams.data,
                           .rows = round->n_tails,
                           .segments = round->segments,
                           .n_segments = round->n_tails,
                           .request = request};
    for (int32_t i = 0; i < round->n_tails; i++) {
        struct tail *tail = &round->tails[i];
        round->rows[i] = i;
        round->segments[i] = (struct hs_segment){.row = i,
                                                 .length = 1,
                                                 .position = tail->position++,
                                                 .far = tail->far,
                                                 .slot = tail->slot,
                                                 .plan = tail->plan};
    }
    hs_embed(engine, round->tokens, round->n_tails, walk.x);
    for (int32_t layer = 0; layer < engine->config->n_layer; layer++) {
        HS_TRY(walk_layer(round, &walk, layer, error));
    }
    return HEADSIFT_OK;
}

static headsift_status run_round(struct round *round, headsift_error *error) {
    const struct question *q = round->question;
    const int64_t heads = (int64_t)q->engine->config->n_layer * q->engine->config->n_head;
    int32_t n_masked;
    int64_t last = round->layout.n_tokens - 1;
    HS_TRY(hs_plans_make(q->engine, q->masks + round->share.first_mask, round->share.n_masks, &round->plans, &n_masked,
                         error));
    HS_TRY(make_room(round, error));
    struct hs_attend_request request = {&last, 1, q->columns};
    HS_TRY(walk_prompts(round, q->columns == NULL ? NULL : &request, error));
    begin_tails(round);
    HS_TRY(choose_tokens(round, error));
    last = 0;
    while (round->n_tails > 0) {
        request.columns = q->columns == NULL ? NULL : request.columns + heads;
        HS_TRY(walk_tokens(round, q->columns == NULL ? NULL : &request, error));
        HS_TRY(choose_tokens(round, error));
    }
    return HEADSIFT_OK;
}

/* ---- Rounds ----------------------------------------------------------------------------------------------------- */

static headsift_status run_share(const struct question *question, struct share share, headsift_error *error);

/* One half of the prompts, or of one prompt's masks, behind the other. */
static headsift_status run_halves(const struct question *question, struct share share, headsift_error *error) {
    struct share first = share, second = share;
    if (share.n_prompts > 1) {
        first.n_prompts = share.n_prompts / 2;
        second.n_prompts -= first.n_prompts;
        second.prompts += first.n_prompts;
    } else {
        first.n_masks = share.n_masks / 2;
        second.n_masks -= first.n_masks;
        second.first_mask += first.n_masks;
    }
    HS_TRY(run_share(question, first, error));
    return run_share(question, second, error);
}

static headsift_status run_share(const struct question *question, struct share share, headsift_error *error) {
    struct round round = {.question = question, .share = share};
    headsift_status status = gather_prompts(&round, error);
    const bool halves = status == HEADSIFT_OK && round_bytes(&round) > question->engine->generate_bytes &&
                        (share.n_prompts > 1 || share.n_masks > 1);
    if (status == HEADSIFT_OK && !halves) {
        status = run_round(&round, error);
    }
    free_round(&round);
    return halves ? run_halves(question, share, error) : status;
}

/* The documents that no other goes on behind. */
static headsift_status list_prompts(const struct hs_layout *layout, int32_t *prompts, int32_t *n,
                                    headsift_error *error) {
    const int64_t *offsets = layout->batch->offsets;
    for (int32_t d = 0; d < layout->batch->n_documents; d++) {
        if (layout->places[d].has_children) {
            continue;
        }
        if (offsets[d + 1] == offsets[d]) {
            return hs_fail(error, HEADSIFT_FAILED, "document %d of a batch: a prompt needs at least one token", d);
        }
        prompts[(*n)++] = d;
    }
    return HEADSIFT_OK;
}

static headsift_status answer(const struct question *question, int32_t n_masks, headsift_error *error) {
    const size_t n = (size_t)question->batch->n_documents;
    struct hs_layout whole;
    HS_TRY(hs_layout_make(question->engine, question->batch, question->most, &whole, error));
    memset(question->n_out, 0, (size_t)n_masks * n * sizeof *question->n_out);
    int32_t *prompts = hs_alloc(n, sizeof *prompts);
    struct share all = {.prompts = prompts, .n_masks = n_masks};
    headsift_status status = prompts == NULL && n > 0 ? hs_fail_memory(error, "prompts", n * sizeof *prompts)
                                                      : list_prompts(&whole, prompts, &all.n_prompts, error);
    if (status == HEADSIFT_OK && n > 0 && n_masks > 0 && question->most > 0) {
        status = run_share(question, all, error);
    }
    hs_free(prompts);
    hs_layout_free(&whole);
    return status;
}

headsift_status hs_engine_generate_masked(struct hs_engine *engine, const struct hs_batch *batch,
                                          const struct hs_mask *masks, int32_t n_masks, int32_t most,
                                          hs_stop_stream_fn stop, void *user, int32_t *out, int32_t *n_out,
                                          headsift_error *error) {
    const struct question question = {engine, batch, masks, most, stop, user, out, n_out, NULL};
    return answer(&question, n_masks, error);
}

/* A stop function of one prompt. */
struct lone_stop {
    hs_stop_fn stop;
    void *user;
};

static bool ask_lone(void *user, int32_t mask, int32_t document, int32_t token) {
    const struct lone_stop *lone = user;
    (void)mask;
    (void)document;
    return lone->stop != NULL && lone->stop(lone->user, token);
}

headsift_status hs_engine_generate(struct hs_engine *engine, const int32_t *prompt, int64_t n_prompt, int32_t most,
                                   hs_stop_fn stop, void *user, int32_t *out, int32_t *n_out, int32_t *columns,
                                   headsift_error *error) {
    const int64_t offsets[] = {0, n_prompt};
    const struct hs_batch batch = {.tokens = prompt, .offsets = offsets, .n_documents = 1};
    const struct hs_mask unmasked = {.kind = HEADSIFT_MASK_UNIFORM};
    struct lone_stop lone = {stop, user};
    *n_out = 0;
    const struct question question = {engine, &batch, &unmasked, most, ask_lone, &lone, out, n_out, columns};
    return answer(&question, 1, error);
}
