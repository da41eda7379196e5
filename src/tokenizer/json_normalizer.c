/* The normalizer of a tokenizer.json as a list of steps.
 * Nmt, BertNormalizer, Precompiled, ByteLevel and whatever else there is are refused by name. */
#include <string.h>

#include "base/json.h"
#include "tokenizer/json_parts.h"

/* A copy of a string member, which may be empty. */
static headsift_status copy_string(const json_t *object, const char *key, const char *where, char **out, size_t *size,
                                   headsift_error *error) {
    const char *text = NULL;
    HS_TRY(hs_json_string(object, key, true, where, &text, error));
    *size = json_string_length(json_object_get(object, key));
    *out = hs_copy_bytes(text, *size);
    return *out != NULL ? HEADSIFT_OK : hs_fail(error, HEADSIFT_FAILED, "%s: no memory for the tokenizer", where);
}

static headsift_status read_replace(const json_t *object, const char *where, struct hs_step *step,
                                    headsift_error *error) {
    const char *text = NULL;
    bool regex = false;
    HS_TRY(hs_json_pattern(object, where, &text, &step->pattern_size, &regex, error));
    HS_TRY(copy_string(object, "content", where, &step->content, &step->content_size, error));
    if (regex) {
        return hs_regex_new(text, step->pattern_size, where, &step->regex, error);
    }
    step->pattern = hs_copy_bytes(text, step->pattern_size);
    return step->pattern != NULL ? HEADSIFT_OK
                                 : hs_fail(error, HEADSIFT_FAILED, "%s: no memory for the tokenizer", where);
}

static headsift_status read_strip(const json_t *object, const char *where, struct hs_step *step,
                                  headsift_error *error) {
    HS_TRY(hs_json_bool(object, "strip_left", true, where, &step->left, error));
    return hs_json_bool(object, "strip_right", true, where, &step->right, error);
}

static headsift_status read_prepend(const json_t *object, const char *where, struct hs_step *step,
                                    headsift_error *error) {
    return copy_string(object, "prepend", where, &step->content, &step->content_size, error);
}

static const struct {
    const char *type;
    enum hs_step_kind kind;
    enum hs_form form;
    headsift_status (*read)(const json_t *, const char *, struct hs_step *, headsift_error *);
} known[] = {
    {"NFC", HS_STEP_FORM, HS_FORM_NFC, NULL},
    {"NFD", HS_STEP_FORM, HS_FORM_NFD, NULL},
    {"NFKC", HS_STEP_FORM, HS_FORM_NFKC, NULL},
    {"NFKD", HS_STEP_FORM, HS_FORM_NFKD, NULL},
    {"Lowercase", HS_STEP_LOWERCASE, HS_FORM_NFD, NULL},
    {"StripAccents", HS_STEP_STRIP_ACCENTS, HS_FORM_NFD, NULL},
    {"Strip", HS_STEP_STRIP, HS_FORM_NFD, read_strip},
    {"Replace", HS_STEP_REPLACE, HS_FORM_NFD, read_replace},
    {"Prepend", HS_STEP_PREPEND, HS_FORM_NFD, read_prepend},
};

headsift_status hs_json_normalizer(const json_t *root, const char *where, struct hs_steps *steps,
                                   headsift_error *error) {
    struct hs_json_steps list;
    HS_TRY(hs_json_steps_read(root, "normalizer", "normalizers", where, &list, error));
    for (size_t i = 0; i < list.n; i++) {
        size_t k = 0, n = sizeof known / sizeof known[0];
        while (k < n && strcmp(known[k].type, list.type[i]) != 0) {
            k++;
        }
        struct hs_step *step = k < n ? hs_steps_add(steps) : NULL;
        if (step == NULL) {
            return hs_json_steps_refuse(&list, "normalizer", where,
                                        "NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Replace, Prepend, and "
                                        "sequences of them",
                                        error);
        }
        step->kind = known[k].kind;
        step->form = known[k].form;
        if (known[k].read != NULL) {
            HS_TRY(known[k].read(list.step[i], where, step, error));
        }
    }
    return HEADSIFT_OK;
}
