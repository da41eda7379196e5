/* A folder of scores that does not fit any more: inputs that changed or are gone, another type of numbers, folders of
 * other makers and of older versions, places that can't be written to. Each is one line, and nothing is harmed. */
#define _GNU_SOURCE
#include "influence_scene.h"

#include <string.h>
#include <unistd.h>

#include "base/process.h"

static const headsift_score_options small = {.unit_bytes = 4000, .max_tokens = 4000};

static headsift_status again(struct scene *scene, bool accept_changed) {
    headsift_score_options options = small;
    options.accept_changed = accept_changed;
    return score(scene, "a.jsonl b.jsonl", (headsift_inputs){0}, &options, false);
}

static void shell(const struct scene *scene, const char *line) {
    char text[4 * PATH];
    snprintf(text, sizeof text, "cd '%s' && %s", scene->folder, line);
    if (system(text) != 0) {
        fail_msg("%s", text);
    }
}

/* Scores of 150 records in a.jsonl and 60 in b.jsonl in out/. */
static void scored(struct scene *scene, const char *name) {
    fresh(scene, name);
    write_many(scene, "a.jsonl", 0, 150);
    write_many(scene, "b.jsonl", 300, 60);
    assert_int_equal(again(scene, false), HEADSIFT_OK);
    shell(scene, "ls -i out/part-00000-* | sort >a && ls -i out/part-00001-* | sort >b");
}

/* Files that stand as they stood, by their inodes. */
static void assert_kept(const struct scene *scene, const char *which) {
    char line[256];
    snprintf(line, sizeof line, "ls -i out/part-0000%d-* | sort | cmp - %s", which[0] - 'a', which);
    shell(scene, line);
}

static void assert_refused(struct scene *scene, const char *part) {
    shell(scene, "find out -type f | sort | xargs md5sum >before");
    assert_int_equal(again(scene, false), HEADSIFT_FAILED);
    if (strstr(scene->error.message, part) == NULL || strchr(scene->error.message, '\n') != NULL) {
        fail_msg("no \"%s\" in: %s", part, scene->error.message);
    }
    shell(scene, "find out -type f | sort | xargs md5sum | cmp - before"); /* nothing was touched */
}

static void another_time_is_refused_or_accepted_as_it_is(void **state) {
    struct scene *scene = *state;
    scored(scene, "changes_time");
    shell(scene, "touch -d '2001-02-03' b.jsonl");
    assert_refused(scene, "b.jsonl has another time of change");
    assert_non_null(strstr(scene->error.message, "--accept-changed"));
    assert_int_equal(again(scene, true), HEADSIFT_OK);
    assert_non_null(strstr(scene->log.data, "nothing left to score"));
    assert_kept(scene, "a");
    assert_kept(scene, "b");
    assert_int_equal(again(scene, false), HEADSIFT_OK); /* from now on it is what it is */
}

static void other_content_is_refused_or_scored_anew(void **state) {
    struct scene *scene = *state;
    scored(scene, "changes_content");
    write_many(scene, "a.jsonl", 40, 100);
    assert_refused(scene, "a.jsonl changed from ");
    assert_int_equal(again(scene, true), HEADSIFT_OK);
    assert_int_equal(scene->summary.documents, 160);
    assert_int_equal(scene->last.documents, 100);
    assert_kept(scene, "b");
    shell(scene, "mv out accepted");
    assert_int_equal(again(scene, false), HEADSIFT_OK); /* as if there had been nothing before */
    shell(scene,
          "for part in accepted/*.parquet accepted/_index/*; do cmp $part out/${part#accepted/} || exit 1; done");
    shell(scene, "test $(ls out/*.parquet | wc -l) = $(ls accepted/*.parquet | wc -l)");
}

/* Behind a limit each input's records depend on those before it. */
static void with_a_limit_what_comes_behind_is_scored_anew_too(void **state) {
    struct scene *scene = *state;
    headsift_inputs limit = {.limit = 190};
    headsift_score_options options = small;
    fresh(scene, "changes_limit");
    write_many(scene, "a.jsonl", 0, 150);
    write_many(scene, "b.jsonl", 300, 60);
    assert_int_equal(score(scene, "a.jsonl b.jsonl", limit, &options, false), HEADSIFT_OK);
    write_many(scene, "a.jsonl", 0, 170);
    options.accept_changed = true;
    assert_int_equal(score(scene, "a.jsonl b.jsonl", limit, &options, false), HEADSIFT_OK);
    assert_int_equal(scene->summary.documents, 190);
    assert_string_equal(ask(scene, "SELECT string_agg(n, ' ' ORDER BY file) FROM (SELECT file, count(*) AS n FROM "
                                   "read_parquet('@/out/*.parquet') GROUP BY 1)"),
                        "170 20");
}

