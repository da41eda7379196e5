/* headsift-int8 MODEL [--heads FILE] [--length 512] [--repeat 5] [--rank FOLDER DOCUMENTS]: what int8 may be made of,
 * each variant's speed beside bf16's and its own arithmetic limit, and how it ranks documents beside f32. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "ranking.h"

static const struct variant {
    const char *name;
    headsift_dtype dtype;
    struct hs_int8_recipe recipe;
} variants[] = {
    {"bf16", HEADSIFT_DTYPE_BF16, {0}},
    {"plain", HEADSIFT_DTYPE_INT8, {0}},
    {"plain, logits and down in bf16", HEADSIFT_DTYPE_INT8, {.bf16_logits = true, .bf16_down = true}},
    {"64 outliers, down transformed", HEADSIFT_DTYPE_INT8, HS_INT8_RECIPE},
    {"64 outliers, down in bf16", HEADSIFT_DTYPE_INT8, {.outliers = 64, .bf16_down = true}},
    {"32 outliers, down transformed", HEADSIFT_DTYPE_INT8, {.outliers = 32, .hadamard = true}},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

struct call {
    headsift_model_options model;
    const char *heads_path;
    const char *folder, *documents; /* NULL: no ranking */
    int length, repeat;
};

/* A model in one type, and what it can do at most. */
struct side {
    headsift_model *model;
    struct hs_engine *engine;
    struct hs_peak_meter *meter;
};

/* Speed is measured with the same tokens and masks in all types. */
struct work {
    struct hs_bench_work documents;
    headsift_heads *heads;
    headsift_head *own_heads;
    struct hs_mask masks[2];
    double *nll;
};

/* ---- The call ---- */

static headsift_status parse_count(const char *text, int least, int *out, headsift_error *error) {
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || value < least || value > 1 << 20) {
        return hs_fail(error, HEADSIFT_USAGE, "\"%s\" must be a number from %d on", text, least);
    }
    *out = (int)value;
    return HEADSIFT_OK;
}

static headsift_status parse(int argc, char **argv, struct call *call, headsift_error *error) {
    *call = (struct call){.length = 512, .repeat = HS_BENCH_REPEAT};
    for (int i = 1; i < argc; i++) {
        const bool more = i + 1 < argc;
        if (strcmp(argv[i], "--heads") == 0 && more) {
            call->heads_path = argv[++i];
        } else if (strcmp(argv[i], "--length") == 0 && more) {
            HS_TRY(parse_count(argv[++i], 2, &call->length, error));
        } else if (strcmp(argv[i], "--repeat") == 0 && more) {
            HS_TRY(parse_count(argv[++i], 1, &call->repeat, error));
        } else if (strcmp(argv[i], "--rank") == 0 && i + 2 < argc) {
            call->folder = argv[++i];
            call->documents = argv[++i];
        } else if (argv[i][0] != '-' && call->model.path == NULL) {
            call->model.path = argv[i];
        } else {
            call->model.path = NULL;
            break;
        }
    }
    return call->model.path != NULL && (call->folder == NULL || call->heads_path != NULL)
               ? HEADSIFT_OK
               : hs_fail(error, HEADSIFT_USAGE,
                         "usage: headsift-int8 MODEL [--heads FILE] [--length 512] [--repeat 5] [--rank FOLDER "
                         "DOCUMENTS]; --rank needs --heads");
}

static headsift_status side_open(const struct call *call, headsift_dtype dtype, struct hs_int8_recipe recipe,
                                 struct side *out, headsift_error *error) {
    headsift_model_options options = call->model;
    options.dtype = dtype;
    HS_TRY(headsift_model_open(&options, NULL, &out->model, error));
    out->model->int8 = recipe;
    HS_TRY(hs_scorer_engine(out->model, &out->engine, error));
    return hs_peak_open(out->engine, &out->meter, error);
}

static void side_close(struct side *side) {
    hs_peak_close(side->meter);
    headsift_model_close(side->model);
    *side = (struct side){0};
}

/* ---- Speed ---- */

static headsift_status peak_of(const struct side *side, double *out, headsift_error *error) {
    struct hs_peak peak;
    HS_TRY(hs_peak_measure(side->meter, 0.25, &peak, error));
    *out = peak.registers > peak.products ? peak.registers : peak.products;
    return HEADSIFT_OK;
}

/* Multiply-adds so far, of bf16 and of s8. */
static void counts_of(const struct hs_engine *engine, double counts[2]) {
    struct hs_stage_cost costs[HS_STAGES];
    hs_engine_costs(engine, costs);
    counts[0] = counts[1] = 0;
    for (int i = 0; i < HS_STAGES; i++) {
        counts[0] += costs[i].multiply_adds - costs[i].in_s8;
        counts[1] += costs[i].in_s8;
    }
}

