/* The one way to report errors: a function returns a headsift_status and writes one line into a headsift_error.
 * A message says what went wrong, where (file, row, byte), and what to do. */
#ifndef HS_BASE_ERROR_H
#define HS_BASE_ERROR_H

#include <stdarg.h>

#include "headsift/headsift.h"

/** Writes the message (newlines and control bytes escaped) and returns `status`. `error` may be NULL. */
headsift_status hs_fail(headsift_error *error, headsift_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** hs_fail for a failed system call: appends strerror(errno_value); ENOSPC and EDQUOT become HEADSIFT_NO_SPACE. */
headsift_status hs_fail_errno(headsift_error *error, int errno_value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** hs_fail(HEADSIFT_FAILED) for an allocation of `size` bytes for `what` that was refused. */
headsift_status hs_fail_memory(headsift_error *error, const char *what, size_t size);

/** Returns from the calling function with the status of `call` unless it is HEADSIFT_OK. */
#define HS_TRY(call)                                                                                                   \
    do {                                                                                                               \
        headsift_status hs_try_status = (call);                                                                        \
        if (hs_try_status != HEADSIFT_OK) {                                                                            \
            return hs_try_status;                                                                                      \
        }                                                                                                              \
    } while (0)

/** printf to the monitor's log. `monitor` may be NULL. */
void hs_log(const headsift_monitor *monitor, headsift_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Whether the caller asked for a stop. `monitor` may be NULL. */
static inline bool hs_stop_wanted(const headsift_monitor *monitor) {
    return monitor != NULL && monitor->stop != NULL && *monitor->stop != 0;
}

#endif
