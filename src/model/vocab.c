/* Hands the tokenizer its vocabulary: tokenizer.json of a directory, or a GGUF's keys as a plain vocabulary.
 * What pre-tokenisers and types mean is the tokenizer's business; only their form is checked here. */
#include <string.h>

#include <gguf.h>

#include "model/internal.h"

static headsift_status strings_read(const struct gguf_context *gguf, const char *where, const char *key,
                                    const char ***out, size_t *n, headsift_error *error) {
    int64_t id;
    HS_TRY(hs_gguf_strings(gguf, where, key, &id, error));
    *n = id >= 0 ? gguf_get_arr_n(gguf, id) : 0;
    *out = hs_alloc(*n, sizeof **out);
    if (*out == NULL) {
        return hs_fail_memory(error, key, *n * sizeof **out);
    }
    for (size_t i = 0; i < *n; i++) {
        (*out)[i] = gguf_get_arr_str(gguf, id, i);
    }
    return HEADSIFT_OK;
}

static bool is_scored(const struct hs_vocab *vocab) {
    return vocab->style != NULL && strcmp(vocab->style, "llama") == 0;
}

/* Files made before the key existed rely on these defaults of llama.cpp. */
static bool adds_bos_by_default(const struct hs_vocab *vocab) {
    static const char *const pres[] = {"llama-bpe", "llama3", "llama-v3", "tekken"};
    bool found = is_scored(vocab);
    for (size_t i = 0; i < sizeof pres / sizeof pres[0]; i++) {
        found = found || (vocab->pre != NULL && strcmp(vocab->pre, pres[i]) == 0);
    }
    return found;
}

/* What a vocabulary of SentencePiece has besides. */
static headsift_status scores_read(const struct gguf_context *gguf, const char *where, struct hs_vocab *vocab,
                                   headsift_error *error) {
    size_t n;
    HS_TRY(hs_gguf_float_array(gguf, where, "tokenizer.ggml.scores", &vocab->scores, &n, error));
    if (vocab->scores != NULL && n != vocab->n_tokens) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: %zu token scores for %zu tokens", where, n, vocab->n_tokens);
    }
    vocab->add_space_prefix = true;
    HS_TRY(hs_gguf_bool(gguf, where, "tokenizer.ggml.add_space_prefix", &vocab->add_space_prefix, error));
    HS_TRY(hs_gguf_bool(gguf, where, "tokenizer.ggml.remove_extra_whitespaces", &vocab->rewrites, error));
    vocab->rewrites = vocab->rewrites || gguf_find_key(gguf, "tokenizer.ggml.precompiled_charsmap") >= 0;
    return HEADSIFT_OK;
}

static headsift_status settings_read(const struct gguf_context *gguf, const char *where, struct hs_vocab *vocab,
                                     headsift_error *error) {
    int64_t bos = -1;
    HS_TRY(hs_gguf_string(gguf, where, "tokenizer.ggml.model", &vocab->style, error));
    HS_TRY(hs_gguf_string(gguf, where, "tokenizer.ggml.pre", &vocab->pre, error));
    if (is_scored(vocab)) {
        HS_TRY(scores_read(gguf, where, vocab, error));
        bos = 1; /* llama.cpp's default */
    }
    HS_TRY(hs_gguf_int(gguf, where, "tokenizer.ggml.bos_token_id", -1, INT64_MAX, false, &bos, error));
    vocab->add_bos = adds_bos_by_default(vocab);
    HS_TRY(hs_gguf_bool(gguf, where, "tokenizer.ggml.add_bos_token", &vocab->add_bos, error));
    if (bos >= (int64_t)vocab->n_tokens && bos != UINT32_MAX) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: the BOS id %lld is not in the vocabulary of %zu tokens", where,
                       (long long)bos, vocab->n_tokens);
    }
    vocab->bos = bos < (int64_t)vocab->n_tokens ? (int32_t)bos : -1;
    return HEADSIFT_OK;
}

static headsift_status vocab_read(const struct hs_model *model, struct hs_gguf_vocab *out, headsift_error *error) {
    const struct gguf_context *gguf = model->gguf;
    struct hs_vocab *vocab = &out->vocab;
    const char *where = model->path;
    size_t n_types;
    HS_TRY(strings_read(gguf, where, "tokenizer.ggml.tokens", &out->tokens, &vocab->n_tokens, error));
    HS_TRY(strings_read(gguf, where, "tokenizer.ggml.merges", &out->merges, &vocab->n_merges, error));
    vocab->tokens = out->tokens;
    vocab->merges = out->merges;
    if (vocab->n_tokens == 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s holds no tokenizer: key \"tokenizer.ggml.tokens\" is missing",
                       where);
    }
    if (model->config.vocab > 0 && vocab->n_tokens > (size_t)model->config.vocab) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: %zu tokens, but the embedding has %d rows", where, vocab->n_tokens,
                       model->config.vocab);
    }
    HS_TRY(hs_gguf_int_array(gguf, where, "tokenizer.ggml.token_type", &vocab->types, &n_types, error));
    if (vocab->types != NULL && n_types != vocab->n_tokens) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: %zu token types for %zu tokens", where, n_types, vocab->n_tokens);
    }
    return settings_read(gguf, where, vocab, error);
}

headsift_status hs_gguf_vocab_read(const struct hs_model *model, struct hs_gguf_vocab *out, headsift_error *error) {
    *out = (struct hs_gguf_vocab){0};
    if (model->gguf == NULL) {
        return hs_fail(error, HEADSIFT_FAILED, "%s is not a GGUF file", model->path);
    }
    headsift_status status = vocab_read(model, out, error);
    if (status != HEADSIFT_OK) {
        hs_gguf_vocab_free(out);
    }
    return status;
}

void hs_gguf_vocab_free(struct hs_gguf_vocab *vocab) {
    hs_free(vocab->tokens);
    hs_free(vocab->merges);
    *vocab = (struct hs_gguf_vocab){0};
}

headsift_status hs_model_tokenizer(const struct hs_model *model, struct hs_tokenizer **out, headsift_error *error) {
    *out = NULL;
    if (model->is_directory) {
        char *path = hs_join_path(model->path, "tokenizer.json");
        headsift_status status = path != NULL ? hs_tokenizer_from_json(path, out, error)
                                              : hs_fail_memory(error, "a path", strlen(model->path));
        hs_free(path);
        return status;
    }
    struct hs_gguf_vocab read;
    HS_TRY(hs_gguf_vocab_read(model, &read, error));
    headsift_status status = hs_tokenizer_from_vocab(&read.vocab, model->path, out, error);
    hs_gguf_vocab_free(&read);
    return status;
}
