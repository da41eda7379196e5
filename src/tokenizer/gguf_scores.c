/* A GGUF's vocabulary with scores: what SentencePiece calls BPE. Two neighbours merge where together they spell a
 * token, the best score first; characters without a token fall back on bytes. User-defined tokens are found as they
 * are. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tokenizer/gguf_vocab.h"

#define SIGN "\xE2\x96\x81" /* what stands for a space */
#define EIGHT SIGN SIGN SIGN SIGN SIGN SIGN SIGN SIGN

/* What runs of spaces are called; longer ones than this are found as any user-defined token is. */
static const char signs[] = EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT;

/* Gemma's tokens of two and more spaces are user-defined. Its tokenizer.json merges them from their halves before all
 * else; SentencePiece and llama.cpp find the longest, which differs in runs longer than the longest token. Returns the
 * spaces, 0 where the token is another. */
static size_t run_of_spaces(const struct hs_vocab *vocab, size_t id) {
    const char *name = vocab->tokens[id];
    size_t size = strlen(name), spaces = strspn(name, " ");
    bool user = vocab->types != NULL && vocab->types[id] == HS_TOKEN_USER;
    if (user && size % 3 == 0 && size < sizeof signs && memcmp(name, signs, size) == 0) {
        spaces = size / 3;
    } else if (!user || spaces != size) {
        spaces = 0;
    }
    return spaces > 1 && spaces <= sizeof signs / 3 ? spaces : 0;
}

static headsift_status check(const struct hs_vocab *vocab, const char *where, headsift_error *error) {
    if (vocab->scores == NULL) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: a vocabulary of the kind llama without tokenizer.ggml.scores",
                       where);
    }
    if (vocab->rewrites) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: tokenizer.ggml.remove_extra_whitespaces and precompiled_charsmap are not supported", where);
    }
    size_t normal = 0, different = 0;
    float first = 0;
    for (size_t i = 0; i < vocab->n_tokens; i++) {
        if (!isfinite(vocab->scores[i])) {
            return hs_fail(error, HEADSIFT_FAILED, "%s: the score of token %zu is not a number", where, i);
        }
        if (vocab->types == NULL || vocab->types[i] == HS_TOKEN_NORMAL) {
            first = normal++ == 0 ? vocab->scores[i] : first;
            different += vocab->scores[i] < first || vocab->scores[i] > first ? 1 : 0;
        }
    }
    if (normal > 2 && different == 0) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: all tokens have the same score, so that their order is lost: use the model's Hugging Face "
                       "directory instead",
                       where);
    }
    return HEADSIFT_OK;
}

/* ---- Ranks ------------------------------------------------------------------------------------------------------ */

struct scored {
    bool run; /* of spaces: before all others, in the order of their ids */
    float score;
    int32_t id;
};

static int by_score(const void *left, const void *right) {
    const struct scored *a = left, *b = right;
    if (a->run != b->run) {
        return a->run ? -1 : 1;
    }
    if (a->run) {
        return a->id < b->id ? -1 : 1;
    }
    return a->score > b->score ? -1 : a->score < b->score ? 1 : 0;
}

/* Equal scores have equal ranks: then the place in the text decides, as in SentencePiece. */
static headsift_status set_ranks(struct hs_builder *builder, const struct hs_vocab *vocab, headsift_error *error) {
    struct hs_bpe *bpe = &builder->tokenizer->bpe;
    struct scored *order = hs_alloc(vocab->n_tokens, sizeof *order);
    bpe->ranks = hs_alloc(vocab->n_tokens, sizeof *bpe->ranks);
    if (order == NULL || bpe->ranks == NULL) {
        hs_free(order);
        return hs_fail_memory(error, "the vocabulary", vocab->n_tokens * sizeof *order);
    }
    for (size_t i = 0; i < vocab->n_tokens; i++) {
        order[i] = (struct scored){.run = run_of_spaces(vocab, i) > 0, .score = vocab->scores[i], .id = (int32_t)i};
    }
    qsort(order, vocab->n_tokens, sizeof *order, by_score);
    uint32_t rank = 0;
    for (size_t i = 0; i < vocab->n_tokens; i++) {
        rank += i > 0 && (order[i - 1].run || order[i].score < order[i - 1].score) ? 1 : 0;
        bpe->ranks[order[i].id] = rank;
    }
    hs_free(order);
    return HEADSIFT_OK;
}

