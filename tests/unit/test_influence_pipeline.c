/* Windows: the thread that fills them, batches sorted by length inside them, and what a broken file, a stop, a limit or
 * a giant in the middle does. A text of n characters is n tokens. */
#define _GNU_SOURCE
#include "influence_scene.h"

#include <math.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "influence/pipeline.h"

enum {
    MANY = 1500, /* documents of a file of several windows */
    QUERY = 512
};

/* What write_many writes, compressed. */
static void write_packed(const struct scene *scene, const char *name, size_t n) {
    struct hs_buffer lines = {0};
    char path[2 * PATH];
    path_of(scene, name, path);
    gzFile file = gzopen(path, "wb");
    for (size_t i = 0; i < n; i++) {
        append_record(&lines, i);
    }
    assert_int_equal(gzwrite(file, lines.data, (unsigned)lines.size), lines.size);
    assert_int_equal(gzclose(file), Z_OK);
    hs_buffer_free(&lines);
}

/* Cuts a file short, which the plan is made not to see. */
static void cut_short(const struct scene *scene, const char *name, struct hs_input *input) {
    char path[2 * PATH];
    path_of(scene, name, path);
    assert_int_equal(truncate(path, (off_t)(input->identity.size * 9 / 10)), 0);
    assert_int_equal(hs_file_identity(path, &input->identity, NULL), HEADSIFT_OK);
}

/* A plan over files of the scene, and a pipeline over the plan. */
struct flow {
    headsift_inputs inputs;
    const char *paths[4];
    char room[4][2 * PATH], out[2 * PATH];
    struct hs_scoring scoring;
    struct hs_score_plan plan;
    struct hs_pipeline *pipeline;
};

static void plan_flow(struct scene *scene, struct flow *flow, const char *const *names, size_t n, int64_t limit) {
    *flow = (struct flow){.inputs = {.paths = flow->paths, .n_paths = n, .limit = limit}};
    for (size_t i = 0; i < n; i++) {
        path_of(scene, names[i], flow->room[i]);
        flow->paths[i] = flow->room[i];
    }
    path_of(scene, "out", flow->out);
    headsift_score_options options = {.max_tokens = 4000};
    assert_int_equal(hs_scoring_prepare(scene->model, tiny_heads(), &options, NULL, &flow->scoring, &scene->error),
                     HEADSIFT_OK);
    assert_int_equal(
        hs_plan_make(scene->model, &flow->scoring, &options, &flow->inputs, flow->out, &flow->plan, &scene->error),
        HEADSIFT_OK);
    assert_int_equal(hs_scoring_start(scene->model, &flow->scoring, &scene->error), HEADSIFT_OK);
    assert_int_equal(hs_plan_begin(scene->model, &flow->plan, &scene->error), HEADSIFT_OK);
    assert_int_equal(hs_plan_units(&flow->plan, &flow->inputs, 0, NULL, &scene->error), HEADSIFT_OK);
    hs_plan_share(&flow->plan);
}

static void start_flow(struct scene *scene, struct flow *flow) {
    assert_int_equal(hs_pipeline_start(&flow->plan, &flow->scoring, &flow->inputs, &flow->pipeline, &scene->error),
                     HEADSIFT_OK);
}

static void end_flow(struct flow *flow) {
    hs_pipeline_stop(flow->pipeline);
    assert_int_equal(hs_plan_remove_old(&flow->plan, NULL), HEADSIFT_OK);
    hs_plan_free(&flow->plan);
}

/* What came through a pipeline. */
struct seen {
    size_t windows[4], documents[4];
    headsift_status status;
};

static void check_window(const struct flow *flow, const struct hs_window *window, struct seen *seen) {
    bool first = seen->windows[window->part] == 0;
    (void)flow;
    assert_true(window->pack.n_tokens < (first ? HS_FIRST_PACK_TOKENS : HS_PACK_TOKENS) + 2500);
    assert_true(window->first == first && window->begins == first);
    assert_true(window->share >= 0 && window->share <= 1);
    assert_int_equal(window->n_labels, window->pack.n_rows);
    for (size_t i = 0; i < window->n_labels; i++) {
        assert_int_equal(window->labels[i].row, seen->documents[window->part] + i);
    }
    seen->windows[window->part]++;
    seen->documents[window->part] += window->n_labels;
}

/* Takes and gives back all windows: parts in order, each with an end, rows in order. */
static struct seen take_all(struct scene *scene, struct flow *flow) {
    struct seen seen = {0};
    struct hs_window *window = NULL;
    size_t part = 0;
    bool ended = true;
    scene->error = (headsift_error){0};
    while ((seen.status = hs_pipeline_take(flow->pipeline, &window, &scene->error)) == HEADSIFT_OK && window != NULL) {
        assert_true(ended ? window->part >= part : window->part == part);
        part = window->part + window->last;
        ended = window->last;
        check_window(flow, window, &seen);
        hs_rows_close(window->rows);
        window->rows = NULL;
        hs_pipeline_release(flow->pipeline);
    }
    assert_true(ended || seen.status != HEADSIFT_OK);
    return seen;
}

