/* What a selection was asked for: the options with their defaults filled in.
 * The same options give the same choice, whatever was left to the defaults. */
#ifndef HS_SELECT_CHOICE_H
#define HS_SELECT_CHOICE_H

#include <jansson.h>

#include "base/error.h"

enum hs_keep {
    HS_KEEP_SHARE,
    HS_KEEP_COUNT,
    HS_KEEP_BUDGET,
    HS_KEEP_BUDGET_TOTAL,
    HS_KEEP_GIVEN /**< most_documents of each domain, as the caller set it: no option says so */
};
enum hs_output { HS_OUTPUT_PARQUET, HS_OUTPUT_JSONL, HS_OUTPUT_DOLMA };
enum hs_order { HS_ORDER_DESC, HS_ORDER_ASC, HS_ORDER_MIDDLE };

struct hs_choice {
    enum hs_keep keep;
    double share;   /**< HS_KEEP_SHARE */
    int64_t amount; /**< documents or tokens, for the others */
    const char *by;
    enum hs_order order;
    uint64_t seed;
    double temperature; /**< 0: the top; else a sample */
    enum hs_output format;
};

/** Checks the options against each other (NULL: the defaults). Strings are borrowed. */
headsift_status hs_choice_read(const headsift_select_options *options, struct hs_choice *choice, headsift_error *error);
/** As the manifest records them: equal choices, equal objects. NULL when there is no memory. */
json_t *hs_choice_json(const struct hs_choice *choice);
/** DuckDB's share of "4GB", in bytes: the process needs some beside it. *bytes is 0 for NULL. */
headsift_status hs_choice_memory(const char *memory, int64_t *bytes, headsift_error *error);
bool hs_choice_is_random(const struct hs_choice *choice);

#endif
