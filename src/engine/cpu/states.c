/* Means over positions of what the unmasked stream holds: hidden states of each document, outputs of heads.
 * Documents go through the layers some at a time; sums go row by row, so that neither that nor threads change them. */
#include "engine/cpu/cpu.h"

/* Some documents of a batch, one behind the other. */
struct group {
    int32_t first, n;
    int64_t token, rows; /* the first one's first token; tokens of all */
    int64_t slots, longest;
};

static headsift_status check(const struct hs_engine *engine, const struct hs_batch *batch, headsift_error *error) {
    HS_TRY(hs_batch_check(engine, batch, error));
    return batch->parents == NULL ? HEADSIFT_OK
                                  : hs_fail(error, HEADSIFT_FAILED,
                                            "states and outputs are of whole documents: send them without parents");
}

/* As many documents from `first` on as go through the layers together. */
static struct group group_from(const struct hs_engine *engine, const struct hs_batch *batch, int32_t first) {
    const int64_t most = hs_engine_batch_tokens(engine);
    struct group group = {.first = first, .token = batch->offsets[first]};
    for (int32_t d = first; d < batch->n_documents; d++) {
        int64_t length = batch->offsets[d + 1] - batch->offsets[d];
        if (group.rows > 0 && group.rows + length > most) {
            break;
        }
        group.n++;
        group.rows += length;
        group.slots += hs_slots(length);
        group.longest = length > group.longest ? length : group.longest;
    }
    return group;
}

static int32_t put_segments(const struct hs_engine *engine, const struct hs_batch *batch, const struct group *group,
                            struct hs_segment *out) {
    int32_t n = 0;
    int64_t slot = 0;
    for (int32_t d = group->first; d < group->first + group->n; d++) {
        int64_t length = batch->offsets[d + 1] - batch->offsets[d];
        if (length > 0) {
            out[n++] = (struct hs_segment){.row = batch->offsets[d] - group->token,
                                           .length = length,
                                           .far = length > hs_rope_near(engine->config),
                                           .slot = slot};
            slot += hs_slots(length);
        }
    }
    return n;
}

/* A walk at the foot of the layers. */
static headsift_status begin(struct hs_engine *engine, const struct hs_batch *batch, const struct group *group,
                             struct hs_walk *walk, headsift_error *error) {
    const size_t x = (size_t)(group->rows * engine->config->hidden) * sizeof(float);
    HS_TRY(hs_scratch_need(&engine->streams, x, "hidden states", error));
    HS_TRY(hs_scratch_need(&engine->segments, (size_t)group->n * sizeof(struct hs_segment), "documents of a batch",
                           error));
    HS_TRY(hs_rope_need(engine, group->longest, error));
    struct hs_segment *segments = engine->segments.data;
    *walk = (struct hs_walk){.x = engine->streams.data, .rows = group->rows, .segments = segments};
    walk->n_segments = put_segments(engine, batch, group, segments);
    HS_TRY(hs_cache_need(engine, 1, group->slots, &walk->cache, error));
    hs_embed(engine, batch->tokens + group->token, group->rows, walk->x);
    return HEADSIFT_OK;
}

/* ---- Hidden states ---------------------------------------------------------------------------------------------- */

/* The mean of n rows. @param sums (columns) */
static void mean_of_rows(const float *x, int64_t n, int64_t columns, double *sums, float *out) {
    for (int64_t i = 0; i < columns; i++) {
        sums[i] = 0;
    }
    for (int64_t row = 0; row < n; row++) {
        for (int64_t i = 0; i < columns; i++) {
            sums[i] += (double)x[row * columns + i];
        }
    }
    for (int64_t i = 0; i < columns; i++) {
        out[i] = n > 0 ? (float)(sums[i] / (double)n) : 0;
    }
}

static headsift_status embed_group(struct hs_engine *engine, const struct hs_batch *batch, const struct group *group,
                                   double *sums, float *out, headsift_error *error) {
    const int64_t hidden = engine->config->hidden;
    struct hs_walk walk = {0};
    if (group->rows > 0) {
        HS_TRY(begin(engine, batch, group, &walk, error));
    }
    for (int32_t layer = 0; group->rows > 0 && layer < engine->config->n_layer; layer++) {
        HS_TRY(hs_layer_walk(engine, layer, &walk, error));
    }
    for (int32_t d = group->first; d < group->first + group->n; d++) {
        int64_t first = batch->offsets[d] - group->token, n = batch->offsets[d + 1] - batch->offsets[d];
        mean_of_rows(n > 0 ? walk.x + first * hidden : NULL, n, hidden, sums, out + d * hidden);
    }
    return HEADSIFT_OK;
}

