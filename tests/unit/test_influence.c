/* Documents to score rows on a tiny model: what counts, pieces, packing, failures, the check of the mask.
 * A text of n characters is n tokens here, so that every count can be read off the test. */
#include "influence_support.h"

#include <math.h>
#include <string.h>

#include "influence/scoring.h"

enum { LONG = 60 };

static const char sentence[] = "the boats came in before dawn and the men were counting crates";

static int set_up(void **state) {
    static headsift_model *models[2];
    models[0] = tiny_scorer(false);
    models[1] = tiny_scorer(true);
    *state = models;
    return 0;
}

static int tear_down(void **state) {
    headsift_model **models = *state;
    headsift_model_close(models[0]);
    headsift_model_close(models[1]);
    return 0;
}

static headsift_model *plain(void **state) { return ((headsift_model **)*state)[0]; }
static headsift_model *with_bos(void **state) { return ((headsift_model **)*state)[1]; }

static void assert_close(double value, double wanted, double relative) {
    if (!(fabs(value - wanted) <= relative * fabs(wanted))) {
        fail_msg("%.17g, wanted %.17g", value, wanted);
    }
}

static void counts_without_a_bos(void **state) {
    headsift_score row = tiny_score(plain(state), NULL, "hello", 5);
    assert_string_equal(row.status, "ok");
    assert_string_equal(row.note, "");
    assert_int_equal(row.n_bytes, 5);
    assert_int_equal(row.n_bytes_scored, 4); /* nothing predicts the first token */
    assert_int_equal(row.n_tokens, 5);
    assert_int_equal(row.n_scored, 4);
}

static void a_bos_makes_the_first_token_count(void **state) {
    headsift_score row = tiny_score(with_bos(state), NULL, "hello", 5);
    assert_int_equal(row.n_tokens, 5);
    assert_int_equal(row.n_scored, 5);
    assert_int_equal(row.n_bytes_scored, 5);
    headsift_score letter = tiny_score(with_bos(state), NULL, "h", 1);
    assert_string_equal(letter.status, "ok");
    assert_int_equal(letter.n_scored, 1);
}

static void a_spelled_bos_gets_no_second_one(void **state) {
    headsift_score spelled = tiny_score(with_bos(state), NULL, "<s>hello", 8);
    headsift_score added = tiny_score(with_bos(state), NULL, "hello", 5);
    assert_int_equal(spelled.n_tokens, 6);
    assert_int_equal(spelled.n_scored, 5);
    assert_int_equal(spelled.n_bytes_scored, 5);
    assert_true(spelled.loss_base == added.loss_base);
    headsift_score_options as_text = {.special_as_text = true};
    headsift_score text = tiny_score(with_bos(state), &as_text, "<s>hello", 8);
    assert_int_equal(text.n_tokens, 8);
    assert_int_equal(text.n_scored, 8);
}

/* The mean of the engine's own losses, in double, over all but the first token. */
static double direct_loss(headsift_model *model, const char *text, bool masked) {
    struct hs_encoding encoding = {0};
    struct hs_engine *engine;
    double nll[256], sum = 0;
    assert_int_equal(
        hs_encode(model->tokenizer, text, strlen(text), HS_ENCODE_SPECIAL | HS_ENCODE_BOS, &encoding, NULL),
        HEADSIFT_OK);
    assert_int_equal(hs_scorer_engine(model, &engine, NULL), HEADSIFT_OK);
    int64_t offsets[] = {0, (int64_t)encoding.n};
    struct hs_batch batch = {.tokens = encoding.ids, .offsets = offsets, .n_documents = 1};
    struct hs_mask mask = {
        .kind = HEADSIFT_MASK_UNIFORM, .heads = tiny_heads()->heads, .n_heads = masked ? tiny_heads()->n_heads : 0};
    assert_int_equal(hs_engine_nll(engine, &batch, &mask, 1, nll, NULL), HEADSIFT_OK);
    for (size_t i = 1; i < encoding.n; i++) {
        sum += nll[i];
    }
    double mean = sum / (double)(encoding.n - 1);
    hs_encoding_free(&encoding);
    return mean;
}

