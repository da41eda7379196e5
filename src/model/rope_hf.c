/* Rotary positions of a config.json: `rope_parameters` (transformers 5), or `rope_theta` and `rope_scaling` before it.
 * A file that says both must say the same twice. */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "model/internal.h"

enum { WHERE = 512 };

/* What is read: the object that scaling stands in, and the file around it. */
struct reader {
    const struct hs_source *in;
    const struct hs_family *family;
    struct hs_config *config;
    const json_t *object;
    const char *where;
    headsift_error *error;
};

static headsift_status positive(const json_t *object, const char *key, bool required, const char *where, double *out,
                                headsift_error *error) {
    double value = *out;
    HS_TRY(hs_json_number(object, key, required, where, &value, error));
    const json_t *member = json_object_get(object, key);
    if (member != NULL && !json_is_null(member) && !(isfinite(value) && value > 0.0)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"%s\" is %g, must be above 0", where, key, value);
    }
    *out = value;
    return HEADSIFT_OK;
}

static headsift_status llama3_read(const struct reader *r, struct hs_rope *rope) {
    HS_TRY(positive(r->object, "factor", true, r->where, &rope->factor, r->error));
    HS_TRY(positive(r->object, "low_freq_factor", true, r->where, &rope->low_freq_factor, r->error));
    HS_TRY(positive(r->object, "high_freq_factor", true, r->where, &rope->high_freq_factor, r->error));
    HS_TRY(hs_json_int(r->object, "original_max_position_embeddings", 1, HS_MAX_CONTEXT, true, r->where,
                       &rope->original_context, r->error));
    if (rope->high_freq_factor <= rope->low_freq_factor) {
        return hs_fail(r->error, HEADSIFT_FAILED, "%s: \"high_freq_factor\" must be above \"low_freq_factor\"",
                       r->where);
    }
    return HEADSIFT_OK;
}

/* The length before scaling: stated beside the scaling or by the file, whose word counts more, or the context. */
static headsift_status original_read(const struct reader *r, struct hs_rope *rope) {
    static const char key[] = "original_max_position_embeddings";
    const bool phi3 = (r->family->flags & HS_PARTIAL_ROTARY) != 0; /* whose configuration has a default of its own */
    rope->original_context = phi3 ? 4096 : r->config->context;
    HS_TRY(hs_json_int(r->object, key, 2, HS_MAX_CONTEXT, false, r->where, &rope->original_context, r->error));
    HS_TRY(hs_json_int(r->in->root, key, 2, HS_MAX_CONTEXT, false, r->in->where, &rope->original_context, r->error));
    rope->factor = (double)r->config->context / (double)rope->original_context;
    return positive(r->object, "factor", false, r->where, &rope->factor, r->error);
}

static double yarn_magnitude(double factor, double scale) { return factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1; }

static headsift_status yarn_read(const struct reader *r, struct hs_rope *rope) {
    double scale = 0, scale_all = 0;
    rope->beta_fast = 32;
    rope->beta_slow = 1;
    rope->whole_bounds = true;
    HS_TRY(original_read(r, rope));
    HS_TRY(positive(r->object, "beta_fast", false, r->where, &rope->beta_fast, r->error));
    HS_TRY(positive(r->object, "beta_slow", false, r->where, &rope->beta_slow, r->error));
    HS_TRY(hs_json_bool(r->object, "truncate", false, r->where, &rope->whole_bounds, r->error));
    HS_TRY(hs_json_number(r->object, "mscale", false, r->where, &scale, r->error));
    HS_TRY(hs_json_number(r->object, "mscale_all_dim", false, r->where, &scale_all, r->error));
    rope->magnitude = yarn_magnitude(rope->factor, 1);
    if (scale != 0 && scale_all != 0) {
        rope->magnitude = yarn_magnitude(rope->factor, scale) / yarn_magnitude(rope->factor, scale_all);
    }
    return positive(r->object, "attention_factor", false, r->where, &rope->magnitude, r->error);
}

