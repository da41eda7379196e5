/* headsift_score_files on a tiny model: rows, parts, going on after a stop, refusals, limits, the same bytes twice.
 * Rows are read back with SQL. */
#define _GNU_SOURCE
#include "influence_scene.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/process.h"

enum { LINE = 256 };

static const char two_files_a[] = "{\"id\":\"a0\",\"text\":\"the boats came in before dawn\",\"domain\":\"x\"}\n"
                                  "{\"id\":\"a1\",\"text\":\"\",\"domain\":\"y\"}\n"
                                  "not json\n"
                                  "\n"
                                  "{\"id\":\"a0\",\"text\":\"and the men were counting crates\",\"domain\":\"x\"}\n";
static const char two_files_b[] = "{\"text\":\"the gulls argued overhead all day\"}\n"
                                  "{\"text\":\"two ledgers held the same number\"}\n";

static void two_files(struct scene *scene, const char *name) {
    fresh(scene, name);
    write_text(scene, "a.jsonl", two_files_a);
    write_text(scene, "b.jsonl", two_files_b);
}

static void a_row_a_record_in_order(void **state) {
    struct scene *scene = *state;
    two_files(scene, "influence_rows");
    assert_int_equal(simple(scene, "a.jsonl b.jsonl"), HEADSIFT_UNSCORED);
    assert_int_equal(scene->summary.documents, 6);
    assert_int_equal(scene->summary.unscored, 2);
    assert_int_equal(scene->summary.scored, 4);
    assert_int_equal(scene->summary.duplicate_ids, 1);
    assert_string_equal(ask(scene, "SELECT string_agg(row || ':' || status || ':' || domain, ' ') FROM "
                                   "'@/out/part-00000-00000-a.parquet'"),
                        "0:ok:x 1:too_short:y 2:bad_text: 3:ok:x");
    assert_string_equal(ask(scene, "SELECT id FROM '@/out/part-00000-00000-a.parquet' WHERE row = 3"), "a0");
    assert_string_equal(ask(scene, "SELECT id = file || ':1' AND file = '@/b.jsonl' FROM "
                                   "'@/out/part-00001-00000-b.parquet' WHERE row = 1"),
                        "true");
    assert_string_equal(ask(scene, "SELECT bool_and(abs(score - (loss_ref - loss_base) / loss_base) < 1e-9) FROM "
                                   "'@/out/part-00001-00000-b.parquet'"),
                        "true");
    assert_string_equal(
        ask(scene, "SELECT count(*) FROM '@/out/part-00000-00000-a.parquet' WHERE score IS NULL AND note = ''"), "0");
    assert_non_null(strstr(scene->log.data, "id that an earlier row has"));
}

static void rows_equal_the_scores_of_the_texts(void **state) {
    struct scene *scene = *state;
    two_files(scene, "influence_texts");
    assert_int_equal(simple(scene, "b.jsonl"), HEADSIFT_OK);
    headsift_score row = tiny_score(scene->model, NULL, "two ledgers held the same number", 32);
    char query[LINE];
    snprintf(query, sizeof query,
             "SELECT abs(score - %.17g) < 1e-5 AND n_tokens = 32 AND n_scored = 31 AND n_bytes = 32 FROM "
             "'@/out/part-00000-00000-b.parquet' WHERE row = 1",
             row.score);
    assert_string_equal(ask(scene, query), "true");
}

static void the_domain_line_is_said_once(void **state) {
    struct scene *scene = *state;
    two_files(scene, "influence_domain");
    assert_int_equal(simple(scene, "b.jsonl"), HEADSIFT_OK);
    assert_non_null(strstr(scene->log.data, "all documents are one domain"));
    headsift_inputs named = {.domain = "=prose"};
    assert_int_equal(score(scene, "b.jsonl", named, NULL, true), HEADSIFT_OK);
    assert_null(strstr(scene->log.data, "one domain"));
    assert_string_equal(ask(scene, "SELECT min(domain) || max(domain) FROM '@/out/part-00000-00000-b.parquet'"),
                        "proseprose");
}

