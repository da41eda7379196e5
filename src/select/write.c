/* The chosen rows of a Parquet file, written by SQL with all their columns in the order of the file.
 * Other formats go on to write_records.c. */
#define _GNU_SOURCE
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/process.h"
#include "corpus/parquet_bytes.h"
#include "select/cursor.h"
#include "select/records.h"

struct column {
    char *name;
    char *type;
    bool as_bytes; /**< a string that is read as bytes: hs_text() makes it a string again */
};

struct columns {
    struct column *items;
    size_t n;
    bool has_row_number; /**< the file itself has a column of that name, which hides DuckDB's */
};

static const char broken_text[] = "Invalid string encoding"; /* in what DuckDB says of a string that is no UTF-8 */

static void free_columns(struct columns *columns) {
    for (size_t i = 0; i < columns->n; i++) {
        hs_free(columns->items[i].name);
        hs_free(columns->items[i].type);
    }
    hs_free(columns->items);
    *columns = (struct columns){0};
}

static bool add_column(struct columns *columns, size_t *capacity, const struct hs_cursor *cursor) {
    void *items = columns->items;
    bool grown = hs_grow(&items, capacity, columns->n + 1, sizeof *columns->items);
    columns->items = items;
    if (!grown) {
        return false;
    }
    size_t name_size, type_size;
    const char *name = hs_cursor_text(cursor, 0, &name_size), *type = hs_cursor_text(cursor, 1, &type_size);
    struct column *column = &columns->items[columns->n++];
    *column = (struct column){.name = hs_copy_bytes(name, name_size), .type = hs_copy_bytes(type, type_size)};
    if (column->name == NULL || column->type == NULL) {
        return false;
    }
    columns->has_row_number |= strcasecmp(column->name, "file_row_number") == 0;
    return true;
}

static headsift_status read_columns(struct hs_selection *selection, const char *path, struct columns *columns,
                                    headsift_error *error) {
    struct hs_buffer sql = {0};
    bool built = hs_buffer_printf(&sql, "SELECT column_name, column_type FROM (DESCRIBE FROM ") &&
                 hs_sql_parquet(&sql, path) && hs_buffer_printf(&sql, ")");
    struct hs_cursor cursor = {0};
    headsift_status status =
        built ? hs_cursor_open(&selection->sql, sql.data, &cursor, error) : hs_fail_memory(error, path, sql.size);
    hs_buffer_free(&sql);
    HS_TRY(status);
    size_t capacity = 0;
    while (status == HEADSIFT_OK && hs_cursor_next(&cursor)) {
        status = add_column(columns, &capacity, &cursor) ? HEADSIFT_OK : hs_fail_memory(error, path, capacity);
    }
    hs_cursor_close(&cursor);
    return status;
}

/* FROM the chosen rows of the file, as `s`, with their number in the column that row_number() names. */
static const char *row_number(const struct columns *columns) {
    return columns->has_row_number ? "headsift_row_number" : "file_row_number";
}

static bool append_chosen(struct hs_buffer *sql, const char *path, const struct columns *columns) {
    bool own = columns->has_row_number;
    return hs_buffer_printf(sql, " FROM %s",
                            own ? "(SELECT *, row_number() OVER () - 1 AS headsift_row_number FROM " : "") &&
           hs_sql_parquet(sql, path) &&
           hs_buffer_printf(sql, "%s s WHERE hs_is_chosen(s.%s)", own ? ")" : "", row_number(columns));
}

static bool is_float(const char *type) { return strcmp(type, "DOUBLE") == 0 || strcmp(type, "FLOAT") == 0; }

static bool holds_floats(const char *type) {
    return !is_float(type) && (strstr(type, "DOUBLE") != NULL || strstr(type, "FLOAT") != NULL);
}

/* What stands in place of a column: NULL for NaN and infinity, which JSON has no word for; a string for bytes. */
static bool append_replacement(struct hs_buffer *sql, const struct columns *columns, size_t i) {
    const char *name = columns->items[i].name;
    size_t size = strlen(name);
    bool ok;
    if (columns->items[i].as_bytes) {
        ok = hs_buffer_printf(sql, "hs_text(s.") && hs_sql_identifier(sql, name, size) &&
             hs_buffer_printf(sql, ", s.%s, %zu)", row_number(columns), i);
    } else {
        ok = hs_buffer_printf(sql, "CASE WHEN isfinite(s.") && hs_sql_identifier(sql, name, size) &&
             hs_buffer_printf(sql, ") THEN s.") && hs_sql_identifier(sql, name, size) && hs_buffer_printf(sql, " END");
    }
    return ok && hs_buffer_printf(sql, " AS ") && hs_sql_identifier(sql, name, size);
}

/* s.*, with what append_replacement() says. */
static bool append_list(struct hs_buffer *sql, const struct columns *columns, bool json) {
    bool ok = hs_buffer_printf(sql, "s.*%s", columns->has_row_number ? " EXCLUDE (headsift_row_number)" : "");
    const char *opening = " REPLACE (";
    for (size_t i = 0; ok && i < columns->n; i++) {
        if (columns->items[i].as_bytes || (json && is_float(columns->items[i].type))) {
            ok = hs_buffer_printf(sql, "%s", opening) && append_replacement(sql, columns, i);
            opening = ", ";
        }
    }
    return ok && (opening[0] == ' ' || hs_buffer_printf(sql, ")"));
}

