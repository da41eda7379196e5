/* The first pass over the score files: which source files, rows and domains they hold, without a look at values.
 * Many files a statement; what it gives is as long as the list of score files, not as their rows. */
#include <string.h>

#include "select/cursor.h"
#include "select/select.h"

/* ---- Columns ---- */

/* What a score file must have for a selection, whatever wrote it. */
static const char *const wanted_columns[] = {"file", "row", "domain", "n_tokens", "score"};
enum { WANTED = sizeof wanted_columns / sizeof *wanted_columns };

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

/* One score file: its name, a count a wanted column, a count of the column to rank by, and that one's type. */
static headsift_status check_file(struct hs_selection *selection, const struct hs_cursor *cursor,
                                  headsift_error *error) {
    size_t size, type_size;
    const char *name = hs_cursor_text(cursor, 0, &size), *type = hs_cursor_text(cursor, WANTED + 2, &type_size);
    for (unsigned i = 0; i < WANTED; i++) {
        if (hs_cursor_integer(cursor, i + 1, 0) == 0) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%.*s: no column \"%s\": this is not a file that headsift score wrote", (int)size, name,
                           wanted_columns[i]);
        }
    }
    if (hs_cursor_integer(cursor, WANTED + 1, 0) == 0 || hs_choice_is_random(&selection->choice)) {
        return HEADSIFT_OK;
    }
    if (type == NULL || !is_numeric(type, type_size)) {
        return hs_fail(error, HEADSIFT_USAGE, "%.*s: column \"%s\" is %.*s: choose by a column that holds numbers",
                       (int)size, name, selection->choice.by, (int)(type != NULL ? type_size : 7),
                       type != NULL ? type : "no text");
    }
    selection->parts_with_value++;
    return HEADSIFT_OK;
}

static headsift_status check_columns(struct hs_selection *selection, struct hs_sql *sql, size_t first,
                                     headsift_error *error) {
    struct hs_buffer statement = {0};
    const char *by = selection->choice.by;
    bool built = hs_buffer_printf(&statement, "SELECT file_name");
    for (unsigned i = 0; built && i < WANTED; i++) {
        built = hs_buffer_printf(&statement, ", count(*) FILTER (name = '%s')", wanted_columns[i]);
    }
    built = built && hs_buffer_printf(&statement, ", count(*) FILTER (name = ") &&
            hs_sql_string(&statement, by, strlen(by)) &&
            hs_buffer_printf(&statement, "), max(duckdb_type) FILTER (name = ") &&
            hs_sql_string(&statement, by, strlen(by)) && hs_buffer_printf(&statement, ") FROM parquet_schema(") &&
            hs_parts_list(&statement, &selection->parts, first) &&
            hs_buffer_printf(&statement, ") GROUP BY file_name ORDER BY file_name");
    struct hs_cursor cursor = {0};
    headsift_status status = built ? hs_cursor_open(sql, statement.data, &cursor, error)
                                   : hs_fail_memory(error, "a statement", statement.size);
    hs_buffer_free(&statement);
    HS_TRY(status);
    while (status == HEADSIFT_OK && hs_cursor_next(&cursor)) {
        status = check_file(selection, &cursor, error);
    }
    hs_cursor_close(&cursor);
    return status;
}

/* ---- Rows, summed up ---- */

