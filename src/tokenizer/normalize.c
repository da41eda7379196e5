/* NFC a stretch at a time: from one character that starts afresh to the next, so that each change can be traced back.
 * utf8proc knows the decompositions and compositions; the class table says which of them the library knows. */
#include "tokenizer/normalize.h"

#include <string.h>
#include <utf8proc.h>

#include "tokenizer/unicode.h"

bool hs_nfc_may_change(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] >= 0xCC) {
            return true;
        }
    }
    return false;
}

static bool known(uint32_t point) { return (hs_class_of(point) & HS_CLASS_CANONICAL) != 0; }

static uint8_t combining_class(uint32_t point) {
    return known(point) ? (uint8_t)utf8proc_get_property((utf8proc_int32_t)point)->combining_class : 0;
}

/* Whether nothing before `point` can have a part in its normal form: all that can are marks or Jamo vowels and finals.
 */
static bool starts_afresh(uint32_t point) {
    if (point < 0x300) {
        return true;
    }
    if (point >= 0x1160 && point <= 0x11FF) {
        return false;
    }
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)point);
    return category != UTF8PROC_CATEGORY_MN && category != UTF8PROC_CATEGORY_MC && category != UTF8PROC_CATEGORY_ME;
}

/* The bytes of the stretch that begins at text[0]. */
static size_t stretch_size(const char *text, size_t size) {
    size_t at, length;
    (void)hs_utf8_decode(text, &at);
    while (at < size && !starts_afresh(hs_utf8_decode(text + at, &length))) {
        at += length;
    }
    return at;
}

enum { MOST_PARTS = 8 }; /* no character comes to more than four */

static bool decompose(struct hs_normalized *work, const char *text, size_t size, size_t *n) {
    *n = 0;
    for (size_t at = 0, length; at < size; at += length) {
        uint32_t point = hs_utf8_decode(text + at, &length);
        if (!hs_grow((void **)&work->points, &work->points_capacity, *n + MOST_PARTS, sizeof *work->points)) {
            return false;
        }
        int boundary = 0;
        utf8proc_ssize_t parts = 1;
        work->points[*n] = (int32_t)point;
        if (known(point)) {
            parts = utf8proc_decompose_char((utf8proc_int32_t)point, work->points + *n, MOST_PARTS,
                                            UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &boundary);
        }
        *n += parts > 0 && parts <= MOST_PARTS ? (size_t)parts : 1;
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

static bool reorder(struct hs_normalized *work, size_t n) {
    if (!hs_grow((void **)&work->classes, &work->classes_capacity, n, 1) ||
        !hs_grow((void **)&work->points, &work->points_capacity, n * 2, sizeof *work->points)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        work->classes[i] = combining_class((uint32_t)work->points[i]);
    }
    for (size_t start = 0, end; start < n; start = end) {
        end = start + 1;
        while (work->classes[start] != 0 && end < n && work->classes[end] != 0) {
            end++;
        }
        if (!in_order(work->classes + start, end - start)) {
            memcpy(work->points + n, work->points + start, (end - start) * sizeof *work->points);
            sort_marks(work->points + n, work->points + start, work->classes + start, end - start);
        }
    }
    return true;
}

/* What two characters compose to, or 0. */
static int32_t compose_pair(int32_t first, int32_t second) {
    utf8proc_int32_t pair[3] = {first, second, 0};
    utf8proc_ssize_t n = utf8proc_normalize_utf32(pair, 2, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    return n == 1 && known((uint32_t)pair[0]) ? pair[0] : 0;
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

static bool add_change(struct hs_normalized *out, size_t start, size_t text_start, size_t text_end) {
    if (!hs_grow((void **)&out->changes, &out->changes_capacity, out->n_changes + 1, sizeof *out->changes)) {
        return false;
    }
    out->changes[out->n_changes++] =
        (struct hs_change){.start = start, .end = out->text.size, .text_start = text_start, .text_end = text_end};
    return true;
}

/* Appends the normal form of one stretch. */
static bool normalize_stretch(struct hs_normalized *out, const char *text, size_t size, size_t text_start) {
    size_t n, start = out->text.size;
    if (!decompose(out, text, size, &n) || !reorder(out, n) || !hs_buffer_reserve(&out->text, n * 4)) {
        return false;
    }
    n = compose(out->points, n);
    for (size_t i = 0; i < n; i++) {
        out->text.size += hs_utf8_encode((uint32_t)out->points[i], out->text.data + out->text.size);
    }
    bool same = out->text.size - start == size && memcmp(out->text.data + start, text, size) == 0;
    return same || add_change(out, start, text_start, text_start + size);
}

/* One character that nothing can change. */
static bool is_inert(const char *text, size_t size) {
    size_t length;
    uint32_t point = hs_utf8_decode(text, &length);
    return length == size && !known(point);
}

headsift_status hs_nfc(const char *text, size_t size, size_t base, struct hs_normalized *out, headsift_error *error) {
    out->text.size = 0;
    out->n_changes = 0;
    out->base = base;
    for (size_t at = 0, stretch; at < size; at += stretch) {
        stretch = stretch_size(text + at, size - at);
        bool ok = is_inert(text + at, stretch) ? hs_buffer_append(&out->text, text + at, stretch)
                                               : normalize_stretch(out, text + at, stretch, base + at);
        if (!ok) {
            return hs_fail_memory(error, "normalised text", size);
        }
    }
    return HEADSIFT_OK;
}

void hs_normalized_free(struct hs_normalized *normalized) {
    hs_buffer_free(&normalized->text);
    hs_free(normalized->changes);
    hs_free(normalized->points);
    hs_free(normalized->classes);
    *normalized = (struct hs_normalized){0};
}

/* The last change that begins before `at`, or NULL. */
static const struct hs_change *change_before(const struct hs_normalized *normalized, size_t at) {
    size_t low = 0, high = normalized->n_changes; /* those before `low` begin before `at` */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (normalized->changes[middle].start < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? NULL : &normalized->changes[low - 1];
}

size_t hs_normalized_start(const struct hs_normalized *normalized, size_t at) {
    const struct hs_change *change = change_before(normalized, at + 1);
    if (change == NULL) {
        return normalized->base + at;
    }
    return at < change->end ? change->text_start : change->text_end + (at - change->end);
}

size_t hs_normalized_end(const struct hs_normalized *normalized, size_t at) {
    const struct hs_change *change = change_before(normalized, at);
    if (change == NULL) {
        return normalized->base + at;
    }
    return at <= change->end ? change->text_end : change->text_end + (at - change->end);
}
