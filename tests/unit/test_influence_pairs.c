/* Files of prompts and responses: the same rows from every format, going on where a call stopped, ranks, settings, and
 * columns that are not there. */
#define _GNU_SOURCE
#include "influence_scene.h"

#include <string.h>

#include "base/file.h"
#include "corpus/sql.h"

enum { PAIRS = 240 };

static const headsift_inputs columns = {.prompt = "question", .response = "answer"};
static const headsift_score_options small = {.unit_bytes = 6000, .max_tokens = 200};

/* Pair i: a prompt of letters, and a response of one to four steps. */
static void pair_of(size_t i, char prompt[4096], char response[4096]) {
    text_of(i % 300, prompt);
    response[0] = '\0';
    for (size_t step = 0; step <= i % 4; step++) {
        sprintf(response + strlen(response), "%sstep%zu%.*s", step > 0 ? "\\n\\n" : "", step, (int)(i * 7 % 11),
                "abcdefghijkl");
    }
}

static void write_pairs(const struct scene *scene) {
    struct hs_buffer lines = {0};
    char prompt[4096], response[4096];
    for (size_t i = 0; i < PAIRS; i++) {
        pair_of(i, prompt, response);
        assert_true(hs_buffer_printf(&lines, "{\"id\":\"d%zu\",\"question\":\"%s\",\"answer\":\"%s\"}\n", i, prompt,
                                     i == 9 ? "" : response));
    }
    write_text(scene, "pairs.jsonl", lines.data);
    hs_buffer_free(&lines);
}

static headsift_status as_rank(struct scene *scene, int32_t rank, int32_t world) {
    headsift_score_options options = small;
    options.rank = rank;
    options.world = world;
    return score(scene, "pairs.jsonl", columns, &options, false);
}

static void shell(const struct scene *scene, const char *line) {
    char text[4 * PATH];
    snprintf(text, sizeof text, "cd '%s' && %s", scene->folder, line);
    if (system(text) != 0) {
        fail_msg("%s", text);
    }
}

static void assert_as_unbroken(const struct scene *scene) {
    shell(scene, "ls out/*.parquet | sed 's|.*/||' >got && ls all/*.parquet | sed 's|.*/||' >wanted && cmp got wanted");
    shell(scene, "for part in $(cat wanted); do cmp out/$part all/$part || exit 1; done");
}

static void keep_unbroken(struct scene *scene, const char *name) {
    fresh(scene, name);
    write_pairs(scene);
    assert_int_equal(as_rank(scene, 0, 1), HEADSIFT_UNSCORED);
    assert_int_equal(scene->summary.documents, PAIRS);
    assert_int_equal(scene->summary.unscored, 1);
    shell(scene, "mv out all && test $(ls all/*.parquet | wc -l) -gt 3");
}

static void rows_hold_the_steps(void **state) {
    struct scene *scene = *state;
    keep_unbroken(scene, "pairs_rows");
    assert_string_equal(
        ask(scene, "SELECT string_agg(column_name || ' ' || column_type, '; ') FROM (DESCRIBE SELECT "
                   "status, note, steps FROM read_parquet('@/all/*.parquet'))"),
        "status VARCHAR; note VARCHAR; steps STRUCT(\"start\" BIGINT, n_bytes BIGINT, n_scored INTEGER, "
        "loss_base DOUBLE, loss_ref DOUBLE, score DOUBLE, weight DOUBLE)[]");
    assert_string_equal(ask(scene,
                            "SELECT count(*) FROM read_parquet('@/all/*.parquet') WHERE len(steps) = row % 4 + 1 "
                            "AND list_sum([s.n_scored for s in steps]) = n_scored AND n_tokens = n_bytes AND "
                            "abs(list_sum([s.n_scored * s.loss_base for s in steps]) / n_scored - loss_base) < "
                            "1e-9 AND abs(list_sum([s.n_scored * s.weight for s in steps]) / n_scored - 1) < 1e-9"),
                        "239");
    assert_string_equal(ask(scene, "SELECT status || ': ' || note || ': ' || len(steps) FROM "
                                   "read_parquet('@/all/*.parquet') WHERE row = 9"),
                        "too_short: the response is empty: 0");
    char prompt[4096], response[4096];
    pair_of(6, prompt, response);
    const char *texts[] = {prompt, "step0abcdefghi\n\nstep1abcdefghi\n\nstep2abcdefghi"};
    size_t sizes[] = {strlen(prompt), strlen(texts[1])};
    headsift_score row;
    headsift_steps steps;
    assert_int_equal(headsift_score_responses(scene->model, tiny_heads(), &small, &texts[0], &sizes[0], &texts[1],
                                              &sizes[1], 1, &row, &steps, &scene->error),
                     HEADSIFT_OK);
    char query[512];
    snprintf(
        query, sizeof query,
        "SELECT abs(loss_ref - %.17g) < 1e-6 AND abs(steps[3].score - %.17g) < 1e-5 AND steps[3].start = %lld FROM "
        "read_parquet('@/all/*.parquet') WHERE row = 6",
        row.loss_ref, steps.items[2].score, (long long)steps.items[2].start);
    assert_string_equal(ask(scene, query), "true");
    headsift_free(steps.items);
}

