/* Documents behind parents on the tiny models of all families: losses are those of the whole texts alone, what is
 * shared is computed once, and chains that cannot be are refused. */
#include "engine_support.h"

#include <string.h>

#include "rope_folder.h"

enum { N_DOCUMENTS = 12, MOST_TOKENS = 400, N_MASKS = 4 };

/* Three levels; an empty parent; children of one token and beyond a block of rows; texts without parents between them.
 */
static const int64_t lengths[N_DOCUMENTS] = {64, 32, 5, 17, 1, 70, 0, 3, 96, 1, 40, 33};
static const int32_t parents[N_DOCUMENTS] = {-1, 0, 1, -1, 1, 0, 1, 6, -1, 8, 8, -1};

struct tree {
    int32_t tokens[MOST_TOKENS];
    int64_t offsets[N_DOCUMENTS + 1];
    struct hs_batch batch;
};

static void make_tree(struct tree *tree) {
    tree->offsets[0] = 0;
    for (int d = 0; d < N_DOCUMENTS; d++) {
        tree->offsets[d + 1] = tree->offsets[d] + lengths[d];
    }
    draw_tokens(31, tree->tokens, tree->offsets[N_DOCUMENTS]);
    tree->batch = (struct hs_batch){
        .tokens = tree->tokens, .offsets = tree->offsets, .n_documents = N_DOCUMENTS, .parents = parents};
}

/* A document's whole text. */
static int64_t whole_text(const struct tree *tree, int32_t document, int32_t *out) {
    int64_t n = parents[document] < 0 ? 0 : whole_text(tree, parents[document], out);
    memcpy(out + n, tree->tokens + tree->offsets[document], (size_t)lengths[document] * sizeof *out);
    return n + lengths[document];
}

/* No heads; uniform and zero ones that leave at different layers, some of them whole groups. */
static const headsift_head low[] = {{0, 1}, {2, 2}, {2, 3}}, high[] = {{1, 0}, {1, 1}, {2, 0}}, last[] = {{2, 3}};
static const struct hs_mask masks[N_MASKS] = {{.kind = HEADSIFT_MASK_UNIFORM},
                                              {HEADSIFT_MASK_UNIFORM, low, 3},
                                              {HEADSIFT_MASK_ZERO, high, 3},
                                              {HEADSIFT_MASK_UNIFORM, last, 1}};

static const char *const families[] = {"gemma2",         "gemma3",         "granite",   "llama3_rope", "llama_bias",
                                       "llama_gqa_tied", "llama_head_dim", "llama_mha", "llama_mqa",   "mistral_window",
                                       "olmo2",          "phi3",           "qwen2",     "qwen3",       "smollm3_nope"};

static void open_family(struct fixture *f, const char *family, struct hs_engine_options options) {
    char path[512];
    snprintf(path, sizeof path, "%s/goldens/tiny/%s", HS_TEST_DATA, family);
    open_folder(f, path, options);
}

static void close_family(struct fixture *f) {
    void *closing = f;
    close_fixture(&closing);
}

static bool has_children(int32_t document) {
    for (int32_t d = document + 1; d < N_DOCUMENTS; d++) {
        if (parents[d] == document) {
            return true;
        }
    }
    return false;
}

/* The losses of a text are those of its last document, and of its ancestors. */
static void compare_with_whole_texts(struct hs_engine *engine) {
    struct tree tree;
    make_tree(&tree);
    const int64_t n = tree.offsets[N_DOCUMENTS];
    double nll[N_MASKS * MOST_TOKENS], alone[N_MASKS * MOST_TOKENS];
    assert_int_equal(hs_engine_nll(engine, &tree.batch, masks, N_MASKS, nll, NULL), HEADSIFT_OK);
    for (int32_t leaf = 0; leaf < N_DOCUMENTS; leaf++) {
        int32_t text[MOST_TOKENS];
        int64_t whole = whole_text(&tree, leaf, text), end = whole;
        lone(engine, text, whole, masks, N_MASKS, alone);
        for (int32_t d = leaf; d >= 0 && !has_children(leaf); d = parents[d]) {
            end -= lengths[d];
            for (int m = 0; m < N_MASKS; m++) {
                assert_same(nll + m * n + tree.offsets[d], alone + m * whole + end, lengths[d], 1e-6);
            }
        }
    }
}

