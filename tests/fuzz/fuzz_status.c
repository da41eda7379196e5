/* Fuzzes what headsift status reads: the bytes stand as score.json, as an index, as records of parts and as a rank's
 * report in turn, the other files being good ones. The folder is read, and shown without a byte that moves a cursor. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "status/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    const char *name, *text;
} files[] = {
    {"score.json", "{\"limit\":0,\"inputs\":[{},{}]}"},
    {"_index/00000.json", "{\"source\":\"7\",\"units\":[[0,1,1,0,0],[1,1,1,0,0]]}"},
    {"_parts/0.jsonl", "{\"part\":\"part-00000-00000-x.parquet\",\"documents\":1,\"unscored\":0,\"tokens\":1}\n"},
    {"_ranks/rank-00000.json",
     "{\"rank\":0,\"world\":2,\"pid\":1,\"state\":\"running\",\"started\":\"2026-01-01T00:00:00Z\",\"updated\":"
     "\"2026-01-01T00:00:00Z\",\"seconds\":1,\"documents\":1,\"tokens\":1,\"unscored\":0,\"units\":2,\"units_done\":1,"
     "\"work\":2,\"work_before\":0,\"work_done\":1,\"tokens_per_second\":1}"},
};
enum { N_FILES = sizeof files / sizeof *files };

static void write_file(const char *folder, const char *name, const void *bytes, size_t size) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        abort();
    }
}

static const char *const folders[] = {"_index", "_parts", "_ranks"};
static const char part[] = "part-00000-00000-x.parquet";
enum { N_FOLDERS = sizeof folders / sizeof *folders };
static char place[] = "/tmp/fuzz_status_XXXXXX";

static void remove_place(void) {
    if (chdir(place) == 0) {
        for (size_t i = 0; i < N_FILES; i++) {
            unlink(files[i].name);
        }
        for (size_t i = 0; i < N_FOLDERS; i++) {
            rmdir(folders[i]);
        }
        unlink(part);
        rmdir(place);
    }
}

static void make_place(void) {
    if (mkdtemp(place) == NULL || atexit(remove_place) != 0) {
        abort();
    }
    for (size_t i = 0; i < N_FOLDERS; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", place, folders[i]);
        if (mkdir(path, 0700) != 0) {
            abort();
        }
    }
    write_file(place, part, "", 0);
}

static void check(const struct hs_buffer *text) {
    for (size_t i = 0; i < text->size; i++) {
        if (((unsigned char)text->data[i] < 0x20 && text->data[i] != '\n') || text->data[i] == 0x7F) {
            abort();
        }
    }
}

static void show(const char *directory) {
    struct hs_folder folder;
    struct hs_buffer text = {0};
    if (hs_folder_read(directory, 1767225600, &folder, NULL) != HEADSIFT_OK || !hs_folder_text(&folder, true, &text) ||
        !hs_folder_json(&folder, &text)) {
        abort();
    }
    check(&text);
    hs_buffer_free(&text);
    hs_folder_free(&folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool made;
    if (!made) {
        made = true;
        make_place();
    }
    for (size_t i = 0; i < N_FILES; i++) {
        write_file(place, files[i].name, files[i].text, strlen(files[i].text));
    }
    for (size_t i = 0; i < N_FILES; i++) {
        write_file(place, files[i].name, data, size);
        show(place);
        write_file(place, files[i].name, files[i].text, strlen(files[i].text));
    }
    return 0;
}
