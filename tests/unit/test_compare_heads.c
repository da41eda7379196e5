/* headsift_compare on files of heads: overlaps and correlations that can be checked by eye, shapes, what is refused.
 * Spearman and Pearson themselves are tested in test_statistics.c. */
#define _GNU_SOURCE
#include "support.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"

static char folder[400], table[4096];
static headsift_error failure;

static const char *in_folder(const char *name) {
    static char paths[4][512];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", folder, name);
    return paths[turn];
}

static void write_text(const char *name, const char *text) {
    assert_int_equal(hs_file_write(in_folder(name), text, strlen(text), NULL), HEADSIFT_OK);
}

static int set_up(void **state) {
    (void)state;
    test_scratch(folder, sizeof folder, "compare_heads");
    assert_int_equal(hs_make_directory(folder, NULL), HEADSIFT_OK);
    assert_int_equal(hs_make_directory(in_folder("deep"), NULL), HEADSIFT_OK);
    write_text("a.json", "{\"heads\": [[0, 0], [1, 1]], \"scores\": [[9, 1, 2], [3, 8, 4]]}");
    write_text("b.json", "{\"heads\": [[0, 0], [1, 2]], \"scores\": [[9, 1, 2], [3, 4, 8]], \"method\": \"ablation\"}");
    write_text("c.json", "{\"heads\": [[1, 0]], \"scores\": [[1, 9, 8], [7, 2, 6]]}");
    write_text("deep/a.json", "{\"heads\": [[0, 0]], \"noise\": \"f\\u001blat\", \"scores\": [[1, 1, 1], [1, 1, 1]]}");
    write_text("bare.json", "{\"heads\": [[1, 1], [0, 0], [0, 2]]}");
    write_text("other.json", "{\"heads\": [[0, 0]], \"scores\": [[1, 2], [3, 4]]}");
    write_text("foreign.json", "{\"0-0\": [8, 9], \"0-1\": [1, 1], \"0-2\": [2, 2], \"1-0\": [3, 3], \"1-1\": [8, 8], "
                               "\"1-2\": [4, 4]}");
    return 0;
}

/* Compares files of the folder. @return the JSON, the caller's; NULL on a failure. */
static json_t *compare(const char *const *names, size_t n, double top) {
    const char *paths[4];
    char *bytes = NULL;
    size_t size;
    headsift_compare_options options = {.top_fraction = top};
    FILE *out = open_memstream(&bytes, &size);
    failure = (headsift_error){0};
    for (size_t i = 0; i < n; i++) {
        paths[i] = in_folder(names[i]);
    }
    char result[512];
    snprintf(result, sizeof result, "%s/result.json", folder);
    failure.status = headsift_compare(paths, n, &options, result, out, NULL, &failure);
    fclose(out);
    snprintf(table, sizeof table, "%s", bytes);
    free(bytes);
    return failure.status == HEADSIFT_OK ? json_load_file(result, 0, NULL) : NULL;
}

static double number(const json_t *result, size_t pair, const char *name) {
    const json_t *value = json_object_get(json_array_get(json_object_get(result, "pairs"), pair), name);
    assert_non_null(value);
    return json_is_null(value) ? NAN : json_number_value(value);
}

static void assert_near(double got, double wanted) { assert_true(fabs(got - wanted) < 1e-12); }

static void pairs_are_put_beside_one_another(void **state) {
    (void)state;
    const char *names[] = {"a.json", "b.json", "c.json"};
    json_t *result = compare(names, 3, .34);
    assert_non_null(result);
    assert_string_equal(json_string_value(json_object_get(result, "kind")), "compare-heads");
    assert_string_equal(json_string_value(json_object_get(result, "headsift")), HEADSIFT_VERSION);
    assert_int_equal(json_integer_value(json_object_get(result, "top_heads")), 2);
    assert_int_equal(json_array_size(json_object_get(result, "pairs")), 3);
    assert_near(number(result, 0, "overlap"), .5);
    assert_near(number(result, 0, "overlap_chosen"), .5);
    assert_near(number(result, 0, "spearman"), 1 - 6 * 2 / 210.); /* places 4 and 5 are swapped */
    assert_near(number(result, 0, "pearson"), 1 - 16 / 53.5);     /* (8 - 4)^2 of the sum of squares about 4.5 */
    assert_near(number(result, 1, "overlap"), 0);                 /* a's 0-0 and 1-1, c's 0-1 and 0-2 */
    assert_near(number(result, 1, "overlap_chosen"), 0);
    json_t *shared = json_object_get(json_array_get(json_object_get(result, "pairs"), 0), "shared");
    assert_int_equal(json_array_size(shared), 1);
    assert_int_equal(json_integer_value(json_array_get(json_array_get(shared, 0), 1)), 0);
    assert_int_equal(json_array_size(json_object_get(result, "in_all")), 0);
    json_decref(result);
    assert_non_null(strstr(table, "a     b         top 2     chosen  Spearman   Pearson\n"));
    assert_non_null(strstr(table, "a     b           1/2        1/2    0.9429    0.7009\n"));
    assert_non_null(strstr(table, "chosen in all 3: 0 heads\n"));
}

