/* Layouts whose answers are written or whose texts are measured: GSM8K, MATH, BBH, DROP, HumanEval, samples of
 * lm-evaluation-harness. Whatever a record may have wrong is refused with its place. */
#include "eval_tasks.h"

static void gsm8k_wants_the_number(void **state) {
    (void)state;
    struct hs_task task = open_task("gsm=" EVAL_DATA "gsm8k.jsonl", 1, 0, 0);
    assert_int_equal(task.n_items, 1);
    check_generate(&task, 0,
                   "Question: Ann has 2 carts with 3 bricks each. How many bricks?\n"
                   "Answer: She has 2*3 = <<2*3=6>>6 bricks.\n#### 6\n\n",
                   "Question: Bob had 1,500 bricks and lost 500. How many are left?\nAnswer:", LIST("1,000"));
    check_stops(&task, HS_MATCH_NUMBER, 256, LIST("Question:"));
    hs_task_free(&task);
    refuse_task("gsm=" EVAL_DATA "gsm8k.jsonl", -1, HEADSIFT_USAGE, "5 worked examples are wanted, and there are 2");
    refuse_task("gsm=" EVAL_DATA "gsm8k.jsonl", 2, HEADSIFT_USAGE, "all 2 records are worked examples");
}

static void math_wants_what_is_in_the_last_box(void **state) {
    (void)state;
    struct hs_task task = open_task("math=" EVAL_DATA "math.jsonl", 1, 0, 0);
    check_generate(&task, 0,
                   "Problem:\nWhat is $1+1$?\n\nSolution: It is $\\boxed{1}$, no, $\\boxed{\\frac{4}{2}}$.\n\n",
                   "Problem:\nWhat is $x$ if $x=3$?\n\nSolution:", LIST("3"));
    check_stops(&task, HS_MATCH_BOXED, 512, LIST("Problem:"));
    check_text(&task.items[0].group, "Toy Algebra");
    hs_task_free(&task);
    task = open_task("math=" EVAL_DATA "math.jsonl", 0, 0, 0);
    check_generate(&task, 0, NULL, "Problem:\nWhat is $1+1$?\n\nSolution:", LIST("\\frac{4}{2}"));
    hs_task_free(&task);
}

static void bbh_in_one_object(void **state) {
    (void)state;
    struct hs_task task = open_task("bbh=" EVAL_DATA "bbh.json", 1, 0, 0);
    check_generate(&task, 0, "Q: not ( True ) and ( True ) is\nA: False\n\n", "Q: Sort: b a\nA:", LIST("a b"));
    check_stops(&task, HS_MATCH_EXACT, 128, LIST("\n\n", "Q:"));
    hs_task_free(&task);
}

static void drop_takes_each_span(void **state) {
    (void)state;
    struct hs_task task = open_task("drop=" EVAL_DATA "drop.jsonl", 0, 0, 0);
    check_generate(&task, 0, NULL,
                   "Passage: The red team built 3 towers and the blue team built 5.\n"
                   "Question: How many towers were built?\nAnswer:",
                   LIST("8", "eight"));
    check_stops(&task, HS_MATCH_WORDS, 32, LIST("\n"));
    hs_task_free(&task);
    task = open_task("drop=" EVAL_DATA "drop.jsonl", 1, 0, 0);
    check_generate(&task, 0,
                   "Passage: The red team built 3 towers and the blue team built 5.\n"
                   "Question: How many towers were built?\nAnswer: 8\n\n",
                   "Passage: Ann met Bob.\nQuestion: Who met Bob?\nAnswer:", LIST("Ann"));
    hs_task_free(&task);
}

static void humaneval_is_the_loss_of_its_solutions(void **state) {
    (void)state;
    struct hs_task task = open_task("he=" EVAL_DATA "humaneval.jsonl", 5, 0, 0);
    assert_int_equal(task.shots, 0);
    check_loss(&task, 0, "def one():\n    \"\"\"Gives 1.\"\"\"\n", "    return 1\n");
    hs_task_free(&task);
}

