/* Rank and world from flags and from the variables of Slurm, mpirun and Kubernetes.
 * An environment here is a string: "NAME=VALUE NAME=VALUE". */
#define _GNU_SOURCE
#include "ranks.h"
#include "support.h"

#include <string.h>

enum { MOST = 64 };

/* The lookup of an environment string; the answer lasts until the next call. */
static const char *look(void *user, const char *name) {
    static char value[64];
    size_t size = strlen(name);
    for (const char *at = user; *at != '\0'; at += strcspn(at, " ") + (at[strcspn(at, " ")] == ' ')) {
        if (strncmp(at, name, size) == 0 && at[size] == '=') {
            snprintf(value, sizeof value, "%.*s", (int)strcspn(at + size + 1, " "), at + size + 1);
            return value;
        }
    }
    return NULL;
}

static struct cli_ranks ranks_of(const char *environment, int64_t rank, int64_t world) {
    struct cli_ranks ranks;
    headsift_error error = {0};
    char copy[512];
    snprintf(copy, sizeof copy, "%s", environment);
    if (cli_ranks(rank, world, look, copy, &ranks, &error) != HEADSIFT_OK) {
        fail_msg("\"%s\": %s", environment, error.message);
    }
    return ranks;
}

static void assert_refused(const char *environment, int64_t rank, int64_t world, const char *part) {
    struct cli_ranks ranks;
    headsift_error error = {0};
    char copy[512];
    snprintf(copy, sizeof copy, "%s", environment);
    if (cli_ranks(rank, world, look, copy, &ranks, &error) != HEADSIFT_USAGE) {
        fail_msg("\"%s\" gave %d of %d", environment, ranks.rank, ranks.world);
    }
    if (strstr(error.message, part) == NULL) {
        fail_msg("\"%s\": no \"%s\" in: %s", environment, part, error.message);
    }
}

#define ARRAY(id, min, max, step, count)                                                                               \
    "SLURM_ARRAY_TASK_ID=" #id " SLURM_ARRAY_TASK_MIN=" #min " SLURM_ARRAY_TASK_MAX=" #max                             \
    " SLURM_ARRAY_TASK_STEP=" #step " SLURM_ARRAY_TASK_COUNT=" #count
#define STEP(procid, ntasks) "SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_PROCID=" #procid " SLURM_NTASKS=" #ntasks
#define SCRIPT "SLURM_JOB_ID=7 SLURM_PROCID=0 SLURM_LOCALID=0"
#define MPI(rank, size) "OMPI_COMM_WORLD_RANK=" #rank " OMPI_COMM_WORLD_SIZE=" #size

