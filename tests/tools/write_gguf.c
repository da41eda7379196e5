/* A small llama GGUF from any open model, written through ggml.
 * The interleaving of q and k is written out here again, apart from the loader's. */
#include "tools/write_gguf.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TENSORS = 2048, NAME = 64 };

struct writer {
    const struct hs_model *model;
    const struct write_gguf_options *options;
    struct gguf_context *gguf;
    struct ggml_context *tensors;
    void *data[MAX_TENSORS];
    size_t n_data;
};

static void *keep(struct writer *writer, size_t size) {
    void *data = calloc(1, size);
    if (data == NULL || writer->n_data == MAX_TENSORS) {
        fprintf(stderr, "write_gguf: no memory\n");
        exit(1);
    }
    writer->data[writer->n_data++] = data;
    return data;
}

static void add(struct writer *writer, const char *name, enum ggml_type type, int64_t rows, int64_t cols,
                const float *values) {
    const struct ggml_type_traits *traits = ggml_get_type_traits(type);
    struct ggml_tensor *tensor = rows == 1 ? ggml_new_tensor_1d(writer->tensors, type, cols)
                                           : ggml_new_tensor_2d(writer->tensors, type, cols, rows);
    ggml_set_name(tensor, name);
    tensor->data = keep(writer, ggml_nbytes(tensor));
    if (type == GGML_TYPE_F32) {
        memcpy(tensor->data, values, (size_t)(rows * cols) * sizeof *values);
    } else {
        traits->from_float_ref(values, tensor->data, rows * cols);
    }
    gguf_add_tensor(writer->gguf, tensor);
}

/* (heads, 2, half, cols) -> (heads, half, 2, cols) */
static void interleave(float *values, int64_t rows, int64_t cols, int32_t head_dim) {
    float *copy = malloc((size_t)(rows * cols) * sizeof *copy);
    int64_t half = head_dim / 2;
    memcpy(copy, values, (size_t)(rows * cols) * sizeof *copy);
    for (int64_t head = 0; head < rows / head_dim; head++) {
        for (int64_t part = 0; part < 2; part++) {
            for (int64_t i = 0; i < half; i++) {
                int64_t to = head * head_dim + i * 2 + part, from = head * head_dim + part * half + i;
                memcpy(values + to * cols, copy + from * cols, (size_t)cols * sizeof *copy);
            }
        }
    }
    free(copy);
}

static void add_weight(struct writer *writer, enum hs_role role, int32_t layer, const char *name) {
    const struct hs_weight *weight = hs_model_weight(writer->model, role, layer);
    if (weight == NULL || (role == HS_OUTPUT && hs_model_config(writer->model)->tied)) {
        return;
    }
    char full[NAME];
    int64_t rows = hs_weight_rows(weight), cols = hs_weight_cols(weight);
    if (hs_role_of_model(role)) {
        snprintf(full, sizeof full, "%s", name);
    } else {
        snprintf(full, sizeof full, "blk.%d.%s", layer, name);
    }
    float *values = malloc((size_t)(rows * cols) * sizeof *values);
    hs_weight_read(weight, 0, rows, values);
    if (role == HS_Q || role == HS_K) {
        interleave(values, rows, cols, hs_model_config(writer->model)->head_dim);
    } else if (role == HS_Q_BIAS || role == HS_K_BIAS) {
        interleave(values, cols, 1, hs_model_config(writer->model)->head_dim);
    }
    bool blocks = rows > 1 && cols % ggml_blck_size(writer->options->type) == 0;
    add(writer, full, blocks ? writer->options->type : GGML_TYPE_F32, rows, cols, values);
    free(values);
}

static void add_weights(struct writer *writer) {
    static const char *const NAMES[HS_N_ROLES] = {
        [HS_EMBEDDING] = "token_embd.weight",
        [HS_OUTPUT_NORM] = "output_norm.weight",
        [HS_OUTPUT] = "output.weight",
        [HS_ATTENTION_NORM] = "attn_norm.weight",
        [HS_Q] = "attn_q.weight",
        [HS_K] = "attn_k.weight",
        [HS_V] = "attn_v.weight",
        [HS_O] = "attn_output.weight",
        [HS_Q_BIAS] = "attn_q.bias",
        [HS_K_BIAS] = "attn_k.bias",
        [HS_V_BIAS] = "attn_v.bias",
        [HS_O_BIAS] = "attn_output.bias",
        [HS_MLP_NORM] = "ffn_norm.weight",
        [HS_GATE] = "ffn_gate.weight",
        [HS_UP] = "ffn_up.weight",
        [HS_DOWN] = "ffn_down.weight",
        [HS_GATE_BIAS] = "ffn_gate.bias",
        [HS_UP_BIAS] = "ffn_up.bias",
        [HS_DOWN_BIAS] = "ffn_down.bias",
    };
    for (int role = 0; role < HS_N_ROLES; role++) {
        int32_t layers = hs_role_of_model((enum hs_role)role) ? 1 : hs_model_config(writer->model)->n_layer;
        for (int32_t layer = 0; layer < layers; layer++) {
            add_weight(writer, (enum hs_role)role, layer, NAMES[role]);
        }
    }
    if (writer->options->rope_freqs != NULL) {
        add(writer, "rope_freqs.weight", GGML_TYPE_F32, 1, hs_model_config(writer->model)->head_dim / 2,
            writer->options->rope_freqs);
    }
    if (writer->options->extra_tensor != NULL) {
        static const float VALUES[4] = {1, 2, 3, 4};
        add(writer, writer->options->extra_tensor, GGML_TYPE_F32, 1, 4, VALUES);
    }
}

