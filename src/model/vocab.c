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

/* Files of Llama 3 made before the key existed rely on this default of llama.cpp. */
static bool adds_bos_by_default(const char *pre) {
    return pre != NULL && (strcmp(pre, "llama-bpe") == 0 || strcmp(pre, "llama3") == 0 || strcmp(pre, "llama-v3") == 0);
}

static headsift_status settings_read(const struct gguf_context *gguf, const char *where, struct hs_vocab *vocab,
                                     headsift_error *error) {
    int64_t bos = -1;
    HS_TRY(hs_gguf_string(gguf, where, "tokenizer.ggml.model", &vocab->style, error));
    HS_TRY(hs_gguf_string(gguf, where, "tokenizer.ggml.pre", &vocab->pre, error));
    HS_TRY(hs_gguf_int(gguf, where, "tokenizer.ggml.bos_token_id", -1, INT64_MAX, false, &bos, error));
    vocab->add_bos = adds_bos_by_default(vocab->pre);
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
