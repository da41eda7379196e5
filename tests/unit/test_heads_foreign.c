/* Tests of heads in the file of Retrieval_Head: means, the top share, what is refused, and what using them says. */
#include "support.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "probe/heads_file.h"

static headsift_heads *parse(const char *text) {
    headsift_heads *heads;
    headsift_error error = {0};
    if (hs_heads_parse(text, strlen(text), "h.json", &heads, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return heads;
}

/* Members come in any order; layer 1, head 0 has the best mean. */
static void scores_are_means_over_the_samples(void **state) {
    (void)state;
    headsift_heads *heads = parse("{\"1-0\": [1, 0.5], \"0-0\": [0.25, 0], \"2-0\": [0, 0], \"0-1\": [0, 1], "
                                  "\"2-1\": [0.0, 0.5], \"1-1\": [0, 0]}");
    static const double means[] = {.125, .5, .75, 0, 0, .25};
    assert_int_equal(heads->n_layer, 3);
    assert_int_equal(heads->n_head, 2);
    assert_int_equal(heads->n_kv_head, 0);
    assert_memory_equal(heads->scores, means, sizeof means);
    assert_int_equal(heads->samples, 2);
    assert_int_equal(heads->samples_counted, 2);
    assert_string_equal(heads->source, "Retrieval_Head");
    assert_string_equal(heads->method, "retrieval");
    assert_int_equal(heads->n_heads, 1);
    assert_int_equal(heads->heads[0].layer, 1);
    assert_int_equal(heads->heads[0].head, 0);
    struct hs_buffer out = {0};
    assert_true(hs_heads_print(heads, &out));
    headsift_heads_free(heads);
    heads = parse(out.data); /* as our own file */
    assert_string_equal(heads->source, "Retrieval_Head");
    assert_memory_equal(heads->scores, means, sizeof means);
    headsift_heads_free(heads);
    hs_buffer_free(&out);
}

/* 2 of 40 heads, as many as 5 % of scores of our own. */
static void the_top_share_is_chosen(void **state) {
    (void)state;
    struct hs_buffer text = {0};
    for (int i = 0; i < 40; i++) {
        assert_true(
            hs_buffer_printf(&text, "%s\"%d-%d\": [0.%02d]", i == 0 ? "{" : ", ", i / 4, i % 4, i * 7 % 40 + 10));
    }
    assert_true(hs_buffer_printf(&text, "}"));
    headsift_heads *heads = parse(text.data);
    assert_int_equal(heads->n_heads, 2);
    assert_int_equal(heads->heads[0].layer * 4 + heads->heads[0].head, 17); /* 7 * 17 = 39 modulo 40 */
    assert_int_equal(heads->heads[1].layer * 4 + heads->heads[1].head, 34);
    assert_true(heads->mask_fraction == .05);
    headsift_heads_free(heads);
    hs_buffer_free(&text);
}

static void bad_files_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\"0-0\": [1], \"1-1\": [0]}", "\"0-1\" is missing"},
        {"{\"0-0\": [1], \"4095-4095\": [0]}", "\"0-1\" is missing"},
        {"{\"0-0\": [1], \"0-4096\": [0]}", "\"0-4096\" is no layer and head"},
        {"{\"0-0\": [1], \"0-01\": [0]}", "\"0-01\" is no layer and head"},
        {"{\"0-0\": [1], \"0--1\": [0]}", "no layer and head"},
        {"{\"0-0\": [1], \"0-1 \": [0]}", "no layer and head"},
        {"{\"0-0\": [1], \"mean\": [0]}", "\"mean\" is no layer and head"},
        {"{\"0-0\": [], \"0-1\": []}", "\"0-0\" must be a list of scores"},
        {"{\"0-0\": 0.5, \"0-1\": 0.25}", "\"0-0\" must be a list of scores"},
        {"{\"0-0\": [1, 2], \"0-1\": [1]}", "\"0-1\" has 1 scores and \"0-0\" 2"},
        {"{\"0-0\": [1, 2], \"0-1\": [1, \"x\"]}", "\"0-1\", entry 1 is not a number"},
        {"{\"0-0\": [1e308, 1e308], \"0-1\": [1, 1]}", "no finite sum"},
        {"{\"0-0\": [0, 0], \"0-1\": [0, 0]}", "noise"},
        {"{\"0-0\": [-1], \"0-1\": [-2]}", "noise"},
        {"{\"mean\": [0], \"0-0\": [1]}", "\"heads\" is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        headsift_heads *heads;
        headsift_error error = {0};
        assert_int_equal(hs_heads_parse(cases[i].text, strlen(cases[i].text), "h.json", &heads, &error),
                         HEADSIFT_FAILED);
        assert_null(heads);
        if (strstr(error.message, cases[i].message) == NULL || strstr(error.message, "h.json") == NULL) {
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, error.message, cases[i].message);
        }
    }
}

