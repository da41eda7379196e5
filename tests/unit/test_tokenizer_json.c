/* What a tokenizer.json may hold and what is refused by name: each row changes one place of a good file.
 * The messages are one line and say what to look at. */
#define _GNU_SOURCE
#include "tokenizer_support.h"

/* A golden style with the value at a dotted path replaced: the path's last part may be an index. NULL value: deleted.
 */
static json_t *patched(const char *style, const char *path, const char *value) {
    json_t *root = test_style(style), *at = root;
    char *parts = strdup(path), *rest = parts, *part = strsep(&rest, ".");
    for (; rest != NULL; part = strsep(&rest, ".")) {
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(part)) : json_object_get(at, part);
        assert_non_null(at);
    }
    json_t *new_value = value == NULL ? NULL : json_loads(value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (value != NULL && new_value == NULL) {
        fail_msg("%s is not JSON", value);
    }
    if (value == NULL) {
        assert_int_equal(json_object_del(at, part), 0);
    } else if (json_is_array(at) && strcmp(part, "+") == 0) {
        json_array_append_new(at, new_value);
    } else if (json_is_array(at)) {
        assert_int_equal(json_array_set_new(at, (size_t)atoi(part), new_value), 0);
    } else {
        json_object_set_new(at, part, new_value);
    }
    free(parts);
    return root;
}

#define BYTE_LEVEL(prefix, regex)                                                                                      \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":" prefix ",\"trim_offsets\":true,\"use_regex\":" regex "}"
#define DIGITS(individual) "{\"type\":\"Digits\",\"individual_digits\":" individual "}"
#define STEPS(a, b) "{\"type\":\"Sequence\",\"pretokenizers\":[" a "," b "]}"
#define METASPACE(scheme, more)                                                                                        \
    "{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\",\"prepend_scheme\":\"" scheme "\"" more "}"
#define REPLACE(pattern) "{\"type\":\"Replace\",\"content\":\"x\",\"pattern\":" pattern "}"
#define NINE(step) step "," step "," step "," step "," step "," step "," step "," step "," step
#define TOKEN(id, content, special)                                                                                    \
    "{\"id\":" id ",\"content\":\"" content "\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"              \
    "\"normalized\":false,\"special\":" special "}"
#define NORMALIZED(id, content)                                                                                        \
    "{\"id\":" id ",\"content\":\"" content "\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"              \
    "\"normalized\":true,\"special\":false}"
#define SPECIAL(name) "{\"SpecialToken\":{\"id\":\"" name "\",\"type_id\":0}}"
#define TEXT(name) "{\"Sequence\":{\"id\":\"" name "\",\"type_id\":0}}"
#define TEMPLATE(single)                                                                                               \
    "{\"type\":\"TemplateProcessing\",\"single\":[" single "],\"pair\":[],\"special_tokens\":{"                        \
    "\"<s>\":{\"id\":\"<s>\",\"ids\":[1],\"tokens\":[\"<s>\"]},\"</s>\":{\"id\":\"</s>\",\"ids\":[2],\"tokens\":[]},"  \
    "\"two\":{\"id\":\"two\",\"ids\":[1,2],\"tokens\":[]},\"far\":{\"id\":\"far\",\"ids\":[99999],\"tokens\":[]}}}"

struct row {
    const char *style, *path, *value, *message;
};

