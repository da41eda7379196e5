/* Names that tell the files of one process from those of any other, also of another machine on a shared file system:
 * NAME.tmp-HOST-PID. And whether the process that a name tells of is gone. */
#ifndef HS_BASE_PROCESS_H
#define HS_BASE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

enum { HS_PROCESS_NAME = 72 }; /**< HOST (at most 32 letters, digits and dashes), "-", PID, and a NUL */

/** "HOST-PID" of this process; in a container "HOST-NAMESPACE-PID". */
void hs_process_name(char out[HS_PROCESS_NAME]);
/** Whether "HOST-PID" tells of a process that is no more: one of this machine that has ended, or this very process,
 *  which has not made that file yet. One of another machine can't be told: false. */
bool hs_process_gone(const char *name);

/** "PATH.tmp-HOST-PID" in fresh memory: where a file is written before it gets its name. NULL when there is no memory.
 */
char *hs_temporary_path(const char *path);

/** Whether a file that bears "HOST-PID" may go: its process is gone, or nobody has touched it for a day.
 *  @param folder, name  of the file, for its time of change */
bool hs_is_leftover(int folder, const char *name, const char *process);

#endif
