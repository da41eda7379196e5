/* Properties of the engine on tiny models: packing, causality, head masks, sharing of layers, block sizes, attention
 * rows and generation. Right values are in tests/golden/test_engine_golden.c; here answers are compared with each
 * other. */
#include "engine_support.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "engine/cpu/cpu.h"

static int open_default(void **state) {
    static struct fixture f;
    open_with(&f, (struct hs_engine_options){.threads = 2});
    *state = &f;
    return 0;
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
    later_tokens_move_nothing(f->engine);
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
        masks[i] = (struct hs_mask){.kind = HEADSIFT_MASK_UNIFORM, .heads = &heads[i], .n_heads = 1};
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
        masks[i] = (struct hs_mask){
            .kind = i % 2 ? HEADSIFT_MASK_ZERO : HEADSIFT_MASK_UNIFORM, .heads = &heads[i], .n_heads = 1};
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
        masks[i + 1] = (struct hs_mask){.kind = HEADSIFT_MASK_UNIFORM, .heads = &heads[i], .n_heads = 1};
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
    struct hs_plan plan = {.first_layer = LAYER, .masked = masked};
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
    const struct hs_mask masks[] = {{.kind = HEADSIFT_MASK_UNIFORM, .heads = group, .n_heads = 3},
                                    {.kind = HEADSIFT_MASK_UNIFORM, .heads = others, .n_heads = 2}};
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
    struct hs_mask mask = {.kind = HEADSIFT_MASK_UNIFORM, .heads = &beyond, .n_heads = 1};
    assert_int_equal(hs_engine_nll(f->engine, &batch, &mask, 1, nll, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "layer 1, head 4"));
    mask = (struct hs_mask){.kind = HEADSIFT_MASK_UNIFORM, .heads = twice, .n_heads = 2};
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
    };
    return cmocka_run_group_tests(tests, open_default, close_fixture);
}
