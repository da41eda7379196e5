/* export_hf MODEL DIR [f32|f16|bf16] [SHARDS] [old|new]: writes a GGUF (or a directory) as a Hugging Face directory.
 * A tool of the tests: the same weights and tokenizer in another layout must give the same losses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/export_hf.h"

static headsift_status parse(int argc, char **argv, struct export_options *options, headsift_error *error) {
    static const char *const DTYPES[] = {"f32", "f16", "bf16"};
    *options = (struct export_options){.shards = 1, .old_rope = true};
    if (argc < 3 || argc > 6) {
        return hs_fail(error, HEADSIFT_USAGE, "usage: export_hf MODEL DIR [f32|f16|bf16] [SHARDS] [old|new]");
    }
    options->directory = argv[2];
    if (argc > 3) {
        int i = 0;
        while (i < 3 && strcmp(DTYPES[i], argv[3]) != 0) {
            i++;
        }
        if (i == 3) {
            return hs_fail(error, HEADSIFT_USAGE, "unknown type %s: f32, f16 or bf16", argv[3]);
        }
        options->dtype = (enum export_dtype)i;
    }
    if (argc > 4) {
        options->shards = atoi(argv[4]);
    }
    if (options->shards < 1 || options->shards > 99) {
        return hs_fail(error, HEADSIFT_USAGE, "from 1 to 99 shards, not %s", argv[4]);
    }
    if (argc > 5) {
        options->old_rope = strcmp(argv[5], "new") != 0;
    }
    return HEADSIFT_OK;
}

int main(int argc, char **argv) {
    headsift_error error = {0};
    struct export_options options;
    struct hs_model *model = NULL;
    headsift_status status = parse(argc, argv, &options, &error);
    if (status == HEADSIFT_OK) {
        status = hs_model_open(argv[1], NULL, &model, &error);
    }
    if (status == HEADSIFT_OK) {
        status = export_directory(model, &options, &error);
    }
    if (status != HEADSIFT_OK) {
        fprintf(stderr, "export_hf: %s\n", error.message);
    }
    hs_model_close(model);
    return (int)status;
}
