/* Layouts of multiple choice: each file becomes the contexts, choices and worked examples that docs/eval.md shows.
 * Whatever a record may have wrong is refused with its place. */
#include "eval_tasks.h"

#define PHYSICS "The following are multiple choice questions (with answers) about toy physics.\n\n"
#define UNIT "Which of these is a made-up unit?\nA. metre\nB. second\nC. blib\nD. gram\nAnswer:"
#define WHEELS "How many wheels has a toy cart?\nA. one\nB. two\nC. three\nD. four\nAnswer:"
#define FALLS "What falls down?\nA. a stone\nB. smoke\nC. light\nD. sound\nAnswer:"
#define LINE "What is a line?\nA. a sound\nB. a smell\nC. a mark\nD. a taste\nAnswer:"
#define LETTERS LIST(" A", " B", " C", " D")

static void mmlu_asks_within_its_subjects(void **state) {
    (void)state;
    struct hs_task task = open_task("toy=" EVAL_DATA "mmlu.jsonl", 1, 0, 0);
    assert_string_equal(task.name, "toy");
    assert_string_equal(task.source, EVAL_DATA "mmlu.jsonl");
    assert_int_equal(task.shots, 1);
    assert_int_equal(task.n_items, 3);
    assert_int_equal(task.n_prefixes, 2);
    check_choice(&task, 0, PHYSICS UNIT " C\n\n", WHEELS, LETTERS, 3);
    check_choice(&task, 1, PHYSICS UNIT " C\n\n", FALLS, LETTERS, 0);
    check_choice(&task, 2,
                 "The following are multiple choice questions (with answers) about toy art.\n\n"
                 "Which colour has the toy sun?\nA. yellow\nB. black\nC. none\nD. blue\nAnswer: A\n\n",
                 LINE, LETTERS, 2);
    check_text(&task.items[0].group, "toy_physics");
    hs_task_free(&task);
    task = open_task("toy=" EVAL_DATA "mmlu.jsonl", 0, 0, 0);
    assert_int_equal(task.n_items, 5);
    check_choice(&task, 0, PHYSICS, UNIT, LETTERS, 2);
    hs_task_free(&task);
    refuse_task("toy=" EVAL_DATA "mmlu.jsonl", -1, HEADSIFT_USAGE,
                "group toy_physics: 5 worked examples are wanted, and there are 3 records");
    refuse_task("toy=" EVAL_DATA "mmlu.jsonl", 3, HEADSIFT_USAGE, "group toy_art");
}

static void mmlu_s_csv_has_no_header_and_its_subject_in_its_name(void **state) {
    (void)state;
    struct hs_task task = open_task("mmlu=" EVAL_DATA "mmlu_csv/test,shots=" EVAL_DATA "mmlu_csv/dev", 1, 0, 0);
    assert_int_equal(task.n_items, 3);
    check_choice(&task, 0,
                 "The following are multiple choice questions (with answers) about toy logic.\n\n"
                 "Not not true is\nA. true\nB. false\nC. maybe\nD. nothing\nAnswer: A\n\n",
                 "If all blibs are blobs, is a blib a blob?\nA. yes\nB. no\nC. only \"sometimes\"\nD. never\nAnswer:",
                 LETTERS, 0);
    check_text(&task.items[1].group, "toy_logic");
    check_choice(&task, 2,
                 "The following are multiple choice questions (with answers) about toy maths.\n\n"
                 "2 and 2 is\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer: D\n\n",
                 "1 and 1 is\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer:", LETTERS, 1);
    hs_task_free(&task);
    refuse_task("m=" EVAL_DATA "mmlu_csv/test/toy_logic_test.csv,shots=" EVAL_DATA "mmlu_csv/dev/toy_maths_dev.csv", 1,
                HEADSIFT_USAGE, "group toy_logic: 1 worked examples are wanted, and there are 0 records");
}

static void mmlu_pro_has_more_letters(void **state) {
    (void)state;
    struct hs_task task = open_task("pro=" EVAL_DATA "mmlu_pro.jsonl", 1, 0, 0);
    assert_int_equal(task.n_items, 1);
    check_choice(&task, 0, "Which toy rolls?\nA. ball\nB. box\nC. brick\nD. card\nE. cube\nF. book\nAnswer: A\n\n",
                 "Which toy is the sixth?\nA. ball\nB. box\nC. brick\nD. card\nE. cube\nF. book\nAnswer:",
                 LIST(" A", " B", " C", " D", " E", " F"), 5);
    check_text(&task.items[0].group, "toys");
    hs_task_free(&task);
}

