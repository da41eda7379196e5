/* A tokenizer from a tokenizer.json, as the `tokenizers` library writes it: BPE of bytes or of characters.
 * Its truncation and padding are not read: a scorer has lengths of its own. Nor is the decoder: it changes no ids. */
#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "tokenizer/json_parts.h"
#include "tokenizer/vocab.h"

enum { MOST_BYTES = 1 << 29 };

/* ---- The model -------------------------------------------------------------------------------------------------- */

static headsift_status refuse_string(const json_t *model, const char *key, const char *where, headsift_error *error) {
    const char *value = NULL;
    HS_TRY(hs_json_string(model, key, false, where, &value, error));
    if (value != NULL && value[0] != '\0') {
        return hs_fail(error, HEADSIFT_FAILED, "%s: the model's %s is not supported", where, key);
    }
    return HEADSIFT_OK;
}

static headsift_status check_model(const json_t *model, const char *where, headsift_error *error) {
    const char *type = "BPE";
    double dropout = 0;
    HS_TRY(hs_json_string(model, "type", false, where, &type, error));
    if (strcmp(type, "BPE") != 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: model type %.80s is not supported; supported: BPE", where, type);
    }
    HS_TRY(hs_json_number(model, "dropout", false, where, &dropout, error));
    if (dropout > 0 || dropout < 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: the model's dropout is not supported: it makes ids random", where);
    }
    HS_TRY(refuse_string(model, "continuing_subword_prefix", where, error));
    return refuse_string(model, "end_of_word_suffix", where, error);
}

static headsift_status read_vocab(struct hs_builder *builder, json_t *vocab, headsift_error *error) {
    const char *name;
    json_t *id;
    json_object_foreach(vocab, name, id) {
        if (!json_is_integer(id)) {
            return hs_fail(error, HEADSIFT_FAILED, "%s: the id of token \"%.80s\" must be an integer", builder->where,
                           name);
        }
        HS_TRY(hs_builder_token(builder, name, strlen(name), json_integer_value(id), error));
    }
    return HEADSIFT_OK;
}

static headsift_status read_merge(struct hs_builder *builder, uint32_t rank, const json_t *merge, bool pairs,
                                  headsift_error *error) {
    const json_t *left = json_array_get(merge, 0), *right = json_array_get(merge, 1);
    if (pairs && json_array_size(merge) == 2 && json_is_string(left) && json_is_string(right)) {
        return hs_builder_merge(builder, rank, json_string_value(left), json_string_length(left),
                                json_string_value(right), json_string_length(right), error);
    }
    if (!pairs && json_is_string(merge)) {
        return hs_builder_merge_line(builder, rank, json_string_value(merge), json_string_length(merge), error);
    }
    return hs_fail(error, HEADSIFT_FAILED, "%s: merge %u must be %s like the first one", builder->where, rank,
                   pairs ? "an array of two strings" : "a string");
}

static bool is_version_line(const json_t *merge) {
    return json_is_string(merge) && strncmp(json_string_value(merge), "#version", 8) == 0;
}

static headsift_status read_merges(struct hs_builder *builder, const json_t *merges, headsift_error *error) {
    size_t n = json_array_size(merges);
    bool pairs = json_is_array(json_array_get(merges, 0));
    uint32_t rank = 0;
    HS_TRY(hs_builder_merges(builder, n, error));
    for (size_t i = 0; i < n; i++) {
        const json_t *merge = json_array_get(merges, i);
        if (!is_version_line(merge)) {
            HS_TRY(read_merge(builder, rank++, merge, pairs, error));
        }
    }
    return HEADSIFT_OK;
}

static bool has_all_bytes(const struct hs_bpe *bpe) {
    for (size_t i = 0; i < 256; i++) {
        if (bpe->byte_ids[i] < 0) {
            return false;
        }
    }
    return true;
}

