/* Normal forms a stretch at a time: from one character that starts afresh to the next, so that each change can be
 * traced back. utf8proc knows the decompositions and compositions; the class table says which of them the library
 * knows. */
#include "tokenizer/normalize.h"

#include <string.h>
#include <utf8proc.h>

#include "tokenizer/unicode.h"

bool hs_form_may_change(enum hs_form form, const char *text, size_t size) {
    unsigned char lowest = form == HS_FORM_NFC ? 0xCC : 0x80;
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] >= lowest) {
            return true;
        }
    }
    return false;
}

/* Whether the form's decomposition has to do with the character. */
static bool known(enum hs_form form, uint32_t point) {
    return (hs_class_of(point) & ((form & HS_FORM_COMPAT) != 0 ? HS_CLASS_COMPAT : HS_CLASS_CANONICAL)) != 0;
}

static uint8_t combining_class(uint32_t point) {
    return known(HS_FORM_NFC, point) ? (uint8_t)utf8proc_get_property((utf8proc_int32_t)point)->combining_class : 0;
}

enum { MOST_PARTS = 32 }; /* no character comes to more than eighteen */

/* Writes what a character decomposes to; returns how many that are. */
static size_t parts_of(enum hs_form form, uint32_t point, int32_t parts[MOST_PARTS]) {
    int boundary = 0;
    parts[0] = (int32_t)point;
    if (!known(form, point)) {
        return 1;
    }
    int options = UTF8PROC_DECOMPOSE | UTF8PROC_STABLE | ((form & HS_FORM_COMPAT) != 0 ? UTF8PROC_COMPAT : 0);
    utf8proc_ssize_t n =
        utf8proc_decompose_char((utf8proc_int32_t)point, parts, MOST_PARTS, (utf8proc_option_t)options, &boundary);
    return n > 0 && n <= MOST_PARTS ? (size_t)n : 1;
}

/* Whether nothing before `point` can have a part in its normal form: all that can begin with marks or with Jamo vowels
 * and finals, once decomposed. */
static bool starts_afresh(enum hs_form form, uint32_t point) {
    if (point < 0x300) {
        return true;
    }
    if ((form & HS_FORM_COMPAT) != 0) {
        int32_t parts[MOST_PARTS];
        (void)parts_of(form, point, parts);
        point = (uint32_t)parts[0];
    }
    if (point >= 0x1160 && point <= 0x11FF) {
        return false;
    }
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)point);
    return category != UTF8PROC_CATEGORY_MN && category != UTF8PROC_CATEGORY_MC && category != UTF8PROC_CATEGORY_ME;
}

/* The bytes of the stretch that begins at text[0]. */
static size_t stretch_size(enum hs_form form, const char *text, size_t size) {
    size_t at, length;
    (void)hs_utf8_decode(text, &at);
    while (at < size && !starts_afresh(form, hs_utf8_decode(text + at, &length))) {
        at += length;
    }
    return at;
}

static bool decompose(enum hs_form form, struct hs_form_room *room, const char *text, size_t size, size_t *n) {
    *n = 0;
    for (size_t at = 0, length; at < size; at += length) {
        uint32_t point = hs_utf8_decode(text + at, &length);
        if (!hs_grow((void **)&room->points, &room->points_capacity, *n + MOST_PARTS, sizeof *room->points)) {
            return false;
        }
        *n += parts_of(form, point, room->points + *n);
    }
    return true;
}

/* Sorts a row of marks by combining class, equal ones in their order: counting, so that no row is slow. */
static void sort_marks(const int32_t *from, int32_t *to, const uint8_t *classes, size_t n) {
    size_t places[257] = {0};
    for (size_t i = 0; i < n; i++) {
        places[classes[i] + 1]++;
    }
    for (size_t i = 1; i < 257; i++) {
        places[i] += places[i - 1];
    }
    for (size_t i = 0; i < n; i++) {
        to[places[classes[i]]++] = from[i];
    }
}

