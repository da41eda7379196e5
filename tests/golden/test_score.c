/* Influence scores of the demo model against the independent reference (f64), and the properties that hold for any
 * model: packs, chunks, documents in which attention has nothing to choose from. */
#include "support.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "engine/engine.h"
#include "headsift/headsift.h"

enum { MOST = 64 };

/* The golden texts and values, and the model. */
struct fixture {
    headsift_model *model;
    headsift_heads *heads;
    json_t *rows[MOST], *objects[MOST];
    const char *texts[MOST];
    size_t sizes[MOST], n;
    headsift_score uniform[MOST]; /* of the first test */
};

static size_t read_lines(const char *name, json_t *out[MOST]) {
    char path[512];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/goldens/%s", HS_TEST_DATA, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    json_error_t reason;
    for (json_t *value; n < MOST; n++) {
        value = json_loadf(file, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, &reason);
        if (value == NULL) {
            break;
        }
        out[n] = value;
    }
    fclose(file);
    return n;
}

static int set_up(void **state) {
    static struct fixture fixture;
    headsift_error error = {0};
    headsift_model_options options = {.path = HS_DEMO_MODEL, .dtype = HEADSIFT_DTYPE_F32};
    if (headsift_model_open(&options, NULL, &fixture.model, &error) != HEADSIFT_OK ||
        headsift_heads_load(HS_TEST_DATA "/goldens/heads.json", &fixture.heads, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    fixture.n = read_lines("texts.jsonl", fixture.objects);
    assert_int_equal(read_lines("losses.jsonl", fixture.rows), fixture.n);
    assert_int_equal(fixture.n, 23);
    for (size_t i = 0; i < fixture.n; i++) {
        json_t *text = json_object_get(fixture.objects[i], "text");
        assert_string_equal(json_string_value(json_object_get(fixture.objects[i], "id")),
                            json_string_value(json_object_get(fixture.rows[i], "id")));
        fixture.texts[i] = json_string_value(text);
        fixture.sizes[i] = json_string_length(text);
    }
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    for (size_t i = 0; i < f->n; i++) {
        json_decref(f->rows[i]);
        json_decref(f->objects[i]);
    }
    headsift_heads_free(f->heads);
    headsift_model_close(f->model);
    return 0;
}

static void score(const struct fixture *f, const headsift_score_options *options, const char *const *texts,
                  const size_t *sizes, size_t n, headsift_score *rows) {
    headsift_error error = {0};
    headsift_status status = headsift_score_texts(f->model, f->heads, options, texts, sizes, n, rows, &error);
    if (status != HEADSIFT_OK && status != HEADSIFT_UNSCORED) {
        fail_msg("%s", error.message);
    }
}

/* The largest deviation seen is printed: it says how much of the tolerance is used. */
static void near(double value, double wanted, double tolerance, const char *id, const char *what, double *worst) {
    double away = fabs(value - wanted) / tolerance;
    *worst = away > *worst ? away : *worst;
    if (!(away <= 1)) {
        fail_msg("%s: %s is %.12g, wanted %.12g", id, what, value, wanted);
    }
}

static void compare(const struct fixture *f, const headsift_score *rows, const char *mask) {
    double worst_loss = 0, worst_score = 0;
    for (size_t i = 0; i < f->n; i++) {
        const char *id = json_string_value(json_object_get(f->rows[i], "id"));
        const json_t *base = json_object_get(f->rows[i], "loss_base");
        assert_int_equal(rows[i].n_tokens, json_integer_value(json_object_get(f->rows[i], "n_tokens")));
        assert_int_equal(rows[i].n_bytes, f->sizes[i]);
        if (base == NULL) {
            assert_string_equal(rows[i].status, "too_short");
            continue;
        }
        double loss = json_number_value(base), ref = json_number_value(json_object_get(f->rows[i], mask));
        assert_string_equal(rows[i].status, "ok");
        assert_int_equal(rows[i].n_scored, rows[i].n_tokens - 1);
        assert_true(rows[i].n_bytes_scored > 0 && rows[i].n_bytes_scored < rows[i].n_bytes); /* not the first token */
        near(rows[i].loss_base, loss, 5e-6 * loss, id, "loss_base", &worst_loss);
        near(rows[i].loss_ref, ref, 5e-6 * ref, id, "loss_ref", &worst_loss);
        near(rows[i].score, (ref - loss) / loss, 1e-5, id, "score", &worst_score);
    }
    print_message("%s: %.2f of the loss tolerance, %.2f of the score tolerance\n", mask, worst_loss, worst_score);
}

static void uniform_losses_and_scores_equal_the_reference(void **state) {
    struct fixture *f = *state;
    score(f, NULL, f->texts, f->sizes, f->n, f->uniform);
    compare(f, f->uniform, "loss_uniform");
}

static void zero_losses_and_scores_equal_the_reference(void **state) {
    struct fixture *f = *state;
    headsift_score rows[MOST];
    score(f, &(headsift_score_options){.mask = HEADSIFT_MASK_ZERO}, f->texts, f->sizes, f->n, rows);
    compare(f, rows, "loss_zero");
}

static void same(double value, double wanted, const char *what) {
    if (!(fabs(value - wanted) <= 1e-6 * fabs(wanted))) {
        fail_msg("%s: %.17g, wanted %.17g", what, value, wanted);
    }
}

/* The short ones: they share batches. In the first test they stood between the long ones. */
static void a_document_is_the_same_alone_and_in_any_order(void **state) {
    struct fixture *f = *state;
    headsift_score reversed_rows[MOST], alone;
    const char *reversed[MOST];
    size_t sizes[MOST], from[MOST], n = 0;
    for (size_t i = f->n; i-- > 0;) {
        if (f->uniform[i].n_tokens < 1000) {
            reversed[n] = f->texts[i];
            from[n] = i;
            sizes[n++] = f->sizes[i];
        }
    }
    score(f, NULL, reversed, sizes, n, reversed_rows);
    for (size_t i = 0; i < n; i++) {
        const headsift_score *row = &f->uniform[from[i]];
        if (!isnan(row->score)) {
            same(reversed_rows[i].loss_base, row->loss_base, "base, other order");
            same(reversed_rows[i].loss_ref, row->loss_ref, "masked, other order");
            score(f, NULL, &reversed[i], &sizes[i], 1, &alone);
            same(alone.loss_base, row->loss_base, "base, alone");
            same(alone.loss_ref, row->loss_ref, "masked, alone");
        }
    }
}

static void attention_without_a_choice_has_no_influence(void **state) {
    struct fixture *f = *state;
    const char *texts[] = {" the the", " a a a a a a a a a a a a", "hi there"};
    size_t sizes[] = {8, 24, 8};
    headsift_score rows[3];
    score(f, NULL, texts, sizes, 3, rows);
    for (size_t i = 0; i < 3; i++) {
        assert_true(rows[i].n_tokens == 2 || i == 1);
        if (!(fabs(rows[i].score) <= 1e-6)) {
            fail_msg("%s: score %.9g", texts[i], rows[i].score);
        }
    }
}

/* Near its end, a text of some 1,400 tokens has another mark: one token differs. */
static void change_late(headsift_model *model, const struct fixture *f) {
    const char *text = f->texts[f->n - 1], *stop = strrchr(text, '.');
    char *changed = hs_alloc(f->sizes[f->n - 1], 1);
    assert_true(stop != NULL && changed != NULL);
    memcpy(changed, text, f->sizes[f->n - 1]);
    changed[stop - text] = '!';
    const char *texts[] = {text, changed};
    size_t sizes[] = {f->sizes[f->n - 1], f->sizes[f->n - 1]};
    headsift_score rows[2];
    headsift_error error = {0};
    if (headsift_score_texts(model, f->heads, NULL, texts, sizes, 2, rows, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    assert_true(rows[0].n_tokens > 1000 && rows[0].n_tokens == rows[1].n_tokens);
    assert_true(rows[0].loss_base != rows[1].loss_base);
    assert_true(rows[0].loss_ref != rows[1].loss_ref);
    assert_true(rows[0].score != rows[1].score);
    hs_free(changed);
}

static void a_late_change_moves_the_score(void **state) {
    struct fixture *f = *state;
    change_late(f->model, f);
}

static void a_late_change_moves_the_score_in_bf16(void **state) {
    headsift_dtype dtype;
    if (hs_resolve_dtype(HEADSIFT_DTYPE_BF16, &dtype, NULL) != HEADSIFT_OK) {
        skip();
    }
    headsift_model *model = NULL;
    headsift_error error = {0};
    headsift_model_options options = {.path = HS_DEMO_MODEL, .dtype = dtype};
    if (headsift_model_open(&options, NULL, &model, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    change_late(model, *state);
    headsift_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uniform_losses_and_scores_equal_the_reference),
        cmocka_unit_test(zero_losses_and_scores_equal_the_reference),
        cmocka_unit_test(a_document_is_the_same_alone_and_in_any_order),
        cmocka_unit_test(attention_without_a_choice_has_no_influence),
        cmocka_unit_test(a_late_change_moves_the_score),
        cmocka_unit_test(a_late_change_moves_the_score_in_bf16),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
