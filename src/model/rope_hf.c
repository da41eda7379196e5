/* Rotary positions of a config.json: `rope_parameters` (transformers 5), or `rope_theta` and `rope_scaling` before it.
 * A file that says both must say the same twice. */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "model/internal.h"

enum { WHERE = 512 };

static headsift_status positive(const json_t *object, const char *key, bool required, const char *where, double *out,
                                headsift_error *error) {
    double value = *out;
    HS_TRY(hs_json_number(object, key, required, where, &value, error));
    if (json_object_get(object, key) != NULL && !(isfinite(value) && value > 0.0)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"%s\" is %g, must be above 0", where, key, value);
    }
    *out = value;
    return HEADSIFT_OK;
}

static headsift_status llama3_read(const json_t *scaling, const char *where, struct hs_rope *rope,
                                   headsift_error *error) {
    HS_TRY(positive(scaling, "factor", true, where, &rope->factor, error));
    HS_TRY(positive(scaling, "low_freq_factor", true, where, &rope->low_freq_factor, error));
    HS_TRY(positive(scaling, "high_freq_factor", true, where, &rope->high_freq_factor, error));
    HS_TRY(hs_json_int(scaling, "original_max_position_embeddings", 1, HS_MAX_CONTEXT, true, where,
                       &rope->original_context, error));
    if (rope->high_freq_factor <= rope->low_freq_factor) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"high_freq_factor\" must be above \"low_freq_factor\"", where);
    }
    return HEADSIFT_OK;
}

/* A table a kind of layer ("full_attention": {...}), as other families have it. */
static headsift_status refuse_nested(const json_t *scaling, const char *where, headsift_error *error) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)scaling, key, value) {
        if (json_is_object(value)) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%s: rotary positions that differ by layer (\"%s\") are not supported", where, key);
        }
    }
    return HEADSIFT_OK;
}

static headsift_status scaling_read(const json_t *scaling, const char *where, struct hs_rope *rope,
                                    headsift_error *error) {
    HS_TRY(refuse_nested(scaling, where, error));
    const char *type = "default";
    HS_TRY(hs_json_string(scaling, "type", false, where, &type, error));
    HS_TRY(hs_json_string(scaling, "rope_type", false, where, &type, error));
    double share = 1.0;
    HS_TRY(hs_json_number(scaling, "partial_rotary_factor", false, where, &share, error));
    if (share != 1.0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"partial_rotary_factor\" %g is not supported, only 1", where,
                       share);
    }
    if (strcmp(type, "default") == 0) {
        rope->kind = HS_ROPE_DEFAULT;
        return HEADSIFT_OK;
    }
    if (strcmp(type, "linear") == 0) {
        rope->kind = HS_ROPE_LINEAR;
        return positive(scaling, "factor", true, where, &rope->factor, error);
    }
    if (strcmp(type, "llama3") == 0) {
        rope->kind = HS_ROPE_LLAMA3;
        return llama3_read(scaling, where, rope, error);
    }
    return hs_fail(error, HEADSIFT_FAILED, "%s: rope type \"%s\" is not supported (default, linear and llama3 are)",
                   where, type);
}

static bool same(const struct hs_rope *a, const struct hs_rope *b) {
    return a->kind == b->kind && a->base == b->base && a->factor == b->factor &&
           a->low_freq_factor == b->low_freq_factor && a->high_freq_factor == b->high_freq_factor &&
           a->original_context == b->original_context;
}

headsift_status hs_hf_rope_read(const json_t *root, const char *where, struct hs_rope *out, headsift_error *error) {
    char inside[WHERE];
    json_t *parameters = NULL, *scaling = NULL;
    struct hs_rope old = {.base = 10000.0};
    HS_TRY(positive(root, "rope_theta", false, where, &old.base, error));
    HS_TRY(hs_json_object(root, "rope_parameters", false, where, &parameters, error));
    HS_TRY(hs_json_object(root, "rope_scaling", false, where, &scaling, error));
    struct hs_rope now = {.base = old.base};
    if (scaling != NULL) {
        snprintf(inside, sizeof inside, "%s: rope_scaling", where);
        HS_TRY(scaling_read(scaling, inside, &old, error));
    }
    if (parameters == NULL) {
        *out = old;
        return HEADSIFT_OK;
    }
    snprintf(inside, sizeof inside, "%s: rope_parameters", where);
    HS_TRY(positive(parameters, "rope_theta", false, inside, &now.base, error));
    HS_TRY(scaling_read(parameters, inside, &now, error));
    bool old_theta = json_is_number(json_object_get(root, "rope_theta"));
    if (!old_theta) {
        old.base = now.base;
    }
    if (scaling != NULL ? !same(&old, &now) : old.base != now.base) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: \"rope_parameters\" and the older \"rope_theta\"/\"rope_scaling\" contradict each other",
                       where);
    }
    *out = now;
    return HEADSIFT_OK;
}