/* Inside lists and structs NaN can't be replaced: such a file is refused rather than written as broken JSON.
 * Strings are cut out first: words inside them are no numbers. */
static headsift_status refuse_nested_nan(struct hs_selection *selection, const struct hs_unit *unit, const char *path,
                                         const struct columns *columns, headsift_error *error) {
    for (size_t i = 0; i < columns->n; i++) {
        const char *name = columns->items[i].name;
        if (!holds_floats(columns->items[i].type)) {
            continue;
        }
        struct hs_buffer sql = {0};
        bool built = hs_buffer_printf(&sql, "SELECT min(s.%s)::BIGINT", row_number(columns)) &&
                     append_chosen(&sql, path, columns) &&
                     hs_buffer_printf(&sql, " AND regexp_matches(regexp_replace(to_json(s.") &&
                     hs_sql_identifier(&sql, name, strlen(name)) &&
                     hs_buffer_printf(&sql, ")::VARCHAR, '\"([^\"\\\\]|\\\\.)*\"', '', 'gs'), "
                                            "'[:\\[,](NaN|-?Infinity)[,\\]}]')");
        struct hs_cursor cursor = {0};
        headsift_status status = built ? hs_cursor_open(&selection->sql, sql.data, &cursor, error)
                                       : hs_fail_memory(error, unit->path, sql.size);
        hs_buffer_free(&sql);
        HS_TRY(status);
        int64_t row = hs_cursor_next(&cursor) ? hs_cursor_integer(&cursor, 0, -1) : -1;
        hs_cursor_close(&cursor);
        if (row >= 0) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%s: row %lld: column \"%s\" holds NaN or infinity, which JSON has no word for: write "
                           "Parquet",
                           unit->path, (long long)row, name);
        }
    }
    return HEADSIFT_OK;
}

/* The size of the file's rows, as its footer states it. */
static headsift_status read_row_size(struct hs_selection *selection, const char *path, int64_t *bytes, int64_t *rows,
                                     headsift_error *error) {
    struct hs_buffer sql = {0};
    bool built = hs_buffer_printf(&sql, "SELECT (SELECT sum(total_uncompressed_size) FROM parquet_metadata(") &&
                 hs_sql_path(&sql, path) &&
                 hs_buffer_printf(&sql, "))::BIGINT, (SELECT sum(num_rows) FROM parquet_file_metadata(") &&
                 hs_sql_path(&sql, path) && hs_buffer_printf(&sql, "))::BIGINT");
    struct hs_cursor cursor = {0};
    headsift_status status =
        built ? hs_cursor_open(&selection->sql, sql.data, &cursor, error) : hs_fail_memory(error, path, sql.size);
    hs_buffer_free(&sql);
    HS_TRY(status);
    bool found = hs_cursor_next(&cursor);
    *bytes = found ? hs_cursor_integer(&cursor, 0, 0) : 0;
    *rows = found ? hs_cursor_integer(&cursor, 1, 0) : 0;
    hs_cursor_close(&cursor);
    return HEADSIFT_OK;
}

bool hs_copy_options(struct hs_buffer *sql, bool json, int64_t bytes, int64_t rows) {
    if (json) {
        return hs_buffer_printf(sql, " (FORMAT json, USE_TMP_FILE false)");
    }
    enum { MOST_ROWS = 122880, VECTOR = 2048, GROUP_BYTES = 1 << 27 };
    int64_t each = rows > 0 && bytes > rows ? bytes / rows : 1, group = GROUP_BYTES / each / VECTOR * VECTOR;
    group = group < VECTOR ? VECTOR : group > MOST_ROWS ? MOST_ROWS : group;
    return hs_buffer_printf(sql, " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE %lld, USE_TMP_FILE false)",
                            (long long)group);
}

/* Copies the chosen rows of the file at `path`: the unit's own, or a copy of it with strings as bytes. */
static headsift_status copy_rows(struct hs_selection *selection, const struct hs_unit *unit, const char *path,
                                 const struct columns *columns, const char *temporary, headsift_error *error) {
    bool json = selection->choice.jsonl;
    int64_t bytes, rows;
    HS_TRY(hs_chosen_use(selection, unit, error));
    HS_TRY(read_row_size(selection, path, &bytes, &rows, error));
    if (json) {
        HS_TRY(refuse_nested_nan(selection, unit, path, columns, error));
    }
    struct hs_buffer sql = {0};
    bool built = hs_buffer_printf(&sql, "COPY (SELECT ") && append_list(&sql, columns, json) &&
                 append_chosen(&sql, path, columns) && hs_buffer_printf(&sql, ") TO ") &&
                 hs_sql_target(&sql, temporary) && hs_copy_options(&sql, json, bytes, rows);
    headsift_status status = hs_sql_built(&selection->sql, &sql, built, error);
    if (status == HEADSIFT_FAILED && hs_stop_wanted(selection->monitor)) {
        return hs_fail(error, HEADSIFT_STOPPED, "stopped while %s was read", unit->path);
    }
    return status;
}

