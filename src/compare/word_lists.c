/* Ordered lists of counted words: the most frequent of a group, what two groups' lists share, and what marks a group.
 * Ties go by the words' bytes, so that the same texts give the same lists. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare/words.h"

/* A word being sorted. */
struct sorted {
    struct hs_weighed weighed;
    const char *text;
    size_t size;
};

static int by_weight(const void *left, const void *right) {
    const struct sorted *a = left, *b = right;
    if (a->weighed.weight != b->weighed.weight) {
        return a->weighed.weight > b->weighed.weight ? -1 : 1;
    }
    int order = memcmp(a->text, b->text, a->size < b->size ? a->size : b->size);
    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

typedef double (*weigh_fn)(const struct hs_words *words, size_t word, size_t group);

static double by_count(const struct hs_words *words, size_t word, size_t group) {
    return (double)words->counts[word * words->groups + group];
}

static double by_tfidf(const struct hs_words *words, size_t word, size_t group) {
    return by_count(words, word, group) * hs_words_idf(words, word);
}

static double by_odds(const struct hs_words *words, size_t word, size_t group) {
    double z;
    hs_words_log_odds(words, word, group, &z);
    return z;
}

/* The first `most` of those with a weight above 0. */
static headsift_status list_words(const struct hs_words *words, size_t group, weigh_fn weigh, size_t most,
                                  struct hs_weighed **out, size_t *n, headsift_error *error) {
    *out = NULL;
    *n = 0;
    struct sorted *all = hs_alloc(words->n, sizeof *all);
    if (all == NULL) {
        return hs_fail_memory(error, "the words", words->n * sizeof *all);
    }
    size_t used = 0;
    for (size_t i = 0; i < words->n; i++) {
        double weight = weigh(words, i, group);
        if (weight > 0) {
            all[used++] =
                (struct sorted){{weight, (uint32_t)i}, words->bytes.data + words->items[i].at, words->items[i].size};
        }
    }
    if (used > 1) {
        qsort(all, used, sizeof *all, by_weight);
    }
    used = used < most ? used : most;
    *out = hs_alloc(used, sizeof **out);
    for (size_t i = 0; *out != NULL && i < used; i++) {
        (*out)[i] = all[i].weighed;
    }
    hs_free(all);
    *n = *out != NULL ? used : 0;
    return *out != NULL ? HEADSIFT_OK : hs_fail_memory(error, "the words", used * sizeof **out);
}

headsift_status hs_words_order(const struct hs_words *words, size_t group, bool idf, struct hs_weighed **out, size_t *n,
                               headsift_error *error) {
    return list_words(words, group, idf ? by_tfidf : by_count, SIZE_MAX, out, n, error);
}

headsift_status hs_words_marked(const struct hs_words *words, size_t group, size_t most, struct hs_weighed **out,
                                size_t *n, headsift_error *error) {
    return list_words(words, group, by_odds, most, out, n, error);
}

static size_t first_of(size_t n, double share) {
    size_t first = (size_t)floor(share * (double)n + 0.5);
    return first < 1 ? 1 : first;
}

headsift_status hs_words_overlap(const struct hs_words *words, const struct hs_weighed *a, size_t n_a,
                                 const struct hs_weighed *b, size_t n_b, double share, double *out,
                                 headsift_error *error) {
    *out = (double)NAN;
    if (n_a == 0 || n_b == 0) {
        return HEADSIFT_OK;
    }
    bool *in_a = hs_alloc(words->n, sizeof *in_a);
    if (in_a == NULL) {
        return hs_fail_memory(error, "the words", words->n);
    }
    size_t top_a = first_of(n_a, share), top_b = first_of(n_b, share), both = 0;
    for (size_t i = 0; i < top_a; i++) {
        in_a[a[i].word] = true;
    }
    for (size_t i = 0; i < top_b; i++) {
        both += in_a[b[i].word];
    }
    hs_free(in_a);
    *out = (double)both / (double)(top_a < top_b ? top_a : top_b);
    return HEADSIFT_OK;
}

double hs_words_per_million(const struct hs_words *words, size_t word, size_t group) {
    return words->totals[group] > 0 ? 1e6 * by_count(words, word, group) / (double)words->totals[group] : 0;
}

double hs_words_log_odds(const struct hs_words *words, size_t word, size_t group, double *z) {
    double here = by_count(words, word, group), there = 0, all_here = (double)words->totals[group], all_there = 0;
    for (size_t other = 0; other < words->groups; other++) {
        there += other != group ? by_count(words, word, other) : 0;
        all_there += other != group ? (double)words->totals[other] : 0;
    }
    double odds = log((here + 0.5) / (all_here - here + 0.5)) - log((there + 0.5) / (all_there - there + 0.5));
    *z = odds / sqrt(1 / (here + 0.5) + 1 / (there + 0.5));
    return odds;
}
