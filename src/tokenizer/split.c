/* Hand-written scanners for the split patterns of GPT-2, Llama 3 and Qwen2.
 * Alternatives stand in the order in which the regular expressions try them. */
#include "tokenizer/split.h"

#include <stdbool.h>

#include "tokenizer/unicode.h"

/* What a pattern tells apart; END is the end of what the pattern sees. */
enum kind {
    OTHER = 0,
    LETTER = HS_CLASS_LETTER,
    NUMBER = HS_CLASS_NUMBER,
    SPACE = HS_CLASS_SPACE,
    KINDS = LETTER | NUMBER | SPACE,
    END = 128,
};

struct scan {
    const char *text;
    size_t size;
};

static unsigned kind_at(const struct scan *scan, size_t at, size_t *length) {
    if (at >= scan->size) {
        *length = 0;
        return END;
    }
    return hs_class_at(scan->text + at, length) & KINDS;
}

static unsigned kind_only(const struct scan *scan, size_t at) {
    size_t length;
    return kind_at(scan, at, &length);
}

/* The end of the run of characters of one kind. */
static size_t run_end(const struct scan *scan, size_t at, unsigned kind) {
    size_t length;
    while (kind_at(scan, at, &length) == kind) {
        at += length;
    }
    return at;
}

static bool is_newline(char byte) { return byte == '\r' || byte == '\n'; }

static char lower(char byte, bool fold) { return fold && byte >= 'A' && byte <= 'Z' ? (char)(byte + 32) : byte; }

/* Bytes of 's|'t|'re|'ve|'m|'ll|'d at `at`, or 0. With `fold` in any case: the long s U+017F is an s too. */
static size_t contraction(const struct scan *scan, size_t at, bool fold) {
    const char *text = scan->text + at;
    size_t left = scan->size - at;
    if (left < 2 || text[0] != '\'') {
        return 0;
    }
    char first = lower(text[1], fold);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') {
        return 2;
    }
    if (left < 3) {
        return 0;
    }
    char second = lower(text[2], fold);
    if (((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l')) {
        return 3;
    }
    return fold && text[1] == '\xC5' && text[2] == '\xBF' ? 3 : 0;
}

/* \s+(?!\S)|\s+ : a run of spaces leaves its last one to what follows, unless nothing follows or it is alone. */
static size_t spaces_end(const struct scan *scan, size_t at) {
    size_t end = at, last = at, length;
    unsigned kind;
    while ((kind = kind_at(scan, end, &length)) == SPACE) {
        last = end;
        end += length;
    }
    return kind == END || last == at ? end : last;
}

static size_t gpt2_end(const struct scan *scan, size_t at) {
    size_t size = contraction(scan, at, false);
    if (size > 0) {
        return at + size;
    }
    size_t from = at + (scan->text[at] == ' ' ? 1 : 0);
    unsigned kind = kind_only(scan, from);
    return kind == SPACE || kind == END ? spaces_end(scan, at) : run_end(scan, from, kind);
}

static size_t numbers_end(const struct scan *scan, size_t at, int most) {
    size_t length;
    while (most-- > 0 && kind_at(scan, at, &length) == NUMBER) {
        at += length;
    }
    return at;
}

/* \s*[\r\n]+|\s+(?!\S)|\s+ : up to the last newline of the run, where it has one. */
static size_t lines_end(const struct scan *scan, size_t at) {
    size_t end = at, newline = 0, length;
    while (kind_at(scan, end, &length) == SPACE) {
        end += length;
        if (is_newline(scan->text[end - 1])) {
            newline = end;
        }
    }
    return newline > 0 ? newline : spaces_end(scan, at);
}

static size_t llama3_end(const struct scan *scan, size_t at, int numbers) {
    size_t size = contraction(scan, at, true);
    if (size > 0) {
        return at + size;
    }
    size_t length;
    unsigned kind = kind_at(scan, at, &length);
    if (kind == NUMBER) {
        return numbers_end(scan, at, numbers);
    }
    if (kind == LETTER) {
        return run_end(scan, at, LETTER);
    }
    if (!is_newline(scan->text[at]) && kind_only(scan, at + length) == LETTER) {
        return run_end(scan, at + length, LETTER);
    }
    size_t from = at + (scan->text[at] == ' ' ? 1 : 0);
    if (kind_only(scan, from) != OTHER) {
        return lines_end(scan, at);
    }
    size_t end = run_end(scan, from, OTHER);
    while (end < scan->size && is_newline(scan->text[end])) {
        end++;
    }
    return end;
}

size_t hs_split_next(enum hs_split split, const char *text, size_t size, size_t at) {
    struct scan scan = {.text = text, .size = size};
    switch (split) {
    case HS_SPLIT_LLAMA3:
        return llama3_end(&scan, at, 3);
    case HS_SPLIT_QWEN2:
        return llama3_end(&scan, at, 1);
    case HS_SPLIT_GPT2:
        break;
    }
    return gpt2_end(&scan, at);
}

const char *hs_split_name(enum hs_split split) {
    static const char *const names[] = {"gpt2", "llama3", "qwen2"};
    return names[split];
}
