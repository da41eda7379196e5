/* Matches and what lies between them, one after the other, put together as the behaviour says.
 * Looks at most one part ahead, so that a text is cut in one pass. */
#define _GNU_SOURCE
#include "tokenizer/cut.h"

#include <string.h>

#include "tokenizer/unicode.h"

void hs_cuts_free(struct hs_cuts *cuts) {
    for (size_t i = 0; i < cuts->n; i++) {
        hs_free(cuts->cut[i].literal);
        hs_regex_free(cuts->cut[i].regex);
    }
}

/* ---- Matches ---------------------------------------------------------------------------------------------------- */

static void find_literal(struct hs_cutting *cutting) {
    const struct hs_cut *cut = cutting->cut;
    const char *found =
        memmem(cutting->text + cutting->at, cutting->size - cutting->at, cut->literal, cut->literal_size);
    cutting->match_start = found == NULL ? cutting->size : (size_t)(found - cutting->text);
    cutting->match_end = found == NULL ? cutting->size : cutting->match_start + cut->literal_size;
}

static void find_numeric(struct hs_cutting *cutting) {
    size_t at = cutting->at, length;
    while (at < cutting->size && (hs_class_at(cutting->text + at, &length) & HS_CLASS_NUMERIC) == 0) {
        at += length;
    }
    cutting->match_start = at;
    cutting->match_end = at < cutting->size ? at + length : at;
}

/* The first match at or behind `at`; without one it begins at the end of the text. */
static headsift_status find(struct hs_cutting *cutting, headsift_error *error) {
    const struct hs_cut *cut = cutting->cut;
    switch (cut->pattern) {
    case HS_PATTERN_KNOWN:
        cutting->match_start = cutting->at;
        cutting->match_end = hs_split_next(cut->split, cutting->text, cutting->size, cutting->at);
        break;
    case HS_PATTERN_NUMERIC:
        find_numeric(cutting);
        break;
    case HS_PATTERN_LITERAL:
        find_literal(cutting);
        break;
    case HS_PATTERN_REGEX:
        return hs_regex_find(cut->regex, cutting->room, cutting->text, cutting->size, cutting->at,
                             &cutting->match_start, &cutting->match_end, error);
    }
    return HEADSIFT_OK;
}

/* The match or the stretch that begins at `at`: where it ends, and which of the two it is. at < size. */
static headsift_status part_at(struct hs_cutting *cutting, size_t *end, bool *match, headsift_error *error) {
    if (cutting->match_end <= cutting->at) {
        HS_TRY(find(cutting, error));
    }
    bool found = cutting->match_start <= cutting->at;
    *end = found ? cutting->match_end : cutting->match_start;
    *match = found != cutting->cut->invert;
    return HEADSIFT_OK;
}

/* ---- Pieces ----------------------------------------------------------------------------------------------------- */

/* Whether a part goes to the piece whose last part is `last`. */
static bool goes_on(enum hs_behavior behavior, bool last, bool match) {
    switch (behavior) {
    case HS_WITH_PREVIOUS:
        return !last && match;
    case HS_WITH_NEXT:
        return last && !match;
    case HS_CONTIGUOUS:
        return last == match;
    case HS_ISOLATED:
    case HS_REMOVED:
        break;
    }
    return false;
}

headsift_status hs_cut_next(struct hs_cutting *cutting, size_t *start, size_t *end, headsift_error *error) {
    enum hs_behavior behavior = cutting->cut->behavior;
    bool match = true, last;
    size_t part;
    do {
        *start = *end = cutting->at;
        if (cutting->at == cutting->size) {
            return HEADSIFT_OK;
        }
        HS_TRY(part_at(cutting, end, &match, error));
        cutting->at = *end;
    } while (behavior == HS_REMOVED && match);
    if (behavior == HS_ISOLATED || behavior == HS_REMOVED) {
        return HEADSIFT_OK;
    }
    while (cutting->at < cutting->size) {
        last = match;
        HS_TRY(part_at(cutting, &part, &match, error));
        if (!goes_on(behavior, last, match)) {
            break;
        }
        cutting->at = *end = part;
    }
    return HEADSIFT_OK;
}
