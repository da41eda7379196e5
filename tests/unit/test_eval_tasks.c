/* Tasks as a whole: specs, our own forms and their way to a file and back, worked examples, limits, every format of
 * file. */
#include "eval_tasks.h"

#include <duckdb.h>

#include "base/file.h"

static void own_forms_are_asked_as_they_stand(void **state) {
    (void)state;
    struct hs_task task = open_task("own.1_a-b=" EVAL_DATA "own_choice.jsonl", -1, 0, 0);
    assert_string_equal(task.name, "own.1_a-b");
    check_choice(&task, 0, "Read:\n", "The sky is", LIST(" blue", " a shoe"), 0);
    check_choice(&task, 1, NULL, "", LIST(" sings", " sings"), 0);
    check_text(&task.items[1].contexts[1], "Ann sings, and Bob");
    check_text(&task.items[1].group, "song");
    hs_task_free(&task);
    task = open_task("own=" EVAL_DATA "own_generate.jsonl", -1, 0, 0);
    check_generate(&task, 0, NULL, "3 and 4 is", LIST("7", "seven"));
    check_generate(&task, 1, NULL, "1 and 1 is", LIST("2"));
    check_stops(&task, HS_MATCH_WORDS, 8, LIST("\n"));
    hs_task_free(&task);
    task = open_task("own=" EVAL_DATA "own_generate.jsonl", 1, 0, 0);
    check_generate(&task, 0, "3 and 4 is 7\n\n", "1 and 1 is", LIST("2"));
    hs_task_free(&task);
    task = open_task("own=" EVAL_DATA "own_loss.jsonl", -1, 0, 0);
    check_loss(&task, 0, "First part.", " Second part.");
    check_loss(&task, 1, "", "Alone.");
    hs_task_free(&task);
}

/* ---- To a file and back ---------------------------------------------------------------------------------------- */