static void a_long_path_stands_whole_in_its_rows(void **state) {
    struct scene *scene = *state;
    char path[4 * PATH], out[2 * PATH], query[LINE];
    two_files(scene, "influence_long_path");
    size_t length = (size_t)snprintf(path, sizeof path, "%s/", scene->folder);
    while (length < 3 * PATH) {
        path[length++] = '.';
        path[length++] = '/';
    }
    snprintf(path + length, sizeof path - length, "b.jsonl");
    path_of(scene, "out", out);
    const char *const paths[] = {path};
    headsift_inputs inputs = {.paths = paths, .n_paths = 1};
    assert_int_equal(
        headsift_score_files(scene->model, tiny_heads(), NULL, &inputs, out, false, NULL, NULL, &scene->error),
        HEADSIFT_OK);
    snprintf(
        query, sizeof query,
        "SELECT min(length(file)) = %zu AND bool_and(id = file || ':' || row) FROM '@/out/part-00000-00000-b.parquet'",
        strlen(path));
    assert_string_equal(ask(scene, query), "true");
}

static void settings_are_in_the_folder_and_in_the_file(void **state) {
    struct scene *scene = *state;
    two_files(scene, "influence_settings");
    headsift_score_options options = {.mask = HEADSIFT_MASK_ZERO, .max_tokens = 64};
    assert_int_equal(score(scene, "b.jsonl", (headsift_inputs){0}, &options, false), HEADSIFT_OK);
    assert_string_equal(ask(scene, "SELECT count(*) FROM parquet_kv_metadata('@/out/part-00000-00000-b.parquet') WHERE "
                                   "(key::VARCHAR, value::VARCHAR) IN (('headsift.mask', 'zero'), ('headsift.bos', "
                                   "'none'), ('headsift.max_tokens', '64'), ('headsift.heads', '[[1,2],[2,0]]'))"),
                        "4");
    char path[2 * PATH];
    json_t *settings;
    path_of(scene, "out/score.json", path);
    assert_int_equal(hs_json_load(path, 1 << 20, &settings, NULL), HEADSIFT_OK);
    assert_string_equal(json_string_value(json_object_get(settings, "dtype")), "f32");
    const json_t *input = json_array_get(json_object_get(settings, "inputs"), 0);
    assert_int_equal(json_integer_value(json_object_get(input, "size")), strlen(two_files_b));
    assert_int_equal(json_integer_value(json_object_get(settings, "unit_bytes")), 32 << 20);
    json_decref(settings);
}

static void a_second_call_does_what_is_missing_and_ends_with_the_same_bytes(void **state) {
    struct scene *scene = *state;
    two_files(scene, "influence_again");
    assert_int_equal(simple(scene, "a.jsonl b.jsonl"), HEADSIFT_UNSCORED);
    struct hs_buffer a = bytes_of(scene, "out/part-00000-00000-a.parquet"),
                     b = bytes_of(scene, "out/part-00001-00000-b.parquet"),
                     index = bytes_of(scene, "out/_index/00001.json"), settings = bytes_of(scene, "out/score.json");
    assert_int_equal(simple(scene, "a.jsonl b.jsonl"), HEADSIFT_UNSCORED); /* the same verdict */
    assert_non_null(strstr(scene->log.data, "nothing left to score"));
    assert_int_equal(scene->summary.documents, 6);
    assert_int_equal(scene->summary.duplicate_ids, 1); /* and the same warning */
    assert_non_null(strstr(scene->log.data, "id that an earlier row has"));
    remove_file(scene, "out/part-00000-00000-a.parquet");
    assert_int_equal(simple(scene, "a.jsonl b.jsonl"), HEADSIFT_UNSCORED);
    assert_same_bytes(scene, "out/part-00000-00000-a.parquet", &a);
    assert_same_bytes(scene, "out/part-00001-00000-b.parquet", &b);
    remove_file(scene, "out/_index/00001.json");
    assert_int_equal(simple(scene, "a.jsonl b.jsonl"), HEADSIFT_UNSCORED);
    assert_non_null(strstr(scene->log.data, "nothing left to score"));
    assert_same_bytes(scene, "out/_index/00001.json", &index);
    assert_same_bytes(scene, "out/score.json", &settings);
}

static void other_settings_and_changed_inputs_are_refused(void **state) {
    struct scene *scene = *state;
    two_files(scene, "influence_refused");
    headsift_score_options zero = {.mask = HEADSIFT_MASK_ZERO};
    assert_int_equal(simple(scene, "b.jsonl"), HEADSIFT_OK);
    assert_int_equal(score(scene, "b.jsonl", (headsift_inputs){0}, &zero, false), HEADSIFT_FAILED);
    assert_non_null(strstr(scene->error.message, "mask was uniform and is now zero"));
    assert_int_equal(simple(scene, "b.jsonl a.jsonl"), HEADSIFT_FAILED);
    assert_non_null(strstr(scene->error.message, "input files"));
    write_text(scene, "b.jsonl", "{\"text\":\"another text\"}\n");
    assert_int_equal(simple(scene, "b.jsonl"), HEADSIFT_FAILED);
    assert_non_null(strstr(scene->error.message, "b.jsonl changed"));
    assert_int_equal(score(scene, "b.jsonl", (headsift_inputs){0}, &zero, true), HEADSIFT_OK);
    assert_string_equal(ask(scene, "SELECT count(*) FROM '@/out/*.parquet'"), "1");
}

