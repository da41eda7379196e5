/* The keys of a GGUF to the architecture; what is not supported is refused by name.
 * Keys and defaults are those of the format's specification and of llama.cpp's loaders. */
#include <math.h>
#include <string.h>

#include <gguf.h>

#include "base/text.h"
#include "model/internal.h"

enum { KEY = 160 };

static headsift_status number(const struct hs_source *in, const char *name, bool required, double *out) {
    char key[KEY];
    snprintf(key, sizeof key, "%s.%s", in->arch, name);
    return hs_gguf_number(in->gguf, in->where, key, required, out, in->error);
}

static headsift_status integer(const struct hs_source *in, const char *name, int64_t low, int64_t high, bool required,
                               int64_t *out) {
    char key[KEY];
    snprintf(key, sizeof key, "%s.%s", in->arch, name);
    return hs_gguf_int(in->gguf, in->where, key, low, high, required, out, in->error);
}

static headsift_status size(const struct hs_source *in, const char *name, int64_t high, bool required, int32_t *out) {
    int64_t value = *out;
    HS_TRY(integer(in, name, 1, high, required, &value));
    *out = (int32_t)value;
    return HEADSIFT_OK;
}

/* The rows of the embedding; the key vocab_size need not be there. */
static headsift_status vocab_read(const struct hs_source *in, const struct hs_model *model, struct hs_config *config) {
    struct hs_tensor embedding;
    if (!hs_gguf_find(model, "token_embd.weight", &embedding)) {
        return hs_fail(in->error, HEADSIFT_FAILED, "%s: tensor \"token_embd.weight\" is missing", in->where);
    }
    int64_t rows = embedding.shape[embedding.n_dims - 2];
    int64_t stated = rows;
    HS_TRY(integer(in, "vocab_size", 1, HS_MAX_VOCAB, false, &stated));
    if (rows < 1 || rows > HS_MAX_VOCAB || rows != stated) {
        return hs_fail(in->error, HEADSIFT_FAILED, "%s: the embedding has %lld rows, the vocabulary %lld tokens",
                       in->where, (long long)rows, (long long)stated);
    }
    config->vocab = (int32_t)rows;
    return HEADSIFT_OK;
}

static headsift_status sizes_read(const struct hs_source *in, const struct hs_model *model, struct hs_config *c) {
    HS_TRY(size(in, "block_count", HS_MAX_LAYERS, true, &c->n_layer));
    HS_TRY(size(in, "attention.head_count", HS_MAX_HEADS, true, &c->n_head));
    HS_TRY(size(in, "embedding_length", HS_MAX_HIDDEN, true, &c->hidden));
    HS_TRY(size(in, "feed_forward_length", HS_MAX_FFN, true, &c->ffn));
    HS_TRY(integer(in, "context_length", 1, HS_MAX_CONTEXT, true, &c->context));
    c->n_kv_head = c->n_head;
    HS_TRY(size(in, "attention.head_count_kv", HS_MAX_HEADS, false, &c->n_kv_head));
    c->head_dim = c->hidden / c->n_head;
    HS_TRY(size(in, "attention.key_length", HS_MAX_HEAD_DIM, false, &c->head_dim));
    int32_t values = c->head_dim;
    HS_TRY(size(in, "attention.value_length", HS_MAX_HEAD_DIM, false, &values));
    HS_TRY(vocab_read(in, model, c));
    if (values != c->head_dim) {
        return hs_fail(in->error, HEADSIFT_FAILED,
                       "%s: keys of %d and values of %d are not supported: they must be equal", in->where, c->head_dim,
                       values);
    }
    return HEADSIFT_OK;
}