/* ---- Samples --------------------------------------------------------------------------------------------------- */

static void samples_of_choices(void **state) {
    (void)state;
    struct hs_task task = open_task("s=" EVAL_DATA "samples_toy_choice.jsonl", 5, 0, 0);
    assert_int_equal(task.n_items, 2); /* the other filter's are the same requests again */
    check_choice(&task, 0, NULL, "Q: up or down?\nA:", LIST(" up", " down"), 1);
    check_choice(&task, 1, NULL, "Q: left or right?\nA:", LIST(" left", " right"), 0);
    assert_null(task.items[0].contexts);
    hs_task_free(&task);
    task = open_task("s=" EVAL_DATA "samples_toy_contexts.jsonl", -1, 0, 0);
    check_choice(&task, 0, NULL, "", LIST(" had helped.", " had helped."), 0);
    check_text(&task.items[0].contexts[0], "Ann thanked Bob because Bob");
    check_text(&task.items[0].contexts[1], "Ann thanked Bob because Ann");
    hs_task_free(&task);
}

static void samples_of_answers_and_texts(void **state) {
    (void)state;
    struct hs_task task = open_task("s=" EVAL_DATA "samples_toy_generate.jsonl", -1, 0, 0);
    assert_int_equal(task.n_items, 1);
    check_generate(&task, 0, NULL, "Question: 2+2?\nAnswer:", LIST("4"));
    check_stops(&task, HS_MATCH_NUMBER, 99, LIST("Question:", "</s>"));
    hs_task_free(&task);
    task = open_task("s=" EVAL_DATA "samples_toy_rolling.jsonl", -1, 0, 0);
    check_loss(&task, 0, "", "A toy text.");
    hs_task_free(&task);
    task = open_task("s=" EVAL_DATA "samples_toy_lambada.jsonl", -1, 0, 0);
    check_loss(&task, 0, "The last", " word");
    hs_task_free(&task);
}

/* ---- Refusals -------------------------------------------------------------------------------------------------- */

static const char *put_records(const char *records) {
    static char spec[1100];
    char path[1024];
    test_scratch(path, sizeof path, "eval_answers.jsonl");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(records, file);
    assert_int_equal(fclose(file), 0);
    snprintf(spec, sizeof spec, "bad=%s", path);
    return spec;
}

static void refuse(const char *records, const char *wanted) {
    refuse_task(put_records(records), 0, HEADSIFT_FAILED, wanted);
}

#define SAMPLE(target, arguments) "{\"doc_id\":0,\"target\":" target ",\"arguments\":" arguments "}"

