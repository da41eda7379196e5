/* headsift status on folders that headsift_score_files wrote: stopped half-way, by one rank of two, failed, done. The
 * command itself prints them. */
#define _GNU_SOURCE
#include "influence_scene.h"

#include <math.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "status/status.h"

enum { DOCUMENTS = 1200, LETTERS = 60 };

static int set_up(void **state) {
    static struct scene scene;
    scene.model = tiny_scorer(false);
    *state = &scene;
    return scene.model == NULL;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    headsift_model_close(scene->model);
    hs_buffer_free(&scene->log);
    return 0;
}

/* Records of the same size, so that documents and bytes of text have the same shares. */
static void append_documents(struct hs_buffer *out, int n) {
    for (int i = 0; i < n; i++) {
        char text[LETTERS + 1];
        for (int at = 0; at < LETTERS; at++) {
            text[at] = (char)('a' + (at * at + i * 31 + at / 7 + i * at) % 25);
        }
        text[LETTERS] = '\0';
        assert_true(hs_buffer_printf(out, "{\"id\":\"d%05d\",\"text\":\"%s\"}\n", i, text));
    }
}

static void write_documents(const struct scene *scene, const char *name, int n) {
    struct hs_buffer lines = {0};
    append_documents(&lines, n);
    write_text(scene, name, lines.data);
    hs_buffer_free(&lines);
}

static headsift_status work(struct scene *scene, const char *names, int rank, int world) {
    headsift_score_options options = {.unit_bytes = 48000, .rank = rank, .world = world, .json_log = world > 1};
    scene->stop = 0;
    return score(scene, names, (headsift_inputs){0}, &options, false);
}

