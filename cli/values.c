/* One flag's text to its value, and the spelling hint.
 * An integer is a count, a value with a decimal point a fraction. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"
#include "options.h"

static bool all_digits(const char *text) { return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0'; }

static headsift_status set_count(const struct cli_flag *flag, const char *text, const char *source, int64_t *out,
                                 headsift_error *error) {
    errno = 0;
    char *end;
    long long number = strtoll(text, &end, 10);
    const char *digits = text[0] == '-' ? text + 1 : text;
    if (!all_digits(digits)) {
        return hs_fail(error, HEADSIFT_USAGE, "%s is \"%s\", must be an integer", source, text);
    }
    if (errno == ERANGE || number < flag->low || number > flag->high) {
        return hs_fail(error, HEADSIFT_USAGE, "%s is %s, must be %lld to %lld", source, text, (long long)flag->low,
                       (long long)flag->high);
    }
    *out = number;
    return HEADSIFT_OK;
}

/* "1048576", "512KB", "32MB", "1GiB": a count of bytes; K, M, G and T are powers of 1024. */
static headsift_status set_size(const struct cli_flag *flag, const char *text, const char *source, int64_t *out,
                                headsift_error *error) {
    static const char letters[] = "kmgt";
    errno = 0;
    char *end;
    long long number = strtoll(text, &end, 10);
    int shift = 0;
    bool digits = text[0] >= '0' && text[0] <= '9';
    const char *letter = *end != '\0' ? strchr(letters, tolower((unsigned char)*end)) : NULL;
    if (letter != NULL) {
        shift = 10 * (int)(letter - letters + 1);
        end += end[1] == 'i' && tolower((unsigned char)end[2]) == 'b' ? 2 : 1;
    }
    end += tolower((unsigned char)*end) == 'b';
    if (!digits || *end != '\0') {
        return hs_fail(error, HEADSIFT_USAGE, "%s is \"%s\", must be a size like 32MB", source, text);
    }
    if (errno == ERANGE || number < flag->low || number > flag->high >> shift) {
        return hs_fail(error, HEADSIFT_USAGE, "%s is %s, must be %lld to %lld bytes", source, text,
                       (long long)flag->low, (long long)flag->high);
    }
    *out = (int64_t)number << shift;
    return HEADSIFT_OK;
}

static headsift_status set_amount(const struct cli_flag *flag, const char *text, const char *source,
                                  struct cli_amount *out, headsift_error *error) {
    *out = (struct cli_amount){0};
    if (strchr(text, '.') == NULL) {
        return set_count(flag, text, source, &out->count, error);
    }
    char *end;
    double fraction = strtod(text, &end);
    bool plain = text[strspn(text, "0123456789.")] == '\0' && *end == '\0' && end != text;
    if (!plain || !(fraction > 0 && fraction <= 1)) {
        return hs_fail(error, HEADSIFT_USAGE,
                       "%s is \"%s\", must be a count (an integer) or a fraction above 0.0 and at most 1.0", source,
                       text);
    }
    out->fraction = fraction;
    return HEADSIFT_OK;
}

static headsift_status set_real(const char *text, const char *source, double *out, headsift_error *error) {
    char *end;
    *out = strtod(text, &end);
    bool plain = text[strspn(text, "0123456789.eE+-")] == '\0' && *end == '\0' && end != text;
    return plain && *out >= 0 && *out <= DBL_MAX
               ? HEADSIFT_OK
               : hs_fail(error, HEADSIFT_USAGE, "%s is \"%s\", must be a positive number", source, text);
}

static headsift_status set_share(const char *text, const char *source, double *out, headsift_error *error) {
    HS_TRY(set_real(text, source, out, error));
    return *out > 0 && *out <= 1
               ? HEADSIFT_OK
               : hs_fail(error, HEADSIFT_USAGE, "%s is \"%s\", must be above 0.0 and at most 1.0", source, text);
}

static headsift_status set_choice(const struct cli_flag *flag, const char *text, const char *source, int *out,
                                  headsift_error *error) {
    int index = 0;
    for (const char *at = flag->choices; *at != '\0'; index++) {
        size_t size = strcspn(at, "|");
        if (strlen(text) == size && memcmp(text, at, size) == 0) {
            *out = index;
            return HEADSIFT_OK;
        }
        at += size + (at[size] == '|');
    }
    return hs_fail(error, HEADSIFT_USAGE, "%s is \"%s\", must be one of %s", source, text, flag->choices);
}

/* A flag on the command line has no text; a variable says yes or no. */
static headsift_status set_switch(const char *text, const char *source, bool *out, headsift_error *error) {
    static const char *const yes[] = {"1", "true", "yes", "on"}, *const no[] = {"0", "false", "no", "off"};
    *out = text == NULL;
    for (size_t i = 0; text != NULL && i < sizeof yes / sizeof *yes; i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *out = strcasecmp(text, yes[i]) == 0;
            return HEADSIFT_OK;
        }
    }
    return text == NULL ? HEADSIFT_OK : hs_fail(error, HEADSIFT_USAGE, "%s is \"%s\", must be 1 or 0", source, text);
}

