/* The bench: floors, medians and refusals to the digit; what is measured, by its counts.
 * Nothing here depends on how fast anything was. */
#define _GNU_SOURCE
#include "influence_support.h"

#include <dirent.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "bench/bench.h"
#include "engine/cpu/kernels.h"

static const struct hs_config smollm2 = {.name = "SmolLM2",
                                         .n_layer = 30,
                                         .n_head = 9,
                                         .n_kv_head = 3,
                                         .head_dim = 64,
                                         .hidden = 576,
                                         .ffn = 1536,
                                         .vocab = 49152,
                                         .context = 8192};

static headsift_error error;

static void assert_ok(headsift_status status) {
    if (status != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
}

/* ---- Arithmetic ---- */

static void the_floor_of_a_pair(void **state) {
    (void)state;
    struct hs_bench_needs needs = hs_bench_pair_needs(&smollm2, 17);
    assert_int_equal(needs.once, 17);
    assert_int_equal(needs.twice, 13);
    double layer = 3538944, logits = 49152 * 576; /* 3.54 M, 28.3 M */
    assert_true(hs_bench_needed(&smollm2, needs, 1024) == 43 * (layer + 576 * 1024) + 2 * logits);
    assert_true(fabs(hs_bench_needed(&smollm2, needs, 1024) - 0.234e9) < 0.0005e9);
    assert_true(hs_bench_needed(&smollm2, hs_bench_pair_needs(&smollm2, 30), 128) ==
                30 * (layer + 576 * 128) + 2 * logits);
    struct hs_bench_needs base = {.once = 30, .logits = 1}, prefill = {.once = 30};
    assert_true(hs_bench_needed(&smollm2, base, 1024) == 30 * (layer + 576 * 1024) + logits);
    assert_true(hs_bench_needed(&smollm2, prefill, 4096) == 30 * (layer + 576 * 4096));
    static struct hs_config windowed; /* a window of 1,024: queries of 4,096 tokens see 896 keys on average */
    windowed = smollm2;
    windowed.window = 1024;
    windowed.layer_flags[0] = windowed.layer_flags[7] = HS_LAYER_WINDOW;
    assert_true(hs_bench_needed(&windowed, prefill, 4096) == 30 * layer + 28 * 576.0 * 4096 + 2 * 2 * 576.0 * 896);
    assert_true(hs_bench_needed(&windowed, prefill, 1024) == hs_bench_needed(&smollm2, prefill, 1024));
}

static void medians(void **state) {
    (void)state;
    double one[] = {3}, two[] = {4, 1}, odd[] = {9, 1, 5}, even[] = {8, 1, 3, 5};
    assert_true(hs_bench_median(one, 1) == 3);
    assert_true(hs_bench_median(two, 2) == 2.5);
    assert_true(hs_bench_median(odd, 3) == 5);
    assert_true(hs_bench_median(even, 4) == 4);
}

static void check_default_heads(const struct hs_config *config, size_t wanted, int32_t first) {
    headsift_head *heads;
    size_t n;
    assert_ok(hs_bench_default_heads(config, &heads, &n, &error));
    assert_int_equal(n, wanted);
    assert_int_equal(hs_bench_first_layer(config, heads, n), first);
    for (size_t i = 0; i < n; i++) {
        assert_in_range(heads[i].layer, first, config->n_layer - 1);
        assert_in_range(heads[i].head, 0, config->n_head - 1);
        for (size_t j = 0; j < i; j++) {
            assert_false(heads[i].layer == heads[j].layer && heads[i].head == heads[j].head);
        }
    }
    assert_true(n < (size_t)(config->n_layer - first) || heads[n - 1].layer == config->n_layer - 1);
    hs_free(heads);
}

static void default_heads_are_in_the_upper_layers_and_differ(void **state) {
    (void)state;
    static const int32_t shapes[][4] = {/* layers, heads, chosen, first layer */
                                        {1, 1, 1, 0},     {2, 2, 1, 1},     {1, 64, 3, 0},
                                        {24, 16, 19, 13}, {32, 32, 51, 18}, {4, 128, 26, 2}};
    check_default_heads(&smollm2, 14, 17);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct hs_config config = {.n_layer = shapes[i][0], .n_head = shapes[i][1]};
        check_default_heads(&config, (size_t)shapes[i][2], shapes[i][3]);
    }
    assert_int_equal(hs_bench_first_layer(&smollm2, NULL, 0), 30);
}

