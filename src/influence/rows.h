/* The row journal of a unit in work, DIR/_running/part-00003-00007.HOST-PID.rows: a record for each window that is
 * scored. Whoever begins the unit takes over the longest journal that any process left, and goes on behind it. */
#ifndef HS_INFLUENCE_ROWS_H
#define HS_INFLUENCE_ROWS_H

#include "influence/plan.h"

/** A row as it goes to the writer, without its file. Text is borrowed. */
struct hs_row {
    int64_t row;
    const char *id; /**< NULL: none */
    size_t id_size;
    const char *domain;
    size_t domain_size;
    headsift_score score;
    const headsift_step *steps; /**< of a response */
    size_t n_steps;
};

struct hs_rows;

/** Begins this process's journal of a part with what the best one there holds. Journals of other content, settings or
 *  units, and what stands behind the first byte that is wrong, are not believed. */
headsift_status hs_rows_open(const struct hs_score_plan *plan, size_t part, struct hs_rows **out,
                             headsift_error *error);
int64_t hs_rows_kept(const struct hs_rows *rows); /**< documents that need not be scored again */

/** Gives each kept row in order; then *record is what was counted up to there. */
headsift_status hs_rows_replay(struct hs_rows *rows,
                               headsift_status (*take)(void *user, const struct hs_row *row, headsift_error *error),
                               void *user, struct hs_part_record *record, headsift_error *error);

/** Gathers a row of a window. */
headsift_status hs_rows_add(struct hs_rows *rows, const struct hs_row *row, headsift_error *error);
/** Writes the gathered rows and what is counted up to them; on disk when it returns. */
headsift_status hs_rows_end_window(struct hs_rows *rows, const struct hs_part_record *record, headsift_error *error);

void hs_rows_close(struct hs_rows *rows); /**< the file stays, unless it holds no rows; NULL is fine */

/** Removes all journals of a part. */
void hs_rows_remove(const struct hs_score_plan *plan, const struct hs_part *part);
/** Removes those of all parts that are done. */
void hs_rows_remove_done(const struct hs_score_plan *plan);
/** Whether another process wrote to a journal of this part in the last ten minutes. */
bool hs_rows_in_work(const struct hs_score_plan *plan, const struct hs_part *part);

#endif