static void targets_of_samples(void **state) {
    (void)state;
    static const struct {
        const char *target;
        int gold;
    } cases[] = {{"2", 2}, {"\"2\"", 2}, {"\"B\"", 1}, {"\" red\"", 1}, {"\"green\"", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char records[500];
        snprintf(records, sizeof records,
                 "{\"doc_id\":0,\"target\":%s,\"arguments\":[[\"c\",\" blue\"],"
                 "[\"c\",\" red\"],[\"c\",\" green\"]]}",
                 cases[i].target);
        struct hs_task task = open_task(put_records(records), -1, 0, 0);
        check_choice(&task, 0, NULL, "c", LIST(" blue", " red", " green"), cases[i].gold);
        hs_task_free(&task);
    }
    struct hs_task task =
        open_task(put_records(SAMPLE("1", "[[\"c\",\" a\"],[\"c\",\" b\"],[\"\",\" a\"],[\"\",\" b\"]]")), -1, 0, 0);
    check_choice(&task, 0, NULL, "c", LIST(" a", " b"), 1);
    hs_task_free(&task);
    task = open_task(put_records(SAMPLE("3", "[[\"c\",\" a\"],[\"c\",\" b\"],[\"\",\" a\"],[\"\",\" c\"]]")), -1, 0, 0);
    assert_int_equal(task.items[0].n_choices, 4);
    hs_task_free(&task);
    refuse(SAMPLE("\"1\"", "[[\"c\",\" 1\"],[\"c\",\" 0\"]]"), "the index of one choice and the text of another");
    refuse(SAMPLE("3", "[[\"c\",\" 1\"],[\"c\",\" 0\"]]"), "\"target\" must say");
    refuse(SAMPLE("\"purple\"", "[[\"c\",\" a\"],[\"c\",\" b\"]]"), "\"target\" must say");
    refuse(SAMPLE("null", "[[\"c\",\" a\"],[\"c\",\" b\"]]"), "\"target\" must say");
}

static void broken_samples_are_named(void **state) {
    (void)state;
    refuse(SAMPLE("0", "[]"), "record 1: \"arguments\" must be requests of one kind");
    refuse(SAMPLE("0", "[[\"c\",\" a\"],[\"c\"]]"), "\"arguments\" must be");
    refuse(SAMPLE("0", "[[\"c\",\" a\"],[\"c\",{}]]"), "\"arguments\" must be");
    refuse(SAMPLE("0", "[[\"c\",{}],[\"c\",{}]]"), "\"arguments\" must be");
    refuse(SAMPLE("0", "[[1,\" a\"]]"), "\"arguments\" must be");
    refuse(SAMPLE("0", "[[\"c\",3]]"), "\"arguments\" must be");
    refuse(SAMPLE("0", "{\"gen_args_7\":{\"arg_0\":\"c\"}}"), "\"arguments\" must be");
    refuse(SAMPLE("0", "[[\"c\",{\"until\":[3]}]]"), "\"until\" must be a list");
    refuse(SAMPLE("0", "[[\"c\",{\"until\":[\"\"]}]]"), "\"until\" holds an empty string");
    refuse(SAMPLE("0", "[[\"c\",{\"max_gen_toks\":0}]]"), "\"max_gen_toks\" must be 1 or more");
    refuse(SAMPLE("[]", "[[\"c\",{}]]"), "\"target\" must be a list of 1");
    refuse(SAMPLE("\"a\"", "[[\"c\",{\"until\":\"x\"}]]") "\n" SAMPLE("\"a\"", "[[\"c\",{\"until\":\"y\"}]]"),
           "record 2 is asked in another way than the first record");
}

static void broken_records_are_named(void **state) {
    (void)state;
    refuse("{\"question\":\"q\",\"answer\":\"7\"}", "record 1: \"answer\" must end with \"#### \" and a number");
    refuse("{\"question\":\"q\",\"answer\":7}", "\"answer\" must be a string");
    refuse("{\"problem\":\"q\",\"solution\":\"$1$\"}", "no whole \\boxed{answer}");
    refuse("{\"problem\":\"q\",\"solution\":\"\\\\boxed{1\"}", "no whole \\boxed{answer}");
    refuse("{\"problem\":\"q\",\"solution\":\"\\\\boxed\"}", "no whole \\boxed{answer}");
    refuse("{\"problem\":\"q\",\"solution\":\"\\\\boxed}{\"}", "no whole \\boxed{answer}");
    refuse("{\"input\":\"q\",\"target\":true}", "\"target\" must be a string");
    refuse("{\"passage\":\"p\",\"question\":\"q\",\"answers_spans\":{\"spans\":[]}}", "\"spans\" must be a list");
    refuse("{\"passage\":\"p\",\"question\":\"q\",\"answers_spans\":7}", "\"spans\" must be a list");
    refuse("{\"task_id\":1,\"prompt\":\"p\",\"canonical_solution\":null}", "\"canonical_solution\" must be a string");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gsm8k_wants_the_number),
        cmocka_unit_test(math_wants_what_is_in_the_last_box),
        cmocka_unit_test(bbh_in_one_object),
        cmocka_unit_test(drop_takes_each_span),
        cmocka_unit_test(humaneval_is_the_loss_of_its_solutions),
        cmocka_unit_test(samples_of_choices),
        cmocka_unit_test(samples_of_answers_and_texts),
        cmocka_unit_test(targets_of_samples),
        cmocka_unit_test(broken_samples_are_named),
        cmocka_unit_test(broken_records_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