/* ---- Tokens ----------------------------------------------------------------------------------------------------- */

static headsift_status add_token(struct hs_builder *builder, const struct hs_vocab *vocab, size_t id,
                                 headsift_error *error) {
    const char *name = vocab->tokens[id];
    int32_t type;
    HS_TRY(hs_vocab_type(vocab, id, HS_TOKEN_BYTE, builder->where, &type, error));
    builder->hidden[id] = type != HS_TOKEN_NORMAL;
    if (type == HS_TOKEN_BYTE && hs_byte_of_name(name, strlen(name)) < 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: token %zu stands for a byte but is called \"%.40s\", not <0xNN>",
                       builder->where, id, name);
    }
    size_t spaces = run_of_spaces(vocab, id);
    if (spaces > 0) {
        builder->hidden[id] = false;
        return hs_builder_token(builder, signs, spaces * 3, (int64_t)id, error);
    }
    HS_TRY(hs_builder_token(builder, name, strlen(name), (int64_t)id, error));
    return hs_vocab_add_special(builder, name, id, type, error);
}

static headsift_status check_bytes(const struct hs_builder *builder, const struct hs_vocab *vocab,
                                   headsift_error *error) {
    for (int byte = 0; byte < 256; byte++) {
        int32_t id = builder->tokenizer->bpe.byte_ids[byte];
        if (id < 0 || vocab->types == NULL || vocab->types[id] != HS_TOKEN_BYTE) {
            return hs_fail(error, HEADSIFT_FAILED, "%s: the vocabulary lacks the byte token <0x%02X>", builder->where,
                           (unsigned)byte);
        }
    }
    return HEADSIFT_OK;
}

/* ---- The text --------------------------------------------------------------------------------------------------- */

/* All spaces become signs; user-defined tokens are found in that; then a space in front of every stretch between added
 * tokens, as llama.cpp has it (and Llama 2's tokenizer.json, which has no user-defined ones). */
static headsift_status set_steps(struct hs_tokenizer *tokenizer, const struct hs_vocab *vocab, headsift_error *error) {
    struct hs_step *replace = hs_steps_add(&tokenizer->normalizer);
    *replace = (struct hs_step){.kind = HS_STEP_REPLACE,
                                .pattern = hs_copy_bytes(" ", 1),
                                .pattern_size = 1,
                                .content = hs_copy_bytes(SIGN, 3),
                                .content_size = 3};
    bool ok = replace->pattern != NULL && replace->content != NULL;
    if (vocab->add_space_prefix) {
        struct hs_step *prefix = hs_steps_add(&tokenizer->prepare);
        *prefix = (struct hs_step){.kind = HS_STEP_PREPEND, .content = hs_copy_bytes(SIGN, 3), .content_size = 3};
        ok = ok && prefix->content != NULL;
    }
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "the vocabulary", 3);
}

headsift_status hs_vocab_build_scores(struct hs_builder *builder, const struct hs_vocab *vocab, headsift_error *error) {
    struct hs_tokenizer *tokenizer = builder->tokenizer;
    tokenizer->bpe.kind = HS_BPE_SCORES;
    builder->marked_spaces = true;
    HS_TRY(check(vocab, builder->where, error));
    builder->hidden = hs_alloc(vocab->n_tokens, sizeof *builder->hidden);
    if (builder->hidden == NULL) {
        return hs_fail_memory(error, "the vocabulary", vocab->n_tokens);
    }
    for (size_t i = 0; i < vocab->n_tokens; i++) {
        HS_TRY(add_token(builder, vocab, i, error));
    }
    HS_TRY(check_bytes(builder, vocab, error));
    HS_TRY(set_ranks(builder, vocab, error));
    HS_TRY(set_steps(tokenizer, vocab, error));
    return hs_vocab_set_bos(builder, vocab, error);
}
