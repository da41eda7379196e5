/* Mapping, reading and atomic writing of files with POSIX calls.
 * The order on commit is flush, fsync of the file, rename, fsync of the folder. */
#define _GNU_SOURCE
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/process.h"

headsift_status hs_map_open(const char *path, struct hs_map *map, headsift_error *error) {
    static const unsigned char nothing[1];
    *map = (struct hs_map){.data = nothing};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return hs_fail_errno(error, errno, "can't open %s", path);
    }
    struct stat info;
    headsift_status status = HEADSIFT_OK;
    if (fstat(file, &info) != 0) {
        status = hs_fail_errno(error, errno, "can't stat %s", path);
    } else if (!S_ISREG(info.st_mode)) {
        status = hs_fail(error, HEADSIFT_FAILED, "%s is not a regular file", path);
    } else if (info.st_size > 0) {
        void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, file, 0);
        if (data == MAP_FAILED) {
            status = hs_fail_errno(error, errno, "can't map %s", path);
        } else {
            *map = (struct hs_map){.data = data, .size = (size_t)info.st_size};
        }
    }
    close(file);
    return status;
}

void hs_map_close(struct hs_map *map) {
    if (map->size > 0) {
        munmap((void *)(uintptr_t)map->data, map->size);
    }
    *map = (struct hs_map){0};
}

static headsift_status read_all(FILE *stream, const char *path, size_t limit, struct hs_buffer *out,
                                headsift_error *error) {
    size_t start = out->size;
    for (;;) {
        if (!hs_buffer_reserve(out, 65536)) {
            return hs_fail_memory(error, path, out->size + 65536);
        }
        size_t got = fread(out->data + out->size, 1, 65536, stream);
        out->size += got;
        out->data[out->size] = '\0';
        if (out->size - start > limit) {
            return hs_fail(error, HEADSIFT_FAILED, "%s: more than %zu bytes", path, limit);
        }
        if (got == 0) {
            break;
        }
    }
    return ferror(stream) ? hs_fail_errno(error, errno, "can't read %s", path) : HEADSIFT_OK;
}

headsift_status hs_file_read(const char *path, size_t limit, struct hs_buffer *out, headsift_error *error) {
    if (strcmp(path, "-") == 0) {
        return read_all(stdin, "standard input", limit, out, error);
    }
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        return hs_fail_errno(error, errno, "can't open %s", path);
    }
    headsift_status status = read_all(stream, path, limit, out, error);
    fclose(stream);
    return status;
}

