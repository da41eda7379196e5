/* The chosen rows of a Parquet file, written by SQL with all their columns in the order of the file.
 * Other formats go on to write_records.c. */
#define _GNU_SOURCE
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "select/cursor.h"
#include "select/select.h"

struct column {
    char *name;
    char *type;
};

struct columns {
    struct column *items;
    size_t n;
    bool has_row_number; /**< the file itself has a column of that name, which hides DuckDB's */
};

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
    *column = (struct column){hs_copy_bytes(name, name_size), hs_copy_bytes(type, type_size)};
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

/* FROM the chosen rows of the unit, as `s`, with their number in the column that row_number() names. */
static const char *row_number(const struct columns *columns) {
    return columns->has_row_number ? "headsift_row_number" : "file_row_number";
}

static bool append_chosen(struct hs_buffer *sql, const struct hs_unit *unit, const struct columns *columns) {
    bool own = columns->has_row_number;
    return hs_buffer_printf(sql, " FROM %s",
                            own ? "(SELECT *, row_number() OVER () - 1 AS headsift_row_number FROM " : "") &&
           hs_sql_parquet(sql, unit->path) &&
           hs_buffer_printf(sql, "%s s WHERE hs_is_chosen(s.%s)", own ? ")" : "", row_number(columns));
}

static bool is_float(const char *type) { return strcmp(type, "DOUBLE") == 0 || strcmp(type, "FLOAT") == 0; }

static bool holds_floats(const char *type) {
    return !is_float(type) && (strstr(type, "DOUBLE") != NULL || strstr(type, "FLOAT") != NULL);
}

/* s.*, for JSON with NULL for NaN and infinity, which JSON has no word for. */
static bool append_list(struct hs_buffer *sql, const struct columns *columns, bool json) {
    bool ok = hs_buffer_printf(sql, "s.*%s", columns->has_row_number ? " EXCLUDE (headsift_row_number)" : "");
    const char *opening = " REPLACE (";
    for (size_t i = 0; ok && json && i < columns->n; i++) {
        const char *name = columns->items[i].name;
        if (!is_float(columns->items[i].type)) {
            continue;
        }
        ok = hs_buffer_printf(sql, "%sCASE WHEN isfinite(s.", opening) && hs_sql_identifier(sql, name, strlen(name)) &&
             hs_buffer_printf(sql, ") THEN s.") && hs_sql_identifier(sql, name, strlen(name)) &&
             hs_buffer_printf(sql, " END AS ") && hs_sql_identifier(sql, name, strlen(name));
        opening = ", ";
    }
    return ok && (opening[0] == ' ' || hs_buffer_printf(sql, ")"));
}

/* Inside lists and structs NaN can't be replaced: such a file is refused rather than written as broken JSON. */
static headsift_status refuse_nested_nan(struct hs_selection *selection, const struct hs_unit *unit,
                                         const struct columns *columns, headsift_error *error) {
    for (size_t i = 0; i < columns->n; i++) {
        const char *name = columns->items[i].name;
        if (!holds_floats(columns->items[i].type)) {
            continue;
        }
        struct hs_buffer sql = {0};
        bool built = hs_buffer_printf(&sql, "SELECT min(s.%s)::BIGINT", row_number(columns)) &&
                     append_chosen(&sql, unit, columns) && hs_buffer_printf(&sql, " AND regexp_matches(to_json(s.") &&
                     hs_sql_identifier(&sql, name, strlen(name)) &&
                     hs_buffer_printf(&sql, ")::VARCHAR, '[:\\[,](NaN|-?Infinity)[,\\]}]')");
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

static headsift_status copy_rows(struct hs_selection *selection, const struct hs_unit *unit,
                                 const struct columns *columns, const char *temporary, headsift_error *error) {
    bool json = selection->choice.jsonl;
    int64_t bytes, rows;
    HS_TRY(hs_chosen_use(selection, unit, error));
    HS_TRY(read_row_size(selection, unit->path, &bytes, &rows, error));
    if (json) {
        HS_TRY(refuse_nested_nan(selection, unit, columns, error));
    }
    struct hs_buffer sql = {0};
    bool built = hs_buffer_printf(&sql, "COPY (SELECT ") && append_list(&sql, columns, json) &&
                 append_chosen(&sql, unit, columns) && hs_buffer_printf(&sql, ") TO ") &&
                 hs_sql_target(&sql, temporary) && hs_copy_options(&sql, json, bytes, rows);
    headsift_status status = hs_sql_built(&selection->sql, &sql, built, error);
    if (status == HEADSIFT_FAILED && hs_stop_wanted(selection->monitor)) {
        return hs_fail(error, HEADSIFT_STOPPED, "stopped while %s was read", unit->path);
    }
    return status;
}

static headsift_status write_parquet(struct hs_selection *selection, const struct hs_unit *unit, const char *output,
                                     headsift_error *error) {
    struct columns columns = {0};
    char *temporary = hs_temporary(output);
    headsift_status status = temporary != NULL ? read_columns(selection, unit->path, &columns, error)
                                               : hs_fail_memory(error, output, strlen(output));
    if (status == HEADSIFT_OK) {
        status = copy_rows(selection, unit, &columns, temporary, error);
    }
    if (status == HEADSIFT_OK) {
        status = hs_file_publish(temporary, output, error);
    }
    if (status != HEADSIFT_OK && temporary != NULL) {
        unlink(temporary);
    }
    free_columns(&columns);
    hs_free(temporary);
    return status;
}

char *hs_temporary(const char *path) { return hs_format("%s.tmp-%ld", path, (long)getpid()); }

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
