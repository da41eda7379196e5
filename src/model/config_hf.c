/* config.json of a Hugging Face directory to the architecture; what is not supported is refused by name.
 * Defaults are those of transformers' LlamaConfig. */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "model/internal.h"

struct reader {
    const json_t *root;
    const char *where;
    headsift_error *error;
};

static headsift_status size_read(const struct reader *in, const char *key, int64_t high, bool required, int32_t *out) {
    int64_t value = *out;
    HS_TRY(hs_json_int(in->root, key, 1, high, required, in->where, &value, in->error));
    *out = (int32_t)value;
    return HEADSIFT_OK;
}

static headsift_status sizes_read(const struct reader *in, struct hs_config *c) {
    HS_TRY(size_read(in, "num_hidden_layers", HS_MAX_LAYERS, true, &c->n_layer));
    HS_TRY(size_read(in, "num_attention_heads", HS_MAX_HEADS, true, &c->n_head));
    HS_TRY(size_read(in, "hidden_size", HS_MAX_HIDDEN, true, &c->hidden));
    HS_TRY(size_read(in, "intermediate_size", HS_MAX_FFN, true, &c->ffn));
    HS_TRY(size_read(in, "vocab_size", HS_MAX_VOCAB, true, &c->vocab));
    c->n_kv_head = c->n_head;
    HS_TRY(size_read(in, "num_key_value_heads", HS_MAX_HEADS, false, &c->n_kv_head));
    c->head_dim = c->hidden / c->n_head;
    HS_TRY(size_read(in, "head_dim", HS_MAX_HEAD_DIM, false, &c->head_dim));
    c->context = 2048;
    return hs_json_int(in->root, "max_position_embeddings", 1, HS_MAX_CONTEXT, false, in->where, &c->context,
                       in->error);
}

static headsift_status family_read(const struct reader *in, struct hs_config *config) {
    const char *type = NULL;
    HS_TRY(hs_json_string(in->root, "model_type", true, in->where, &type, in->error));
    hs_escape_line(type, strlen(type), config->family, sizeof config->family);
    if (strcmp(type, "llama") != 0) {
        return hs_fail(in->error, HEADSIFT_FAILED, "%s: model type \"%s\" is not supported (llama is)", in->where,
                       type);
    }
    return HEADSIFT_OK;
}

static headsift_status kinds_read(const struct reader *in, struct hs_hf_config *out) {
    const char *act = "silu";
    HS_TRY(hs_json_string(in->root, "hidden_act", false, in->where, &act, in->error));
    if (strcmp(act, "silu") != 0) {
        return hs_fail(in->error, HEADSIFT_FAILED, "%s: \"hidden_act\" \"%s\" is not supported (silu is)", in->where,
                       act);
    }
    json_t *quantized = NULL;
    HS_TRY(hs_json_object(in->root, "quantization_config", false, in->where, &quantized, in->error));
    if (quantized != NULL) {
        const char *method = "unnamed";
        HS_TRY(hs_json_string(quantized, "quant_method", false, in->where, &method, in->error));
        return hs_fail(
            in->error, HEADSIFT_FAILED,
            "%s: quantised weights (\"%s\") are not supported: use the F32, F16 or BF16 checkpoint, or a GGUF",
            in->where, method);
    }
    HS_TRY(hs_json_bool(in->root, "attention_bias", false, in->where, &out->attention_bias, in->error));
    HS_TRY(hs_json_bool(in->root, "mlp_bias", false, in->where, &out->mlp_bias, in->error));
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
    return HEADSIFT_OK;
}

headsift_status hs_hf_config_read(const json_t *root, const char *where, struct hs_hf_config *out,
                                  headsift_error *error) {
    if (!json_is_object(root)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s must hold a JSON object", where);
    }
    struct hs_config *config = &out->config;
    struct reader in = {root, where, error};
    headsift_status family = family_read(&in, config);
    if (family != HEADSIFT_OK) {
        in.error = NULL; /* the sizes of an unknown family are for people alone */
        (void)sizes_read(&in, config);
        return family;
    }
    HS_TRY(sizes_read(&in, config));
    HS_TRY(kinds_read(&in, out));
    config->norm_eps = 1e-6;
    HS_TRY(hs_json_number(root, "rms_norm_eps", false, where, &config->norm_eps, error));
    HS_TRY(hs_hf_rope_read(root, where, &config->rope, error));
    HS_TRY(hs_hf_eos_read(root, where, config, error));
    return hs_config_check(config, where, error);
}
