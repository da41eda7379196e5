/* The heads: a map of all scores, the chosen ones, what masking them does to the probe, how the scores settle.
 * heads.json has it all; what it lacks is left out. */
#include <math.h>
#include <string.h>

#include "report/chart.h"

enum { MOST_CELLS = 40000 }; /* a map with more could not be seen, and takes long to draw */

/* Rank of a head among the chosen ones, from 1; 0: it isn't. */
static int rank_of(const headsift_heads *heads, int32_t layer, int32_t head) {
    for (size_t i = 0; i < heads->n_heads; i++) {
        if (heads->heads[i].layer == layer && heads->heads[i].head == head) {
            return (int)i + 1;
        }
    }
    return 0;
}

static void add_map(struct hs_report *report) {
    const headsift_heads *heads = report->folder->heads;
    if (heads->scores == NULL || heads->n_layer <= 0 || heads->n_head <= 0 ||
        heads->n_layer > MOST_CELLS / heads->n_head) {
        return;
    }
    double most = heads->scores[0];
    for (int32_t i = 1; i < heads->n_layer * heads->n_head; i++) {
        most = heads->scores[i] > most ? heads->scores[i] : most;
    }
    char title[128];
    snprintf(title, sizeof title, "Score of each head: the strongest colour is %.3f. A cross marks the chosen ones",
             most);
    json_t *chart =
        hs_chart(report, "heads", "heat", title,
                 "Heat map: a row for each layer, a column for each query head, a stronger colour is a higher score; "
                 "chosen heads have a cross");
    json_t *rows = json_object_get(chart, "rows");
    for (int32_t i = 0; i < heads->n_layer * heads->n_head; i++) {
        int32_t layer = i / heads->n_head, head = i % heads->n_head;
        json_t *row = json_pack("[i, i, f, i]", layer, head, heads->scores[i], rank_of(heads, layer, head));
        report->page.failed = json_array_append_new(rows, row) != 0 || report->page.failed;
    }
    hs_chart_set(report, chart, "layers", json_integer(heads->n_layer));
    hs_chart_set(report, chart, "heads", json_integer(heads->n_head));
}

static void add_chosen(struct hs_report *report) {
    static const char *const columns[] = {"rank", "layer", "head", "score", NULL}, *const more[] = {
                                                                                       "rank",  "layer",       "head",
                                                                                       "score", "also chosen", NULL};
    const json_t *firm = json_object_get(json_object_get(report->folder->heads_json, "bootstrap"), "heads");
    const headsift_heads *heads = report->folder->heads;
    struct hs_page *page = &report->page;
    hs_table_begin(page, "The chosen heads, best first; counted from 0", firm != NULL ? more : columns);
    for (size_t i = 0; i < heads->n_heads && !hs_rows_full(page, i, heads->n_heads); i++) {
        const headsift_head *head = &heads->heads[i];
        char rank[32];
        int size = snprintf(rank, sizeof rank, "%zu", i + 1);
        hs_row_begin(page, rank, (size_t)size);
        hs_cell_count(page, head->layer);
        hs_cell_count(page, head->head);
        hs_cell_number(
            page, heads->scores != NULL ? heads->scores[head->layer * heads->n_head + head->head] : (double)NAN, 4);
        if (firm != NULL) {
            const json_t *share = json_array_get(firm, i);
            hs_cell_percent(page, json_is_number(share) ? json_number_value(share) : (double)NAN);
        }
        hs_row_end(page);
    }
    hs_table_end(page);
}

/* How firm the choice is, where the search for heads has asked. */
static void add_firmness(struct hs_report *report) {
    const json_t *bootstrap = json_object_get(report->folder->heads_json, "bootstrap");
    struct hs_page *page = &report->page;
    if (!json_is_object(bootstrap)) {
        return;
    }
    hs_page_raw(page, "<p>Chosen again on ");
    hs_add_count(page, json_integer_value(json_object_get(bootstrap, "resamples")));
    hs_page_raw(page, " resamples of the probe, ");
    hs_add_percent(page, hs_real(bootstrap, "overlap"));
    hs_page_raw(page, " of the heads are the same in the mean; <q>also chosen</q> is the share of the resamples that "
                      "choose a head, too.</p>\n");
}

