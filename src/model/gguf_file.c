/* A GGUF file by ggml's reader: tensors by name, and the rotary divisors of Llama 3.
 * The file is mapped; ggml reads its header alone. */
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

static void tensor_at(const struct hs_model *model, int64_t id, struct hs_tensor *out) {
    const struct gguf_context *gguf = model->gguf;
    const int64_t *sizes = gguf_get_tensor_ne(gguf, id);
    struct dtype dtype = dtype_of(gguf_get_tensor_type(gguf, id));
    size_t at = gguf_get_data_offset(gguf) + gguf_get_tensor_offset(gguf, id);
    *out = (struct hs_tensor){.dtype = dtype.name,
                              .convert = dtype.convert,
                              .n_dims = GGML_MAX_DIMS,
                              .data = model->shards[0].map.data + at,
                              .size = gguf_get_tensor_size(gguf, id)};
    for (int i = 0; i < GGML_MAX_DIMS; i++) {
        out->shape[i] = sizes[GGML_MAX_DIMS - 1 - i];
    }
}

bool hs_gguf_find(const struct hs_model *model, const char *name, struct hs_tensor *out) {
    int64_t id = gguf_find_tensor(model->gguf, name);
    if (id >= 0) {
        tensor_at(model, id, out);
    }
    return id >= 0;
}

void hs_gguf_visit(const struct hs_model *model, hs_tensor_visit visit, void *user) {
    for (int64_t i = 0; i < gguf_get_n_tensors(model->gguf); i++) {
        struct hs_tensor tensor;
        tensor_at(model, i, &tensor);
        if (!visit(user, gguf_get_tensor_name(model->gguf, i), &tensor)) {
            return;
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

/* rope_freqs.weight: what each inverse frequency is divided by (Llama 3.1 and later). */
static headsift_status divisors_read(struct hs_model *model, const char *where, headsift_error *error) {
    struct hs_tensor tensor;
    if (!hs_gguf_find(model, "rope_freqs.weight", &tensor)) {
        return HEADSIFT_OK;
    }
    int32_t n = model->config.head_dim / 2;
    if (tensor.convert != hs_f32_copy || tensor.size != (uint64_t)n * sizeof(float)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: tensor \"rope_freqs.weight\" must hold %d values of F32", where, n);
    }
    model->rope_divisors = hs_alloc((size_t)n, sizeof *model->rope_divisors);
    if (model->rope_divisors == NULL) {
        return hs_fail_memory(error, "rotary divisors", (size_t)n * sizeof *model->rope_divisors);
    }
    for (int32_t i = 0; i < n; i++) {
        float value;
        hs_f32_copy(tensor.data + (size_t)i * sizeof value, &value, 1);
        if (!(isfinite(value) && value > 0.0F)) {
            return hs_fail(error, HEADSIFT_FAILED, "%s: tensor \"rope_freqs.weight\" holds %g, must be above 0", where,
                           (double)value);
        }
        model->rope_divisors[i] = (double)value;
    }
    return HEADSIFT_OK;
}

headsift_status hs_gguf_load_mapped(struct hs_model *model, headsift_error *error) {
    const struct hs_map *map = &model->shards[0].map;
    HS_TRY(hs_gguf_parse(map->data, map->size, model->path, &model->gguf, error));
    HS_TRY(hs_gguf_config_read(model->gguf, model->path, &model->config, error));
    return divisors_read(model, model->path, error);
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
