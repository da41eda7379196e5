/* A GGUF by ggml's reader: tensors by name, in one file or in parts, and the rotary divisors of Llama 3 and longrope.
 * Files are mapped; ggml reads their headers alone. */
#include <math.h>
#include <string.h>

#include <ggml.h>
#include <gguf.h>

#include "model/internal.h"

static void silent(enum ggml_log_level level, const char *text, void *user) {
    (void)level;
    (void)text;
    (void)user;
}

static const struct dtype {
    enum ggml_type type;
    const char *name;
    hs_to_f32 convert; /* NULL: ggml's own */
} DTYPES[] = {
    {GGML_TYPE_F32, "F32", hs_f32_copy},      {GGML_TYPE_F16, "F16", hs_f16_to_f32},
    {GGML_TYPE_BF16, "BF16", hs_bf16_to_f32}, {GGML_TYPE_Q4_0, "Q4_0", NULL},
    {GGML_TYPE_Q4_1, "Q4_1", NULL},           {GGML_TYPE_Q5_0, "Q5_0", NULL},
    {GGML_TYPE_Q5_1, "Q5_1", NULL},           {GGML_TYPE_Q8_0, "Q8_0", NULL},
    {GGML_TYPE_Q2_K, "Q2_K", NULL},           {GGML_TYPE_Q3_K, "Q3_K", NULL},
    {GGML_TYPE_Q4_K, "Q4_K", NULL},           {GGML_TYPE_Q5_K, "Q5_K", NULL},
    {GGML_TYPE_Q6_K, "Q6_K", NULL},           {GGML_TYPE_IQ4_NL, "IQ4_NL", NULL},
    {GGML_TYPE_IQ4_XS, "IQ4_XS", NULL},
};

/* Other types keep ggml's name and have no converter: they are refused where a weight needs them. */
static struct dtype dtype_of(enum ggml_type type) {
    for (size_t i = 0; i < sizeof DTYPES / sizeof *DTYPES; i++) {
        if (DTYPES[i].type == type) {
            struct dtype found = DTYPES[i];
            found.convert = found.convert != NULL ? found.convert : ggml_get_type_traits(type)->to_float;
            return found;
        }
    }
    return (struct dtype){type, ggml_type_name(type), NULL};
}

static void tensor_at(const struct hs_shard *file, int64_t id, struct hs_tensor *out) {
    const struct gguf_context *gguf = file->gguf;
    const int64_t *sizes = gguf_get_tensor_ne(gguf, id);
    struct dtype dtype = dtype_of(gguf_get_tensor_type(gguf, id));
    size_t at = gguf_get_data_offset(gguf) + gguf_get_tensor_offset(gguf, id);
    *out = (struct hs_tensor){.dtype = dtype.name,
                              .convert = dtype.convert,
                              .n_dims = GGML_MAX_DIMS,
                              .data = file->map.data + at,
                              .size = gguf_get_tensor_size(gguf, id)};
    for (int i = 0; i < GGML_MAX_DIMS; i++) {
        out->shape[i] = sizes[GGML_MAX_DIMS - 1 - i];
    }
}

bool hs_gguf_find(const struct hs_model *model, const char *name, struct hs_tensor *out) {
    for (size_t i = 0; i < model->n_shards; i++) {
        int64_t id = gguf_find_tensor(model->shards[i].gguf, name);
        if (id >= 0) {
            tensor_at(&model->shards[i], id, out);
            return true;
        }
    }
    return false;
}

void hs_gguf_visit(const struct hs_model *model, hs_tensor_visit visit, void *user) {
    for (size_t file = 0; file < model->n_shards && model->shards[file].gguf != NULL; file++) {
        const struct gguf_context *gguf = model->shards[file].gguf;
        for (int64_t i = 0; i < gguf_get_n_tensors(gguf); i++) {
            struct hs_tensor tensor;
            tensor_at(&model->shards[file], i, &tensor);
            if (!visit(user, gguf_get_tensor_name(gguf, i), &tensor)) {
                return;
            }
        }
    }
}

static headsift_status inside_check(const struct gguf_context *gguf, size_t size, const char *where,
                                    headsift_error *error) {
    size_t start = gguf_get_data_offset(gguf);
    for (int64_t i = 0; i < gguf_get_n_tensors(gguf); i++) {
        size_t offset = gguf_get_tensor_offset(gguf, i), bytes = gguf_get_tensor_size(gguf, i);
        if (start > size || offset > size - start || bytes > size - start - offset) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%s: tensor \"%s\" needs %zu bytes at byte %zu of a file of %zu; the file is cut", where,
                           gguf_get_tensor_name(gguf, i), bytes, start + offset, size);
        }
    }
    return HEADSIFT_OK;
}

