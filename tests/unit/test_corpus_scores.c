/* Score rows: columns and types as specified, nulls, made-up ids, metadata, the same bytes twice, a full disk.
 * Files are read back by a DuckDB of the test's own. */
#define _GNU_SOURCE
#include "corpus_files.h"

#include <math.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "corpus/score_writer.h"

static const char *const metadata[] = {"model", "it's {a} \"model\"", "a key's", "", NULL};

static headsift_status write_rows(const char *path, int64_t rows, headsift_error *error) {
    struct hs_score_writer *writer;
    headsift_status status = hs_score_writer_open(path, metadata, &writer, error);
    if (status != HEADSIFT_OK) {
        return status;
    }
    for (int64_t i = 0; i < rows; i++) {
        headsift_score score = {.n_bytes = i * 10,
                                .n_bytes_scored = i * 9,
                                .n_tokens = (int32_t)i,
                                .n_scored = 5,
                                .loss_base = 1.0 / 3.0,
                                .loss_ref = 2.5,
                                .score = (double)i / 7.0,
                                .status = "ok"};
        const char *id = i % 2 == 0 ? "some\0id" : NULL;
        if (i == 3) {
            score.loss_base = score.loss_ref = score.score = NAN;
            snprintf(score.status, sizeof score.status, "bad_text");
            snprintf(score.note, sizeof score.note, "broken \xFF here");
        }
        assert_int_equal(hs_score_writer_add(writer, id, 7, "dir/a'b.jsonl", i, "d\xC3\xA9", 3, &score, error),
                         HEADSIFT_OK);
    }
    return hs_score_writer_commit(writer, error);
}

/* The rows of a query as text: values with | between, lines with \n. */
static char *read_back(const char *format, const char *path) {
    duckdb_database database;
    duckdb_connection connection;
    duckdb_result result;
    char *statement = hs_format(format, path);
    struct hs_buffer out = {0};
    assert_int_equal(duckdb_open(NULL, &database), DuckDBSuccess);
    assert_int_equal(duckdb_connect(database, &connection), DuckDBSuccess);
    if (duckdb_query(connection, statement, &result) == DuckDBError) {
        fail_msg("%s", duckdb_result_error(&result));
    }
    for (idx_t row = 0; row < duckdb_row_count(&result); row++) {
        for (idx_t column = 0; column < duckdb_column_count(&result); column++) {
            char *value = duckdb_value_varchar(&result, column, row);
            assert_true(hs_buffer_printf(&out, "%s%s", column > 0 ? "|" : "", value != NULL ? value : "NULL"));
            duckdb_free(value);
        }
        assert_true(hs_buffer_append(&out, "\n", 1));
    }
    duckdb_destroy_result(&result);
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    hs_free(statement);
    return out.data;
}

static void check_query(const char *format, const char *path, const char *wanted) {
    char *got = read_back(format, path);
    assert_string_equal(got, wanted);
    hs_free(got);
}

