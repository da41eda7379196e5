/* A tokenizer.json, a NUL, and a text: opens the first, encodes the second under every flag and checks what must hold.
 * Where the first byte is 'v', a plain vocabulary instead: pre, then a line a token ("3name": type 3) up to a blank
 * line, then a line a merge. Where it is 's', one with scores: a line, which begins with 1 where a space goes in front,
 * then a line a token ("1cname": type 1, score -'c'); the tokens of bytes are added. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "tokenizer/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static void check_encoding(const struct hs_tokenizer *tokenizer, const struct hs_encoding *encoding, size_t size) {
    for (size_t i = 0; i < encoding->n; i++) {
        size_t n;
        CHECK(encoding->starts[i] <= encoding->ends[i] && encoding->ends[i] <= size);
        CHECK(hs_token_bytes(tokenizer, encoding->ids[i], &n) != NULL);
    }
}

static void encode_all(const struct hs_tokenizer *tokenizer, const char *text, size_t size) {
    struct hs_encoding encoding = {0};
    headsift_error error = {0};
    bool good = hs_utf8_check(text, size) == size;
    for (unsigned flags = 0; flags < 4; flags++) {
        headsift_status status = hs_encode(tokenizer, text, size, flags, &encoding, &error);
        bool refused = good && status == HEADSIFT_FAILED; /* for what its patterns and replacements do to the text */
        CHECK(good || status == HEADSIFT_FAILED);
        CHECK(!refused || strstr(error.message, "of the tokenizer fails") != NULL ||
              strstr(error.message, "normalizer makes more") != NULL);
        if (status == HEADSIFT_OK) {
            check_encoding(tokenizer, &encoding, size);
            int32_t bos = hs_tokenizer_bos(tokenizer);
            CHECK((flags & HS_ENCODE_BOS) == 0 || bos < 0 || (encoding.n > 0 && encoding.ids[0] == bos));
        }
    }
    hs_encoding_free(&encoding);
}

/* Lines of `text` up to a blank one, as an array of strings; *rest is what follows. */
static const char **take_lines(char *text, size_t *n, char **rest) {
    const char **lines = calloc(strlen(text) + 1, sizeof *lines);
    CHECK(lines != NULL);
    *n = 0;
    while (text != NULL && *text != '\0' && *text != '\n') {
        lines[(*n)++] = strsep(&text, "\n");
    }
    *rest = text == NULL ? text : text + (*text == '\n' ? 1 : 0);
    return lines;
}

static headsift_status open_vocab(char *text, struct hs_tokenizer **out, headsift_error *error) {
    struct hs_vocab vocab = {.style = "gpt2", .bos = -1};
    char *rest = text, none[] = "";
    vocab.pre = strsep(&rest, "\n");
    const char **tokens = take_lines(rest == NULL ? none : rest, &vocab.n_tokens, &rest);
    const char **merges = take_lines(rest == NULL ? none : rest, &vocab.n_merges, &rest);
    int32_t *types = calloc(vocab.n_tokens + 1, sizeof *types);
    CHECK(types != NULL);
    for (size_t i = 0; i < vocab.n_tokens; i++) {
        types[i] = tokens[i][0] - '0';
        tokens[i]++;
        if (types[i] == HS_TOKEN_CONTROL) {
            vocab.bos = (int32_t)i;
            vocab.add_bos = true;
        }
    }
    vocab.tokens = tokens;
    vocab.merges = merges;
    vocab.types = types;
    headsift_status status = hs_tokenizer_from_vocab(&vocab, "fuzz", out, error);
    free(tokens);
    free(merges);
    free(types);
    return status;
}

static headsift_status open_scores(char *text, struct hs_tokenizer **out, headsift_error *error) {
    enum { BYTES = 256 };
    char *rest = text, none[] = "", names[BYTES][8];
    char *settings = strsep(&rest, "\n");
    size_t n;
    const char **lines = take_lines(rest == NULL ? none : rest, &n, &rest);
    const char **tokens = calloc(n + BYTES, sizeof *tokens);
    int32_t *types = calloc(n + BYTES, sizeof *types);
    float *scores = calloc(n + BYTES, sizeof *scores);
    CHECK(tokens != NULL && types != NULL && scores != NULL);
    for (size_t i = 0; i < n + BYTES; i++) {
        size_t byte = i - n;
        bool given = i < n && lines[i][0] != '\0' && lines[i][1] != '\0';
        if (i >= n) {
            snprintf(names[byte], sizeof names[byte], "<0x%02X>", (unsigned)byte);
        }
        tokens[i] = i >= n ? names[byte] : given ? lines[i] + 2 : lines[i];
        types[i] = i >= n ? HS_TOKEN_BYTE : lines[i][0] - '0';
        scores[i] = given ? (float)-lines[i][1] : 0;
    }
    struct hs_vocab vocab = {.style = "llama", .tokens = tokens, .types = types, .scores = scores};
    vocab.n_tokens = n + BYTES;
    vocab.bos = 0;
    vocab.add_bos = true;
    vocab.add_space_prefix = settings[0] == '1';
    headsift_status status = hs_tokenizer_from_vocab(&vocab, "fuzz", out, error);
    free(lines);
    free(tokens);
    free(types);
    free(scores);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    size_t first = end == NULL ? size : (size_t)(end - data);
    size_t second = end == NULL ? 0 : size - first - 1;
    char *file = hs_copy_bytes((const char *)data, first);
    char *text = malloc(second > 0 ? second : 1);
    CHECK(file != NULL && text != NULL);
    memcpy(text, second > 0 ? end + 1 : data, second);
    struct hs_tokenizer *tokenizer = NULL;
    headsift_error error = {0};
    headsift_status status = file[0] == 'v'   ? open_vocab(file + 1, &tokenizer, &error)
                             : file[0] == 's' ? open_scores(file + 1, &tokenizer, &error)
                                              : hs_tokenizer_from_json_bytes(file, first, "fuzz", &tokenizer, &error);
    CHECK((status == HEADSIFT_OK) == (tokenizer != NULL));
    CHECK(status == HEADSIFT_OK || (error.message[0] != '\0' && strchr(error.message, '\n') == NULL));
    if (tokenizer != NULL) {
        encode_all(tokenizer, text, second);
    }
    hs_tokenizer_close(tokenizer);
    free(file);
    free(text);
    return 0;
}
