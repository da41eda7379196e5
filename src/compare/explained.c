/* How much of a domain's ranking follows from length, base loss, repetition and the place in the file: least squares on
 * ranks, each alone and all together, and Spearman's correlation of each. By the sample. */
#include <math.h>
#include <string.h>

#include "base/statistics.h"
#include "base/text.h"
#include "compare/baselines.h"
#include "compare/print.h"

/* Columns of ranks: what is one thing stands side by side. */
enum { LENGTH, LOSS, COMPRESSION, NGRAMS, LINES, POSITION, COLUMNS };
static const char *const column_names[COLUMNS] = {"length",          "loss",    "compression", "repeated_ngrams",
                                                  "duplicate_lines", "position"};
static const struct {
    const char *name;
    int first, n;
} causes[] = {{"length", LENGTH, 1},
              {"loss", LOSS, 1},
              {"repetition", COMPRESSION, 3},
              {"position", POSITION, 1},
              {"all", 0, COLUMNS}};
enum { CAUSES = sizeof causes / sizeof *causes, ALL = CAUSES - 1 };

/* One domain. */
struct explained {
    size_t n;
    double r2[CAUSES], spearman[COLUMNS];
};

static double value_of(const struct hs_scored *row, const struct hs_facts *facts, int column) {
    switch (column) {
    case LENGTH:
        return (double)row->tokens;
    case LOSS:
        return row->loss;
    case COMPRESSION:
        return facts->repetition.compression;
    case NGRAMS:
        return facts->repetition.repeated_ngrams;
    case LINES:
        return facts->repetition.duplicate_lines;
    default:
        return facts->position;
    }
}

/* ranks: COLUMNS columns and then the scores', each n long; values: room for n. */
static headsift_status fill_ranks(const struct hs_baselines *all, size_t first, size_t n, double *values, double *ranks,
                                  headsift_error *error) {
    for (int column = 0; column <= COLUMNS; column++) {
        for (size_t i = 0; i < n; i++) {
            size_t at = all->order[first + i];
            const struct hs_scored *row = &all->sample.items[at].row;
            values[i] = column < COLUMNS ? value_of(row, &all->facts[at], column) : row->score;
        }
        HS_TRY(hs_mean_ranks(values, n, ranks + (size_t)column * n, error));
    }
    return HEADSIFT_OK;
}

static headsift_status explain(const struct hs_baselines *all, int32_t domain, struct explained *out,
                               headsift_error *error) {
    size_t first = all->first_of[domain], n = out->n = all->first_of[domain + 1] - first;
    double *values = hs_alloc((COLUMNS + 2) * n, sizeof *values), *ranks = values + n;
    if (values == NULL) {
        return hs_fail_memory(error, "ranks", (COLUMNS + 2) * n * sizeof *values);
    }
    headsift_status status = fill_ranks(all, first, n, values, ranks, error);
    const double *scores = ranks + COLUMNS * n;
    for (int i = 0; status == HEADSIFT_OK && i < CAUSES; i++) {
        status = hs_explained(ranks + (size_t)causes[i].first * n, (size_t)causes[i].n, scores, n, &out->r2[i], error);
    }
    for (size_t column = 0; column < COLUMNS; column++) {
        out->spearman[column] = hs_pearson(ranks + column * n, scores, n);
    }
    hs_free(values);
    return status;
}

static json_t *explained_json(const struct hs_domain *domain, const struct explained *explained) {
    json_t *spearman = json_object();
    json_t *object = json_pack("{s:s%, s:I, s:f, s:o}", "domain", domain->name, domain->name_size, "documents",
                               (json_int_t)explained->n, "by_chance", (double)COLUMNS / (double)(explained->n - 1),
                               "spearman", spearman);
    for (int i = 0; i < CAUSES; i++) {
        json_object_set_new(object, causes[i].name, hs_compare_number(explained->r2[i]));
    }
    for (int i = 0; i < COLUMNS; i++) {
        json_object_set_new(spearman, column_names[i], hs_compare_number(explained->spearman[i]));
    }
    return object;
}

static void print_words(const struct hs_domain *domain, const struct explained *explained, FILE *out) {
    char name[256];
    hs_escape_line(domain->name, domain->name_size, name, sizeof name);
    if (!isfinite(explained->r2[ALL])) {
        fprintf(out, "In domain \"%s\" all scores are equal: there is no ranking to explain.\n", name);
        return;
    }
    fprintf(out,
            "In domain \"%s\" length, base loss, repetition and place in the file together explain %.0f %% of the "
            "ranking\n  (chance: %.1f %%; alone: length %.0f %%, base loss %.0f %%, repetition %.0f %%, place %.0f %%; "
            "%zu documents).\n",
            name, 100 * explained->r2[ALL], 100.0 * COLUMNS / (double)(explained->n - 1), 100 * explained->r2[0],
            100 * explained->r2[1], 100 * explained->r2[2], 100 * explained->r2[3], explained->n);
}

static void print_spearman(const struct explained *explained, FILE *out) {
    static const char *const shown[COLUMNS] = {"length",           "base loss",       "compression",
                                               "repeated 3-grams", "duplicate lines", "place"};
    fprintf(out, "  Spearman with the score:");
    for (int i = 0; i < COLUMNS; i++) {
        const char *after = i + 1 < COLUMNS ? "," : "\n";
        if (isfinite(explained->spearman[i])) {
            fprintf(out, " %s %+.2f%s", shown[i], explained->spearman[i], after);
        } else {
            fprintf(out, " %s -%s", shown[i], after); /* the same in all documents */
        }
    }
}

headsift_status hs_explained_add(const struct hs_baselines *all, json_t *result, headsift_error *error) {
    json_t *list = json_array();
    FILE *out = all->compare->out;
    if (json_object_set_new(result, "explained", list) != 0) {
        return hs_fail_memory(error, "a comparison", 1);
    }
    if (out != NULL) {
        fputc('\n', out);
    }
    for (size_t i = 0; i < all->n_domains; i++) {
        int32_t number = all->domains[i];
        const struct hs_domain *domain = &all->side.selection.domains[number];
        if (all->first_of[number + 1] - all->first_of[number] < HS_LEAST_SAMPLED) {
            continue;
        }
        struct explained explained;
        HS_TRY(explain(all, number, &explained, error));
        json_array_append_new(list, explained_json(domain, &explained));
        if (out != NULL) {
            print_words(domain, &explained, out);
            print_spearman(&explained, out);
        }
    }
    return HEADSIFT_OK;
}