/* Parquet files are told apart by their footers, even of one size and time. */
static void another_footer_is_another_file(void **state) {
    struct scene *scene = *state;
    fresh(scene, "changes_footer");
    for (int round = 0; round < 3; round++) {
        char query[256];
        snprintf(query, sizeof query,
                 "COPY (SELECT 'the boats came in' || i AS text FROM range(50) t(i)) TO '@/c.parquet' (FORMAT parquet, "
                 "KV_METADATA {'round': '%d'})",
                 round > 0);
        (void)ask(scene, query);
        shell(scene, "touch -d 2020-01-02 c.parquet");
        headsift_status wanted = round == 1 ? HEADSIFT_FAILED : HEADSIFT_OK;
        headsift_score_options options = {.accept_changed = round == 2};
        assert_int_equal(score(scene, "c.parquet", (headsift_inputs){0}, &options, false), wanted);
        assert_int_equal(scene->last.documents, round == 1 ? 0 : 50);
    }
}

static void a_vanished_input_is_known_before_any_work(void **state) {
    struct scene *scene = *state;
    scored(scene, "changes_gone");
    shell(scene, "rm out/part-00000-00000-* && mv b.jsonl c.jsonl");
    assert_refused(scene, "can't open ");
    assert_non_null(strstr(scene->error.message, "b.jsonl"));
    shell(scene, "mv c.jsonl b.jsonl");
    assert_int_equal(again(scene, false), HEADSIFT_OK);
    assert_kept(scene, "b");
}

/* An input that changes between the plan and its turn. */
static void change_second(void *user, const headsift_progress *progress) {
    struct scene *scene = user;
    (void)progress;
    if (scene->calls++ == 0) {
        shell(scene, "touch -d '2001-02-03' b.jsonl");
    }
}

static void a_change_under_way_is_noticed(void **state) {
    struct scene *scene = *state;
    char a[2 * PATH], b[2 * PATH], out[2 * PATH];
    fresh(scene, "changes_under_way");
    write_many(scene, "a.jsonl", 0, 1500);
    write_many(scene, "b.jsonl", 300, 60);
    path_of(scene, "a.jsonl", a);
    path_of(scene, "b.jsonl", b);
    path_of(scene, "out", out);
    const char *const paths[] = {a, b};
    const headsift_inputs inputs = {.paths = paths, .n_paths = 2};
    const headsift_monitor monitor = {.progress = change_second, .user = scene};
    headsift_score_options options = {.max_tokens = 4000};
    scene->calls = 0;
    assert_int_equal(headsift_score_files(scene->model, tiny_heads(), &options, &inputs, out, false, &monitor,
                                          &scene->summary, &scene->error),
                     HEADSIFT_FAILED);
    assert_non_null(strstr(scene->error.message, "b.jsonl changed while it was being scored"));
    shell(scene, "ls out/part-00000-00000-a.parquet && ! ls out/part-00001-* 2>/dev/null");
}

/* ---- The type of numbers ---- */

static void auto_takes_the_type_of_the_folder(void **state) {
    struct scene *scene = *state;
    scored(scene, "changes_dtype");
    shell(scene, "rm out/part-00000-00000-*");
    scene->model->dtype = HEADSIFT_DTYPE_BF16; /* what auto would be on another machine */
    assert_int_equal(again(scene, false), HEADSIFT_OK);
    assert_int_equal(scene->model->dtype, HEADSIFT_DTYPE_F32);
    scene->model->wanted = scene->model->dtype = HEADSIFT_DTYPE_BF16;
    assert_refused(scene, "dtype was f32 and is now bf16");
    scene->model->wanted = HEADSIFT_DTYPE_AUTO;
    scene->model->dtype = HEADSIFT_DTYPE_F32;
    shell(scene, "sed -i 's/\"dtype\": \"f32\"/\"dtype\": \"bf16\"/' out/score.json");
    assert_int_equal(setenv("HEADSIFT_ISA", "plain", 1), 0); /* a machine without bf16 */
    shell(scene, "find out -type f | sort | xargs md5sum >before");
    assert_int_equal(again(scene, false), HEADSIFT_USAGE);
    unsetenv("HEADSIFT_ISA");
    assert_non_null(strstr(scene->error.message, "was begun in bf16: "));
    assert_int_equal(scene->model->dtype, HEADSIFT_DTYPE_F32);
    shell(scene, "find out -type f | sort | xargs md5sum | cmp - before");
    scene->model->wanted = HEADSIFT_DTYPE_F32;
    assert_refused(scene, "dtype was bf16 and is now f32");
    scene->model->wanted = HEADSIFT_DTYPE_AUTO;
}

/* ---- Folders of others ---- */

static void a_folder_of_an_older_version_is_refused_and_can_be_replaced(void **state) {
    struct scene *scene = *state;
    scored(scene, "changes_old");
    shell(scene, "rm -rf out && mkdir out && echo '{\"inputs\": [{\"path\": \"a.jsonl\", \"part\": "
                 "\"part-00000-a.parquet\"}]}' >out/score.json && echo x >out/_parts.jsonl && echo y "
                 ">out/part-00000-a.parquet && echo z >out/part-00000-z.parquet");
    assert_refused(scene, "older version");
    assert_int_equal(score(scene, "a.jsonl b.jsonl", (headsift_inputs){0}, &small, true), HEADSIFT_OK);
    shell(scene,
          "! test -e out/part-00000-a.parquet && ! test -e out/_parts.jsonl && test -s out/part-00000-z.parquet");
}