static void who_says_what(void **state) {
    (void)state;
    static const struct {
        const char *environment;
        int64_t rank_flag, world_flag;
        int32_t rank, world;
        const char *source;
    } cases[] = {
        {"", -1, 0, 0, 0, ""},
        {"", -1, 1, 0, 0, ""},
        {"", 0, 1, 0, 1, "--rank and --world"},
        {"", 11, 12, 11, 12, "--rank and --world"},
        {"", 2147483646, 2147483647, 2147483646, 2147483647, "--rank and --world"},
        /* flags win, and then no variable is looked at */
        {STEP(2, 4), 5, 6, 5, 6, "--rank and --world"},
        {STEP(x, 4) " JOB_COMPLETION_INDEX=9 OMPI_COMM_WORLD_SIZE=1", 5, 6, 5, 6, "--rank and --world"},
        /* srun */
        {STEP(0, 1), -1, 0, 0, 1, "SLURM_PROCID and SLURM_NTASKS"},
        {STEP(2, 4), -1, 0, 2, 4, "SLURM_PROCID and SLURM_NTASKS"},
        {STEP(2, 4), -1, 4, 2, 4, "SLURM_PROCID and SLURM_NTASKS"},
        {"SLURM_PROCID=3 SLURM_NTASKS=4", -1, 0, 3, 4, "SLURM_PROCID and SLURM_NTASKS"},
        {"SLURM_PROCID= SLURM_NTASKS=", -1, 0, 0, 0, ""},
        /* a batch script without -n; the shell of salloc */
        {SCRIPT, -1, 0, 0, 0, ""},
        {"SLURM_JOB_ID=7", -1, 0, 0, 0, ""},
        {"SLURM_JOB_ID=7 SLURM_NTASKS=1", -1, 0, 0, 0, ""},
        /* arrays, with and without tasks inside */
        {ARRAY(4, 0, 9, 1, 10), -1, 0, 4, 10, "SLURM_ARRAY_TASK_ID"},
        {SCRIPT " " ARRAY(1, 1, 10, 1, 10), -1, 0, 0, 10, "SLURM_ARRAY_TASK_ID"},
        {SCRIPT " SLURM_NTASKS=1 " ARRAY(10, 1, 10, 1, 10), -1, 0, 9, 10,
         "SLURM_ARRAY_TASK_ID, SLURM_PROCID and SLURM_NTASKS"},
        {ARRAY(19, 1, 19, 2, 10), -1, 10, 9, 10, "SLURM_ARRAY_TASK_ID"},
        {ARRAY(5, 5, 5, 1, 1), -1, 0, 0, 1, "SLURM_ARRAY_TASK_ID"},
        {STEP(1, 2) " " ARRAY(2, 0, 3, 1, 4), -1, 0, 5, 8, "SLURM_ARRAY_TASK_ID, SLURM_PROCID and SLURM_NTASKS"},
        {STEP(2, 3) " " ARRAY(7, 1, 9, 2, 5), -1, 15, 11, 15, "SLURM_ARRAY_TASK_ID, SLURM_PROCID and SLURM_NTASKS"},
        /* mpirun, alone and inside a Slurm job, whose own numbers are those of its script */
        {MPI(3, 4), -1, 0, 3, 4, "OMPI_COMM_WORLD_RANK and OMPI_COMM_WORLD_SIZE"},
        {SCRIPT " SLURM_NTASKS=4 " MPI(3, 4), -1, 0, 3, 4, "OMPI_COMM_WORLD_RANK and OMPI_COMM_WORLD_SIZE"},
        {MPI(1, 2) " " ARRAY(3, 0, 3, 1, 4), -1, 0, 7, 8,
         "SLURM_ARRAY_TASK_ID, OMPI_COMM_WORLD_RANK and OMPI_COMM_WORLD_SIZE"},
        /* Kubernetes */
        {"JOB_COMPLETION_INDEX=0", -1, 1, 0, 1, "JOB_COMPLETION_INDEX"},
        {"JOB_COMPLETION_INDEX=11", -1, 12, 11, 12, "JOB_COMPLETION_INDEX"},
        {"JOB_COMPLETION_INDEX=2 " STEP(2, 4), -1, 0, 2, 4, "SLURM_PROCID and SLURM_NTASKS"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cli_ranks got = ranks_of(cases[i].environment, cases[i].rank_flag, cases[i].world_flag);
        if (got.rank != cases[i].rank || got.world != cases[i].world || got.steal || got.warning[0] != '\0') {
            fail_msg("\"%s\": %d of %d, steal %d, \"%s\"", cases[i].environment, got.rank, got.world, got.steal,
                     got.warning);
        }
        assert_string_equal(got.source, cases[i].source);
    }
}

static void a_lone_variable_is_refused(void **state) {
    (void)state;
    static const char *const slurm[] = {"SLURM_ARRAY_TASK_ID=3", "SLURM_ARRAY_TASK_MIN=0", "SLURM_ARRAY_TASK_MAX=9",
                                        "SLURM_ARRAY_TASK_STEP=1", "SLURM_ARRAY_TASK_COUNT=10"};
    for (int missing = 0; missing < 5; missing++) {
        char environment[256] = "", name[32];
        for (int i = 0; i < 5; i++) {
            size_t used = strlen(environment);
            snprintf(environment + used, sizeof environment - used, "%s ", i == missing ? "" : slurm[i]);
        }
        snprintf(name, sizeof name, "%.*s is not", (int)strcspn(slurm[missing], "="), slurm[missing]);
        assert_refused(environment, -1, 0, name);
        snprintf(name, sizeof name, "%.*s is not", (int)strcspn(slurm[missing == 0], "="), slurm[missing == 0]);
        assert_refused(slurm[missing], -1, 0, name);
    }
    assert_refused("SLURM_PROCID=0", -1, 0, "SLURM_NTASKS is not set");
    assert_refused("SLURM_PROCID=1 SLURM_JOB_ID=7", -1, 0, "SLURM_NTASKS is not set");
    assert_refused("SLURM_PROCID=0 SLURM_JOB_ID=7 SLURM_STEP_ID=0", -1, 0, "SLURM_NTASKS is not set");
    assert_refused("SLURM_NTASKS=4 SLURM_JOB_ID=7", -1, 0, "SLURM_PROCID is not set; start headsift with srun");
    assert_refused("OMPI_COMM_WORLD_RANK=0", -1, 0, "OMPI_COMM_WORLD_SIZE is not set");
    assert_refused("OMPI_COMM_WORLD_SIZE=1", -1, 0, "OMPI_COMM_WORLD_RANK is not set");
    assert_refused("OMPI_COMM_WORLD_SIZE=1 " STEP(0, 1), -1, 0, "OMPI_COMM_WORLD_RANK is not set");
    assert_refused("JOB_COMPLETION_INDEX=3", -1, 0, "HEADSIFT_WORLD");
    assert_refused("", 3, 0, "--world");
    assert_refused(STEP(1, 4), 3, 0, "--world");
    assert_refused("", -1, 4, "--rank");
    assert_refused(SCRIPT, -1, 4, "--rank");
}

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    assert_refused("", 4, 4, "--rank is 4, must be 0 to 3");
    assert_refused("", 0, 2147483648, "at most 2147483647");
    assert_refused("JOB_COMPLETION_INDEX=0", -1, 2147483648, "at most 2147483647");
    assert_refused(STEP(4, 4), -1, 0, "SLURM_PROCID is 4, must be less than SLURM_NTASKS, which is 4");
    assert_refused(STEP(-1, 4), -1, 0, "SLURM_PROCID is \"-1\", must be 0 to 2147483647");
    assert_refused(STEP(1x, 4), -1, 0, "SLURM_PROCID is \"1x\"");
    assert_refused(STEP(0x1, 4), -1, 0, "SLURM_PROCID is \"0x1\"");
    assert_refused(STEP(+1, 4), -1, 0, "SLURM_PROCID is \"+1\"");
    assert_refused(STEP(1.0, 4), -1, 0, "SLURM_PROCID is \"1.0\"");
    assert_refused(STEP(1, 0), -1, 0, "SLURM_NTASKS is \"0\", must be 1 to");
    assert_refused(STEP(1, 99999999999999999999999), -1, 0, "SLURM_NTASKS is \"99999999999999999999999\"");
    assert_refused("SLURM_NTASKS=four", -1, 0, "SLURM_NTASKS is \"four\"");
    assert_refused(MPI(2, 2), -1, 0, "OMPI_COMM_WORLD_RANK is 2");
    assert_refused(MPI(a, 2), -1, 0, "OMPI_COMM_WORLD_RANK is \"a\"");
    assert_refused("JOB_COMPLETION_INDEX=12", -1, 12, "JOB_COMPLETION_INDEX is 12, must be 0 to 11");
    assert_refused("JOB_COMPLETION_INDEX=-1", -1, 12, "JOB_COMPLETION_INDEX is \"-1\"");
    assert_refused(ARRAY(0, 1, 10, 1, 10), -1, 0, "SLURM_ARRAY_TASK_ID is 0, must be");
    assert_refused(ARRAY(11, 1, 10, 1, 10), -1, 0, "1 to 10");
    assert_refused(ARRAY(1, 1, 10, 0, 10), -1, 0, "SLURM_ARRAY_TASK_STEP is \"0\"");
    assert_refused(ARRAY(1, 1, 10, 1, 0), -1, 0, "SLURM_ARRAY_TASK_COUNT is \"0\"");
    assert_refused(ARRAY(1, one, 10, 1, 10), -1, 0, "SLURM_ARRAY_TASK_MIN is \"one\"");
    assert_refused(STEP(1, 2147483647) " " ARRAY(1, 1, 2, 1, 2), -1, 0, "4294967294 tasks are too many");
}