static void a_share_over_one_is_refused(void **state) {
    (void)state;
    assert_int_equal(hs_bench_judge("length 8, pair", 0.83, 200, &error), HEADSIFT_OK);
    assert_int_equal(hs_bench_judge("length 8, pair", 1, 200, &error), HEADSIFT_OK);
    assert_int_equal(hs_bench_judge("length 8, pair", 1.0124, 200, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "length 8, pair: 101.2 % of the floor"));
    assert_non_null(strstr(error.message, "the measured peak (200.0 GF/s) is wrong"));
    assert_int_equal(hs_bench_judge("length 8, pair", NAN, 200, &error), HEADSIFT_FAILED);
}

/* ---- Documents ---- */

static void random_documents_fill_a_batch(void **state) {
    (void)state;
    struct hs_bench_work a, b, other;
    assert_ok(hs_bench_random_work(&smollm2, 100, 2048, 1, &a, &error));
    assert_ok(hs_bench_random_work(&smollm2, 100, 2048, 1, &b, &error));
    assert_ok(hs_bench_random_work(&smollm2, 4096, 2048, 2, &other, &error));
    assert_int_equal(a.n_documents, 20);
    assert_int_equal(a.n_batches, 1);
    assert_int_equal(a.batches[1], 20);
    assert_int_equal(a.offsets[20], 2000);
    assert_memory_equal(a.tokens, b.tokens, 2000 * sizeof *a.tokens);
    assert_memory_not_equal(a.tokens, other.tokens, 2000 * sizeof *a.tokens);
    for (int i = 0; i < 2000; i++) {
        assert_in_range(a.tokens[i], 0, smollm2.vocab - 1);
    }
    assert_int_equal(other.n_documents, 1); /* longer than a batch */
    assert_int_equal(other.offsets[1], 4096);
    hs_bench_work_free(&a);
    hs_bench_work_free(&b);
    hs_bench_work_free(&other);
}

static void batches_take_documents_until_they_are_full(void **state) {
    (void)state;
    int64_t offsets[] = {0, 9, 14, 17, 19, 20};
    struct hs_bench_work work = {.offsets = offsets, .n_documents = 5};
    assert_ok(hs_bench_cut_batches(&work, 6, &error));
    static const int32_t wanted[] = {0, 1, 3, 5};
    assert_int_equal(work.n_batches, 3);
    assert_memory_equal(work.batches, wanted, sizeof wanted);
    hs_free(work.batches);
}

/* ---- Measuring, on a tiny model ---- */

static void what_is_measured_is_what_was_asked(void **state) {
    (void)state;
    headsift_model *model = tiny_scorer(false);
    const struct hs_config *config = hs_model_config(model->model);
    const struct hs_mask masks[] = {{0}, {.heads = tiny_heads()->heads, .n_heads = tiny_heads()->n_heads}};
    const struct hs_bench_question questions[] = {
        {.what = "pair", .needs = hs_bench_pair_needs(config, 1), .masks = masks, .n_masks = 2},
        {.what = "heads", .needs = {.once = config->n_layer}},
    };
    struct hs_engine *engine;
    struct hs_peak_meter *meter;
    struct hs_bench_work work;
    assert_ok(hs_scorer_engine(model, &engine, &error));
    assert_ok(hs_peak_open(engine, &meter, &error));
    assert_ok(hs_bench_random_work(config, 12, 12, 1, &work, &error));
    for (size_t i = 0; i < 2; i++) {
        struct hs_bench_result result;
        int64_t before = hs_engine_layer_passes(engine);
        assert_ok(hs_bench_measure(engine, meter, config, &work, &questions[i], 3, &result, &error));
        assert_true(hs_engine_layer_passes(engine) > before);
        assert_string_equal(result.what, questions[i].what);
        assert_int_equal(result.documents, 1);
        assert_int_equal(result.tokens, 12);
        assert_true(result.needed == hs_bench_needed(config, questions[i].needs, 12));
        assert_true(result.tokens_per_second > 0 && result.peak > 0 && result.share_of_floor > 0);
    }
    hs_bench_work_free(&work);
    hs_peak_close(meter);
    headsift_model_close(model);
}

