/* Tests of a selection on disks that are full or can't be written: small file systems of their own, mounted in a child
 * process that alone sees them. Skipped where a process may not mount. */
#define _GNU_SOURCE
#include "select_support.h"

#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

/* Rows of 32 bytes in DuckDB's table: of 10 million, 100 MB do not fit into the memory that the least --memory gives.
 */
enum { MANY = 10000000, CANNOT_MOUNT = 77 };

static int make_folders(void **state) {
    (void)state;
    fresh_folder("select_disk");
    static const char *const names[] = {"scores", "inputs", "small"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(hs_make_directory(in_folder(names[i]), &last_error), HEADSIFT_OK);
    }
    return 0;
}

static void score_documents(int n) {
    char text[512];
    snprintf(text, sizeof text,
             "COPY (SELECT '@/inputs/docs.parquet' AS file, i AS row, 'd' AS domain, 5 AS n_tokens, (hash(i) >> "
             "40)::DOUBLE AS score FROM range(%d) t(i)) TO '@/scores/p.parquet' (FORMAT parquet)",
             n);
    sql(text);
    snprintf(text, sizeof text,
             "COPY (SELECT i AS n, md5(i::VARCHAR) AS text FROM range(%d) t(i)) TO '@/inputs/docs.parquet' (FORMAT "
             "parquet)",
             n < 100000 ? n : 1);
    sql(text);
}

/* What a child does on its own mounts; it may not fail the test by cmocka's means. */
typedef bool (*child_fn)(void);

static void in_mounted_child(child_fn run) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        bool may = unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
        int code = !may ? CANNOT_MOUNT : run() ? 0 : 1;
        if (code == 1) {
            fprintf(stderr, "%s\n", last_error.message);
        }
        _exit(code);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT_MOUNT) {
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool mount_small(const char *size) { return mount("none", in_folder("small"), "tmpfs", 0, size) == 0; }

static bool ends_as(headsift_select_options options, const char *out, headsift_status wanted) {
    last_error = (headsift_error){0};
    return headsift_select_files(in_folder("scores"), &options, in_folder(out), NULL, &last_summary, &last_error) ==
           wanted;
}

static bool says(const char *text) { return strstr(last_error.message, text) != NULL; }

/* Whether only whole files stand in the folder of a selection that did not end. */
static bool nothing_half(void) {
    return !hs_file_exists(in_folder("small/out/manifest.json")) && !hs_file_exists(in_folder("small/out/p.parquet"));
}

static bool output_on_a_full_disk(void) {
    const headsift_select_options options = {.keep = 1.0, .temp_dir = in_folder("spill")};
    return mount_small("size=256k") && ends_as(options, "small/out", HEADSIFT_NO_SPACE) &&
           says(in_folder("small/out/p.parquet: no space left")) && nothing_half() &&
           mount(NULL, in_folder("small"), NULL, MS_REMOUNT, "size=64m") == 0 &&
           ends_as(options, "small/out", HEADSIFT_OK) && last_summary.chosen == 20000;
}

static bool spill_on_a_full_disk(void) {
    headsift_select_options options = {.memory = "512MiB", .temp_dir = in_folder("small"), .dry_run = true};
    bool full = mount_small("size=8m") && ends_as(options, "out", HEADSIFT_NO_SPACE) && says("no space left in ") &&
                says(in_folder("small")) && says("--temp-dir");
    options.temp_dir = in_folder("spill");
    return full && ends_as(options, "out", HEADSIFT_OK) && last_summary.chosen == MANY / 5;
}

static bool make_read_only(const char *name) {
    return mount(in_folder(name), in_folder(name), NULL, MS_BIND, NULL) == 0 &&
           mount(NULL, in_folder(name), NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0;
}

static bool inputs_that_may_not_be_written(void) {
    return make_read_only("scores") && make_read_only("inputs") &&
           ends_as((headsift_select_options){0}, "out", HEADSIFT_OK) && last_summary.chosen == 4000;
}

static bool output_that_may_not_be_written(void) {
    return make_read_only("small") && ends_as((headsift_select_options){0}, "small/out", HEADSIFT_FAILED) &&
           says(in_folder("small/out")) && says("Read-only");
}

static void a_full_disk_under_the_output(void **state) {
    (void)state;
    score_documents(20000);
    in_mounted_child(output_on_a_full_disk);
}

static void a_full_disk_under_the_spill(void **state) {
    (void)state;
    score_documents(MANY);
    in_mounted_child(spill_on_a_full_disk);
}

static void folders_that_may_not_be_written(void **state) {
    (void)state;
    score_documents(20000);
    in_mounted_child(inputs_that_may_not_be_written);
    in_mounted_child(output_that_may_not_be_written);
}

#define TEST(name) cmocka_unit_test_setup(name, make_folders)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_full_disk_under_the_output),
        TEST(a_full_disk_under_the_spill),
        TEST(folders_that_may_not_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
