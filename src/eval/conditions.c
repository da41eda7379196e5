/* What is compared: the model as it is, with the chosen heads masked, with random others, with more or fewer of the
 * best. All of them are masks of one question to the engine. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "eval/ask.h"
#include "probe/detect.h"

enum { DEFAULT_DRAWS = 3 };

void hs_conditions_free(struct hs_conditions *conditions) {
    hs_free(conditions->all);
    hs_free(conditions->masks);
    hs_free(conditions->draws.heads);
    hs_free(conditions->ranked);
    hs_free(conditions->means);
    *conditions = (struct hs_conditions){0};
}

static struct hs_condition *add(struct hs_conditions *conditions, enum hs_condition_group group, headsift_mask kind,
                                const headsift_head *heads, size_t n_heads) {
    size_t total = (size_t)conditions->n_layer * (size_t)conditions->n_head;
    conditions->masks[conditions->n] = (struct hs_mask){.kind = kind, .heads = heads, .n_heads = n_heads};
    struct hs_condition *condition = &conditions->all[conditions->n++];
    condition->group = group;
    condition->fraction = (double)n_heads / (double)total;
    return condition;
}

static headsift_status add_draws(struct hs_conditions *conditions, const headsift_heads *heads,
                                 const headsift_eval_options *options, size_t draws, headsift_error *error) {
    HS_TRY(hs_draw_heads(conditions->n_layer, conditions->n_head, heads->heads, heads->n_heads, options->task.seed,
                         draws, &conditions->draws, error));
    size_t count = conditions->draws.count;
    for (size_t i = 0; i < draws && count > 0; i++) {
        struct hs_condition *condition =
            add(conditions, HS_RANDOM, options->mask, conditions->draws.heads + i * count, count);
        snprintf(condition->name, sizeof condition->name, "random-%zu", i + 1);
        conditions->n_draws++;
    }
    return HEADSIFT_OK;
}

static bool is_named(const struct hs_conditions *conditions, const char *name) {
    for (size_t i = 0; i < conditions->n; i++) {
        if (strcmp(conditions->all[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static headsift_status add_fractions(struct hs_conditions *conditions, const headsift_heads *heads,
                                     const headsift_eval_options *options, headsift_error *error) {
    size_t total = (size_t)conditions->n_layer * (size_t)conditions->n_head;
    if (options->n_fractions == 0) {
        return HEADSIFT_OK;
    }
    if (heads->scores == NULL) {
        return hs_fail(error, HEADSIFT_USAGE, "--fractions needs the scores of all heads, and heads.json has none");
    }
    conditions->ranked = hs_alloc(total, sizeof *conditions->ranked);
    if (conditions->ranked == NULL) {
        return hs_fail_memory(error, "a ranking", total * sizeof *conditions->ranked);
    }
    HS_TRY(hs_rank_heads(heads->scores, conditions->n_layer, conditions->n_head, total, conditions->ranked, error));
    for (size_t i = 0; i < options->n_fractions; i++) {
        char name[32];
        double fraction = options->fractions[i];
        if (!(fraction > 0 && fraction <= 1)) {
            return hs_fail(error, HEADSIFT_USAGE, "--fractions has %g, must be above 0 and at most 1", fraction);
        }
        snprintf(name, sizeof name, "masked-%g", fraction);
        if (is_named(conditions, name)) {
            return hs_fail(error, HEADSIFT_USAGE, "--fractions has %g twice", fraction);
        }
        size_t n;
        headsift_heads_options share = {.top_fraction = fraction};
        HS_TRY(hs_heads_wanted(&share, total, &n, error));
        memcpy(add(conditions, HS_FRACTION, options->mask, conditions->ranked, n)->name, name, sizeof name);
    }
    return HEADSIFT_OK;
}

static headsift_status make(const headsift_heads *heads, const headsift_eval_options *options, size_t draws,
                            struct hs_conditions *out, headsift_error *error) {
    size_t most = 2 + draws + options->n_fractions;
    out->all = hs_alloc(most, sizeof *out->all);
    out->masks = hs_alloc(most, sizeof *out->masks);
    if (out->all == NULL || out->masks == NULL) {
        return hs_fail_memory(error, "conditions", most * sizeof *out->masks);
    }
    strcpy(add(out, HS_UNMASKED, HEADSIFT_MASK_UNIFORM, NULL, 0)->name, "unmasked");
    strcpy(add(out, HS_MASKED, options->mask, heads->heads, heads->n_heads)->name, "masked");
    HS_TRY(add_draws(out, heads, options, draws, error));
    return add_fractions(out, heads, options, error);
}

headsift_status hs_conditions_make(const headsift_heads *heads, const struct hs_config *config,
                                   const headsift_eval_options *options, struct hs_conditions *out,
                                   headsift_error *error) {
    *out = (struct hs_conditions){.n_layer = config->n_layer, .n_head = config->n_head};
    if (heads->n_heads == 0) {
        return hs_fail(error, HEADSIFT_FAILED, "no heads are chosen: \"heads\" of heads.json is empty");
    }
    size_t draws = options->draws < 0 ? DEFAULT_DRAWS : (size_t)options->draws;
    headsift_status status = make(heads, options, draws, out, error);
    if (status != HEADSIFT_OK) {
        hs_conditions_free(out);
    }
    return status;
}

headsift_status hs_conditions_take_means(struct hs_conditions *conditions, headsift_model *model,
                                         const struct hs_calibration *calibration, headsift_error *error) {
    size_t n = 0, head_dim = (size_t)hs_model_config(model->model)->head_dim;
    for (size_t i = 0; i < conditions->n; i++) {
        n += conditions->masks[i].n_heads;
    }
    headsift_head *heads = hs_alloc(n, sizeof *heads), *end = heads;
    if (heads == NULL) {
        return hs_fail_memory(error, "masked heads", n * sizeof *heads);
    }
    for (size_t i = 0; i < conditions->n; end += conditions->masks[i++].n_heads) {
        if (conditions->masks[i].n_heads > 0) {
            memcpy(end, conditions->masks[i].heads, conditions->masks[i].n_heads * sizeof *heads);
        }
    }
    headsift_status status = hs_calibration_means(model, calibration, heads, n, &conditions->means, error);
    const float *means = conditions->means;
    for (size_t i = 0; status == HEADSIFT_OK && i < conditions->n; i++) {
        conditions->masks[i].means = means;
        means += conditions->masks[i].n_heads * head_dim;
    }
    hs_free(heads);
    return status;
}
