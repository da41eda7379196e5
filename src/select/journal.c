/* DIR/selecting.json: the files that a selection in progress may have written, so that whatever it leaves when it is
 * killed can be told from other files and removed by the next call. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "select/ranking.h"
#include "select/select.h"

enum { JOURNAL_LIMIT = 1 << 30 };

static const char journal_name[] = "selecting.json";

/* A name that a selection can have written: no folder in it, and one of its two suffixes. */
static bool is_output_name(const char *name) {
    const char *dot = strrchr(name, '.');
    return name[0] != '.' && strchr(name, '/') == NULL && dot != NULL &&
           (strcmp(dot, ".parquet") == 0 || strcmp(dot, ".jsonl") == 0);
}

static bool add_name(json_t *names, const char *name) {
    return name == NULL || !is_output_name(name) || json_object_set_new(names, name, json_true()) == 0;
}

/* Names that an earlier selection wrote: of its manifest, or of the journal that it left. */
static headsift_status earlier_names(const char *journal, const json_t *old, json_t *names, headsift_error *error) {
    size_t i;
    json_t *entry;
    bool ok = true;
    json_array_foreach(json_object_get(old, "files"), i, entry) {
        ok = ok && add_name(names, json_string_value(json_object_get(entry, "name")));
    }
    json_t *left = NULL;
    if (hs_file_exists(journal)) {
        HS_TRY(hs_json_load(journal, JOURNAL_LIMIT, &left, error));
    }
    json_array_foreach(left, i, entry) { ok = ok && add_name(names, json_string_value(entry)); }
    json_decref(left);
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "the list of outputs", 1);
}

/* Adds the outputs of this call. One that stands there already must be an earlier selection's. */
static headsift_status planned_names(const struct hs_selection *selection, json_t *names, bool overwrite,
                                     headsift_error *error) {
    for (size_t i = 0; i < selection->units.n; i++) {
        const char *output = selection->units.items[i].output;
        if (output == NULL) {
            continue;
        }
        char *path = hs_join_path(selection->directory, output);
        bool stray = path != NULL && json_object_get(names, output) == NULL && hs_file_exists(path);
        bool ok = path != NULL && add_name(names, output);
        hs_free(path);
        if (!ok) {
            return hs_fail_memory(error, output, strlen(output));
        }
        if (stray && !overwrite) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%s/%s is there, but not of a selection; use --overwrite to replace it, or another folder",
                           selection->directory, output);
        }
    }
    return HEADSIFT_OK;
}

static headsift_status write_journal(const char *journal, const json_t *names, headsift_error *error) {
    json_t *list = json_array();
    bool ok = list != NULL;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)names, name, value) {
        ok = ok && json_array_append_new(list, json_string(name)) == 0;
    }
    char *text = ok ? json_dumps(list, JSON_INDENT(0)) : NULL;
    headsift_status status = text != NULL ? hs_file_write(journal, text, strlen(text), error)
                                          : hs_fail_memory(error, "the list of outputs", 1);
    free(text);
    json_decref(list);
    return status;
}

static headsift_status remove_name(const char *directory, const char *name, headsift_error *error) {
    char *path = hs_join_path(directory, name);
    if (path == NULL) {
        return hs_fail_memory(error, name, strlen(name));
    }
    bool ok = unlink(path) == 0 || errno == ENOENT;
    headsift_status status = ok ? HEADSIFT_OK : hs_fail_errno(error, errno, "can't remove %s", path);
    hs_free(path);
    return status;
}

/* Whether a name is one of ours with ".tmp-" and a process behind it: left by a call that was killed. */
static bool is_leftover(const json_t *names, const char *entry) {
    const char *tail = strstr(entry, ".tmp-");
    if (tail == NULL || tail[5] == '\0') {
        return false;
    }
    char *stem = hs_copy_bytes(entry, (size_t)(tail - entry));
    bool ours = stem != NULL && (json_object_get(names, stem) != NULL || strcmp(stem, "manifest.json") == 0 ||
                                 strcmp(stem, journal_name) == 0);
    hs_free(stem);
    return ours;
}

static headsift_status remove_all(const char *directory, const json_t *names, headsift_error *error) {
    HS_TRY(remove_name(directory, "manifest.json", error));
    DIR *stream = opendir(directory);
    if (stream == NULL) {
        return hs_fail_errno(error, errno, "can't open %s", directory);
    }
    headsift_status status = HEADSIFT_OK;
    struct dirent *entry;
    while (status == HEADSIFT_OK && (entry = readdir(stream)) != NULL) {
        if (json_object_get(names, entry->d_name) != NULL || is_leftover(names, entry->d_name)) {
            status = remove_name(directory, entry->d_name, error);
        }
    }
    closedir(stream);
    return status;
}

headsift_status hs_journal_begin(const struct hs_selection *selection, const json_t *old, bool overwrite,
                                 headsift_error *error) {
    char *journal = hs_join_path(selection->directory, journal_name);
    json_t *names = json_object();
    headsift_status status = journal != NULL && names != NULL ? earlier_names(journal, old, names, error)
                                                              : hs_fail_memory(error, journal_name, 1);
    if (status == HEADSIFT_OK) {
        status = planned_names(selection, names, overwrite, error);
    }
    if (status == HEADSIFT_OK) {
        status = write_journal(journal, names, error);
    }
    if (status == HEADSIFT_OK) {
        status = remove_all(selection->directory, names, error);
    }
    json_decref(names);
    hs_free(journal);
    return status;
}

headsift_status hs_journal_end(const struct hs_selection *selection, headsift_error *error) {
    return remove_name(selection->directory, journal_name, error);
}

headsift_status hs_selection_remove(const char *directory, headsift_error *error) {
    char *journal = hs_join_path(directory, journal_name), *manifest = hs_join_path(directory, "manifest.json");
    json_t *names = json_object(), *old = NULL;
    headsift_status status = HEADSIFT_OK;
    if (journal == NULL || manifest == NULL || names == NULL) {
        status = hs_fail_memory(error, journal_name, 1);
    } else if (hs_file_exists(manifest)) {
        status = hs_json_load(manifest, JOURNAL_LIMIT, &old, error);
    }
    if (status == HEADSIFT_OK) {
        status = earlier_names(journal, old, names, error);
    }
    if (status == HEADSIFT_OK && hs_is_directory(directory)) {
        status = write_journal(journal, names, error); /* so that a call that is killed here is understood */
        status = status == HEADSIFT_OK ? remove_all(directory, names, error) : status;
        status = status == HEADSIFT_OK ? remove_name(directory, journal_name, error) : status;
    }
    json_decref(old);
    json_decref(names);
    hs_free(manifest);
    hs_free(journal);
    return status;
}
