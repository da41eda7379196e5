/* The command on the demo model: tokenize, score and its bad inputs, plans, going on, signals.
 * Inputs are small: a shared machine runs this. */
#define _GNU_SOURCE
#include "cli_support.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static int set_up(void **state) {
    (void)state;
    cli_folder("cli_model");
    return 0;
}

static void tokenize_equals_the_goldens(void **state) {
    (void)state;
    const struct cli_output *output = cli("headsift tokenize -m $MODEL --jsonl $DATA/goldens/texts.jsonl >ids && "
                                          "sed 's/.*\"ids\": //; s/}$//' $DATA/goldens/tokens.jsonl | cmp - ids");
    assert_code(output, 0);
    assert_int_equal(output->err.size, 0);
}

static void tokenize_reads_stdin_and_files(void **state) {
    (void)state;
    assert_string_equal(cli("printf 'hi there' | headsift tokenize -m $MODEL")->out.data, "[6004, 665]\n");
    assert_string_equal(cli("printf 'hi there' >t; headsift tokenize -m $MODEL t")->out.data, "[6004, 665]\n");
    assert_string_equal(cli("headsift tokenize -m $MODEL - </dev/null")->out.data, "[]\n");
    assert_string_equal(
        cli("printf '<|im_start|>' | headsift tokenize -m $MODEL; printf '<|im_start|>' | headsift tokenize -m $MODEL "
            "--special text | grep -c ,")
            ->out.data,
        "[1]\n1\n");
    const struct cli_output *output = cli("printf 'a\\377' | headsift tokenize -m $MODEL");
    assert_code(output, 1);
    assert_one_error(output, "byte 1");
}

static void tokenize_prints_null_for_a_bad_record(void **state) {
    (void)state;
    const struct cli_output *output =
        cli("printf '{\"text\":\"hi there\"}\\nnot json\\n\\n{\"text\":\"hi there\"}\\n' | headsift tokenize -m $MODEL "
            "--jsonl");
    assert_code(output, 3);
    assert_string_equal(output->out.data, "[6004, 665]\nnull\n[6004, 665]\n");
    assert_code(cli("printf '{\"body\":\"hi\"}\\n' | headsift tokenize -m $MODEL --jsonl --text body -"), 0);
    assert_int_equal(count_lines(&output->out), 1);
}

static void a_killed_tokenize_leaves_no_copy_of_stdin(void **state) {
    (void)state;
    cli("mkdir -p spool; sleep 3 | TMPDIR=spool timeout -s KILL 2 headsift tokenize -m $MODEL --jsonl");
    assert_string_equal(cli("ls spool | wc -l")->out.data, "0\n");
}

static void tokenize_leaves_quietly_when_its_reader_does(void **state) {
    (void)state;
    const struct cli_output *output = cli("yes '{\"text\":\"hi there\"}' | head -n 20000 | headsift tokenize -m $MODEL "
                                          "--jsonl | head -n 1");
    assert_code(output, 0);
    assert_string_equal(output->out.data, "[6004, 665]\n");
    assert_int_equal(output->err.size, 0);
    output = cli("printf hi | headsift tokenize -m $MODEL >/dev/full");
    assert_code(output, 5);
    assert_one_error(output, "stdout");
}

static void inspect_says_what_the_model_is(void **state) {
    (void)state;
    const struct cli_output *output = cli("headsift inspect $MODEL");
    assert_code(output, 0);
    assert_int_equal(output->err.size, 0);
    assert_true(output->out.size > 0);
}

static void explain_finds_a_record_and_writes_a_page(void **state) {
    (void)state;
    const struct cli_output *output = cli("headsift explain -m $MODEL --heads $HEADS --dtype f32 --row 1 --format json "
                                          "$DATA/goldens/texts.jsonl | head -c 38");
    assert_string_equal(output->out.data, "{\"document\": \"maths\", \"n_bytes\": 317, ");
    output = cli("printf '</script><script>' | headsift explain -m $MODEL --heads $HEADS --format html -o e.html -q - "
                 "&& grep -c '&lt;/' e.html; grep -c '<script' e.html");
    assert_string_equal(output->out.data, "1\n0\n");
    output = cli("headsift explain -m $MODEL --heads $HEADS --row 99 $DATA/goldens/texts.jsonl");
    assert_code(output, 2);
    assert_non_null(strstr(output->err.data, "no record 99"));
    output = cli("printf a | headsift explain -m $MODEL --heads $HEADS -q -");
    assert_code(output, 3);
    assert_non_null(strstr(output->err.data, "too_short"));
    assert_int_equal(count_lines(&output->out), 3); /* what there is of it is shown */
}