/* A vocabulary of made-up tokens: enough to see that it is handed over. */
static void add_vocab(struct writer *writer) {
    int32_t n = hs_model_config(writer->model)->vocab;
    const char **tokens = malloc((size_t)n * sizeof *tokens);
    int32_t *types = malloc((size_t)n * sizeof *types);
    for (int32_t i = 0; i < n; i++) {
        char *token = keep(writer, 16);
        snprintf(token, 16, "t%d", i);
        tokens[i] = token;
        types[i] = i < 3 ? HS_TOKEN_CONTROL : HS_TOKEN_NORMAL;
    }
    const char *merges[2] = {"t 1", "t 2"};
    gguf_set_val_str(writer->gguf, "tokenizer.ggml.model", "gpt2");
    gguf_set_val_str(writer->gguf, "tokenizer.ggml.pre", "smollm");
    gguf_set_arr_str(writer->gguf, "tokenizer.ggml.tokens", tokens, (size_t)n);
    gguf_set_arr_data(writer->gguf, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types, (size_t)n);
    gguf_set_arr_str(writer->gguf, "tokenizer.ggml.merges", merges, 2);
    gguf_set_val_u32(writer->gguf, "tokenizer.ggml.bos_token_id", 1);
    free(tokens);
    free(types);
}

static void add_keys(struct writer *writer) {
    const struct hs_config *c = hs_model_config(writer->model);
    struct gguf_context *gguf = writer->gguf;
    gguf_set_val_str(gguf, "general.architecture", "llama");
    gguf_set_val_str(gguf, "general.name", "tiny");
    gguf_set_val_u32(gguf, "llama.block_count", (uint32_t)c->n_layer);
    gguf_set_val_u32(gguf, "llama.context_length", (uint32_t)c->context);
    gguf_set_val_u32(gguf, "llama.embedding_length", (uint32_t)c->hidden);
    gguf_set_val_u32(gguf, "llama.feed_forward_length", (uint32_t)c->ffn);
    gguf_set_val_u32(gguf, "llama.attention.head_count", (uint32_t)c->n_head);
    gguf_set_val_u32(gguf, "llama.attention.head_count_kv", (uint32_t)c->n_kv_head);
    gguf_set_val_u32(gguf, "llama.attention.key_length", (uint32_t)c->head_dim);
    gguf_set_val_u32(gguf, "llama.attention.value_length", (uint32_t)c->head_dim);
    gguf_set_val_u32(gguf, "llama.rope.dimension_count", (uint32_t)c->head_dim);
    gguf_set_val_f32(gguf, "llama.rope.freq_base", (float)c->rope.base);
    gguf_set_val_f32(gguf, "llama.attention.layer_norm_rms_epsilon", (float)c->norm_eps);
    if (c->n_eos > 0) {
        gguf_set_val_u32(gguf, "tokenizer.ggml.eos_token_id", (uint32_t)c->eos[0]);
    }
}

void write_gguf(const struct hs_model *model, const char *path, const struct write_gguf_options *options) {
    struct ggml_init_params room = {.mem_size = MAX_TENSORS * ggml_tensor_overhead(), .no_alloc = true};
    struct writer *writer = calloc(1, sizeof *writer);
    *writer =
        (struct writer){.model = model, .options = options, .gguf = gguf_init_empty(), .tensors = ggml_init(room)};
    add_keys(writer);
    add_vocab(writer);
    add_weights(writer);
    if (options->edit != NULL) {
        options->edit(writer->gguf);
    }
    if (!gguf_write_to_file(writer->gguf, path, false)) {
        fprintf(stderr, "write_gguf: can't write %s\n", path);
        exit(1);
    }
    for (size_t i = 0; i < writer->n_data; i++) {
        free(writer->data[i]);
    }
    ggml_free(writer->tensors);
    gguf_free(writer->gguf);
    free(writer);
}
