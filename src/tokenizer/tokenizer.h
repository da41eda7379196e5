/* Text to token ids, equal to Hugging Face's `tokenizers`: BPE of bytes or of characters from tokenizer.json or from a
 * plain vocabulary. Knows nothing of models: model/ hands a GGUF's vocabulary over as struct hs_vocab. */
#ifndef HS_TOKENIZER_TOKENIZER_H
#define HS_TOKENIZER_TOKENIZER_H

#include "base/error.h"

struct hs_tokenizer;

enum hs_token_type {
    HS_TOKEN_NORMAL = 1,
    HS_TOKEN_UNKNOWN = 2,
    HS_TOKEN_CONTROL = 3,
    HS_TOKEN_USER = 4,
    HS_TOKEN_UNUSED = 5,
    HS_TOKEN_BYTE = 6
};

/** A vocabulary as a GGUF holds it. All pointers are borrowed for the call of hs_tokenizer_from_vocab alone. */
struct hs_vocab {
    const char *style; /**< tokenizer.ggml.model: "gpt2" is byte-level BPE, "llama" SentencePiece's; NULL: the file
                          names none */
    const char *pre;   /**< tokenizer.ggml.pre; NULL: the file names none */
    const char *const *tokens; /**< gpt2: in GPT-2's byte alphabet; llama: with U+2581 for a space */
    const int32_t *types;      /**< enum hs_token_type a token; NULL: all normal */
    size_t n_tokens;
    const char *const *merges; /**< gpt2: "left right", best first */
    size_t n_merges;
    const float *scores;   /**< llama: one a token, the best is merged first */
    bool add_space_prefix; /**< llama: tokenizer.ggml.add_space_prefix */
    bool rewrites;         /**< llama: the file asks for changes to the text that are not known here */
    int32_t bos;           /**< -1: none */
    bool add_bos;          /**< tokenizer.ggml.add_bos_token */
};

/** @param path a tokenizer.json. Every part that is not supported is refused by name (type, normalizer, pattern, ...).
 */
headsift_status hs_tokenizer_from_json(const char *path, struct hs_tokenizer **out, headsift_error *error);
/** The same from the bytes of a tokenizer.json (fuzzers call this). @param where names it in messages. */
headsift_status hs_tokenizer_from_json_bytes(const char *bytes, size_t size, const char *where,
                                             struct hs_tokenizer **out, headsift_error *error);
/** @param where names the file in messages. An unknown or missing `pre` is refused by name, never guessed. */
headsift_status hs_tokenizer_from_vocab(const struct hs_vocab *vocab, const char *where, struct hs_tokenizer **out,
                                        headsift_error *error);
void hs_tokenizer_close(struct hs_tokenizer *tokenizer); /**< NULL is fine */

/** Token ids and the bytes of the text that each covers: [starts[i], ends[i]). A BOS that was added covers [0, 0).
 *  Zero-initialise; reuse freely (it grows); free with hs_encoding_free. */
struct hs_encoding {
    int32_t *ids;
    size_t *starts;
    size_t *ends;
    size_t n;
    size_t capacity;
};

enum hs_encode_flags {
    HS_ENCODE_SPECIAL = 1, /**< text that spells a special token becomes it; without: it is split like any text */
    HS_ENCODE_BOS = 2, /**< put the BOS in front where the tokenizer adds one, unless the text spells it there already
                            (and HS_ENCODE_SPECIAL made it that token) */
};

/** Replaces *out with the encoding of `size` bytes of UTF-8. n log n at worst in the length of the text.
 *  @return HEADSIFT_FAILED for text that is not UTF-8 (the message names the byte) or when there is no memory. */
headsift_status hs_encode(const struct hs_tokenizer *tokenizer, const char *text, size_t size, unsigned flags,
                          struct hs_encoding *out, headsift_error *error);
void hs_encoding_free(struct hs_encoding *encoding);

/** The id that the tokenizer puts in front of every text, or -1 where it adds none. */
int32_t hs_tokenizer_bos(const struct hs_tokenizer *tokenizer);
/** One more than the largest id. */
int32_t hs_tokenizer_size(const struct hs_tokenizer *tokenizer);
/** The bytes a token stands for (may be a part of a character); NULL for an id without a token. Borrowed. */
const char *hs_token_bytes(const struct hs_tokenizer *tokenizer, int32_t id, size_t *size);
/** For people: "byte-level BPE, smollm split, no BOS". Borrowed. */
const char *hs_tokenizer_style(const struct hs_tokenizer *tokenizer);

#endif
