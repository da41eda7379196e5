/* DIR/_index/00003.json: where the units of input 3 begin. Whoever needs one that is not there makes it; all make the
 * same bytes, so that a race for it does no harm. One that is broken or about another content is made again. */
#include <stdlib.h>
#include <string.h>

#include "influence/plan.h"

enum { INDEX_LIMIT = 1 << 30, RANGE_FIELDS = 5, LONG_READ = 1 << 30 };

static char *index_path(const struct hs_score_plan *plan, size_t input) {
    return hs_format("%s/_index/%05zu.json", plan->directory, input);
}

bool hs_index_exists(const struct hs_score_plan *plan, size_t input) {
    char *path = index_path(plan, input);
    bool exists = path != NULL && hs_file_exists(path);
    hs_free(path);
    return exists;
}

/* ---- Reading ---- */

static bool read_range(const json_t *entry, int64_t row, struct hs_range *range) {
    int64_t numbers[RANGE_FIELDS];
    for (size_t i = 0; i < RANGE_FIELDS; i++) {
        const json_t *number = json_array_get(entry, i);
        numbers[i] = json_integer_value(number);
        if (!json_is_integer(number) || numbers[i] < 0) {
            return false;
        }
    }
    *range = (struct hs_range){.first_row = numbers[0],
                               .rows = numbers[1],
                               .text_bytes = numbers[2],
                               .file_offset = (uint64_t)numbers[3],
                               .skip_bytes = (uint64_t)numbers[4]};
    return json_array_size(entry) == RANGE_FIELDS && range->first_row == row && range->rows <= INT64_MAX - row;
}

static bool read_ranges(const json_t *units, struct hs_ranges *out) {
    size_t n = json_array_size(units);
    int64_t row = 0;
    *out = (struct hs_ranges){.items = hs_alloc(n, sizeof *out->items), .n = n};
    bool ok = n > 0 && out->items != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        ok = read_range(json_array_get(units, i), row, &out->items[i]);
        row += ok ? out->items[i].rows : 0;
    }
    return ok;
}

/* What an index must be about to be believed; also how a new one begins. NULL when there is no memory. */
static json_t *index_head(const struct hs_score_plan *plan, size_t input, int64_t most_rows) {
    char key[64];
    hs_source_key(plan, input, key);
    return json_pack("{s:s, s:I, s:I}", "source", key, "unit_bytes", (json_int_t)plan->unit_bytes, "most_rows",
                     (json_int_t)most_rows);
}

static bool same_head(const json_t *head, const json_t *index) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)head, key, value) {
        if (!json_equal(value, json_object_get(index, key))) {
            return false;
        }
    }
    return head != NULL;
}

static bool load(const struct hs_score_plan *plan, size_t input, int64_t most_rows, struct hs_ranges *out) {
    char *path = index_path(plan, input);
    json_t *index = NULL, *head = index_head(plan, input, most_rows);
    bool ok = path != NULL && hs_file_exists(path) && hs_json_load(path, INDEX_LIMIT, &index, NULL) == HEADSIFT_OK;
    ok = ok && same_head(head, index) && read_ranges(json_object_get(index, "units"), out);
    if (!ok) {
        hs_ranges_free(out);
    }
    json_decref(index);
    json_decref(head);
    hs_free(path);
    return ok;
}

/* ---- Making ---- */

static json_t *units_value(const struct hs_ranges *ranges) {
    json_t *units = json_array();
    for (size_t i = 0; i < ranges->n; i++) {
        const struct hs_range *range = &ranges->items[i];
        json_t *entry =
            json_pack("[I, I, I, I, I]", (json_int_t)range->first_row, (json_int_t)range->rows,
                      (json_int_t)range->text_bytes, (json_int_t)range->file_offset, (json_int_t)range->skip_bytes);
        if (json_array_append_new(units, entry) != 0) {
            json_decref(units);
            return NULL;
        }
    }
    return units;
}

static json_t *index_value(const struct hs_score_plan *plan, size_t input, int64_t most_rows,
                           const struct hs_ranges *ranges) {
    json_t *index = json_object(), *head = index_head(plan, input, most_rows);
    bool ok = index != NULL && head != NULL &&
              json_object_update(index, json_array_get(json_object_get(plan->settings, "inputs"), input)) == 0 &&
              json_object_update(index, head) == 0 && json_object_set_new(index, "units", units_value(ranges)) == 0;
    json_decref(head);
    if (!ok) {
        json_decref(index);
        return NULL;
    }
    return index;
}

static headsift_status save(const struct hs_score_plan *plan, size_t input, int64_t most_rows,
                            const struct hs_ranges *ranges, headsift_error *error) {
    char *path = index_path(plan, input);
    json_t *index = index_value(plan, input, most_rows, ranges);
    char *text = index != NULL ? json_dumps(index, JSON_COMPACT) : NULL;
    headsift_status status = path != NULL && text != NULL ? hs_file_write(path, text, strlen(text), error)
                                                          : hs_fail_memory(error, "an index of units", ranges->n);
    json_decref(index);
    free(text);
    hs_free(path);
    return status;
}

/* Plans of one call under way. */
struct indexing {
    struct hs_score_plan *plan;
    const headsift_inputs *inputs;
    const headsift_monitor *monitor;
    uint64_t most_bytes; /* 0: keep what is made, whatever it takes */
};

