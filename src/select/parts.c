/* Finding the score files of a folder, and telling them apart by their hash.
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

static headsift_status hash_part(struct hs_score_part *part, headsift_error *error) {
    struct hs_map map;
    HS_TRY(hs_map_open(part->path, &map, error));
    part->bytes = map.size;
    headsift_status status = hs_hash_bytes(map.data, map.size, part->sha256, error);
    hs_map_close(&map);
    return status;
}

/* Takes over `path`. */
static headsift_status add_part(struct hs_score_parts *parts, size_t *capacity, char *path, headsift_error *error) {
    void *items = parts->items;
    bool grown = path != NULL && hs_grow(&items, capacity, parts->n + 1, sizeof *parts->items);
    parts->items = items;
    if (!grown) {
        hs_free(path);
        return hs_fail_memory(error, "the list of score files", sizeof *parts->items);
    }
    struct hs_score_part *part = &parts->items[parts->n];
    *part = (struct hs_score_part){.path = path};
    parts->n++;
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    part->stem = hs_copy_bytes(name, strlen(name) - (is_score_file(name) ? sizeof suffix - 1 : 0));
    return part->stem != NULL ? HEADSIFT_OK : hs_fail_memory(error, path, strlen(path));
}

static int compare_parts(const void *left, const void *right) {
    const struct hs_score_part *a = left, *b = right;
    return strcmp(a->stem, b->stem);
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
        HS_TRY(list_folder(scores, out, &capacity, error));
        HS_TRY(hs_scores_finished(scores, error));
    } else {
        HS_TRY(add_part(out, &capacity, hs_copy_string(scores), error));
    }
    qsort(out->items, out->n, sizeof *out->items, compare_parts);
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

headsift_status hs_score_parts_hash(struct hs_score_parts *parts, headsift_error *error) {
    for (size_t i = 0; i < parts->n; i++) {
        HS_TRY(hash_part(&parts->items[i], error));
    }
    return HEADSIFT_OK;
}

void hs_score_parts_free(struct hs_score_parts *parts) {
    for (size_t i = 0; i < parts->n; i++) {
        hs_free(parts->items[i].path);
        hs_free(parts->items[i].stem);
        json_decref(parts->items[i].metadata);
        json_decref(parts->items[i].input);
    }
    hs_free(parts->items);
    *parts = (struct hs_score_parts){0};
}
