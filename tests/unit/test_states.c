/* Mean states, mean outputs of heads and masks of means, compared with each other: packs, threads, refusals.
 * tests/golden/test_states_golden.c compares them with an independent implementation. */
#include "engine_support.h"

#include <math.h>
#include <string.h>

enum { HIDDEN = 32, DIM = 8, HEADS = 3 };

static const headsift_head heads[HEADS] = {{2, 0}, {1, 3}, {1, 2}};

static int open_f32(void **state) {
    static struct fixture f;
    open_with(&f, (struct hs_engine_options){.threads = 2, .block_rows = 48});
    *state = &f;
    return 0;
}

static void assert_near(const float *a, const float *b, int64_t n, double bound) {
    double off = 0, length = 0;
    for (int64_t i = 0; i < n; i++) {
        off += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        length += (double)b[i] * (double)b[i];
    }
    if (!(sqrt(off) <= bound * sqrt(length)) || !(length > 0)) {
        fail_msg("off by %g of a length of %g", sqrt(off), sqrt(length));
    }
}

/* Documents of these lengths, drawn by their lengths: more than go through the layers together. */
static const int64_t lengths[] = {1, 900, 0, 33, 2, 1100, 700, 64, 500};
enum { N = sizeof lengths / sizeof *lengths, ALL = 3300 };

struct pack {
    int32_t tokens[ALL];
    int64_t offsets[N + 1];
    struct hs_batch batch;
};

static void make_pack(struct pack *pack, bool backwards) {
    *pack = (struct pack){.batch = {.tokens = pack->tokens, .offsets = pack->offsets, .n_documents = N}};
    for (int i = 0; i < N; i++) {
        int64_t length = lengths[backwards ? N - 1 - i : i];
        draw_tokens((uint64_t)length, pack->tokens + pack->offsets[i], length);
        pack->offsets[i + 1] = pack->offsets[i] + length;
    }
    assert_int_equal(pack->offsets[N], ALL);
}

static void embeddings_are_the_same_alone_and_in_any_pack(void **state) {
    struct fixture *f = *state;
    static struct pack pack;
    static float states[2][N * HIDDEN];
    const float zeros[HIDDEN] = {0};
    assert_true(hs_engine_batch_tokens(f->engine) < ALL);
    for (int backwards = 0; backwards < 2; backwards++) {
        make_pack(&pack, backwards);
        memset(states[backwards], 0xFF, sizeof states[backwards]);
        assert_int_equal(hs_engine_embed(f->engine, &pack.batch, states[backwards], NULL), HEADSIFT_OK);
    }
    for (int d = 0; d < N; d++) {
        const float *there = states[1] + d * HIDDEN, *back = states[0] + (N - 1 - d) * HIDDEN;
        const int64_t offsets[] = {0, pack.offsets[d + 1] - pack.offsets[d]};
        struct hs_batch lone = {.tokens = pack.tokens + pack.offsets[d], .offsets = offsets, .n_documents = 1};
        float alone[HIDDEN];
        assert_int_equal(hs_engine_embed(f->engine, &lone, alone, NULL), HEADSIFT_OK);
        if (offsets[1] == 0) {
            assert_memory_equal(there, zeros, sizeof zeros);
            assert_memory_equal(back, zeros, sizeof zeros);
            assert_memory_equal(alone, zeros, sizeof zeros);
        } else {
            assert_near(there, alone, HIDDEN, 1e-6);
            assert_near(back, alone, HIDDEN, 1e-6);
        }
    }
}

/* The mean over a pack is that of the documents' own means, weighted by their lengths. */
static void mean_outputs_are_over_all_positions(void **state) {
    struct fixture *f = *state;
    static struct pack pack;
    float means[2][HEADS * DIM], weighted[HEADS * DIM];
    double sums[HEADS * DIM] = {0};
    for (int backwards = 0; backwards < 2; backwards++) {
        make_pack(&pack, backwards);
        assert_int_equal(hs_engine_mean_outputs(f->engine, &pack.batch, heads, HEADS, means[backwards], NULL),
                         HEADSIFT_OK);
    }
    for (int d = 0; d < N; d++) {
        const int64_t offsets[] = {0, pack.offsets[d + 1] - pack.offsets[d]};
        struct hs_batch lone = {.tokens = pack.tokens + pack.offsets[d], .offsets = offsets, .n_documents = 1};
        float alone[HEADS * DIM];
        if (offsets[1] > 0) {
            assert_int_equal(hs_engine_mean_outputs(f->engine, &lone, heads, HEADS, alone, NULL), HEADSIFT_OK);
            for (int i = 0; i < HEADS * DIM; i++) {
                sums[i] += (double)alone[i] * (double)offsets[1] / ALL;
            }
        }
    }
    for (int i = 0; i < HEADS * DIM; i++) {
        weighted[i] = (float)sums[i];
    }
    assert_near(means[0], weighted, HEADS * DIM, 1e-6);
    assert_near(means[1], weighted, HEADS * DIM, 1e-6);
}