/* Whether names and text have U+2581 for a space. */
static bool marks_spaces(const struct hs_steps *steps) {
    bool found = false;
    for (size_t i = 0; i < steps->n; i++) {
        const struct hs_step *step = &steps->step[i];
        found = found || (step->kind == HS_STEP_REPLACE && step->pattern_size == 1 && step->pattern[0] == ' ' &&
                          step->content_size == 3 && memcmp(step->content, "\xE2\x96\x81", 3) == 0);
    }
    return found;
}

/* What stands for bytes or characters that the vocabulary lacks. */
static headsift_status read_unknown(struct hs_builder *builder, const json_t *model, headsift_error *error) {
    struct hs_bpe *bpe = &builder->tokenizer->bpe;
    const char *unknown = NULL;
    HS_TRY(hs_json_string(model, "unk_token", false, builder->where, &unknown, error));
    HS_TRY(hs_json_bool(model, "fuse_unk", false, builder->where, &bpe->fuse_unknown, error));
    HS_TRY(hs_json_bool(model, "byte_fallback", false, builder->where, &bpe->byte_fallback, error));
    HS_TRY(hs_json_bool(model, "ignore_merges", false, builder->where, &builder->ignore_merges, error));
    bool bytes = bpe->kind == HS_BPE_BYTES, all = has_all_bytes(bpe);
    if (all && (bytes || bpe->byte_fallback)) {
        return HEADSIFT_OK; /* nothing is ever unknown */
    }
    if (bytes && bpe->byte_fallback) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: byte_fallback with a vocabulary that lacks bytes is not supported",
                       builder->where);
    }
    bpe->unknown = unknown == NULL ? -1 : hs_builder_find(builder, unknown, strlen(unknown));
    if (unknown != NULL && bpe->unknown < 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: unk_token \"%.80s\" is not in the vocabulary", builder->where,
                       unknown);
    }
    return HEADSIFT_OK;
}

/* ---- Added tokens ----------------------------------------------------------------------------------------------- */

static headsift_status read_added(const json_t *object, const char *where, struct hs_added_token *token,
                                  headsift_error *error) {
    int64_t id = 0;
    const char *content = NULL;
    if (!json_is_object(object)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: must be an object", where);
    }
    HS_TRY(hs_json_int(object, "id", 0, HS_MAX_TOKENS - 1, true, where, &id, error));
    HS_TRY(hs_json_string(object, "content", true, where, &content, error));
    HS_TRY(hs_json_bool(object, "special", true, where, &token->special, error));
    HS_TRY(hs_json_bool(object, "lstrip", true, where, &token->lstrip, error));
    HS_TRY(hs_json_bool(object, "rstrip", true, where, &token->rstrip, error));
    HS_TRY(hs_json_bool(object, "single_word", true, where, &token->single_word, error));
    HS_TRY(hs_json_bool(object, "normalized", true, where, &token->normalized, error));
    token->id = (int32_t)id;
    token->content = (char *)(uintptr_t)content;
    token->size = json_string_length(json_object_get(object, "content"));
    return HEADSIFT_OK;
}

/* The library gives a token its id itself; the file's must be the same, or the file contradicts itself. */
static headsift_status check_id(const struct hs_builder *builder, const struct hs_added_token *token, int64_t *highest,
                                const char *where, headsift_error *error) {
    int64_t next = *highest >= (int64_t)builder->n_names ? *highest + 1 : (int64_t)builder->n_names;
    int32_t known = hs_builder_find(builder, token->content, token->size);
    int64_t wanted = known >= 0 ? known : next;
    if (token->id != wanted) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"%.80s\" has id %d, but its place in the vocabulary is %lld",
                       where, token->content, token->id, (long long)wanted);
    }
    *highest = token->id > *highest ? token->id : *highest;
    return HEADSIFT_OK;
}

