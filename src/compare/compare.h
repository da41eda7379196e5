/* One call of headsift_compare under way, and the kinds of things that it compares.
 * A new kind is a function here and a row in compare.c's table. */
#ifndef HS_COMPARE_COMPARE_H
#define HS_COMPARE_COMPARE_H

#include "base/error.h"
#include "base/json.h"

struct hs_compare {
    const char *const *paths; /**< all of one kind */
    size_t n;
    const headsift_compare_options *options;
    const headsift_monitor *monitor;
    FILE *out; /**< for the table; NULL: nowhere */
};

/** Members of the result: "kind" first, then what docs/formats.md says. *out is the caller's: json_decref. */
headsift_status hs_compare_heads(const struct hs_compare *compare, json_t **out, headsift_error *error);
/** Two selections; of one: hs_compare_baselines. */
headsift_status hs_compare_selections(const struct hs_compare *compare, json_t **out, headsift_error *error);
headsift_status hs_compare_baselines(const struct hs_compare *compare, json_t **out, headsift_error *error);
headsift_status hs_compare_scores(const struct hs_compare *compare, json_t **out, headsift_error *error);

/** A number, or null where it is none. */
json_t *hs_compare_number(double value);

#endif