headsift_status hs_file_identity(const char *path, struct hs_file_identity *identity, headsift_error *error) {
    struct stat info;
    if (stat(path, &info) != 0) {
        return hs_fail_errno(error, errno, "can't open %s", path);
    }
    *identity = (struct hs_file_identity){(uint64_t)info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
    return HEADSIFT_OK;
}

bool hs_file_exists(const char *path) { return access(path, F_OK) == 0; }

bool hs_is_directory(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

headsift_status hs_make_directory(const char *path, headsift_error *error) {
    char *part = hs_copy_string(path);
    if (part == NULL) {
        return hs_fail_memory(error, path, strlen(path));
    }
    headsift_status status = HEADSIFT_OK;
    for (char *at = part + 1; status == HEADSIFT_OK; at++) {
        char saved = *at;
        if (saved != '/' && saved != '\0') {
            continue;
        }
        *at = '\0';
        bool made = mkdir(part, 0777) == 0;
        int why = errno; /* the look below changes it */
        if (!made && !hs_is_directory(part)) {
            status = hs_fail_errno(error, why, "can't make the folder %s", part);
        }
        *at = saved;
        if (saved == '\0') {
            break;
        }
    }
    hs_free(part);
    return status;
}

char *hs_join_path(const char *directory, const char *name) {
    size_t size = strlen(directory);
    bool slash = size > 0 && directory[size - 1] == '/';
    return hs_format("%s%s%s", directory, slash ? "" : "/", name);
}

headsift_status hs_atomic_open(const char *path, struct hs_atomic_file *file, headsift_error *error) {
    *file = (struct hs_atomic_file){0};
    if (strcmp(path, "-") == 0) {
        file->stream = stdout;
        return HEADSIFT_OK;
    }
    file->final_path = hs_copy_string(path);
    file->temporary = hs_temporary_path(path);
    if (file->final_path == NULL || file->temporary == NULL) {
        hs_atomic_abort(file);
        return hs_fail_memory(error, path, strlen(path));
    }
    file->stream = fopen(file->temporary, "we");
    if (file->stream == NULL) {
        headsift_status status = hs_fail_errno(error, errno, "can't write %s", path);
        hs_atomic_abort(file);
        return status;
    }
    return HEADSIFT_OK;
}

static headsift_status sync_folder_of(const char *path, headsift_error *error) {
    const char *slash = strrchr(path, '/');
    char *folder =
        slash == NULL ? hs_copy_string(".") : hs_copy_bytes(path, slash == path ? 1 : (size_t)(slash - path));
    if (folder == NULL) {
        return hs_fail_memory(error, path, strlen(path));
    }
    int handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = handle >= 0 && (fsync(handle) == 0 || errno == EINVAL);
    int reason = errno;
    if (handle >= 0) {
        close(handle);
    }
    headsift_status status = ok ? HEADSIFT_OK : hs_fail_errno(error, reason, "can't sync the folder %s", folder);
    hs_free(folder);
    return status;
}

static headsift_status rename_synced(const char *temporary, const char *path, headsift_error *error) {
    if (rename(temporary, path) != 0) {
        return hs_fail_errno(error, errno, "can't rename %s to %s", temporary, path);
    }
    return sync_folder_of(path, error);
}

headsift_status hs_atomic_commit(struct hs_atomic_file *file, headsift_error *error) {
    const char *name = file->final_path != NULL ? file->final_path : "standard output";
    bool to_stdout = file->temporary == NULL;
    bool ok = fflush(file->stream) == 0 && !ferror(file->stream) && (to_stdout || fsync(fileno(file->stream)) == 0);
    int reason = errno;
    if (!to_stdout && fclose(file->stream) != 0 && ok) {
        ok = false;
        reason = errno;
    }
    file->stream = NULL;
    headsift_status status = ok ? HEADSIFT_OK : hs_fail_errno(error, reason, "can't write %s", name);
    if (ok && !to_stdout) {
        status = rename_synced(file->temporary, file->final_path, error);
    }
    if (status == HEADSIFT_OK) {
        hs_free(file->temporary);
        file->temporary = NULL;
    }
    hs_atomic_abort(file);
    return status;
}

void hs_atomic_abort(struct hs_atomic_file *file) {
    if (file->temporary != NULL) {
        if (file->stream != NULL) {
            fclose(file->stream);
        }
        unlink(file->temporary);
    }
    hs_free(file->temporary);
    hs_free(file->final_path);
    *file = (struct hs_atomic_file){0};
}

headsift_status hs_file_write(const char *path, const void *bytes, size_t size, headsift_error *error) {
    struct hs_atomic_file file;
    HS_TRY(hs_atomic_open(path, &file, error));
    if (size > 0 && fwrite(bytes, 1, size, file.stream) != size) {
        headsift_status status = hs_fail_errno(error, errno, "can't write %s", path);
        hs_atomic_abort(&file);
        return status;
    }
    return hs_atomic_commit(&file, error);
}

headsift_status hs_file_publish(const char *temporary, const char *path, headsift_error *error) {
    int file = open(temporary, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return hs_fail_errno(error, errno, "can't open %s", temporary);
    }
    bool ok = fsync(file) == 0;
    int reason = errno;
    close(file);
    return ok ? rename_synced(temporary, path, error) : hs_fail_errno(error, reason, "can't sync %s", temporary);
}

headsift_status hs_file_replace(const char *path, const void *bytes, size_t size, headsift_error *error) {
    struct hs_atomic_file file;
    HS_TRY(hs_atomic_open(path, &file, error));
    bool ok = fwrite(bytes, 1, size, file.stream) == size;
    int reason = errno;
    if (fclose(file.stream) != 0 && ok) {
        ok = false;
        reason = errno;
    }
    file.stream = NULL;
    if (ok && rename(file.temporary, path) != 0) {
        ok = false;
        reason = errno;
    }
    if (ok) {
        hs_free(file.temporary);
        file.temporary = NULL;
    }
    hs_atomic_abort(&file);
    return ok ? HEADSIFT_OK : hs_fail_errno(error, reason, "can't write %s", path);
}

/* Names a finished temporary file, unless something has the name. A file system without links (EPERM, ENOTSUP) gets a
 * rename behind a look. */
static headsift_status name_new(const char *temporary, const char *path, bool *created, headsift_error *error) {
    *created = link(temporary, path) == 0;
    if (!*created && errno != EEXIST) {
        if (errno != EPERM && errno != ENOTSUP && errno != EMLINK && errno != ENOSYS) {
            return hs_fail_errno(error, errno, "can't write %s", path);
        }
        if (hs_file_exists(path)) {
            return HEADSIFT_OK;
        }
        *created = true;
        return rename_synced(temporary, path, error);
    }
    return *created ? sync_folder_of(path, error) : HEADSIFT_OK;
}

/* Writes bytes to a stream that was just opened (NULL: it could not be), on disk when it returns; closes it. @return 0
 * or an errno */
static int write_synced(FILE *stream, const void *bytes, size_t size) {
    if (stream == NULL) {
        return errno;
    }
    bool ok = fwrite(bytes, 1, size, stream) == size && fflush(stream) == 0 && fsync(fileno(stream)) == 0;
    int reason = ok ? 0 : errno;
    return fclose(stream) != 0 && ok ? errno : reason;
}

headsift_status hs_file_create(const char *path, const void *bytes, size_t size, bool *created, headsift_error *error) {
    char *temporary = hs_temporary_path(path);
    *created = false;
    if (temporary == NULL) {
        return hs_fail_memory(error, path, strlen(path));
    }
    int reason = write_synced(fopen(temporary, "we"), bytes, size);
    headsift_status status =
        reason == 0 ? name_new(temporary, path, created, error) : hs_fail_errno(error, reason, "can't write %s", path);
    unlink(temporary);
    hs_free(temporary);
    return status;
}

headsift_status hs_file_append(const char *path, const void *bytes, size_t size, headsift_error *error) {
    bool there = hs_file_exists(path);
    int reason = write_synced(fopen(path, "ae"), bytes, size);
    if (reason != 0) {
        return hs_fail_errno(error, reason, "can't write %s", path);
    }
    return there ? HEADSIFT_OK : sync_folder_of(path, error);
}

headsift_status hs_each_file(const char *folder, const char *suffix, hs_take_file take, void *user,
                             headsift_error *error) {
    DIR *stream = opendir(folder);
    if (stream == NULL) {
        return errno == ENOENT ? HEADSIFT_OK : hs_fail_errno(error, errno, "can't open %s", folder);
    }
    headsift_status status = HEADSIFT_OK;
    for (struct dirent *entry; status == HEADSIFT_OK && (entry = readdir(stream)) != NULL;) {
        size_t size = strlen(entry->d_name), tail = strlen(suffix);
        if (size > tail && strcmp(entry->d_name + size - tail, suffix) == 0) {
            status = take(user, folder, entry->d_name, error);
        }
    }
    closedir(stream);
    return status;
}
