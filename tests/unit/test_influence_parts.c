/* Names of parts, settings, records of finished parts, shares, the set of ids: what a second call relies on.
 * No model and no engine: files and values only. */
#define _GNU_SOURCE
#include "influence_three.h"

#include <string.h>
#include <sys/stat.h>

#include "influence/duplicates.h"
#include "influence/plan.h"

static void part_names_are_plain_and_apart(void **state) {
    (void)state;
    static const struct {
        size_t input, unit;
        const char *path, *name;
    } cases[] = {
        {3, 7, "data/books.jsonl.gz", "part-00003-00007-books.parquet"},
        {0, 0, "a'b[1]*.parquet", "part-00000-00000-a_b_1__.parquet"},
        {12, 1, "/x/\xFF\n \xC3\xA9.csv.zst", "part-00012-00001-_____.parquet"},
        {123456, 1234567, "x", "part-123456-1234567-x.parquet"},
        {1, 99999, "dir.d/.hidden", "part-00001-99999-.hidden.parquet"},
        {2, 0, "v1.2/notes.md", "part-00002-00000-notes.md.parquet"},
    };
    size_t input, unit;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *name = hs_part_name(cases[i].input, cases[i].unit, cases[i].path);
        assert_string_equal(name, cases[i].name);
        assert_true(hs_part_numbers(name, &input, &unit));
        assert_true(input == cases[i].input && unit == cases[i].unit);
        hs_free(name);
    }
    static const char *const others[] = {"part-1-00001-x.parquet", "part-00001-x.parquet", "part-00001-1-x.parquet",
                                         "documents.parquet", "part-00001-00001-x.parquet.tmp-h-12"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(hs_part_numbers(others[i], &input, &unit));
    }
}

static void a_long_name_is_cut(void **state) {
    (void)state;
    char path[512];
    memset(path, 'n', sizeof path);
    path[sizeof path - 1] = '\0';
    size_t input, unit;
    char *name = hs_part_name(0, 0, path);
    assert_true(strlen(name) < 150);
    assert_true(hs_part_numbers(name, &input, &unit));
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
    static const char base[] = "{\"mask\":\"uniform\",\"limit\":0,\"inputs\":[{\"path\":\"a\",\"size\":1}]}";
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"{\"mask\":\"zero\",\"limit\":0,\"inputs\":[{\"path\":\"a\"}]}", "mask was zero and is now uniform"},
        {"{\"mask\":\"uniform\",\"limit\":5,\"inputs\":[{\"path\":\"a\"}]}", "limit was 5 and is now 0"},
        {"{\"limit\":0,\"inputs\":[{\"path\":\"a\"}]}", "mask was (missing)"},
        {"{\"mask\":\"uniform\",\"limit\":0,\"inputs\":[{\"path\":\"b\"}]}", "input a was not"},
        {"{\"mask\":\"uniform\",\"limit\":0,\"inputs\":[]}", "0 input files"},
    };
    json_t *ours = settings(base);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *theirs = settings(cases[i].text);
        headsift_error error = {0};
        assert_true(
            hs_settings_differ(ours, theirs, "DIR", &error) ||
            hs_inputs_differ(json_object_get(ours, "inputs"), json_object_get(theirs, "inputs"), "DIR", &error));
        assert_non_null(strstr(error.message, cases[i].wanted));
        assert_non_null(strstr(error.message, "--overwrite"));
        json_decref(theirs);
    }
    json_t *same = settings("{\"mask\":\"uniform\",\"limit\":0,\"inputs\":[{\"path\":\"a\",\"size\":2}]}");
    assert_false(hs_settings_differ(ours, same, "DIR", NULL));
    assert_false(hs_inputs_differ(json_object_get(ours, "inputs"), json_object_get(same, "inputs"), "DIR", NULL));
    json_decref(same);
    json_decref(ours);
}