static void a_peak_is_measured_for_each_kind(void **state) {
    (void)state;
    headsift_model *model = tiny_scorer(false);
    struct hs_engine *engine;
    struct hs_peak_meter *meter;
    struct hs_peak peak;
    struct hs_engine_facts facts;
    assert_ok(hs_scorer_engine(model, &engine, &error));
    hs_engine_describe(engine, &facts);
    size_t packed = facts.packed_bytes;
    assert_ok(hs_peak_open(engine, &meter, &error));
    assert_ok(hs_peak_measure(meter, 0.01, &peak, &error));
    assert_true(peak.registers > 0 && peak.products > 0);
    hs_engine_describe(engine, &facts);
    assert_int_equal(facts.packed_bytes, packed); /* the meter's matrices are no part of the model */
    assert_true(packed > 0);
    assert_string_equal(facts.dtype, "f32");
    assert_int_equal(strncmp(facts.products, "oneDNN ", 7), 0);
    hs_peak_close(meter);
    hs_peak_close(NULL);
    headsift_model_close(model);
}

static void a_mix_counts_each_length(void **state) {
    (void)state;
    headsift_model *model = tiny_scorer(false);
    const struct hs_config *config = hs_model_config(model->model);
    const struct hs_mask none = {0};
    const struct hs_bench_question base = {
        .what = "base", .needs = {.once = config->n_layer, .logits = 1}, .masks = &none, .n_masks = 1};
    int32_t tokens[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    int64_t offsets[] = {0, 5, 8, 10};
    struct hs_bench_work work = {.tokens = tokens, .offsets = offsets, .n_documents = 3};
    struct hs_bench_result result;
    struct hs_engine *engine;
    struct hs_peak_meter *meter;
    assert_ok(hs_scorer_engine(model, &engine, &error));
    assert_ok(hs_peak_open(engine, &meter, &error));
    assert_ok(hs_bench_cut_batches(&work, 5, &error));
    assert_int_equal(work.n_batches, 2);
    assert_ok(hs_bench_measure(engine, meter, config, &work, &base, 1, &result, &error));
    double all = 5 * hs_bench_needed(config, base.needs, 5) + 3 * hs_bench_needed(config, base.needs, 3) +
                 2 * hs_bench_needed(config, base.needs, 2);
    assert_true(fabs(result.needed - all / 10) < 1e-6 * result.needed);
    hs_free(work.batches);
    hs_peak_close(meter);
    headsift_model_close(model);
}

static void write_inputs(char *path, size_t size) {
    static const char lines[] = "{\"text\":\"abcde\"}\n{\"text\":\"\"}\n{\"text\":\"a\"}\nnot json\n"
                                "{\"text\":\"abcdefgh\"}\n{\"text\":\"abc\"}\n";
    test_scratch(path, size, "bench.jsonl");
    assert_ok(hs_file_write(path, lines, sizeof lines - 1, &error));
}

static int count_entries(const char *path) {
    DIR *folder = opendir(path);
    int n = 0;
    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        n++;
    }
    closedir(folder);
    return n - 2; /* . and .. */
}

