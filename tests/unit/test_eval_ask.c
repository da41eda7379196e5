/* Questions in tokens at every kind of boundary, sheets of questions, conditions, and tasks asked of a tiny model.
 * The tiny tokenizer makes a token a character; the demo model's shows tokens that straddle. */
#include "influence_support.h"

#include <math.h>
#include <string.h>

#include "eval/ask.h"

enum { CONTEXT = 256, STEP = 32 };

static headsift_error last;

static struct hs_text text_of(const char *text) { return (struct hs_text){(char *)(uintptr_t)text, strlen(text)}; }

/* A task of one item whose texts are borrowed. */
struct small {
    struct hs_task task;
    struct hs_item item;
    struct hs_text choices[4], prefix;
};

static struct small *small_task(enum hs_task_kind kind, const char *prefix, const char *context, const char *a,
                                const char *b) {
    static struct small s;
    s = (struct small){
        .task = {.name = (char *)(uintptr_t) "t", .source = (char *)(uintptr_t) "t.jsonl", .kind = kind}};
    s.prefix = text_of(prefix != NULL ? prefix : "");
    s.choices[0] = text_of(a);
    s.choices[1] = text_of(b);
    s.item = (struct hs_item){.context = text_of(context),
                              .prefix = prefix != NULL ? 0 : -1,
                              .choices = s.choices,
                              .n_choices = kind == HS_TASK_CHOICE ? 2 : 1};
    s.task.prefixes = &s.prefix;
    s.task.n_prefixes = prefix != NULL;
    s.task.items = &s.item;
    s.task.n_items = 1;
    return &s;
}

static headsift_status encode(headsift_model *model, const struct small *s, int64_t room, struct hs_question *out) {
    return hs_question_encode(model, &s->task, 0, 0, s->choices[0].data != NULL ? &s->choices[0] : NULL, room, out,
                              &last);
}

static void check(headsift_model *model, const char *prefix, const char *context, const char *choice, int64_t n,
                  int64_t given, size_t bytes) {
    struct hs_question q;
    assert_int_equal(encode(model, small_task(HS_TASK_CHOICE, prefix, context, choice, "x"), 0, &q), HEADSIFT_OK);
    assert_int_equal(q.n, n);
    assert_int_equal(q.given, given);
    assert_int_equal(q.bytes, bytes);
    assert_false(q.cut);
    hs_questions_free(&q, 1);
}

static void blanks_at_the_end_of_a_context_are_asked_about(void **state) {
    (void)state;
    headsift_model *model = tiny_scorer(false);
    check(model, NULL, "ab cd:", " xy", 9, 6, 2);
    check(model, NULL, "ab cd: ", "xy", 9, 6, 2);
    check(model, NULL, "ab cd:\n\n", "xy", 10, 6, 2);
    check(model, "q w ", "ab", "xy", 8, 6, 2);
    check(model, "q w ", "", "xy", 6, 3, 2);
    check(model, NULL, "ab", "  ", 4, 2, 2); /* blanks alone count */
    headsift_model_close(model);
}

static void an_empty_context_has_a_token_in_front(void **state) {
    (void)state;
    struct hs_question q;
    for (int add_bos = 0; add_bos < 2; add_bos++) {
        headsift_model *model = tiny_scorer(add_bos == 1);
        assert_int_equal(encode(model, small_task(HS_TASK_CHOICE, NULL, " ", "ab", "x"), 0, &q), HEADSIFT_OK);
        assert_int_equal(q.n, 4);
        assert_int_equal(q.given, 1);
        assert_int_equal(q.ids[0], add_bos == 1 ? 1 : hs_model_config(model->model)->eos[0]);
        hs_questions_free(&q, 1);
        headsift_model_close(model);
    }
}

static void a_token_over_the_boundary_is_asked_about(void **state) {
    (void)state;
    headsift_model_options options = {.path = HS_DEMO_MODEL};
    headsift_model *model;
    assert_int_equal(headsift_model_open(&options, NULL, &model, NULL), HEADSIFT_OK);
    check(model, NULL, "The", " answer is", 3, 1, 9);
    check(model, NULL, "The answ", "er is", 3, 1, 5);
    check(model, NULL, "The ", "answer is", 3, 1, 9);
    check(model, NULL, "The answer", " is", 3, 2, 2);
    headsift_model_close(model);
}

static void fill(char *text, size_t n, char letter) {
    memset(text, letter, n);
    text[n] = '\0';
}

