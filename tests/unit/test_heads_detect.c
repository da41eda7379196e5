/* Tests of headsift_heads_detect against an engine that answers as the test says: decoding, refusals, the effect
 * check's warning, the stop flag. The engine and the model are stand-ins; probe, tokenizer and ranking are real. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "probe/build.h"
#include "probe/detect.h"

enum { LAYERS = 4, HEADS = 5, ALL = LAYERS * HEADS, SAMPLES = 32, TOKENS = 500, COPIER = 7, READER = 12 };

/* ---- The stand-ins ------------------------------------------------------------------------------------------ */

/* What the engine knows: the samples in their order, and how it is to behave. */
static struct {
    struct hs_config config;
    struct hs_sample *samples;
    size_t n;
    size_t retrieved;    /* greedy: the first so many answers are right, the others empty */
    int64_t copies;      /* COPIER copies so many tokens from the needle's value */
    bool copies_control; /* READER copies from the control span */
    double rise[ALL];    /* what masking a head adds to the loss */
    double base;         /* loss a token, unmasked */
    int attended, generated;
} fake;

const struct hs_config *hs_model_config(const struct hs_model *model) {
    (void)model;
    return &fake.config;
}

headsift_status hs_model_sha256(struct hs_model *model, char hex[HS_HASH_HEX], headsift_error *error) {
    (void)model;
    (void)error;
    snprintf(hex, HS_HASH_HEX, "abc");
    return HEADSIFT_OK;
}

headsift_status hs_scorer_engine(headsift_model *scorer, struct hs_engine **out, headsift_error *error) {
    (void)scorer;
    (void)error;
    *out = NULL;
    return HEADSIFT_OK;
}

/* Which sample begins with these tokens. */
static size_t number_of(const int32_t *tokens, int64_t n) {
    for (size_t i = 0; i < fake.n; i++) {
        if (n <= fake.samples[i].n && memcmp(tokens, fake.samples[i].ids, (size_t)n * sizeof *tokens) == 0) {
            return i;
        }
    }
    fail_msg("tokens of no sample");
    return 0;
}

static int32_t find(const struct hs_sample *sample, struct hs_token_span span, int32_t token) {
    for (int64_t i = span.first; i < span.last; i++) {
        if (sample->ids[i] == token) {
            return (int32_t)i;
        }
    }
    return 0;
}

static void fill_columns(const struct hs_sample *sample, const int32_t *answer, int64_t n, int32_t *columns) {
    memset(columns, 0, (size_t)n * ALL * sizeof *columns);
    for (int64_t t = 0; t < n; t++) {
        columns[t * ALL + COPIER] = t < fake.copies ? find(sample, sample->value, answer[t]) : 0;
        columns[t * ALL + READER] = fake.copies_control ? find(sample, sample->control, answer[t]) : 0;
    }
}

void hs_engine_watch(struct hs_engine *engine, const struct hs_watch *watch) {
    (void)engine;
    (void)watch;
}

headsift_status hs_engine_attend(struct hs_engine *engine, const int32_t *tokens, int64_t n_tokens, const int64_t *rows,
                                 int64_t n_rows, int32_t *columns, headsift_error *error) {
    (void)engine;
    (void)error;
    const struct hs_sample *sample = &fake.samples[number_of(tokens, n_tokens)];
    assert_true(n_tokens >= sample->n - 1);
    assert_int_equal(n_rows, sample->n - sample->n_prompt);
    assert_int_equal(rows[0], sample->n_prompt - 1); /* the row that produced the first token of the answer */
    assert_int_equal(rows[n_rows - 1], sample->n - 2);
    fill_columns(sample, sample->ids + sample->n_prompt, n_rows, columns);
    fake.attended++;
    return HEADSIFT_OK;
}

headsift_status hs_engine_generate(struct hs_engine *engine, const int32_t *prompt, int64_t n_prompt, int32_t most,
                                   hs_stop_fn stop, void *user, int32_t *out, int32_t *n_out, int32_t *columns,
                                   headsift_error *error) {
    (void)engine;
    (void)error;
    size_t number = number_of(prompt, n_prompt);
    const struct hs_sample *sample = &fake.samples[number];
    assert_int_equal(n_prompt, sample->n_prompt);
    assert_int_equal(most, sample->n - sample->n_prompt);
    memcpy(out, sample->ids + sample->n_prompt, (size_t)most * sizeof *out);
    *n_out = number < fake.retrieved ? most : 0;
    for (int32_t i = 0; i < *n_out; i++) {
        assert_false(stop(user, out[i]));
    }
    assert_true(stop(user, fake.config.eos[0]));
    fill_columns(sample, out, *n_out, columns);
    fake.generated++;
    return HEADSIFT_OK;
}

