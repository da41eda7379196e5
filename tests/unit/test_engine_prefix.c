/* Documents behind parents on the tiny models of all families: losses are those of the whole texts alone, what is
 * shared is computed once, and chains that cannot be are refused. */
#include "engine_support.h"

#include <string.h>

#include "rope_folder.h"

enum { N_DOCUMENTS = 12, MOST_TOKENS = 400, N_MASKS = 5, MOST_NEW = 12, MOST_OUT = N_MASKS * N_DOCUMENTS * MOST_NEW };

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

/* No heads; uniform, zero and mean ones that leave at different layers, some of them whole groups. */
static const headsift_head low[] = {{0, 1}, {2, 2}, {2, 3}}, high[] = {{1, 0}, {1, 1}, {2, 0}}, last[] = {{2, 3}};
static const float means[3 * 64] = {0.3F, -0.2F, 0.1F, 0.7F, [16] = -0.5F, 0.2F, [24] = 0.4F, [48] = -0.9F, 0.6F};
static const struct hs_mask masks[N_MASKS] = {
    {.kind = HEADSIFT_MASK_UNIFORM},
    {.kind = HEADSIFT_MASK_UNIFORM, .heads = low, .n_heads = 3},
    {.kind = HEADSIFT_MASK_ZERO, .heads = high, .n_heads = 3},
    {.kind = HEADSIFT_MASK_UNIFORM, .heads = last, .n_heads = 1},
    {.kind = HEADSIFT_MASK_MEAN, .heads = high, .n_heads = 3, .means = means},
};

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

/* ---- Generation ------------------------------------------------------------------------------------------------- */

static void generate(struct hs_engine *engine, const struct hs_batch *batch, const struct hs_mask *under, int32_t n,
                     int32_t *out, int32_t *n_out) {
    headsift_error error = {0};
    if (hs_engine_generate_masked(engine, batch, under, n, MOST_NEW, NULL, NULL, out, n_out, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
}

/* The tokens of the tree's texts under all masks are those that each text has alone. */
static void compare_tokens_with_whole_texts(struct hs_engine *engine) {
    struct tree tree;
    int32_t out[N_MASKS][N_DOCUMENTS][MOST_NEW], n_out[N_MASKS][N_DOCUMENTS];
    make_tree(&tree);
    tree.batch.n_documents = N_DOCUMENTS;
    generate(engine, &tree.batch, masks, N_MASKS, &out[0][0][0], &n_out[0][0]);
    for (int32_t d = 0; d < N_DOCUMENTS; d++) {
        int32_t text[MOST_TOKENS], alone[MOST_NEW], n;
        const int64_t offsets[] = {0, whole_text(&tree, d, text)};
        const struct hs_batch one = {.tokens = text, .offsets = offsets, .n_documents = 1};
        for (int m = 0; m < N_MASKS; m++) {
            assert_int_equal(n_out[m][d], has_children(d) ? 0 : MOST_NEW);
            if (!has_children(d)) {
                generate(engine, &one, &masks[m], 1, alone, &n);
                assert_memory_equal(out[m][d], alone, sizeof alone);
            }
        }
    }
}

/* The first, a middle and the last token are those with the least loss of all behind the text before them. */
static void assert_greedy(struct hs_engine *engine, const struct hs_mask *mask, int32_t *text, int64_t n_prompt,
                          const int32_t *out) {
    static int32_t tokens[VOCAB * 64];
    static double nll[VOCAB * 64];
    static uint8_t wanted[VOCAB * 64];
    int64_t offsets[VOCAB + 1] = {0};
    for (int64_t i = 0; i < MOST_NEW; i++) {
        const int64_t n = n_prompt + i + 1;
        text[n - 1] = out[i];
        if (i != 0 && i != 5 && i != MOST_NEW - 1) {
            continue;
        }
        for (int32_t token = 0; token < VOCAB; token++) {
            text[n - 1] = token;
            memcpy(tokens + token * n, text, (size_t)n * sizeof *tokens);
            offsets[token + 1] = offsets[token] + n;
            memset(wanted + token * n, 0, (size_t)n);
            wanted[offsets[token + 1] - 1] = 1;
        }
        const struct hs_batch all = {.tokens = tokens, .offsets = offsets, .n_documents = VOCAB, .wanted = wanted};
        assert_int_equal(hs_engine_nll(engine, &all, mask, 1, nll, NULL), HEADSIFT_OK);
        for (int32_t token = 0; token < VOCAB; token++) {
            assert_true(nll[(out[i] + 1) * n - 1] <= nll[(token + 1) * n - 1]);
        }
        text[n - 1] = out[i];
    }
}

/* Prompts of 1 to 40 tokens; what is generated crosses the border of a cache block. */
static void tokens_are_those_of_full_recomputation(void **state) {
    (void)state;
    static const char *const some[] = {"llama_gqa_tied", "gemma3"};
    static const int64_t offsets[] = {0, 1, 28, 68};
    int32_t tokens[68], out[N_MASKS][3][MOST_NEW], n_out[N_MASKS][3];
    const struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = 3};
    int changed = 0;
    draw_tokens(35, tokens, 68);
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        open_family(&f, some[i], (struct hs_engine_options){.threads = 2});
        generate(f.engine, &batch, masks, N_MASKS, &out[0][0][0], &n_out[0][0]);
        for (int m = 0; m < N_MASKS; m++) {
            for (int d = 0; d < 3; d++) {
                int32_t text[64];
                int64_t n = offsets[d + 1] - offsets[d];
                assert_int_equal(n_out[m][d], MOST_NEW);
                memcpy(text, tokens + offsets[d], (size_t)n * sizeof *text);
                assert_greedy(f.engine, &masks[m], text, n, out[m][d]);
            }
            changed += memcmp(out[m], out[0], sizeof out[m]) != 0;
        }
        close_family(&f);
    }
    assert_in_range(changed, 3, 2 * (N_MASKS - 1)); /* masks do something */
}

