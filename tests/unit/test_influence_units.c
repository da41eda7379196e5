/* Units of work: parts of a file, shares of ranks, going on at every border of a window, on any number of ranks.
 * Whatever happened before, the parts end with the same bytes. */
#define _GNU_SOURCE
#include "influence_scene.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "influence/plan.h"

enum { QUERY = 512, MANY = 1500 };

/* 300 records in a.jsonl and 40 in b.jsonl, in units of some 4,000 bytes. */
static const headsift_score_options small = {.unit_bytes = 4000, .max_tokens = 4000};

static void two_inputs(struct scene *scene, const char *name) {
    fresh(scene, name);
    write_many(scene, "a.jsonl", 0, 300);
    write_many(scene, "b.jsonl", 300, 40);
}

static headsift_status as_rank(struct scene *scene, int32_t rank, int32_t world, bool steal) {
    headsift_score_options options = small;
    options.rank = rank;
    options.world = world;
    options.steal = steal;
    return score(scene, "a.jsonl b.jsonl", (headsift_inputs){0}, &options, false);
}

static void shell(const struct scene *scene, const char *line) {
    char text[4 * PATH];
    snprintf(text, sizeof text, "cd '%s' && %s", scene->folder, line);
    if (system(text) != 0) {
        fail_msg("%s", text);
    }
}

/* The parts of out/ are those of all/, byte for byte and by name. */
static void assert_as_unbroken(const struct scene *scene) {
    shell(scene, "ls out/*.parquet | sed 's|.*/||' >got && ls all/*.parquet | sed 's|.*/||' >wanted && cmp got wanted");
    shell(scene, "for part in $(cat wanted); do cmp out/$part all/$part || exit 1; done");
    shell(scene, "test -z \"$(ls out/_running)\" && ! ls -a out | grep -q tmp");
}

/* What one call gives, as all/. */
static void keep_unbroken(struct scene *scene) {
    assert_int_equal(as_rank(scene, 0, 1, false), HEADSIFT_OK);
    assert_int_equal(scene->summary.documents, 340);
    shell(scene, "mv out all");
}

static size_t parts_in(const struct scene *scene, const char *folder) {
    char path[2 * PATH];
    size_t n = 0, input, unit;
    path_of(scene, folder, path);
    DIR *stream = opendir(path);
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        n += hs_part_numbers(entry->d_name, &input, &unit);
    }
    if (stream != NULL) {
        closedir(stream);
    }
    return n;
}

static void a_file_in_units_has_the_rows_of_a_file_in_one(void **state) {
    struct scene *scene = *state;
    two_inputs(scene, "units_rows");
    keep_unbroken(scene);
    size_t n = parts_in(scene, "all");
    assert_true(n > 6 && n < 30);
    headsift_score_options one = {.max_tokens = 4000};
    assert_int_equal(score(scene, "a.jsonl b.jsonl", (headsift_inputs){0}, &one, false), HEADSIFT_OK);
    assert_int_equal(parts_in(scene, "out"), 2);
    assert_string_equal(ask(scene, "SELECT count(*) FROM read_parquet('@/all/*.parquet') a JOIN "
                                   "read_parquet('@/out/*.parquet') b USING (file, row, id, domain, n_bytes, n_tokens, "
                                   "status) WHERE abs(a.score - b.score) <= 1e-5 * abs(b.score)"),
                        "340");
    assert_string_equal(ask(scene, "SELECT count(*) FROM (SELECT file, row FROM read_parquet('@/all/*.parquet', "
                                   "filename = true) ORDER BY filename, file_row_number) a POSITIONAL JOIN (SELECT "
                                   "file, row FROM read_parquet('@/out/*.parquet', filename = true) ORDER BY filename, "
                                   "file_row_number) b WHERE a.file = b.file AND a.row = b.row"),
                        "340"); /* parts by name, rows in them: the order of the records */
}

