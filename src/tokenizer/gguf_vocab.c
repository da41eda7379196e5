/* A tokenizer from a GGUF's vocabulary. The file names its splitting only by `pre`: what is not known here is refused.
 * Of added tokens it keeps the type alone: control tokens are special, none has flags. */
#include <string.h>

#include "tokenizer/vocab.h"

struct pre {
    const char *name;
    enum hs_split split;
    bool digits; /* each digit apart first */
    bool ignore_merges, nfc;
};

static const struct pre known_pres[] = {
    {"smollm", HS_SPLIT_GPT2, true, false, false},
    {"gpt-2", HS_SPLIT_GPT2, false, false, false},
    {"llama-bpe", HS_SPLIT_LLAMA3, false, true, false},
    {"qwen2", HS_SPLIT_QWEN2, false, false, true},
};

static headsift_status find_pre(const struct hs_vocab *vocab, const char *where, const struct pre **out,
                                headsift_error *error) {
    if (vocab->style == NULL || strcmp(vocab->style, "gpt2") != 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: tokenizer.ggml.model is %.80s; supported is gpt2 (byte-level BPE)",
                       where, vocab->style == NULL ? "missing" : vocab->style);
    }
    for (size_t i = 0; i < sizeof known_pres / sizeof known_pres[0]; i++) {
        if (vocab->pre != NULL && strcmp(vocab->pre, known_pres[i].name) == 0) {
            *out = &known_pres[i];
            return HEADSIFT_OK;
        }
    }
    return hs_fail(error, HEADSIFT_FAILED,
                   "%s: tokenizer.ggml.pre is %.80s; supported are smollm, gpt-2, llama-bpe, qwen2: use the model's "
                   "Hugging Face directory instead",
                   where, vocab->pre == NULL ? "missing" : vocab->pre);
}

static headsift_status check_type(int32_t type, size_t id, const char *where, headsift_error *error) {
    if (type >= HS_TOKEN_NORMAL && type <= HS_TOKEN_UNUSED) {
        return HEADSIFT_OK;
    }
    return hs_fail(error, HEADSIFT_FAILED, "%s: token %zu has type %d; byte-level BPE has types 1 to 5", where, id,
                   type);
}

static headsift_status add_tokens(struct hs_builder *builder, const struct hs_vocab *vocab, headsift_error *error) {
    builder->hidden = hs_alloc(vocab->n_tokens, sizeof *builder->hidden);
    if (builder->hidden == NULL) {
        return hs_fail_memory(error, "the vocabulary", vocab->n_tokens);
    }
    for (size_t i = 0; i < vocab->n_tokens; i++) {
        int32_t type = vocab->types == NULL ? HS_TOKEN_NORMAL : vocab->types[i];
        HS_TRY(check_type(type, i, builder->where, error));
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

static headsift_status add_special(struct hs_builder *builder, const struct hs_vocab *vocab, headsift_error *error) {
    for (size_t i = 0; i < vocab->n_tokens && vocab->types != NULL; i++) {
        bool special = vocab->types[i] == HS_TOKEN_CONTROL || vocab->types[i] == HS_TOKEN_UNKNOWN;
        if (!special && vocab->types[i] != HS_TOKEN_USER) {
            continue;
        }
        struct hs_added_token token = {.id = (int32_t)i,
                                       .content = (char *)(uintptr_t)vocab->tokens[i],
                                       .size = strlen(vocab->tokens[i]),
                                       .special = special};
        if (token.size > 0) {
            HS_TRY(hs_builder_added(builder, &token, error));
        }
    }
    return HEADSIFT_OK;
}

static void prepare(struct hs_tokenizer *tokenizer, const struct pre *pre) {
    struct hs_cuts *cuts = &tokenizer->cuts;
    if (pre->nfc) {
        *hs_steps_add(&tokenizer->normalizer) = (struct hs_step){.kind = HS_STEP_FORM, .form = HS_FORM_NFC};
    }
    if (pre->digits) {
        cuts->cut[cuts->n++] = (struct hs_cut){.pattern = HS_PATTERN_NUMERIC};
    }
    cuts->cut[cuts->n++] = (struct hs_cut){.pattern = HS_PATTERN_KNOWN, .split = pre->split};
}

static headsift_status build(struct hs_builder *builder, const struct hs_vocab *vocab, const struct pre *pre,
                             struct hs_tokenizer **out, headsift_error *error) {
    HS_TRY(add_tokens(builder, vocab, error));
    HS_TRY(add_merges(builder, vocab, error));
    prepare(builder->tokenizer, pre);
    builder->ignore_merges = pre->ignore_merges;
    if (vocab->add_bos && vocab->bos < 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: wants a BOS in front but names none (tokenizer.ggml.bos_token_id)",
                       builder->where);
    }
    builder->tokenizer->bos = vocab->add_bos ? vocab->bos : -1;
    HS_TRY(add_special(builder, vocab, error));
    return hs_builder_finish(builder, out, error);
}

headsift_status hs_tokenizer_from_vocab(const struct hs_vocab *vocab, const char *where, struct hs_tokenizer **out,
                                        headsift_error *error) {
    const struct pre *pre;
    *out = NULL;
    HS_TRY(find_pre(vocab, where, &pre, error));
    if (vocab->n_tokens >= HS_MAX_TOKENS) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: %zu tokens, must be fewer than %d", where, vocab->n_tokens,
                       HS_MAX_TOKENS);
    }
    struct hs_builder builder;
    headsift_status status = hs_builder_begin(&builder, where, vocab->n_tokens, error);
    if (status == HEADSIFT_OK) {
        status = build(&builder, vocab, pre, out, error);
    }
    hs_builder_end(&builder);
    return status;
}