static void too_long_questions_lose_their_beginning(void **state) {
    (void)state;
    headsift_model *model = tiny_scorer(false);
    char context[400], choice[400];
    struct hs_question q;
    assert_int_equal(hs_model_config(model->model)->context, CONTEXT);
    fill(context, 252, 'a');
    check(model, NULL, context, "bcdef", CONTEXT + 1, 252, 5); /* the last token is not read: it fits */
    fill(context, 300, 'a');
    context[43 + 5] = 'X'; /* the first that stays */
    assert_int_equal(encode(model, small_task(HS_TASK_CHOICE, NULL, context, "bcdef", "x"), 0, &q), HEADSIFT_OK);
    assert_true(q.cut && q.n == CONTEXT + 1 && q.given == CONTEXT + 1 - 5 && q.ids[0] == 'X' - '!' + 3);
    hs_questions_free(&q, 1);

    struct small *s = small_task(HS_TASK_GENERATE, NULL, context, "", "");
    s->choices[0].data = NULL;
    assert_int_equal(encode(model, s, 16, &q), HEADSIFT_OK);
    assert_true(q.cut && q.n == CONTEXT - 16 && q.given == q.n);
    hs_questions_free(&q, 1);

    fill(choice, 300, 'b');
    assert_int_equal(encode(model, small_task(HS_TASK_CHOICE, NULL, "a", choice, "x"), 0, &q), HEADSIFT_FAILED);
    assert_non_null(strstr(last.message, "t.jsonl: item 1: a choice of it is longer than the model's context"));
    assert_int_equal(encode(model, small_task(HS_TASK_LOSS, NULL, "cd", choice, "x"), 0, &q), HEADSIFT_OK);
    assert_true(q.cut && q.n == CONTEXT + 1 && q.given == 1 && q.ids[0] == 'd' - '!' + 3);
    hs_questions_free(&q, 1);
    assert_int_equal(encode(model, small_task(HS_TASK_CHOICE, NULL, "a", "", "x"), 0, &q), HEADSIFT_FAILED);
    assert_non_null(strstr(last.message, "item 1: a choice or text of it has no tokens"));
    headsift_model_close(model);
}

/* ---- Sheets ---- */

/* The tokens that document d stands for, its ancestors' first. */
static int64_t whole(const struct hs_sheet *sheet, int32_t d, int32_t *out) {
    int64_t n = sheet->parents[d] >= 0 ? whole(sheet, sheet->parents[d], out) : 0;
    assert_true(sheet->parents[d] < d);
    assert_true(n % STEP == 0);
    for (int64_t i = sheet->offsets[d]; i < sheet->offsets[d + 1]; i++) {
        out[n++] = sheet->tokens[i];
    }
    return n;
}

static struct hs_question question(size_t item, int32_t prefix, int64_t n, int64_t given, int64_t same) {
    struct hs_question q = {
        .ids = hs_alloc((size_t)n, sizeof *q.ids), .n = n, .given = given, .item = item, .prefix = prefix};
    static int32_t other = 1000;
    other += 1000;
    for (int64_t i = 0; i < n; i++) {
        q.ids[i] = (int32_t)(i < same ? i : other + i);
    }
    return q;
}

/* @return how many documents and tokens there are */
static int32_t lay_out(const struct hs_question *questions, size_t n, int64_t step, int64_t *tokens) {
    struct hs_sheet sheet;
    int32_t ids[1000], documents;
    assert_int_equal(hs_sheet_make(questions, n, step, &sheet, NULL), HEADSIFT_OK);
    for (size_t i = 0; i < n; i++) {
        int32_t d = sheet.document[i];
        assert_int_equal(whole(&sheet, d, ids), questions[i].n);
        assert_memory_equal(ids, questions[i].ids, (size_t)questions[i].n * sizeof *ids);
        for (int64_t k = sheet.shared[i]; k < questions[i].n; k++) {
            assert_int_equal(sheet.wanted[sheet.offsets[d] + k - sheet.shared[i]], k >= questions[i].given);
        }
        assert_true(sheet.shared[i] <= questions[i].given && sheet.shared[i] < questions[i].n);
    }
    documents = sheet.n;
    *tokens = sheet.offsets[sheet.n];
    hs_sheet_free(&sheet);
    return documents;
}

