/* headsift eval on the demo model: every layout's fixture, generated tasks, saved ones, ablation on a task, and calls
 * that are refused. */
#define _GNU_SOURCE
#include "cli_support.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static int set_up(void **state) {
    (void)state;
    cli_folder("eval");
    return 0;
}

static json_t *results(const char *path) {
    json_t *json = json_load_file(path, 0, NULL);
    assert_non_null(json);
    return json;
}

static json_t *task_named(const json_t *json, const char *name) {
    size_t i;
    json_t *task;
    json_array_foreach(json_object_get(json, "tasks"), i, task) {
        if (strcmp(json_string_value(json_object_get(task, "name")), name) == 0) {
            return task;
        }
    }
    fail_msg("there is no task %s", name);
    return NULL;
}

/* Every condition has every metric of the task's kind, and each is a number in its range. */
static void check_task(const json_t *json, const char *name, const char *kind, json_int_t items) {
    json_t *task = task_named(json, name), *result, *metric;
    size_t i;
    const char *key;
    if (strcmp(json_string_value(json_object_get(task, "task_kind")), kind) != 0) {
        fail_msg("%s is no task of %s", name, kind);
    }
    assert_int_equal(json_integer_value(json_object_get(task, "items")), items);
    assert_int_equal(json_array_size(json_object_get(task, "results")),
                     json_array_size(json_object_get(json, "conditions")));
    json_array_foreach(json_object_get(task, "results"), i, result) {
        json_t *metrics = json_object_get(result, "metrics");
        assert_int_equal(json_object_size(metrics), strcmp(kind, "choice") == 0 ? 3
                                                    : strcmp(kind, "loss") == 0 ? 1
                                                                                : 2);
        json_object_foreach(metrics, key, metric) {
            double value = json_number_value(json_object_get(metric, "value"));
            double low = json_number_value(json_object_get(metric, "low"));
            double high = json_number_value(json_object_get(metric, "high"));
            assert_true(low <= value && value <= high && low >= 0);
            assert_true(strcmp(key, "loss") == 0 ? value > 0 : high <= 1);
        }
    }
}

static void every_layout_can_be_asked(void **state) {
    (void)state;
    static const char *const layouts[][3] = {
        {"own_choice", "own_choice.jsonl", "choice"},
        {"own_generate", "own_generate.jsonl", "generate"},
        {"own_loss", "own_loss.jsonl", "loss"},
        {"agieval", "agieval.jsonl", "choice"},
        {"cloze", "agieval_cloze.jsonl", "generate"},
        {"query", "agieval_query.jsonl", "choice"},
        {"arc", "arc.jsonl", "choice"},
        {"banking", "banking.csv", "choice"},
        {"bbh", "bbh.json", "generate"},
        {"drop", "drop.jsonl", "generate"},
        {"gsm8k", "gsm8k.jsonl", "generate"},
        {"hellaswag", "hellaswag.jsonl", "choice"},
        {"humaneval", "humaneval.jsonl", "loss"},
        {"math", "math.jsonl", "generate"},
        {"mmlu", "mmlu.jsonl", "choice"},
        {"mmlu_pro", "mmlu_pro.jsonl", "choice"},
        {"samples", "samples_toy_choice.jsonl", "choice"},
        {"answers", "samples_toy_generate.jsonl", "generate"},
    };
    struct hs_buffer flags = {0};
    size_t n = sizeof layouts / sizeof *layouts;
    for (size_t i = 0; i < n; i++) {
        assert_true(hs_buffer_printf(&flags, " --task %s=$DATA/eval/%s", layouts[i][0], layouts[i][1]));
    }
    const struct cli_output *output =
        cli("headsift eval -m $MODEL --heads $HEADS %s --shots 0 --limit 1 --draws 0 -o all.json", flags.data);
    hs_buffer_free(&flags);
    assert_code(output, 0);
    assert_non_null(strstr(output->out.data, "14 of 270 heads masked (uniform)"));
    json_t *json = results("all.json");
    assert_int_equal(json_array_size(json_object_get(json, "tasks")), n);
    assert_int_equal(json_array_size(json_object_get(json, "conditions")), 2);
    for (size_t i = 0; i < n; i++) {
        check_task(json, layouts[i][0], layouts[i][2], 1);
    }
    json_decref(json);
}

static void worked_examples_stand_in_front(void **state) {
    (void)state;
    assert_code(
        cli("headsift eval -m $MODEL --heads $HEADS --shots 1 --draws 0 -o shots.json "
            "--task m=$DATA/eval/mmlu_csv/test,shots=$DATA/eval/mmlu_csv/dev --task g=$DATA/eval/own_generate.jsonl "
            "--limit 2"),
        0);
    json_t *json = results("shots.json"), *task = task_named(json, "m");
    check_task(json, "m", "choice", 2);
    check_task(json, "g", "generate", 1); /* the other one is the example */
    assert_int_equal(json_integer_value(json_object_get(task, "shots")), 1);
    assert_true(json_is_null(
        json_object_get(json_object_get(json_object_get(task, "effect"), "beyond_random"), "value"))); /* no draws */
    json_decref(json);
}