static int hex_digit(char digit) {
    static const char digits[] = "0123456789abcdef";
    const char *at = digit != '\0' ? strchr(digits, tolower((unsigned char)digit)) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* The byte that an escape stands for; *text goes on behind it. 0: it is none. */
static char unescape(const char **text) {
    static const char letters[] = "abfnrtv\\", bytes[] = "\a\b\f\n\r\t\v\\";
    const char *at = *text + 1, *letter = *at != '\0' ? strchr(letters, *at) : NULL;
    if (letter != NULL) {
        *text += 2;
        return bytes[letter - letters];
    }
    if (*at == 'x' && hex_digit(at[1]) >= 0 && hex_digit(at[2]) >= 0) {
        *text += 4;
        return (char)(16 * hex_digit(at[1]) + hex_digit(at[2]));
    }
    return '\0';
}

/* Text with the escapes of C strings. */
static headsift_status set_escaped(const char *text, const char *source, char out[CLI_ESCAPED_SIZE],
                                   headsift_error *error) {
    size_t n = 0;
    for (const char *at = text; *at != '\0'; n++) {
        if (n + 1 == CLI_ESCAPED_SIZE) {
            return hs_fail(error, HEADSIFT_USAGE, "%s is longer than %d bytes", source, CLI_ESCAPED_SIZE - 1);
        }
        const char *from = at;
        out[n] = *at == '\\' ? unescape(&at) : *at++;
        if (out[n] == '\0') {
            return hs_fail(error, HEADSIFT_USAGE,
                           "%s is \"%s\": at %s stands none of \\n, \\t, \\r, \\\\, \\xHH (not \\x00) and the like",
                           source, text, from);
        }
    }
    out[n] = '\0';
    return n > 0 ? HEADSIFT_OK : hs_fail(error, HEADSIFT_USAGE, "%s is empty", source);
}

static headsift_status add_to_list(const char *text, const char *source, struct cli_list *out, headsift_error *error) {
    if (text[0] == '\0') {
        return hs_fail(error, HEADSIFT_USAGE, "%s is empty", source);
    }
    char *copy = hs_copy_string(text);
    if (copy == NULL || !hs_grow((void **)&out->items, &out->capacity, out->n + 1, sizeof *out->items)) {
        hs_free(copy);
        return hs_fail_memory(error, "a list of values", (out->n + 1) * sizeof *out->items);
    }
    out->items[out->n++] = copy;
    return HEADSIFT_OK;
}

void cli_values_free(struct cli_values *values) {
    for (size_t i = 0; i < values->tasks.n; i++) {
        hs_free(values->tasks.items[i]);
    }
    hs_free(values->tasks.items);
    hs_free(values->arguments);
}

headsift_status cli_set(const struct cli_flag *flag, const char *text, const char *source, struct cli_values *values,
                        headsift_error *error) {
    void *out = (char *)values + flag->at;
    switch (flag->kind) {
    case CLI_SWITCH:
        return set_switch(text, source, out, error);
    case CLI_TEXT:
        *(const char **)out = text;
        return text[0] != '\0' ? HEADSIFT_OK : hs_fail(error, HEADSIFT_USAGE, "%s is empty", source);
    case CLI_COUNT:
        return set_count(flag, text, source, out, error);
    case CLI_SIZE:
        return set_size(flag, text, source, out, error);
    case CLI_CHOICE:
        return set_choice(flag, text, source, out, error);
    case CLI_LIST:
        return add_to_list(text, source, out, error);
    case CLI_AMOUNT:
        return set_amount(flag, text, source, out, error);
    case CLI_REAL:
        return set_real(text, source, out, error);
    case CLI_SHARE:
        return set_share(text, source, out, error);
    case CLI_ESCAPED:
        return set_escaped(text, source, out, error);
    case CLI_HEADER:
        break;
    }
    return HEADSIFT_OK;
}

enum { WORD_LENGTH = 32 };

/* How many letters to insert, remove or change to get from a to b. */
static size_t distance(const char *a, const char *b) {
    size_t n = strlen(b), row[WORD_LENGTH + 1];
    for (size_t j = 0; j <= n; j++) {
        row[j] = j;
    }
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < step ? change : step;
        }
    }
    return row[n];
}

const char *cli_closest(const char *typed, const char *const *names, size_t n) {
    const char *best = NULL;
    size_t best_distance = 3;
    for (size_t i = 0; i < n && strlen(typed) <= WORD_LENGTH; i++) {
        size_t away = strlen(names[i]) <= WORD_LENGTH ? distance(typed, names[i]) : WORD_LENGTH;
        if (away < best_distance && away < strlen(names[i])) {
            best = names[i];
            best_distance = away;
        }
    }
    return best;
}
