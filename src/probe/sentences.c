/* The pool of sentences that a probe draws its values from, and the rule which sentences are usable.
 * Lines of a file or an array are filtered once; the grammar's sentences are checked as they are drawn. */
#include "probe/sentences.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

enum { GRAMMAR_LEAST = 8, GRAMMAR_TRIES = 1000 };
static const size_t file_limit = (size_t)1 << 30;

struct hs_sentence_pool {
    const struct hs_tokenizer *tokenizer;
    struct hs_encoding encoding;
    struct hs_buffer text;      /* scratch: one space and the sentence under test */
    const char *where;          /* NULL: the grammar */
    headsift_language language; /* of the grammar */
    struct hs_buffer file;      /* the bytes that lines point into, where the pool read them itself */
    const char **lines;
    size_t n, n_used;
    uint32_t *used; /* the round in which a line was last drawn */
    uint32_t round;
    uint64_t *seen; /* hashes of the grammar's sentences in this sample */
    size_t n_seen, seen_capacity;
};

/* Characters that would not stand literally between the quotes of a JSON string, so that copying would not be literal.
 */
static bool is_literal(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x20 || byte == 0x7F || byte == '"' || byte == '\\') {
            return false;
        }
    }
    return true;
}

static headsift_status count_tokens(struct hs_sentence_pool *pool, unsigned flags, size_t *n, headsift_error *error) {
    HS_TRY(hs_encode(pool->tokenizer, pool->text.data, pool->text.size, flags, &pool->encoding, error));
    *n = pool->encoding.n;
    return HEADSIFT_OK;
}

/* Whether " sentence" has least..HS_SENTENCE_MOST tokens, whether or not special tokens are looked for. */
static headsift_status is_usable(struct hs_sentence_pool *pool, const char *text, size_t size, size_t least,
                                 bool *usable, headsift_error *error) {
    *usable = false;
    if (size == 0 || !is_literal(text, size)) {
        return HEADSIFT_OK;
    }
    pool->text.size = 0;
    if (!hs_buffer_append(&pool->text, " ", 1) || !hs_buffer_append(&pool->text, text, size)) {
        return hs_fail_memory(error, "a sentence", size);
    }
    size_t plain, special;
    HS_TRY(count_tokens(pool, 0, &plain, error));
    HS_TRY(count_tokens(pool, HS_ENCODE_SPECIAL, &special, error));
    *usable = plain == special && plain >= least && plain <= HS_SENTENCE_MOST;
    return HEADSIFT_OK;
}

static int compare_lines(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts the lines and keeps each usable one once. */
static headsift_status filter(struct hs_sentence_pool *pool, headsift_error *error) {
    if (pool->n > 0) {
        qsort(pool->lines, pool->n, sizeof *pool->lines, compare_lines);
    }
    size_t kept = 0;
    const char *last = NULL;
    for (size_t i = 0; i < pool->n; i++) {
        const char *line = pool->lines[i];
        bool usable = last == NULL || strcmp(last, line) != 0;
        last = line;
        if (usable) {
            HS_TRY(is_usable(pool, line, strlen(line), HS_SENTENCE_LEAST, &usable, error));
        }
        if (usable) {
            pool->lines[kept++] = line;
        }
    }
    pool->n = kept;
    if (kept == 0) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: no usable sentence (one a line, %d to %d tokens, no quotes, backslashes or control "
                       "characters)",
                       pool->where, HS_SENTENCE_LEAST, HS_SENTENCE_MOST);
    }
    pool->used = hs_alloc(kept, sizeof *pool->used);
    return pool->used != NULL ? HEADSIFT_OK : hs_fail_memory(error, "sentences", kept * sizeof *pool->used);
}

static headsift_status open_pool(const struct hs_tokenizer *tokenizer, const char *where, struct hs_sentence_pool **out,
                                 headsift_error *error) {
    *out = hs_alloc(1, sizeof **out);
    if (*out == NULL) {
        return hs_fail_memory(error, "a pool of sentences", sizeof **out);
    }
    (*out)->tokenizer = tokenizer;
    (*out)->where = where;
    return HEADSIFT_OK;
}

static headsift_status close_on_failure(headsift_status status, struct hs_sentence_pool **pool) {
    if (status != HEADSIFT_OK) {
        hs_pool_close(*pool);
        *pool = NULL;
    }
    return status;
}

headsift_status hs_pool_open_grammar(const struct hs_tokenizer *tokenizer, headsift_language language,
                                     struct hs_sentence_pool **out, headsift_error *error) {
    HS_TRY(open_pool(tokenizer, NULL, out, error));
    (*out)->language = language;
    return HEADSIFT_OK;
}

static headsift_status take_lines(struct hs_sentence_pool *pool, const char *const *lines, size_t n,
                                  headsift_error *error) {
    pool->lines = hs_alloc(n, sizeof *pool->lines);
    if (pool->lines == NULL) {
        return hs_fail_memory(error, "sentences", n * sizeof *pool->lines);
    }
    for (size_t i = 0; i < n; i++) {
        size_t size = strlen(lines[i]);
        if (hs_utf8_check(lines[i], size) == size) {
            pool->lines[pool->n++] = lines[i];
        }
    }
    return filter(pool, error);
}

headsift_status hs_pool_open_lines(const struct hs_tokenizer *tokenizer, const char *const *lines, size_t n,
                                   const char *where, struct hs_sentence_pool **out, headsift_error *error) {
    HS_TRY(open_pool(tokenizer, where, out, error));
    return close_on_failure(take_lines(*out, lines, n, error), out);
}

