/* SHA-256 of a checkpoint, remembered between calls: a model of many gigabytes is hashed once.
 * The cache holds a file for each (path, size, mtime); one that can't be read or written is no error. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

enum { CACHED_FROM = 1 << 20 }; /* smaller files are hashed faster than looked up */

static char *cache_folder(void) {
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    if (cache != NULL && cache[0] == '/') {
        return hs_format("%s/headsift/digests", cache);
    }
    return home != NULL && home[0] != '\0' ? hs_format("%s/.cache/headsift/digests", home) : NULL;
}

/* The entry's path; NULL where there can be none. */
static char *cache_entry(const char *path, const struct hs_file_identity *identity) {
    char key[HS_HASH_HEX];
    char *entry = NULL, *folder = cache_folder(), *real = realpath(path, NULL);
    char *text = folder == NULL || real == NULL
                     ? NULL
                     : hs_format("%s\n%llu\n%lld.%09lld\n", real, (unsigned long long)identity->size,
                                 (long long)identity->mtime_seconds, (long long)identity->mtime_nanoseconds);
    if (text != NULL && hs_hash_bytes(text, strlen(text), key, NULL) == HEADSIFT_OK) {
        entry = hs_join_path(folder, key);
    }
    hs_free(text);
    free(real);
    hs_free(folder);
    return entry;
}

static bool cache_read(const char *entry, char hex[HS_HASH_HEX]) {
    struct hs_buffer text = {0};
    bool good = entry != NULL && hs_file_exists(entry) && hs_file_read(entry, 256, &text, NULL) == HEADSIFT_OK &&
                text.size == HS_HASH_HEX && text.data[HS_HASH_HEX - 1] == '\n' &&
                strspn(text.data, "0123456789abcdef") == HS_HASH_HEX - 1;
    if (good) {
        memcpy(hex, text.data, HS_HASH_HEX - 1);
        hex[HS_HASH_HEX - 1] = '\0';
    }
    hs_buffer_free(&text);
    return good;
}

static void cache_write(const char *entry, const char *hex) {
    char line[HS_HASH_HEX + 1];
    char *folder = cache_folder();
    if (entry != NULL && folder != NULL && hs_make_directory(folder, NULL) == HEADSIFT_OK) {
        int size = snprintf(line, sizeof line, "%s\n", hex);
        (void)hs_file_write(entry, line, (size_t)size, NULL);
    }
    hs_free(folder);
}

static headsift_status hash_file(const char *path, char hex[HS_HASH_HEX], headsift_error *error) {
    struct hs_map map;
    HS_TRY(hs_map_open(path, &map, error));
    headsift_status status = hs_hash_bytes(map.data, map.size, hex, error);
    hs_map_close(&map);
    return status;
}

headsift_status hs_file_digest(const char *path, char hex[HS_HASH_HEX], headsift_error *error) {
    struct hs_file_identity identity;
    HS_TRY(hs_file_identity(path, &identity, error));
    char *entry = identity.size >= CACHED_FROM ? cache_entry(path, &identity) : NULL;
    headsift_status status = HEADSIFT_OK;
    if (!cache_read(entry, hex)) {
        status = hash_file(path, hex, error);
        if (status == HEADSIFT_OK) {
            cache_write(entry, hex);
        }
    }
    hs_free(entry);
    return status;
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static headsift_status add_line(const char *folder, const char *name, struct hs_buffer *lines, headsift_error *error) {
    char hex[HS_HASH_HEX];
    char *path = hs_join_path(folder, name);
    headsift_status status =
        path != NULL ? hs_file_digest(path, hex, error) : hs_fail_memory(error, name, strlen(name));
    hs_free(path);
    if (status == HEADSIFT_OK && !hs_buffer_printf(lines, "%s  %s\n", hex, name)) {
        status = hs_fail_memory(error, "a list of hashes", lines->size);
    }
    return status;
}

static headsift_status add_lines(const struct hs_model *model, const char **names, struct hs_buffer *lines,
                                 headsift_error *error) {
    size_t n = 0;
    char *tokenizer = hs_join_path(model->path, "tokenizer.json");
    if (tokenizer != NULL && hs_file_exists(tokenizer)) {
        names[n++] = "tokenizer.json";
    }
    hs_free(tokenizer);
    names[n++] = "config.json";
    for (size_t i = 0; i < model->n_shards; i++) {
        names[n++] = model->shards[i].name;
    }
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        HS_TRY(add_line(model->path, names[i], lines, error));
    }
    return HEADSIFT_OK;
}

headsift_status hs_model_sha256(struct hs_model *model, char hex[HS_HASH_HEX], headsift_error *error) {
    if (!model->is_directory) {
        return hs_file_digest(model->path, hex, error);
    }
    struct hs_buffer lines = {0};
    const char **names = hs_alloc(model->n_shards + 2, sizeof *names);
    headsift_status status = names != NULL ? add_lines(model, names, &lines, error)
                                           : hs_fail_memory(error, "a list of files", model->n_shards * sizeof *names);
    if (status == HEADSIFT_OK) {
        status = hs_hash_bytes(lines.data, lines.size, hex, error);
    }
    hs_free(names);
    hs_buffer_free(&lines);
    return status;
}
