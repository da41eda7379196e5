/* Results of headsift compare between two or more: selections, scorings, heads.
 * Each is a table of what they share; labels are those of the files. */
#include <math.h>
#include <string.h>

#include "report/chart.h"

/* ---- Two selections ---- */

static void add_word_overlaps(struct hs_page *page, const json_t *value) {
    static const char *const columns[] = {"words of the documents", "overlap, by frequency", "overlap, by TF-IDF",
                                          NULL};
    const json_t *words = json_object_get(value, "words"), *tf = json_object_get(words, "tf");
    const json_t *tfidf = json_object_get(words, "tfidf"), *entry;
    size_t i;
    if (json_array_size(tf) == 0) {
        return;
    }
    hs_table_begin(page, "Overlap of the most frequent words", columns);
    json_array_foreach(tf, i, entry) {
        char name[48];
        int size = snprintf(name, sizeof name, "top %g %%", hs_real(entry, "top"));
        hs_row_begin(page, name, (size_t)size);
        hs_cell_percent(page, hs_real(entry, "overlap"));
        hs_cell_percent(page, hs_real(json_array_get(tfidf, i), "overlap"));
        hs_row_end(page);
    }
    hs_table_end(page);
}

static void add_selections(struct hs_report *report, const json_t *value, const char *id) {
    static const char *const columns[] = {"domain", "first", "second", "shared", "overlap", NULL};
    struct hs_page *page = &report->page;
    const json_t *documents = json_object_get(value, "documents"), *domains = json_object_get(value, "domains"),
                 *domain;
    size_t i;
    (void)id;
    hs_page_raw(page, "<p>First: <span class=\"name\">");
    hs_page_string(page, hs_word(json_object_get(value, "a"), "label"));
    hs_page_raw(page, "</span>; second: <span class=\"name\">");
    hs_page_string(page, hs_word(json_object_get(value, "b"), "label"));
    hs_page_raw(page, "</span>. They share ");
    hs_add_count(page, json_integer_value(json_object_get(documents, "shared")));
    hs_page_raw(page, " documents, ");
    hs_add_percent(page, hs_real(documents, "overlap"));
    hs_page_raw(page, " of the smaller one.</p>\n");
    hs_table_begin(page, "Documents of both selections", columns);
    json_array_foreach(domains, i, domain) {
        const char *name = hs_word(domain, "domain");
        name = name[0] != '\0' ? name : "(no name)";
        hs_row_begin(page, name, strlen(name));
        hs_cell_count(page, json_integer_value(json_object_get(domain, "a")));
        hs_cell_count(page, json_integer_value(json_object_get(domain, "b")));
        hs_cell_count(page, json_integer_value(json_object_get(domain, "shared")));
        hs_cell_percent(page, hs_real(domain, "overlap"));
        hs_row_end(page);
    }
    hs_table_end(page);
    add_word_overlaps(page, value);
}

/* ---- Scorings ---- */

static void pair_name(const json_t *list, const json_t *pair, char *out, size_t size) {
    const char *const sides[] = {"a", "b"};
    size_t used = 0;
    for (int i = 0; i < 2; i++) {
        const json_t *side = json_object_get(pair, sides[i]);
        const char *label = json_is_integer(side)
                                ? hs_word(json_array_get(list, (size_t)json_integer_value(side)), "label")
                                : hs_word(pair, sides[i]);
        int n = snprintf(out + used, size - used, "%s%.100s", i > 0 ? " / " : "", label);
        used += n > 0 && (size_t)n < size - used ? (size_t)n : 0;
    }
}

static void add_bands(struct hs_page *page, const json_t *pair, const char *caption) {
    static const char *const columns[] = {"tokens of a document", "documents", "rank correlation",
                                          "overlap of the top 20 %", NULL};
    const json_t *lengths = json_object_get(pair, "lengths"), *band;
    size_t i;
    if (json_array_size(lengths) == 0) {
        return;
    }
    hs_table_begin(page, caption, columns);
    json_array_foreach(lengths, i, band) {
        char name[64];
        double high = hs_real(band, "high");
        int size = isfinite(high) ? snprintf(name, sizeof name, "%.0f to %.0f", hs_real(band, "low"), high)
                                  : snprintf(name, sizeof name, "%.0f or more", hs_real(band, "low"));
        hs_row_begin(page, name, (size_t)size);
        hs_cell_count(page, json_integer_value(json_object_get(band, "documents")));
        hs_cell_number(page, hs_real(band, "spearman"), 3);
        hs_cell_percent(page, hs_real(band, "overlap"));
        hs_row_end(page);
    }
    hs_table_end(page);
}

