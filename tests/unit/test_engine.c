/* Properties of the engine on tiny models: packing, causality, head masks, sharing of layers, block sizes, attention
 * rows and generation. Right values are in tests/golden/test_engine_golden.c; here answers are compared with each
 * other. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/cpu/cpu.h"

enum { VOCAB = 128, N_LAYER = 3, N_HEAD = 4, LONGEST = 200 };

static const char tiny[] = HS_TEST_DATA "/goldens/tiny/llama_gqa_tied";

struct fixture {
    struct hs_model *model;
    struct hs_engine *engine;
};

static void open_with(struct fixture *f, struct hs_engine_options options) {
    headsift_error error = {0};
    if (hs_model_open(tiny, NULL, &f->model, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    if (hs_engine_open(f->model, &options, &f->engine, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
}

static int open_default(void **state) {
    static struct fixture f;
    open_with(&f, (struct hs_engine_options){.threads = 2});
    *state = &f;
    return 0;
}

static int close_fixture(void **state) {
    struct fixture *f = *state;
    hs_engine_close(f->engine);
    hs_model_close(f->model);
    return 0;
}

static void draw_tokens(uint64_t seed, int32_t *tokens, int64_t n) {
    struct hs_random random;
    hs_random_seed(&random, seed);
    for (int64_t i = 0; i < n; i++) {
        tokens[i] = (int32_t)hs_random_below(&random, VOCAB);
    }
}

static const headsift_head some_heads[] = {{1, 2}, {2, 0}, {1, 3}};
static const struct hs_mask no_mask = {0};
static const struct hs_mask some_mask = {HEADSIFT_MASK_UNIFORM, some_heads, 3};

/* Losses (n_masks, n) of one document alone. */
static void lone(struct hs_engine *engine, const int32_t *tokens, int64_t n, const struct hs_mask *masks,
                 int32_t n_masks, double *nll) {
    int64_t offsets[] = {0, n};
    struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = 1};
    headsift_error error = {0};
    if (hs_engine_nll(engine, &batch, masks, n_masks, nll, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
}

static void assert_same(const double *a, const double *b, int64_t n, double relative) {
    for (int64_t i = 0; i < n; i++) {
        if (!(fabs(a[i] - b[i]) <= relative * fabs(b[i]))) {
            fail_msg("[%d]: %.12g and %.12g", (int)i, a[i], b[i]);
        }
    }
}

static void pack_in_any_order(struct hs_engine *engine) {
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

static void a_document_alone_equals_itself_in_any_pack(void **state) {
    struct fixture *f = *state;
    pack_in_any_order(f->engine);
}

/* Small blocks, the last one first: documents begin at odd rows, so that blocks share pairs of values. */
static void a_document_alone_equals_itself_in_any_pack_in_bf16(void **state) {
    (void)state;
    struct hs_engine_options options = {.threads = 1, .block_rows = 16};
    if (hs_resolve_dtype(HEADSIFT_DTYPE_BF16, &options.dtype, NULL) != HEADSIFT_OK) {
        skip();
    }
    struct fixture f;
    open_with(&f, options);
    pack_in_any_order(f.engine);
    void *closing = &f;
    close_fixture(&closing);
}

static void later_tokens_move_no_earlier_loss(void **state) {
    struct fixture *f = *state;
    struct hs_mask masks[2] = {no_mask, some_mask};
    int32_t tokens[150];
    double before[300], after[300];
    draw_tokens(11, tokens, 150);
    lone(f->engine, tokens, 150, masks, 2, before);
    for (int64_t edit = 1; edit < 150; edit += 37) {
        int32_t kept = tokens[edit];
        tokens[edit] = (kept + 1) % VOCAB;
        lone(f->engine, tokens, 150, masks, 2, after);
        for (int m = 0; m < 2; m++) {
            assert_memory_equal(before + m * 150, after + m * 150, (size_t)edit * sizeof *before);
            assert_true(before[m * 150 + edit] != after[m * 150 + edit]);
        }
        tokens[edit] = kept;
    }
}

/* Both streams; the last token, and one with others behind it. */
static void change_late(struct hs_engine *engine) {
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

static void a_late_token_changes_the_loss(void **state) {
    struct fixture *f = *state;
    change_late(f->engine);
}

static void a_late_token_changes_the_loss_in_bf16(void **state) {
    (void)state;
    struct hs_engine_options options = {.threads = 2};
    if (hs_resolve_dtype(HEADSIFT_DTYPE_BF16, &options.dtype, NULL) != HEADSIFT_OK) {
        skip();
    }
    struct fixture f;
    open_with(&f, options);
    change_late(f.engine);
    void *closing = &f;
    close_fixture(&closing);
}

static void uniform_masks_change_nothing_where_attention_is_uniform_anyway(void **state) {
    struct fixture *f = *state;
    struct hs_mask masks[2] = {no_mask, some_mask};
    int32_t two[2] = {5, 77}, same[90];
    double nll[180];
    lone(f->engine, two, 2, masks, 2, nll); /* the only predicting row sees one position */
    assert_true(nll[1] == nll[3]);
    for (int i = 0; i < 90; i++) {
        same[i] = 42;
    }
    lone(f->engine, same, 90, masks, 2, nll);
    for (int i = 1; i < 90; i++) {
        assert_true(fabs(nll[i] - nll[90 + i]) <= 1e-6 * nll[i]);
    }
}

static bool stop_after_five(void *user, int32_t masks_done, int32_t masks) {
    assert_int_equal(masks, N_LAYER * N_HEAD);
    *(int32_t *)user = masks_done;
    return masks_done < 5;
}

static void many_masks_can_be_stopped_in_between(void **state) {
    struct fixture *f = *state;
    headsift_head heads[N_LAYER * N_HEAD];
    struct hs_mask masks[N_LAYER * N_HEAD];
    for (int i = 0; i < N_LAYER * N_HEAD; i++) {
        heads[i] = (headsift_head){i / N_HEAD, i % N_HEAD};
        masks[i] = (struct hs_mask){HEADSIFT_MASK_UNIFORM, &heads[i], 1};
    }
    int32_t tokens[10], done = 0;
    double nll[N_LAYER * N_HEAD * 10];
    int64_t offsets[] = {0, 10};
    struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = 1};
    struct hs_watch watch = {stop_after_five, &done};
    draw_tokens(21, tokens, 10);
    hs_engine_watch(f->engine, &watch);
    assert_int_equal(hs_engine_nll(f->engine, &batch, masks, N_LAYER * N_HEAD, nll, NULL), HEADSIFT_STOPPED);
    assert_int_equal(done, 2 * N_HEAD); /* asked after each layer's heads */
    hs_engine_watch(f->engine, NULL);
    assert_int_equal(hs_engine_nll(f->engine, &batch, masks, N_LAYER * N_HEAD, nll, NULL), HEADSIFT_OK);
}

static void one_mask_alone_equals_it_among_many(void **state) {
    struct fixture *f = *state;
    enum { N = N_LAYER * N_HEAD + 3 };
    headsift_head heads[N_LAYER * N_HEAD];
    struct hs_mask masks[N];
    for (int i = 0; i < N_LAYER * N_HEAD; i++) {
        int reversed = N_LAYER * N_HEAD - 1 - i; /* the caller's order is not the walk's */
        heads[i] = (headsift_head){reversed / N_HEAD, reversed % N_HEAD};
        masks[i] = (struct hs_mask){i % 2 ? HEADSIFT_MASK_ZERO : HEADSIFT_MASK_UNIFORM, &heads[i], 1};
    }
    masks[N - 3] = no_mask;
    masks[N - 2] = some_mask;
    masks[N - 1] = no_mask;
    int32_t tokens[70];
    double all[N * 70], one[70];
    draw_tokens(13, tokens, 70);
    lone(f->engine, tokens, 70, masks, N, all);
    for (int m = 0; m < N; m++) {
        lone(f->engine, tokens, 70, &masks[m], 1, one);
        assert_same(all + m * 70, one, 70, 1e-6);
        if (m < N - 3) {
            assert_true(memcmp(all + m * 70, all + (N - 1) * 70, sizeof one) != 0);
        }
    }
    assert_memory_equal(all + (N - 1) * 70, all + (N - 3) * 70, sizeof one);
}

static void few_streams_at_a_time_give_the_same(void **state) {
    struct fixture *f = *state, narrow;
    headsift_head heads[N_LAYER * N_HEAD];
    struct hs_mask masks[N_LAYER * N_HEAD + 1] = {no_mask};
    for (int i = 0; i < N_LAYER * N_HEAD; i++) {
        heads[i] = (headsift_head){i / N_HEAD, i % N_HEAD};
        masks[i + 1] = (struct hs_mask){HEADSIFT_MASK_UNIFORM, &heads[i], 1};
    }
    int32_t tokens[40];
    double wide_nll[(N_LAYER * N_HEAD + 1) * 40], narrow_nll[(N_LAYER * N_HEAD + 1) * 40];
    draw_tokens(14, tokens, 40);
    open_with(&narrow,
              (struct hs_engine_options){.threads = 1, .block_rows = 16, .vocab_block = 48, .stream_bytes = 1});
    lone(f->engine, tokens, 40, masks, N_LAYER * N_HEAD + 1, wide_nll);
    lone(narrow.engine, tokens, 40, masks, N_LAYER * N_HEAD + 1, narrow_nll);
    assert_same(narrow_nll, wide_nll, (N_LAYER * N_HEAD + 1) * 40, 1e-6);
    void *closing = &narrow;
    close_fixture(&closing);
}

static void sharing_saves_the_layers_below_the_first_masked_one(void **state) {
    struct fixture *f = *state;
    int32_t tokens[20];
    double nll[40];
    struct hs_mask masks[2] = {no_mask, some_mask};
    draw_tokens(15, tokens, 20);
    int64_t before = hs_engine_layer_passes(f->engine);
    lone(f->engine, tokens, 20, masks, 2, nll);
    assert_int_equal(hs_engine_layer_passes(f->engine) - before, 1 + 2 * 2); /* layer 0 once, layers 1 and 2 twice */
    before = hs_engine_layer_passes(f->engine);
    lone(f->engine, tokens, 20, masks, 1, nll);
    assert_int_equal(hs_engine_layer_passes(f->engine) - before, 3);
}

/* Inside the engine: attention rows with and without the mask, head by head. */
static void a_mask_leaves_the_other_heads_of_its_group_alone(void **state) {
    struct fixture *f = *state;
    enum { N = 20, LAYER = 1, MASKED = 2 };
    struct hs_engine *engine = f->engine;
    const int64_t dim = engine->config->head_dim, hidden = engine->config->hidden;
    int32_t tokens[N];
    bool masked[N_LAYER * N_HEAD] = {[LAYER * N_HEAD + MASKED] = true};
    struct hs_plan plan = {HEADSIFT_MASK_UNIFORM, 0, LAYER, masked};
    struct hs_segment segment = {.length = N};
    float *x = hs_alloc((size_t)(N * hidden), sizeof *x), *forked = hs_alloc((size_t)(N * hidden), sizeof *x);
    struct hs_walk walk = {.x = x, .rows = N, .segments = &segment, .n_segments = 1, .forks = &plan, .n_forks = 1};
    draw_tokens(16, tokens, N);
    hs_embed(engine, tokens, N, x);
    assert_int_equal(hs_rope_need(engine, N, NULL), HEADSIFT_OK);
    assert_int_equal(hs_cache_need(engine, 1, hs_slots(N), &walk.cache, NULL), HEADSIFT_OK);
    assert_int_equal(hs_layer_fork(engine, LAYER, &walk, forked, true, NULL), HEADSIFT_OK);
    const float *values =
        (const float *)walk.cache.values + MASKED / 2 * walk.cache.slots * dim; /* two query heads a KV head */
    const float *plain = engine->workers[0].attention, *replaced = engine->workers[0].forked;
    double sums[64] = {0};
    for (int64_t row = 0; row < N; row++) {
        for (int64_t i = 0; i < N_HEAD * dim; i++) {
            int64_t at = row * N_HEAD * dim + i, d = i % dim;
            if (i / dim != MASKED) {
                assert_true(replaced[at] == plain[at]);
                continue;
            }
            sums[d] += values[row * dim + d];
            assert_true(fabs(replaced[at] - sums[d] / (double)(row + 1)) <= 1e-6);
            assert_true(row == 0 || replaced[at] != plain[at]);
        }
    }
    hs_free(x);
    hs_free(forked);
}

/* Two streams in one block of rows: the first has no use for a group's queries, the second has. */
static void a_wholly_masked_group_leaves_other_streams_alone(void **state) {
    struct fixture *f = *state;
    enum { N = 20 };
    static const headsift_head group[] = {{1, 2}, {2, 0}, {2, 1}}, others[] = {{1, 3}, {2, 3}};
    const struct hs_mask masks[] = {{HEADSIFT_MASK_UNIFORM, group, 3}, {HEADSIFT_MASK_UNIFORM, others, 2}};
    int32_t tokens[N];
    double both[2 * N], alone[N];
    draw_tokens(21, tokens, N);
    lone(f->engine, tokens, N, masks, 2, both);
    for (int i = 0; i < 2; i++) {
        lone(f->engine, tokens, N, &masks[i], 1, alone);
        assert_same(both + (ptrdiff_t)i * N, alone, N, 1e-6);
    }
}

static void wanted_tokens_alone_have_losses(void **state) {
    struct fixture *f = *state;
    int32_t tokens[50];
    double all[50], some[50];
    uint8_t wanted[50] = {0};
    draw_tokens(17, tokens, 50);
    wanted[0] = wanted[7] = wanted[49] = 1;
    int64_t offsets[] = {0, 50};
    struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = 1, .wanted = wanted};
    lone(f->engine, tokens, 50, &no_mask, 1, all);
    assert_int_equal(hs_engine_nll(f->engine, &batch, &no_mask, 1, some, NULL), HEADSIFT_OK);
    for (int i = 0; i < 50; i++) {
        assert_true(some[i] == (wanted[i] ? all[i] : 0));
    }
}

static bool stop_never(void *user, int32_t token) {
    (void)user;
    (void)token;
    return false;
}

/* Greedy tokens have the least loss of all continuations, and the caches give the rows that a whole pass gives. */
static void generation_equals_whole_passes(void **state) {
    struct fixture *f = *state;
    enum { PROMPT = 45, MOST = 12 };
    int32_t tokens[PROMPT + MOST], n, columns[MOST][N_LAYER][N_HEAD], whole[MOST][N_LAYER][N_HEAD];
    int64_t rows[MOST];
    draw_tokens(18, tokens, PROMPT);
    assert_int_equal(hs_engine_generate(f->engine, tokens, PROMPT, MOST, stop_never, NULL, tokens + PROMPT, &n,
                                        &columns[0][0][0], NULL),
                     HEADSIFT_OK);
    assert_int_equal(n, MOST);
    for (int i = 0; i < MOST; i++) {
        rows[i] = PROMPT - 1 + i;
    }
    assert_int_equal(hs_engine_attend(f->engine, tokens, PROMPT + MOST, rows, MOST, &whole[0][0][0], NULL),
                     HEADSIFT_OK);
    assert_memory_equal(columns, whole, sizeof whole);
    for (int i = 0; i < MOST; i++) {
        double best[PROMPT + MOST], other[PROMPT + MOST];
        lone(f->engine, tokens, PROMPT + i + 1, &no_mask, 1, best);
        for (int32_t token = 0; token < VOCAB; token += 5) {
            int32_t kept = tokens[PROMPT + i];
            tokens[PROMPT + i] = token;
            lone(f->engine, tokens, PROMPT + i + 1, &no_mask, 1, other);
            tokens[PROMPT + i] = kept;
            assert_true(other[PROMPT + i] >= best[PROMPT + i]);
        }
    }
}

static bool stop_at_second(void *user, int32_t token) {
    (void)token;
    return ++*(int *)user == 2;
}

static void generation_stops_when_told(void **state) {
    struct fixture *f = *state;
    int32_t prompt[3] = {1, 2, 3}, out[9], n;
    int asked = 0;
    assert_int_equal(hs_engine_generate(f->engine, prompt, 3, 9, stop_at_second, &asked, out, &n, NULL, NULL),
                     HEADSIFT_OK);
    assert_int_equal(n, 2);
}

static void attention_rows_never_look_ahead(void **state) {
    struct fixture *f = *state;
    int32_t tokens[100], columns[3][N_LAYER][N_HEAD], shorter[1][N_LAYER][N_HEAD];
    static const int64_t rows[] = {0, 40, 99};
    draw_tokens(19, tokens, 100);
    assert_int_equal(hs_engine_attend(f->engine, tokens, 100, rows, 3, &columns[0][0][0], NULL), HEADSIFT_OK);
    assert_int_equal(hs_engine_attend(f->engine, tokens, 41, rows + 1, 1, &shorter[0][0][0], NULL), HEADSIFT_OK);
    assert_memory_equal(columns[1], shorter, sizeof shorter);
    for (int i = 0; i < 3; i++) {
        for (int head = 0; head < N_LAYER * N_HEAD; head++) {
            assert_in_range((&columns[i][0][0])[head], 0, rows[i]);
        }
    }
}

static void what_is_out_of_range_is_refused_by_name(void **state) {
    struct fixture *f = *state;
    headsift_error error = {0};
    int32_t tokens[3] = {1, VOCAB, 2}, good[3] = {1, 2, 3};
    double nll[3];
    int64_t offsets[] = {0, 3};
    struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = 1};
    assert_int_equal(hs_engine_nll(f->engine, &batch, &no_mask, 1, nll, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "id 128"));
    batch.tokens = good;
    headsift_head beyond = {1, N_HEAD}, twice[] = {{0, 0}, {0, 0}};
    struct hs_mask mask = {HEADSIFT_MASK_UNIFORM, &beyond, 1};
    assert_int_equal(hs_engine_nll(f->engine, &batch, &mask, 1, nll, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "layer 1, head 4"));
    mask = (struct hs_mask){HEADSIFT_MASK_UNIFORM, twice, 2};
    assert_int_equal(hs_engine_nll(f->engine, &batch, &mask, 1, nll, &error), HEADSIFT_FAILED);
}