static bool is_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\v' || byte == '\f'; }

/* Trims the line at text[0..size), ends it with a NUL in place and adds it to the pool. */
static headsift_status add_line(struct hs_sentence_pool *pool, size_t *capacity, char *text, size_t size, size_t number,
                                headsift_error *error) {
    size_t good = hs_utf8_check(text, size);
    if (good < size) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: line %zu, byte %zu: not UTF-8; convert the file", pool->where,
                       number, good);
    }
    bool has_nul = memchr(text, '\0', size) != NULL; /* a control character: not usable anyway */
    while (size > 0 && is_blank(text[size - 1])) {
        size--;
    }
    while (size > 0 && is_blank(*text)) {
        text++;
        size--;
    }
    if (size == 0 || has_nul) {
        return HEADSIFT_OK;
    }
    text[size] = '\0';
    void *lines = pool->lines;
    if (!hs_grow(&lines, capacity, pool->n + 1, sizeof *pool->lines)) {
        return hs_fail_memory(error, "sentences", (pool->n + 1) * sizeof *pool->lines);
    }
    pool->lines = lines;
    pool->lines[pool->n++] = text;
    return HEADSIFT_OK;
}

static headsift_status read_lines(struct hs_sentence_pool *pool, headsift_error *error) {
    HS_TRY(hs_file_read(pool->where, file_limit, &pool->file, error));
    size_t capacity = 0, number = 0;
    char *at = pool->file.data, *end = at + pool->file.size;
    while (at < end) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        HS_TRY(add_line(pool, &capacity, at, (size_t)(stop - at), ++number, error));
        at = stop + 1;
    }
    return filter(pool, error);
}

headsift_status hs_pool_open_file(const struct hs_tokenizer *tokenizer, const char *path, struct hs_sentence_pool **out,
                                  headsift_error *error) {
    HS_TRY(open_pool(tokenizer, path, out, error));
    return close_on_failure(read_lines(*out, error), out);
}

void hs_pool_close(struct hs_sentence_pool *pool) {
    if (pool == NULL) {
        return;
    }
    hs_encoding_free(&pool->encoding);
    hs_buffer_free(&pool->text);
    hs_buffer_free(&pool->file);
    hs_free(pool->lines);
    hs_free(pool->used);
    hs_free(pool->seen);
    hs_free(pool);
}

void hs_pool_begin(struct hs_sentence_pool *pool) {
    pool->round++;
    pool->n_used = 0;
    pool->n_seen = 0;
}

static headsift_status draw_line(struct hs_sentence_pool *pool, struct hs_random *random, struct hs_buffer *out,
                                 headsift_error *error) {
    if (pool->n_used == pool->n) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: %zu usable sentences do not fill one sample: give more sentences or fewer --probe-tokens",
                       pool->where, pool->n);
    }
    size_t index;
    do {
        index = hs_random_below(random, pool->n);
    } while (pool->used[index] == pool->round);
    pool->used[index] = pool->round;
    pool->n_used++;
    const char *line = pool->lines[index];
    return hs_buffer_append(out, line, strlen(line)) ? HEADSIFT_OK : hs_fail_memory(error, "a sentence", strlen(line));
}

/* FNV-1a: a sentence that shares its hash with one of the same sample is drawn again, whatever it says. */
static uint64_t hash(const char *text, size_t size) {
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++) {
        value = (value ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    }
    return value;
}

static headsift_status remember(struct hs_sentence_pool *pool, uint64_t value, bool *fresh, headsift_error *error) {
    for (size_t i = 0; i < pool->n_seen; i++) {
        if (pool->seen[i] == value) {
            *fresh = false;
            return HEADSIFT_OK;
        }
    }
    void *seen = pool->seen;
    if (!hs_grow(&seen, &pool->seen_capacity, pool->n_seen + 1, sizeof *pool->seen)) {
        return hs_fail_memory(error, "sentences", (pool->n_seen + 1) * sizeof *pool->seen);
    }
    pool->seen = seen;
    pool->seen[pool->n_seen++] = value;
    *fresh = true;
    return HEADSIFT_OK;
}

static headsift_status draw_grammar(struct hs_sentence_pool *pool, struct hs_random *random, struct hs_buffer *out,
                                    headsift_error *error) {
    size_t start = out->size;
    for (int i = 0; i < GRAMMAR_TRIES; i++) {
        if (!hs_grammar_sentence(pool->language, random, out)) {
            return hs_fail_memory(error, "a sentence", 256);
        }
        bool good;
        HS_TRY(is_usable(pool, out->data + start, out->size - start, GRAMMAR_LEAST, &good, error));
        if (good) {
            HS_TRY(remember(pool, hash(out->data + start, out->size - start), &good, error));
        }
        if (good) {
            return HEADSIFT_OK;
        }
        out->size = start;
    }
    return hs_fail(error, HEADSIFT_FAILED,
                   "the built-in sentences have more than %d tokens with this tokenizer: give shorter ones with "
                   "--sentences",
                   HS_SENTENCE_MOST);
}

headsift_status hs_pool_draw(struct hs_sentence_pool *pool, struct hs_random *random, struct hs_buffer *out,
                             headsift_error *error) {
    return pool->where != NULL ? draw_line(pool, random, out, error) : draw_grammar(pool, random, out, error);
}
