/* The top and bottom documents of each domain: ranks in SQL, ids and losses from the score files, the beginnings of the
 * texts from the source files. */
#include "select/ranking.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "select/cursor.h"
#include "select/records.h"

static headsift_status read_domains(struct hs_selection *selection, struct hs_ranking *out, headsift_error *error) {
    out->domains = hs_alloc(selection->n_domains, sizeof *out->domains);
    if (out->domains == NULL) {
        return hs_fail_memory(error, "the list of domains", selection->n_domains * sizeof *out->domains);
    }
    for (; out->n_domains < selection->n_domains; out->n_domains++) {
        const struct hs_domain *domain = &selection->domains[out->n_domains];
        out->domains[out->n_domains] =
            (struct hs_domain_ranking){.name = hs_copy_bytes(domain->name, domain->name_size),
                                       .name_size = domain->name_size,
                                       .documents = domain->documents,
                                       .scored = domain->scored,
                                       .mean = (double)NAN};
        if (out->domains[out->n_domains].name == NULL) {
            return hs_fail_memory(error, "the list of domains", domain->name_size);
        }
    }
    out->domains_shown = out->n_domains < HS_RANKING_DOMAINS ? out->n_domains : HS_RANKING_DOMAINS;
    struct hs_cursor cursor = {0};
    HS_TRY(hs_cursor_open(&selection->sql, "SELECT domain::BIGINT, avg(value) FROM hs_row GROUP BY domain", &cursor,
                          error));
    while (hs_cursor_next(&cursor)) {
        out->domains[hs_cursor_integer(&cursor, 0, 0)].mean = hs_cursor_real(&cursor, 1);
    }
    hs_cursor_close(&cursor);
    return HEADSIFT_OK;
}

static headsift_status add_ranked(struct hs_ranking *out, const struct hs_cursor *cursor, headsift_error *error) {
    void *documents = out->documents;
    bool grown = hs_grow(&documents, &out->capacity, out->n_documents + 1, sizeof *out->documents);
    out->documents = documents;
    if (!grown) {
        return hs_fail_memory(error, "the ranking", sizeof *out->documents);
    }
    out->documents[out->n_documents++] = (struct hs_ranked){.domain = (int32_t)hs_cursor_integer(cursor, 0, 0),
                                                            .source = (int32_t)hs_cursor_integer(cursor, 1, 0),
                                                            .row = hs_cursor_integer(cursor, 2, 0),
                                                            .tokens = hs_cursor_integer(cursor, 3, 0),
                                                            .score = hs_cursor_real(cursor, 4),
                                                            .rank = hs_cursor_integer(cursor, 5, 0)};
    return HEADSIFT_OK;
}

/* The condition on rank and n, the domain's number of documents, and on the domain. */
static bool append_wish(struct hs_buffer *sql, const struct hs_ranking_wish *wish) {
    if (wish->shares == NULL) {
        return hs_buffer_printf(sql, "domain < %d AND (rank <= %d OR rank > n - %d)", HS_RANKING_DOMAINS, wish->show,
                                wish->show);
    }
    bool ok = hs_buffer_printf(sql,
                               "domain IN (SELECT domain FROM hs_row GROUP BY domain ORDER BY count(*) DESC, domain "
                               "LIMIT %zu) AND (false",
                               wish->most_domains);
    for (size_t i = 0; ok && i < wish->n_shares; i++) {
        ok = hs_buffer_printf(sql, " OR rank = greatest(1, ceil(%.17g::DOUBLE * n))::BIGINT", wish->shares[i]);
    }
    return ok && hs_buffer_printf(sql, ")");
}

static headsift_status read_ranks(struct hs_selection *selection, const struct hs_ranking_wish *wish,
                                  struct hs_ranking *out, headsift_error *error) {
    struct hs_buffer sql = {0};
    bool built = hs_buffer_printf(&sql, "CREATE TABLE hs_shown AS SELECT domain::BIGINT AS domain, source::BIGINT AS "
                                        "source, row, tokens, value, rank::BIGINT AS rank FROM (SELECT *, row_number() "
                                        "OVER (PARTITION BY domain ORDER BY value DESC, source, row) AS rank, count(*) "
                                        "OVER (PARTITION BY domain) AS n FROM hs_row) WHERE ") &&
                 append_wish(&sql, wish);
    HS_TRY(hs_sql_built(&selection->sql, &sql, built, error));
    struct hs_cursor cursor = {0};
    HS_TRY(hs_cursor_open(&selection->sql,
                          "SELECT domain, source, row, tokens, value, rank FROM hs_shown ORDER BY domain, rank",
                          &cursor, error));
    headsift_status status = HEADSIFT_OK;
    while (status == HEADSIFT_OK && hs_cursor_next(&cursor)) {
        status = add_ranked(out, &cursor, error);
    }
    hs_cursor_close(&cursor);
    return status;
}

