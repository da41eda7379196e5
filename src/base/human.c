/* See human.h. Times are UTC.
 * Nothing here depends on the locale's names or the machine's zone. */
#define _GNU_SOURCE
#include "base/human.h"

#include <stdio.h>
#include <string.h>

void hs_human_count(double count, char *out, size_t size) {
    if (count < 9999.5) {
        snprintf(out, size, "%.0f", count);
    } else if (count < 999950) {
        snprintf(out, size, "%.1fk", count / 1e3);
    } else if (count < 999950e3) {
        snprintf(out, size, "%.1fM", count / 1e6);
    } else if (count < 999950e6) {
        snprintf(out, size, "%.1fG", count / 1e9);
    } else {
        snprintf(out, size, "%.1fT", count / 1e12);
    }
}

void hs_human_time(double seconds, char *out, size_t size) {
    long long whole = seconds > 0 && seconds < 1e12 ? (long long)(seconds + 0.5) : 0;
    if (whole < 60) {
        snprintf(out, size, "%llds", whole);
    } else if (whole < 3600) {
        snprintf(out, size, "%lldm%02llds", whole / 60, whole % 60);
    } else if (whole < 86400) {
        snprintf(out, size, "%lldh%02lldm", whole / 3600, whole / 60 % 60);
    } else {
        snprintf(out, size, "%lldd%02lldh", whole / 86400, whole / 3600 % 24);
    }
}

void hs_stamp_write(time_t time, char out[HS_STAMP]) {
    struct tm utc;
    if (gmtime_r(&time, &utc) == NULL || strftime(out, HS_STAMP, "%Y-%m-%dT%H:%M:%SZ", &utc) != HS_STAMP - 1) {
        snprintf(out, HS_STAMP, "1970-01-01T00:00:00Z");
    }
}

bool hs_stamp_read(const char *text, time_t *out) {
    struct tm utc = {0};
    const char *end = strlen(text) == HS_STAMP - 1 ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &utc) : NULL;
    if (end == NULL || *end != '\0') {
        return false;
    }
    char back[HS_STAMP];
    *out = timegm(&utc);
    hs_stamp_write(*out, back);
    return strcmp(back, text) == 0;
}
