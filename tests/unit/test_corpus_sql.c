/* The locked-down DuckDB connection: what may be touched can be, nothing else, and no setting can be taken back.
 * And quoting, by round trips through SQL. */
#define _GNU_SOURCE
#include "corpus_files.h"

#include <sys/stat.h>

#include "corpus/sql.h"

static struct hs_sql open_for(const char *const *paths, size_t n) {
    struct hs_sql sql;
    headsift_error error = {0};
    struct hs_sql_options options = {.threads = 2, .memory = "1GB", .paths = paths, .n_paths = n};
    if (hs_sql_open(&options, &sql, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return sql;
}

static void works(struct hs_sql *sql, const char *statement) {
    headsift_error error = {0};
    if (hs_sql_run(sql, statement, NULL, &error) != HEADSIFT_OK) {
        fail_msg("%s: %s", statement, error.message);
    }
}

static void fails(struct hs_sql *sql, const char *statement, const char *part) {
    headsift_error error = {0};
    assert_int_equal(hs_sql_run(sql, statement, NULL, &error), HEADSIFT_FAILED);
    assert_null(strchr(error.message, '\n'));
    assert_null(strstr(error.message, "\\n"));
    if (strstr(error.message, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, error.message);
    }
}

/* The first value of a statement as text; the caller frees with duckdb_free. */
static char *value_of(struct hs_sql *sql, const char *statement) {
    duckdb_result result;
    headsift_error error = {0};
    if (hs_sql_run(sql, statement, &result, &error) != HEADSIFT_OK) {
        fail_msg("%s: %s", statement, error.message);
    }
    char *value = duckdb_value_varchar(&result, 0, 0);
    duckdb_destroy_result(&result);
    return value;
}

static void check_value(struct hs_sql *sql, const char *statement, const char *wanted) {
    char *value = value_of(sql, statement);
    assert_string_equal(value, wanted);
    duckdb_free(value);
}

static void test_settings(void **state) {
    (void)state;
    struct hs_sql sql = open_for(NULL, 0);
    static const char *const settings[][2] = {
        {"threads", "2"},
        {"memory_limit", "953.6 MiB"},
        {"temp_directory", ""},
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
        {"allow_community_extensions", "false"},
        {"enable_external_access", "false"},
        {"lock_configuration", "true"},
        {"allowed_paths", "[]"},
        {"allowed_directories", "[]"},
        {"enable_external_file_cache", "false"},
        {"preserve_insertion_order", "true"},
        {"TimeZone", "UTC"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        char statement[256];
        snprintf(statement, sizeof statement, "SELECT current_setting('%s')::VARCHAR", settings[i][0]);
        check_value(&sql, statement, settings[i][1]);
    }
    fails(&sql, "SET threads=4", "locked");
    fails(&sql, "SET enable_external_access=true", "");
    fails(&sql, "SET lock_configuration=false", "locked");
    fails(&sql, "RESET allowed_paths", "locked");
    fails(&sql, "PRAGMA temp_directory='/var/tmp'", "locked");
    hs_sql_close(&sql);
    hs_sql_close(&sql);
}

static void test_no_extensions(void **state) {
    (void)state;
    struct hs_sql sql = open_for(NULL, 0);
    fails(&sql, "INSTALL httpfs", "");
    fails(&sql, "INSTALL h3 FROM community", "");
    fails(&sql, "LOAD httpfs", "");
    fails(&sql, "LOAD '/nowhere/x.duckdb_extension'", "");
    fails(&sql, "FORCE INSTALL spatial", "");
    fails(&sql, "SELECT * FROM read_parquet('https://example.org/x.parquet')", "");
    fails(&sql, "SELECT * FROM read_parquet('s3://bucket/x.parquet')", "");
    fails(&sql, "SELECT * FROM read_xlsx('x.xlsx')", "");
    works(&sql, "SELECT json_extract('{\"a\": 1}', '$.a')"); /* built in, with parquet */
    hs_sql_close(&sql);
}

static void test_access(void **state) {
    (void)state;
    const char *allowed = put_text("allowed.csv", "a\n1\n"), *other = put_text("sqlother.csv", "a\n1\n");
    char folder[1024], statement[2048];
    test_scratch(folder, sizeof folder, "allowed folder's");
    mkdir(folder, 0777);
    const char *const paths[] = {allowed, folder};
    struct hs_sql sql = open_for(paths, 2);
    snprintf(statement, sizeof statement, "SELECT * FROM read_csv('%s')", allowed);
    works(&sql, statement);
    snprintf(statement, sizeof statement, "SELECT * FROM read_csv('%s')", other);
    fails(&sql, statement, "disabled by configuration");
    snprintf(statement, sizeof statement, "SELECT * FROM read_csv('%s/allowed folder''s/../sqlother.csv')",
             HS_TEST_SCRATCH);
    fails(&sql, statement, "disabled by configuration");
    snprintf(statement, sizeof statement, "SELECT * FROM read_csv('%s/*.csv')", HS_TEST_SCRATCH);
    fails(&sql, statement, "disabled by configuration");
    snprintf(statement, sizeof statement, "SELECT * FROM glob('%s/*')", HS_TEST_SCRATCH);
    fails(&sql, statement, "disabled by configuration");
    snprintf(statement, sizeof statement, "COPY (SELECT 1) TO '%s/allowed folder''s/x.parquet'", HS_TEST_SCRATCH);
    works(&sql, statement);
    snprintf(statement, sizeof statement, "COPY (SELECT 1) TO '%s/x.parquet'", HS_TEST_SCRATCH);
    fails(&sql, statement, "disabled by configuration");
    snprintf(statement, sizeof statement, "ATTACH '%s/x.db'", HS_TEST_SCRATCH);
    fails(&sql, statement, "");
    fails(&sql, "SELECT * FROM read_text('/etc/hostname')", "disabled by configuration");
    fails(&sql, "SELECT getenv('HOME')", "");
    hs_sql_close(&sql);
}

/* With a folder for it, a sort larger than the memory is done; without, it is a clear error. */
static void test_spill(void **state) {
    (void)state;
    static const char sort[] =
        "SELECT count(*) FROM (SELECT md5(i::VARCHAR) AS a, repeat(md5(i::VARCHAR), 3) AS b FROM "
        "range(2000000) t(i) ORDER BY a LIMIT 1900000) WHERE b > ''";
    char folder[1024];
    test_scratch(folder, sizeof folder, "spill");
    for (int pass = 0; pass < 2; pass++) {
        struct hs_sql_options options = {.memory = "100MB", .temp_dir = pass == 0 ? folder : NULL};
        struct hs_sql sql;
        assert_int_equal(hs_sql_open(&options, &sql, NULL), HEADSIFT_OK);
        headsift_error error = {0};
        headsift_status status = hs_sql_run(&sql, sort, NULL, &error);
        if (pass == 0 && status != HEADSIFT_OK) {
            fail_msg("%s", error.message);
        }
        assert_int_equal(status, pass == 0 ? HEADSIFT_OK : HEADSIFT_FAILED);
        assert_true(pass == 0 || strstr(error.message, "Out of Memory") != NULL);
        hs_sql_close(&sql);
    }
    struct hs_sql_options wrong = {.memory = "lots"};
    struct hs_sql sql;
    headsift_error error = {0};
    assert_int_equal(hs_sql_open(&wrong, &sql, &error), HEADSIFT_USAGE);
    assert_non_null(strstr(error.message, "lots"));
}

static void test_quoting(void **state) {
    (void)state;
    static const char *const texts[] = {"", "a", "it's", "''", "\"", "a\"b\"\"c", "\\", "$1 -- /* ;", "\xC3\xA9\n\t"};
    struct hs_sql sql = open_for(NULL, 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct hs_buffer statement = {0};
        assert_true(hs_buffer_printf(&statement, "SELECT ") && hs_sql_string(&statement, texts[i], strlen(texts[i])));
        check_value(&sql, statement.data, texts[i]);
        statement.size = 0;
        const char *name = texts[i][0] != '\0' ? texts[i] : "x"; /* SQL has no empty names */
        assert_true(hs_buffer_printf(&statement, "SELECT column_name FROM (DESCRIBE SELECT 1 AS ") &&
                    hs_sql_identifier(&statement, name, strlen(name)) && hs_buffer_append(&statement, ")", 1));
        check_value(&sql, statement.data, name);
        hs_buffer_free(&statement);
    }
    hs_sql_close(&sql);
}

static void test_streaming(void **state) {
    (void)state;
    struct hs_sql sql = open_for(NULL, 0);
    duckdb_result result;
    assert_int_equal(hs_sql_stream(&sql, "SELECT i FROM range(100000) t(i)", &result, NULL), HEADSIFT_OK);
    duckdb_data_chunk chunk;
    int64_t n = 0;
    for (;;) {
        assert_int_equal(hs_sql_fetch(&result, &chunk, NULL), HEADSIFT_OK);
        if (chunk == NULL) {
            break;
        }
        const int64_t *numbers = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
        for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); i++) {
            assert_int_equal(numbers[i], n++);
        }
        duckdb_destroy_data_chunk(&chunk);
    }
    assert_int_equal(n, 100000);
    duckdb_destroy_result(&result);
    headsift_error error = {0};
    assert_int_equal(hs_sql_stream(&sql, "SELECT nix", &result, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "nix"));
    /* An error in the middle is told, not taken for the end. */
    headsift_status status = hs_sql_stream(&sql,
                                           "SELECT CASE WHEN i < 50000 THEN i ELSE error('stop') END FROM "
                                           "range(100000) t(i)",
                                           &result, &error);
    while (status == HEADSIFT_OK && (status = hs_sql_fetch(&result, &chunk, &error)) == HEADSIFT_OK) {
        assert_non_null(chunk);
        duckdb_destroy_data_chunk(&chunk);
    }
    assert_int_equal(status, HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "stop"));
    duckdb_destroy_result(&result);
    hs_sql_close(&sql);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings), cmocka_unit_test(test_no_extensions), cmocka_unit_test(test_access),
        cmocka_unit_test(test_spill),    cmocka_unit_test(test_quoting),       cmocka_unit_test(test_streaming),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