static headsift_status read_added_tokens(struct hs_builder *builder, const json_t *root, headsift_error *error) {
    json_t *list = NULL;
    int64_t highest = -1;
    HS_TRY(hs_json_array(root, "added_tokens", false, builder->where, &list, error));
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct hs_added_token token = {0};
        char where[512];
        snprintf(where, sizeof where, "%.400s: added token %zu", builder->where, i);
        HS_TRY(read_added(json_array_get(list, i), where, &token, error));
        if (token.size == 0) {
            continue; /* as the library does */
        }
        HS_TRY(check_id(builder, &token, &highest, where, error));
        HS_TRY(hs_builder_added(builder, &token, error));
    }
    return HEADSIFT_OK;
}

/* ---- The file --------------------------------------------------------------------------------------------------- */

static headsift_status check_version(const json_t *root, const char *where, headsift_error *error) {
    const char *version = "1.0";
    if (!json_is_object(root)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: must be a JSON object", where);
    }
    HS_TRY(hs_json_string(root, "version", false, where, &version, error));
    if (strcmp(version, "1.0") != 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: version %.40s is not supported; supported: 1.0", where, version);
    }
    return HEADSIFT_OK;
}

static headsift_status build(struct hs_builder *builder, const json_t *root, const json_t *model, json_t *vocab,
                             const json_t *merges, struct hs_tokenizer **out, headsift_error *error) {
    struct hs_tokenizer *tokenizer = builder->tokenizer;
    const char *where = builder->where;
    HS_TRY(hs_json_normalizer(root, where, &tokenizer->normalizer, error));
    HS_TRY(hs_json_pre_tokenizer(root, where, tokenizer, error));
    HS_TRY(hs_json_post_processor(root, where, &tokenizer->bos, error));
    builder->marked_spaces = marks_spaces(&tokenizer->normalizer) || marks_spaces(&tokenizer->prepare);
    HS_TRY(read_vocab(builder, vocab, error));
    HS_TRY(read_merges(builder, merges, error));
    HS_TRY(read_unknown(builder, model, error));
    HS_TRY(read_added_tokens(builder, root, error));
    return hs_builder_finish(builder, out, error);
}

static headsift_status from_root(const json_t *root, const char *where, struct hs_tokenizer **out,
                                 headsift_error *error) {
    json_t *model = NULL, *vocab = NULL, *merges = NULL;
    HS_TRY(check_version(root, where, error));
    HS_TRY(hs_json_object(root, "model", true, where, &model, error));
    HS_TRY(check_model(model, where, error));
    HS_TRY(hs_json_object(model, "vocab", true, where, &vocab, error));
    HS_TRY(hs_json_array(model, "merges", true, where, &merges, error));
    struct hs_builder builder;
    headsift_status status = hs_builder_begin(&builder, where, json_object_size(vocab), error);
    if (status == HEADSIFT_OK) {
        status = build(&builder, root, model, vocab, merges, out, error);
    }
    hs_builder_end(&builder);
    return status;
}

headsift_status hs_tokenizer_from_json_bytes(const char *bytes, size_t size, const char *where,
                                             struct hs_tokenizer **out, headsift_error *error) {
    json_error_t reason;
    *out = NULL;
    json_t *root = json_loadb(bytes, size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &reason);
    if (root == NULL) {
        return hs_fail(error, HEADSIFT_FAILED, "%s is not JSON: line %d, byte %d: %s", where, reason.line,
                       reason.position, reason.text);
    }
    headsift_status status = from_root(root, where, out, error);
    json_decref(root);
    return status;
}

headsift_status hs_tokenizer_from_json(const char *path, struct hs_tokenizer **out, headsift_error *error) {
    struct hs_buffer text = {0};
    *out = NULL;
    headsift_status status = hs_file_read(path, MOST_BYTES, &text, error);
    if (status == HEADSIFT_OK) {
        status = hs_tokenizer_from_json_bytes(text.data, text.size, path, out, error);
    }
    hs_buffer_free(&text);
    return status;
}