static headsift_status read_parts(struct hs_selection *selection, struct hs_sql *sql, size_t first,
                                  headsift_error *error) {
    struct hs_buffer statement = {0};
    HS_TRY(check_columns(selection, sql, first, error));
    HS_TRY(hs_score_metadata_read(sql, &selection->parts, first, &selection->metadata, error));
    bool built =
        hs_buffer_printf(&statement,
                         "INSERT INTO hs_seen SELECT part, name, domain, count(*), min(row), max(row), count(*) FILTER "
                         "(scored), sum(tokens), coalesce(sum(tokens) FILTER (scored), 0), (part << 32) + min(place) "
                         "FROM (SELECT %zu + file_index::BIGINT AS part, file_row_number AS place, \"file\"::VARCHAR "
                         "AS name, coalesce(\"domain\"::VARCHAR, '') AS domain, \"row\"::BIGINT AS row, "
                         "isfinite(score::DOUBLE) AS scored, greatest(coalesce(n_tokens, 0), 0)::BIGINT AS tokens FROM "
                         "read_parquet(",
                         first) &&
        hs_parts_list(&statement, &selection->parts, first) &&
        hs_buffer_printf(&statement, ", hive_partitioning=false)) GROUP BY part, name, domain");
    return hs_sql_built(sql, &statement, built, error);
}

/* Opens a query and makes an array of as many elements as it has rows; the first column counts them. */
static headsift_status open_list(struct hs_sql *sql, const char *query, size_t size, struct hs_cursor *cursor,
                                 void **items, headsift_error *error) {
    HS_TRY(hs_cursor_open(sql, query, cursor, error));
    size_t n = (size_t)duckdb_row_count(&cursor->result);
    *items = hs_alloc(n, size);
    if (*items == NULL) {
        hs_cursor_close(cursor);
        return hs_fail_memory(error, "what the score files hold", n * size);
    }
    return HEADSIFT_OK;
}

static headsift_status check_source(const struct hs_source *source, int64_t first_row, const char *part,
                                    headsift_error *error) {
    if (source->name == NULL || source->name[0] == '\0') {
        return hs_fail(error, HEADSIFT_FAILED, "%s: a row names no source file: score the documents again", part);
    }
    if (first_row < 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: a row of %s has no number: score the documents again", part,
                       source->name);
    }
    if (source->rows > source->last_row + 1) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: %lld rows, of which the last is row %lld, so that rows stand in the score files twice: "
                       "score each file once",
                       source->name, (long long)source->rows, (long long)source->last_row);
    }
    return HEADSIFT_OK;
}

static headsift_status list_sources(struct hs_selection *selection, struct hs_sql *sql, headsift_error *error) {
    struct hs_cursor cursor;
    void *items;
    HS_TRY(open_list(sql,
                     "SELECT name, sum(documents)::BIGINT, min(first_row), max(last_row), min(part), min(place) FROM "
                     "hs_seen GROUP BY name ORDER BY name",
                     sizeof *selection->sources, &cursor, &items, error));
    selection->sources = items;
    headsift_status status = HEADSIFT_OK;
    while (status == HEADSIFT_OK && hs_cursor_next(&cursor)) {
        size_t size;
        const char *name = hs_cursor_text(&cursor, 0, &size);
        struct hs_source *source = &selection->sources[selection->n_sources++];
        *source = (struct hs_source){.rows = hs_cursor_integer(&cursor, 1, 0),
                                     .last_row = hs_cursor_integer(&cursor, 3, -1),
                                     .part = (size_t)hs_cursor_integer(&cursor, 4, 0),
                                     .place = hs_cursor_integer(&cursor, 5, 0)};
        bool usable = name != NULL && memchr(name, '\0', size) == NULL;
        source->name = usable ? hs_copy_bytes(name, size) : NULL;
        source->facts = &selection->metadata.facts[source->part];
        status = usable && source->name == NULL ? hs_fail_memory(error, "the list of source files", size)
                                                : check_source(source, hs_cursor_integer(&cursor, 2, -1),
                                                               selection->parts.paths[source->part], error);
    }
    hs_cursor_close(&cursor);
    return status;
}

