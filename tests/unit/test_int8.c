/* The engine in int8: its products against an emulation of their definition, and what it shares with any engine,
 * whatever it is made of. */
#include "engine_support.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

static const struct hs_int8_recipe recipes[] = {
    {0},
    HS_INT8_RECIPE, /* half of these small inputs are outliers */
    {.outliers = 16, .hadamard = true},
    {.bf16_logits = true, .bf16_down = true},
    {.outliers = 9, .bf16_down = true},
};
enum { RECIPES = sizeof recipes / sizeof *recipes };

static int32_t calibration[100];

static struct hs_engine_options options_of(struct hs_int8_recipe recipe) {
    draw_tokens(21, calibration, 100);
    return (struct hs_engine_options){
        .dtype = HEADSIFT_DTYPE_INT8, .threads = 2, .int8 = recipe, .calibration = calibration, .n_calibration = 100};
}

static int needs_int8(void **state) {
    (void)state;
    headsift_dtype dtype;
    headsift_error error = {0};
    if (hs_resolve_dtype(HEADSIFT_DTYPE_INT8, &dtype, &error) != HEADSIFT_OK) {
        printf("skipped: %s\n", error.message);
        exit(0);
    }
    return 0;
}

/* Answers of another engine: losses of both masks. */
static void answer(struct hs_engine_options options, const int32_t *tokens, double *nll) {
    struct fixture f, *closing = &f;
    const struct hs_mask masks[2] = {no_mask, some_mask};
    open_with(&f, options);
    assert_int_equal(hs_engine_layer_passes(f.engine), 0); /* of the calibration */
    lone(f.engine, tokens, LONGEST, masks, 2, nll);
    if (options.dtype == HEADSIFT_DTYPE_INT8) {
        pack_in_any_order(f.engine);
        later_tokens_move_nothing(f.engine);
        change_late(f.engine);
    }
    close_fixture((void **)&closing);
}

static void losses_are_near_f32_and_the_same_on_any_threads(void **state) {
    (void)state;
    int32_t tokens[LONGEST];
    double exact[2 * LONGEST], few[2 * LONGEST], many[2 * LONGEST];
    draw_tokens(22, tokens, LONGEST);
    answer((struct hs_engine_options){.dtype = HEADSIFT_DTYPE_F32, .threads = 2}, tokens, exact);
    for (int r = 0; r < RECIPES; r++) {
        struct hs_engine_options options = options_of(recipes[r]);
        options.threads = 1;
        answer(options, tokens, few);
        options.threads = 3;
        options.block_rows = 16;
        answer(options, tokens, many);
        assert_same(few, many, 2 * LONGEST, 1e-9);
        for (int m = 0; m < 2; m++) {
            double got = 0, want = 0;
            for (int i = 0; i < LONGEST; i++) {
                got += few[m * LONGEST + i];
                want += exact[m * LONGEST + i];
            }
            assert_same(&got, &want, 1, 1e-2); /* the models are random: a token's loss may be further away */
        }
        assert_true(memcmp(few, exact, sizeof few) != 0);
    }
}

/* ---- Products against their definition ---- */

enum { WIDEST = 256 };

/* A row quantised by the twin; the outliers in units of the scale, as q is. */
struct row {
    float outliers[WIDEST], rest[WIDEST], scale;
};

static void quantise_activations(const struct hs_split *split, const uint16_t *x, struct row *out) {
    static uint16_t outliers[WIDEST + HS_S8_SLACK];
    static int8_t q[WIDEST + HS_S8_SLACK];
    out->scale = hs_s8_plain.quantise(x, split, outliers, q);
    for (int32_t i = 0; i < split->n_taken; i++) {
        out->outliers[i] = hs_from_bf16(outliers[i]);
    }
    for (int64_t i = 0; i < split->n - split->n_taken; i++) {
        out->rest[i] = q[i];
    }
}

/* One row of W has one scale: the largest of the rest is 127. */
static void quantise_weights(const struct hs_split *split, const float *w, struct row *out) {
    int64_t n = 0, taken = 0;
    float most = 0;
    for (int64_t i = 0; i < split->n; i++) {
        bool apart = (split->taken[i / 32] >> i % 32 & 1) != 0;
        *(apart ? &out->outliers[taken++] : &out->rest[n++]) = w[i];
    }
    assert_int_equal(taken, split->n_taken);
    for (int64_t i = 0; split->block > 1 && i < n; i += split->block) {
        hs_hadamard(out->rest + i, split->block);
    }
    for (int64_t i = 0; i < n; i++) {
        most = fmaxf(most, fabsf(out->rest[i]));
    }
    out->scale = most / 127;
    for (int64_t i = 0; i < n; i++) {
        out->rest[i] = rintf(out->rest[i] / out->scale);
    }
    for (int64_t i = 0; i < taken; i++) {
        out->outliers[i] /= out->scale;
    }
}

