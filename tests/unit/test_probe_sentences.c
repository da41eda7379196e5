/* Tests of where a probe's values come from: the grammar, lines of a file, documents.
 * Token counts by the SmolLM-style tokenizer of the goldens. */
#include "support.h"

#include <ctype.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "probe/probe.h"
#include "probe/sentences.h"

static struct hs_tokenizer *tokenizer;

static int set_up(void **state) {
    (void)state;
    headsift_error error = {0};
    if (hs_tokenizer_from_json(HS_TEST_DATA "/goldens/tokenizers/smollm/tokenizer.json", &tokenizer, &error) !=
        HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    hs_tokenizer_close(tokenizer);
    return 0;
}

static size_t count(const char *text, size_t size, unsigned flags) {
    struct hs_encoding encoding = {0};
    assert_int_equal(hs_encode(tokenizer, text, size, flags, &encoding, NULL), HEADSIFT_OK);
    size_t n = encoding.n;
    hs_encoding_free(&encoding);
    return n;
}

/* ---- The grammar -------------------------------------------------------------------------------------------- */

static int compare_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void grammar_sentences_are_sentences(void **state) {
    (void)state;
    enum { N = 20000 };
    struct hs_random random;
    hs_random_seed(&random, 3);
    char **all = calloc(N, sizeof *all);
    assert_non_null(all);
    for (int i = 0; i < N; i++) {
        struct hs_buffer out = {0};
        assert_true(hs_grammar_sentence(HEADSIFT_LANGUAGE_ENGLISH, &random, &out));
        size_t words = 1;
        for (size_t k = 0; k < out.size; k++) {
            assert_true(isalpha((unsigned char)out.data[k]) || strchr(" ,.-'", out.data[k]) != NULL);
            words += out.data[k] == ' ';
        }
        assert_true(isupper((unsigned char)out.data[0]));
        assert_int_equal(out.data[out.size - 1], '.');
        assert_in_range(words, 8, 30);
        all[i] = out.data;
    }
    qsort(all, N, sizeof *all, compare_text);
    int repeats = 0;
    for (int i = 0; i < N; i++) {
        repeats += i > 0 && strcmp(all[i - 1], all[i]) == 0;
        if (i > 0) {
            free(all[i - 1]);
        }
    }
    free(all[N - 1]);
    free(all);
    assert_in_range(repeats, 0, 2); /* 20,000 draws of ten million would repeat 20 times */
}

/* The word before text[at], lower case, in `word`; *at moves to its beginning. */
static void word_before(const char *text, size_t *at, char word[32]) {
    size_t end = *at - 1, start = end;
    while (start > 0 && text[start - 1] != ' ') {
        start--;
    }
    snprintf(word, 32, "%.*s", (int)(end - start), text + start);
    word[0] = (char)tolower((unsigned char)word[0]);
    *at = start;
}

/* Article, noun, adjective: "la pintora callada", never "el pintora callado". @return how many stand in the text. */
static int check_gender(const char *text, const char *adjective, bool feminine) {
    char needle[32], noun[32], article[32];
    snprintf(needle, sizeof needle, " %s ", adjective);
    const char *found = strstr(text, needle);
    if (found == NULL) {
        return 0;
    }
    size_t at = (size_t)(found - text) + 1;
    word_before(text, &at, noun);
    word_before(text, &at, article);
    bool right = feminine ? strcmp(article, "la") == 0 || strcmp(article, "una") == 0
                          : strcmp(article, "el") == 0 || strcmp(article, "un") == 0;
    bool ends_in_a = noun[strlen(noun) - 1] == 'a' && strcmp(noun, "poeta") != 0;
    if (!right || ends_in_a != feminine) {
        fail_msg("%s", text);
    }
    return 1;
}

static void spanish_sentences_agree(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"cansado", "cansada"}, {"terco", "terca"},       {"callado", "callada"},
                                           {"famoso", "famosa"},   {"nervioso", "nerviosa"}, {"alto", "alta"},
                                           {"honrado", "honrada"}, {"rico", "rica"}};
    enum { N = 20000 };
    struct hs_random random;
    hs_random_seed(&random, 3);
    struct hs_buffer out = {0};
    int seen[2] = {0, 0}, accents = 0;
    for (int i = 0; i < N; i++) {
        out.size = 0;
        assert_true(hs_grammar_sentence(HEADSIFT_LANGUAGE_SPANISH, &random, &out));
        assert_int_equal(hs_utf8_check(out.data, out.size), out.size);
        assert_true(isupper((unsigned char)out.data[0]));
        assert_int_equal(out.data[out.size - 1], '.');
        assert_null(strstr(out.data, " a el "));
        accents += strstr(out.data, "\xC3\xB3") != NULL; /* a verb in the past */
        for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
            seen[0] += check_gender(out.data, pairs[k][0], false);
            seen[1] += check_gender(out.data, pairs[k][1], true);
        }
    }
    hs_buffer_free(&out);
    assert_true(seen[0] > 500 && seen[1] > 500 && accents > N / 2);
}

