/* Prompts and responses by the command, on a tiny model: score, explain, tokenize, select, run, judge, and wrong flags.
 * The tokenizer makes a token a character. */
#define _GNU_SOURCE
#include "cli_support.h"
#include "tiny_model.h"

#include <jansson.h>
#include <string.h>

#include "base/file.h"

#define COLUMNS "--prompt question --response answer"
#define MODEL "-m tiny --heads heads.json -j 1 -q"

static int set_up(void **state) {
    (void)state;
    cli_folder("cli_responses");
    tiny_model();
    static const char pairs[] =
        "{\"id\": \"a\", \"question\": \"how much is one and one\", \"answer\": \"one and one\\n\\nthat is two\"}\n"
        "{\"id\": \"b\", \"question\": \"name a colour\", \"answer\": \"blue; or green; or red\"}\n"
        "{\"id\": \"c\", \"question\": \"\", \"answer\": \"a text of its own\"}\n";
    assert_int_equal(hs_file_write("pairs.jsonl", pairs, sizeof pairs - 1, NULL), HEADSIFT_OK);
    return 0;
}

/* What explain says of a record; json_decref it. */
static json_t *explained(const char *flags) {
    const struct cli_output *output = cli("headsift explain " MODEL " --format json pairs.jsonl %s", flags);
    assert_code(output, 0);
    json_t *told = json_loadb(output->out.data, output->out.size, 0, NULL);
    assert_non_null(told);
    return told;
}

static int64_t member(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void explain_shows_the_response(void **state) {
    (void)state;
    json_t *told = explained(COLUMNS), *tokens = json_object_get(told, "tokens"),
           *steps = json_object_get(told, "steps");
    assert_int_equal(member(told, "n_tokens"), 23 + 24);
    assert_int_equal(member(told, "n_scored"), 24);
    assert_int_equal(json_array_size(tokens), 24);
    assert_int_equal(member(json_array_get(tokens, 0), "start"), 0);
    assert_true(json_is_real(json_object_get(json_array_get(tokens, 0), "base"))); /* predicted from the prompt */
    assert_int_equal(json_array_size(steps), 2);
    assert_int_equal(member(json_array_get(steps, 1), "start"), 13);
    assert_true(json_is_number(json_object_get(json_array_get(steps, 1), "weight")));
    json_decref(told);
    const struct cli_output *output = cli("headsift explain " MODEL " pairs.jsonl " COLUMNS);
    assert_code(output, 0);
    assert_non_null(strstr(output->out.data, "# step 1: bytes 13 to 24, 11 scored, loss "));
    output = cli("headsift explain " MODEL " pairs.jsonl --format html " COLUMNS);
    assert_code(output, 0);
    assert_non_null(strstr(output->out.data, "<h2>Steps</h2>"));
}

static void markers_are_c_strings(void **state) {
    (void)state;
    static const char *const markers[] = {"'; '", "'\\x3b\\x20'"};
    for (size_t i = 0; i < 2; i++) {
        char flags[256];
        snprintf(flags, sizeof flags, "--row 1 --step-marker %s " COLUMNS, markers[i]);
        json_t *told = explained(flags);
        assert_int_equal(json_array_size(json_object_get(told, "steps")), 3);
        json_decref(told);
    }
    json_t *told = explained("--row 0 --step-marker 'one\\n' " COLUMNS);
    assert_int_equal(member(json_array_get(json_object_get(told, "steps"), 1), "start"), 12);
    json_decref(told);
}

static void tokenize_joins_the_two(void **state) {
    (void)state;
    assert_code(cli("headsift tokenize -m tiny -q --jsonl pairs.jsonl " COLUMNS " >joined && "
                    "printf '%%s\\n' '{\"text\":\"name a colourblue; or green; or red\"}' >text.jsonl && "
                    "headsift tokenize -m tiny -q --jsonl text.jsonl >text && sed -n 2p joined | cmp - text"),
                0);
    assert_one_error(cli("headsift tokenize -m tiny pairs.jsonl " COLUMNS), "--jsonl");
}

static void scores_are_selected(void **state) {
    (void)state;
    const struct cli_output *output;
    assert_code(cli("headsift score " MODEL " -o scores pairs.jsonl " COLUMNS), 0);
    assert_code(cli("headsift score " MODEL " -o scores pairs.jsonl " COLUMNS), 0);
    assert_code(
        cli("grep -q '\"response\": \"answer\"' scores/score.json && grep -q '\"text\": null' scores/score.json"), 0);
    assert_code(cli("headsift select scores -o selected --keep 2 -q --output-format jsonl && "
                    "cat selected/*.jsonl | grep -c question | grep -qx 2"),
                0);
    assert_code(cli("headsift select scores -o dolma --keep 2 -q --output-format dolma"), 0);
    output =
        cli("headsift score " MODEL " -o plain pairs.jsonl --text answer && mkdir mixed && cp scores/*.parquet mixed "
            "&& cp plain/part-00000-00000-pairs.parquet mixed/plain.parquet && headsift select mixed -o no");
    assert_code(output, 1);
    assert_one_error(output, "of responses alone");
    assert_code(cli("headsift run " MODEL " -o whole pairs.jsonl " COLUMNS " --step-marker ';'"), 0);
    assert_code(cli("headsift run " MODEL " -o whole pairs.jsonl " COLUMNS " --step-marker ';'"), 0);
    output = cli("headsift run " MODEL " -o whole pairs.jsonl " COLUMNS);
    assert_code(output, 1);
    assert_one_error(output, "step_marker was");
    output = cli("headsift run " MODEL " -o whole pairs.jsonl --prompt id --response answer --step-marker ';'");
    assert_code(output, 1);
    assert_one_error(output, "prompt was");
}

static void judges_are_asked_and_heard(void **state) {
    (void)state;
    assert_code(
        cli("headsift judge scores -o sample -q --documents 2 && headsift judge scores -o again -q --documents 2 "
            "&& cmp sample/sample.jsonl again/sample.jsonl && cmp sample/key.json again/key.json"),
        0);
    assert_code(cli("sed 's/^{\"key\": \"\\([^\"]*\\)\".*/{\"key\": \"\\1\", \"education\": 4, \"reasoning\": 2}/' "
                    "sample/sample.jsonl >answers.jsonl"),
                0);
    const struct cli_output *output = cli("headsift judge sample --answers answers.jsonl -o judged.json -q");
    assert_code(output, 0);
    assert_non_null(strstr(output->out.data, "4.00 ( 4.00 to  4.00)   2.00 ( 2.00 to  2.00)"));
    output = cli("headsift judge sample --answers answers.jsonl -o - -q");
    assert_code(output, 0);
    json_t *told = json_loadb(output->out.data, output->out.size, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(told, "kind")), "judges");
    json_decref(told);
    assert_one_error(cli("headsift judge scores -o sample -q"), "sample.jsonl is there already");
    assert_one_error(cli("headsift judge scores --answers answers.jsonl -o no.json"), "scores holds no key.json");
    assert_one_error(cli("headsift judge scores"), "-o DIR");
    assert_one_error(cli("headsift judge sample --answers missing.jsonl -o no.json"), "missing.jsonl");
    assert_code(cli("test ! -e no.json"), 0);
}

