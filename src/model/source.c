/* Members that a family's description is read from, by their names in a config.json and in a GGUF.
 * So that what a family adds to the others is written once for both formats (families.c). */
#include <string.h>

#include "base/json.h"
#include "model/internal.h"

enum { KEY = 160 };

static const char *key_of(const struct hs_source *in, const char *name, char out[KEY]) {
    snprintf(out, KEY, "%s.%s", in->arch, name);
    return out;
}

headsift_status hs_source_number(const struct hs_source *in, const char *hf, const char *gguf, double *out) {
    char key[KEY];
    if (in->root != NULL) {
        return hf == NULL ? HEADSIFT_OK : hs_json_number(in->root, hf, false, in->where, out, in->error);
    }
    return gguf == NULL ? HEADSIFT_OK
                        : hs_gguf_number(in->gguf, in->where, key_of(in, gguf, key), false, out, in->error);
}

headsift_status hs_source_int(const struct hs_source *in, const char *hf, const char *gguf, int64_t low, int64_t high,
                              int64_t *out) {
    char key[KEY];
    if (in->root != NULL) {
        return hf == NULL ? HEADSIFT_OK : hs_json_int(in->root, hf, low, high, false, in->where, out, in->error);
    }
    return gguf == NULL ? HEADSIFT_OK
                        : hs_gguf_int(in->gguf, in->where, key_of(in, gguf, key), low, high, false, out, in->error);
}

headsift_status hs_source_cap(const struct hs_source *in, const char *hf, const char *gguf, double *out) {
    if (json_is_null(json_object_get(in->root, hf))) {
        *out = 0;
    }
    return hs_source_number(in, hf, gguf, out);
}

headsift_status hs_source_window(const struct hs_source *in, const char *hf, int64_t *out) {
    if (json_is_null(json_object_get(in->root, hf))) {
        *out = 0;
    }
    HS_TRY(hs_source_int(in, hf, "attention.sliding_window", INT64_MIN, INT64_MAX, out));
    *out = *out > 0 ? *out : 0;
    return HEADSIFT_OK;
}

headsift_status hs_source_layer_types(const struct hs_source *in, struct hs_config *config, bool *found) {
    json_t *list = NULL;
    *found = false;
    HS_TRY(hs_json_array(in->root, "layer_types", false, in->where, &list, in->error));
    if (list == NULL) {
        return HEADSIFT_OK;
    }
    if (json_array_size(list) != (size_t)config->n_layer) {
        return hs_fail(in->error, HEADSIFT_FAILED, "%s: \"layer_types\" names %zu layers of %d", in->where,
                       json_array_size(list), config->n_layer);
    }
    for (int32_t i = 0; i < config->n_layer; i++) {
        const char *type = json_string_value(json_array_get(list, (size_t)i));
        if (type != NULL && strcmp(type, "sliding_attention") == 0) {
            config->layer_flags[i] |= HS_LAYER_WINDOW;
        } else if (type == NULL || strcmp(type, "full_attention") != 0) {
            return hs_fail(in->error, HEADSIFT_FAILED,
                           "%s: \"layer_types\": \"%s\" is not supported (full_attention and sliding_attention are)",
                           in->where, type != NULL ? type : "no string");
        }
    }
    *found = true;
    return HEADSIFT_OK;
}