static const struct row refused[] = {
    {"gpt2", "version", "\"2.0\"", "version 2.0"},
    {"gpt2", "version", "2", "\"version\" must be a string"},
    {"gpt2", "model", NULL, "\"model\" is missing"},
    {"gpt2", "model", "[]", "\"model\" must be an object"},
    {"gpt2", "model.type", "\"Unigram\"", "model type Unigram"},
    {"gpt2", "model.type", "\"WordPiece\"", "model type WordPiece"},
    {"gpt2", "model.dropout", "0.1", "dropout"},
    {"gpt2", "model.dropout", "\"x\"", "\"dropout\" must be a number"},
    {"gpt2", "model.continuing_subword_prefix", "\"##\"", "continuing_subword_prefix"},
    {"gpt2", "model.end_of_word_suffix", "\"</w>\"", "end_of_word_suffix"},
    {"gpt2", "model.vocab", NULL, "\"vocab\" is missing"},
    {"gpt2", "model.vocab", "{}", "the vocabulary is empty"},
    {"gpt2", "model.vocab", "[\"a\"]", "\"vocab\" must be an object"},
    {"gpt2", "model.vocab.zebra!", "-1", "token \"zebra!\" has id -1, must be 0 to"},
    {"gpt2", "model.vocab.zebra!", "99999999", "token \"zebra!\" has id 99999999"},
    {"gpt2", "model.vocab.zebra!", "7", "id 7 stands twice in the vocabulary"},
    {"gpt2", "model.vocab.zebra!", "1.5", "the id of token \"zebra!\" must be an integer"},
    {"gpt2", "model.vocab.zebra!", "\"7\"", "the id of token \"zebra!\" must be an integer"},
    {"gpt2", "model.merges", NULL, "\"merges\" is missing"},
    {"gpt2", "model.merges", "{}", "\"merges\" must be an array"},
    {"gpt2", "model.merges.3", "[\"zebra!\",\"a\"]", "merge 3 needs the token \"zebra!\""},
    {"gpt2", "model.merges.3", "[\"z\",\"zz\"]", "merge 3 needs the token \"zzz\""},
    {"gpt2", "model.merges.3", "[\"~\",\"~\"]", "merge 3 needs the token \"~~\""},
    {"gpt2", "model.merges.3", "[\"a\"]", "merge 3 must be an array of two strings"},
    {"gpt2", "model.merges.3", "[\"a\",5]", "merge 3 must be an array of two strings"},
    {"gpt2", "model.merges.3", "\"a b\"", "merge 3 must be an array of two strings"},
    {"gpt2", "model.merges", "[\"a\"]", "merge 0 must be two tokens with one space between them"},
    {"gpt2", "model.merges", "[\"a b c\"]", "merge 0 must be two tokens with one space between them"},
    {"gpt2", "model.merges", "[7]", "merge 0 must be a string"},
    {"gpt2", "normalizer", "{\"type\":\"Nmt\"}", "normalizer Nmt is not supported"},
    {"gpt2", "normalizer", "{\"type\":\"BertNormalizer\"}", "normalizer BertNormalizer is not supported"},
    {"gpt2", "normalizer", "{\"type\":\"Precompiled\"}", "normalizer Precompiled is not supported"},
    {"gpt2", "normalizer", "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"ByteLevel\"}]}",
     "normalizer NFC + ByteLevel"},
    {"gpt2", "normalizer", "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Sequence\",\"normalizers\":[]}]}",
     "normalizer Sequence is not supported"},
    {"gpt2", "normalizer", "{}", "a normalizer without a \"type\""},
    {"gpt2", "normalizer", "\"NFC\"", "\"normalizer\" must be an object"},
    {"gpt2", "normalizer", "{\"type\":\"Sequence\"}", "\"normalizers\" is missing"},
    {"gpt2", "normalizer", "{\"type\":\"Sequence\",\"normalizers\":[" NINE("{\"type\":\"NFC\"}") "]}",
     "a normalizer of more than 8 steps"},
    {"gpt2", "normalizer", "{\"type\":\"Strip\",\"strip_left\":true}", "\"strip_right\" is missing"},
    {"gpt2", "normalizer", "{\"type\":\"Prepend\"}", "\"prepend\" is missing"},
    {"gpt2", "normalizer", REPLACE("{\"String\":\"\"}"), "an empty pattern"},
    {"gpt2", "normalizer", REPLACE("{\"Regex\":\" *\"}"), "matches the empty text"},
    {"gpt2", "normalizer", "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"}}", "\"content\" is missing"},
    {"gpt2", "pre_tokenizer", "{\"type\":\"BertPreTokenizer\"}", "pre_tokenizer BertPreTokenizer is not supported"},
    {"gpt2", "pre_tokenizer", STEPS(BYTE_LEVEL("false", "true"), DIGITS("true")), "pre_tokenizer ByteLevel + Digits"},
    {"gpt2", "pre_tokenizer", STEPS(DIGITS("true"), METASPACE("always", "")), "pre_tokenizer Digits + Metaspace"},
    {"gpt2", "pre_tokenizer", "{\"type\":\"ByteLevel\"}", "\"add_prefix_space\" is missing"},
    {"gpt2", "pre_tokenizer", STEPS(DIGITS("true"), BYTE_LEVEL("true", "true")),
     "add_prefix_space behind another pre_tokenizer"},
    {"gpt2", "pre_tokenizer", STEPS("{\"type\":\"Punctuation\"}", BYTE_LEVEL("false", "true")),
     "pre_tokenizer Punctuation + ByteLevel"},
    {"gpt2", "pre_tokenizer", STEPS("5", BYTE_LEVEL("false", "true")), "a pre_tokenizer without a \"type\""},
    {"gpt2", "pre_tokenizer", "{\"type\":\"Sequence\",\"pretokenizers\":[" NINE(DIGITS("true")) "]}",
     "a pre_tokenizer of more than"},
    {"gpt2", "pre_tokenizer", METASPACE("sometimes", ""), "prepend_scheme sometimes"},
    {"gpt2", "pre_tokenizer", METASPACE("first", ",\"add_prefix_space\":false"),
     "prepend_scheme first and add_prefix_space false"},
    {"gpt2", "pre_tokenizer", "{\"type\":\"Metaspace\",\"replacement\":\"ab\"}", "must be one character, is \"ab\""},
    {"gpt2", "pre_tokenizer", "{\"type\":\"Metaspace\",\"replacement\":\"\"}", "must be one character, is \"\""},
    {"gpt2", "pre_tokenizer", "{\"type\":\"Metaspace\"}", "\"replacement\" is missing"},
    {"llama3", "pre_tokenizer.pretokenizers.0.pattern.Regex", "\"\\\\w+\"", "this escape in the pattern \\w+"},
    {"llama3", "pre_tokenizer.pretokenizers.0.pattern.Regex", "\"(a\"", "the pattern (?:a is not supported"},
    {"llama3", "pre_tokenizer.pretokenizers.0.pattern", "{\"Other\":\" \"}", "\"Regex\" is missing"},
    {"llama3", "pre_tokenizer.pretokenizers.0.pattern", "{\"String\":\"\"}", "an empty pattern"},
    {"llama3", "pre_tokenizer.pretokenizers.0.behavior", "\"Merged\"", "behavior Merged"},
    {"llama3", "pre_tokenizer.pretokenizers.1.add_prefix_space", "true", "add_prefix_space behind another"},
    {"gpt2", "post_processor", "{\"type\":\"RobertaProcessing\"}", "post_processor RobertaProcessing"},
    {"gpt2", "post_processor", "{\"type\":\"BertProcessing\"}", "post_processor BertProcessing"},
    {"gpt2", "post_processor", TEMPLATE(SPECIAL("<s>") "," SPECIAL("</s>") "," TEXT("A")), "2 special tokens in front"},
    {"gpt2", "post_processor", TEMPLATE(SPECIAL("<s>") "," TEXT("B")), "piece 1 of the post_processor's template"},
    {"gpt2", "post_processor", TEMPLATE(SPECIAL("<s>")), "1 special tokens in front of 0 texts"},
    {"gpt2", "post_processor", TEMPLATE(TEXT("A") "," TEXT("A")), "in front of 2 texts"},
    {"gpt2", "post_processor", TEMPLATE(SPECIAL("two") "," TEXT("A")), "\"two\" must have one id"},
    {"gpt2", "post_processor", TEMPLATE(SPECIAL("far") "," TEXT("A")), "the BOS has id 99999, which is no token"},
    {"gpt2", "post_processor", TEMPLATE(SPECIAL("none") "," TEXT("A")), "\"none\" is missing"},
    {"gpt2", "post_processor",
     "{\"type\":\"Sequence\",\"processors\":[" TEMPLATE(TEXT("A")) "," TEMPLATE(SPECIAL("<s>") "," TEXT("A")) "]}",
     "post_processor TemplateProcessing + TemplateProcessing"},
    {"gpt2", "post_processor", TEMPLATE("7"), "piece 0 of the post_processor's template"},
    {"gpt2", "added_tokens", "{}", "\"added_tokens\" must be an array"},
    {"gpt2", "added_tokens.+", "7", "added token 5: must be an object"},
    {"gpt2", "added_tokens.+", TOKEN("3001", "<new>", "true"),
     "\"<new>\" has id 3001, but its place in the vocabulary is"},
    {"gpt2", "added_tokens.+", TOKEN("3000", "the", "true"), "\"the\" has id 3000, but its place in the vocabulary is"},
    {"gpt2", "added_tokens.+", TOKEN("1", "<s>", "true"), "id 1 stands twice among the added tokens"},
    {"gpt2", "added_tokens.+", TOKEN("-1", "<new>", "true"), "\"id\" is -1"},
    {"gpt2", "added_tokens.+", TOKEN("3000", "<new>", "1"), "\"special\" must be"},
    {"qwen2", "added_tokens", "[" NORMALIZED("3000", "\\u212b") "," NORMALIZED("3001", "A\\u030a") "]",
     "the added tokens 3000 and 3001 are the same once normalised"},
    {"gpt2", "added_tokens.0.content", "null", "\"content\" is missing"},
    {"gpt2", "model.byte_fallback", "3", "\"byte_fallback\" must be"},
    {"gpt2", "model.unk_token", "7", "\"unk_token\" must be a string"},
};

