/* DIR/_parts.jsonl: a line for each finished part, so that a later call knows what is done, counts documents on, and
 * comes to the same verdict as one call would have. A line that was cut short by a crash is no line.
 * The name begins with "_" so that a folder of scores is never read as documents. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "influence/plan.h"

enum { LINE_SIZE = 512 };

static char *journal_path(const struct hs_score_plan *plan) { return hs_join_path(plan->directory, "_parts.jsonl"); }

/* One line, with its newline; part names hold no character that JSON would escape. */
static int format_line(const struct hs_part *part, char line[LINE_SIZE]) {
    const struct hs_part_record *record = &part->record;
    return snprintf(line, LINE_SIZE,
                    "{\"part\":\"%s\",\"documents\":%lld,\"unscored\":%lld,\"tokens\":%lld,\"compared\":%lld,"
                    "\"changed\":%lld,\"duplicate_ids\":%lld}\n",
                    part->name, (long long)record->documents, (long long)record->unscored, (long long)record->tokens,
                    (long long)record->check.compared, (long long)record->check.changed, (long long)record->duplicates);
}

static struct hs_part *find_part(const struct hs_score_plan *plan, const char *name) {
    size_t index = hs_is_part_name(name) ? strtoull(name + strlen("part-"), NULL, 10) : SIZE_MAX;
    bool found = index < plan->inputs.n && strcmp(plan->parts[index].name, name) == 0;
    return found ? &plan->parts[index] : NULL;
}

/* Takes a line's record; a line that is no record says nothing. */
static void read_line(const struct hs_score_plan *plan, const char *line, size_t size) {
    json_t *object = json_loadb(line, size, 0, NULL);
    const char *name = NULL;
    struct hs_part_record record = {0};
    const struct {
        const char *key;
        int64_t *out;
    } counts[] = {{"documents", &record.documents},   {"unscored", &record.unscored},
                  {"tokens", &record.tokens},         {"compared", &record.check.compared},
                  {"changed", &record.check.changed}, {"duplicate_ids", &record.duplicates}};
    bool ok = hs_json_string(object, "part", true, "", &name, NULL) == HEADSIFT_OK;
    for (size_t i = 0; ok && i < sizeof counts / sizeof *counts; i++) {
        ok = hs_json_int(object, counts[i].key, 0, INT64_MAX, true, "", counts[i].out, NULL) == HEADSIFT_OK;
    }
    struct hs_part *part = ok ? find_part(plan, name) : NULL;
    if (part != NULL) {
        part->record = record;
        part->done = hs_file_exists(part->path);
    }
    json_decref(object);
}

headsift_status hs_journal_read(struct hs_score_plan *plan, headsift_error *error) {
    struct hs_buffer text = {0};
    char *path = journal_path(plan);
    headsift_status status = path == NULL ? hs_fail_memory(error, "a path", 1) : HEADSIFT_OK;
    if (status == HEADSIFT_OK && hs_file_exists(path)) {
        status = hs_file_read(path, SIZE_MAX / 2, &text, error);
    }
    hs_free(path);
    for (size_t at = 0; status == HEADSIFT_OK && at < text.size;) {
        const char *end = memchr(text.data + at, '\n', text.size - at);
        if (end == NULL) {
            break;
        }
        read_line(plan, text.data + at, (size_t)(end - text.data) - at);
        at = (size_t)(end - text.data) + 1;
    }
    hs_buffer_free(&text);
    return status;
}

headsift_status hs_journal_write(const struct hs_score_plan *plan, headsift_error *error) {
    struct hs_buffer text = {0};
    char *path = journal_path(plan);
    bool ok = path != NULL;
    for (size_t i = 0; ok && i < plan->inputs.n; i++) {
        char line[LINE_SIZE];
        if (plan->parts[i].done) {
            ok = hs_buffer_append(&text, line, (size_t)format_line(&plan->parts[i], line));
        }
    }
    headsift_status status =
        ok ? hs_file_write(path, text.data, text.size, error) : hs_fail_memory(error, "the list of parts", text.size);
    hs_buffer_free(&text);
    hs_free(path);
    return status;
}

headsift_status hs_journal_add(const struct hs_score_plan *plan, const struct hs_part *part, headsift_error *error) {
    char *path = journal_path(plan), line[LINE_SIZE];
    if (path == NULL) {
        return hs_fail_memory(error, "a path", 1);
    }
    size_t size = (size_t)format_line(part, line);
    FILE *stream = fopen(path, "ae");
    bool ok =
        stream != NULL && fwrite(line, 1, size, stream) == size && fflush(stream) == 0 && fsync(fileno(stream)) == 0;
    int reason = errno;
    if (stream != NULL && fclose(stream) != 0 && ok) {
        ok = false;
        reason = errno;
    }
    headsift_status status = ok ? HEADSIFT_OK : hs_fail_errno(error, reason, "can't write %s", path);
    hs_free(path);
    return status;
}
