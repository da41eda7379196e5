/* headsift_heads_detect: probe and model in, scored and chosen heads out.
 * Cheap errors come first: the probe is read and tokenised before the model's weights are. */
#include "probe/detect.h"

#include <string.h>

#include "base/memory.h"

static const uint64_t effect_seed = 1; /* of the random heads of the effect check */

static headsift_status alloc_scores(struct hs_detection *detection, bool controls, headsift_error *error) {
    size_t n = (size_t)detection->n_layer * (size_t)detection->n_head;
    detection->scores = hs_alloc(n, sizeof *detection->scores);
    detection->controls = controls ? hs_alloc(n, sizeof *detection->controls) : NULL;
    bool ok = detection->scores != NULL && (!controls || detection->controls != NULL);
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "scores", 2 * n * sizeof *detection->scores);
}

static headsift_status score_heads(struct hs_detection *detection, const headsift_heads_options *options,
                                   const headsift_monitor *monitor, headsift_error *error) {
    bool retrieval = options->method == HEADSIFT_METHOD_RETRIEVAL;
    HS_TRY(alloc_scores(detection, retrieval, error));
    HS_TRY(hs_scorer_engine(detection->model, &detection->engine, error));
    hs_stage_begin(&detection->stage, monitor, "heads", (int64_t)(detection->n + hs_effect_samples(detection)));
    if (hs_stop_wanted(monitor)) {
        return hs_fail(error, HEADSIFT_STOPPED, "stopped before the first sample; nothing was written");
    }
    HS_TRY(retrieval ? hs_retrieval_scores(detection, options->decode, error) : hs_ablation_scores(detection, error));
    return hs_refuse_noise(detection->scores, detection->controls,
                           (size_t)detection->n_layer * (size_t)detection->n_head, error);
}

/* The model's part of the result. */
static headsift_status describe_model(headsift_model *model, headsift_heads *heads, headsift_error *error) {
    const struct hs_config *config = hs_model_config(model->model);
    char hex[HS_HASH_HEX];
    HS_TRY(hs_model_sha256(model->model, hex, error));
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
    heads->samples_counted = detection->counted;
    heads->seed = effect_seed;
    heads->scores = detection->scores;
    detection->scores = NULL;
    bool ok = heads->method != NULL && (detection->decode == NULL || heads->decode != NULL);
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "heads", sizeof *heads);
}

static headsift_status choose(headsift_heads *heads, size_t wanted, headsift_error *error) {
    size_t total = (size_t)heads->n_layer * (size_t)heads->n_head;
    heads->heads = hs_alloc(wanted, sizeof *heads->heads);
    if (heads->heads == NULL) {
        return hs_fail_memory(error, "heads", wanted * sizeof *heads->heads);
    }
    heads->n_heads = wanted;
    heads->mask_fraction = (double)wanted / (double)total;
    return hs_rank_heads(heads->scores, heads->n_layer, heads->n_head, wanted, heads->heads, error);
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

static headsift_status check_effect(struct hs_detection *detection, headsift_heads *heads, headsift_error *error) {
    const headsift_monitor *monitor = detection->stage.monitor;
    if (heads->n_heads == (size_t)heads->n_layer * (size_t)heads->n_head) {
        hs_log(monitor, HEADSIFT_LOG_INFO, "all heads are chosen: there are no others to compare their effect with");
        return HEADSIFT_OK;
    }
    HS_TRY(hs_effect_measure(detection, heads->heads, heads->n_heads, effect_seed, &heads->effect, error));
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
    size_t wanted;
    HS_TRY(hs_heads_wanted(options, (size_t)detection->n_layer * (size_t)detection->n_head, &wanted, error));
    HS_TRY(score_heads(detection, options, monitor, error));
    HS_TRY(describe_model(detection->model, heads, error));
    HS_TRY(describe_search(detection, options->method, heads, error));
    HS_TRY(choose(heads, wanted, error));
    say_zeros(heads, monitor);
    return check_effect(detection, heads, error);
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
    hs_free(detection.scores);
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
