/* Cutting each domain at its limits without sorting it: rows are counted by the upper bits of their keys, then those at
 * the limit by further bits, then by source file and row, until few enough are left to be sorted. */
#include <stdlib.h>
#include <string.h>

#include "select/cursor.h"
#include "select/select.h"

enum { LEVELS = 5, FEW = 1 << 18 /**< so many rows are sorted */ };

/* What rows are counted by at each level. */
static const char *const digits[LEVELS] = {"k >> 44", "k >> 24", "k", "source::UBIGINT", "(row >> 16)::UBIGINT"};
/* Which rows are still undecided, before each level and behind the last one. */
static const char *const undecided[LEVELS + 1] = {
    "true",     "(k >> 44) = o.d0",           "(k >> 24) = o.d1",
    "k = o.d2", "k = o.d2 AND source = o.d3", "k = o.d2 AND source = o.d3 AND (row >> 16) = o.d4"};

/* One domain at work. */
struct open {
    bool closed; /**< all its rows fit */
    int64_t need_documents, need_tokens;
    uint64_t digits[LEVELS];
};

struct cutting {
    struct hs_selection *selection;
    const char *key;
    struct open *domains;
    int64_t rows; /**< undecided */
};

/* ---- The order of doubles as integers ---- */

enum { SIGN = 63 };

static uint64_t order_of(double value) {
    uint64_t bits;
    value = value == 0 ? 0 : value; /* -0.0 is 0.0 */
    memcpy(&bits, &value, sizeof bits);
    return bits >> SIGN ? ~bits : bits | (uint64_t)1 << SIGN;
}

double hs_cut_key(const struct hs_domain_cut *cut) {
    uint64_t bits = cut->key >> SIGN ? cut->key & ~((uint64_t)1 << SIGN) : ~cut->key;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void order(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    (void)info;
    const double *values = duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 0));
    uint64_t *orders = duckdb_vector_get_data(output);
    idx_t n = duckdb_data_chunk_get_size(input);
    for (idx_t i = 0; i < n; i++) {
        orders[i] = order_of(values[i]);
    }
}

headsift_status hs_cut_prepare(struct hs_selection *selection, headsift_error *error) {
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_logical_type real = duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE);
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_UBIGINT);
    bool made = function != NULL && real != NULL && number != NULL;
    if (made) {
        duckdb_scalar_function_set_name(function, "hs_order");
        duckdb_scalar_function_add_parameter(function, real);
        duckdb_scalar_function_set_return_type(function, number);
        duckdb_scalar_function_set_function(function, order);
        made = duckdb_register_scalar_function(selection->sql.connection, function) == DuckDBSuccess;
    }
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_logical_type(&real);
    duckdb_destroy_scalar_function(&function);
    return made ? HEADSIFT_OK
                : hs_fail(error, HEADSIFT_FAILED, "DuckDB does not take the function that orders numbers");
}

/* ---- Counting ---- */

/* hs_open: the domains at work, for the statements below. */
static headsift_status write_open(const struct cutting *cutting, headsift_error *error) {
    struct hs_selection *selection = cutting->selection;
    HS_TRY(hs_sql_printf(&selection->sql, error,
                         "CREATE OR REPLACE TABLE hs_open(domain INTEGER, need_documents BIGINT, need_tokens BIGINT, "
                         "d0 UBIGINT, d1 UBIGINT, d2 UBIGINT, d3 UBIGINT, d4 UBIGINT)"));
    duckdb_appender appender = NULL;
    bool ok = duckdb_appender_create(selection->sql.connection, NULL, "hs_open", &appender) == DuckDBSuccess;
    for (size_t i = 0; ok && i < selection->n_domains; i++) {
        const struct open *open = &cutting->domains[i];
        if (open->closed) {
            continue;
        }
        ok = duckdb_append_int32(appender, (int32_t)i) == DuckDBSuccess &&
             duckdb_append_int64(appender, open->need_documents) == DuckDBSuccess &&
             duckdb_append_int64(appender, open->need_tokens) == DuckDBSuccess;
        for (int level = 0; ok && level < LEVELS; level++) {
            ok = duckdb_append_uint64(appender, open->digits[level]) == DuckDBSuccess;
        }
        ok = ok && duckdb_appender_end_row(appender) == DuckDBSuccess;
    }
    ok = duckdb_appender_destroy(&appender) == DuckDBSuccess && ok;
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "the limits of the domains", selection->n_domains);
}

/* The undecided rows, before `level`, as FROM. */
static bool append_rows(struct hs_buffer *sql, const struct cutting *cutting, int level) {
    return hs_buffer_printf(sql,
                            " FROM (SELECT r.domain, r.source, r.row, r.tokens, hs_order(%s) AS k FROM hs_row r JOIN "
                            "hs_scale d ON d.domain = r.domain) x JOIN hs_open o ON o.domain = x.domain AND %s",
                            cutting->key, undecided[level]);
}

