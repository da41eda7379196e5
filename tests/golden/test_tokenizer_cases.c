/* Ids equal to the `tokenizers` library's on 948 strings of our own, in twelve variants of the golden styles: added
 * tokens with every flag, vocabularies that lack bytes, special tokens found and split (encode_special_tokens).
 * And its pieces of further strings, which ids alone would not tell apart. */
#define _GNU_SOURCE
#include "tokenizer_support.h"

#include "tokenizer/cut.h"

static json_t *added_file(void) {
    json_t *root = json_load_file(HS_TEST_DATA "/tokenizer/added.json", 0, NULL);
    assert_non_null(root);
    return root;
}

/* Appends the tokens of added.json: those of the vocabulary with their ids, the others from 3000 on. */
static void add_flags(json_t *root, const json_t *file) {
    const json_t *vocab = json_object_get(json_object_get(root, "model"), "vocab");
    json_int_t next = 3000;
    size_t i;
    json_t *token;
    json_array_foreach(json_object_get(file, "added"), i, token) {
        json_t *copy = json_copy(token);
        const json_t *known = json_object_get(vocab, json_string_value(json_object_get(token, "content")));
        json_object_set_new(copy, "id", json_integer(known != NULL ? json_integer_value(known) : next++));
        json_array_append_new(json_object_get(root, "added_tokens"), copy);
    }
}

static bool holds_any(const char *name, const char *points) {
    for (size_t size; *points != '\0'; points += size) {
        size = (unsigned char)*points >= 0xC0 ? 2 : 1;
        if (memmem(name, strlen(name), points, size) != NULL) {
            return true;
        }
    }
    return false;
}

/* Takes the tokens out whose names hold one of the characters, and the merges that need them. */
static void drop_bytes(json_t *root, const char *points) {
    json_t *model = json_object_get(root, "model"), *vocab = json_object_get(model, "vocab");
    json_t *id, *merge, *kept = json_array();
    const char *name;
    void *next;
    size_t i;
    json_object_foreach_safe(vocab, next, name, id) {
        if (json_integer_value(id) >= 5 && holds_any(name, points)) {
            json_object_del(vocab, name);
        }
    }
    json_array_foreach(json_object_get(model, "merges"), i, merge) {
        char joined[256];
        const char *left = json_string_value(json_array_get(merge, 0));
        const char *right = json_string_value(json_array_get(merge, 1));
        snprintf(joined, sizeof joined, "%s%s", left, right);
        if (json_object_get(vocab, left) && json_object_get(vocab, right) && json_object_get(vocab, joined)) {
            json_array_append(kept, merge);
        }
    }
    json_object_set_new(model, "merges", kept);
}

static struct hs_tokenizer *open_variant(const char *variant) {
    json_t *file = added_file();
    const char *flags = strstr(variant, "+flags");
    bool lacking = strcmp(variant, "nounk") == 0 || strcmp(variant, "unk") == 0 || strcmp(variant, "fuse") == 0;
    char style[32];
    snprintf(style, sizeof style, "%.*s", flags != NULL ? (int)(flags - variant) : 31, lacking ? "gpt2" : variant);
    json_t *root = test_style(style), *model = json_object_get(root, "model");
    if (flags != NULL) {
        add_flags(root, file);
    }
    if (lacking) {
        drop_bytes(root, json_string_value(json_object_get(file, "dead")));
        json_object_set_new(model, "unk_token", strcmp(variant, "nounk") == 0 ? json_null() : json_string("<unk>"));
        json_object_set_new(model, "fuse_unk", json_boolean(strcmp(variant, "fuse") == 0));
    }
    struct hs_tokenizer *tokenizer;
    headsift_error error = {0};
    if (test_open_json(root, &tokenizer, &error) != HEADSIFT_OK) {
        fail_msg("%s: %s", variant, error.message);
    }
    json_decref(root);
    json_decref(file);
    return tokenizer;
}

