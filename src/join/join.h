/* Per-document losses of two runs of any engine, put side by side: each run becomes a SQL table, the two are joined by
 * id and written as score rows in the order of the first. */
#ifndef HS_JOIN_JOIN_H
#define HS_JOIN_JOIN_H

#include "corpus/corpus.h"
#include "corpus/sql.h"

/** Columns of a run's table, in order. */
#define HS_RUN_COLUMNS                                                                                                 \
    "seq BIGINT, id VARCHAR, file VARCHAR, \"row\" BIGINT, domain VARCHAR, n_bytes BIGINT, n_tokens INTEGER, "         \
    "n_bytes_scored BIGINT, n_scored INTEGER, loss DOUBLE, status VARCHAR, note VARCHAR"

/** Reads the records of the files into the table `table`, which is made. A record needs "id", and one of "loss" (mean,
 *  nats a token) or "nll" (sum) with "n_scored" (tokens), or "logprobs" (a list a token, null where there is none). */
headsift_status hs_run_load(struct hs_sql *sql, const char *table, const struct hs_input_list *files,
                            headsift_error *error);

#endif
