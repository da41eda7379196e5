/* Which rank reads an input through for its index: DIR/_index/00003.claim holds the process that does, so that
 * thousands that start at once do not all read the same file. A claim is a courtesy: whoever can't take one may read
 * all the same.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/process.h"
#include "influence/plan.h"

enum { PATIENCE = 60, SLOWEST = 20 << 20 }; /* seconds, and bytes of a file a second on top of them */

static char *claim_path(const struct hs_score_plan *plan, size_t input) {
    return hs_format("%s/_index/%05zu.claim", plan->directory, input);
}

/* Whether somebody who lives, as far as that can be told, made it not too long ago for a file of this size. */
static bool is_held(const struct hs_score_plan *plan, size_t input, const char *path) {
    char process[HS_PROCESS_NAME] = "";
    struct stat info;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    bool read_it = fstat(file, &info) == 0 && read(file, process, sizeof process - 1) >= 0;
    close(file);
    int64_t longest = PATIENCE + (int64_t)(plan->inputs.items[input].identity.size / SLOWEST);
    return read_it && !hs_process_gone(process) && time(NULL) - info.st_mtim.tv_sec < longest;
}

/* errno of the attempt; 0: it is ours. */
static int try_claim(const char *path) {
    char process[HS_PROCESS_NAME];
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0) {
        return errno;
    }
    hs_process_name(process);
    (void)!write(file, process, strlen(process));
    close(file);
    return 0;
}

bool hs_claim_take(const struct hs_score_plan *plan, size_t input) {
    char *path = claim_path(plan, input);
    int reason = path != NULL ? try_claim(path) : ENOMEM;
    if (reason == EEXIST && !is_held(plan, input, path)) {
        unlink(path);
        reason = try_claim(path);
    }
    hs_free(path);
    return reason != EEXIST;
}

void hs_claim_drop(const struct hs_score_plan *plan, size_t input) {
    char *path = claim_path(plan, input);
    if (path != NULL) {
        unlink(path);
    }
    hs_free(path);
}

headsift_status hs_claim_wait(const struct hs_score_plan *plan, size_t input, const headsift_monitor *monitor,
                              headsift_error *error) {
    const struct timespec pause = {.tv_nsec = 200000000};
    char *path = claim_path(plan, input);
    headsift_status status = path != NULL ? HEADSIFT_OK : hs_fail_memory(error, "a path", 1);
    while (status == HEADSIFT_OK && !hs_index_exists(plan, input) && is_held(plan, input, path)) {
        if (hs_stop_wanted(monitor)) {
            status = hs_fail(error, HEADSIFT_STOPPED, HS_STOPPED_SCORE);
        } else {
            nanosleep(&pause, NULL);
        }
    }
    hs_free(path);
    return status;
}
