/* Runs a fuzz target over files and folders of seeds, for builds without libFuzzer.
 * Options (-runs=0 and the like) are skipped, so that both kinds of program take the same command line. */
#define _GNU_SOURCE
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static int replay(const char *path, const struct stat *info, int kind, struct FTW *walk) {
    (void)walk;
    if (kind != FTW_F) {
        return 0;
    }
    FILE *file = fopen(path, "re");
    size_t size = (size_t)info->st_size;
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (file == NULL || data == NULL || fread(data, 1, size, file) != size) {
        fprintf(stderr, "can't read %s\n", path);
        exit(1);
    }
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

int main(int argc, char **argv) {
    if (LLVMFuzzerInitialize != NULL) {
        LLVMFuzzerInitialize(&argc, &argv);
    }
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-' && nftw(argv[i], replay, 16, FTW_PHYS) != 0) {
            fprintf(stderr, "can't walk %s\n", argv[i]);
            return 1;
        }
    }
    return 0;
}
