/* Helpers of the tokenizer's tests: JSONL, id lists, and one call that encodes or fails the test.
 * Arrays that they return belong to the caller. */
#ifndef HS_TESTS_TOKENIZER_SUPPORT_H
#define HS_TESTS_TOKENIZER_SUPPORT_H

#include "support.h"

#include <jansson.h>
#include <string.h>

#include "tokenizer/tokenizer.h"

/** A JSONL file as a JSON array. */
static inline json_t *test_read_lines(const char *path) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        fail_msg("can't open %s", path);
    }
    json_t *rows = json_array();
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, file) > 0) {
        json_error_t reason;
        json_t *row = json_loads(line, JSON_ALLOW_NUL, &reason);
        if (row == NULL) {
            fail_msg("%s: %s", path, reason.text);
        }
        json_array_append_new(rows, row);
    }
    free(line);
    fclose(file);
    return rows;
}

static inline struct hs_tokenizer *test_open_tokenizer(const char *path) {
    struct hs_tokenizer *tokenizer;
    headsift_error error = {0};
    if (hs_tokenizer_from_json(path, &tokenizer, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return tokenizer;
}

/** The tokenizer.json of one of the golden styles, to be changed by the test: json_decref. */
static inline json_t *test_style(const char *style) {
    char path[1024];
    snprintf(path, sizeof path, HS_TEST_DATA "/goldens/tokenizers/%s/tokenizer.json", style);
    json_t *root = json_load_file(path, JSON_ALLOW_NUL, NULL);
    if (root == NULL) {
        fail_msg("can't read %s", path);
    }
    return root;
}

/** Opens a tokenizer.json that stands in memory; the status and the error are the library's. */
static inline headsift_status test_open_json(const json_t *root, struct hs_tokenizer **out, headsift_error *error) {
    char *text = json_dumps(root, JSON_COMPACT);
    headsift_status status = hs_tokenizer_from_json_bytes(text, strlen(text), "test.json", out, error);
    free(text);
    return status;
}

static inline void test_encode(const struct hs_tokenizer *tokenizer, const char *text, size_t size, unsigned flags,
                               struct hs_encoding *out) {
    headsift_error error = {0};
    if (hs_encode(tokenizer, text, size, flags, out, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
}

/** Fails unless `got` has the ids of a JSON array from `skip` on. @param what names the text in the message. */
static inline void test_same_ids(const struct hs_encoding *got, const json_t *ids, size_t skip, const char *what) {
    size_t n = json_array_size(ids) - skip;
    for (size_t i = 0; i < n || i < got->n; i++) {
        long long wanted = i < n ? json_integer_value(json_array_get(ids, i + skip)) : -1;
        long long id = i < got->n ? got->ids[i] : -1;
        if (wanted != id) {
            fail_msg("%s: id %zu is %lld, not %lld (%zu ids, not %zu)", what, i, id, wanted, got->n, n);
        }
    }
}

#endif
