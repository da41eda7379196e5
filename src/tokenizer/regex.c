/* The only file that knows PCRE2: compiling, limits, one search.
 * No text may take the search more steps or memory than the limits allow; it fails with a message instead. */
#include "tokenizer/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    MOST_STEPS = 20000000, /* a run of a million characters takes some of these each */
    MOST_DEPTH = 1000000,
    MOST_KIB = 256 * 1024,
};

struct hs_regex {
    pcre2_code *code;
    pcre2_match_context *limits;
};

struct hs_regex_room {
    pcre2_match_data *match;
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
    regex->limits = pcre2_match_context_create(general);
    if (context == NULL || regex->limits == NULL) {
        pcre2_compile_context_free(context);
        return hs_fail(error, HEADSIFT_FAILED, "%s: no memory for a pattern", where);
    }
    pcre2_set_match_limit(regex->limits, MOST_STEPS);
    pcre2_set_depth_limit(regex->limits, MOST_DEPTH);
    pcre2_set_heap_limit(regex->limits, MOST_KIB);
    int code;
    size_t offset;
    regex->code =
        pcre2_compile((PCRE2_SPTR)translated->data, translated->size, PCRE2_UTF | PCRE2_UCP, &code, &offset, context);
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
        pcre2_match_context_free(regex->limits);
        hs_free(regex);
    }
}

struct hs_regex_room *hs_regex_room_new(void) {
    struct hs_regex_room *room = hs_alloc(1, sizeof *room);
    pcre2_general_context *general = pcre2_general_context_create(allocate, release, NULL);
    if (room != NULL && general != NULL) {
        room->match = pcre2_match_data_create(1, general);
    }
    pcre2_general_context_free(general);
    if (room != NULL && room->match == NULL) {
        hs_free(room);
        room = NULL;
    }
    return room;
}

void hs_regex_room_free(struct hs_regex_room *room) {
    if (room != NULL) {
        pcre2_match_data_free(room->match);
        hs_free(room);
    }
}

headsift_status hs_regex_find(const struct hs_regex *regex, struct hs_regex_room *room, const char *text, size_t size,
                              size_t at, size_t *start, size_t *end, headsift_error *error) {
    int rc = pcre2_match(regex->code, (PCRE2_SPTR)text, size, at, PCRE2_NO_UTF_CHECK, room->match, regex->limits);
    if (rc == PCRE2_ERROR_NOMATCH) {
        *start = *end = size;
        return HEADSIFT_OK;
    }
    if (rc < 0) {
        char reason[160] = "";
        (void)pcre2_get_error_message(rc, (PCRE2_UCHAR *)reason, sizeof reason);
        return hs_fail(error, HEADSIFT_FAILED, "the tokenizer's pattern fails on this text: %s", reason);
    }
    const size_t *matched = pcre2_get_ovector_pointer(room->match);
    *start = matched[0];
    *end = matched[1];
    return HEADSIFT_OK;
}
