/* Tests of heads.json and the heat map: what is written reads back the same, what can't be is refused.
 * Also headsift_heads_check against the demo model's shape. */
#include "support.h"

#include <locale.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "probe/heads_file.h"

static double table[6] = {0.1, 1.0 / 3, -2.5e-7, 0, 0.80760122233, 5};
static headsift_head chosen[2] = {{2, 1}, {2, 0}};
static char model_name[] = "a <b> \"c\" & \x1b[31m", sha256[] = "00ff", method[] = "retrieval", decode[] = "teacher";

static headsift_settling curve[3] = {{1, 0.5, -0.25}, {2, 1.0 / 3, 0.1}, {4, 1, 1}};
static double shares[2] = {0.998, 1.0 / 3};
static char noise[] = "all \"6\" heads have the same score", source[] = "another tool";

static headsift_heads example(void) {
    return (headsift_heads){.model_name = model_name,
                            .model_sha256 = sha256,
                            .n_layer = 3,
                            .n_head = 2,
                            .n_kv_head = 1,
                            .method = method,
                            .decode = decode,
                            .samples = 8,
                            .samples_counted = 7,
                            .seed = UINT64_C(0xFFFFFFFFFFFFFFFE),
                            .mask_fraction = 1.0 / 3,
                            .effect = {8, 0.46247, 3.81635, 1.5, 1.01, 2.09, 5},
                            .scores = table,
                            .heads = chosen,
                            .n_heads = 2,
                            .source = source,
                            .noise = noise,
                            .settling = curve,
                            .n_settling = 3,
                            .resamples = 500,
                            .bootstrap_overlap = 0.6656,
                            .bootstrap = shares,
                            .settle = {0.95, 7, true}};
}

static void expect_same(const headsift_heads *a, const headsift_heads *b) {
    assert_string_equal(a->model_name, b->model_name);
    assert_string_equal(a->model_sha256, b->model_sha256);
    assert_string_equal(a->method, b->method);
    assert_string_equal(a->decode, b->decode);
    assert_int_equal(a->n_layer, b->n_layer);
    assert_int_equal(a->n_head, b->n_head);
    assert_int_equal(a->n_kv_head, b->n_kv_head);
    assert_int_equal(a->samples, b->samples);
    assert_int_equal(a->samples_counted, b->samples_counted);
    assert_true(a->seed == b->seed);
    assert_true(a->mask_fraction == b->mask_fraction);
    assert_int_equal(a->effect.samples, b->effect.samples);
    assert_int_equal(a->effect.draws, b->effect.draws);
    assert_memory_equal(&a->effect.unmasked, &b->effect.unmasked, 5 * sizeof(double));
    assert_memory_equal(a->scores, b->scores, sizeof table);
    assert_int_equal(a->n_heads, b->n_heads);
    assert_memory_equal(a->heads, b->heads, b->n_heads * sizeof *b->heads);
    assert_string_equal(a->source, b->source);
    assert_string_equal(a->noise, b->noise);
    assert_int_equal(a->n_settling, b->n_settling);
    for (size_t i = 0; i < b->n_settling; i++) {
        assert_int_equal(a->settling[i].samples, b->settling[i].samples);
        assert_true(a->settling[i].overlap == b->settling[i].overlap);
        assert_true(a->settling[i].spearman == b->settling[i].spearman);
    }
    assert_int_equal(a->resamples, b->resamples);
    assert_true(a->bootstrap_overlap == b->bootstrap_overlap);
    assert_memory_equal(a->bootstrap, b->bootstrap, sizeof shares);
    assert_true(a->settle.threshold == b->settle.threshold && a->settle.settled == b->settle.settled);
    assert_int_equal(a->settle.samples, b->settle.samples);
}

