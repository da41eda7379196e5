/* Packs and windows: which texts share a batch, and what ends a window: tokens, the model's work, documents, labels.
 * A text of n characters is n tokens. */
#define _GNU_SOURCE
#include "influence_scene.h"

#include <string.h>

#include "influence/pipeline.h"

/* Shares of a pack's tokens as its batches end. */
struct shares {
    double of[8];
    size_t n;
};

static void note_share(void *user, double share) {
    struct shares *shares = user;
    assert_true(shares->n < 8);
    shares->of[shares->n++] = share;
}

/* A batch holds 2,048 tokens or more: the two giants go first and alone, the others together behind them. */
static void long_texts_go_first_and_alone(void **state) {
    struct scene *scene = *state;
    static const size_t lengths[] = {10, 2500, 900, 3000, 20, 1000};
    enum { N = sizeof lengths / sizeof *lengths };
    struct hs_scoring scoring;
    struct shares shares = {.n = 0};
    struct hs_pack_watch watch = {note_share, &shares};
    struct hs_pack pack = {0};
    char text[3000];
    headsift_score_options options = {.max_tokens = 4000};
    memset(text, 'b', sizeof text);
    hs_scoring_prepare(scene->model, tiny_heads(), &options, NULL, &scoring, NULL);
    assert_int_equal(hs_scoring_start(scene->model, &scoring, NULL), HEADSIFT_OK);
    scoring.batch_tokens = 2048;
    scoring.watch = &watch;
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(hs_pack_add(&scoring, &pack, text, lengths[i], NULL), HEADSIFT_OK);
    }
    const double tokens = (double)pack.n_tokens;
    assert_int_equal(hs_pack_score(&scoring, &pack, NULL), HEADSIFT_OK);
    assert_int_equal(shares.n, 2); /* nobody is told of the last */
    assert_true(shares.of[0] >= 3000 / tokens && shares.of[0] < 3002 / tokens);
    assert_true(shares.of[1] >= 5500 / tokens && shares.of[1] < 5504 / tokens);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(pack.rows[i].n_bytes, lengths[i]);
        assert_true(hs_row_scored(&pack.rows[i]));
    }
    hs_pack_free(&pack);
}

/* What a pack is weighed with is at least what the engine says it did, which shares some of it between the streams. */
static void work_is_about_what_the_engine_counts(void **state) {
    struct scene *scene = *state;
    struct hs_scoring scoring;
    struct hs_pack pack = {0};
    struct hs_stage_cost before[HS_STAGES], after[HS_STAGES];
    static const size_t lengths[] = {40, 2500};
    char text[4096];
    double counted = 0;
    headsift_score_options options = {.max_tokens = 4000};
    assert_int_equal(hs_scoring_prepare(scene->model, tiny_heads(), &options, NULL, &scoring, NULL), HEADSIFT_OK);
    assert_int_equal(hs_scoring_start(scene->model, &scoring, NULL), HEADSIFT_OK);
    for (size_t i = 0; i < 2; i++) {
        memset(text, 'c', lengths[i]);
        assert_int_equal(hs_pack_add(&scoring, &pack, text, lengths[i], NULL), HEADSIFT_OK);
    }
    hs_engine_costs(scoring.engine, before);
    assert_int_equal(hs_pack_score(&scoring, &pack, NULL), HEADSIFT_OK);
    hs_engine_costs(scoring.engine, after);
    for (size_t i = 0; i < HS_STAGES; i++) {
        counted += 2 * (after[i].multiply_adds - before[i].multiply_adds);
    }
    assert_true(pack.work >= counted && pack.work < 1.5 * counted);
    hs_pack_clear(&pack);
    assert_true(pack.work <= 0);
    hs_pack_free(&pack);
}

/* Texts of 100 tokens for a model that takes so much work a token: how many fill a window. */
static size_t fill_by_work(double token_work, bool first) {
    struct hs_window window = {.first = first};
    struct hs_pack *pack = &window.pack;
    size_t n = 0;
    for (; !hs_window_full(&window); n++) {
        pack->n_tokens += 100;
        pack->n_rows++;
        pack->work += 100 * token_work;
    }
    return n;
}

static void work_ends_a_window(void **state) {
    (void)state;
    assert_int_equal(fill_by_work(0, false), 328);     /* 32,768 tokens */
    assert_int_equal(fill_by_work(1.5e9, false), 100); /* 15 TFLOP */
    assert_int_equal(fill_by_work(1e15, false), 21);   /* 2,048 tokens at least */
    assert_int_equal(fill_by_work(0, true), 21);
}

static void large_labels_end_a_window(void **state) {
    struct scene *scene = *state;
    struct hs_window window = {0};
    struct hs_scoring scoring = {.batch_tokens = 2048};
    char *id = hs_alloc(HS_WINDOW_LABEL_BYTES, 1);
    memset(id, 'i', HS_WINDOW_LABEL_BYTES);
    struct hs_document document = {
        .id = id, .id_size = HS_WINDOW_LABEL_BYTES / 4, .domain = "", .bad = true, .note = "no text"};
    size_t n = 0;
    for (; !hs_window_full(&window); n++) {
        assert_int_equal(hs_window_add(&window, &scoring, &document, &scene->error), HEADSIFT_OK);
    }
    assert_int_equal(n, 4);
    hs_window_clear(&window);
    document = (struct hs_document){.domain = "", .bad = true, .note = "no text"};
    for (n = 0; !hs_window_full(&window); n++) {
        assert_int_equal(hs_window_add(&window, &scoring, &document, &scene->error), HEADSIFT_OK);
    }
    assert_int_equal(n, HS_PACK_DOCUMENTS);
    hs_window_free(&window);
    hs_free(id);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_texts_go_first_and_alone),
        cmocka_unit_test(work_is_about_what_the_engine_counts),
        cmocka_unit_test(work_ends_a_window),
        cmocka_unit_test(large_labels_end_a_window),
    };
    return cmocka_run_group_tests(tests, scene_set_up, scene_tear_down);
}
