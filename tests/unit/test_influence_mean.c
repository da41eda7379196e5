/* Scores under a mask of means: what the means are taken over, what the settings say of it, what is refused.
 * That such a mask does to losses what it should is for tests/golden/test_states_golden.c. */
#include "influence_scene.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "influence/scoring.h"

/* Letters that the tokenizer has. */
static void letters(char *out, size_t n, unsigned seed) {
    for (size_t i = 0; i < n; i++) {
        out[i] = (char)('a' + (i * i + seed * i + i / 7) % 25);
    }
    out[n] = '\0';
}

static headsift_score_options mean_of(const struct scene *scene, const char *name, char path[2 * PATH]) {
    path_of(scene, name, path);
    return (headsift_score_options){.mask = HEADSIFT_MASK_MEAN, .calibration = path};
}

/* 600 letters are three pieces: the model's context is 256, and each piece has a BOS of its own. */
static void means_are_over_pieces_of_the_calibration(void **state) {
    enum { LETTERS = 600, PIECES = 3, CONTEXT = 256, DIM = 8 };
    struct scene *scene = *state;
    char text[LETTERS + 1], path[2 * PATH];
    int32_t tokens[LETTERS + PIECES], document[101] = {1};
    int64_t offsets[PIECES + 1] = {0}, ends[] = {0, 101};
    size_t at = 0;
    fresh(scene, "influence_pieces");
    letters(text, LETTERS, 5);
    write_text(scene, "calibration.txt", text);
    for (size_t i = 0; i < LETTERS; i++) {
        if (i % (CONTEXT - 1) == 0) {
            offsets[i / (CONTEXT - 1)] = (int64_t)at;
            tokens[at++] = 1;
        }
        tokens[at++] = text[i] - '!' + 3;
    }
    offsets[PIECES] = (int64_t)at;
    assert_int_equal(at, LETTERS + PIECES);
    headsift_model *model = tiny_scorer(true);
    struct hs_engine *engine;
    struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = PIECES};
    float means[2 * DIM];
    const headsift_heads *heads = tiny_heads();
    assert_int_equal(hs_scorer_engine(model, &engine, NULL), HEADSIFT_OK);
    assert_int_equal(hs_engine_mean_outputs(engine, &batch, heads->heads, heads->n_heads, means, NULL), HEADSIFT_OK);
    struct hs_mask mask = {
        .kind = HEADSIFT_MASK_MEAN, .heads = heads->heads, .n_heads = heads->n_heads, .means = means};
    double nll[101], sum = 0;
    letters(text, 100, 9);
    for (int i = 1; i < 101; i++) {
        document[i] = text[i - 1] - '!' + 3;
    }
    batch = (struct hs_batch){.tokens = document, .offsets = ends, .n_documents = 1};
    assert_int_equal(hs_engine_nll(engine, &batch, &mask, 1, nll, NULL), HEADSIFT_OK);
    for (int i = 1; i < 101; i++) {
        sum += nll[i];
    }
    headsift_score_options options = mean_of(scene, "calibration.txt", path), zero = {.mask = HEADSIFT_MASK_ZERO};
    headsift_score row = tiny_score(model, &options, text, 100), other = tiny_score(model, &zero, text, 100);
    assert_int_equal(row.n_scored, 100);
    assert_true(fabs(row.loss_ref - sum / 100) < 1e-6);
    assert_true(fabs(row.loss_ref - other.loss_ref) > 1e-4);
    headsift_model_close(model);
}

/* Heads of several masks in one call get what they get alone. */
static void heads_of_several_masks_share_a_pass(void **state) {
    enum { DIM = 8 };
    struct scene *scene = *state;
    char text[301], path[2 * PATH];
    fresh(scene, "influence_share");
    letters(text, 300, 3);
    write_text(scene, "calibration.txt", text);
    path_of(scene, "calibration.txt", path);
    const headsift_head all[] = {{2, 0}, {0, 1}, {2, 0}};
    struct hs_calibration calibration;
    float *together, *alone;
    assert_int_equal(hs_calibration_read(path, &calibration, NULL), HEADSIFT_OK);
    assert_int_equal(hs_calibration_means(scene->model, &calibration, all, 3, &together, NULL), HEADSIFT_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hs_calibration_means(scene->model, &calibration, &all[i], 1, &alone, NULL), HEADSIFT_OK);
        assert_memory_equal(together + i * DIM, alone, DIM * sizeof *alone);
        hs_free(alone);
    }
    hs_free(together);
    hs_calibration_free(&calibration);
}

static void the_built_in_calibration_is_known_by_its_hash(void **state) {
    (void)state;
    struct hs_calibration calibration;
    assert_int_equal(hs_calibration_read(NULL, &calibration, NULL), HEADSIFT_OK);
    assert_true(hs_calibration_is_built_in(calibration.sha256));
    calibration.sha256[0] ^= 1;
    assert_false(hs_calibration_is_built_in(calibration.sha256));
    assert_false(hs_calibration_is_built_in(""));
    hs_calibration_free(&calibration);
}

