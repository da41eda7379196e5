/* What kind of folder it is, and the sums over its units and ranks.
 * A folder that is being written to is read once, file by file: sums may be a few seconds apart. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/file.h"
#include "status/status.h"

const char *const hs_step_names[4] = {"probe", "heads", "scores", "selection"};

void hs_problem(struct hs_problems *problems, const char *format, ...) {
    char line[1200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (problems->n < HS_SHOWN_PROBLEMS) {
        problems->lines[problems->n] = hs_copy_string(line);
    }
    problems->n++;
}

void hs_each_name(const char *directory, const char *folder, struct hs_problems *problems,
                  void (*each)(void *user, const char *folder, const char *name), void *user) {
    char *path = folder != NULL ? hs_join_path(directory, folder) : hs_copy_string(directory);
    DIR *open = path != NULL ? opendir(path) : NULL;
    if (open == NULL && errno != ENOENT) {
        hs_problem(problems, "can't read %s: %s", path != NULL ? path : directory, strerror(errno));
    }
    for (struct dirent *entry; open != NULL && (entry = readdir(open)) != NULL;) {
        each(user, path, entry->d_name);
    }
    if (open != NULL) {
        closedir(open);
    }
    hs_free(path);
}

/* Whether DIR/NAME, or DIR/FOLDER/NAME, is there. */
static bool is_there(const char *directory, const char *name) {
    char *path = hs_join_path(directory, name);
    bool there = path != NULL && hs_file_exists(path);
    hs_free(path);
    return there;
}

static bool holds_scores(const char *directory) {
    return is_there(directory, "score.json") || is_there(directory, "_ranks") || is_there(directory, "_index");
}

static void see_steps(struct hs_folder *folder) {
    static const struct {
        const char *begun, *done;
    } marks[] = {{NULL, "probe.jsonl"},
                 {"probe.jsonl", "heads.json"},
                 {"scores/score.json", NULL},
                 {"selected/selecting.json", "selected/manifest.json"}};
    for (int i = 0; i < 4; i++) {
        bool done = marks[i].done != NULL && is_there(folder->directory, marks[i].done);
        bool begun = marks[i].begun != NULL && is_there(folder->directory, marks[i].begun);
        folder->steps[i] = done ? HS_STEP_DONE : begun ? HS_STEP_BEGUN : HS_STEP_LEFT;
    }
    if (folder->steps[1] == HS_STEP_DONE) {
        folder->steps[0] = HS_STEP_DONE; /* with --heads there is no probe */
    }
}

/* Ranks know more of a unit in work than the files that count when it is done. */
static void see_parts_in_work(struct hs_folder *folder) {
    for (size_t i = 0; i < folder->ranks.n; i++) {
        const struct hs_rank *rank = &folder->ranks.items[i];
        struct hs_work_unit *unit = rank->part != NULL ? hs_work_named(&folder->work, rank->part) : NULL;
        if (unit == NULL || hs_work_unit_done(unit)) {
            continue;
        }
        unit->working = unit->working || rank->state == HS_RANK_RUNNING || rank->state == HS_RANK_LAGGING;
        if (rank->part_share >= unit->share && rank->part_share <= 1) {
            unit->share = rank->part_share;
            unit->documents = rank->part_documents;
            unit->tokens = rank->part_tokens;
        }
    }
}

static void add_units(struct hs_folder *folder) {
    folder->inputs = folder->work.n;
    for (size_t i = 0; i < folder->work.n; i++) {
        const struct hs_work_input *list = &folder->work.inputs[i];
        folder->planned += list->planned;
        folder->all += (int64_t)list->n;
        for (size_t u = 0; u < list->n; u++) {
            const struct hs_work_unit *unit = &list->items[u];
            bool whole = hs_work_unit_done(unit);
            folder->weight += unit->weight;
            folder->weight_done += unit->weight * (whole ? 1 : unit->share);
            folder->done += whole;
            folder->working += !whole && unit->working;
            if (whole || unit->share > 0) {
                folder->documents += unit->documents;
                folder->unscored += whole ? unit->unscored : 0;
                folder->tokens += unit->tokens;
            }
        }
    }
    bool known = folder->work.stated && folder->planned == folder->inputs;
    folder->share = !known ? -1 : folder->weight > 0 ? folder->weight_done / folder->weight : 1;
}

