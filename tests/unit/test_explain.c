/* Token losses of one document and their three outputs. The tiny tokenizer makes a token a character; documents whose
 * tokens are parts of characters are made by hand. */
#define _GNU_SOURCE
#include "influence_support.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "explain/explain.h"

static headsift_error last;

static struct hs_explained explained(headsift_model *model, const headsift_score_options *options, const char *text) {
    struct hs_scoring scoring;
    struct hs_explained document = {.name = "doc", .text = text, .size = strlen(text)};
    assert_int_equal(hs_scoring_prepare(model, tiny_heads(), options, NULL, &scoring, &last), HEADSIFT_OK);
    assert_int_equal(hs_scoring_start(model, &scoring, &last), HEADSIFT_OK);
    assert_int_equal(hs_explain_losses(&scoring, &document, &last), HEADSIFT_OK);
    return document;
}

/* The row is the one that scoring gives, and its means are those of the tokens shown. */
static void compare_with_score(bool add_bos, const headsift_score_options *options, const char *text,
                               size_t predicted) {
    headsift_model *model = tiny_scorer(add_bos);
    struct hs_explained document = explained(model, options, text);
    headsift_score row = tiny_score(model, options, text, strlen(text));
    double base = 0, masked = 0;
    size_t n = 0;
    assert_int_equal(document.n, strlen(text));
    for (size_t i = 0; i < document.n; i++) {
        assert_int_equal(document.tokens[i].start, i);
        assert_int_equal(document.tokens[i].end, i + 1);
        if (!isnan(document.tokens[i].base)) {
            base += document.tokens[i].base;
            masked += document.tokens[i].masked;
            n++;
        }
    }
    assert_int_equal(n, predicted);
    assert_int_equal(row.n_scored, predicted);
    assert_string_equal(document.row.status, row.status);
    assert_true(fabs(base / (double)n - row.loss_base) < 1e-6 && fabs(masked / (double)n - row.loss_ref) < 1e-6);
    assert_true(fabs(document.row.score - row.score) < 1e-6 && fabs(row.score) > 1e-6);
    hs_explained_free(&document);
    headsift_model_close(model);
}

static void tokens_add_up_to_the_row(void **state) {
    (void)state;
    const char *text = "the quick brown fox jumps over the lax dog";
    headsift_score_options whole = {0}, cut = {.max_tokens = 10},
                           chunks = {.max_tokens = 10, .long_documents = HEADSIFT_LONG_CHUNK};
    size_t n = strlen(text); /* 42 */
    compare_with_score(false, &whole, text, n - 1);
    compare_with_score(true, &whole, text, n);
    compare_with_score(false, &cut, text, 9);
    compare_with_score(true, &cut, text, 9);
    compare_with_score(false, &chunks, text, n - 5); /* 10 10 10 10 2 */
    compare_with_score(true, &chunks, text, n);      /* each with its own BOS */
}

static void a_text_without_predictions_is_shown(void **state) {
    (void)state;
    headsift_model *model = tiny_scorer(false);
    struct hs_explained document = explained(model, NULL, "a");
    assert_int_equal(document.n, 1);
    assert_true(isnan(document.tokens[0].base) && isnan(document.row.score));
    assert_string_equal(document.row.status, "too_short");
    hs_explained_free(&document);
    document = explained(model, NULL, "a\377");
    assert_int_equal(document.n, 0);
    assert_string_equal(document.row.status, "bad_text");
    hs_explained_free(&document);
    headsift_model_close(model);
}

