/* Sums and differences of numbers of so many digits behind worked ones.
 * The wrong choices are near misses: a digit off, two digits swapped, a carry forgotten. */
#include <inttypes.h>
#include <string.h>

#include "eval/generate.h"

enum { MOST_NEAR = 64 };

struct sum {
    int64_t a, b, result;
    char sign;
};

static struct sum draw_sum(const int64_t *settings, struct hs_random *random) {
    struct sum sum = {.a = hs_random_number(random, settings[HS_SET_DIGITS])};
    sum.b = hs_random_number(random, settings[HS_SET_DIGITS]);
    int64_t operation = settings[HS_SET_OPERATION];
    bool subtract = operation == HS_SUBTRACT || (operation == HS_BOTH && hs_random_below(random, 2) == 1);
    if (subtract && sum.a < sum.b) {
        int64_t larger = sum.b;
        sum.b = sum.a;
        sum.a = larger;
    }
    sum.sign = subtract ? '-' : '+';
    sum.result = subtract ? sum.a - sum.b : sum.a + sum.b;
    return sum;
}

/* ---- Near misses ----------------------------------------------------------------------------------------------- */

static int digits_of(int64_t number) {
    int digits = 1;
    while (number >= 10) {
        number /= 10;
        digits++;
    }
    return digits;
}

/* Digit by digit, without what is carried over. */
static int64_t without_carry(const struct sum *sum) {
    int64_t result = 0, scale = 1;
    for (int64_t a = sum->a, b = sum->b; a > 0 || b > 0; a /= 10, b /= 10, scale *= 10) {
        int64_t digit = sum->sign == '+' ? a % 10 + b % 10 : a % 10 - b % 10 + 10;
        result += digit % 10 * scale;
    }
    return result;
}

static int64_t swap_digits(int64_t number, int64_t scale) {
    int64_t low = number / scale % 10, high = number / scale / 10 % 10;
    return number + (low - high) * 10 * scale + (high - low) * scale;
}

/* Adds a wrong answer unless it is negative, right, there already, or of another number of digits. */
static void add_near(const struct sum *sum, int64_t number, int64_t *near, size_t *n) {
    bool fits = number >= 0 && number != sum->result && digits_of(number) == digits_of(sum->result) && *n < MOST_NEAR;
    for (size_t i = 0; fits && i < *n; i++) {
        fits = near[i] != number;
    }
    if (fits) {
        near[(*n)++] = number;
    }
}

static size_t near_misses(const struct sum *sum, size_t wanted, int64_t *near) {
    size_t n = 0;
    add_near(sum, without_carry(sum), near, &n);
    for (int64_t scale = 1; scale <= sum->result; scale *= 10) {
        add_near(sum, sum->result + scale, near, &n);
        add_near(sum, sum->result - scale, near, &n);
        add_near(sum, swap_digits(sum->result, scale), near, &n);
    }
    for (int64_t off = 2; n < wanted && off < MOST_NEAR; off++) {
        add_near(sum, sum->result + off, near, &n);
        add_near(sum, sum->result - off, near, &n);
    }
    return n;
}

static bool set_number(struct hs_text *choice, int64_t number) {
    char text[32];
    snprintf(text, sizeof text, " %" PRId64, number);
    return HS_JOIN(choice, hs_view(text));
}

static bool set_choices(const struct sum *sum, struct hs_random *random, size_t n_choices, struct hs_item *item) {
    int64_t near[MOST_NEAR];
    size_t order[MOST_NEAR], n = near_misses(sum, n_choices - 1, near);
    hs_shuffled(random, order, n);
    bool ok = hs_texts_make(n_choices, &item->choices, &item->n_choices) && set_number(&item->choices[0], sum->result);
    for (size_t i = 1; ok && i < n_choices; i++) {
        ok = set_number(&item->choices[i], near[order[i - 1]]);
    }
    return ok;
}

/* ---- Items ----------------------------------------------------------------------------------------------------- */

/* Whether an example gives the answer away. Numbers are of one length, so that no other sum has these bytes. */
static bool stands_in(const struct hs_buffer *text, const struct sum *sum) {
    char asked[64];
    snprintf(asked, sizeof asked, "%" PRId64 " %c %" PRId64 " =", sum->a, sum->sign, sum->b);
    return text->size > 0 && strstr(text->data, asked) != NULL;
}

static bool make_arithmetic(const int64_t *settings, struct hs_random *random, struct hs_item *item) {
    struct hs_buffer text = {0};
    bool ok = true;
    for (int64_t i = 0; ok && i < settings[HS_SET_EXAMPLES]; i++) {
        struct sum sum = draw_sum(settings, random);
        ok = hs_buffer_printf(&text, "%" PRId64 " %c %" PRId64 " = %" PRId64 "\n", sum.a, sum.sign, sum.b, sum.result);
    }
    struct sum sum = draw_sum(settings, random);
    while (ok && stands_in(&text, &sum)) {
        sum = draw_sum(settings, random);
    }
    ok = ok && hs_buffer_printf(&text, "%" PRId64 " %c %" PRId64 " =", sum.a, sum.sign, sum.b) &&
         set_choices(&sum, random, (size_t)settings[HS_SET_CHOICES], item);
    hs_text_take(&item->context, &text);
    return ok;
}

const struct hs_generator hs_generate_arithmetic = {
    .name = "arithmetic",
    .make = make_arithmetic,
    .match = HS_MATCH_NUMBER,
    .settings = {{HS_SET_DIGITS, 2, 2, 15},
                 {HS_SET_OPERATION, HS_BOTH, HS_ADD, HS_BOTH},
                 {HS_SET_EXAMPLES, 8, 0, 128},
                 {HS_SET_CHOICES, 4, 2, 8}},
};
