/* What ranks say of themselves (influence/rank_report.h), and which of them need a look.
 * Text in the reports comes from other machines: it is kept as it is and escaped where it is shown. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/human.h"
#include "base/json.h"
#include "status/status.h"

enum { MOST_RANKS = 1 << 20, MOST_BYTES = 1 << 20 };
static const double LAG = 1.5; /* a rank lags that ends so many times later than the median */

static const char *const state_names[HS_RANK_STATES] = {"failed", "silent", "lagging", "running", "stopped", "done"};

const char *hs_rank_state_name(enum hs_rank_seen state) { return state_names[state]; }

/* A rank that looks for its share says that it has none. */
double hs_rank_share(const struct hs_rank *rank) {
    if (rank->work > 0) {
        return rank->work_done < rank->work ? rank->work_done / rank->work : 1;
    }
    return rank->state == HS_RANK_DONE ? 1 : -1;
}

/* ---- One report ---- */

static headsift_status read_state(const json_t *object, struct hs_rank *rank, headsift_error *error) {
    static const enum hs_rank_seen told[] = {HS_RANK_RUNNING, HS_RANK_DONE, HS_RANK_STOPPED, HS_RANK_FAILED};
    const char *state, *started, *updated;
    HS_TRY(hs_json_string(object, "state", true, "it", &state, error));
    HS_TRY(hs_json_string(object, "started", true, "it", &started, error));
    HS_TRY(hs_json_string(object, "updated", true, "it", &updated, error));
    if (!hs_stamp_read(started, &rank->started) || !hs_stamp_read(updated, &rank->updated)) {
        return hs_fail(error, HEADSIFT_FAILED, "its times are none");
    }
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        if (strcmp(state, state_names[told[i]]) == 0) {
            rank->state = told[i];
            return HEADSIFT_OK;
        }
    }
    return hs_fail(error, HEADSIFT_FAILED, "its state is \"%.40s\"", state);
}

static headsift_status read_figures(const json_t *object, struct hs_rank *rank, headsift_error *error) {
    const struct {
        const char *key;
        int64_t *out;
    } counts[] = {{"pid", &rank->pid},           {"documents", &rank->documents}, {"tokens", &rank->tokens},
                  {"unscored", &rank->unscored}, {"units", &rank->units},         {"units_done", &rank->units_done}};
    const struct {
        const char *key;
        double *out;
    } numbers[] = {{"seconds", &rank->seconds},
                   {"work", &rank->work},
                   {"work_before", &rank->work_before},
                   {"work_done", &rank->work_done},
                   {"tokens_per_second", &rank->rate}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        HS_TRY(hs_json_int(object, counts[i].key, 0, INT64_MAX, true, "it", counts[i].out, error));
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        HS_TRY(hs_json_number(object, numbers[i].key, true, "it", numbers[i].out, error));
        if (*numbers[i].out < 0) {
            return hs_fail(error, HEADSIFT_FAILED, "its \"%s\" is negative", numbers[i].key);
        }
    }
    return HEADSIFT_OK;
}

static headsift_status copy(const char *text, char **out, headsift_error *error) {
    *out = hs_copy_string(text);
    return *out != NULL ? HEADSIFT_OK : hs_fail_memory(error, "a rank's report", strlen(text));
}

static headsift_status read_texts(const json_t *object, struct hs_rank *rank, headsift_error *error) {
    const char *host = "", *message = "", *name = NULL;
    json_t *part = NULL;
    HS_TRY(hs_json_string(object, "host", false, "it", &host, error));
    HS_TRY(hs_json_string(object, "message", false, "it", &message, error));
    HS_TRY(hs_json_object(object, "part", false, "it", &part, error));
    if (part != NULL) {
        HS_TRY(hs_json_string(part, "name", true, "its part", &name, error));
        HS_TRY(hs_json_number(part, "share", true, "its part", &rank->part_share, error));
        HS_TRY(hs_json_int(part, "documents", 0, INT64_MAX, true, "its part", &rank->part_documents, error));
        HS_TRY(hs_json_int(part, "tokens", 0, INT64_MAX, true, "its part", &rank->part_tokens, error));
        HS_TRY(copy(name, &rank->part, error));
    }
    HS_TRY(copy(host, &rank->host, error));
    return copy(message, &rank->message, error);
}

static headsift_status read_report(const json_t *object, struct hs_rank *rank, headsift_error *error) {
    int64_t number = 0, world = 0;
    HS_TRY(hs_json_int(object, "world", 1, MOST_RANKS, true, "it", &world, error));
    HS_TRY(hs_json_int(object, "rank", 0, world - 1, true, "it", &number, error));
    rank->rank = (int32_t)number;
    rank->world = (int32_t)world;
    HS_TRY(read_state(object, rank, error));
    HS_TRY(read_figures(object, rank, error));
    return read_texts(object, rank, error);
}

static void free_rank(struct hs_rank *rank) {
    hs_free(rank->host);
    hs_free(rank->message);
    hs_free(rank->part);
}

struct reading {
    struct hs_ranks *ranks;
    struct hs_problems *problems;
};

