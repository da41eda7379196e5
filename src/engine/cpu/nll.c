/* Losses of packed documents under several masks. The unmasked stream walks up the layers; at each layer where masks
 * have their first head, streams leave it, go up to the top and give their losses; the unmasked stream joins the last
 * ones. */
#include <string.h>

#include "engine/cpu/cpu.h"

/* One call. */
struct job {
    struct hs_engine *engine;
    struct hs_layout layout; /* of one stream */
    struct hs_plan *plans;   /* by first layer; those without heads last */
    int32_t n_masked;        /* plans that have heads */
    int32_t n_masks;
    int64_t most_streams;        /* that may be alive beside the unmasked one */
    float *x;                    /* (1 + most_streams, n_tokens, H): the unmasked stream first */
    struct hs_segment *segments; /* of the unmasked stream, then room for those of the streams */
    int64_t *loss_rows, *loss_out;
    int32_t *loss_targets;
    int64_t n_losses;
    double *nll;
};

/* ---- Plans ------------------------------------------------------------------------------------------------------ */

/* @param means room for (n_layer, n_head, D) elements where the mask has means */
static headsift_status fill_plan(const struct hs_engine *engine, const struct hs_mask *mask, int32_t index,
                                 bool *masked, void *means, struct hs_plan *plan, headsift_error *error) {
    const struct hs_config *c = engine->config;
    *plan = (struct hs_plan){
        .kind = mask->kind, .index = index, .first_layer = c->n_layer, .masked = masked, .means = means};
    if (mask->kind == HEADSIFT_MASK_MEAN && mask->means == NULL && mask->n_heads > 0) {
        return hs_fail(error, HEADSIFT_FAILED, "a mask of means has none: hs_engine_mean_outputs gives them");
    }
    for (size_t i = 0; i < mask->n_heads; i++) {
        headsift_head head = mask->heads[i];
        HS_TRY(hs_head_check(c, head, error));
        bool *flag = &masked[head.layer * c->n_head + head.head];
        if (*flag) {
            return hs_fail(error, HEADSIFT_FAILED, "layer %d, head %d stands twice in a mask", head.layer, head.head);
        }
        *flag = true;
        if (head.layer < plan->first_layer) {
            plan->first_layer = head.layer;
        }
        if (mask->kind == HEADSIFT_MASK_MEAN) {
            int64_t to = ((int64_t)head.layer * c->n_head + head.head) * c->head_dim;
            engine->kernels->round_row(mask->means + i * (size_t)c->head_dim, c->head_dim, hs_at(engine, means, to));
        }
    }
    return HEADSIFT_OK;
}

headsift_status hs_plans_make(struct hs_engine *engine, const struct hs_mask *masks, int32_t n_masks,
                              struct hs_plan **plans, int32_t *n_masked, headsift_error *error) {
    const struct hs_config *c = engine->config;
    size_t n = (size_t)n_masks, heads = (size_t)(c->n_layer * c->n_head), means = 0;
    for (int32_t i = 0; i < n_masks; i++) {
        means += masks[i].kind == HEADSIFT_MASK_MEAN ? heads * (size_t)c->head_dim : 0;
    }
    size_t bytes = n * (2 * sizeof(struct hs_plan) + heads) + means * engine->element_size;
    HS_TRY(hs_scratch_need(&engine->plans, bytes, "masks", error));
    struct hs_plan *unsorted = engine->plans.data;
    *plans = unsorted + n;
    void *next = unsorted + 2 * n;
    bool *masked = hs_at(engine, next, (int64_t)means);
    memset(masked, 0, n * heads);
    for (int32_t i = 0; i < n_masks; i++) {
        bool mean = masks[i].kind == HEADSIFT_MASK_MEAN;
        HS_TRY(fill_plan(engine, &masks[i], i, masked + (size_t)i * heads, mean ? next : NULL, &unsorted[i], error));
        next = mean ? hs_at(engine, next, (int64_t)heads * c->head_dim) : next;
    }
    int32_t placed = 0;
    for (int32_t layer = 0; layer <= c->n_layer; layer++) {
        if (layer == c->n_layer) {
            *n_masked = placed;
        }
        for (int32_t i = 0; i < n_masks; i++) {
            if (unsorted[i].first_layer == layer) {
                (*plans)[placed++] = unsorted[i];
            }
        }
    }
    return HEADSIFT_OK;
}

/* ---- Memory ----------------------------------------------------------------------------------------------------- */

static int64_t most_forks(const struct job *job) {
    int64_t most = 1, here = 0;
    for (int32_t i = 0; i < job->n_masked; i++) {
        here = i > 0 && job->plans[i].first_layer == job->plans[i - 1].first_layer ? here + 1 : 1;
        if (here > most) {
            most = here;
        }
    }
    return most;
}

