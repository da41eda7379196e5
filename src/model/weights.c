/* Weights by role: their names in both layouts, their shapes, and their values as f32.
 * GGUFs of some families store the rows of q and k with the two halves of each head interleaved; reading undoes that.
 */
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

static const struct {
    const char *hf, *gguf;
} NAMES[HS_N_ROLES] = {
    [HS_EMBEDDING] = {"model.embed_tokens.weight", "token_embd.weight"},
    [HS_OUTPUT_NORM] = {"model.norm.weight", "output_norm.weight"},
    [HS_OUTPUT] = {"lm_head.weight", "output.weight"},
    [HS_ATTENTION_NORM] = {"input_layernorm.weight", "attn_norm.weight"},
    [HS_Q] = {"self_attn.q_proj.weight", "attn_q.weight"},
    [HS_K] = {"self_attn.k_proj.weight", "attn_k.weight"},
    [HS_V] = {"self_attn.v_proj.weight", "attn_v.weight"},
    [HS_O] = {"self_attn.o_proj.weight", "attn_output.weight"},
    [HS_Q_BIAS] = {"self_attn.q_proj.bias", "attn_q.bias"},
    [HS_K_BIAS] = {"self_attn.k_proj.bias", "attn_k.bias"},
    [HS_V_BIAS] = {"self_attn.v_proj.bias", "attn_v.bias"},
    [HS_O_BIAS] = {"self_attn.o_proj.bias", "attn_output.bias"},
    [HS_MLP_NORM] = {"post_attention_layernorm.weight", "ffn_norm.weight"},
    [HS_GATE] = {"mlp.gate_proj.weight", "ffn_gate.weight"},
    [HS_UP] = {"mlp.up_proj.weight", "ffn_up.weight"},
    [HS_DOWN] = {"mlp.down_proj.weight", "ffn_down.weight"},
    [HS_GATE_BIAS] = {"mlp.gate_proj.bias", "ffn_gate.bias"},
    [HS_UP_BIAS] = {"mlp.up_proj.bias", "ffn_up.bias"},
    [HS_DOWN_BIAS] = {"mlp.down_proj.bias", "ffn_down.bias"},
    [HS_Q_NORM] = {"self_attn.q_norm.weight", "attn_q_norm.weight"},
    [HS_K_NORM] = {"self_attn.k_norm.weight", "attn_k_norm.weight"},
    [HS_POST_ATTENTION_NORM] = {"post_attention_layernorm.weight", "post_attention_norm.weight"},
    [HS_POST_MLP_NORM] = {"post_feedforward_layernorm.weight", "post_ffw_norm.weight"},
};

bool hs_role_of_model(enum hs_role role) { return role == HS_EMBEDDING || role == HS_OUTPUT_NORM || role == HS_OUTPUT; }

/* The name of a role in the model's family: where norms stand on both sides, the one before the MLP has another name in
 * a directory; a fused tensor holds several roles. */
static const char *own_name(const struct hs_model *model, bool hf, enum hs_role role) {
    const bool fused = (model->family->flags & HS_FUSED) != 0;
    if (role == HS_MLP_NORM && hf && model->config.post_norm) {
        return "pre_feedforward_layernorm.weight";
    }
    if (fused && role >= HS_Q && role <= HS_V) {
        return hf ? "self_attn.qkv_proj.weight" : "attn_qkv.weight";
    }
    if (fused && (role == HS_GATE || role == HS_UP)) {
        return hf ? "mlp.gate_up_proj.weight" : "ffn_up.weight";
    }
    return hf ? NAMES[role].hf : NAMES[role].gguf;
}

void hs_weight_name(const struct hs_model *model, bool hf, enum hs_role role, int32_t layer, char out[HS_TENSOR_NAME]) {
    const char *name = own_name(model, hf, role);
    if (hs_role_of_model(role)) {
        snprintf(out, HS_TENSOR_NAME, "%s", name);
    } else {
        snprintf(out, HS_TENSOR_NAME, hf ? "model.layers.%d.%s" : "blk.%d.%s", layer, name);
    }
}

struct shape {
    int64_t rows, cols;
};

