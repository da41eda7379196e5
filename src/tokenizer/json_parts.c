/* The steps of a part of a tokenizer.json, patterns, and the post_processor.
 * The other two parts have files of their own: json_normalizer.c, json_pre_tokenizer.c. */
#include "tokenizer/json_parts.h"

#include <string.h>

#include "base/json.h"

static headsift_status add_step(struct hs_json_steps *steps, const json_t *step, const char *part, const char *where,
                                headsift_error *error) {
    const char *type = json_string_value(json_object_get(step, "type"));
    if (type == NULL) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: a %s without a \"type\"", where, part);
    }
    if (steps->n == HS_MOST_JSON_STEPS) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: a %s of more than %d steps is not supported", where, part,
                       HS_MOST_JSON_STEPS);
    }
    steps->step[steps->n] = step;
    steps->type[steps->n++] = type;
    return HEADSIFT_OK;
}

headsift_status hs_json_steps_read(const json_t *root, const char *part, const char *members, const char *where,
                                   struct hs_json_steps *steps, headsift_error *error) {
    json_t *object = NULL, *list = NULL;
    steps->n = 0;
    HS_TRY(hs_json_object(root, part, false, where, &object, error));
    if (object == NULL) {
        return HEADSIFT_OK;
    }
    HS_TRY(add_step(steps, object, part, where, error));
    if (strcmp(steps->type[0], "Sequence") != 0) {
        return HEADSIFT_OK;
    }
    steps->n = 0;
    HS_TRY(hs_json_array(object, members, true, where, &list, error));
    for (size_t i = 0; i < json_array_size(list); i++) {
        HS_TRY(add_step(steps, json_array_get(list, i), part, where, error));
    }
    return HEADSIFT_OK;
}

headsift_status hs_json_steps_refuse(const struct hs_json_steps *steps, const char *part, const char *where,
                                     const char *supported, headsift_error *error) {
    char names[512] = "";
    for (size_t i = 0; i < steps->n; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%.60s", i > 0 ? " + " : "", steps->type[i]);
    }
    return hs_fail(error, HEADSIFT_FAILED, "%s: %s %s is not supported; supported: %s", where, part,
                   steps->n > 0 ? names : "null", supported);
}

bool hs_json_step_is(const struct hs_json_steps *steps, size_t i, const char *type) {
    return i < steps->n && strcmp(steps->type[i], type) == 0;
}

headsift_status hs_json_pattern(const json_t *step, const char *where, const char **text, size_t *size, bool *regex,
                                headsift_error *error) {
    json_t *pattern = NULL;
    HS_TRY(hs_json_object(step, "pattern", true, where, &pattern, error));
    *regex = json_object_get(pattern, "String") == NULL;
    const char *key = *regex ? "Regex" : "String";
    HS_TRY(hs_json_string(pattern, key, true, where, text, error));
    *size = json_string_length(json_object_get(pattern, key));
    return *size > 0 ? HEADSIFT_OK : hs_fail(error, HEADSIFT_FAILED, "%s: an empty pattern is not supported", where);
}

/* ---- post_processor --------------------------------------------------------------------------------------------- */

static headsift_status special_id(const json_t *template, const char *name, const char *where, int32_t *out,
                                  headsift_error *error) {
    json_t *specials = NULL, *special = NULL, *ids = NULL;
    HS_TRY(hs_json_object(template, "special_tokens", true, where, &specials, error));
    HS_TRY(hs_json_object(specials, name, true, where, &special, error));
    HS_TRY(hs_json_array(special, "ids", true, where, &ids, error));
    const json_t *id = json_array_get(ids, 0);
    json_int_t value = json_is_integer(id) ? json_integer_value(id) : -1;
    if (json_array_size(ids) != 1 || value < 0 || value > INT32_MAX) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: the template's token \"%.80s\" must have one id", where, name);
    }
    *out = (int32_t)value;
    return HEADSIFT_OK;
}

/* The id of the one special token in front of the text. What stands behind the text is for pairs and training: a scorer
 * adds no end. */
static headsift_status read_template(const json_t *template, const char *where, int32_t *bos, headsift_error *error) {
    json_t *single = NULL;
    HS_TRY(hs_json_array(template, "single", true, where, &single, error));
    const char *first = NULL;
    size_t in_front = 0, texts = 0;
    for (size_t i = 0; i < json_array_size(single); i++) {
        const json_t *piece = json_array_get(single, i);
        const char *special = json_string_value(json_object_get(json_object_get(piece, "SpecialToken"), "id"));
        const char *text = json_string_value(json_object_get(json_object_get(piece, "Sequence"), "id"));
        if ((special == NULL) == (text == NULL) || (text != NULL && strcmp(text, "A") != 0)) {
            return hs_fail(error, HEADSIFT_FAILED, "%s: piece %zu of the post_processor's template is not understood",
                           where, i);
        }
        texts += text != NULL ? 1 : 0;
        if (special != NULL && texts == 0) {
            first = special;
            in_front++;
        }
    }
    if (texts != 1 || in_front > 1) {
        return hs_fail(
            error, HEADSIFT_FAILED,
            "%s: a template with %zu special tokens in front of %zu texts is not supported; supported: at most "
            "one in front of one",
            where, in_front, texts);
    }
    return first == NULL ? HEADSIFT_OK : special_id(template, first, where, bos, error);
}

headsift_status hs_json_post_processor(const json_t *root, const char *where, int32_t *bos, headsift_error *error) {
    struct hs_json_steps steps;
    bool found = false;
    HS_TRY(hs_json_steps_read(root, "post_processor", "processors", where, &steps, error));
    *bos = -1;
    for (size_t i = 0; i < steps.n; i++) {
        bool template = hs_json_step_is(&steps, i, "TemplateProcessing");
        if ((!template && !hs_json_step_is(&steps, i, "ByteLevel")) || (template && found)) {
            return hs_json_steps_refuse(&steps, "post_processor", where,
                                        "none, ByteLevel, TemplateProcessing, or one of each", error);
        }
        if (template) {
            found = true;
            HS_TRY(read_template(steps.step[i], where, bos, error));
        }
    }
    return HEADSIFT_OK;
}
