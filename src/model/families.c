/* The families: what sets each apart from a llama, as data where it can be, else read by a function from either format.
 * docs/models.md shows how to add one. Defaults are those of transformers' configuration classes and of llama.cpp. */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "model/internal.h"

static void all_windowed(struct hs_config *c) {
    for (int32_t i = 0; i < c->n_layer; i++) {
        c->layer_flags[i] |= HS_LAYER_WINDOW;
    }
}

/* Mistral, Phi-3, and a Mistral that became a llama GGUF: one window for all layers. */
static headsift_status window_of_all(const struct hs_source *in, struct hs_config *c) {
    HS_TRY(hs_source_window(in, "sliding_window", &c->window));
    all_windowed(c);
    return HEADSIFT_OK;
}

static headsift_status llama(const struct hs_source *in, struct hs_config *c) {
    return in->root != NULL ? HEADSIFT_OK : window_of_all(in, c); /* no llama has a window in transformers */
}

/* Qwen: a window from some layer on, where the file asks for it. Its GGUFs don't say from which. */
static headsift_status qwen(const struct hs_source *in, struct hs_config *c) {
    bool asked = false, listed;
    int64_t first = 28;
    if (in->root == NULL) {
        return HEADSIFT_OK;
    }
    HS_TRY(hs_json_bool(in->root, "use_sliding_window", false, in->where, &asked, in->error));
    if (!asked) {
        c->window = 0;
        return HEADSIFT_OK;
    }
    HS_TRY(hs_source_window(in, "sliding_window", &c->window));
    HS_TRY(hs_source_int(in, "max_window_layers", NULL, 0, INT64_MAX, &first));
    HS_TRY(hs_source_layer_types(in, c, &listed));
    for (int32_t i = 0; !listed && i < c->n_layer; i++) {
        c->layer_flags[i] |= i >= first ? HS_LAYER_WINDOW : 0;
    }
    return HEADSIFT_OK;
}

/* SmolLM3: no positions in each so-many-th layer, or where a list says 0. */
static headsift_status smollm3(const struct hs_source *in, struct hs_config *c) {
    int64_t interval = 4;
    bool windowed = false, listed = false;
    json_t *rotated = NULL;
    HS_TRY(hs_source_int(in, "no_rope_layer_interval", NULL, 1, INT64_MAX, &interval));
    HS_TRY(hs_json_array(in->root, "no_rope_layers", false, in->where, &rotated, in->error));
    if (rotated != NULL && json_array_size(rotated) != (size_t)c->n_layer) {
        return hs_fail(in->error, HEADSIFT_FAILED, "%s: \"no_rope_layers\" names %zu layers of %d", in->where,
                       json_array_size(rotated), c->n_layer);
    }
    for (int32_t i = 0; i < c->n_layer; i++) {
        bool has =
            rotated != NULL ? json_integer_value(json_array_get(rotated, (size_t)i)) != 0 : (i + 1) % interval != 0;
        c->layer_flags[i] |= has ? 0 : HS_LAYER_NO_ROPE;
    }
    HS_TRY(hs_json_bool(in->root, "use_sliding_window", false, in->where, &windowed, in->error));
    if (!windowed) {
        return HEADSIFT_OK;
    }
    HS_TRY(hs_source_window(in, "sliding_window", &c->window));
    HS_TRY(hs_source_layer_types(in, c, &listed));
    for (int32_t i = 0; !listed && i < c->n_layer; i++) {
        c->layer_flags[i] |= (c->layer_flags[i] & HS_LAYER_NO_ROPE) != 0 ? HS_LAYER_WINDOW : 0;
    }
    return HEADSIFT_OK;
}

static headsift_status granite(const struct hs_source *in, struct hs_config *c) {
    double divisor = 1;
    c->attention_scale = in->root != NULL ? 1 : 0;
    HS_TRY(hs_source_number(in, "attention_multiplier", "attention.scale", &c->attention_scale));
    HS_TRY(hs_source_number(in, "embedding_multiplier", "embedding_scale", &c->embedding_scale));
    HS_TRY(hs_source_number(in, "residual_multiplier", "residual_scale", &c->residual_scale));
    HS_TRY(hs_source_number(in, "logits_scaling", "logit_scale", &divisor));
    c->logit_scale = 1 / divisor;
    return HEADSIFT_OK;
}

