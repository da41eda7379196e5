/* The score rows as counts: one table in SQL, its quantiles, and one pass over it that fills the bins.
 * Which rows are chosen comes from choosing again as the manifest says; nothing is written. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/chart.h"
#include "select/cursor.h"
#include "select/select.h"

enum { EXACT_ROWS = 5000000 }; /* with more rows, quantiles are approximate: in bounded memory */

const double hs_quantiles[HS_QUANTILES] = {0.01, 0.1, 0.5, 0.9, 0.99};

/* ---- The choice ---- */

static headsift_select_options manifest_options(const json_t *manifest, const headsift_report_options *report) {
    const json_t *options = json_object_get(manifest, "options");
    return (headsift_select_options){
        .keep = json_number_value(json_object_get(options, "keep")),
        .keep_count = json_integer_value(json_object_get(options, "keep_count")),
        .budget = json_integer_value(json_object_get(options, "budget")),
        .budget_total = json_integer_value(json_object_get(options, "budget_total")),
        .by = json_string_value(json_object_get(options, "by")),
        .order = json_string_value(json_object_get(options, "order")),
        .temperature = json_number_value(json_object_get(options, "temperature")),
        .seed = (uint64_t)json_integer_value(json_object_get(options, "seed")),
        .root = report->root,
        .memory = report->memory,
    };
}

/* Whether the choice made again is the manifest's: as many documents of each domain. */
static bool same_choice(const struct hs_selection *selection, const json_t *manifest) {
    const json_t *domains = json_object_get(manifest, "domains");
    bool same = json_array_size(domains) == selection->n_domains;
    for (size_t i = 0; same && i < selection->n_domains; i++) {
        const json_t *domain = json_array_get(domains, i);
        same = json_integer_value(json_object_get(domain, "chosen")) == selection->domains[i].chosen;
    }
    return same;
}

/* ---- Domains in the order of their size ---- */

static headsift_status take_name(const struct hs_domain *from, struct hs_domain_numbers *to, headsift_error *error) {
    to->name = hs_copy_bytes(from->name, from->name_size);
    to->name_size = from->name_size;
    return to->name != NULL ? HEADSIFT_OK : hs_fail_memory(error, "a domain's name", from->name_size);
}

static void add_domain(struct hs_domain_numbers *to, const struct hs_domain *from) {
    to->documents += from->documents;
    to->scored += from->scored;
    to->tokens += from->tokens;
    to->chosen += from->chosen;
    to->chosen_tokens += from->chosen_tokens;
}

/* The domain's place by its number of documents, ties by name. */
struct place {
    int64_t documents;
    size_t domain;
};

static int by_documents(const void *left, const void *right) {
    const struct place *a = left, *b = right;
    if (a->documents != b->documents) {
        return a->documents > b->documents ? -1 : 1;
    }
    return (a->domain > b->domain) - (a->domain < b->domain);
}

/* Fills the domains, and slots[d], the place of domain d among those shown. */
static headsift_status place_domains(const struct hs_selection *selection, struct hs_numbers *out, int32_t *slots,
                                     headsift_error *error) {
    size_t n = selection->n_domains;
    struct place *places = hs_alloc(n, sizeof *places);
    out->all_domains = n;
    out->have_rest = n > HS_REPORT_DOMAINS;
    out->domains = hs_alloc(HS_REPORT_DOMAINS, sizeof *out->domains);
    headsift_status status = places != NULL && out->domains != NULL
                                 ? HEADSIFT_OK
                                 : hs_fail_memory(error, "the list of domains", n * sizeof *places);
    for (size_t i = 0; status == HEADSIFT_OK && i < n; i++) {
        places[i] = (struct place){selection->domains[i].documents, i};
    }
    if (status == HEADSIFT_OK && n > 0) {
        qsort(places, n, sizeof *places, by_documents);
    }
    for (size_t i = 0; status == HEADSIFT_OK && i < n; i++) {
        size_t slot = i < HS_REPORT_DOMAINS ? i : HS_REPORT_DOMAINS - 1;
        const struct hs_domain *domain = &selection->domains[places[i].domain];
        slots[places[i].domain] = (int32_t)slot;
        if (i == slot) {
            char name[] = "(all others)";
            const struct hs_domain others = {.name = name, .name_size = sizeof name - 1};
            bool rest = out->have_rest && i == HS_REPORT_DOMAINS - 1;
            status = take_name(rest ? &others : domain, &out->domains[slot], error);
            out->n_domains++;
        }
        add_domain(&out->domains[slot], domain);
        add_domain(&out->all, domain);
    }
    hs_free(places);
    return status;
}

