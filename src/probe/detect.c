/* headsift_heads_detect: probe and model in, scored and chosen heads out.
 * Cheap errors come first: the probe is read and tokenised before the model's weights are. */
#include "probe/detect.h"

#include <string.h>

#include "base/memory.h"

static const uint64_t effect_seed = 1; /* of the random heads of the effect check */

static headsift_status fill_table(struct hs_detection *detection, const headsift_heads_options *options,
                                  const headsift_monitor *monitor, headsift_error *error) {
    bool retrieval = options->method == HEADSIFT_METHOD_RETRIEVAL;
    detection->controls = retrieval ? hs_alloc(detection->table.n_heads, sizeof *detection->controls) : NULL;
    if (retrieval && detection->controls == NULL) {
        return hs_fail_memory(error, "scores", detection->table.n_heads * sizeof *detection->controls);
    }
    HS_TRY(hs_scorer_engine(detection->model, &detection->engine, error));
    hs_stage_begin(&detection->stage, monitor, "heads", (int64_t)(detection->n + hs_effect_samples(detection)));
    if (hs_stop_wanted(monitor)) {
        return hs_fail(error, HEADSIFT_STOPPED, "stopped before the first sample; nothing was written");
    }
    HS_TRY(retrieval ? hs_retrieval_scores(detection, options->decode, error) : hs_ablation_scores(detection, error));
    detection->stage.total = detection->stage.documents + (int64_t)hs_effect_samples(detection);
    return HEADSIFT_OK;
}

/* What --settle came to. */
static void say_settled(struct hs_detection *detection, headsift_heads *heads) {
    const headsift_monitor *monitor = detection->stage.monitor;
    if (!(detection->settle > 0)) {
        return;
    }
    heads->settle = (headsift_settle){
        .threshold = detection->settle, .samples = (int)detection->table.n, .settled = detection->settled};
    if (detection->settled) {
        hs_log(monitor, HEADSIFT_LOG_INFO,
               "the top %zu heads are settled after %zu samples (resampled top sets share %.3f of them): the rest of "
               "the probe's %zu samples is left out",
               detection->wanted, detection->table.n, heads->bootstrap_overlap, detection->n);
    } else {
        hs_log(monitor, HEADSIFT_LOG_WARNING,
               "the top %zu heads are not settled after all %zu samples (resampled top sets share %.3f of them, %.3f "
               "is wanted): use more samples",
               detection->wanted, detection->table.n, heads->bootstrap_overlap, detection->settle);
    }
}

headsift_status hs_describe_model(headsift_model *model, headsift_heads *heads, headsift_error *error) {
    const struct hs_config *config = hs_model_config(model->model);
    char hex[HS_HASH_HEX];
    HS_TRY(hs_model_sha256(model->model, hex, error));
    hs_free(heads->model_name);
    hs_free(heads->model_sha256);
    heads->model_name = hs_copy_string(config->name);
    heads->model_sha256 = hs_copy_string(hex);
    heads->n_layer = config->n_layer;
    heads->n_head = config->n_head;
    heads->n_kv_head = config->n_kv_head;
    bool ok = heads->model_name != NULL && heads->model_sha256 != NULL;
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "a model's name", sizeof config->name);
}

static headsift_status describe_search(struct hs_detection *detection, headsift_method method, headsift_heads *heads,
                                       headsift_error *error) {
    heads->method = hs_copy_string(method == HEADSIFT_METHOD_RETRIEVAL ? "retrieval" : "ablation");
    heads->decode = detection->decode != NULL ? hs_copy_string(detection->decode) : NULL;
    heads->samples = (int)detection->n;
    heads->samples_counted = (int)detection->table.n;
    heads->seed = effect_seed;
    heads->scores = hs_alloc(detection->table.n_heads, sizeof *heads->scores);
    bool ok = heads->method != NULL && (detection->decode == NULL || heads->decode != NULL) && heads->scores != NULL;
    if (!ok) {
        return hs_fail_memory(error, "heads", detection->table.n_heads * sizeof *heads->scores);
    }
    hs_table_mean(&detection->table, detection->table.n, heads->scores);
    return HEADSIFT_OK;
}

