/* The options of a selection: checked against each other, defaults filled in, and as the manifest records them.
 * Nothing here knows of SQL or files. */
#include <string.h>

#include "select/choice.h"

static const double default_share = 0.20;

static headsift_status read_amount(const headsift_select_options *options, struct hs_choice *choice,
                                   headsift_error *error) {
    const int64_t amounts[] = {options->keep_count, options->budget, options->budget_total};
    bool wants_share = !(options->keep == 0); /* NaN counts as a wish, and is refused */
    int wishes = wants_share;
    choice->share = wants_share ? options->keep : default_share;
    for (int i = 0; i < 3; i++) {
        if (amounts[i] < 0) {
            return hs_fail(error, HEADSIFT_USAGE, "a count or budget is negative (%lld): give a positive number",
                           (long long)amounts[i]);
        }
        if (amounts[i] > 0) {
            wishes++;
            choice->keep = (enum hs_keep)(HS_KEEP_COUNT + i);
            choice->amount = amounts[i];
        }
    }
    if (wishes > 1) {
        return hs_fail(error, HEADSIFT_USAGE,
                       "a share, a count, a budget and a total budget exclude each other: "
                       "give one of them");
    }
    if (choice->keep == HS_KEEP_SHARE && !(choice->share > 0 && choice->share <= 1)) {
        return hs_fail(error, HEADSIFT_USAGE, "the share of documents to keep is %g: it must be above 0 and at most 1",
                       choice->share);
    }
    return HEADSIFT_OK;
}

static headsift_status read_order(const char *name, struct hs_choice *choice, headsift_error *error) {
    if (name == NULL || strcmp(name, "desc") == 0) {
        choice->order = HS_ORDER_DESC;
    } else if (strcmp(name, "asc") == 0) {
        choice->order = HS_ORDER_ASC;
    } else if (strcmp(name, "middle") == 0) {
        choice->order = HS_ORDER_MIDDLE;
    } else {
        return hs_fail(error, HEADSIFT_USAGE, "unknown order \"%s\": desc, asc or middle", name);
    }
    return HEADSIFT_OK;
}

headsift_status hs_choice_read(const headsift_select_options *options, struct hs_choice *choice,
                               headsift_error *error) {
    static const headsift_select_options defaults = {0};
    options = options != NULL ? options : &defaults;
    *choice = (struct hs_choice){.by = options->by != NULL ? options->by : "score", .seed = options->seed};
    HS_TRY(read_amount(options, choice, error));
    HS_TRY(read_order(options->order, choice, error));
    const char *format = options->output_format != NULL ? options->output_format : "parquet";
    choice->jsonl = strcmp(format, "jsonl") == 0;
    if (!choice->jsonl && strcmp(format, "parquet") != 0) {
        return hs_fail(error, HEADSIFT_USAGE, "unknown output format \"%s\": parquet or jsonl", format);
    }
    return HEADSIFT_OK;
}

bool hs_choice_is_random(const struct hs_choice *choice) { return strcmp(choice->by, "random") == 0; }

/* JSON integers here are signed: a seed above them is written as a string. */
static json_t *seed_json(uint64_t seed) {
    if (seed <= INT64_MAX) {
        return json_integer((json_int_t)seed);
    }
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)seed);
    return json_string(digits);
}

json_t *hs_choice_json(const struct hs_choice *choice) {
    static const char *const keeps[] = {"keep", "keep_count", "budget", "budget_total"};
    static const char *const orders[] = {"desc", "asc", "middle"};
    json_t *object = json_object();
    json_t *amount = choice->keep == HS_KEEP_SHARE ? json_real(choice->share) : json_integer(choice->amount);
    int failed = json_object_set_new(object, keeps[choice->keep], amount);
    failed |= json_object_set_new(object, "by", json_string(choice->by));
    failed |= json_object_set_new(object, "order", json_string(orders[choice->order]));
    if (hs_choice_is_random(choice)) {
        failed |= json_object_set_new(object, "seed", seed_json(choice->seed));
    }
    failed |= json_object_set_new(object, "output_format", json_string(choice->jsonl ? "jsonl" : "parquet"));
    if (failed != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}
