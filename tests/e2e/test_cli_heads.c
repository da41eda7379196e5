/* The command's ways with heads: a search that settles, noise kept and marked, another choice, other tools' files, and
 * heads beside one another. A tiny model with random weights: its rankings are noise, and have to be said to be. */
#define _GNU_SOURCE
#include "cli_support.h"
#include "tiny_model.h"

#include <jansson.h>
#include <string.h>

static int set_up(void **state) {
    (void)state;
    cli_folder("cli_heads");
    tiny_model();
    cli("for i in $(seq 1 400); do echo \"Line $i.\"; done >lines.txt; "
        "echo '{\"instruction\": \"F\", \"question\": \"Q \", \"answer\": \"A\"}' >words.json");
    assert_code(cli("headsift probe -q -m tiny --sentences lines.txt --template words.json --samples 40 --probe-tokens "
                    "256 --shots 1 -o p.jsonl"),
                0);
    return 0;
}

/* The one line of stderr that holds `part`. */
static void assert_said(const struct cli_output *output, const char *part) {
    if (strstr(output->err.data, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, output->err.data);
    }
}

static const json_t *member(json_t *root, const char *object, const char *name) {
    const json_t *value = json_object_get(json_object_get(root, object), name);
    assert_non_null(value);
    return value;
}

static void a_search_stops_when_its_top_set_is_settled(void **state) {
    (void)state;
    const struct cli_output *output =
        cli("headsift heads -m tiny --dtype f32 --probe p.jsonl --method ablation --settle=0.2 -o settled.json");
    assert_code(output, 0);
    assert_said(output, "settled after 25 samples");
    assert_said(output, "from 25 of 40 samples");
    json_t *heads = json_load_file("settled.json", 0, NULL);
    assert_non_null(heads);
    assert_true(json_is_true(member(heads, "settle", "settled")));
    assert_int_equal(json_integer_value(member(heads, "settle", "samples")), 25);
    assert_int_equal(json_integer_value(member(heads, "bootstrap", "resamples")), 500);
    assert_int_equal(json_array_size(json_object_get(heads, "settling")), 7);
    json_decref(heads);
    output = cli("headsift heads -m tiny --dtype f32 --probe p.jsonl --method ablation --settle -o whole.json");
    assert_code(output, 0);
    assert_said(output, "not settled after all 40 samples");
    assert_said(output, "0.950 is wanted");
}

static void noise_is_kept_only_when_asked_for(void **state) {
    (void)state;
    cli("echo '{\"heads\": [[0, 0]], \"scores\": [[1,1,1,1],[1,1,1,1],[1,1,1,1]]}' >flat.json; "
        "echo '{\"text\":\"aaa bbb\"}' >t.jsonl");
    const struct cli_output *output = cli("headsift heads -q -m tiny --from flat.json -o n.json");
    assert_code(output, 1);
    assert_one_error(output, "same score (1)");
    assert_code(cli("test -e n.json"), 1);
    output = cli("headsift heads -m tiny --from flat.json --keep-noise -o n.json");
    assert_code(output, 0);
    assert_said(output, "marked as noise");
    assert_code(cli("grep -q '\"noise\": \"all 12 heads have the same score' n.json"), 0);
    static const char *const lines[] = {"headsift score -q -m tiny --heads n.json -o noise t.jsonl",
                                        "headsift run -q -m tiny --heads n.json -o noise_run t.jsonl",
                                        "headsift explain -q -m tiny --heads n.json t.jsonl"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        output = cli("%s", lines[i]);
        assert_code(output, 1);
        assert_one_error(output, "marked as noise");
    }
    assert_code(cli("headsift compare flat.json n.json"), 0); /* of checkpoints, say */
}

static void other_tools_heads_score_documents(void **state) {
    (void)state;
    cli("for l in 0 1 2; do for h in 0 1 2 3; do echo \"\\\"$l-$h\\\": [0.$l$h, 0.0]\"; done; done | paste -sd, | "
        "sed 's/^/{/; s/$/}/' >foreign.json; echo '{\"text\":\"aaa bbb ccc ddd eee fff ggg\"}' >t.jsonl");
    const struct cli_output *output = cli("headsift score -m tiny --heads foreign.json -o scored t.jsonl");
    assert_code(output, 0);
    assert_said(output, "heads of Retrieval_Head: 1 of 12 by their mean scores over 2 samples, best [2, 3]");
    output = cli("headsift heads -m tiny --from foreign.json --top-heads 2 --probe p.jsonl -o chosen.json && "
                 "grep -o '\"heads\": .*' chosen.json; grep -c '\"effect\"' chosen.json");
    assert_code(output, 0);
    assert_string_equal(output->out.data, "\"heads\": [[2, 3], [2, 2]]}\n1\n");
    output = cli("headsift heads -m tiny --from nothing.json -o x.json");
    assert_code(output, 1);
    assert_said(output, "nothing.json");
}

