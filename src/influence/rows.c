/* Row journals as files: finding the best one, taking it over, adding a record a window, removing them.
 * A file is a line of JSON that says what it is about, and records: see rows_record.h. */
#define _GNU_SOURCE
#include "influence/rows.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/process.h"
#include "influence/rows_record.h"

enum { FRESH_SECONDS = 600 };

struct hs_rows {
    char *path;
    char *head;    /* the first line, of this part */
    FILE *file;    /* at its end, but while it is replayed */
    int64_t kept;  /* documents */
    int64_t bytes; /* valid ones */
    bool any;      /* rows are in it */
    struct hs_buffer window;
    int64_t n_window; /* rows in `window` */
};

/* ---- Finding the best one ----------------------------------------------------------------------------------- */

/* What may be believed of a journal. */
struct found {
    FILE *file;
    int64_t bytes, documents;
};

static char *make_head(const struct hs_score_plan *plan, const struct hs_part *part) {
    char key[64];
    hs_source_key(plan, part->input, key);
    return hs_format("{\"headsift\":\"rows 2\",\"source\":\"%s\",\"settings\":\"%s\",\"first_row\":%lld,\"rows\":%lld}"
                     "\n",
                     key, plan->settings_sha256, (long long)part->range.first_row, (long long)part->range.rows);
}

static bool read_head(FILE *file, const char *head) {
    size_t size = strlen(head);
    char got[512];
    return size < sizeof got && fread(got, 1, size, file) == size && memcmp(got, head, size) == 0;
}

static int64_t file_size(FILE *file) {
    struct stat info;
    return fstat(fileno(file), &info) == 0 ? (int64_t)info.st_size : 0;
}

/* Reads as far as everything is right. */
static void examine(const struct hs_part *part, const char *head, struct found *found) {
    int64_t size = file_size(found->file);
    struct hs_record record = {0};
    found->bytes = found->documents = 0;
    if (read_head(found->file, head)) {
        found->bytes = (int64_t)strlen(head);
        while (hs_record_read(found->file, size - found->bytes, &record) &&
               hs_record_follows(&record, part, found->documents)) {
            found->bytes += HS_RECORD_HEAD + (int64_t)record.bytes.size;
            found->documents += (int64_t)record.n_rows;
        }
    }
    hs_record_free(&record);
}

/* "part-00003-00007." */
static void journal_start(const struct hs_part *part, char out[64]) {
    snprintf(out, 64, "part-%05zu-%05zu.", part->input, part->unit);
}

static bool is_journal(const char *name, const char *start) {
    static const char suffix[] = ".rows";
    size_t size = strlen(name), tail = sizeof suffix - 1;
    return strncmp(name, start, strlen(start)) == 0 && size > tail && strcmp(name + size - tail, suffix) == 0;
}

static DIR *open_running(const struct hs_score_plan *plan, char **path) {
    *path = hs_join_path(plan->directory, "_running");
    return *path != NULL ? opendir(*path) : NULL;
}