static void compare_families(headsift_dtype dtype) {
    struct hs_engine_options options = {.threads = 2, .dtype = dtype};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        struct fixture f;
        print_message("%s\n", families[i]);
        open_family(&f, families[i], options);
        compare_with_whole_texts(f.engine);
        close_family(&f);
    }
}

static void losses_equal_those_of_whole_texts(void **state) {
    (void)state;
    compare_families(HEADSIFT_DTYPE_F32);
}

static void losses_equal_those_of_whole_texts_in_bf16(void **state) {
    (void)state;
    headsift_dtype dtype;
    if (hs_resolve_dtype(HEADSIFT_DTYPE_BF16, &dtype, NULL) != HEADSIFT_OK) {
        skip();
    }
    compare_families(HEADSIFT_DTYPE_BF16);
}

/* Spans that end inside a text, one stream at a time. */
static void small_blocks_and_few_streams_give_the_same(void **state) {
    (void)state;
    static const char *const some[] = {"llama_gqa_tied", "gemma3"};
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        open_family(&f, some[i], (struct hs_engine_options){.threads = 1, .block_rows = 16, .stream_bytes = 1});
        compare_with_whole_texts(f.engine);
        close_family(&f);
    }
}

static void a_changed_prefix_moves_its_children_alone(void **state) {
    struct fixture *f = *state;
    struct tree tree;
    make_tree(&tree);
    const int64_t n = tree.offsets[N_DOCUMENTS];
    double before[N_MASKS * MOST_TOKENS], after[N_MASKS * MOST_TOKENS];
    assert_int_equal(hs_engine_nll(f->engine, &tree.batch, masks, N_MASKS, before, NULL), HEADSIFT_OK);
    tree.tokens[5] ^= 1;
    assert_int_equal(hs_engine_nll(f->engine, &tree.batch, masks, N_MASKS, after, NULL), HEADSIFT_OK);
    for (int32_t d = 1; d < N_DOCUMENTS; d++) {
        bool below = d == 1 || d == 2 || d == 4 || d == 5 || d == 7;
        for (int m = 0; m < N_MASKS; m++) {
            for (int64_t t = m * n + tree.offsets[d]; t < m * n + tree.offsets[d + 1]; t++) {
                assert_true((before[t] != after[t]) == below);
            }
        }
    }
}

static void wanted_first_tokens_have_losses(void **state) {
    struct fixture *f = *state;
    struct tree tree;
    make_tree(&tree);
    uint8_t wanted[MOST_TOKENS] = {0};
    double all[MOST_TOKENS], some[MOST_TOKENS];
    wanted[tree.offsets[2]] = wanted[tree.offsets[4]] = wanted[tree.offsets[3]] = 1;
    assert_int_equal(hs_engine_nll(f->engine, &tree.batch, masks, 1, all, NULL), HEADSIFT_OK);
    tree.batch.wanted = wanted;
    assert_int_equal(hs_engine_nll(f->engine, &tree.batch, masks, 1, some, NULL), HEADSIFT_OK);
    for (int64_t t = 0; t < tree.offsets[N_DOCUMENTS]; t++) {
        assert_true(some[t] == (wanted[t] ? all[t] : 0));
    }
    assert_true(some[tree.offsets[2]] > 0 && some[tree.offsets[4]] > 0);
    assert_true(some[tree.offsets[3]] == 0); /* it begins a text */
}

static double multiply_adds(const struct hs_engine *engine, enum hs_engine_stage stage) {
    struct hs_stage_cost costs[HS_STAGES];
    hs_engine_costs(engine, costs);
    return costs[stage].multiply_adds;
}