static void windows_come_in_order_over_all_inputs(void **state) {
    struct scene *scene = *state;
    struct flow flow;
    fresh(scene, "pipeline_order");
    write_many(scene, "a.jsonl", 0, MANY);
    write_text(scene, "b.jsonl", "\n");
    write_many(scene, "c.jsonl", 0, 3);
    plan_flow(scene, &flow, (const char *const[]){"a.jsonl", "b.jsonl", "c.jsonl"}, 3, 0);
    start_flow(scene, &flow);
    struct seen seen = take_all(scene, &flow);
    assert_int_equal(seen.status, HEADSIFT_OK);
    assert_int_equal(seen.documents[0], MANY);
    assert_true(seen.windows[0] >= 3);
    assert_int_equal(seen.documents[1], 0);
    assert_int_equal(seen.windows[1], 1);
    assert_int_equal(seen.documents[2], 3);
    end_flow(&flow);
}

static void a_limit_ends_the_reading(void **state) {
    struct scene *scene = *state;
    struct flow flow;
    fresh(scene, "pipeline_limit");
    static const int64_t limits[] = {1, 299, 300, 301, 599, 600};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        write_many(scene, "a.jsonl", 0, 300);
        write_many(scene, "b.jsonl", 0, 300);
        write_many(scene, "c.jsonl", 0, 3);
        plan_flow(scene, &flow, (const char *const[]){"a.jsonl", "b.jsonl", "c.jsonl"}, 3, limits[i]);
        remove_file(scene, "c.jsonl"); /* to read it would fail */
        start_flow(scene, &flow);
        struct seen seen = take_all(scene, &flow);
        assert_int_equal(seen.status, HEADSIFT_OK);
        assert_int_equal(seen.documents[0] + seen.documents[1], limits[i]);
        assert_int_equal(seen.windows[1] > 0, limits[i] > 300);
        end_flow(&flow);
    }
    plan_flow(scene, &flow, (const char *const[]){"a.jsonl", "b.jsonl"}, 2, 310); /* what is done counts, unread */
    flow.plan.parts[0].done = true;
    flow.plan.parts[0].record.documents = 300;
    start_flow(scene, &flow);
    struct seen seen = take_all(scene, &flow);
    assert_int_equal(seen.windows[0], 0);
    assert_int_equal(seen.documents[1], 10);
    end_flow(&flow);
}

static void the_thread_ends_whatever_it_is_doing(void **state) {
    struct scene *scene = *state;
    struct flow flow;
    struct hs_window *window;
    fresh(scene, "pipeline_quit");
    write_many(scene, "a.jsonl", 0, MANY);
    for (int taken = 0; taken < 4; taken++) {
        plan_flow(scene, &flow, (const char *const[]){"a.jsonl"}, 1, 0);
        start_flow(scene, &flow);
        for (int i = 0; i < taken; i++) {
            assert_int_equal(hs_pipeline_take(flow.pipeline, &window, NULL), HEADSIFT_OK);
            if (i + 1 < taken) { /* the last one stays out */
                hs_rows_close(window->rows);
                window->rows = NULL;
                hs_pipeline_release(flow.pipeline);
            }
        }
        end_flow(&flow);
    }
}

/* How a reader alone gets on with a file: its records, and its error in scene->error. */
static size_t read_alone(struct scene *scene, const struct flow *flow, size_t part) {
    struct hs_reader *reader;
    struct hs_document document;
    bool more = true;
    size_t n = 0;
    assert_int_equal(hs_reader_open(&flow->plan.inputs.items[part], &flow->inputs, false, &reader, NULL), HEADSIFT_OK);
    while (hs_reader_next(reader, &document, &more, &scene->error) == HEADSIFT_OK && more) {
        n++;
    }
    hs_reader_close(reader);
    return n;
}

