/* The score rows as a SQL table: source files and domains as numbers, and the value that ranks each row.
 * Rows without a score keep no value, so that nothing later can choose them. */
#include <string.h>

#include "select/cursor.h"
#include "select/select.h"

/* hs_unit(unit, part, file, name): which unit a score row belongs to. */
static headsift_status load_units(struct hs_selection *selection, headsift_error *error) {
    HS_TRY(hs_sql_printf(&selection->sql, error,
                         "CREATE TABLE hs_unit(unit INTEGER, part INTEGER, file INTEGER, name VARCHAR)"));
    duckdb_appender appender = NULL;
    duckdb_state failed = duckdb_appender_create(selection->sql.connection, NULL, "hs_unit", &appender);
    for (size_t i = 0; failed == DuckDBSuccess && i < selection->units.n; i++) {
        const struct hs_unit *unit = &selection->units.items[i];
        bool ok = duckdb_append_int32(appender, (int32_t)i) == DuckDBSuccess &&
                  duckdb_append_int32(appender, unit->part) == DuckDBSuccess &&
                  duckdb_append_int32(appender, unit->file) == DuckDBSuccess &&
                  duckdb_append_varchar(appender, unit->name) == DuckDBSuccess &&
                  duckdb_appender_end_row(appender) == DuckDBSuccess;
        failed = ok ? DuckDBSuccess : DuckDBError;
    }
    if (duckdb_appender_destroy(&appender) != DuckDBSuccess || failed != DuckDBSuccess) {
        return hs_fail(error, HEADSIFT_FAILED, "the list of source files does not go into a table: out of memory?");
    }
    return HEADSIFT_OK;
}

static headsift_status load_domains(struct hs_selection *selection, headsift_error *error) {
    HS_TRY(hs_sql_printf(&selection->sql, error, "CREATE TABLE hs_domain_seen(name VARCHAR)"));
    for (size_t i = 0; i < selection->parts.n; i++) {
        struct hs_buffer sql = {0};
        bool built = hs_buffer_printf(&sql, "INSERT INTO hs_domain_seen SELECT DISTINCT coalesce(\"domain\"::VARCHAR, "
                                            "'') FROM ") &&
                     hs_sql_parquet(&sql, selection->parts.items[i].path);
        HS_TRY(hs_sql_built(&selection->sql, &sql, built, error));
    }
    return hs_sql_printf(&selection->sql, error,
                         "CREATE TABLE hs_domain AS SELECT (row_number() OVER (ORDER BY name) - 1)::INTEGER AS id, "
                         "name FROM (SELECT DISTINCT name FROM hs_domain_seen)");
}

/* The expression of the ranking value of row r of unit u; documents' own columns stand in hs_by. */
static bool append_value(struct hs_buffer *sql, const struct hs_selection *selection) {
    const struct hs_choice *choice = &selection->choice;
    if (hs_choice_is_random(choice)) {
        /* 53 bits of a hash of seed, row and file: the same on every machine and with every thread count. */
        return hs_buffer_printf(sql,
                                "((md5_number_lower('%llu:' || r.\"row\"::VARCHAR || ':' || u.name) >> 11)::DOUBLE / "
                                "9007199254740992.0::DOUBLE)",
                                (unsigned long long)choice->seed);
    }
    if (selection->by_documents != NULL) {
        return hs_buffer_printf(sql, "b.value");
    }
    return hs_buffer_printf(sql, "r.") && hs_sql_identifier(sql, choice->by, strlen(choice->by)) &&
           hs_buffer_printf(sql, "::DOUBLE");
}