/* Runs the pair once. @param adds how many multiply-adds that were, of bf16 and of s8 */
static headsift_status run_pair(const struct side *side, const struct work *work, double *seconds, double adds[2],
                                headsift_error *error) {
    const struct hs_bench_work *w = &work->documents;
    const struct hs_batch batch = {.tokens = w->tokens, .offsets = w->offsets, .n_documents = w->n_documents};
    double before[2], after[2];
    counts_of(side->engine, before);
    double start = hs_bench_now();
    HS_TRY(hs_engine_nll(side->engine, &batch, work->masks, 2, work->nll, error));
    *seconds = hs_bench_now() - start;
    counts_of(side->engine, after);
    adds[0] = after[0] - before[0];
    adds[1] = after[1] - before[1];
    return HEADSIFT_OK;
}

/* Both peaks, the variant's pair, bf16's pair, and the peaks again. */
static headsift_status repeat_once(const struct side *side, const struct side *bf16, const struct work *work,
                                   double *rate, double *share, double *ratio, headsift_error *error) {
    double peaks[2][2], seconds, beside, adds[2], others[2];
    HS_TRY(peak_of(bf16, &peaks[0][0], error));
    HS_TRY(peak_of(side, &peaks[0][1], error));
    HS_TRY(run_pair(side, work, &seconds, adds, error));
    HS_TRY(peak_of(side, &peaks[1][1], error));
    HS_TRY(peak_of(bf16, &peaks[1][0], error));
    HS_TRY(run_pair(bf16, work, &beside, others, error));
    *rate = (double)work->documents.offsets[work->documents.n_documents] / seconds;
    *share = 0;
    for (int i = 0; i < 2; i++) {
        *share += adds[i] / ((peaks[0][i] + peaks[1][i]) / 2) / seconds;
    }
    *ratio = beside / seconds;
    return HEADSIFT_OK;
}

static headsift_status measure(const struct call *call, const struct side *side, const struct side *bf16,
                               const struct work *work, headsift_error *error) {
    double *figures = hs_alloc((size_t)(3 * call->repeat), sizeof *figures), adds[2], seconds;
    if (figures == NULL) {
        return hs_fail_memory(error, "figures", (size_t)(3 * call->repeat) * sizeof *figures);
    }
    double *rates = figures, *shares = rates + call->repeat, *ratios = shares + call->repeat;
    headsift_status status = run_pair(side, work, &seconds, adds, error); /* the caches get to know it */
    for (int i = 0; status == HEADSIFT_OK && i < call->repeat; i++) {
        status = repeat_once(side, bf16, work, &rates[i], &shares[i], &ratios[i], error);
    }
    if (status == HEADSIFT_OK) {
        double tokens = (double)work->documents.offsets[work->documents.n_documents];
        size_t n = (size_t)call->repeat;
        printf("  %.0f tokens/s, %.2f times bf16 beside it; %.1f %% of its own limit (%.1f M multiply-adds a token in "
               "s8, %.1f M in bf16)\n",
               hs_bench_median(rates, n), hs_bench_median(ratios, n), 100 * hs_bench_median(shares, n),
               adds[1] / tokens * 1e-6, adds[0] / tokens * 1e-6);
        fflush(stdout);
    }
    hs_free(figures);
    return status;
}

/* ---- Ranking ---- */

/* @param again also where an earlier run has done it, of other code or another recipe */
static headsift_status score(const struct call *call, const struct side *side, const struct work *work,
                             const char *name, bool again, struct hs_buffer *place, headsift_error *error) {
    const headsift_inputs inputs = {.paths = &call->documents, .n_paths = 1};
    const headsift_score_options options = {0};
    if (!hs_buffer_printf(place, "%s/%s", call->folder, name)) {
        return hs_fail_memory(error, "a path", 1);
    }
    headsift_status status =
        headsift_score_files(side->model, work->heads, &options, &inputs, place->data, again, NULL, NULL, error);
    return status == HEADSIFT_UNSCORED ? HEADSIFT_OK : status;
}

