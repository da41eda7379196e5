/* What parents and going on together save: losses of choices behind a common prefix against whole texts, and tokens of
 * many prompts under masks in lockstep against one by one. See bench/README.md. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/random.h"
#include "bench/bench.h"
#include "engine/scorer.h"

/* 4 choices behind each item's context, all contexts behind one prefix; prompts that go on. */
enum {
    ITEMS = 64,
    ITEMS_A_BATCH = 16,
    CHOICES = 4,
    PREFIX = 992,
    CONTEXT = 32,
    CHOICE = 12,
    TEXT = PREFIX + CONTEXT + CHOICE,
    PROMPTS = 16,
    PROMPT = 200,
    MASKS = 5,
    MOST = 32,
};

struct bench {
    struct hs_engine *engine;
    int32_t vocab;
    int32_t items_alone, prompts_alone; /* the slow way is measured on the first so many */
    struct hs_mask masks[MASKS];
};

struct clock {
    double wall, cpu;
};

static struct clock now(void) {
    struct timespec wall;
    timespec_get(&wall, TIME_UTC);
    return (struct clock){(double)wall.tv_sec + 1e-9 * (double)wall.tv_nsec, (double)clock() / CLOCKS_PER_SEC};
}

static struct clock since(struct clock start) {
    struct clock end = now();
    return (struct clock){end.wall - start.wall, end.cpu - start.cpu};
}

static void draw(const struct bench *bench, uint64_t seed, int32_t *tokens, int64_t n) {
    struct hs_random random;
    hs_random_seed(&random, seed);
    for (int64_t i = 0; i < n; i++) {
        tokens[i] = (int32_t)hs_random_below(&random, (uint64_t)bench->vocab);
    }
}

static void draw_context(const struct bench *bench, int32_t item, int32_t *tokens) {
    draw(bench, 1000 + (uint64_t)item, tokens, CONTEXT);
}

static void draw_choice(const struct bench *bench, int32_t item, int32_t choice, int32_t *tokens) {
    draw(bench, 100000 + (uint64_t)(item * CHOICES + choice), tokens, CHOICE);
}

static double sum(const double *nll, int64_t n) {
    double all = 0;
    for (int64_t i = 0; i < n; i++) {
        all += nll[i];
    }
    return all;
}

/* @param measured of `all`: how much of the work the slow way did */
static void print_times(const char *fast, struct clock a, const char *slow, struct clock b, int32_t measured,
                        int32_t all) {
    const double scale = (double)all / measured;
    printf("  %-14s %8.2f s  %8.2f s of CPU\n", fast, a.wall, a.cpu);
    printf("  %-14s %8.2f s  %8.2f s of CPU  (%d of %d measured)\n", slow, scale * b.wall, scale * b.cpu, measured,
           all);
    printf("  %-14s %8.2f    %8.2f\n", "ratio", scale * b.wall / a.wall, scale * b.cpu / a.cpu);
    fflush(stdout);
}

/* ---- Losses ----------------------------------------------------------------------------------------------------- */

enum { DOCUMENTS = 1 + ITEMS_A_BATCH * (1 + CHOICES) };
enum { TOKENS = PREFIX + ITEMS_A_BATCH * (CONTEXT + CHOICES * CHOICE) };

/* losses (ITEMS, CHOICES, 2 masks): of the choices' tokens */
static headsift_status losses_behind(const struct bench *bench, int32_t first, double *losses, headsift_error *error) {
    static int32_t tokens[TOKENS], parents[DOCUMENTS];
    static int64_t offsets[DOCUMENTS + 1];
    static double nll[2 * TOKENS];
    int32_t n = 1;
    draw(bench, 1, tokens, PREFIX);
    parents[0] = -1;
    offsets[1] = PREFIX;
    for (int32_t item = first; item < first + ITEMS_A_BATCH; item++) {
        const int32_t context = n;
        draw_context(bench, item, tokens + offsets[n]);
        offsets[n + 1] = offsets[n] + CONTEXT;
        parents[n++] = 0;
        for (int32_t choice = 0; choice < CHOICES; choice++) {
            draw_choice(bench, item, choice, tokens + offsets[n]);
            offsets[n + 1] = offsets[n] + CHOICE;
            parents[n++] = context;
        }
    }
    struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = n, .parents = parents};
    HS_TRY(hs_engine_nll(bench->engine, &batch, bench->masks, 2, nll, error));
    for (int32_t i = 0; i < ITEMS_A_BATCH * CHOICES; i++) {
        int32_t document = 2 + i / CHOICES * (1 + CHOICES) + i % CHOICES;
        for (int m = 0; m < 2; m++) {
            losses[(first * CHOICES + i) * 2 + m] = sum(nll + m * TOKENS + offsets[document], CHOICE);
        }
    }
    return HEADSIFT_OK;
}