/* ---- The table ---- */

static headsift_status load_facts(struct hs_selection *selection, headsift_error *error) {
    HS_TRY(hs_sql_printf(&selection->sql, error,
                         "CREATE TABLE hs_fact(source INTEGER, row BIGINT, domain INTEGER, tokens BIGINT, loss DOUBLE, "
                         "score DOUBLE)"));
    for (size_t first = 0; first < selection->parts.n; first += HS_PARTS_AT_ONCE) {
        struct hs_buffer sql = {0};
        bool built = hs_buffer_printf(&sql, "INSERT INTO hs_fact SELECT s.id, r.\"row\"::BIGINT, d.id, "
                                            "greatest(coalesce(r.n_tokens, 0), 0)::BIGINT, r.loss_base::DOUBLE, "
                                            "r.score::DOUBLE FROM read_parquet(") &&
                     hs_parts_list(&sql, &selection->parts, first) &&
                     hs_buffer_printf(&sql, ", hive_partitioning=false) r JOIN hs_source s ON s.name = "
                                            "r.\"file\"::VARCHAR JOIN hs_domain d ON d.name = "
                                            "coalesce(r.\"domain\"::VARCHAR, '') WHERE isfinite(r.score::DOUBLE) AND "
                                            "isfinite(r.loss_base::DOUBLE)");
        HS_TRY(hs_sql_built(&selection->sql, &sql, built, error));
    }
    return HEADSIFT_OK;
}

static headsift_status load_slots(struct hs_selection *selection, const int32_t *slots, headsift_error *error) {
    HS_TRY(hs_sql_printf(&selection->sql, error, "CREATE TABLE hs_slot(domain INTEGER, slot INTEGER)"));
    duckdb_appender appender = NULL;
    duckdb_state state = duckdb_appender_create(selection->sql.connection, NULL, "hs_slot", &appender);
    for (size_t i = 0; state == DuckDBSuccess && i < selection->n_domains; i++) {
        bool ok = duckdb_append_int32(appender, (int32_t)i) == DuckDBSuccess &&
                  duckdb_append_int32(appender, slots[i]) == DuckDBSuccess &&
                  duckdb_appender_end_row(appender) == DuckDBSuccess;
        state = ok ? DuckDBSuccess : DuckDBError;
    }
    if (duckdb_appender_destroy(&appender) != DuckDBSuccess || state != DuckDBSuccess) {
        return hs_fail(error, HEADSIFT_FAILED, "the list of domains does not go into a table: out of memory?");
    }
    return HEADSIFT_OK;
}

/* Tokens that went into the model, and pairs of a token with one before it: as far as max_tokens goes. */
static headsift_status count_work(struct hs_selection *selection, const struct hs_run_folder *folder,
                                  struct hs_numbers *out, headsift_error *error) {
    const json_t *most = json_object_get(folder->score, "max_tokens");
    bool chunks = strcmp(hs_word(folder->score, "long"), "chunk") == 0;
    double limit = json_is_integer(most) ? (double)json_integer_value(most) : 1e15;
    for (size_t first = 0; first < selection->parts.n; first += HS_PARTS_AT_ONCE) {
        struct hs_buffer sql = {0};
        struct hs_cursor cursor = {0};
        bool built =
            hs_buffer_printf(&sql,
                             "SELECT count(*) FILTER (status = 'truncated'), coalesce(sum(%s), 0)::DOUBLE, "
                             "coalesce(sum(%s), 0)::DOUBLE FROM (SELECT n_tokens::DOUBLE AS n, %.17g::DOUBLE AS "
                             "m, status FROM read_parquet(",
                             chunks ? "n" : "least(n, m)", chunks ? "n * least(n, m) / 2" : "least(n, m) ** 2 / 2",
                             limit) &&
            hs_parts_list(&sql, &selection->parts, first) &&
            hs_buffer_printf(&sql, ", hive_partitioning=false) WHERE n_scored > 0)");
        headsift_status status = built ? hs_cursor_open(&selection->sql, sql.data, &cursor, error)
                                       : hs_fail_memory(error, "a statement", sql.size);
        hs_buffer_free(&sql);
        HS_TRY(status);
        if (hs_cursor_next(&cursor)) {
            out->truncated += hs_cursor_integer(&cursor, 0, 0);
            out->tokens_in += hs_cursor_real(&cursor, 1);
            out->token_pairs += hs_cursor_real(&cursor, 2);
        }
        hs_cursor_close(&cursor);
    }
    return HEADSIFT_OK;
}

