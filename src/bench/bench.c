/* headsift_bench: opens a model with a watch in the hand, asks the same questions as scoring and the search for heads
 * do, and reports how far each is from the least time this machine could take. */
#include <string.h>

#include "base/file.h"
#include "bench/bench.h"

/* One call. */
struct bench {
    const headsift_model_options *model_options;
    const headsift_bench_options *options;
    const headsift_monitor *monitor;
    FILE *out;
    headsift_model *model;
    struct hs_engine *engine;
    struct hs_peak_meter *meter;
    const struct hs_config *config;
    struct hs_input_list files;
    struct hs_bench_machine machine;
    headsift_head *own_heads;
    struct hs_mask masks[2]; /* none, the heads */
    json_t *report, *results;
    headsift_error verdict; /* of the first share that can't be */
};

static const int32_t default_lengths[] = {128, 512, 1024, 2048, 4096};

static headsift_status keep(json_t *list, json_t *value, headsift_error *error) {
    return json_array_append_new(list, value) == 0 ? HEADSIFT_OK : hs_fail_memory(error, "a report", 1);
}

/* ---- Opening ---- */

/* Opens and packs; the caller closes bench->model in any case. */
static headsift_status open_timed(struct bench *bench, headsift_error *error) {
    double start = hs_bench_now();
    HS_TRY(headsift_model_open(bench->model_options, NULL, &bench->model, error));
    double opened = hs_bench_now();
    HS_TRY(hs_scorer_engine(bench->model, &bench->engine, error));
    bench->machine.open_seconds = opened - start;
    bench->machine.pack_seconds = hs_bench_now() - opened;
    bench->config = hs_model_config(bench->model->model);
    return HEADSIFT_OK;
}

static headsift_status check_lengths(const struct bench *bench, headsift_error *error) {
    for (size_t i = 0; i < bench->options->n_lengths; i++) {
        int32_t length = bench->options->lengths[i];
        if (length < 2 || length > bench->config->context) {
            return hs_fail(error, HEADSIFT_USAGE, "length %d: %s can be benched at 2 to %lld tokens", length,
                           bench->config->name, (long long)bench->config->context);
        }
    }
    return HEADSIFT_OK;
}

/* The second time counts: the files are in the cache then. */
static headsift_status open_twice(struct bench *bench, headsift_error *error) {
    HS_TRY(open_timed(bench, error));
    HS_TRY(check_lengths(bench, error));
    headsift_model_close(bench->model);
    bench->model = NULL;
    return open_timed(bench, error);
}

static headsift_status choose_heads(struct bench *bench, const headsift_heads *heads, headsift_error *error) {
    struct hs_mask *mask = &bench->masks[1];
    bench->machine.own_heads = heads == NULL;
    if (heads == NULL) {
        HS_TRY(hs_bench_default_heads(bench->config, &bench->own_heads, &mask->n_heads, error));
        mask->heads = bench->own_heads;
    } else {
        HS_TRY(headsift_heads_check(heads, bench->model, bench->monitor, error));
        mask->heads = heads->heads;
        mask->n_heads = heads->n_heads;
    }
    bench->machine.first_masked = hs_bench_first_layer(bench->config, mask->heads, mask->n_heads);
    bench->machine.n_heads = mask->n_heads;
    return HEADSIFT_OK;
}

static headsift_status describe(struct bench *bench, headsift_error *error) {
    static const double seconds = 0.5;
    struct hs_bench_machine *machine = &bench->machine;
    machine->config = bench->config;
    machine->threads = hs_engine_threads(bench->engine);
    hs_bench_cpu_name(machine->cpu, sizeof machine->cpu);
    hs_engine_describe(bench->engine, &machine->facts);
    HS_TRY(hs_peak_open(bench->engine, &bench->meter, error));
    HS_TRY(hs_peak_measure(bench->meter, seconds, &machine->peak, error));
    if (bench->out != NULL) {
        hs_bench_print_machine(machine, bench->out);
    }
    json_t *parts = hs_bench_json_machine(machine);
    bool ok = parts != NULL && json_object_update(bench->report, parts) == 0;
    json_decref(parts);
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "a report", 1);
}

