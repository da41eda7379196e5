/* Results of headsift compare on one selection: how far simpler ways choose the same documents, and how much of the
 * ranking length, loss and repetition explain. */
#include <math.h>
#include <string.h>

#include "report/chart.h"

static void add_domains(struct hs_page *page, const json_t *baselines) {
    static const char *const columns[] = {"baseline",           "domain", "selected documents", "same documents",
                                          "expected by chance", NULL};
    const json_t *baseline, *domain;
    size_t i, d, shown = 0;
    hs_table_begin(page, "Baselines by domain", columns);
    json_array_foreach(baselines, i, baseline) {
        json_array_foreach(json_object_get(baseline, "domains"), d, domain) {
            if (shown++ >= HS_MOST_ROWS) {
                break;
            }
            const char *name = hs_word(baseline, "name"), *word = hs_word(domain, "domain");
            hs_row_begin(page, name, strlen(name));
            hs_cell_string(page, word[0] != '\0' ? word : "(no name)");
            hs_cell_count(page, json_integer_value(json_object_get(domain, "n")));
            hs_cell_percent(page, hs_real(domain, "overlap"));
            hs_cell_percent(page, hs_real(domain, "expected"));
            hs_row_end(page);
        }
    }
    hs_table_end(page);
}

static void add_baselines(struct hs_report *report, const json_t *value, const char *id) {
    static const char *const columns[] = {"baseline", "same documents", "expected by chance", NULL};
    const json_t *baselines = json_object_get(value, "baselines"), *baseline;
    struct hs_page *page = &report->page;
    size_t i;
    if (json_array_size(baselines) == 0) {
        return;
    }
    json_t *chart = hs_chart(report, id, "intervals", "Share of the selected documents that a baseline selects too",
                             "Points: overlap of the selection with each baseline, and what chance would give");
    hs_table_begin(page, "Baselines on the same budget", columns);
    json_array_foreach(baselines, i, baseline) {
        if (hs_rows_full(page, i, json_array_size(baselines))) {
            break;
        }
        const char *name = hs_word(baseline, "name");
        hs_row_begin(page, name, strlen(name));
        hs_cell_percent(page, hs_real(baseline, "overlap"));
        hs_cell_percent(page, hs_real(baseline, "expected"));
        hs_row_end(page);
        hs_chart_point(report, chart, name, "same documents", hs_real(baseline, "overlap"), (double)NAN, (double)NAN);
        hs_chart_point(report, chart, name, "by chance", hs_real(baseline, "expected"), (double)NAN, (double)NAN);
    }
    hs_table_end(page);
    hs_chart_set(report, chart, "percent", json_true());
    add_domains(page, baselines);
}

static void add_explained(struct hs_report *report, const json_t *value, const char *id) {
    static const char *const columns[] = {"domain",   "documents", "length",    "loss", "repetition",
                                          "position", "all four",  "by chance", NULL};
    const json_t *rows = json_object_get(value, "explained"), *row;
    struct hs_page *page = &report->page;
    size_t i;
    if (json_array_size(rows) == 0) {
        return;
    }
    hs_page_raw(page,
                "<h4>What explains the ranking</h4>\n<p>Share of the variance of the ranks (R\xC2\xB2) that a linear "
                "fit by the ranks of each of these explains: a high score may only mean repetition, or a low "
                "unmasked loss.</p>\n");
    json_t *chart =
        hs_chart(report, id, "intervals", "How much of the ranking each explains",
                 "Points: share of the ranking that length, loss, repetition and position explain, by domain");
    hs_table_begin(page, "Explained share of the ranking", columns);
    json_array_foreach(rows, i, row) {
        if (hs_rows_full(page, i, json_array_size(rows))) {
            break;
        }
        const char *name = hs_word(row, "domain");
        name = name[0] != '\0' ? name : "(no name)";
        hs_row_begin(page, name, strlen(name));
        hs_cell_count(page, json_integer_value(json_object_get(row, "documents")));
        static const char *const keys[] = {"length", "loss", "repetition", "position", "all"};
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            hs_cell_percent(page, hs_real(row, keys[k]));
            hs_chart_point(report, chart, name, strcmp(keys[k], "all") == 0 ? "all four" : keys[k],
                           hs_real(row, keys[k]), (double)NAN, (double)NAN);
        }
        hs_cell_percent(page, hs_real(row, "by_chance"));
        hs_row_end(page);
    }
    hs_table_end(page);
    hs_chart_set(report, chart, "percent", json_true());
}

