/* Reading members of a jansson object with one error message for each way it can be wrong.
 * `where` names the file (and the object in it) in messages. */
#ifndef HS_BASE_JSON_H
#define HS_BASE_JSON_H

#include <jansson.h>

#include "base/error.h"

/** Parses a whole file (NUL allowed in strings). *out is the caller's: json_decref. */
headsift_status hs_json_load(const char *path, size_t limit, json_t **out, headsift_error *error);

/** The getters below write *out only when the member is there; a missing one (or null) is HEADSIFT_OK when `required`
 * is false. A wrong type or a value out of range is HEADSIFT_FAILED. Strings and objects are borrowed from `object`. */
headsift_status hs_json_int(const json_t *object, const char *key, int64_t low, int64_t high, bool required,
                            const char *where, int64_t *out, headsift_error *error);
headsift_status hs_json_number(const json_t *object, const char *key, bool required, const char *where, double *out,
                               headsift_error *error);
headsift_status hs_json_bool(const json_t *object, const char *key, bool required, const char *where, bool *out,
                             headsift_error *error);
headsift_status hs_json_string(const json_t *object, const char *key, bool required, const char *where,
                               const char **out, headsift_error *error);
headsift_status hs_json_object(const json_t *object, const char *key, bool required, const char *where, json_t **out,
                               headsift_error *error);
headsift_status hs_json_array(const json_t *object, const char *key, bool required, const char *where, json_t **out,
                              headsift_error *error);

#endif