static headsift_status make_room(struct job *job, headsift_error *error) {
    struct hs_engine *engine = job->engine;
    const struct hs_config *c = engine->config;
    const size_t cached = 2 * (size_t)(job->layout.slots * c->n_kv_head * c->head_dim) * engine->element_size;
    const size_t x = (size_t)(job->layout.n_tokens * c->hidden) * sizeof(float), stream = x + cached;
    int64_t fitting = (int64_t)(engine->stream_bytes / (stream > 0 ? stream : 1)), most = most_forks(job);
    job->most_streams = fitting < 1 ? 1 : fitting < most ? fitting : most;
    HS_TRY(hs_scratch_need(&engine->streams, x * (size_t)(1 + job->most_streams), "hidden states", error));
    job->x = engine->streams.data;
    size_t segments = (size_t)job->layout.n_segments * (size_t)(2 + job->most_streams);
    HS_TRY(hs_scratch_need(&engine->segments, segments * sizeof(struct hs_segment), "documents of a batch", error));
    job->segments = engine->segments.data;
    return hs_rope_need(engine, job->layout.longest, error);
}

static headsift_status list_losses(struct job *job, headsift_error *error) {
    const struct hs_batch *batch = job->layout.batch;
    size_t n = (size_t)job->layout.n_tokens;
    job->loss_rows = hs_alloc(n, sizeof *job->loss_rows);
    job->loss_out = hs_alloc(n, sizeof *job->loss_out);
    job->loss_targets = hs_alloc(n, sizeof *job->loss_targets);
    if (job->loss_rows == NULL || job->loss_out == NULL || job->loss_targets == NULL) {
        return hs_fail_memory(error, "losses", n * sizeof *job->loss_rows);
    }
    for (int32_t d = 0; d < batch->n_documents; d++) {
        const int32_t parent = batch->parents == NULL ? -1 : batch->parents[d];
        int64_t row = parent < 0 ? -1 : job->layout.places[parent].last_row; /* that predicts the next token */
        for (int64_t t = batch->offsets[d]; t < batch->offsets[d + 1]; row = t++) {
            if (row < 0 || (batch->wanted != NULL && !batch->wanted[t])) {
                continue;
            }
            job->loss_rows[job->n_losses] = row;
            job->loss_targets[job->n_losses] = batch->tokens[t];
            job->loss_out[job->n_losses++] = t;
        }
    }
    return HEADSIFT_OK;
}

/* ---- The walk --------------------------------------------------------------------------------------------------- */

/* Losses of n_streams streams that stand behind each other from x on; stream s goes to the mask of index masks[s]. */
static headsift_status losses_of(struct job *job, const float *x, const int32_t *masks, int32_t n_streams,
                                 headsift_error *error) {
    double **nll = hs_alloc((size_t)n_streams, sizeof *nll);
    if (nll == NULL) {
        return hs_fail_memory(error, "losses", (size_t)n_streams * sizeof *nll);
    }
    for (int32_t s = 0; s < n_streams; s++) {
        nll[s] = job->nll + masks[s] * job->layout.n_tokens;
    }
    struct hs_loss_rows which = {
        job->loss_rows, job->loss_targets, job->loss_out, job->n_losses, job->layout.n_tokens, n_streams, nll};
    headsift_status status = hs_losses(job->engine, x, &which, error);
    hs_free(nll);
    return status;
}

/* The unmasked stream's losses, for each mask without heads. */
static headsift_status unmasked_losses(struct job *job, bool joined, headsift_error *error) {
    if (job->n_masked == job->n_masks) {
        return HEADSIFT_OK;
    }
    int32_t index = job->plans[job->n_masked].index;
    const double *first = job->nll + index * job->layout.n_tokens;
    if (!joined) {
        HS_TRY(losses_of(job, job->x, &index, 1, error));
    }
    for (int32_t i = job->n_masked + 1; i < job->n_masks; i++) {
        memcpy(job->nll + job->plans[i].index * job->layout.n_tokens, first,
               (size_t)job->layout.n_tokens * sizeof *first);
    }
    return HEADSIFT_OK;
}

/* Losses of streams at the top: the unmasked one, if it is with them, and the forks'. */
static headsift_status top_losses(struct job *job, const float *x, const struct hs_plan *forks, int32_t n_forks,
                                  bool joined, headsift_error *error) {
    int32_t *masks = hs_alloc((size_t)n_forks + 1, sizeof *masks);
    if (masks == NULL) {
        return hs_fail_memory(error, "losses", ((size_t)n_forks + 1) * sizeof *masks);
    }
    if (joined) {
        masks[0] = job->plans[job->n_masked].index;
    }
    for (int32_t f = 0; f < n_forks; f++) {
        masks[f + joined] = forks[f].index;
    }
    headsift_status status = losses_of(job, x, masks, n_forks + joined, error);
    hs_free(masks);
    return status;
}