headsift_status hs_engine_embed(struct hs_engine *engine, const struct hs_batch *batch, float *out,
                                headsift_error *error) {
    HS_TRY(check(engine, batch, error));
    double *sums = hs_alloc((size_t)engine->config->hidden, sizeof *sums);
    if (sums == NULL) {
        return hs_fail_memory(error, "sums of hidden states", (size_t)engine->config->hidden * sizeof *sums);
    }
    headsift_status status = HEADSIFT_OK;
    struct group group;
    for (int32_t d = 0; status == HEADSIFT_OK && d < batch->n_documents; d += group.n) {
        group = group_from(engine, batch, d);
        status = embed_group(engine, batch, &group, sums, out, error);
    }
    hs_free(sums);
    return status;
}

/* ---- Outputs of heads ------------------------------------------------------------------------------------------- */

/* What is summed up. */
struct outputs {
    const headsift_head *heads;
    size_t n_heads;
    int32_t layers;          /* that have to be walked for them */
    double *sums;            /* (n_heads, D) */
    struct hs_scratch given; /* (rows, n_head D) E: what attention gives in a layer */
};

static bool asked_of(const struct outputs *outputs, int32_t layer) {
    for (size_t i = 0; i < outputs->n_heads; i++) {
        if (outputs->heads[i].layer == layer) {
            return true;
        }
    }
    return false;
}

static void add_head(const struct hs_engine *engine, const struct outputs *outputs, size_t which, int64_t rows) {
    const int64_t dim = engine->config->head_dim, row_size = engine->config->n_head * dim;
    const int64_t first = outputs->heads[which].head * dim;
    double *sums = outputs->sums + which * (size_t)dim;
    for (int64_t row = 0; row < rows; row++) {
        const void *given = hs_at(engine, outputs->given.data, row * row_size + first);
        for (int64_t d = 0; d < dim; d++) {
            sums[d] += (double)(engine->element == HS_F32 ? ((const float *)given)[d]
                                                          : hs_from_bf16(((const uint16_t *)given)[d]));
        }
    }
}

static headsift_status add_group(struct hs_engine *engine, const struct hs_batch *batch, const struct group *group,
                                 struct outputs *outputs, headsift_error *error) {
    const struct hs_config *c = engine->config;
    const size_t bytes = (size_t)(group->rows * c->n_head * c->head_dim) * engine->element_size;
    struct hs_walk walk;
    HS_TRY(hs_scratch_need(&outputs->given, bytes, "outputs of heads", error));
    HS_TRY(begin(engine, batch, group, &walk, error));
    for (int32_t layer = 0; layer < outputs->layers; layer++) {
        walk.outputs = asked_of(outputs, layer) ? outputs->given.data : NULL;
        HS_TRY(hs_layer_walk(engine, layer, &walk, error));
        for (size_t i = 0; i < outputs->n_heads; i++) {
            if (outputs->heads[i].layer == layer) {
                add_head(engine, outputs, i, group->rows);
            }
        }
    }
    return HEADSIFT_OK;
}

static headsift_status take_heads(const struct hs_engine *engine, struct outputs *outputs, headsift_error *error) {
    const size_t n = outputs->n_heads * (size_t)engine->config->head_dim;
    for (size_t i = 0; i < outputs->n_heads; i++) {
        HS_TRY(hs_head_check(engine->config, outputs->heads[i], error));
        int32_t layers = outputs->heads[i].layer + 1;
        outputs->layers = layers > outputs->layers ? layers : outputs->layers;
    }
    outputs->sums = hs_alloc(n, sizeof *outputs->sums);
    return outputs->sums != NULL ? HEADSIFT_OK
                                 : hs_fail_memory(error, "sums of heads' outputs", n * sizeof *outputs->sums);
}

headsift_status hs_engine_mean_outputs(struct hs_engine *engine, const struct hs_batch *batch,
                                       const headsift_head *heads, size_t n_heads, float *means,
                                       headsift_error *error) {
    struct outputs outputs = {.heads = heads, .n_heads = n_heads};
    HS_TRY(check(engine, batch, error));
    const int64_t tokens = batch->n_documents > 0 ? batch->offsets[batch->n_documents] : 0;
    if (tokens == 0) {
        return hs_fail(error, HEADSIFT_FAILED, "outputs of heads have no mean over no tokens");
    }
    headsift_status status = take_heads(engine, &outputs, error);
    struct group group;
    for (int32_t d = 0; status == HEADSIFT_OK && d < batch->n_documents; d += group.n) {
        group = group_from(engine, batch, d);
        if (group.rows > 0) {
            status = add_group(engine, batch, &group, &outputs, error);
        }
    }
    for (size_t i = 0; status == HEADSIFT_OK && i < n_heads * (size_t)engine->config->head_dim; i++) {
        means[i] = (float)(outputs.sums[i] / (double)tokens);
    }
    hs_free(outputs.sums);
    hs_free(outputs.given.data);
    return status;
}
