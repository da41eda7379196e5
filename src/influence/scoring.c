/* What all documents of a call share, checked before any work: heads, lengths, the rule for the BOS, a calibration.
 * The engine, which packs the weights, is opened last. */
#include "influence/scoring.h"

static headsift_status resolve_length(int64_t wanted, const struct hs_config *config, const headsift_monitor *monitor,
                                      int64_t *max_tokens, headsift_error *error) {
    *max_tokens = wanted != 0 ? wanted : config->context;
    if (wanted == 0 && config->context < 2) {
        return hs_fail(error, HEADSIFT_USAGE, "the model states no context length; give one with --max-tokens");
    }
    if (*max_tokens < 2 || *max_tokens > INT32_MAX) {
        return hs_fail(error, HEADSIFT_USAGE, "--max-tokens is %lld, must be 2 to %d", (long long)*max_tokens,
                       INT32_MAX);
    }
    if (config->context > 0 && *max_tokens > config->context) {
        hs_log(monitor, HEADSIFT_LOG_WARNING, "--max-tokens %lld is more than the %lld tokens the model was trained on",
               (long long)*max_tokens, (long long)config->context);
    }
    return HEADSIFT_OK;
}

/* No heads at all are fine here: a plan can be made before they are known. */
static headsift_status take_heads(const headsift_heads *heads, headsift_model *model, headsift_mask kind,
                                  const headsift_monitor *monitor, struct hs_mask *mask, headsift_error *error) {
    *mask = (struct hs_mask){.kind = kind};
    if (heads == NULL) {
        return HEADSIFT_OK;
    }
    HS_TRY(headsift_heads_check(heads, model, monitor, error));
    if (heads->n_heads == 0) {
        return hs_fail(error, HEADSIFT_FAILED, "no heads are chosen: \"heads\" of heads.json is empty");
    }
    mask->heads = heads->heads;
    mask->n_heads = heads->n_heads;
    return HEADSIFT_OK;
}

/* What both passes cost: all layers once, and again those from the first masked head on. A multiply-add is two. */
static void weigh(const struct hs_config *config, const struct hs_mask *mask, struct hs_scoring *out) {
    double queries = (double)config->n_head * config->head_dim, keys = (double)config->n_kv_head * config->head_dim;
    double layer = (double)config->hidden * (2 * queries + 2 * keys + 3 * (double)config->ffn);
    int32_t first = config->n_layer;
    for (size_t i = 0; i < mask->n_heads; i++) {
        first = mask->heads[i].layer < first ? mask->heads[i].layer : first;
    }
    double layers = 2 * (double)config->n_layer - first;
    out->token_work = 2 * (layers * layer + 2 * (double)config->hidden * config->vocab);
    out->pair_work = 2 * layers * 2 * queries;
}

const char *hs_mask_name(headsift_mask mask) {
    return mask == HEADSIFT_MASK_MEAN ? "mean" : mask == HEADSIFT_MASK_ZERO ? "zero" : "uniform";
}

static headsift_status take_calibration(const headsift_score_options *options, struct hs_calibration *out,
                                        headsift_error *error) {
    if (options->mask == HEADSIFT_MASK_MEAN) {
        return hs_calibration_read(options->calibration, out, error);
    }
    if (options->calibration != NULL) {
        return hs_fail(error, HEADSIFT_USAGE, "--calibration is for --mask mean; the mask is %s",
                       hs_mask_name(options->mask));
    }
    return HEADSIFT_OK;
}

headsift_status hs_scoring_prepare(headsift_model *model, const headsift_heads *heads,
                                   const headsift_score_options *options, const headsift_monitor *monitor,
                                   struct hs_scoring *out, headsift_error *error) {
    static const headsift_score_options defaults = {0};
    options = options != NULL ? options : &defaults;
    *out = (struct hs_scoring){
        .tokenizer = model->tokenizer,
        .monitor = monitor,
        .bos = hs_tokenizer_bos(model->tokenizer),
        .chunk = options->long_documents == HEADSIFT_LONG_CHUNK,
        .special_as_text = options->special_as_text,
    };
    HS_TRY(take_heads(heads, model, options->mask, monitor, &out->masks[1], error));
    weigh(hs_model_config(model->model), &out->masks[1], out);
    HS_TRY(resolve_length(options->max_tokens, hs_model_config(model->model), monitor, &out->max_tokens, error));
    return take_calibration(options, &out->calibration, error);
}

static headsift_status take_means(headsift_model *model, struct hs_scoring *scoring, headsift_error *error) {
    struct hs_mask *mask = &scoring->masks[1];
    if (mask->kind == HEADSIFT_MASK_MEAN && mask->n_heads > 0) {
        HS_TRY(hs_calibration_means(model, &scoring->calibration, mask->heads, mask->n_heads, &scoring->means, error));
        mask->means = scoring->means;
    }
    return HEADSIFT_OK;
}

headsift_status hs_scoring_start(headsift_model *model, struct hs_scoring *scoring, headsift_error *error) {
    HS_TRY(hs_scorer_engine(model, &scoring->engine, error));
    int64_t tokens = hs_engine_batch_tokens(scoring->engine);
    scoring->batch_tokens = tokens < 1 ? 1 : tokens < HS_MOST_BATCH_TOKENS ? (size_t)tokens : HS_MOST_BATCH_TOKENS;
    return take_means(model, scoring, error);
}

void hs_scoring_free(struct hs_scoring *scoring) {
    hs_calibration_free(&scoring->calibration);
    hs_free(scoring->means);
    scoring->means = NULL;
}
