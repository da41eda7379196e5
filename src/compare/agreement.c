/* Two scorings side by side, in SQL: joined by file and row, ranked and cut in each domain, summed up per domain and
 * per band of lengths. The selection's rule is that of src/select/choose.c. */
#include "compare/agreement.h"

#include "select/cursor.h"
#include "select/select.h"

struct side {
    const char *path;
    struct hs_score_parts parts;
};

/* ---- Reading ---- */

static headsift_status open_database(const struct side sides[2], const struct hs_agreement_options *wanted,
                                     struct hs_sql *sql, headsift_error *error) {
    size_t n = 0, most = sides[0].parts.n + sides[1].parts.n + 1;
    const char **paths = hs_alloc(most, sizeof *paths);
    if (paths == NULL) {
        return hs_fail_memory(error, "the list of score files", most * sizeof *paths);
    }
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < sides[side].parts.n; i++) {
            paths[n++] = sides[side].parts.paths[i];
        }
    }
    if (wanted->temp_dir != NULL) {
        paths[n++] = wanted->temp_dir;
    }
    struct hs_sql_options options = {
        .memory = wanted->memory, .temp_dir = wanted->temp_dir, .paths = paths, .n_paths = n};
    headsift_status status = hs_sql_open(&options, sql, error);
    hs_free(paths);
    return status;
}

/* hs_first and hs_second(file, row, domain, tokens, score): score is NULL unless finite. */
static headsift_status load(struct hs_sql *sql, const struct side *side, const char *table, bool with_tokens,
                            headsift_error *error) {
    HS_TRY(hs_sql_printf(
        sql, error, "CREATE TABLE %s(file VARCHAR, row BIGINT, domain VARCHAR, tokens BIGINT, score DOUBLE)", table));
    for (size_t i = 0; i < side->parts.n; i++) {
        struct hs_buffer statement = {0};
        bool built = hs_buffer_printf(&statement,
                                      "INSERT INTO %s SELECT \"file\"::VARCHAR, \"row\"::BIGINT, "
                                      "coalesce(\"domain\"::VARCHAR, ''), %s, CASE WHEN isfinite(score::DOUBLE) THEN "
                                      "score::DOUBLE END FROM ",
                                      table, with_tokens ? "greatest(coalesce(n_tokens, 0), 0)::BIGINT" : "0") &&
                     hs_sql_parquet(&statement, side->parts.paths[i]);
        headsift_error own = {0};
        headsift_status status = hs_sql_built(sql, &statement, built, &own);
        if (status == HEADSIFT_FAILED) {
            return hs_fail(error, status, "%s: no score rows of headsift score can be read from it: %s",
                           side->parts.paths[i], own.message);
        }
        if (status != HEADSIFT_OK) {
            return hs_fail(error, status, "%s", own.message);
        }
    }
    return HEADSIFT_OK;
}

/* Fails if the query, which gives file and row, has a row. */
static headsift_status refuse(struct hs_sql *sql, const char *query, const char *where, const char *what,
                              headsift_error *error) {
    struct hs_cursor cursor;
    HS_TRY(hs_cursor_open(sql, query, &cursor, error));
    headsift_status status = HEADSIFT_OK;
    if (hs_cursor_next(&cursor)) {
        size_t size;
        const char *file = hs_cursor_text(&cursor, 0, &size);
        status = hs_fail(error, HEADSIFT_FAILED, "%s: row %lld of %.*s %s", where,
                         (long long)hs_cursor_integer(&cursor, 1, -1), (int)size, file != NULL ? file : "", what);
    }
    hs_cursor_close(&cursor);
    return status;
}

static headsift_status check_same(struct hs_sql *sql, const struct side sides[2], headsift_error *error) {
    static const char again[] = "is there twice: score each document once";
    HS_TRY(refuse(sql, "SELECT file, row FROM hs_first GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1",
                  sides[0].path, again, error));
    HS_TRY(refuse(sql, "SELECT file, row FROM hs_second GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1",
                  sides[1].path, again, error));
    return refuse(
        sql,
        "SELECT coalesce(f.file, s.file), coalesce(f.row, s.row) FROM hs_first f FULL JOIN hs_second s ON "
        "f.file = s.file AND f.row = s.row WHERE f.domain IS DISTINCT FROM s.domain OR (f.score IS NULL) != "
        "(s.score IS NULL) ORDER BY ALL LIMIT 1",
        sides[1].path,
        "is missing, without a score, or of another domain in one of the two scorings: score the same inputs, "
        "named the same way, twice",
        error);
}

/* ---- Comparing ---- */

/* hs_place: a row a document with its mean rank and its place (1: the highest score) on both sides.
 * hs_cut: a row a domain. */
