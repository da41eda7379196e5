/* A tokenizer from a GGUF's vocabulary: byte-level BPE ("gpt2"), whose split is only a name, and SentencePiece's BPE
 * ("llama"), which is in gguf_scores.c. */
#include "tokenizer/gguf_vocab.h"

#include <string.h>

#include "tokenizer/gguf_pre.h"

headsift_status hs_vocab_type(const struct hs_vocab *vocab, size_t id, int32_t highest, const char *where,
                              int32_t *type, headsift_error *error) {
    *type = vocab->types == NULL ? HS_TOKEN_NORMAL : vocab->types[id];
    if (*type >= HS_TOKEN_NORMAL && *type <= highest) {
        return HEADSIFT_OK;
    }
    return hs_fail(error, HEADSIFT_FAILED, "%s: token %zu has type %d; %s has types 1 to %d", where, id, *type,
                   highest == HS_TOKEN_BYTE ? "a vocabulary with scores" : "byte-level BPE", highest);
}

headsift_status hs_vocab_add_special(struct hs_builder *builder, const char *text, size_t id, int32_t type,
                                     headsift_error *error) {
    bool with_scores = builder->tokenizer->bpe.kind == HS_BPE_SCORES; /* found once spaces are signs */
    struct hs_added_token token = {.id = (int32_t)id,
                                   .content = (char *)(uintptr_t)text,
                                   .size = strlen(text),
                                   .special = type == HS_TOKEN_CONTROL || type == HS_TOKEN_UNKNOWN,
                                   .normalized = type == HS_TOKEN_USER && with_scores};
    bool found = token.size > 0 && (token.special || type == HS_TOKEN_USER);
    return found ? hs_builder_added(builder, &token, error) : HEADSIFT_OK;
}

headsift_status hs_vocab_set_bos(struct hs_builder *builder, const struct hs_vocab *vocab, headsift_error *error) {
    if (vocab->add_bos && vocab->bos < 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: wants a BOS in front but names none (tokenizer.ggml.bos_token_id)",
                       builder->where);
    }
    builder->tokenizer->bos = vocab->add_bos ? vocab->bos : -1;
    return HEADSIFT_OK;
}

/* ---- Byte-level BPE --------------------------------------------------------------------------------------------- */

static headsift_status add_tokens(struct hs_builder *builder, const struct hs_vocab *vocab, headsift_error *error) {
    builder->hidden = hs_alloc(vocab->n_tokens, sizeof *builder->hidden);
    if (builder->hidden == NULL) {
        return hs_fail_memory(error, "the vocabulary", vocab->n_tokens);
    }
    for (size_t i = 0; i < vocab->n_tokens; i++) {
        int32_t type;
        HS_TRY(hs_vocab_type(vocab, i, HS_TOKEN_UNUSED, builder->where, &type, error));
        builder->hidden[i] = type != HS_TOKEN_NORMAL && type != HS_TOKEN_USER;
        HS_TRY(hs_builder_token(builder, vocab->tokens[i], strlen(vocab->tokens[i]), (int64_t)i, error));
    }
    return HEADSIFT_OK;
}

static headsift_status add_merges(struct hs_builder *builder, const struct hs_vocab *vocab, headsift_error *error) {
    HS_TRY(hs_builder_merges(builder, vocab->n_merges, error));
    for (size_t i = 0; i < vocab->n_merges; i++) {
        HS_TRY(hs_builder_merge_line(builder, (uint32_t)i, vocab->merges[i], strlen(vocab->merges[i]), error));
    }
    return HEADSIFT_OK;
}

static headsift_status build_bytes(struct hs_builder *builder, const struct hs_vocab *vocab, headsift_error *error) {
    HS_TRY(hs_pre_apply(builder, vocab->pre, error));
    HS_TRY(add_tokens(builder, vocab, error));
    HS_TRY(add_merges(builder, vocab, error));
    HS_TRY(hs_vocab_set_bos(builder, vocab, error));
    for (size_t i = 0; i < vocab->n_tokens && vocab->types != NULL; i++) {
        HS_TRY(hs_vocab_add_special(builder, vocab->tokens[i], i, vocab->types[i], error));
    }
    return HEADSIFT_OK;
}

/* ---- Either ----------------------------------------------------------------------------------------------------- */

headsift_status hs_tokenizer_from_vocab(const struct hs_vocab *vocab, const char *where, struct hs_tokenizer **out,
                                        headsift_error *error) {
    *out = NULL;
    bool scores = vocab->style != NULL && strcmp(vocab->style, "llama") == 0;
    if (!scores && (vocab->style == NULL || strcmp(vocab->style, "gpt2") != 0)) {
        return hs_fail(
            error, HEADSIFT_FAILED,
            "%s: tokenizer.ggml.model is %.80s; supported are gpt2 (byte-level BPE) and llama (SentencePiece)", where,
            vocab->style == NULL ? "missing" : vocab->style);
    }
    if (vocab->n_tokens >= HS_MAX_TOKENS) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: %zu tokens, must be fewer than %d", where, vocab->n_tokens,
                       HS_MAX_TOKENS);
    }
    struct hs_builder builder;
    headsift_status status = hs_builder_begin(&builder, where, vocab->n_tokens, error);
    if (status == HEADSIFT_OK) {
        status = scores ? hs_vocab_build_scores(&builder, vocab, error) : build_bytes(&builder, vocab, error);
    }
    if (status == HEADSIFT_OK) {
        status = hs_builder_finish(&builder, out, error);
    }
    hs_builder_end(&builder);
    return status;
}
