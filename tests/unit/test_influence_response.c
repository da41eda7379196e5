/* Responses to prompts on a tiny model: which tokens count, steps, weights, long documents, and what can't be scored.
 * The tokenizer makes a token a character, so that a token's number is its byte. */
#define _GNU_SOURCE
#include "influence_support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "influence/scoring.h"

static headsift_error last;

/* A row and its steps. */
struct answer {
    headsift_score row;
    headsift_step steps[16];
    size_t n;
};

static struct answer respond_sized(headsift_model *model, const headsift_score_options *options, const char *prompt,
                                   size_t prompt_size, const char *response, size_t size) {
    struct answer answer = {0};
    headsift_steps steps;
    headsift_status status = headsift_score_responses(model, tiny_heads(), options, &prompt, &prompt_size, &response,
                                                      &size, 1, &answer.row, &steps, &last);
    if (status != HEADSIFT_OK && status != HEADSIFT_UNSCORED) {
        fail_msg("%s", last.message);
    }
    assert_true(steps.n <= 16);
    memcpy(answer.steps, steps.items, steps.n * sizeof *steps.items);
    answer.n = steps.n;
    headsift_free(steps.items);
    return answer;
}

static struct answer respond(headsift_model *model, const headsift_score_options *options, const char *prompt,
                             const char *response) {
    return respond_sized(model, options, prompt, strlen(prompt), response, strlen(response));
}

/* The engine's loss of each character of a text, unmasked and masked; [0] of a model without a BOS is 0. */
static void token_losses(headsift_model *model, const char *text, double base[256], double ref[256]) {
    struct hs_encoding encoding = {0};
    struct hs_engine *engine;
    double nll[512];
    assert_int_equal(hs_encode(model->tokenizer, text, strlen(text), HS_ENCODE_BOS, &encoding, &last), HEADSIFT_OK);
    assert_int_equal(hs_scorer_engine(model, &engine, &last), HEADSIFT_OK);
    size_t bos = encoding.n - strlen(text);
    int64_t offsets[] = {0, (int64_t)encoding.n};
    struct hs_batch batch = {.tokens = encoding.ids, .offsets = offsets, .n_documents = 1};
    const struct hs_mask masks[2] = {{.kind = HEADSIFT_MASK_UNIFORM},
                                     {.heads = tiny_heads()->heads, .n_heads = tiny_heads()->n_heads}};
    assert_int_equal(hs_engine_nll(engine, &batch, masks, 2, nll, &last), HEADSIFT_OK);
    for (size_t i = 0; i < strlen(text); i++) {
        base[i] = i + bos > 0 ? nll[i + bos] : 0;
        ref[i] = i + bos > 0 ? nll[encoding.n + i + bos] : 0;
    }
    hs_encoding_free(&encoding);
}

static double mean_of(const double *values, size_t from, size_t to) {
    double sum = 0;
    for (size_t i = from; i < to; i++) {
        sum += values[i];
    }
    return sum / (double)(to - from);
}

static void assert_close(double value, double wanted) {
    if (!(fabs(value - wanted) <= 1e-12 * (1 + fabs(wanted)))) {
        fail_msg("%.17g, wanted %.17g", value, wanted);
    }
}

/* The step is the characters [from, to) of the whole text. */
static void check_step(const headsift_step *step, size_t prompt, size_t from, size_t to, const double *base,
                       const double *ref) {
    double b = mean_of(base, from, to), r = mean_of(ref, from, to);
    assert_int_equal(step->start, from - prompt);
    assert_int_equal(step->n_bytes, to - from);
    assert_int_equal(step->n_scored, to - from);
    assert_close(step->loss_base, b);
    assert_close(step->loss_ref, r);
    assert_true(fabs(step->score - (r - b) / b) < 1e-9);
}

static void losses_are_those_of_the_response_step_by_step(void **state) {
    (void)state;
    const char *prompt = "how much is it\n", *response = "first this\n\nthen that one\n\nso it is";
    size_t p = strlen(prompt), ends[] = {p + 12, p + 27, p + 35};
    double base[256], ref[256];
    for (int bos = 0; bos < 2; bos++) {
        headsift_model *model = tiny_scorer(bos != 0);
        struct answer answer = respond(model, NULL, prompt, response);
        token_losses(model, "how much is it\nfirst this\n\nthen that one\n\nso it is", base, ref);
        double b = mean_of(base, p, ends[2]), r = mean_of(ref, p, ends[2]);
        assert_string_equal(answer.row.status, "ok");
        assert_int_equal(answer.row.n_bytes, p + 35);
        assert_int_equal(answer.row.n_tokens, p + 35);
        assert_int_equal(answer.row.n_scored, 35);
        assert_int_equal(answer.row.n_bytes_scored, 35);
        assert_close(answer.row.loss_base, b);
        assert_close(answer.row.loss_ref, r);
        assert_true(fabs(answer.row.score - (r - b) / b) < 1e-9);
        assert_int_equal(answer.n, 3);
        for (size_t i = 0; i < 3; i++) {
            check_step(&answer.steps[i], p, i > 0 ? ends[i - 1] : p, ends[i], base, ref);
        }
        headsift_model_close(model);
    }
}

