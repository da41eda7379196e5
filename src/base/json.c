/* Typed access to jansson objects.
 * One table row a type keeps the messages alike. */
#include "base/json.h"

#include "base/file.h"

headsift_status hs_json_load(const char *path, size_t limit, json_t **out, headsift_error *error) {
    struct hs_buffer text = {0};
    headsift_status status = hs_file_read(path, limit, &text, error);
    if (status == HEADSIFT_OK) {
        json_error_t reason;
        *out = json_loadb(text.data, text.size, JSON_ALLOW_NUL, &reason);
        if (*out == NULL) {
            status = hs_fail(error, HEADSIFT_FAILED, "%s is not JSON: line %d, byte %d: %s", path, reason.line,
                             reason.position, reason.text);
        }
    }
    hs_buffer_free(&text);
    return status;
}

static headsift_status wrong(const char *where, const char *key, const char *wanted, headsift_error *error) {
    return hs_fail(error, HEADSIFT_FAILED, "%s: \"%s\" must be %s", where, key, wanted);
}

/* The member, or NULL with *status set to what the caller returns. */
static json_t *member(const json_t *object, const char *key, bool required, const char *where, headsift_status *status,
                      headsift_error *error) {
    json_t *value = json_object_get(object, key);
    *status = HEADSIFT_OK;
    if (value != NULL && !json_is_null(value)) {
        return value;
    }
    if (required) {
        *status = hs_fail(error, HEADSIFT_FAILED, "%s: \"%s\" is missing", where, key);
    }
    return NULL;
}

headsift_status hs_json_int(const json_t *object, const char *key, int64_t low, int64_t high, bool required,
                            const char *where, int64_t *out, headsift_error *error) {
    headsift_status status;
    json_t *value = member(object, key, required, where, &status, error);
    if (value == NULL) {
        return status;
    }
    if (!json_is_integer(value)) {
        return wrong(where, key, "an integer", error);
    }
    int64_t number = json_integer_value(value);
    if (number < low || number > high) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"%s\" is %lld, must be %lld to %lld", where, key,
                       (long long)number, (long long)low, (long long)high);
    }
    *out = number;
    return HEADSIFT_OK;
}

headsift_status hs_json_number(const json_t *object, const char *key, bool required, const char *where, double *out,
                               headsift_error *error) {
    headsift_status status;
    json_t *value = member(object, key, required, where, &status, error);
    if (value == NULL) {
        return status;
    }
    if (!json_is_number(value)) {
        return wrong(where, key, "a number", error);
    }
    *out = json_number_value(value);
    return HEADSIFT_OK;
}

headsift_status hs_json_bool(const json_t *object, const char *key, bool required, const char *where, bool *out,
                             headsift_error *error) {
    headsift_status status;
    json_t *value = member(object, key, required, where, &status, error);
    if (value == NULL) {
        return status;
    }
    if (!json_is_boolean(value)) {
        return wrong(where, key, "true or false", error);
    }
    *out = json_is_true(value);
    return HEADSIFT_OK;
}

headsift_status hs_json_string(const json_t *object, const char *key, bool required, const char *where,
                               const char **out, headsift_error *error) {
    headsift_status status;
    json_t *value = member(object, key, required, where, &status, error);
    if (value == NULL) {
        return status;
    }
    if (!json_is_string(value)) {
        return wrong(where, key, "a string", error);
    }
    *out = json_string_value(value);
    return HEADSIFT_OK;
}

headsift_status hs_json_object(const json_t *object, const char *key, bool required, const char *where, json_t **out,
                               headsift_error *error) {
    headsift_status status;
    json_t *value = member(object, key, required, where, &status, error);
    if (value == NULL) {
        return status;
    }
    if (!json_is_object(value)) {
        return wrong(where, key, "an object", error);
    }
    *out = value;
    return HEADSIFT_OK;
}

headsift_status hs_json_array(const json_t *object, const char *key, bool required, const char *where, json_t **out,
                              headsift_error *error) {
    headsift_status status;
    json_t *value = member(object, key, required, where, &status, error);
    if (value == NULL) {
        return status;
    }
    if (!json_is_array(value)) {
        return wrong(where, key, "an array", error);
    }
    *out = value;
    return HEADSIFT_OK;
}