headsift_status hs_engine_nll(struct hs_engine *engine, const struct hs_batch *batch, const struct hs_mask *masks,
                              int32_t n_masks, double *nll, headsift_error *error) {
    (void)engine;
    (void)error;
    int64_t n = batch->offsets[1];
    for (int32_t m = 0; m < n_masks; m++) {
        double loss = fake.base;
        for (size_t i = 0; i < masks[m].n_heads; i++) {
            loss += fake.rise[masks[m].heads[i].layer * HEADS + masks[m].heads[i].head];
        }
        for (int64_t t = 0; t < n; t++) {
            nll[m * n + t] = batch->wanted[t] ? loss : 0;
        }
    }
    return HEADSIFT_OK;
}

/* ---- A probe for it ----------------------------------------------------------------------------------------- */

static headsift_model model;
static char probe_path[512];
static struct hs_probe probe;

static void write_probe(FILE *file) {
    struct hs_template template;
    struct hs_sentence_pool *pool;
    struct hs_builder *builder;
    assert_int_equal(hs_template_load(NULL, HEADSIFT_LANGUAGE_ENGLISH, &template, NULL), HEADSIFT_OK);
    assert_int_equal(hs_pool_open_grammar(model.tokenizer, HEADSIFT_LANGUAGE_ENGLISH, &pool, NULL), HEADSIFT_OK);
    struct hs_builder_options options = {
        .tokenizer = model.tokenizer, .template = &template, .pool = pool, .tokens = TOKENS, .shots = 1};
    assert_int_equal(hs_builder_open(&options, &builder, NULL), HEADSIFT_OK);
    for (uint64_t i = 0; i < SAMPLES; i++) {
        struct hs_built_sample sample;
        struct hs_buffer line = {0};
        assert_int_equal(hs_build_sample(builder, i, &sample, NULL), HEADSIFT_OK);
        assert_true(hs_json_quote(&line, sample.prompt, sample.prompt_size) &&
                    hs_buffer_printf(&line, ", \"answer\": ") &&
                    hs_json_quote(&line, sample.answer, sample.answer_size));
        fprintf(file, "{\"prompt\": %s, \"needle_key\": \"%s\"}\n", line.data, sample.needle_key);
        hs_buffer_free(&line);
    }
    hs_builder_close(builder);
    hs_pool_close(pool);
    hs_template_free(&template);
}

