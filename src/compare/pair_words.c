/* The words of two selections: how much their most frequent ones overlap, by counts and by TF-IDF, and the words that
 * one has more than the other. By samples of their documents. */
#include <string.h>

#include "base/text.h"
#include "compare/print.h"
#include "compare/selections.h"
#include "compare/words.h"

enum { TOPS = 3, MARKED = 25, SHOWN = 12 };
static const int tops[TOPS] = {10, 20, 50}; /* % */

/* The texts of one side on their way into the words. */
struct reading {
    struct hs_words *words;
    size_t group;
};

static headsift_status take_text(void *user, size_t number, const char *text, size_t size, headsift_error *error) {
    const struct reading *reading = user;
    (void)number;
    return hs_words_add(reading->words, reading->group, text, size, error);
}

/* ---- Overlaps ---- */

static headsift_status overlaps(const struct hs_words *words, bool idf, double out[TOPS], headsift_error *error) {
    struct hs_weighed *lists[2] = {0};
    size_t n[2] = {0};
    headsift_status status = hs_words_order(words, 0, idf, &lists[0], &n[0], error);
    if (status == HEADSIFT_OK) {
        status = hs_words_order(words, 1, idf, &lists[1], &n[1], error);
    }
    for (int i = 0; status == HEADSIFT_OK && i < TOPS; i++) {
        status = hs_words_overlap(words, lists[0], n[0], lists[1], n[1], tops[i] / 100.0, &out[i], error);
    }
    hs_free(lists[0]);
    hs_free(lists[1]);
    return status;
}

static json_t *overlaps_json(const double values[TOPS]) {
    json_t *list = json_array();
    for (int i = 0; i < TOPS; i++) {
        json_array_append_new(list, json_pack("{s:i, s:o}", "top", tops[i], "overlap", hs_compare_number(values[i])));
    }
    return list;
}

/* ---- Words of one side ---- */

static json_t *marked_json(const struct hs_words *words, const struct hs_weighed *marked, size_t group) {
    double z, odds = hs_words_log_odds(words, marked->word, group, &z);
    return json_pack("{s:o, s:s, s:f, s:f, s:f, s:f}", "word", hs_words_text(words, marked->word), "side",
                     group == 0 ? "a" : "b", "a", hs_words_per_million(words, marked->word, 0), "b",
                     hs_words_per_million(words, marked->word, 1), "log_odds", odds, "z", z);
}

static void print_marked(const struct hs_words *words, const struct hs_weighed *marked, size_t n, FILE *out) {
    for (size_t i = 0; i < n && i < SHOWN; i++) {
        const struct hs_word *word = &words->items[marked[i].word];
        char line[4 * HS_WORD_BYTES];
        hs_escape_line(words->bytes.data + word->at, word->size, line, sizeof line);
        fprintf(out, " %s", line);
    }
    fputc('\n', out);
}

static headsift_status add_marked(const struct hs_words *words, size_t group, json_t *list, FILE *out,
                                  headsift_error *error) {
    struct hs_weighed *marked = NULL;
    size_t n;
    HS_TRY(hs_words_marked(words, group, MARKED, &marked, &n, error));
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(list, marked_json(words, &marked[i], group));
    }
    if (out != NULL) {
        fprintf(out, "more in %s:", group == 0 ? "a" : "b");
        print_marked(words, marked, n, out);
    }
    hs_free(marked);
    return HEADSIFT_OK;
}

/* ---- The whole ---- */

static void print_overlaps(FILE *out, const char *name, const double values[TOPS]) {
    fprintf(out, "%-*s", HS_NAME_CELLS, name);
    for (int i = 0; i < TOPS; i++) {
        hs_print_percent(out, values[i]);
    }
    fputc('\n', out);
}

static headsift_status compare_words(struct hs_pair *pair, struct hs_words *words, json_t *result,
                                     headsift_error *error) {
    for (size_t side = 0; side < 2; side++) {
        struct reading reading = {words, side};
        HS_TRY(hs_side_texts(&pair->sides[side], &pair->samples[side], take_text, &reading, error));
    }
    double tf[TOPS], tfidf[TOPS];
    FILE *out = pair->compare->out;
    HS_TRY(overlaps(words, false, tf, error));
    HS_TRY(overlaps(words, true, tfidf, error));
    if (out != NULL) {
        fprintf(out, "\nwords of %zu and %zu documents (%lld and %lld; %zu different ones)\n", pair->samples[0].n,
                pair->samples[1].n, (long long)words->totals[0], (long long)words->totals[1], words->n);
        fprintf(out, "%-*s %9s %9s %9s\n", HS_NAME_CELLS, "overlap of the words", "top 10 %", "top 20 %", "top 50 %");
        print_overlaps(out, "by frequency", tf);
        print_overlaps(out, "by TF-IDF", tfidf);
    }
    json_t *frequent = json_array();
    json_object_set_new(result, "words",
                        json_pack("{s:[I, I], s:I, s:o, s:o}", "documents", (json_int_t)pair->samples[0].n,
                                  (json_int_t)pair->samples[1].n, "different", (json_int_t)words->n, "tf",
                                  overlaps_json(tf), "tfidf", overlaps_json(tfidf)));
    if (json_object_set_new(result, "frequent", frequent) != 0) {
        return hs_fail_memory(error, "a comparison", 1);
    }
    HS_TRY(add_marked(words, 0, frequent, out, error));
    return add_marked(words, 1, frequent, out, error);
}

headsift_status hs_pair_words(struct hs_pair *pair, json_t *result, headsift_error *error) {
    struct hs_words words;
    HS_TRY(hs_words_open(2, &words, error));
    headsift_status status = compare_words(pair, &words, result, error);
    hs_words_free(&words);
    return status;
}