static void add_scorings(struct hs_report *report, const json_t *value, const char *id) {
    static const char *const columns[] = {
        "scorings", "domain", "documents", "rank correlation", "overlap of the top 20 %", NULL};
    const json_t *pairs = json_object_get(value, "pairs"), *pair, *domain;
    struct hs_page *page = &report->page;
    size_t i, j;
    json_t *chart = hs_chart(report, id, "intervals", "Rank correlation of the scores, by domain",
                             "Points: Spearman's rank correlation of each pair of scorings in each domain");
    hs_table_begin(page, "Agreement of scorings", columns);
    json_array_foreach(pairs, i, pair) {
        char name[256];
        pair_name(json_object_get(value, "scores"), pair, name, sizeof name);
        json_array_foreach(json_object_get(pair, "domains"), j, domain) {
            const char *word = hs_word(domain, "domain");
            word = word[0] != '\0' ? word : "(no name)";
            hs_row_begin(page, name, strlen(name));
            hs_cell_string(page, word);
            hs_cell_count(page, json_integer_value(json_object_get(domain, "documents")));
            hs_cell_number(page, hs_real(domain, "spearman"), 3);
            hs_cell_percent(page, hs_real(domain, "overlap"));
            hs_row_end(page);
            hs_chart_point(report, chart, name, word, hs_real(domain, "spearman"), (double)NAN, (double)NAN);
        }
    }
    hs_table_end(page);
    json_array_foreach(pairs, i, pair) {
        char name[256], caption[300];
        pair_name(json_object_get(value, "scores"), pair, name, sizeof name);
        snprintf(caption, sizeof caption, "By length: %s", name);
        add_bands(page, pair, caption);
    }
}

/* ---- Heads ---- */

static void add_head_pairs(struct hs_report *report, const json_t *value, const char *id) {
    static const char *const columns[] = {"heads", "overlap of the top heads", "rank correlation", "correlation", NULL};
    const json_t *pairs = json_object_get(value, "pairs"), *pair;
    struct hs_page *page = &report->page;
    double top = hs_real(value, "top");
    size_t i;
    if (isfinite(top)) {
        hs_page_printf(page, "<p>The top heads are the first %g %% by score.</p>\n", 100 * top);
    }
    json_t *chart = hs_chart(report, id, "intervals", "Agreement of head scores",
                             "Points: overlap of the top heads and rank correlation of each pair");
    hs_table_begin(page, "Pairs of head scores", columns);
    json_array_foreach(pairs, i, pair) {
        char name[256];
        pair_name(json_object_get(value, "heads"), pair, name, sizeof name);
        hs_row_begin(page, name, strlen(name));
        hs_cell_percent(page, hs_real(pair, "overlap"));
        hs_cell_number(page, hs_real(pair, "spearman"), 3);
        hs_cell_number(page, hs_real(pair, "pearson"), 3);
        hs_row_end(page);
        hs_chart_point(report, chart, name, "overlap", hs_real(pair, "overlap"), (double)NAN, (double)NAN);
        hs_chart_point(report, chart, name, "rank correlation", hs_real(pair, "spearman"), (double)NAN, (double)NAN);
    }
    hs_table_end(page);
}

void hs_add_comparisons(struct hs_report *report) {
    static const struct {
        const char *kind, *id, *title;
        void (*add)(struct hs_report *report, const json_t *value, const char *id);
    } kinds[] = {
        {"compare-selections", "selections", "Two selections", add_selections},
        {"compare-scores", "scorings", "Agreement of scorings", add_scorings},
        {"compare-heads", "head-pairs", "Agreement of heads", add_head_pairs},
    };
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        int number = 0;
        for (size_t i = 0; i < report->folder->n_results; i++) {
            const struct hs_result *result = &report->folder->results[i];
            char id[48];
            if (strcmp(result->kind, kinds[k].kind) != 0) {
                continue;
            }
            if (number == 0) {
                hs_section_begin(report, kinds[k].id, kinds[k].title);
            }
            hs_page_raw(&report->page, "<h3 class=\"name\">");
            hs_page_string(&report->page, result->name);
            hs_page_raw(&report->page, "</h3>\n");
            snprintf(id, sizeof id, "%s-%d", kinds[k].id, number++);
            kinds[k].add(report, result->value, id);
        }
        if (number > 0) {
            hs_section_end(&report->page);
        }
    }
}