static void what_questions_begin_with_stands_once(void **state) {
    (void)state;
    int64_t tokens;
    /* two items with one prefix of 70 tokens; item 0: choices share 110; item 1: 100; then an item without a prefix */
    struct hs_question all[] = {
        question(0, 0, 120, 110, 110), question(0, 0, 115, 110, 110), question(1, 0, 105, 100, 71),
        question(1, 0, 107, 100, 71),  question(2, -1, 70, 64, 64),   question(2, -1, 66, 64, 64),
    };
    for (int64_t i = 71; i < 100; i++) {
        all[3].ids[i] = all[2].ids[i];
    }
    assert_int_equal(lay_out(all, 6, STEP, &tokens), 6 + 1 + 1 + 1 + 1);
    assert_int_equal(tokens, 64 + (32 + 24 + 19) + (32 + 9 + 11) + (64 + 6 + 2));
    assert_int_equal(lay_out(all, 6, 0, &tokens), 6);
    assert_int_equal(lay_out(all, 1, STEP, &tokens), 1);
    /* what is asked about is not shared, nor is the whole of a prompt */
    struct hs_question short_ones[] = {question(0, -1, 40, 31, 40), question(0, -1, 40, 31, 40)};
    assert_int_equal(lay_out(short_ones, 2, STEP, &tokens), 2);
    struct hs_question prompts[] = {question(0, 0, 64, 64, 64), question(1, 0, 64, 64, 64)};
    assert_int_equal(lay_out(prompts, 2, STEP, &tokens), 3);
    assert_int_equal(tokens, 32 + 32 + 32);
    hs_questions_free(all, 6);
    hs_questions_free(short_ones, 2);
    hs_questions_free(prompts, 2);
}

/* ---- Conditions ---- */

static bool has(const struct hs_mask *mask, headsift_head head) {
    for (size_t i = 0; i < mask->n_heads; i++) {
        if (mask->heads[i].layer == head.layer && mask->heads[i].head == head.head) {
            return true;
        }
    }
    return false;
}

static void conditions_are_disjoint_and_seeded(void **state) {
    (void)state;
    const struct hs_config config = {.n_layer = 5, .n_head = 8};
    double scores[40], fractions[] = {0.025, 0.1, 1};
    headsift_head chosen[] = {{4, 7}, {0, 0}, {2, 3}};
    for (int i = 0; i < 40; i++) {
        scores[i] = i;
    }
    headsift_heads heads = {.heads = chosen, .n_heads = 3, .scores = scores, .n_layer = 5, .n_head = 8};
    headsift_eval_options options = {.draws = -1, .fractions = fractions, .n_fractions = 3, .task = {.seed = 5}};
    struct hs_conditions a, b;
    assert_int_equal(hs_conditions_make(&heads, &config, &options, &a, NULL), HEADSIFT_OK);
    static const char *const names[] = {"unmasked", "masked",       "random-1",   "random-2",
                                        "random-3", "masked-0.025", "masked-0.1", "masked-1"};
    static const size_t counts[] = {0, 3, 3, 3, 3, 1, 4, 40};
    assert_int_equal(a.n, 8);
    assert_int_equal(a.n_draws, 3);
    for (size_t i = 0; i < a.n; i++) {
        assert_string_equal(a.all[i].name, names[i]);
        assert_int_equal(a.masks[i].n_heads, counts[i]);
        assert_true(fabs(a.all[i].fraction - (double)counts[i] / 40) < 1e-12);
    }
    for (size_t i = 2; i < 5; i++) {
        for (size_t k = 0; k < 3; k++) {
            struct hs_mask before = {.heads = a.masks[i].heads, .n_heads = k};
            assert_false(has(&a.masks[1], a.masks[i].heads[k]) || has(&before, a.masks[i].heads[k]));
        }
    }
    assert_true(a.masks[6].heads[0].layer == 4 && a.masks[6].heads[0].head == 7 && a.masks[6].heads[3].head == 4);
    assert_int_equal(hs_conditions_make(&heads, &config, &options, &b, NULL), HEADSIFT_OK);
    assert_memory_equal(a.draws.heads, b.draws.heads, 9 * sizeof *chosen);
    hs_conditions_free(&b);
    options.task.seed = 6;
    assert_int_equal(hs_conditions_make(&heads, &config, &options, &b, NULL), HEADSIFT_OK);
    assert_memory_not_equal(a.draws.heads, b.draws.heads, 9 * sizeof *chosen);
    hs_conditions_free(&b);
    hs_conditions_free(&a);
}

