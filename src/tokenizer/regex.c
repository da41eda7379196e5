/* The only file that knows PCRE2: compiling, limits, one search.
 * PCRE2 counts steps from each place anew, so the places are tried one by one here and their steps counted together. */
#include "tokenizer/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    STEPS = 100000,
    STEPS_PER_BYTE = 64,
    FIRST_LIMIT = 256, /* steps from one place before they are counted; patterns of tokenizers take two or three for
                          each character of a run */
    MOST_DEPTH = 1000000,
    MOST_KIB = 256 * 1024,
};

struct hs_regex {
    pcre2_code *code;
};

struct hs_regex_room {
    pcre2_match_data *match;
    pcre2_match_context *limits;
};

static void *allocate(size_t size, void *unused) {
    (void)unused;
    return hs_alloc(1, size);
}

static void release(void *pointer, void *unused) {
    (void)unused;
    hs_free(pointer);
}

static headsift_status fail_compile(int code, size_t offset, const char *pattern, const char *where,
                                    headsift_error *error) {
    char reason[160] = "";
    (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof reason);
    return hs_fail(error, HEADSIFT_FAILED, "%s: the pattern %.200s is not supported: %s (near byte %zu)", where,
                   pattern, reason, offset);
}

static headsift_status compile(struct hs_regex *regex, const struct hs_buffer *translated, const char *where,
                               pcre2_general_context *general, headsift_error *error) {
    pcre2_compile_context *context = pcre2_compile_context_create(general);
    if (context == NULL) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: no memory for a pattern", where);
    }
    /* Without its optimisations a search that looks far ahead also takes counted steps back. */
    enum { OPTIONS = PCRE2_UTF | PCRE2_UCP | PCRE2_NO_AUTO_POSSESS | PCRE2_NO_START_OPTIMIZE };
    int code;
    size_t offset;
    regex->code = pcre2_compile((PCRE2_SPTR)translated->data, translated->size, OPTIONS, &code, &offset, context);
    pcre2_compile_context_free(context);
    if (regex->code == NULL) {
        return fail_compile(code, offset, translated->data, where, error);
    }
    uint32_t empty = 0;
    (void)pcre2_pattern_info(regex->code, PCRE2_INFO_MATCHEMPTY, &empty);
    if (empty != 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: the pattern %.200s matches the empty text: not supported", where,
                       translated->data);
    }
    return HEADSIFT_OK;
}

headsift_status hs_regex_new(const char *pattern, size_t size, const char *where, struct hs_regex **out,
                             headsift_error *error) {
    struct hs_buffer translated = {0};
    pcre2_general_context *general = pcre2_general_context_create(allocate, release, NULL);
    struct hs_regex *regex = hs_alloc(1, sizeof *regex);
    headsift_status status = general != NULL && regex != NULL
                                 ? hs_regex_translate(pattern, size, where, &translated, error)
                                 : hs_fail(error, HEADSIFT_FAILED, "%s: no memory for a pattern", where);
    if (status == HEADSIFT_OK) {
        status = compile(regex, &translated, where, general, error);
    }
    pcre2_general_context_free(general);
    hs_buffer_free(&translated);
    if (status != HEADSIFT_OK) {
        hs_regex_free(regex);
        regex = NULL;
    }
    *out = regex;
    return status;
}

void hs_regex_free(struct hs_regex *regex) {
    if (regex != NULL) {
        pcre2_code_free(regex->code);
        hs_free(regex);
    }
}

struct hs_regex_room *hs_regex_room_new(void) {
    struct hs_regex_room *room = hs_alloc(1, sizeof *room);
    pcre2_general_context *general = pcre2_general_context_create(allocate, release, NULL);
    if (room != NULL && general != NULL) {
        room->match = pcre2_match_data_create(1, general);
        room->limits = pcre2_match_context_create(general);
    }
    pcre2_general_context_free(general);
    if (room != NULL && (room->match == NULL || room->limits == NULL)) {
        hs_regex_room_free(room);
        return NULL;
    }
    if (room != NULL) {
        pcre2_set_depth_limit(room->limits, MOST_DEPTH);
        pcre2_set_heap_limit(room->limits, MOST_KIB);
    }
    return room;
}

void hs_regex_room_free(struct hs_regex_room *room) {
    if (room != NULL) {
        pcre2_match_data_free(room->match);
        pcre2_match_context_free(room->limits);
        hs_free(room);
    }
}

size_t hs_regex_steps(size_t size) { return STEPS + STEPS_PER_BYTE * size; }

static headsift_status fail_match(int rc, headsift_error *error) {
    char reason[160] = "";
    (void)pcre2_get_error_message(rc, (PCRE2_UCHAR *)reason, sizeof reason);
    return hs_fail(error, HEADSIFT_FAILED, "a pattern of the tokenizer fails on this text: %s", reason);
}

/* PCRE2's answer for a match that begins at `at`. It gets more and more steps as long as there are some left. */
static int match_at(const struct hs_regex *regex, struct hs_regex_room *room, const char *text, size_t size, size_t at,
                    size_t *steps) {
    for (uint32_t limit = FIRST_LIMIT;; limit *= 8) {
        pcre2_set_match_limit(room->limits, limit);
        int rc = pcre2_match(regex->code, (PCRE2_SPTR)text, size, at, PCRE2_NO_UTF_CHECK | PCRE2_ANCHORED, room->match,
                             room->limits);
        size_t next = (size_t)limit * 8;
        if (rc != PCRE2_ERROR_MATCHLIMIT || next > *steps || next > UINT32_MAX) {
            return rc;
        }
        *steps -= next;
    }
}

headsift_status hs_regex_find(const struct hs_regex *regex, struct hs_regex_room *room, const char *text, size_t size,
                              size_t at, size_t *steps, size_t *start, size_t *end, headsift_error *error) {
    for (; at < size; at++) {
        if (((unsigned char)text[at] & 0xC0) == 0x80) {
            continue;
        }
        int rc = match_at(regex, room, text, size, at, steps);
        if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) {
            return fail_match(rc, error);
        }
        if (rc >= 0) {
            *start = at;
            *end = pcre2_get_ovector_pointer(room->match)[1];
            return HEADSIFT_OK;
        }
    }
    *start = *end = size;
    return HEADSIFT_OK;
}
