/* `headsift score` killed at any moment, by several ranks at once, on full and read-only disks: what it ends with is
 * byte for byte what an unbroken run gives. The moments are drawn from a seed; one thread a process. */
#define _GNU_SOURCE
#include "cli_support.h"
#include "tiny_model.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"

enum { KILLS = 50, SEED = 20240607 };

#define INPUTS "docs.parquet docs.jsonl.zst docs.csv.gz"
#define WHOLE_FILES "score -m tiny --heads heads.json -j 1 --max-tokens 256 " INPUTS
#define SCORE WHOLE_FILES " --unit-size 40KB"

static double unbroken_seconds;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void wait_seconds(double seconds) {
    struct timespec time = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
}

/* The parts of a folder are those of the unbroken run, and nothing else is left. */
static void assert_as_unbroken(const char *folder) {
    assert_code(
        cli("cd %s && ls *.parquet >../got; cd ../all && ls *.parquet >../wanted; cd .. && cmp got wanted && for "
            "part in $(cat wanted); do cmp all/$part %s/$part || exit 9; done; cmp all/score.json %s/score.json && "
            "diff -r all/_index %s/_index && test -z \"$(ls %s/_running)\" && ! ls -aR %s | grep -E 'tmp-|spill-'",
            folder, folder, folder, folder, folder, folder),
        0);
}

static pid_t start(const char *arguments) {
    char line[1024];
    snprintf(line, sizeof line, SCORE " -q %s", arguments);
    return cli_start(line);
}

static int set_up(void **state) {
    (void)state;
    cli_folder("kill");
    tiny_model();
    mixed_corpus();
    assert_code(cli("headsift " SCORE " -q -o warm"), 0);
    double begin = now();
    assert_code(cli("headsift " SCORE " -q -o all"), 0);
    unbroken_seconds = now() - begin;
    cli("rm -rf warm");
    return 0;
}

/* ---- One process ---- */

