/* Whether heads belong to a model: its shape must be the same, each head must exist.
 * Another hash of the same shape is only a warning: a later checkpoint of the same model, say. */
#include <string.h>

#include "engine/scorer.h"

static headsift_status check_count(const char *what, int32_t stated, int32_t actual, const struct hs_config *config,
                                   headsift_error *error) {
    if (stated == 0 || stated == actual) {
        return HEADSIFT_OK;
    }
    return hs_fail(error, HEADSIFT_FAILED,
                   "the heads are of a model with %d %s, but %s has %d (%d layers x %d heads, %d KV heads): find the "
                   "heads of this model first",
                   stated, what, config->name, actual, config->n_layer, config->n_head, config->n_kv_head);
}

static headsift_status check_head(const headsift_head *head, const struct hs_config *config, headsift_error *error) {
    bool bad_layer = head->layer < 0 || head->layer >= config->n_layer;
    if (!bad_layer && head->head >= 0 && head->head < config->n_head) {
        return HEADSIFT_OK;
    }
    return hs_fail(error, HEADSIFT_FAILED, "layer %d, head %d: %s has %s 0 to %d", head->layer, head->head,
                   config->name, bad_layer ? "layers" : "heads", (bad_layer ? config->n_layer : config->n_head) - 1);
}

headsift_status headsift_heads_check(const headsift_heads *heads, headsift_model *model,
                                     const headsift_monitor *monitor, headsift_error *error) {
    const struct hs_config *config = hs_model_config(model->model);
    if (heads->noise != NULL) {
        return hs_fail(error, HEADSIFT_FAILED, "these heads are marked as noise, so masking them says nothing: %s",
                       heads->noise);
    }
    HS_TRY(check_count("layers", heads->n_layer, config->n_layer, config, error));
    HS_TRY(check_count("heads a layer", heads->n_head, config->n_head, config, error));
    HS_TRY(check_count("KV heads", heads->n_kv_head, config->n_kv_head, config, error));
    for (size_t i = 0; i < heads->n_heads; i++) {
        HS_TRY(check_head(&heads->heads[i], config, error));
    }
    if (heads->source != NULL) {
        hs_log(monitor, HEADSIFT_LOG_INFO, "heads of %s: %zu of %d by their mean scores over %d samples, best [%d, %d]",
               heads->source, heads->n_heads, config->n_layer * config->n_head, heads->samples, heads->heads[0].layer,
               heads->heads[0].head);
    }
    if (heads->model_sha256 == NULL) {
        return HEADSIFT_OK;
    }
    char hex[HS_HASH_HEX];
    HS_TRY(hs_model_sha256(model->model, hex, error));
    if (strcmp(hex, heads->model_sha256) != 0) {
        hs_log(monitor, HEADSIFT_LOG_WARNING,
               "the heads were found on another checkpoint of this shape (sha256 %.12s, this model's is %.12s)",
               heads->model_sha256, hex);
    }
    return HEADSIFT_OK;
}
