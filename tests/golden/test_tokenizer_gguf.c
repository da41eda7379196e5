/* Vocabularies as a GGUF holds them: every split that it may name, ids of the `tokenizers` library; and scores, ids of
 * SentencePiece itself, from the vocabulary of a golden style with tokens of the other types behind it. */
#define _GNU_SOURCE
#include "tokenizer_support.h"

#include <math.h>

enum { MOST = 3100 };

struct made {
    json_t *root;
    const char *tokens[MOST];
    int32_t types[MOST];
    float scores[MOST];
    char *merges[MOST];
    struct hs_vocab vocab;
};

/* The tokens of a golden style by id; the first five are special. */
static void make(struct made *made, const char *style) {
    memset(made, 0, sizeof *made);
    made->root = test_style(style);
    json_t *model = json_object_get(made->root, "model"), *id;
    const char *name;
    json_object_foreach(json_object_get(model, "vocab"), name, id) { made->tokens[json_integer_value(id)] = name; }
    size_t n = json_object_size(json_object_get(model, "vocab"));
    for (size_t i = 0; i < n; i++) {
        made->types[i] = i < 5 ? HS_TOKEN_CONTROL : HS_TOKEN_NORMAL;
    }
    made->vocab = (struct hs_vocab){.tokens = made->tokens, .types = made->types, .n_tokens = n, .bos = -1};
}

static void make_merges(struct made *made) {
    const json_t *list = json_object_get(json_object_get(made->root, "model"), "merges");
    size_t i;
    json_t *merge;
    json_array_foreach(list, i, merge) {
        assert_true(asprintf(&made->merges[i], "%s %s", json_string_value(json_array_get(merge, 0)),
                             json_string_value(json_array_get(merge, 1))) > 0);
    }
    made->vocab.style = "gpt2";
    made->vocab.merges = (const char *const *)made->merges;
    made->vocab.n_merges = json_array_size(list);
}

/* Types and scores as a converter writes them, and tokens of the types that the style has not. */
static void make_scores(struct made *made, bool prefix) {
    static const struct {
        const char *name;
        int32_t type;
    } more[] = {{"<tag>", HS_TOKEN_USER}, {"  ", HS_TOKEN_USER},     {"    ", HS_TOKEN_USER},
                {"\n\n", HS_TOKEN_USER},  {"<tag>x", HS_TOKEN_USER}, {"[PAD]", HS_TOKEN_UNUSED}};
    made->types[0] = HS_TOKEN_UNKNOWN;
    for (size_t i = 5; i < made->vocab.n_tokens; i++) {
        made->types[i] = i < 261 ? HS_TOKEN_BYTE : HS_TOKEN_NORMAL;
        made->scores[i] = i < 261 ? 0 : 261 - (float)i;
    }
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        size_t id = made->vocab.n_tokens++;
        made->tokens[id] = more[i].name;
        made->types[id] = more[i].type;
        made->scores[id] = -1000;
    }
    made->vocab.style = "llama";
    made->vocab.scores = made->scores;
    made->vocab.add_space_prefix = prefix;
}

static void done(struct made *made) {
    for (size_t i = 0; i < MOST; i++) {
        free(made->merges[i]);
    }
    json_decref(made->root);
}

