/* What killed calls left in a folder of scores: unfinished files (NAME.tmp-HOST-PID), spill folders
 * (.NAME.spill-HOST-PID), claims. Only names that this room makes are removed, and only where their process is gone or
 * nobody touched them for a day. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/process.h"
#include "influence/plan.h"

static void remove_spill(int parent, const char *name) {
    int file = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = file >= 0 ? fdopendir(file) : NULL;
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder != NULL) {
        closedir(folder);
        (void)unlinkat(parent, name, AT_REMOVEDIR);
    } else if (file >= 0) {
        close(file);
    }
}

/* Whether name[0 .. size) is a file that a call writes in the folder itself. */
static bool is_our_name(const char *name, size_t size) {
    size_t input, unit;
    char *copy = hs_copy_bytes(name, size);
    bool ours = copy != NULL && (hs_part_numbers(copy, &input, &unit) || strcmp(copy, "score.json") == 0);
    hs_free(copy);
    return ours;
}

/* The last ".tmp-" or ".spill-" of a name, or NULL. */
static const char *last_mark(const char *name, const char *mark) {
    const char *end = NULL;
    for (const char *at = strstr(name, mark); at != NULL; at = strstr(at + 1, mark)) {
        end = at;
    }
    return end;
}

static void remove_leftover(int parent, const char *name, bool all_ours) {
    bool hidden = name[0] == '.';
    const char *mark = hidden ? ".spill-" : ".tmp-", *base = name + hidden, *end = last_mark(base, mark);
    if (end == NULL || !(all_ours || is_our_name(base, (size_t)(end - base))) ||
        !hs_is_leftover(parent, name, end + strlen(mark))) {
        return;
    }
    if (hidden) {
        remove_spill(parent, name);
    } else {
        (void)unlinkat(parent, name, 0);
    }
}

/* A claim on an index (claims.c) holds the name of its process. */
static void remove_claim(int parent, const char *name) {
    char process[HS_PROCESS_NAME] = "";
    size_t size = strlen(name);
    if (size < 6 || strcmp(name + size - 6, ".claim") != 0) {
        return;
    }
    int file = openat(parent, name, O_RDONLY | O_CLOEXEC);
    bool known = file >= 0 && read(file, process, sizeof process - 1) > 0;
    if (file >= 0) {
        close(file);
    }
    if (known && hs_is_leftover(parent, name, process)) {
        (void)unlinkat(parent, name, 0);
    }
}

static void clean(const char *path, bool all_ours) {
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        remove_leftover(dirfd(folder), entry->d_name, all_ours);
        remove_claim(dirfd(folder), entry->d_name);
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

void hs_plan_remove_leftovers(const struct hs_score_plan *plan) {
    static const char *const below[] = {"_index", "_running", "_ranks"};
    clean(plan->directory, false);
    for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
        char *path = hs_join_path(plan->directory, below[i]);
        if (path != NULL) {
            clean(path, true);
        }
        hs_free(path);
    }
}