static void a_broken_file_fails_behind_its_good_windows(void **state) {
    struct scene *scene = *state;
    struct flow flow;
    fresh(scene, "pipeline_broken");
    write_many(scene, "a.jsonl", 0, 3);
    write_packed(scene, "b.jsonl.gz", 2 * MANY);
    plan_flow(scene, &flow, (const char *const[]){"a.jsonl", "b.jsonl.gz"}, 2, 0);
    cut_short(scene, "b.jsonl.gz", &flow.plan.inputs.items[1]);
    size_t readable = read_alone(scene, &flow, 1);
    headsift_error alone = scene->error;
    assert_int_equal(alone.status, HEADSIFT_FAILED);
    start_flow(scene, &flow);
    struct seen seen = take_all(scene, &flow);
    assert_int_equal(seen.status, HEADSIFT_FAILED);
    assert_string_equal(scene->error.message, alone.message);
    assert_int_equal(seen.documents[0], 3);
    assert_true(seen.windows[1] >= 3 && seen.documents[1] <= readable);
    end_flow(&flow);
    for (int again = 0; again < 2; again++) { /* broken from the start: known before any work */
        assert_int_equal(simple(scene, "a.jsonl b.jsonl.gz"), HEADSIFT_FAILED);
        assert_string_equal(scene->error.message, alone.message);
        assert_string_equal(ask(scene, "SELECT count(*) FROM glob('@/out/*.parquet*')"), "0");
    }
}

static void another_number_of_records_is_an_error(void **state) {
    struct scene *scene = *state;
    struct flow flow;
    fresh(scene, "pipeline_count");
    for (int more = -1; more <= 1; more += 2) {
        write_many(scene, "a.jsonl", 0, 30);
        plan_flow(scene, &flow, (const char *const[]){"a.jsonl"}, 1, 0);
        flow.plan.parts[0].range.rows += more;
        start_flow(scene, &flow);
        struct seen seen = take_all(scene, &flow);
        if (more > 0) {
            assert_int_equal(seen.status, HEADSIFT_FAILED);
            assert_non_null(strstr(scene->error.message, "a.jsonl ends at record 30"));
        } else {
            assert_int_equal(seen.documents[0], 29); /* a range ends where it says */
        }
        end_flow(&flow);
    }
}

static void a_file_that_vanishes_fails_when_its_turn_comes(void **state) {
    struct scene *scene = *state;
    struct flow flow;
    fresh(scene, "pipeline_gone");
    write_many(scene, "a.jsonl", 0, 30);
    write_many(scene, "b.jsonl", 0, 30);
    plan_flow(scene, &flow, (const char *const[]){"a.jsonl", "b.jsonl"}, 2, 0);
    remove_file(scene, "b.jsonl");
    start_flow(scene, &flow);
    struct seen seen = take_all(scene, &flow);
    assert_int_equal(seen.status, HEADSIFT_FAILED);
    assert_non_null(strstr(scene->error.message, "b.jsonl"));
    assert_int_equal(seen.documents[0], 30);
    end_flow(&flow);
}

/* A row of the output beside the same text scored alone. */
static void check_row(const struct scene *scene, size_t i) {
    char text[4096], query[QUERY];
    text_of(i, text);
    headsift_score_options options = {.max_tokens = 4000};
    headsift_score alone = tiny_score(scene->model, &options, text, length_of(i));
    snprintf(query, sizeof query,
             "SELECT id = 'd%zu' AND domain = 'm%zu' AND status = '%s' AND abs(loss_base / %.17g - 1) < 1e-6 AND "
             "abs(loss_ref / %.17g - 1) < 1e-6 FROM '@/out/part-00000-00000-a.parquet' WHERE row = %zu",
             i, i % 3, alone.status, alone.loss_base, alone.loss_ref, i);
    assert_string_equal(ask(scene, query), "true");
}

static void rows_stand_in_the_order_of_the_records(void **state) {
    struct scene *scene = *state;
    fresh(scene, "pipeline_rows");
    write_many(scene, "a.jsonl", 0, MANY);
    headsift_score_options options = {.max_tokens = 4000};
    assert_int_equal(score(scene, "a.jsonl", (headsift_inputs){0}, &options, false), HEADSIFT_UNSCORED);
    assert_int_equal(scene->summary.documents, MANY);
    assert_int_equal(scene->summary.unscored, 1);
    assert_int_equal(scene->last.documents, MANY);
    assert_int_equal(scene->last.tokens, scene->summary.tokens);
    assert_true(scene->calls > 10); /* a call a batch */
    assert_string_equal(ask(scene, "SELECT bool_and(row = file_row_number AND n_bytes = n_tokens AND n_tokens = "
                                   "CASE WHEN row % 400 = 399 THEN 2500 ELSE row * 37 % 90 + 2 END) FROM "
                                   "read_parquet('@/out/part-00000-00000-a.parquet', file_row_number = true)"),
                        "true");
    assert_string_equal(ask(scene,
                            "SELECT string_agg(row || status, ' ') FROM '@/out/part-00000-00000-a.parquet' WHERE "
                            "score IS NULL"),
                        "700failed");
    static const size_t rows[] = {0, 1, 398, 399, 699, 701, 1199, MANY - 1};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_row(scene, rows[i]);
    }
}