static void documents_become_a_mix_the_longest_first(void **state) {
    (void)state;
    headsift_model *model = tiny_scorer(false);
    char path[512], scratch[512];
    const char *paths[] = {path};
    const headsift_inputs inputs = {.paths = paths, .n_paths = 1};
    struct hs_bench_corpus corpus;
    struct hs_input_list files;
    write_inputs(path, sizeof path);
    assert_ok(hs_inputs_find(&inputs, &files, &error));
    test_scratch(scratch, sizeof scratch, "bench_tmp");
    assert_ok(hs_make_directory(scratch, &error));
    setenv("TMPDIR", scratch, 1);
    assert_ok(hs_bench_corpus_read(model, &inputs, &files, 1000, 1, &corpus, &error));
    assert_int_equal(count_entries(scratch), 0);
    assert_int_equal(corpus.documents, 5); /* one is not JSON */
    assert_int_equal(corpus.bytes, 17);
    assert_int_equal(corpus.tokens, 16);
    assert_int_equal(corpus.mix.n_documents, 3); /* nothing is predicted in the others */
    static const int64_t offsets[] = {0, 8, 13, 16};
    assert_memory_equal(corpus.mix.offsets, offsets, sizeof offsets);
    assert_int_equal(corpus.mix.tokens[8], corpus.mix.tokens[13]); /* both begin with an a */
    assert_true(corpus.read_mb > 0 && corpus.tokenize_mb > 0 && corpus.rows_per_second > 0);
    hs_bench_work_free(&corpus.mix);
    assert_ok(hs_bench_corpus_read(model, &inputs, &files, 1, 1, &corpus, &error));
    assert_int_equal(corpus.mix.n_documents, 1);
    hs_bench_work_free(&corpus.mix);
    assert_ok(hs_file_write(path, "{\"text\":\"a\"}\n", 13, &error));
    assert_int_equal(hs_bench_corpus_read(model, &inputs, &files, 1000, 1, &corpus, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "two tokens"));
    unsetenv("TMPDIR");
    hs_inputs_free(&files);
    headsift_model_close(model);
}

/* ---- Reports ---- */

static const struct hs_bench_result example = {.what = "pair",
                                               .length = 1024,
                                               .documents = 2,
                                               .tokens = 2048,
                                               .needed = 234160128,
                                               .tokens_per_second = 812.4,
                                               .peak = 441.02,
                                               .gflops = 380.21,
                                               .share_of_peak = 0.8621,
                                               .share_of_floor = 0.8341,
                                               .stages = {[HS_STAGE_MLP] = {3.25, 400.5, 0.908}},
                                               .rest_milliseconds = 0.5};

static char *printed(const struct hs_bench_result *result) {
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    hs_bench_print_result(result, stream);
    fclose(stream);
    return text;
}

static void the_text_has_a_line_of_the_floor(void **state) {
    (void)state;
    char *text = printed(&example);
    assert_non_null(strstr(text, "length 1024, pair: 2 documents, 2048 tokens, peak 441.0 GF/s\n"));
    assert_non_null(strstr(text, "  812 tokens/s, 380.2 GF/s, 86.2 % of the peak, 83.4 % of the floor\n"));
    assert_non_null(strstr(text, "  MLP                     3.25     400.5            90.8\n"));
    assert_non_null(strstr(text, "  qkv                        -         -               -\n"));
    free(text);
    struct hs_bench_result base = example;
    base.what = "base";
    base.length = 0;
    base.stages[HS_STAGE_MLP] = (struct hs_bench_stage_result){0};
    text = printed(&base);
    assert_non_null(strstr(text, "the mix, base: "));
    assert_non_null(strstr(text, "% of its own floor\n  stages    not measured\n"));
    free(text);
}

static json_t *through_text(json_t *value) {
    assert_non_null(value);
    char *dump = json_dumps(value, 0);
    json_decref(value);
    assert_non_null(dump);
    json_t *parsed = json_loads(dump, 0, NULL);
    free(dump);
    assert_non_null(parsed);
    return parsed;
}