static void test_columns_and_values(void **state) {
    (void)state;
    const char *path = scratch("scores.parquet");
    headsift_error error = {0};
    if (write_rows(path, 5, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    check_query("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet('%s'))", path,
                "id|VARCHAR\nfile|VARCHAR\nrow|BIGINT\ndomain|VARCHAR\nn_bytes|BIGINT\nn_tokens|INTEGER\n"
                "n_bytes_scored|BIGINT\nn_scored|INTEGER\nloss_base|DOUBLE\nloss_ref|DOUBLE\nscore|DOUBLE\n"
                "status|VARCHAR\nnote|VARCHAR\n");
    check_query(
        "SELECT replace(id, chr(0), '0'), file, row, domain, n_bytes, n_tokens, n_bytes_scored, n_scored, "
        "loss_base = 1.0::DOUBLE / 3, loss_ref, score, status, note FROM read_parquet('%s') WHERE row IN (2, 3)",
        path,
        "some0id|dir/a'b.jsonl|2|d\xC3\xA9|20|2|18|5|true|2.5|0.2857142857142857|ok|\n"
        "dir/a'b.jsonl:3|dir/a'b.jsonl|3|d\xC3\xA9|30|3|27|5|NULL|NULL|NULL|bad_text|broken \xEF\xBF\xBD here\n");
    check_query("SELECT decode(key), decode(value) FROM parquet_kv_metadata('%s')", path,
                "model|it's {a} \"model\"\na key's|\n");
    check_query("SELECT DISTINCT compression FROM parquet_metadata('%s')", path, "ZSTD\n");
}

static void test_many_rows_in_order(void **state) {
    (void)state;
    const char *path = scratch("many.parquet");
    assert_int_equal(write_rows(path, 300000, NULL), HEADSIFT_OK);
    check_query("SELECT count(*), sum(CASE WHEN file_row_number = row THEN 1 ELSE 0 END) FROM read_parquet('%s', "
                "file_row_number=true)",
                path, "300000|300000\n");
    check_query("SELECT DISTINCT row_group_num_rows FROM parquet_metadata('%s') ORDER BY 1 DESC", path,
                "122880\n54240\n");
}

static void test_same_bytes(void **state) {
    (void)state;
    const char *first = scratch("same1.parquet"), *second = scratch("same2.parquet");
    assert_int_equal(write_rows(first, 250000, NULL), HEADSIFT_OK);
    assert_int_equal(write_rows(second, 250000, NULL), HEADSIFT_OK);
    struct hs_map a, b;
    assert_int_equal(hs_map_open(first, &a, NULL), HEADSIFT_OK);
    assert_int_equal(hs_map_open(second, &b, NULL), HEADSIFT_OK);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    hs_map_close(&a);
    hs_map_close(&b);
}

static bool anything_spilled(const char *path) {
    char process[HS_PROCESS_NAME];
    hs_process_name(process);
    char *query = hs_format("SELECT count(*) FROM glob('%s/.%%s.spill-%s/*')", HS_TEST_SCRATCH, process);
    char *got = read_back(query, strrchr(path, '/') + 1);
    bool spilled = strcmp(got, "0\n") != 0;
    hs_free(got);
    hs_free(query);
    return spilled;
}

/* More rows than the memory holds. */
static void test_more_rows_than_memory(void **state) {
    (void)state;
    const char *path = scratch("spilled.parquet");
    static char id[2000];
    headsift_error error = {0};
    headsift_score score = {.n_bytes = 1, .status = "ok"};
    struct hs_score_writer *writer;
    assert_int_equal(hs_score_writer_open(path, NULL, &writer, &error), HEADSIFT_OK);
    uint64_t random = 1;
    for (int64_t i = 0; i < 450000; i++) {
        for (size_t at = 0; at < sizeof id; at += i % 100 == 0 ? 1 : 100) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            id[at] = (char)('a' + (random >> 60));
        }
        if (hs_score_writer_add(writer, id, sizeof id, "f", i, "d", 1, &score, &error) != HEADSIFT_OK) {
            fail_msg("%s", error.message);
        }
    }
    assert_true(anything_spilled(path));
    if (hs_score_writer_commit(writer, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    assert_false(anything_spilled(path));
    check_query("SELECT count(*), sum(CASE WHEN file_row_number = row THEN 1 ELSE 0 END) FROM read_parquet('%s', "
                "file_row_number=true)",
                path, "450000|450000\n");
    remove(path);
}

static void test_no_rows(void **state) {
    (void)state;
    const char *path = scratch("norows.parquet");
    assert_int_equal(write_rows(path, 0, NULL), HEADSIFT_OK);
    check_query("SELECT count(*), count(score) FROM read_parquet('%s')", path, "0|0\n");
}

static void temporary_of(char *out, size_t size, const char *path) {
    char *temporary = hs_temporary_path(path);
    snprintf(out, size, "%s", temporary);
    hs_free(temporary);
}

static void test_abort_leaves_nothing(void **state) {
    (void)state;
    const char *path = scratch("aborted.parquet");
    char temporary[1024];
    temporary_of(temporary, sizeof temporary, path);
    struct hs_score_writer *writer;
    assert_int_equal(hs_score_writer_open(path, NULL, &writer, NULL), HEADSIFT_OK);
    assert_true(hs_file_exists(temporary));
    assert_false(hs_file_exists(path));
    hs_score_writer_abort(writer);
    assert_false(hs_file_exists(temporary));
    assert_false(hs_file_exists(path));
    hs_score_writer_abort(NULL);
}

/* The temporary name leads to a device that is always full. */
static void test_full_disk(void **state) {
    (void)state;
    const char *path = scratch("full.parquet");
    char temporary[1024];
    temporary_of(temporary, sizeof temporary, path);
    unlink(temporary);
    assert_int_equal(symlink("/dev/full", temporary), 0);
    headsift_error error = {0};
    assert_int_equal(write_rows(path, 1000, &error), HEADSIFT_NO_SPACE);
    assert_non_null(strstr(error.message, "full.parquet"));
    assert_non_null(strstr(error.message, "free some space"));
    assert_false(hs_file_exists(path));
    assert_int_equal(access(temporary, F_OK), -1);
}

static void test_no_folder(void **state) {
    (void)state;
    headsift_error error = {0};
    assert_int_equal(write_rows(scratch("no/such/folder.parquet"), 1, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "can't write"));
}

/* Names that DuckDB would read something into, relative to the folder. */
static void test_any_name(void **state) {
    (void)state;
    static const char *const names[] = {"s'1[a]*.parquet", "~tilde.parquet",    "s3:x.parquet",
                                        "k=v.parquet",     "new\nline.parquet", "no suffix"};
    assert_int_equal(chdir(HS_TEST_SCRATCH), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        remove(names[i]);
        headsift_error error = {0};
        if (write_rows(names[i], 2, &error) != HEADSIFT_OK) {
            fail_msg("%s", error.message);
        }
        assert_true(hs_file_exists(names[i]));
        /* A second time over the first. */
        assert_int_equal(write_rows(names[i], 2, &error), HEADSIFT_OK);
        remove(names[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_and_values),
        cmocka_unit_test(test_many_rows_in_order),
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_more_rows_than_memory),
        cmocka_unit_test(test_abort_leaves_nothing),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_no_folder),
        cmocka_unit_test(test_any_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