/* The response's tokens, the row and the steps are those that scoring gives; the prompt is not shown. */
static void of_a_prompt_the_response_is_shown(void **state) {
    (void)state;
    headsift_model *model = tiny_scorer(false);
    const char *prompt = "how much is it ", *response = "one\n\nand two", *whole = "how much is it one\n\nand two";
    size_t prompt_size = strlen(prompt), size = strlen(response);
    headsift_score row;
    headsift_steps steps;
    assert_int_equal(headsift_score_responses(model, tiny_heads(), NULL, &prompt, &prompt_size, &response, &size, 1,
                                              &row, &steps, &last),
                     HEADSIFT_OK);
    struct hs_scoring scoring;
    struct hs_explained document = {
        .name = "doc", .text = whole, .size = strlen(whole), .response = true, .prompt_size = prompt_size};
    assert_int_equal(hs_scoring_prepare(model, tiny_heads(), NULL, NULL, &scoring, &last), HEADSIFT_OK);
    assert_int_equal(hs_scoring_start(model, &scoring, &last), HEADSIFT_OK);
    assert_int_equal(hs_explain_losses(&scoring, &document, &last), HEADSIFT_OK);
    assert_string_equal(document.text, response);
    assert_int_equal(document.n, size);
    double base = 0;
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(document.tokens[i].start, i);
        assert_int_equal(document.tokens[i].end, i + 1);
        base += document.tokens[i].base;
    }
    assert_true(fabs(base / (double)size - row.loss_base) < 1e-9);
    assert_true(fabs(document.row.score - row.score) < 1e-9 && document.row.n_tokens == row.n_tokens);
    assert_int_equal(document.n_steps, 2);
    for (size_t i = 0; i < 2; i++) {
        const headsift_step *got = &document.steps[i], *step = &steps.items[i];
        assert_true(got->start == step->start && got->n_bytes == step->n_bytes && got->n_scored == step->n_scored);
        assert_true(fabs(got->score - step->score) < 1e-9 && fabs(got->weight - step->weight) < 1e-9);
    }
    headsift_free(steps.items);
    hs_explained_free(&document);
    headsift_model_close(model);
}

static void levels_of_a_rise(void **state) {
    (void)state;
    static const struct {
        double rise;
        int level;
    } cases[] = {{0.09, 0}, {0.1, 1},   {0.49, 1},  {0.5, 2},   {1, 3},   {1.99, 3}, {2, 4},
                 {90, 4},   {-0.09, 0}, {-0.1, -1}, {-0.6, -2}, {-1, -3}, {-5, -4},  {NAN, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(hs_rise_level(cases[i].rise), cases[i].level);
    }
}

/* "<é" LF ESC: the two bytes of é are a token each. */
static struct hs_explained_token made_tokens[] = {
    {0, 1, 7, NAN, NAN}, {1, 2, 8, 1, 1.25}, {2, 3, 9, 2, 2.5}, {3, 4, 10, 1, 0.25}, {4, 5, 11, 3, 3}};
static const struct hs_explained made = {
    .name = "<b>\033[1m",
    .text = "<\xC3\xA9\n\033",
    .size = 5,
    .tokens = made_tokens,
    .n = 5,
    .row =
        {.n_bytes = 5, .n_tokens = 5, .n_scored = 4, .loss_base = 1.75, .loss_ref = 1.75, .score = 0, .status = "ok"},
};

static void parts_of_a_character_go_together(void **state) {
    (void)state;
    struct hs_span_of_tokens span = hs_explained_span(&made, 0);
    assert_true(span.n == 1 && span.end == 1 && isnan(span.rise));
    span = hs_explained_span(&made, 1);
    assert_true(span.first == 1 && span.n == 2 && span.start == 1 && span.end == 3 && span.rise == 0.75);
    assert_true(span.base == 3 && span.masked == 3.75);
}

enum output { TABLE, COLOUR, JSON, PAGE };

static char *printed(enum output kind) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    headsift_status status = kind == JSON   ? hs_explain_json(&made, out, &last)
                             : kind == PAGE ? hs_explain_page(&made, out, &last)
                                            : hs_explain_text(&made, kind == COLOUR, out, &last);
    fclose(out);
    assert_int_equal(status, HEADSIFT_OK);
    return text;
}