static void heads_read_back_to_the_bit(void **state) {
    (void)state;
    char path[512], map[512];
    headsift_heads heads = example(), *read;
    headsift_error error = {0};
    test_scratch(path, sizeof path, "round_trip.json");
    test_scratch(map, sizeof map, "round_trip.svg");
    unlink(map);
    assert_int_equal(headsift_heads_save(&heads, path, &error), HEADSIFT_OK);
    assert_true(hs_file_exists(map));
    if (headsift_heads_load(path, &read, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    expect_same(read, &heads);
    struct hs_buffer first = {0}, second = {0};
    assert_true(hs_heads_print(&heads, &first) && hs_heads_print(read, &second));
    assert_string_equal(first.data, second.data);
    assert_non_null(strstr(first.data, "  [0.1, 0.3333333333333333],\n"));
    assert_non_null(strstr(first.data, "\"heads\": [[2, 1], [2, 0]]}\n"));
    hs_buffer_free(&first);
    hs_buffer_free(&second);
    headsift_heads_free(read);
}

static void numbers_have_a_point_in_every_locale(void **state) {
    (void)state;
    headsift_heads heads = example();
    struct hs_buffer plain = {0}, local = {0};
    assert_true(hs_heads_print(&heads, &plain));
    bool found = setlocale(LC_ALL, "de_DE.UTF-8") != NULL || setlocale(LC_ALL, "de_DE") != NULL;
    bool ok = hs_heads_print(&heads, &local);
    setlocale(LC_ALL, "C");
    assert_true(ok);
    assert_string_equal(plain.data, local.data);
    hs_buffer_free(&plain);
    hs_buffer_free(&local);
    if (!found) {
        skip(); /* the machine has no locale with a decimal comma */
    }
}

static void heads_alone_are_enough(void **state) {
    (void)state;
    static const char bare[] = "{\"heads\": [[5, 7]]}",
                      shaped[] = "{\"heads\": [[0, 1]], \"scores\": [[1, 2], [3, 4]]}";
    headsift_heads *heads;
    assert_int_equal(hs_heads_parse(bare, sizeof bare - 1, "h", &heads, NULL), HEADSIFT_OK);
    assert_int_equal(heads->n_layer, 0);
    assert_int_equal(heads->heads[0].head, 7);
    assert_null(heads->scores);
    assert_null(heads->model_sha256);
    struct hs_buffer out = {0};
    assert_true(hs_heads_print(heads, &out));
    headsift_heads_free(heads);
    assert_int_equal(hs_heads_parse(out.data, out.size, "h", &heads, NULL), HEADSIFT_OK);
    assert_int_equal(heads->n_layer, 0);
    headsift_heads_free(heads);
    hs_buffer_free(&out);
    assert_int_equal(hs_heads_parse(shaped, sizeof shaped - 1, "h", &heads, NULL), HEADSIFT_OK);
    assert_int_equal(heads->n_layer, 2);
    assert_int_equal(heads->n_head, 2);
    assert_true(heads->mask_fraction == 0.25);
    assert_true(heads->scores[2] == 3);
    headsift_heads_free(heads);
    assert_int_equal(headsift_heads_load(HS_TEST_DATA "/goldens/heads.json", &heads, NULL), HEADSIFT_OK);
    assert_int_equal(heads->n_heads, 14);
    headsift_heads_free(heads);
}

static void bad_heads_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "is not JSON"},
        {"[]", "must be a JSON object"},
        {"{}", "\"heads\" is missing"},
        {"{\"heads\": 3}", "\"heads\" must be an array"},
        {"{\"heads\": []}", "is empty"},
        {"{\"heads\": [3]}", "entry 0 must be [layer, head]"},
        {"{\"heads\": [[1, 2], [1]]}", "entry 1 must be [layer, head]"},
        {"{\"heads\": [[1, 2.5]]}", "two integers"},
        {"{\"heads\": [[1, 2, 3]]}", "entry 0"},
        {"{\"heads\": [[-1, 0]]}", "layer -1 is out of range"},
        {"{\"heads\": [[0, 99999999999]]}", "head 99999999999 is out of range: must be 0 to 4095"},
        {"{\"heads\": [[30, 0]], \"model\": {\"n_layer\": 30}}", "layer 30 is out of range: the model has 0 to 29"},
        {"{\"heads\": [[3, 9]], \"model\": {\"n_head\": 9}}", "head 9 is out of range: the model has 0 to 8"},
        {"{\"heads\": [[3, 1], [2, 2], [3, 1]]}", "layer 3, head 1 twice"},
        {"{\"heads\": [[0, 0]], \"model\": []}", "\"model\" must be an object"},
        {"{\"heads\": [[0, 0]], \"model\": {\"n_layer\": 0}}", "\"n_layer\" is 0"},
        {"{\"heads\": [[0, 0]], \"model\": {\"sha256\": 5}}", "\"sha256\" must be a string"},
        {"{\"heads\": [[0, 0]], \"scores\": [[1], [2, 3]]}", "layer 1 has 2 numbers, must have 1"},
        {"{\"heads\": [[0, 0]], \"scores\": [[1, \"x\"]]}", "layer 0, head 1 is not a number"},
        {"{\"heads\": [[0, 0]], \"scores\": []}", "\"scores\" must be rows"},
        {"{\"heads\": [[0, 0]], \"scores\": [5]}", "\"scores\" must be rows"},
        {"{\"heads\": [[0, 0]], \"scores\": [[1]], \"model\": {\"n_layer\": 2}}", "1 rows, the model 2 layers"},
        {"{\"heads\": [[0, 0]], \"mask_fraction\": 2}", "\"mask_fraction\" is 2"},
        {"{\"heads\": [[0, 0]], \"samples\": -1}", "\"samples\" is -1"},
        {"{\"heads\": [[0, 0]], \"effect\": {\"masked\": \"x\"}}", "\"masked\" must be a number"},
        {"{\"heads\": [[0, 0]], \"noise\": 1}", "\"noise\" must be a string"},
        {"{\"heads\": [[0, 0]], \"settling\": [1]}", "\"settling\" must be a list of objects"},
        {"{\"heads\": [[0, 0]], \"settling\": [{\"samples\": -1}]}", "\"samples\" is -1"},
        {"{\"heads\": [[0, 0]], \"settle\": {\"settled\": 1}}", "\"settled\" must be true or false"},
        {"{\"heads\": [[0, 0]], \"bootstrap\": {\"overlap\": 1, \"heads\": [1, 1]}}",
         "2 numbers, must have one for each"},
        {"{\"heads\": [[0, 0]], \"bootstrap\": {\"overlap\": 1, \"heads\": [null]}}", "entry 0 is not a number"},
        {"{\"heads\": [[0, 0]], \"bootstrap\": {\"heads\": [1]}}", "\"overlap\" is missing"},
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

static size_t occurrences(const char *text, const char *word) {
    size_t n = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        n++;
    }
    return n;
}