headsift_status hs_gguf_parse(const unsigned char *bytes, size_t size, const char *where, struct gguf_context **out,
                              headsift_error *error) {
    *out = NULL;
    HS_TRY(hs_gguf_check(bytes, size, where, error));
    ggml_log_set(silent, NULL);
    struct gguf_context *gguf = gguf_init_from_buffer(bytes, size, (struct gguf_init_params){.no_alloc = true});
    if (gguf == NULL) {
        return hs_fail(
            error, HEADSIFT_FAILED,
            "%s: ggml refuses its header (a key or tensor named twice, or tensors out of order); the file is "
            "damaged",
            where);
    }
    headsift_status status = inside_check(gguf, size, where, error);
    if (status != HEADSIFT_OK) {
        gguf_free(gguf);
        return status;
    }
    *out = gguf;
    return HEADSIFT_OK;
}

void hs_gguf_close(struct gguf_context *gguf) { gguf_free(gguf); }

/* One tensor of what inverse frequencies are divided by. */
static headsift_status divisors_read(struct hs_model *model, const char *name, float *out, bool *found,
                                     headsift_error *error) {
    struct hs_tensor tensor;
    *found = hs_gguf_find(model, name, &tensor);
    if (!*found) {
        return HEADSIFT_OK;
    }
    int32_t n = model->config.rotary_dim / 2;
    if (tensor.convert != hs_f32_copy || tensor.size != (uint64_t)n * sizeof(float)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: tensor \"%s\" must hold %d values of F32", model->path, name, n);
    }
    hs_f32_copy(tensor.data, out, n);
    for (int32_t i = 0; i < n; i++) {
        if (!(isfinite(out[i]) && out[i] > 0.0F)) {
            return hs_fail(error, HEADSIFT_FAILED, "%s: tensor \"%s\" holds %g, must be above 0", model->path, name,
                           (double)out[i]);
        }
    }
    model->config.divided = true;
    return HEADSIFT_OK;
}

/* Llama 3 (one tensor), and longrope: one for documents up to the original context, one for longer ones. */
static headsift_status all_divisors_read(struct hs_model *model, headsift_error *error) {
    struct hs_config *c = &model->config;
    struct hs_rope *rope = &c->rope;
    bool freqs, near, far;
    char key[HS_TENSOR_NAME];
    HS_TRY(divisors_read(model, "rope_freqs.weight", c->divisors[0], &freqs, error));
    HS_TRY(divisors_read(model, "rope_factors_short.weight", c->divisors[0], &near, error));
    HS_TRY(divisors_read(model, "rope_factors_long.weight", c->divisors[1], &far, error));
    if (near != far || (freqs && near)) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: of \"rope_factors_short.weight\", \"rope_factors_long.weight\" and \"rope_freqs.weight\" "
                       "it must be the first two or the last",
                       model->path);
    }
    if (!near) {
        return HEADSIFT_OK;
    }
    rope->kind = HS_ROPE_LONGROPE;
    rope->magnitude = 1;
    snprintf(key, sizeof key, "%s.rope.scaling.original_context_length", c->family);
    HS_TRY(hs_gguf_int(model->gguf, model->path, key, 2, HS_MAX_CONTEXT, true, &rope->original_context, error));
    snprintf(key, sizeof key, "%s.rope.scaling.attn_factor", c->family);
    HS_TRY(hs_gguf_number(model->gguf, model->path, key, false, &rope->magnitude, error));
    return isfinite(rope->magnitude) && rope->magnitude > 0
               ? HEADSIFT_OK
               : hs_fail(error, HEADSIFT_FAILED, "%s: key \"%s\" is %g, must be above 0", model->path, key,
                         rope->magnitude);
}

headsift_status hs_gguf_load_mapped(struct hs_model *model, headsift_error *error) {
    struct hs_shard *first = &model->shards[0];
    HS_TRY(hs_gguf_parse(first->map.data, first->map.size, model->path, &first->gguf, error));
    model->gguf = first->gguf;
    HS_TRY(hs_gguf_parts_open(model, error));
    HS_TRY(hs_gguf_config_read(model, error));
    return all_divisors_read(model, error);
}

headsift_status hs_gguf_load(struct hs_model *model, headsift_error *error) {
    const char *slash = strrchr(model->path, '/');
    model->shards = hs_alloc(1, sizeof *model->shards);
    if (model->shards == NULL) {
        return hs_fail_memory(error, "a weight file", sizeof *model->shards);
    }
    model->n_shards = 1;
    struct hs_shard *file = &model->shards[0];
    file->name = hs_copy_string(slash != NULL ? slash + 1 : model->path);
    file->path = hs_copy_string(model->path);
    if (file->name == NULL || file->path == NULL) {
        return hs_fail_memory(error, "a path", strlen(model->path));
    }
    HS_TRY(hs_map_open(file->path, &file->map, error));
    return hs_gguf_load_mapped(model, error);
}
