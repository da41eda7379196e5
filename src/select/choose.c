/* The choice itself: a limit for each domain (documents or tokens), a key by which its rows are taken, the cut at the
 * limit, and a bit for each row before it. */
#include <math.h>
#include <string.h>

#include "select/cursor.h"
#include "select/select.h"

enum { KEY_SIZE = 160 };

/* ---- Limits ---- */

static void set_limits(struct hs_selection *selection) {
    const struct hs_choice *choice = &selection->choice;
    int64_t all = 0;
    for (size_t i = 0; i < selection->n_domains; i++) {
        all += selection->domains[i].scored_tokens;
    }
    for (size_t i = 0; i < selection->n_domains; i++) {
        struct hs_domain *domain = &selection->domains[i];
        domain->most_documents = choice->keep == HS_KEEP_GIVEN ? domain->most_documents : INT64_MAX;
        domain->most_tokens = INT64_MAX;
        switch (choice->keep) {
        case HS_KEEP_SHARE:
            domain->most_documents = (int64_t)floor(choice->share * (double)domain->scored + 0.5);
            domain->most_documents = domain->most_documents < 1 ? 1 : domain->most_documents;
            break;
        case HS_KEEP_COUNT:
            domain->most_documents = choice->amount;
            break;
        case HS_KEEP_BUDGET:
            domain->most_tokens = choice->amount;
            break;
        case HS_KEEP_GIVEN:
            break;
        case HS_KEEP_BUDGET_TOTAL: /* exact integers: the shares are rounded down */
            domain->most_tokens = (int64_t)((__int128)choice->amount * domain->scored_tokens / (all > 0 ? all : 1));
            break;
        }
    }
}

/* ---- Keys ---- */

/* hs_scale: numbers of each domain that the keys are made with. */
static headsift_status write_scale(struct hs_selection *selection, const double *mean, const double *deviation,
                                   headsift_error *error) {
    HS_TRY(hs_sql_printf(&selection->sql, error,
                         "CREATE OR REPLACE TABLE hs_scale(domain INTEGER, median DOUBLE, mean DOUBLE, deviation "
                         "DOUBLE)"));
    duckdb_appender appender = NULL;
    bool ok = duckdb_appender_create(selection->sql.connection, NULL, "hs_scale", &appender) == DuckDBSuccess;
    for (size_t i = 0; ok && i < selection->n_domains; i++) {
        ok = duckdb_append_int32(appender, (int32_t)i) == DuckDBSuccess &&
             duckdb_append_double(appender, selection->domains[i].median) == DuckDBSuccess &&
             duckdb_append_double(appender, mean != NULL ? mean[i] : 0) == DuckDBSuccess &&
             duckdb_append_double(appender, deviation != NULL ? deviation[i] : 0) == DuckDBSuccess &&
             duckdb_appender_end_row(appender) == DuckDBSuccess;
    }
    ok = duckdb_appender_destroy(&appender) == DuckDBSuccess && ok;
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "the list of domains", selection->n_domains);
}

static headsift_status count_values(struct hs_selection *selection, headsift_error *error) {
    struct hs_cursor cursor;
    HS_TRY(
        hs_cursor_open(&selection->sql, "SELECT domain::BIGINT, count(*) FROM hs_row GROUP BY domain", &cursor, error));
    while (hs_cursor_next(&cursor)) {
        selection->domains[hs_cursor_integer(&cursor, 0, 0)].valued = hs_cursor_integer(&cursor, 1, 0);
    }
    hs_cursor_close(&cursor);
    return HEADSIFT_OK;
}

/* Medians: the mean of the two values in the middle, found as the rows at which a cut in half would end. */
static headsift_status find_medians(struct hs_selection *selection, struct hs_domain_cut *cuts, headsift_error *error) {
    for (int upper = 0; upper < 2; upper++) {
        for (size_t i = 0; i < selection->n_domains; i++) {
            int64_t n = selection->domains[i].valued;
            cuts[i].need_documents = upper != 0 ? n / 2 : n > 0 ? (n - 1) / 2 : 0;
            cuts[i].need_tokens = INT64_MAX;
        }
        HS_TRY(hs_cut(selection, "r.value", cuts, error));
        for (size_t i = 0; i < selection->n_domains; i++) {
            double half = cuts[i].all ? (double)NAN : 0.5 * hs_cut_key(&cuts[i]);
            selection->domains[i].median = upper != 0 ? selection->domains[i].median + half : half;
        }
    }
    return write_scale(selection, NULL, NULL, error);
}

