/* Whether a generated answer is one of the right ones: the same bytes, the same words, the same number, the same
 * formula. Each way is a rule on two texts. */
#include <ctype.h>
#include <string.h>

#include "base/memory.h"
#include "eval/ask.h"
#include "eval/match.h"

static bool is_blank(char letter) { return letter != '\0' && strchr(" \t\n\v\f\r", letter) != NULL; }

static bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

struct hs_text hs_trimmed(struct hs_text text) {
    while (text.size > 0 && is_blank(text.data[text.size - 1])) {
        text.size--;
    }
    while (text.size > 0 && is_blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    return text;
}

bool hs_text_equal(struct hs_text a, struct hs_text b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* ---- Words ---- */

static bool is_article(const char *word, size_t size) {
    return (size == 1 && word[0] == 'a') || (size == 2 && memcmp(word, "an", 2) == 0) ||
           (size == 3 && memcmp(word, "the", 3) == 0);
}

/* Ends the word that begins at `start`: articles go, a blank stands between words. */
static void end_word(struct hs_buffer *out, size_t start) {
    if (is_article(out->data + start, out->size - start)) {
        out->size = start;
    }
    if (out->size > start) {
        hs_buffer_append(out, " ", 1);
    }
}

bool hs_plain_words(struct hs_text text, struct hs_buffer *out) {
    out->size = 0;
    if (!hs_buffer_reserve(out, 2 * text.size + 1)) {
        return false;
    }
    size_t start = 0;
    for (size_t i = 0; i < text.size; i++) {
        char letter = text.data[i];
        bool ascii = (unsigned char)letter < 128;
        if (is_blank(letter)) {
            end_word(out, start);
            start = out->size;
        } else if (!ascii || !ispunct((unsigned char)letter)) {
            char lower = ascii ? (char)tolower((unsigned char)letter) : letter;
            hs_buffer_append(out, &lower, 1);
        }
    }
    end_word(out, start);
    out->size -= out->size > 0; /* the last blank */
    return true;
}

/* ---- Numbers ---- */

static size_t find_last(struct hs_text text, const char *part) {
    size_t size = strlen(part);
    for (size_t i = text.size; i-- > 0;) {
        if (text.size - i >= size && memcmp(text.data + i, part, size) == 0) {
            return i;
        }
    }
    return text.size;
}

/* Length of the number at `at`: digits, commas before three digits, one point before a digit. */
static size_t number_length(struct hs_text text, size_t at) {
    size_t i = at;
    bool point = false;
    for (; i < text.size; i++) {
        bool more = i + 1 < text.size && is_digit(text.data[i + 1]);
        bool thousands = text.data[i] == ',' && !point && i > at && i + 3 < text.size && is_digit(text.data[i + 1]) &&
                         is_digit(text.data[i + 2]) && is_digit(text.data[i + 3]) &&
                         !(i + 4 < text.size && is_digit(text.data[i + 4]));
        if (text.data[i] == '.' && !point && more) {
            point = true;
        } else if (!is_digit(text.data[i]) && !thousands) {
            break;
        }
    }
    return i - at;
}

/* A minus that is no dash between two things: nothing stands before it, or a blank, a bracket or a sign. */
static bool is_negative(struct hs_text text, size_t at) {
    if (at > 1 && text.data[at - 1] == '$') {
        at--;
    }
    if (at == 0 || text.data[at - 1] != '-') {
        return false;
    }
    char before = at > 1 ? text.data[at - 2] : ' ';
    return is_blank(before) || strchr("([{=$:+*/", before) != NULL;
}

/* The first number, or the last one. False: there is none. */
static bool find_number(struct hs_text text, bool last, struct hs_text *digits, bool *negative) {
    bool found = false;
    for (size_t i = 0; i < text.size && (last || !found);) {
        bool behind = i > 0 && is_digit(text.data[i - 1]);
        bool point = text.data[i] == '.' && !behind && i + 1 < text.size && is_digit(text.data[i + 1]);
        size_t length = is_digit(text.data[i]) || point ? number_length(text, i) : 0;
        if (length > 0) {
            *digits = (struct hs_text){text.data + i, length};
            *negative = is_negative(text, i);
            found = true;
        }
        i += length > 0 ? length : 1;
    }
    return found;
}

static bool append_digits(struct hs_buffer *out, const char *digits, size_t size) {
    bool ok = true;
    for (size_t i = 0; ok && i < size; i++) {
        ok = digits[i] == ',' || hs_buffer_append(out, digits + i, 1);
    }
    return ok;
}

/* No commas, no zeros in front or behind the point, no -0. */
static bool spell_number(struct hs_text digits, bool negative, struct hs_buffer *out) {
    const char *point = memchr(digits.data, '.', digits.size);
    size_t whole = point != NULL ? (size_t)(point - digits.data) : digits.size, first = 0, end = digits.size;
    while (first < whole && (digits.data[first] == '0' || digits.data[first] == ',')) {
        first++;
    }
    while (end > whole + 1 && digits.data[end - 1] == '0') {
        end--;
    }
    size_t behind = end > whole + 1 ? end - whole : 0;
    bool zero = first == whole && behind == 0;
    return hs_buffer_append(out, "-", negative && !zero ? 1 : 0) &&
           hs_buffer_append(out, "0", first == whole ? 1 : 0) &&
           append_digits(out, digits.data + first, whole - first) && hs_buffer_append(out, digits.data + whole, behind);
}

bool hs_plain_number(struct hs_text text, struct hs_buffer *out, bool *found) {
    struct hs_text digits = {0}, box;
    bool negative = false;
    size_t marker = find_last(text, "####");
    if (marker < text.size) {
        struct hs_text behind = {text.data + marker + 4, text.size - marker - 4};
        *found = find_number(behind, false, &digits, &negative);
    } else if (hs_last_box(text, &box)) {
        *found = find_number(box, true, &digits, &negative);
    } else {
        *found = find_number(text, true, &digits, &negative);
    }
    out->size = 0;
    return !*found || spell_number(digits, negative, out);
}

/* ---- All ---- */

/* The one spelling that is compared. *found: there is something to compare. */
static bool spell(enum hs_match match, struct hs_text text, struct hs_buffer *out, bool *found) {
    *found = true;
    if (match == HS_MATCH_WORDS) {
        return hs_plain_words(text, out);
    }
    if (match == HS_MATCH_NUMBER) {
        return hs_plain_number(text, out, found);
    }
    if (match == HS_MATCH_BOXED) {
        return hs_plain_formula(text, out);
    }
    text = hs_trimmed(text);
    out->size = 0;
    return hs_buffer_append(out, text.data != NULL ? text.data : "", text.size);
}

headsift_status hs_matches(enum hs_match match, struct hs_text produced, const struct hs_text *answers, size_t n,
                           bool *out, headsift_error *error) {
    struct hs_buffer given = {0}, right = {0};
    bool found, wanted;
    bool ok = spell(match, produced, &given, &found);
    *out = false;
    for (size_t i = 0; ok && found && !*out && i < n; i++) {
        ok = spell(match, answers[i], &right, &wanted);
        struct hs_text a = {given.data, given.size}, b = {right.data, right.size};
        *out = ok && wanted && hs_text_equal(a, b);
    }
    hs_buffer_free(&given);
    hs_buffer_free(&right);
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "an answer", produced.size);
}