static void comes_back(const char *spec, int shots) {
    char path[1024], again[1100];
    headsift_error error = {0};
    struct hs_task task = open_task(spec, shots, 0, 7);
    test_scratch(path, sizeof path, "eval_saved.jsonl");
    if (hs_task_save(&task, path, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    snprintf(again, sizeof again, "again=%s", path);
    struct hs_task read = open_task(again, -1, 0, 0);
    if (!same_task(&task, &read)) {
        fail_msg("%s is not the same when it comes back from %s", spec, path);
    }
    read.items[0].gold ^= 1;
    assert_false(same_task(&task, &read));
    hs_task_free(&read);
    hs_task_free(&task);
}

static void saved_tasks_come_back(void **state) {
    (void)state;
    comes_back("t=" EVAL_DATA "mmlu.jsonl", 1);
    comes_back("t=" EVAL_DATA "mmlu.jsonl", 0);
    comes_back("t=" EVAL_DATA "gsm8k.jsonl", 1);
    comes_back("t=" EVAL_DATA "drop.jsonl", 0);
    comes_back("t=" EVAL_DATA "humaneval.jsonl", 0);
    comes_back("t=" EVAL_DATA "banking.csv", 2);
    comes_back("t=" EVAL_DATA "samples_toy_contexts.jsonl", 0);
    comes_back("t=" EVAL_DATA "own_choice.jsonl", 0);
    comes_back("t=" EVAL_DATA "own_generate.jsonl", 1);
    comes_back("t=" EVAL_DATA "own_loss.jsonl", 0);
    comes_back("kv:items=5", 0);
    comes_back("kv:items=5,form=generate", 0);
    comes_back("induction:items=5,form=loss", 0);
}

static void a_task_that_can_t_be_saved_says_so(void **state) {
    (void)state;
    struct hs_task task = open_task("kv:items=2", 0, 0, 0);
    headsift_error error = {0};
    assert_int_not_equal(hs_task_save(&task, HS_TEST_SCRATCH "/no/such/folder/t.jsonl", &error), HEADSIFT_OK);
    assert_non_null(strstr(error.message, "/no/such/folder/t.jsonl"));
    hs_task_free(&task);
}

/* ---- Files made here ------------------------------------------------------------------------------------------- */

static const char *put_file(const char *name, const void *bytes, size_t size) {
    static char specs[4][1100];
    static unsigned next;
    char *spec = specs[next++ % 4], path[1024];
    test_scratch(path, sizeof path, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    snprintf(spec, sizeof specs[0], "t=%s", path);
    return spec;
}

static const char *put_records(const char *name, const char *text) { return put_file(name, text, strlen(text)); }

static void nul_is_text(void **state) {
    (void)state;
    struct hs_task task = open_task(put_records("eval_nul.jsonl", "{\"text\":\"a\\u0000b\"}"), -1, 0, 0);
    assert_int_equal(task.items[0].choices[0].size, 3);
    assert_memory_equal(task.items[0].choices[0].data, "a\0b", 3);
    hs_task_free(&task);
}

static void limits_are_spread_over_the_file(void **state) {
    (void)state;
    char records[4000];
    size_t size = 0;
    for (int i = 0; i < 50; i++) {
        size += (size_t)snprintf(records + size, sizeof records - size, "{\"text\":\"%d\"}\n", i);
    }
    const char *spec = put_records("eval_fifty.jsonl", records);
    static const int wanted[] = {0, 13, 25, 38};
    struct hs_task task = open_task(spec, -1, 4, 0);
    assert_int_equal(task.n_items, 4);
    for (size_t i = 0; i < 4; i++) {
        char number[8];
        snprintf(number, sizeof number, "%d", wanted[i]);
        check_text(&task.items[i].choices[0], number);
    }
    hs_task_free(&task);
    for (int64_t limit = 1; limit < 60; limit++) {
        task = open_task(spec, -1, limit, 0);
        assert_int_equal(task.n_items, limit < 50 ? limit : 50);
        hs_task_free(&task);
    }
}

static void json_may_be_an_array_or_spread_over_lines(void **state) {
    (void)state;
    static const char *const files[] = {
        "[{\"context\":\"a\",\"text\":\"b\"},{\"context\":\"c\",\"text\":\"d\"}]",
        "{\"context\":\"a\",\n\"text\":\"b\"}\n\n{\n\"context\":\"c\",\"text\":\"d\"}\n\n",
        "{\"context\":\"a\",\"text\":\"b\"}\r\n{\"context\":\"c\",\"text\":\"d\"}",
        "{\"examples\":[{\"context\":\"a\",\"text\":\"b\"},{\"context\":\"c\",\"text\":\"d\"}]}",
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct hs_task task = open_task(put_records("eval_json.json", files[i]), -1, 0, 0);
        assert_int_equal(task.n_items, 2);
        check_loss(&task, 0, "a", "b");
        check_loss(&task, 1, "c", "d");
        hs_task_free(&task);
    }
    struct hs_task task = open_task(put_records("eval_text.txt", "Some text.\n"), -1, 0, 0);
    check_loss(&task, 0, "", "Some text.\n");
    hs_task_free(&task);
}

static void parquet_has_lists_and_structs(void **state) {
    (void)state;
    char path[1024], statement[3000], spec[1100];
    test_scratch(path, sizeof path, "eval_arc.parquet");
    snprintf(
        statement, sizeof statement,
        "COPY (SELECT 'What keeps a \"toy\" dry?' AS question, {'text': ['a roof', 'a hole'], 'label': ['A', 'B']} "
        "AS choices, 'B' AS answerKey) TO '%s' (FORMAT parquet)",
        path);
    duckdb_database database;
    duckdb_connection connection;
    assert_int_equal(duckdb_open(NULL, &database), DuckDBSuccess);
    assert_int_equal(duckdb_connect(database, &connection), DuckDBSuccess);
    assert_int_equal(duckdb_query(connection, statement, NULL), DuckDBSuccess);
    snprintf(spec, sizeof spec, "arc=%s", path);
    struct hs_task task = open_task(spec, -1, 0, 0);
    check_choice(&task, 0, NULL, "Question: What keeps a \"toy\" dry?\nAnswer:", LIST(" a roof", " a hole"), 1);
    hs_task_free(&task);
    test_scratch(path, sizeof path, "eval_bank.parquet");
    snprintf(statement, sizeof statement,
             "COPY (SELECT unnest(['Where is it?', 'New PIN']) AS text, unnest([1, 0]) AS label) TO '%s' "
             "(FORMAT parquet, KV_METADATA {huggingface: '{\"info\": {\"features\": {\"label\": {\"names\": "
             "[\"change_pin\", \"card_arrival\"], \"_type\": \"ClassLabel\"}}}}'})",
             path);
    assert_int_equal(duckdb_query(connection, statement, NULL), DuckDBSuccess);
    snprintf(spec, sizeof spec, "bank=%s", path);
    task = open_task(spec, 0, 0, 0);
    check_choice(&task, 0, NULL, "Query: Where is it?\nIntent:", LIST(" card arrival", " change pin"), 0);
    check_choice(&task, 1, NULL, "Query: New PIN\nIntent:", LIST(" card arrival", " change pin"), 1);
    hs_task_free(&task);
    duckdb_disconnect(&connection);
    duckdb_close(&database);
}

/* ---- Refusals -------------------------------------------------------------------------------------------------- */

static void specs_that_name_nothing(void **state) {
    (void)state;
    refuse_task("nix", 0, HEADSIFT_USAGE, "no such task; give NAME=PATH for a file");
    refuse_task("", 0, HEADSIFT_USAGE, "no such task");
    refuse_task("=" EVAL_DATA "own_loss.jsonl", 0, HEADSIFT_USAGE, "the name before \"=\"");
    refuse_task("../x=" EVAL_DATA "own_loss.jsonl", 0, HEADSIFT_USAGE, "the name before \"=\"");
    refuse_task("..=" EVAL_DATA "own_loss.jsonl", 0, HEADSIFT_USAGE, "the name before \"=\"");
    refuse_task("x=" EVAL_DATA "no_such_file.jsonl", 0, HEADSIFT_FAILED, "no_such_file.jsonl");
    refuse_task("x=" EVAL_DATA "own_loss.jsonl,shots=" EVAL_DATA "no_such_file.jsonl", 0, HEADSIFT_FAILED,
                "no_such_file.jsonl");
    refuse_task("x=" EVAL_DATA "README.md", 0, HEADSIFT_USAGE, "README.md: its name must end in .parquet, or .jsonl");
    refuse_task("x=" EVAL_DATA "mmlu.jsonl,shots=" EVAL_DATA "arc.jsonl", 0, HEADSIFT_USAGE,
                "the worked examples are laid out as ARC, the items as MMLU");
    refuse_task("x=" EVAL_DATA "own_choice.jsonl", 1, HEADSIFT_USAGE, "record 1 has a \"prefix\" of its own");
}

static void layouts_that_nobody_knows(void **state) {
    (void)state;
    const char *spec = put_records("eval_unknown.jsonl", "{\"colour\":\"red\",\"size\":7}");
    refuse_task(spec, 0, HEADSIFT_USAGE, "records with the fields colour, size are of no known layout (own choice, ");
    refuse_task(spec, 0, HEADSIFT_USAGE, "MMLU-Pro");
    refuse_task(put_records("eval_unknown.jsonl", "{}"), 0, HEADSIFT_USAGE, "the fields (none)");
    refuse_task(put_records("eval_unknown.csv", "a,b\n1,2\n"), 0, HEADSIFT_USAGE, "the fields a, b are");
}

static void broken_files_are_named(void **state) {
    (void)state;
    static const char one[] = "{\"context\":\"a\",\"choices\":[\"b\",\"c\"],\"gold\":1}\n";
    static const struct {
        const char *second, *wanted;
    } cases[] = {
        {"{\"context\":\"a\",", "record 2 is not JSON"},
        {"{\"context\":\"a\",\"choices\":[\"b\",\"c\"],\"gold\":2}", "record 2: \"gold\" must say"},
        {"{\"context\":\"a\",\"choices\":[\"b\",\"c\"],\"gold\":99999999999}", "record 2: \"gold\" must say"},
        {"{\"context\":\"a\",\"choices\":[\"b\",\"c\"],\"gold\":9999999999999999999999}", "record 2 is not JSON"},
        {"{\"context\":\"a\",\"choices\":[\"b\"],\"gold\":0}", "record 2: \"choices\" must be a list of 2 to 10000"},
        {"{\"context\":\"a\",\"choices\":[\"b\",null],\"gold\":0}", "record 2: \"choices\" must be"},
        {"{\"context\":[],\"choices\":[\"b\",\"c\"],\"gold\":0}", "record 2: \"context\" must be a string"},
        {"{\"context\":\"\",\"choices\":[\"b\",\"c\"],\"contexts\":[\"x\"],\"gold\":0}", "record 2: \"contexts\" must"},
        {"{\"context\":\"\",\"choices\":[\"b\",\"c\"],\"shots\":3,\"gold\":0}", "record 2 is asked in another way"},
        {"{\"context\":\"\",\"choices\":[\"b\",\"c\"],\"shots\":-3,\"gold\":0}", "record 2: \"shots\" is -3"},
        {"\"text\"", "record 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char records[500];
        snprintf(records, sizeof records, "%s%s", one, cases[i].second);
        refuse_task(put_records("eval_broken.jsonl", records), 0, HEADSIFT_FAILED, cases[i].wanted);
    }
    refuse_task(put_records("eval_broken.jsonl", ""), 0, HEADSIFT_FAILED, "holds no records");
    refuse_task(put_records("eval_broken.jsonl", "{\"prompt\":\"a\",\"answers\":[]}"), 0, HEADSIFT_FAILED,
                "\"answers\"");
    refuse_task(put_records("eval_broken.jsonl", "{\"prompt\":\"a\",\"answer\":7}"), 0, HEADSIFT_FAILED, "\"answer\"");
    refuse_task(put_records("eval_broken.jsonl", "{\"prompt\":\"a\",\"answer\":\"b\",\"stop\":\"\"}"), 0,
                HEADSIFT_FAILED, "a \"stop\" is empty");
    refuse_task(put_records("eval_broken.jsonl", "{\"prompt\":\"a\",\"answer\":\"b\",\"match\":\"like\"}"), 0,
                HEADSIFT_FAILED, "\"match\" must be exact, words, number or boxed");
    refuse_task(put_records("eval_broken.jsonl", "{\"prompt\":\"a\",\"answer\":\"b\",\"most_tokens\":5000}"), 0,
                HEADSIFT_FAILED, "\"most_tokens\" is 5000");
    refuse_task(put_records("eval_broken.csv", "q,1,2,3,4,A\nq,1,2,3,B\n"), 0, HEADSIFT_FAILED,
                "record 2: 5 values where there are 6 columns");
    refuse_task(put_records("eval_broken.csv", "q,1,2,3,4,A\n\"q,1,2,3,4,B\n"), 0, HEADSIFT_FAILED,
                "record 2: a quote is never closed");
    refuse_task(put_file("eval_broken.csv", "q\xFF,1,2,3,4,A\n", 14), 0, HEADSIFT_FAILED, "record 1: broken UTF-8");
    refuse_task(put_records("eval_broken.parquet", "PAR1 no more"), 0, HEADSIFT_FAILED, "eval_broken.parquet");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_forms_are_asked_as_they_stand),
        cmocka_unit_test(saved_tasks_come_back),
        cmocka_unit_test(a_task_that_can_t_be_saved_says_so),
        cmocka_unit_test(nul_is_text),
        cmocka_unit_test(limits_are_spread_over_the_file),
        cmocka_unit_test(json_may_be_an_array_or_spread_over_lines),
        cmocka_unit_test(parquet_has_lists_and_structs),
        cmocka_unit_test(specs_that_name_nothing),
        cmocka_unit_test(layouts_that_nobody_knows),
        cmocka_unit_test(broken_files_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