/* Takes streams (the forks, behind the unmasked stream if it is with them) from `layer` to the top. */
static headsift_status climb(struct job *job, int32_t layer, const struct hs_plan *forks, int32_t n_forks, bool joined,
                             headsift_error *error) {
    struct hs_engine *engine = job->engine;
    struct hs_segment *segments = job->segments + job->layout.n_segments;
    int32_t n_streams = n_forks + joined;
    float *x = job->x + (joined ? 0 : job->layout.n_tokens * engine->config->hidden);
    for (int32_t s = 0; s < n_streams; s++) {
        const struct hs_plan *plan = joined && s == 0 ? NULL : &forks[s - joined];
        hs_layout_segments(&job->layout, s, plan, segments + s * job->layout.n_segments);
    }
    struct hs_walk walk = {.x = x,
                           .rows = n_streams * job->layout.n_tokens,
                           .segments = segments,
                           .n_segments = n_streams * job->layout.n_segments};
    HS_TRY(hs_cache_need(engine, 1, n_streams * job->layout.slots, &walk.cache, error));
    for (; layer < engine->config->n_layer; layer++) {
        HS_TRY(hs_layer_walk(engine, layer, &walk, error));
    }
    return top_losses(job, x, forks, n_forks, joined, error);
}

/* Asks whether to go on with the masks that are left. */
static headsift_status ask_watch(const struct job *job, int32_t done, headsift_error *error) {
    const struct hs_watch *watch = job->engine->watch;
    if (watch == NULL || done == job->n_masked || watch->go_on(watch->user, done, job->n_masked)) {
        return HEADSIFT_OK;
    }
    return hs_fail(error, HEADSIFT_STOPPED, "stopped after %d of %d masks", done, job->n_masked);
}

/* The streams that leave at the layer of plans[first], as many at a time as there is room for.
 *  @param *joined whether the unmasked stream went up with the last of them. */
static headsift_status fork_at(struct job *job, struct hs_walk *walk, int32_t first, int32_t count, bool *joined,
                               headsift_error *error) {
    const int32_t layer = job->plans[first].first_layer;
    const bool later = first + count < job->n_masked, unmasked = job->n_masked < job->n_masks;
    float *forked_x = job->x + job->layout.n_tokens * job->engine->config->hidden;
    for (int32_t at = 0, n; at < count; at += n) {
        n = count - at < job->most_streams ? count - at : (int32_t)job->most_streams;
        bool last = at + n == count;
        *joined = last && !later && unmasked;
        walk->forks = &job->plans[first + at];
        walk->n_forks = n;
        HS_TRY(hs_cache_need(job->engine, 1, job->layout.slots, &walk->cache, error));
        HS_TRY(hs_layer_fork(job->engine, layer, walk, forked_x, last && (later || unmasked), error));
        HS_TRY(climb(job, layer + 1, walk->forks, n, *joined, error));
        HS_TRY(ask_watch(job, first + at + n, error));
    }
    walk->forks = NULL;
    walk->n_forks = 0;
    return hs_cache_need(job->engine, 1, job->layout.slots, &walk->cache, error);
}

static headsift_status walk_up(struct job *job, headsift_error *error) {
    struct hs_engine *engine = job->engine;
    struct hs_walk walk = {
        .x = job->x, .rows = job->layout.n_tokens, .segments = job->segments, .n_segments = job->layout.n_segments};
    bool joined = false;
    hs_layout_segments(&job->layout, 0, NULL, job->segments);
    HS_TRY(hs_cache_need(engine, 1, job->layout.slots, &walk.cache, error));
    hs_embed(engine, job->layout.batch->tokens, job->layout.n_tokens, job->x);
    for (int32_t layer = 0, plan = 0; layer < engine->config->n_layer && !joined; layer++) {
        int32_t count = 0;
        while (plan + count < job->n_masked && job->plans[plan + count].first_layer == layer) {
            count++;
        }
        if (count > 0) {
            HS_TRY(fork_at(job, &walk, plan, count, &joined, error));
            plan += count;
            if (plan == job->n_masked && job->n_masked == job->n_masks) {
                return HEADSIFT_OK;
            }
        } else {
            HS_TRY(hs_layer_walk(engine, layer, &walk, error));
        }
    }
    return unmasked_losses(job, joined, error);
}

headsift_status hs_engine_nll(struct hs_engine *engine, const struct hs_batch *batch, const struct hs_mask *masks,
                              int32_t n_masks, double *nll, headsift_error *error) {
    struct job job = {.engine = engine, .n_masks = n_masks, .nll = nll};
    HS_TRY(hs_layout_make(engine, batch, 0, &job.layout, error));
    if (job.layout.n_tokens == 0 || n_masks == 0) {
        hs_layout_free(&job.layout);
        return HEADSIFT_OK;
    }
    memset(nll, 0, (size_t)n_masks * (size_t)job.layout.n_tokens * sizeof *nll);
    headsift_status status = hs_plans_make(engine, masks, n_masks, &job.plans, &job.n_masked, error);
    if (status == HEADSIFT_OK) {
        status = make_room(&job, error);
    }
    if (status == HEADSIFT_OK) {
        status = list_losses(&job, error);
    }
    if (status == HEADSIFT_OK) {
        status = walk_up(&job, error);
    }
    hs_layout_free(&job.layout);
    hs_free(job.loss_rows);
    hs_free(job.loss_out);
    hs_free(job.loss_targets);
    return status;
}