/* The same of an item's whole texts. */
static headsift_status losses_alone(const struct bench *bench, int32_t item, double *losses, headsift_error *error) {
    static int32_t tokens[CHOICES * TEXT];
    static double nll[2 * CHOICES * TEXT];
    int64_t offsets[CHOICES + 1] = {0};
    for (int32_t choice = 0; choice < CHOICES; choice++) {
        int32_t *text = tokens + choice * TEXT;
        draw(bench, 1, text, PREFIX);
        draw_context(bench, item, text + PREFIX);
        draw_choice(bench, item, choice, text + PREFIX + CONTEXT);
        offsets[choice + 1] = (choice + 1) * TEXT;
    }
    struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = CHOICES};
    HS_TRY(hs_engine_nll(bench->engine, &batch, bench->masks, 2, nll, error));
    for (int32_t choice = 0; choice < CHOICES; choice++) {
        for (int m = 0; m < 2; m++) {
            losses[(item * CHOICES + choice) * 2 + m] =
                sum(nll + m * CHOICES * TEXT + (choice + 1) * TEXT - CHOICE, CHOICE);
        }
    }
    return HEADSIFT_OK;
}

static headsift_status measure_losses(const struct bench *bench, headsift_error *error) {
    static double behind[ITEMS * CHOICES * 2], alone[ITEMS * CHOICES * 2];
    double farthest = 0;
    struct clock start = now();
    for (int32_t item = 0; item < ITEMS; item += ITEMS_A_BATCH) {
        HS_TRY(losses_behind(bench, item, behind, error));
    }
    const struct clock with = since(start);
    start = now();
    for (int32_t item = 0; item < bench->items_alone; item++) {
        HS_TRY(losses_alone(bench, item, alone, error));
    }
    const struct clock without = since(start);
    for (int32_t i = 0; i < bench->items_alone * CHOICES * 2; i++) {
        farthest = fmax(farthest, fabs(behind[i] - alone[i]));
    }
    printf("losses: %d items of %d choices, 2 masks, prefix %d, context %d, choice %d\n", ITEMS, CHOICES, PREFIX,
           CONTEXT, CHOICE);
    print_times("with parents", with, "whole texts", without, bench->items_alone, ITEMS);
    printf("  farthest sum of losses: %.2g\n", farthest);
    return HEADSIFT_OK;
}

/* ---- Tokens ----------------------------------------------------------------------------------------------------- */

