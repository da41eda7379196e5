/* Which share of the work this process has: --rank and --world, else what a scheduler put into the environment.
 * Only the variables are looked at, no scheduler is asked. */
#ifndef HEADSIFT_CLI_RANKS_H
#define HEADSIFT_CLI_RANKS_H

#include "headsift/headsift.h"

/** The value of a variable, NULL where it is not set. An empty one counts as not set. */
typedef const char *cli_lookup(void *user, const char *name);

struct cli_ranks {
    int32_t rank, world; /**< 0 of 0: the only process */
    bool steal;          /**< tasks are missing in between: do what others leave, too */
    char source[160];    /**< the variables or flags that said so; empty: none */
    char warning[256];   /**< empty: none */
};

/** Variables are looked at where no flag says it:
 *  - SLURM_ARRAY_TASK_ID with _MIN, _MAX, _STEP and _COUNT: the task's slot in the array; lists with holes, and tasks
 *    beside the step, make `steal` true, so that the union is whole in any case;
 *  - within it OMPI_COMM_WORLD_RANK and _SIZE (mpirun), else SLURM_PROCID and SLURM_NTASKS (srun);
 *  - JOB_COMPLETION_INDEX (Kubernetes), whose number of completions must be given as `world`.
 *  @param rank -1: not given. @param world 0: not given. One without the other, a variable whose partner is missing,
 *  schedulers that disagree, and what is no number are HEADSIFT_USAGE. */
headsift_status cli_ranks(int64_t rank, int64_t world, cli_lookup *lookup, void *user, struct cli_ranks *out,
                          headsift_error *error);

#endif
