/* The splits that a GGUF names by tokenizer.ggml.pre, each as the model's own tokenizer.json has it.
 * A name is here when it is known what that file holds; all others are refused, never guessed. */
#ifndef HS_TOKENIZER_GGUF_PRE_H
#define HS_TOKENIZER_GGUF_PRE_H

#include "tokenizer/vocab.h"

/** Fills normalizer, cuts and ignore_merges of a byte-level BPE tokenizer. @param pre NULL: the file names none. */
headsift_status hs_pre_apply(struct hs_builder *builder, const char *pre, headsift_error *error);

#endif
