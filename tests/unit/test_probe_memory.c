/* Every allocation of the probe room is made to fail once: each time a clear error, nothing leaked (under ASan), and
 * the next try succeeds. The linker puts the allocators below in front of the C library's. */
#include "support.h"

#include <string.h>

#include "base/file.h"
#include "probe/build.h"
#include "probe/detect.h"
#include "probe/heads_file.h"

static long fail_at, made; /* the allocation that fails (-1: none); allocations made */

static bool fails(void) { return made++ == fail_at; }

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);

void *__wrap_malloc(size_t size) { return fails() ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return fails() ? NULL : __real_calloc(count, size); }
void *__wrap_realloc(void *pointer, size_t size) { return fails() ? NULL : __real_realloc(pointer, size); }

typedef headsift_status (*work)(headsift_error *error);

static struct hs_tokenizer *tokenizer;
static char sentences_path[512];

static void fail_each(work do_work, long least) {
    headsift_status status;
    long n = 0;
    do {
        headsift_error error = {0};
        fail_at = n++;
        made = 0;
        status = do_work(&error);
        fail_at = -1;
        if (status != HEADSIFT_OK && strstr(error.message, "memory") == NULL) {
            fail_msg("allocation %ld: \"%s\"", n - 1, error.message);
        }
    } while (status != HEADSIFT_OK);
    assert_true(n > least);
}

static headsift_status read_probe(headsift_error *error) {
    static const char row[] =
        "{\"prompt\": \"{\\\"k\\\": \\\"value\\\"} Q\", \"answer\": \" v\", \"needle_key\": \"k\"}\n";
    struct hs_probe probe;
    HS_TRY(hs_probe_parse(row, sizeof row - 1, "p", &probe, error));
    hs_probe_free(&probe);
    return HEADSIFT_OK;
}

static headsift_status print_heads(const headsift_heads *heads, headsift_error *error) {
    struct hs_buffer json = {0}, map = {0};
    bool ok = hs_heads_print(heads, &json) && hs_heatmap_print(heads, &map);
    hs_buffer_free(&json);
    hs_buffer_free(&map);
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "heads", 1);
}

static headsift_status read_heads(headsift_error *error) {
    static const char text[] =
        "{\"model\": {\"name\": \"m\", \"sha256\": \"0\"}, \"method\": \"x\", \"decode\": \"y\", "
        "\"source\": \"z\", \"noise\": \"w\", \"settling\": [{\"samples\": 2, \"overlap\": 1, \"spearman\": 1}], "
        "\"bootstrap\": {\"resamples\": 500, \"overlap\": 1, \"heads\": [1, 1]}, "
        "\"scores\": [[1, 2], [3, 4]], \"heads\": [[0, 1], [1, 1]]}";
    headsift_heads *heads;
    HS_TRY(hs_heads_parse(text, sizeof text - 1, "h", &heads, error));
    headsift_status status = print_heads(heads, error);
    headsift_heads_free(heads);
    return status;
}

static headsift_status read_foreign_heads(headsift_error *error) {
    static const char text[] = "{\"0-0\": [1, 2], \"0-1\": [0, 1]}";
    headsift_heads *heads;
    HS_TRY(hs_heads_parse(text, sizeof text - 1, "h", &heads, error));
    headsift_heads_free(heads);
    return HEADSIFT_OK;
}

/* As many samples as --settle looks at first. */
static headsift_status fill(struct hs_detection *detection, headsift_error *error) {
    for (int i = 0; i < 20; i++) {
        double *row = hs_table_add(&detection->table);
        if (row == NULL) {
            return hs_fail_memory(error, "scores", sizeof *row);
        }
        row[i % 4] = 1;
    }
    return hs_settling_check(detection, error);
}

static headsift_status settle(headsift_error *error) {
    headsift_heads heads = {.n_layer = 2, .n_head = 2, .scores = (double[]){1, 2, 3, 4}};
    struct hs_detection detection = {.n_layer = 2, .n_head = 2, .table.n_heads = 4, .wanted = 2, .settle = 1};
    headsift_status status = fill(&detection, error);
    if (status == HEADSIFT_OK) {
        status = hs_choose_heads(&heads, 2, error);
    }
    if (status == HEADSIFT_OK) {
        status = hs_settling_measure(&detection.table, &heads, error);
    }
    hs_free(detection.table.rows);
    hs_free(heads.heads);
    hs_free(heads.settling);
    hs_free(heads.bootstrap);
    return status;
}

static headsift_status build_from(struct hs_template *template, struct hs_sentence_pool *pool, headsift_error *error) {
    struct hs_builder_options options = {
        .tokenizer = tokenizer, .template = template, .pool = pool, .tokens = 400, .shots = 1};
    struct hs_builder *builder;
    struct hs_built_sample sample;
    HS_TRY(hs_builder_open(&options, &builder, error));
    headsift_status status = hs_build_sample(builder, 0, &sample, error);
    hs_builder_close(builder);
    return status;
}

static headsift_status build_with_pool(struct hs_sentence_pool *pool, headsift_error *error) {
    struct hs_template template;
    headsift_status status = hs_template_load(NULL, HEADSIFT_LANGUAGE_ENGLISH, &template, error);
    if (status == HEADSIFT_OK) {
        status = build_from(&template, pool, error);
        hs_template_free(&template);
    }
    hs_pool_close(pool);
    return status;
}

static headsift_status build_from_grammar(headsift_error *error) {
    struct hs_sentence_pool *pool;
    HS_TRY(hs_pool_open_grammar(tokenizer, HEADSIFT_LANGUAGE_ENGLISH, &pool, error));
    return build_with_pool(pool, error);
}

static headsift_status build_from_file(headsift_error *error) {
    struct hs_sentence_pool *pool;
    HS_TRY(hs_pool_open_file(tokenizer, sentences_path, &pool, error));
    return build_with_pool(pool, error);
}

static headsift_status count_words(headsift_error *error) {
    double recall;
    return hs_rouge1_recall("a b c", 5, "c d", 3, &recall, error);
}

static headsift_status rank(headsift_error *error) {
    headsift_head heads[2];
    return hs_rank_heads((double[]){1, 2, 3, 4}, 2, 2, 2, heads, error);
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    fail_each(read_probe, 2);
    fail_each(read_heads, 12);
    fail_each(read_foreign_heads, 6);
    fail_each(settle, 1000);
    fail_each(build_from_grammar, 10);
    fail_each(build_from_file, 10);
    fail_each(count_words, 3);
    fail_each(rank, 1);
}

static int set_up(void **state) {
    (void)state;
    struct hs_buffer text = {0};
    fail_at = -1;
    for (int i = 0; i < 30; i++) {
        assert_true(hs_buffer_printf(&text, "This is line number %d of a small file.\n", i));
    }
    test_scratch(sentences_path, sizeof sentences_path, "memory_sentences.txt");
    assert_int_equal(hs_file_write(sentences_path, text.data, text.size, NULL), HEADSIFT_OK);
    hs_buffer_free(&text);
    return hs_tokenizer_from_json(HS_TEST_DATA "/goldens/tokenizers/smollm/tokenizer.json", &tokenizer, NULL) ==
                   HEADSIFT_OK
               ? 0
               : -1;
}

static int tear_down(void **state) {
    (void)state;
    hs_tokenizer_close(tokenizer);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_may_fail)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