/* What llama.cpp's yarn takes beside its factor. */
static headsift_status yarn_read(const struct hs_source *in, struct hs_rope *rope) {
    double extrapolation = 1, attention = 1;
    rope->beta_fast = 32;
    rope->beta_slow = 1;
    rope->whole_bounds = true;
    HS_TRY(number(in, "rope.scaling.yarn_beta_fast", false, &rope->beta_fast));
    HS_TRY(number(in, "rope.scaling.yarn_beta_slow", false, &rope->beta_slow));
    HS_TRY(number(in, "rope.scaling.yarn_ext_factor", false, &extrapolation));
    HS_TRY(number(in, "rope.scaling.yarn_attn_factor", false, &attention));
    HS_TRY(integer(in, "rope.scaling.original_context_length", 2, HS_MAX_CONTEXT, true, &rope->original_context));
    rope->magnitude = 1;
    HS_TRY(number(in, "rope.scaling.attn_factor", false, &rope->magnitude));
    if (extrapolation != 1 || attention != 1 || !(rope->magnitude > 0) || !(rope->beta_slow > 0) ||
        !(rope->beta_fast > rope->beta_slow)) {
        return hs_fail(in->error, HEADSIFT_FAILED,
                       "%s: yarn with factors of its own (extrapolation %g, attention %g, betas %g and %g) is not "
                       "supported",
                       in->where, extrapolation, attention, rope->beta_fast, rope->beta_slow);
    }
    rope->magnitude *= 1 + 0.1 * log(rope->factor);
    return HEADSIFT_OK;
}

static headsift_status rope_scaling_read(const struct hs_source *in, struct hs_rope *rope) {
    char key[KEY];
    const char *type = "linear";
    double factor = 0.0;
    snprintf(key, sizeof key, "%s.rope.scaling.type", in->arch);
    HS_TRY(hs_gguf_string(in->gguf, in->where, key, &type, in->error));
    HS_TRY(number(in, "rope.scale_linear", false, &factor)); /* older files */
    HS_TRY(number(in, "rope.scaling.factor", false, &factor));
    if (strcmp(type, "none") == 0 || strcmp(type, "longrope") == 0) { /* longrope: by its tensors */
        return HEADSIFT_OK;
    }
    bool yarn = strcmp(type, "yarn") == 0;
    if (strcmp(type, "linear") != 0 && !yarn) {
        return hs_fail(in->error, HEADSIFT_FAILED,
                       "%s: rope scaling \"%s\" is not supported (none, linear, yarn and longrope are)", in->where,
                       type);
    }
    if (!(isfinite(factor) && factor >= 0.0)) {
        return hs_fail(in->error, HEADSIFT_FAILED, "%s: a rope scaling factor of %g must be above 0", in->where,
                       factor);
    }
    if (factor == 0.0 || factor == 1.0) {
        return HEADSIFT_OK;
    }
    rope->kind = yarn ? HS_ROPE_YARN : HS_ROPE_LINEAR;
    rope->factor = factor;
    return yarn ? yarn_read(in, rope) : HEADSIFT_OK;
}

static headsift_status rope_read(const struct hs_source *in, const struct hs_family *family, struct hs_config *config) {
    config->rope.base = 10000.0;
    HS_TRY(number(in, "rope.freq_base", false, &config->rope.base));
    HS_TRY(number(in, "rope.freq_base_swa", false, &config->local_rope.base));
    if (!(isfinite(config->rope.base) && config->rope.base > 0.0 && config->local_rope.base > 0.0)) {
        return hs_fail(in->error, HEADSIFT_FAILED, "%s: a rope base of %g must be above 0", in->where,
                       config->rope.base);
    }
    int64_t rotated = config->head_dim;
    HS_TRY(integer(in, "rope.dimension_count", 0, INT32_MAX, false, &rotated));
    bool part = (family->flags & HS_PARTIAL_ROTARY) != 0 && rotated >= 2 && rotated % 2 == 0;
    if (rotated != config->head_dim && !(part && rotated < config->head_dim)) {
        return hs_fail(in->error, HEADSIFT_FAILED,
                       "%s: rotary positions on %lld of %d dimensions of a head are not supported: it must be all",
                       in->where, (long long)rotated, config->head_dim);
    }
    config->rotary_dim = (int32_t)rotated;
    return rope_scaling_read(in, &config->rope);
}

