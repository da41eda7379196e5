/* Scores by domain: their distribution, and the chosen documents beside all.
 * One filter, a native select, picks the domain that charts, tables and examples show. */
#include <math.h>
#include <string.h>

#include "report/chart.h"

static const char *name_of(const struct hs_domain_numbers *domain, size_t *size) {
    static const char nameless[] = "(no name)";
    *size = domain->name_size > 0 ? domain->name_size : sizeof nameless - 1;
    return domain->name_size > 0 ? domain->name : nameless;
}

static void add_filter(struct hs_report *report) {
    struct hs_page *page = &report->page;
    hs_page_raw(page,
                "<p class=\"filter\"><label for=\"domain\">Domain shown in these charts and tables, and among the "
                "documents below:</label> <select id=\"domain\"><option value=\"-1\">all domains</option>");
    for (size_t i = 0; i < report->numbers->n_domains; i++) {
        size_t size;
        const char *name = name_of(&report->numbers->domains[i], &size);
        hs_page_printf(page, "<option value=\"%zu\">", i);
        hs_add_name(page, name, size);
        hs_page_raw(page, "</option>");
    }
    hs_page_raw(page, "</select></p>\n");
}

/* ---- Tables ---- */

static void row_begin(struct hs_page *page, const struct hs_domain_numbers *domain, int slot) {
    size_t size;
    const char *name = slot < 0 ? "all" : name_of(domain, &size);
    size = slot < 0 ? 3 : size;
    hs_page_printf(page, "<tr data-domain=\"%d\"><th scope=\"row\">", slot);
    hs_add_name(page, name, size);
    hs_page_raw(page, "</th>");
}

static void add_distribution_row(struct hs_page *page, const struct hs_domain_numbers *domain, int slot) {
    row_begin(page, domain, slot);
    hs_cell_count(page, domain->documents);
    hs_cell_count(page, domain->scored);
    hs_cell_count(page, domain->tokens);
    hs_cell_number(page, domain->mean, 4);
    for (int i = 0; i < HS_QUANTILES; i++) {
        hs_cell_number(page, domain->quantiles[i], 4);
    }
    hs_row_end(page);
}

static void add_distribution_table(struct hs_report *report) {
    static const char *const columns[] = {"domain", "documents", "scored", "tokens", "mean score", "1 %",
                                          "10 %",   "50 %",      "90 %",   "99 %",   NULL};
    const struct hs_numbers *numbers = report->numbers;
    hs_table_begin(&report->page, "Scores: documents, and quantiles of the scores from the lowest", columns);
    add_distribution_row(&report->page, &numbers->all, -1);
    for (size_t i = 0; i < numbers->n_domains; i++) {
        add_distribution_row(&report->page, &numbers->domains[i], (int)i);
    }
    hs_table_end(&report->page);
}

static double mean(double sum, int64_t n) { return n > 0 ? sum / (double)n : (double)NAN; }

static void add_selected_row(struct hs_page *page, const struct hs_domain_numbers *domain, int slot) {
    row_begin(page, domain, slot);
    hs_cell_count(page, domain->chosen);
    hs_cell_percent(page, mean((double)domain->chosen, domain->documents));
    hs_cell_count(page, domain->chosen_tokens);
    hs_cell_percent(page, mean((double)domain->chosen_tokens, domain->tokens));
    for (int c = 1; c >= 0; c--) {
        hs_cell_number(page, mean(domain->sum_tokens[c], domain->counted[c]), 1);
    }
    for (int c = 1; c >= 0; c--) {
        hs_cell_number(page, mean(domain->sum_losses[c], domain->counted[c]), 4);
    }
    hs_row_end(page);
}

static void add_selected_table(struct hs_report *report) {
    static const char *const columns[] = {"domain",
                                          "selected",
                                          "of the documents",
                                          "tokens",
                                          "of the tokens",
                                          "mean tokens, selected",
                                          "all",
                                          "mean loss, selected",
                                          "all",
                                          NULL};
    const struct hs_numbers *numbers = report->numbers;
    hs_table_begin(&report->page, "Selected documents beside all with a score", columns);
    add_selected_row(&report->page, &numbers->all, -1);
    for (size_t i = 0; i < numbers->n_domains; i++) {
        add_selected_row(&report->page, &numbers->domains[i], (int)i);
    }
    hs_table_end(&report->page);
}