static void agieval_in_its_layouts(void **state) {
    (void)state;
    struct hs_task task = open_task("agi=" EVAL_DATA "agieval.jsonl", -1, 0, 0);
    assert_int_equal(task.shots, 0);
    check_choice(&task, 0, NULL,
                 "Q: A cart makes 3 trips of 4 bricks. How many bricks? Answer Choices: (A)7 (B)12 (C)34\n"
                 "A: Among A through C, the answer is",
                 LIST(" (A)7", " (B)12", " (C)34"), 1);
    check_choice(&task, 1, NULL,
                 "Ann stands left of Bob. Q: Who stands right? Answer Choices: (A)Ann (B)Bob (C)nobody\n"
                 "A: Among A through C, the answer is",
                 LIST(" (A)Ann", " (B)Bob", " (C)nobody"), 1);
    hs_task_free(&task);
    task = open_task("agi=" EVAL_DATA "agieval_query.jsonl", -1, 0, 0);
    check_choice(&task, 0, NULL, "Q: Which is first? Answer Choices: (A)a (B)b\nA: Among A through B, the answer is",
                 LIST(" (A)a ", " (B)b"), 0);
    assert_int_equal(task.items[1].gold, 1);
    hs_task_free(&task);
    task = open_task("agi=" EVAL_DATA "agieval_cloze.jsonl", -1, 0, 0);
    check_generate(&task, 0, NULL, "Q: What is half of 3?\nA: The answer is", LIST("\\frac{3}{2}"));
    check_stops(&task, HS_MATCH_EXACT, 64, LIST("\n"));
    hs_task_free(&task);
}

static void arc_has_letters_or_digits(void **state) {
    (void)state;
    struct hs_task task = open_task("arc=" EVAL_DATA "arc.jsonl", -1, 0, 0);
    check_choice(&task, 0, NULL, "Question: What keeps a toy dry?\nAnswer:", LIST(" a roof", " a hole", " rain"), 0);
    check_choice(&task, 1, NULL, "Question: What is the fourth?\nAnswer:", LIST(" one", " two", " three", " four"), 3);
    hs_task_free(&task);
    task = open_task("arc=" EVAL_DATA "arc.jsonl", 1, 0, 0);
    check_choice(&task, 0, "Question: What keeps a toy dry?\nAnswer: a roof\n\n",
                 "Question: What is the fourth?\nAnswer:", LIST(" one", " two", " three", " four"), 3);
    hs_task_free(&task);
}

static void hellaswag_is_cleaned(void **state) {
    (void)state;
    struct hs_task task = open_task("hs=" EVAL_DATA "hellaswag.jsonl", -1, 0, 0);
    check_choice(&task, 0, NULL, "Stacking bricks: A child takes a brick. How to stack. Start low. Then she takes",
                 LIST(" another one and stacks it.", " a nap. In a chair", " the [unclosed mark"), 0);
    check_choice(&task, 1, NULL, "Waiting: Somebody waits", LIST(" for rain.", " for sun."), 1);
    hs_task_free(&task);
}

static void labels_are_the_choices_of_all(void **state) {
    (void)state;
    struct hs_task task = open_task("bank=" EVAL_DATA "banking.csv", 2, 0, 0);
    assert_int_equal(task.n_items, 3);
    static const char prefix[] = "Query: Where is my toy card?\nIntent: card arrival\n\n"
                                 "Query: Can I change my toy PIN?\nIntent: change pin\n\n";
    const char *const *labels = LIST(" card arrival", " card swallowed", " change pin");
    check_choice(&task, 0, prefix, "Query: My toy card, is it coming?\nIntent:", labels, 0);
    check_choice(&task, 1, prefix, "Query: The toy machine kept my card\nIntent:", labels, 1);
    check_choice(&task, 2, prefix, "Query: I want a new PIN\nIntent:", labels, 2);
    hs_task_free(&task);
    task = open_task("bank=" EVAL_DATA "banking.csv", 4, 0, 0);
    assert_int_equal(task.n_items, 1); /* one of each label, then a second card_arrival */
    check_choice(&task, 0,
                 "Query: Where is my toy card?\nIntent: card arrival\n\n"
                 "Query: Can I change my toy PIN?\nIntent: change pin\n\n"
                 "Query: The toy machine kept my card\nIntent: card swallowed\n\n"
                 "Query: My toy card, is it coming?\nIntent: card arrival\n\n",
                 "Query: I want a new PIN\nIntent:", labels, 2);
    hs_task_free(&task);
    task = open_task("bank=" EVAL_DATA "banking_names.jsonl", 0, 0, 0);
    check_choice(&task, 0, NULL, "Query: Where is it?\nIntent:", LIST(" card arrival", " change pin"), 0);
    check_choice(&task, 1, NULL, "Query: New PIN please\nIntent:", LIST(" card arrival", " change pin"), 1);
    hs_task_free(&task);
}

