/* Results of headsift compare between two or more: selections, scorings, heads.
 * Each is a table of what they share; labels are those of the files. */
#include <math.h>
#include <string.h>

#include "report/chart.h"

enum { MOST_WORDS = 30, MOST_POINTS = 1000 };

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

static double at(const json_t *list, size_t i) {
    const json_t *value = json_array_get(list, i);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static double sum_of(const json_t *list) {
    double sum = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        sum += at(list, i);
    }
    return sum;
}

static void add_lengths(struct hs_page *page, const json_t *lengths) {
    static const char *const columns[] = {"tokens of a document", "first", "second", "all documents", NULL};
    static const char *const keys[] = {"a", "b", "all"};
    const json_t *edges = json_object_get(lengths, "edges");
    if (json_array_size(edges) < 2) {
        return;
    }
    hs_table_begin(page, "Lengths: share of the documents", columns);
    for (size_t i = 0; i + 1 < json_array_size(edges) && i < HS_MOST_ROWS; i++) {
        char name[64];
        int size = snprintf(name, sizeof name, "%.0f to %.0f", fmin(at(edges, i), 1e15), fmin(at(edges, i + 1), 1e15));
        hs_row_begin(page, name, (size_t)size);
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            const json_t *counts = json_object_get(lengths, keys[k]);
            hs_cell_percent(page, at(counts, i) / sum_of(counts));
        }
        hs_row_end(page);
    }
    hs_table_end(page);
}

static void add_words(struct hs_page *page, const json_t *frequent) {
    static const char *const columns[] = {"word", "a million words of the first", "of the second", "z", NULL};
    const json_t *word;
    size_t i;
    if (json_array_size(frequent) == 0) {
        return;
    }
    hs_table_begin(page, "Words that tell the selections apart (log odds with a prior; z is their certainty)", columns);
    json_array_foreach(frequent, i, word) {
        const char *text = hs_word(word, "word");
        if (i == MOST_WORDS) {
            break;
        }
        hs_row_begin(page, text, strlen(text));
        hs_cell_number(page, hs_real(word, "a"), 0);
        hs_cell_number(page, hs_real(word, "b"), 0);
        hs_cell_number(page, hs_real(word, "z"), 1);
        hs_row_end(page);
    }
    hs_table_end(page);
}

/* Documents as points of a plane, those of the first and of the second selection. */
static void add_plane(struct hs_report *report, const json_t *pca, const char *id) {
    static const char *const sides[][2] = {{"a", "first"}, {"b", "second"}};
    if (!json_is_object(pca)) {
        return;
    }
    char name[64];
    snprintf(name, sizeof name, "%s-plane", id);
    json_t *chart = hs_chart(report, name, "scatter", "Documents by the first two principal components of their states",
                             "Scatter plot: documents of the first and of the second selection");
    for (size_t s = 0; s < 2; s++) {
        const json_t *points = json_object_get(pca, sides[s][0]), *point;
        size_t i;
        json_array_foreach(points, i, point) {
            hs_chart_xy(report, chart, at(point, 0), sides[s][1], at(point, 1));
            if (i == MOST_POINTS) {
                break;
            }
        }
    }
}

static void add_clusters(struct hs_report *report, const json_t *value, const char *id) {
    struct hs_page *page = &report->page;
    const json_t *clusters = json_object_get(value, "clusters"), *balance = json_object_get(clusters, "balance");
    if (json_is_object(clusters)) {
        hs_page_raw(page, "<p>In ");
        hs_add_count(page, json_integer_value(json_object_get(clusters, "k")));
        hs_page_raw(page, " clusters of the model's states, the balance (1: all are equal) is ");
        hs_add_number(page, hs_real(balance, "a"), 3);
        hs_page_raw(page, " for the first, ");
        hs_add_number(page, hs_real(balance, "b"), 3);
        hs_page_raw(page, " for the second; ");
        hs_add_percent(page, hs_real(clusters, "difference"));
        hs_page_raw(page, " of the documents would have to change cluster for both to be alike.</p>\n");
    }
    add_plane(report, json_object_get(value, "pca"), id);
}

static void add_selections(struct hs_report *report, const json_t *value, const char *id) {
    static const char *const columns[] = {"domain", "first", "second", "shared", "overlap", NULL};
    struct hs_page *page = &report->page;
    const json_t *documents = json_object_get(value, "documents"), *domains = json_object_get(value, "domains"),
                 *domain;
    size_t i;
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
        if (hs_rows_full(page, i, json_array_size(domains))) {
            break;
        }
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
    add_words(page, json_object_get(value, "frequent"));
    add_lengths(page, json_object_get(value, "lengths"));
    add_clusters(report, value, id);
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
    size_t i, j, shown = 0;
    json_t *chart = hs_chart(report, id, "intervals", "Rank correlation of the scores, by domain",
                             "Points: Spearman's rank correlation of each pair of scorings in each domain");
    hs_table_begin(page, "Agreement of scorings", columns);
    json_array_foreach(pairs, i, pair) {
        char name[256];
        pair_name(json_object_get(value, "scores"), pair, name, sizeof name);
        json_array_foreach(json_object_get(pair, "domains"), j, domain) {
            if (shown++ >= HS_MOST_ROWS) {
                break;
            }
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
        if (i >= HS_MOST_ROWS) {
            break;
        }
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
        if (hs_rows_full(page, i, json_array_size(pairs))) {
            break;
        }
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