static void pool_gives_8_to_30_tokens(headsift_language language) {
    struct hs_sentence_pool *pool;
    struct hs_random random;
    hs_random_seed(&random, 4);
    assert_int_equal(hs_pool_open_grammar(tokenizer, language, &pool, NULL), HEADSIFT_OK);
    hs_pool_begin(pool);
    struct hs_buffer out = {0};
    for (int i = 0; i < 2000; i++) {
        out.size = 0;
        assert_true(hs_buffer_append(&out, " ", 1));
        assert_int_equal(hs_pool_draw(pool, &random, &out, NULL), HEADSIFT_OK);
        assert_in_range(count(out.data, out.size, 0), 8, 30);
    }
    hs_buffer_free(&out);
    hs_pool_close(pool);
}

static void grammar_pools_give_8_to_30_tokens(void **state) {
    (void)state;
    pool_gives_8_to_30_tokens(HEADSIFT_LANGUAGE_ENGLISH);
    pool_gives_8_to_30_tokens(HEADSIFT_LANGUAGE_SPANISH);
}

/* ---- Sentences from lines ----------------------------------------------------------------------------------- */

/* Draws all sentences of a pool, one a line, sorted. */
static void drain(struct hs_sentence_pool *pool, size_t expected, char *out, size_t size) {
    char *drawn[64];
    struct hs_random random;
    struct hs_buffer text = {0};
    hs_random_seed(&random, 5);
    hs_pool_begin(pool);
    assert_true(expected <= 64);
    for (size_t i = 0; i < expected; i++) {
        text.size = 0;
        assert_int_equal(hs_pool_draw(pool, &random, &text, NULL), HEADSIFT_OK);
        drawn[i] = hs_copy_string(text.data);
        assert_non_null(drawn[i]);
    }
    headsift_error error = {0};
    assert_int_equal(hs_pool_draw(pool, &random, &text, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "do not fill one sample"));
    hs_buffer_free(&text);
    qsort(drawn, expected, sizeof *drawn, compare_text);
    *out = '\0';
    for (size_t i = 0; i < expected; i++) {
        snprintf(out + strlen(out), size - strlen(out), "%s\n", drawn[i]);
        hs_free(drawn[i]);
    }
}

static void write_text(char *path, size_t size, const char *name, const char *text, size_t length) {
    test_scratch(path, size, name);
    assert_int_equal(hs_file_write(path, text, length, NULL), HEADSIFT_OK);
}

static void unusable_lines_are_skipped(void **state) {
    (void)state;
    static const char text[] = "  Trimmed on both sides by us. \t\r\n"
                               "\n"
                               "No.\n"                                    /* too short */
                               "This line says \"quoted\" things here.\n" /* would be escaped */
                               "This line has a back\\slash in it.\n"     /* too */
                               "This line has\ta tab in the middle.\n"    /* too */
                               "Here <|im_end|> ends the whole text.\n"   /* a special token */
                               "It is here twice, word for word.\n"
                               "It is here twice, word for word.\n"
                               "One two three four five six seven eight nine ten eleven twelve thirteen fourteen "
                               "fifteen sixteen seventeen eighteen nineteen twenty twenty-one twenty-two.\n"
                               "The last line has no line break at its end.";
    char path[512], drawn[1024];
    struct hs_sentence_pool *pool;
    write_text(path, sizeof path, "sentences.txt", text, sizeof text - 1);
    assert_int_equal(hs_pool_open_file(tokenizer, path, &pool, NULL), HEADSIFT_OK);
    drain(pool, 3, drawn, sizeof drawn);
    assert_string_equal(drawn, "It is here twice, word for word.\n"
                               "The last line has no line break at its end.\n"
                               "Trimmed on both sides by us.\n");
    hs_pool_close(pool);
}

static void bad_sentence_files_are_refused(void **state) {
    (void)state;
    struct hs_sentence_pool *pool;
    headsift_error error = {0};
    char path[512];
    write_text(path, sizeof path, "bad_sentences.txt", "A good line of text.\nbad \xFF byte\n", 32);
    assert_int_equal(hs_pool_open_file(tokenizer, path, &pool, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "line 2, byte 4"));
    assert_null(pool);
    write_text(path, sizeof path, "no_sentences.txt", "Hi.\n\n", 5);
    assert_int_equal(hs_pool_open_file(tokenizer, path, &pool, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "no usable sentence"));
    write_text(path, sizeof path, "empty_sentences.txt", "", 0);
    assert_int_equal(hs_pool_open_file(tokenizer, path, &pool, &error), HEADSIFT_FAILED);
    assert_int_equal(hs_pool_open_file(tokenizer, "no/such/file", &pool, &error), HEADSIFT_FAILED);
}