/* Mean and standard deviation of the keys of each domain, so that a temperature means the same in all. */
static headsift_status find_scale(struct hs_selection *selection, const char *key, headsift_error *error) {
    double *numbers = hs_alloc(2 * selection->n_domains, sizeof *numbers);
    if (numbers == NULL) {
        return hs_fail_memory(error, "the list of domains", 2 * selection->n_domains * sizeof *numbers);
    }
    double *mean = numbers, *deviation = numbers + selection->n_domains;
    char statement[KEY_SIZE * 3];
    snprintf(statement, sizeof statement,
             "SELECT r.domain::BIGINT, avg(%s), stddev_pop(%s) FROM hs_row r JOIN hs_scale d ON d.domain = r.domain "
             "GROUP BY r.domain",
             key, key);
    struct hs_cursor cursor = {0};
    headsift_status status = hs_cursor_open(&selection->sql, statement, &cursor, error);
    while (status == HEADSIFT_OK && hs_cursor_next(&cursor)) {
        int64_t domain = hs_cursor_integer(&cursor, 0, 0);
        mean[domain] = hs_cursor_real(&cursor, 1);
        deviation[domain] = hs_cursor_real(&cursor, 2);
    }
    hs_cursor_close(&cursor);
    if (status == HEADSIFT_OK) {
        status = write_scale(selection, mean, deviation, error);
    }
    hs_free(numbers);
    return status;
}

/* The expression by which rows are taken, the lowest first. */
static headsift_status make_key(struct hs_selection *selection, struct hs_domain_cut *cuts, char *key,
                                headsift_error *error) {
    static const char *const keys[] = {"-r.value", "r.value", "abs(r.value - d.median)"};
    const struct hs_choice *choice = &selection->choice;
    HS_TRY(write_scale(selection, NULL, NULL, error));
    if (choice->order == HS_ORDER_MIDDLE) {
        HS_TRY(find_medians(selection, cuts, error));
    }
    if (choice->temperature == 0) {
        snprintf(key, KEY_SIZE, "%s", keys[choice->order]);
        return HEADSIFT_OK;
    }
    HS_TRY(find_scale(selection, keys[choice->order], error));
    snprintf(key, KEY_SIZE,
             "CASE WHEN d.deviation > 0 THEN (%s - d.mean) / d.deviation / %.17g::DOUBLE ELSE 0::DOUBLE END + r.noise",
             keys[choice->order], choice->temperature);
    return HEADSIFT_OK;
}

/* ---- Picks ---- */

/* The last document chosen of a domain, so far. */
struct last {
    uint64_t key;
    int64_t source, row;
};

static bool is_later(const struct last *a, const struct last *b) {
    if (a->key != b->key) {
        return a->key > b->key;
    }
    return a->source != b->source ? a->source > b->source : a->row > b->row;
}

static headsift_status set_bit(struct hs_source *source, int64_t row, headsift_error *error) {
    if (source->picks == NULL) {
        size_t words = (size_t)source->last_row / 64 + 1;
        source->picks = hs_alloc(words, sizeof *source->picks);
        if (source->picks == NULL) {
            return hs_fail_memory(error, "the chosen rows", words * sizeof *source->picks);
        }
    }
    uint64_t bit = (uint64_t)1 << (row % 64), *word = &source->picks[row / 64];
    if ((*word & bit) != 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: row %lld stands in the score files twice: score each file once",
                       source->path, (long long)row);
    }
    *word |= bit;
    source->chosen++;
    return HEADSIFT_OK;
}

/* hs_end: the cuts, for the statement below. No key is as high as that of a domain that is not cut. */
static headsift_status write_end(struct hs_selection *selection, const struct hs_domain_cut *cuts,
                                 headsift_error *error) {
    HS_TRY(hs_sql_printf(&selection->sql, error,
                         "CREATE TABLE hs_end(domain INTEGER, k UBIGINT, source BIGINT, row BIGINT)"));
    duckdb_appender appender = NULL;
    bool ok = duckdb_appender_create(selection->sql.connection, NULL, "hs_end", &appender) == DuckDBSuccess;
    for (size_t i = 0; ok && i < selection->n_domains; i++) {
        ok = duckdb_append_int32(appender, (int32_t)i) == DuckDBSuccess &&
             duckdb_append_uint64(appender, cuts[i].all ? UINT64_MAX : cuts[i].key) == DuckDBSuccess &&
             duckdb_append_int64(appender, cuts[i].all ? 0 : cuts[i].source) == DuckDBSuccess &&
             duckdb_append_int64(appender, cuts[i].all ? 0 : cuts[i].row) == DuckDBSuccess &&
             duckdb_appender_end_row(appender) == DuckDBSuccess;
    }
    ok = duckdb_appender_destroy(&appender) == DuckDBSuccess && ok;
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "the cuts", selection->n_domains);
}