static void another_prompt_gives_other_losses(void **state) {
    (void)state;
    headsift_model *model = tiny_scorer(false);
    struct answer one = respond(model, NULL, "how much is it\n", "some words"),
                  other = respond(model, NULL, "how many is it\n", "some words");
    assert_int_equal(one.row.n_scored, other.row.n_scored);
    assert_true(fabs(one.row.loss_base - other.row.loss_base) > 1e-4);
    headsift_model_close(model);
}

static void an_empty_prompt_is_a_plain_text(void **state) {
    (void)state;
    const char *text = "a text of its own with some words";
    for (int bos = 0; bos < 2; bos++) {
        headsift_model *model = tiny_scorer(bos != 0);
        struct answer answer = respond(model, NULL, "", text);
        headsift_score plain = tiny_score(model, NULL, text, strlen(text));
        assert_memory_equal(&answer.row, &plain, sizeof plain);
        assert_int_equal(answer.n, 1);
        assert_int_equal(answer.steps[0].n_bytes, strlen(text));
        assert_int_equal(answer.steps[0].n_scored, plain.n_scored);
        headsift_model_close(model);
    }
}

/* ---- Long documents ---- */

static void truncation_cuts_the_end_of_the_response(void **state) {
    (void)state;
    headsift_model *model = tiny_scorer(false);
    headsift_score_options options = {.max_tokens = 14};
    double base[256], ref[256];
    struct answer answer = respond(model, &options, "prompt", "one\n\ntwo2\n\nthree");
    token_losses(model, "promptone\n\ntwo", base, ref);
    assert_string_equal(answer.row.status, "truncated");
    assert_string_equal(answer.row.note, "the first 14 of 22 tokens");
    assert_int_equal(answer.row.n_scored, 8);
    assert_close(answer.row.loss_ref, mean_of(ref, 6, 14));
    assert_int_equal(answer.n, 2); /* nothing of the third */
    assert_int_equal(answer.steps[1].n_bytes, 6);
    assert_int_equal(answer.steps[1].n_scored, 3);
    assert_close(answer.steps[1].loss_base, mean_of(base, 11, 14));
    answer = respond(model, &options, "a prompt that is too long", "one\n\ntwo");
    assert_string_equal(answer.row.status, "too_short");
    assert_string_equal(answer.row.note, "the first 14 of 33 tokens are the prompt's: the response is cut away");
    assert_true(isnan(answer.row.score) && answer.row.n_scored == 0 && answer.n == 0);
    headsift_model_close(model);
}

static void of_chunks_only_response_tokens_count(void **state) {
    (void)state;
    headsift_model *model = tiny_scorer(false);
    headsift_score_options options = {.max_tokens = 10, .long_documents = HEADSIFT_LONG_CHUNK};
    /* "a prompt o" "f some len" "gth.one\n\nt" "wo": the last chunk's first token is not predicted */
    struct answer answer = respond(model, &options, "a prompt of some length.", "one\n\ntwo");
    double base[256], ref[256], tail[256], tail_ref[256];
    token_losses(model, "gth.one\n\nt", base, ref);
    token_losses(model, "wo", tail, tail_ref);
    assert_string_equal(answer.row.status, "chunked");
    assert_string_equal(answer.row.note, "12 of 32 tokens, in 2 chunks");
    assert_int_equal(answer.row.n_scored, 7);
    assert_int_equal(answer.row.n_bytes_scored, 7);
    assert_close(answer.row.loss_base, (6 * mean_of(base, 4, 10) + tail[1]) / 7);
    assert_close(answer.row.loss_ref, (6 * mean_of(ref, 4, 10) + tail_ref[1]) / 7);
    assert_int_equal(answer.n, 2);
    assert_int_equal(answer.steps[0].n_scored, 5);
    assert_close(answer.steps[0].loss_base, mean_of(base, 4, 9));
    assert_int_equal(answer.steps[1].n_scored, 2);
    assert_close(answer.steps[1].loss_ref, (ref[9] + tail_ref[1]) / 2);
    headsift_model_close(model);
}

/* ---- What can't be scored ---- */

static void without_a_response_token_there_is_no_score(void **state) {
    (void)state;
    headsift_model *model = tiny_scorer(false);
    static const struct {
        const char *prompt, *response, *status, *note;
    } cases[] = {
        {"a prompt", "", "too_short", "the response is empty"},
        {"", "", "too_short", "the response is empty"},
        {"", "a", "too_short", "1 token, none of them predicted"},
        {"a\377", "b", "bad_text", "the prompt is not UTF-8"},
        {"ab", "c\377", "bad_text", "not UTF-8 at byte 3"},
        {"\303", "\251", "bad_text", "the prompt is not UTF-8"}, /* halves of one character */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer answer = respond(model, NULL, cases[i].prompt, cases[i].response);
        assert_string_equal(answer.row.status, cases[i].status);
        assert_string_equal(answer.row.note, cases[i].note);
        assert_true(isnan(answer.row.score) && answer.n == 0);
    }
    headsift_model_close(model);
}