static void take_file(void *user, const char *folder, const char *name) {
    struct reading *reading = user;
    struct hs_ranks *ranks = reading->ranks;
    size_t digits = strncmp(name, "rank-", 5) == 0 ? strspn(name + 5, "0123456789") : 0;
    if (digits == 0 || strcmp(name + 5 + digits, ".json") != 0) {
        return;
    }
    char *path = hs_join_path(folder, name);
    json_t *object = NULL;
    struct hs_rank rank = {0};
    headsift_error error = {0};
    void *array = ranks->items;
    if (path == NULL || !hs_grow(&array, &ranks->capacity, ranks->n + 1, sizeof *ranks->items)) {
        hs_problem(reading->problems, "no memory for the report %s", name);
    } else if (hs_json_load(path, MOST_BYTES, &object, &error) != HEADSIFT_OK) {
        hs_problem(reading->problems, "%s", error.message);
    } else if (read_report(object, &rank, &error) != HEADSIFT_OK) {
        hs_problem(reading->problems, "%s is no report of a rank: %s", path, error.message);
    } else {
        ((struct hs_rank *)array)[ranks->n++] = rank;
        rank = (struct hs_rank){0};
    }
    ranks->items = array;
    free_rank(&rank);
    json_decref(object);
    hs_free(path);
}

/* ---- What follows from them ---- */

static int by_number(const void *left, const void *right) {
    const struct hs_rank *a = left, *b = right;
    return a->rank != b->rank ? (a->rank > b->rank) - (a->rank < b->rank)
                              : (a->world > b->world) - (a->world < b->world);
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The latest call's number of ranks; reports of others that do not run are history. */
static void find_world(struct hs_ranks *ranks) {
    const struct hs_rank *latest = NULL;
    for (size_t i = 0; i < ranks->n; i++) {
        const struct hs_rank *rank = &ranks->items[i];
        if (latest == NULL || rank->started > latest->started ||
            (rank->started == latest->started && rank->updated > latest->updated)) {
            latest = rank;
        }
    }
    ranks->world = latest != NULL ? latest->world : 0;
    for (size_t i = 0; i < ranks->n; i++) {
        struct hs_rank *rank = &ranks->items[i];
        rank->earlier = rank->world != ranks->world && rank->state != HS_RANK_RUNNING;
    }
}

static void find_silent(struct hs_ranks *ranks, time_t now) {
    for (size_t i = 0; i < ranks->n; i++) {
        struct hs_rank *rank = &ranks->items[i];
        if (rank->state == HS_RANK_RUNNING && now - rank->updated > HS_SILENT_SECONDS) {
            rank->state = HS_RANK_SILENT;
            rank->earlier = rank->world != ranks->world;
        }
    }
}

/* By its rate of late, or by the call's where tokens say nothing. */
static double time_left(const struct hs_rank *rank) {
    double did = rank->work_done - rank->work_before, rest = rank->work - rank->work_done;
    if (rest <= 0 && rank->work > 0) {
        return 0;
    }
    if (did <= 0 || rank->seconds <= 0) {
        return -1;
    }
    return rank->rate > 0 ? rest / did * (double)rank->tokens / rank->rate : rest / did * rank->seconds;
}

static void find_lagging(struct hs_ranks *ranks) {
    double *left = hs_alloc(ranks->n, sizeof *left);
    size_t n = 0;
    for (size_t i = 0; i < ranks->n; i++) {
        struct hs_rank *rank = &ranks->items[i];
        rank->left = rank->state == HS_RANK_DONE ? 0 : rank->state == HS_RANK_RUNNING ? time_left(rank) : -1;
        if (rank->state == HS_RANK_RUNNING && rank->left >= 0 && left != NULL) {
            left[n++] = rank->left;
        }
    }
    if (n > 0) {
        qsort(left, n, sizeof *left, by_value);
        double median = (left[(n - 1) / 2] + left[n / 2]) / 2;
        for (size_t i = 0; i < ranks->n; i++) {
            struct hs_rank *rank = &ranks->items[i];
            bool lags = rank->state == HS_RANK_RUNNING && rank->left > LAG * median;
            rank->state = lags ? HS_RANK_LAGGING : rank->state;
        }
    }
    hs_free(left);
}

/* Ranks are sorted by number. */
static void find_missing(struct hs_ranks *ranks) {
    ranks->missing = hs_alloc((size_t)ranks->world, sizeof *ranks->missing);
    size_t at = 0;
    for (int32_t number = 0; ranks->missing != NULL && number < ranks->world; number++) {
        bool found = false;
        for (; at < ranks->n && ranks->items[at].rank <= number; at++) {
            found = found || (ranks->items[at].rank == number && ranks->items[at].world == ranks->world);
        }
        if (!found) {
            ranks->missing[ranks->n_missing++] = number;
        }
    }
}

void hs_ranks_read(const char *directory, time_t now, struct hs_ranks *out, struct hs_problems *problems) {
    struct reading reading = {out, problems};
    *out = (struct hs_ranks){0};
    hs_each_name(directory, "_ranks", problems, take_file, &reading);
    if (out->n > 0) {
        qsort(out->items, out->n, sizeof *out->items, by_number);
    }
    find_world(out);
    find_silent(out, now);
    find_lagging(out);
    find_missing(out);
}

static int worst_first(const void *left, const void *right) {
    const struct hs_rank *a = left, *b = right;
    if (a->earlier != b->earlier) {
        return a->earlier ? 1 : -1;
    }
    if (a->state != b->state) {
        return (a->state > b->state) - (a->state < b->state);
    }
    if (a->state == HS_RANK_SILENT && a->updated != b->updated) {
        return (a->updated > b->updated) - (a->updated < b->updated);
    }
    return a->left != b->left ? (a->left < b->left) - (a->left > b->left) : by_number(left, right);
}

void hs_ranks_sort(struct hs_ranks *ranks) {
    if (ranks->n > 0) {
        qsort(ranks->items, ranks->n, sizeof *ranks->items, worst_first);
    }
}

void hs_ranks_free(struct hs_ranks *ranks) {
    for (size_t i = 0; i < ranks->n; i++) {
        free_rank(&ranks->items[i]);
    }
    hs_free(ranks->items);
    hs_free(ranks->missing);
    *ranks = (struct hs_ranks){0};
}