static void another_unit_size_is_refused(void **state) {
    struct scene *scene = *state;
    two_inputs(scene, "units_size");
    assert_int_equal(as_rank(scene, 0, 1, false), HEADSIFT_OK);
    assert_int_equal(simple(scene, "a.jsonl b.jsonl"), HEADSIFT_FAILED);
    assert_non_null(strstr(scene->error.message, "was 4000"));
    headsift_score_options other = small;
    other.unit_bytes = 4001;
    assert_int_equal(score(scene, "a.jsonl b.jsonl", (headsift_inputs){0}, &other, false), HEADSIFT_FAILED);
    assert_non_null(strstr(scene->error.message, "unit_bytes was 4000 and is now 4001"));
    other.unit_bytes = -1;
    assert_int_equal(score(scene, "a.jsonl b.jsonl", (headsift_inputs){0}, &other, false), HEADSIFT_USAGE);
}

/* ---- Going on ---- */

/* Keeps the longest journal that is seen while a call runs: what is there at its end, before the part is published. */
struct keeper {
    char path[2 * PATH];
    struct hs_buffer bytes;
    size_t ends[16]; /* of windows */
    int64_t documents[16];
    size_t n;
};

static void keep_journal(void *user, const headsift_progress *progress) {
    struct keeper *keeper = user;
    struct hs_file_identity identity;
    DIR *folder = opendir(keeper->path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char *path = strstr(entry->d_name, ".rows") != NULL ? hs_join_path(keeper->path, entry->d_name) : NULL;
        if (path != NULL && hs_file_identity(path, &identity, NULL) == HEADSIFT_OK &&
            (keeper->n == 0 || identity.size > keeper->ends[keeper->n - 1])) {
            assert_true(keeper->n < 16);
            keeper->documents[keeper->n] = progress->documents;
            keeper->ends[keeper->n++] = identity.size;
            keeper->bytes.size = 0;
            assert_int_equal(hs_file_read(path, 1 << 24, &keeper->bytes, NULL), HEADSIFT_OK);
        }
        hs_free(path);
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

static headsift_status watched(struct scene *scene, const char *name, const headsift_score_options *options,
                               const headsift_monitor *monitor) {
    char input[2 * PATH], out[2 * PATH];
    path_of(scene, name, input);
    path_of(scene, "out", out);
    const char *const paths[] = {input};
    headsift_inputs inputs = {.paths = paths, .n_paths = 1};
    scene->error = (headsift_error){0};
    return headsift_score_files(scene->model, tiny_heads(), options, &inputs, out, false, monitor, &scene->summary,
                                &scene->error);
}

static void going_on_at_any_border_of_a_window_gives_the_same_bytes(void **state) {
    struct scene *scene = *state;
    struct keeper keeper = {.n = 0};
    const headsift_monitor monitor = {.progress = keep_journal, .user = &keeper};
    headsift_score_options options = {.max_tokens = 4000};
    fresh(scene, "units_borders");
    write_many(scene, "a.jsonl", 0, MANY);
    path_of(scene, "out/_running", keeper.path);
    assert_int_equal(watched(scene, "a.jsonl", &options, &monitor), HEADSIFT_UNSCORED);
    assert_int_equal(keeper.n, 5); /* the empty journal and four windows */
    assert_int_equal(keeper.documents[4], MANY);
    shell(scene, "mv out all");
    for (size_t k = 0; k < keeper.n; k++) {
        char journal[4 * PATH];
        shell(scene, "rm -rf out && mkdir -p out/_running");
        snprintf(journal, sizeof journal, "%s/part-00000-00000.elsewhere-77.rows", keeper.path);
        assert_int_equal(hs_file_write(journal, keeper.bytes.data, keeper.ends[k], NULL), HEADSIFT_OK);
        struct keeper again = {.n = 0};
        const headsift_monitor watch = {.progress = keep_journal, .user = &again};
        snprintf(again.path, sizeof again.path, "%s", keeper.path);
        assert_int_equal(watched(scene, "a.jsonl", &options, &watch), HEADSIFT_UNSCORED);
        assert_int_equal(scene->summary.documents, MANY);
        if (k + 1 < keeper.n) { /* the rest alone was scored, in the same windows */
            assert_int_equal(again.documents[again.n - 1], MANY - keeper.documents[k]);
            assert_int_equal(again.bytes.size, keeper.bytes.size);
            assert_memory_equal(again.bytes.data, keeper.bytes.data, keeper.bytes.size);
        }
        hs_buffer_free(&again.bytes);
        assert_as_unbroken(scene);
    }
    hs_buffer_free(&keeper.bytes);
}

/* The verdict and the counts go on too: an id of the kept rows is known behind them. */
static void what_a_journal_counted_counts(void **state) {
    struct scene *scene = *state;
    struct keeper keeper = {.n = 0};
    const headsift_monitor monitor = {.progress = keep_journal, .user = &keeper};
    struct hs_buffer lines = {0};
    char journal[4 * PATH];
    fresh(scene, "units_counts");
    for (size_t i = 0; i < 120; i++) {
        append_record(&lines, i % 100);
    }
    write_text(scene, "a.jsonl", lines.data);
    hs_buffer_free(&lines);
    path_of(scene, "out/_running", keeper.path);
    assert_int_equal(watched(scene, "a.jsonl", NULL, &monitor), HEADSIFT_OK);
    headsift_score_summary whole = scene->summary;
    assert_int_equal(whole.duplicate_ids, 20);
    assert_true(keeper.n == 3 && keeper.documents[1] < 100);
    shell(scene, "rm -rf out && mkdir -p out/_running");
    snprintf(journal, sizeof journal, "%s/part-00000-00000.elsewhere-77.rows", keeper.path);
    assert_int_equal(hs_file_write(journal, keeper.bytes.data, keeper.ends[1], NULL), HEADSIFT_OK);
    assert_int_equal(simple(scene, "a.jsonl"), HEADSIFT_OK);
    assert_int_equal(scene->summary.duplicate_ids, 20);
    assert_int_equal(scene->summary.tokens, whole.tokens);
    hs_buffer_free(&keeper.bytes);
}

/* ---- Ranks ---- */

static void any_number_of_ranks_in_any_order_gives_the_same_parts(void **state) {
    struct scene *scene = *state;
    static const int32_t worlds[] = {2, 3, 7, 100};
    two_inputs(scene, "units_ranks");
    keep_unbroken(scene);
    for (size_t w = 0; w < sizeof worlds / sizeof *worlds; w++) {
        int64_t documents = 0;
        shell(scene, "rm -rf out");
        for (int32_t i = 0; i < worlds[w]; i++) {
            assert_int_equal(as_rank(scene, (i * 11 + 5) % worlds[w], worlds[w], false), HEADSIFT_OK);
            documents += scene->summary.documents;
        }
        assert_int_equal(documents, 340);
        assert_as_unbroken(scene);
    }
}

static void another_number_of_ranks_goes_on_with_what_is_left(void **state) {
    struct scene *scene = *state;
    two_inputs(scene, "units_other_world");
    keep_unbroken(scene);
    assert_int_equal(as_rank(scene, 1, 3, false), HEADSIFT_OK);
    size_t before = parts_in(scene, "out");
    assert_true(before > 2 && before < parts_in(scene, "all"));
    shell(scene, "ls -i out/*.parquet | sort >before");
    for (int32_t rank = 0; rank < 4; rank++) {
        assert_int_equal(as_rank(scene, rank, 4, false), HEADSIFT_OK);
    }
    assert_as_unbroken(scene);
    shell(scene, "ls -i out/*.parquet | sort >after && test -z \"$(comm -23 before after)\""); /* none was made again */
}

static void parts_that_were_lost_are_made_again_and_no_others(void **state) {
    struct scene *scene = *state;
    two_inputs(scene, "units_lost");
    keep_unbroken(scene);
    shell(scene, "cp -a all out && rm out/part-00000-00001-* out/part-00001-00000-*");
    assert_int_equal(as_rank(scene, 0, 1, false), HEADSIFT_OK);
    assert_as_unbroken(scene);
    assert_true(scene->last.documents > 0 && scene->last.documents < 100);
    shell(scene, "rm -rf out/_parts"); /* parts of which nothing is told */
    assert_int_equal(as_rank(scene, 0, 1, false), HEADSIFT_OK);
    assert_int_equal(scene->last.documents, 340);
    assert_as_unbroken(scene);
}

static void a_broken_index_is_made_again(void **state) {
    struct scene *scene = *state;
    static const char *const broken[] = {"", "{}", "{\"units\": [[0, 1, 2, 3, 4]]}", "cut"};
    two_inputs(scene, "units_index");
    keep_unbroken(scene);
    shell(scene, "cp -a all out");
    for (size_t i = 0; i < 4; i++) {
        write_text(scene, "out/_index/00000.json", broken[i]);
        if (i == 3) {
            shell(scene, "head -c 200 all/_index/00000.json >out/_index/00000.json");
        }
        assert_int_equal(as_rank(scene, 0, 1, false), HEADSIFT_OK);
        assert_non_null(strstr(scene->log.data, "nothing left to score"));
        shell(scene, "cmp all/_index/00000.json out/_index/00000.json");
    }
}

static void a_limit_is_counted_over_units_and_ranks(void **state) {
    struct scene *scene = *state;
    static const int64_t limits[] = {1, 150, 299, 300, 301};
    two_inputs(scene, "units_limit");
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        headsift_inputs inputs = {.limit = limits[i]};
        int64_t documents = 0;
        char wanted[32];
        shell(scene, "rm -rf out all");
        assert_int_equal(score(scene, "a.jsonl b.jsonl", inputs, &small, false), HEADSIFT_OK);
        assert_int_equal(scene->summary.documents, limits[i]);
        shell(scene, "mv out all");
        for (int32_t rank = 3; rank-- > 0;) {
            headsift_score_options options = small;
            options.rank = rank;
            options.world = 3;
            assert_int_equal(score(scene, "a.jsonl b.jsonl", inputs, &options, false), HEADSIFT_OK);
            documents += scene->summary.documents;
        }
        assert_int_equal(documents, limits[i]);
        assert_as_unbroken(scene);
        snprintf(wanted, sizeof wanted, "%lld", (long long)(limits[i] < 300 ? limits[i] : 300));
        assert_string_equal(
            ask(scene, "SELECT count(*) FROM read_parquet('@/out/*.parquet') WHERE file LIKE '%a.jsonl'"), wanted);
    }
}

/* ---- What others do ---- */

static void stealing_does_what_is_left_but_not_what_is_in_work(void **state) {
    struct scene *scene = *state;
    two_inputs(scene, "units_steal");
    keep_unbroken(scene);
    shell(scene, "mkdir -p out/_running && touch out/_running/part-00000-00000.other-5.rows "
                 "out/_running/part-00001-00000.other-5.rows && touch -d '11 minutes ago' "
                 "out/_running/part-00000-00000.other-5.rows");
    assert_int_equal(as_rank(scene, 1, 3, true), HEADSIFT_OK);
    assert_int_equal(parts_in(scene, "out"), parts_in(scene, "all") - 1);
    shell(scene, "! ls out/part-00001-00000-* 2>/dev/null");    /* that one is another's */
    assert_int_equal(as_rank(scene, 2, 3, false), HEADSIFT_OK); /* which is its own here, in work or not */
    assert_as_unbroken(scene);
}

/* Others finish everything but the first unit while that one is being scored. */
static void finish_for_others(void *user, const headsift_progress *progress) {
    struct scene *scene = user;
    scene->last = *progress;
    if (scene->calls++ == 0) {
        shell(scene, "cp -a all/_parts/* out/_parts/ 2>/dev/null || { mkdir -p out/_parts && cp -a all/_parts/* "
                     "out/_parts/; }");
        shell(scene,
              "for part in all/*.parquet; do case $part in *00000-00000-*) ;; *) cp -a $part out/ ;; esac; done");
    }
}

static void a_unit_that_others_finished_is_passed_over(void **state) {
    struct scene *scene = *state;
    const headsift_monitor monitor = {.progress = finish_for_others, .user = scene};
    headsift_score_options options = {.unit_bytes = 12000, .max_tokens = 4000};
    fresh(scene, "units_passed");
    write_many(scene, "a.jsonl", 0, MANY / 3);
    scene->calls = 1;
    assert_int_equal(watched(scene, "a.jsonl", &options, &monitor), HEADSIFT_OK);
    int64_t documents = scene->summary.documents;
    shell(scene, "mv out all");
    scene->calls = 0;
    assert_int_equal(watched(scene, "a.jsonl", &options, &monitor), HEADSIFT_OK);
    assert_int_equal(scene->summary.documents, documents); /* of all that is done, whoever did it */
    assert_true(scene->last.documents < documents);
    assert_as_unbroken(scene);
}

/* Another process is at the index of a.jsonl, and gives it its name a second later. */
static void an_index_that_another_rank_makes_is_waited_for(void **state) {
    struct scene *scene = *state;
    two_inputs(scene, "units_claim");
    keep_unbroken(scene);
    char process[HS_PROCESS_NAME];
    hs_process_name(process);
    snprintf(strrchr(process, '-'), 16, "-%d", (int)getppid());
    shell(scene, "mkdir -p out/_index && cp all/score.json out/");
    write_text(scene, "out/_index/00000.claim", process);
    shell(scene,
          "(sleep 1; sed 's/{/{\"theirs\": 1, /' all/_index/00000.json >made && mv made out/_index/00000.json && rm "
          "out/_index/00000.claim) >/dev/null 2>&1 &");
    assert_int_equal(as_rank(scene, 0, 2, false), HEADSIFT_OK);
    shell(scene, "grep -q theirs out/_index/00000.json && cmp all/_index/00001.json out/_index/00001.json");
    shell(scene, "rm out/_index/* && touch -d '2 minutes ago' out/old"); /* one that is at it for too long is not */
    write_text(scene, "out/_index/00000.claim", process);
    shell(scene, "touch -r out/old out/_index/00000.claim && rm out/old");
    assert_int_equal(as_rank(scene, 1, 2, false), HEADSIFT_OK);
    shell(scene, "diff -r all/_index out/_index"); /* nor is a claim left */
    assert_as_unbroken(scene);
}

static void wrong_ranks_are_refused(void **state) {
    struct scene *scene = *state;
    two_inputs(scene, "units_wrong");
    static const int32_t wrong[][2] = {{3, 3}, {-1, 3}, {1, 0}, {0, -2}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(as_rank(scene, wrong[i][0], wrong[i][1], false), HEADSIFT_USAGE);
        assert_non_null(strstr(scene->error.message, "--world"));
    }
    headsift_score_options options = small;
    options.world = 2;
    assert_int_equal(score(scene, "a.jsonl b.jsonl", (headsift_inputs){0}, &options, true), HEADSIFT_USAGE);
    assert_non_null(strstr(scene->error.message, "--overwrite"));
    shell(scene, "! test -e out");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_in_units_has_the_rows_of_a_file_in_one),
        cmocka_unit_test(another_unit_size_is_refused),
        cmocka_unit_test(going_on_at_any_border_of_a_window_gives_the_same_bytes),
        cmocka_unit_test(what_a_journal_counted_counts),
        cmocka_unit_test(any_number_of_ranks_in_any_order_gives_the_same_parts),
        cmocka_unit_test(another_number_of_ranks_goes_on_with_what_is_left),
        cmocka_unit_test(parts_that_were_lost_are_made_again_and_no_others),
        cmocka_unit_test(a_broken_index_is_made_again),
        cmocka_unit_test(a_limit_is_counted_over_units_and_ranks),
        cmocka_unit_test(stealing_does_what_is_left_but_not_what_is_in_work),
        cmocka_unit_test(a_unit_that_others_finished_is_passed_over),
        cmocka_unit_test(an_index_that_another_rank_makes_is_waited_for),
        cmocka_unit_test(wrong_ranks_are_refused),
    };
    return cmocka_run_group_tests(tests, scene_set_up, scene_tear_down);
}
