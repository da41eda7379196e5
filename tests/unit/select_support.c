/* Folders, SQL and selections for the tests of src/select.
 * See select_support.h; what fails here fails the test that called it. */
#define _GNU_SOURCE
#include "select_support.h"

#include <ftw.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

headsift_error last_error;
headsift_select_summary last_summary;
static char folder[512];

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk) {
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

void fresh_folder(const char *name) {
    test_scratch(folder, sizeof folder, name);
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(hs_make_directory(folder, &last_error), HEADSIFT_OK);
}

const char *in_folder(const char *name) {
    static char paths[8][1024];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static char *expand(const char *statement) {
    struct hs_buffer text = {0};
    for (const char *at = statement; *at != '\0'; at++) {
        assert_true(hs_buffer_append(&text, *at == '@' ? folder : at, *at == '@' ? strlen(folder) : 1));
    }
    return text.data;
}

static void run(const char *statement, duckdb_result *result) {
    const char *paths[] = {folder};
    struct hs_sql_options options = {.paths = paths, .n_paths = 1};
    struct hs_sql database;
    assert_int_equal(hs_sql_open(&options, &database, &last_error), HEADSIFT_OK);
    char *text = expand(statement);
    if (hs_sql_run(&database, text, result, &last_error) != HEADSIFT_OK) {
        fail_msg("%s: %s", text, last_error.message);
    }
    hs_free(text);
    hs_sql_close(&database);
}

void sql(const char *statement) { run(statement, NULL); }

const char *sql_text(const char *query) {
    static char text[4096];
    duckdb_result result;
    run(query, &result);
    char *value = duckdb_row_count(&result) > 0 ? duckdb_value_varchar(&result, 0, 0) : NULL;
    snprintf(text, sizeof text, "%s", value != NULL ? value : "NULL");
    duckdb_free(value);
    duckdb_destroy_result(&result);
    return text;
}

struct hs_buffer file_bytes(const char *name) {
    struct hs_buffer bytes = {0};
    if (hs_file_read(in_folder(name), 1u << 30, &bytes, &last_error) != HEADSIFT_OK) {
        fail_msg("%s", last_error.message);
    }
    return bytes;
}

void write_bytes(const char *name, const char *bytes) {
    assert_int_equal(hs_file_write(in_folder(name), bytes, strlen(bytes), &last_error), HEADSIFT_OK);
}

void select_into(const char *out, headsift_select_options options, headsift_status wanted) {
    last_error = (headsift_error){0};
    headsift_status got =
        headsift_select_files(in_folder("scores"), &options, in_folder(out), NULL, &last_summary, &last_error);
    if (got != wanted) {
        fail_msg("status %d for %d: %s", got, wanted, last_error.message);
    }
}
