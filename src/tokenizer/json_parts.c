/* The known shapes of normalizer, pre_tokenizer and post_processor in a tokenizer.json.
 * Split patterns are recognised by their exact text; nothing interprets regular expressions. */
#include "tokenizer/json_parts.h"

#include <string.h>

#include "base/json.h"

enum { MOST_STEPS = 4 };

/* A part as the list of its steps: a Sequence's members, or the part itself. */
struct steps {
    const json_t *step[MOST_STEPS];
    const char *type[MOST_STEPS];
    size_t n;
};

static headsift_status add_step(struct steps *steps, const json_t *step, const char *part, const char *where,
                                headsift_error *error) {
    const char *type = json_string_value(json_object_get(step, "type"));
    if (type == NULL) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: a %s without a \"type\"", where, part);
    }
    if (steps->n == MOST_STEPS) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: a %s of more than %d steps is not supported", where, part,
                       MOST_STEPS);
    }
    steps->step[steps->n] = step;
    steps->type[steps->n++] = type;
    return HEADSIFT_OK;
}

/* @param members the name of a Sequence's array. */
static headsift_status read_steps(const json_t *root, const char *part, const char *members, const char *where,
                                  struct steps *steps, headsift_error *error) {
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

static headsift_status refuse(const struct steps *steps, const char *part, const char *where, const char *supported,
                              headsift_error *error) {
    char names[256] = "";
    for (size_t i = 0; i < steps->n; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%.60s", i > 0 ? " + " : "", steps->type[i]);
    }
    return hs_fail(error, HEADSIFT_FAILED, "%s: %s %s is not supported; supported: %s", where, part,
                   steps->n > 0 ? names : "null", supported);
}

static bool is_type(const struct steps *steps, size_t i, const char *type) {
    return i < steps->n && strcmp(steps->type[i], type) == 0;
}

headsift_status hs_json_normalizer(const json_t *root, const char *where, bool *nfc, headsift_error *error) {
    struct steps steps;
    HS_TRY(read_steps(root, "normalizer", "normalizers", where, &steps, error));
    *nfc = steps.n > 0;
    for (size_t i = 0; i < steps.n; i++) {
        if (!is_type(&steps, i, "NFC")) {
            return refuse(&steps, "normalizer", where, "none, NFC", error);
        }
    }
    return HEADSIFT_OK;
}

/* ---- pre_tokenizer ---------------------------------------------------------------------------------------------- */

struct pattern {
    enum hs_split split;
    const char *text;
};

#define CASELESS "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
#define REST "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

static const struct pattern patterns[] = {
    {HS_SPLIT_LLAMA3, CASELESS "\\p{N}{1,3}" REST},
    {HS_SPLIT_QWEN2, CASELESS "\\p{N}" REST},
    {HS_SPLIT_GPT2, "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"},
};

static headsift_status find_pattern(const json_t *split, const char *where, enum hs_split *out, headsift_error *error) {
    json_t *pattern = NULL;
    const char *text = NULL;
    HS_TRY(hs_json_object(split, "pattern", true, where, &pattern, error));
    HS_TRY(hs_json_string(pattern, "Regex", true, where, &text, error));
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        if (strcmp(text, patterns[i].text) == 0) {
            *out = patterns[i].split;
            return HEADSIFT_OK;
        }
    }
    return hs_fail(error, HEADSIFT_FAILED,
                   "%s: the split pattern %.300s is not supported; supported are those of GPT-2, Llama 3 and Qwen2",
                   where, text);
}

/* The patterns match every character: matches apart and all but the matches removed are the same. */
static headsift_status check_behavior(const json_t *split, const char *where, headsift_error *error) {
    const char *behavior = NULL;
    bool invert = false;
    HS_TRY(hs_json_string(split, "behavior", true, where, &behavior, error));
    HS_TRY(hs_json_bool(split, "invert", true, where, &invert, error));
    if (strcmp(behavior, "Isolated") == 0 || (strcmp(behavior, "Removed") == 0 && invert)) {
        return HEADSIFT_OK;
    }
    return hs_fail(error, HEADSIFT_FAILED, "%s: Split with behavior %.40s is not supported; supported: Isolated", where,
                   behavior);
}

/* The ByteLevel step at the end: with or without the pattern of GPT-2, as `wanted`. */
static headsift_status check_byte_level(const json_t *step, const char *where, bool wanted, bool *prefix_space,
                                        headsift_error *error) {
    bool use_regex = true;
    HS_TRY(hs_json_bool(step, "use_regex", false, where, &use_regex, error));
    HS_TRY(hs_json_bool(step, "add_prefix_space", true, where, prefix_space, error));
    if (use_regex != wanted) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: ByteLevel with use_regex %s in this place is not supported", where,
                       use_regex ? "true" : "false");
    }
    return HEADSIFT_OK;
}

static headsift_status read_digits(const struct steps *steps, const char *where, bool *prefix_space,
                                   headsift_error *error) {
    bool individual = false;
    HS_TRY(hs_json_bool(steps->step[0], "individual_digits", true, where, &individual, error));
    if (!individual) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: Digits with individual_digits false is not supported", where);
    }
    return check_byte_level(steps->step[1], where, true, prefix_space, error);
}

headsift_status hs_json_pre_tokenizer(const json_t *root, const char *where, enum hs_split *split, bool *prefix_space,
                                      headsift_error *error) {
    struct steps steps;
    HS_TRY(read_steps(root, "pre_tokenizer", "pretokenizers", where, &steps, error));
    *prefix_space = false;
    *split = HS_SPLIT_GPT2;
    if (steps.n == 1 && is_type(&steps, 0, "ByteLevel")) {
        return check_byte_level(steps.step[0], where, true, prefix_space, error);
    }
    if (steps.n != 2 || !is_type(&steps, 1, "ByteLevel") ||
        (!is_type(&steps, 0, "Digits") && !is_type(&steps, 0, "Split"))) {
        return refuse(&steps, "pre_tokenizer", where, "ByteLevel, Digits + ByteLevel, Split + ByteLevel", error);
    }
    if (is_type(&steps, 0, "Digits")) {
        *split = HS_SPLIT_SMOLLM;
        HS_TRY(read_digits(&steps, where, prefix_space, error));
    } else {
        HS_TRY(find_pattern(steps.step[0], where, split, error));
        HS_TRY(check_behavior(steps.step[0], where, error));
        HS_TRY(check_byte_level(steps.step[1], where, false, prefix_space, error));
    }
    if (*prefix_space) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: ByteLevel with add_prefix_space behind %.40s is not supported",
                       where, steps.type[0]);
    }
    return HEADSIFT_OK;
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
    struct steps steps;
    bool found = false;
    HS_TRY(read_steps(root, "post_processor", "processors", where, &steps, error));
    *bos = -1;
    for (size_t i = 0; i < steps.n; i++) {
        bool template = is_type(&steps, i, "TemplateProcessing");
        if ((!template && !is_type(&steps, i, "ByteLevel")) || (template && found)) {
            return refuse(&steps, "post_processor", where, "none, ByteLevel, TemplateProcessing, or one of each",
                          error);
        }
        if (template) {
            found = true;
            HS_TRY(read_template(steps.step[i], where, bos, error));
        }
    }
    return HEADSIFT_OK;
}
