/* headsift tokenize: token ids of a text, or of each document of JSONL, a JSON array a line.
 * One text by headsift_tokenize, JSONL by headsift_tokenize_files. */
#include "common.h"

#include "base/error.h"
#include "base/file.h"

static headsift_status print_ids(const int32_t *ids, size_t n, headsift_error *error) {
    fputc('[', stdout);
    for (size_t i = 0; i < n; i++) {
        printf(i == 0 ? "%d" : ", %d", ids[i]);
    }
    fputs("]\n", stdout);
    return ferror(stdout) ? hs_fail(error, HEADSIFT_FAILED, "can't write the token ids") : HEADSIFT_OK;
}

static headsift_status tokenize_text(struct cli_call *call, headsift_model *model, const char *path,
                                     headsift_error *error) {
    struct hs_buffer text = {0};
    int32_t *ids = NULL;
    size_t n;
    headsift_status status = hs_file_read(path, SIZE_MAX / 2, &text, error);
    if (status == HEADSIFT_OK) {
        status = headsift_tokenize(model, text.data != NULL ? text.data : "", text.size, call->values.special == 0,
                                   call->values.bos, &ids, &n, error);
    }
    if (status == HEADSIFT_OK) {
        status = print_ids(ids, n, error);
    }
    headsift_free(ids);
    hs_buffer_free(&text);
    return status;
}

static headsift_status run(struct cli_call *call, headsift_error *error) {
    headsift_model *model;
    const char *path = call->values.n_arguments > 0 ? call->values.arguments[0] : "-";
    if (!call->values.jsonl && (call->values.prompt != NULL || call->values.response != NULL)) {
        return hs_fail(error, HEADSIFT_USAGE, "--prompt and --response are columns: they need --jsonl");
    }
    HS_TRY(cli_open_model(call, &model, error));
    headsift_status status;
    if (call->values.jsonl) {
        headsift_inputs inputs = cli_inputs(&call->values);
        inputs.paths = &path;
        inputs.n_paths = 1;
        inputs.format = "jsonl";
        status = headsift_tokenize_files(model, &inputs, call->values.special == 0, call->values.bos, stdout, error);
    } else {
        status = tokenize_text(call, model, path, error);
    }
    headsift_model_close(model);
    return status;
}

const struct cli_command cli_tokenize = {
    "tokenize",
    "[FILE]",
    "Print the token ids of a text, or of the documents of a JSONL file",
    0,
    1,
    false,
    run,
    {cli_model_flags, cli_tokenize_flags, cli_special_flags, cli_text_flags, cli_response_flags, cli_common_flags},
};
