/* What a rank says of itself while it works, in DIR/_ranks: rank-00003.json (headsift status reads it), rank-00003.prom
 * (Prometheus' text format) and rank-00003.log. The clock comes in with each call. */
#ifndef HS_INFLUENCE_RANK_REPORT_H
#define HS_INFLUENCE_RANK_REPORT_H

#include <time.h>

#include "base/error.h"

enum { HS_RANK_INTERVAL = 5 }; /**< seconds from one report to the next, at least */

/** How far a rank is. Its share: the units that are its own, whoever did them and when. */
struct hs_rank_state {
    double seconds;                      /**< since the call began, of a clock that never goes back */
    int64_t documents, tokens, unscored; /**< of this call */
    int64_t units, units_done;           /**< of its share */
    double work, work_done;              /**< weights of its share; done: with what is done of the unit in work */
    double work_before;                  /**< of these, done when the call began */
    const char *part;                    /**< name of the part in work; NULL: none */
    double part_share;                   /**< of that part, done */
    int64_t part_documents, part_tokens; /**< of that part, those of earlier calls included */
};

struct hs_rank_report;

/** Makes DIR/_ranks, opens the log (behind what is in it) and writes the first report. *out is the caller's:
 *  hs_rank_close. @param json_log  log lines are JSON objects */
headsift_status hs_rank_open(const char *directory, int32_t rank, int32_t world, bool json_log, time_t now,
                             struct hs_rank_report **out, headsift_error *error);
/** Writes the reports, if the last ones are HS_RANK_INTERVAL old by state->seconds or had another number of units. */
headsift_status hs_rank_update(struct hs_rank_report *report, const struct hs_rank_state *state, time_t now,
                               headsift_error *error);
/** Adds a line to the log. NULL is fine. */
void hs_rank_log(struct hs_rank_report *report, headsift_log_level level, const char *text, time_t now);
/** Writes the last reports (done, stopped or failed, by `status`) and frees. NULL is fine.
 *  @param state NULL: as it was at the last update. @param message of the error, or "" */
headsift_status hs_rank_close(struct hs_rank_report *report, const struct hs_rank_state *state, headsift_status status,
                              const char *message, time_t now, headsift_error *error);

#endif