static void add_correlations(struct hs_report *report, const json_t *value) {
    static const char *const columns[] = {"domain",           "length",          "loss", "position", "compression",
                                          "repeated n-grams", "duplicate lines", NULL};
    static const char *const keys[] = {"length",          "loss",           "position", "compression",
                                       "repeated_ngrams", "duplicate_lines"};
    const json_t *rows = json_object_get(value, "explained"), *row;
    struct hs_page *page = &report->page;
    size_t i;
    if (json_array_size(rows) == 0) {
        return;
    }
    hs_table_begin(page, "Rank correlation of the score with", columns);
    json_array_foreach(rows, i, row) {
        if (hs_rows_full(page, i, json_array_size(rows))) {
            break;
        }
        const char *name = hs_word(row, "domain");
        hs_row_begin(page, name[0] != '\0' ? name : "(no name)", strlen(name[0] != '\0' ? name : "(no name)"));
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            hs_cell_number(page, hs_real(json_object_get(row, "spearman"), keys[k]), 2);
        }
        hs_row_end(page);
    }
    hs_table_end(page);
}

static void add_words(struct hs_page *page, const json_t *words) {
    size_t i;
    json_t *word;
    hs_page_raw(page, "<td class=\"words\">");
    json_array_foreach(words, i, word) {
        const char *text = json_is_object(word) ? hs_word(word, "word") : json_string_value(word);
        hs_page_raw(page, i > 0 && text != NULL ? ", " : "");
        hs_page_string(page, text);
    }
    hs_page_raw(page, "</td>");
}

static void add_bands(struct hs_report *report, const json_t *value) {
    static const char *const columns[] = {"ranks",       "documents",        "tokens",          "loss",
                                          "compression", "repeated n-grams", "duplicate lines", "frequent words",
                                          NULL};
    const json_t *bands = json_object_get(value, "bands"), *band;
    struct hs_page *page = &report->page;
    size_t i;
    if (json_array_size(bands) == 0) {
        return;
    }
    hs_page_raw(page, "<h4>By rank</h4>\n");
    hs_table_begin(page, "Bands of ranks, from the highest score: means", columns);
    json_array_foreach(bands, i, band) {
        if (hs_rows_full(page, i, json_array_size(bands))) {
            break;
        }
        const char *name = hs_word(band, "band");
        hs_row_begin(page, name, strlen(name));
        hs_cell_count(page, json_integer_value(json_object_get(band, "documents")));
        hs_cell_number(page, hs_real(band, "tokens"), 0);
        hs_cell_number(page, hs_real(band, "loss"), 3);
        hs_cell_number(page, hs_real(band, "compression"), 3);
        hs_cell_number(page, hs_real(band, "repeated_ngrams"), 3);
        hs_cell_number(page, hs_real(band, "duplicate_lines"), 3);
        add_words(page, json_object_get(band, "words"));
        hs_row_end(page);
    }
    hs_table_end(page);
}

void hs_add_baselines(struct hs_report *report) {
    int number = 0;
    for (size_t i = 0; i < report->folder->n_results; i++) {
        const struct hs_result *result = &report->folder->results[i];
        char id[48];
        if (strcmp(result->kind, "compare-baselines") != 0) {
            continue;
        }
        if (number == 0) {
            hs_section_begin(report, "baselines", "Against simpler ways to choose");
        }
        hs_page_raw(&report->page, "<h3 class=\"name\">");
        hs_page_string(&report->page, result->name);
        hs_page_raw(&report->page, "</h3>\n");
        snprintf(id, sizeof id, "baselines-%d", number);
        add_baselines(report, result->value, id);
        snprintf(id, sizeof id, "explained-%d", number);
        add_explained(report, result->value, id);
        add_correlations(report, result->value);
        add_bands(report, result->value);
        number++;
    }
    if (number > 0) {
        hs_section_end(&report->page);
    }
}
