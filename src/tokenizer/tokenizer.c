/* What callers ask of a tokenizer besides encoding: its size, BOS, the bytes of a token.
 * And the end of it. */
#include "tokenizer/tokenizer.h"

#include "tokenizer/internal.h"

void hs_tokenizer_close(struct hs_tokenizer *tokenizer) {
    if (tokenizer == NULL) {
        return;
    }
    hs_free(tokenizer->tokens);
    hs_buffer_free(&tokenizer->bytes);
    hs_bpe_free(&tokenizer->bpe);
    hs_pieces_free(&tokenizer->whole);
    hs_steps_free(&tokenizer->normalizer);
    hs_steps_free(&tokenizer->prepare);
    hs_cuts_free(&tokenizer->cuts);
    hs_added_tokens_free(&tokenizer->added);
    hs_free(tokenizer->style);
    hs_free(tokenizer);
}

int32_t hs_tokenizer_bos(const struct hs_tokenizer *tokenizer) { return tokenizer->bos; }

int32_t hs_tokenizer_size(const struct hs_tokenizer *tokenizer) { return (int32_t)tokenizer->n_tokens; }

const char *hs_token_bytes(const struct hs_tokenizer *tokenizer, int32_t id, size_t *size) {
    if (id < 0 || (size_t)id >= tokenizer->n_tokens || !tokenizer->tokens[id].present) {
        *size = 0;
        return NULL;
    }
    *size = tokenizer->tokens[id].size;
    return tokenizer->bytes.data + tokenizer->tokens[id].offset;
}

const char *hs_tokenizer_style(const struct hs_tokenizer *tokenizer) { return tokenizer->style; }
