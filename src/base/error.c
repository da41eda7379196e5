/* Formatting of errors and log lines: one line each, with control bytes made visible.
 * Nothing here allocates, so that running out of memory can be reported. */
#include "base/error.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

static void store(headsift_error *error, headsift_status status, const char *format, va_list arguments) {
    if (error == NULL) {
        return;
    }
    char raw[sizeof error->message];
    vsnprintf(raw, sizeof raw, format, arguments);
    error->status = status;
    hs_escape_line(raw, strlen(raw), error->message, sizeof error->message);
}

headsift_status hs_fail(headsift_error *error, headsift_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    store(error, status, format, arguments);
    va_end(arguments);
    return status;
}

headsift_status hs_fail_errno(headsift_error *error, int errno_value, const char *format, ...) {
    bool no_space = errno_value == ENOSPC || errno_value == EDQUOT;
    headsift_status status = no_space ? HEADSIFT_NO_SPACE : HEADSIFT_FAILED;
    char what[768];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return hs_fail(error, status, "%s: %s%s", what, strerror(errno_value),
                   no_space ? "; free some space and run it again" : "");
}

headsift_status hs_fail_memory(headsift_error *error, const char *what, size_t size) {
    return hs_fail(error, HEADSIFT_FAILED, "not enough memory: %zu bytes for %s", size, what);
}

void hs_log(const headsift_monitor *monitor, headsift_log_level level, const char *format, ...) {
    if (monitor == NULL || monitor->log == NULL) {
        return;
    }
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    monitor->log(monitor->user, level, line);
}