/* The end is when the slowest rank's share is done, or all work at the rate of those that run. */
static void add_ranks(struct hs_folder *folder) {
    double speed = 0, latest = -1;
    for (size_t i = 0; i < folder->ranks.n; i++) {
        const struct hs_rank *rank = &folder->ranks.items[i];
        folder->earlier += rank->earlier;
        folder->ranks_in[rank->state] += !rank->earlier;
        if (rank->state == HS_RANK_RUNNING || rank->state == HS_RANK_LAGGING) {
            folder->rate += rank->rate;
            speed += rank->left > 0 ? (rank->work - rank->work_done) / rank->left : 0;
            latest = rank->left > latest ? rank->left : latest;
        }
    }
    double together = speed > 0 ? (folder->weight - folder->weight_done) / speed : -1;
    folder->left = folder->share < 0 || speed <= 0 ? -1 : together > latest ? together : latest;
}

static const char *name_state(const struct hs_folder *folder) {
    const size_t *in = folder->ranks_in;
    if (folder->share >= 0 && folder->done == folder->all) {
        return "done";
    }
    return in[HS_RANK_RUNNING] + in[HS_RANK_LAGGING] > 0 ? "running"
           : in[HS_RANK_FAILED] > 0                      ? "failed"
           : in[HS_RANK_SILENT] > 0                      ? "silent"
           : in[HS_RANK_STOPPED] > 0                     ? "stopped"
                                                         : "waiting";
}

static headsift_status find_scores(struct hs_folder *folder, char **out, headsift_error *error) {
    const char *directory = folder->directory;
    *out = NULL;
    DIR *open = opendir(directory);
    if (open == NULL) {
        return hs_fail_errno(error, errno, "can't read the folder %s", directory);
    }
    closedir(open);
    char *scores = hs_join_path(directory, "scores");
    if (scores == NULL) {
        return hs_fail_memory(error, "a path", strlen(directory));
    }
    folder->run = !holds_scores(directory) && (is_there(directory, "run.json") || holds_scores(scores));
    if (!folder->run && !holds_scores(directory)) {
        hs_free(scores);
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s is no folder of headsift score or run: it has no score.json and no run.json", directory);
    }
    *out = scores;
    return HEADSIFT_OK;
}

headsift_status hs_folder_read(const char *directory, time_t now, struct hs_folder *out, headsift_error *error) {
    char *scores;
    *out = (struct hs_folder){.directory = directory, .now = now, .state = "waiting", .share = -1, .left = -1};
    HS_TRY(find_scores(out, &scores, error));
    const char *place = out->run ? scores : directory;
    if (holds_scores(place)) {
        hs_work_read(place, &out->work, &out->problems);
        hs_ranks_read(place, now, &out->ranks, &out->problems);
        see_parts_in_work(out);
        add_units(out);
        add_ranks(out);
        out->state = name_state(out);
        hs_ranks_sort(&out->ranks);
    }
    if (out->run) {
        see_steps(out);
        out->steps[2] = out->share >= 0 && out->done == out->all ? HS_STEP_DONE : out->steps[2];
    }
    hs_free(scores);
    return HEADSIFT_OK;
}

void hs_folder_free(struct hs_folder *folder) {
    hs_work_free(&folder->work);
    hs_ranks_free(&folder->ranks);
    for (size_t i = 0; i < folder->problems.n && i < HS_SHOWN_PROBLEMS; i++) {
        hs_free(folder->problems.lines[i]);
    }
}
