/* The pre_tokenizer of a tokenizer.json as steps that change a text and cuts that split it.
 * Split patterns of the known families are recognised by their exact text; others run in PCRE2. */
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "tokenizer/json_parts.h"

struct reader {
    const char *where;
    struct hs_tokenizer *tokenizer;
    headsift_error *error;
};

static headsift_status no_memory(const struct reader *reader) {
    return hs_fail(reader->error, HEADSIFT_FAILED, "%s: no memory for the tokenizer", reader->where);
}

static headsift_status add_cut(const struct reader *reader, struct hs_cut **out) {
    struct hs_cuts *cuts = &reader->tokenizer->cuts;
    if (cuts->n == HS_MOST_CUTS) {
        return hs_fail(reader->error, HEADSIFT_FAILED, "%s: a pre_tokenizer of more than %d steps is not supported",
                       reader->where, HS_MOST_CUTS);
    }
    *out = &cuts->cut[cuts->n++];
    **out = (struct hs_cut){0};
    return HEADSIFT_OK;
}

/* Puts `sign` in front of a stretch of text that does not begin with it. */
static headsift_status add_prefix(const struct reader *reader, const char *sign, size_t size, bool only_at_start) {
    struct hs_step *step = hs_steps_add(&reader->tokenizer->prepare);
    step->kind = HS_STEP_PREPEND;
    step->only_if_missing = true;
    step->only_at_start = only_at_start;
    step->content = hs_copy_bytes(sign, size);
    step->content_size = size;
    return step->content != NULL ? HEADSIFT_OK : no_memory(reader);
}

/* ---- Split ------------------------------------------------------------------------------------------------------ */

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

static headsift_status read_pattern(const struct reader *reader, const json_t *step, struct hs_cut *cut) {
    const char *text = NULL;
    bool regex = false;
    HS_TRY(hs_json_pattern(step, reader->where, &text, &cut->literal_size, &regex, reader->error));
    if (!regex) {
        cut->pattern = HS_PATTERN_LITERAL;
        cut->literal = hs_copy_bytes(text, cut->literal_size);
        return cut->literal != NULL ? HEADSIFT_OK : no_memory(reader);
    }
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        if (strcmp(text, patterns[i].text) == 0) {
            cut->pattern = HS_PATTERN_KNOWN;
            cut->split = patterns[i].split;
            return HEADSIFT_OK;
        }
    }
    cut->pattern = HS_PATTERN_REGEX;
    return hs_regex_new(text, cut->literal_size, reader->where, &cut->regex, reader->error);
}

static headsift_status read_behavior(const struct reader *reader, const json_t *step, struct hs_cut *cut) {
    static const char *const names[] = {"Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
    const char *behavior = NULL;
    HS_TRY(hs_json_string(step, "behavior", true, reader->where, &behavior, reader->error));
    HS_TRY(hs_json_bool(step, "invert", true, reader->where, &cut->invert, reader->error));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(behavior, names[i]) == 0) {
            cut->behavior = (enum hs_behavior)i;
            return HEADSIFT_OK;
        }
    }
    return hs_fail(reader->error, HEADSIFT_FAILED, "%s: Split with behavior %.40s is not supported", reader->where,
                   behavior);
}

static headsift_status read_split(const struct reader *reader, const json_t *step) {
    struct hs_cut *cut;
    HS_TRY(add_cut(reader, &cut));
    HS_TRY(read_pattern(reader, step, cut));
    return read_behavior(reader, step, cut);
}

/* ---- The others ------------------------------------------------------------------------------------------------- */

static headsift_status read_digits(const struct reader *reader, const json_t *step) {
    bool individual = false;
    struct hs_cut *cut;
    HS_TRY(add_cut(reader, &cut));
    HS_TRY(hs_json_bool(step, "individual_digits", true, reader->where, &individual, reader->error));
    cut->pattern = HS_PATTERN_NUMERIC;
    cut->behavior = individual ? HS_ISOLATED : HS_CONTIGUOUS;
    return HEADSIFT_OK;
}

/* The last step: from here on the text is bytes. */
static headsift_status read_byte_level(const struct reader *reader, const json_t *step) {
    bool use_regex = true, prefix = false;
    struct hs_cut *cut;
    HS_TRY(hs_json_bool(step, "use_regex", false, reader->where, &use_regex, reader->error));
    HS_TRY(hs_json_bool(step, "add_prefix_space", true, reader->where, &prefix, reader->error));
    if (prefix && (reader->tokenizer->cuts.n > 0 || reader->tokenizer->prepare.n > 0)) {
        return hs_fail(reader->error, HEADSIFT_FAILED,
                       "%s: ByteLevel with add_prefix_space behind another pre_tokenizer is not supported",
                       reader->where);
    }
    if (prefix) {
        HS_TRY(add_prefix(reader, " ", 1, false));
    }
    if (use_regex) {
        HS_TRY(add_cut(reader, &cut));
        cut->pattern = HS_PATTERN_KNOWN;
        cut->split = HS_SPLIT_GPT2;
    }
    reader->tokenizer->bpe.kind = HS_BPE_BYTES;
    return HEADSIFT_OK;
}

