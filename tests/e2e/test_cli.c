/* The command without a model: help, usage errors and their hints, the environment, stdout that can't be written.
 * With a model: test_cli_model.c. */
#include "cli_support.h"

#include <string.h>

static int set_up(void **state) {
    (void)state;
    cli_folder("cli");
    return 0;
}

static void help_goes_to_stdout(void **state) {
    (void)state;
    static const char *const commands[] = {"probe",    "heads",  "score", "select", "run",     "inspect",
                                           "tokenize", "bench",  "mask",  "join",   "explain", "status",
                                           "compare",  "report", "eval",  "judge"};
    const struct cli_output *output = cli("headsift --help");
    assert_code(output, 0);
    assert_int_equal(output->err.size, 0);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        assert_non_null(strstr(output->out.data, commands[i]));
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        assert_code(cli("headsift %s --help", commands[i]), 0);
        assert_code(output, 0);
        assert_non_null(strstr(output->out.data, "--log-format"));
        assert_int_equal(output->err.size, 0);
    }
    assert_code(cli("headsift score -h"), 0);
    assert_non_null(strstr(output->out.data, "--max-tokens"));
}

static void version_is_printed(void **state) {
    (void)state;
    static const char *const lines[] = {"headsift --version", "headsift -V", "headsift score --version"};
    for (size_t i = 0; i < 3; i++) {
        const struct cli_output *output = cli("%s", lines[i]);
        assert_code(output, 0);
        assert_string_equal(output->out.data, "headsift 0.1.0\n");
    }
}

static void join_puts_two_runs_together(void **state) {
    (void)state;
    const struct cli_output *output = cli("printf '{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\\n' >base.jsonl; printf "
                                          "'{\"id\":\"a\",\"loss\":2,\"n_scored\":3}\\n' >ref.jsonl; "
                                          "headsift join base.jsonl ref.jsonl -o joined && ls joined");
    assert_code(output, 0);
    assert_string_equal(output->out.data, "part-00000-joined.parquet\n");
    assert_non_null(strstr(output->err.data, "1 documents, 1 scored, in joined"));
    assert_code(cli("headsift join base.jsonl ref.jsonl -o joined"), 1);
    assert_one_error(output, "--overwrite");
    assert_code(cli("headsift join base.jsonl ref.jsonl -o joined --overwrite"), 0);
    assert_code(cli("headsift join base.jsonl -o joined"), 2);
    cli("printf '{\"id\":\"a\",\"logprobs\":[]}\\n' >none.jsonl");
    assert_code(cli("headsift join none.jsonl none.jsonl -o unscored"), 3);
    assert_non_null(strstr(output->err.data, "no score"));
}

static void a_report_needs_no_model(void **state) {
    (void)state;
    const struct cli_output *output = cli("mkdir -p found && cp $HEADS found/heads.json && headsift report found");
    assert_code(output, 0);
    assert_int_equal(output->out.size, 0);
    assert_non_null(strstr(output->err.data, "wrote found/report.html"));
    assert_code(cli("headsift report found -o - | cmp - found/report.html"), 0);
    assert_int_equal(output->err.size, 0);
    assert_code(cli("mkdir -p bare && headsift report bare"), 1);
    assert_one_error(output, "nothing to report");
}

static void no_command_is_wrong_usage(void **state) {
    (void)state;
    const struct cli_output *output = cli("headsift");
    assert_code(output, 2);
    assert_int_equal(output->out.size, 0);
    assert_non_null(strstr(output->err.data, "Usage"));
}

