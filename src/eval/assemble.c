/* Worked examples in front, items behind them: a task out of records.
 * Examples are the first ones of a group; of a file whose choices are labels, the first ones of each label in turn. */
#include <string.h>

#include "eval/files.h"
#include "eval/labels.h"

struct group {
    struct hs_view name;
    size_t *picked; /* records that are its worked examples */
    int32_t prefix; /* in the task; NOT_MADE so far */
};
enum { NOT_MADE = -2 };

struct maker {
    struct hs_records *records;        /* items come from here */
    const struct hs_records *examples; /* worked examples come from here: `records`, or others */
    size_t shots;
    struct hs_task *task;
    size_t prefixes_capacity;
    bool *used;        /* (records->n): is an example, so it is not asked */
    size_t *groups_of; /* (records->n) */
    struct group *groups;
    size_t n_groups, groups_capacity;
};

/* ---- Examples -------------------------------------------------------------------------------------------------- */

/* How many of those picked have the label of record i; SIZE_MAX where i is one of them. */
static size_t picked_of_label(const struct hs_records *from, const size_t *picked, size_t n, size_t i) {
    size_t count = 0;
    for (size_t j = 0; j < n; j++) {
        if (picked[j] == i) {
            return SIZE_MAX;
        }
        count += hs_view_is(hs_view_of(&from->items[picked[j]].label), hs_view_of(&from->items[i].label));
    }
    return count;
}

/* Adds the examples of one round, in which each label gets one more; without labels there is one round for all. */
static size_t pick_round(const struct maker *maker, struct hs_view group, size_t round, size_t *picked, size_t n) {
    const struct hs_records *from = maker->examples;
    for (size_t i = 0; i < from->n && n < maker->shots; i++) {
        bool of_group = hs_view_is(hs_view_of(&from->items[i].item.group), group);
        if (of_group && (!from->layout->labels || picked_of_label(from, picked, n, i) == round)) {
            picked[n++] = i;
        }
    }
    return n;
}

static headsift_status pick(struct maker *maker, struct group *group, headsift_error *error) {
    group->picked = hs_alloc(maker->shots, sizeof *group->picked);
    if (group->picked == NULL) {
        return hs_no_memory(error);
    }
    size_t n = 0, before, round = 0;
    do {
        before = n;
        n = pick_round(maker, group->name, round++, group->picked, n);
    } while (n < maker->shots && n > before && maker->examples->layout->labels);
    if (n < maker->shots) {
        int shown = (int)(group->name.size < 100 ? group->name.size : 100);
        return hs_fail(error, HEADSIFT_USAGE,
                       "%s%.*s: %zu worked examples are wanted, and there are %zu records: ask for fewer shots",
                       shown > 0 ? "group " : "the file of examples", shown, shown > 0 ? group->name.data : "",
                       maker->shots, n);
    }
    for (size_t i = 0; maker->examples == maker->records && i < n; i++) {
        maker->used[group->picked[i]] = true;
    }
    return HEADSIFT_OK;
}

static headsift_status find_group(struct maker *maker, size_t record, headsift_error *error) {
    struct hs_view name = hs_view_of(&maker->records->items[record].item.group);
    size_t i = maker->n_groups;
    while (i > 0 && !hs_view_is(maker->groups[i - 1].name, name)) {
        i--;
    }
    if (i > 0) {
        maker->groups_of[record] = i - 1;
        return HEADSIFT_OK;
    }
    void *groups = maker->groups;
    bool grown = hs_grow(&groups, &maker->groups_capacity, maker->n_groups + 1, sizeof *maker->groups);
    maker->groups = groups;
    if (!grown) {
        return hs_no_memory(error);
    }
    maker->groups_of[record] = maker->n_groups;
    struct group *group = &maker->groups[maker->n_groups++];
    *group = (struct group){.name = name, .prefix = NOT_MADE};
    return pick(maker, group, error);
}

/* ---- Prefixes -------------------------------------------------------------------------------------------------- */

static bool append(struct hs_buffer *out, const struct hs_text *text) {
    return text->size == 0 || hs_buffer_append(out, text->data, text->size);
}

static bool append_example(const struct hs_record *record, struct hs_buffer *out) {
    const struct hs_item *item = &record->item;
    bool ok;
    if (record->worked.size > 0) {
        ok = append(out, &record->worked);
    } else {
        ok = append(out, item->contexts != NULL ? &item->contexts[item->gold] : &item->context) &&
             append(out, &item->choices[item->gold]);
    }
    return ok && hs_buffer_append(out, "\n\n", 2);
}

/* Tells the index of a prefix, which is added where there is no equal one; the buffer is empty then. */
static bool add_prefix(struct maker *maker, struct hs_buffer *text, int32_t *index) {
    struct hs_task *task = maker->task;
    for (size_t i = task->n_prefixes; i > 0; i--) {
        if (hs_view_is(hs_view_of(&task->prefixes[i - 1]), (struct hs_view){text->data, text->size})) {
            hs_buffer_free(text);
            *index = (int32_t)(i - 1);
            return true;
        }
    }
    void *prefixes = task->prefixes;
    bool grown = hs_grow(&prefixes, &maker->prefixes_capacity, task->n_prefixes + 1, sizeof *task->prefixes);
    task->prefixes = prefixes;
    if (!grown) {
        return false;
    }
    *index = (int32_t)task->n_prefixes;
    task->prefixes[task->n_prefixes] = (struct hs_text){0};
    hs_text_take(&task->prefixes[task->n_prefixes++], text);
    return true;
}