/* Asks for a stop as soon as a journal holds rows: its first line has less than 300 bytes. */
struct stopper {
    char folder[2 * PATH];
    volatile sig_atomic_t stop;
    int64_t documents;
};

static headsift_status see_journal(void *user, const char *folder, const char *name, headsift_error *error) {
    struct stopper *stopper = user;
    struct hs_file_identity identity = {0};
    char *path = hs_join_path(folder, name);
    (void)error;
    if (hs_file_identity(path, &identity, NULL) == HEADSIFT_OK && identity.size > 300) {
        stopper->stop = 1;
    }
    hs_free(path);
    return HEADSIFT_OK;
}

static void stop_with_journal(void *user, const headsift_progress *progress) {
    struct stopper *stopper = user;
    stopper->documents = progress->documents;
    hs_each_file(stopper->folder, ".rows", see_journal, stopper, NULL);
}

static void a_stopped_call_ends_with_the_same_bytes(void **state) {
    struct scene *scene = *state;
    struct stopper stopper = {.stop = 0};
    const headsift_monitor monitor = {.progress = stop_with_journal, .user = &stopper, .stop = &stopper.stop};
    char input[2 * PATH], out[2 * PATH];
    keep_unbroken(scene, "pairs_stopped");
    path_of(scene, "pairs.jsonl", input);
    path_of(scene, "out", out);
    path_of(scene, "out/_running", stopper.folder);
    const char *const paths[] = {input};
    headsift_inputs inputs = columns;
    inputs.paths = paths;
    inputs.n_paths = 1;
    assert_int_equal(
        headsift_score_files(scene->model, tiny_heads(), &small, &inputs, out, false, &monitor, NULL, NULL),
        HEADSIFT_STOPPED);
    shell(scene, "test -s out/_running/part-00000-00000.*.rows && test ! -e out/part-00000-00000-pairs.parquet");
    assert_int_equal(as_rank(scene, 0, 1), HEADSIFT_UNSCORED);
    assert_true(stopper.documents > 10);
    assert_int_equal(scene->last.documents, PAIRS - stopper.documents); /* kept rows were not scored again */
    assert_as_unbroken(scene);
}

static void two_ranks_make_what_one_makes(void **state) {
    struct scene *scene = *state;
    keep_unbroken(scene, "pairs_ranks");
    headsift_status first = as_rank(scene, 0, 2), second = as_rank(scene, 1, 2);
    assert_true(first == HEADSIFT_UNSCORED && second == HEADSIFT_OK);
    assert_as_unbroken(scene);
}

/* JSONL, CSV and Parquet of the same pairs. */
static void every_format_gives_the_same_rows(void **state) {
    struct scene *scene = *state;
    fresh(scene, "pairs_formats");
    write_pairs(scene);
    ask(scene,
        "COPY (SELECT id, question, answer FROM read_json('@/pairs.jsonl')) TO '@/pairs.csv' (FORMAT csv, HEADER, "
        "FORCE_QUOTE *)");
    ask(scene, "COPY (SELECT answer, id, question FROM read_json('@/pairs.jsonl')) TO '@/pairs.parquet'");
    headsift_score_options whole = {.max_tokens = 200};
    assert_int_equal(score(scene, "pairs.jsonl pairs.csv pairs.parquet", columns, &whole, false), HEADSIFT_UNSCORED);
    assert_string_equal(ask(scene,
                            "SELECT count(*) FROM read_parquet('@/out/part-00000*') a JOIN "
                            "read_parquet('@/out/part-00001*') b USING (row) JOIN "
                            "read_parquet('@/out/part-00002*') c USING (row) WHERE a.id = b.id AND b.id = c.id AND "
                            "a.score IS NOT DISTINCT FROM b.score AND b.score IS NOT DISTINCT FROM c.score AND "
                            "a.steps = b.steps AND b.steps = c.steps"),
                        "240");
}

static void other_columns_or_markers_are_other_settings(void **state) {
    struct scene *scene = *state;
    fresh(scene, "pairs_settings");
    write_text(scene, "pairs.jsonl", "{\"question\":\"a b\",\"answer\":\"c d\",\"text\":\"e f\"}\n");
    headsift_score_options options = {0};
    headsift_inputs swapped = {.prompt = "text", .response = "answer"};
    assert_int_equal(score(scene, "pairs.jsonl", columns, &options, false), HEADSIFT_OK);
    assert_int_equal(score(scene, "pairs.jsonl", columns, &options, false), HEADSIFT_OK);
    assert_int_equal(score(scene, "pairs.jsonl", swapped, &options, false), HEADSIFT_FAILED);
    assert_non_null(strstr(scene->error.message, "prompt was question and is now text"));
    assert_int_equal(simple(scene, "pairs.jsonl"), HEADSIFT_FAILED);
    assert_non_null(strstr(scene->error.message, "text was null and is now text"));
    options.step_marker = ";";
    assert_int_equal(score(scene, "pairs.jsonl", columns, &options, false), HEADSIFT_FAILED);
    assert_non_null(strstr(scene->error.message, "step_marker was \\n\\n and is now ;"));
    assert_int_equal(score(scene, "pairs.jsonl", (headsift_inputs){0}, &options, true), HEADSIFT_USAGE);
    assert_non_null(strstr(scene->error.message, "--step-marker"));
}