/* ---- Quantiles and bins ---- */

static void take_quantiles(const struct hs_cursor *cursor, struct hs_domain_numbers *to) {
    to->mean = hs_cursor_real(cursor, 1);
    for (int i = 0; i < HS_QUANTILES; i++) {
        to->quantiles[i] = hs_cursor_real(cursor, (idx_t)(2 + i));
    }
}

/* Quantiles of a column come as one list, since each call of the function holds all values. */
static bool append_quantiles(struct hs_buffer *sql, const char *function) {
    bool ok = hs_buffer_printf(sql, "SELECT coalesce(slot, -1)::BIGINT, mean");
    for (int i = 1; ok && i <= HS_QUANTILES + 2; i++) {
        ok = hs_buffer_printf(sql, ", scores[%d]::DOUBLE", i);
    }
    ok = ok && hs_buffer_printf(sql,
                                ", losses[1]::DOUBLE, losses[2]::DOUBLE, least, most FROM (SELECT slot, avg(score) AS "
                                "mean, %s(score, [",
                                function);
    for (int i = 0; ok && i < HS_QUANTILES; i++) {
        ok = hs_buffer_printf(sql, "%g, ", hs_quantiles[i]);
    }
    return ok &&
           hs_buffer_printf(sql,
                            "0.001, 0.999]) AS scores, %s(loss, [0.001, 0.999]) AS losses, min(tokens)::DOUBLE AS "
                            "least, max(tokens)::DOUBLE AS most FROM hs_fact JOIN hs_slot USING (domain) GROUP BY "
                            "GROUPING SETS ((slot), ()))",
                            function);
}

static headsift_status read_quantiles(struct hs_selection *selection, struct hs_numbers *out, headsift_error *error) {
    struct hs_buffer sql = {0};
    struct hs_cursor cursor = {0};
    bool built = append_quantiles(&sql, out->all.scored > EXACT_ROWS ? "approx_quantile" : "quantile_cont");
    headsift_status status = built ? hs_cursor_open(&selection->sql, sql.data, &cursor, error)
                                   : hs_fail_memory(error, "a statement", sql.size);
    hs_buffer_free(&sql);
    HS_TRY(status);
    while (hs_cursor_next(&cursor)) {
        int64_t slot = hs_cursor_integer(&cursor, 0, -1);
        take_quantiles(&cursor, slot < 0 ? &out->all : &out->domains[slot]);
        if (slot < 0) {
            idx_t at = 2 + HS_QUANTILES;
            out->scores = hs_bins_over(hs_cursor_real(&cursor, at), hs_cursor_real(&cursor, at + 1), HS_SCORE_BINS);
            out->losses = hs_bins_over(hs_cursor_real(&cursor, at + 2), hs_cursor_real(&cursor, at + 3), HS_LOSS_BINS);
            out->lengths = hs_bins_over(floor(log2(fmax(hs_cursor_real(&cursor, at + 4), 1))),
                                        ceil(log2(fmax(hs_cursor_real(&cursor, at + 5), 2))), HS_LENGTH_BINS);
        }
    }
    hs_cursor_close(&cursor);
    return HEADSIFT_OK;
}

/* One row: source, row, slot, tokens, loss, score. */
static void count_row(const struct hs_selection *selection, const struct hs_cursor *cursor, struct hs_numbers *out) {
    const struct hs_source *source = &selection->sources[hs_cursor_integer(cursor, 0, 0)];
    struct hs_domain_numbers *domain = &out->domains[hs_cursor_integer(cursor, 2, 0)];
    bool chosen = out->have_choice && hs_is_wanted(selection, source, hs_cursor_integer(cursor, 1, 0));
    double tokens = (double)hs_cursor_integer(cursor, 3, 0), loss = hs_cursor_real(cursor, 4);
    int score_bin = hs_bin_of(&out->scores, hs_cursor_real(cursor, 5)), loss_bin = hs_bin_of(&out->losses, loss);
    int length_bin = hs_bin_of(&out->lengths, log2(fmax(tokens, 1)));
    for (int c = 0; c <= (int)chosen; c++) {
        domain->scores[c][score_bin]++;
        domain->losses[c][loss_bin]++;
        domain->lengths[c][length_bin]++;
        domain->sum_tokens[c] += tokens;
        domain->sum_losses[c] += loss;
        domain->counted[c]++;
    }
}

