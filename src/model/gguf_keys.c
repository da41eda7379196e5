/* Typed access to a GGUF's keys, with one message for each way a key can be wrong.
 * The type is looked at first: ggml's getters abort the process on a wrong one. */
#include <string.h>

#include <gguf.h>

#include "model/internal.h"

static headsift_status wrong(const struct gguf_context *gguf, const char *where, const char *key, int64_t id,
                             const char *wanted, headsift_error *error) {
    return hs_fail(error, HEADSIFT_FAILED, "%s: key \"%s\" has type %s, must be %s", where, key,
                   gguf_type_name(gguf_get_kv_type(gguf, id)), wanted);
}

static headsift_status find(const struct gguf_context *gguf, const char *where, const char *key, bool required,
                            int64_t *id, headsift_error *error) {
    *id = gguf_find_key(gguf, key);
    if (*id < 0 && required) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: key \"%s\" is missing", where, key);
    }
    return HEADSIFT_OK;
}

static bool integer_of(const struct gguf_context *gguf, int64_t id, int64_t *out) {
    switch (gguf_get_kv_type(gguf, id)) {
    case GGUF_TYPE_UINT8:
        *out = gguf_get_val_u8(gguf, id);
        return true;
    case GGUF_TYPE_INT8:
        *out = gguf_get_val_i8(gguf, id);
        return true;
    case GGUF_TYPE_UINT16:
        *out = gguf_get_val_u16(gguf, id);
        return true;
    case GGUF_TYPE_INT16:
        *out = gguf_get_val_i16(gguf, id);
        return true;
    case GGUF_TYPE_UINT32:
        *out = gguf_get_val_u32(gguf, id);
        return true;
    case GGUF_TYPE_INT32:
        *out = gguf_get_val_i32(gguf, id);
        return true;
    case GGUF_TYPE_UINT64: {
        uint64_t value = gguf_get_val_u64(gguf, id);
        *out = value > INT64_MAX ? INT64_MAX : (int64_t)value;
        return true;
    }
    case GGUF_TYPE_INT64:
        *out = gguf_get_val_i64(gguf, id);
        return true;
    default:
        return false;
    }
}

headsift_status hs_gguf_int(const struct gguf_context *gguf, const char *where, const char *key, int64_t low,
                            int64_t high, bool required, int64_t *out, headsift_error *error) {
    int64_t id, value;
    HS_TRY(find(gguf, where, key, required, &id, error));
    if (id < 0) {
        return HEADSIFT_OK;
    }
    if (!integer_of(gguf, id, &value)) {
        return wrong(gguf, where, key, id, "one integer", error);
    }
    if (value < low || value > high) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: key \"%s\" is %lld, must be %lld to %lld", where, key,
                       (long long)value, (long long)low, (long long)high);
    }
    *out = value;
    return HEADSIFT_OK;
}

headsift_status hs_gguf_number(const struct gguf_context *gguf, const char *where, const char *key, bool required,
                               double *out, headsift_error *error) {
    int64_t id;
    HS_TRY(find(gguf, where, key, required, &id, error));
    if (id < 0) {
        return HEADSIFT_OK;
    }
    switch (gguf_get_kv_type(gguf, id)) {
    case GGUF_TYPE_FLOAT32:
        *out = (double)gguf_get_val_f32(gguf, id);
        return HEADSIFT_OK;
    case GGUF_TYPE_FLOAT64:
        *out = gguf_get_val_f64(gguf, id);
        return HEADSIFT_OK;
    default:
        return wrong(gguf, where, key, id, "a float", error);
    }
}

headsift_status hs_gguf_bool(const struct gguf_context *gguf, const char *where, const char *key, bool *out,
                             headsift_error *error) {
    int64_t id = gguf_find_key(gguf, key);
    if (id < 0) {
        return HEADSIFT_OK;
    }
    if (gguf_get_kv_type(gguf, id) != GGUF_TYPE_BOOL) {
        return wrong(gguf, where, key, id, "a bool", error);
    }
    *out = gguf_get_val_bool(gguf, id);
    return HEADSIFT_OK;
}

headsift_status hs_gguf_string(const struct gguf_context *gguf, const char *where, const char *key, const char **out,
                               headsift_error *error) {
    int64_t id = gguf_find_key(gguf, key);
    if (id < 0) {
        return HEADSIFT_OK;
    }
    if (gguf_get_kv_type(gguf, id) != GGUF_TYPE_STRING) {
        return wrong(gguf, where, key, id, "a string", error);
    }
    *out = gguf_get_val_str(gguf, id);
    return HEADSIFT_OK;
}

static bool is_array(const struct gguf_context *gguf, int64_t id, enum gguf_type type) {
    return gguf_get_kv_type(gguf, id) == GGUF_TYPE_ARRAY && gguf_get_arr_type(gguf, id) == type;
}

headsift_status hs_gguf_strings(const struct gguf_context *gguf, const char *where, const char *key, int64_t *id,
                                headsift_error *error) {
    *id = gguf_find_key(gguf, key);
    if (*id >= 0 && !is_array(gguf, *id, GGUF_TYPE_STRING)) {
        return wrong(gguf, where, key, *id, "an array of strings", error);
    }
    return HEADSIFT_OK;
}

headsift_status hs_gguf_int_array(const struct gguf_context *gguf, const char *where, const char *key,
                                  const int32_t **out, size_t *n, headsift_error *error) {
    int64_t id = gguf_find_key(gguf, key);
    *out = NULL;
    *n = 0;
    if (id < 0) {
        return HEADSIFT_OK;
    }
    if (!is_array(gguf, id, GGUF_TYPE_INT32) && !is_array(gguf, id, GGUF_TYPE_UINT32)) {
        return wrong(gguf, where, key, id, "an array of 32-bit integers", error);
    }
    *n = gguf_get_arr_n(gguf, id);
    *out = *n > 0 ? gguf_get_arr_data(gguf, id) : NULL;
    return HEADSIFT_OK;
}

headsift_status hs_gguf_float_array(const struct gguf_context *gguf, const char *where, const char *key,
                                    const float **out, size_t *n, headsift_error *error) {
    int64_t id = gguf_find_key(gguf, key);
    *out = NULL;
    *n = 0;
    if (id < 0) {
        return HEADSIFT_OK;
    }
    if (!is_array(gguf, id, GGUF_TYPE_FLOAT32)) {
        return wrong(gguf, where, key, id, "an array of 32-bit floats", error);
    }
    *n = gguf_get_arr_n(gguf, id);
    *out = *n > 0 ? gguf_get_arr_data(gguf, id) : NULL;
    return HEADSIFT_OK;
}