/* ---- The documents of one file ---- */

static int compare_places(const void *left, const void *right) {
    const struct hs_ranked *a = *(struct hs_ranked *const *)left, *b = *(struct hs_ranked *const *)right;
    if (a->source != b->source) {
        return a->source < b->source ? -1 : 1;
    }
    return (a->row > b->row) - (a->row < b->row);
}

static headsift_status take_details(struct hs_ranked **places, size_t n, const struct hs_cursor *cursor,
                                    headsift_error *error) {
    int64_t row = hs_cursor_integer(cursor, 0, -1);
    for (size_t i = 0; i < n; i++) {
        if (places[i]->row == row && places[i]->id == NULL) {
            const char *id = hs_cursor_text(cursor, 1, &places[i]->id_size);
            places[i]->loss_base = hs_cursor_real(cursor, 2);
            places[i]->loss_ref = hs_cursor_real(cursor, 3);
            places[i]->id = hs_copy_bytes(id != NULL ? id : "", places[i]->id_size);
            return places[i]->id != NULL ? HEADSIFT_OK : hs_fail_memory(error, "an id", places[i]->id_size);
        }
    }
    return HEADSIFT_OK;
}

/* Ids and losses, from one score file; `places` are the n documents of one source file by row. */
static headsift_status read_details(struct hs_selection *selection, int32_t part, struct hs_ranked **places, size_t n,
                                    headsift_error *error) {
    const struct hs_source *source = &selection->sources[places[0]->source];
    struct hs_buffer sql = {0};
    bool built =
        hs_buffer_printf(&sql, "SELECT r.\"row\"::BIGINT, r.id::VARCHAR, r.loss_base::DOUBLE, "
                               "r.loss_ref::DOUBLE FROM ") &&
        hs_sql_parquet(&sql, selection->parts.paths[part]) && hs_buffer_printf(&sql, " r WHERE r.\"file\" = ") &&
        hs_sql_string(&sql, source->name, strlen(source->name)) && hs_buffer_printf(&sql, " AND r.\"row\" IN (");
    for (size_t i = 0; built && i < n; i++) {
        built = hs_buffer_printf(&sql, "%s%lld", i > 0 ? ", " : "", (long long)places[i]->row);
    }
    built = built && hs_buffer_printf(&sql, ")");
    struct hs_cursor cursor = {0};
    headsift_status status = built ? hs_cursor_open(&selection->sql, sql.data, &cursor, error)
                                   : hs_fail_memory(error, "a statement", sql.size);
    hs_buffer_free(&sql);
    HS_TRY(status);
    while (status == HEADSIFT_OK && hs_cursor_next(&cursor)) {
        status = take_details(places, n, &cursor, error);
    }
    hs_cursor_close(&cursor);
    return status;
}

/* Visits each score file that can have the rows. */
static headsift_status read_all_details(struct hs_selection *selection, struct hs_ranked **places, size_t n,
                                        headsift_error *error) {
    const struct hs_source *source = &selection->sources[places[0]->source];
    for (size_t u = 0; u < source->n_units; u++) {
        const struct hs_unit *unit = &selection->units[source->first_unit + u];
        bool may = false;
        for (size_t i = 0; i < n; i++) {
            may = may || (places[i]->row >= unit->first_row && places[i]->row <= unit->last_row);
        }
        if (may) {
            HS_TRY(read_details(selection, unit->part, places, n, error));
        }
    }
    return HEADSIFT_OK;
}

static headsift_status scan_texts(struct hs_scan *scan, struct hs_ranked **places, size_t n, size_t text_bytes,
                                  headsift_error *error) {
    bool more = true;
    for (size_t i = 0; i < n && more; i++) {
        struct hs_document document;
        HS_TRY(hs_scan_next(scan, &document, &more, error));
        if (more && document.text != NULL) {
            places[i]->text_size = document.text_size < text_bytes ? document.text_size : text_bytes;
            places[i]->text = hs_copy_bytes(document.text, places[i]->text_size);
            if (places[i]->text == NULL) {
                return hs_fail_memory(error, "a text", places[i]->text_size);
            }
        }
    }
    return HEADSIFT_OK;
}