/* Of the journals in the folder the one with most documents, open; file NULL: none holds any. */
static struct found find_best(const struct hs_score_plan *plan, const struct hs_part *part, const char *head) {
    struct found best = {0};
    char start[64], *folder;
    DIR *stream = open_running(plan, &folder);
    journal_start(part, start);
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        char *path = is_journal(entry->d_name, start) ? hs_join_path(folder, entry->d_name) : NULL;
        struct found found = {.file = path != NULL ? fopen(path, "re") : NULL};
        hs_free(path);
        if (found.file == NULL) {
            continue;
        }
        examine(part, head, &found);
        if (found.documents > best.documents) {
            if (best.file != NULL) {
                fclose(best.file);
            }
            best = found;
        } else {
            fclose(found.file);
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
    hs_free(folder);
    return best;
}

/* ---- Opening ------------------------------------------------------------------------------------------------ */

static headsift_status copy_bytes(FILE *from, int64_t bytes, FILE *to, const char *path, headsift_error *error) {
    char block[1 << 14];
    if (fseeko(from, 0, SEEK_SET) != 0) {
        return hs_fail_errno(error, errno, "can't read a journal of rows in %s", path);
    }
    while (bytes > 0) {
        size_t want = bytes < (int64_t)sizeof block ? (size_t)bytes : sizeof block, got = fread(block, 1, want, from);
        if (got == 0) {
            return hs_fail(error, HEADSIFT_FAILED, "a journal of rows became shorter; run it again (%s)", path);
        }
        if (fwrite(block, 1, got, to) != got) {
            return hs_fail_errno(error, errno, "can't write %s", path);
        }
        bytes -= (int64_t)got;
    }
    return HEADSIFT_OK;
}

/* Its own journal may bear the name of the one that is being copied: it gets the name when it is whole. */
static headsift_status take_over(struct hs_rows *rows, const struct found *best, headsift_error *error) {
    struct hs_atomic_file file;
    HS_TRY(hs_atomic_open(rows->path, &file, error));
    headsift_status status = copy_bytes(best->file, best->bytes, file.stream, rows->path, error);
    if (status != HEADSIFT_OK) {
        hs_atomic_abort(&file);
        return status;
    }
    return hs_atomic_commit(&file, error);
}

static headsift_status begin_file(struct hs_rows *rows, const struct found *best, headsift_error *error) {
    if (best->file != NULL) {
        HS_TRY(take_over(rows, best, error));
    }
    rows->file = fopen(rows->path, best->file != NULL ? "r+e" : "w+e");
    bool ok = rows->file != NULL && fseeko(rows->file, 0, SEEK_END) == 0;
    if (ok && best->file == NULL) {
        ok = fputs(rows->head, rows->file) >= 0 && fflush(rows->file) == 0;
    }
    return ok ? HEADSIFT_OK : hs_fail_errno(error, errno, "can't write %s", rows->path);
}

static headsift_status open_rows(const struct hs_score_plan *plan, const struct hs_part *part, struct hs_rows *rows,
                                 headsift_error *error) {
    char process[HS_PROCESS_NAME], start[64];
    hs_process_name(process);
    journal_start(part, start);
    rows->path = hs_format("%s/_running/%s%s.rows", plan->directory, start, process);
    rows->head = make_head(plan, part);
    if (rows->path == NULL || rows->head == NULL) {
        return hs_fail_memory(error, "a path", 1);
    }
    struct found best = find_best(plan, part, rows->head);
    rows->kept = best.documents;
    rows->any = best.documents > 0;
    rows->bytes = best.file != NULL ? best.bytes : (int64_t)strlen(rows->head);
    headsift_status status = begin_file(rows, &best, error);
    if (best.file != NULL) {
        fclose(best.file);
    }
    return status;
}

headsift_status hs_rows_open(const struct hs_score_plan *plan, size_t part, struct hs_rows **out,
                             headsift_error *error) {
    *out = NULL;
    struct hs_rows *rows = hs_alloc(1, sizeof *rows);
    if (rows == NULL) {
        return hs_fail_memory(error, "a journal of rows", sizeof *rows);
    }
    headsift_status status = open_rows(plan, &plan->parts[part], rows, error);
    if (status != HEADSIFT_OK) {
        hs_rows_close(rows);
        return status;
    }
    *out = rows;
    return HEADSIFT_OK;
}

int64_t hs_rows_kept(const struct hs_rows *rows) { return rows->kept; }

headsift_status hs_rows_replay(struct hs_rows *rows,
                               headsift_status (*take)(void *user, const struct hs_row *row, headsift_error *error),
                               void *user, struct hs_part_record *record, headsift_error *error) {
    struct hs_record read = {0};
    int64_t at = (int64_t)strlen(rows->head);
    headsift_status status = HEADSIFT_OK;
    if (fseeko(rows->file, at, SEEK_SET) != 0) {
        return hs_fail_errno(error, errno, "can't read %s", rows->path);
    }
    while (status == HEADSIFT_OK && at < rows->bytes) {
        struct hs_row row;
        if (!hs_record_read(rows->file, rows->bytes - at, &read)) {
            status = hs_fail(error, HEADSIFT_FAILED, "%s changed while it was read; run it again", rows->path);
            break;
        }
        for (uint64_t i = 0; status == HEADSIFT_OK && i < read.n_rows; i++) {
            status = hs_record_take_row(&read, &row) ? take(user, &row, error)
                                                     : hs_fail_memory(error, "steps", row.n_steps * sizeof *row.steps);
        }
        at += HS_RECORD_HEAD + (int64_t)read.bytes.size;
        double seconds = record->seconds;
        *record = read.counted;
        record->seconds = seconds;
    }
    hs_record_free(&read);
    if (status == HEADSIFT_OK && fseeko(rows->file, 0, SEEK_END) != 0) {
        status = hs_fail_errno(error, errno, "can't write %s", rows->path);
    }
    return status;
}

/* ---- Writing ------------------------------------------------------------------------------------------------ */

headsift_status hs_rows_add(struct hs_rows *rows, const struct hs_row *row, headsift_error *error) {
    rows->n_window++;
    return hs_record_put_row(&rows->window, row) ? HEADSIFT_OK : hs_fail_memory(error, "rows", rows->window.size);
}

headsift_status hs_rows_end_window(struct hs_rows *rows, const struct hs_part_record *record, headsift_error *error) {
    bool ok = hs_record_write(rows->file, record, rows->n_window, &rows->window) && fflush(rows->file) == 0 &&
              fdatasync(fileno(rows->file)) == 0;
    int reason = errno;
    rows->any = rows->any || rows->n_window > 0;
    rows->window.size = 0;
    rows->n_window = 0;
    if (!ok && reason == ESTALE) { /* another machine finished the unit and removed its journals */
        return HEADSIFT_OK;
    }
    return ok ? HEADSIFT_OK : hs_fail_errno(error, reason, "can't write %s", rows->path);
}

void hs_rows_close(struct hs_rows *rows) {
    if (rows == NULL) {
        return;
    }
    if (rows->file != NULL) {
        fclose(rows->file);
        if (!rows->any) {
            unlink(rows->path);
        }
    }
    hs_buffer_free(&rows->window);
    hs_free(rows->path);
    hs_free(rows->head);
    hs_free(rows);
}

/* ---- All journals of the folder ----------------------------------------------------------------------------- */

void hs_rows_remove(const struct hs_score_plan *plan, const struct hs_part *part) {
    char start[64], *folder;
    DIR *stream = open_running(plan, &folder);
    journal_start(part, start);
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        if (is_journal(entry->d_name, start)) {
            (void)unlinkat(dirfd(stream), entry->d_name, 0);
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
    hs_free(folder);
}

void hs_rows_remove_done(const struct hs_score_plan *plan) {
    char *folder;
    DIR *stream = open_running(plan, &folder);
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        size_t input, unit;
        char start[64];
        if (sscanf(entry->d_name, "part-%zu-%zu.", &input, &unit) != 2 || input >= plan->inputs.n ||
            unit >= plan->input_parts[input + 1] - plan->input_parts[input]) {
            continue;
        }
        const struct hs_part *part = &plan->parts[plan->input_parts[input] + unit];
        journal_start(part, start);
        if (part->done && is_journal(entry->d_name, start)) {
            (void)unlinkat(dirfd(stream), entry->d_name, 0);
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
    hs_free(folder);
}

bool hs_rows_in_work(const struct hs_score_plan *plan, const struct hs_part *part) {
    char start[64], *folder;
    DIR *stream = open_running(plan, &folder);
    bool fresh = false;
    journal_start(part, start);
    for (struct dirent *entry; stream != NULL && !fresh && (entry = readdir(stream)) != NULL;) {
        struct stat info;
        fresh = is_journal(entry->d_name, start) && fstatat(dirfd(stream), entry->d_name, &info, 0) == 0 &&
                time(NULL) - info.st_mtim.tv_sec < FRESH_SECONDS;
    }
    if (stream != NULL) {
        closedir(stream);
    }
    hs_free(folder);
    return fresh;
}
