/* headsift compare through the command, on what a tiny model scored: every kind but heads, their files, wrong calls;
 * and which masks report can repeat. The model and the corpus are made once. */
#define _GNU_SOURCE
#include "cli_support.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "tiny_model.h"

static int set_up(void **state) {
    (void)state;
    cli_folder("cli_compare");
    tiny_model();
    const struct cli_output *output = cli(
        "for i in $(seq 120); do printf '{\"text\": \"%%s%%s\", \"domain\": \"d%%d\", \"n\": %%d}\\n' "
        "\"$(printf 'word%%d ' $(seq $i $((i + i %% 7 + 20))))\" \"$((i * i))\" $((i %% 2)) $i; done >docs.jsonl && "
        "headsift score -q -m tiny --heads heads.json --dtype f32 -o run/scores docs.jsonl && "
        "headsift select -q run/scores -o run/selected && "
        "headsift select -q run/scores --by loss_base --order asc -o low && "
        "headsift score -q -m tiny --heads heads.json --dtype f32 --mask zero -o zero/scores docs.jsonl");
    assert_code(output, 0);
    return 0;
}

static json_t *load(const char *path) {
    json_error_t error;
    json_t *out = json_load_file(path, 0, &error);
    if (out == NULL) {
        fail_msg("%s: %s", path, error.text);
    }
    return out;
}

static double number(const json_t *object, const char *outer, const char *inner) {
    return json_number_value(json_object_get(json_object_get(object, outer), inner));
}

static void assert_has(const struct cli_output *output, const char *part) {
    if (strstr(output->out.data, part) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", part, output->out.data);
    }
}

/* "./x", "x" and "x/../x" are one folder however it is named. */
static void folders_may_be_named_in_any_way(void **state) {
    (void)state;
    assert_code(cli("headsift select -q ./run/scores -o named"), 0);
    assert_code(cli("ln -s ../docs.jsonl run/docs.jsonl && cd run && headsift select -q ././../run/scores -o "
                    "../named-too && headsift compare selected >/dev/null && "
                    "headsift report . -o ../named.html"),
                0);
    assert_code(cli("headsift compare ./run/selected ./named --scores run/scores"), 0);
    assert_has(cli("headsift compare ./run/selected named-too --scores ././run/scores"), "100.0 %");
}