static void threads_change_no_bit(void **state) {
    (void)state;
    static struct pack pack;
    float means[2][HEADS * DIM], states[2][N * HIDDEN];
    make_pack(&pack, false);
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        void *opened = &f;
        open_with(&f, (struct hs_engine_options){.threads = 1 + 2 * i, .block_rows = 16});
        assert_int_equal(hs_engine_mean_outputs(f.engine, &pack.batch, heads, HEADS, means[i], NULL), HEADSIFT_OK);
        assert_int_equal(hs_engine_embed(f.engine, &pack.batch, states[i], NULL), HEADSIFT_OK);
        close_fixture(&opened);
    }
    assert_memory_equal(means[0], means[1], sizeof means[0]);
    assert_memory_equal(states[0], states[1], sizeof states[0]);
}

static void losses(struct fixture *f, const struct hs_mask *masks, int32_t n_masks, double *nll) {
    int32_t tokens[LONGEST];
    draw_tokens(5, tokens, LONGEST);
    lone(f->engine, tokens, LONGEST, masks, n_masks, nll);
}

static void means_of_zeros_equal_the_zero_mask(void **state) {
    struct fixture *f = *state;
    const float zeros[HEADS * DIM] = {0};
    double nll[2 * LONGEST];
    const struct hs_mask masks[] = {
        {.kind = HEADSIFT_MASK_MEAN, .heads = heads, .n_heads = HEADS, .means = zeros},
        {.kind = HEADSIFT_MASK_ZERO, .heads = heads, .n_heads = HEADS},
    };
    losses(f, masks, 2, nll);
    assert_memory_equal(nll, nll + LONGEST, LONGEST * sizeof *nll);
}

/* Heads in any order with their own vectors, beside masks of other kinds and shared layers. */
static void a_mean_mask_is_the_same_among_others(void **state) {
    struct fixture *f = *state;
    float means[HEADS * DIM], turned[HEADS * DIM], moved[HEADS * DIM];
    headsift_head other[HEADS];
    double alone[LONGEST], among[5 * LONGEST];
    static struct pack pack;
    make_pack(&pack, false);
    assert_int_equal(hs_engine_mean_outputs(f->engine, &pack.batch, heads, HEADS, means, NULL), HEADSIFT_OK);
    for (int i = 0; i < HEADS; i++) {
        other[i] = heads[HEADS - 1 - i];
        memcpy(turned + i * DIM, means + (HEADS - 1 - i) * DIM, DIM * sizeof *means);
    }
    memcpy(moved, means, sizeof moved);
    moved[HEADS * DIM - 1] += 1;
    const struct hs_mask mask = {.kind = HEADSIFT_MASK_MEAN, .heads = heads, .n_heads = HEADS, .means = means};
    const struct hs_mask masks[] = {
        {.kind = HEADSIFT_MASK_MEAN, .heads = heads, .n_heads = HEADS, .means = moved},
        some_mask,
        {.kind = HEADSIFT_MASK_MEAN, .heads = other, .n_heads = HEADS, .means = turned},
        {.kind = HEADSIFT_MASK_ZERO, .heads = heads, .n_heads = HEADS},
        no_mask,
    };
    losses(f, &mask, 1, alone);
    losses(f, masks, 5, among);
    assert_same(among + 2 * LONGEST, alone, LONGEST, 1e-6);
    for (int i = 0; i < 5; i++) {
        for (int t = 2; i != 2 && t < LONGEST; t++) {
            assert_true(among[i * LONGEST + t] != alone[t]);
        }
    }
}

static void what_can_t_be_answered_is_refused(void **state) {
    struct fixture *f = *state;
    const int32_t tokens[] = {5, 6, VOCAB};
    const int64_t offsets[] = {0, 2}, none[] = {0, 0}, wrong[] = {0, 3};
    const headsift_head beyond = {N_LAYER, 0};
    struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = 1};
    struct hs_mask mask = {.kind = HEADSIFT_MASK_MEAN, .heads = heads, .n_heads = HEADS};
    float out[N * HIDDEN];
    double nll[2];
    headsift_error error = {0};
    assert_int_equal(hs_engine_nll(f->engine, &batch, &mask, 1, nll, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "a mask of means has none"));
    assert_int_equal(hs_engine_mean_outputs(f->engine, &batch, &beyond, 1, out, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "layer 3, head 0"));
    const int32_t parents[] = {-1};
    batch.parents = parents;
    assert_int_equal(hs_engine_mean_outputs(f->engine, &batch, heads, HEADS, out, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "without parents"));
    assert_int_equal(hs_engine_embed(f->engine, &batch, out, &error), HEADSIFT_FAILED);
    batch.parents = NULL;
    batch.offsets = none;
    assert_int_equal(hs_engine_mean_outputs(f->engine, &batch, heads, HEADS, out, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "no tokens"));
    batch.offsets = wrong;
    assert_int_equal(hs_engine_mean_outputs(f->engine, &batch, heads, HEADS, out, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "has id 128"));
    assert_int_equal(hs_engine_embed(f->engine, &batch, out, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "has id 128"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(embeddings_are_the_same_alone_and_in_any_pack, open_f32, close_fixture),
        cmocka_unit_test_setup_teardown(mean_outputs_are_over_all_positions, open_f32, close_fixture),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test_setup_teardown(means_of_zeros_equal_the_zero_mask, open_f32, close_fixture),
        cmocka_unit_test_setup_teardown(a_mean_mask_is_the_same_among_others, open_f32, close_fixture),
        cmocka_unit_test_setup_teardown(what_can_t_be_answered_is_refused, open_f32, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