static void overwriting_takes_all_that_is_ours_and_nothing_else(void **state) {
    struct scene *scene = *state;
    scored(scene, "changes_overwrite");
    shell(scene,
          "touch out/_running/part-00000-00000.x-1.rows out/notes.txt out/part-00000-12345-other.parquet && mkdir "
          "-p out/_ranks && touch out/_ranks/rank-00000.log");
    headsift_score_options other = {.max_tokens = 50};
    assert_int_equal(score(scene, "b.jsonl", (headsift_inputs){0}, &other, true), HEADSIFT_OK);
    shell(scene,
          "test \"$(ls out | tr '\\n' ' ')\" = '_index _parts _ranks _running notes.txt part-00000-00000-b.parquet "
          "part-00000-12345-other.parquet score.json '");
}

/* ---- Places that can't be written to ---- */

static void a_place_that_can_t_be_is_one_line(void **state) {
    struct scene *scene = *state;
    char out[2 * PATH], a[2 * PATH];
    fresh(scene, "changes_place");
    write_many(scene, "a.jsonl", 0, 30);
    path_of(scene, "a.jsonl/out", out);
    path_of(scene, "a.jsonl", a);
    const char *const paths[] = {a};
    const headsift_inputs inputs = {.paths = paths, .n_paths = 1};
    static const char *const places[] = {NULL, "/proc/headsift/out", "/sys/headsift"};
    for (size_t i = 0; i < 3; i++) {
        const char *place = places[i] != NULL ? places[i] : out;
        headsift_error error = {0};
        assert_int_equal(
            headsift_score_files(scene->model, tiny_heads(), NULL, &inputs, place, false, NULL, NULL, &error),
            HEADSIFT_FAILED);
        assert_non_null(strstr(error.message, "can't make the folder"));
    }
}

/* A device without room under the names that a journal, and a part before it gets its own, are written to. */
struct filling {
    struct scene *scene;
    const char *name;
    int calls;
};

static void fill_disk(void *user, const headsift_progress *progress) {
    struct filling *filling = user;
    char path[2 * PATH];
    (void)progress;
    if (filling->calls++ == 0) {
        path_of(filling->scene, filling->name, path);
        assert_int_equal(symlink("/dev/full", path), 0);
    }
}

static void a_full_disk_is_one_line_and_goes_on_afterwards(void **state) {
    struct scene *scene = *state;
    char process[HS_PROCESS_NAME], journal[256], input[2 * PATH], out[2 * PATH];
    fresh(scene, "changes_full");
    write_many(scene, "a.jsonl", 0, 150);
    path_of(scene, "a.jsonl", input);
    path_of(scene, "out", out);
    hs_process_name(process);
    snprintf(journal, sizeof journal, "out/_running/part-00000-00002.%s.rows", process);
    char *part = hs_temporary_path("out/part-00000-00003-a.parquet");
    const char *const paths[] = {input}, *const full[] = {journal, part};
    const headsift_inputs inputs = {.paths = paths, .n_paths = 1};
    assert_int_equal(score(scene, "a.jsonl", (headsift_inputs){0}, &small, false), HEADSIFT_OK);
    shell(scene, "mv out all");
    for (size_t i = 0; i < sizeof full / sizeof *full; i++) {
        struct filling filling = {scene, full[i], 0};
        const headsift_monitor monitor = {.progress = fill_disk, .user = &filling};
        shell(scene, "rm -rf out");
        headsift_status status = headsift_score_files(scene->model, tiny_heads(), &small, &inputs, out, false, &monitor,
                                                      &scene->summary, &scene->error);
        assert_int_equal(status, HEADSIFT_NO_SPACE);
        assert_non_null(strstr(scene->error.message, "free some space"));
        assert_null(strchr(scene->error.message, '\n'));
        assert_true(scene->summary.documents > 0); /* of what is finished */
        shell(scene, "! ls out/part-00000-00003* 2>/dev/null");
        assert_int_equal(score(scene, "a.jsonl", (headsift_inputs){0}, &small, false), HEADSIFT_OK);
        shell(scene, "for part in all/*.parquet; do cmp $part out/${part#all/} || exit 1; done; ! find out | grep tmp");
    }
    hs_free(part);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_time_is_refused_or_accepted_as_it_is),
        cmocka_unit_test(other_content_is_refused_or_scored_anew),
        cmocka_unit_test(with_a_limit_what_comes_behind_is_scored_anew_too),
        cmocka_unit_test(another_footer_is_another_file),
        cmocka_unit_test(a_vanished_input_is_known_before_any_work),
        cmocka_unit_test(a_change_under_way_is_noticed),
        cmocka_unit_test(auto_takes_the_type_of_the_folder),
        cmocka_unit_test(a_folder_of_an_older_version_is_refused_and_can_be_replaced),
        cmocka_unit_test(overwriting_takes_all_that_is_ours_and_nothing_else),
        cmocka_unit_test(a_place_that_can_t_be_is_one_line),
        cmocka_unit_test(a_full_disk_is_one_line_and_goes_on_afterwards),
    };
    return cmocka_run_group_tests(tests, scene_set_up, scene_tear_down);
}
