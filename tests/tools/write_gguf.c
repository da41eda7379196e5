/* A small GGUF from any open model, written through ggml: keys, names and layouts of its family as llama.cpp's
 * converter has them. The interleaving of q and k is written out here again, apart from the loader's. */
#include "tools/write_gguf.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TENSORS = 2048, NAME = 64, MAX_PARTS = 8, MAX_KEY = 128 };

struct writer {
    const struct hs_model *model;
    const struct write_gguf_options *options;
    const char *arch;
    struct gguf_context *gguf;             /* the first part */
    struct gguf_context *parts[MAX_PARTS]; /* tensors go to them in turn, the second part first */
    size_t n_tensors;
    struct ggml_context *tensors;
    char key[MAX_KEY];
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
    int parts = writer->options->parts > 0 ? writer->options->parts : 1;
    gguf_add_tensor(writer->parts[++writer->n_tensors % (size_t)parts], tensor);
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

static bool is_one_of(const char *name, const char *const *names) {
    while (*names != NULL && strcmp(*names, name) != 0) {
        names++;
    }
    return *names != NULL;
}

/* A role's values as the converter stores them; the caller frees them. */
static float *values_of(struct writer *writer, enum hs_role role, int32_t layer) {
    static const char *const permuted[] = {"llama", "granite", "smollm3", NULL};
    const struct hs_weight *weight = hs_model_weight(writer->model, role, layer);
    const int32_t head_dim = hs_model_config(writer->model)->head_dim;
    int64_t rows = hs_weight_rows(weight), cols = hs_weight_cols(weight);
    float *values = malloc((size_t)(rows * cols) * sizeof *values);
    hs_weight_read(weight, 0, rows, values);
    if (is_one_of(writer->arch, permuted) && (role == HS_Q || role == HS_K)) {
        interleave(values, rows, cols, head_dim);
    } else if (is_one_of(writer->arch, permuted) && (role == HS_Q_BIAS || role == HS_K_BIAS)) {
        interleave(values, cols, 1, head_dim);
    }
    return values;
}

/* One tensor of several roles' rows behind each other. */
static void add_roles(struct writer *writer, const enum hs_role *roles, int n, int32_t layer, const char *name) {
    char full[NAME];
    float *all = NULL;
    int64_t rows = 0, cols = 0;
    if (hs_role_of_model(roles[0])) {
        snprintf(full, sizeof full, "%s", name);
    } else {
        snprintf(full, sizeof full, "blk.%d.%s", layer, name);
    }
    for (int i = 0; i < n; i++) {
        const struct hs_weight *weight = hs_model_weight(writer->model, roles[i], layer);
        float *values = values_of(writer, roles[i], layer);
        cols = hs_weight_cols(weight);
        all = realloc(all, (size_t)((rows + hs_weight_rows(weight)) * cols) * sizeof *all);
        memcpy(all + rows * cols, values, (size_t)(hs_weight_rows(weight) * cols) * sizeof *all);
        rows += hs_weight_rows(weight);
        free(values);
    }
    bool blocks = rows > 1 && cols % ggml_blck_size(writer->options->type) == 0;
    add(writer, full, blocks ? writer->options->type : GGML_TYPE_F32, rows, cols, all);
    free(all);
}

static void add_weight(struct writer *writer, enum hs_role role, int32_t layer, const char *name) {
    const struct hs_weight *weight = hs_model_weight(writer->model, role, layer);
    if (weight == NULL || (role == HS_OUTPUT && hs_model_config(writer->model)->tied)) {
        return;
    }
    if (strcmp(writer->arch, "phi3") != 0) {
        add_roles(writer, &role, 1, layer, name);
    } else if (role == HS_Q) {
        add_roles(writer, (const enum hs_role[]){HS_Q, HS_K, HS_V}, 3, layer, "attn_qkv.weight");
    } else if (role == HS_UP) {
        add_roles(writer, (const enum hs_role[]){HS_GATE, HS_UP}, 2, layer, "ffn_up.weight");
    } else if (role != HS_K && role != HS_V && role != HS_GATE) {
        add_roles(writer, &role, 1, layer, name);
    }
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
        [HS_Q_NORM] = "attn_q_norm.weight",
        [HS_K_NORM] = "attn_k_norm.weight",
        [HS_POST_ATTENTION_NORM] = "post_attention_norm.weight",
        [HS_POST_MLP_NORM] = "post_ffw_norm.weight",
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
    const struct hs_config *c = hs_model_config(writer->model);
    if (c->rope.kind == HS_ROPE_LONGROPE) {
        add(writer, "rope_factors_short.weight", GGML_TYPE_F32, 1, c->rotary_dim / 2, c->divisors[0]);
        add(writer, "rope_factors_long.weight", GGML_TYPE_F32, 1, c->rotary_dim / 2, c->divisors[1]);
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

static void put_u32(struct writer *writer, const char *name, int64_t value) {
    snprintf(writer->key, MAX_KEY, "%s.%s", writer->arch, name);
    gguf_set_val_u32(writer->gguf, writer->key, (uint32_t)value);
}

static void put_f32(struct writer *writer, const char *name, double value) {
    snprintf(writer->key, MAX_KEY, "%s.%s", writer->arch, name);
    gguf_set_val_f32(writer->gguf, writer->key, (float)value);
}

/* What some families have beside the rest. */
static void add_family_keys(struct writer *writer, const struct hs_config *c) {
    if (strcmp(writer->arch, "granite") == 0) {
        put_f32(writer, "attention.scale", c->attention_scale);
        put_f32(writer, "embedding_scale", c->embedding_scale);
        put_f32(writer, "residual_scale", c->residual_scale);
        put_f32(writer, "logit_scale", 1 / c->logit_scale);
    }
    if (c->attention_cap > 0) {
        put_f32(writer, "attn_logit_softcapping", c->attention_cap);
    }
    if (c->logit_cap > 0) {
        put_f32(writer, "final_logit_softcapping", c->logit_cap);
    }
    if (c->window > 0) {
        put_u32(writer, "attention.sliding_window", c->window);
    }
    if (c->rope.kind == HS_ROPE_YARN) {
        snprintf(writer->key, MAX_KEY, "%s.rope.scaling.type", writer->arch);
        gguf_set_val_str(writer->gguf, writer->key, "yarn");
        put_f32(writer, "rope.scaling.factor", c->rope.factor);
        put_u32(writer, "rope.scaling.original_context_length", c->rope.original_context);
    }
    if (c->rope.kind == HS_ROPE_LONGROPE) {
        put_u32(writer, "rope.scaling.original_context_length", c->rope.original_context);
        put_f32(writer, "rope.scaling.attn_factor", c->rope.magnitude);
    }
}

static void add_keys(struct writer *writer) {
    const struct hs_config *c = hs_model_config(writer->model);
    struct gguf_context *gguf = writer->gguf;
    gguf_set_val_str(gguf, "general.architecture", writer->arch);
    gguf_set_val_str(gguf, "general.name", "tiny");
    put_u32(writer, "block_count", c->n_layer);
    put_u32(writer, "context_length", c->context);
    put_u32(writer, "embedding_length", c->hidden);
    put_u32(writer, "feed_forward_length", c->ffn);
    put_u32(writer, "attention.head_count", c->n_head);
    put_u32(writer, "attention.head_count_kv", c->n_kv_head);
    put_u32(writer, "attention.key_length", c->head_dim);
    put_u32(writer, "attention.value_length", c->head_dim);
    put_u32(writer, "rope.dimension_count", c->rotary_dim);
    put_f32(writer, "rope.freq_base", c->rope.base);
    put_f32(writer, "attention.layer_norm_rms_epsilon", c->norm_eps);
    add_family_keys(writer, c);
    if (c->n_eos > 0) {
        gguf_set_val_u32(gguf, "tokenizer.ggml.eos_token_id", (uint32_t)c->eos[0]);
    }
}

static const char *arch_of(const struct hs_model *model) {
    const char *family = hs_model_config(model)->family;
    return strcmp(family, "mistral") == 0 ? "llama" : strcmp(family, "gemma3_text") == 0 ? "gemma3" : family;
}

static void write_part(struct writer *writer, const char *path, int part, int parts) {
    char name[1024];
    struct gguf_context *gguf = writer->parts[part];
    snprintf(name, sizeof name, "%s", path);
    if (parts > 1) {
        gguf_set_val_u16(gguf, "split.no", (uint16_t)part);
        gguf_set_val_u16(gguf, "split.count", (uint16_t)parts);
        gguf_set_val_i32(gguf, "split.tensors.count", (int32_t)writer->n_tensors);
        snprintf(name, sizeof name, "%.*s-%05d-of-%05d.gguf", (int)(strlen(path) - strlen(".gguf")), path, part + 1,
                 parts);
    }
    if (!gguf_write_to_file(gguf, name, false)) {
        fprintf(stderr, "write_gguf: can't write %s\n", name);
        exit(1);
    }
    gguf_free(gguf);
}

void write_gguf(const struct hs_model *model, const char *path, const struct write_gguf_options *options) {
    struct ggml_init_params room = {.mem_size = MAX_TENSORS * ggml_tensor_overhead(), .no_alloc = true};
    struct writer *writer = calloc(1, sizeof *writer);
    const int parts = options->parts > 0 ? options->parts : 1;
    *writer = (struct writer){.model = model, .options = options, .tensors = ggml_init(room), .arch = arch_of(model)};
    for (int i = 0; i < parts; i++) {
        writer->parts[i] = gguf_init_empty();
    }
    writer->gguf = writer->parts[0];
    add_keys(writer);
    add_vocab(writer);
    add_weights(writer);
    if (options->edit != NULL) {
        options->edit(writer->gguf);
    }
    for (int i = 0; i < parts; i++) {
        write_part(writer, path, i, parts);
    }
    for (size_t i = 0; i < writer->n_data; i++) {
        free(writer->data[i]);
    }
    ggml_free(writer->tensors);
    free(writer);
}