/* ---- Charts ---- */

/* Which of a domain's counts a chart shows. */
enum counts { SCORES, LOSSES, LENGTHS };

static const int64_t *counts_of(const struct hs_domain_numbers *domain, enum counts what, int chosen) {
    return what == SCORES ? domain->scores[chosen] : what == LOSSES ? domain->losses[chosen] : domain->lengths[chosen];
}

/* [[all counts], [chosen counts]] of each domain. */
static json_t *counts_json(const struct hs_numbers *numbers, enum counts what, int bins) {
    json_t *domains = json_array();
    bool ok = domains != NULL;
    for (size_t d = 0; ok && d < numbers->n_domains; d++) {
        json_t *pair = json_array();
        for (int c = 0; ok && c < 2; c++) {
            const int64_t *counts = counts_of(&numbers->domains[d], what, c);
            json_t *list = json_array();
            for (int i = 0; i < bins; i++) {
                ok = json_array_append_new(list, json_integer(counts[i])) == 0 && ok;
            }
            ok = json_array_append_new(pair, list) == 0 && ok;
        }
        ok = json_array_append_new(domains, pair) == 0 && ok;
    }
    if (!ok) {
        json_decref(domains);
        return NULL;
    }
    return domains;
}

static json_t *edges_json(const struct hs_bins *bins, bool powers) {
    json_t *edges = json_array();
    bool ok = edges != NULL;
    for (int i = 0; ok && i <= bins->n; i++) {
        double edge = hs_bin_edge(bins, i);
        ok = json_array_append_new(edges, json_real(powers ? exp2(edge) : edge)) == 0;
    }
    if (!ok) {
        json_decref(edges);
        return NULL;
    }
    return edges;
}

static void add_histogram(struct hs_report *report, enum counts what, const char *id, const char *kind,
                          const char *title, const char *axis) {
    const struct hs_numbers *numbers = report->numbers;
    const struct hs_bins *bins = what == SCORES   ? &numbers->scores
                                 : what == LOSSES ? &numbers->losses
                                                  : &numbers->lengths;
    json_t *chart = hs_chart(report, id, kind, title, title);
    hs_chart_set(report, chart, "axis", json_string(axis));
    hs_chart_set(report, chart, "chosen", json_boolean(numbers->have_choice));
    hs_chart_set(report, chart, "log", json_boolean(what == LENGTHS));
    hs_chart_set(report, chart, "edges", edges_json(bins, what == LENGTHS));
    hs_chart_set(report, chart, "domains", counts_json(numbers, what, bins->n));
}

void hs_add_domains(struct hs_report *report) {
    struct hs_page *page = &report->page;
    const struct hs_numbers *numbers = report->numbers;
    if (numbers == NULL || numbers->all.scored == 0) {
        return;
    }
    hs_section_begin(report, "scores", "Scores by domain");
    hs_page_raw(page, "<p>The score is the relative rise of the loss under the mask, (masked \xE2\x88\x92 unmasked) / "
                      "unmasked. Scores compare within a domain, not across.</p>\n");
    add_filter(report);
    add_histogram(report, SCORES, "scores", "counts",
                  numbers->have_choice ? "Documents by score: outlined all, solid the selected ones"
                                       : "Documents by score",
                  "score");
    hs_page_raw(page, "<p class=\"note\">Scores beyond the 0.1 % and 99.9 % quantiles of all count in the outermost "
                      "bars.</p>\n");
    add_distribution_table(report);
    hs_section_end(page);
    if (!numbers->have_choice) {
        return;
    }
    hs_section_begin(report, "selected", "Selected against all");
    add_histogram(report, LENGTHS, "lengths", "shares",
                  "Length: share of the documents, bars of all, line of the selected ones", "tokens of a document");
    add_histogram(report, LOSSES, "losses", "shares",
                  "Unmasked loss: share of the documents, bars of all, line of the selected ones",
                  "loss, nats a token");
    add_selected_table(report);
    hs_section_end(page);
}
