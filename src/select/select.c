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

static headsift_status check_folder(const struct hs_selection *selection, const char *directory,
                                    headsift_error *error) {
    char *folder = directory != NULL ? realpath(directory, NULL) : NULL;
    const char *inside = NULL;
    for (size_t i = 0; folder != NULL && inside == NULL && i < selection->parts.n; i++) {
        inside = lies_in(selection->parts.paths[i], folder) ? selection->parts.paths[i] : NULL;
        i = selection->parts.folder != NULL ? selection->parts.n : i; /* they all lie in one */
    }
    for (size_t i = 0; folder != NULL && inside == NULL && i < selection->n_sources; i++) {
        inside = lies_in(selection->sources[i].path, folder) ? selection->sources[i].path : NULL;
    }
    free(folder);
    if (inside != NULL) {
        return hs_fail(error, HEADSIFT_USAGE, "%s lies in the output folder %s: choose another folder", inside,
                       directory);
    }
    return HEADSIFT_OK;
}

static headsift_status check_folders(const struct hs_selection *selection, headsift_error *error) {
    HS_TRY(check_folder(selection, selection->directory, error));
    return check_folder(selection, selection->rejected_directory, error);
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

headsift_status hs_selection_open(struct hs_selection *selection, const char *temp_dir, headsift_error *error) {
    selection->temp_dir = temp_dir;
    const struct hs_score_parts *parts = &selection->parts;
    const char *const others[] = {parts->folder != NULL ? parts->folder : parts->paths[0], selection->directory,
                                  selection->rejected_directory, temp_dir};
    size_t n = 0, most = selection->n_sources + sizeof others / sizeof *others;
    const char **paths = hs_alloc(most, sizeof *paths);
    if (paths == NULL) {
        return hs_fail_memory(error, "the list of files", most * sizeof *paths);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (others[i] != NULL) {
            paths[n++] = others[i];
        }
    }
    for (size_t i = 0; i < selection->n_sources; i++) {
        paths[n++] = selection->sources[i].path;
    }
    /* One thread: the same bytes every time. */
    struct hs_sql_options options = {.threads = 1,
                                     .memory = selection->memory[0] != '\0' ? selection->memory : NULL,
                                     .temp_dir = temp_dir,
                                     .paths = paths,
                                     .n_paths = n};
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

/* What the output takes by its share of the source file's bytes: 0 where these say nothing. */
static uint64_t estimate_bytes(const struct hs_selection *selection, const struct hs_source *source) {
    struct hs_input_list list = {0};
    if (source->rows <= 0 || hs_source_input(source, &list, NULL) != HEADSIFT_OK) {
        return 0;
    }
    const struct hs_input *input = &list.items[0];
    bool alike = (input->format == HS_FORMAT_PARQUET) == (selection->choice.format == HS_OUTPUT_PARQUET) &&
                 selection->choice.format != HS_OUTPUT_DOLMA && input->compression == HS_PLAIN;
    double share = (double)source->wanted / (double)source->rows;
    uint64_t bytes = alike ? (uint64_t)((double)input->identity.size * share) : 0;
    hs_inputs_free(&list);
    return bytes;
}

/* Says of a full disk what was being written, in place of DuckDB's words and its temporary names. */
static headsift_status fail_full(const struct hs_selection *selection, const struct hs_source *source,
                                 headsift_error *error) {
    static const char advice[] = "free some, and the same command goes on";
    if (strstr(error->message, source->output) == NULL && selection->temp_dir != NULL) {
        return hs_fail(error, HEADSIFT_NO_SPACE, "no space left in %s, where temporary files of %s/%s lie: %s",
                       selection->temp_dir, selection->directory, source->output, advice);
    }
    uint64_t bytes = estimate_bytes(selection, source);
    char about[64] = "";
    if (bytes > 0) {
        snprintf(about, sizeof about, "about %llu bytes for ", (unsigned long long)bytes);
    }
    return hs_fail(error, HEADSIFT_NO_SPACE, "can't write %s/%s: no space left (%s%lld documents): %s",
                   selection->directory, source->output, about, (long long)source->wanted, advice);
}

static headsift_status write_source(struct hs_selection *selection, const struct hs_source *source,
                                    headsift_error *error) {
    headsift_error own = {0};
    error = error != NULL ? error : &own; /* what it says is looked at */
    headsift_status status = hs_source_write(selection, source, error);
    return status == HEADSIFT_NO_SPACE ? fail_full(selection, source, error) : status;
}

static headsift_status write_sources(struct hs_selection *selection, headsift_error *error) {
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    const headsift_monitor *monitor = selection->monitor;
    int64_t all = 0, written = 0;
    for (size_t i = 0; i < selection->n_sources; i++) {
        all += selection->sources[i].wanted;
    }
    for (size_t i = 0; i < selection->n_sources; i++) {
        const struct hs_source *source = &selection->sources[i];
        if (source->output == NULL) {
            continue;
        }
        if (hs_stop_wanted(monitor)) {
            return hs_fail(error, HEADSIFT_STOPPED, "stopped after %lld of %lld documents for %s", (long long)written,
                           (long long)all, selection->directory);
        }
        HS_TRY(write_source(selection, source, error));
        written += source->wanted;
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

/* One of the two folders that are written: of the chosen documents, or of the others. */
struct side {
    const char *directory; /**< NULL: not asked for */
    bool rejected;
    bool done;   /**< an earlier call wrote it */
    json_t *old; /**< its manifest, or NULL */
};

enum { SIDES = 2 };

static headsift_status write_side(struct hs_selection *selection, const struct side *side, bool overwrite,
                                  headsift_error *error) {
    selection->directory = side->directory;
    selection->rejected = side->rejected;
    HS_TRY(hs_sources_count(selection, error));
    HS_TRY(hs_sources_name(selection, error));
    HS_TRY(hs_sources_check(selection, error));
    HS_TRY(hs_make_directory(side->directory, error));
    HS_TRY(hs_journal_begin(selection, side->old, overwrite, error));
    HS_TRY(write_sources(selection, error));
    HS_TRY(hs_manifest_write(selection, error));
    return hs_journal_end(selection, error);
}

static void say_domains(const struct hs_selection *selection) {
    for (size_t i = 0; i < selection->n_domains; i++) {
        const struct hs_domain *domain = &selection->domains[i];
        hs_log(selection->monitor, HEADSIFT_LOG_INFO,
               "domain \"%s\": %lld of %lld documents with a score, %lld of %lld tokens, down to %.6g", domain->name,
               (long long)domain->chosen, (long long)domain->scored, (long long)domain->chosen_tokens,
               (long long)domain->scored_tokens, domain->threshold);
    }
}

static headsift_status choose_and_write(struct hs_selection *selection, const struct side *sides,
                                        const headsift_select_options *options, headsift_select_summary *summary,
                                        headsift_error *error) {
    HS_TRY(choose(selection, error));
    hs_domains_summary(selection, summary);
    if (options->dry_run) {
        say_domains(selection);
        return HEADSIFT_OK;
    }
    for (int i = 0; i < SIDES; i++) {
        if (sides[i].directory != NULL && !sides[i].done) {
            HS_TRY(write_side(selection, &sides[i], options->overwrite, error));
        }
    }
    return HEADSIFT_OK;
}

static headsift_status make_directories(const struct side *sides, headsift_error *error) {
    for (int i = 0; i < SIDES; i++) {
        if (sides[i].directory != NULL) {
            HS_TRY(hs_make_directory(sides[i].directory, error));
        }
    }
    return HEADSIFT_OK;
}

static headsift_status select_anew(struct hs_selection *selection, const headsift_select_options *options,
                                   const struct side *sides, headsift_select_summary *summary, headsift_error *error) {
    HS_TRY(hs_units_read(selection, error));
    HS_TRY(hs_sources_find(selection, error));
    HS_TRY(check_folders(selection, error));
    HS_TRY(make_directories(sides, error));
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
        status = hs_selection_open(selection, temp_dir, error);
    }
    if (status == HEADSIFT_OK) {
        status = choose_and_write(selection, sides, options, summary, error);
    }
    hs_sql_close(&selection->sql);
    if (own != NULL) {
        hs_spill_remove(own);
    }
    hs_free(own);
    return status;
}

static headsift_status look(struct hs_selection *selection, struct side *side, bool overwrite, headsift_error *error) {
    if (side->directory == NULL) {
        side->done = true;
        return HEADSIFT_OK;
    }
    selection->directory = side->directory;
    selection->rejected = side->rejected;
    return hs_manifest_look(selection, overwrite, &side->done, &side->old, error);
}

static headsift_status look_and_select(struct hs_selection *selection, const headsift_select_options *options,
                                       struct side *sides, headsift_select_summary *summary, headsift_error *error) {
    HS_TRY(hs_score_parts_hash(&selection->parts, error));
    for (int i = 0; i < SIDES; i++) {
        HS_TRY(look(selection, &sides[i], options->overwrite, error));
    }
    selection->directory = sides[0].directory;
    selection->rejected = false;
    if (sides[0].done && sides[1].done) {
        hs_log(selection->monitor, HEADSIFT_LOG_INFO, "%s: the selection is there already", selection->directory);
        return hs_manifest_summary(sides[0].old, summary, error);
    }
    return select_anew(selection, options, sides, summary, error);
}

/* A look at what would be chosen leaves nothing behind. */
static headsift_status look_only(struct hs_selection *selection, const headsift_select_options *options,
                                 const struct side *sides, headsift_select_summary *summary, headsift_error *error) {
    bool there = hs_is_directory(selection->directory);
    const struct side only[SIDES] = {sides[0]};
    headsift_status status = select_anew(selection, options, only, summary, error);
    if (!there) {
        rmdir(selection->directory);
    }
    return status;
}

void hs_selection_free(struct hs_selection *selection) {
    hs_sql_close(&selection->sql);
    hs_score_parts_free(&selection->parts);
    hs_score_metadata_free(&selection->metadata);
    for (size_t i = 0; i < selection->n_sources; i++) {
        hs_free(selection->sources[i].name);
        hs_free(selection->sources[i].path);
        hs_free(selection->sources[i].picks);
        hs_free(selection->sources[i].output);
    }
    for (size_t i = 0; i < selection->n_domains; i++) {
        hs_free(selection->domains[i].name);
    }
    hs_free(selection->sources);
    hs_free(selection->domains);
    hs_free(selection->units);
    hs_free(selection->by_documents);
    hs_free(selection->feed);
    hs_chosen_free(selection->chosen);
    hs_mending_free(selection->mending);
}

headsift_status hs_selection_begin(struct hs_selection *selection, const headsift_select_options *options,
                                   headsift_error *error) {
    int64_t bytes;
    HS_TRY(hs_choice_read(options, &selection->choice, error));
    HS_TRY(hs_choice_memory(options->memory, &bytes, error));
    if (bytes > 0) {
        snprintf(selection->memory, sizeof selection->memory, "%lldB", (long long)bytes);
    }
    selection->root = options->root;
    return HEADSIFT_OK;
}

static headsift_status check_rejected(const struct hs_selection *selection, headsift_error *error) {
    if (selection->rejected_directory == NULL) {
        return HEADSIFT_OK;
    }
    if (selection->choice.format == HS_OUTPUT_DOLMA) {
        return hs_fail(error, HEADSIFT_USAGE, "dolma's attributes tell of every document: leave out --rejected");
    }
    if (strcmp(selection->rejected_directory, selection->directory) == 0) {
        return hs_fail(error, HEADSIFT_USAGE, "%s: chosen and rejected documents need a folder each",
                       selection->directory);
    }
    return HEADSIFT_OK;
}

headsift_status headsift_select_files(const char *scores, const headsift_select_options *options, const char *directory,
                                      const headsift_monitor *monitor, headsift_select_summary *summary,
                                      headsift_error *error) {
    static const headsift_select_options defaults = {0};
    options = options != NULL ? options : &defaults;
    struct hs_selection selection = {
        .directory = directory, .rejected_directory = options->rejected, .monitor = monitor};
    struct side sides[SIDES] = {{.directory = directory}, {.directory = options->rejected, .rejected = true}};
    headsift_select_summary own = {0};
    HS_TRY(hs_selection_begin(&selection, options, error));
    HS_TRY(check_rejected(&selection, error));
    headsift_status status = hs_score_parts_find(scores, &selection.parts, error);
    if (status == HEADSIFT_OK) {
        status = options->dry_run ? look_only(&selection, options, sides, &own, error)
                                  : look_and_select(&selection, options, sides, &own, error);
    }
    if (status == HEADSIFT_OK && own.chosen == 0) {
        hs_log(monitor, HEADSIFT_LOG_WARNING, "%s: no document was chosen (%lld documents, %lld without a score)",
               directory, (long long)own.documents, (long long)own.unscored);
    }
    if (status == HEADSIFT_OK && summary != NULL) {
        *summary = own;
    }
    for (int i = 0; i < SIDES; i++) {
        json_decref(sides[i].old);
    }
    hs_selection_free(&selection);
    return status;
}