static void two_runs_give_the_same_bytes(void **state) {
    struct fixture *f = *state;
    struct hs_mask masks[2] = {no_mask, some_mask};
    int32_t tokens[LONGEST];
    double a[2 * LONGEST], b[2 * LONGEST];
    draw_tokens(20, tokens, LONGEST);
    lone(f->engine, tokens, LONGEST, masks, 2, a);
    lone(f->engine, tokens, LONGEST, masks, 2, b);
    assert_memory_equal(a, b, sizeof a);
}

static struct hs_engine_options options_of_int8(const int32_t *calibration, int64_t n) {
    return (struct hs_engine_options){
        .dtype = HEADSIFT_DTYPE_INT8, .threads = 2, .int8 = HS_INT8_RECIPE, .calibration = calibration, .n_calibration = n};
}

/* Answers of another engine: losses of both masks, and what is attended to. */
static void answers_in_int8(int threads, int32_t block_rows, const int32_t *tokens, double *nll) {
    struct fixture f;
    int32_t calibration[100];
    draw_tokens(21, calibration, 100);
    struct hs_engine_options options = options_of_int8(calibration, 100);
    options.threads = threads;
    options.block_rows = block_rows;
    const struct hs_mask masks[2] = {no_mask, some_mask};
    open_with(&f, options);
    assert_int_equal(hs_engine_layer_passes(f.engine), 0); /* of the calibration */
    lone(f.engine, tokens, LONGEST, masks, 2, nll);
    struct fixture *again = &f;
    a_document_alone_equals_itself_in_any_pack((void **)&again);
    later_tokens_move_no_earlier_loss((void **)&again);
    a_late_token_changes_the_loss((void **)&again);
    hs_engine_close(f.engine);
    hs_model_close(f.model);
}

