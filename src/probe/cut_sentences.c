/* Cuts natural sentences out of documents, strictly: better to lose a sentence than to keep a fragment.
 * Works on code points; a sentence is copied to one line before it is judged. */
#include "probe/probe.h"

#include <string.h>
#include <utf8proc.h>

#include "base/text.h"

enum { LEAST_BYTES = 40, MOST_BYTES = 200, SHORT_WORD = 3 };

static bool is_space(uint32_t point) {
    return point == ' ' || (point >= '\t' && point <= '\r') || point == 0xA0 || point == 0x3000;
}

static bool is_letter(uint32_t point) {
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)point);
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_ME;
}

static bool starts_sentence(uint32_t point) {
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)point);
    return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LT || category == UTF8PROC_CATEGORY_LO;
}

static bool is_wide_end(uint32_t point) { return point == 0x3002 || point == 0xFF01 || point == 0xFF1F; }

static bool is_forbidden(uint32_t point) {
    if (point < 0x20 || point == 0x7F) {
        return true;
    }
    if (point < 0x80) {
        return strchr("\"\\{}[]<>`|_=/*#$@^~", (int)point) != NULL;
    }
    return (point >= 0x80 && point < 0xA0) || (point >= 0x201C && point <= 0x201F) || point == 0x2028 ||
           point == 0x2029 || point == 0xAB || point == 0xBB;
}

/* The text being cut. `start` is where the sentence began; `word` where its current word did. */
struct cutter {
    const char *text;
    size_t size, start, word;
    hs_sentence_fn found;
    void *user;
};

/* Copies to one line with single spaces. 0 when it is too long. */
static size_t copy_line(const char *text, size_t size, char out[MOST_BYTES]) {
    size_t used = 0;
    bool gap = false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == ' ' || (text[i] >= '\t' && text[i] <= '\r')) {
            gap = true;
            continue;
        }
        if (used + gap + 1 > MOST_BYTES) {
            return 0;
        }
        if (gap && used > 0) {
            out[used++] = ' ';
        }
        gap = false;
        out[used++] = text[i];
    }
    return used;
}

static bool is_natural(const char *line, size_t size) {
    if (size < LEAST_BYTES) {
        return false;
    }
    size_t letters = 0, marks = 0, length;
    for (size_t at = 0; at < size; at += length) {
        uint32_t point = hs_utf8_decode(line + at, &length);
        if (is_forbidden(point) || (at == 0 && !starts_sentence(point))) {
            return false;
        }
        letters += is_letter(point);
        marks += !is_letter(point) && !is_space(point);
    }
    return letters >= 6 * marks;
}

static bool emit(const struct cutter *cutter, size_t end) {
    char line[MOST_BYTES];
    size_t size = copy_line(cutter->text + cutter->start, end - cutter->start, line);
    return !is_natural(line, size) || cutter->found(cutter->user, line, size);
}

/* "Mr." and "U.S." end no sentence: a short word with a capital before the full stop. */
static bool is_abbreviation(const struct cutter *cutter, size_t end) {
    size_t length;
    return end > cutter->word && end - cutter->word <= SHORT_WORD &&
           starts_sentence(hs_utf8_decode(cutter->text + cutter->word, &length));
}

/* Behind blanks: where the next sentence would begin, and whether a blank line lies between. */
static size_t skip_blanks(const struct cutter *cutter, size_t at, bool *paragraph) {
    int lines = 0;
    size_t length;
    while (at < cutter->size) {
        uint32_t point = hs_utf8_decode(cutter->text + at, &length);
        if (!is_space(point)) {
            break;
        }
        lines += point == '\n';
        at += length;
    }
    *paragraph = lines > 1 || at == cutter->size;
    return at;
}

/* Whether the sentence ends with the mark `point` that stands before `end`; then *next is where another begins. */
static bool ends_sentence(const struct cutter *cutter, uint32_t point, size_t end, size_t *next) {
    bool wide = is_wide_end(point), paragraph;
    if (!wide && point != '.' && point != '!' && point != '?') {
        return false;
    }
    size_t length;
    *next = skip_blanks(cutter, end, &paragraph);
    if (wide || paragraph) {
        return true;
    }
    return !(point == '.' && is_abbreviation(cutter, end - 1)) && *next > end &&
           starts_sentence(hs_utf8_decode(cutter->text + *next, &length));
}

/* False when the caller wants no more. */
static bool cut(struct cutter *cutter) {
    size_t at = 0, length, next;
    while (at < cutter->size) {
        uint32_t point = hs_utf8_decode(cutter->text + at, &length);
        at += length;
        if (ends_sentence(cutter, point, at, &next)) {
            if (!emit(cutter, at)) {
                return false;
            }
            at = cutter->start = cutter->word = next;
        } else if (is_space(point)) {
            bool paragraph;
            size_t behind = skip_blanks(cutter, at, &paragraph);
            paragraph = paragraph || (point == '\n' && memchr(cutter->text + at, '\n', behind - at) != NULL);
            at = cutter->word = behind;
            cutter->start = paragraph ? behind : cutter->start;
        }
    }
    return true;
}

void hs_sentences_from_text(const char *text, size_t size, hs_sentence_fn found, void *user) {
    size_t at = 0;
    while (at < size) {
        size_t good = hs_utf8_check(text + at, size - at);
        struct cutter cutter = {.text = text + at, .size = good, .found = found, .user = user};
        if (!cut(&cutter)) {
            return;
        }
        at += good + 1;
    }
}