static bool group_prefix(struct maker *maker, struct group *group) {
    if (group->prefix != NOT_MADE) {
        return true;
    }
    const struct hs_layout *layout = maker->records->layout;
    struct hs_buffer text = {0};
    bool ok = layout->header == NULL || layout->header(group->name, &text);
    for (size_t i = 0; ok && i < maker->shots; i++) {
        ok = append_example(&maker->examples->items[group->picked[i]], &text);
    }
    group->prefix = -1;
    ok = ok && (text.size == 0 || add_prefix(maker, &text, &group->prefix));
    hs_buffer_free(&text);
    return ok;
}

/* ---- Items ----------------------------------------------------------------------------------------------------- */

static bool move_item(struct maker *maker, size_t from) {
    struct hs_record *record = &maker->records->items[from];
    struct group *group = &maker->groups[maker->groups_of[from]];
    int32_t prefix = -1;
    bool ok;
    if (record->prefix.size > 0) {
        struct hs_buffer text = {record->prefix.data, record->prefix.size, record->prefix.size};
        record->prefix = (struct hs_text){0};
        ok = add_prefix(maker, &text, &prefix);
        hs_buffer_free(&text);
    } else {
        ok = group_prefix(maker, group);
        prefix = group->prefix;
    }
    struct hs_item *item = &maker->task->items[maker->task->n_items++];
    *item = record->item;
    item->prefix = prefix;
    record->item = (struct hs_item){0};
    return ok;
}

/* `limit` of the records that are no examples, at even distances; 0: all. */
static headsift_status move_items(struct maker *maker, int64_t limit, headsift_error *error) {
    const struct hs_records *records = maker->records;
    size_t free = 0;
    for (size_t i = 0; i < records->n; i++) {
        free += !maker->used[i];
    }
    if (free == 0) {
        return hs_fail(error, HEADSIFT_USAGE, "all %zu records are worked examples: ask for fewer shots", records->n);
    }
    size_t wanted = limit > 0 && (uint64_t)limit < free ? (size_t)limit : free;
    maker->task->items = hs_alloc(wanted, sizeof *maker->task->items);
    if (maker->task->items == NULL) {
        return hs_no_memory(error);
    }
    /* The k-th free record is taken where k * wanted / free steps up. */
    for (size_t i = 0, k = 0; i < records->n; i++) {
        if (maker->used[i]) {
            continue;
        }
        if (k * wanted / free >= maker->task->n_items && maker->task->n_items < wanted && !move_item(maker, i)) {
            return hs_no_memory(error);
        }
        k++;
    }
    return HEADSIFT_OK;
}

static void move_asked(struct hs_task *task, struct hs_asked *asked, size_t shots) {
    task->kind = asked->kind;
    task->match = asked->match;
    task->most_tokens = asked->most_tokens;
    task->stops = asked->stops;
    task->n_stops = asked->n_stops;
    task->shots = shots > 0 ? (int32_t)shots : asked->shots;
    *asked = (struct hs_asked){0};
}

/* ---- All together ---------------------------------------------------------------------------------------------- */

static headsift_status check_shots(const struct maker *maker, headsift_error *error) {
    const struct hs_records *records = maker->records;
    for (size_t i = 0; maker->shots > 0 && i < records->n; i++) {
        if (records->items[i].prefix.size > 0) {
            return hs_fail(error, HEADSIFT_USAGE,
                           "record %zu has a \"prefix\" of its own: worked examples can't stand in front of it too",
                           i + 1);
        }
    }
    if (maker->examples->layout != records->layout) {
        return hs_fail(error, HEADSIFT_USAGE, "the worked examples are laid out as %s, the items as %s",
                       maker->examples->layout->name, records->layout->name);
    }
    return HEADSIFT_OK;
}

static headsift_status make(struct maker *maker, int64_t limit, headsift_error *error) {
    HS_TRY(check_shots(maker, error));
    struct hs_records *records = maker->records;
    maker->used = hs_alloc(records->n, sizeof *maker->used);
    maker->groups_of = hs_alloc(records->n, sizeof *maker->groups_of);
    if (maker->used == NULL || maker->groups_of == NULL) {
        return hs_no_memory(error);
    }
    for (size_t i = 0; i < records->n; i++) {
        HS_TRY(find_group(maker, i, error));
    }
    if (records->layout->labels) {
        HS_TRY(hs_labels_to_choices(records, maker->examples, error));
    }
    HS_TRY(move_items(maker, limit, error));
    move_asked(maker->task, &records->items[0].asked, maker->shots);
    return HEADSIFT_OK;
}

headsift_status hs_task_assemble(struct hs_records *records, const struct hs_records *examples, int shots,
                                 int64_t limit, struct hs_task *task, headsift_error *error) {
    int usual = records->layout->shots;
    if (usual == HS_TAKES_NO_SHOTS) {
        shots = 0;
    } else if (shots < 0) {
        shots = usual;
    }
    struct maker maker = {.records = records, .examples = examples != NULL ? examples : records, .task = task};
    maker.shots = (size_t)shots;
    headsift_status status = make(&maker, limit, error);
    for (size_t i = 0; i < maker.n_groups; i++) {
        hs_free(maker.groups[i].picked);
    }
    hs_free(maker.groups);
    hs_free(maker.groups_of);
    hs_free(maker.used);
    return status;
}