static void heads_in_all_files_are_listed(void **state) {
    (void)state;
    const char *names[] = {"a.json", "b.json", "bare.json"};
    json_t *result = compare(names, 3, 0);
    assert_non_null(result);
    assert_int_equal(json_integer_value(json_object_get(result, "top_heads")), 1); /* 5 % of 6: at least one */
    assert_non_null(strstr(table, "chosen in all 3: 1 heads: [0, 0]\n"));
    assert_true(isnan(number(result, 1, "spearman"))); /* bare.json states no scores */
    assert_true(isnan(number(result, 1, "overlap")));
    assert_near(number(result, 1, "overlap_chosen"), 1);
    assert_near(number(result, 2, "overlap_chosen"), .5);
    json_decref(result);
}

static void other_tools_files_are_compared_too(void **state) {
    (void)state;
    const char *names[] = {"a.json", "foreign.json"};
    json_t *result = compare(names, 2, .34);
    assert_non_null(result);
    assert_near(number(result, 0, "overlap"), 1);
    assert_near(number(result, 0, "spearman"), 1);
    assert_true(number(result, 0, "pearson") < 1);
    json_decref(result);
}

static void equal_names_are_told_apart_by_their_folders(void **state) {
    (void)state;
    const char *names[] = {"a.json", "deep/a.json"};
    json_t *result = compare(names, 2, .34);
    assert_non_null(result);
    const json_t *files = json_object_get(result, "heads");
    const char *first = json_string_value(json_object_get(json_array_get(files, 0), "label"));
    const char *second = json_string_value(json_object_get(json_array_get(files, 1), "label"));
    assert_string_not_equal(first, second);
    assert_true(isnan(number(result, 0, "spearman"))); /* all of one side are equal */
    assert_non_null(strstr(table, " is noise: f\\x1blat\n"));
    assert_non_null(json_string_value(json_object_get(json_array_get(files, 1), "noise")));
    json_decref(result);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    const char *shapes[] = {"a.json", "other.json"}, *missing[] = {"a.json", "nothing.json"};
    const char *kinds[] = {"a.json", "deep"}, *bad[] = {"a.json", "bad.json"};
    assert_null(compare(shapes, 2, 0));
    assert_non_null(strstr(failure.message, "a.json is of a model with 2 layers x 3 heads"));
    assert_non_null(strstr(failure.message, "other.json of one with 2 x 2"));
    assert_null(compare(missing, 2, 0));
    assert_non_null(strstr(failure.message, "nothing.json: there is no such"));
    assert_null(compare(kinds, 2, 0));
    assert_non_null(strstr(failure.message, "deep is nothing that can be compared"));
    write_text("bad.json", "{\"heads\": 1}");
    assert_null(compare(bad, 2, 0));
    assert_non_null(strstr(failure.message, "bad.json"));
    assert_null(compare(shapes, 1, 0));
    assert_int_equal(failure.status, HEADSIFT_USAGE);
    assert_non_null(strstr(failure.message, "at least 2"));
    assert_null(compare(shapes, 0, 0));
    assert_int_equal(failure.status, HEADSIFT_USAGE);
    headsift_compare_options options = {.top_count = 7};
    const char *paths[] = {in_folder("a.json"), in_folder("b.json")};
    assert_int_equal(headsift_compare(paths, 2, &options, NULL, NULL, NULL, &failure), HEADSIFT_USAGE);
    assert_non_null(strstr(failure.message, "must be 1 to 6"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_put_beside_one_another),
        cmocka_unit_test(heads_in_all_files_are_listed),
        cmocka_unit_test(other_tools_files_are_compared_too),
        cmocka_unit_test(equal_names_are_told_apart_by_their_folders),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