static headsift_status rank(struct hs_sql *sql, double keep, headsift_error *error) {
    HS_TRY(hs_sql_run(sql,
                      "CREATE TABLE hs_pair AS SELECT file, row, f.domain AS domain, f.tokens AS tokens, f.score AS a, "
                      "s.score AS b FROM "
                      "hs_first f JOIN hs_second s USING (file, row) WHERE f.score IS NOT NULL",
                      NULL, error));
    HS_TRY(hs_sql_run(sql,
                      "CREATE TABLE hs_place AS SELECT *, "
                      "rank() OVER (PARTITION BY domain ORDER BY a) + (count(*) OVER (PARTITION BY domain, a) - 1) / "
                      "2.0::DOUBLE AS rank_a, "
                      "rank() OVER (PARTITION BY domain ORDER BY b) + (count(*) OVER (PARTITION BY domain, b) - 1) / "
                      "2.0::DOUBLE AS rank_b, "
                      "row_number() OVER (PARTITION BY domain ORDER BY a DESC, file, row) AS place_a, "
                      "row_number() OVER (PARTITION BY domain ORDER BY b DESC, file, row) AS place_b FROM hs_pair",
                      NULL, error));
    return hs_sql_printf(sql, error,
                         "CREATE TABLE hs_cut AS SELECT domain, kept, error_sd, (min(a) FILTER (place_a <= kept) + "
                         "max(a) FILTER (place_a > kept)) / 2 AS cut FROM hs_place JOIN (SELECT domain, "
                         "greatest(floor(%.17g::DOUBLE * count(*) + 0.5::DOUBLE), 1)::BIGINT AS kept, "
                         "stddev_samp(b - a) AS error_sd FROM hs_pair GROUP BY domain) USING (domain) GROUP BY ALL",
                         keep);
}

static headsift_status add(struct hs_agreement *out, const struct hs_cursor *cursor, headsift_error *error) {
    void *domains = out->domains;
    bool grown = hs_grow(&domains, &out->capacity, out->n + 1, sizeof *out->domains);
    out->domains = domains;
    size_t size;
    const char *text = hs_cursor_text(cursor, 0, &size);
    char *name = grown ? hs_copy_bytes(text, size) : NULL;
    if (name == NULL) {
        return hs_fail_memory(error, "the list of domains", sizeof *out->domains);
    }
    out->domains[out->n++] = (struct hs_agreement_domain){.name = name,
                                                          .name_size = size,
                                                          .documents = hs_cursor_integer(cursor, 1, 0),
                                                          .kept = hs_cursor_integer(cursor, 2, 0),
                                                          .both = hs_cursor_integer(cursor, 3, 0),
                                                          .changed = hs_cursor_integer(cursor, 4, 0),
                                                          .error_sd = hs_cursor_real(cursor, 5),
                                                          .bias = hs_cursor_real(cursor, 6),
                                                          .spread = hs_cursor_real(cursor, 7),
                                                          .spearman = hs_cursor_real(cursor, 8),
                                                          .farthest = hs_cursor_real(cursor, 9)};
    return HEADSIFT_OK;
}

static headsift_status sum_up(struct hs_sql *sql, struct hs_agreement *out, headsift_error *error) {
    struct hs_cursor cursor;
    HS_TRY(hs_cursor_open(
        sql,
        "SELECT domain, count(*)::BIGINT, kept, count(*) FILTER (in_a AND in_b)::BIGINT, count(*) FILTER (in_a != "
        "in_b)::BIGINT AS changed, error_sd, avg(b - a), stddev_samp(a), CASE WHEN min(a) < max(a) AND min(b) < max(b) "
        "THEN corr(rank_a, rank_b) END, CASE WHEN changed = 0 THEN 0::DOUBLE ELSE max(abs(a - cut) / nullif(error_sd, "
        "0)) FILTER (in_a != in_b) END FROM (SELECT *, place_a <= kept AS in_a, place_b <= kept AS in_b FROM hs_place "
        "JOIN hs_cut USING (domain)) GROUP BY domain, kept, error_sd ORDER BY domain",
        &cursor, error));
    headsift_status status = HEADSIFT_OK;
    while (status == HEADSIFT_OK && hs_cursor_next(&cursor)) {
        status = add(out, &cursor, error);
    }
    hs_cursor_close(&cursor);
    if (status == HEADSIFT_OK && out->n == 0) {
        status = hs_fail(error, HEADSIFT_FAILED, "there is no scored document to compare: look at the column status");
    }
    return status;
}

/* ---- Bands of lengths ---- */