static void the_table_has_a_line_a_token(void **state) {
    (void)state;
    char *text = printed(TABLE);
    assert_string_equal(text, "# <b>\\x1b[1m: ok, 5 tokens, 4 scored\n"
                              "# loss 1.7500, masked 1.7500, score 0.0000\n"
                              "token\tid\tbase\tmasked\tdifference\ttext\n"
                              "0\t7\t-\t-\t-\t<\n"
                              "1\t8\t1.0000\t1.2500\t0.2500\t\\xc3\n"
                              "2\t9\t2.0000\t2.5000\t0.5000\t\\xa9\n"
                              "3\t10\t1.0000\t0.2500\t-0.7500\t\\n\n"
                              "4\t11\t3.0000\t3.0000\t0.0000\t\\x1b\n");
    free(text);
}

static void colours_go_around_whole_characters(void **state) {
    (void)state;
    char *text = printed(COLOUR);
    assert_non_null(strstr(text, "<\033[30;48;5;217m\xC3\xA9\033[0m\n\\x1b\n"));
    free(text);
}

static void the_json_reads_back(void **state) {
    (void)state;
    char *text = printed(JSON);
    assert_null(strchr(text, '\033'));
    assert_null(strchr(text, '<'));
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "document")), "<b>\033[1m");
    assert_true(json_is_null(json_object_get(json_array_get(json_object_get(root, "tokens"), 0), "base")));
    const json_t *token = json_array_get(json_object_get(root, "tokens"), 3);
    assert_int_equal(json_array_size(json_object_get(root, "tokens")), 5);
    assert_true(json_real_value(json_object_get(token, "difference")) == -0.75);
    assert_string_equal(json_string_value(json_object_get(token, "text")), "\n");
    json_decref(root);
    free(text);
}

static void the_page_is_closed_to_its_text(void **state) {
    (void)state;
    char *text = printed(PAGE);
    assert_null(strchr(text, '\033'));
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "<b>"));
    assert_non_null(strstr(text, "default-src 'none'"));
    assert_non_null(strstr(text, "<pre>&lt;<span title=\"+0.750\" class=\"b\">\xC3\xA9</span><span title=\"-0.750\" "
                                 "class=\"f\">\n</span><span title=\"+0.000\">\\x1b</span></pre>"));
    /* both of the character's tokens, as the rise is */
    assert_non_null(strstr(text, "<tr><td>1</td><td>3.000</td><td>3.750</td><td>+0.750</td>"));
    free(text);
}

/* A token to which the model gives no probability at all. */
static void an_infinite_loss_is_no_number_of_json(void **state) {
    (void)state;
    made_tokens[4].masked = INFINITY;
    char *text = printed(JSON);
    made_tokens[4].masked = 3;
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    const json_t *token = json_array_get(json_object_get(root, "tokens"), 4);
    assert_true(json_is_null(json_object_get(token, "masked")) && json_is_null(json_object_get(token, "difference")));
    assert_true(json_number_value(json_object_get(token, "base")) == 3);
    json_decref(root);
    free(text);
}

static void stdin_holds_no_records(void **state) {
    (void)state;
    headsift_model *model = tiny_scorer(false);
    const char *path = "-";
    headsift_inputs inputs = {.paths = &path, .n_paths = 1, .format = "jsonl"};
    assert_int_equal(
        headsift_explain_file(model, tiny_heads(), NULL, &inputs, 0, HEADSIFT_EXPLAIN_TEXT, stdout, NULL, &last),
        HEADSIFT_USAGE);
    assert_non_null(strstr(last.message, "--input-format jsonl"));
    headsift_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_add_up_to_the_row),
        cmocka_unit_test(a_text_without_predictions_is_shown),
        cmocka_unit_test(of_a_prompt_the_response_is_shown),
        cmocka_unit_test(levels_of_a_rise),
        cmocka_unit_test(parts_of_a_character_go_together),
        cmocka_unit_test(the_table_has_a_line_a_token),
        cmocka_unit_test(colours_go_around_whole_characters),
        cmocka_unit_test(the_json_reads_back),
        cmocka_unit_test(the_page_is_closed_to_its_text),
        cmocka_unit_test(an_infinite_loss_is_no_number_of_json),
        cmocka_unit_test(stdin_holds_no_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
