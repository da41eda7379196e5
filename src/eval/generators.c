/* Tasks over made-up words and numbers: key-value retrieval, induction, variables that are passed on.
 * What is asked for stands in the context once; the other choices stand there too. */
#include <inttypes.h>
#include <string.h>

#include "eval/generate.h"

/* ---- Words and numbers ----------------------------------------------------------------------------------------- */

static void make_word(struct hs_random *random, size_t syllables, struct hs_word *word) {
    static const char consonants[] = "bdfgklmnprstvz", vowels[] = "aeiou";
    size_t size = 0;
    for (size_t i = 0; i < syllables; i++) {
        word->text[size++] = consonants[hs_random_below(random, sizeof consonants - 1)];
        word->text[size++] = vowels[hs_random_below(random, sizeof vowels - 1)];
    }
    word->text[size] = '\0';
}

void hs_words_make(struct hs_random *random, size_t syllables, struct hs_word *words, size_t n) {
    for (size_t i = 0; i < n;) {
        make_word(random, syllables, &words[i]);
        size_t same = 0;
        while (same < i && strcmp(words[same].text, words[i].text) != 0) {
            same++;
        }
        i += same == i;
    }
}

int64_t hs_random_number(struct hs_random *random, int64_t digits) {
    int64_t low = 1;
    for (int64_t i = 1; i < digits; i++) {
        low *= 10;
    }
    return low + (int64_t)hs_random_below(random, (uint64_t)(9 * low));
}

void hs_numbers_make(struct hs_random *random, int64_t digits, int64_t *numbers, size_t n) {
    for (size_t i = 0; i < n;) {
        numbers[i] = hs_random_number(random, digits);
        size_t same = 0;
        while (same < i && numbers[same] != numbers[i]) {
            same++;
        }
        i += same == i;
    }
}