static struct shape shape_of(const struct hs_config *c, enum hs_role role) {
    int64_t queries = (int64_t)c->n_head * c->head_dim, keys = (int64_t)c->n_kv_head * c->head_dim;
    switch (role) {
    case HS_EMBEDDING:
    case HS_OUTPUT:
        return (struct shape){c->vocab, c->hidden};
    case HS_Q:
        return (struct shape){queries, c->hidden};
    case HS_K:
    case HS_V:
        return (struct shape){keys, c->hidden};
    case HS_O:
        return (struct shape){c->hidden, queries};
    case HS_GATE:
    case HS_UP:
        return (struct shape){c->ffn, c->hidden};
    case HS_DOWN:
        return (struct shape){c->hidden, c->ffn};
    case HS_Q_BIAS:
        return (struct shape){1, queries};
    case HS_K_BIAS:
    case HS_V_BIAS:
        return (struct shape){1, keys};
    case HS_GATE_BIAS:
    case HS_UP_BIAS:
        return (struct shape){1, c->ffn};
    case HS_Q_NORM:
        return (struct shape){1, c->qk_norm == HS_QK_ALL ? queries : c->head_dim};
    case HS_K_NORM:
        return (struct shape){1, c->qk_norm == HS_QK_ALL ? keys : c->head_dim};
    default: /* norms and the biases of projections back to the hidden state */
        return (struct shape){1, c->hidden};
    }
}

static bool is_norm(enum hs_role role) {
    return role == HS_OUTPUT_NORM || role == HS_ATTENTION_NORM || role == HS_MLP_NORM || role >= HS_Q_NORM;
}

static bool is_vector(enum hs_role role) {
    return is_norm(role) || (role >= HS_Q_BIAS && role <= HS_O_BIAS) || role >= HS_GATE_BIAS;
}

enum need { NEEDED, TAKEN_IF_THERE, NOT_WANTED };

static enum need need_if(bool needed) { return needed ? NEEDED : NOT_WANTED; }

static enum need need_of_norm(const struct hs_config *c, enum hs_role role) {
    switch (role) {
    case HS_ATTENTION_NORM:
    case HS_MLP_NORM:
        return need_if(c->pre_norm);
    case HS_Q_NORM:
    case HS_K_NORM:
        return need_if(c->qk_norm != HS_QK_NONE);
    case HS_POST_ATTENTION_NORM:
    case HS_POST_MLP_NORM:
        return need_if(c->post_norm);
    default:
        return NEEDED;
    }
}

static enum need need_of(const struct hs_model *model, enum hs_role role) {
    const bool attention = role >= HS_Q_BIAS && role <= HS_O_BIAS, mlp = role >= HS_GATE_BIAS && role <= HS_DOWN_BIAS;
    const bool always = (model->family->flags & HS_QKV_BIAS) != 0 && role != HS_O_BIAS;
    if (is_norm(role)) {
        return need_of_norm(&model->config, role);
    }
    if (role == HS_OUTPUT && model->is_directory) {
        return need_if(!model->config.tied);
    }
    if (attention && always) {
        return NEEDED;
    }
    if (!model->is_directory && (attention || mlp || role == HS_OUTPUT)) {
        return TAKEN_IF_THERE;
    }
    return need_if(!(attention && !model->attention_bias) && !(mlp && !model->mlp_bias));
}

static void shape_text(const int64_t *sizes, int32_t n, char *out, size_t size) {
    size_t used = (size_t)snprintf(out, size, "[");
    for (int32_t i = 0; i < n && used < size; i++) {
        used += (size_t)snprintf(out + used, size - used, "%s%lld", i > 0 ? ", " : "", (long long)sizes[i]);
    }
    if (used < size) {
        snprintf(out + used, size - used, "]");
    }
}

/* What a weight is called, where it was looked for, and what it must be. */
struct wanted {
    const char *name;
    const char *where;
    struct shape shape;
    bool vector;
};

static void wanted_text(const struct wanted *wanted, char *out, size_t size) {
    int64_t sizes[2] = {wanted->shape.rows, wanted->shape.cols};
    shape_text(wanted->vector ? sizes + 1 : sizes, wanted->vector ? 1 : 2, out, size);
}

static headsift_status missing(const struct wanted *wanted, headsift_error *error) {
    char expected[64];
    wanted_text(wanted, expected, sizeof expected);
    return hs_fail(error, HEADSIFT_FAILED, "%s: tensor \"%s\" of shape %s is missing", wanted->where, wanted->name,
                   expected);
}