static void masks_and_calibrations_give_losses_of_their_own(void **state) {
    (void)state;
    const struct cli_output *output =
        cli("printf 'Twelve boats, and 3 crates of fish.' >c.txt; for mask in uniform zero mean 'mean --calibration "
            "c.txt'; do printf 'The boats had come in before dawn.' | headsift explain -m $MODEL --heads $HEADS --mask "
            "$mask --format json -q - | sed 's/.*\"loss_ref\": //;s/,.*//'; done | sort -u | grep -c '^[1-9]'");
    assert_string_equal(output->out.data, "4\n");
    output = cli("printf a | headsift explain -m $MODEL --heads $HEADS --calibration c.txt -q -");
    assert_code(output, 2);
    assert_one_error(output, "--calibration is for --mask mean");
}

/* Rows: good, empty, broken UTF-8, no text, not JSON, NUL in the text, long. */
static const char bad_rows[] =
    "{ printf '{\"text\":\"The boats had come in before "
    "dawn.\"}\\n{\"text\":\"\"}\\n{\"text\":\"a\\377b\"}\\n{\"body\":1}"
    "\\nnot json\\n{\"text\":\"a\\\\u0000b and more\"}\\n'; printf '{\"text\":\"'; yes 'boats and crates' | head -n "
    "60000 | tr '\\n' ' '; printf '\"}\\n'; } >bad.jsonl\n";

static void score_gives_every_record_a_row(void **state) {
    (void)state;
    const struct cli_output *output =
        cli("%sheadsift score -m $MODEL --heads $HEADS --max-tokens 32 -o scores bad.jsonl", bad_rows);
    assert_code(output, 3);
    assert_int_equal(output->out.size, 0);
    assert_non_null(strstr(output->err.data, "4 of 7 documents have no score"));
    assert_non_null(strstr(output->err.data, "all documents are one domain"));
    assert_code(cli("test -s scores/part-00000-00000-bad.parquet && test -s scores/score.json && ! ls scores/*tmp*"),
                0);
    output = cli("headsift score -m $MODEL --heads $HEADS --max-tokens 32 -q -o scores bad.jsonl");
    assert_code(output, 3); /* nothing left to do, the same verdict */
    assert_one_error(output, "4 of 7");
    output = cli("headsift score -m $MODEL --heads $HEADS --max-tokens 33 -o scores bad.jsonl");
    assert_code(output, 1);
    assert_one_error(output, "max_tokens was 32 and is now 33");
}

