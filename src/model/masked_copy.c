/* A Hugging Face directory written again with uniform heads: the same files, and only the bytes that make those heads'
 * queries differ are zero. A query of zeros scores every visible key alike (method.md section 3). */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "model/internal.h"

enum { BLOCK = 1 << 20 };

static const char CONFIG[] = "config.json", NOTE[] = "headsift_mask.json", SINGLE[] = "model.safetensors";

/* Bytes of a weight file that become zero. */
struct hole {
    const struct hs_shard *shard;
    uint64_t first, size; /* in the file */
    const char *tensor;   /* whose they are; NULL until it is known */
};

struct holes {
    struct hole *items;
    size_t n;
};

/* ---- What becomes zero ------------------------------------------------------------------------------------------ */

static const struct hs_shard *shard_of(const struct hs_model *model, const unsigned char *data) {
    for (size_t i = 0; i < model->n_shards; i++) {
        const struct hs_map *map = &model->shards[i].map;
        if ((uintptr_t)data - (uintptr_t)map->data < map->size) {
            return &model->shards[i];
        }
    }
    return NULL;
}

/* Elements head * D .. of a weight's rows, or of a vector's columns. */
static void add_hole(const struct hs_model *model, const struct hs_weight *weight, int32_t head, struct holes *holes) {
    if (weight == NULL) {
        return;
    }
    const struct hs_shard *shard = shard_of(model, weight->data);
    uint64_t unit = weight->rows == 1 ? weight->row_bytes / (uint64_t)weight->cols : weight->row_bytes;
    uint64_t size = (uint64_t)model->config.head_dim * unit;
    uint64_t base = (uint64_t)(weight->data - shard->map.data);
    holes->items[holes->n++] = (struct hole){shard, base + (uint64_t)head * size, size, NULL};
}

static int by_place(const void *left, const void *right) {
    const struct hole *a = left, *b = right;
    if (a->shard != b->shard) {
        return a->shard < b->shard ? -1 : 1;
    }
    return a->first < b->first ? -1 : a->first > b->first;
}

static headsift_status find_holes(const struct hs_model *model, const headsift_head *heads, size_t n,
                                  struct holes *holes, headsift_error *error) {
    const struct hs_config *config = &model->config;
    holes->items = hs_alloc(2 * n, sizeof *holes->items);
    if (holes->items == NULL) {
        return hs_fail_memory(error, "a list of heads", n * sizeof *holes->items);
    }
    for (size_t i = 0; i < n; i++) {
        headsift_head head = heads[i];
        if (head.layer < 0 || head.layer >= config->n_layer || head.head < 0 || head.head >= config->n_head) {
            return hs_fail(error, HEADSIFT_FAILED, "layer %d, head %d: the model has layers 0 to %d and heads 0 to %d",
                           head.layer, head.head, config->n_layer - 1, config->n_head - 1);
        }
        if (config->qk_norm == HS_QK_ALL) { /* its queries count in the others' norm: its weights in the norm go */
            add_hole(model, hs_model_weight(model, HS_Q_NORM, head.layer), head.head, holes);
            continue;
        }
        add_hole(model, hs_model_weight(model, HS_Q, head.layer), head.head, holes);
        add_hole(model, hs_model_weight(model, HS_Q_BIAS, head.layer), head.head, holes);
    }
    qsort(holes->items, holes->n, sizeof *holes->items, by_place);
    return HEADSIFT_OK;
}

struct owners {
    const struct hs_model *model;
    struct holes *holes;
    const char *first, *second; /* two tensors that share a hole's bytes */
};

static bool find_owner(void *user, const char *name, const struct hs_tensor *tensor) {
    struct owners *owners = user;
    for (size_t i = 0; i < owners->holes->n; i++) {
        struct hole *hole = &owners->holes->items[i];
        const unsigned char *first = hole->shard->map.data + hole->first;
        if (first + hole->size <= tensor->data || tensor->data + tensor->size <= first) {
            continue;
        }
        if (hole->tensor != NULL) {
            owners->first = hole->tensor;
            owners->second = name;
            return false;
        }
        hole->tensor = name;
    }
    return true;
}

/* A file may let two tensors share their bytes: then no head of one could be changed alone. */
static headsift_status check_owners(const struct hs_model *model, struct holes *holes, headsift_error *error) {
    struct owners owners = {.model = model, .holes = holes};
    hs_model_visit(model, find_owner, &owners);
    if (owners.first != NULL) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: tensors \"%s\" and \"%s\" share their bytes: it can't be masked",
                       model->path, owners.first, owners.second);
    }
    return HEADSIFT_OK;
}

/* ---- Copies ----------------------------------------------------------------------------------------------------- */

