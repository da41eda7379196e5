/* The plan of headsift_score_files: the inputs and what they are, the settings, the rank.
 * Units come from index.c, what the folder holds from folder.c and done.c. */
#define _GNU_SOURCE
#include "influence/plan.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Whether a found input is one of our own files in the output folder (a rerun over a folder that holds it). */
static bool is_own_file(const char *path, const char *real_directory) {
    size_t input, unit;
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    if (!hs_part_numbers(name, &input, &unit) && strcmp(name, "score.json") != 0) {
        return false;
    }
    char *real = realpath(path, NULL);
    char *last = real != NULL ? strrchr(real, '/') : NULL;
    bool own = false;
    if (last != NULL) {
        *last = '\0';
        own = strcmp(real, real_directory) == 0;
    }
    free(real);
    return own;
}

static void drop_own_files(struct hs_input_list *inputs, const char *directory) {
    char *settings = hs_join_path(directory, "score.json"), *real = realpath(directory, NULL);
    size_t kept = 0;
    bool ours = settings != NULL && real != NULL && hs_file_exists(settings);
    for (size_t i = 0; i < inputs->n; i++) {
        if (ours && is_own_file(inputs->items[i].path, real)) {
            hs_free(inputs->items[i].path);
        } else {
            inputs->items[kept++] = inputs->items[i];
        }
    }
    inputs->n = kept;
    free(real);
    hs_free(settings);
}

static headsift_status look_at_sources(struct hs_score_plan *plan, headsift_error *error) {
    size_t n = plan->inputs.n;
    plan->sources = hs_alloc(n, sizeof *plan->sources);
    plan->input_parts = hs_alloc(n + 1, sizeof *plan->input_parts);
    if (plan->sources == NULL || plan->input_parts == NULL) {
        return hs_fail_memory(error, "the list of inputs", n * sizeof *plan->sources);
    }
    for (size_t i = 0; i < n; i++) {
        if (plan->inputs.items[i].format == HS_FORMAT_PARQUET) {
            HS_TRY(hs_parquet_footer_sha256(plan->inputs.items[i].path, plan->sources[i].footer, error));
        }
    }
    return HEADSIFT_OK;
}

static headsift_status take_options(const headsift_score_options *options, struct hs_score_plan *plan,
                                    headsift_error *error) {
    plan->unit_bytes = options->unit_bytes != 0 ? options->unit_bytes : HS_UNIT_BYTES;
    plan->world = options->world != 0 ? options->world : 1;
    plan->rank = options->rank;
    plan->steal = options->steal;
    plan->accept_changed = options->accept_changed;
    if (plan->unit_bytes < 1) {
        return hs_fail(error, HEADSIFT_USAGE, "--unit-size is %lld bytes, must be at least 1",
                       (long long)plan->unit_bytes);
    }
    if (plan->world < 1 || plan->rank < 0 || plan->rank >= plan->world) {
        return hs_fail(error, HEADSIFT_USAGE, "--rank is %d of --world %d, must be 0 to %d", plan->rank, plan->world,
                       plan->world - 1);
    }
    return HEADSIFT_OK;
}

static headsift_status find_all(headsift_model *model, const struct hs_scoring *scoring,
                                const headsift_score_options *options, const headsift_inputs *inputs,
                                struct hs_score_plan *plan, headsift_error *error) {
    HS_TRY(take_options(options, plan, error));
    if (options->step_marker != NULL && inputs->response == NULL) {
        return hs_fail(error, HEADSIFT_USAGE, "--step-marker is of responses: it needs --prompt and --response");
    }
    HS_TRY(hs_inputs_find(inputs, &plan->inputs, error));
    drop_own_files(&plan->inputs, plan->directory);
    HS_TRY(look_at_sources(plan, error));
    return hs_settings_make(model, scoring, options, inputs, plan, &plan->settings, error);
}

headsift_status hs_plan_make(headsift_model *model, const struct hs_scoring *scoring,
                             const headsift_score_options *options, const headsift_inputs *inputs,
                             const char *directory, struct hs_score_plan *plan, headsift_error *error) {
    *plan = (struct hs_score_plan){.directory = directory, .limit = inputs->limit, .started = (int64_t)time(NULL)};
    headsift_status status = find_all(model, scoring, options, inputs, plan, error);
    if (status == HEADSIFT_OK) {
        status = hs_settings_sha256(plan->settings, plan->settings_sha256, error);
    }
    if (status != HEADSIFT_OK) {
        hs_plan_free(plan);
    }
    return status;
}

void hs_plan_free(struct hs_score_plan *plan) {
    hs_free(plan->parts);
    hs_free(plan->input_parts);
    hs_free(plan->sources);
    hs_inputs_free(&plan->inputs);
    json_decref(plan->settings);
    *plan = (struct hs_score_plan){0};
}