static void test_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        json_t *root = patched(refused[i].style, refused[i].path, refused[i].value);
        struct hs_tokenizer *tokenizer = (struct hs_tokenizer *)state;
        headsift_error error = {0};
        if (test_open_json(root, &tokenizer, &error) != HEADSIFT_FAILED || error.status != HEADSIFT_FAILED) {
            fail_msg("%s = %s was not refused", refused[i].path, refused[i].value);
        }
        assert_null(tokenizer);
        if (strstr(error.message, refused[i].message) == NULL || strstr(error.message, "test.json") == NULL ||
            strchr(error.message, '\n') != NULL) {
            fail_msg("%s: \"%s\" does not say \"%s\"", refused[i].path, error.message, refused[i].message);
        }
        json_decref(root);
    }
}

/* Changes that leave the ids as they are, but for a BOS. */
static const struct row accepted[] = {
    {"gpt2", "version", NULL, NULL},
    {"gpt2", "truncation", "{\"max_length\":2}", NULL},
    {"gpt2", "padding", "{\"strategy\":{\"Fixed\":99}}", NULL},
    {"gpt2", "model.type", NULL, NULL},
    {"gpt2", "model.dropout", "0", NULL},
    {"gpt2", "model.dropout", "0.0", NULL},
    {"gpt2", "model.continuing_subword_prefix", "\"\"", NULL},
    {"gpt2", "model.end_of_word_suffix", "\"\"", NULL},
    {"gpt2", "model.byte_fallback", "true", NULL},
    {"gpt2", "model.unk_token", "\"nowhere\"", NULL},
    {"gpt2", "decoder", "{\"type\":\"WordPiece\"}", NULL},
    {"gpt2", "normalizer", "{\"type\":\"Sequence\",\"normalizers\":[]}", NULL},
    {"gpt2", "normalizer", "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"}]}", NULL},
    {"gpt2", "pre_tokenizer", "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":false}", NULL},
    {"gpt2", "pre_tokenizer", "{\"type\":\"Sequence\",\"pretokenizers\":[" BYTE_LEVEL("false", "true") "]}", NULL},
    {"gpt2", "pre_tokenizer",
     STEPS("{\"type\":\"Split\",\"pattern\":{\"Regex\":\"'s|'t|'re|'ve|'m|'ll|'d| ?\\\\p{L}+| ?\\\\p{N}+| "
           "?[^\\\\s\\\\p{L}\\\\p{N}]+|\\\\s+(?!\\\\S)|\\\\s+\"},\"behavior\":\"Removed\",\"invert\":true}",
           BYTE_LEVEL("false", "false")),
     NULL},
    {"gpt2", "post_processor", "null", NULL},
    {"gpt2", "post_processor", "{\"type\":\"Sequence\",\"processors\":[]}", NULL},
    {"gpt2", "post_processor", TEMPLATE(TEXT("A") "," SPECIAL("</s>")), NULL},
    {"gpt2", "post_processor", TEMPLATE(SPECIAL("<s>") "," TEXT("A") "," SPECIAL("</s>")), "bos"},
    {"gpt2", "post_processor",
     "{\"type\":\"Sequence\",\"processors\":[" BYTE_LEVEL("true",
                                                          "true") "," TEMPLATE(SPECIAL("<s>") "," TEXT("A")) "]}",
     "bos"},
    {"gpt2", "added_tokens.+", TOKEN("3000", "<new>", "true"), NULL},
    {"gpt2", "added_tokens",
     "[" TOKEN("1", "<s>", "true") "," NORMALIZED("3000", "\\u212b") "," NORMALIZED("3001", "A\\u030a") "]", NULL},
    {"gpt2", "added_tokens.+", TOKEN("0", "", "true"), NULL},
};