static void heads_are_put_beside_one_another(void **state) {
    (void)state;
    cli("echo '{\"heads\": [[0, 0]], \"scores\": [[9, 1], [2, 3]]}' >a.json; "
        "echo '{\"heads\": [[1, 1]], \"scores\": [[3, 1], [2, 9]]}' >b.json");
    const struct cli_output *output = cli("headsift compare a.json b.json --top-heads 2 -o c.json");
    assert_code(output, 0);
    assert_int_equal(output->err.size, 0);
    assert_string_equal(output->out.data, "a     b         top 2     chosen  Spearman   Pearson\n"
                                          "a     b           2/2        0/1    0.8000    0.0710\n"
                                          "chosen in all 2: 0 heads\n");
    json_t *result = json_load_file("c.json", 0, NULL);
    assert_non_null(result);
    assert_string_equal(json_string_value(json_object_get(result, "kind")), "compare-heads");
    json_decref(result);
    output = cli("headsift compare a.json b.json -o - | head -n 2 | tail -n 1");
    assert_string_equal(output->out.data, " \"kind\": \"compare-heads\",\n");
    output = cli("headsift compare a.json .");
    assert_code(output, 1);
    assert_one_error(output, ". is nothing that can be compared");
    output = cli("headsift compare a.json");
    assert_code(output, 2);
    assert_one_error(output, "at least 2");
    assert_code(cli("headsift compare a.json b.json -o no/such/folder.json"), 1);
}

/* What the heads depend on is in the settings, so that another call does not take them for its own. */
static void a_run_remembers_language_and_settling(void **state) {
    (void)state;
    static const char run[] =
        "headsift run -q -m tiny --dtype f32 --sentences lines.txt --template words.json --samples 30 "
        "--probe-tokens 256 --shots 1 --method ablation -o r t.jsonl";
    cli("for i in 1 2 3 4 5; do echo \"{\\\"text\\\":\\\"aaa bbb ccc $i ddd eee fff ggg\\\"}\"; done >t.jsonl");
    const struct cli_output *output = cli("%s --language es --settle=0.2 && %s --language es --settle=0.2", run, run);
    assert_code(output, 0);
    json_t *settings = json_load_file("r/run.json", 0, NULL), *heads = json_load_file("r/heads.json", 0, NULL);
    assert_non_null(settings);
    assert_string_equal(json_string_value(member(settings, "probe", "language")), "es");
    assert_true(json_real_value(member(settings, "heads", "settle")) == .2);
    assert_int_equal(json_integer_value(member(heads, "settle", "samples")), 25);
    json_decref(heads);
    json_decref(settings);
    output = cli("%s --settle=0.2", run);
    assert_code(output, 1);
    assert_one_error(output, "other settings of probe");
    output = cli("%s --language es", run);
    assert_code(output, 1);
    assert_one_error(output, "other settings of heads");
}

static void wrong_values_are_named(void **state) {
    (void)state;
    static const struct {
        const char *line, *part;
    } cases[] = {
        {"headsift heads -m x -o y --probe p --settle=0", "above 0.0"},
        {"headsift heads -m x -o y --probe p --settle=1.5", "above 0.0"},
        {"headsift heads -m x -o y --probe p --settle=often", "positive number"},
        {"HEADSIFT_SETTLE=2 headsift heads -m x -o y --probe p", "HEADSIFT_SETTLE"},
        {"headsift heads -m x -o y --settle", "--probe FILE"},
        {"headsift heads -m x -o y --probe p --settle 0.9", "0.9"}, /* a value needs = */
        {"headsift probe -m x -o y --language de", "en|es"},
        {"headsift compare", "PATH"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct cli_output *output = cli("%s", cases[i].line);
        if (output->code != 2) {
            fail_msg("%s: exit code %d: %s", cases[i].line, output->code, output->err.data);
        }
        assert_one_error(output, cases[i].part);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_search_stops_when_its_top_set_is_settled),
        cmocka_unit_test(noise_is_kept_only_when_asked_for),
        cmocka_unit_test(other_tools_heads_score_documents),
        cmocka_unit_test(heads_are_put_beside_one_another),
        cmocka_unit_test(a_run_remembers_language_and_settling),
        cmocka_unit_test(wrong_values_are_named),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
