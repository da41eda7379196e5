/* Opening, saving and freeing of tasks: a spec names a file or a generator.
 * What files and generators mean is said in docs/eval.md. */
#include "eval/task.h"

#include <string.h>

#include "base/file.h"
#include "eval/files.h"
#include "eval/generate.h"

const char *hs_match_name(enum hs_match match) {
    static const char *const names[HS_MATCHES] = {"exact", "words", "number", "boxed"};
    return names[match];
}

/* ---- Opening --------------------------------------------------------------------------------------------------- */

/* A name becomes a file's name when tasks are saved. */
bool hs_task_name_good(struct hs_view name) {
    bool good = name.size > 0 && name.size <= 100 && name.data[0] != '.';
    for (size_t i = 0; good && i < name.size; i++) {
        char byte = name.data[i];
        good = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
               byte == '.' || byte == '_' || byte == '-';
    }
    return good;
}

/* Splits "PATH[,shots=PATH]"; *path and *shots (NULL: none) are the caller's. */
static bool split_paths(const char *text, char **path, char **shots) {
    const char *mark = ",shots=", *last = NULL;
    for (const char *at = strstr(text, mark); at != NULL; at = strstr(at + 1, mark)) {
        last = at;
    }
    *path = hs_copy_bytes(text, last != NULL ? (size_t)(last - text) : strlen(text));
    *shots = last != NULL ? hs_copy_string(last + strlen(mark)) : NULL;
    return *path != NULL && (last == NULL || *shots != NULL);
}

static headsift_status read_files(const char *path, const char *shots, const struct hs_task_options *options,
                                  struct hs_task *out, headsift_error *error) {
    struct hs_records records = {0}, examples = {0};
    headsift_status status = hs_records_read(path, &records, error);
    if (status == HEADSIFT_OK && shots != NULL) {
        status = hs_records_read(shots, &examples, error);
    }
    if (status == HEADSIFT_OK) {
        headsift_error reason = {0};
        status =
            hs_task_assemble(&records, shots != NULL ? &examples : NULL, options->shots, options->limit, out, &reason);
        if (status != HEADSIFT_OK) {
            hs_fail(error, status, "%s: %s", path, reason.message);
        }
    }
    hs_records_free(&records);
    hs_records_free(&examples);
    return status;
}

static headsift_status open_files(const char *spec, size_t name_size, const struct hs_task_options *options,
                                  struct hs_task *out, headsift_error *error) {
    if (!hs_task_name_good((struct hs_view){spec, name_size})) {
        return hs_fail(error, HEADSIFT_USAGE,
                       "--task %.200s: the name before \"=\" may hold letters, digits, \".\", \"_\" and \"-\"", spec);
    }
    char *path, *shots;
    headsift_status status;
    if (split_paths(spec + name_size + 1, &path, &shots)) {
        out->name = hs_copy_bytes(spec, name_size);
        out->source = hs_copy_string(path);
        status = out->name != NULL && out->source != NULL ? read_files(path, shots, options, out, error)
                                                          : hs_no_memory(error);
    } else {
        status = hs_no_memory(error);
    }
    hs_free(path);
    hs_free(shots);
    return status;
}

headsift_status hs_task_open(const char *spec, const struct hs_task_options *options, struct hs_task *out,
                             headsift_error *error) {
    *out = (struct hs_task){0};
    size_t name_size = strcspn(spec, ":=");
    headsift_status status = spec[name_size] == '=' ? open_files(spec, name_size, options, out, error)
                                                    : hs_task_generate(spec, options, out, error);
    if (status != HEADSIFT_OK) {
        hs_task_free(out);
    }
    return status;
}

void hs_task_free(struct hs_task *task) {
    for (size_t i = 0; task->items != NULL && i < task->n_items; i++) {
        hs_item_free(&task->items[i]);
    }
    hs_free(task->items);
    hs_free(task->name);
    hs_free(task->source);
    hs_texts_free(task->prefixes, task->n_prefixes);
    hs_texts_free(task->stops, task->n_stops);
    *task = (struct hs_task){0};
}