static headsift_status measure_tokens(const struct bench *bench, headsift_error *error) {
    static int32_t tokens[PROMPTS * PROMPT], together[MASKS][PROMPTS][MOST], lone[MASKS][PROMPTS][MOST], n_out[MASKS];
    static int32_t all_out[MASKS * PROMPTS];
    int64_t offsets[PROMPTS + 1];
    for (int64_t i = 0; i <= PROMPTS; i++) {
        offsets[i] = i * PROMPT;
    }
    draw(bench, 2, tokens, PROMPTS * PROMPT);
    const struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = PROMPTS};
    struct clock start = now();
    HS_TRY(hs_engine_generate_masked(bench->engine, &batch, bench->masks, MASKS, MOST, NULL, NULL, &together[0][0][0],
                                     all_out, error));
    const struct clock at_once = since(start);
    start = now();
    for (int32_t prompt = 0; prompt < bench->prompts_alone; prompt++) {
        const struct hs_batch one = {.tokens = tokens + prompt * PROMPT, .offsets = offsets, .n_documents = 1};
        for (int32_t mask = 0; mask < MASKS; mask++) {
            HS_TRY(hs_engine_generate_masked(bench->engine, &one, &bench->masks[mask], 1, MOST, NULL, NULL,
                                             lone[mask][prompt], n_out, error));
        }
    }
    const struct clock one_by_one = since(start);
    int32_t equal = 0;
    for (int32_t i = 0; i < MASKS * bench->prompts_alone; i++) {
        const int32_t mask = i % MASKS, prompt = i / MASKS;
        equal += memcmp(together[mask][prompt], lone[mask][prompt], sizeof lone[mask][prompt]) == 0;
    }
    printf("tokens: %d prompts of %d tokens, %d masks, %d tokens each\n", PROMPTS, PROMPT, MASKS, MOST);
    print_times("together", at_once, "one by one", one_by_one, bench->prompts_alone, PROMPTS);
    printf("  equal continuations: %d of %d\n", equal, MASKS * bench->prompts_alone);
    return HEADSIFT_OK;
}

/* No heads, and masks of 5 % of all heads, each from another head on. */
static void draw_masks(struct bench *bench, const struct hs_config *config, headsift_head *heads, size_t n) {
    const int32_t all = config->n_layer * config->n_head;
    for (int32_t m = 1; m < MASKS; m++) {
        struct hs_random random;
        hs_random_seed(&random, (uint64_t)m);
        headsift_head *own = heads + (size_t)(m - 1) * n;
        const int32_t first = (int32_t)hs_random_below(&random, (uint64_t)all);
        for (size_t i = 0; i < n; i++) { /* spread evenly from a drawn one on */
            int32_t at = (first + (int32_t)(i * (size_t)all / n)) % all;
            own[i] = (headsift_head){at / config->n_head, at % config->n_head};
        }
        bench->masks[m] = (struct hs_mask){.kind = HEADSIFT_MASK_UNIFORM, .heads = own, .n_heads = n};
    }
}

static headsift_status measure(headsift_model *model, const char *dtype, int32_t items, int32_t prompts,
                               headsift_error *error) {
    struct bench bench = {.items_alone = items, .prompts_alone = prompts};
    HS_TRY(hs_scorer_use_dtype(model, dtype, error));
    HS_TRY(hs_scorer_engine(model, &bench.engine, error));
    const struct hs_config *config = hs_model_config(model->model);
    size_t n = (size_t)(config->n_layer * config->n_head) / 20 + 1;
    bench.vocab = config->vocab;
    headsift_head *heads = hs_alloc((MASKS - 1) * n, sizeof *heads);
    if (heads == NULL) {
        return hs_fail_memory(error, "heads", (MASKS - 1) * n * sizeof *heads);
    }
    draw_masks(&bench, config, heads, n);
    headsift_status status = measure_losses(&bench, error);
    if (status == HEADSIFT_OK) {
        status = measure_tokens(&bench, error);
    }
    hs_free(heads);
    return status;
}

int main(int argc, char **argv) {
    headsift_error error = {0};
    const int items = argc == 5 ? atoi(argv[3]) : ITEMS, prompts = argc == 5 ? atoi(argv[4]) : PROMPTS;
    if ((argc != 3 && argc != 5) || items < 1 || items > ITEMS || prompts < 1 || prompts > PROMPTS) {
        fprintf(stderr, "usage: headsift-prefix MODEL DTYPE [ITEMS PROMPTS]: so many the slow way, at most %d and %d\n",
                ITEMS, PROMPTS);
        return 2;
    }
    headsift_model *model = NULL;
    const headsift_model_options options = {.path = argv[1]};
    headsift_status status = headsift_model_open(&options, NULL, &model, &error);
    if (status == HEADSIFT_OK) {
        status = measure(model, argv[2], items, prompts, &error);
    }
    headsift_model_close(model);
    if (status != HEADSIFT_OK) {
        fprintf(stderr, "headsift-prefix: %s\n", error.message);
        return 2;
    }
    return 0;
}