/* Zeroes what of holes first .. end lies in the block that begins at `at` of the file. */
static void punch(const struct hole *hole, const struct hole *end, uint64_t at, unsigned char *block, size_t size) {
    for (; hole < end; hole++) {
        uint64_t from = hole->first > at ? hole->first - at : 0, to = hole->first + hole->size;
        to = to > at ? to - at : 0;
        to = to < size ? to : size;
        if (from < to) {
            memset(block + from, 0, (size_t)(to - from));
        }
    }
}

static headsift_status copy_bytes(const char *from, FILE *in, const struct hole *hole, const struct hole *end,
                                  struct hs_atomic_file *out, const headsift_monitor *monitor, headsift_error *error) {
    unsigned char *block = hs_alloc(BLOCK, 1);
    if (block == NULL) {
        return hs_fail_memory(error, from, BLOCK);
    }
    headsift_status status = HEADSIFT_OK;
    for (uint64_t at = 0; status == HEADSIFT_OK;) {
        size_t size = fread(block, 1, BLOCK, in);
        if (size == 0) {
            break;
        }
        punch(hole, end, at, block, size);
        at += size;
        if (hs_stop_wanted(monitor)) {
            status = hs_fail(error, HEADSIFT_STOPPED, "stopped; the same command writes the folder anew");
        } else if (fwrite(block, 1, size, out->stream) != size) {
            status = hs_fail_errno(error, errno, "can't write %s", out->final_path);
        }
    }
    if (status == HEADSIFT_OK && ferror(in)) {
        status = hs_fail_errno(error, errno, "can't read %s", from);
    }
    hs_free(block);
    return status;
}

/* Copies a file with holes hole .. end, a list by place. */
static headsift_status copy_file(const char *from, const char *to, const struct hole *hole, const struct hole *end,
                                 const headsift_monitor *monitor, headsift_error *error) {
    struct hs_atomic_file out = {0};
    FILE *in = fopen(from, "rbe");
    if (in == NULL) {
        return hs_fail_errno(error, errno, "can't open %s", from);
    }
    headsift_status status = hs_atomic_open(to, &out, error);
    if (status == HEADSIFT_OK) {
        status = copy_bytes(from, in, hole, end, &out, monitor, error);
        if (status == HEADSIFT_OK) {
            status = hs_atomic_commit(&out, error);
        } else {
            hs_atomic_abort(&out);
        }
    }
    fclose(in);
    return status;
}

static headsift_status copy_shards(const struct hs_model *model, const struct holes *holes, const char *directory,
                                   const headsift_monitor *monitor, headsift_error *error) {
    const struct hole *end = holes->items + holes->n;
    for (size_t i = 0; i < model->n_shards; i++) {
        const struct hs_shard *shard = &model->shards[i];
        const struct hole *first = holes->items, *last;
        while (first < end && first->shard != shard) {
            first++;
        }
        for (last = first; last < end && last->shard == shard; last++) {}
        char *to = hs_join_path(directory, shard->name);
        headsift_status status =
            to != NULL ? copy_file(shard->path, to, first, last, monitor, error) : hs_fail_memory(error, "a path", 1);
        hs_free(to);
        HS_TRY(status);
    }
    return HEADSIFT_OK;
}

/* Configurations, tokenizers, licences. Weights in other formats are left: they are not masked. */
static bool goes_along(const char *name) {
    static const char *const suffixes[] = {".json", ".txt", ".model", ".jinja", ".tiktoken", ".md"},
                             *const beginnings[] = {"LICENSE", "NOTICE", "USE_POLICY"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0) {
            return true;
        }
    }
    for (size_t i = 0; dot != NULL && dot != name && i < sizeof suffixes / sizeof *suffixes; i++) {
        if (strcmp(dot, suffixes[i]) == 0) {
            return strcmp(name, CONFIG) != 0 && strcmp(name, NOTE) != 0;
        }
    }
    return false;
}

static headsift_status copy_named(const struct hs_model *model, const char *name, const char *directory,
                                  headsift_error *error) {
    char *from = hs_join_path(model->path, name), *to = hs_join_path(directory, name);
    struct stat info;
    headsift_status status = HEADSIFT_OK;
    if (from == NULL || to == NULL) {
        status = hs_fail_memory(error, "a path", 1);
    } else if (stat(from, &info) == 0 && S_ISREG(info.st_mode)) {
        status = copy_file(from, to, NULL, NULL, NULL, error);
    }
    hs_free(from);
    hs_free(to);
    return status;
}

static headsift_status copy_others(const struct hs_model *model, const char *directory, headsift_error *error) {
    DIR *folder = opendir(model->path);
    if (folder == NULL) {
        return hs_fail_errno(error, errno, "can't open %s", model->path);
    }
    headsift_status status = HEADSIFT_OK;
    for (struct dirent *entry; status == HEADSIFT_OK && (entry = readdir(folder)) != NULL;) {
        if (goes_along(entry->d_name)) {
            status = copy_named(model, entry->d_name, directory, error);
        }
    }
    closedir(folder);
    return status;
}

