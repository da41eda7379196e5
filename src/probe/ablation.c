/* Each head is masked alone; the rise of the mean answer loss over the samples is its score (core loop of the paper).
 * All masks of a sample go into one question to the engine, which computes the layers below each head once. */
#include "probe/detect.h"

#include "base/memory.h"

/* The unmasked model, then each head alone. */
struct ablation {
    struct hs_mask *masks;
    headsift_head *heads;
    double *losses;
    int32_t n; /* masks: 1 + heads */
};

static void free_ablation(struct ablation *ablation) {
    hs_free(ablation->masks);
    hs_free(ablation->heads);
    hs_free(ablation->losses);
}

static headsift_status make_ablation(const struct hs_detection *detection, struct ablation *out,
                                     headsift_error *error) {
    int32_t heads = detection->n_layer * detection->n_head;
    *out = (struct ablation){.masks = hs_alloc((size_t)heads + 1, sizeof *out->masks),
                             .heads = hs_alloc((size_t)heads, sizeof *out->heads),
                             .losses = hs_alloc((size_t)heads + 1, sizeof *out->losses),
                             .n = heads + 1};
    if (out->masks == NULL || out->heads == NULL || out->losses == NULL) {
        free_ablation(out);
        return hs_fail_memory(error, "a mask a head", (size_t)heads * sizeof *out->masks);
    }
    for (int32_t i = 0; i < heads; i++) {
        out->heads[i] = (headsift_head){.layer = i / detection->n_head, .head = i % detection->n_head};
        out->masks[i + 1] = (struct hs_mask){.kind = HEADSIFT_MASK_UNIFORM, .heads = &out->heads[i], .n_heads = 1};
    }
    return HEADSIFT_OK;
}

static bool within_sample(void *user, int32_t masks_done, int32_t masks) {
    const struct hs_stage *stage = user;
    return hs_stage_within(stage, (double)masks_done / masks);
}

static headsift_status add_sample(struct hs_detection *detection, const struct hs_sample *sample,
                                  struct ablation *ablation, headsift_error *error) {
    HS_TRY(hs_answer_losses(detection, sample, ablation->masks, ablation->n, ablation->losses, error));
    double *row = hs_table_add(&detection->table);
    if (row == NULL) {
        return hs_fail_memory(error, "scores", (size_t)ablation->n * sizeof *row);
    }
    for (int32_t i = 1; i < ablation->n; i++) {
        row[i - 1] = ablation->losses[i] - ablation->losses[0];
    }
    HS_TRY(hs_stage_step(&detection->stage, sample->n, error));
    return hs_settling_check(detection, error);
}

headsift_status hs_ablation_scores(struct hs_detection *detection, headsift_error *error) {
    struct ablation ablation;
    HS_TRY(make_ablation(detection, &ablation, error));
    struct hs_watch watch = {within_sample, &detection->stage};
    hs_engine_watch(detection->engine, &watch);
    headsift_status status = HEADSIFT_OK;
    for (size_t i = 0; i < detection->n && status == HEADSIFT_OK && !detection->settled; i++) {
        status = add_sample(detection, &detection->samples[i], &ablation, error);
    }
    hs_engine_watch(detection->engine, NULL);
    free_ablation(&ablation);
    return status;
}
