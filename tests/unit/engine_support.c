/* An engine over a tiny model, and what any engine does with packs and with tokens that change.
 * Answers are compared with each other. */
#include "engine_support.h"

#include <math.h>
#include <string.h>

#include "base/random.h"

static const char tiny[] = HS_TEST_DATA "/goldens/tiny/llama_gqa_tied";

void open_folder(struct fixture *f, const char *path, struct hs_engine_options options) {
    headsift_error error = {0};
    if (hs_model_open(path, NULL, &f->model, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    if (hs_engine_open(f->model, &options, &f->engine, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
}

void open_with(struct fixture *f, struct hs_engine_options options) { open_folder(f, tiny, options); }

int close_fixture(void **state) {
    struct fixture *f = *state;
    hs_engine_close(f->engine);
    hs_model_close(f->model);
    return 0;
}

void draw_tokens(uint64_t seed, int32_t *tokens, int64_t n) {
    struct hs_random random;
    hs_random_seed(&random, seed);
    for (int64_t i = 0; i < n; i++) {
        tokens[i] = (int32_t)hs_random_below(&random, VOCAB);
    }
}

static const headsift_head some_heads[] = {{1, 2}, {2, 0}, {1, 3}};
const struct hs_mask no_mask = {0};
const struct hs_mask some_mask = {.kind = HEADSIFT_MASK_UNIFORM, .heads = some_heads, .n_heads = 3};

void lone(struct hs_engine *engine, const int32_t *tokens, int64_t n, const struct hs_mask *masks, int32_t n_masks,
          double *nll) {
    int64_t offsets[] = {0, n};
    struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = 1};
    headsift_error error = {0};
    if (hs_engine_nll(engine, &batch, masks, n_masks, nll, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
}

void assert_same(const double *a, const double *b, int64_t n, double relative) {
    for (int64_t i = 0; i < n; i++) {
        if (!(fabs(a[i] - b[i]) <= relative * fabs(b[i]))) {
            fail_msg("[%d]: %.12g and %.12g", (int)i, a[i], b[i]);
        }
    }
}

void pack_in_any_order(struct hs_engine *engine) {
    static const int64_t lengths[] = {1, 2, 33, 64, 0, 17, 200, 5};
    enum { N = sizeof lengths / sizeof *lengths, MOST = 400 };
    int32_t documents[N][LONGEST], packed[MOST];
    struct hs_mask masks[2] = {no_mask, some_mask};
    for (int i = 0; i < N; i++) {
        draw_tokens((uint64_t)i, documents[i], lengths[i]);
    }
    for (int order = 0; order < 3; order++) {
        int64_t offsets[N + 1] = {0}, which[N];
        for (int i = 0; i < N; i++) {
            which[i] = order == 0 ? i : order == 1 ? N - 1 - i : (i * 3) % N;
            memcpy(packed + offsets[i], documents[which[i]], (size_t)lengths[which[i]] * sizeof *packed);
            offsets[i + 1] = offsets[i] + lengths[which[i]];
        }
        struct hs_batch batch = {.tokens = packed, .offsets = offsets, .n_documents = N};
        double nll[2 * MOST], alone[2 * LONGEST];
        assert_int_equal(hs_engine_nll(engine, &batch, masks, 2, nll, NULL), HEADSIFT_OK);
        for (int i = 0; i < N; i++) {
            int64_t n = lengths[which[i]];
            lone(engine, documents[which[i]], n, masks, 2, alone);
            for (int m = 0; m < 2; m++) {
                assert_same(nll + m * offsets[N] + offsets[i], alone + m * n, n, 1e-6);
            }
        }
    }
}

void later_tokens_move_nothing(struct hs_engine *engine) {
    struct hs_mask masks[2] = {no_mask, some_mask};
    int32_t tokens[150];
    double before[300], after[300];
    draw_tokens(11, tokens, 150);
    lone(engine, tokens, 150, masks, 2, before);
    for (int64_t edit = 1; edit < 150; edit += 37) {
        int32_t kept = tokens[edit];
        tokens[edit] = (kept + 1) % VOCAB;
        lone(engine, tokens, 150, masks, 2, after);
        for (int m = 0; m < 2; m++) {
            assert_memory_equal(before + m * 150, after + m * 150, (size_t)edit * sizeof *before);
            assert_true(before[m * 150 + edit] != after[m * 150 + edit]);
        }
        tokens[edit] = kept;
    }
}

void change_late(struct hs_engine *engine) {
    struct hs_mask masks[2] = {no_mask, some_mask};
    int32_t tokens[LONGEST];
    double a[2 * LONGEST], b[2 * LONGEST];
    draw_tokens(12, tokens, LONGEST);
    lone(engine, tokens, LONGEST, masks, 2, a);
    for (int back = 1; back <= 3; back += 2) {
        tokens[LONGEST - back] ^= 1;
        lone(engine, tokens, LONGEST, masks, 2, b);
        tokens[LONGEST - back] ^= 1;
        for (int m = 0; m < 2; m++) {
            double sum_a = 0, sum_b = 0;
            for (int i = 0; i < LONGEST; i++) {
                sum_a += a[m * LONGEST + i];
                sum_b += b[m * LONGEST + i];
            }
            assert_true(sum_a != sum_b);
            for (int i = LONGEST - back; i < LONGEST; i++) {
                assert_true(a[m * LONGEST + i] != b[m * LONGEST + i]);
            }
        }
    }
}
