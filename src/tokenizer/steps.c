/* Runs one step over a text: what stays is copied, what changes is noted with its place.
 * All are one pass. */
#define _GNU_SOURCE
#include "tokenizer/steps.h"

#include <string.h>
#include <utf8proc.h>

#include "tokenizer/unicode.h"

struct hs_step *hs_steps_add(struct hs_steps *steps) {
    if (steps->n == HS_MOST_STEPS) {
        return NULL;
    }
    steps->step[steps->n] = (struct hs_step){0};
    return &steps->step[steps->n++];
}

void hs_steps_free(struct hs_steps *steps) {
    for (size_t i = 0; i < steps->n; i++) {
        hs_free(steps->step[i].pattern);
        hs_free(steps->step[i].content);
        hs_regex_free(steps->step[i].regex);
    }
    steps->n = 0;
}

void hs_step_room_free(struct hs_step_room *room) {
    hs_form_room_free(&room->form);
    hs_regex_room_free(room->regex);
    *room = (struct hs_step_room){0};
}

headsift_status hs_step_room_regex(struct hs_step_room *room, struct hs_regex_room **out, headsift_error *error) {
    if (room->regex == NULL) {
        room->regex = hs_regex_room_new();
    }
    *out = room->regex;
    return room->regex != NULL ? HEADSIFT_OK : hs_fail_memory(error, "searching for a pattern", 0);
}

/* ---- Character by character ------------------------------------------------------------------------------------- */

/* Lower case where the library's Unicode version is ahead of utf8proc's; last: what is added. */
static const struct {
    uint32_t first, last, step;
    int32_t add;
} newer_lower[] = {
    {0x1C89, 0x1C89, 1, 1},      {0xA7CB, 0xA7CB, 1, 0x264 - 0xA7CB},
    {0xA7CC, 0xA7CE, 2, 1},      {0xA7D2, 0xA7D4, 2, 1},
    {0xA7DA, 0xA7DA, 1, 1},      {0xA7DC, 0xA7DC, 1, 0x19B - 0xA7DC},
    {0x10D50, 0x10D65, 1, 0x20}, {0x16EA0, 0x16EB8, 1, 0x1B},
};

static uint32_t lower_of(uint32_t point) {
    for (size_t i = 0; i < sizeof newer_lower / sizeof newer_lower[0]; i++) {
        if (point >= newer_lower[i].first && point <= newer_lower[i].last &&
            (point - newer_lower[i].first) % newer_lower[i].step == 0) {
            return (uint32_t)((int32_t)point + newer_lower[i].add);
        }
    }
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)point);
}

/* Writes what a character becomes to out[8]; returns its bytes. */
static size_t map_point(enum hs_step_kind kind, uint32_t point, char *out) {
    if (kind == HS_STEP_STRIP_ACCENTS) {
        return (hs_class_of(point) & HS_CLASS_MARK) != 0 ? 0 : hs_utf8_encode(point, out);
    }
    if (point == 0x130) { /* the one that comes to two */
        memcpy(out, "i\xCC\x87", 3);
        return 3;
    }
    return hs_utf8_encode(lower_of(point), out);
}

static bool map_points(enum hs_step_kind kind, const char *text, size_t size, struct hs_rewrite *out) {
    for (size_t at = 0, length; at < size; at += length) {
        char mapped[8];
        size_t n = map_point(kind, hs_utf8_decode(text + at, &length), mapped);
        bool same = n == length && memcmp(mapped, text + at, n) == 0;
        if (same ? !hs_rewrite_keep(out, mapped, n) : !hs_rewrite_put(out, mapped, n, at, at + length)) {
            return false;
        }
    }
    return true;
}

/* ---- Ends and places -------------------------------------------------------------------------------------------- */