static void refuse(struct scene *scene, const char *name, headsift_inputs inputs, const char *wanted) {
    assert_int_equal(score(scene, name, inputs, NULL, false), HEADSIFT_USAGE);
    if (strstr(scene->error.message, wanted) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", scene->error.message, wanted);
    }
}

static void columns_that_are_not_there_are_refused(void **state) {
    struct scene *scene = *state;
    fresh(scene, "pairs_columns");
    write_pairs(scene);
    write_text(scene, "pairs.csv", "question,answer\na,b\n");
    write_text(scene, "plain.txt", "no columns");
    ask(scene, "COPY (SELECT 1 AS question, 'b' AS answer) TO '@/numbers.parquet'");
    static const char *const files[] = {"pairs.jsonl", "pairs.csv", "numbers.parquet"};
    for (size_t i = 0; i < 3; i++) {
        refuse(scene, files[i], (headsift_inputs){.prompt = "nothing", .response = "answer"}, "with --prompt: ");
        refuse(scene, files[i], (headsift_inputs){.prompt = "question", .response = "nothing"}, "with --response: ");
        refuse(scene, files[i], (headsift_inputs){.prompt = "question"}, "--prompt needs --response");
        refuse(scene, files[i], (headsift_inputs){.response = "answer"}, "--response needs --prompt");
        refuse(scene, files[i], (headsift_inputs){.prompt = "answer", .response = "answer"}, "two columns");
    }
    refuse(scene, "numbers.parquet", columns, "column \"question\" holds no text: name another with --prompt");
    refuse(scene, "plain.txt", columns, "plain.txt is plain text and has no columns");
}

static void a_missing_prompt_is_a_bad_record(void **state) {
    struct scene *scene = *state;
    fresh(scene, "pairs_bad");
    write_text(
        scene, "bad.jsonl",
        "{\"question\":\"a b\",\"answer\":\"c d\"}\n{\"answer\":\"c d\"}\n{\"question\":null,\"answer\":\"c d\"}\n"
        "{\"question\":\"a b\",\"answer\":7}\n{\"question\":\"a b\"}\nnot "
        "JSON\n{\"question\":\"a\",\"answer\":\"\"}\n");
    write_text(scene, "bad.csv", "question,answer\na b,c d\na\xFF,c d\na,c\xFF\n");
    ask(scene, "COPY (SELECT * FROM (VALUES ('a b', 'c d'), (NULL, 'c d'), ('a b', NULL)) t(question, answer)) TO "
               "'@/bad.parquet'");
    assert_int_equal(score(scene, "bad.jsonl bad.csv bad.parquet", columns, NULL, false), HEADSIFT_UNSCORED);
    assert_string_equal(ask(scene,
                            "SELECT string_agg(status || ' ' || note || ' ' || len(steps), '; ' ORDER BY row)[:240] "
                            "FROM read_parquet('@/out/part-00000*')"),
                        "ok  1; bad_text no \"question\" 0; bad_text \"question\" is null, not a string 0; bad_text "
                        "\"answer\" is a number, not a string 0; bad_text no \"answer\" 0; bad_text not JSON at byte 3 "
                        "of the line: '[' or '{' expected near 'not' 0; too_short the re");
    assert_string_equal(ask(scene, "SELECT string_agg(status || ' ' || note, '; ' ORDER BY row) FROM "
                                   "read_parquet('@/out/part-00001*')"),
                        "ok ; bad_text broken UTF-8 at byte 1 of \"question\"; bad_text broken UTF-8 at byte 1 of "
                        "\"answer\"");
    assert_string_equal(ask(scene, "SELECT string_agg(status || ' ' || note, '; ' ORDER BY row) FROM "
                                   "read_parquet('@/out/part-00002*')"),
                        "ok ; bad_text \"question\" is null; bad_text \"answer\" is null");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_hold_the_steps),
        cmocka_unit_test(a_stopped_call_ends_with_the_same_bytes),
        cmocka_unit_test(two_ranks_make_what_one_makes),
        cmocka_unit_test(every_format_gives_the_same_rows),
        cmocka_unit_test(other_columns_or_markers_are_other_settings),
        cmocka_unit_test(columns_that_are_not_there_are_refused),
        cmocka_unit_test(a_missing_prompt_is_a_bad_record),
    };
    return cmocka_run_group_tests(tests, scene_set_up, scene_tear_down);
}