static void another_calibration_is_refused(void **state) {
    struct scene *scene = *state;
    char path[2 * PATH], text[201];
    headsift_inputs none = {0};
    fresh(scene, "influence_mean");
    write_text(scene, "a.jsonl", "{\"text\":\"a text of letters, some of them\"}\n{\"text\":\"and one more text\"}\n");
    letters(text, 200, 1);
    write_text(scene, "one.txt", text);
    write_text(scene, "moved.txt", text);
    letters(text, 200, 2);
    write_text(scene, "two.txt", text);
    headsift_score_options mean = mean_of(scene, "one.txt", path), uniform = {0};
    assert_int_equal(score(scene, "a.jsonl", none, &mean, false), HEADSIFT_OK);
    assert_string_equal(ask(scene, "SELECT count(*) FROM parquet_kv_metadata('@/out/part-00000-00000-a.parquet') m, "
                                   "read_blob('@/one.txt') t WHERE (m.key::VARCHAR, m.value::VARCHAR) IN "
                                   "(('headsift.mask', 'mean'), ('headsift.calibration_sha256', sha256(t.content)))"),
                        "2");
    struct hs_buffer before = bytes_of(scene, "out/part-00000-00000-a.parquet");
    mean = mean_of(scene, "two.txt", path);
    assert_int_equal(score(scene, "a.jsonl", none, &mean, false), HEADSIFT_FAILED);
    assert_non_null(strstr(scene->error.message, "calibration_sha256 was "));
    assert_int_equal(score(scene, "a.jsonl", none, &uniform, false), HEADSIFT_FAILED);
    assert_non_null(strstr(scene->error.message, "mask was mean and is now uniform"));
    remove_file(scene, "out/part-00000-00000-a.parquet");
    mean = mean_of(scene, "moved.txt", path); /* its text is the same */
    assert_int_equal(score(scene, "a.jsonl", none, &mean, false), HEADSIFT_OK);
    assert_same_bytes(scene, "out/part-00000-00000-a.parquet", &before);
}

/* Nothing is said of a calibration where there is none, and folders of other masks stay as they are. */
static void other_masks_have_no_calibration(void **state) {
    struct scene *scene = *state;
    char path[2 * PATH];
    fresh(scene, "influence_none");
    write_text(scene, "a.jsonl", "{\"text\":\"a text of letters, some of them\"}\n");
    write_text(scene, "one.txt", "some letters");
    headsift_score_options zero = mean_of(scene, "one.txt", path);
    zero.mask = HEADSIFT_MASK_ZERO;
    assert_int_equal(score(scene, "a.jsonl", (headsift_inputs){0}, &zero, false), HEADSIFT_USAGE);
    assert_non_null(strstr(scene->error.message, "--calibration is for --mask mean; the mask is zero"));
    zero.calibration = NULL;
    assert_int_equal(score(scene, "a.jsonl", (headsift_inputs){0}, &zero, false), HEADSIFT_OK);
    assert_string_equal(ask(scene, "SELECT count(*) FROM parquet_kv_metadata('@/out/part-00000-00000-a.parquet') "
                                   "WHERE key::VARCHAR LIKE '%calibration%'"),
                        "0");
}

static void what_is_no_text_is_refused(void **state) {
    struct scene *scene = *state;
    static const struct {
        const char *name, *text, *message;
        headsift_status status;
    } cases[] = {{"missing.txt", NULL, "can't open", HEADSIFT_FAILED},
                 {"empty.txt", "", "empty.txt is empty", HEADSIFT_FAILED},
                 {"latin.txt", "caf\xE9", "latin.txt is not UTF-8 at byte 3", HEADSIFT_FAILED}};
    char path[2 * PATH];
    fresh(scene, "influence_no_text");
    write_text(scene, "a.jsonl", "{\"text\":\"a text of letters, some of them\"}\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].text != NULL) {
            write_text(scene, cases[i].name, cases[i].text);
        }
        headsift_score_options options = mean_of(scene, cases[i].name, path);
        assert_int_equal(score(scene, "a.jsonl", (headsift_inputs){0}, &options, false), cases[i].status);
        assert_non_null(strstr(scene->error.message, cases[i].message));
    }
    char *large = hs_alloc(HS_CALIBRATION_BYTES + 2, 1);
    memset(large, 'a', HS_CALIBRATION_BYTES + 1);
    write_text(scene, "large.txt", large);
    hs_free(large);
    headsift_score_options options = mean_of(scene, "large.txt", path);
    assert_int_equal(score(scene, "a.jsonl", (headsift_inputs){0}, &options, false), HEADSIFT_FAILED);
    assert_non_null(strstr(scene->error.message, "large.txt: more than 4194304 bytes"));
    options.calibration = "-";
    assert_int_equal(score(scene, "a.jsonl", (headsift_inputs){0}, &options, false), HEADSIFT_USAGE);
    path_of(scene, "out", path);
    assert_false(hs_is_directory(path)); /* before any work */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_are_over_pieces_of_the_calibration),
        cmocka_unit_test(heads_of_several_masks_share_a_pass),
        cmocka_unit_test(the_built_in_calibration_is_known_by_its_hash),
        cmocka_unit_test(another_calibration_is_refused),
        cmocka_unit_test(other_masks_have_no_calibration),
        cmocka_unit_test(what_is_no_text_is_refused),
    };
    return cmocka_run_group_tests(tests, scene_set_up, scene_tear_down);
}