/* Finds the first digit of each domain at which a limit is passed; without one the whole domain fits. */
static headsift_status narrow(struct cutting *cutting, int level, headsift_error *error) {
    struct hs_buffer sql = {0};
    bool built =
        hs_buffer_printf(
            &sql,
            "SELECT domain::BIGINT, digit, documents_before::BIGINT, tokens_before::BIGINT, documents::BIGINT FROM "
            "(SELECT *, sum(documents) OVER w - documents AS documents_before, sum(tokens) OVER w - tokens AS "
            "tokens_before FROM (SELECT x.domain AS domain, %s AS digit, count(*) AS documents, sum(x.tokens) AS "
            "tokens",
            digits[level]) &&
        append_rows(&sql, cutting, level) &&
        hs_buffer_printf(&sql,
                         " GROUP BY 1, 2) WINDOW w AS (PARTITION BY domain ORDER BY digit ROWS UNBOUNDED PRECEDING)) "
                         "JOIN hs_open USING (domain) WHERE documents_before + documents > need_documents OR "
                         "tokens_before + tokens > need_tokens QUALIFY row_number() OVER (PARTITION BY domain ORDER BY "
                         "digit) = 1");
    struct hs_cursor cursor = {0};
    headsift_status status = built ? hs_cursor_open(&cutting->selection->sql, sql.data, &cursor, error)
                                   : hs_fail_memory(error, "a statement", sql.size);
    hs_buffer_free(&sql);
    HS_TRY(status);
    for (size_t i = 0; i < cutting->selection->n_domains; i++) {
        cutting->domains[i].closed = true;
    }
    cutting->rows = 0;
    while (hs_cursor_next(&cursor)) {
        struct open *open = &cutting->domains[hs_cursor_integer(&cursor, 0, 0)];
        open->closed = false;
        open->digits[level] = (uint64_t)hs_cursor_integer(&cursor, 1, 0);
        open->need_documents -= open->need_documents < INT64_MAX ? hs_cursor_integer(&cursor, 2, 0) : 0;
        open->need_tokens -= open->need_tokens < INT64_MAX ? hs_cursor_integer(&cursor, 3, 0) : 0;
        cutting->rows += hs_cursor_integer(&cursor, 4, 0);
    }
    hs_cursor_close(&cursor);
    return HEADSIFT_OK;
}

/* Sorts the rows that are left, and finds the first one that does not fit. */
static headsift_status finish(struct cutting *cutting, int level, struct hs_domain_cut *cuts, headsift_error *error) {
    struct hs_buffer sql = {0};
    bool built =
        hs_buffer_printf(&sql, "SELECT domain::BIGINT, k, source::BIGINT, row FROM (SELECT x.domain AS domain, k, "
                               "source, row, need_documents, need_tokens, row_number() OVER w AS rank, sum(x.tokens) "
                               "OVER w AS running") &&
        append_rows(&sql, cutting, level) &&
        hs_buffer_printf(&sql, " WINDOW w AS (PARTITION BY x.domain ORDER BY k, source, row ROWS UNBOUNDED PRECEDING)) "
                               "WHERE rank > need_documents OR running > need_tokens QUALIFY row_number() OVER "
                               "(PARTITION BY domain ORDER BY rank) = 1");
    struct hs_cursor cursor = {0};
    headsift_status status = built ? hs_cursor_open(&cutting->selection->sql, sql.data, &cursor, error)
                                   : hs_fail_memory(error, "a statement", sql.size);
    hs_buffer_free(&sql);
    HS_TRY(status);
    for (size_t i = 0; i < cutting->selection->n_domains; i++) {
        cuts[i].all = true;
    }
    while (hs_cursor_next(&cursor)) {
        struct hs_domain_cut *cut = &cuts[hs_cursor_integer(&cursor, 0, 0)];
        cut->all = false;
        cut->key = (uint64_t)hs_cursor_integer(&cursor, 1, 0);
        cut->source = hs_cursor_integer(&cursor, 2, 0);
        cut->row = hs_cursor_integer(&cursor, 3, 0);
    }
    hs_cursor_close(&cursor);
    return HEADSIFT_OK;
}

static headsift_status cut(struct cutting *cutting, struct hs_domain_cut *cuts, headsift_error *error) {
    int level = 0;
    HS_TRY(write_open(cutting, error));
    for (; level < LEVELS && cutting->rows > FEW; level++) {
        if (hs_stop_wanted(cutting->selection->monitor)) {
            return hs_fail(error, HEADSIFT_STOPPED, "stopped while the documents were chosen");
        }
        HS_TRY(narrow(cutting, level, error));
        HS_TRY(write_open(cutting, error));
    }
    return finish(cutting, level, cuts, error);
}

headsift_status hs_cut(struct hs_selection *selection, const char *key, struct hs_domain_cut *cuts,
                       headsift_error *error) {
    struct cutting cutting = {
        .selection = selection, .key = key, .domains = hs_alloc(selection->n_domains, sizeof *cutting.domains)};
    if (cutting.domains == NULL) {
        return hs_fail_memory(error, "the list of domains", selection->n_domains * sizeof *cutting.domains);
    }
    for (size_t i = 0; i < selection->n_domains; i++) {
        cutting.domains[i].need_documents = cuts[i].need_documents;
        cutting.domains[i].need_tokens = cuts[i].need_tokens;
        cutting.rows += selection->domains[i].valued;
    }
    headsift_status status = cut(&cutting, cuts, error);
    hs_free(cutting.domains);
    return status;
}