/* The loss of a saved task is that of the task, under every mask; the list may stand in the environment. */
static void generated_tasks_can_be_saved(void **state) {
    (void)state;
    static const char asked[] = "kv:pairs=4,choices=2,name=made";
    assert_code(cli("HEADSIFT_TASK='%s\n  arithmetic:examples=1,form=generate' headsift eval -m $MODEL --heads $HEADS "
                    "--limit 3 --seed 4 --draws 1 --fractions 0.01,0.2 --save-tasks saved -o made.json",
                    asked),
                0);
    assert_code(
        cli("headsift eval -m $MODEL --heads $HEADS --task again=saved/made.jsonl --seed 4 --draws 1 --fractions "
            "0.01,0.2 -o - >again.json"),
        0);
    json_t *made = results("made.json"), *again = results("again.json");
    check_task(made, "made", "choice", 3);
    check_task(made, "arithmetic", "generate", 3);
    assert_int_equal(json_array_size(json_object_get(made, "conditions")), 5);
    assert_true(json_equal(json_object_get(task_named(made, "made"), "results"),
                           json_object_get(task_named(again, "again"), "results")));
    json_decref(made);
    json_decref(again);
    assert_code(
        cli("headsift eval -m $MODEL --heads $HEADS --task saved=saved/made.jsonl --mask mean --draws 1 -o m.json"), 0);
    json_t *mean = results("m.json");
    assert_string_equal(json_string_value(json_object_get(mean, "mask")), "mean");
    assert_int_equal(json_string_length(json_object_get(mean, "calibration_sha256")), 64);
    json_decref(mean);
}

static void heads_are_found_on_a_task(void **state) {
    (void)state;
    const struct cli_output *output = cli("headsift heads -m $MODEL --method ablation --task arithmetic:examples=1 "
                                          "--limit 2 --top-heads 5 -o found.json");
    assert_code(output, 0);
    json_t *json = results("found.json");
    assert_string_equal(json_string_value(json_object_get(json, "method")), "ablation");
    assert_int_equal(json_integer_value(json_object_get(json, "samples")), 2);
    assert_int_equal(json_array_size(json_object_get(json, "heads")), 5);
    assert_int_equal(json_array_size(json_object_get(json, "scores")), 30);
    json_decref(json);
    assert_code(cli("test -s found.svg"), 0);
}

static void wrong_calls_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *flags;
        int code;
        const char *part;
    } calls[] = {
        {"eval -m $MODEL --heads $HEADS -o r.json", 2, "--task"},
        {"eval -m $MODEL --heads $HEADS --task kv", 2, "-o FILE"},
        {"eval -m $MODEL --task kv -o r.json", 2, "--heads"},
        {"eval --heads $HEADS --task kv -o r.json", 2, "-m MODEL"},
        {"eval -m $MODEL --heads $HEADS --task kv -o no/r.json", 1, "no folder"},
        {"eval -m $MODEL --heads $HEADS --task '' -o r.json", 2, "--task is empty"},
        {"eval -m $MODEL --heads $HEADS --task kw -o r.json", 2, "kw"},
        {"eval -m $MODEL --heads $HEADS --task kv --task kv -o r.json", 2, "two tasks are named kv"},
        {"eval -m $MODEL --heads $HEADS --task t=none.jsonl -o r.json", 1, "none.jsonl"},
        {"eval -m $MODEL --heads $HEADS --task kv --fractions 0.1, -o r.json", 2, "--fractions"},
        {"eval -m $MODEL --heads $HEADS --task kv --fractions x -o r.json", 2, "--fractions"},
        {"eval -m $MODEL --heads $HEADS --task kv --fractions 1.5 -o r.json", 2, "1.5"},
        {"eval -m $MODEL --heads $HEADS --task kv --draws -1 -o r.json", 2, "--draws"},
        {"eval -m $MODEL --heads $HEADS --task kv --calibration f -o r.json", 2, "--mask mean"},
        {"eval -m $MODEL --heads $HEADS --task kv --probe p -o r.json", 2, "no flag --probe"},
        {"heads -m $MODEL --task kv -o h.json", 2, "--method ablation"},
        {"heads -m $MODEL --method ablation --task kv --task labels -o h.json", 2, "2 times"},
        {"heads -m $MODEL --method ablation --task kv --probe p -o h.json", 2, "exclude each other"},
        {"heads -m $MODEL --method ablation -o h.json", 2, "--probe FILE or --task TASK"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const struct cli_output *output = cli("headsift %s", calls[i].flags);
        print_message("%s", output->err.data);
        assert_code(output, calls[i].code);
        assert_one_error(output, calls[i].part);
    }
    assert_code(cli("ls r.json h.json"), 2); /* nothing was written */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout_can_be_asked),    cmocka_unit_test(worked_examples_stand_in_front),
        cmocka_unit_test(generated_tasks_can_be_saved), cmocka_unit_test(heads_are_found_on_a_task),
        cmocka_unit_test(wrong_calls_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