/* The most tokens of each quarter but the last. */
static headsift_status find_quarters(struct hs_sql *sql, int64_t quarters[HS_LENGTH_BANDS - 1], headsift_error *error) {
    struct hs_cursor cursor;
    HS_TRY(hs_cursor_open(sql,
                          "SELECT tokens, sum(n) OVER (ORDER BY tokens)::BIGINT, sum(n) OVER ()::BIGINT FROM (SELECT "
                          "tokens, count(*) AS n FROM hs_pair GROUP BY tokens) ORDER BY tokens",
                          &cursor, error));
    int found = 0;
    while (found < HS_LENGTH_BANDS - 1 && hs_cursor_next(&cursor)) {
        while (found < HS_LENGTH_BANDS - 1 &&
               HS_LENGTH_BANDS * hs_cursor_integer(&cursor, 1, 0) >= (found + 1) * hs_cursor_integer(&cursor, 2, 0)) {
            quarters[found++] = hs_cursor_integer(&cursor, 0, 0);
        }
    }
    hs_cursor_close(&cursor);
    return HEADSIFT_OK;
}

/* Ranks become shares of their domain's documents, so that domains of other scores can stand in one band. */
static headsift_status sum_up_bands(struct hs_sql *sql, struct hs_agreement *out, headsift_error *error) {
    int64_t quarters[HS_LENGTH_BANDS - 1];
    HS_TRY(find_quarters(sql, quarters, error));
    HS_TRY(hs_sql_printf(sql, error,
                         "CREATE TABLE hs_band AS SELECT (tokens > %lld)::BIGINT + (tokens > %lld)::BIGINT + (tokens > "
                         "%lld)::BIGINT AS band, tokens, place_a <= kept AS in_a, place_b <= kept AS in_b, rank_a / "
                         "count(*) OVER w AS share_a, rank_b / count(*) OVER w AS share_b FROM hs_place JOIN hs_cut "
                         "USING (domain) WINDOW w AS (PARTITION BY domain)",
                         (long long)quarters[0], (long long)quarters[1], (long long)quarters[2]));
    struct hs_cursor cursor;
    HS_TRY(hs_cursor_open(
        sql,
        "SELECT min(tokens), max(tokens), count(*)::BIGINT, CASE WHEN min(a) < max(a) AND min(b) < max(b) THEN corr(a, "
        "b) END, count(*) FILTER (in_a)::BIGINT, count(*) FILTER (in_b)::BIGINT, count(*) FILTER (in_a AND "
        "in_b)::BIGINT FROM (SELECT *, rank() OVER (PARTITION BY band ORDER BY share_a) + (count(*) OVER (PARTITION BY "
        "band, share_a) - 1) / 2.0::DOUBLE AS a, rank() OVER (PARTITION BY band ORDER BY share_b) + (count(*) OVER "
        "(PARTITION BY band, share_b) - 1) / 2.0::DOUBLE AS b FROM hs_band) GROUP BY band ORDER BY band",
        &cursor, error));
    while (out->n_bands < HS_LENGTH_BANDS && hs_cursor_next(&cursor)) {
        out->bands[out->n_bands++] =
            (struct hs_agreement_band){.low = hs_cursor_integer(&cursor, 0, 0),
                                       .high = hs_cursor_integer(&cursor, 1, 0),
                                       .documents = hs_cursor_integer(&cursor, 2, 0),
                                       .spearman = hs_cursor_real(&cursor, 3),
                                       .kept = {hs_cursor_integer(&cursor, 4, 0), hs_cursor_integer(&cursor, 5, 0)},
                                       .both = hs_cursor_integer(&cursor, 6, 0)};
    }
    hs_cursor_close(&cursor);
    return HEADSIFT_OK;
}

static headsift_status compare(struct side sides[2], const struct hs_agreement_options *options, struct hs_sql *sql,
                               struct hs_agreement *out, headsift_error *error) {
    HS_TRY(hs_score_parts_find(sides[0].path, &sides[0].parts, error));
    HS_TRY(hs_score_parts_find(sides[1].path, &sides[1].parts, error));
    HS_TRY(open_database(sides, options, sql, error));
    HS_TRY(load(sql, &sides[0], "hs_first", options->by_length, error));
    HS_TRY(load(sql, &sides[1], "hs_second", options->by_length, error));
    HS_TRY(check_same(sql, sides, error));
    HS_TRY(rank(sql, options->keep, error));
    HS_TRY(sum_up(sql, out, error));
    return options->by_length ? sum_up_bands(sql, out, error) : HEADSIFT_OK;
}

headsift_status hs_agreement_read(const char *first, const char *second, const struct hs_agreement_options *options,
                                  struct hs_agreement *out, headsift_error *error) {
    struct side sides[2] = {{.path = first}, {.path = second}};
    struct hs_sql sql = {0};
    *out = (struct hs_agreement){0};
    headsift_status status = compare(sides, options, &sql, out, error);
    hs_sql_close(&sql);
    hs_score_parts_free(&sides[0].parts);
    hs_score_parts_free(&sides[1].parts);
    if (status != HEADSIFT_OK) {
        hs_agreement_free(out);
    }
    return status;
}

void hs_agreement_free(struct hs_agreement *agreement) {
    for (size_t i = 0; i < agreement->n; i++) {
        hs_free(agreement->domains[i].name);
    }
    hs_free(agreement->domains);
    *agreement = (struct hs_agreement){0};
}
