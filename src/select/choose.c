/* The choice itself, in SQL: a limit for each domain (documents or tokens), a rank and a running sum of tokens for each
 * row, and the rows within the limits. */
#include "select/cursor.h"
#include "select/select.h"

/* hs_stat: a row a domain, with what may be taken of it. NULL: no such limit. */
static headsift_status make_stat(struct hs_selection *selection, headsift_error *error) {
    const struct hs_choice *choice = &selection->choice;
    char documents[160] = "NULL", tokens[160] = "NULL";
    switch (choice->keep) {
    case HS_KEEP_SHARE:
        snprintf(documents, sizeof documents, "greatest(floor(%.17g::DOUBLE * scored + 0.5::DOUBLE), 1)",
                 choice->share);
        break;
    case HS_KEEP_COUNT:
        snprintf(documents, sizeof documents, "%lld", (long long)choice->amount);
        break;
    case HS_KEEP_BUDGET:
        snprintf(tokens, sizeof tokens, "%lld", (long long)choice->amount);
        break;
    case HS_KEEP_BUDGET_TOTAL: /* exact integers: the shares are rounded down */
        snprintf(tokens, sizeof tokens,
                 "%lld::HUGEINT * scored_tokens // greatest(sum(scored_tokens) OVER (), 1)::HUGEINT",
                 (long long)choice->amount);
        break;
    }
    const char *median = choice->order == HS_ORDER_MIDDLE ? "median(value)" : "NULL";
    HS_TRY(hs_sql_printf(&selection->sql, error,
                         "CREATE TABLE hs_count AS SELECT domain, count(*)::BIGINT AS documents, count(*) FILTER "
                         "(scored)::BIGINT AS scored, count(value)::BIGINT AS valued, sum(tokens)::BIGINT AS tokens, "
                         "coalesce(sum(tokens) FILTER (scored), 0)::BIGINT AS scored_tokens, %s::DOUBLE AS median FROM "
                         "hs_row GROUP BY domain",
                         median));
    return hs_sql_printf(&selection->sql, error,
                         "CREATE TABLE hs_stat AS SELECT *, (%s)::BIGINT AS most_documents, (%s)::BIGINT AS "
                         "most_tokens FROM hs_count",
                         documents, tokens);
}

static headsift_status make_pick(struct hs_selection *selection, headsift_error *error) {
    static const char *const keys[] = {"-value", "value", "abs(value - median)"};
    return hs_sql_printf(
        &selection->sql, error,
        "CREATE TABLE hs_pick AS SELECT unit, file, row, domain, tokens, value, rank FROM (SELECT *, row_number() OVER "
        "(PARTITION BY domain ORDER BY key, file, row) AS rank, sum(tokens) OVER (PARTITION BY domain ORDER BY key, "
        "file, row ROWS UNBOUNDED PRECEDING) AS running FROM (SELECT r.*, most_documents, most_tokens, %s AS key FROM "
        "hs_row r JOIN hs_stat s USING (domain) WHERE value IS NOT NULL)) WHERE (most_documents IS NULL OR rank <= "
        "most_documents) AND (most_tokens IS NULL OR running <= most_tokens) ORDER BY unit, row",
        keys[selection->choice.order]);
}

static headsift_status refuse_twice(struct hs_selection *selection, headsift_error *error) {
    struct hs_cursor cursor = {0};
    HS_TRY(hs_cursor_open(&selection->sql,
                          "SELECT min(unit)::BIGINT, row FROM hs_pick GROUP BY file, row HAVING count(*) > 1 ORDER BY "
                          "1, 2 LIMIT 1",
                          &cursor, error));
    headsift_status status = HEADSIFT_OK;
    if (hs_cursor_next(&cursor)) {
        status = hs_fail(error, HEADSIFT_FAILED, "%s: row %lld stands in the score files twice: score each file once",
                         selection->units.items[hs_cursor_integer(&cursor, 0, 0)].path,
                         (long long)hs_cursor_integer(&cursor, 1, 0));
    }
    hs_cursor_close(&cursor);
    return status;
}

static headsift_status count_units(struct hs_selection *selection, headsift_error *error) {
    struct hs_cursor cursor = {0};
    HS_TRY(hs_cursor_open(&selection->sql, "SELECT unit::BIGINT, count(*)::BIGINT FROM hs_pick GROUP BY unit", &cursor,
                          error));
    while (hs_cursor_next(&cursor)) {
        selection->units.items[hs_cursor_integer(&cursor, 0, 0)].chosen = hs_cursor_integer(&cursor, 1, 0);
    }
    hs_cursor_close(&cursor);
    return HEADSIFT_OK;
}

headsift_status hs_choose(struct hs_selection *selection, headsift_error *error) {
    HS_TRY(make_stat(selection, error));
    HS_TRY(make_pick(selection, error));
    HS_TRY(hs_sql_printf(&selection->sql, error, "DROP TABLE hs_row"));
    HS_TRY(refuse_twice(selection, error));
    return count_units(selection, error);
}