void hs_shuffled(struct hs_random *random, size_t *order, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t j = (size_t)hs_random_below(random, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

/* ---- Choices --------------------------------------------------------------------------------------------------- */

static bool set_word(struct hs_text *choice, const struct hs_word *word) {
    return HS_JOIN(choice, hs_view(" "), hs_view(word->text));
}

static bool set_number(struct hs_text *choice, int64_t number) {
    char text[32];
    snprintf(text, sizeof text, " %" PRId64, number);
    return HS_JOIN(choice, hs_view(text));
}

/* Which of n things are the choices: `right` first, then others by chance. */
static void choose(struct hs_random *random, size_t n, size_t right, size_t *order) {
    hs_shuffled(random, order, n);
    for (size_t i = 0; i < n; i++) {
        if (order[i] == right) {
            order[i] = order[0];
            order[0] = right;
        }
    }
}

static bool number_choices(struct hs_random *random, const int64_t *numbers, size_t n, size_t right, size_t n_choices,
                           struct hs_item *item) {
    size_t *order = hs_alloc(n, sizeof *order);
    bool ok = order != NULL && hs_texts_make(n_choices, &item->choices, &item->n_choices);
    if (ok) {
        choose(random, n, right, order);
    }
    for (size_t i = 0; ok && i < n_choices; i++) {
        ok = set_number(&item->choices[i], numbers[order[i]]);
    }
    hs_free(order);
    return ok;
}

/* ---- Key-value retrieval --------------------------------------------------------------------------------------- */

static bool make_kv(const int64_t *settings, struct hs_random *random, struct hs_item *item) {
    size_t n = (size_t)settings[HS_SET_PAIRS];
    struct hs_word *keys = hs_alloc(n, sizeof *keys);
    int64_t *values = hs_alloc(n, sizeof *values);
    struct hs_buffer text = {0};
    bool ok = keys != NULL && values != NULL;
    if (ok) {
        hs_words_make(random, 3, keys, n);
        hs_numbers_make(random, settings[HS_SET_DIGITS], values, n);
        size_t asked = (size_t)hs_random_below(random, n);
        for (size_t i = 0; ok && i < n; i++) {
            ok = hs_buffer_printf(&text, "The code of %s is %" PRId64 ".\n", keys[i].text, values[i]);
        }
        ok = ok && hs_buffer_printf(&text, "\nThe code of %s is", keys[asked].text) &&
             number_choices(random, values, n, asked, (size_t)settings[HS_SET_CHOICES], item);
    }
    hs_text_take(&item->context, &text);
    hs_free(keys);
    hs_free(values);
    return ok;
}

const struct hs_generator hs_generate_kv = {
    .name = "kv",
    .make = make_kv,
    .match = HS_MATCH_EXACT,
    .settings = {{HS_SET_PAIRS, 16, 2, 512}, {HS_SET_DIGITS, 4, 3, 9}, {HS_SET_CHOICES, 8, 2, 512}},
};

/* ---- Induction ------------------------------------------------------------------------------------------------- */

static bool append_words(struct hs_buffer *text, const struct hs_word *words, size_t n) {
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        ok = hs_buffer_printf(text, "%s%s", text->size > 0 ? " " : "", words[i].text);
    }
    return ok;
}

/* The text is the whole second round. */
static bool second_round(const struct hs_word *words, size_t n, struct hs_item *item) {
    struct hs_buffer text = {0};
    bool ok = hs_texts_make(1, &item->choices, &item->n_choices);
    for (size_t i = 0; ok && i < n; i++) {
        ok = hs_buffer_printf(&text, " %s", words[i].text);
    }
    if (ok) {
        hs_text_take(&item->choices[0], &text);
    }
    hs_buffer_free(&text);
    return ok;
}

static bool next_word(const int64_t *settings, struct hs_random *random, const struct hs_word *words, size_t n,
                      struct hs_buffer *text, struct hs_item *item) {
    size_t right = 1 + (size_t)hs_random_below(random, n - 1);
    size_t *order = hs_alloc(n, sizeof *order);
    bool ok = order != NULL && append_words(text, words, right) &&
              hs_texts_make((size_t)settings[HS_SET_CHOICES], &item->choices, &item->n_choices);
    if (ok) {
        choose(random, n, right, order);
    }
    for (size_t i = 0; ok && i < item->n_choices; i++) {
        ok = set_word(&item->choices[i], &words[order[i]]);
    }
    hs_free(order);
    return ok;
}

static bool make_induction(const int64_t *settings, struct hs_random *random, struct hs_item *item) {
    size_t n = (size_t)settings[HS_SET_WORDS];
    struct hs_word *words = hs_alloc(n, sizeof *words);
    struct hs_buffer text = {0};
    bool ok = words != NULL;
    if (ok) {
        hs_words_make(random, 2, words, n);
        ok = append_words(&text, words, n) &&
             (settings[HS_SET_FORM] == HS_FORM_LOSS ? second_round(words, n, item)
                                                    : next_word(settings, random, words, n, &text, item));
    }
    hs_text_take(&item->context, &text);
    hs_free(words);
    return ok;
}

const struct hs_generator hs_generate_induction = {
    .name = "induction",
    .make = make_induction,
    .no_generate = true,
    .settings = {{HS_SET_WORDS, 32, 4, 512}, {HS_SET_CHOICES, 8, 2, 512}},
};

/* ---- Variables ------------------------------------------------------------------------------------------------- */

/* The lines of all chains, each chain's in order, chains mixed by chance. names[chain * length + place] */
static bool append_chains(struct hs_random *random, const struct hs_word *names, const int64_t *values, size_t chains,
                          size_t length, size_t *at, struct hs_buffer *text) {
    bool ok = true;
    for (size_t left = chains * length; ok && left > 0; left--) {
        /* A chain is drawn by the number of its lines that are left. */
        size_t draw = (size_t)hs_random_below(random, left), chain = 0;
        while (draw >= length - at[chain]) {
            draw -= length - at[chain];
            chain++;
        }
        const struct hs_word *name = &names[chain * length + at[chain]];
        ok = at[chain] == 0 ? hs_buffer_printf(text, "%s = %" PRId64 "\n", name->text, values[chain])
                            : hs_buffer_printf(text, "%s = %s\n", name->text, name[-1].text);
        at[chain]++;
    }
    return ok;
}

static bool make_variables(const int64_t *settings, struct hs_random *random, struct hs_item *item) {
    size_t chains = (size_t)settings[HS_SET_CHAINS], length = (size_t)settings[HS_SET_HOPS] + 1;
    struct hs_word *names = hs_alloc(chains * length, sizeof *names);
    int64_t *values = hs_alloc(chains, sizeof *values);
    size_t *at = hs_alloc(chains, sizeof *at);
    struct hs_buffer text = {0};
    bool ok = names != NULL && values != NULL && at != NULL;
    if (ok) {
        hs_words_make(random, 2, names, chains * length);
        hs_numbers_make(random, settings[HS_SET_DIGITS], values, chains);
        size_t asked = (size_t)hs_random_below(random, chains);
        ok = append_chains(random, names, values, chains, length, at, &text) &&
             hs_buffer_printf(&text, "\nThe value of %s is", names[asked * length + length - 1].text) &&
             number_choices(random, values, chains, asked, chains, item);
    }
    hs_text_take(&item->context, &text);
    hs_free(names);
    hs_free(values);
    hs_free(at);
    return ok;
}

const struct hs_generator hs_generate_variables = {
    .name = "variables",
    .make = make_variables,
    .match = HS_MATCH_EXACT,
    .settings = {{HS_SET_CHAINS, 4, 2, 32}, {HS_SET_HOPS, 1, 0, 32}, {HS_SET_DIGITS, 4, 3, 9}},
};
