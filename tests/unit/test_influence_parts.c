/* Names of parts, settings, the journal of parts, the set of ids: what a second call relies on.
 * No model and no engine: files and values only. */
#define _GNU_SOURCE
#include "support.h"

#include <string.h>
#include <sys/stat.h>

#include "influence/duplicates.h"
#include "influence/plan.h"

static void part_names_are_plain_and_apart(void **state) {
    (void)state;
    static const struct {
        size_t index;
        const char *path, *name;
    } cases[] = {
        {3, "data/books.jsonl.gz", "part-00003-books.parquet"},
        {0, "a'b[1]*.parquet", "part-00000-a_b_1__.parquet"},
        {12, "/x/\xFF\n \xC3\xA9.csv.zst", "part-00012-_____.parquet"},
        {123456, "x", "part-123456-x.parquet"},
        {1, "dir.d/.hidden", "part-00001-.hidden.parquet"},
        {2, "v1.2/notes.md", "part-00002-notes.md.parquet"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *name = hs_part_name(cases[i].index, cases[i].path);
        assert_string_equal(name, cases[i].name);
        assert_true(hs_is_part_name(name));
        hs_free(name);
    }
    assert_false(hs_is_part_name("part-1-x.parquet"));
    assert_false(hs_is_part_name("documents.parquet"));
    assert_false(hs_is_part_name("part-00001-x.parquet.tmp-12"));
}

static void a_long_name_is_cut(void **state) {
    (void)state;
    char path[512];
    memset(path, 'n', sizeof path);
    path[sizeof path - 1] = '\0';
    char *name = hs_part_name(0, path);
    assert_true(strlen(name) < 150);
    assert_true(hs_is_part_name(name));
    hs_free(name);
}

static void ids_are_told_apart(void **state) {
    (void)state;
    struct hs_id_set set = {0};
    char id[32];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 20000; i++) {
            size_t size = (size_t)snprintf(id, sizeof id, "doc-%d", i);
            assert_int_equal(hs_id_set_add(&set, id, size), round);
        }
    }
    assert_int_equal(set.n, 20000);
    assert_true(set.capacity * sizeof *set.slots <= 4 * 20000 * sizeof *set.slots);
    assert_false(hs_id_set_add(&set, "", 0));
    assert_true(hs_id_set_add(&set, "", 0));
    assert_false(hs_id_set_add(&set, "\0", 1));
    hs_id_set_free(&set);
}

static json_t *settings(const char *text) {
    json_t *value = json_loads(text, 0, NULL);
    assert_non_null(value);
    return value;
}

static void differences_are_named(void **state) {
    (void)state;
    const char *base = "{\"mask\":\"uniform\",\"limit\":0,\"inputs\":[{\"path\":\"a\",\"size\":1}]}";
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"{\"mask\":\"zero\",\"limit\":0,\"inputs\":[{\"path\":\"a\",\"size\":1}]}",
         "mask was zero and is now uniform"},
        {"{\"mask\":\"uniform\",\"limit\":5,\"inputs\":[{\"path\":\"a\",\"size\":1}]}", "limit was 5 and is now 0"},
        {"{\"limit\":0,\"inputs\":[{\"path\":\"a\",\"size\":1}]}", "mask was (missing)"},
        {"{\"mask\":\"uniform\",\"limit\":0,\"inputs\":[{\"path\":\"a\",\"size\":2}]}", "input a changed"},
        {"{\"mask\":\"uniform\",\"limit\":0,\"inputs\":[{\"path\":\"b\",\"size\":1}]}", "input a was not"},
        {"{\"mask\":\"uniform\",\"limit\":0,\"inputs\":[]}", "0 input files"},
    };
    json_t *ours = settings(base);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *theirs = settings(cases[i].text);
        headsift_error error = {0};
        assert_true(hs_settings_differ(ours, theirs, "DIR", &error));
        assert_non_null(strstr(error.message, cases[i].wanted));
        assert_non_null(strstr(error.message, "--overwrite"));
        json_decref(theirs);
    }
    json_t *same = settings(base);
    assert_false(hs_settings_differ(ours, same, "DIR", NULL));
    json_decref(same);
    json_decref(ours);
}