static void changes_of_time_are_told_from_changes_of_content(void **state) {
    (void)state;
    static const char now[] = "{\"path\":\"a\",\"size\":1,\"mtime\":5,\"mtime_ns\":6,\"footer_sha256\":\"f\"}";
    static const struct {
        const char *text;
        enum hs_change change;
    } cases[] = {
        {now, HS_CHANGE_NONE},
        {"{\"size\":1,\"mtime\":5,\"mtime_ns\":7,\"footer_sha256\":\"f\"}", HS_CHANGE_TIME},
        {"{\"size\":1,\"mtime\":4,\"mtime_ns\":6,\"footer_sha256\":\"f\"}", HS_CHANGE_TIME},
        {"{\"size\":2,\"mtime\":5,\"mtime_ns\":6,\"footer_sha256\":\"f\"}", HS_CHANGE_CONTENT},
        {"{\"size\":1,\"mtime\":5,\"mtime_ns\":6,\"footer_sha256\":\"g\"}", HS_CHANGE_CONTENT},
        {"{\"size\":1,\"mtime\":5,\"mtime_ns\":6}", HS_CHANGE_CONTENT},
    };
    json_t *ours = settings(now);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *theirs = settings(cases[i].text);
        assert_int_equal(hs_input_change(ours, theirs), cases[i].change);
        json_decref(theirs);
    }
    json_decref(ours);
}