/* ---- The folder ------------------------------------------------------------------------------------------------- */

static headsift_status write_note(const struct hs_model *model, const char *sha256, const headsift_head *heads,
                                  size_t n, const char *directory, headsift_error *error) {
    json_t *pairs = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(pairs, json_pack("[ii]", (int)heads[i].layer, (int)heads[i].head));
    }
    json_t *root = json_pack("{s:s, s:s, s:s, s:s, s:o}", "version", HEADSIFT_VERSION, "mask", "uniform", "model",
                             model->config.name, "model_sha256", sha256, "heads", pairs);
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(1)) : NULL;
    char *path = hs_join_path(directory, NOTE);
    headsift_status status =
        text != NULL && path != NULL ? hs_file_write(path, text, strlen(text), error) : hs_fail_memory(error, NOTE, 1);
    hs_free(path);
    free(text);
    json_decref(root);
    return status;
}

static bool same_folder(const char *a, const char *b) {
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static headsift_status remove_old(const char *directory, const char *name, bool overwrite, headsift_error *error) {
    char *path = hs_join_path(directory, name);
    headsift_status status = HEADSIFT_OK;
    if (path == NULL) {
        status = hs_fail_memory(error, "a path", 1);
    } else if (hs_file_exists(path) && !overwrite) {
        status = hs_fail(error, HEADSIFT_FAILED, "%s is there: use --overwrite to replace it, or another folder", path);
    } else if (unlink(path) != 0 && errno != ENOENT) {
        status = hs_fail_errno(error, errno, "can't remove %s", path);
    }
    hs_free(path);
    return status;
}

static bool has_shard(const struct hs_model *model, const char *name) {
    bool found = false;
    for (size_t i = 0; i < model->n_shards; i++) {
        found |= strcmp(model->shards[i].name, name) == 0;
    }
    return found;
}

/* Whether a folder holds other files than an unfinished masked copy has: its note is the first file to come. */
static bool holds_others(const char *directory) {
    char *note = hs_join_path(directory, NOTE);
    bool ours = note != NULL && hs_file_exists(note), any = false;
    DIR *folder = ours ? NULL : opendir(directory);
    for (struct dirent *entry; !any && folder != NULL && (entry = readdir(folder)) != NULL;) {
        any = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    hs_free(note);
    return any;
}

/* A folder without config.json is none that anything loads: it is the last file to come, and the first to go. An older
 * model in one file would be loaded in place of this one's shards. */
static headsift_status prepare_folder(const struct hs_model *model, const char *directory, bool overwrite,
                                      headsift_error *error) {
    if (same_folder(model->path, directory)) {
        return hs_fail(error, HEADSIFT_USAGE, "%s is the model itself: name another folder", directory);
    }
    HS_TRY(hs_make_directory(directory, error));
    HS_TRY(remove_old(directory, CONFIG, overwrite, error));
    if (!has_shard(model, SINGLE)) {
        HS_TRY(remove_old(directory, SINGLE, overwrite, error));
    }
    return overwrite || !holds_others(directory)
               ? HEADSIFT_OK
               : hs_fail(error, HEADSIFT_FAILED, "%s is not empty: use --overwrite to write into it, or another folder",
                         directory);
}

headsift_status hs_model_write_masked(struct hs_model *model, const headsift_head *heads, size_t n,
                                      const char *directory, bool overwrite, const headsift_monitor *monitor,
                                      headsift_error *error) {
    if (!model->is_directory) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s is a GGUF: only a directory in the Hugging Face layout can be written masked", model->path);
    }
    char sha256[HS_HASH_HEX];
    struct holes holes = {0};
    headsift_status status = find_holes(model, heads, n, &holes, error);
    if (status == HEADSIFT_OK) {
        status = check_owners(model, &holes, error);
    }
    if (status == HEADSIFT_OK) {
        status = hs_model_sha256(model, sha256, error);
    }
    if (status == HEADSIFT_OK) {
        status = prepare_folder(model, directory, overwrite, error);
    }
    if (status == HEADSIFT_OK) {
        status = write_note(model, sha256, heads, n, directory, error);
    }
    if (status == HEADSIFT_OK) {
        status = copy_shards(model, &holes, directory, monitor, error);
    }
    if (status == HEADSIFT_OK) {
        status = copy_others(model, directory, error);
    }
    if (status == HEADSIFT_OK) {
        status = copy_named(model, CONFIG, directory, error);
    }
    hs_free(holes.items);
    return status;
}
