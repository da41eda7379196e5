/* A GGUF in parts: NAME-00001-of-00003.gguf names the others, and each says which part it is.
 * The first holds the keys; tensors may stand in any of them. */
#include <string.h>

#include "model/internal.h"

enum { MAX_PARTS = 9999 };

/* Which part a file says it is, counted from 0, and of how many. */
static headsift_status part_read(const struct hs_shard *file, int64_t *part, int64_t *parts, headsift_error *error) {
    *part = 0;
    *parts = 1;
    HS_TRY(hs_gguf_int(file->gguf, file->path, "split.no", 0, MAX_PARTS, false, part, error));
    return hs_gguf_int(file->gguf, file->path, "split.count", 0, MAX_PARTS, false, parts, error);
}

/* NAME-00001-of-00003.gguf with another number, or NULL where the path has no such end. */
static char *path_of(const char *first, int64_t number, int64_t parts) {
    static const char format[] = "-%05lld-of-%05lld.gguf";
    char end[64], other[64];
    size_t size = strlen(first), length = (size_t)snprintf(end, sizeof end, format, 1LL, (long long)parts);
    if (size < length || strcmp(first + size - length, end) != 0) {
        return NULL;
    }
    char *path = hs_copy_string(first);
    if (path != NULL) {
        snprintf(other, sizeof other, format, (long long)number, (long long)parts);
        memcpy(path + size - length, other, length);
    }
    return path;
}

static headsift_status part_open(struct hs_model *model, int64_t number, int64_t parts, headsift_error *error) {
    struct hs_shard *file = &model->shards[model->n_shards];
    int64_t part, of;
    file->path = path_of(model->path, number, parts);
    file->name = file->path == NULL
                     ? NULL
                     : hs_copy_string(strrchr(file->path, '/') == NULL ? file->path : strrchr(file->path, '/') + 1);
    if (file->name == NULL) {
        hs_free(file->path);
        file->path = NULL;
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s is one of %lld parts: name it and the others NAME-00001-of-%05lld.gguf", model->path,
                       (long long)parts, (long long)parts);
    }
    model->n_shards++;
    HS_TRY(hs_map_open(file->path, &file->map, error));
    HS_TRY(hs_gguf_parse(file->map.data, file->map.size, file->path, &file->gguf, error));
    HS_TRY(part_read(file, &part, &of, error));
    if (part != number - 1 || of != parts) {
        return hs_fail(error, HEADSIFT_FAILED, "%s says that it is part %lld of %lld", file->path, (long long)part + 1,
                       (long long)of);
    }
    return HEADSIFT_OK;
}

headsift_status hs_gguf_parts_open(struct hs_model *model, headsift_error *error) {
    int64_t part, parts;
    HS_TRY(part_read(&model->shards[0], &part, &parts, error));
    if (parts <= 1) {
        return HEADSIFT_OK;
    }
    if (part != 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s is part %lld of %lld: give the first one, which names the others",
                       model->path, (long long)part + 1, (long long)parts);
    }
    struct hs_shard *files = hs_realloc(model->shards, (size_t)parts, sizeof *files);
    if (files == NULL) {
        return hs_fail_memory(error, "the list of weight files", (size_t)parts * sizeof *files);
    }
    model->shards = files;
    memset(files + 1, 0, (size_t)(parts - 1) * sizeof *files);
    for (int64_t number = 2; number <= parts; number++) {
        HS_TRY(part_open(model, number, parts, error));
    }
    return HEADSIFT_OK;
}
