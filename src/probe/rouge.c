/* ROUGE-1 recall: the share of the wanted words, counted with repeats, that the answer has too.
 * Words are lower-cased by Unicode's simple mapping and split at blanks. */
#include "probe/detect.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/text.h"

struct words {
    struct hs_buffer text; /* lower case, each word ended by a NUL */
    char **list;
    size_t n, capacity;
};

static bool is_blank(uint32_t point) {
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)point);
    return (point >= '\t' && point <= '\r') || (point >= 0x1C && point <= 0x1F) || point == 0x85 ||
           category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

/* Appends the character at text in lower case, a NUL for a blank; broken UTF-8 stays as it is. */
static bool append_lower(struct hs_buffer *out, const char *text, size_t size, size_t *length) {
    size_t window = size < 4 ? size : 4;
    if ((unsigned char)text[0] >= 0x80 && hs_utf8_check(text, window) == 0) {
        *length = 1;
        return hs_buffer_append(out, text, 1);
    }
    uint32_t point = hs_utf8_decode(text, length);
    if (point == 0 || is_blank(point)) {
        return hs_buffer_append(out, "", 1);
    }
    char bytes[4];
    uint32_t lower = (uint32_t)utf8proc_tolower((utf8proc_int32_t)point);
    return hs_buffer_append(out, bytes, hs_utf8_encode(lower, bytes));
}

static int compare_words(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static bool split(const char *text, size_t size, struct words *words) {
    for (size_t at = 0, length; at < size; at += length) {
        if (!append_lower(&words->text, text + at, size - at, &length)) {
            return false;
        }
    }
    for (size_t at = 0; at < words->text.size; at++) {
        if (words->text.data[at] == '\0' || (at > 0 && words->text.data[at - 1] != '\0')) {
            continue;
        }
        void *list = words->list;
        if (!hs_grow(&list, &words->capacity, words->n + 1, sizeof *words->list)) {
            return false;
        }
        words->list = list;
        words->list[words->n++] = words->text.data + at;
    }
    if (words->n > 0) {
        qsort(words->list, words->n, sizeof *words->list, compare_words);
    }
    return true;
}

/* Words that two sorted lists share, with repeats. */
static size_t shared(const struct words *a, const struct words *b) {
    size_t n = 0, i = 0, j = 0;
    while (i < a->n && j < b->n) {
        int order = strcmp(a->list[i], b->list[j]);
        n += order == 0;
        i += order <= 0;
        j += order >= 0;
    }
    return n;
}

static void free_words(struct words *words) {
    hs_buffer_free(&words->text);
    hs_free(words->list);
}

headsift_status hs_rouge1_recall(const char *wanted, size_t wanted_size, const char *got, size_t got_size,
                                 double *recall, headsift_error *error) {
    struct words a = {0}, b = {0};
    bool ok = split(wanted, wanted_size, &a) && split(got, got_size, &b);
    *recall = ok && a.n > 0 ? (double)shared(&a, &b) / (double)a.n : 0;
    free_words(&a);
    free_words(&b);
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "words", wanted_size + got_size);
}