/* The product of some rows by one of the engine's matrices. */
static void check_product(const struct fixture *f, const struct hs_matrix *matrix, const float *w) {
    enum { ROWS = 3 };
    struct hs_worker *worker = &f->engine->workers[0];
    const struct hs_split *split = &matrix->input->split;
    const int64_t outputs = hs_matrix_outputs(matrix);
    static struct row x[ROWS], weights;
    uint16_t rows[ROWS][WIDEST];
    int32_t drawn[WIDEST];
    assert_int_equal(hs_matrix_inputs(matrix), split->n);
    for (int r = 0; r < ROWS; r++) {
        draw_tokens((uint64_t)(40 + r), drawn, split->n);
        for (int64_t i = 0; i < split->n; i++) {
            rows[r][i] = hs_to_bf16(((float)drawn[i] - 60.0f) * (r == 2 ? 1e-3f : 0.07f));
        }
        quantise_activations(split, rows[r], &x[r]);
        hs_quantise_row(f->engine, worker, matrix, r, rows[r]);
    }
    assert_int_equal(hs_multiply(f->engine, worker, HS_STAGE_MLP, matrix, ROWS, rows, NULL), HEADSIFT_OK);
    for (int r = 0; r < ROWS; r++) {
        const float *got = hs_product_row(f->engine, worker, matrix, r);
        for (int64_t o = 0; o < outputs; o++) {
            quantise_weights(split, w + o * split->n, &weights);
            double sum = 0, size = 0;
            for (int32_t i = 0; i < split->n_taken; i++) {
                sum += (double)x[r].outliers[i] * weights.outliers[i];
                size += fabs((double)x[r].outliers[i] * weights.outliers[i]);
            }
            for (int64_t i = 0; i < split->n - split->n_taken; i++) {
                sum += (double)x[r].rest[i] * weights.rest[i];
            }
            /* bf16 of the outliers' weights, and a whole number that a transform's rounding turned */
            double bound = (4e-3 * size + (split->block > 1 ? 127 : 1e-3 * fabs(sum))) * x[r].scale * weights.scale;
            assert_true(fabs((double)got[o] - sum * x[r].scale * weights.scale) <= bound + 1e-6);
        }
    }
}

static void products_are_what_their_definition_says(void **state) {
    (void)state;
    for (int r = 0; r < RECIPES; r++) {
        struct fixture f, *closing = &f;
        open_with(&f, options_of(recipes[r]));
        const struct hs_layer *layer = &f.engine->layers[1];
        const struct hs_weight *down = hs_model_weight(f.model, HS_DOWN, 1), *o = hs_model_weight(f.model, HS_O, 1);
        const int64_t most = hs_weight_rows(down) * hs_weight_cols(down) + hs_weight_rows(o) * hs_weight_cols(o);
        float *w = hs_alloc((size_t)most, sizeof *w);
        assert_non_null(w);
        hs_weight_read(o, 0, hs_weight_rows(o), w);
        check_product(&f, layer->output, w);
        assert_int_equal(layer->down[0]->input == NULL, recipes[r].bf16_down);
        if (!recipes[r].bf16_down) {
            assert_int_equal(layer->down[0]->input->split.block, recipes[r].outliers == 16 ? 32 : 1);
            hs_weight_read(down, 0, hs_weight_rows(down), w);
            check_product(&f, layer->down[0], w);
        }
        hs_free(w);
        close_fixture((void **)&closing);
    }
}

/* ---- Recipes ---- */

static void multiply_adds_are_counted_by_type(void **state) {
    (void)state;
    int32_t tokens[LONGEST];
    double nll[LONGEST];
    draw_tokens(23, tokens, LONGEST);
    for (int r = 0; r < RECIPES; r++) {
        struct fixture f, *closing = &f;
        struct hs_stage_cost costs[HS_STAGES];
        open_with(&f, options_of(recipes[r]));
        lone(f.engine, tokens, LONGEST, &no_mask, 1, nll);
        hs_engine_costs(f.engine, costs);
        assert_true(costs[HS_STAGE_ATTENTION].in_s8 == 0 && costs[HS_STAGE_ATTENTION].multiply_adds > 0);
        assert_int_equal(costs[HS_STAGE_LOSS].in_s8 == 0, recipes[r].bf16_logits);
        double share = costs[HS_STAGE_PROJECTION].in_s8 / costs[HS_STAGE_PROJECTION].multiply_adds;
        const struct hs_split *split = &f.engine->layers[0].output->input->split;
        assert_true(fabs(share - 1 + (double)split->n_taken / (double)split->n) < 1e-12);
        assert_true((share < 1) == (recipes[r].outliers > 0));
        close_fixture((void **)&closing);
    }
}

static void outliers_need_a_calibration(void **state) {
    (void)state;
    headsift_error error = {0};
    struct fixture f, *closing = &f;
    struct hs_engine *engine = NULL;
    struct hs_engine_options options = options_of((struct hs_int8_recipe){0});
    options.calibration = NULL;
    options.n_calibration = 0;
    open_with(&f, options); /* without outliers there is nothing to choose */
    options.int8 = HS_INT8_RECIPE;
    assert_int_equal(hs_engine_open(f.model, &options, &engine, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "calibrate"));
    const int32_t beyond[] = {1, VOCAB};
    options.calibration = beyond;
    options.n_calibration = 2;
    assert_int_equal(hs_engine_open(f.model, &options, &engine, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "id 128"));
    assert_null(engine);
    close_fixture((void **)&closing);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_are_near_f32_and_the_same_on_any_threads),
        cmocka_unit_test(products_are_what_their_definition_says),
        cmocka_unit_test(multiply_adds_are_counted_by_type),
        cmocka_unit_test(outliers_need_a_calibration),
    };
    return cmocka_run_group_tests(tests, needs_int8, NULL);
}