static headsift_status tensor_check(const struct wanted *wanted, const struct hs_tensor *tensor,
                                    headsift_error *error) {
    const int64_t *sizes = tensor->shape;
    int32_t n = tensor->n_dims;
    for (; n > 1 && sizes[0] == 1 && n > (wanted->vector ? 1 : 2); n--) {
        sizes++; /* a GGUF pads shapes with ones */
    }
    bool fits = wanted->vector ? n == 1 && sizes[0] == wanted->shape.cols
                               : n == 2 && sizes[0] == wanted->shape.rows && sizes[1] == wanted->shape.cols;
    if (!fits) {
        char expected[64], found[256];
        wanted_text(wanted, expected, sizeof expected);
        shape_text(sizes, n, found, sizeof found);
        return hs_fail(error, HEADSIFT_FAILED, "%s: tensor \"%s\" has shape %s, expected %s", wanted->where,
                       wanted->name, found, expected);
    }
    if (tensor->convert == NULL) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: tensor \"%s\" has type %s, which is not supported: convert the model to another type",
                       wanted->where, wanted->name, tensor->dtype);
    }
    return HEADSIFT_OK;
}

static headsift_status find(const struct hs_model *model, struct wanted *wanted, struct hs_tensor *tensor, bool *found,
                            headsift_error *error) {
    wanted->where = model->path;
    if (!model->is_directory) {
        *found = hs_gguf_find(model, wanted->name, tensor);
        return HEADSIFT_OK;
    }
    const struct hs_shard *shard;
    const json_t *entry;
    HS_TRY(hs_hf_find(model, wanted->name, &shard, &entry, error));
    *found = entry != NULL;
    if (*found) {
        wanted->where = shard->path;
        hs_safetensors_tensor(entry, shard->data, tensor);
    }
    return HEADSIFT_OK;
}

/* A fused tensor's rows before those of a role, and how many it has in all; {0} where it is not fused. */
static struct shape fused_rows(const struct hs_model *model, enum hs_role role) {
    const struct hs_config *c = &model->config;
    const int64_t queries = shape_of(c, HS_Q).rows, keys = shape_of(c, HS_K).rows, ffn = c->ffn;
    if ((model->family->flags & HS_FUSED) == 0 || is_vector(role)) {
        return (struct shape){0, 0};
    }
    switch (role) {
    case HS_Q:
        return (struct shape){0, queries + 2 * keys};
    case HS_K:
        return (struct shape){queries, queries + 2 * keys};
    case HS_V:
        return (struct shape){queries + keys, queries + 2 * keys};
    case HS_GATE:
        return (struct shape){0, 2 * ffn};
    case HS_UP:
        return (struct shape){ffn, 2 * ffn};
    default:
        return (struct shape){0, 0};
    }
}

static headsift_status bind(struct hs_model *model, enum hs_role role, int32_t layer, headsift_error *error) {
    char name[HS_TENSOR_NAME];
    enum need need = need_of(model, role);
    if (need == NOT_WANTED) {
        return HEADSIFT_OK;
    }
    hs_weight_name(model, model->is_directory, role, layer, name);
    struct shape shape = shape_of(&model->config, role);
    int64_t before = fused_rows(model, role).rows, all = fused_rows(model, role).cols;
    all = all > 0 ? all : shape.rows;
    struct wanted wanted = {.name = name, .shape = {all, shape.cols}, .vector = is_vector(role)};
    struct hs_tensor tensor;
    bool found;
    HS_TRY(find(model, &wanted, &tensor, &found, error));
    if (!found) {
        return need == NEEDED ? missing(&wanted, error) : HEADSIFT_OK;
    }
    HS_TRY(tensor_check(&wanted, &tensor, error));
    const unsigned flags = model->family->flags;
    bool interleaved = !model->is_directory && (flags & HS_PERMUTED) != 0 &&
                       (role == HS_Q || role == HS_K || role == HS_Q_BIAS || role == HS_K_BIAS);
    bool less_one = model->is_directory && (flags & HS_NORMS_LESS_ONE) != 0 && is_norm(role);
    size_t row = hs_role_of_model(role) ? 0 : (size_t)layer + 1, row_bytes = (size_t)tensor.size / (size_t)all;
    model->weights[row * HS_N_ROLES + role] = (struct hs_weight){
        .data = tensor.data + (size_t)before * row_bytes,
        .convert = tensor.convert,
        .dtype = tensor.dtype,
        .rows = shape.rows,
        .cols = shape.cols,
        .row_bytes = row_bytes,
        .head_dim = interleaved ? model->config.head_dim : 0,
        .added = less_one ? 1 : 0,
    };
    return HEADSIFT_OK;
}