static void metadata_holds_every_setting_and_its_input(void **state) {
    (void)state;
    json_t *all =
        settings("{\"mask\":\"zero\",\"heads\":[[1,2]],\"id\":null,\"inputs\":[{\"path\":\"a\"},{\"path\":\"b\"}]}");
    char **metadata = hs_settings_metadata(all, 1);
    static const char *const wanted[] = {"headsift.mask", "zero", "headsift.heads", "[[1,2]]",
                                         "headsift.id",   "null", "headsift.input", "{\"path\":\"b\"}"};
    for (size_t i = 0; i < 8; i++) {
        assert_string_equal(metadata[i], wanted[i]);
    }
    assert_null(metadata[8]);
    hs_metadata_free(metadata);
    json_decref(all);
}

/* A plan of three parts in a scratch folder; the parts' files exist. */
static void make_plan(struct hs_score_plan *plan, struct hs_part parts[3], char directory[512]) {
    test_scratch(directory, 512, "influence_journal");
    assert_int_equal(hs_make_directory(directory, NULL), HEADSIFT_OK);
    *plan = (struct hs_score_plan){.directory = directory, .inputs.n = 3, .parts = parts};
    static const char *const inputs[] = {"a.jsonl", "b.jsonl", "c.jsonl"};
    for (size_t i = 0; i < 3; i++) {
        parts[i] = (struct hs_part){.name = hs_part_name(i, inputs[i])};
        parts[i].path = hs_join_path(directory, parts[i].name);
        assert_int_equal(hs_file_write(parts[i].path, "x", 1, NULL), HEADSIFT_OK);
    }
}

static void free_parts(struct hs_part parts[3]) {
    for (size_t i = 0; i < 3; i++) {
        remove(parts[i].path);
        hs_free(parts[i].name);
        hs_free(parts[i].path);
    }
}

static void the_journal_survives_a_cut_line(void **state) {
    (void)state;
    struct hs_part parts[3];
    struct hs_score_plan plan;
    char directory[512], path[600];
    make_plan(&plan, parts, directory);
    assert_int_equal(hs_journal_write(&plan, NULL), HEADSIFT_OK);
    parts[2].record = (struct hs_part_record){5, 1, 600, {4, 4}, 2};
    parts[0].record = (struct hs_part_record){7, 0, 900, {6, 5}, 0};
    assert_int_equal(hs_journal_add(&plan, &parts[2], NULL), HEADSIFT_OK);
    assert_int_equal(hs_journal_add(&plan, &parts[0], NULL), HEADSIFT_OK);
    snprintf(path, sizeof path, "%s/_parts.jsonl", directory);
    FILE *file = fopen(path, "a");
    fputs("not json\n{\"part\":\"part-00009-a.parquet\"}\n{\"part\":\"part-00001-b.parquet\",\"docum", file);
    fclose(file);
    parts[0].record = parts[2].record = (struct hs_part_record){0};
    assert_int_equal(hs_journal_read(&plan, NULL), HEADSIFT_OK);
    assert_true(parts[0].done && !parts[1].done && parts[2].done);
    assert_int_equal(parts[0].record.documents, 7);
    assert_int_equal(parts[2].record.check.compared, 4);
    assert_int_equal(parts[2].record.duplicates, 2);
    assert_int_equal(hs_journal_write(&plan, NULL), HEADSIFT_OK); /* in order, the rest gone */
    struct hs_buffer text = {0};
    assert_int_equal(hs_file_read(path, 4096, &text, NULL), HEADSIFT_OK);
    assert_true(strstr(text.data, "00000") < strstr(text.data, "00002"));
    assert_null(strstr(text.data, "docum\n"));
    hs_buffer_free(&text);
    free_parts(parts);
}

static void a_record_without_its_file_is_not_done(void **state) {
    (void)state;
    struct hs_part parts[3];
    struct hs_score_plan plan;
    char directory[512];
    make_plan(&plan, parts, directory);
    parts[1].done = true;
    assert_int_equal(hs_journal_write(&plan, NULL), HEADSIFT_OK);
    remove(parts[1].path);
    parts[1].done = false;
    assert_int_equal(hs_journal_read(&plan, NULL), HEADSIFT_OK);
    assert_false(parts[1].done);
    free_parts(parts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(part_names_are_plain_and_apart),
        cmocka_unit_test(a_long_name_is_cut),
        cmocka_unit_test(ids_are_told_apart),
        cmocka_unit_test(differences_are_named),
        cmocka_unit_test(metadata_holds_every_setting_and_its_input),
        cmocka_unit_test(the_journal_survives_a_cut_line),
        cmocka_unit_test(a_record_without_its_file_is_not_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
