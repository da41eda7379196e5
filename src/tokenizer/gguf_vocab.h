/* A GGUF's vocabulary: what its two kinds have in common, and the kind with scores.
 * Of added tokens a GGUF keeps the type alone: control tokens are special, none has flags. */
#ifndef HS_TOKENIZER_GGUF_VOCAB_H
#define HS_TOKENIZER_GGUF_VOCAB_H

#include "tokenizer/vocab.h"

/** The type of a token, which must be one of lowest to highest. */
headsift_status hs_vocab_type(const struct hs_vocab *vocab, size_t id, int32_t highest, const char *where,
                              int32_t *type, headsift_error *error);
/** A control, unknown or user-defined token among the added ones; others are left out. @param text as it is found. */
headsift_status hs_vocab_add_special(struct hs_builder *builder, const char *text, size_t id, int32_t type,
                                     headsift_error *error);
/** Sets the BOS, where the file wants one. */
headsift_status hs_vocab_set_bos(struct hs_builder *builder, const struct hs_vocab *vocab, headsift_error *error);

/** Fills the builder from a vocabulary of tokenizer.ggml.model "llama". */
headsift_status hs_vocab_build_scores(struct hs_builder *builder, const struct hs_vocab *vocab, headsift_error *error);

#endif