static struct hs_tokenizer *open_made(const struct made *made) {
    struct hs_tokenizer *tokenizer;
    headsift_error error = {0};
    if (hs_tokenizer_from_vocab(&made->vocab, "made.gguf", &tokenizer, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return tokenizer;
}

static void check_row(const struct hs_tokenizer *tokenizer, const json_t *row, unsigned flags, const char *what) {
    struct hs_encoding encoding = {0};
    const json_t *text = json_object_get(row, "text");
    test_encode(tokenizer, json_string_value(text), json_string_length(text), flags, &encoding);
    test_same_ids(&encoding, json_object_get(row, "ids"), 0, what);
    hs_encoding_free(&encoding);
}

static void test_pres(void **state) {
    (void)state;
    struct made made;
    make(&made, "gpt2");
    make_merges(&made);
    json_t *rows = test_read_lines(HS_TEST_DATA "/tokenizer/pres.jsonl");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        made.vocab.pre = json_string_value(json_object_get(row, "pre"));
        struct hs_tokenizer *tokenizer = open_made(&made);
        check_row(tokenizer, row, HS_ENCODE_SPECIAL, made.vocab.pre);
        hs_tokenizer_close(tokenizer);
    }
    assert_int_equal(json_array_size(rows), 48);
    json_decref(rows);
    done(&made);
}

/* SentencePiece finds no control tokens in a text: those are split like any text here. */
static void test_scores(void **state) {
    (void)state;
    json_t *rows = test_read_lines(HS_TEST_DATA "/tokenizer/scores.jsonl");
    static struct made made[2];
    struct hs_tokenizer *tokenizer[2];
    for (int prefix = 0; prefix < 2; prefix++) {
        make(&made[prefix], "llama2");
        make_scores(&made[prefix], prefix);
        tokenizer[prefix] = open_made(&made[prefix]);
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        char what[64];
        snprintf(what, sizeof what, "line %zu", i + 1);
        check_row(tokenizer[json_is_true(json_object_get(row, "prefix"))], row, 0, what);
    }
    assert_int_equal(json_array_size(rows), 71);
    assert_string_equal(hs_tokenizer_style(tokenizer[1]), "SentencePiece BPE, a space in front, no BOS");
    for (int prefix = 0; prefix < 2; prefix++) {
        hs_tokenizer_close(tokenizer[prefix]);
        done(&made[prefix]);
    }
    json_decref(rows);
}

static void check_tokens(const struct hs_tokenizer *tokenizer, const char *text, unsigned flags, const char *wanted) {
    struct hs_encoding encoding = {0};
    char got[256] = "";
    test_encode(tokenizer, text, strlen(text), flags, &encoding);
    for (size_t i = 0; i < encoding.n; i++) {
        size_t n, used = strlen(got);
        const char *bytes = hs_token_bytes(tokenizer, encoding.ids[i], &n);
        snprintf(got + used, sizeof got - used, "[%.*s]%zu-%zu", (int)n, bytes, encoding.starts[i], encoding.ends[i]);
    }
    assert_string_equal(got, wanted);
    hs_encoding_free(&encoding);
}

/* What SentencePiece does not say: where the space in front goes among added tokens, control tokens, spans, the BOS. */
static void test_added(void **state) {
    (void)state;
    static struct made made;
    make(&made, "llama2");
    make_scores(&made, true);
    made.vocab.add_bos = true;
    made.vocab.bos = 1;
    struct hs_tokenizer *tokenizer = open_made(&made);
    unsigned special = HS_ENCODE_SPECIAL;
    check_tokens(tokenizer, "the", special | HS_ENCODE_BOS, "[<s>]0-0[ the]0-3");
    check_tokens(tokenizer, "<s>the</s>the", special | HS_ENCODE_BOS, "[<s>]0-3[ the]3-6[</s>]6-10[ the]10-13");
    check_tokens(tokenizer, "the<tag>the", 0, "[ the]0-3[<tag>]3-8[ the]8-11");
    check_tokens(tokenizer, "a\xC3\xBF", special, "[ a]0-1[\xC3]1-2[\xBF]2-3");
    check_tokens(tokenizer, "[PAD]", special, "[ []0-1[P]1-2[A]2-3[D]3-4[]]4-5");
    hs_tokenizer_close(tokenizer);
    done(&made);
}

/* Runs of spaces merge from halves: thirteen are 4 + 4 + 4 + 1 once no token is longer than four. */
static void test_runs_of_spaces(void **state) {
    (void)state;
    static struct made made;
    make(&made, "llama2");
    make_scores(&made, false);
    struct hs_tokenizer *tokenizer = open_made(&made);
    check_tokens(tokenizer, "             .", 0, "[    ]0-4[    ]4-8[    ]8-12[ ]12-13[.]13-14");
    made.tokens[3001] = "\xE2\x96\x81\xE2\x96\x81"; /* as old converters spell it */
    struct hs_tokenizer *old = open_made(&made);
    check_tokens(old, "   .", 0, "[  ]0-2[ ]2-3[.]3-4");
    hs_tokenizer_close(old);
    hs_tokenizer_close(tokenizer);
    done(&made);
}

static void check_refused(const struct made *made, const char *message) {
    struct hs_tokenizer *tokenizer;
    headsift_error error = {0};
    assert_int_equal(hs_tokenizer_from_vocab(&made->vocab, "made.gguf", &tokenizer, &error), HEADSIFT_FAILED);
    assert_null(tokenizer);
    if (strstr(error.message, message) == NULL || strncmp(error.message, "made.gguf: ", 11) != 0) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, message);
    }
}

static void test_refused(void **state) {
    (void)state;
    static struct made made;
    make(&made, "llama2");
    make_scores(&made, true);
    made.vocab.scores = NULL;
    check_refused(&made, "without tokenizer.ggml.scores");
    made.vocab.scores = made.scores;
    made.vocab.rewrites = true;
    check_refused(&made, "remove_extra_whitespaces");
    made.vocab.rewrites = false;
    made.scores[700] = NAN;
    check_refused(&made, "the score of token 700 is not a number");
    made.scores[700] = -700;
    made.types[9] = HS_TOKEN_UNUSED;
    check_refused(&made, "lacks the byte token <0x04>");
    made.types[9] = HS_TOKEN_BYTE;
    made.types[300] = HS_TOKEN_BYTE;
    check_refused(&made, "token 300 stands for a byte but is called");
    made.types[300] = 7;
    check_refused(&made, "token 300 has type 7");
    made.types[300] = HS_TOKEN_NORMAL;
    for (size_t i = 0; i < made.vocab.n_tokens; i++) {
        made.scores[i] = -1000;
    }
    check_refused(&made, "all tokens have the same score");
    done(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pres),           cmocka_unit_test(test_scores),  cmocka_unit_test(test_added),
        cmocka_unit_test(test_runs_of_spaces), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