/* ---- Used with a model ---- */

static headsift_model *model; /* 30 layers x 9 heads */
static char path[512], said[1024];

static int set_up(void **state) {
    (void)state;
    headsift_error error = {0};
    headsift_model_options options = {.path = HS_DEMO_MODEL};
    if (headsift_model_open(&options, NULL, &model, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    test_scratch(path, sizeof path, "foreign.json");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    headsift_model_close(model);
    return 0;
}

static void keep_line(void *user, headsift_log_level level, const char *line) {
    (void)user;
    (void)level;
    snprintf(said, sizeof said, "%s", line);
}

/* Scores of 30 x `heads` heads, the best at layer 29. */
static void write_scores(int heads) {
    struct hs_buffer text = {0};
    for (int i = 0; i < 30 * heads; i++) {
        assert_true(hs_buffer_printf(&text, "%s\"%d-%d\": [%d, 0]", i == 0 ? "{" : ", ", i / heads, i % heads, i));
    }
    assert_true(hs_buffer_printf(&text, "}"));
    assert_int_equal(hs_file_write(path, text.data, text.size, NULL), HEADSIFT_OK);
    hs_buffer_free(&text);
}

static void using_them_says_what_was_chosen(void **state) {
    (void)state;
    headsift_monitor monitor = {.log = keep_line};
    headsift_heads *heads;
    headsift_error error = {0};
    write_scores(9);
    assert_int_equal(headsift_heads_load(path, &heads, &error), HEADSIFT_OK);
    assert_int_equal(headsift_heads_check(heads, model, &monitor, &error), HEADSIFT_OK);
    assert_string_equal(said, "heads of Retrieval_Head: 14 of 270 by their mean scores over 2 samples, best [29, 8]");
    headsift_heads_free(heads);
    write_scores(8);
    assert_int_equal(headsift_heads_load(path, &heads, &error), HEADSIFT_OK);
    assert_int_equal(headsift_heads_check(heads, model, &monitor, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "8 heads a layer"));
    headsift_heads_free(heads);
}

static void other_heads_are_chosen_by_the_same_scores(void **state) {
    (void)state;
    headsift_heads *heads;
    headsift_error error = {0};
    headsift_heads_options options = {.top_count = 3};
    write_scores(9);
    assert_int_equal(headsift_heads_choose(model, path, NULL, &options, NULL, &heads, &error), HEADSIFT_OK);
    assert_int_equal(heads->n_heads, 3);
    assert_int_equal(heads->heads[2].layer, 29);
    assert_int_equal(heads->heads[2].head, 6);
    assert_int_equal(heads->n_kv_head, 3);
    assert_int_equal(strlen(heads->model_sha256), 64);
    assert_int_equal(heads->effect.draws, 0);
    headsift_heads_free(heads);
    options.top_count = 271;
    assert_int_equal(headsift_heads_choose(model, path, NULL, &options, NULL, &heads, &error), HEADSIFT_USAGE);
    assert_null(heads);
    static const char bare[] = "{\"heads\": [[5, 7]]}";
    assert_int_equal(hs_file_write(path, bare, sizeof bare - 1, NULL), HEADSIFT_OK);
    options.top_count = 3;
    assert_int_equal(headsift_heads_choose(model, path, NULL, &options, NULL, &heads, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "states no scores"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_means_over_the_samples),
        cmocka_unit_test(the_top_share_is_chosen),
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(using_them_says_what_was_chosen),
        cmocka_unit_test(other_heads_are_chosen_by_the_same_scores),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