static const char sample[] = "The 12 owls don't sleep,\n\n  they wait: caf\xC3\xA9 <s> end";

static void test_accepted(void **state) {
    (void)state;
    struct hs_encoding wanted = {0}, got = {0};
    struct hs_tokenizer *plain = test_open_tokenizer(HS_TEST_DATA "/goldens/tokenizers/gpt2/tokenizer.json");
    test_encode(plain, sample, strlen(sample), HS_ENCODE_SPECIAL, &wanted);
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        json_t *root = patched(accepted[i].style, accepted[i].path, accepted[i].value);
        struct hs_tokenizer *tokenizer;
        headsift_error error = {0};
        if (test_open_json(root, &tokenizer, &error) != HEADSIFT_OK) {
            fail_msg("%s: %s", accepted[i].path, error.message);
        }
        size_t bos = accepted[i].message != NULL ? 1 : 0;
        test_encode(tokenizer, sample, strlen(sample), HS_ENCODE_SPECIAL | HS_ENCODE_BOS, &got);
        assert_int_equal(hs_tokenizer_bos(tokenizer), bos ? 1 : -1);
        assert_int_equal(got.n, wanted.n + bos);
        assert_memory_equal(got.ids + bos, wanted.ids, wanted.n * sizeof *wanted.ids);
        hs_tokenizer_close(tokenizer);
        json_decref(root);
    }
    hs_tokenizer_close(plain);
    hs_encoding_free(&wanted);
    hs_encoding_free(&got);
}

