/* headsift_heads_choose: other top heads, or another tool's scores, without a search.
 * What was measured for an earlier choice is left out. */
#include "base/memory.h"
#include "probe/detect.h"

/* Firmness and effect belong to the heads that were chosen. */
static void forget_choice(headsift_heads *heads) {
    hs_free(heads->settling);
    hs_free(heads->bootstrap);
    heads->settling = NULL;
    heads->bootstrap = NULL;
    heads->n_settling = 0;
    heads->resamples = 0;
    heads->settle = (headsift_settle){0};
    heads->effect = (headsift_effect){0};
}

static headsift_status measure_effect(headsift_model *model, const char *path, const headsift_monitor *monitor,
                                      headsift_heads *heads, headsift_error *error) {
    struct hs_probe probe;
    HS_TRY(hs_probe_load(path, &probe, error));
    struct hs_detection detection = {
        .model = model, .path = path, .n = probe.n, .n_layer = heads->n_layer, .n_head = heads->n_head};
    headsift_status status = hs_samples_encode(model, &probe, path, &detection.samples, error);
    if (status == HEADSIFT_OK) {
        status = hs_scorer_engine(model, &detection.engine, error);
    }
    if (status == HEADSIFT_OK) {
        hs_stage_begin(&detection.stage, monitor, "heads", (int64_t)hs_effect_samples(&detection));
        status = hs_check_effect(&detection, heads, error);
    }
    hs_samples_free(detection.samples, detection.n);
    hs_probe_free(&probe);
    return status;
}

static headsift_status choose(headsift_model *model, const char *path, const char *probe_path,
                              const headsift_heads_options *options, const headsift_monitor *monitor,
                              headsift_heads *heads, headsift_error *error) {
    size_t wanted;
    HS_TRY(headsift_heads_check(heads, model, monitor, error));
    if (heads->scores == NULL) {
        return hs_fail(error, HEADSIFT_FAILED, "%s states no scores: there is nothing to choose by", path);
    }
    HS_TRY(hs_heads_wanted(options, (size_t)heads->n_layer * (size_t)heads->n_head, &wanted, error));
    HS_TRY(hs_judge_noise(heads, NULL, options->keep_noise, monitor, error));
    if (heads->model_sha256 == NULL) { /* else it is what they were found on, perhaps an earlier checkpoint */
        HS_TRY(hs_describe_model(model, heads, error));
    }
    HS_TRY(hs_choose_heads(heads, wanted, error));
    forget_choice(heads);
    return probe_path != NULL ? measure_effect(model, probe_path, monitor, heads, error) : HEADSIFT_OK;
}

headsift_status headsift_heads_choose(headsift_model *model, const char *heads_path, const char *probe_path,
                                      const headsift_heads_options *options, const headsift_monitor *monitor,
                                      headsift_heads **out, headsift_error *error) {
    headsift_heads *heads;
    *out = NULL;
    HS_TRY(headsift_heads_load(heads_path, &heads, error));
    headsift_status status = choose(model, heads_path, probe_path, options, monitor, heads, error);
    if (status != HEADSIFT_OK) {
        headsift_heads_free(heads);
        return status;
    }
    *out = heads;
    return HEADSIFT_OK;
}
