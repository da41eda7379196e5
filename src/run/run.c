/* headsift_run: probe, heads, scores, selection and report into one folder, each only where its output is not there
 * yet. The steps themselves stand in their own rooms; record.c knows which are done. */
#define _GNU_SOURCE
#include "run/run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"

/* ---- The folder and the inputs ---- */

static headsift_status name_files(struct hs_run *run, headsift_error *error) {
    const struct {
        char **path;
        const char *name;
    } files[] = {{&run->files.record, "run.json"},   {&run->files.probe, "probe.jsonl"},
                 {&run->files.heads, "heads.json"},  {&run->files.heatmap, "heads.svg"},
                 {&run->files.scores, "scores"},     {&run->files.selected, "selected"},
                 {&run->files.report, "report.html"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        *files[i].path = hs_join_path(run->directory, files[i].name);
        if (*files[i].path == NULL) {
            return hs_fail_memory(error, "a path", strlen(run->directory));
        }
    }
    return HEADSIFT_OK;
}

/* Whether a file lies in the folder with this real path, or in a folder of it. */
static bool lies_beneath(const char *path, const char *real_folder) {
    char *real = realpath(path, NULL);
    size_t size = strlen(real_folder);
    bool beneath = real != NULL && strncmp(real, real_folder, size) == 0 && real[size] == '/';
    free(real);
    return beneath;
}

/* A folder given as input may hold the output folder: what an earlier call wrote there is no input. */
static void drop_own_files(struct hs_input_list *list, const char *directory) {
    char *folder = realpath(directory, NULL);
    size_t kept = 0;
    for (size_t i = 0; i < list->n; i++) {
        if (folder != NULL && lies_beneath(list->items[i].path, folder)) {
            hs_free(list->items[i].path);
        } else {
            list->items[kept++] = list->items[i];
        }
    }
    list->n = kept;
    free(folder);
}

static headsift_status find_inputs(struct hs_run *run, const headsift_inputs *inputs, headsift_error *error) {
    HS_TRY(hs_inputs_find(inputs, &run->documents, error));
    drop_own_files(&run->documents, run->directory);
    if (run->documents.n == 0) {
        return hs_fail(error, HEADSIFT_USAGE, "every input lies in the output folder %s: choose another folder",
                       run->directory);
    }
    run->paths = hs_alloc(run->documents.n, sizeof *run->paths);
    if (run->paths == NULL) {
        return hs_fail_memory(error, "the list of inputs", run->documents.n * sizeof *run->paths);
    }
    for (size_t i = 0; i < run->documents.n; i++) {
        run->paths[i] = run->documents.items[i].path;
    }
    run->inputs = *inputs;
    run->inputs.paths = run->paths;
    run->inputs.n_paths = run->documents.n;
    run->inputs.files_from = NULL;
    return HEADSIFT_OK;
}

/* A missing column should not be found out after the heads. */
static headsift_status open_inputs(const struct hs_run *run, headsift_error *error) {
    for (size_t i = 0; i < run->documents.n; i++) {
        struct hs_reader *reader;
        HS_TRY(hs_reader_open(&run->documents.items[i], &run->inputs, false, &reader, error));
        hs_reader_close(reader);
    }
    return HEADSIFT_OK;
}

static bool same_file(const char *left, const char *right) {
    struct stat a, b;
    return stat(left, &a) == 0 && stat(right, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* ---- The steps ---- */

static headsift_status load_heads(struct hs_run *run, const char *path, headsift_error *error) {
    HS_TRY(headsift_heads_load(path, &run->heads, error));
    return headsift_heads_check(run->heads, run->model, run->monitor, error);
}

/* Loads the caller's heads before any work, and leaves a copy in the folder. */
static headsift_status given_heads(struct hs_run *run, headsift_error *error) {
    if (run->heads_in_place || hs_file_exists(run->files.heads)) {
        return HEADSIFT_OK;
    }
    return headsift_heads_save(run->heads, run->files.heads, error);
}

static headsift_status find_heads(struct hs_run *run, headsift_error *error) {
    if (hs_file_exists(run->files.heads)) {
        hs_log(run->monitor, HEADSIFT_LOG_INFO, "%s is there already", run->files.heads);
        return load_heads(run, run->files.heads, error);
    }
    if (hs_file_exists(run->files.probe)) {
        hs_log(run->monitor, HEADSIFT_LOG_INFO, "%s is there already", run->files.probe);
    } else {
        HS_TRY(hs_run_probe(run, error));
    }
    HS_TRY(headsift_heads_detect(run->model, run->files.probe, &run->options->heads, run->monitor, &run->heads, error));
    return headsift_heads_save(run->heads, run->files.heads, error);
}

/* Made again by every call: it is quick, and results may have come into the folder. */
static headsift_status write_report(struct hs_run *run, headsift_error *error) {
    const headsift_select_options *select = &run->options->select;
    const headsift_report_options options = {
        .root = select->root, .memory = select->memory, .temp_dir = select->temp_dir};
    return headsift_report(run->model, run->directory, &options, run->files.report, run->monitor, error);
}

static headsift_status do_steps(struct hs_run *run, FILE *out, headsift_error *error) {
    HS_TRY(run->options->heads_path != NULL ? given_heads(run, error) : find_heads(run, error));
    headsift_error unscored = {0};
    headsift_status scored = headsift_score_files(run->model, run->heads, &run->options->score, &run->inputs,
                                                  run->files.scores, false, run->monitor, NULL, &unscored);
    if (scored != HEADSIFT_OK && scored != HEADSIFT_UNSCORED) {
        return hs_fail(error, scored, "%s", unscored.message);
    }
    headsift_select_options select = run->options->select;
    select.overwrite = false;
    HS_TRY(headsift_select_files(run->files.scores, &select, run->files.selected, run->monitor, &run->selected, error));
    HS_TRY(write_report(run, error));
    if (out != NULL) {
        HS_TRY(hs_run_print(run, out, error));
    }
    return scored == HEADSIFT_OK ? HEADSIFT_OK : hs_fail(error, scored, "%s", unscored.message);
}

static headsift_status begin(struct hs_run *run, const headsift_inputs *inputs, headsift_error *error) {
    const char *heads_path = run->options->heads_path;
    if (run->options->score.world > 1) {
        return hs_fail(error, HEADSIFT_USAGE,
                       "run is for one process, and this is one of %d ranks: use headsift score for them",
                       run->options->score.world);
    }
    HS_TRY(name_files(run, error));
    HS_TRY(find_inputs(run, inputs, error));
    HS_TRY(open_inputs(run, error));
    if (heads_path != NULL) {
        run->heads_in_place = same_file(heads_path, run->files.heads);
        HS_TRY(load_heads(run, heads_path, error));
    }
    HS_TRY(hs_run_settings(run, &run->settings, error));
    return hs_run_begin(run, error);
}

static void free_run(struct hs_run *run) {
    char *const paths[] = {run->files.record, run->files.probe,    run->files.heads, run->files.heatmap,
                           run->files.scores, run->files.selected, run->files.report};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        hs_free(paths[i]);
    }
    hs_inputs_free(&run->documents);
    hs_free(run->paths);
    json_decref(run->settings);
    headsift_heads_free(run->heads);
}

headsift_status headsift_run(headsift_model *model, const headsift_run_options *options, const headsift_inputs *inputs,
                             const char *directory, FILE *out, const headsift_monitor *monitor, headsift_error *error) {
    static const headsift_run_options defaults = {.probe.shots = -1, .show = -1};
    struct hs_run run = {
        .model = model, .options = options != NULL ? options : &defaults, .directory = directory, .monitor = monitor};
    headsift_status status = begin(&run, inputs, error);
    if (status == HEADSIFT_OK) {
        status = do_steps(&run, out, error);
    }
    free_run(&run);
    return status;
}