static void check_case(const struct hs_tokenizer *tokenizer, const json_t *row, size_t number,
                       struct hs_encoding *encoding) {
    const json_t *text = json_object_get(row, "text"), *ids = json_object_get(row, "ids");
    const json_t *split = json_object_get(row, "ids_split");
    char what[64];
    snprintf(what, sizeof what, "%s, row %zu", json_string_value(json_object_get(row, "variant")), number);
    test_encode(tokenizer, json_string_value(text), json_string_length(text), HS_ENCODE_SPECIAL, encoding);
    test_same_ids(encoding, ids, 0, what);
    test_encode(tokenizer, json_string_value(text), json_string_length(text), 0, encoding);
    test_same_ids(encoding, split != NULL ? split : ids, 0, what);
}

static void test_cases(void **state) {
    (void)state;
    json_t *rows = test_read_lines(HS_TEST_DATA "/tokenizer/cases.jsonl");
    struct hs_encoding encoding = {0};
    struct hs_tokenizer *tokenizer = NULL;
    const char *variant = "";
    size_t variants = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *name = json_string_value(json_object_get(row, "variant"));
        if (strcmp(name, variant) != 0) {
            hs_tokenizer_close(tokenizer);
            tokenizer = open_variant(name);
            variant = name;
            variants++;
        }
        check_case(tokenizer, row, i, &encoding);
    }
    assert_int_equal(variants, 12);
    assert_int_equal(json_array_size(rows), 948);
    hs_tokenizer_close(tokenizer);
    hs_encoding_free(&encoding);
    json_decref(rows);
}

/* Spaces go to one token only: what <R> took, <L> does not take again. */
static void test_flag_spans(void **state) {
    (void)state;
    static const size_t starts[] = {0, 1, 5, 8}, ends[] = {1, 5, 8, 9};
    struct hs_tokenizer *tokenizer = open_variant("gpt2+flags");
    struct hs_encoding encoding = {0};
    test_encode(tokenizer, "a<R> <L>b", 9, HS_ENCODE_SPECIAL, &encoding);
    assert_int_equal(encoding.n, 4);
    assert_memory_equal(encoding.starts, starts, sizeof starts);
    assert_memory_equal(encoding.ends, ends, sizeof ends);
    hs_encoding_free(&encoding);
    hs_tokenizer_close(tokenizer);
}

/* ---- Where the patterns cut ------------------------------------------------------------------------------------- */

/* The cuts of a name, one inside the other. */
static size_t cuts_of(const char *name, struct hs_cut cuts[2]) {
    size_t n = 0;
    if (strcmp(name, "smollm") == 0) {
        cuts[n++] = (struct hs_cut){.pattern = HS_PATTERN_NUMERIC};
        name = "gpt2";
    }
    for (int split = HS_SPLIT_GPT2; split <= HS_SPLIT_QWEN2; split++) {
        if (strcmp(hs_split_name((enum hs_split)split), name) == 0) {
            cuts[n++] = (struct hs_cut){.pattern = HS_PATTERN_KNOWN, .split = (enum hs_split)split};
            return n;
        }
    }
    fail_msg("no split is called %s", name);
    return 0;
}

/* Appends the sizes of the pieces. */
static void add_sizes(const struct hs_cut *cuts, size_t n, const char *text, size_t size, json_t *sizes) {
    if (n == 0) {
        json_array_append_new(sizes, json_integer((json_int_t)size));
        return;
    }
    struct hs_cutting cutting = {.cut = cuts, .text = text, .size = size};
    headsift_error error = {0};
    for (size_t start, end; hs_cut_next(&cutting, &start, &end, &error) == HEADSIFT_OK && start < end;) {
        add_sizes(cuts + 1, n - 1, text + start, end - start, sizes);
    }
}

static void test_splits(void **state) {
    (void)state;
    json_t *rows = test_read_lines(HS_TEST_DATA "/tokenizer/splits.jsonl");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i), *text = json_object_get(row, "text");
        const char *name = json_string_value(json_object_get(row, "split"));
        struct hs_cut cuts[2];
        json_t *sizes = json_array();
        add_sizes(cuts, cuts_of(name, cuts), json_string_value(text), json_string_length(text), sizes);
        if (!json_equal(sizes, json_object_get(row, "sizes"))) {
            fail_msg("%s, row %zu: cut elsewhere", name, i);
        }
        json_decref(sizes);
    }
    assert_int_equal(json_array_size(rows), 636);
    json_decref(rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_flag_spans),
                                       cmocka_unit_test(test_splits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
