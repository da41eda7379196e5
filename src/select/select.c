/* headsift_select_files: the steps in their order. Nothing is written before the choice is made and the source files
 * are known to be what they were. */
#define _GNU_SOURCE
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "select/ranking.h"
#include "select/select.h"

/* ---- Folders that must not be mixed up ---- */

/* Whether `path` lies right in the folder with this real path. */
static bool lies_in(const char *path, const char *real_folder) {
    char *real = realpath(path, NULL);
    char *slash = real != NULL ? strrchr(real, '/') : NULL;
    size_t size = slash == NULL ? 0 : slash == real ? 1 : (size_t)(slash - real);
    bool inside = slash != NULL && strlen(real_folder) == size && memcmp(real, real_folder, size) == 0;
    free(real);
    return inside;
}

static headsift_status check_folders(const struct hs_selection *selection, headsift_error *error) {
    char *folder = realpath(selection->directory, NULL);
    const char *inside = NULL;
    for (size_t i = 0; folder != NULL && inside == NULL && i < selection->parts.n; i++) {
        inside = lies_in(selection->parts.items[i].path, folder) ? selection->parts.items[i].path : NULL;
    }
    for (size_t i = 0; folder != NULL && inside == NULL && i < selection->units.n; i++) {
        inside = lies_in(selection->units.items[i].path, folder) ? selection->units.items[i].path : NULL;
    }
    free(folder);
    if (inside != NULL) {
        return hs_fail(error, HEADSIFT_USAGE, "%s lies in the output folder %s: choose another folder", inside,
                       selection->directory);
    }
    return HEADSIFT_OK;
}

/* ---- The database ---- */

void hs_spill_remove(const char *folder) {
    DIR *stream = opendir(folder);
    if (stream == NULL) {
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(stream)) != NULL) {
        if (strncmp(entry->d_name, "duckdb_temp", strlen("duckdb_temp")) == 0 ||
            strncmp(entry->d_name, HS_COPY_PREFIX, strlen(HS_COPY_PREFIX)) == 0) {
            unlinkat(dirfd(stream), entry->d_name, 0);
        }
    }
    closedir(stream);
    rmdir(folder);
}

headsift_status hs_selection_open(struct hs_selection *selection, const char *memory, const char *temp_dir,
                                  headsift_error *error) {
    selection->temp_dir = temp_dir;
    size_t n = 0, most = selection->parts.n + selection->units.n + 2;
    const char **paths = hs_alloc(most, sizeof *paths);
    if (paths == NULL) {
        return hs_fail_memory(error, "the list of files", most * sizeof *paths);
    }
    if (selection->directory != NULL) {
        paths[n++] = selection->directory;
    }
    if (temp_dir != NULL) {
        paths[n++] = temp_dir;
    }
    for (size_t i = 0; i < selection->parts.n; i++) {
        paths[n++] = selection->parts.items[i].path;
    }
    for (size_t i = 0; i < selection->units.n; i++) {
        paths[n++] = selection->units.items[i].path;
    }
    /* One thread: the same bytes every time. */
    struct hs_sql_options options = {
        .threads = 1, .memory = memory, .temp_dir = temp_dir, .paths = paths, .n_paths = n};
    headsift_status status = hs_sql_open(&options, &selection->sql, error);
    hs_free(paths);
    return status;
}

/* ---- The steps ---- */

static double seconds_since(const struct timespec *start) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) * 1e-9;
}

/* What the unit's output takes by its share of the source file's bytes: 0 where these say nothing. */
static uint64_t estimate_bytes(const struct hs_selection *selection, const struct hs_unit *unit) {
    struct hs_input_list list = {0};
    if (unit->rows <= 0 || hs_unit_input(selection, unit, &list, NULL) != HEADSIFT_OK) {
        return 0;
    }
    const struct hs_input *input = &list.items[0];
    bool alike = (input->format == HS_FORMAT_PARQUET) != selection->choice.jsonl && input->compression == HS_PLAIN;
    double share = (double)unit->chosen / (double)unit->rows;
    uint64_t bytes = alike ? (uint64_t)((double)input->identity.size * share) : 0;
    hs_inputs_free(&list);
    return bytes;
}

/* Says of a full disk what was being written, in place of DuckDB's words and its temporary names. */
static headsift_status fail_full(const struct hs_selection *selection, const struct hs_unit *unit,
                                 headsift_error *error) {
    static const char advice[] = "free some, and the same command goes on";
    if (strstr(error->message, unit->output) == NULL && selection->temp_dir != NULL) {
        return hs_fail(error, HEADSIFT_NO_SPACE, "no space left in %s, where temporary files of %s/%s lie: %s",
                       selection->temp_dir, selection->directory, unit->output, advice);
    }
    uint64_t bytes = estimate_bytes(selection, unit);
    char about[64] = "";
    if (bytes > 0) {
        snprintf(about, sizeof about, "about %llu bytes for ", (unsigned long long)bytes);
    }
    return hs_fail(error, HEADSIFT_NO_SPACE, "can't write %s/%s: no space left (%s%lld documents): %s",
                   selection->directory, unit->output, about, (long long)unit->chosen, advice);
}

static headsift_status write_unit(struct hs_selection *selection, const struct hs_unit *unit, headsift_error *error) {
    headsift_error own = {0};
    error = error != NULL ? error : &own; /* what it says is looked at */
    headsift_status status = hs_unit_write(selection, unit, error);
    return status == HEADSIFT_NO_SPACE ? fail_full(selection, unit, error) : status;
}