/* ---- Measuring ---- */

static headsift_status measure(struct bench *bench, const struct hs_bench_work *work, int64_t length,
                               const struct hs_bench_question *question, headsift_error *error) {
    struct hs_bench_result result;
    char title[64];
    int repeat = bench->options->repeat > 0 ? bench->options->repeat : HS_BENCH_REPEAT;
    HS_TRY(hs_bench_measure(bench->engine, bench->meter, bench->config, work, question, repeat, &result, error));
    result.length = length;
    if (bench->out != NULL) {
        hs_bench_print_result(&result, bench->out);
    }
    hs_bench_title(&result, title, sizeof title);
    headsift_error *verdict = bench->verdict.status == HEADSIFT_OK ? &bench->verdict : NULL;
    hs_bench_judge(title, result.share_of_floor, result.peak, verdict);
    return keep(bench->results, hs_bench_json_result(&result), error);
}

/* The pair, and the unmasked pass alone. */
static headsift_status measure_losses(struct bench *bench, const struct hs_bench_work *work, int64_t length,
                                      headsift_error *error) {
    const struct hs_bench_question pair = {.what = "pair",
                                           .needs = hs_bench_pair_needs(bench->config, bench->machine.first_masked),
                                           .masks = bench->masks,
                                           .n_masks = 2};
    const struct hs_bench_question base = {
        .what = "base", .needs = {.once = bench->config->n_layer, .logits = 1}, .masks = bench->masks, .n_masks = 1};
    HS_TRY(measure(bench, work, length, &pair, error));
    return measure(bench, work, length, &base, error);
}

static headsift_status measure_length(struct bench *bench, int64_t length, headsift_error *error) {
    struct hs_bench_work work;
    int64_t batch_tokens = hs_engine_batch_tokens(bench->engine);
    HS_TRY(hs_bench_random_work(bench->config, length, batch_tokens, bench->options->seed, &work, error));
    headsift_status status = measure_losses(bench, &work, length, error);
    hs_bench_work_free(&work);
    return status;
}

static headsift_status measure_lengths(struct bench *bench, headsift_error *error) {
    for (size_t i = 0; i < bench->options->n_lengths; i++) {
        HS_TRY(measure_length(bench, bench->options->lengths[i], error));
    }
    for (size_t i = 0; bench->options->n_lengths == 0 && i < sizeof default_lengths / sizeof *default_lengths; i++) {
        if (default_lengths[i] <= bench->config->context) {
            HS_TRY(measure_length(bench, default_lengths[i], error));
        }
    }
    return HEADSIFT_OK;
}

/* A sample of the probe, whose answer is fed. */
static headsift_status measure_prefill(struct bench *bench, headsift_error *error) {
    const struct hs_bench_question heads = {.what = "heads", .needs = {.once = bench->config->n_layer}};
    struct hs_bench_work work;
    int64_t tokens = bench->options->probe_tokens > 0 ? bench->options->probe_tokens : HS_BENCH_PROBE_TOKENS;
    tokens = tokens < bench->config->context ? tokens : bench->config->context;
    HS_TRY(hs_bench_random_work(bench->config, tokens, tokens, bench->options->seed, &work, error));
    headsift_status status = measure(bench, &work, tokens, &heads, error);
    hs_bench_work_free(&work);
    return status;
}

