/* The score rows as a SQL table: source files and domains as numbers, and the value that ranks each row.
 * Rows without a score or a value are left out, so that nothing later can choose them. */
#include <string.h>

#include "select/cursor.h"
#include "select/select.h"

/* A table of numbered names: hs_source or hs_domain. */
struct names {
    const char *table;
    size_t n;
    const char *(*name)(const struct hs_selection *selection, size_t i, size_t *size);
};

static const char *source_name(const struct hs_selection *selection, size_t i, size_t *size) {
    *size = strlen(selection->sources[i].name);
    return selection->sources[i].name;
}

static const char *domain_name(const struct hs_selection *selection, size_t i, size_t *size) {
    *size = selection->domains[i].name_size;
    return selection->domains[i].name;
}

static headsift_status load_names(struct hs_selection *selection, const struct names *names, headsift_error *error) {
    HS_TRY(hs_sql_printf(&selection->sql, error, "CREATE TABLE %s(id INTEGER, name VARCHAR)", names->table));
    duckdb_appender appender = NULL;
    duckdb_state state = duckdb_appender_create(selection->sql.connection, NULL, names->table, &appender);
    for (size_t i = 0; state == DuckDBSuccess && i < names->n; i++) {
        size_t size;
        const char *name = names->name(selection, i, &size);
        bool ok = duckdb_append_int32(appender, (int32_t)i) == DuckDBSuccess &&
                  duckdb_append_varchar_length(appender, name, size) == DuckDBSuccess &&
                  duckdb_appender_end_row(appender) == DuckDBSuccess;
        state = ok ? DuckDBSuccess : DuckDBError;
    }
    if (duckdb_appender_destroy(&appender) != DuckDBSuccess || state != DuckDBSuccess) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "the list of source files or domains does not go into a table: out of "
                       "memory?");
    }
    return HEADSIFT_OK;
}

/* `bits` bits of a hash of seed, row and file: the same on every machine and with every thread count. */
static bool append_hash(struct hs_buffer *sql, const struct hs_choice *choice, int bits) {
    return hs_buffer_printf(sql, "(md5_number_lower('%llu:' || r.\"row\"::VARCHAR || ':' || s.name) >> %d)::DOUBLE",
                            (unsigned long long)choice->seed, 64 - bits);
}

/* The expression of the ranking value of row r; documents' own columns stand in hs_by. */
static bool append_value(struct hs_buffer *sql, const struct hs_selection *selection) {
    const struct hs_choice *choice = &selection->choice;
    if (hs_choice_is_random(choice)) {
        return append_hash(sql, choice, 53) && hs_buffer_printf(sql, " / 9007199254740992.0::DOUBLE");
    }
    if (selection->by_documents != NULL) {
        return hs_buffer_printf(sql, "b.value");
    }
    return hs_buffer_printf(sql, "r.") && hs_sql_identifier(sql, choice->by, strlen(choice->by)) &&
           hs_buffer_printf(sql, "::DOUBLE");
}

/* What a sample with a temperature takes off: ln(-ln(u)), a Gumbel variate with its sign turned, for u in (0, 1). */
static bool append_noise(struct hs_buffer *sql, const struct hs_choice *choice) {
    return choice->temperature == 0 ||
           (hs_buffer_printf(sql, ", ln(-ln((") && append_hash(sql, choice, 52) &&
            hs_buffer_printf(sql, " + 0.5::DOUBLE) / 4503599627370496.0::DOUBLE)) AS noise"));
}

static headsift_status load_parts(struct hs_selection *selection, size_t first, headsift_error *error) {
    struct hs_buffer sql = {0};
    bool built =
        hs_buffer_printf(&sql, "INSERT INTO hs_row SELECT * FROM (SELECT s.id AS source, r.\"row\"::BIGINT AS row, "
                               "d.id AS domain, greatest(coalesce(r.n_tokens, 0), 0)::BIGINT AS tokens, ") &&
        append_value(&sql, selection) && hs_buffer_printf(&sql, " AS value") &&
        append_noise(&sql, &selection->choice) && hs_buffer_printf(&sql, " FROM read_parquet(") &&
        hs_parts_list(&sql, &selection->parts, first) &&
        hs_buffer_printf(
            &sql,
            ", hive_partitioning=false) r JOIN hs_source s ON s.name = r.\"file\"::VARCHAR JOIN hs_domain "
            "d ON d.name = coalesce(r.\"domain\"::VARCHAR, '')%s WHERE isfinite(r.score::DOUBLE)) WHERE "
            "isfinite(value)",
            selection->by_documents != NULL ? " JOIN hs_by b ON b.source = s.id AND b.row = r.\"row\"::BIGINT" : "");
    return hs_sql_built(&selection->sql, &sql, built, error);
}

/* Decides where the ranking value comes from: the score rows, or else the documents. */
static headsift_status find_value(struct hs_selection *selection, headsift_error *error) {
    if (hs_choice_is_random(&selection->choice) || selection->parts_with_value == selection->parts.n) {
        return HEADSIFT_OK;
    }
    selection->by_documents = hs_copy_string(selection->choice.by);
    if (selection->by_documents == NULL) {
        return hs_fail_memory(error, selection->choice.by, strlen(selection->choice.by));
    }
    return hs_by_documents_load(selection, error);
}

headsift_status hs_table_load(struct hs_selection *selection, headsift_error *error) {
    const struct names sources = {"hs_source", selection->n_sources, source_name},
                       domains = {"hs_domain", selection->n_domains, domain_name};
    HS_TRY(load_names(selection, &sources, error));
    HS_TRY(load_names(selection, &domains, error));
    HS_TRY(find_value(selection, error));
    HS_TRY(hs_sql_printf(&selection->sql, error,
                         "CREATE TABLE hs_row(source INTEGER, row BIGINT, domain INTEGER, tokens BIGINT, value "
                         "DOUBLE%s)",
                         selection->choice.temperature > 0 ? ", noise DOUBLE" : ""));
    for (size_t first = 0; first < selection->parts.n; first += HS_PARTS_AT_ONCE) {
        if (hs_stop_wanted(selection->monitor)) {
            return hs_fail(error, HEADSIFT_STOPPED, "stopped while the score rows were read");
        }
        HS_TRY(load_parts(selection, first, error));
    }
    return HEADSIFT_OK;
}
