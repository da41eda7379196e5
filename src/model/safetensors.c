/* The header of a safetensors file: checked in full before anything is taken from it.
 * Layout: length of the header (u64), the header (JSON: name -> dtype, shape, data_offsets), the data. */
#include <string.h>

#include "model/internal.h"

enum { LENGTH_BYTES = 8, MAX_HEADER = 100 << 20 };

static const struct dtype {
    const char *name;
    uint32_t size;
    hs_to_f32 convert;
} DTYPES[] = {
    {"F32", 4, hs_f32_copy}, {"F16", 2, hs_f16_to_f32}, {"BF16", 2, hs_bf16_to_f32},
    {"F64", 8, NULL},        {"I64", 8, NULL},          {"U64", 8, NULL},
    {"I32", 4, NULL},        {"U32", 4, NULL},          {"I16", 2, NULL},
    {"U16", 2, NULL},        {"I8", 1, NULL},           {"U8", 1, NULL},
    {"BOOL", 1, NULL},       {"F8_E4M3", 1, NULL},      {"F8_E5M2", 1, NULL},
    {"F8_E8M0", 1, NULL},    {"C64", 8, NULL},
};

static const struct dtype *dtype_of(const char *name) {
    for (size_t i = 0; i < sizeof DTYPES / sizeof *DTYPES; i++) {
        if (strcmp(DTYPES[i].name, name) == 0) {
            return &DTYPES[i];
        }
    }
    return NULL;
}

struct place {
    const char *where;
    const char *name;
    headsift_error *error;
};

static headsift_status lies(const struct place *at, const char *what) {
    return hs_fail(at->error, HEADSIFT_FAILED, "%s: tensor \"%s\": %s; the file is damaged", at->where, at->name, what);
}

static headsift_status elements_of(const struct place *at, const json_t *shape, uint64_t *count) {
    if (!json_is_array(shape)) {
        return lies(at, "\"shape\" is not a list");
    }
    if (json_array_size(shape) > HS_MAX_DIMS) {
        return lies(at, "\"shape\" has more than 8 dimensions");
    }
    *count = 1;
    for (size_t i = 0; i < json_array_size(shape); i++) {
        const json_t *size = json_array_get(shape, i);
        if (!json_is_integer(size) || json_integer_value(size) < 0) {
            return lies(at, "\"shape\" holds something else than sizes");
        }
        if (__builtin_mul_overflow(*count, (uint64_t)json_integer_value(size), count)) {
            return lies(at, "\"shape\" is absurdly large");
        }
    }
    return HEADSIFT_OK;
}

static bool offset_of(const json_t *offsets, size_t i, uint64_t *out) {
    const json_t *value = json_array_get(offsets, i);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static headsift_status entry_check(const struct place *at, const json_t *entry, uint64_t data_size) {
    const json_t *dtype = json_object_get(entry, "dtype");
    const json_t *offsets = json_object_get(entry, "data_offsets");
    uint64_t count, begin, end, bytes;
    if (!json_is_object(entry)) {
        return lies(at, "its entry is not an object");
    }
    if (!json_is_string(dtype)) {
        return lies(at, "\"dtype\" is not a string");
    }
    HS_TRY(elements_of(at, json_object_get(entry, "shape"), &count));
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 || !offset_of(offsets, 0, &begin) ||
        !offset_of(offsets, 1, &end)) {
        return lies(at, "\"data_offsets\" are not two offsets");
    }
    if (begin > end || end > data_size) {
        return lies(at, "\"data_offsets\" lie outside the file");
    }
    const struct dtype *known = dtype_of(json_string_value(dtype));
    if (known != NULL && (__builtin_mul_overflow(count, (uint64_t)known->size, &bytes) || bytes != end - begin)) {
        return lies(at, "\"data_offsets\" do not fit its shape and dtype");
    }
    return HEADSIFT_OK;
}

static headsift_status entries_check(const json_t *header, const char *where, uint64_t data_size,
                                     headsift_error *error) {
    const char *name;
    json_t *entry;
    json_object_foreach((json_t *)(uintptr_t)header, name, entry) {
        struct place at = {where, name, error};
        if (strcmp(name, "__metadata__") != 0) {
            HS_TRY(entry_check(&at, entry, data_size));
        } else if (!json_is_object(entry)) {
            return lies(&at, "it is not an object");
        }
    }
    return HEADSIFT_OK;
}

headsift_status hs_safetensors_parse(const unsigned char *bytes, size_t size, const char *where, json_t **header,
                                     const unsigned char **data, headsift_error *error) {
    *header = NULL;
    uint64_t length = 0;
    if (size < LENGTH_BYTES) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: %zu bytes are no safetensors file", where, size);
    }
    memcpy(&length, bytes, LENGTH_BYTES);
    if (length > size - LENGTH_BYTES || length > MAX_HEADER) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: a safetensors header of %llu bytes in a file of %zu; the file is cut or is something else",
                       where, (unsigned long long)length, size);
    }
    json_error_t reason;
    json_t *root = json_loadb((const char *)bytes + LENGTH_BYTES, (size_t)length, JSON_REJECT_DUPLICATES, &reason);
    if (root == NULL) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: the safetensors header is not JSON: byte %d: %s", where,
                       reason.position, reason.text);
    }
    headsift_status status = json_is_object(root) ? entries_check(root, where, size - LENGTH_BYTES - length, error)
                                                  : hs_fail(error, HEADSIFT_FAILED,
                                                            "%s: the safetensors header is not a JSON object", where);
    if (status != HEADSIFT_OK) {
        json_decref(root);
        return status;
    }
    *header = root;
    *data = bytes + LENGTH_BYTES + length;
    return HEADSIFT_OK;
}

void hs_safetensors_tensor(const json_t *entry, const unsigned char *data, struct hs_tensor *out) {
    const json_t *shape = json_object_get(entry, "shape");
    const json_t *offsets = json_object_get(entry, "data_offsets");
    uint64_t begin = (uint64_t)json_integer_value(json_array_get(offsets, 0));
    uint64_t end = (uint64_t)json_integer_value(json_array_get(offsets, 1));
    const char *name = json_string_value(json_object_get(entry, "dtype"));
    const struct dtype *dtype = dtype_of(name);
    *out = (struct hs_tensor){.dtype = name,
                              .convert = dtype != NULL ? dtype->convert : NULL,
                              .n_dims = (int32_t)json_array_size(shape),
                              .data = data + begin,
                              .size = end - begin};
    for (int32_t i = 0; i < out->n_dims; i++) {
        out->shape[i] = json_integer_value(json_array_get(shape, (size_t)i));
    }
}