static void wrong_conditions_are_refused(void **state) {
    (void)state;
    const struct hs_config config = {.n_layer = 2, .n_head = 2};
    headsift_head chosen[] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    double scores[4] = {0}, twice[] = {0.5, 0.5}, zero[] = {0};
    headsift_heads heads = {.heads = chosen, .n_heads = 3, .scores = scores};
    headsift_eval_options options = {.draws = 9};
    struct hs_conditions out;
    assert_int_equal(hs_conditions_make(&heads, &config, &options, &out, NULL), HEADSIFT_OK);
    for (size_t i = 2; i < 11; i++) { /* there is but one other */
        assert_true(out.masks[i].n_heads == 1 && out.masks[i].heads[0].layer == 1 && out.masks[i].heads[0].head == 1);
    }
    hs_conditions_free(&out);
    heads.n_heads = 4;
    assert_int_equal(hs_conditions_make(&heads, &config, &options, &out, NULL), HEADSIFT_OK);
    assert_int_equal(out.n, 2);
    assert_int_equal(out.n_draws, 0);
    hs_conditions_free(&out);
    options = (headsift_eval_options){.fractions = twice, .n_fractions = 2};
    assert_int_equal(hs_conditions_make(&heads, &config, &options, &out, &last), HEADSIFT_USAGE);
    assert_non_null(strstr(last.message, "0.5 twice"));
    options = (headsift_eval_options){.fractions = zero, .n_fractions = 1};
    assert_int_equal(hs_conditions_make(&heads, &config, &options, &out, &last), HEADSIFT_USAGE);
    heads.scores = NULL;
    options.fractions = twice;
    assert_int_equal(hs_conditions_make(&heads, &config, &options, &out, &last), HEADSIFT_USAGE);
    assert_non_null(strstr(last.message, "heads.json has none"));
    heads.n_heads = 0;
    assert_int_equal(hs_conditions_make(&heads, &config, &options, &out, &last), HEADSIFT_FAILED);
}

/* ---- Asking ---- */

struct scene {
    headsift_model *model;
    struct hs_conditions conditions;
    struct hs_stage stage;
    struct hs_asking asking;
    struct hs_outcomes outcomes;
};

static void open_scene(struct scene *scene, const struct hs_task *task, headsift_mask mask,
                       const headsift_monitor *monitor) {
    headsift_eval_options options = {.draws = 1, .mask = mask};
    *scene = (struct scene){.model = tiny_scorer(false)};
    assert_int_equal(
        hs_conditions_make(tiny_heads(), hs_model_config(scene->model->model), &options, &scene->conditions, NULL),
        HEADSIFT_OK);
    scene->asking = (struct hs_asking){
        .model = scene->model, .conditions = &scene->conditions, .stage = &scene->stage, .step = STEP};
    assert_int_equal(hs_scorer_engine(scene->model, &scene->asking.engine, NULL), HEADSIFT_OK);
    assert_int_equal(hs_outcomes_alloc(task, scene->conditions.n, &scene->outcomes, NULL), HEADSIFT_OK);
    hs_stage_begin(&scene->stage, monitor, "eval", 1000);
}

static void close_scene(struct scene *scene) {
    hs_outcomes_free(&scene->outcomes);
    hs_conditions_free(&scene->conditions);
    headsift_model_close(scene->model);
}

static void of_equal_choices_the_first_wins(void **state) {
    (void)state;
    for (int32_t gold = 0; gold < 2; gold++) {
        struct small *s = small_task(HS_TASK_CHOICE, NULL, "ab", " cd", " cd");
        struct scene scene;
        s->item.gold = gold;
        open_scene(&scene, &s->task, HEADSIFT_MASK_UNIFORM, NULL);
        assert_int_equal(hs_ask_likelihoods(&scene.asking, &s->task, &scene.outcomes, &last), HEADSIFT_OK);
        assert_true(hs_outcome(&scene.outcomes, HS_ACCURACY, 0)[0] == (gold == 0));
        assert_true(hs_outcome(&scene.outcomes, HS_ACCURACY_NORM, 1)[0] == (gold == 0));
        close_scene(&scene);
    }
}

/* Each mask has the means of its own heads. */
static void check_means(const struct scene *scene, const struct hs_calibration *calibration) {
    size_t head_dim = (size_t)hs_model_config(scene->model->model)->head_dim;
    for (size_t i = 1; i < scene->conditions.n; i++) {
        const struct hs_mask *mask = &scene->conditions.masks[i];
        float *means;
        assert_int_equal(hs_calibration_means(scene->model, calibration, mask->heads, mask->n_heads, &means, &last),
                         HEADSIFT_OK);
        assert_memory_equal(means, mask->means, mask->n_heads * head_dim * sizeof *means);
        hs_free(means);
    }
}