static void an_empty_marker_is_refused(void **state) {
    (void)state;
    headsift_model *model = tiny_scorer(false);
    const char *text = "a";
    size_t size = 1;
    headsift_score row;
    headsift_score_options options = {.step_marker = ""};
    assert_int_equal(
        headsift_score_responses(model, tiny_heads(), &options, &text, &size, &text, &size, 1, &row, NULL, &last),
        HEADSIFT_USAGE);
    assert_non_null(strstr(last.message, "--step-marker"));
    headsift_model_close(model);
}

/* ---- Steps ---- */

/* The steps' texts with | between. */
static void check_cut(headsift_model *model, const char *response, const char *marker, const char *wanted) {
    headsift_score_options options = {.step_marker = marker};
    struct answer answer = respond(model, &options, "p", response);
    char got[256] = "";
    int64_t at = 0, scored = 0;
    for (size_t i = 0; i < answer.n; i++) {
        const headsift_step *step = &answer.steps[i];
        assert_int_equal(step->start, at);
        at += step->n_bytes;
        scored += step->n_scored;
        sprintf(got + strlen(got), "%s%.*s", i > 0 ? "|" : "", (int)step->n_bytes, response + step->start);
    }
    assert_string_equal(got, wanted);
    assert_int_equal(at, strlen(response));
    assert_int_equal(scored, answer.row.n_scored);
}

static void a_marker_belongs_to_the_step_before_it(void **state) {
    (void)state;
    headsift_model *model = tiny_scorer(false);
    check_cut(model, "one\n\ntwo", NULL, "one\n\n|two");
    check_cut(model, "one\n\n", NULL, "one\n\n");
    check_cut(model, "one\n\n\n\ntwo", NULL, "one\n\n\n\n|two");
    check_cut(model, "one\n\n\ntwo", NULL, "one\n\n|\ntwo");
    check_cut(model, "\n\none\n\ntwo", NULL, "\n\none\n\n|two");
    check_cut(model, "\n\n\n\n", NULL, "\n\n\n\n");
    check_cut(model, "one;two;;three", ";", "one;|two;;|three");
    check_cut(model, "aXaYaXYa", "XY", "aXaYaXY|a");
    check_cut(model, "one", "longer than the text", "one");
    headsift_model_close(model);
}

static void steps_cut_with(struct hs_pack *pack, const headsift_step *steps, size_t n, const headsift_score *row) {
    memcpy(pack->steps, steps, n * sizeof *steps);
    hs_response_finish(row, pack->steps, n);
}

static void weights_follow_positive_scores_with_mean_one(void **state) {
    (void)state;
    headsift_step room[4];
    struct hs_pack pack = {.steps = room};
    headsift_score row = {.n_scored = 20, .loss_base = 1, .loss_ref = 2, .score = 1, .status = "ok"};
    /* sums: losses 1 to 3 (score 2), 2 to 3 (score 0.5), 2 to 1 (below 0), none */
    const headsift_step some[] = {{.n_scored = 2, .loss_base = 2, .loss_ref = 6},
                                  {.n_scored = 8, .loss_base = 16, .loss_ref = 24},
                                  {.n_scored = 10, .loss_base = 20, .loss_ref = 10},
                                  {.n_scored = 0}};
    steps_cut_with(&pack, some, 4, &row);
    assert_close(room[0].score, 2);
    assert_close(room[1].score, 0.5);
    assert_close(room[2].score, -0.5);
    assert_close(room[0].weight, 2 * 20.0 / 8); /* 8 = 2 x 2 + 8 x 0.5 */
    assert_close(room[1].weight, 0.5 * 20.0 / 8);
    assert_close(room[2].weight, 0);
    assert_true(isnan(room[3].weight) && isnan(room[3].score) && isnan(room[3].loss_base));
    assert_close((2 * room[0].weight + 8 * room[1].weight) / 20, 1);
    steps_cut_with(&pack, some + 2, 2, &row); /* no score above 0 */
    assert_close(room[0].weight, 1);
    assert_true(isnan(room[1].weight));
    const headsift_step broken[] = {{.n_scored = 2, .loss_base = 2, .loss_ref = INFINITY}};
    snprintf(row.status, sizeof row.status, "failed");
    row.score = (double)NAN;
    steps_cut_with(&pack, broken, 1, &row);
    assert_close(room[0].loss_base, 1);
    assert_true(isnan(room[0].loss_ref) && isnan(room[0].score) && isnan(room[0].weight));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_are_those_of_the_response_step_by_step),
        cmocka_unit_test(another_prompt_gives_other_losses),
        cmocka_unit_test(an_empty_prompt_is_a_plain_text),
        cmocka_unit_test(truncation_cuts_the_end_of_the_response),
        cmocka_unit_test(of_chunks_only_response_tokens_count),
        cmocka_unit_test(without_a_response_token_there_is_no_score),
        cmocka_unit_test(an_empty_marker_is_refused),
        cmocka_unit_test(a_marker_belongs_to_the_step_before_it),
        cmocka_unit_test(weights_follow_positive_scores_with_mean_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