static void bad_inputs_are_refused_before_any_work(void **state) {
    (void)state;
    static const struct {
        const char *line, *part;
        int code;
    } cases[] = {
        {"printf 'PAR1xxxx' >cut.parquet; headsift score -m $MODEL --heads $HEADS -o no cut.parquet", "cut.parquet", 1},
        {"printf 'id,body\\n1,hi\\n' >c.csv; headsift score -m $MODEL --heads $HEADS -o no c.csv", "body", 2},
        {"headsift score -m $MODEL --heads $HEADS -o no c.csv --text words", "words", 2},
        {"headsift score -m $MODEL --heads $HEADS -o no missing.jsonl", "missing.jsonl", 1},
        {"printf '{\"heads\":[[0,9]]}' >far.json; headsift score -m $MODEL --heads far.json -o no c.csv --text body",
         "9", 1},
        {"printf '{' >h.json; headsift score -m $MODEL --heads h.json -o no c.csv --text body", "h.json", 1},
        {"HEADSIFT_ISA=avx9 headsift score -m $MODEL --heads $HEADS -o no c.csv --text body",
         "HEADSIFT_ISA=avx9: this machine has plain, ", 2},
        {"HEADSIFT_ISA=plain headsift score -m $MODEL --heads $HEADS -o no c.csv --text body --dtype bf16",
         "HEADSIFT_ISA=plain has no products of bf16", 2},
        {"HEADSIFT_ISA=base headsift score -m $MODEL --heads $HEADS -o no c.csv --text body --dtype int8",
         "HEADSIFT_ISA=base has no products of int8", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct cli_output *output = cli("%s", cases[i].line);
        assert_code(output, cases[i].code);
        assert_one_error(output, cases[i].part);
        assert_false(hs_file_exists("no"));
    }
}

static void a_dry_run_prints_the_plan_and_writes_nothing(void **state) {
    (void)state;
    const struct cli_output *output =
        cli("printf '{\"text\":\"a\"}\\n{\"text\":\"b\"}\\n' >two.jsonl; "
            "headsift score -m $MODEL --heads $HEADS -o no two.jsonl --dry-run --limit 9");
    assert_code(output, 0);
    static const char *const parts[] = {"jsonl", "two.jsonl", "1 unit", "2 documents", "uniform", "limit"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        assert_non_null(strstr(output->out.data, parts[i]));
    }
    assert_false(hs_file_exists("no"));
    output =
        cli("printf '{\"text\":\"the boats came in\"}\\n' >words.jsonl; headsift score -m $MODEL --heads $HEADS -o no "
            "words.jsonl --dry-run");
    assert_code(output, 0);
    assert_non_null(strstr(output->out.data, "about 4 tokens, "));
    assert_non_null(strstr(output->out.data, " minutes on this machine"));
    output = cli("headsift run -m $MODEL -o no two.jsonl words.jsonl --dry-run --top-heads 14 --keep 0.5");
    assert_code(output, 0);
    assert_non_null(strstr(output->out.data, "two.jsonl"));
    assert_non_null(strstr(output->out.data, "about "));
    assert_null(strstr(output->out.data, "minutes")); /* the heads are not known */
    assert_false(hs_file_exists("no"));
}

static void log_lines_can_be_json_or_left_out(void **state) {
    (void)state;
    const struct cli_output *output =
        cli("printf '{\"text\":\"the boats came in before dawn\"}\\n' >one.jsonl; "
            "headsift score -m $MODEL --heads $HEADS -o json one.jsonl --log-format json");
    assert_code(output, 0);
    assert_true(count_lines(&output->err) > 0);
    for (char *line = output->err.data; *line != '\0'; line = strchr(line, '\n') + 1) {
        assert_int_equal(strncmp(line, "{\"time\":\"", 9), 0);
    }
    output = cli("headsift score -m $MODEL --heads $HEADS -o quiet one.jsonl -q");
    assert_code(output, 0);
    assert_int_equal(output->err.size + output->out.size, 0);
    output = cli("head -n 1 json/_ranks/rank-00000.log quiet/_ranks/rank-00000.log"); /* the rank's own log */
    assert_non_null(strstr(output->out.data, "\n{\"time\":\""));
    assert_non_null(strstr(output->out.data, "Z info headsift "));
    assert_code(cli("cmp json/part-00000-00000-one.parquet quiet/part-00000-00000-one.parquet"),
                0); /* two runs, same bytes */
    output = cli("HEADSIFT_ISA=plain headsift score -m $MODEL --heads $HEADS -o plain one.jsonl -v");
    assert_code(output, 0);
    assert_non_null(strstr(output->err.data, "f32, plain kernels, "));
}

/* Starts a long scoring, lets it get going, sends signals. */
static int stopped_by(const char *name, int first, int second) {
    char arguments[256];
    cli("yes '{\"text\":\"the boats came in before dawn and the men were counting crates of herring\"}' | head -n "
        "50000 >many.jsonl");
    snprintf(arguments, sizeof arguments, "score -m $MODEL --heads $HEADS -o %s many.jsonl", name);
    pid_t child = cli_start(arguments);
    char path[64];
    snprintf(path, sizeof path, "%s/score.json", name);
    for (int i = 0; i < 600 && !hs_file_exists(path); i++) {
        usleep(100000);
    }
    usleep(300000); /* into the first batch */
    kill(child, first);
    if (second != 0) {
        usleep(20000);
        kill(child, second);
    }
    return cli_wait(child);
}

static void signals_stop_after_the_batch(void **state) {
    (void)state;
    assert_int_equal(stopped_by("term", SIGTERM, 0), 4);
    assert_code(cli("ls term/*.parquet* 2>/dev/null | wc -l"), 0);
    const struct cli_output *output = cli("cat err");
    assert_non_null(strstr(output->out.data, "goes on"));
    assert_string_equal(cli("ls term | tr '\\n' ' '")->out.data, "_index _ranks _running score.json ");
    assert_int_equal(stopped_by("usr", SIGUSR1, 0), 4);
    assert_int_equal(stopped_by("int", SIGINT, 0), 4);
}

static void a_second_interrupt_leaves_at_once(void **state) {
    (void)state;
    int code = 4; /* the batch may end between the two */
    for (int i = 0; i < 3 && code == 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "twice%d", i);
        code = stopped_by(name, SIGINT, SIGINT);
    }
    assert_int_equal(code, 130);
}

