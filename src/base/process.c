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

enum { HOST = 33, PLACE = HOST + 22, DAY = 24 * 60 * 60 };

static const ino_t MACHINE_ITSELF = 0xEFFFFFFC; /* number of the kernel's first namespace of process ids */

/* Where process ids are unique: the host, and the container on it, as containers may share their host's name and each
 * have a process of the same id. */
static void place_name(char out[PLACE]) {
    char name[256] = "";
    size_t n = 0;
    struct stat space;
    (void)!gethostname(name, sizeof name - 1);
    for (const char *at = name; *at != '\0' && n < HOST - 1; at++) {
        if (isalnum((unsigned char)*at) || *at == '-') {
            out[n++] = *at;
        }
    }
    out[n] = '\0';
    if (n == 0) {
        n = (size_t)snprintf(out, HOST, "host");
    }
    if (stat("/proc/self/ns/pid", &space) == 0 && space.st_ino != MACHINE_ITSELF) {
        snprintf(out + n, PLACE - n, "-%llu", (unsigned long long)space.st_ino);
    }
}

void hs_process_name(char out[HS_PROCESS_NAME]) {
    char place[PLACE];
    place_name(place);
    snprintf(out, HS_PROCESS_NAME, "%s-%d", place, (int)getpid());
}

bool hs_process_gone(const char *name) {
    char place[PLACE];
    place_name(place);
    size_t size = strlen(place);
    if (strncmp(name, place, size) != 0 || name[size] != '-') {
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