static headsift_status divisors_read(const struct reader *r, const char *key, float *out) {
    json_t *list;
    const size_t n = (size_t)r->config->rotary_dim / 2;
    HS_TRY(hs_json_array(r->object, key, true, r->where, &list, r->error));
    if (json_array_size(list) != n) {
        return hs_fail(r->error, HEADSIFT_FAILED, "%s: \"%s\" holds %zu numbers, must be %zu", r->where, key,
                       json_array_size(list), n);
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = (float)json_number_value(json_array_get(list, i));
        if (!(isfinite(out[i]) && out[i] > 0)) {
            return hs_fail(r->error, HEADSIFT_FAILED, "%s: \"%s\" holds something else than numbers above 0", r->where,
                           key);
        }
    }
    return HEADSIFT_OK;
}

static headsift_status longrope_read(const struct reader *r, struct hs_rope *rope) {
    HS_TRY(original_read(r, rope));
    HS_TRY(divisors_read(r, "short_factor", r->config->divisors[0]));
    HS_TRY(divisors_read(r, "long_factor", r->config->divisors[1]));
    r->config->divided = true;
    rope->magnitude = rope->factor <= 1 ? 1 : sqrt(1 + log(rope->factor) / log((double)rope->original_context));
    return positive(r->object, "attention_factor", false, r->where, &rope->magnitude, r->error);
}

/* A table a kind of layer ("full_attention": {...}), as families with two kinds of positions have it. */
static headsift_status refuse_nested(const json_t *scaling, const char *where, headsift_error *error) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)scaling, key, value) {
        if (json_is_object(value)) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%s: rotary positions that differ by layer (\"%s\") are not supported in this family", where,
                           key);
        }
    }
    return HEADSIFT_OK;
}

static headsift_status share_read(const struct reader *r) {
    double share = 1.0;
    HS_TRY(hs_json_number(r->in->root, "partial_rotary_factor", false, r->in->where, &share, r->error));
    HS_TRY(hs_json_number(r->object, "partial_rotary_factor", false, r->where, &share, r->error));
    if (share != 1.0 && (r->family->flags & HS_PARTIAL_ROTARY) == 0) {
        return hs_fail(r->error, HEADSIFT_FAILED, "%s: \"partial_rotary_factor\" %g is not supported, only 1", r->where,
                       share);
    }
    double rotated = share * r->config->head_dim;
    if (!(rotated >= 2 && rotated <= r->config->head_dim) || (int32_t)rotated % 2 != 0) {
        return hs_fail(r->error, HEADSIFT_FAILED, "%s: \"partial_rotary_factor\" %g rotates %g of %d dimensions",
                       r->where, share, rotated, r->config->head_dim);
    }
    r->config->rotary_dim = (int32_t)rotated;
    return HEADSIFT_OK;
}

static headsift_status type_read(const struct reader *r, enum hs_rope_kind *out) {
    static const struct {
        const char *name;
        enum hs_rope_kind kind;
    } kinds[] = {{"default", HS_ROPE_DEFAULT}, {"linear", HS_ROPE_LINEAR}, {"dynamic", HS_ROPE_DYNAMIC},
                 {"llama3", HS_ROPE_LLAMA3},   {"yarn", HS_ROPE_YARN},     {"longrope", HS_ROPE_LONGROPE}};
    const char *type = "default";
    HS_TRY(hs_json_string(r->object, "type", false, r->where, &type, r->error));
    HS_TRY(hs_json_string(r->object, "rope_type", false, r->where, &type, r->error));
    bool old_name = strcmp(type, "su") == 0 || strcmp(type, "yarn") == 0;
    if (old_name && (r->family->flags & HS_PARTIAL_ROTARY) != 0) { /* Phi-3's first names of it */
        type = "longrope";
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(type, kinds[i].name) == 0) {
            *out = kinds[i].kind;
            return HEADSIFT_OK;
        }
    }
    return hs_fail(r->error, HEADSIFT_FAILED,
                   "%s: rope type \"%s\" is not supported (default, linear, dynamic, llama3, yarn and longrope are)",
                   r->where, type);
}

static headsift_status scaling_read(const struct reader *r, struct hs_rope *rope) {
    HS_TRY(refuse_nested(r->object, r->where, r->error));
    HS_TRY(type_read(r, &rope->kind));
    switch (rope->kind) {
    case HS_ROPE_LINEAR:
        return positive(r->object, "factor", true, r->where, &rope->factor, r->error);
    case HS_ROPE_LLAMA3:
        return llama3_read(r, rope);
    case HS_ROPE_YARN:
        return yarn_read(r, rope);
    case HS_ROPE_LONGROPE:
        return longrope_read(r, rope);
    case HS_ROPE_DYNAMIC:
        rope->original_context = r->config->context;
        return HEADSIFT_OK;
    case HS_ROPE_DEFAULT:
        break;
    }
    return HEADSIFT_OK;
}

