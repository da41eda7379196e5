/* Documents of a sample by their rank: bands from the top percent to the lower half of each domain, with how much their
 * texts repeat themselves, their losses and lengths, and the words that mark them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "compare/baselines.h"
#include "compare/print.h"

enum { MARKED = 10, SHOWN = 8 };

static const struct {
    const char *name;
    double end; /* share of the domain's documents */
} bands[HS_BANDS] = {{"0-1%", 0.01}, {"1-5%", 0.05}, {"5-20%", 0.20}, {"20-50%", 0.50}, {"50-100%", 1.0}};

/* ---- Ranks ---- */

/* A document of the sample with what it is ordered by; equal ones stay in the order of files and rows. */
struct placed {
    int32_t domain;
    double score;
    size_t at;
};

static int by_rank(const void *left, const void *right) {
    const struct placed *a = left, *b = right;
    if (a->domain != b->domain) {
        return a->domain < b->domain ? -1 : 1;
    }
    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }
    return (a->at > b->at) - (a->at < b->at);
}

static int band_of(size_t place, size_t n) {
    int band = 0;
    while (band + 1 < HS_BANDS && ((double)place + 0.5) / (double)n >= bands[band].end) {
        band++;
    }
    return band;
}

static headsift_status sort_sample(struct hs_baselines *all, struct placed *placed) {
    size_t n = all->sample.n;
    for (size_t i = 0; i < n; i++) {
        placed[i] = (struct placed){all->sample.items[i].row.domain, all->sample.items[i].row.score, i};
    }
    qsort(placed, n, sizeof *placed, by_rank);
    for (size_t i = 0; i < n; i++) {
        all->order[i] = placed[i].at;
        all->first_of[placed[i].domain + 1]++;
    }
    for (size_t d = 0; d < all->side.selection.n_domains; d++) {
        all->first_of[d + 1] += all->first_of[d];
    }
    return HEADSIFT_OK;
}

headsift_status hs_bands_assign(struct hs_baselines *all, headsift_error *error) {
    size_t n = all->sample.n, domains = all->side.selection.n_domains;
    struct placed *placed = hs_alloc(n, sizeof *placed);
    all->facts = hs_alloc(n, sizeof *all->facts);
    all->order = hs_alloc(n, sizeof *all->order);
    all->first_of = hs_alloc(domains + 1, sizeof *all->first_of);
    if (placed == NULL || all->facts == NULL || all->order == NULL || all->first_of == NULL) {
        hs_free(placed);
        return hs_fail_memory(error, "the sample", n * sizeof *placed);
    }
    headsift_status status = sort_sample(all, placed);
    hs_free(placed);
    for (size_t d = 0; d < domains; d++) {
        size_t first = all->first_of[d], of_domain = all->first_of[d + 1] - first;
        for (size_t i = 0; i < of_domain; i++) {
            all->facts[all->order[first + i]].band = band_of(i, of_domain);
        }
    }
    return status;
}

/* ---- Texts ---- */

/* The texts on their way through the meter and into the words. */
struct reading {
    struct hs_baselines *all;
    struct hs_repetition_meter *meter;
};

static headsift_status take_text(void *user, size_t number, const char *text, size_t size, headsift_error *error) {
    struct reading *reading = user;
    struct hs_baselines *all = reading->all;
    const struct hs_scored *row = &all->sample.items[number].row;
    struct hs_facts *facts = &all->facts[number];
    int64_t last = all->side.selection.sources[row->source].last_row;
    facts->position = last > 0 ? (double)row->row / (double)last : 0;
    HS_TRY(hs_repetition_measure(reading->meter, text, size, &facts->repetition, error));
    return hs_words_add(&all->words, (size_t)facts->band, text, size, error);
}

headsift_status hs_bands_read(struct hs_baselines *all, headsift_error *error) {
    struct reading reading = {.all = all};
    HS_TRY(hs_words_open(HS_BANDS, &all->words, error));
    HS_TRY(hs_repetition_open(&reading.meter, error));
    headsift_status status = hs_side_texts(&all->side, &all->sample, take_text, &reading, error);
    hs_repetition_close(reading.meter);
    return status;
}

/* ---- The result ---- */

/* Sums over the documents of a band. */
struct sums {
    double n, compression, ngrams, lines, loss, tokens;
};

static void sum_up(const struct hs_baselines *all, struct sums sums[HS_BANDS]) {
    for (size_t i = 0; i < all->sample.n; i++) {
        const struct hs_facts *facts = &all->facts[i];
        struct sums *sum = &sums[facts->band];
        sum->n++;
        sum->compression += facts->repetition.compression;
        sum->ngrams += facts->repetition.repeated_ngrams;
        sum->lines += facts->repetition.duplicate_lines;
        sum->loss += all->sample.items[i].row.loss;
        sum->tokens += (double)all->sample.items[i].row.tokens;
    }
}

static void print_band(const struct hs_baselines *all, size_t band, const struct sums *sum,
                       const struct hs_weighed *marked, size_t n, FILE *out) {
    fprintf(out, "%-8s %9.0f", bands[band].name, sum->n);
    hs_print_real(out, sum->tokens / sum->n, 0);
    hs_print_real(out, sum->loss / sum->n, 3);
    hs_print_real(out, sum->compression / sum->n, 2);
    hs_print_percent(out, sum->ngrams / sum->n);
    hs_print_percent(out, sum->lines / sum->n);
    for (size_t i = 0; i < n && i < SHOWN; i++) {
        const struct hs_word *word = &all->words.items[marked[i].word];
        char line[4 * HS_WORD_BYTES];
        hs_escape_line(all->words.bytes.data + word->at, word->size, line, sizeof line);
        fprintf(out, "%s%s", i == 0 ? "  " : " ", line);
    }
    fputc('\n', out);
}

static json_t *band_json(const struct hs_baselines *all, size_t band, const struct sums *sum,
                         const struct hs_weighed *marked, size_t n) {
    json_t *words = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(words, hs_words_text(&all->words, marked[i].word));
    }
    return json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "band", bands[band].name, "documents",
                     (json_int_t)sum->n, "tokens", hs_compare_number(sum->tokens / sum->n), "loss",
                     hs_compare_number(sum->loss / sum->n), "compression", hs_compare_number(sum->compression / sum->n),
                     "repeated_ngrams", hs_compare_number(sum->ngrams / sum->n), "duplicate_lines",
                     hs_compare_number(sum->lines / sum->n), "words", words);
}

json_t *hs_bands_json(const struct hs_baselines *all, headsift_error *error) {
    struct sums sums[HS_BANDS] = {0};
    json_t *list = json_array();
    FILE *out = all->compare->out;
    sum_up(all, sums);
    if (out != NULL) {
        fprintf(out, "\n%-8s %9s %9s %9s %9s %9s %9s  %s\n", "rank", "documents", "tokens", "base loss", "compress.",
                "3-grams", "lines", "words that mark them");
    }
    for (size_t band = 0; band < HS_BANDS; band++) {
        struct hs_weighed *marked = NULL;
        size_t n;
        if (hs_words_marked(&all->words, band, MARKED, &marked, &n, error) != HEADSIFT_OK) {
            json_decref(list);
            return NULL;
        }
        if (out != NULL) {
            print_band(all, band, &sums[band], marked, n, out);
        }
        json_array_append_new(list, band_json(all, band, &sums[band], marked, n));
        hs_free(marked);
    }
    return list;
}