static void order_of_lines_does_not_matter(void **state) {
    (void)state;
    const char *one[] = {"The first of three lines.", "The second of three lines.", "The third of three lines."};
    const char *two[] = {one[2], one[0], one[1], one[0]};
    struct hs_sentence_pool *pools[2];
    assert_int_equal(hs_pool_open_lines(tokenizer, one, 3, "lines", &pools[0], NULL), HEADSIFT_OK);
    assert_int_equal(hs_pool_open_lines(tokenizer, two, 4, "lines", &pools[1], NULL), HEADSIFT_OK);
    struct hs_buffer out[2] = {{0}};
    for (int i = 0; i < 2; i++) {
        struct hs_random random;
        hs_random_seed(&random, 6);
        hs_pool_begin(pools[i]);
        for (int k = 0; k < 3; k++) {
            assert_int_equal(hs_pool_draw(pools[i], &random, &out[i], NULL), HEADSIFT_OK);
        }
        hs_pool_close(pools[i]);
    }
    assert_string_equal(out[0].data, out[1].data);
    hs_buffer_free(&out[0]);
    hs_buffer_free(&out[1]);
}

/* ---- Sentences out of documents ----------------------------------------------------------------------------- */

static bool keep(void *user, const char *sentence, size_t size) {
    struct hs_buffer *out = user;
    return hs_buffer_append(out, sentence, size) && hs_buffer_append(out, "\n", 1);
}

static void expect_cut(const char *text, const char *wanted) {
    struct hs_buffer out = {0};
    assert_true(hs_buffer_append(&out, "", 0));
    hs_sentences_from_text(text, strlen(text), keep, &out);
    assert_string_equal(out.data, wanted);
    hs_buffer_free(&out);
}

static void sentences_are_cut_out_of_documents(void **state) {
    (void)state;
    expect_cut(
        "The lamp on the table was lit before anyone came. Short one. Was it the wind that opened the heavy door? "
        "Yes! Nobody in the whole village could say who had done it!",
        "The lamp on the table was lit before anyone came.\nWas it the wind that opened the heavy door?\n"
        "Nobody in the whole village could say who had done it!\n");
    /* line breaks inside a paragraph; a heading above it; an end without a mark */
    expect_cut("CHAPTER ONE\n\n  The lamp on the table was\n  lit before anyone had come.\n\nThis paragraph just stops "
               "in the middle of a\n\nAnd so the next one starts afresh from its own beginning.\n",
               "The lamp on the table was lit before anyone had come.\n"
               "And so the next one starts afresh from its own beginning.\n");
    /* abbreviations do not end a sentence; nor does a full stop before a small letter */
    expect_cut(
        "We met Mr. Harding at the station and walked home with him. At 9 a.m. the first guests came up the hill.",
        "We met Mr. Harding at the station and walked home with him.\n"
        "At 9 a.m. the first guests came up the hill.\n");
    expect_cut(
        "He said \"I will never do such a thing\" and went away. for (i = 0; i < n; i++) { total += list[i]; } "
        "The path C:\\temp\\x is where all the files have gone. x = 1. lower case starts no sentence of ours here.",
        "");
    expect_cut("Numbers 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 are no prose. ", "");
    expect_cut("Broken \xFF bytes end what stands before. Every sentence behind them is still found by us.",
               "Every sentence behind them is still found by us.\n");
    expect_cut("", "");
    expect_cut(
        "\xE4\xBB\x8A\xE5\xA4\xA9\xE5\xA4\xA9\xE6\xB0\x94\xE5\xBE\x88\xE5\xA5\xBD\xE6\x88\x91\xE4\xBB\xAC\xE4\xB8"
        "\x80\xE8\xB5\xB7\xE5\x8E\xBB\xE6\xB2\xB3\xE8\xBE\xB9\xE6\x95\xA3\xE6\xAD\xA5\xE3\x80\x82\xE5\xA5\xBD\xE3"
        "\x80\x82",
        "\xE4\xBB\x8A\xE5\xA4\xA9\xE5\xA4\xA9\xE6\xB0\x94\xE5\xBE\x88\xE5\xA5\xBD\xE6\x88\x91\xE4\xBB\xAC\xE4\xB8"
        "\x80\xE8\xB5\xB7\xE5\x8E\xBB\xE6\xB2\xB3\xE8\xBE\xB9\xE6\x95\xA3\xE6\xAD\xA5\xE3\x80\x82\n");
}

static bool keep_one(void *user, const char *sentence, size_t size) {
    (void)sentence;
    (void)size;
    ++*(int *)user;
    return false;
}

static void cutting_ends_when_asked(void **state) {
    (void)state;
    static const char text[] = "The lamp on the table was lit before anyone came. The lamp on the table was lit before "
                               "anyone came. \xFF The lamp on the table was lit before anyone came.";
    int found = 0;
    hs_sentences_from_text(text, sizeof text - 1, keep_one, &found);
    assert_int_equal(found, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammar_sentences_are_sentences),    cmocka_unit_test(spanish_sentences_agree),
        cmocka_unit_test(grammar_pools_give_8_to_30_tokens),  cmocka_unit_test(unusable_lines_are_skipped),
        cmocka_unit_test(bad_sentence_files_are_refused),     cmocka_unit_test(order_of_lines_does_not_matter),
        cmocka_unit_test(sentences_are_cut_out_of_documents), cmocka_unit_test(cutting_ends_when_asked),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
