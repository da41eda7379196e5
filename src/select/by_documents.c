/* Ranking by a column of the documents themselves: its numbers go into hs_by, a row a document.
 * What is no number has no value there, and such a document is not chosen. */
#define _GNU_SOURCE
#include <string.h>
#include <strings.h>

#include "select/cursor.h"
#include "select/records.h"

static int source_number(const struct hs_selection *selection, const struct hs_source *source) {
    return (int)(source - selection->sources);
}

/* A column of the file's own called file_row_number hides DuckDB's: then the rows are counted as they are read. */
static headsift_status load_parquet(struct hs_selection *selection, const struct hs_source *source, bool has_row_number,
                                    headsift_error *error) {
    const char *by = selection->by_documents;
    struct hs_buffer sql = {0};
    bool built = hs_buffer_printf(&sql, "INSERT INTO hs_by SELECT %d, %s, TRY_CAST(", source_number(selection, source),
                                  has_row_number ? "row_number() OVER () - 1" : "file_row_number") &&
                 hs_sql_identifier(&sql, by, strlen(by)) && hs_buffer_printf(&sql, " AS DOUBLE) FROM ") &&
                 hs_sql_parquet(&sql, source->path);
    return hs_sql_built(&selection->sql, &sql, built, error);
}

/* A Parquet file tells its columns: one that lacks this one is refused, with those it has. *has_row_number says whether
 * file_row_number is one of them. */
static headsift_status check_parquet(struct hs_selection *selection, const struct hs_source *source,
                                     bool *has_row_number, headsift_error *error) {
    struct hs_buffer sql = {0}, names = {0};
    bool built = hs_buffer_printf(&sql, "SELECT column_name FROM (DESCRIBE FROM ") &&
                 hs_sql_parquet(&sql, source->path) && hs_buffer_printf(&sql, ")");
    struct hs_cursor cursor = {0};
    headsift_status status = built ? hs_cursor_open(&selection->sql, sql.data, &cursor, error)
                                   : hs_fail_memory(error, "a statement", sql.size);
    hs_buffer_free(&sql);
    HS_TRY(status);
    static const char row_number[] = "file_row_number";
    bool found = false;
    *has_row_number = false;
    while (hs_cursor_next(&cursor)) {
        size_t size;
        const char *name = hs_cursor_text(&cursor, 0, &size);
        *has_row_number |= size == sizeof row_number - 1 && strncasecmp(name, row_number, size) == 0;
        found |= strlen(selection->by_documents) == size && memcmp(selection->by_documents, name, size) == 0;
        built &= hs_buffer_printf(&names, "%s%.*s", names.size > 0 ? ", " : "", (int)size, name);
    }
    hs_cursor_close(&cursor);
    if (!found) {
        status = hs_fail(error, HEADSIFT_USAGE, "no column \"%s\" in the score rows, nor in %s, which has: %s",
                         selection->by_documents, source->path, built && names.data != NULL ? names.data : "");
    }
    hs_buffer_free(&names);
    return status;
}

static headsift_status load_records(struct hs_selection *selection, const struct hs_source *source,
                                    const struct hs_input *input, headsift_error *error) {
    const struct hs_field name = {.name = selection->by_documents, .name_size = strlen(selection->by_documents)};
    struct hs_feed feed = {.source = source, .input = input, .names = &name, .n_names = 1};
    char sql[160];
    snprintf(sql, sizeof sql, "INSERT INTO hs_by SELECT %d, row, TRY_CAST(c0 AS DOUBLE) FROM hs_records()",
             source_number(selection, source));
    return hs_feed_run(selection, &feed, sql, error);
}

static headsift_status load_file(struct hs_selection *selection, const struct hs_source *source,
                                 headsift_error *error) {
    struct hs_input_list list = {0};
    HS_TRY(hs_source_input(source, &list, error));
    headsift_status status;
    if (list.items[0].format == HS_FORMAT_PARQUET) {
        bool has_row_number;
        status = check_parquet(selection, source, &has_row_number, error);
        if (status == HEADSIFT_OK) {
            status = load_parquet(selection, source, has_row_number, error);
        }
    } else {
        status = load_records(selection, source, &list.items[0], error);
    }
    hs_inputs_free(&list);
    return status;
}

static headsift_status refuse_empty(struct hs_selection *selection, headsift_error *error) {
    struct hs_cursor cursor = {0};
    HS_TRY(hs_cursor_open(&selection->sql, "SELECT count(*)::BIGINT FROM hs_by WHERE isfinite(value)", &cursor, error));
    int64_t numbers = hs_cursor_next(&cursor) ? hs_cursor_integer(&cursor, 0, 0) : 0;
    hs_cursor_close(&cursor);
    if (numbers == 0) {
        return hs_fail(error, HEADSIFT_USAGE,
                       "no column \"%s\" in the score rows, and none with a number in it in the documents",
                       selection->by_documents);
    }
    return HEADSIFT_OK;
}

headsift_status hs_by_documents_load(struct hs_selection *selection, headsift_error *error) {
    HS_TRY(hs_sql_printf(&selection->sql, error, "CREATE TABLE hs_by(source INTEGER, row BIGINT, value DOUBLE)"));
    for (size_t i = 0; i < selection->n_sources; i++) {
        HS_TRY(load_file(selection, &selection->sources[i], error));
    }
    return refuse_empty(selection, error);
}