/* Files of before prepend_scheme have add_prefix_space; where both stand they must agree. */
static headsift_status read_scheme(const struct reader *reader, const json_t *step, const char **scheme) {
    bool prefix = true;
    *scheme = "always";
    HS_TRY(hs_json_bool(step, "add_prefix_space", false, reader->where, &prefix, reader->error));
    HS_TRY(hs_json_string(step, "prepend_scheme", false, reader->where, scheme, reader->error));
    bool known = strcmp(*scheme, "always") == 0 || strcmp(*scheme, "first") == 0 || strcmp(*scheme, "never") == 0;
    if (!known || (!prefix && strcmp(*scheme, "never") != 0)) {
        return hs_fail(reader->error, HEADSIFT_FAILED, "%s: Metaspace with prepend_scheme %.40s%s is not supported",
                       reader->where, *scheme, prefix ? "" : " and add_prefix_space false");
    }
    return HEADSIFT_OK;
}

static headsift_status read_metaspace(const struct reader *reader, const json_t *step) {
    const char *scheme = NULL, *sign = NULL;
    bool split = true;
    HS_TRY(read_scheme(reader, step, &scheme));
    HS_TRY(hs_json_string(step, "replacement", true, reader->where, &sign, reader->error));
    HS_TRY(hs_json_bool(step, "split", false, reader->where, &split, reader->error));
    size_t length = 0, size = json_string_length(json_object_get(step, "replacement"));
    if (size > 0) {
        (void)hs_utf8_decode(sign, &length);
    }
    if (size == 0 || length != size) {
        return hs_fail(reader->error, HEADSIFT_FAILED,
                       "%s: Metaspace's replacement must be one character, is \"%.40s\"", reader->where, sign);
    }
    struct hs_step *replace = hs_steps_add(&reader->tokenizer->prepare);
    replace->kind = HS_STEP_REPLACE;
    replace->pattern = hs_copy_bytes(" ", 1);
    replace->pattern_size = 1;
    replace->content = hs_copy_bytes(sign, size);
    replace->content_size = size;
    if (replace->pattern == NULL || replace->content == NULL) {
        return no_memory(reader);
    }
    if (strcmp(scheme, "never") != 0) {
        HS_TRY(add_prefix(reader, sign, size, strcmp(scheme, "first") == 0));
    }
    if (!split) {
        return HEADSIFT_OK;
    }
    struct hs_cut *cut;
    HS_TRY(add_cut(reader, &cut));
    cut->pattern = HS_PATTERN_LITERAL;
    cut->behavior = HS_WITH_NEXT;
    cut->literal = hs_copy_bytes(sign, size);
    cut->literal_size = size;
    return cut->literal != NULL ? HEADSIFT_OK : no_memory(reader);
}

headsift_status hs_json_pre_tokenizer(const json_t *root, const char *where, struct hs_tokenizer *tokenizer,
                                      headsift_error *error) {
    struct reader reader = {.where = where, .tokenizer = tokenizer, .error = error};
    struct hs_json_steps steps;
    HS_TRY(hs_json_steps_read(root, "pre_tokenizer", "pretokenizers", where, &steps, error));
    tokenizer->bpe.kind = HS_BPE_CHARACTERS;
    for (size_t i = 0; i < steps.n; i++) {
        if (hs_json_step_is(&steps, i, "Split")) {
            HS_TRY(read_split(&reader, steps.step[i]));
        } else if (hs_json_step_is(&steps, i, "Digits")) {
            HS_TRY(read_digits(&reader, steps.step[i]));
        } else if (hs_json_step_is(&steps, i, "Metaspace") && i == 0) {
            HS_TRY(read_metaspace(&reader, steps.step[i]));
        } else if (hs_json_step_is(&steps, i, "ByteLevel") && i + 1 == steps.n) {
            HS_TRY(read_byte_level(&reader, steps.step[i]));
        } else {
            return hs_json_steps_refuse(&steps, "pre_tokenizer", where,
                                        "Metaspace, Split, Digits and ByteLevel: Metaspace first, ByteLevel last",
                                        error);
        }
    }
    return HEADSIFT_OK;
}