static headsift_status eos_read(const struct hs_source *in, const char *key, struct hs_config *config) {
    int64_t id = -1;
    HS_TRY(hs_gguf_int(in->gguf, in->where, key, INT64_MIN, INT64_MAX, false, &id, in->error));
    bool new = id >= 0 && id < config->vocab;
    for (int32_t i = 0; i < config->n_eos; i++) {
        new = new && config->eos[i] != id;
    }
    if (new) {
        config->eos[config->n_eos++] = (int32_t)id;
    }
    return HEADSIFT_OK;
}

static headsift_status refuse_parts(const struct hs_source *in, const struct hs_config *config) {
    int64_t experts = 0, window = 0;
    double alibi = 0;
    HS_TRY(integer(in, "expert_count", INT64_MIN, INT64_MAX, false, &experts));
    if (experts != 0) {
        return hs_fail(in->error, HEADSIFT_FAILED, "%s: a mixture of %lld experts is not supported", in->where,
                       (long long)experts);
    }
    HS_TRY(number(in, "attention.max_alibi_bias", false, &alibi));
    if (alibi != 0) {
        return hs_fail(in->error, HEADSIFT_FAILED, "%s: ALiBi positions are not supported", in->where);
    }
    HS_TRY(hs_source_window(in, NULL, &window));
    if (window != 0 && config->window != window) {
        return hs_fail(in->error, HEADSIFT_FAILED,
                       "%s: a window of %lld keys is not supported: which layers have it is not known for \"%s\"",
                       in->where, (long long)window, in->arch);
    }
    return HEADSIFT_OK;
}

static headsift_status family_read(const struct hs_source *in, const struct hs_family **family,
                                   struct hs_config *config) {
    const char *name = NULL;
    HS_TRY(hs_gguf_string(in->gguf, in->where, "general.name", &name, in->error));
    if (name != NULL && name[0] != '\0') {
        hs_escape_line(name, strlen(name), config->name, sizeof config->name);
    }
    hs_escape_line(in->arch, strlen(in->arch), config->family, sizeof config->family);
    *family = hs_family_of_architecture(in->arch);
    if (*family == NULL) {
        return hs_family_refuse(in->where, "architecture", in->arch, in->error);
    }
    hs_family_start(*family, config);
    config->window = 0; /* a GGUF says whether there is one */
    return HEADSIFT_OK;
}

headsift_status hs_gguf_config_read(struct hs_model *model, headsift_error *error) {
    const char *where = model->path;
    struct hs_config *config = &model->config;
    struct hs_source in = {.gguf = model->gguf, .where = where, .error = error};
    HS_TRY(hs_gguf_string(model->gguf, where, "general.architecture", &in.arch, error));
    if (in.arch == NULL) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: key \"general.architecture\" is missing", where);
    }
    headsift_status known = family_read(&in, &model->family, config);
    if (known != HEADSIFT_OK) {
        in.error = NULL; /* the sizes of an unknown family are for people alone */
        (void)sizes_read(&in, model, config);
        return known;
    }
    HS_TRY(sizes_read(&in, model, config));
    HS_TRY(number(&in, "attention.layer_norm_rms_epsilon", true, &config->norm_eps));
    HS_TRY(number(&in, "attention.scale", false, &config->attention_scale));
    if (model->family->more != NULL) {
        HS_TRY(model->family->more(&in, config));
    }
    if (config->attention_scale == 0 && config->head_dim > 0) {
        config->attention_scale = 1 / sqrt((double)config->head_dim);
    }
    HS_TRY(refuse_parts(&in, config));
    HS_TRY(hs_config_check(config, where, error));
    HS_TRY(rope_read(&in, model->family, config));
    HS_TRY(eos_read(&in, "tokenizer.ggml.eos_token_id", config));
    return eos_read(&in, "tokenizer.ggml.eot_token_id", config);
}