/* A mask of means changes losses in a way of its own. */
static void means_are_taken_for_every_condition(void **state) {
    (void)state;
    double losses[2];
    for (int mean = 0; mean < 2; mean++) {
        struct small *s = small_task(HS_TASK_LOSS, NULL, "the quick brown", " fox jumps", "");
        struct scene scene;
        struct hs_calibration calibration = {0};
        open_scene(&scene, &s->task, mean == 1 ? HEADSIFT_MASK_MEAN : HEADSIFT_MASK_UNIFORM, NULL);
        if (mean == 1) {
            hs_buffer_printf(&calibration.text, "a fox and a dog");
            assert_int_equal(hs_conditions_take_means(&scene.conditions, scene.model, &calibration, &last),
                             HEADSIFT_OK);
            check_means(&scene, &calibration);
            hs_calibration_free(&calibration);
        }
        assert_int_equal(hs_ask_likelihoods(&scene.asking, &s->task, &scene.outcomes, &last), HEADSIFT_OK);
        losses[mean] = hs_outcome(&scene.outcomes, HS_LOSS, 1)[0];
        assert_true(fabs(losses[mean] - hs_outcome(&scene.outcomes, HS_LOSS, 0)[0]) > 1e-6);
        assert_true(fabs(losses[mean] - hs_outcome(&scene.outcomes, HS_LOSS, 2)[0]) > 1e-6);
        close_scene(&scene);
    }
    assert_true(fabs(losses[0] - losses[1]) > 1e-6);
}

enum { MOST = 12 };

static struct hs_buffer greedy_text(headsift_model *model, const char *prompt) {
    struct hs_encoding encoding = {0};
    struct hs_buffer text = {0};
    int32_t out[MOST], n;
    struct hs_engine *engine;
    assert_int_equal(hs_scorer_engine(model, &engine, NULL), HEADSIFT_OK);
    assert_int_equal(hs_encode(model->tokenizer, prompt, strlen(prompt), 0, &encoding, NULL), HEADSIFT_OK);
    assert_int_equal(
        hs_engine_generate(engine, encoding.ids, (int64_t)encoding.n, MOST, NULL, NULL, out, &n, NULL, NULL),
        HEADSIFT_OK);
    for (int32_t i = 0; i < n; i++) {
        size_t size;
        const char *bytes = hs_token_bytes(model->tokenizer, out[i], &size);
        hs_buffer_append(&text, bytes, size);
    }
    hs_encoding_free(&encoding);
    char *end = strstr(text.data, "</s>"); /* the end of text ends an answer and is no part of it */
    text.size = end != NULL ? (size_t)(end - text.data) : text.size;
    text.data[text.size] = '\0';
    return text;
}

/* Answers are what greedy decoding gives, up to a stop string. */
static void answers_are_greedy_and_end_at_stops(void **state) {
    (void)state;
    headsift_model *model = tiny_scorer(false);
    struct hs_buffer text = greedy_text(model, "the quick brown fox jumps over the lax dog and");
    struct hs_text stop = {text.data + 5, 2};
    size_t end = (size_t)(strstr(text.data, (char[]){stop.data[0], stop.data[1], '\0'}) - text.data);
    struct hs_text answers[] = {{text.data, text.size}, {text.data, end}, {text.data, text.size}};
    assert_true(end > 0 && end <= 5 && text.size > 7);
    for (int i = 0; i < 3; i++) {
        struct small *s = small_task(HS_TASK_GENERATE, "the quick brown fox ", "jumps over the lax dog and", "", "");
        struct scene scene;
        s->task.most_tokens = MOST;
        s->task.stops = &stop;
        s->task.n_stops = i > 0;
        s->item.answers = &answers[i];
        s->item.n_answers = 1;
        open_scene(&scene, &s->task, HEADSIFT_MASK_UNIFORM, NULL);
        assert_int_equal(hs_ask_answers(&scene.asking, &s->task, &scene.outcomes, &last), HEADSIFT_OK);
        assert_true(hs_outcome(&scene.outcomes, HS_MATCH_RATE, 0)[0] == (i < 2));
        assert_int_equal(hs_ask_likelihoods(&scene.asking, &s->task, &scene.outcomes, &last), HEADSIFT_OK);
        assert_true(hs_outcome(&scene.outcomes, HS_LOSS, 0)[0] > 0);
        close_scene(&scene);
    }
    hs_buffer_free(&text);
    headsift_model_close(model);
}

