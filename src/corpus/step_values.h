/* Steps of a response as a value of DuckDB: a list of structs.
 * The types are made once a file, the values once a row. */
#ifndef HS_CORPUS_STEP_VALUES_H
#define HS_CORPUS_STEP_VALUES_H

#include <duckdb.h>

#include "headsift/headsift.h"

#define HS_STEPS_TYPE                                                                                                  \
    "STRUCT(start BIGINT, n_bytes BIGINT, n_scored INTEGER, loss_base DOUBLE, loss_ref DOUBLE, score DOUBLE, weight "  \
    "DOUBLE)[]"

struct hs_step_values;

struct hs_step_values *hs_step_values_open(void); /**< NULL: no memory */
/** Appends a row's steps, NaN as NULL. False: DuckDB did not take them, or there is no memory. */
bool hs_step_values_append(struct hs_step_values *values, duckdb_appender appender, const headsift_step *steps,
                           size_t n);
void hs_step_values_close(struct hs_step_values *values); /**< NULL is fine */

#endif
