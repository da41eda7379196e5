/* The options of a selection: checked against each other, defaults filled in, and as the manifest records them.
 * Nothing here knows of SQL or files. */
#include <float.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "select/choice.h"

static const double default_share = 0.20;
static const char *const formats[] = {"parquet", "jsonl", "dolma"}; /* as in enum hs_output */

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

static headsift_status read_temperature(const headsift_select_options *options, struct hs_choice *choice,
                                        headsift_error *error) {
    choice->temperature = options->temperature;
    if (!(choice->temperature >= 0 && choice->temperature <= DBL_MAX)) {
        return hs_fail(error, HEADSIFT_USAGE, "the temperature is %g: it must be a positive number, or 0 for the top",
                       choice->temperature);
    }
    if (choice->temperature > 0 && hs_choice_is_random(choice)) {
        return hs_fail(error, HEADSIFT_USAGE, "a random choice has no temperature: leave out one of the two");
    }
    return HEADSIFT_OK;
}

static headsift_status read_format(const char *name, struct hs_choice *choice, headsift_error *error) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(name != NULL ? name : "parquet", formats[i]) == 0) {
            choice->format = (enum hs_output)i;
            return HEADSIFT_OK;
        }
    }
    return hs_fail(error, HEADSIFT_USAGE, "unknown output format \"%s\": parquet, jsonl or dolma", name);
}

headsift_status hs_choice_read(const headsift_select_options *options, struct hs_choice *choice,
                               headsift_error *error) {
    static const headsift_select_options defaults = {0};
    options = options != NULL ? options : &defaults;
    *choice = (struct hs_choice){.by = options->by != NULL ? options->by : "score", .seed = options->seed};
    HS_TRY(read_amount(options, choice, error));
    HS_TRY(read_order(options->order, choice, error));
    HS_TRY(read_temperature(options, choice, error));
    return read_format(options->output_format, choice, error);
}

bool hs_choice_is_random(const struct hs_choice *choice) { return strcmp(choice->by, "random") == 0; }

headsift_status hs_choice_memory(const char *memory, int64_t *bytes, headsift_error *error) {
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"};
    static const double sizes[] = {1, 1e3, 1e6, 1e9, 1e12, 0x1p10, 0x1p20, 0x1p30, 0x1p40};
    *bytes = 0;
    if (memory == NULL) {
        return HEADSIFT_OK;
    }
    char *end;
    double number = strtod(memory, &end), size = 0;
    end += strspn(end, " ");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size = strcasecmp(end, units[i]) == 0 ? sizes[i] : size;
    }
    double total = number * size, own = 0x1p28; /* code, tables and buffers that DuckDB does not count */
    if (!(total >= 2 * own && total < 0x1p60) || memory[0] < '0' || memory[0] > '9') {
        return hs_fail(error, HEADSIFT_USAGE, "\"%s\" is no size of memory: at least 512MiB, like 4GB or 2500MiB",
                       memory);
    }
    *bytes = (int64_t)((total - own) * 0.8);
    return HEADSIFT_OK;
}

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
    if (choice->temperature > 0) {
        failed |= json_object_set_new(object, "temperature", json_real(choice->temperature));
    }
    if (hs_choice_is_random(choice) || choice->temperature > 0) {
        failed |= json_object_set_new(object, "seed", seed_json(choice->seed));
    }
    failed |= json_object_set_new(object, "output_format", json_string(formats[choice->format]));
    if (failed != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}