static size_t entries(const char *path) {
    DIR *folder = opendir(path);
    size_t n = 0;
    while (folder != NULL && readdir(folder) != NULL) {
        n++;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return n;
}

/* Waits until the folder of scores or of their records changes, at most for some seconds: a part is being published. */
static void wait_for_change(double seconds) {
    size_t parts = entries("scores"), records = entries("scores/_parts");
    for (double end = now() + seconds;
         now() < end && entries("scores") == parts && entries("scores/_parts") == records;) {
        wait_seconds(0.0005);
    }
}

/* Kills a run at a moment of one of three kinds; false: it had ended by itself. */
static bool killed(struct hs_random *random, int kind) {
    double share = (double)hs_random_below(random, 10000) / 10000;
    pid_t child = start("-o scores");
    if (kind == 0) {
        wait_seconds(share * 0.1 * unbroken_seconds); /* start-up: model, score.json, indices */
    } else if (kind == 1) {
        wait_seconds(share * 0.7 * unbroken_seconds);
    } else {
        wait_seconds(share * 0.3 * unbroken_seconds);
        wait_for_change(unbroken_seconds);
    }
    kill(child, SIGKILL);
    int code = cli_wait(child);
    assert_true(code == 0 || code == 128 + SIGKILL);
    return code != 0;
}

static void killed_at_fifty_moments_it_ends_with_the_same_bytes(void **state) {
    (void)state;
    struct hs_random random;
    int kills = 0, rounds = 0;
    hs_random_seed(&random, SEED);
    while (kills < KILLS) {
        bool alive = killed(&random, kills % 3);
        kills += alive;
        if (!alive) {
            assert_as_unbroken("scores");
            cli("rm -rf scores");
            rounds++;
        }
        assert_true(rounds < 4 * KILLS);
    }
    assert_code(cli("headsift " SCORE " -q -o scores"), 0);
    assert_as_unbroken("scores");
    printf("%d kills, %d runs ended before theirs, an unbroken run takes %.2f s\n", kills, rounds, unbroken_seconds);
}

/* A file is one unit here, and none of the runs has the time for the longest: it is the journal that brings them on. */
static void it_gets_on_however_often_it_is_killed(void **state) {
    (void)state;
    int runs = 0;
    double begin = now();
    assert_code(cli("headsift " WHOLE_FILES " -q -o unbroken"), 0);
    double seconds = now() - begin;
    for (int code = 1; code != 0; runs++) {
        pid_t child = cli_start(WHOLE_FILES " -q -o going");
        wait_seconds(0.45 * seconds);
        kill(child, SIGKILL);
        code = cli_wait(child);
        assert_true(runs < 20);
    }
    assert_true(runs > 2);
    assert_code(cli("for part in unbroken/*.parquet; do cmp $part going/${part##*/} || exit 9; done"), 0);
}

/* ---- Several ---- */

static void two_processes_in_one_folder_do_no_harm(void **state) {
    (void)state;
    cli("rm -rf scores");
    pid_t first = start("-o scores"), second = start("-o scores");
    assert_int_equal(cli_wait(first), 0);
    assert_int_equal(cli_wait(second), 0);
    assert_code(cli("headsift " SCORE " -q -o scores"), 0); /* finds nothing to do */
    assert_as_unbroken("scores");
}

static void start_ranks(int world, pid_t *children) {
    for (int rank = 0; rank < world; rank++) {
        char arguments[64];
        snprintf(arguments, sizeof arguments, "-o scores --rank %d --world %d", rank, world);
        children[rank] = start(arguments);
    }
}

static void seven_ranks_of_which_three_are_killed_go_on_as_four(void **state) {
    (void)state;
    struct hs_random random;
    pid_t children[7];
    hs_random_seed(&random, SEED + 1);
    cli("rm -rf scores");
    start_ranks(7, children);
    for (int i = 0; i < 3; i++) {
        wait_seconds((double)hs_random_below(&random, 1000) / 1000 * 0.3 * unbroken_seconds);
        kill(children[2 * i + 1], SIGKILL);
    }
    for (int rank = 0; rank < 7; rank++) {
        int code = cli_wait(children[rank]);
        assert_true(code == 0 || (code == 128 + SIGKILL && rank % 2 == 1));
    }
    start_ranks(4, children);
    for (int rank = 0; rank < 4; rank++) {
        assert_int_equal(cli_wait(children[rank]), 0);
    }
    assert_as_unbroken("scores");
    assert_code(cli("headsift select scores -o chosen -q"), 0);
}

static void a_rank_alone_is_not_the_whole(void **state) {
    (void)state;
    cli("rm -rf scores");
    const struct cli_output *output = cli("headsift " SCORE " -o scores --rank 0 --world 3");
    assert_code(output, 0);
    assert_non_null(strstr(output->err.data, "rank 0 of 3: "));
    output = cli("headsift select scores -o part -q");
    assert_code(output, 1);
    assert_one_error(output, "the scoring is not finished");
    output = cli("headsift " SCORE " -o scores --rank 1 --world 3 --dry-run");
    assert_code(output, 0);
    assert_non_null(strstr(output->out.data, "rank 1 of 3: "));
    assert_non_null(strstr(output->out.data, " done"));
    output = cli("headsift " SCORE " -o scores --rank 3 --world 3");
    assert_code(output, 2);
    assert_one_error(output, "must be 0 to 2");
    output = cli("headsift run -m tiny -o run docs.csv.gz --world 3 --rank 1");
    assert_code(output, 2);
    assert_one_error(output, "run does all steps in one process");
    output = cli("headsift " SCORE " -o scores --unit-size 40kilo");
    assert_code(output, 2);
    assert_one_error(output, "must be a size like 32MB");
}

/* ---- Disks ---- */

/* Whether this process may mount; where it may not, test_influence_changes has /dev/full and places that can't be. */
static bool mounted(const char *options) {
    bool can = cli("rm -rf disk && mkdir disk && mount -t tmpfs -o %s headsift-test disk", options)->code == 0;
    if (!can) {
        printf("no mount here: left to test_influence_changes\n");
    }
    return can;
}

static void a_full_disk_ends_with_5_and_goes_on(void **state) {
    (void)state;
    if (!mounted("size=64k")) {
        return;
    }
    const struct cli_output *output = cli("headsift " SCORE " -q -o disk/out");
    int code = output->code;
    char message[1024];
    snprintf(message, sizeof message, "%s", output->err.data);
    bool whole =
        cli("for part in disk/out/*.parquet; do test ! -e $part || cmp $part all/${part##*/} || exit 9; done; ! "
            "ls -R disk | grep tmp-")
            ->code == 0;
    cli("mount -o remount,size=64m disk");
    bool on = cli("headsift " SCORE " -q -o disk/out && cp -a disk/out copy")->code == 0;
    cli("umount disk");
    assert_int_equal(code, 5);
    assert_non_null(strstr(message, "No space left on device"));
    assert_non_null(strstr(message, "free some space"));
    assert_ptr_equal(strchr(message, '\n'), message + strlen(message) - 1);
    assert_true(whole && on);
    assert_as_unbroken("copy");
}

static void a_read_only_folder_is_one_line_unless_it_is_whole(void **state) {
    (void)state;
    if (!mounted("size=64m")) {
        return;
    }
    cli("cp -a all disk/out && mount -o remount,ro disk");
    int whole = cli("headsift " SCORE " -q -o disk/out")->code;
    cli("mount -o remount,rw disk && rm disk/out/part-00001-* && mount -o remount,ro disk");
    const struct cli_output *output = cli("headsift " SCORE " -q -o disk/out");
    int code = output->code;
    char message[1024];
    snprintf(message, sizeof message, "%s", output->err.data);
    cli("mount -o remount,rw disk");
    bool on = cli("headsift " SCORE " -q -o disk/out && rm -rf copy && cp -a disk/out copy")->code == 0;
    cli("umount disk");
    assert_int_equal(whole, 0);
    assert_int_equal(code, 1);
    assert_non_null(strstr(message, "Read-only file system"));
    assert_ptr_equal(strchr(message, '\n'), message + strlen(message) - 1);
    assert_true(on);
    assert_as_unbroken("copy");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_fifty_moments_it_ends_with_the_same_bytes),
        cmocka_unit_test(it_gets_on_however_often_it_is_killed),
        cmocka_unit_test(two_processes_in_one_folder_do_no_harm),
        cmocka_unit_test(seven_ranks_of_which_three_are_killed_go_on_as_four),
        cmocka_unit_test(a_rank_alone_is_not_the_whole),
        cmocka_unit_test(a_full_disk_ends_with_5_and_goes_on),
        cmocka_unit_test(a_read_only_folder_is_one_line_unless_it_is_whole),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
