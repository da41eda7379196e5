/* See ranks.h. mpirun's variables stand before srun's: a process that mpirun started inside a Slurm job has both, and
 * Slurm's are then those of the script around it. */
#include "ranks.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* Where the variables come from, and where complaints go. */
struct looking {
    cli_lookup *lookup;
    void *user;
    headsift_error *error;
};

/* One scheduler's word. */
struct place {
    bool given;
    int64_t rank, world;
};

static const char *text_of(const struct looking *in, const char *name) {
    const char *text = in->lookup(in->user, name);
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static headsift_status number_of(const struct looking *in, const char *name, int64_t low, int64_t *out) {
    const char *text = text_of(in, name);
    if (text == NULL) {
        return hs_fail(in->error, HEADSIFT_USAGE,
                       "%s is not set, though others of its kind are; set it, or give --rank and --world", name);
    }
    size_t digits = strspn(text, "0123456789");
    *out = digits > 0 && text[digits] == '\0' ? strtoll(text, NULL, 10) : -1;
    if (*out < low || *out > INT32_MAX) {
        return hs_fail(in->error, HEADSIFT_USAGE, "%s is \"%s\", must be %lld to %d; or give --rank and --world", name,
                       text, (long long)low, INT32_MAX);
    }
    return HEADSIFT_OK;
}

static headsift_status pair_of(const struct looking *in, const char *rank, const char *world, struct place *out) {
    HS_TRY(number_of(in, rank, 0, &out->rank));
    HS_TRY(number_of(in, world, 1, &out->world));
    if (out->rank >= out->world) {
        return hs_fail(in->error, HEADSIFT_USAGE, "%s is %lld, must be less than %s, which is %lld", rank,
                       (long long)out->rank, world, (long long)out->world);
    }
    out->given = true;
    return HEADSIFT_OK;
}

/* salloc sets SLURM_NTASKS alone, for the shell that is to call srun. */
static headsift_status without_procid(const struct looking *in) {
    int64_t tasks;
    HS_TRY(number_of(in, "SLURM_NTASKS", 1, &tasks));
    return tasks == 1 ? HEADSIFT_OK
                      : hs_fail(in->error, HEADSIFT_USAGE,
                                "SLURM_NTASKS is %lld and SLURM_PROCID is not set; start headsift with srun, or give "
                                "--rank and --world",
                                (long long)tasks);
}

/* The script of a batch job has SLURM_PROCID=0 whatever the job's size, and SLURM_NTASKS only where -n was given. */
static headsift_status srun_place(const struct looking *in, struct place *out, struct cli_ranks *ranks) {
    bool procid = text_of(in, "SLURM_PROCID") != NULL, ntasks = text_of(in, "SLURM_NTASKS") != NULL;
    bool script = text_of(in, "SLURM_JOB_ID") != NULL && text_of(in, "SLURM_STEP_ID") == NULL;
    if (!procid) {
        return ntasks ? without_procid(in) : HEADSIFT_OK;
    }
    if (!ntasks && script && strcmp(text_of(in, "SLURM_PROCID"), "0") == 0) {
        return HEADSIFT_OK;
    }
    HS_TRY(pair_of(in, "SLURM_PROCID", "SLURM_NTASKS", out));
    if (script && out->world > 1) {
        snprintf(ranks->warning, sizeof ranks->warning,
                 "SLURM_NTASKS is %lld, but this is the batch script, not a task of srun: 1/%lld of the work is done "
                 "here. Start headsift with srun, or submit with --ntasks=1",
                 (long long)out->world, (long long)out->world);
    }
    return HEADSIFT_OK;
}

static headsift_status task_place(const struct looking *in, struct place *out, struct cli_ranks *ranks) {
    static const char rank[] = "OMPI_COMM_WORLD_RANK", world[] = "OMPI_COMM_WORLD_SIZE";
    if (text_of(in, rank) == NULL && text_of(in, world) == NULL) {
        HS_TRY(srun_place(in, out, ranks));
        snprintf(ranks->source, sizeof ranks->source, "%s", out->given ? "SLURM_PROCID and SLURM_NTASKS" : "");
        return HEADSIFT_OK;
    }
    snprintf(ranks->source, sizeof ranks->source, "%s and %s", rank, world);
    return pair_of(in, rank, world, out);
}

/* The slots of an array are MIN, MIN+STEP... to MAX. Where as many tasks as slots all stand on slots, each slot has its
 * task. Otherwise COUNT tells, or the task beside the slots sees it: whoever does steals, and the union is whole. */
static headsift_status array_place(const struct looking *in, struct place *out, bool *steal) {
    static const char *const names[] = {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX",
                                        "SLURM_ARRAY_TASK_STEP", "SLURM_ARRAY_TASK_COUNT"};
    enum { ID, MIN, MAX, STEP, COUNT, N };
    int64_t values[N];
    bool any = false;
    for (int i = 0; i < N; i++) {
        any = any || text_of(in, names[i]) != NULL;
    }
    for (int i = 0; any && i < N; i++) {
        HS_TRY(number_of(in, names[i], i == STEP || i == COUNT ? 1 : 0, &values[i]));
    }
    if (!any) {
        return HEADSIFT_OK;
    }
    if (values[ID] < values[MIN] || values[ID] > values[MAX]) {
        return hs_fail(in->error, HEADSIFT_USAGE,
                       "SLURM_ARRAY_TASK_ID is %lld, must be SLURM_ARRAY_TASK_MIN to _MAX, %lld to %lld; or give "
                       "--rank and --world",
                       (long long)values[ID], (long long)values[MIN], (long long)values[MAX]);
    }
    int64_t step = values[STEP], offset = values[ID] - values[MIN];
    *out = (struct place){true, offset / step, (values[MAX] - values[MIN]) / step + 1};
    *steal = values[COUNT] != out->world || offset % step != 0;
    return HEADSIFT_OK;
}

static headsift_status slurm_place(const struct looking *in, struct place *out, struct cli_ranks *ranks) {
    struct place task = {0}, array = {0};
    HS_TRY(task_place(in, &task, ranks));
    HS_TRY(array_place(in, &array, &ranks->steal));
    *out = task;
    if (!array.given) {
        return HEADSIFT_OK;
    }
    int64_t tasks = task.given ? task.world : 1;
    *out = (struct place){true, array.rank * tasks + task.rank, array.world * tasks};
    char inner[sizeof ranks->source];
    memcpy(inner, ranks->source, sizeof inner);
    snprintf(ranks->source, sizeof ranks->source, "SLURM_ARRAY_TASK_ID%s%.100s", inner[0] != '\0' ? ", " : "", inner);
    return out->world <= INT32_MAX ? HEADSIFT_OK
                                   : hs_fail(in->error, HEADSIFT_USAGE, "%lld tasks are too many; at most %d",
                                             (long long)out->world, INT32_MAX);
}

/* A pod of an Indexed Job knows its index alone. Where Slurm or mpirun speak too they must say the same. */
static headsift_status index_place(const struct looking *in, int64_t world, struct place *out,
                                   struct cli_ranks *ranks) {
    static const char name[] = "JOB_COMPLETION_INDEX";
    int64_t index;
    if (text_of(in, name) == NULL) {
        return HEADSIFT_OK;
    }
    HS_TRY(number_of(in, name, 0, &index));
    if (out->given) {
        return index == out->rank ? HEADSIFT_OK
                                  : hs_fail(in->error, HEADSIFT_USAGE,
                                            "%s says rank %lld, %s rank %lld; say which is meant by --rank and --world",
                                            name, (long long)index, ranks->source, (long long)out->rank);
    }
    if (world == 0) {
        return hs_fail(in->error, HEADSIFT_USAGE,
                       "%s is %lld, but of how many? Set HEADSIFT_WORLD (or --world) to the Job's completions", name,
                       (long long)index);
    }
    *out = (struct place){true, index, world};
    snprintf(ranks->source, sizeof ranks->source, "%s", name);
    return HEADSIFT_OK;
}

/* --world alone: the number that the scheduler's own variables must come to. */
static headsift_status compare_world(const struct looking *in, int64_t world, const struct place *found,
                                     const struct cli_ranks *ranks) {
    if (world == 0 || world == found->world || (!found->given && world == 1)) {
        return HEADSIFT_OK;
    }
    if (!found->given) {
        return hs_fail(in->error, HEADSIFT_USAGE,
                       "--world (HEADSIFT_WORLD) is %lld and no scheduler says which of them this is; give --rank "
                       "(HEADSIFT_RANK), 0 to %lld",
                       (long long)world, (long long)world - 1);
    }
    return hs_fail(in->error, HEADSIFT_USAGE,
                   "--world (HEADSIFT_WORLD) is %lld, but %s come to %lld; give --rank (HEADSIFT_RANK) too, or neither",
                   (long long)world, ranks->source, (long long)found->world);
}

static headsift_status from_flags(int64_t rank, int64_t world, struct cli_ranks *out, headsift_error *error) {
    if (world == 0) {
        return hs_fail(error, HEADSIFT_USAGE,
                       "--rank (HEADSIFT_RANK) is %lld, but of how many? Give --world (HEADSIFT_WORLD)",
                       (long long)rank);
    }
    if (rank >= world) {
        return hs_fail(error, HEADSIFT_USAGE, "--rank is %lld, must be 0 to %lld: less than --world, which is %lld",
                       (long long)rank, (long long)world - 1, (long long)world);
    }
    *out = (struct cli_ranks){.rank = (int32_t)rank, .world = (int32_t)world, .source = "--rank and --world"};
    return HEADSIFT_OK;
}

headsift_status cli_ranks(int64_t rank, int64_t world, cli_lookup *lookup, void *user, struct cli_ranks *out,
                          headsift_error *error) {
    const struct looking in = {lookup, user, error};
    struct place found = {0};
    *out = (struct cli_ranks){0};
    if (world > INT32_MAX) {
        return hs_fail(error, HEADSIFT_USAGE, "--world is %lld, must be at most %d", (long long)world, INT32_MAX);
    }
    if (rank >= 0) {
        return from_flags(rank, world, out, error);
    }
    HS_TRY(slurm_place(&in, &found, out));
    HS_TRY(index_place(&in, world, &found, out));
    HS_TRY(compare_world(&in, world, &found, out));
    if (found.given && found.rank >= found.world) {
        return hs_fail(error, HEADSIFT_USAGE, "%s is %lld, must be 0 to %lld: less than --world (HEADSIFT_WORLD)",
                       out->source, (long long)found.rank, (long long)found.world - 1);
    }
    out->rank = (int32_t)found.rank;
    out->world = (int32_t)found.world;
    return HEADSIFT_OK;
}