static headsift_status list_units(struct hs_selection *selection, struct hs_sql *sql, headsift_error *error) {
    struct hs_cursor cursor;
    void *items;
    HS_TRY(open_list(sql,
                     "SELECT part, source, min(first_row), max(last_row) FROM hs_seen JOIN (SELECT name, "
                     "row_number() OVER (ORDER BY name) - 1 AS source FROM (SELECT DISTINCT name FROM hs_seen)) USING "
                     "(name) GROUP BY part, source ORDER BY source, 3, part",
                     sizeof *selection->units, &cursor, &items, error));
    selection->units = items;
    while (hs_cursor_next(&cursor)) {
        struct hs_source *source = &selection->sources[hs_cursor_integer(&cursor, 1, 0)];
        source->first_unit = source->n_units++ == 0 ? selection->n_units : source->first_unit;
        selection->units[selection->n_units++] = (struct hs_unit){.part = (int32_t)hs_cursor_integer(&cursor, 0, 0),
                                                                  .source = (int32_t)hs_cursor_integer(&cursor, 1, 0),
                                                                  .first_row = hs_cursor_integer(&cursor, 2, 0),
                                                                  .last_row = hs_cursor_integer(&cursor, 3, 0)};
    }
    hs_cursor_close(&cursor);
    return HEADSIFT_OK;
}

static headsift_status list_domains(struct hs_selection *selection, struct hs_sql *sql, headsift_error *error) {
    struct hs_cursor cursor;
    void *items;
    HS_TRY(open_list(sql,
                     "SELECT domain, sum(documents)::BIGINT, sum(scored)::BIGINT, sum(tokens)::BIGINT, "
                     "sum(scored_tokens)::BIGINT FROM hs_seen GROUP BY domain ORDER BY domain",
                     sizeof *selection->domains, &cursor, &items, error));
    selection->domains = items;
    headsift_status status = HEADSIFT_OK;
    while (status == HEADSIFT_OK && hs_cursor_next(&cursor)) {
        struct hs_domain *domain = &selection->domains[selection->n_domains++];
        const char *name = hs_cursor_text(&cursor, 0, &domain->name_size);
        domain->name = hs_copy_bytes(name, domain->name_size);
        domain->documents = hs_cursor_integer(&cursor, 1, 0);
        domain->scored = hs_cursor_integer(&cursor, 2, 0);
        domain->tokens = hs_cursor_integer(&cursor, 3, 0);
        domain->scored_tokens = hs_cursor_integer(&cursor, 4, 0);
        status = domain->name != NULL ? HEADSIFT_OK : hs_fail_memory(error, "the list of domains", domain->name_size);
    }
    hs_cursor_close(&cursor);
    return status;
}

static headsift_status read_all(struct hs_selection *selection, struct hs_sql *sql, headsift_error *error) {
    HS_TRY(hs_sql_printf(sql, error,
                         "CREATE TABLE hs_seen(part BIGINT, name VARCHAR, domain VARCHAR, documents BIGINT, first_row "
                         "BIGINT, last_row BIGINT, scored BIGINT, tokens BIGINT, scored_tokens BIGINT, place BIGINT)"));
    for (size_t first = 0; first < selection->parts.n; first += HS_PARTS_AT_ONCE) {
        if (hs_stop_wanted(selection->monitor)) {
            return hs_fail(error, HEADSIFT_STOPPED, "stopped while the score files were looked through");
        }
        HS_TRY(read_parts(selection, sql, first, error));
    }
    HS_TRY(list_sources(selection, sql, error));
    HS_TRY(list_units(selection, sql, error));
    return list_domains(selection, sql, error);
}

headsift_status hs_units_read(struct hs_selection *selection, headsift_error *error) {
    const struct hs_score_parts *parts = &selection->parts;
    const char *const paths[] = {parts->folder != NULL ? parts->folder : parts->paths[0]};
    struct hs_sql_options options = {
        .memory = selection->memory[0] != '\0' ? selection->memory : NULL, .paths = paths, .n_paths = 1};
    struct hs_sql sql = {0};
    HS_TRY(hs_sql_open(&options, &sql, error));
    headsift_status status = read_all(selection, &sql, error);
    hs_sql_close(&sql);
    return status;
}