static void a_wish_to_stop_is_seen(void **state) {
    (void)state;
    volatile sig_atomic_t stop = 1;
    headsift_monitor monitor = {.stop = &stop};
    struct hs_text answer = text_of("x");
    struct small *s = small_task(HS_TASK_GENERATE, NULL, "ab", "", "");
    struct scene scene;
    s->task.most_tokens = 4;
    s->item.answers = &answer;
    s->item.n_answers = 1;
    open_scene(&scene, &s->task, HEADSIFT_MASK_UNIFORM, &monitor);
    assert_int_equal(hs_ask_likelihoods(&scene.asking, &s->task, &scene.outcomes, &last), HEADSIFT_STOPPED);
    assert_int_equal(hs_ask_answers(&scene.asking, &s->task, &scene.outcomes, &last), HEADSIFT_STOPPED);
    close_scene(&scene);
}

/* Each head's score is the rise of the mean loss that masking it alone gives. */
static void ablation_on_a_task_is_a_mask_a_head(void **state) {
    (void)state;
    char path[512], spec[600];
    test_scratch(path, sizeof path, "eval_ablation.jsonl");
    snprintf(spec, sizeof spec, "t=%s", path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("{\"context\": \"the quick\", \"choices\": [\" fox\", \" brown dog\"], \"gold\": 1}\n"
          "{\"context\": \"a b c a b\", \"choices\": [\" c\", \" d\"], \"gold\": 0}\n",
          file);
    fclose(file);
    headsift_model *model = tiny_scorer(false);
    headsift_heads_options how = {.method = HEADSIFT_METHOD_ABLATION, .top_count = 2};
    headsift_task_options asked = {.shots = -1};
    headsift_heads *heads;
    assert_int_equal(headsift_heads_detect_task(model, spec, &asked, &how, NULL, &heads, &last), HEADSIFT_OK);
    assert_int_equal(heads->n_heads, 2);
    assert_int_equal(heads->samples, 2);
    assert_true(heads->effect.samples == 2 && heads->effect.masked > heads->effect.unmasked);
    struct hs_task task = {0};
    struct hs_task_options options = {.shots = -1};
    assert_int_equal(hs_task_open(spec, &options, &task, &last), HEADSIFT_OK);
    for (int32_t i = 0; i < 12; i++) {
        headsift_head head = {i / 4, i % 4};
        struct scene scene;
        open_scene(&scene, &task, HEADSIFT_MASK_UNIFORM, NULL);
        scene.conditions.masks[1].heads = &head;
        scene.conditions.masks[1].n_heads = 1;
        assert_int_equal(hs_ask_likelihoods(&scene.asking, &task, &scene.outcomes, &last), HEADSIFT_OK);
        const double *base = hs_outcome(&scene.outcomes, HS_LOSS, 0), *alone = hs_outcome(&scene.outcomes, HS_LOSS, 1);
        double rise = (alone[0] - base[0] + alone[1] - base[1]) / 2;
        assert_true(fabs(rise - heads->scores[i]) < 1e-6);
        close_scene(&scene);
    }
    how.method = HEADSIFT_METHOD_RETRIEVAL;
    headsift_heads_free(heads);
    assert_int_equal(headsift_heads_detect_task(model, spec, &asked, &how, NULL, &heads, &last), HEADSIFT_USAGE);
    hs_task_free(&task);
    headsift_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blanks_at_the_end_of_a_context_are_asked_about),
        cmocka_unit_test(an_empty_context_has_a_token_in_front),
        cmocka_unit_test(a_token_over_the_boundary_is_asked_about),
        cmocka_unit_test(too_long_questions_lose_their_beginning),
        cmocka_unit_test(what_questions_begin_with_stands_once),
        cmocka_unit_test(conditions_are_disjoint_and_seeded),
        cmocka_unit_test(wrong_conditions_are_refused),
        cmocka_unit_test(of_equal_choices_the_first_wins),
        cmocka_unit_test(means_are_taken_for_every_condition),
        cmocka_unit_test(answers_are_greedy_and_end_at_stops),
        cmocka_unit_test(a_wish_to_stop_is_seen),
        cmocka_unit_test(ablation_on_a_task_is_a_mask_a_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