static headsift_status load_part(struct hs_selection *selection, size_t part, headsift_error *error) {
    struct hs_buffer sql = {0};
    bool built =
        hs_buffer_printf(&sql, "INSERT INTO hs_row SELECT unit, file, row, domain, tokens, scored, CASE WHEN scored "
                               "AND isfinite(value) THEN value END FROM (SELECT u.unit, u.file, r.\"row\"::BIGINT AS "
                               "row, d.id AS domain, greatest(coalesce(r.n_tokens, 0), 0)::BIGINT AS tokens, "
                               "coalesce(isfinite(r.score::DOUBLE), false) AS scored, ") &&
        append_value(&sql, selection) && hs_buffer_printf(&sql, " AS value FROM ") &&
        hs_sql_parquet(&sql, selection->parts.items[part].path) &&
        hs_buffer_printf(&sql,
                         " r JOIN hs_unit u ON u.part = %zu AND u.name = r.\"file\"::VARCHAR JOIN hs_domain d ON "
                         "d.name = coalesce(r.\"domain\"::VARCHAR, '')%s)",
                         part,
                         selection->by_documents != NULL
                             ? " LEFT JOIN hs_by b ON b.file = u.file AND b.row = r.\"row\"::BIGINT"
                             : "");
    return hs_sql_built(&selection->sql, &sql, built, error);
}

static bool is_numeric(const char *type, size_t size) {
    static const char *const names[] = {"TINYINT",   "SMALLINT", "INTEGER", "BIGINT",   "HUGEINT", "UTINYINT",
                                        "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT",   "DOUBLE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) == size && memcmp(names[i], type, size) == 0) {
            return true;
        }
    }
    return size >= 7 && memcmp(type, "DECIMAL", 7) == 0;
}

/* Looks for the column `by` in a score file. *found says whether it is there; one that holds no numbers is refused. */
static headsift_status find_column(struct hs_selection *selection, size_t part, bool *found, headsift_error *error) {
    const char *by = selection->choice.by, *path = selection->parts.items[part].path;
    struct hs_buffer sql = {0};
    bool built = hs_buffer_printf(&sql, "SELECT column_type FROM (DESCRIBE FROM ") && hs_sql_parquet(&sql, path) &&
                 hs_buffer_printf(&sql, ") WHERE column_name = ") && hs_sql_string(&sql, by, strlen(by));
    struct hs_cursor cursor = {0};
    headsift_status status = built ? hs_cursor_open(&selection->sql, sql.data, &cursor, error)
                                   : hs_fail_memory(error, "a statement", sql.size);
    hs_buffer_free(&sql);
    HS_TRY(status);
    *found = hs_cursor_next(&cursor);
    size_t size = 0;
    const char *type = *found ? hs_cursor_text(&cursor, 0, &size) : NULL;
    if (type != NULL && !is_numeric(type, size)) {
        status = hs_fail(error, HEADSIFT_USAGE, "%s: column \"%s\" is %.*s: choose by a column that holds numbers",
                         path, by, (int)size, type);
    }
    hs_cursor_close(&cursor);
    return status;
}

/* Decides where the ranking value comes from: the score rows, or else the documents. */
static headsift_status find_value(struct hs_selection *selection, headsift_error *error) {
    if (hs_choice_is_random(&selection->choice)) {
        return HEADSIFT_OK;
    }
    size_t with = 0;
    for (size_t i = 0; i < selection->parts.n; i++) {
        bool found = false;
        HS_TRY(find_column(selection, i, &found, error));
        with += found;
    }
    if (with == selection->parts.n) {
        return HEADSIFT_OK;
    }
    selection->by_documents = hs_copy_string(selection->choice.by);
    if (selection->by_documents == NULL) {
        return hs_fail_memory(error, selection->choice.by, strlen(selection->choice.by));
    }
    return hs_by_documents_load(selection, error);
}

headsift_status hs_table_load(struct hs_selection *selection, headsift_error *error) {
    HS_TRY(load_units(selection, error));
    HS_TRY(load_domains(selection, error));
    HS_TRY(find_value(selection, error));
    HS_TRY(hs_sql_printf(&selection->sql, error,
                         "CREATE TABLE hs_row(unit INTEGER, file INTEGER, row BIGINT, domain INTEGER, tokens BIGINT, "
                         "scored BOOLEAN, value DOUBLE)"));
    for (size_t i = 0; i < selection->parts.n; i++) {
        if (hs_stop_wanted(selection->monitor)) {
            return hs_fail(error, HEADSIFT_STOPPED, "stopped while the score rows were read");
        }
        HS_TRY(load_part(selection, i, error));
    }
    return HEADSIFT_OK;
}