static struct hs_folder see(const struct scene *scene) {
    static char out[2 * PATH];
    struct hs_folder folder;
    headsift_error error = {0};
    path_of(scene, "out", out);
    if (hs_folder_read(out, time(NULL), &folder, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(folder.problems.n, 0);
    return folder;
}

/* What "headsift status FLAGS out" prints. */
static const char *printed(const struct scene *scene, const char *flags) {
    static char text[1 << 16];
    char line[4 * PATH];
    snprintf(line, sizeof line, "'%s' status %s '%s/out'", HS_COMMAND, flags, scene->folder);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    text[fread(text, 1, sizeof text - 1, pipe)] = '\0';
    assert_int_equal(pclose(pipe), 0);
    return text;
}

static void assert_says(const char *text, const char *part) {
    if (strstr(text, part) == NULL) {
        fail_msg("nothing about \"%s\" in\n%s", part, text);
    }
}

static void stopped_half_way_and_finished(void **state) {
    struct scene *scene = *state;
    fresh(scene, "status_score");
    write_documents(scene, "a.jsonl", DOCUMENTS / 4);
    write_documents(scene, "b.jsonl", 3 * DOCUMENTS / 4);
    scene->stop_after = DOCUMENTS / 2;
    assert_int_equal(work(scene, "a.jsonl b.jsonl", 0, 0), HEADSIFT_STOPPED);
    scene->stop_after = 0;
    struct hs_folder folder = see(scene);
    assert_string_equal(folder.state, "stopped");
    int64_t in_parts = atoll(ask(scene, "SELECT count(*) FROM '@/out/part-*.parquet'"));
    assert_true(in_parts > 0 && folder.documents >= in_parts && folder.documents < DOCUMENTS);
    assert_true(fabs(folder.share - (double)folder.documents / DOCUMENTS) < 0.01);
    assert_int_equal(folder.tokens, folder.documents * LETTERS);
    assert_int_equal(folder.done, atoll(ask(scene, "SELECT count(*) FROM glob('@/out/part-*.parquet')")));
    assert_int_equal(folder.working, 0);
    int64_t kept = folder.documents;
    double share = folder.share;
    assert_true(kept > in_parts); /* by the row journal of the part in work */
    assert_true(fabs(folder.ranks.items[0].work_done / folder.ranks.items[0].work - share) < 1e-4);
    hs_folder_free(&folder);
    assert_says(printed(scene, ""), "out: stopped\n");
    assert_says(printed(scene, "--json"), "\"message\":\"stopped;");

    assert_int_equal(work(scene, "a.jsonl b.jsonl", 0, 0), HEADSIFT_OK);
    folder = see(scene);
    assert_string_equal(folder.state, "done");
    assert_int_equal(folder.documents, DOCUMENTS);
    assert_int_equal(folder.tokens, DOCUMENTS * LETTERS);
    assert_int_equal(folder.ranks.items[0].state, HS_RANK_DONE);
    assert_int_equal(folder.ranks.items[0].units_done, folder.all);
    assert_true(folder.ranks.items[0].work_done == folder.ranks.items[0].work);
    assert_null(folder.ranks.items[0].part);
    assert_int_equal(folder.ranks.items[0].documents, DOCUMENTS - kept); /* of the second call */
    assert_true(fabs(folder.ranks.items[0].work_before / folder.ranks.items[0].work - share) < 0.003);
    assert_true(fabs(scene->first.share - share) < 0.003);
    hs_folder_free(&folder);
    assert_says(printed(scene, ""), "done      100.0 % of the text: ");
    assert_says(printed(scene, ""), "documents 1200, 0 without a score; 72.0k tokens\n");
    struct hs_buffer log = bytes_of(scene, "out/_ranks/rank-00000.log");
    assert_says(log.data, "Z warning stopped;");
    assert_says(log.data, "Z debug part-00001-00000-b.parquet: ");
    assert_says(log.data, "Z info done\n");
    hs_buffer_free(&log);
}

static void a_call_that_finds_all_done_says_so(void **state) {
    struct scene *scene = *state;
    fresh(scene, "status_again");
    write_documents(scene, "a.jsonl", 30);
    assert_int_equal(work(scene, "a.jsonl", 0, 0), HEADSIFT_OK);
    assert_int_equal(work(scene, "a.jsonl", 0, 0), HEADSIFT_OK);
    struct hs_folder folder = see(scene);
    assert_int_equal(folder.ranks.items[0].state, HS_RANK_DONE);
    assert_int_equal(folder.ranks.items[0].documents, 0); /* of the last call */
    assert_int_equal(folder.ranks.items[0].units_done, 1);
    assert_int_equal(folder.documents, 30);
    hs_folder_free(&folder);
}

static void documents_without_a_score_are_counted(void **state) {
    struct scene *scene = *state;
    fresh(scene, "status_unscored");
    write_text(scene, "a.jsonl", "{\"text\":\"good text\"}\n{\"text\":\"the model lacks z\"}\n{\"text\":\"good\"}\n");
    assert_int_equal(work(scene, "a.jsonl", 0, 0), HEADSIFT_UNSCORED);
    struct hs_folder folder = see(scene);
    assert_string_equal(folder.state, "done");
    assert_int_equal(folder.unscored, 1);
    assert_int_equal(folder.ranks.items[0].unscored, 1);
    assert_int_equal(folder.ranks.items[0].state, HS_RANK_DONE);
    hs_folder_free(&folder);
}

static void each_rank_tells_of_its_own_share(void **state) {
    struct scene *scene = *state;
    fresh(scene, "status_two");
    write_documents(scene, "a.jsonl", DOCUMENTS);
    assert_int_equal(work(scene, "a.jsonl", 1, 2), HEADSIFT_OK);
    struct hs_folder folder = see(scene);
    assert_string_equal(folder.state, "waiting");
    assert_int_equal(folder.ranks.world, 2);
    assert_int_equal(folder.ranks.n_missing, 1);
    assert_int_equal(folder.ranks.missing[0], 0);
    const struct hs_rank *rank = &folder.ranks.items[0];
    assert_int_equal(rank->state, HS_RANK_DONE);
    assert_int_equal(rank->units, rank->units_done);
    assert_int_equal(rank->units, folder.done);
    assert_true(rank->units < folder.all);
    assert_int_equal(rank->documents, folder.documents);
    assert_true(fabs(rank->work / folder.weight - folder.share) < 1e-9);
    hs_folder_free(&folder);
    assert_says(printed(scene, ""), "no report 1 rank: 0\n");
    struct hs_buffer log = bytes_of(scene, "out/_ranks/rank-00001.log");
    assert_int_equal(log.data[0], '{'); /* as it was asked for */
    assert_says(log.data, "\"message\":\"rank 1 of 2: ");
    hs_buffer_free(&log);
    assert_int_equal(work(scene, "a.jsonl", 0, 2), HEADSIFT_OK);
    folder = see(scene);
    assert_string_equal(folder.state, "done");
    hs_folder_free(&folder);
}

/* A gzip file whose end is gone: its beginning can be read. */
static void write_torn(const struct scene *scene, const char *name) {
    struct hs_buffer lines = {0};
    char path[2 * PATH];
    path_of(scene, name, path);
    append_documents(&lines, 4000);
    gzFile file = gzopen(path, "wb");
    assert_int_equal(gzwrite(file, lines.data, (unsigned)lines.size), lines.size);
    assert_int_equal(gzclose(file), Z_OK);
    hs_buffer_free(&lines);
    struct hs_file_identity identity;
    assert_int_equal(hs_file_identity(path, &identity, NULL), HEADSIFT_OK);
    assert_int_equal(truncate(path, (off_t)(identity.size / 2)), 0);
}

static void a_failure_is_told_with_its_message(void **state) {
    struct scene *scene = *state;
    fresh(scene, "status_failed");
    write_torn(scene, "a.jsonl.gz");
    assert_int_equal(work(scene, "a.jsonl.gz", 0, 0), HEADSIFT_FAILED);
    struct hs_folder folder = see(scene);
    assert_string_equal(folder.state, "failed");
    assert_string_equal(folder.ranks.items[0].message, scene->error.message);
    hs_folder_free(&folder);
    assert_says(printed(scene, ""), "\nfailures\nrank 0 on ");
    assert_says(printed(scene, ""), scene->error.message);
}

static void a_place_that_can_not_be_written_is_known_before_the_work(void **state) {
    struct scene *scene = *state;
    char path[2 * PATH];
    fresh(scene, "status_blocked");
    write_documents(scene, "a.jsonl", 30);
    path_of(scene, "out/_ranks/rank-00000.prom/x", path);
    assert_int_equal(hs_make_directory(path, NULL), HEADSIFT_OK);
    assert_int_equal(work(scene, "a.jsonl", 0, 0), HEADSIFT_FAILED);
    assert_says(scene->error.message, "rank-00000.prom");
    assert_int_equal(rmdir(path), 0);
    path_of(scene, "out/_ranks/rank-00000.prom", path);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(work(scene, "a.jsonl", 0, 0), HEADSIFT_OK);
}

/* What a call said, and the report that it must not be able to replace. */
struct blocked {
    char path[2 * PATH], log[4096];
};

static void keep_line(void *user, headsift_log_level level, const char *line) {
    struct blocked *blocked = user;
    (void)level;
    strncat(blocked->log, line, sizeof blocked->log - strlen(blocked->log) - 1);
}

static void block(void *user, const headsift_progress *progress) {
    const struct blocked *blocked = user;
    (void)progress;
    unlink(blocked->path);
    assert_int_equal(hs_make_directory(blocked->path, NULL), HEADSIFT_OK);
}

static void a_report_that_can_not_be_replaced_is_a_warning(void **state) {
    struct scene *scene = *state;
    struct blocked blocked = {.log = ""};
    char input[2 * PATH], out[2 * PATH];
    fresh(scene, "status_warned");
    write_documents(scene, "a.jsonl", 30);
    path_of(scene, "a.jsonl", input);
    path_of(scene, "out", out);
    path_of(scene, "out/_ranks/rank-00000.json", blocked.path);
    const char *const paths[] = {input};
    headsift_inputs inputs = {.paths = paths, .n_paths = 1};
    headsift_monitor monitor = {keep_line, block, &blocked, NULL};
    assert_int_equal(
        headsift_score_files(scene->model, tiny_heads(), NULL, &inputs, out, false, &monitor, NULL, &scene->error),
        HEADSIFT_OK);
    assert_says(blocked.log, "rank-00000.json");
    assert_says(blocked.log, "the work goes on");
    assert_says(printed(scene, ""), "done      100.0 %");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stopped_half_way_and_finished),
        cmocka_unit_test(a_call_that_finds_all_done_says_so),
        cmocka_unit_test(documents_without_a_score_are_counted),
        cmocka_unit_test(each_rank_tells_of_its_own_share),
        cmocka_unit_test(a_failure_is_told_with_its_message),
        cmocka_unit_test(a_place_that_can_not_be_written_is_known_before_the_work),
        cmocka_unit_test(a_report_that_can_not_be_replaced_is_a_warning),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
