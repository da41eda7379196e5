/* How far a folder of scores is, as its files tell: units of work, what ranks say of themselves, and what follows from
 * both. Nothing is written, and a file that is missing, torn or wrong is a problem to tell, never a failure. */
#ifndef HS_STATUS_STATUS_H
#define HS_STATUS_STATUS_H

#include <time.h>

#include "base/error.h"
#include "base/memory.h"

enum {
    HS_SILENT_SECONDS = 120, /**< a running rank whose report is older is silent */
    HS_SHOWN_PROBLEMS = 20   /**< of more, only the number is kept */
};

/** What was wrong with files, a line each. */
struct hs_problems {
    char *lines[HS_SHOWN_PROBLEMS];
    size_t n; /**< in all; only the first ones have lines */
};

void hs_problem(struct hs_problems *problems, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Calls `each` for the names in a folder of the directory (NULL: in itself); one that is not there has none. */
void hs_each_name(const char *directory, const char *folder, struct hs_problems *problems,
                  void (*each)(void *user, const char *folder, const char *name), void *user);

/** A range of one input's records: one part. */
struct hs_work_unit {
    double weight; /**< bytes of text, 1 at least */
    int64_t rows;
    bool recorded, there;                /**< a line says it is finished; its part is in the folder. Both: it is done */
    bool working;                        /**< somebody is at it */
    int64_t documents, unscored, tokens; /**< by the line, or as far as a rank said it is */
    double share;                        /**< done, as far as a rank said */
};

struct hs_work_input {
    struct hs_work_unit *items;
    size_t n, capacity;
    bool planned; /**< the index was read: there are n units, not one more */
    char *source; /**< what tells the input's content, by its index; NULL: nothing does */
};

/** The units of all inputs. */
struct hs_work {
    struct hs_work_input *inputs;
    size_t n, capacity;
    bool stated; /**< score.json was read: there are n inputs, not one more */
    int64_t limit;
};

/** Reads score.json, _index, _parts and the names of the parts. */
void hs_work_read(const char *directory, struct hs_work *out, struct hs_problems *problems);
/** The unit of a part's name ("part-00003-00007-NAME.parquet"); NULL where there can't be one. */
struct hs_work_unit *hs_work_named(struct hs_work *work, const char *name);
void hs_work_free(struct hs_work *units); /**< fine on a zeroed struct */
static inline bool hs_work_unit_done(const struct hs_work_unit *unit) { return unit->recorded && unit->there; }

/** In the order in which they are shown: what needs a look comes first. */
enum hs_rank_seen {
    HS_RANK_FAILED,
    HS_RANK_SILENT,
    HS_RANK_LAGGING,
    HS_RANK_RUNNING,
    HS_RANK_STOPPED,
    HS_RANK_DONE,
    HS_RANK_STATES
};

/** A rank's report. */
struct hs_rank {
    int32_t rank, world;
    char *host, *message, *part; /**< part in work: NULL: none */
    int64_t pid;
    enum hs_rank_seen state;
    time_t started, updated;
    double seconds;
    int64_t documents, tokens, unscored, units, units_done;
    double work, work_before, work_done;
    double rate; /**< tokens per second, of late */
    double part_share;
    int64_t part_documents, part_tokens;
    double left;  /**< seconds until its share is done; negative: not known */
    bool earlier; /**< of a call with another number of ranks, and not running */
};

struct hs_ranks {
    struct hs_rank *items; /**< by number, until hs_ranks_sort */
    size_t n, capacity;
    int32_t world;    /**< of the latest call; 0: no report */
    int32_t *missing; /**< ranks of it without a report, in order */
    size_t n_missing;
};

/** Reads _ranks/rank-*.json; finds silent ranks, those that lag, and those that never reported. */
void hs_ranks_read(const char *directory, time_t now, struct hs_ranks *out, struct hs_problems *problems);
void hs_ranks_sort(struct hs_ranks *ranks);       /**< the worst first, earlier ones last */
void hs_ranks_free(struct hs_ranks *ranks);       /**< fine on a zeroed struct */
double hs_rank_share(const struct hs_rank *rank); /**< of its work, done; negative: not known yet */
const char *hs_rank_state_name(enum hs_rank_seen state);

enum hs_step { HS_STEP_LEFT, HS_STEP_BEGUN, HS_STEP_DONE };

/** All of it. */
struct hs_folder {
    const char *directory; /**< as it was asked for */
    bool run;              /**< of headsift run: the scores lie in its folder scores/ */
    enum hs_step steps[4]; /**< probe, heads, scores, selection; of a run */
    time_t now;
    struct hs_work work;
    struct hs_ranks ranks;
    struct hs_problems problems;

    const char *state;      /**< done, running, failed, silent, stopped, waiting */
    size_t inputs, planned; /**< how many there are; of these, with an index */
    int64_t all, done, working;
    int64_t documents, unscored, tokens; /**< of done units, and of others as far as ranks told */
    double weight, weight_done;          /**< of all units that are known */
    double share;                        /**< of all work; negative: not known */
    double rate;                         /**< tokens per second of the ranks that run */
    double left;                         /**< seconds; negative: not known */
    size_t ranks_in[HS_RANK_STATES];     /**< how many ranks are in each state, without earlier ones */
    size_t earlier;
};

extern const char *const hs_step_names[4];

/** @return HEADSIFT_FAILED where the folder is none of scores or of a run, or can't be read. */
headsift_status hs_folder_read(const char *directory, time_t now, struct hs_folder *out, headsift_error *error);
void hs_folder_free(struct hs_folder *folder); /**< fine on a zeroed struct */

/** @param all  every rank, not only the worst */
bool hs_folder_text(const struct hs_folder *folder, bool all, struct hs_buffer *out);
bool hs_folder_json(const struct hs_folder *folder, struct hs_buffer *out); /**< false: no memory */

#endif