static headsift_status write_units(struct hs_selection *selection, headsift_error *error) {
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    const headsift_monitor *monitor = selection->monitor;
    int64_t all = 0, written = 0;
    for (size_t i = 0; i < selection->units.n; i++) {
        all += selection->units.items[i].chosen;
    }
    for (size_t i = 0; i < selection->units.n; i++) {
        const struct hs_unit *unit = &selection->units.items[i];
        if (unit->output == NULL) {
            continue;
        }
        if (hs_stop_wanted(monitor)) {
            return hs_fail(error, HEADSIFT_STOPPED, "stopped after %lld of %lld chosen documents", (long long)written,
                           (long long)all);
        }
        HS_TRY(write_unit(selection, unit, error));
        written += unit->chosen;
        if (monitor != NULL && monitor->progress != NULL) {
            headsift_progress progress = {.stage = "select",
                                          .documents = written,
                                          .seconds = seconds_since(&start),
                                          .share = (double)written / (double)all};
            monitor->progress(monitor->user, &progress);
        }
    }
    return HEADSIFT_OK;
}

/* The choice itself writes only what DuckDB spills. */
static headsift_status choose(struct hs_selection *selection, headsift_error *error) {
    headsift_status status = hs_table_load(selection, error);
    if (status == HEADSIFT_OK) {
        status = hs_choose(selection, error);
    }
    if (status == HEADSIFT_NO_SPACE) {
        return hs_fail(
            error, status,
            "no space left in %s, where temporary files lie: free some, and the same command goes on, or use "
            "--temp-dir",
            selection->temp_dir != NULL ? selection->temp_dir : selection->directory);
    }
    return status;
}

static headsift_status choose_and_write(struct hs_selection *selection, const json_t *old, bool overwrite,
                                        headsift_select_summary *summary, headsift_error *error) {
    HS_TRY(choose(selection, error));
    HS_TRY(hs_units_name(selection, error));
    HS_TRY(hs_units_check(selection, error));
    HS_TRY(hs_journal_begin(selection, old, overwrite, error));
    HS_TRY(write_units(selection, error));
    HS_TRY(hs_manifest_write(selection, summary, error));
    return hs_journal_end(selection, error);
}

static headsift_status select_anew(struct hs_selection *selection, const headsift_select_options *options,
                                   const json_t *old, headsift_select_summary *summary, headsift_error *error) {
    HS_TRY(hs_units_read(selection, error));
    HS_TRY(check_folders(selection, error));
    HS_TRY(hs_make_directory(selection->directory, error));
    char *own = options->temp_dir == NULL ? hs_join_path(selection->directory, ".spill") : NULL;
    const char *temp_dir = options->temp_dir != NULL ? options->temp_dir : own;
    if (temp_dir == NULL) {
        return hs_fail_memory(error, "a path", 1);
    }
    if (own != NULL) {
        hs_spill_remove(own);
    }
    headsift_status status = hs_make_directory(temp_dir, error);
    if (status == HEADSIFT_OK) {
        status = hs_selection_open(selection, options->memory, temp_dir, error);
    }
    if (status == HEADSIFT_OK) {
        status = choose_and_write(selection, old, options->overwrite, summary, error);
    }
    hs_sql_close(&selection->sql);
    if (own != NULL) {
        hs_spill_remove(own);
    }
    hs_free(own);
    return status;
}

static headsift_status look_or_select(struct hs_selection *selection, const headsift_select_options *options,
                                      headsift_select_summary *summary, headsift_error *error) {
    bool done;
    json_t *old;
    headsift_status status = hs_manifest_look(selection, options->overwrite, &done, &old, error);
    if (status == HEADSIFT_OK && done) {
        hs_log(selection->monitor, HEADSIFT_LOG_INFO, "%s: the selection is there already", selection->directory);
        status = hs_manifest_summary(old, summary, error);
    } else if (status == HEADSIFT_OK) {
        status = select_anew(selection, options, old, summary, error);
    }
    json_decref(old);
    return status;
}

void hs_selection_free(struct hs_selection *selection) {
    hs_sql_close(&selection->sql);
    hs_score_parts_free(&selection->parts);
    hs_units_free(&selection->units);
    json_decref(selection->metadata);
    hs_free(selection->by_documents);
    hs_free(selection->feed);
    hs_chosen_free(selection->chosen);
    hs_mending_free(selection->mending);
}

headsift_status headsift_select_files(const char *scores, const headsift_select_options *options, const char *directory,
                                      const headsift_monitor *monitor, headsift_select_summary *summary,
                                      headsift_error *error) {
    static const headsift_select_options defaults = {0};
    options = options != NULL ? options : &defaults;
    struct hs_selection selection = {.directory = directory, .monitor = monitor};
    headsift_select_summary own = {0};
    HS_TRY(hs_choice_read(options, &selection.choice, error));
    headsift_status status = hs_score_parts_find(scores, &selection.parts, error);
    if (status == HEADSIFT_OK) {
        status = hs_score_parts_hash(&selection.parts, error);
    }
    if (status == HEADSIFT_OK) {
        status = look_or_select(&selection, options, &own, error);
    }
    if (status == HEADSIFT_OK && own.chosen == 0) {
        hs_log(monitor, HEADSIFT_LOG_WARNING, "%s: no document was chosen (%lld documents, %lld without a score)",
               directory, (long long)own.documents, (long long)own.unscored);
    }
    if (status == HEADSIFT_OK && summary != NULL) {
        *summary = own;
    }
    hs_selection_free(&selection);
    return status;
}