/* A model with few retrieval heads can have fewer than were asked for: the rest is a tie. */
static void say_zeros(const headsift_heads *heads, const headsift_monitor *monitor) {
    size_t zeros = 0;
    for (size_t i = 0; i < heads->n_heads; i++) {
        zeros += !(heads->scores[heads->heads[i].layer * heads->n_head + heads->heads[i].head] > 0);
    }
    if (zeros > 0) {
        hs_log(
            monitor, HEADSIFT_LOG_WARNING,
            "%zu of the %zu chosen heads score 0 or less: the model has no more heads that do this; lower --top-heads",
            zeros, heads->n_heads);
    }
}

headsift_status hs_check_effect(struct hs_detection *detection, headsift_heads *heads, headsift_error *error) {
    const headsift_monitor *monitor = detection->stage.monitor;
    if (heads->n_heads == (size_t)heads->n_layer * (size_t)heads->n_head) {
        hs_log(monitor, HEADSIFT_LOG_INFO, "all heads are chosen: there are no others to compare their effect with");
        return HEADSIFT_OK;
    }
    HS_TRY(hs_effect_measure(detection, heads->heads, heads->n_heads, effect_seed, &heads->effect, error));
    heads->seed = effect_seed;
    const headsift_effect *effect = &heads->effect;
    bool weak = !(effect->masked > effect->random_high);
    hs_log(monitor, weak ? HEADSIFT_LOG_WARNING : HEADSIFT_LOG_INFO,
           "%sanswer loss on %d samples: %.4f unmasked, %.4f with these %zu heads masked, %.4f with as many random "
           "others (%.4f to %.4f in %d draws)%s",
           weak ? "these heads matter no more than random ones: " : "", effect->samples, effect->unmasked,
           effect->masked, heads->n_heads, effect->random_mean, effect->random_low, effect->random_high, effect->draws,
           weak ? "; scores made with them mean little" : "");
    return HEADSIFT_OK;
}

headsift_status hs_heads_search(struct hs_detection *detection, const headsift_heads_options *options,
                                const headsift_monitor *monitor, headsift_heads *heads, headsift_error *error) {
    detection->settle = options->settle;
    detection->table.n_heads = (size_t)detection->n_layer * (size_t)detection->n_head;
    HS_TRY(hs_heads_wanted(options, detection->table.n_heads, &detection->wanted, error));
    if (!(options->settle >= 0 && options->settle <= 1)) {
        return hs_fail(error, HEADSIFT_USAGE, "--settle is %g, must be above 0.0 and at most 1.0", options->settle);
    }
    HS_TRY(fill_table(detection, options, monitor, error));
    HS_TRY(hs_describe_model(detection->model, heads, error));
    HS_TRY(describe_search(detection, options->method, heads, error));
    HS_TRY(hs_judge_noise(heads, detection->controls, options->keep_noise, monitor, error));
    HS_TRY(hs_choose_heads(heads, detection->wanted, error));
    say_zeros(heads, monitor);
    HS_TRY(hs_settling_measure(&detection->table, heads, error));
    say_settled(detection, heads);
    return hs_check_effect(detection, heads, error);
}

static headsift_status search_probe(headsift_model *model, const struct hs_probe *probe, const char *path,
                                    const headsift_heads_options *options, const headsift_monitor *monitor,
                                    headsift_heads *heads, headsift_error *error) {
    const struct hs_config *config = hs_model_config(model->model);
    struct hs_detection detection = {
        .model = model, .path = path, .n = probe->n, .n_layer = config->n_layer, .n_head = config->n_head};
    HS_TRY(hs_samples_encode(model, probe, path, &detection.samples, error));
    headsift_status status = hs_heads_search(&detection, options, monitor, heads, error);
    hs_samples_free(detection.samples, detection.n);
    hs_free(detection.table.rows);
    hs_free(detection.controls);
    return status;
}

headsift_status headsift_heads_detect(headsift_model *model, const char *probe_path,
                                      const headsift_heads_options *options, const headsift_monitor *monitor,
                                      headsift_heads **out, headsift_error *error) {
    struct hs_probe probe;
    *out = NULL;
    HS_TRY(hs_probe_load(probe_path, &probe, error));
    headsift_heads *heads = hs_alloc(1, sizeof *heads);
    headsift_status status = heads == NULL ? hs_fail_memory(error, "heads", sizeof *heads) : HEADSIFT_OK;
    if (status == HEADSIFT_OK) {
        status = search_probe(model, &probe, probe_path, options, monitor, heads, error);
    }
    hs_probe_free(&probe);
    if (status != HEADSIFT_OK) {
        headsift_heads_free(heads);
        return status;
    }
    *out = heads;
    return HEADSIFT_OK;
}