static headsift_status rank(const struct call *call, const struct side *side, const struct work *work, const char *name,
                            headsift_error *error) {
    struct hs_buffer exact = {0}, place = {0};
    struct hs_agreement agreement = {0};
    headsift_status status = score(call, side, work, name, true, &place, error);
    if (status == HEADSIFT_OK) {
        status = hs_buffer_printf(&exact, "%s/f32", call->folder)
                     ? hs_agreement_read(exact.data, place.data, &(struct hs_agreement_options){.keep = 0.2},
                                         &agreement, error)
                     : hs_fail_memory(error, "a path", 1);
    }
    for (size_t i = 0; i < agreement.n; i++) {
        const struct hs_agreement_domain *d = &agreement.domains[i];
        printf("  %.*s: error sd %.2e (%.1f %% of the spread), Spearman %.5f, %lld change sides, the farthest %.2f sd "
               "from the cut\n",
               (int)d->name_size, d->name, d->error_sd, 100 * d->error_sd / d->spread, d->spearman,
               (long long)d->changed, d->farthest);
    }
    if (agreement.n > 0) {
        printf("  overlap %.1f %%: %s the bar\n", hs_agreement_overlap(&agreement),
               hs_agreement_passes(&agreement) ? "meets" : "misses");
        fflush(stdout);
    }
    hs_agreement_free(&agreement);
    hs_buffer_free(&exact);
    hs_buffer_free(&place);
    return status;
}

static headsift_status score_exactly(const struct call *call, const struct work *work, headsift_error *error) {
    struct side exact = {0};
    struct hs_buffer place = {0};
    headsift_status status = side_open(call, HEADSIFT_DTYPE_F32, (struct hs_int8_recipe){0}, &exact, error);
    if (status == HEADSIFT_OK) {
        status = score(call, &exact, work, "f32", false, &place, error);
    }
    hs_buffer_free(&place);
    side_close(&exact);
    return status;
}

/* ---- All of it ---- */

static headsift_status work_open(const struct call *call, const struct side *side, struct work *work,
                                 headsift_error *error) {
    const struct hs_config *config = hs_model_config(side->model->model);
    struct hs_mask *mask = &work->masks[1];
    if (call->heads_path == NULL) {
        HS_TRY(hs_bench_default_heads(config, &work->own_heads, &mask->n_heads, error));
        mask->heads = work->own_heads;
    } else {
        HS_TRY(headsift_heads_load(call->heads_path, &work->heads, error));
        HS_TRY(headsift_heads_check(work->heads, side->model, NULL, error));
        mask->heads = work->heads->heads;
        mask->n_heads = work->heads->n_heads;
    }
    HS_TRY(
        hs_bench_random_work(config, call->length, hs_engine_batch_tokens(side->engine), 1, &work->documents, error));
    const size_t tokens = (size_t)work->documents.offsets[work->documents.n_documents];
    work->nll = hs_alloc(2 * tokens, sizeof *work->nll);
    return work->nll == NULL ? hs_fail_memory(error, "losses", 2 * tokens * sizeof *work->nll) : HEADSIFT_OK;
}

static headsift_status try_variant(const struct call *call, const struct variant *variant, const struct side *bf16,
                                   const struct work *work, headsift_error *error) {
    struct side side = {0};
    headsift_status status = side_open(call, variant->dtype, variant->recipe, &side, error);
    if (status == HEADSIFT_OK) {
        printf("%s\n", variant->name);
        status = measure(call, &side, bf16, work, error);
    }
    if (status == HEADSIFT_OK && call->folder != NULL) {
        status = rank(call, &side, work, variant->name, error);
    }
    side_close(&side);
    return status;
}

static headsift_status try_all(const struct call *call, headsift_error *error) {
    struct side bf16 = {0};
    struct work work = {0};
    headsift_status status = side_open(call, HEADSIFT_DTYPE_BF16, (struct hs_int8_recipe){0}, &bf16, error);
    if (status == HEADSIFT_OK) {
        status = work_open(call, &bf16, &work, error);
    }
    if (status == HEADSIFT_OK && call->folder != NULL) {
        status = score_exactly(call, &work, error);
    }
    for (int i = 0; status == HEADSIFT_OK && i < VARIANTS; i++) {
        status = try_variant(call, &variants[i], &bf16, &work, error);
    }
    hs_bench_work_free(&work.documents);
    headsift_heads_free(work.heads);
    hs_free(work.own_heads);
    hs_free(work.nll);
    side_close(&bf16);
    return status;
}

int main(int argc, char **argv) {
    headsift_error error = {0};
    struct call call;
    headsift_status status = parse(argc, argv, &call, &error);
    if (status == HEADSIFT_OK) {
        status = try_all(&call, &error);
    }
    if (status != HEADSIFT_OK) {
        fprintf(stderr, "headsift-int8: %s\n", error.message);
        return 2;
    }
    return 0;
}