static void add_effect_row(struct hs_report *report, json_t *chart, const char *name, double value, double low,
                           double high) {
    struct hs_page *page = &report->page;
    hs_row_begin(page, name, strlen(name));
    hs_cell_number(page, value, 4);
    hs_cell_number(page, low, 4);
    hs_cell_number(page, high, 4);
    hs_row_end(page);
    hs_chart_point(report, chart, name, "answer loss", value, low, high);
}

static void add_effect(struct hs_report *report) {
    static const char *const columns[] = {"heads", "answer loss (nats a token)", "lowest draw", "highest draw", NULL};
    const headsift_effect *effect = &report->folder->heads->effect;
    struct hs_page *page = &report->page;
    if (effect->draws == 0) {
        hs_page_raw(page, "<h3>Effect on the probe</h3>\n<p>Not measured.</p>\n");
        return;
    }
    hs_page_printf(
        page,
        "<h3>Effect on the probe</h3>\n<p>Mean loss of the answer on %d samples of the retrieval task: "
        "unmasked, with the chosen heads masked, and with as many random other heads masked (%d draws).</p>\n",
        effect->samples, effect->draws);
    json_t *chart =
        hs_chart(report, "effect", "intervals", "Answer loss (nats a token); bars are the range of the draws",
                 "Points: answer loss unmasked, with the chosen heads masked, with random heads masked");
    hs_table_begin(page, "Effect of the mask on the probe", columns);
    add_effect_row(report, chart, "none masked", effect->unmasked, (double)NAN, (double)NAN);
    add_effect_row(report, chart, "chosen heads masked", effect->masked, (double)NAN, (double)NAN);
    add_effect_row(report, chart, "random heads masked", effect->random_mean, effect->random_low, effect->random_high);
    hs_table_end(page);
}

static void add_settling(struct hs_report *report) {
    static const char *const columns[] = {"samples", "overlap of the top heads", "rank correlation", NULL};
    const json_t *settling = json_object_get(report->folder->heads_json, "settling"), *entry;
    struct hs_page *page = &report->page;
    size_t i;
    if (json_array_size(settling) == 0) {
        return;
    }
    hs_page_raw(page, "<h3>How the scores settle</h3>\n<p>The ranking after so many samples of the probe against that "
                      "of all of them.</p>\n");
    json_t *chart = hs_chart(report, "settling", "lines", "Agreement with the ranking by all samples",
                             "Lines: overlap of the top heads and rank correlation, by number of samples");
    hs_chart_set(report, chart, "axis", json_string("samples of the probe"));
    hs_table_begin(page, "Settling of the scores", columns);
    json_array_foreach(settling, i, entry) {
        if (hs_rows_full(page, i, json_array_size(settling))) {
            break;
        }
        char name[32];
        double samples = hs_real(entry, "samples");
        int size = snprintf(name, sizeof name, "%.0f", samples);
        hs_row_begin(page, name, (size_t)size);
        hs_cell_percent(page, hs_real(entry, "overlap"));
        hs_cell_number(page, hs_real(entry, "spearman"), 3);
        hs_row_end(page);
        hs_chart_xy(report, chart, samples, "overlap", hs_real(entry, "overlap"));
        hs_chart_xy(report, chart, samples, "rank correlation", hs_real(entry, "spearman"));
    }
    hs_table_end(page);
}

void hs_add_heads(struct hs_report *report) {
    if (report->folder->heads == NULL) {
        return;
    }
    hs_section_begin(report, "heads", "Heads");
    hs_page_raw(&report->page, "<div class=\"pair\">\n");
    add_map(report);
    add_chosen(report);
    hs_page_raw(&report->page, "</div>\n");
    add_firmness(report);
    add_effect(report);
    add_settling(report);
    hs_section_end(&report->page);
}