static void the_json_holds_what_the_text_does(void **state) {
    (void)state;
    json_t *result = through_text(hs_bench_json_result(&example));
    double share;
    int64_t length;
    assert_ok(hs_json_number(result, "share_of_floor", true, "r", &share, &error));
    assert_ok(hs_json_int(result, "length", 0, 1 << 20, true, "r", &length, &error));
    assert_true(share == 0.8341);
    assert_int_equal(length, 1024);
    json_t *stages = json_object_get(result, "stages");
    assert_int_equal(json_array_size(stages), HS_STAGES);
    assert_string_equal(json_string_value(json_object_get(json_array_get(stages, HS_STAGE_LOSS), "stage")),
                        "logits+loss");
    json_decref(result);
    struct hs_bench_machine machine = {.cpu = "a \"CPU\"", .config = &smollm2, .first_masked = 17, .n_heads = 14};
    machine.facts = (struct hs_engine_facts){.dtype = "f32", .kernels = "base", .products = "oneDNN 3.1.1"};
    json_t *head = through_text(hs_bench_json_machine(&machine));
    assert_string_equal(json_string_value(json_object_get(json_object_get(head, "machine"), "cpu")), "a \"CPU\"");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(head, "model"), "first_masked_layer")), 17);
    json_decref(head);
    struct hs_bench_corpus corpus = {.documents = 900, .tokens = 32768};
    json_t *inputs = through_text(hs_bench_json_corpus(&corpus));
    assert_int_equal(json_integer_value(json_object_get(inputs, "mix_tokens")), 32768);
    json_decref(inputs);
}

static size_t count_tables(enum hs_element element) {
    const struct hs_kernels *tables[HS_MOST_TABLES];
    size_t n = 0;
    hs_kernels_available(element, hs_isa_of_machine(), tables);
    while (tables[n] != NULL) {
        n++;
    }
    return n;
}

static void every_kernel_of_every_table_is_timed(void **state) {
    (void)state;
    json_t *list = json_array(), *entry;
    size_t i, attends = 0, tables = count_tables(HS_F32) + count_tables(HS_BF16);
    assert_ok(hs_bench_kernels((struct hs_bench_sizes){64, 96, 16}, NULL, list, &error));
    json_array_foreach(list, i, entry) {
        assert_true(json_real_value(json_object_get(entry, "ns")) > 0);
        assert_true(json_real_value(json_object_get(entry, "speed_up")) > 0);
        attends += strcmp(json_string_value(json_object_get(entry, "kernel")), "attend") == 0;
    }
    assert_int_equal(attends, tables);
    const size_t in_int8 = hs_isa_check_int8(hs_isa_of_machine(), NULL) == HEADSIFT_OK ? 2 * 5 : 0;
    assert_int_equal(json_array_size(list), tables * 16 + in_int8); /* the functions of the structs of kernels */
    json_decref(list);
    assert_int_equal(hs_bench_kernels((struct hs_bench_sizes){64, 96, 4096}, NULL, NULL, &error), HEADSIFT_FAILED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_floor_of_a_pair),
        cmocka_unit_test(medians),
        cmocka_unit_test(default_heads_are_in_the_upper_layers_and_differ),
        cmocka_unit_test(a_share_over_one_is_refused),
        cmocka_unit_test(random_documents_fill_a_batch),
        cmocka_unit_test(batches_take_documents_until_they_are_full),
        cmocka_unit_test(what_is_measured_is_what_was_asked),
        cmocka_unit_test(a_peak_is_measured_for_each_kind),
        cmocka_unit_test(a_mix_counts_each_length),
        cmocka_unit_test(documents_become_a_mix_the_longest_first),
        cmocka_unit_test(the_text_has_a_line_of_the_floor),
        cmocka_unit_test(the_json_holds_what_the_text_does),
        cmocka_unit_test(every_kernel_of_every_table_is_timed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