static headsift_status make(const struct indexing *indexing, size_t input, int64_t most_rows, struct hs_ranges *out,
                            headsift_error *error) {
    struct hs_score_plan *plan = indexing->plan;
    const struct hs_input *file = &plan->inputs.items[input];
    if (file->format != HS_FORMAT_PARQUET && file->identity.size > LONG_READ) {
        hs_log(indexing->monitor, HEADSIFT_LOG_INFO, "%s is read through once, to find its units of work", file->path);
    }
    HS_TRY(hs_input_unchanged(plan, input, error));
    HS_TRY(hs_scan(file, indexing->inputs, plan->unit_bytes, most_rows, indexing->monitor, out, error));
    headsift_status status = indexing->most_bytes == 0 ? save(plan, input, most_rows, out, error) : HEADSIFT_OK;
    if (status != HEADSIFT_OK) {
        hs_ranges_free(out);
    }
    return status;
}

/* ---- All of them ---- */

/* Whether several ranks may want to read this input through at once. */
static bool is_shared(const struct indexing *indexing, size_t input) {
    const struct hs_score_plan *plan = indexing->plan;
    return plan->world > 1 && indexing->most_bytes == 0 && plan->inputs.items[input].format != HS_FORMAT_PARQUET;
}

static headsift_status make_one(const struct indexing *indexing, size_t input, headsift_error *error) {
    const struct hs_score_plan *plan = indexing->plan;
    struct hs_ranges ranges = {0};
    bool shared = is_shared(indexing, input);
    if (hs_index_exists(plan, input) || (shared && !hs_claim_take(plan, input))) {
        return HEADSIFT_OK;
    }
    headsift_status status = hs_index_exists(plan, input) ? HEADSIFT_OK : make(indexing, input, 0, &ranges, error);
    if (shared) {
        hs_claim_drop(plan, input);
    }
    hs_ranges_free(&ranges);
    return status;
}

/* Each rank begins at an input of its own, so that several share the reading; what others are at is left to them. A
 * limit is counted through from the first input on: nothing can be shared then. */
static headsift_status make_missing(const struct indexing *indexing, headsift_error *error) {
    const struct hs_score_plan *plan = indexing->plan;
    size_t n = plan->inputs.n, start = (size_t)((double)plan->rank / plan->world * (double)n);
    for (size_t i = 0; plan->limit == 0 && indexing->most_bytes == 0 && i < n; i++) {
        HS_TRY(make_one(indexing, (start + i) % n, error));
    }
    return HEADSIFT_OK;
}

static headsift_status add_parts(struct hs_score_plan *plan, size_t input, const struct hs_ranges *ranges,
                                 headsift_error *error) {
    void *parts = plan->parts;
    bool grown = hs_grow(&parts, &plan->parts_capacity, plan->n_parts + ranges->n, sizeof *plan->parts);
    plan->parts = parts;
    if (!grown) {
        return hs_fail_memory(error, "the list of units", (plan->n_parts + ranges->n) * sizeof *plan->parts);
    }
    for (size_t i = 0; i < ranges->n; i++) {
        plan->parts[plan->n_parts++] = (struct hs_part){.input = input, .unit = i, .range = ranges->items[i]};
    }
    return HEADSIFT_OK;
}

static headsift_status add_input(const struct indexing *indexing, size_t input, int64_t *left, headsift_error *error) {
    struct hs_score_plan *plan = indexing->plan;
    struct hs_ranges ranges = {0};
    int64_t most_rows = plan->limit > 0 ? *left : 0;
    if (plan->limit == 0 && is_shared(indexing, input)) {
        HS_TRY(hs_claim_wait(plan, input, indexing->monitor, error));
    }
    if (!load(plan, input, most_rows, &ranges)) {
        const struct hs_input *file = &plan->inputs.items[input];
        bool cheap = file->format == HS_FORMAT_PARQUET || file->identity.size <= indexing->most_bytes;
        plan->sources[input].unread = indexing->most_bytes > 0 && !cheap;
        if (plan->sources[input].unread) {
            return HEADSIFT_OK;
        }
        HS_TRY(make(indexing, input, most_rows, &ranges, error));
    }
    headsift_status status = add_parts(plan, input, &ranges, error);
    const struct hs_range *end = &ranges.items[ranges.n - 1];
    *left -= end->first_row + end->rows;
    hs_ranges_free(&ranges);
    return status;
}

headsift_status hs_plan_units(struct hs_score_plan *plan, const headsift_inputs *inputs, uint64_t most_bytes,
                              const headsift_monitor *monitor, headsift_error *error) {
    struct indexing indexing = {plan, inputs, monitor, most_bytes};
    if (most_bytes == 0) {
        char *folder = hs_join_path(plan->directory, "_index");
        headsift_status status = folder != NULL ? hs_make_directory(folder, error) : hs_fail_memory(error, "a path", 1);
        hs_free(folder);
        HS_TRY(status);
    }
    HS_TRY(make_missing(&indexing, error));
    int64_t left = plan->limit;
    plan->n_parts = 0;
    for (size_t i = 0; i < plan->inputs.n; i++) {
        plan->input_parts[i] = plan->n_parts;
        if (plan->limit == 0 || left > 0) {
            HS_TRY(add_input(&indexing, i, &left, error));
        }
    }
    plan->input_parts[plan->inputs.n] = plan->n_parts;
    return HEADSIFT_OK;
}