static headsift_status measure_corpus(struct bench *bench, const headsift_inputs *inputs, headsift_error *error) {
    struct hs_bench_corpus corpus;
    int64_t tokens = bench->options->mix_tokens > 0 ? bench->options->mix_tokens : HS_BENCH_MIX_TOKENS;
    HS_TRY(hs_bench_corpus_read(bench->model, inputs, &bench->files, tokens, bench->options->seed, &corpus, error));
    if (bench->out != NULL) {
        hs_bench_print_corpus(&corpus, bench->out);
    }
    headsift_status status = json_object_set_new(bench->report, "inputs", hs_bench_json_corpus(&corpus)) == 0
                                 ? measure_losses(bench, &corpus.mix, 0, error)
                                 : hs_fail_memory(error, "a report", 1);
    hs_bench_work_free(&corpus.mix);
    return status;
}

static bool has_inputs(const headsift_inputs *inputs) {
    return inputs != NULL && (inputs->n_paths > 0 || inputs->files_from != NULL);
}

static headsift_status bench_model(struct bench *bench, const headsift_heads *heads, const headsift_inputs *inputs,
                                   headsift_error *error) {
    if (has_inputs(inputs)) { /* what can't be opened is refused before anything is timed */
        HS_TRY(hs_inputs_find(inputs, &bench->files, error));
    }
    HS_TRY(open_twice(bench, error));
    HS_TRY(choose_heads(bench, heads, error));
    HS_TRY(describe(bench, error));
    HS_TRY(measure_lengths(bench, error));
    HS_TRY(measure_prefill(bench, error));
    return has_inputs(inputs) ? measure_corpus(bench, inputs, error) : HEADSIFT_OK;
}

/* Sizes of a model, or of a small one where none is named. */
static headsift_status bench_kernels(struct bench *bench, headsift_error *error) {
    struct hs_bench_sizes sizes = {.hidden = 576, .ffn = 1536, .head_dim = 64};
    if (bench->model_options->path != NULL) {
        HS_TRY(headsift_model_open(bench->model_options, NULL, &bench->model, error));
        const struct hs_config *config = hs_model_config(bench->model->model);
        sizes = (struct hs_bench_sizes){config->hidden, config->ffn, config->head_dim};
    }
    return hs_bench_kernels(sizes, bench->out, bench->results, error);
}

/* ---- The report ---- */

static headsift_status write_report(const struct bench *bench, headsift_error *error) {
    if (bench->options->json == NULL) {
        return HEADSIFT_OK;
    }
    struct hs_buffer text = {0};
    char *dump = json_dumps(bench->report, JSON_INDENT(1));
    bool ok = dump != NULL && hs_buffer_printf(&text, "%s\n", dump);
    headsift_status status =
        ok ? hs_file_write(bench->options->json, text.data, text.size, error) : hs_fail_memory(error, "a report", 1);
    free(dump);
    hs_buffer_free(&text);
    return status;
}

static headsift_status start_report(struct bench *bench, headsift_error *error) {
    bench->report = json_object();
    bench->results = json_array();
    const char *name = bench->options->kernels ? "kernels" : "results";
    bool ok = bench->results != NULL && json_object_set(bench->report, name, bench->results) == 0;
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "a report", 1);
}

headsift_status headsift_bench(const headsift_model_options *model, const headsift_bench_options *options,
                               const headsift_heads *heads, const headsift_inputs *inputs, FILE *out,
                               const headsift_monitor *monitor, headsift_error *error) {
    struct bench bench = {.model_options = model, .options = options, .monitor = monitor, .out = out};
    headsift_status status = start_report(&bench, error);
    if (status == HEADSIFT_OK) {
        status = options->kernels ? bench_kernels(&bench, error) : bench_model(&bench, heads, inputs, error);
    }
    if (status == HEADSIFT_OK) {
        status = write_report(&bench, error);
    }
    if (status == HEADSIFT_OK && bench.verdict.status != HEADSIFT_OK) {
        status = hs_fail(error, bench.verdict.status, "%s", bench.verdict.message);
    }
    hs_peak_close(bench.meter);
    headsift_model_close(bench.model);
    hs_inputs_free(&bench.files);
    hs_free(bench.own_heads);
    json_decref(bench.results);
    json_decref(bench.report);
    return status;
}
