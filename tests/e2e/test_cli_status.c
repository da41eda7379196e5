/* `headsift status` beside `headsift score` on a tiny model: while it works, after a stop and a kill, when all is done.
 * Nothing here depends on how fast the machine is. */
#define _GNU_SOURCE
#include "cli_support.h"
#include "tiny_model.h"

#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

#define SCORE                                                                                                          \
    "score -m tiny --heads heads.json -j 1 --max-tokens 256 --unit-size 20KB -q docs.parquet docs.jsonl.zst "          \
    "docs.csv.gz"

static int set_up(void **state) {
    (void)state;
    cli_folder("cli_status");
    tiny_model();
    mixed_corpus();
    return 0;
}

/* What status --json says of a folder; json_decref it. */
static json_t *asked(const char *folder) {
    const struct cli_output *output = cli("headsift status --json %s", folder);
    assert_code(output, 0);
    assert_int_equal(output->err.size, 0);
    json_t *told = json_loadb(output->out.data, output->out.size, 0, NULL);
    if (told == NULL || json_integer_value(json_object_get(told, "problems_in_all")) != 0) {
        fail_msg("%s", output->out.data);
    }
    return told;
}

static const char *state_of(const json_t *told) { return json_string_value(json_object_get(told, "state")); }

/* Waits until a call has reported and there is a row journal of some length: it is in the middle of a unit, or about
 * to. */
static void wait_for_rows(const char *folder) {
    for (int i = 0; i < 6000; i++) {
        if (cli("grep -q '\"state\":\"running\"' %s/_ranks/rank-00000.json && find %s/_running -type f -size +1k | "
                "grep -q .",
                folder, folder)
                ->code == 0) {
            return;
        }
        usleep(10000);
    }
    fail_msg("no rows in %s/_running after a minute", folder);
}

static void it_reads_while_ranks_write(void **state) {
    (void)state;
    pid_t children[2];
    children[0] = cli_start(SCORE " -o two --rank 0 --world 2");
    children[1] = cli_start(SCORE " -o two --rank 1 --world 2");
    for (int i = 0; i < 6000 && !hs_file_exists("two/_ranks/rank-00000.json"); i++) {
        usleep(10000);
    }
    int64_t last = 0;
    for (int left = 2; left > 0;) {
        json_t *told = asked("two");
        int64_t done = json_integer_value(json_object_get(json_object_get(told, "units"), "done"));
        double now = json_number_value(json_object_get(told, "share"));
        assert_true(done >= last);
        assert_true(now <= 1);
        last = done;
        json_decref(told);
        for (int i = 0; i < 2; i++) {
            int code;
            if (children[i] > 0 && waitpid(children[i], &code, WNOHANG) == children[i]) {
                assert_int_equal(code, 0);
                children[i] = 0;
                left--;
            }
        }
    }
    json_t *told = asked("two");
    assert_string_equal(state_of(told), "done");
    assert_int_equal(json_integer_value(json_object_get(told, "documents")), 5400);
    assert_true(json_number_value(json_object_get(told, "share")) == 1);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(told, "ranks_in"), "done")), 2);
    json_decref(told);
}

static void it_tells_a_stop_from_a_kill_and_an_end(void **state) {
    (void)state;
    static const struct {
        int signal, code;
        const char *state;
    } ends[] = {{SIGTERM, 4, "stopped"}, {SIGKILL, 128 + SIGKILL, "running"}}; /* silent two minutes later */
    for (int i = 0; i < 2; i++) {
        pid_t child = cli_start(SCORE " -o one");
        wait_for_rows("one");
        kill(child, ends[i].signal);
        assert_int_equal(cli_wait(child), ends[i].code);
        json_t *told = asked("one");
        double now = json_number_value(json_object_get(told, "share"));
        assert_string_equal(state_of(told), ends[i].state);
        assert_true(now < 1 && (i == 1 || now > 0)); /* a killed call's last report may be of its beginning */
        json_decref(told);
    }
    assert_code(cli("headsift " SCORE " -o one"), 0);
    const struct cli_output *output = cli("headsift status one");
    assert_code(output, 0);
    assert_int_equal(strncmp(output->out.data, "folder    one: done\ndone      100.0 % of the text: ", 50), 0);
    assert_non_null(strstr(output->out.data, "\ndocuments 5400, 0 without a score; "));
    assert_non_null(strstr(output->out.data, "\nranks     1: 1 done\n"));
}

static void a_folder_of_something_else_is_one_line(void **state) {
    (void)state;
    const struct cli_output *output = cli("mkdir -p empty; headsift status empty");
    assert_code(output, 1);
    assert_one_error(output, "empty is no folder of headsift score or run");
    output = cli("headsift status nowhere");
    assert_code(output, 1);
    assert_one_error(output, "can't read the folder nowhere");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_reads_while_ranks_write),
        cmocka_unit_test(it_tells_a_stop_from_a_kill_and_an_end),
        cmocka_unit_test(a_folder_of_something_else_is_one_line),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
