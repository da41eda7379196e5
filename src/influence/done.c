/* DIR/_parts/RANK-HOST-PID-START.jsonl: the finished parts of one process, a line each, so that a later call knows what
 * is done and comes to the same verdict as one call would have. A part is done when its file is there and a line that
 * is about the input's present content; the line comes first. A line that a crash cut short is no line. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/process.h"
#include "influence/plan.h"

void hs_source_key(const struct hs_score_plan *plan, size_t input, char out[64]) {
    const char *footer = plan->sources[input].footer;
    snprintf(out, 64, "%llu%s%.16s", (unsigned long long)plan->inputs.items[input].identity.size,
             footer[0] != '\0' ? "-" : "", footer);
}

/* ---- Reading ---- */

/* Takes a line's record; a line that is no record says nothing. */
static void read_line(const struct hs_score_plan *plan, const char *line, size_t size) {
    json_t *object = json_loadb(line, size, 0, NULL);
    const char *name = NULL, *source = NULL;
    struct hs_part_record record = {0};
    char key[64];
    const struct {
        const char *key;
        int64_t *out;
    } counts[] = {{"documents", &record.documents},   {"unscored", &record.unscored},
                  {"tokens", &record.tokens},         {"compared", &record.check.compared},
                  {"changed", &record.check.changed}, {"duplicate_ids", &record.duplicates}};
    bool ok = hs_json_string(object, "part", true, "", &name, NULL) == HEADSIFT_OK &&
              hs_json_string(object, "source", true, "", &source, NULL) == HEADSIFT_OK &&
              hs_json_number(object, "seconds", false, "", &record.seconds, NULL) == HEADSIFT_OK;
    for (size_t i = 0; ok && i < sizeof counts / sizeof *counts; i++) {
        ok = hs_json_int(object, counts[i].key, 0, INT64_MAX, true, "", counts[i].out, NULL) == HEADSIFT_OK;
    }
    struct hs_part *part = ok ? hs_plan_find(plan, name) : NULL;
    if (part != NULL) {
        hs_source_key(plan, part->input, key);
        bool ours = strcmp(source, key) == 0 && record.documents == part->range.rows;
        part->record = ours ? record : part->record;
        part->done = part->done || (ours && part->there);
    }
    json_decref(object);
}

static headsift_status read_lines(const struct hs_score_plan *plan, const char *path, headsift_error *error) {
    struct hs_buffer text = {0};
    headsift_status status = hs_file_read(path, SIZE_MAX / 2, &text, error);
    const char *end;
    for (size_t at = 0; status == HEADSIFT_OK && at < text.size && (end = memchr(text.data + at, '\n', text.size - at));
         at = (size_t)(end - text.data) + 1) {
        read_line(plan, text.data + at, (size_t)(end - text.data) - at);
    }
    hs_buffer_free(&text);
    return status;
}

static headsift_status see_part(void *user, const char *folder, const char *name, headsift_error *error) {
    (void)folder, (void)error;
    struct hs_score_plan *plan = user;
    struct hs_part *part = hs_plan_find(plan, name);
    if (part != NULL) {
        part->there = true;
    }
    return HEADSIFT_OK;
}

static headsift_status see_records(void *user, const char *folder, const char *name, headsift_error *error) {
    struct hs_score_plan *plan = user;
    char *path = hs_join_path(folder, name);
    headsift_status status = path != NULL ? read_lines(plan, path, error) : hs_fail_memory(error, "a path", 1);
    hs_free(path);
    return status;
}

headsift_status hs_plan_look(struct hs_score_plan *plan, headsift_error *error) {
    for (size_t i = 0; i < plan->n_parts; i++) {
        plan->parts[i].there = plan->parts[i].done = false;
    }
    HS_TRY(hs_each_file(plan->directory, ".parquet", see_part, plan, error));
    char *records = hs_join_path(plan->directory, "_parts");
    headsift_status status = records != NULL ? hs_each_file(records, ".jsonl", see_records, plan, error)
                                             : hs_fail_memory(error, "a path", 1);
    hs_free(records);
    return status;
}

/* ---- Writing ---- */

/* The start keeps a process apart from one that had its number before. */
static char *own_path(const struct hs_score_plan *plan) {
    char process[HS_PROCESS_NAME];
    hs_process_name(process);
    return hs_format("%s/_parts/%05d-%s-%lld.jsonl", plan->directory, plan->rank, process, (long long)plan->started);
}

headsift_status hs_done_add(const struct hs_score_plan *plan, const struct hs_part *part, headsift_error *error) {
    const struct hs_part_record *record = &part->record;
    char key[64];
    hs_source_key(plan, part->input, key);
    char *folder = hs_join_path(plan->directory, "_parts"), *path = own_path(plan),
         *name = hs_plan_part_name(plan, part);
    char *line = hs_format("{\"part\":\"%s\",\"source\":\"%s\",\"documents\":%lld,\"unscored\":%lld,\"tokens\":%lld,"
                           "\"compared\":%lld,\"changed\":%lld,\"duplicate_ids\":%lld,\"seconds\":%.3f}\n",
                           name != NULL ? name : "", key, (long long)record->documents, (long long)record->unscored,
                           (long long)record->tokens, (long long)record->check.compared,
                           (long long)record->check.changed, (long long)record->duplicates, record->seconds);
    headsift_status status = folder != NULL && path != NULL && name != NULL && line != NULL
                                 ? hs_make_directory(folder, error)
                                 : hs_fail_memory(error, "a record", 1);
    if (status == HEADSIFT_OK) {
        status = hs_file_append(path, line, strlen(line), error);
    }
    hs_free(folder);
    hs_free(path);
    hs_free(name);
    hs_free(line);
    return status;
}
