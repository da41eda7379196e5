/* Host and process id as part of file names, and what they say about a file that was left behind.
 * A process id alone would mean another process on every machine that shares the folder. */
#define _GNU_SOURCE
#include "base/process.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

enum { HOST = 33, DAY = 24 * 60 * 60 };

static void host_name(char out[HOST]) {
    char name[256] = "";
    size_t n = 0;
    (void)!gethostname(name, sizeof name - 1);
    for (const char *at = name; *at != '\0' && n < HOST - 1; at++) {
        if (isalnum((unsigned char)*at) || *at == '-') {
            out[n++] = *at;
        }
    }
    out[n] = '\0';
    if (n == 0) {
        snprintf(out, HOST, "host");
    }
}

void hs_process_name(char out[HS_PROCESS_NAME]) {
    char host[HOST];
    host_name(host);
    snprintf(out, HS_PROCESS_NAME, "%s-%ld", host, (long)getpid());
}

bool hs_process_gone(const char *name) {
    char host[HOST];
    host_name(host);
    size_t size = strlen(host);
    if (strncmp(name, host, size) != 0 || name[size] != '-') {
        return false;
    }
    const char *digits = name + size + 1;
    size_t n = strspn(digits, "0123456789");
    long process = n > 0 && n < 10 && digits[n] == '\0' ? strtol(digits, NULL, 10) : 0;
    return process > 0 && (process == (long)getpid() || (kill((pid_t)process, 0) != 0 && errno == ESRCH));
}

char *hs_temporary_path(const char *path) {
    char process[HS_PROCESS_NAME];
    hs_process_name(process);
    return hs_format("%s.tmp-%s", path, process);
}

bool hs_is_leftover(int folder, const char *name, const char *process) {
    struct stat info;
    if (process[0] == '\0' || fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return false;
    }
    return hs_process_gone(process) || time(NULL) - info.st_mtim.tv_sec > DAY;
}