static void rounds_give_the_same_bytes(void **state) {
    (void)state;
    static const size_t bytes[] = {0, 1, 60000, 400000}; /* all together, each alone, and between */
    int32_t out[4][MOST_OUT], n_out[4][N_MASKS * N_DOCUMENTS];
    struct tree tree;
    make_tree(&tree);
    int64_t passes[4];
    for (int i = 0; i < 4; i++) {
        struct fixture f;
        open_family(&f, "llama_gqa_tied", (struct hs_engine_options){.threads = 2, .generate_bytes = bytes[i]});
        memset(out[i], 0, sizeof out[i]);
        generate(f.engine, &tree.batch, masks, N_MASKS, out[i], n_out[i]);
        passes[i] = hs_engine_layer_passes(f.engine);
        close_family(&f);
        assert_memory_equal(out[i], out[0], sizeof out[i]);
        assert_memory_equal(n_out[i], n_out[0], sizeof n_out[i]);
    }
    assert_true(passes[0] < passes[3] && passes[3] < passes[2] && passes[2] < passes[1]); /* there were rounds */
}

/* Document d under mask m stops at its token 1 + (d + 2 m) % 7. */
static bool stop_by_place(void *user, int32_t mask, int32_t document, int32_t token) {
    int32_t *asked = (int32_t *)user + mask * N_DOCUMENTS + document;
    (void)token;
    return ++*asked == 1 + (document + 2 * mask) % 7;
}

static void each_stream_stops_when_told(void **state) {
    struct fixture *f = *state;
    struct tree tree;
    int32_t all[N_MASKS][N_DOCUMENTS][MOST_NEW], some[N_MASKS][N_DOCUMENTS][MOST_NEW];
    int32_t n_all[N_MASKS][N_DOCUMENTS], n_some[N_MASKS][N_DOCUMENTS], asked[N_MASKS][N_DOCUMENTS] = {{0}};
    make_tree(&tree);
    generate(f->engine, &tree.batch, masks, N_MASKS, &all[0][0][0], &n_all[0][0]);
    assert_int_equal(hs_engine_generate_masked(f->engine, &tree.batch, masks, N_MASKS, MOST_NEW, stop_by_place, asked,
                                               &some[0][0][0], &n_some[0][0], NULL),
                     HEADSIFT_OK);
    for (int m = 0; m < N_MASKS; m++) {
        for (int d = 0; d < N_DOCUMENTS; d++) {
            int32_t n = has_children(d) ? 0 : 1 + (d + 2 * m) % 7;
            assert_int_equal(n_some[m][d], n);
            assert_int_equal(asked[m][d], n);
            assert_memory_equal(some[m][d], all[m][d], (size_t)n * sizeof(int32_t));
        }
    }
}