/* Gemma's scale of scores: stated in a config.json; in a GGUF, llama.cpp knows the largest model by its layers. */
static headsift_status gemma_scales(const struct hs_source *in, struct hs_config *c, int32_t layers_of_largest) {
    double scalar = c->n_layer == layers_of_largest ? (double)c->hidden / c->n_head : c->head_dim;
    scalar = in->root != NULL ? 256 : scalar;
    c->embedding_scale = sqrt((double)c->hidden);
    HS_TRY(hs_source_number(in, "query_pre_attn_scalar", NULL, &scalar));
    c->attention_scale = c->attention_scale != 0 ? c->attention_scale : 1 / sqrt(scalar);
    HS_TRY(hs_source_cap(in, "attn_logit_softcapping", "attn_logit_softcapping", &c->attention_cap));
    return hs_source_cap(in, "final_logit_softcapping", "final_logit_softcapping", &c->logit_cap);
}

/* Windowed layers, but for each so-many-th. */
static headsift_status gemma_windows(const struct hs_source *in, struct hs_config *c, int64_t pattern) {
    bool listed = false, both_ways = false;
    HS_TRY(hs_json_bool(in->root, "use_bidirectional_attention", false, in->where, &both_ways, in->error));
    if (both_ways) {
        return hs_fail(in->error, HEADSIFT_FAILED, "%s: attention in both directions is not supported", in->where);
    }
    HS_TRY(hs_source_window(in, "sliding_window", &c->window));
    if (in->root != NULL) {
        HS_TRY(hs_source_layer_types(in, c, &listed));
    }
    for (int32_t i = 0; !listed && i < c->n_layer; i++) {
        if ((i + 1) % pattern != 0) {
            c->layer_flags[i] |= HS_LAYER_WINDOW;
        }
    }
    return HEADSIFT_OK;
}

static headsift_status gemma2(const struct hs_source *in, struct hs_config *c) {
    c->attention_cap = 50;
    c->logit_cap = 30;
    HS_TRY(gemma_scales(in, c, 46));
    return gemma_windows(in, c, 2);
}

static headsift_status gemma3(const struct hs_source *in, struct hs_config *c) {
    int64_t pattern = 6;
    HS_TRY(gemma_scales(in, c, 62));
    HS_TRY(hs_source_int(in, "_sliding_window_pattern", NULL, 1, INT32_MAX, &pattern));
    HS_TRY(hs_source_int(in, "sliding_window_pattern", NULL, 1, INT32_MAX, &pattern));
    HS_TRY(gemma_windows(in, c, pattern));
    for (int32_t i = 0; i < c->n_layer; i++) {
        c->layer_flags[i] |= (c->layer_flags[i] & HS_LAYER_WINDOW) != 0 ? HS_LAYER_LOCAL_ROPE : 0;
    }
    return HEADSIFT_OK;
}

static const struct hs_family FAMILIES[] = {
    {.model_type = "llama",
     .architecture = "llama",
     .flags = HS_PERMUTED | HS_ASKS_BIAS | HS_ASKS_MLP_BIAS,
     .pre_norm = true,
     .norm_eps = 1e-6,
     .rope_base = 1e4,
     .more = llama},
    {.model_type = "mistral",
     .flags = HS_STATES_KV,
     .pre_norm = true,
     .norm_eps = 1e-6,
     .rope_base = 1e4,
     .window = 4096,
     .more = window_of_all},
    {.model_type = "qwen2",
     .architecture = "qwen2",
     .flags = HS_QKV_BIAS | HS_STATES_KV,
     .pre_norm = true,
     .norm_eps = 1e-6,
     .rope_base = 1e4,
     .window = 4096,
     .more = qwen},
    {.model_type = "qwen3",
     .architecture = "qwen3",
     .flags = HS_ASKS_BIAS | HS_STATES_KV | HS_STATES_HEAD_DIM,
     .pre_norm = true,
     .qk_norm = HS_QK_HEAD,
     .norm_eps = 1e-6,
     .rope_base = 1e4,
     .window = 4096,
     .more = qwen},
    {.model_type = "smollm3",
     .architecture = "smollm3",
     .flags = HS_PERMUTED | HS_ASKS_BIAS | HS_ASKS_MLP_BIAS | HS_STATES_KV,
     .pre_norm = true,
     .tied = true,
     .norm_eps = 1e-6,
     .rope_base = 2e6,
     .more = smollm3},
    {.model_type = "olmo2",
     .architecture = "olmo2",
     .flags = HS_ASKS_BIAS,
     .post_norm = true,
     .qk_norm = HS_QK_ALL,
     .norm_eps = 1e-5,
     .rope_base = 1e4},
    {.model_type = "phi3",
     .architecture = "phi3",
     .flags = HS_FUSED | HS_PARTIAL_ROTARY,
     .pre_norm = true,
     .norm_eps = 1e-5,
     .rope_base = 1e4,
     .more = window_of_all},
    {.model_type = "granite",
     .architecture = "granite",
     .flags = HS_PERMUTED | HS_ASKS_BIAS | HS_ASKS_MLP_BIAS,
     .pre_norm = true,
     .norm_eps = 1e-6,
     .rope_base = 1e4,
     .more = granite},
    {.model_type = "gemma2",
     .architecture = "gemma2",
     .flags = HS_NORMS_LESS_ONE | HS_ASKS_BIAS | HS_STATES_KV | HS_STATES_HEAD_DIM,
     .pre_norm = true,
     .post_norm = true,
     .activation = HS_GELU_TANH,
     .tied = true,
     .norm_eps = 1e-6,
     .rope_base = 1e4,
     .window = 4096,
     .more = gemma2},
    {.model_type = "gemma3_text",
     .architecture = "gemma3",
     .flags = HS_NORMS_LESS_ONE | HS_ASKS_BIAS | HS_STATES_KV | HS_STATES_HEAD_DIM | HS_LOCAL_ROPE,
     .pre_norm = true,
     .post_norm = true,
     .qk_norm = HS_QK_HEAD,
     .activation = HS_GELU_TANH,
     .tied = true,
     .norm_eps = 1e-6,
     .rope_base = 1e6,
     .window = 4096,
     .more = gemma3},
};