static void disagreement_is_refused(void **state) {
    (void)state;
    assert_refused(STEP(1, 4), -1, 5, "is 5, but SLURM_PROCID and SLURM_NTASKS come to 4");
    assert_refused(ARRAY(7, 7, 7, 1, 1), -1, 12, "is 12, but SLURM_ARRAY_TASK_ID come to 1");
    assert_refused("JOB_COMPLETION_INDEX=3 " STEP(2, 4), -1, 4, "JOB_COMPLETION_INDEX says rank 3");
    assert_refused("JOB_COMPLETION_INDEX=2 " STEP(2, 4), -1, 5, "come to 4");
}

static void a_batch_script_with_tasks_is_warned(void **state) {
    (void)state;
    struct cli_ranks ranks = ranks_of(SCRIPT " SLURM_NTASKS=8", -1, 0);
    assert_int_equal(ranks.rank, 0);
    assert_int_equal(ranks.world, 8);
    assert_non_null(strstr(ranks.warning, "1/8 of the work"));
    assert_non_null(strstr(ranks.warning, "srun"));
    assert_string_equal(ranks_of(STEP(0, 8), -1, 0).warning, "");
    assert_string_equal(ranks_of(SCRIPT " SLURM_NTASKS=1", -1, 0).warning, "");
    assert_string_equal(ranks_of("SLURM_PROCID=0 SLURM_NTASKS=8", -1, 0).warning, "");
}