static void nothing_is_asked_for(void **state) {
    struct fixture *f = *state;
    const int64_t offsets[] = {0, 0};
    int32_t token = 1, out[2], n = 7;
    struct hs_batch batch = {.tokens = &token, .offsets = offsets, .n_documents = 1};
    headsift_error error = {0};
    assert_int_equal(hs_engine_generate_masked(f->engine, &batch, masks, 1, 1, NULL, NULL, out, &n, &error),
                     HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "document 0 of a batch: a prompt needs at least one token"));
    batch.offsets = (const int64_t[]){0, 1};
    assert_int_equal(hs_engine_generate_masked(f->engine, &batch, masks, 1, 0, NULL, NULL, out, &n, NULL), HEADSIFT_OK);
    assert_int_equal(n, 0);
    batch.n_documents = 0;
    assert_int_equal(hs_engine_generate_masked(f->engine, &batch, masks, 1, 1, NULL, NULL, out, &n, NULL), HEADSIFT_OK);
}

/* A row of zeros has equal logits everywhere. */
static void of_equal_logits_the_lowest_id_wins(void **state) {
    struct fixture *f = *state;
    static const float x[2 * 64];
    const int64_t rows[] = {1, 0, 1};
    int32_t out[] = {5, 5, 5};
    assert_in_range(f->engine->config->hidden, 1, 64);
    assert_int_equal(hs_best_tokens(f->engine, x, rows, 3, out, NULL), HEADSIFT_OK);
    assert_true(out[0] == 0 && out[1] == 0 && out[2] == 0);
}

/* ---- Families --------------------------------------------------------------------------------------------------- */

static void compare_families(headsift_dtype dtype) {
    struct hs_engine_options options = {.threads = 2, .dtype = dtype};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        struct fixture f;
        open_family(&f, families[i], options);
        compare_with_whole_texts(f.engine);
        compare_tokens_with_whole_texts(f.engine);
        close_family(&f);
    }
}

static void families_equal_whole_texts(void **state) {
    (void)state;
    compare_families(HEADSIFT_DTYPE_F32);
}

static void families_equal_whole_texts_in_bf16(void **state) {
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
        compare_tokens_with_whole_texts(f.engine);
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

/* Prompts of 194 rows in all go through each layer once for those masks that have a head there or below, and for the
 * stream that they leave. */
static void layers_below_the_first_masked_one_are_computed_once(void **state) {
    struct fixture *f = *state;
    struct tree tree;
    int32_t out[MOST_OUT], n_out[N_MASKS * N_DOCUMENTS];
    double nll[MOST_TOKENS];
    make_tree(&tree);
    double start = multiply_adds(f->engine, HS_STAGE_MLP);
    lone(f->engine, tree.tokens, tree.offsets[N_DOCUMENTS], masks, 1, nll);
    double once = multiply_adds(f->engine, HS_STAGE_MLP);
    int64_t passes = hs_engine_layer_passes(f->engine);
    assert_int_equal(hs_engine_generate_masked(f->engine, &tree.batch, masks, N_MASKS, 1, NULL, NULL, out, n_out, NULL),
                     HEADSIFT_OK);
    assert_int_equal(hs_engine_layer_passes(f->engine) - passes, 2 + 4 + 5); /* of 3 layers and 5 masks */
    double generation = multiply_adds(f->engine, HS_STAGE_MLP) - once;
    assert_true(generation == (once - start) / 3 * 11);
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
        cmocka_unit_test(families_equal_whole_texts),
        cmocka_unit_test(families_equal_whole_texts_in_bf16),
        cmocka_unit_test(small_blocks_and_few_streams_give_the_same),
        cmocka_unit_test(a_changed_prefix_moves_its_children_alone),
        cmocka_unit_test(wanted_first_tokens_have_losses),
        cmocka_unit_test(a_prefix_is_computed_once),
        cmocka_unit_test(impossible_parents_are_refused),
        cmocka_unit_test(tokens_are_those_of_full_recomputation),
        cmocka_unit_test(rounds_give_the_same_bytes),
        cmocka_unit_test(each_stream_stops_when_told),
        cmocka_unit_test(nothing_is_asked_for),
        cmocka_unit_test(of_equal_logits_the_lowest_id_wins),
        cmocka_unit_test(layers_below_the_first_masked_one_are_computed_once),
        cmocka_unit_test(texts_on_both_sides_of_longrope_s_border_are_refused),
    };
    return cmocka_run_group_tests(tests, open_default, close_fixture);
}
