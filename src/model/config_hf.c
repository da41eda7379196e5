/* config.json of a Hugging Face directory to the architecture; what is not supported is refused by name.
 * Defaults are those of transformers' configuration classes (families.c). */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "model/internal.h"

static headsift_status size_read(const struct hs_source *in, const char *key, int64_t high, bool required,
                                 int32_t *out) {
    int64_t value = *out;
    HS_TRY(hs_json_int(in->root, key, 1, high, required, in->where, &value, in->error));
    *out = (int32_t)value;
    return HEADSIFT_OK;
}

static headsift_status sizes_read(const struct hs_source *in, unsigned flags, struct hs_config *c) {
    HS_TRY(size_read(in, "num_hidden_layers", HS_MAX_LAYERS, true, &c->n_layer));
    HS_TRY(size_read(in, "num_attention_heads", HS_MAX_HEADS, true, &c->n_head));
    HS_TRY(size_read(in, "hidden_size", HS_MAX_HIDDEN, true, &c->hidden));
    HS_TRY(size_read(in, "intermediate_size", HS_MAX_FFN, true, &c->ffn));
    HS_TRY(size_read(in, "vocab_size", HS_MAX_VOCAB, true, &c->vocab));
    c->n_kv_head = c->n_head;
    HS_TRY(size_read(in, "num_key_value_heads", HS_MAX_HEADS, (flags & HS_STATES_KV) != 0, &c->n_kv_head));
    c->head_dim = c->hidden / c->n_head;
    HS_TRY(size_read(in, "head_dim", HS_MAX_HEAD_DIM, (flags & HS_STATES_HEAD_DIM) != 0, &c->head_dim));
    c->rotary_dim = c->head_dim;
    c->context = 2048;
    return hs_json_int(in->root, "max_position_embeddings", 1, HS_MAX_CONTEXT, false, in->where, &c->context,
                       in->error);
}

static headsift_status family_read(const struct hs_source *in, struct hs_hf_config *out) {
    const char *type = NULL;
    HS_TRY(hs_json_string(in->root, "model_type", true, in->where, &type, in->error));
    hs_escape_line(type, strlen(type), out->config.family, sizeof out->config.family);
    out->family = hs_family_of_type(type);
    if (out->family == NULL) {
        return hs_family_refuse(in->where, "model type", type, in->error);
    }
    hs_family_start(out->family, &out->config);
    return HEADSIFT_OK;
}

static headsift_status activation_read(const struct hs_source *in, struct hs_config *config) {
    const char *key = config->activation == HS_GELU_TANH ? "hidden_activation" : "hidden_act", *name = NULL;
    HS_TRY(hs_json_string(in->root, key, false, in->where, &name, in->error));
    if (name == NULL) {
        return HEADSIFT_OK;
    }
    if (strcmp(name, "silu") != 0 && strcmp(name, "gelu_pytorch_tanh") != 0) {
        return hs_fail(in->error, HEADSIFT_FAILED,
                       "%s: \"%s\" \"%s\" is not supported (silu and gelu_pytorch_tanh are)", in->where, key, name);
    }
    config->activation = strcmp(name, "silu") == 0 ? HS_SILU : HS_GELU_TANH;
    return HEADSIFT_OK;
}

/* Parts that change a model's numbers and that no family here has. */
static headsift_status refuse_parts(const struct hs_source *in) {
    static const char *const experts[] = {"num_local_experts", "num_experts", "n_routed_experts"};
    json_t *quantized = NULL;
    bool alibi = false;
    HS_TRY(hs_json_object(in->root, "quantization_config", false, in->where, &quantized, in->error));
    if (quantized != NULL) {
        const char *method = "unnamed";
        HS_TRY(hs_json_string(quantized, "quant_method", false, in->where, &method, in->error));
        return hs_fail(
            in->error, HEADSIFT_FAILED,
            "%s: quantised weights (\"%s\") are not supported: use the F32, F16 or BF16 checkpoint, or a GGUF",
            in->where, method);
    }
    HS_TRY(hs_json_bool(in->root, "alibi", false, in->where, &alibi, in->error));
    if (alibi) {
        return hs_fail(in->error, HEADSIFT_FAILED, "%s: ALiBi positions are not supported", in->where);
    }
    for (size_t i = 0; i < sizeof experts / sizeof *experts; i++) {
        int64_t n = 0;
        HS_TRY(hs_json_int(in->root, experts[i], INT64_MIN, INT64_MAX, false, in->where, &n, in->error));
        if (n > 1) {
            return hs_fail(in->error, HEADSIFT_FAILED, "%s: a mixture of %lld experts is not supported", in->where,
                           (long long)n);
        }
    }
    return HEADSIFT_OK;
}

