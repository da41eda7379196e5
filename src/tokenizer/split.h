/* The known split patterns, hand-written: where the piece ends that begins at a byte of the text.
 * Each equals its regular expression in the `tokenizers` library, in one pass over the text. */
#ifndef HS_TOKENIZER_SPLIT_H
#define HS_TOKENIZER_SPLIT_H

#include <stddef.h>

enum hs_split {
    HS_SPLIT_GPT2,   /**< the pattern built into ByteLevel */
    HS_SPLIT_LLAMA3, /**< numbers in threes */
    HS_SPLIT_QWEN2,  /**< Llama 3's with each number apart */
};

/** The end of the piece that begins at `at` (at < size; text is well-formed UTF-8). */
size_t hs_split_next(enum hs_split split, const char *text, size_t size, size_t at);

/** "gpt2", "smollm", ... */
const char *hs_split_name(enum hs_split split);

#endif
