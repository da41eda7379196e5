/* Ids equal to the `tokenizers` library's with every part that a tokenizer.json may hold: normalizers, pre-tokenizers
 * with every behaviour, unknown characters, patterns that run in PCRE2. 80 variants of the golden styles, 12 texts
 * each.
 */
#define _GNU_SOURCE
#include "tokenizer_support.h"

/* Takes the tokens "<0xNN>" out of the added ones, as real vocabularies have them. */
static void drop_added_bytes(json_t *root) {
    json_t *list = json_object_get(root, "added_tokens");
    for (size_t i = json_array_size(list); i-- > 0;) {
        const char *content = json_string_value(json_object_get(json_array_get(list, i), "content"));
        if (strncmp(content, "<0x", 3) == 0) {
            json_array_remove(list, i);
        }
    }
}

/* Gives tokens another name, so that the vocabulary lacks them. */
static void rename_tokens(json_t *vocab, const json_t *names) {
    size_t i;
    json_t *name;
    json_array_foreach(names, i, name) {
        char other[64];
        snprintf(other, sizeof other, "zz%s", json_string_value(name));
        json_object_set(vocab, other, json_object_get(vocab, json_string_value(name)));
        json_object_del(vocab, json_string_value(name));
    }
}

static struct hs_tokenizer *open_variant(const json_t *row) {
    json_t *root = test_style(json_string_value(json_object_get(row, "style"))), *value;
    json_t *model = json_object_get(root, "model");
    const char *key;
    if (json_object_get(row, "plain_bytes") != NULL) {
        drop_added_bytes(root);
    }
    json_object_foreach(json_object_get(row, "set"), key, value) {
        if (strcmp(key, "model") == 0) {
            json_object_update(model, value);
        } else if (strcmp(key, "added_tokens") == 0) {
            json_array_extend(json_object_get(root, key), value);
        } else {
            json_object_set(root, key, value);
        }
    }
    rename_tokens(json_object_get(model, "vocab"), json_object_get(row, "lacks"));
    struct hs_tokenizer *tokenizer;
    headsift_error error = {0};
    if (test_open_json(root, &tokenizer, &error) != HEADSIFT_OK) {
        fail_msg("%s: %s", json_string_value(json_object_get(row, "variant")), error.message);
    }
    json_decref(root);
    return tokenizer;
}

static void test_parts(void **state) {
    (void)state;
    json_t *rows = test_read_lines(HS_TEST_DATA "/tokenizer/parts.jsonl");
    struct hs_encoding encoding = {0};
    struct hs_tokenizer *tokenizer = NULL;
    const char *variant = "";
    size_t variants = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i), *text = json_object_get(row, "text");
        if (text == NULL) {
            hs_tokenizer_close(tokenizer);
            tokenizer = open_variant(row);
            variant = json_string_value(json_object_get(row, "variant"));
            variants++;
            continue;
        }
        char what[128];
        snprintf(what, sizeof what, "%s, line %zu", variant, i + 1);
        test_encode(tokenizer, json_string_value(text), json_string_length(text), HS_ENCODE_SPECIAL, &encoding);
        test_same_ids(&encoding, json_object_get(row, "ids"), 0, what);
        for (size_t k = 0; k < encoding.n; k++) {
            assert_true(encoding.starts[k] <= encoding.ends[k] && encoding.ends[k] <= json_string_length(text));
        }
    }
    assert_int_equal(variants, 80);
    assert_int_equal(json_array_size(rows), 80 + 80 * 12);
    hs_tokenizer_close(tokenizer);
    hs_encoding_free(&encoding);
    json_decref(rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
