/* Values of lists and structs through DuckDB's C interface, which wants a value for each member and destroys none.
 * The order of the members is that of HS_STEPS_TYPE. */
#include "corpus/step_values.h"

#include <math.h>

#include "base/memory.h"

enum { MEMBERS = 7 };

struct hs_step_values {
    duckdb_logical_type members[MEMBERS];
    duckdb_logical_type step;
    duckdb_value *items; /* of the row in work */
    size_t capacity;
};

struct hs_step_values *hs_step_values_open(void) {
    static const char *const names[MEMBERS] = {"start",    "n_bytes", "n_scored", "loss_base",
                                               "loss_ref", "score",   "weight"};
    static const duckdb_type types[MEMBERS] = {DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_INTEGER,
                                               DUCKDB_TYPE_DOUBLE, DUCKDB_TYPE_DOUBLE, DUCKDB_TYPE_DOUBLE,
                                               DUCKDB_TYPE_DOUBLE};
    struct hs_step_values *values = hs_alloc(1, sizeof *values);
    const char *list[MEMBERS];
    for (int i = 0; values != NULL && i < MEMBERS; i++) {
        list[i] = names[i];
        values->members[i] = duckdb_create_logical_type(types[i]);
    }
    if (values != NULL) {
        values->step = duckdb_create_struct_type(values->members, list, MEMBERS);
    }
    return values;
}

static duckdb_value real(double value) {
    return isnan(value) ? duckdb_create_null_value() : duckdb_create_double(value);
}

static duckdb_value make_step(const struct hs_step_values *values, const headsift_step *step) {
    duckdb_value members[MEMBERS] = {duckdb_create_int64(step->start),
                                     duckdb_create_int64(step->n_bytes),
                                     duckdb_create_int32(step->n_scored),
                                     real(step->loss_base),
                                     real(step->loss_ref),
                                     real(step->score),
                                     real(step->weight)};
    duckdb_value value = duckdb_create_struct_value(values->step, members);
    for (int i = 0; i < MEMBERS; i++) {
        duckdb_destroy_value(&members[i]);
    }
    return value;
}

bool hs_step_values_append(struct hs_step_values *values, duckdb_appender appender, const headsift_step *steps,
                           size_t n) {
    void *items = values->items;
    bool grown = hs_grow(&items, &values->capacity, n + 1, sizeof *values->items);
    values->items = items;
    if (!grown) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        values->items[i] = make_step(values, &steps[i]);
    }
    duckdb_value list = duckdb_create_list_value(values->step, values->items, n);
    bool ok = list != NULL && duckdb_append_value(appender, list) == DuckDBSuccess;
    duckdb_destroy_value(&list);
    for (size_t i = 0; i < n; i++) {
        duckdb_destroy_value(&values->items[i]);
    }
    return ok;
}

void hs_step_values_close(struct hs_step_values *values) {
    if (values == NULL) {
        return;
    }
    for (int i = 0; i < MEMBERS; i++) {
        duckdb_destroy_logical_type(&values->members[i]);
    }
    duckdb_destroy_logical_type(&values->step);
    hs_free(values->items);
    hs_free(values);
}
