/* Finding the score files of a folder, telling them apart by their hash, and naming them to SQL, many at once.
 * Unfinished files and other files of the folder are left out. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "select/select.h"

static const char suffix[] = ".parquet";

static bool is_score_file(const char *name) {
    size_t size = strlen(name), tail = sizeof suffix - 1;
    return size > tail && strcmp(name + size - tail, suffix) == 0 && name[0] != '.' && name[0] != '_';
}

/* Takes over `path`. */
static headsift_status add_part(struct hs_score_parts *parts, size_t *capacity, char *path, headsift_error *error) {
    void *paths = parts->paths;
    bool grown = path != NULL && hs_grow(&paths, capacity, parts->n + 1, sizeof *parts->paths);
    parts->paths = paths;
    if (!grown) {
        hs_free(path);
        return hs_fail_memory(error, "the list of score files", sizeof *parts->paths);
    }
    parts->paths[parts->n++] = path;
    return HEADSIFT_OK;
}

static int compare_parts(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static headsift_status list_folder(const char *folder, struct hs_score_parts *parts, size_t *capacity,
                                   headsift_error *error) {
    DIR *stream = opendir(folder);
    if (stream == NULL) {
        return hs_fail_errno(error, errno, "can't open %s", folder);
    }
    headsift_status status = HEADSIFT_OK;
    struct dirent *entry;
    while (status == HEADSIFT_OK && (entry = readdir(stream)) != NULL) {
        if (is_score_file(entry->d_name)) {
            status = add_part(parts, capacity, hs_join_path(folder, entry->d_name), error);
        }
    }
    closedir(stream);
    if (status == HEADSIFT_OK && parts->n == 0) {
        status = hs_fail(error, HEADSIFT_FAILED, "%s: no score file (*%s) in this folder: run headsift score first",
                         folder, suffix);
    }
    return status;
}

static headsift_status find(const char *scores, struct hs_score_parts *out, headsift_error *error) {
    size_t capacity = 0;
    if (hs_is_directory(scores)) {
        out->folder = hs_copy_string(scores);
        if (out->folder == NULL) {
            return hs_fail_memory(error, scores, strlen(scores));
        }
        HS_TRY(list_folder(scores, out, &capacity, error));
        HS_TRY(hs_scores_finished(scores, error));
    } else {
        HS_TRY(add_part(out, &capacity, hs_copy_string(scores), error));
    }
    qsort(out->paths, out->n, sizeof *out->paths, compare_parts);
    return HEADSIFT_OK;
}

headsift_status hs_score_parts_find(const char *scores, struct hs_score_parts *out, headsift_error *error) {
    *out = (struct hs_score_parts){0};
    headsift_status status = find(scores, out, error);
    if (status != HEADSIFT_OK) {
        hs_score_parts_free(out);
    }
    return status;
}

/* Adds "NAME BYTES SHA256\n" of one file to the hash of all. */
static headsift_status hash_part(struct hs_score_parts *parts, const char *path, struct hs_hash *all,
                                 headsift_error *error) {
    struct hs_map map;
    char hex[HS_HASH_HEX];
    HS_TRY(hs_map_open(path, &map, error));
    headsift_status status = hs_hash_bytes(map.data, map.size, hex, error);
    uint64_t size = map.size;
    hs_map_close(&map);
    HS_TRY(status);
    const char *slash = strrchr(path, '/');
    char *line = hs_format("%s %llu %s\n", slash != NULL ? slash + 1 : path, (unsigned long long)size, hex);
    if (line == NULL) {
        return hs_fail_memory(error, path, strlen(path));
    }
    status = hs_hash_add(all, line, strlen(line), error);
    hs_free(line);
    parts->bytes += size;
    return status;
}

headsift_status hs_score_parts_hash(struct hs_score_parts *parts, headsift_error *error) {
    struct hs_hash *all;
    HS_TRY(hs_hash_begin(&all, error));
    headsift_status status = HEADSIFT_OK;
    for (size_t i = 0; status == HEADSIFT_OK && i < parts->n; i++) {
        status = hash_part(parts, parts->paths[i], all, error);
    }
    if (status != HEADSIFT_OK) {
        hs_hash_abort(all);
        return status;
    }
    return hs_hash_end(all, parts->sha256, error);
}

void hs_score_parts_free(struct hs_score_parts *parts) {
    for (size_t i = 0; i < parts->n; i++) {
        hs_free(parts->paths[i]);
    }
    hs_free(parts->paths);
    hs_free(parts->folder);
    *parts = (struct hs_score_parts){0};
}

/* "part-00003-": how many bytes of it are there. 0: it is something else. */
static size_t number_size(const char *text) {
    size_t digits = strspn(text, "0123456789");
    return digits >= 5 && text[digits] == '-' ? digits + 1 : 0;
}

char *hs_part_stem(const char *path, bool without_unit) {
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    size_t size = strlen(name) - (is_score_file(name) ? sizeof suffix - 1 : 0), start = strlen("part-");
    size_t input = strncmp(name, "part-", start) == 0 ? number_size(name + start) : 0;
    size_t unit = input > 0 && without_unit ? number_size(name + start + input) : 0, head = start + input;
    if (unit == 0 || head + unit > size) {
        return hs_copy_bytes(name, size);
    }
    return hs_format("%.*s%.*s", (int)head, name, (int)(size - head - unit), name + head + unit);
}

bool hs_parts_list(struct hs_buffer *sql, const struct hs_score_parts *parts, size_t first) {
    bool ok = hs_buffer_append(sql, "[", 1);
    for (size_t i = first; ok && i < parts->n && i < first + HS_PARTS_AT_ONCE; i++) {
        ok = (i == first || hs_buffer_append(sql, ", ", 2)) && hs_sql_path(sql, parts->paths[i]);
    }
    return ok && hs_buffer_append(sql, "]", 1);
}