static bool strip(const struct hs_step *step, const char *text, size_t size, struct hs_rewrite *out) {
    size_t start = 0, end = size, length;
    while (step->left && start < end && (hs_class_at(text + start, &length) & HS_CLASS_SPACE) != 0) {
        start += length;
    }
    while (step->right && end > start) {
        size_t last = end - 1;
        while (((unsigned char)text[last] & 0xC0) == 0x80) {
            last--;
        }
        if ((hs_class_at(text + last, &length) & HS_CLASS_SPACE) == 0) {
            break;
        }
        end = last;
    }
    return (start == 0 || hs_rewrite_put(out, "", 0, 0, start)) && hs_rewrite_keep(out, text + start, end - start) &&
           (end == size || hs_rewrite_put(out, "", 0, end, size));
}

static headsift_status find(const struct hs_step *step, struct hs_regex_room *room, const char *text, size_t size,
                            size_t at, size_t *start, size_t *end, headsift_error *error) {
    if (step->regex != NULL) {
        return hs_regex_find(step->regex, room, text, size, at, start, end, error);
    }
    const char *found = memmem(text + at, size - at, step->pattern, step->pattern_size);
    *start = found == NULL ? size : (size_t)(found - text);
    *end = found == NULL ? size : *start + step->pattern_size;
    return HEADSIFT_OK;
}

static headsift_status replace(const struct hs_step *step, const char *text, size_t size, struct hs_step_room *room,
                               struct hs_rewrite *out, headsift_error *error) {
    struct hs_regex_room *regex = NULL;
    if (step->regex != NULL) {
        HS_TRY(hs_step_room_regex(room, &regex, error));
    }
    for (size_t at = 0, start, end; at < size; at = end) {
        HS_TRY(find(step, regex, text, size, at, &start, &end, error));
        if (!hs_rewrite_keep(out, text + at, start - at) ||
            (start < size && !hs_rewrite_put(out, step->content, step->content_size, start, end))) {
            return hs_fail_memory(error, "normalised text", size);
        }
    }
    return HEADSIFT_OK;
}

static bool prepend(const struct hs_step *step, const char *text, size_t size, bool at_start, struct hs_rewrite *out) {
    bool there = size >= step->content_size && memcmp(text, step->content, step->content_size) == 0;
    if (size == 0 || (there && step->only_if_missing) || (!at_start && step->only_at_start)) {
        return true;
    }
    return hs_rewrite_put(out, step->content, step->content_size, 0, 0) && hs_rewrite_keep(out, text, size);
}

/* ---- Running ---------------------------------------------------------------------------------------------------- */

headsift_status hs_step_run(const struct hs_step *step, const char *text, size_t size, bool at_start,
                            struct hs_step_room *room, struct hs_rewrite *out, bool *changed, headsift_error *error) {
    bool ok = true;
    hs_rewrite_clear(out);
    switch (step->kind) {
    case HS_STEP_FORM:
        if (hs_form_may_change(step->form, text, size)) {
            HS_TRY(hs_form_apply(step->form, text, size, &room->form, out, error));
        }
        break;
    case HS_STEP_LOWERCASE:
    case HS_STEP_STRIP_ACCENTS:
        ok = map_points(step->kind, text, size, out);
        break;
    case HS_STEP_STRIP:
        ok = strip(step, text, size, out);
        break;
    case HS_STEP_REPLACE:
        HS_TRY(replace(step, text, size, room, out, error));
        break;
    case HS_STEP_PREPEND:
        ok = prepend(step, text, size, at_start, out);
        break;
    }
    *changed = out->n_changes > 0;
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "normalised text", size);
}

headsift_status hs_steps_run_plain(const struct hs_steps *steps, const char *text, size_t size,
                                   struct hs_step_room *room, struct hs_rewrite rewrites[2], const char **out,
                                   size_t *out_size, headsift_error *error) {
    *out = text;
    *out_size = size;
    size_t next = 0;
    for (size_t i = 0; i < steps->n; i++) {
        bool changed;
        HS_TRY(hs_step_run(&steps->step[i], *out, *out_size, true, room, &rewrites[next], &changed, error));
        if (changed) {
            *out = rewrites[next].text.data;
            *out_size = rewrites[next].text.size;
            next = 1 - next;
        }
    }
    return HEADSIFT_OK;
}