static void the_score_is_the_relative_rise_of_the_mean_loss(void **state) {
    headsift_model *models[] = {plain(state), with_bos(state)};
    for (size_t i = 0; i < 2; i++) {
        headsift_score row = tiny_score(models[i], NULL, sentence, LONG);
        char text[LONG + 1];
        snprintf(text, sizeof text, "%.*s", LONG, sentence);
        double base = direct_loss(models[i], text, false), ref = direct_loss(models[i], text, true);
        assert_close(row.loss_base, base, 1e-12);
        assert_close(row.loss_ref, ref, 1e-12);
        assert_close(row.score, (ref - base) / base, 1e-9);
        assert_true(row.loss_base != row.loss_ref);
    }
}

static void truncation_scores_the_beginning(void **state) {
    headsift_score_options options = {.max_tokens = 21};
    headsift_model *models[] = {plain(state), with_bos(state)};
    for (size_t i = 0; i < 2; i++) {
        int kept = i == 0 ? 21 : 20; /* positions include the BOS */
        headsift_score row = tiny_score(models[i], &options, sentence, LONG);
        headsift_score beginning = tiny_score(models[i], NULL, sentence, (size_t)kept);
        assert_string_equal(row.status, "truncated");
        assert_int_equal(row.n_tokens, LONG);
        assert_int_equal(row.n_bytes, LONG);
        assert_int_equal(row.n_bytes_scored, row.n_scored);
        assert_int_equal(row.n_scored, beginning.n_scored);
        assert_true(row.loss_base == beginning.loss_base && row.score == beginning.score);
        headsift_score exact = tiny_score(models[i], &options, sentence, (size_t)kept);
        assert_string_equal(exact.status, "ok");
    }
}

static void chunks_are_scored_apart_and_averaged_by_tokens(void **state) {
    headsift_score_options options = {.max_tokens = 21, .long_documents = HEADSIFT_LONG_CHUNK};
    headsift_model *models[] = {plain(state), with_bos(state)};
    for (size_t i = 0; i < 2; i++) {
        size_t run = i == 0 ? 21 : 20;
        headsift_score row = tiny_score(models[i], &options, sentence, LONG);
        double base = 0, ref = 0;
        int32_t scored = 0;
        for (size_t at = 0; at < LONG; at += run) {
            headsift_score chunk = tiny_score(models[i], NULL, sentence + at, LONG - at < run ? LONG - at : run);
            base += chunk.loss_base * chunk.n_scored;
            ref += chunk.loss_ref * chunk.n_scored;
            scored += chunk.n_scored;
        }
        assert_string_equal(row.status, "chunked");
        assert_int_equal(row.n_scored, scored);
        assert_int_equal(row.n_bytes_scored, scored);
        assert_close(row.loss_base, base / scored, 1e-6);
        assert_close(row.loss_ref, ref / scored, 1e-6);
    }
}

static void a_last_chunk_with_nothing_to_predict_is_left_out(void **state) {
    headsift_score_options options = {.max_tokens = 20, .long_documents = HEADSIFT_LONG_CHUNK};
    headsift_score row = tiny_score(plain(state), &options, sentence, 41);
    assert_string_equal(row.status, "chunked");
    assert_int_equal(row.n_tokens, 41);
    assert_int_equal(row.n_scored, 38);
    assert_int_equal(row.n_bytes_scored, 38);
}