static headsift_status read_texts(struct hs_selection *selection, struct hs_ranked **places, size_t n,
                                  size_t text_bytes, headsift_error *error) {
    const struct hs_source *source = &selection->sources[places[0]->source];
    struct hs_input_list list = {0};
    HS_TRY(hs_source_input(source, &list, error));
    int64_t *items = hs_alloc(n, sizeof *items);
    const struct hs_rows rows = {.items = items, .n = (int64_t)n};
    struct hs_scan scan = {0};
    headsift_status status = HEADSIFT_OK;
    if (items == NULL) {
        status = hs_fail_memory(error, "rows", n * sizeof *items);
    } else {
        for (size_t i = 0; i < n; i++) {
            items[i] = places[i]->row;
        }
        status = hs_scan_open(source, &list.items[0], &rows, false, &scan, error);
    }
    if (status == HEADSIFT_OK) {
        status = scan_texts(&scan, places, n, text_bytes, error);
    }
    hs_scan_close(&scan);
    hs_free(items);
    hs_inputs_free(&list);
    return status;
}

/* Visits each file that has shown documents once. */
static headsift_status read_places(struct hs_selection *selection, struct hs_ranking *out, size_t text_bytes,
                                   headsift_error *error) {
    struct hs_ranked **places = hs_alloc(out->n_documents, sizeof *places);
    if (places == NULL) {
        return hs_fail_memory(error, "the ranking", out->n_documents * sizeof *places);
    }
    for (size_t i = 0; i < out->n_documents; i++) {
        places[i] = &out->documents[i];
    }
    qsort(places, out->n_documents, sizeof *places, compare_places);
    headsift_status status = HEADSIFT_OK;
    for (size_t i = 0, n; status == HEADSIFT_OK && i < out->n_documents; i += n) {
        for (n = 1; i + n < out->n_documents && places[i + n]->source == places[i]->source;) {
            n++;
        }
        status = read_all_details(selection, places + i, n, error);
        if (status == HEADSIFT_OK) {
            status = read_texts(selection, places + i, n, text_bytes, error);
        }
    }
    hs_free(places);
    return status;
}

static headsift_status read_ranking(struct hs_selection *selection, const char *scores,
                                    const struct hs_ranking_wish *wish, const headsift_select_options *options,
                                    const char *temp_dir, struct hs_ranking *out, headsift_error *error) {
    const headsift_select_options by_score = {.memory = options->memory, .root = options->root};
    HS_TRY(hs_selection_begin(selection, &by_score, error));
    HS_TRY(hs_score_parts_find(scores, &selection->parts, error));
    HS_TRY(hs_units_read(selection, error));
    HS_TRY(hs_sources_find(selection, error));
    HS_TRY(hs_selection_open(selection, temp_dir, error));
    HS_TRY(hs_table_load(selection, error));
    HS_TRY(read_domains(selection, out, error));
    HS_TRY(read_ranks(selection, wish, out, error));
    return read_places(selection, out, wish->text_bytes, error);
}

headsift_status hs_ranking_read(const char *scores, const struct hs_ranking_wish *wish,
                                const headsift_select_options *options, const char *temp_dir, struct hs_ranking *out,
                                headsift_error *error) {
    *out = (struct hs_ranking){0};
    struct hs_selection selection = {0};
    headsift_status status = read_ranking(&selection, scores, wish, options, temp_dir, out, error);
    hs_selection_free(&selection);
    if (status != HEADSIFT_OK) {
        hs_ranking_free(out);
    }
    return status;
}

void hs_ranking_free(struct hs_ranking *ranking) {
    for (size_t i = 0; i < ranking->n_domains; i++) {
        hs_free(ranking->domains[i].name);
    }
    for (size_t i = 0; i < ranking->n_documents; i++) {
        hs_free(ranking->documents[i].id);
        hs_free(ranking->documents[i].text);
    }
    hs_free(ranking->domains);
    hs_free(ranking->documents);
    *ranking = (struct hs_ranking){0};
}