static void wrong_usage_is_one_line_with_a_hint(void **state) {
    (void)state;
    static const struct {
        const char *line, *part;
    } cases[] = {
        {"headsift frobnicate", "headsift --help"},
        {"headsift scor", "did you mean score"},
        {"headsift score --hads h -m x -o y a", "did you mean --heads"},
        {"headsift score --over a", "--over"}, /* no abbreviations */
        {"headsift score -Z", "-Z"},
        {"headsift score --limit", "--limit needs a value"},
        {"headsift score --limit= x", "--limit"},
        {"headsift score --limit 0 x", "must be 1 to"},
        {"headsift score --limit ten x", "integer"},
        {"headsift score --limit 1.5 x", "integer"},
        {"headsift score --limit 99999999999999999999 x", "must be 1 to"},
        {"headsift score --overwrite=yes x", "takes no value"},
        {"headsift score --mask round x", "uniform|zero"},
        {"headsift score --max-tokens 1 x", "must be 2 to"},
        {"headsift score -m x --heads y a", "-o DIR"},
        {"headsift score -m x --heads y -o z", "INPUT"},
        {"headsift score -o z a", "-m MODEL"},
        {"headsift score -m x -o z a", "--heads FILE"},
        {"headsift score -m x --heads y -o z a --rank 3", "Give --world"},
        {"headsift score -m x --heads y -o z a --rank 3 --world 3", "must be 0 to 2"},
        {"HEADSIFT_RANK=3 HEADSIFT_WORLD=3 headsift score -m x --heads y -o z a", "must be 0 to 2"},
        {"SLURM_PROCID=1 headsift score -m x --heads y -o z a", "SLURM_NTASKS is not set"},
        {"JOB_COMPLETION_INDEX=1 headsift score -m x --heads y -o z a", "Set HEADSIFT_WORLD"},
        {"JOB_COMPLETION_INDEX=2 HEADSIFT_WORLD=2 headsift score -m x --heads y -o z a", "must be 0 to 1"},
        {"headsift run -m x -o z a --rank 0 --world 2", "share out headsift score"},
        {"headsift heads -m x -o y", "--probe FILE"},
        {"headsift probe -m x", "-o FILE"},
        {"headsift select -o x", "SCORES"},
        {"headsift select a b -o x", "b"},
        {"headsift select a -o x --keep 1.5", "fraction"},
        {"headsift select a -o x --keep 0.0", "fraction"},
        {"headsift select a -o x --keep 0.2.1", "fraction"},
        {"headsift select a -o x --keep 0.2 --budget 5", "exclude each other"},
        {"headsift inspect", "MODEL"},
        {"headsift tokenize --dtype int4 -m x", "int8"},
        {"headsift status", "DIR"},
        {"headsift report", "DIR"},
        {"headsift report a --price -1", "--price"},
        {"headsift bench", "-m MODEL"},
        {"headsift bench -m x --lengths 128,", "commas between"},
        {"headsift bench -m x --lengths 1.5", "commas between"},
        {"headsift bench -m x --lengths ,128", "commas between"},
        {"headsift bench -m x --lengths 128,1", "must be 2 to"},
        {"headsift bench -m x --lengths 99999999999999999999", "must be 2 to"},
        {"headsift bench -m x --repeat 0", "must be 1 to"},
        {"headsift score -m x --heads y -o z - </dev/null", "stdin"},
        {"headsift run -m x -o z a -", "stdin"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct cli_output *output = cli("%s", cases[i].line);
        if (output->code != 2) {
            fail_msg("%s: exit code %d: %s", cases[i].line, output->code, output->err.data);
        }
        assert_one_error(output, cases[i].part);
    }
}

static void what_is_not_there_fails_with_its_name(void **state) {
    (void)state;
    static const char *const lines[] = {"headsift inspect nothing.gguf",
                                        "headsift status nothing.gguf",
                                        "headsift report nothing.gguf",
                                        "headsift tokenize -m nothing.gguf",
                                        "headsift select nothing.gguf -o x",
                                        "headsift score -m nothing.gguf --heads $HEADS -o x a",
                                        "headsift score -m $MODEL --heads nothing.gguf -o x a"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const struct cli_output *output = cli("%s", lines[i]);
        assert_code(output, 1);
        assert_one_error(output, "nothing.gguf");
    }
}

static void an_output_without_a_place_is_known_before_any_work(void **state) {
    (void)state;
    static const char *const lines[] = {"headsift heads -m no.gguf --probe no.jsonl -o nowhere/x.json",
                                        "headsift report a -m no.gguf -o nowhere/x.html",
                                        "headsift probe -m no.gguf -o nowhere/x.jsonl"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const struct cli_output *output = cli("%s", lines[i]);
        assert_code(output, 1);
        assert_one_error(output, "no folder nowhere"); /* not that there is no model */
    }
    assert_one_error(cli("mkdir -p a_folder; headsift heads -m no.gguf --probe no.jsonl -o a_folder"), "is a folder");
    assert_one_error(cli("headsift heads -m no.gguf --probe no.jsonl -o ./x.json"), "no.gguf");
}

static void a_flag_wins_over_the_environment_and_that_over_the_default(void **state) {
    (void)state;
    assert_one_error(cli("HEADSIFT_MAX_TOKENS=1 headsift score a"), "HEADSIFT_MAX_TOKENS is 1");
    assert_one_error(cli("HEADSIFT_MAX_TOKENS=1 headsift score a --max-tokens 5"), "-o DIR");
    assert_one_error(cli("HEADSIFT_MAX_TOKENS=5 headsift score a --max-tokens 1"), "--max-tokens is 1");
    assert_one_error(cli("HEADSIFT_MAX_TOKENS= headsift score a"), "-o DIR"); /* empty is not set */
    assert_one_error(cli("HEADSIFT_OUTPUT=x headsift score a"), "-m MODEL");
    assert_one_error(cli("HEADSIFT_OUTPUT=x HEADSIFT_MODEL=y headsift score a"), "--heads FILE");
    assert_one_error(cli("HEADSIFT_OVERWRITE=maybe headsift score a"), "HEADSIFT_OVERWRITE");
    assert_one_error(cli("HEADSIFT_OVERWRITE=1 headsift score a"), "-o DIR");
    assert_one_error(cli("HEADSIFT_KEEP=0.5 HEADSIFT_BUDGET=5 headsift select a -o x"), "exclude each other");
    assert_one_error(cli("HEADSIFT_KEEP=0.5 headsift select nothing -o x --budget 5"), "nothing");
    assert_one_error(cli("HEADSIFT_LIMIT=x headsift select nothing -o x"), "nothing"); /* not a flag of select */
}

static void a_full_disk_behind_stdout_is_reported(void **state) {
    (void)state;
    const struct cli_output *output = cli("headsift --help >/dev/full");
    assert_code(output, 5);
    assert_one_error(output, "stdout");
}

static void a_reader_that_leaves_is_no_error(void **state) {
    (void)state;
    const struct cli_output *output = cli("(sleep 0.3; headsift --help) | true");
    assert_code(output, 0);
    assert_int_equal(output->err.size, 0);
}

static void control_characters_in_messages_are_escaped(void **state) {
    (void)state;
    const struct cli_output *output = cli("headsift inspect \"$(printf 'x\\033[2Jy')\"");
    assert_code(output, 1);
    assert_one_error(output, "x\\x1b[2Jy");
    assert_null(memchr(output->err.data, 0x1B, output->err.size));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_goes_to_stdout),
        cmocka_unit_test(version_is_printed),
        cmocka_unit_test(join_puts_two_runs_together),
        cmocka_unit_test(a_report_needs_no_model),
        cmocka_unit_test(no_command_is_wrong_usage),
        cmocka_unit_test(wrong_usage_is_one_line_with_a_hint),
        cmocka_unit_test(what_is_not_there_fails_with_its_name),
        cmocka_unit_test(an_output_without_a_place_is_known_before_any_work),
        cmocka_unit_test(a_flag_wins_over_the_environment_and_that_over_the_default),
        cmocka_unit_test(a_full_disk_behind_stdout_is_reported),
        cmocka_unit_test(a_reader_that_leaves_is_no_error),
        cmocka_unit_test(control_characters_in_messages_are_escaped),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
