/* Freeing of tasks.
 * Readers and generators fill them in. */
#include "eval/task.h"

#include "base/memory.h"

static void free_texts(struct hs_text *texts, size_t n) {
    for (size_t i = 0; texts != NULL && i < n; i++) {
        hs_free(texts[i].data);
    }
    hs_free(texts);
}

static void free_item(struct hs_item *item) {
    hs_free(item->context.data);
    hs_free(item->group.data);
    free_texts(item->choices, item->n_choices);
    free_texts(item->contexts, item->n_choices);
    free_texts(item->answers, item->n_answers);
}

void hs_task_free(struct hs_task *task) {
    for (size_t i = 0; task->items != NULL && i < task->n_items; i++) {
        free_item(&task->items[i]);
    }
    hs_free(task->items);
    hs_free(task->name);
    hs_free(task->source);
    free_texts(task->prefixes, task->n_prefixes);
    free_texts(task->stops, task->n_stops);
    *task = (struct hs_task){0};
}
