/* config.json of an exported model, in the form of older or newer transformers.
 * And the whole directory: tokenizer and weights first, config.json last. */
#include <stdlib.h>
#include <string.h>

#include "tools/export_hf.h"

headsift_status export_json(const struct export_options *options, const char *name, json_t *root,
                            headsift_error *error) {
    char *path = hs_join_path(options->directory, name);
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) : NULL;
    headsift_status status =
        path == NULL || text == NULL ? hs_fail_memory(error, name, 0) : hs_file_write(path, text, strlen(text), error);
    free(text);
    hs_free(path);
    json_decref(root);
    return status;
}

static void add_rope(json_t *root, const struct hs_rope *rope, bool old) {
    static const char *const KINDS[] = {
        [HS_ROPE_DEFAULT] = "default", [HS_ROPE_LINEAR] = "linear", [HS_ROPE_LLAMA3] = "llama3"};
    json_t *table = json_pack("{s:s}", "rope_type", KINDS[rope->kind]);
    if (rope->kind != HS_ROPE_DEFAULT) {
        json_object_set_new(table, "factor", json_real(rope->factor));
    }
    if (rope->kind == HS_ROPE_LLAMA3) {
        json_object_set_new(table, "low_freq_factor", json_real(rope->low_freq_factor));
        json_object_set_new(table, "high_freq_factor", json_real(rope->high_freq_factor));
        json_object_set_new(table, "original_max_position_embeddings", json_integer(rope->original_context));
    }
    if (!old) {
        json_object_set_new(table, "rope_theta", json_real(rope->base));
        json_object_set_new(root, "rope_parameters", table);
        return;
    }
    json_object_set_new(root, "rope_theta", json_real(rope->base));
    if (rope->kind == HS_ROPE_DEFAULT) {
        json_decref(table);
        table = json_null();
    }
    json_object_set_new(root, "rope_scaling", table);
}

static json_t *eos_list(const struct hs_config *config) {
    json_t *list = json_array();
    for (int32_t i = 0; i < config->n_eos; i++) {
        json_array_append_new(list, json_integer(config->eos[i]));
    }
    return list;
}

headsift_status export_config(const struct hs_model *model, const struct export_options *options,
                              headsift_error *error) {
    static const char *const DTYPES[] = {"float32", "float16", "bfloat16"};
    const struct hs_config *c = hs_model_config(model);
    if (c->divided || strcmp(c->family, "llama") != 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: a %s can't be exported, or not with rope_freqs.weight", model->path,
                       c->family);
    }
    json_t *root =
        json_pack("{s:[s], s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:f, s:I, s:b, s:b, s:b, s:s, s:o}",
                  "architectures", "LlamaForCausalLM", "model_type", "llama", "vocab_size", c->vocab, "hidden_size",
                  c->hidden, "intermediate_size", c->ffn, "num_hidden_layers", c->n_layer, "num_attention_heads",
                  c->n_head, "num_key_value_heads", c->n_kv_head, "head_dim", c->head_dim, "hidden_act", "silu",
                  "rms_norm_eps", c->norm_eps, "max_position_embeddings", (json_int_t)c->context, "tie_word_embeddings",
                  (int)c->tied, "attention_bias", (int)(hs_model_weight(model, HS_Q_BIAS, 0) != NULL), "mlp_bias",
                  (int)(hs_model_weight(model, HS_GATE_BIAS, 0) != NULL), "torch_dtype", DTYPES[options->dtype],
                  "eos_token_id", eos_list(c));
    if (root == NULL) {
        return hs_fail_memory(error, "config.json", 0);
    }
    add_rope(root, &c->rope, options->old_rope);
    return export_json(options, "config.json", root, error);
}

headsift_status export_directory(const struct hs_model *model, const struct export_options *options,
                                 headsift_error *error) {
    HS_TRY(hs_make_directory(options->directory, error));
    HS_TRY(export_tokenizer(model, options, error));
    HS_TRY(export_weights(model, options, error));
    return export_config(model, options, error);
}