/* What Slurm tells the tasks of an array with these ids and this step; n_tasks processes each. */
static void assert_whole(const int *ids, int n, int step, int n_tasks, bool may_steal) {
    int owners[MOST] = {0};
    int32_t world = 0;
    bool steal = false;
    for (int i = 0; i < n * n_tasks; i++) {
        char environment[512];
        snprintf(environment, sizeof environment,
                 "SLURM_JOB_ID=9 SLURM_STEP_ID=0 SLURM_PROCID=%d SLURM_NTASKS=%d SLURM_ARRAY_TASK_ID=%d "
                 "SLURM_ARRAY_TASK_MIN=%d SLURM_ARRAY_TASK_MAX=%d SLURM_ARRAY_TASK_STEP=%d SLURM_ARRAY_TASK_COUNT=%d",
                 i % n_tasks, n_tasks, ids[i / n_tasks], ids[0], ids[n - 1], step, n);
        struct cli_ranks ranks = ranks_of(environment, -1, 0);
        assert_true(ranks.world <= MOST && ranks.rank < ranks.world && (i == 0 || ranks.world == world));
        world = ranks.world;
        owners[ranks.rank]++;
        steal = steal || ranks.steal;
    }
    assert_true(may_steal || !steal);
    for (int32_t rank = 0; rank < world; rank++) {
        assert_true(steal || owners[rank] == 1); /* each share has its task, or somebody does what is left */
    }
}

static void the_union_of_an_array_is_whole(void **state) {
    (void)state;
    static const struct {
        int step, n, ids[12];
        bool may_steal;
    } arrays[] = {
        {1, 10, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, false},      /* 0-9 */
        {1, 10, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, false},     /* 1-10 */
        {2, 10, {1, 3, 5, 7, 9, 11, 13, 15, 17, 19}, false}, /* 1-19:2 */
        {5, 3, {0, 5, 10}, false},                           /* 0-12:5; Slurm's MAX is 10 */
        {1, 1, {7}, false},
        {1, 2, {3, 7}, true},
        {1, 4, {1, 2, 5, 6}, true},
        {2, 6, {1, 3, 4, 5, 7, 9}, true}, /* 1-9:2,4: more tasks than slots */
        {2, 4, {0, 1, 4, 6}, true},       /* as many, but one beside its slot */
        {2, 3, {0, 3, 5}, true},
        {4, 4, {0, 4, 8, 10}, true}, /* 0-8:4,10 */
    };
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        for (int n_tasks = 1; n_tasks <= 3; n_tasks++) {
            assert_whole(arrays[i].ids, arrays[i].n, arrays[i].step, n_tasks, arrays[i].may_steal);
        }
    }
}

/* Every array of ids 0 to 9, with every step that Slurm might state for it. */
static void the_union_of_any_array_is_whole(void **state) {
    (void)state;
    for (unsigned set = 1; set < 1u << 10; set++) {
        int ids[10], n = 0;
        for (int id = 0; id < 10; id++) {
            if (set >> id & 1) {
                ids[n++] = id;
            }
        }
        for (int step = 1; step <= 4; step++) {
            assert_whole(ids, n, step, 1, true);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_says_what),
        cmocka_unit_test(a_lone_variable_is_refused),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(disagreement_is_refused),
        cmocka_unit_test(a_batch_script_with_tasks_is_warned),
        cmocka_unit_test(the_union_of_an_array_is_whole),
        cmocka_unit_test(the_union_of_any_array_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
