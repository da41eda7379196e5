/* A task as our own JSONL: an item a line, with its prefix and how it is asked.
 * src/eval/read_own.c reads it back. */
#include <stdlib.h>

#include "base/file.h"
#include "eval/record.h"

/* ---- Members; each false where there is no memory -------------------------------------------------------------- */

static json_t *string(const struct hs_text *text) {
    return json_stringn_nocheck(text->size > 0 ? text->data : "", text->size);
}

static bool put(json_t *row, const char *key, json_t *value) { return json_object_set_new(row, key, value) == 0; }

static bool put_text(json_t *row, const char *key, const struct hs_text *text) {
    return text->size == 0 || put(row, key, string(text));
}

static bool put_texts(json_t *row, const char *key, const struct hs_text *texts, size_t n) {
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        ok = json_array_append_new(list, string(&texts[i])) == 0;
    }
    if (!ok) {
        json_decref(list);
        return false;
    }
    return put(row, key, list);
}

static bool put_form(json_t *row, const struct hs_task *task, const struct hs_item *item) {
    switch (task->kind) {
    case HS_TASK_CHOICE:
        return put(row, "context", string(&item->context)) &&
               (item->contexts == NULL || put_texts(row, "contexts", item->contexts, item->n_choices)) &&
               put_texts(row, "choices", item->choices, item->n_choices) && put(row, "gold", json_integer(item->gold));
    case HS_TASK_LOSS:
        return put(row, "context", string(&item->context)) && put(row, "text", string(&item->choices[0]));
    default:
        return put(row, "prompt", string(&item->context)) &&
               put_texts(row, "answers", item->answers, item->n_answers) &&
               (task->n_stops == 0 || put_texts(row, "stop", task->stops, task->n_stops)) &&
               put(row, "match", json_string(hs_match_name(task->match))) &&
               put(row, "most_tokens", json_integer(task->most_tokens));
    }
}

static bool put_item(json_t *row, const struct hs_task *task, const struct hs_item *item) {
    return row != NULL && (item->prefix < 0 || put_text(row, "prefix", &task->prefixes[item->prefix])) &&
           put_form(row, task, item) && put_text(row, "group", &item->group) &&
           (task->shots == 0 || put(row, "shots", json_integer(task->shots)));
}

/* ---- The file -------------------------------------------------------------------------------------------------- */

static headsift_status write_item(FILE *stream, const struct hs_task *task, const struct hs_item *item,
                                  headsift_error *error) {
    json_t *row = json_object();
    char *line = put_item(row, task, item) ? json_dumps(row, JSON_COMPACT) : NULL;
    json_decref(row);
    if (line == NULL) {
        return hs_no_memory(error);
    }
    fprintf(stream, "%s\n", line); /* hs_atomic_commit says what went wrong */
    free(line);
    return HEADSIFT_OK;
}

headsift_status hs_task_save(const struct hs_task *task, const char *path, headsift_error *error) {
    struct hs_atomic_file file;
    HS_TRY(hs_atomic_open(path, &file, error));
    for (size_t i = 0; i < task->n_items; i++) {
        headsift_status status = write_item(file.stream, task, &task->items[i], error);
        if (status != HEADSIFT_OK) {
            hs_atomic_abort(&file);
            return status;
        }
    }
    return hs_atomic_commit(&file, error);
}