static void a_stop_is_answered_between_two_batches(void **state) {
    struct scene *scene = *state;
    fresh(scene, "pipeline_stop");
    write_many(scene, "a.jsonl", 0, 30);
    write_many(scene, "b.jsonl", 0, MANY);
    scene->stop_after = 30 + 200; /* in the second window of the second file */
    assert_int_equal(simple(scene, "a.jsonl b.jsonl"), HEADSIFT_STOPPED);
    scene->stop_after = 0;
    scene->stop = 0;
    /* The call that asked was the last one, in the middle of a window of some 700 documents. */
    assert_true(scene->last.documents >= 230 && scene->last.documents < 330);
    assert_int_equal(scene->summary.documents, 30);
    assert_true(scene->first.documents == 0 && scene->first.share <= 0);
    assert_string_equal(ask(scene, "SELECT count(*) FROM glob('@/out/*.parquet*')"), "1");
    assert_int_equal(simple(scene, "a.jsonl b.jsonl"), HEADSIFT_UNSCORED);
    assert_true(scene->first.documents == 0 && scene->first.share > 0); /* time left is counted from what was done */
    struct hs_buffer b = bytes_of(scene, "out/part-00001-00000-b.parquet");
    assert_int_equal(score(scene, "a.jsonl b.jsonl", (headsift_inputs){0}, NULL, true), HEADSIFT_UNSCORED);
    assert_same_bytes(scene, "out/part-00001-00000-b.parquet", &b);
}

static void duplicates_are_counted_over_windows_and_inputs(void **state) {
    struct scene *scene = *state;
    fresh(scene, "pipeline_ids");
    write_many(scene, "a.jsonl", 0, 690);
    write_many(scene, "b.jsonl", 600, 95); /* 90 of them again */
    assert_int_equal(simple(scene, "a.jsonl b.jsonl"), HEADSIFT_OK);
    assert_int_equal(scene->summary.duplicate_ids, 90);
}

static void a_giant_passes_and_its_memory_goes(void **state) {
    struct scene *scene = *state;
    enum { GIANT = 3 << 20 };
    struct hs_buffer lines = {0};
    fresh(scene, "pipeline_giant");
    append_record(&lines, 0);
    assert_true(hs_buffer_printf(&lines, "{\"id\":\"giant\",\"text\":\""));
    for (size_t i = 0; i < GIANT / 8; i++) {
        hs_buffer_append(&lines, " letters", 8);
    }
    hs_buffer_printf(&lines, "\"}\n");
    append_record(&lines, 2);
    write_text(scene, "a.jsonl", lines.data);
    hs_buffer_free(&lines);
    struct flow flow;
    struct hs_window *window;
    plan_flow(scene, &flow, (const char *const[]){"a.jsonl"}, 1, 0);
    start_flow(scene, &flow);
    assert_int_equal(hs_pipeline_take(flow.pipeline, &window, NULL), HEADSIFT_OK);
    assert_int_equal(window->pack.rows[1].n_tokens, GIANT);
    assert_true(window->pack.encoding.capacity < GIANT && window->pack.tokens_capacity < GIANT);
    end_flow(&flow);
    headsift_score_options chunks = {.max_tokens = 4000, .long_documents = HEADSIFT_LONG_CHUNK};
    hs_scoring_prepare(scene->model, tiny_heads(), &chunks, NULL, &flow.scoring, NULL);
    struct hs_pack pack = {0};
    char *text = hs_alloc(GIANT, 1);
    memset(text, ' ', GIANT);
    assert_int_equal(hs_pack_add(&flow.scoring, &pack, text, GIANT, NULL), HEADSIFT_OK);
    assert_true(pack.tokens_capacity >= GIANT);
    hs_pack_clear(&pack);
    assert_int_equal(pack.tokens_capacity, 0);
    hs_free(text);
    hs_pack_free(&pack);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_come_in_order_over_all_inputs),
        cmocka_unit_test(a_limit_ends_the_reading),
        cmocka_unit_test(the_thread_ends_whatever_it_is_doing),
        cmocka_unit_test(a_broken_file_fails_behind_its_good_windows),
        cmocka_unit_test(another_number_of_records_is_an_error),
        cmocka_unit_test(a_file_that_vanishes_fails_when_its_turn_comes),
        cmocka_unit_test(rows_stand_in_the_order_of_the_records),
        cmocka_unit_test(a_stop_is_answered_between_two_batches),
        cmocka_unit_test(duplicates_are_counted_over_windows_and_inputs),
        cmocka_unit_test(a_giant_passes_and_its_memory_goes),
    };
    return cmocka_run_group_tests(tests, scene_set_up, scene_tear_down);
}