/* 50 children of 2 tokens behind 96: products cost 196 rows, not 4,900. */
static void a_prefix_is_computed_once(void **state) {
    struct fixture *f = *state;
    enum { PREFIX = 96, CHILDREN = 50, OWN = 2, N = PREFIX + CHILDREN * OWN };
    int32_t tokens[N], behind[CHILDREN + 1] = {-1}, text[PREFIX + OWN];
    int64_t offsets[CHILDREN + 2] = {0, PREFIX};
    double nll[2 * N], alone[2 * (PREFIX + OWN)];
    draw_tokens(33, tokens, N);
    for (int i = 1; i <= CHILDREN; i++) {
        behind[i] = 0;
        offsets[i + 1] = offsets[i] + OWN;
    }
    struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = CHILDREN + 1, .parents = behind};
    double mlp = multiply_adds(f->engine, HS_STAGE_MLP);
    int64_t passes = hs_engine_layer_passes(f->engine);
    assert_int_equal(hs_engine_nll(f->engine, &batch, masks + 2, 2, nll, NULL), HEADSIFT_OK);
    assert_int_equal(hs_engine_layer_passes(f->engine) - passes, 1 + 2 + 2 + 1); /* see the masks' first layers */
    mlp = multiply_adds(f->engine, HS_STAGE_MLP) - mlp;
    memcpy(text, tokens, PREFIX * sizeof *text);
    for (int i = 1; i <= CHILDREN; i++) {
        memcpy(text + PREFIX, tokens + offsets[i], OWN * sizeof *text);
        lone(f->engine, text, PREFIX + OWN, masks + 2, 2, alone);
        for (int m = 0; m < 2; m++) {
            assert_same(nll + m * N + offsets[i], alone + (m + 1) * (PREFIX + OWN) - OWN, OWN, 1e-6);
        }
    }
    double before = multiply_adds(f->engine, HS_STAGE_MLP);
    lone(f->engine, tokens, N, masks + 2, 2, nll); /* as many rows without parents */
    assert_true(mlp == multiply_adds(f->engine, HS_STAGE_MLP) - before);
}

static void refused(struct hs_engine *engine, const struct hs_batch *batch, const char *why) {
    double nll[MOST_TOKENS];
    headsift_error error = {0};
    assert_int_equal(hs_engine_nll(engine, batch, masks, 1, nll, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, why));
}

static void impossible_parents_are_refused(void **state) {
    struct fixture *f = *state;
    int32_t tokens[100];
    draw_tokens(34, tokens, 100);
    int64_t offsets[] = {0, 32, 65, 100};
    int32_t itself[] = {-1, 1, -1}, later[] = {-1, 2, -1}, below[] = {-2, 0, 0}, odd[] = {-1, 0, 1};
    struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = 3};
    const int32_t *orders[] = {itself, later};
    for (int i = 0; i < 2; i++) {
        batch.parents = orders[i];
        refused(f->engine, &batch, "must stand before it");
    }
    batch.parents = below;
    refused(f->engine, &batch, "document 0 of a batch has parent -2");
    batch.parents = odd;
    refused(f->engine, &batch, "behind 65 tokens: parents must end at a multiple of 32");
    assert_int_equal(hs_engine_prefix_step(), 32);
}

/* Two tables of positions with a border inside the tree: all texts of one parent on one side, or none. */
static void texts_on_both_sides_of_longrope_s_border_are_refused(void **state) {
    (void)state;
    static const int64_t borders[] = {95, 113, 134, 200}; /* texts have 33 to 136 tokens, 102 and more behind 0 */
    for (int i = 0; i < 4; i++) {
        struct fixture f;
        struct tree tree;
        char rope[300], path[512];
        snprintf(rope, sizeof rope,
                 "{\"rope_type\": \"longrope\", \"rope_theta\": 10000.0, \"short_factor\": [1, 1.5, 2, 3], "
                 "\"long_factor\": [2, 3, 5, 9], \"original_max_position_embeddings\": %d}",
                 (int)borders[i]);
        write_rope_folder("prefix_longrope", rope, path, sizeof path);
        open_folder(&f, path, (struct hs_engine_options){.threads = 2});
        make_tree(&tree);
        if (borders[i] == 113 || borders[i] == 134) {
            refused(f.engine, &tree.batch, "both sides of");
        } else {
            compare_with_whole_texts(f.engine);
        }
        close_family(&f);
    }
}

static int open_default(void **state) {
    static struct fixture f;
    open_family(&f, "llama_gqa_tied", (struct hs_engine_options){.threads = 2});
    *state = &f;
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_equal_those_of_whole_texts),
        cmocka_unit_test(losses_equal_those_of_whole_texts_in_bf16),
        cmocka_unit_test(small_blocks_and_few_streams_give_the_same),
        cmocka_unit_test(a_changed_prefix_moves_its_children_alone),
        cmocka_unit_test(wanted_first_tokens_have_losses),
        cmocka_unit_test(a_prefix_is_computed_once),
        cmocka_unit_test(impossible_parents_are_refused),
        cmocka_unit_test(texts_on_both_sides_of_longrope_s_border_are_refused),
    };
    return cmocka_run_group_tests(tests, open_default, close_fixture);
}