static void files_that_are_not_ours_are_not_replaced(void **state) {
    struct scene *scene = *state;
    char path[2 * PATH];
    two_files(scene, "influence_stray");
    path_of(scene, "out", path);
    assert_int_equal(hs_make_directory(path, NULL), HEADSIFT_OK);
    write_text(scene, "out/part-00000-00000-b.parquet", "someone's");
    assert_int_equal(simple(scene, "b.jsonl"), HEADSIFT_FAILED);
    assert_non_null(strstr(scene->error.message, "part-00000-00000-b.parquet"));
}

static void a_limit_counts_over_all_files(void **state) {
    struct scene *scene = *state;
    two_files(scene, "influence_limit");
    headsift_inputs five = {.limit = 5};
    assert_int_equal(score(scene, "a.jsonl b.jsonl", five, NULL, false), HEADSIFT_UNSCORED);
    assert_int_equal(scene->summary.documents, 5);
    assert_string_equal(ask(scene, "SELECT count(*) FROM '@/out/part-00001-00000-b.parquet'"), "1");
    struct hs_buffer b = bytes_of(scene, "out/part-00001-00000-b.parquet");
    remove_file(scene, "out/part-00001-00000-b.parquet"); /* the second call counts what the first one did */
    assert_int_equal(score(scene, "a.jsonl b.jsonl", five, NULL, false), HEADSIFT_UNSCORED);
    assert_same_bytes(scene, "out/part-00001-00000-b.parquet", &b);
    headsift_inputs four = {.limit = 4};
    assert_int_equal(score(scene, "a.jsonl b.jsonl", four, NULL, true), HEADSIFT_UNSCORED);
    assert_string_equal(ask(scene, "SELECT count(*) FROM glob('@/out/*.parquet')"), "1");
}

static ino_t identity(const struct scene *scene, const char *name) {
    char path[2 * PATH];
    struct stat info;
    path_of(scene, name, path);
    assert_int_equal(stat(path, &info), 0);
    return info.st_ino;
}

static void a_stop_keeps_what_is_complete(void **state) {
    struct scene *scene = *state;
    two_files(scene, "influence_stop");
    scene->stop_after = 4; /* the documents of the first file */
    assert_int_equal(simple(scene, "a.jsonl b.jsonl"), HEADSIFT_STOPPED);
    scene->stop_after = 0;
    scene->stop = 0;
    assert_non_null(strstr(scene->error.message, "goes on from there"));
    assert_int_equal(scene->summary.documents, 4);
    assert_string_equal(ask(scene, "SELECT count(*) FROM glob('@/out/*.parquet*')"), "1");
    ino_t before = identity(scene, "out/part-00000-00000-a.parquet");
    struct hs_buffer a = bytes_of(scene, "out/part-00000-00000-a.parquet");
    assert_int_equal(simple(scene, "a.jsonl b.jsonl"), HEADSIFT_UNSCORED);
    assert_int_equal(scene->summary.documents, 6);
    assert_int_equal(identity(scene, "out/part-00000-00000-a.parquet"), before); /* not made again */
    struct hs_buffer b = bytes_of(scene, "out/part-00001-00000-b.parquet");
    assert_int_equal(score(scene, "a.jsonl b.jsonl", (headsift_inputs){0}, NULL, true), HEADSIFT_UNSCORED);
    assert_same_bytes(scene, "out/part-00000-00000-a.parquet", &a); /* as without a stop */
    assert_same_bytes(scene, "out/part-00001-00000-b.parquet", &b);
}

/* The number of a process that was there and is gone. */
static int gone_process(void) {
    pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    assert_true(child > 0 && waitpid(child, NULL, 0) == child);
    return (int)child;
}

static void process_name(int process, char out[HS_PROCESS_NAME]) {
    hs_process_name(out);
    snprintf(strrchr(out, '-'), 16, "-%d", process);
}