/* Merges as "left right" strings, with the version line that old files begin with. */
static void test_old_merges(void **state) {
    (void)state;
    json_t *root = test_style("gpt2"), *model = json_object_get(root, "model"), *merge;
    json_t *lines = json_pack("[s]", "#version: 0.2");
    size_t i;
    json_array_foreach(json_object_get(model, "merges"), i, merge) {
        char line[256];
        snprintf(line, sizeof line, "%s %s", json_string_value(json_array_get(merge, 0)),
                 json_string_value(json_array_get(merge, 1)));
        json_array_append_new(lines, json_string(line));
    }
    json_object_set_new(model, "merges", lines);
    struct hs_tokenizer *old, *plain = test_open_tokenizer(HS_TEST_DATA "/goldens/tokenizers/gpt2/tokenizer.json");
    assert_int_equal(test_open_json(root, &old, NULL), HEADSIFT_OK);
    struct hs_encoding wanted = {0}, got = {0};
    test_encode(plain, sample, strlen(sample), 0, &wanted);
    test_encode(old, sample, strlen(sample), 0, &got);
    assert_int_equal(got.n, wanted.n);
    assert_memory_equal(got.ids, wanted.ids, wanted.n * sizeof *wanted.ids);
    hs_encoding_free(&wanted);
    hs_encoding_free(&got);
    hs_tokenizer_close(old);
    hs_tokenizer_close(plain);
    json_decref(root);
}

static void test_not_json(void **state) {
    (void)state;
    static const char *const files[] = {"", "{", "[1", "\xFF", "{\"a\":1,\"a\":2}", "5", "null", "[]"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct hs_tokenizer *tokenizer;
        headsift_error error = {0};
        assert_int_equal(hs_tokenizer_from_json_bytes(files[i], strlen(files[i]), "bad.json", &tokenizer, &error),
                         HEADSIFT_FAILED);
        assert_null(tokenizer);
        assert_non_null(strstr(error.message, "bad.json"));
    }
    struct hs_tokenizer *tokenizer;
    headsift_error error = {0};
    assert_int_equal(hs_tokenizer_from_json("/nowhere/tokenizer.json", &tokenizer, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "/nowhere/tokenizer.json"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_old_merges),
        cmocka_unit_test(test_not_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