static int set_up(void **state) {
    (void)state;
    headsift_error error = {0};
    if (hs_tokenizer_from_json(HS_TEST_DATA "/goldens/tokenizers/smollm/tokenizer.json", &model.tokenizer, &error) !=
        HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    test_scratch(probe_path, sizeof probe_path, "detect_probe.jsonl");
    FILE *file = fopen(probe_path, "w");
    assert_non_null(file);
    write_probe(file);
    fclose(file);
    fake.config = (struct hs_config){.name = "stand-in",
                                     .n_layer = LAYERS,
                                     .n_head = HEADS,
                                     .n_kv_head = 1,
                                     .context = TOKENS,
                                     .eos = {2},
                                     .n_eos = 1};
    assert_int_equal(hs_probe_load(probe_path, &probe, &error), HEADSIFT_OK);
    assert_int_equal(hs_samples_encode(&model, &probe, probe_path, &fake.samples, &error), HEADSIFT_OK);
    fake.n = probe.n;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    hs_samples_free(fake.samples, fake.n);
    hs_probe_free(&probe);
    hs_tokenizer_close(model.tokenizer);
    return 0;
}

static int reset(void **state) {
    (void)state;
    fake.config.context = TOKENS;
    fake.retrieved = SAMPLES;
    fake.copies = TOKENS;
    fake.copies_control = false;
    fake.base = 0.5;
    memset(fake.rise, 0, sizeof fake.rise);
    fake.rise[COPIER] = 2;
    fake.rise[3] = .25;
    fake.attended = fake.generated = 0;
    return 0;
}

/* ---- What a caller sees ------------------------------------------------------------------------------------- */

struct seen {
    char log[4096];
    int warnings, steps;
    double last_share;
    volatile sig_atomic_t stop;
    int stop_after;
};

static void see_log(void *user, headsift_log_level level, const char *line) {
    struct seen *seen = user;
    size_t used = strlen(seen->log);
    snprintf(seen->log + used, sizeof seen->log - used, "%s\n", line);
    seen->warnings += level == HEADSIFT_LOG_WARNING;
}

static void see_progress(void *user, const headsift_progress *progress) {
    struct seen *seen = user;
    assert_string_equal(progress->stage, "heads");
    assert_true(progress->share > seen->last_share || seen->steps == 20); /* the second try is more work */
    assert_true(progress->share <= 1);
    seen->last_share = progress->share;
    seen->steps++;
    seen->stop = seen->stop_after > 0 && seen->steps >= seen->stop_after;
}

static headsift_status detect(headsift_heads_options options, struct seen *seen, headsift_heads **heads,
                              headsift_error *error) {
    headsift_monitor monitor = {.log = see_log, .progress = see_progress, .user = seen, .stop = &seen->stop};
    return headsift_heads_detect(&model, probe_path, &options, &monitor, heads, error);
}

static void auto_goes_on_greedily_when_half_are_retrieved(void **state) {
    (void)state;
    struct seen seen = {0};
    headsift_heads *heads;
    headsift_error error = {0};
    fake.retrieved = 10; /* of the first 20, and none after */
    if (detect((headsift_heads_options){0}, &seen, &heads, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    assert_string_equal(heads->decode, "greedy");
    assert_int_equal(heads->samples, SAMPLES);
    assert_int_equal(heads->samples_counted, 10);
    assert_int_equal(fake.generated, SAMPLES);
    assert_int_equal(fake.attended, 0);
    assert_null(strstr(seen.log, "teacher"));
    assert_int_equal(heads->n_heads, 1);
    assert_int_equal(heads->heads[0].layer, COPIER / HEADS);
    assert_int_equal(heads->heads[0].head, COPIER % HEADS);
    assert_in_range((int)(100 * heads->scores[COPIER]), 70, 100);
    assert_true(seen.last_share == 1);
    headsift_heads_free(heads);
}

static void auto_feeds_the_answers_when_fewer_are(void **state) {
    (void)state;
    struct seen seen = {0};
    headsift_heads *heads;
    fake.retrieved = 9;
    assert_int_equal(detect((headsift_heads_options){0}, &seen, &heads, NULL), HEADSIFT_OK);
    assert_string_equal(heads->decode, "teacher");
    assert_int_equal(heads->samples_counted, SAMPLES);
    assert_int_equal(fake.generated, 20);
    assert_int_equal(fake.attended, SAMPLES);
    assert_non_null(strstr(seen.log, "retrieved 9 of the first 20"));
    assert_true(heads->scores[COPIER] <= 1); /* nothing of the first try is left in it */
    assert_true(seen.last_share == 1);
    headsift_heads_free(heads);
}

static void decoding_can_be_told(void **state) {
    (void)state;
    struct seen seen = {0};
    headsift_heads *heads;
    headsift_error error = {0};
    assert_int_equal(
        detect((headsift_heads_options){.decode = HEADSIFT_DECODE_TEACHER, .top_count = 2}, &seen, &heads, &error),
        HEADSIFT_OK);
    assert_int_equal(fake.generated, 0);
    assert_int_equal(heads->n_heads, 2);
    headsift_heads_free(heads);
    seen = (struct seen){0};
    fake.retrieved = 0;
    assert_int_equal(detect((headsift_heads_options){.decode = HEADSIFT_DECODE_GREEDY}, &seen, &heads, &error),
                     HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "none of the 32 answers"));
}

static void rankings_of_noise_are_refused(void **state) {
    (void)state;
    struct seen seen = {0};
    headsift_heads *heads;
    headsift_error error = {0};
    fake.copies = 0;
    assert_int_equal(detect((headsift_heads_options){0}, &seen, &heads, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "same score (0)"));
    assert_null(heads);
    /* Both values hold a full stop and the like, which READER copies from the wrong one. */
    reset(NULL);
    seen = (struct seen){0};
    fake.copies_control = true;
    assert_int_equal(detect((headsift_heads_options){0}, &seen, &heads, &error), HEADSIFT_OK);
    headsift_heads_free(heads);
    reset(NULL);
    seen = (struct seen){0};
    fake.copies_control = true;
    fake.copies = 2; /* the first token of an answer begins with a blank, in the object it does not */
    assert_int_equal(detect((headsift_heads_options){0}, &seen, &heads, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "control span"));
}

static void rankings_of_noise_are_kept_and_marked(void **state) {
    (void)state;
    struct seen seen = {0};
    headsift_heads *heads;
    fake.copies = 0;
    assert_int_equal(detect((headsift_heads_options){.keep_noise = true}, &seen, &heads, NULL), HEADSIFT_OK);
    assert_non_null(strstr(heads->noise, "same score (0)"));
    assert_non_null(strstr(seen.log, "marked as noise"));
    headsift_heads_free(heads);
    fake.copies = TOKENS;
    seen = (struct seen){0};
    assert_int_equal(detect((headsift_heads_options){.keep_noise = true}, &seen, &heads, NULL), HEADSIFT_OK);
    assert_null(heads->noise);
    headsift_heads_free(heads);
}

static void a_settled_search_leaves_the_rest_out(void **state) {
    (void)state;
    struct seen seen = {0};
    headsift_heads *heads;
    headsift_heads_options options = {.decode = HEADSIFT_DECODE_TEACHER, .settle = .95};
    assert_int_equal(detect(options, &seen, &heads, NULL), HEADSIFT_OK);
    assert_int_equal(fake.attended, 25);
    assert_true(heads->settle.settled && heads->settle.threshold == .95);
    assert_int_equal(heads->settle.samples, 25);
    assert_non_null(strstr(seen.log, "the top 1 heads are settled after 25 samples"));
    assert_true(seen.last_share == 1);
    headsift_heads_free(heads);
    /* Two heads are wanted and only one copies: never settled. */
    seen = (struct seen){0};
    fake.attended = 0;
    options.top_count = 2;
    assert_int_equal(detect(options, &seen, &heads, NULL), HEADSIFT_OK);
    assert_int_equal(fake.attended, SAMPLES);
    assert_false(heads->settle.settled);
    assert_non_null(strstr(seen.log, "not settled after all 32 samples"));
    headsift_heads_free(heads);
    seen = (struct seen){0};
    options = (headsift_heads_options){.method = HEADSIFT_METHOD_ABLATION, .top_count = 2, .settle = 1};
    assert_int_equal(detect(options, &seen, &heads, NULL), HEADSIFT_OK);
    assert_int_equal(heads->samples_counted, 25);
    headsift_heads_free(heads);
    options.settle = 1.5;
    assert_int_equal(detect(options, &seen, &heads, NULL), HEADSIFT_USAGE);
}

static void a_choice_is_made_again_without_a_search(void **state) {
    (void)state;
    struct seen seen = {0};
    headsift_heads *heads;
    headsift_heads_options options = {.method = HEADSIFT_METHOD_ABLATION};
    char path[512];
    test_scratch(path, sizeof path, "choose_again.json");
    assert_int_equal(detect(options, &seen, &heads, NULL), HEADSIFT_OK);
    assert_non_null(heads->bootstrap);
    assert_int_equal(headsift_heads_save(heads, path, NULL), HEADSIFT_OK);
    headsift_heads_free(heads);
    options = (headsift_heads_options){.top_count = 2};
    assert_int_equal(headsift_heads_choose(&model, path, probe_path, &options, NULL, &heads, NULL), HEADSIFT_OK);
    assert_int_equal(heads->n_heads, 2);
    assert_int_equal(heads->heads[1].layer * HEADS + heads->heads[1].head, 3);
    assert_true(fabs(heads->effect.masked - 2.75) < 1e-12);
    assert_null(heads->bootstrap); /* it was of the other choice */
    headsift_heads_free(heads);
}

static void the_effect_is_measured_against_other_heads(void **state) {
    (void)state;
    struct seen seen = {0};
    headsift_heads *heads;
    assert_int_equal(detect((headsift_heads_options){0}, &seen, &heads, NULL), HEADSIFT_OK);
    assert_int_equal(heads->effect.samples, SAMPLES);
    assert_true(fabs(heads->effect.unmasked - .5) < 1e-12);
    assert_true(fabs(heads->effect.masked - 2.5) < 1e-12);
    assert_true(heads->effect.random_high <= .75); /* the chosen head itself is never drawn */
    assert_int_equal(seen.warnings, 0);
    headsift_heads_free(heads);
    /* No better than others: a warning. */
    reset(NULL);
    seen = (struct seen){0};
    fake.rise[COPIER] = 0;
    for (int i = 0; i < ALL; i++) {
        fake.rise[i] += i == COPIER ? 0 : .1;
    }
    assert_int_equal(detect((headsift_heads_options){0}, &seen, &heads, NULL), HEADSIFT_OK);
    assert_int_equal(seen.warnings, 1);
    assert_non_null(strstr(seen.log, "no more than random"));
    headsift_heads_free(heads);
    /* Half of the heads: every draw is all of the others. */
    reset(NULL);
    seen = (struct seen){0};
    for (int i = 0; i < ALL; i++) {
        fake.rise[i] = .01 * i * i;
    }
    assert_int_equal(detect((headsift_heads_options){.top_fraction = .5}, &seen, &heads, NULL), HEADSIFT_OK);
    assert_true(fabs(heads->effect.random_high - heads->effect.random_low) < 1e-12);
    assert_true(fabs(heads->effect.random_mean + heads->effect.masked - 2 * .5 - 24.7) < 1e-9); /* sum of all rises */
    headsift_heads_free(heads);
    reset(NULL);
    seen = (struct seen){0};
    assert_int_equal(detect((headsift_heads_options){.top_fraction = 1}, &seen, &heads, NULL), HEADSIFT_OK);
    assert_int_equal(heads->effect.draws, 0);
    assert_int_equal(heads->n_heads, ALL);
    headsift_heads_free(heads);
}

static void ablation_scores_are_rises(void **state) {
    (void)state;
    struct seen seen = {0};
    headsift_heads *heads;
    headsift_error error = {0};
    headsift_heads_options options = {.method = HEADSIFT_METHOD_ABLATION, .top_count = 2};
    fake.rise[11] = -.125;
    assert_int_equal(detect(options, &seen, &heads, &error), HEADSIFT_OK);
    for (int i = 0; i < ALL; i++) {
        assert_true(fabs(heads->scores[i] - fake.rise[i]) < 1e-12);
    }
    assert_string_equal(heads->method, "ablation");
    assert_null(heads->decode);
    assert_int_equal(heads->heads[0].layer * HEADS + heads->heads[0].head, COPIER);
    assert_int_equal(heads->heads[1].layer * HEADS + heads->heads[1].head, 3);
    headsift_heads_free(heads);
    memset(fake.rise, 0, sizeof fake.rise);
    seen = (struct seen){0};
    assert_int_equal(detect(options, &seen, &heads, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "same score"));
    fake.base = NAN;
    seen = (struct seen){0};
    assert_int_equal(detect(options, &seen, &heads, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "line 1"));
    assert_non_null(strstr(error.message, "not finite"));
}

static void too_long_samples_name_their_line(void **state) {
    (void)state;
    struct seen seen = {0};
    headsift_heads *heads;
    headsift_error error = {0};
    fake.config.context = fake.samples[0].n - 1;
    assert_int_equal(detect((headsift_heads_options){0}, &seen, &heads, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "line 1 has"));
    assert_int_equal(fake.generated + fake.attended, 0);
}

static void a_stop_is_seen_between_samples(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct seen seen = {.stop_after = 3};
        headsift_heads *heads;
        headsift_error error = {0};
        headsift_heads_options options = {.method = i == 0 ? HEADSIFT_METHOD_RETRIEVAL : HEADSIFT_METHOD_ABLATION};
        assert_int_equal(detect(options, &seen, &heads, &error), HEADSIFT_STOPPED);
        assert_null(heads);
        assert_int_equal(seen.steps, 3);
        seen = (struct seen){.stop_after = SAMPLES + 1, .stop = 0};
        assert_int_equal(detect(options, &seen, &heads, &error), HEADSIFT_STOPPED); /* in the effect check */
        seen = (struct seen){.stop = 1};
        assert_int_equal(detect(options, &seen, &heads, &error), HEADSIFT_STOPPED);
        assert_int_equal(seen.steps, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(auto_goes_on_greedily_when_half_are_retrieved, reset),
        cmocka_unit_test_setup(auto_feeds_the_answers_when_fewer_are, reset),
        cmocka_unit_test_setup(decoding_can_be_told, reset),
        cmocka_unit_test_setup(rankings_of_noise_are_refused, reset),
        cmocka_unit_test_setup(rankings_of_noise_are_kept_and_marked, reset),
        cmocka_unit_test_setup(a_settled_search_leaves_the_rest_out, reset),
        cmocka_unit_test_setup(a_choice_is_made_again_without_a_search, reset),
        cmocka_unit_test_setup(the_effect_is_measured_against_other_heads, reset),
        cmocka_unit_test_setup(ablation_scores_are_rises, reset),
        cmocka_unit_test_setup(too_long_samples_name_their_line, reset),
        cmocka_unit_test_setup(a_stop_is_seen_between_samples, reset),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