/* The report colours tokens where it can mask the heads as they were. */
static void the_report_repeats_masks_that_it_can(void **state) {
    (void)state;
    static const struct {
        const char *flags;
        bool colours;
    } cases[] = {
        {"--mask uniform", true},
        {"--mask zero", true},
        {"--mask mean", true},
        {"--mask mean --calibration docs.jsonl", false},
        {"--prompt domain --response text", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_code(cli("rm -rf masked && headsift score -q -m tiny --heads heads.json --dtype f32 %s -o masked/scores "
                        "docs.jsonl && cp heads.json masked && headsift report -q -m tiny masked",
                        cases[i].flags),
                    0);
        bool has_key = cli("grep -q 'Under the mask the loss of a token rises' masked/report.html")->code == 0;
        bool says = cli("grep -q 'The tokens have no colours' masked/report.html")->code == 0;
        assert_int_equal(has_key, cases[i].colours);
        assert_int_equal(says, !cases[i].colours);
    }
}

static void one_selection_stands_against_baselines(void **state) {
    (void)state;
    const struct cli_output *output = cli("headsift compare run/selected --by n -o base.json");
    assert_code(output, 0);
    assert_int_equal(output->err.size, 0);
    assert_has(output, "loss_lowest");
    assert_has(output, "In domain \"d0\" length, base loss, repetition and place in the file together explain ");
    assert_has(output, "words that mark them");
    json_t *base = load("base.json");
    assert_string_equal(json_string_value(json_object_get(base, "kind")), "compare-baselines");
    assert_string_equal(json_string_value(json_object_get(base, "headsift")), "0.1.0");
    assert_int_equal(json_array_size(json_object_get(base, "baselines")), 7);
    assert_int_equal(json_array_size(json_object_get(base, "explained")), 2);
    json_decref(base);
}

static void two_selections_are_clustered_by_a_model_s_states(void **state) {
    (void)state;
    const struct cli_output *output = cli("headsift compare run/selected low --scores run/scores -m tiny --dtype f32 "
                                          "--clusters 3 --max-tokens 64 -o two.json");
    assert_code(output, 0);
    assert_has(output, "3 clusters of the states of 24 and 24 documents");
    json_t *two = load("two.json");
    const json_t *clusters = json_object_get(two, "clusters"), *pca = json_object_get(two, "pca");
    double a = 0, b = 0;
    for (size_t i = 0; i < 3; i++) {
        a += json_number_value(json_array_get(json_object_get(clusters, "a"), i));
        b += json_number_value(json_array_get(json_object_get(clusters, "b"), i));
    }
    assert_true(fabs(a - 1) < 1e-9 && fabs(b - 1) < 1e-9);
    assert_true(number(two, "clusters", "objective") > 0);
    assert_int_equal(json_array_size(json_object_get(pca, "a")), 24);
    json_t *shares = json_object_get(pca, "explained");
    double first = json_number_value(json_array_get(shares, 0)), second = json_number_value(json_array_get(shares, 1));
    assert_true(first >= second && second > 0 && first + second <= 1);
    json_decref(two);
    assert_code(cli("headsift compare run/selected low --scores run/scores -m tiny --dtype f32 --clusters 3 "
                    "--max-tokens 64 -j 1 -o again.json && cmp two.json again.json"),
                0);
}

static void scorings_say_in_what_they_differ(void **state) {
    (void)state;
    const struct cli_output *output = cli("headsift compare run/scores zero/scores -o scores.json");
    assert_code(output, 0);
    assert_has(output, "mask: run uniform, zero zero\n");
    assert_has(output, "Spearman");
    json_t *scores = load("scores.json");
    assert_int_equal(json_array_size(json_object_get(scores, "pairs")), 1);
    assert_int_equal(json_array_size(json_object_get(scores, "differences")), 1);
    json_decref(scores);
    output = cli("headsift compare -o - run/scores zero/scores | head -c 3");
    assert_string_equal(output->out.data, "{\n ");
}

static void wrong_calls_end_with_one_line(void **state) {
    (void)state;
    const struct cli_output *output = cli("headsift compare low");
    assert_code(output, 2);
    assert_one_error(output, "say with --scores where they are");
    output = cli("headsift compare run/scores zero/scores --keep 5");
    assert_code(output, 2);
    assert_one_error(output, "must be a share");
    output = cli("headsift compare run/selected low run/selected");
    assert_code(output, 2);
    assert_one_error(output, "at most 2");
    output = cli("headsift compare run/selected -o nowhere/out.json");
    assert_true(output->code != 0);
    assert_one_error(output, "nowhere");
    output = cli("headsift compare run/selected run/scores/no-such");
    assert_code(output, 1);
    assert_one_error(output, "there is no such file or folder");
    output = cli("cp -p docs.jsonl kept.jsonl && echo >>docs.jsonl && headsift compare run/selected; code=$?; "
                 "mv kept.jsonl docs.jsonl; exit $code");
    assert_code(output, 1);
    assert_one_error(output, "it has changed, score it again");
    output = cli("mkdir -p spill && headsift compare run/selected --temp-dir spill >/dev/null && ls spill | wc -l");
    assert_code(output, 0);
    assert_string_equal(output->out.data, "0\n"); /* nothing is left behind */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_may_be_named_in_any_way),
        cmocka_unit_test(the_report_repeats_masks_that_it_can),
        cmocka_unit_test(one_selection_stands_against_baselines),
        cmocka_unit_test(two_selections_are_clustered_by_a_model_s_states),
        cmocka_unit_test(scorings_say_in_what_they_differ),
        cmocka_unit_test(wrong_calls_end_with_one_line),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
