/* The labels of a file, each once, as choices.
 * Also the reader of records that have a text and a label. */
#include "eval/labels.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_LABELS = 1000, MOST_CHOICES_IN_ALL = 20000000 };

static int by_bytes(const void *a, const void *b) {
    const struct hs_view *x = a, *y = b;
    size_t least = x->size < y->size ? x->size : y->size;
    int order = least > 0 ? memcmp(x->data, y->data, least) : 0;
    return order != 0 ? order : (x->size > y->size) - (x->size < y->size);
}

/* All labels, ascending, each once; the caller frees. NULL when there is no memory. */
static struct hs_view *collect(const struct hs_records *records, const struct hs_records *examples, size_t *n_out) {
    size_t n = records->n, more = examples != records ? examples->n : 0;
    struct hs_view *labels = hs_alloc(n + more, sizeof *labels);
    if (labels == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < n + more; i++) {
        labels[i] = hs_view_of(i < n ? &records->items[i].label : &examples->items[i - n].label);
    }
    qsort(labels, n + more, sizeof *labels, by_bytes);
    size_t kept = 0;
    for (size_t i = 0; i < n + more; i++) {
        if (kept == 0 || !hs_view_is(labels[kept - 1], labels[i])) {
            labels[kept++] = labels[i];
        }
    }
    *n_out = kept;
    return labels;
}

static bool give_choices(struct hs_record *record, const struct hs_view *labels, size_t n) {
    struct hs_view own = hs_view_of(&record->label);
    const struct hs_view *place = bsearch(&own, labels, n, sizeof *labels, by_bytes);
    record->item.gold = (int32_t)(place - labels);
    bool ok = hs_texts_make(n, &record->item.choices, &record->item.n_choices);
    for (size_t i = 0; ok && i < n; i++) {
        ok = HS_JOIN(&record->item.choices[i], hs_view(" "), labels[i]);
    }
    return ok;
}

headsift_status hs_labels_to_choices(struct hs_records *records, const struct hs_records *examples,
                                     headsift_error *error) {
    size_t n;
    struct hs_view *labels = collect(records, examples, &n);
    bool ok = labels != NULL;
    headsift_status status = HEADSIFT_OK;
    if (ok && (n < 2 || n > MOST_LABELS || n * records->n > MOST_CHOICES_IN_ALL)) {
        status = hs_fail(error, HEADSIFT_FAILED,
                         "the %zu records have %zu different labels: 2 to %d can be asked, and %d choices in all",
                         records->n, n, MOST_LABELS, MOST_CHOICES_IN_ALL);
    }
    for (size_t i = 0; ok && status == HEADSIFT_OK && i < records->n; i++) {
        ok = give_choices(&records->items[i], labels, n);
    }
    hs_free(labels);
    return ok ? status : hs_no_memory(error);
}

/* A label as words: card_arrival is asked as "card arrival". */
static void to_words(struct hs_text *label) {
    for (size_t i = 0; i < label->size; i++) {
        label->data[i] = label->data[i] == '_' ? ' ' : label->data[i];
    }
}

headsift_status hs_read_labelled(const json_t *row, const char *where, struct hs_record *out, headsift_error *error) {
    static const char *const keys[] = {"label_text", "category", "label"};
    struct hs_view text, label = {0};
    out->asked.kind = HS_TASK_CHOICE;
    HS_TRY(hs_row_text(row, "text", true, where, &text, error));
    for (size_t i = 0; i < sizeof keys / sizeof *keys && label.size == 0; i++) {
        const json_t *value = json_object_get(row, keys[i]);
        if (json_is_string(value)) {
            label = hs_view_trim((struct hs_view){json_string_value(value), json_string_length(value)});
        }
    }
    if (label.size == 0) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: the label has no name: add \"label_text\", or begin the file with {\"names\": [...]}",
                       where);
    }
    bool ok = HS_JOIN(&out->label, label);
    to_words(&out->label);
    ok = ok && HS_JOIN(&out->item.context, hs_view("Query: "), hs_view_trim(text), hs_view("\nIntent:")) &&
         HS_JOIN(&out->worked, hs_view_of(&out->item.context), hs_view(" "), hs_view_of(&out->label));
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}