static void what_killed_calls_left_is_removed(void **state) {
    struct scene *scene = *state;
    char name[LINE], path[2 * PATH], gone[HS_PROCESS_NAME], here[HS_PROCESS_NAME];
    process_name(gone_process(), gone);
    process_name((int)getppid(), here);
    two_files(scene, "influence_leftovers");
    for (int overwrite = 0; overwrite < 2; overwrite++) {
        snprintf(name, sizeof name, "out/.part-00000-00000-b.parquet.spill-%s", gone);
        path_of(scene, name, path);
        assert_int_equal(hs_make_directory(path, NULL), HEADSIFT_OK);
        snprintf(name, sizeof name, "out/.part-00000-00000-b.parquet.spill-%s/duckdb_temp_storage-0.tmp", gone);
        write_text(scene, name, "rows");
        snprintf(name, sizeof name, "out/part-00000-00000-b.parquet.tmp-%s", gone);
        write_text(scene, name, "half");
        snprintf(name, sizeof name, "out/part-00000-00000-b.parquet.tmp-%s", here);
        write_text(scene, name, "at work");
        snprintf(name, sizeof name, "out/notes.tmp-%s", gone);
        write_text(scene, name, "not ours");
        assert_int_equal(score(scene, "b.jsonl", (headsift_inputs){0}, NULL, overwrite), HEADSIFT_OK);
        assert_string_equal(ask(scene, "SELECT count(*) FROM glob('@/out/.part*/*')"), "0");
        assert_false(hs_is_directory(path));
        assert_string_equal(ask(scene, "SELECT count(*) FROM glob('@/out/*.tmp-*')"), "2");
    }
}

static void same_names_in_other_folders_do_not_meet(void **state) {
    struct scene *scene = *state;
    char path[2 * PATH];
    two_files(scene, "influence_names");
    path_of(scene, "one", path);
    assert_int_equal(hs_make_directory(path, NULL), HEADSIFT_OK);
    write_text(scene, "one/b.jsonl", "{\"text\":\"another text\"}\n");
    assert_int_equal(simple(scene, "b.jsonl one/b.jsonl"), HEADSIFT_OK);
    assert_string_equal(ask(scene, "SELECT count(*) FROM '@/out/*.parquet'"), "3");
}

static void a_missing_column_is_found_before_any_work(void **state) {
    struct scene *scene = *state;
    char path[2 * PATH];
    two_files(scene, "influence_column");
    write_text(scene, "c.csv", "id,body\n1,hello\n");
    assert_int_equal(simple(scene, "b.jsonl c.csv"), HEADSIFT_USAGE);
    assert_non_null(strstr(scene->error.message, "body"));
    path_of(scene, "out", path);
    assert_false(hs_file_exists(path));
}

static void a_file_without_records_has_an_empty_part(void **state) {
    struct scene *scene = *state;
    fresh(scene, "influence_empty");
    write_text(scene, "e.jsonl", "\n\n");
    assert_int_equal(simple(scene, "e.jsonl"), HEADSIFT_OK);
    assert_string_equal(ask(scene, "SELECT count(*) FROM '@/out/part-00000-00000-e.parquet'"), "0");
}

static void own_parts_are_no_inputs(void **state) {
    struct scene *scene = *state;
    char folder[2 * PATH];
    fresh(scene, "influence_own");
    path_of(scene, "out", folder);
    assert_int_equal(hs_make_directory(folder, NULL), HEADSIFT_OK);
    write_text(scene, "out/b.jsonl", two_files_b);
    assert_int_equal(simple(scene, "out"), HEADSIFT_OK);
    headsift_status status = simple(scene, "out");
    if (status != HEADSIFT_OK) {
        fail_msg("%s", scene->error.message);
    }
    assert_non_null(strstr(scene->log.data, "nothing left to score"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_a_record_in_order),
        cmocka_unit_test(rows_equal_the_scores_of_the_texts),
        cmocka_unit_test(the_domain_line_is_said_once),
        cmocka_unit_test(a_long_path_stands_whole_in_its_rows),
        cmocka_unit_test(settings_are_in_the_folder_and_in_the_file),
        cmocka_unit_test(a_second_call_does_what_is_missing_and_ends_with_the_same_bytes),
        cmocka_unit_test(other_settings_and_changed_inputs_are_refused),
        cmocka_unit_test(files_that_are_not_ours_are_not_replaced),
        cmocka_unit_test(a_limit_counts_over_all_files),
        cmocka_unit_test(a_stop_keeps_what_is_complete),
        cmocka_unit_test(what_killed_calls_left_is_removed),
        cmocka_unit_test(same_names_in_other_folders_do_not_meet),
        cmocka_unit_test(a_missing_column_is_found_before_any_work),
        cmocka_unit_test(a_file_without_records_has_an_empty_part),
        cmocka_unit_test(own_parts_are_no_inputs),
    };
    return cmocka_run_group_tests(tests, scene_set_up, scene_tear_down);
}