static headsift_status kinds_read(const struct hs_source *in, struct hs_hf_config *out) {
    HS_TRY(activation_read(in, &out->config));
    HS_TRY(refuse_parts(in));
    if ((out->family->flags & HS_ASKS_BIAS) != 0) {
        HS_TRY(hs_json_bool(in->root, "attention_bias", false, in->where, &out->attention_bias, in->error));
    }
    if ((out->family->flags & HS_ASKS_MLP_BIAS) != 0) {
        HS_TRY(hs_json_bool(in->root, "mlp_bias", false, in->where, &out->mlp_bias, in->error));
    }
    return hs_json_bool(in->root, "tie_word_embeddings", false, in->where, &out->config.tied, in->error);
}

static headsift_status add_eos(const json_t *id, const char *where, struct hs_config *config, headsift_error *error) {
    if (!json_is_integer(id)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"eos_token_id\" must be an integer or a list of integers", where);
    }
    json_int_t value = json_integer_value(id);
    for (int32_t i = 0; i < config->n_eos; i++) {
        if (config->eos[i] == value) {
            return HEADSIFT_OK;
        }
    }
    if (value < 0 || value >= config->vocab) {
        return HEADSIFT_OK; /* no such token: it can't end anything */
    }
    if (config->n_eos == HS_MAX_EOS) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"eos_token_id\" lists more than %d ids", where, HS_MAX_EOS);
    }
    config->eos[config->n_eos++] = (int32_t)value;
    return HEADSIFT_OK;
}

headsift_status hs_hf_eos_read(const json_t *root, const char *where, struct hs_config *config, headsift_error *error) {
    const json_t *eos = json_object_get(root, "eos_token_id");
    if (eos == NULL || json_is_null(eos)) {
        return HEADSIFT_OK;
    }
    if (!json_is_array(eos)) {
        return add_eos(eos, where, config, error);
    }
    for (size_t i = 0; i < json_array_size(eos); i++) {
        HS_TRY(add_eos(json_array_get(eos, i), where, config, error));
    }
    return HEADSIFT_OK;
}

static bool above_zero(double value) { return isfinite(value) && value > 0; }

headsift_status hs_config_check(const struct hs_config *config, const char *where, headsift_error *error) {
    if (config->n_head % config->n_kv_head != 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: %d query heads can't share %d KV heads evenly", where,
                       config->n_head, config->n_kv_head);
    }
    if (config->head_dim < 2 || config->head_dim > HS_MAX_HEAD_DIM || config->head_dim % 2 != 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: a head dimension of %d is not supported (even, 2 to %d)", where,
                       config->head_dim, HS_MAX_HEAD_DIM);
    }
    if (!(config->norm_eps >= 0.0 && config->norm_eps < 1.0)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: an RMS norm epsilon of %g is out of range (0 to 1)", where,
                       config->norm_eps);
    }
    if (!above_zero(config->embedding_scale) || !above_zero(config->residual_scale) ||
        !above_zero(config->attention_scale) || !above_zero(config->logit_scale)) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: a multiplier of embeddings (%g), residuals (%g), scores (%g) or logits (%g) is not above 0",
                       where, config->embedding_scale, config->residual_scale, config->attention_scale,
                       config->logit_scale);
    }
    if (!(config->attention_cap >= 0 && config->logit_cap >= 0)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: a cap of scores (%g) or logits (%g) is below 0", where,
                       config->attention_cap, config->logit_cap);
    }
    return HEADSIFT_OK;
}

headsift_status hs_hf_config_read(const json_t *root, const char *where, struct hs_hf_config *out,
                                  headsift_error *error) {
    if (!json_is_object(root)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s must hold a JSON object", where);
    }
    struct hs_config *config = &out->config;
    struct hs_source in = {.root = root, .where = where, .error = error};
    headsift_status family = family_read(&in, out);
    if (family != HEADSIFT_OK) {
        in.error = NULL; /* the sizes of an unknown family are for people alone */
        (void)sizes_read(&in, 0, config);
        return family;
    }
    HS_TRY(sizes_read(&in, out->family->flags, config));
    HS_TRY(kinds_read(&in, out));
    HS_TRY(hs_json_number(root, "rms_norm_eps", false, where, &config->norm_eps, error));
    if (out->family->more != NULL) {
        HS_TRY(out->family->more(&in, config));
    }
    if (config->attention_scale == 0 && config->head_dim > 0) {
        config->attention_scale = 1 / sqrt((double)config->head_dim);
    }
    HS_TRY(hs_config_check(config, where, error));
    HS_TRY(hs_hf_rope_read(&in, out->family, config));
    return hs_hf_eos_read(root, where, config, error);
}