/* A share over 100 % is an honest failure on a machine whose speed moves; it has this message alone. */
static void assert_benched(const struct cli_output *output) {
    if (output->code == 1) {
        assert_one_error(output, "the measured peak");
    } else {
        assert_code(output, 0);
        assert_int_equal(output->err.size, 0);
    }
}

static void bench_prints_a_line_a_length(void **state) {
    (void)state;
    const struct cli_output *output =
        cli("for i in 1 2 3; do echo '{\"text\":\"the boats came in before dawn\"}'; done >three.jsonl; "
            "echo three.jsonl >list; headsift bench -m $MODEL -j 2 --lengths 16,24 --repeat 1 --probe-tokens 48 "
            "--mix-tokens 12 -o bench.json "
            "--files-from - <list");
    assert_benched(output);
    static const char *const parts[] = {"machine ",
                                        "GF/s (registers alone",
                                        "14 heads (no --heads: spread over the upper layers), the first in layer 17",
                                        "length 16, pair: 128 documents, 2048 tokens",
                                        "length 16, base",
                                        "length 24, pair: 85 documents, 2040 tokens",
                                        "length 48, heads: 1 document, 48 tokens",
                                        "inputs: 3 documents",
                                        "the mix, pair: 2 documents, 12 tokens",
                                        "score rows/s"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strstr(output->out.data, parts[i]) == NULL) {
            fail_msg("no \"%s\" in:\n%s", parts[i], output->out.data);
        }
    }
    assert_string_equal(cli("grep -c '\"what\": \"pair\"' bench.json")->out.data, "3\n"); /* two lengths, the mix */
}

static void bench_takes_heads_and_refuses_what_the_model_has_not(void **state) {
    (void)state;
    const struct cli_output *output = cli(
        "printf '{\"heads\":[[29,1]]}' >one.json; headsift bench -m $MODEL --heads one.json --lengths 16 --repeat 1 "
        "--probe-tokens 16 -o -");
    assert_benched(output);
    assert_int_equal(output->out.data[0], '{');
    assert_non_null(strstr(output->out.data, "\"first_masked_layer\": 29"));
    output = cli("headsift bench -m $MODEL --lengths 16,9000");
    assert_code(output, 2);
    assert_one_error(output, "length 9000");
    output = cli("headsift bench -m $MODEL missing.jsonl");
    assert_code(output, 1);
    assert_one_error(output, "missing.jsonl");
    assert_int_equal(output->out.size, 0);
    output = cli("printf '{\"heads\":[[0,9]]}' >far.json; headsift bench -m $MODEL --heads far.json");
    assert_code(output, 1);
    assert_one_error(output, "0 to 8");
    assert_int_equal(output->out.size, 0);
}

static void bench_times_kernels_without_a_model(void **state) {
    (void)state;
    const struct cli_output *output = cli("headsift bench --kernels");
    assert_code(output, 0);
    assert_non_null(strstr(output->out.data, "one thread, hidden 576, ffn 1536, head_dim 64"));
    assert_non_null(strstr(output->out.data, "swiglu"));
    assert_int_equal(output->err.size, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokenize_equals_the_goldens),
        cmocka_unit_test(tokenize_reads_stdin_and_files),
        cmocka_unit_test(tokenize_prints_null_for_a_bad_record),
        cmocka_unit_test(a_killed_tokenize_leaves_no_copy_of_stdin),
        cmocka_unit_test(tokenize_leaves_quietly_when_its_reader_does),
        cmocka_unit_test(inspect_says_what_the_model_is),
        cmocka_unit_test(explain_finds_a_record_and_writes_a_page),
        cmocka_unit_test(masks_and_calibrations_give_losses_of_their_own),
        cmocka_unit_test(score_gives_every_record_a_row),
        cmocka_unit_test(bad_inputs_are_refused_before_any_work),
        cmocka_unit_test(a_dry_run_prints_the_plan_and_writes_nothing),
        cmocka_unit_test(log_lines_can_be_json_or_left_out),
        cmocka_unit_test(bench_prints_a_line_a_length),
        cmocka_unit_test(bench_takes_heads_and_refuses_what_the_model_has_not),
        cmocka_unit_test(bench_times_kernels_without_a_model),
        cmocka_unit_test(signals_stop_after_the_batch),
        cmocka_unit_test(a_second_interrupt_leaves_at_once),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
