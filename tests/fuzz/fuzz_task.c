/* Fuzzes the readers of tasks: any bytes, as JSON and as CSV, become a task or are refused in one line.
 * What becomes a task is within bounds, and comes back from its own form as the same bytes. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "eval/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64]; /* in memory where the system has such a place: saved files are synced */
static const char *const names[] = {"in.jsonl", "in.csv", "saved.jsonl", "again.jsonl"};

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                    \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static void path_of(size_t which, char out[128]) { snprintf(out, 128, "%s/%s", folder, names[which]); }

static void clean_up(void) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        path_of(i, path);
        unlink(path);
    }
    rmdir(folder);
}

static void make_folder(void) {
    static bool made;
    if (!made) {
        snprintf(folder, sizeof folder, "%s/fuzz_task_XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        MUST(mkdtemp(folder) != NULL);
        atexit(clean_up);
        made = true;
    }
}

static void put(size_t which, const uint8_t *data, size_t size) {
    char path[128];
    path_of(which, path);
    FILE *file = fopen(path, "wb");
    MUST(file != NULL && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

static void check_texts(const struct hs_text *texts, size_t n) {
    for (size_t i = 0; i < n; i++) {
        MUST(texts[i].size == 0 || hs_utf8_check(texts[i].data, texts[i].size) == texts[i].size);
    }
}

static void check_item(const struct hs_task *task, const struct hs_item *item) {
    MUST(item->prefix >= -1 && (item->prefix == -1 || (size_t)item->prefix < task->n_prefixes));
    MUST(task->kind != HS_TASK_CHOICE ||
         (item->n_choices >= 2 && item->gold >= 0 && (size_t)item->gold < item->n_choices));
    MUST(task->kind != HS_TASK_LOSS || item->n_choices == 1);
    MUST(task->kind != HS_TASK_GENERATE || (item->n_answers > 0 && task->most_tokens > 0));
    check_texts(&item->context, 1);
    check_texts(&item->group, 1);
    check_texts(item->choices, item->n_choices);
    check_texts(item->answers, item->n_answers);
    if (item->contexts != NULL) {
        check_texts(item->contexts, item->n_choices);
    }
}

static bool open_file(size_t which, int shots, struct hs_task *task) {
    char path[128], spec[140];
    path_of(which, path);
    snprintf(spec, sizeof spec, "t=%s", path);
    struct hs_task_options options = {.shots = shots};
    headsift_error error = {0};
    if (hs_task_open(spec, &options, task, &error) == HEADSIFT_OK) {
        return true;
    }
    MUST(error.message[0] != '\0' && task->items == NULL);
    return false;
}

static void save(const struct hs_task *task, size_t which, struct hs_buffer *out) {
    char path[128];
    path_of(which, path);
    MUST(hs_task_save(task, path, NULL) == HEADSIFT_OK);
    MUST(hs_file_read(path, SIZE_MAX, out, NULL) == HEADSIFT_OK);
}

static void check_file(size_t which, int shots) {
    struct hs_task task, again;
    if (!open_file(which, shots, &task)) {
        return;
    }
    MUST(task.n_items > 0);
    check_texts(task.prefixes, task.n_prefixes);
    check_texts(task.stops, task.n_stops);
    for (size_t i = 0; i < task.n_items; i++) {
        check_item(&task, &task.items[i]);
    }
    struct hs_buffer first = {0}, second = {0};
    save(&task, 2, &first);
    MUST(open_file(2, -1, &again));
    save(&again, 3, &second);
    MUST(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    hs_buffer_free(&first);
    hs_buffer_free(&second);
    hs_task_free(&again);
    hs_task_free(&task);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    make_folder();
    put(0, data, size);
    put(1, data, size);
    check_file(0, 0);
    check_file(0, 1);
    check_file(1, 0);
    return 0;
}
