/* A recursive walk over folders that follows links and can't loop.
 * Whole paths are sorted at the end, so that the order does not depend on the file system. */
#define _GNU_SOURCE
#include "corpus/walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "corpus/formats.h"

/* A folder being walked and those above it. */
struct level {
    const struct level *above;
    dev_t device;
    ino_t inode;
};

struct walk {
    const char *format;
    struct hs_paths *out;
    headsift_error *error;
};

static headsift_status walk_folder(struct walk *walk, const char *path, const struct level *above);

static bool left_out(const char *name) { return name[0] == '.' || name[0] == '_'; }

/* Takes over `path`, also on failure. */
static headsift_status keep(struct walk *walk, char *path) {
    void *items = walk->out->items;
    bool grown = hs_grow(&items, &walk->out->capacity, walk->out->n + 1, sizeof *walk->out->items);
    walk->out->items = items;
    if (!grown) {
        headsift_status status = hs_fail_memory(walk->error, path, strlen(path));
        hs_free(path);
        return status;
    }
    walk->out->items[walk->out->n++] = path;
    return HEADSIFT_OK;
}

static headsift_status visit(struct walk *walk, const char *folder, const char *name, const struct level *level) {
    char *path = hs_join_path(folder, name);
    if (path == NULL) {
        return hs_fail_memory(walk->error, folder, strlen(folder));
    }
    struct stat info;
    headsift_status status = HEADSIFT_OK;
    bool known = hs_format_takes(name, walk->format);
    if (stat(path, &info) != 0) {
        status = known ? hs_fail_errno(walk->error, errno, "can't open %s", path) : HEADSIFT_OK;
    } else if (S_ISDIR(info.st_mode)) {
        status = walk_folder(walk, path, level);
    } else if (known) {
        return keep(walk, path);
    }
    hs_free(path);
    return status;
}

static bool is_above(const struct level *level, const struct stat *info) {
    while (level != NULL && (level->device != info->st_dev || level->inode != info->st_ino)) {
        level = level->above;
    }
    return level != NULL;
}

static headsift_status walk_folder(struct walk *walk, const char *path, const struct level *above) {
    struct stat info;
    DIR *folder = opendir(path);
    if (folder == NULL || fstat(dirfd(folder), &info) != 0) {
        int reason = errno;
        if (folder != NULL) {
            closedir(folder);
        }
        return hs_fail_errno(walk->error, reason, "can't open the folder %s", path);
    }
    struct level level = {above, info.st_dev, info.st_ino};
    headsift_status status = HEADSIFT_OK;
    if (!is_above(above, &info)) {
        errno = 0;
        for (struct dirent *entry; status == HEADSIFT_OK && (entry = readdir(folder)) != NULL; errno = 0) {
            status = left_out(entry->d_name) ? HEADSIFT_OK : visit(walk, path, entry->d_name, &level);
        }
        if (status == HEADSIFT_OK && errno != 0) {
            status = hs_fail_errno(walk->error, errno, "can't read the folder %s", path);
        }
    }
    closedir(folder);
    return status;
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

headsift_status hs_walk(const char *folder, const char *format, struct hs_paths *out, headsift_error *error) {
    struct walk walk = {format, out, error};
    HS_TRY(walk_folder(&walk, folder, NULL));
    if (out->n > 1) {
        qsort(out->items, out->n, sizeof *out->items, by_bytes);
    }
    return HEADSIFT_OK;
}

void hs_paths_free(struct hs_paths *paths) {
    for (size_t i = 0; i < paths->n; i++) {
        hs_free(paths->items[i]);
    }
    hs_free(paths->items);
    *paths = (struct hs_paths){0};
}