/* ---- Files in which a string is no UTF-8 ---- */

/* Marks the strings that the copy calls bytes. */
static headsift_status compare_columns(struct hs_selection *selection, const char *copy, struct columns *columns,
                                       headsift_error *error) {
    struct columns changed = {0};
    headsift_status status = read_columns(selection, copy, &changed, error);
    for (size_t i = 0; status == HEADSIFT_OK && i < columns->n && i < changed.n; i++) {
        struct column *column = &columns->items[i];
        column->as_bytes = strcmp(column->type, "VARCHAR") == 0 && strcmp(changed.items[i].type, "BLOB") == 0;
    }
    free_columns(&changed);
    return status;
}

static headsift_status copy_mended_rows(struct hs_selection *selection, const struct hs_unit *unit, const char *copy,
                                        struct columns *columns, const char *temporary, headsift_error *error) {
    headsift_error reason = {0};
    HS_TRY(hs_parquet_as_bytes(unit->path, copy, selection->monitor, error));
    HS_TRY(hs_mending_use(selection, error));
    HS_TRY(compare_columns(selection, copy, columns, error));
    headsift_status status = copy_rows(selection, unit, copy, columns, temporary, &reason);
    if (status == HEADSIFT_FAILED && strstr(reason.message, broken_text) != NULL) {
        return hs_fail(error, status,
                       "%s: a string inside a list, struct or map, or in a JSON column, is not UTF-8: mend the file, "
                       "or leave that column out of it",
                       unit->path);
    }
    if (status != HEADSIFT_OK) {
        return hs_fail(error, status, "%s", reason.message);
    }
    const struct hs_mending *mending = selection->mending;
    if (mending->values > 0) {
        hs_log(selection->monitor, HEADSIFT_LOG_WARNING,
               "%s: row %lld: column \"%s\" is not UTF-8: written with U+FFFD in place of what is broken (%lld such "
               "values in the chosen rows)",
               unit->path, (long long)mending->row, columns->items[mending->column].name, (long long)mending->values);
    }
    return HEADSIFT_OK;
}

/* From a copy of the whole file, which lies among the temporary files meanwhile. */
static headsift_status copy_by_bytes(struct hs_selection *selection, const struct hs_unit *unit,
                                     struct columns *columns, const char *temporary, headsift_error *error) {
    char *copy = hs_format("%s/" HS_COPY_PREFIX "%ld.parquet", selection->temp_dir, (long)getpid());
    if (copy == NULL) {
        return hs_fail_memory(error, unit->path, strlen(selection->temp_dir));
    }
    unlink(temporary);
    headsift_status status = copy_mended_rows(selection, unit, copy, columns, temporary, error);
    unlink(copy);
    hs_free(copy);
    return status;
}

static headsift_status write_rows(struct hs_selection *selection, const struct hs_unit *unit, const char *temporary,
                                  headsift_error *error) {
    struct columns columns = {0};
    headsift_error reason = {0};
    headsift_status status = read_columns(selection, unit->path, &columns, &reason);
    if (status == HEADSIFT_OK) {
        status = copy_rows(selection, unit, unit->path, &columns, temporary, &reason);
        if (status == HEADSIFT_FAILED && selection->temp_dir != NULL && strstr(reason.message, broken_text) != NULL) {
            status = copy_by_bytes(selection, unit, &columns, temporary, &reason);
        }
    }
    free_columns(&columns);
    return status == HEADSIFT_OK ? HEADSIFT_OK : hs_fail(error, status, "%s", reason.message);
}

static headsift_status write_parquet(struct hs_selection *selection, const struct hs_unit *unit, const char *output,
                                     headsift_error *error) {
    char *temporary = hs_temporary(output);
    if (temporary == NULL) {
        return hs_fail_memory(error, output, strlen(output));
    }
    headsift_status status = write_rows(selection, unit, temporary, error);
    if (status == HEADSIFT_OK) {
        status = hs_file_publish(temporary, output, error);
    }
    if (status != HEADSIFT_OK) {
        unlink(temporary);
    }
    hs_free(temporary);
    return status;
}

char *hs_temporary(const char *path) { return hs_temporary_path(path); }

headsift_status hs_unit_write(struct hs_selection *selection, const struct hs_unit *unit, headsift_error *error) {
    struct hs_input_list list = {0};
    HS_TRY(hs_unit_input(selection, unit, &list, error));
    char *output = hs_join_path(selection->directory, unit->output);
    headsift_status status;
    if (output == NULL) {
        status = hs_fail_memory(error, unit->output, strlen(unit->output));
    } else if (list.items[0].format == HS_FORMAT_PARQUET) {
        status = write_parquet(selection, unit, output, error);
    } else {
        status = hs_unit_write_records(selection, unit, &list.items[0], output, error);
    }
    hs_free(output);
    hs_inputs_free(&list);
    return status;
}