static void the_heat_map_shows_every_head_and_runs_nothing(void **state) {
    (void)state;
    headsift_heads heads = example();
    struct hs_buffer out = {0};
    assert_true(hs_heatmap_print(&heads, &out));
    assert_int_equal(occurrences(out.data, "<title>layer "), 6);
    assert_non_null(strstr(out.data, "layer 2, head 1: 5.0000 (chosen, number 1)</title>"));
    assert_non_null(strstr(out.data, "layer 2, head 0: 0.8076 (chosen, number 2)</title>"));
    assert_int_equal(occurrences(out.data, "class=\"pick\""), 2);
    assert_non_null(strstr(out.data, "a &lt;b&gt; &quot;c&quot; &amp; \\x1b[31m"));
    assert_non_null(strstr(out.data, "prefers-color-scheme:dark"));
    assert_null(strstr(out.data, "<script"));
    assert_null(strstr(out.data, "<b>"));
    assert_null(strchr(out.data, '\x1b'));
    assert_int_equal(occurrences(out.data, "<rect"), occurrences(out.data, "/>") + occurrences(out.data, "</rect>"));
    hs_buffer_free(&out);
}

static void nothing_is_left_half_written(void **state) {
    (void)state;
    headsift_heads heads = example();
    headsift_error error = {0};
    char path[512];
    test_scratch(path, sizeof path, "no/such/folder/heads.json");
    assert_int_equal(headsift_heads_save(&heads, path, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "no/such/folder"));
}

static headsift_status check(headsift_model *model, headsift_heads heads, headsift_error *error) {
    heads.model_sha256 = NULL;
    return headsift_heads_check(&heads, model, NULL, error);
}

static void count_warnings(void *user, headsift_log_level level, const char *line) {
    (void)line;
    *(int *)user += level == HEADSIFT_LOG_WARNING;
}

static void heads_of_another_model_are_refused(void **state) {
    (void)state;
    headsift_model_options options = {.path = HS_DEMO_MODEL};
    headsift_model *model;
    headsift_error error = {0};
    if (headsift_model_open(&options, NULL, &model, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    headsift_head one = {29, 8};
    headsift_heads heads = {.heads = &one, .n_heads = 1};
    assert_int_equal(check(model, heads, &error), HEADSIFT_OK);
    heads.n_layer = 30, heads.n_head = 9, heads.n_kv_head = 3;
    assert_int_equal(check(model, heads, &error), HEADSIFT_OK);
    heads.n_kv_head = 9;
    assert_int_equal(check(model, heads, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "9 KV heads"));
    heads.n_kv_head = 0, heads.n_layer = 32;
    assert_int_equal(check(model, heads, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "32 layers"));
    heads.n_layer = heads.n_head = 0;
    one = (headsift_head){30, 0};
    assert_int_equal(check(model, heads, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "layer 30, head 0"));
    assert_non_null(strstr(error.message, "0 to 29"));
    one = (headsift_head){2, 9};
    assert_int_equal(check(model, heads, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "0 to 8"));
    one = (headsift_head){2, -1};
    assert_int_equal(check(model, heads, &error), HEADSIFT_FAILED);

    one = (headsift_head){2, 2};
    heads.noise = noise;
    assert_int_equal(check(model, heads, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "marked as noise"));
    assert_non_null(strstr(error.message, noise));
    heads.noise = NULL;

    int warnings = 0;
    headsift_monitor monitor = {.log = count_warnings, .user = &warnings};
    one = (headsift_head){2, 2};
    heads.model_sha256 = sha256;
    assert_int_equal(headsift_heads_check(&heads, model, &monitor, &error), HEADSIFT_OK);
    assert_int_equal(warnings, 1);
    headsift_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_read_back_to_the_bit),
        cmocka_unit_test(numbers_have_a_point_in_every_locale),
        cmocka_unit_test(heads_alone_are_enough),
        cmocka_unit_test(bad_heads_are_refused),
        cmocka_unit_test(the_heat_map_shows_every_head_and_runs_nothing),
        cmocka_unit_test(nothing_is_left_half_written),
        cmocka_unit_test(heads_of_another_model_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