static void wrong_flags_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *flags, *part;
    } cases[] = {
        {"pairs.jsonl --prompt question", "--prompt needs --response"},
        {"pairs.jsonl --response answer", "--response needs --prompt"},
        {"pairs.jsonl --prompt question --response nothing", "with --response: id, question, answer"},
        {"pairs.jsonl --prompt nothing --response answer", "with --prompt: id, question, answer"},
        {"pairs.jsonl --text answer --step-marker x", "--step-marker"},
        {"pairs.jsonl " COLUMNS " --step-marker ''", "is empty"},
        {"pairs.jsonl " COLUMNS " --step-marker '\\q'", "at \\q stands"},
        {"pairs.jsonl " COLUMNS " --step-marker 'a\\x00'", "at \\x00 stands"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct cli_output *output = cli("headsift score " MODEL " -o wrong %s; code=$?; test ! -e wrong && exit "
                                              "$code",
                                              cases[i].flags);
        assert_code(output, 2);
        assert_one_error(output, cases[i].part);
    }
    const struct cli_output *output = cli("printf 'words' >words.txt; headsift explain " MODEL " words.txt " COLUMNS);
    assert_code(output, 2);
    assert_one_error(output, "words.txt is plain text");
    output = cli("printf 'words' | headsift explain " MODEL " - " COLUMNS);
    assert_code(output, 2);
    assert_one_error(output, "stdin is one text");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explain_shows_the_response), cmocka_unit_test(markers_are_c_strings),
        cmocka_unit_test(tokenize_joins_the_two),     cmocka_unit_test(scores_are_selected),
        cmocka_unit_test(judges_are_asked_and_heard), cmocka_unit_test(wrong_flags_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