/* Names that people bring and what they would need. */
static const struct {
    const char *name, *needs;
} REFUSED[] = {
    {"bloom", "ALiBi positions"},
    {"mpt", "ALiBi positions"},
    {"baichuan", "ALiBi positions"},
    {"gpt_oss", "attention sinks"},
    {"gpt-oss", "attention sinks"},
    {"mixtral", "a mixture of experts"},
    {"qwen2_moe", "a mixture of experts"},
    {"qwen2moe", "a mixture of experts"},
    {"qwen3_moe", "a mixture of experts"},
    {"qwen3moe", "a mixture of experts"},
    {"olmoe", "a mixture of experts"},
    {"granitemoe", "a mixture of experts"},
    {"phimoe", "a mixture of experts"},
    {"deepseek_v2", "a mixture of experts"},
    {"deepseek_v3", "a mixture of experts"},
    {"deepseek2", "a mixture of experts"},
    {"llama4", "a mixture of experts"},
    {"gemma3", "images; its text model alone is supported, as gemma3_text or as a GGUF"},
};

enum { N_FAMILIES = sizeof FAMILIES / sizeof *FAMILIES, NAMES = 256 };

static const char *name_of(const struct hs_family *family, bool type) {
    return type ? family->model_type : family->architecture;
}

static const struct hs_family *find(const char *name, bool type) {
    for (size_t i = 0; i < N_FAMILIES; i++) {
        const char *own = name_of(&FAMILIES[i], type);
        if (own != NULL && strcmp(own, name) == 0) {
            return &FAMILIES[i];
        }
    }
    return NULL;
}

const struct hs_family *hs_family_of_type(const char *model_type) { return find(model_type, true); }

const struct hs_family *hs_family_of_architecture(const char *architecture) { return find(architecture, false); }

headsift_status hs_family_refuse(const char *where, const char *kind, const char *name, headsift_error *error) {
    char names[NAMES] = "";
    const bool type = strcmp(kind, "model type") == 0;
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) {
        if (strcmp(REFUSED[i].name, name) == 0) {
            return hs_fail(error, HEADSIFT_FAILED, "%s: %s \"%s\" is not supported: it needs %s", where, kind, name,
                           REFUSED[i].needs);
        }
    }
    for (size_t i = 0, used = 0; i < N_FAMILIES; i++) {
        const char *own = name_of(&FAMILIES[i], type);
        if (own != NULL) {
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "", own);
        }
    }
    return hs_fail(error, HEADSIFT_FAILED, "%s: %s \"%s\" is not supported (%s are)", where, kind, name, names);
}

void hs_family_start(const struct hs_family *family, struct hs_config *config) {
    config->pre_norm = family->pre_norm;
    config->post_norm = family->post_norm;
    config->qk_norm = family->qk_norm;
    config->activation = family->activation;
    config->tied = family->tied;
    config->norm_eps = family->norm_eps;
    config->rope.base = family->rope_base;
    config->local_rope = (struct hs_rope){.base = 1e4};
    config->window = family->window;
    config->embedding_scale = config->residual_scale = config->logit_scale = 1;
}