static bool same(const struct hs_rope *a, const struct hs_rope *b) {
    return a->kind == b->kind && a->base == b->base && a->factor == b->factor &&
           a->low_freq_factor == b->low_freq_factor && a->high_freq_factor == b->high_freq_factor &&
           a->original_context == b->original_context && a->beta_fast == b->beta_fast && a->beta_slow == b->beta_slow &&
           a->whole_bounds == b->whole_bounds && a->magnitude == b->magnitude;
}

/* One kind of positions: the newer object, or the older members; both must agree. */
static headsift_status one_read(struct reader *r, const json_t *parameters, const char *name, struct hs_rope *out) {
    char inside[WHERE];
    json_t *scaling = NULL;
    const json_t *root = r->in->root;
    struct hs_rope old = *out;
    HS_TRY(positive(root, "rope_theta", false, r->in->where, &old.base, r->error));
    HS_TRY(hs_json_object(root, "rope_scaling", false, r->in->where, &scaling, r->error));
    struct hs_rope now = {.base = old.base};
    r->where = inside;
    snprintf(inside, sizeof inside, "%s: rope_scaling", r->in->where);
    r->object = scaling;
    HS_TRY(share_read(r));
    if (scaling != NULL) {
        HS_TRY(scaling_read(r, &old));
    }
    if (parameters == NULL) {
        *out = old;
        return HEADSIFT_OK;
    }
    snprintf(inside, sizeof inside, "%s: %s", r->in->where, name);
    r->object = parameters;
    HS_TRY(share_read(r));
    HS_TRY(positive(parameters, "rope_theta", false, inside, &now.base, r->error));
    HS_TRY(scaling_read(r, &now));
    bool old_theta = json_is_number(json_object_get(root, "rope_theta"));
    if (!old_theta) {
        old.base = now.base;
    }
    if (scaling != NULL ? !same(&old, &now) : old.base != now.base) {
        return hs_fail(r->error, HEADSIFT_FAILED,
                       "%s: \"rope_parameters\" and the older \"rope_theta\"/\"rope_scaling\" contradict each other",
                       r->in->where);
    }
    *out = now;
    return HEADSIFT_OK;
}

/* The positions of windowed layers: their own base, never scaled in the older layout. */
static headsift_status local_read(struct reader *r, const json_t *parameters, struct hs_rope *out) {
    char inside[WHERE];
    HS_TRY(positive(r->in->root, "rope_local_base_freq", false, r->in->where, &out->base, r->error));
    if (parameters == NULL) {
        return HEADSIFT_OK;
    }
    snprintf(inside, sizeof inside, "%s: rope_parameters: sliding_attention", r->in->where);
    r->where = inside;
    r->object = parameters;
    HS_TRY(positive(parameters, "rope_theta", false, inside, &out->base, r->error));
    HS_TRY(scaling_read(r, out));
    return out->kind == HS_ROPE_LONGROPE
               ? hs_fail(r->error, HEADSIFT_FAILED, "%s: rope type \"longrope\" is not supported here", inside)
               : HEADSIFT_OK;
}

headsift_status hs_hf_rope_read(const struct hs_source *in, const struct hs_family *family, struct hs_config *config) {
    struct reader r = {.in = in, .family = family, .config = config, .error = in->error};
    json_t *parameters = NULL, *global = NULL, *local = NULL;
    HS_TRY(hs_json_object(in->root, "rope_parameters", false, in->where, &parameters, in->error));
    if ((family->flags & HS_LOCAL_ROPE) == 0) {
        return one_read(&r, parameters, "rope_parameters", &config->rope);
    }
    HS_TRY(hs_json_object(parameters, "full_attention", false, in->where, &global, in->error));
    HS_TRY(hs_json_object(parameters, "sliding_attention", false, in->where, &local, in->error));
    if (parameters != NULL && global == NULL && local == NULL) {
        return hs_fail(in->error, HEADSIFT_FAILED,
                       "%s: \"rope_parameters\" must hold \"full_attention\" and \"sliding_attention\"", in->where);
    }
    HS_TRY(one_read(&r, global, "rope_parameters: full_attention", &config->rope));
    return local_read(&r, local, &config->local_rope);
}