/* ---- Refusals -------------------------------------------------------------------------------------------------- */

static void refuse(const char *records, int shots, const char *wanted) {
    char path[1024], spec[1100];
    test_scratch(path, sizeof path, "eval_choices_refused.jsonl");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(records, file);
    assert_int_equal(fclose(file), 0);
    snprintf(spec, sizeof spec, "bad=%s", path);
    refuse_task(spec, shots, HEADSIFT_FAILED, wanted);
}

#define ONE "{\"question\":\"q\",\"subject\":\"s\",\"choices\":[\"a\",\"b\"],\"answer\":0}\n"

static void broken_records_are_named(void **state) {
    (void)state;
    refuse(ONE "{\"question\":\"q\",\"subject\":\"s\",\"choices\":[\"a\",\"b\"],\"answer\":2}\n", 0,
           "refused.jsonl: record 2: \"answer\" must say which of the 2 choices is right");
    refuse("{\"question\":\"q\",\"choices\":[\"a\",\"b\"],\"answer\":-1}", 0, "record 1: \"answer\"");
    refuse("{\"question\":\"q\",\"choices\":[\"a\",\"b\"],\"answer\":\"C\"}", 0, "record 1: \"answer\"");
    refuse("{\"question\":\"q\",\"choices\":[\"a\",\"b\"],\"answer\":0.5}", 0, "record 1: \"answer\"");
    refuse("{\"question\":\"q\",\"choices\":[\"a\"],\"answer\":0}", 0, "\"choices\" must be a list of 2 to 26 strings");
    refuse(ONE "{\"question\":\"q\",\"choices\":[\"a\",7],\"answer\":0}", 0, "record 2: \"choices\" must be a list");
    refuse(ONE "{\"question\":7,\"choices\":[\"a\",\"b\"],\"answer\":0}", 0, "\"question\" must be a string");
    refuse(ONE "{\"choices\":[\"a\",\"b\"],\"answer\":0}", 0, "\"question\" is missing");
    refuse(ONE "{\"question\":\"q\",\"subject\":[],\"choices\":[\"a\",\"b\"],\"answer\":0}", 0, "\"subject\" must be");
    refuse(ONE "[1]", 0, "record 2 is no JSON object");
    refuse(ONE "7", 0, "record 2 is not JSON");
    refuse("{\"question\":\"q\",\"options\":[\"a\",\"b\"],\"answer\":\"A\",\"answer_index\":1}", 0, "contradict");
    refuse("{\"question\":\"q\",\"options\":[\"a\",\"b\"],\"label\":\"AB\"}", 0, "\"label\" must say");
    refuse("{\"query\":\"q\",\"choices\":[\"a\",\"b\"],\"gold\":[0,1]}", 0, "lists 2 right choices");
    refuse("{\"query\":\"q\",\"choices\":[\"a\",\"b\"],\"gold\":[2]}", 0, "\"gold\" must say");
    refuse("{\"question\":\"q\",\"choices\":{\"text\":[\"a\",\"b\"],\"label\":[\"A\",\"B\"]},\"answerKey\":\"C\"}", 0,
           "\"answerKey\" is none of the labels");
    refuse("{\"question\":\"q\",\"choices\":{\"text\":[\"a\",\"b\"],\"label\":[\"A\"]},\"answerKey\":\"A\"}", 0,
           "\"label\" must be a list of 2 to 2 strings");
    refuse("{\"ctx\":\"c\",\"endings\":[\"a\",\"b\"],\"label\":\"\"}", 0, "\"label\" must say");
    refuse("{\"text\":\"t\",\"label\":3}", 0, "the label has no name");
    refuse("{\"names\":[\"a\",\"b\"]}\n{\"text\":\"t\",\"label\":2}", 0,
           "\"label\" is 2, which is none of the 2 names");
    refuse("{\"names\":[\"a\",7]}\n{\"text\":\"t\",\"label\":1}", 0, "\"names\" must be a list");
    refuse("{\"text\":\"t\",\"label\":\"only\"}", 0, "1 different labels");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mmlu_asks_within_its_subjects),
        cmocka_unit_test(mmlu_s_csv_has_no_header_and_its_subject_in_its_name),
        cmocka_unit_test(mmlu_pro_has_more_letters),
        cmocka_unit_test(agieval_in_its_layouts),
        cmocka_unit_test(arc_has_letters_or_digits),
        cmocka_unit_test(hellaswag_is_cleaned),
        cmocka_unit_test(labels_are_the_choices_of_all),
        cmocka_unit_test(broken_records_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
