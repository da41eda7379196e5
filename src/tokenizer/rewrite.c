/* The list of changes of a rewritten text, searched by halves.
 * A change may be empty on either side: what is taken out, what is put in front. */
#include "tokenizer/rewrite.h"

void hs_rewrite_clear(struct hs_rewrite *rewrite) {
    rewrite->text.size = 0;
    rewrite->n_changes = 0;
}

void hs_rewrite_free(struct hs_rewrite *rewrite) {
    hs_buffer_free(&rewrite->text);
    hs_free(rewrite->changes);
    *rewrite = (struct hs_rewrite){0};
}

bool hs_rewrite_keep(struct hs_rewrite *rewrite, const char *bytes, size_t size) {
    return hs_buffer_append(&rewrite->text, bytes, size);
}

bool hs_rewrite_put(struct hs_rewrite *rewrite, const char *bytes, size_t size, size_t text_start, size_t text_end) {
    size_t start = rewrite->text.size;
    if (!hs_grow((void **)&rewrite->changes, &rewrite->changes_capacity, rewrite->n_changes + 1,
                 sizeof *rewrite->changes) ||
        !hs_buffer_append(&rewrite->text, bytes, size)) {
        return false;
    }
    rewrite->changes[rewrite->n_changes++] =
        (struct hs_change){.start = start, .end = start + size, .text_start = text_start, .text_end = text_end};
    return true;
}

/* The last change that begins before `at`, or NULL. */
static const struct hs_change *change_before(const struct hs_rewrite *rewrite, size_t at) {
    size_t low = 0, high = rewrite->n_changes; /* those before `low` begin before `at` */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rewrite->changes[middle].start < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? NULL : &rewrite->changes[low - 1];
}

size_t hs_rewrite_start(const struct hs_rewrite *rewrite, size_t at) {
    const struct hs_change *change = change_before(rewrite, at + 1);
    if (change == NULL) {
        return at;
    }
    return at < change->end ? change->text_start : change->text_end + (at - change->end);
}

size_t hs_rewrite_end(const struct hs_rewrite *rewrite, size_t at) {
    const struct hs_change *change = change_before(rewrite, at);
    if (change == NULL) {
        return at;
    }
    return at <= change->end ? change->text_end : change->text_end + (at - change->end);
}