static headsift_status count_rows(struct hs_selection *selection, struct hs_numbers *out, headsift_error *error) {
    struct hs_cursor cursor;
    bool more = true;
    HS_TRY(hs_cursor_stream(&selection->sql,
                            "SELECT source::BIGINT, row, slot::BIGINT, tokens, loss, score FROM hs_fact JOIN hs_slot "
                            "USING (domain)",
                            &cursor, error));
    headsift_status status = HEADSIFT_OK;
    while (status == HEADSIFT_OK && more) {
        status = hs_cursor_advance(&cursor, &more, error);
        if (status == HEADSIFT_OK && more) {
            count_row(selection, &cursor, out);
        }
    }
    hs_cursor_close(&cursor);
    return status;
}

static void sum_domains(struct hs_numbers *numbers) {
    for (size_t d = 0; d < numbers->n_domains; d++) {
        const struct hs_domain_numbers *domain = &numbers->domains[d];
        for (int c = 0; c < 2; c++) {
            for (int i = 0; i < HS_SCORE_BINS; i++) {
                numbers->all.scores[c][i] += domain->scores[c][i];
            }
            for (int i = 0; i < HS_LOSS_BINS; i++) {
                numbers->all.losses[c][i] += domain->losses[c][i];
            }
            for (int i = 0; i < HS_LENGTH_BINS; i++) {
                numbers->all.lengths[c][i] += domain->lengths[c][i];
            }
            numbers->all.sum_tokens[c] += domain->sum_tokens[c];
            numbers->all.sum_losses[c] += domain->sum_losses[c];
            numbers->all.counted[c] += domain->counted[c];
        }
    }
}

/* ---- All of it ---- */

static headsift_status choose(struct hs_selection *selection, const struct hs_run_folder *folder,
                              struct hs_numbers *out, headsift_error *error) {
    if (folder->manifest == NULL) {
        return HEADSIFT_OK;
    }
    HS_TRY(hs_choose(selection, error));
    out->have_choice = same_choice(selection, folder->manifest);
    if (!out->have_choice) {
        hs_log(selection->monitor, HEADSIFT_LOG_WARNING,
               "selected/manifest.json is not about these scores: the report leaves the selection out; run headsift "
               "select again");
        for (size_t i = 0; i < selection->n_domains; i++) {
            selection->domains[i].chosen = selection->domains[i].chosen_tokens = 0;
        }
    }
    return HEADSIFT_OK;
}

static headsift_status read_all(struct hs_selection *selection, const struct hs_run_folder *folder,
                                const headsift_report_options *options, struct hs_numbers *out, headsift_error *error) {
    const headsift_select_options select = manifest_options(folder->manifest, options);
    HS_TRY(hs_selection_begin(selection, &select, error));
    HS_TRY(hs_score_parts_find(folder->scores, &selection->parts, error));
    HS_TRY(hs_units_read(selection, error));
    HS_TRY(hs_sources_find(selection, error));
    HS_TRY(hs_selection_open(selection, options->temp_dir, error));
    HS_TRY(hs_table_load(selection, error));
    HS_TRY(load_facts(selection, error));
    HS_TRY(choose(selection, folder, out, error));
    int32_t *slots = hs_alloc(selection->n_domains, sizeof *slots);
    headsift_status status = slots != NULL ? place_domains(selection, out, slots, error)
                                           : hs_fail_memory(error, "the list of domains", selection->n_domains);
    if (status == HEADSIFT_OK) {
        status = load_slots(selection, slots, error);
    }
    hs_free(slots);
    HS_TRY(status);
    HS_TRY(count_work(selection, folder, out, error));
    HS_TRY(read_quantiles(selection, out, error));
    HS_TRY(count_rows(selection, out, error));
    sum_domains(out);
    return HEADSIFT_OK;
}

headsift_status hs_numbers_read(const struct hs_run_folder *folder, const headsift_report_options *options,
                                const headsift_monitor *monitor, struct hs_numbers *out, headsift_error *error) {
    struct hs_selection selection = {.monitor = monitor};
    *out = (struct hs_numbers){0};
    headsift_status status = read_all(&selection, folder, options, out, error);
    hs_selection_free(&selection);
    if (status != HEADSIFT_OK) {
        hs_numbers_free(out);
    }
    return status;
}

void hs_numbers_free(struct hs_numbers *numbers) {
    for (size_t i = 0; i < numbers->n_domains; i++) {
        hs_free(numbers->domains[i].name);
    }
    hs_free(numbers->domains);
    *numbers = (struct hs_numbers){0};
}