static headsift_status bind_all(struct hs_model *model, headsift_error *error) {
    for (int role = 0; role < HS_N_ROLES; role++) {
        int32_t layers = hs_role_of_model((enum hs_role)role) ? 1 : model->config.n_layer;
        for (int32_t layer = 0; layer < layers; layer++) {
            HS_TRY(bind(model, (enum hs_role)role, layer, error));
        }
    }
    if (!model->is_directory) {
        model->config.tied = model->weights[HS_OUTPUT].data == NULL;
    }
    return HEADSIFT_OK;
}

headsift_status hs_weights_bind(struct hs_model *model, const headsift_monitor *monitor, headsift_error *error) {
    size_t count = ((size_t)model->config.n_layer + 1) * HS_N_ROLES;
    model->weights = hs_alloc(count, sizeof *model->weights);
    if (model->weights == NULL) {
        return hs_fail_memory(error, "the table of weights", count * sizeof *model->weights);
    }
    HS_TRY(bind_all(model, error));
    return hs_weights_check_unused(model, monitor, error);
}

const struct hs_weight *hs_model_weight(const struct hs_model *model, enum hs_role role, int32_t layer) {
    if (role == HS_OUTPUT && model->config.tied) {
        role = HS_EMBEDDING;
    }
    size_t row = hs_role_of_model(role) ? 0 : (size_t)layer + 1;
    const struct hs_weight *weight = &model->weights[row * HS_N_ROLES + role];
    return weight->data != NULL ? weight : NULL;
}

int64_t hs_weight_rows(const struct hs_weight *weight) { return weight->rows; }

int64_t hs_weight_cols(const struct hs_weight *weight) { return weight->cols; }

const char *hs_weight_dtype(const struct hs_weight *weight) { return weight->dtype; }

/* Where a llama GGUF keeps row r: pair by pair, first and second half in turn. */
static int64_t stored_row(int64_t row, int32_t head_dim) {
    int64_t head = row / head_dim, inside = row % head_dim, half = head_dim / 2;
    return head * head_dim + 2 * (inside % half) + inside / half;
}

/* A bias of q or k: one row whose elements are interleaved; whole heads, at most 2^20 of them. */
static void read_vector(const struct hs_weight *weight, float *out) {
    float head[HS_MAX_HEAD_DIM];
    weight->convert(weight->data, out, weight->cols);
    for (int64_t at = 0; at < weight->cols; at += weight->head_dim) {
        memcpy(head, out + at, (size_t)weight->head_dim * sizeof *head);
        for (int32_t i = 0; i < weight->head_dim; i++) {
            out[at + i] = head[stored_row(i, weight->head_dim)];
        }
    }
}

void hs_weight_read(const struct hs_weight *weight, int64_t first, int64_t count, float *out) {
    if (weight->head_dim == 0) {
        weight->convert(weight->data + (size_t)first * weight->row_bytes, out, count * weight->cols);
        for (int64_t i = 0; weight->added != 0 && i < weight->cols; i++) {
            out[i] += weight->added;
        }
        return;
    }
    if (weight->rows == 1) {
        if (count > 0) {
            read_vector(weight, out);
        }
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        size_t row = (size_t)stored_row(first + i, weight->head_dim);
        weight->convert(weight->data + row * weight->row_bytes, out + i * weight->cols, weight->cols);
    }
}

void hs_weight_read_columns(const struct hs_weight *weight, int64_t first, int64_t count, int64_t first_col,
                            int64_t n_cols, float *out) {
    size_t before = (size_t)first_col * weight->row_bytes / (size_t)weight->cols;
    for (int64_t i = 0; i < count; i++) {
        weight->convert(weight->data + (size_t)(first + i) * weight->row_bytes + before, out + i * n_cols, n_cols);
    }
}