static headsift_status pick_row(struct hs_selection *selection, const struct hs_cursor *cursor, struct last *lasts,
                                headsift_error *error) {
    int64_t number = hs_cursor_integer(cursor, 0, 0);
    const struct last row = {(uint64_t)hs_cursor_integer(cursor, 1, 0), hs_cursor_integer(cursor, 2, 0),
                             hs_cursor_integer(cursor, 3, 0)};
    struct hs_domain *domain = &selection->domains[number];
    if (domain->chosen == 0 || is_later(&row, &lasts[number])) {
        lasts[number] = row;
        domain->threshold = hs_cursor_real(cursor, 5);
    }
    domain->chosen++;
    domain->chosen_tokens += hs_cursor_integer(cursor, 4, 0);
    return set_bit(&selection->sources[row.source], row.row, error);
}

static headsift_status read_picks(struct hs_selection *selection, const char *key, struct last *lasts,
                                  headsift_error *error) {
    char statement[KEY_SIZE + 512];
    snprintf(statement, sizeof statement,
             "SELECT x.domain::BIGINT, x.k, x.source::BIGINT, x.row, x.tokens, x.value FROM (SELECT r.*, hs_order(%s) "
             "AS k FROM hs_row r JOIN hs_scale d ON d.domain = r.domain) x JOIN hs_end e ON e.domain = x.domain WHERE "
             "x.k < e.k OR (x.k = e.k AND (x.source < e.source OR (x.source = e.source AND x.row < e.row)))",
             key);
    struct hs_cursor cursor;
    HS_TRY(hs_cursor_stream(&selection->sql, statement, &cursor, error));
    headsift_status status = HEADSIFT_OK;
    bool more = true;
    while (status == HEADSIFT_OK && more) {
        status = hs_cursor_advance(&cursor, &more, error);
        if (status == HEADSIFT_OK && more) {
            status = pick_row(selection, &cursor, lasts, error);
        }
    }
    hs_cursor_close(&cursor);
    return status;
}

static headsift_status pick(struct hs_selection *selection, struct hs_domain_cut *cuts, struct last *lasts,
                            headsift_error *error) {
    char key[KEY_SIZE];
    HS_TRY(hs_cut_prepare(selection, error));
    HS_TRY(count_values(selection, error));
    HS_TRY(make_key(selection, cuts, key, error));
    set_limits(selection);
    for (size_t i = 0; i < selection->n_domains; i++) {
        cuts[i].need_documents = selection->domains[i].most_documents;
        cuts[i].need_tokens = selection->domains[i].most_tokens;
        selection->domains[i].threshold = (double)NAN;
    }
    HS_TRY(hs_cut(selection, key, cuts, error));
    HS_TRY(write_end(selection, cuts, error));
    HS_TRY(read_picks(selection, key, lasts, error));
    return hs_sql_printf(&selection->sql, error, "DROP TABLE hs_row");
}

headsift_status hs_choose(struct hs_selection *selection, headsift_error *error) {
    struct hs_domain_cut *cuts = hs_alloc(selection->n_domains, sizeof *cuts);
    struct last *lasts = hs_alloc(selection->n_domains, sizeof *lasts);
    headsift_status status = cuts != NULL && lasts != NULL
                                 ? pick(selection, cuts, lasts, error)
                                 : hs_fail_memory(error, "the list of domains", selection->n_domains * sizeof *cuts);
    hs_free(cuts);
    hs_free(lasts);
    return status;
}

/* ---- What is written ---- */

bool hs_is_wanted(const struct hs_selection *selection, const struct hs_source *source, int64_t row) {
    bool chosen = row <= source->last_row && source->picks != NULL && (source->picks[row / 64] >> (row % 64) & 1) != 0;
    return selection->rejected ? row <= source->last_row && !chosen : chosen;
}

headsift_status hs_sources_count(struct hs_selection *selection, headsift_error *error) {
    for (size_t i = 0; i < selection->n_sources; i++) {
        struct hs_source *source = &selection->sources[i];
        if (selection->rejected && source->rows <= source->last_row) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%s: %lld score rows, of which the last is row %lld: the rejected documents can't be told "
                           "from those that were not scored; score the whole file, or leave out --rejected",
                           source->path, (long long)source->rows, (long long)source->last_row);
        }
        if (selection->choice.format == HS_OUTPUT_DOLMA) {
            source->wanted = source->rows;
            continue;
        }
        source->wanted = selection->rejected ? source->rows - source->chosen : source->chosen;
    }
    return HEADSIFT_OK;
}