static void int8_is_near_f32_and_the_same_on_any_threads(void **state) {
    struct fixture *f = *state;
    const struct hs_mask masks[2] = {no_mask, some_mask};
    int32_t tokens[LONGEST];
    double exact[2 * LONGEST], few[2 * LONGEST], many[2 * LONGEST];
    headsift_dtype dtype;
    if (hs_resolve_dtype(HEADSIFT_DTYPE_INT8, &dtype, NULL) != HEADSIFT_OK) {
        skip();
    }
    draw_tokens(22, tokens, LONGEST);
    lone(f->engine, tokens, LONGEST, masks, 2, exact);
    answers_in_int8(1, 0, tokens, few);
    answers_in_int8(3, 16, tokens, many);
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

static void int8_needs_a_calibration(void **state) {
    struct fixture *f = *state;
    headsift_dtype dtype;
    headsift_error error = {0};
    struct hs_engine *engine = NULL;
    if (hs_resolve_dtype(HEADSIFT_DTYPE_INT8, &dtype, NULL) != HEADSIFT_OK) {
        skip();
    }
    struct hs_engine_options options = options_of_int8(NULL, 0);
    assert_int_equal(hs_engine_open(f->model, &options, &engine, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "calibrate"));
    const int32_t beyond[] = {1, VOCAB};
    options = options_of_int8(beyond, 2);
    assert_int_equal(hs_engine_open(f->model, &options, &engine, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "id 128"));
    assert_null(engine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_alone_equals_itself_in_any_pack),
        cmocka_unit_test(a_document_alone_equals_itself_in_any_pack_in_bf16),
        cmocka_unit_test(later_tokens_move_no_earlier_loss),
        cmocka_unit_test(a_late_token_changes_the_loss),
        cmocka_unit_test(a_late_token_changes_the_loss_in_bf16),
        cmocka_unit_test(uniform_masks_change_nothing_where_attention_is_uniform_anyway),
        cmocka_unit_test(many_masks_can_be_stopped_in_between),
        cmocka_unit_test(one_mask_alone_equals_it_among_many),
        cmocka_unit_test(few_streams_at_a_time_give_the_same),
        cmocka_unit_test(sharing_saves_the_layers_below_the_first_masked_one),
        cmocka_unit_test(a_mask_leaves_the_other_heads_of_its_group_alone),
        cmocka_unit_test(a_wholly_masked_group_leaves_other_streams_alone),
        cmocka_unit_test(wanted_tokens_alone_have_losses),
        cmocka_unit_test(generation_equals_whole_passes),
        cmocka_unit_test(generation_stops_when_told),
        cmocka_unit_test(attention_rows_never_look_ahead),
        cmocka_unit_test(what_is_out_of_range_is_refused_by_name),
        cmocka_unit_test(two_runs_give_the_same_bytes),
        cmocka_unit_test(int8_is_near_f32_and_the_same_on_any_threads),
        cmocka_unit_test(int8_needs_a_calibration),
    };
    return cmocka_run_group_tests(tests, open_default, close_fixture);
}
