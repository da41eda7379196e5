/* What killed calls left in a folder of scores: unfinished files (NAME.tmp-PID) and spill folders (.NAME.spill-PID).
 * Only names that this room makes are removed, and only those of processes that are gone. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "influence/plan.h"

/* Whether name[0 .. size) is a file that a call writes here. */
static bool is_our_name(const char *name, size_t size) {
    char *copy = hs_copy_bytes(name, size);
    bool ours =
        copy != NULL && (hs_is_part_name(copy) || strcmp(copy, "score.json") == 0 || strcmp(copy, "_parts.jsonl") == 0);
    hs_free(copy);
    return ours;
}

/* Whether text is the number of a process that is no more. One of another machine that shares the folder can't be
 * told from it. */
static bool is_gone(const char *text) {
    size_t digits = strspn(text, "0123456789");
    long process = digits > 0 && digits < 10 && text[digits] == '\0' ? strtol(text, NULL, 10) : 0;
    return process > 0 && kill((pid_t)process, 0) != 0 && errno == ESRCH;
}

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

static void remove_leftover(int parent, const char *name) {
    bool hidden = name[0] == '.';
    const char *mark = hidden ? ".spill-" : ".tmp-", *base = name + hidden, *end = NULL;
    for (const char *at = strstr(base, mark); at != NULL; at = strstr(at + 1, mark)) {
        end = at; /* the last one */
    }
    if (end == NULL || !is_our_name(base, (size_t)(end - base)) || !is_gone(end + strlen(mark))) {
        return;
    }
    if (hidden) {
        remove_spill(parent, name);
    } else {
        (void)unlinkat(parent, name, 0);
    }
}

void hs_plan_remove_leftovers(const struct hs_score_plan *plan) {
    DIR *folder = opendir(plan->directory);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        remove_leftover(dirfd(folder), entry->d_name);
    }
    if (folder != NULL) {
        closedir(folder);
    }
}