static void texts_without_a_score_say_why(void **state) {
    static const struct {
        const char *text;
        size_t size;
        const char *status;
    } cases[] = {{"", 0, "too_short"}, {"a", 1, "too_short"}, {"ab\xFF", 3, "bad_text"}, {"ab\xE2\x82", 4, "bad_text"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        headsift_score row = tiny_score(plain(state), NULL, cases[i].text, cases[i].size);
        assert_string_equal(row.status, cases[i].status);
        assert_true(row.note[0] != '\0');
        assert_int_equal(row.n_bytes, cases[i].size);
        assert_int_equal(row.n_scored, 0);
        assert_true(isnan(row.score) && isnan(row.loss_base) && isnan(row.loss_ref));
    }
    headsift_score row = tiny_score(with_bos(state), NULL, "", 0);
    assert_string_equal(row.status, "too_short");
}

static void a_failing_document_takes_only_its_own_row(void **state) {
    const char *texts[] = {"good one", "a z in it", "good too"};
    size_t sizes[] = {8, 9, 8};
    headsift_score rows[3];
    headsift_error error = {0};
    headsift_status status = headsift_score_texts(plain(state), tiny_heads(), NULL, texts, sizes, 3, rows, &error);
    assert_int_equal(status, HEADSIFT_UNSCORED);
    assert_string_equal(rows[0].status, "ok");
    assert_string_equal(rows[1].status, "failed");
    assert_non_null(strstr(rows[1].note, "128")); /* the engine names the token */
    assert_string_equal(rows[2].status, "ok");
    assert_close(rows[2].loss_base, tiny_score(plain(state), NULL, "good too", 8).loss_base, 1e-6);
}

enum { MANY = 300 };

/* Texts of many lengths: 1 to 3000 bytes of letters that the tokenizer has. */
static void make_texts(const char *texts[MANY], size_t sizes[MANY], char *room) {
    for (int i = 0; i < MANY; i++) {
        sizes[i] = i % 50 == 49 ? 3000 : (size_t)(i * 7 % 90) + 2;
        for (size_t at = 0; at < sizes[i]; at++) {
            room[at] = (char)('a' + (int)(at * at + (size_t)i * 31 + at / 7) % 25);
        }
        texts[i] = room;
        room += sizes[i];
    }
}

static void a_document_is_the_same_alone_in_any_pack_and_in_any_order(void **state) {
    static char room[MANY * 3000];
    const char *texts[MANY], *reversed[MANY];
    size_t sizes[MANY], reversed_sizes[MANY];
    static headsift_score rows[MANY], reversed_rows[MANY];
    make_texts(texts, sizes, room);
    for (int i = 0; i < MANY; i++) {
        reversed[i] = texts[MANY - 1 - i];
        reversed_sizes[i] = sizes[MANY - 1 - i];
    }
    headsift_score_options options = {.max_tokens = 4000};
    assert_int_equal(headsift_score_texts(plain(state), tiny_heads(), &options, texts, sizes, MANY, rows, NULL), 0);
    assert_int_equal(
        headsift_score_texts(plain(state), tiny_heads(), &options, reversed, reversed_sizes, MANY, reversed_rows, NULL),
        0);
    for (int i = 0; i < MANY; i++) {
        assert_close(reversed_rows[MANY - 1 - i].loss_base, rows[i].loss_base, 1e-6);
        assert_close(reversed_rows[MANY - 1 - i].loss_ref, rows[i].loss_ref, 1e-6);
        if (i % 7 != 0) {
            continue;
        }
        headsift_score alone = tiny_score(plain(state), &options, texts[i], sizes[i]);
        assert_close(alone.loss_base, rows[i].loss_base, 1e-6);
        assert_close(alone.loss_ref, rows[i].loss_ref, 1e-6);
        assert_int_equal(alone.n_scored, rows[i].n_scored);
    }
}

static void nothing_to_attend_to_means_no_influence(void **state) {
    headsift_model *models[] = {plain(state), with_bos(state)};
    char same[40];
    memset(same, 'q', sizeof same);
    headsift_score two = tiny_score(models[0], NULL, "hi", 2);
    assert_true(fabs(two.score) <= 1e-6);
    headsift_score first = tiny_score(models[1], NULL, "h", 1);
    assert_true(fabs(first.score) <= 1e-6);
    headsift_score repeated = tiny_score(models[0], NULL, same, 10);
    assert_true(fabs(repeated.score) <= 1e-6);
}

static void losses_that_are_no_numbers_give_no_score(void **state) {
    (void)state;
    static const struct {
        double base, ref;
        const char *part;
    } cases[] = {{NAN, 4, "base"}, {INFINITY, 4, "base"}, {4, NAN, "masked"}, {4, INFINITY, "masked"}, {0, 4, "0"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        headsift_score row = {.n_scored = 2, .score = NAN, .status = "ok"};
        hs_row_finish(&row, &(struct hs_loss_sums){cases[i].base, cases[i].ref});
        assert_string_equal(row.status, "failed");
        assert_non_null(strstr(row.note, cases[i].part));
        assert_true(isnan(row.score));
        assert_false(isinf(row.loss_base) || isinf(row.loss_ref));
    }
    headsift_score row = {.n_scored = 2, .score = NAN, .status = "truncated"};
    hs_row_finish(&row, &(struct hs_loss_sums){4, 5});
    assert_string_equal(row.status, "truncated");
    assert_true(row.score == 0.25 && row.loss_base == 2 && row.loss_ref == 2.5);
}

static void a_mask_that_does_nothing_is_an_error(void **state) {
    struct hs_scoring scoring;
    struct hs_pack pack = {0};
    struct hs_mask_check check = {0};
    headsift_error error = {0};
    assert_int_equal(hs_scoring_prepare(plain(state), NULL, NULL, NULL, &scoring, &error), HEADSIFT_OK);
    assert_int_equal(hs_scoring_start(plain(state), &scoring, &error), HEADSIFT_OK);
    assert_int_equal(hs_pack_add(&scoring, &pack, sentence, 16, &error), HEADSIFT_OK); /* 15 scored tokens */
    assert_int_equal(hs_pack_score(&scoring, &pack, &error), HEADSIFT_OK);
    hs_mask_check_add(&check, &pack.rows[0]);
    assert_int_equal(hs_mask_check_end(&check, &error), HEADSIFT_OK);
    hs_pack_clear(&pack);
    assert_int_equal(hs_pack_add(&scoring, &pack, sentence, 17, &error), HEADSIFT_OK);
    assert_int_equal(hs_pack_score(&scoring, &pack, &error), HEADSIFT_OK);
    hs_mask_check_add(&check, &pack.rows[0]);
    assert_int_equal(hs_mask_check_end(&check, &error), HEADSIFT_FAILED);
    check.changed = 1;
    assert_int_equal(hs_mask_check_end(&check, &error), HEADSIFT_OK);
    hs_pack_free(&pack);
}

static void wrong_options_and_heads_are_refused(void **state) {
    const char *text = "hello";
    size_t size = 5;
    headsift_score row;
    headsift_error error = {0};
    headsift_score_options one = {.max_tokens = 1};
    assert_int_equal(headsift_score_texts(plain(state), tiny_heads(), &one, &text, &size, 1, &row, &error),
                     HEADSIFT_USAGE);
    headsift_heads none = {0};
    assert_int_equal(headsift_score_texts(plain(state), &none, NULL, &text, &size, 1, &row, &error), HEADSIFT_FAILED);
    headsift_head far = {7, 0};
    headsift_heads outside = {.heads = &far, .n_heads = 1};
    assert_int_equal(headsift_score_texts(plain(state), &outside, NULL, &text, &size, 1, &row, &error),
                     HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "7"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_without_a_bos),
        cmocka_unit_test(a_bos_makes_the_first_token_count),
        cmocka_unit_test(a_spelled_bos_gets_no_second_one),
        cmocka_unit_test(the_score_is_the_relative_rise_of_the_mean_loss),
        cmocka_unit_test(truncation_scores_the_beginning),
        cmocka_unit_test(chunks_are_scored_apart_and_averaged_by_tokens),
        cmocka_unit_test(a_last_chunk_with_nothing_to_predict_is_left_out),
        cmocka_unit_test(texts_without_a_score_say_why),
        cmocka_unit_test(a_failing_document_takes_only_its_own_row),
        cmocka_unit_test(a_document_is_the_same_alone_in_any_pack_and_in_any_order),
        cmocka_unit_test(nothing_to_attend_to_means_no_influence),
        cmocka_unit_test(losses_that_are_no_numbers_give_no_score),
        cmocka_unit_test(a_mask_that_does_nothing_is_an_error),
        cmocka_unit_test(wrong_options_and_heads_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