static bool in_order(const uint8_t *classes, size_t n) {
    for (size_t i = 1; i < n; i++) {
        if (classes[i] < classes[i - 1]) {
            return false;
        }
    }
    return true;
}

static bool reorder(struct hs_form_room *room, size_t n) {
    if (!hs_grow((void **)&room->classes, &room->classes_capacity, n, 1) ||
        !hs_grow((void **)&room->points, &room->points_capacity, n * 2, sizeof *room->points)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        room->classes[i] = combining_class((uint32_t)room->points[i]);
    }
    for (size_t start = 0, end; start < n; start = end) {
        end = start + 1;
        while (room->classes[start] != 0 && end < n && room->classes[end] != 0) {
            end++;
        }
        if (!in_order(room->classes + start, end - start)) {
            memcpy(room->points + n, room->points + start, (end - start) * sizeof *room->points);
            sort_marks(room->points + n, room->points + start, room->classes + start, end - start);
        }
    }
    return true;
}

/* What two characters compose to, or 0. */
static int32_t compose_pair(int32_t first, int32_t second) {
    utf8proc_int32_t pair[3] = {first, second, 0};
    utf8proc_ssize_t n = utf8proc_normalize_utf32(pair, 2, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    return n == 1 && known(HS_FORM_NFC, (uint32_t)pair[0]) ? pair[0] : 0;
}

/* Composes in place; returns how many are left. */
static size_t compose(int32_t *points, size_t n) {
    size_t kept = 0, starter = SIZE_MAX;
    uint8_t last = 0; /* the class of the last one kept behind the starter */
    for (size_t i = 0; i < n; i++) {
        uint8_t class = combining_class((uint32_t)points[i]);
        bool blocked = starter == SIZE_MAX || (kept - 1 > starter && (last == 0 || last >= class));
        int32_t composed = blocked ? 0 : compose_pair(points[starter], points[i]);
        if (composed != 0) {
            points[starter] = composed;
            continue;
        }
        if (class == 0) {
            starter = kept;
        }
        last = class;
        points[kept++] = points[i];
    }
    return kept;
}

/* Appends the normal form of one stretch. */
static bool normalize_stretch(enum hs_form form, struct hs_form_room *room, struct hs_rewrite *out, const char *text,
                              size_t size, size_t text_start) {
    size_t n;
    room->bytes.size = 0;
    if (!decompose(form, room, text, size, &n) || !reorder(room, n) || !hs_buffer_reserve(&room->bytes, n * 4)) {
        return false;
    }
    n = (form & HS_FORM_COMPOSED) != 0 ? compose(room->points, n) : n;
    for (size_t i = 0; i < n; i++) {
        room->bytes.size += hs_utf8_encode((uint32_t)room->points[i], room->bytes.data + room->bytes.size);
    }
    bool same = room->bytes.size == size && memcmp(room->bytes.data, text, size) == 0;
    return same ? hs_rewrite_keep(out, text, size)
                : hs_rewrite_put(out, room->bytes.data, room->bytes.size, text_start, text_start + size);
}

/* One character that nothing can change. */
static bool is_inert(enum hs_form form, const char *text, size_t size) {
    size_t length;
    uint32_t point = hs_utf8_decode(text, &length);
    return length == size && !known(form, point);
}

headsift_status hs_form_apply(enum hs_form form, const char *text, size_t size, struct hs_form_room *room,
                              struct hs_rewrite *out, headsift_error *error) {
    for (size_t at = 0, stretch; at < size; at += stretch) {
        stretch = stretch_size(form, text + at, size - at);
        bool ok = is_inert(form, text + at, stretch) ? hs_rewrite_keep(out, text + at, stretch)
                                                     : normalize_stretch(form, room, out, text + at, stretch, at);
        if (!ok) {
            return hs_fail_memory(error, "normalised text", size);
        }
    }
    return HEADSIFT_OK;
}

void hs_form_room_free(struct hs_form_room *room) {
    hs_free(room->points);
    hs_free(room->classes);
    hs_buffer_free(&room->bytes);
    *room = (struct hs_form_room){0};
}