/* The hash of the settings is about all but the inputs. */
static void settings_have_a_hash(void **state) {
    (void)state;
    static const char *const texts[] = {"{\"mask\":\"zero\",\"long\":\"chunk\",\"inputs\":[1]}",
                                        "{\"long\":\"chunk\",\"mask\":\"zero\",\"inputs\":[2]}",
                                        "{\"mask\":\"zero\",\"long\":\"truncate\",\"inputs\":[1]}"};
    char hex[3][HS_HASH_HEX];
    for (int i = 0; i < 3; i++) {
        json_t *value = settings(texts[i]);
        assert_int_equal(hs_settings_sha256(value, hex[i], NULL), HEADSIFT_OK);
        assert_non_null(json_object_get(value, "inputs"));
        json_decref(value);
    }
    assert_string_equal(hex[0], hex[1]);
    assert_string_not_equal(hex[0], hex[2]);
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

static void records_of_all_processes_count(void **state) {
    (void)state;
    struct three three;
    make_three(&three, "influence_records");
    assert_int_equal(hs_plan_look(&three.plan, NULL), HEADSIFT_OK);
    assert_true(three.parts[0].there && !three.parts[0].done); /* a part without a line */
    three.parts[2].record = (struct hs_part_record){4, 1, 600, {4, 4}, 2, 1.5};
    three.parts[0].record = (struct hs_part_record){7, 0, 900, {6, 5}, 0, 2};
    assert_int_equal(hs_done_add(&three.plan, &three.parts[2], NULL), HEADSIFT_OK);
    three.plan.started = 2; /* another process */
    assert_int_equal(hs_done_add(&three.plan, &three.parts[0], NULL), HEADSIFT_OK);
    char path[600];
    snprintf(path, sizeof path, "%s/_parts/00000-cut.jsonl", three.directory);
    static const char lines[] =
        "not json\n{\"part\":\"part-00009-00000-a.parquet\"}\n"
        "{\"part\":\"part-00001-00000-b.parquet\",\"source\":\"98\",\"documents\":5,\"unscored\":0,\"tokens\":1,"
        "\"compared\":0,\"changed\":0,\"duplicate_ids\":0}\n" /* of another content */
        "{\"part\":\"part-00001-00000-b.parquet\",\"source\":\"99\",\"docum";
    assert_int_equal(hs_file_write(path, lines, sizeof lines - 1, NULL), HEADSIFT_OK);
    three.parts[0].record = three.parts[2].record = (struct hs_part_record){0};
    assert_int_equal(hs_plan_look(&three.plan, NULL), HEADSIFT_OK);
    assert_true(three.parts[0].done && !three.parts[1].done && three.parts[2].done);
    assert_int_equal(three.parts[0].record.documents, 7);
    assert_int_equal(three.parts[2].record.check.compared, 4);
    assert_int_equal(three.parts[2].record.duplicates, 2);
    assert_true(three.parts[2].record.seconds > 1.4 && three.parts[2].record.seconds < 1.6);
}

static void a_record_without_its_file_is_not_done(void **state) {
    (void)state;
    struct three three;
    make_three(&three, "influence_no_file");
    three.parts[1].record.documents = 5;
    assert_int_equal(hs_done_add(&three.plan, &three.parts[1], NULL), HEADSIFT_OK);
    assert_int_equal(hs_plan_look(&three.plan, NULL), HEADSIFT_OK);
    assert_true(three.parts[1].done);
    char *path = hs_plan_part_path(&three.plan, &three.parts[1]);
    remove(path);
    hs_free(path);
    assert_int_equal(hs_plan_look(&three.plan, NULL), HEADSIFT_OK);
    assert_false(three.parts[1].done);
}

/* ---- Shares ---- */

/* Whether the shares of all ranks are every part once, in order; the largest and the mean weight. */
static void check_shares(const struct hs_part *parts, size_t n, int32_t world, double *largest, double *mean) {
    size_t next = 0, first, last;
    double total = 0;
    *largest = 0;
    for (int32_t rank = 0; rank < world; rank++) {
        hs_share(parts, n, rank, world, &first, &last);
        assert_true(first <= last && last <= n);
        if (first == last) {
            continue;
        }
        assert_int_equal(first, next);
        next = last;
        double weight = 0;
        for (size_t i = first; i < last; i++) {
            weight += (double)parts[i].range.text_bytes;
        }
        total += weight;
        *largest = weight > *largest ? weight : *largest;
    }
    assert_int_equal(next, n);
    *mean = total / world;
}

/* 37 files of 25 GB to 80 GB in units of about 32 MB, whose last one is what was left. */
static void two_thousand_ranks_share_37_files(void **state) {
    (void)state;
    enum { FILES = 37, RANKS = 2000 };
    const int64_t unit = 32 << 20;
    struct hs_part *parts = hs_alloc(FILES * 3000, sizeof *parts);
    size_t n = 0;
    for (size_t file = 0; file < FILES; file++) {
        int64_t left = (int64_t)25000000000 + (int64_t)(file * file) * 40000000 + (int64_t)file * 7;
        for (size_t i = 0; left > 0; i++) {
            int64_t bytes = unit + (int64_t)((i * 7919 + file * 104729) % 2000000); /* a record more or less */
            parts[n++] = (struct hs_part){.input = file, .unit = i, .range.text_bytes = bytes < left ? bytes : left};
            left -= bytes;
        }
    }
    assert_true(n >= 20 * (size_t)RANKS);
    double largest, mean;
    check_shares(parts, n, RANKS, &largest, &mean);
    assert_true(largest <= 1.2 * mean);
    check_shares(parts, n, 1, &largest, &mean);
    assert_true(largest <= mean && largest >= mean);
    for (int32_t world = 2; world < 64; world++) {
        check_shares(parts, n, world, &largest, &mean);
        assert_true(largest <= 1.2 * mean);
    }
    hs_free(parts);
}

static void shares_of_few_uneven_and_empty_units(void **state) {
    (void)state;
    static const int64_t weights[] = {0, 1, 1000000, 0, 0, 3, INT64_MAX / 8, INT64_MAX / 8};
    struct hs_part parts[8] = {0};
    double largest, mean;
    for (size_t i = 0; i < 8; i++) {
        parts[i].range.text_bytes = weights[i];
    }
    for (size_t n = 0; n <= 8; n++) {
        for (int32_t world = 1; world < 40; world++) { /* also more ranks than units */
            check_shares(parts, n, world, &largest, &mean);
        }
        check_shares(parts, n, 100000, &largest, &mean);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(part_names_are_plain_and_apart),
        cmocka_unit_test(a_long_name_is_cut),
        cmocka_unit_test(ids_are_told_apart),
        cmocka_unit_test(differences_are_named),
        cmocka_unit_test(metadata_holds_every_setting_and_its_input),
        cmocka_unit_test(changes_of_time_are_told_from_changes_of_content),
        cmocka_unit_test(settings_have_a_hash),
        cmocka_unit_test(records_of_all_processes_count),
        cmocka_unit_test(two_thousand_ranks_share_37_files),
        cmocka_unit_test(shares_of_few_uneven_and_empty_units),
        cmocka_unit_test(a_record_without_its_file_is_not_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
