/* What masking the chosen heads does to the probe's answers, against as many random other heads.
 * Says in figures whether the choice means anything. */
#include "probe/detect.h"

#include <math.h>

#include "base/memory.h"
#include "probe/draws.h"

/* Fills nll (n_masks, n) with the losses of the answer's tokens. */
static headsift_status answer_nll(struct hs_detection *detection, const struct hs_sample *sample,
                                  const struct hs_mask *masks, int32_t n_masks, uint8_t *wanted, double *nll,
                                  headsift_error *error) {
    int64_t offsets[] = {0, sample->n};
    for (int64_t i = sample->n_prompt; i < sample->n; i++) {
        wanted[i] = 1;
    }
    struct hs_batch batch = {.tokens = sample->ids, .offsets = offsets, .n_documents = 1, .wanted = wanted};
    return hs_engine_nll(detection->engine, &batch, masks, n_masks, nll, error);
}

static headsift_status average(const struct hs_detection *detection, const struct hs_sample *sample, const double *nll,
                               int32_t n_masks, double *losses, headsift_error *error) {
    for (int32_t mask = 0; mask < n_masks; mask++) {
        double sum = 0;
        for (int64_t i = sample->n_prompt; i < sample->n; i++) {
            sum += nll[mask * sample->n + i];
        }
        losses[mask] = sum / (double)(sample->n - sample->n_prompt);
        if (!isfinite(losses[mask])) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%s: %s %zu: the answer's loss is not finite: the model's weights or its dtype are broken",
                           detection->path, detection->items ? "item" : "line", sample->number);
        }
    }
    return HEADSIFT_OK;
}

headsift_status hs_answer_losses(struct hs_detection *detection, const struct hs_sample *sample,
                                 const struct hs_mask *masks, int32_t n_masks, double *losses, headsift_error *error) {
    size_t count = (size_t)n_masks * (size_t)sample->n;
    double *nll = hs_alloc(count, sizeof *nll);
    uint8_t *wanted = hs_alloc((size_t)sample->n, 1);
    headsift_status status = nll == NULL || wanted == NULL
                                 ? hs_fail_memory(error, "losses", count * sizeof *nll)
                                 : answer_nll(detection, sample, masks, n_masks, wanted, nll, error);
    if (status == HEADSIFT_OK) {
        status = average(detection, sample, nll, n_masks, losses, error);
    }
    hs_free(nll);
    hs_free(wanted);
    return status;
}

/* Unmasked, chosen heads, random draws. */
enum { N_MASKS = 2 + HS_EFFECT_DRAWS };

struct trial {
    struct hs_mask masks[N_MASKS];
    struct hs_draws draws;
    double sums[N_MASKS];
};

static headsift_status make_trial(const struct hs_detection *detection, const headsift_head *heads, size_t n_heads,
                                  uint64_t seed, struct trial *trial, headsift_error *error) {
    *trial = (struct trial){0};
    HS_TRY(hs_draw_heads(detection->n_layer, detection->n_head, heads, n_heads, seed, HS_EFFECT_DRAWS, &trial->draws,
                         error));
    size_t count = trial->draws.count;
    trial->masks[1] = (struct hs_mask){.kind = HEADSIFT_MASK_UNIFORM, .heads = heads, .n_heads = n_heads};
    for (size_t i = 0; i < HS_EFFECT_DRAWS; i++) {
        trial->masks[2 + i] =
            (struct hs_mask){.kind = HEADSIFT_MASK_UNIFORM, .heads = trial->draws.heads + i * count, .n_heads = count};
    }
    return HEADSIFT_OK;
}

size_t hs_effect_samples(const struct hs_detection *detection) {
    return detection->n < HS_EFFECT_SAMPLES ? detection->n : HS_EFFECT_SAMPLES;
}

static headsift_status run_trial(struct hs_detection *detection, struct trial *trial, headsift_error *error) {
    for (size_t i = 0; i < hs_effect_samples(detection); i++) {
        const struct hs_sample *sample = &detection->samples[i];
        double losses[N_MASKS];
        HS_TRY(hs_answer_losses(detection, sample, trial->masks, N_MASKS, losses, error));
        for (int m = 0; m < N_MASKS; m++) {
            trial->sums[m] += losses[m];
        }
        HS_TRY(hs_stage_step(&detection->stage, sample->n, error));
    }
    return HEADSIFT_OK;
}

static headsift_effect summarise(const struct trial *trial, size_t samples) {
    double n = (double)samples;
    headsift_effect effect = {.samples = (int)samples,
                              .unmasked = trial->sums[0] / n,
                              .masked = trial->sums[1] / n,
                              .random_low = INFINITY,
                              .random_high = -INFINITY,
                              .draws = HS_EFFECT_DRAWS};
    for (int i = 0; i < HS_EFFECT_DRAWS; i++) {
        double loss = trial->sums[2 + i] / n;
        effect.random_mean += loss / HS_EFFECT_DRAWS;
        effect.random_low = fmin(effect.random_low, loss);
        effect.random_high = fmax(effect.random_high, loss);
    }
    return effect;
}

headsift_status hs_effect_measure(struct hs_detection *detection, const headsift_head *heads, size_t n_heads,
                                  uint64_t seed, headsift_effect *effect, headsift_error *error) {
    struct trial trial;
    HS_TRY(make_trial(detection, heads, n_heads, seed, &trial, error));
    headsift_status status = run_trial(detection, &trial, error);
    if (status == HEADSIFT_OK) {
        *effect = summarise(&trial, hs_effect_samples(detection));
    }
    hs_free(trial.draws.heads);
    return status;
}
