/* From flags to the library's structs, and the opening of what most commands need.
 * Defaults are the library's: what was not given stays 0 or NULL. */
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

headsift_status cli_need(const struct cli_call *call, const char *value, const char *flag, headsift_error *error) {
    if (value != NULL) {
        return HEADSIFT_OK;
    }
    return hs_fail(error, HEADSIFT_USAGE, "%s needs %s; see headsift %s --help", call->command->name, flag,
                   call->command->name);
}

headsift_status cli_need_inputs(const struct cli_call *call, headsift_error *error) {
    bool none = call->values.n_arguments == 0 && call->values.files_from == NULL;
    for (size_t i = 0; i < call->values.n_arguments; i++) {
        if (strcmp(call->values.arguments[i], "-") == 0) {
            return hs_fail(error, HEADSIFT_USAGE,
                           "%s can't read stdin: INPUT must be a file, so that a stopped call can go on",
                           call->command->name);
        }
    }
    return cli_need(call, none ? NULL : "", "INPUT... or --files-from FILE", error);
}

headsift_status cli_need_place(const char *output, headsift_error *error) {
    const char *slash = strrchr(output, '/');
    if (strcmp(output, "-") == 0) {
        return HEADSIFT_OK;
    }
    if (hs_is_directory(output)) {
        return hs_fail(error, HEADSIFT_FAILED, "can't write %s: it is a folder", output);
    }
    size_t size = slash == NULL ? 1 : slash == output ? 1 : (size_t)(slash - output);
    char *folder = hs_copy_bytes(slash == NULL ? "." : output, size);
    if (folder == NULL) {
        return hs_fail_memory(error, "a path", size);
    }
    bool there = hs_is_directory(folder);
    headsift_status status = HEADSIFT_OK;
    if (!there) {
        status = hs_fail(error, HEADSIFT_FAILED, "can't write %s: there is no folder %s", output, folder);
    } else if (access(folder, W_OK | X_OK) != 0) {
        status = hs_fail_errno(error, errno, "can't write %s", output);
    }
    hs_free(folder);
    return status;
}

headsift_model_options cli_model_options(const struct cli_values *values) {
    return (headsift_model_options){
        .path = values->model,
        .dtype = (headsift_dtype)values->dtype,
        .threads = (int)values->threads,
    };
}

headsift_status cli_open_model(struct cli_call *call, headsift_model **out, headsift_error *error) {
    const headsift_model_options options = cli_model_options(&call->values);
    *out = NULL;
    HS_TRY(cli_need(call, call->values.model, "-m MODEL", error));
    return headsift_model_open(&options, &call->monitor.callbacks, out, error);
}

headsift_status cli_open_model_heads(struct cli_call *call, headsift_model **model, headsift_heads **heads,
                                     headsift_error *error) {
    *heads = NULL;
    *model = NULL;
    HS_TRY(cli_need(call, call->values.model, "-m MODEL", error));
    HS_TRY(cli_need(call, call->values.heads, "--heads FILE", error));
    headsift_status status = headsift_heads_load(call->values.heads, heads, error);
    return status == HEADSIFT_OK ? cli_open_model(call, model, error) : status;
}

headsift_inputs cli_inputs(const struct cli_values *values) {
    return (headsift_inputs){
        .paths = (const char *const *)values->arguments,
        .n_paths = values->n_arguments,
        .files_from = values->files_from,
        .format = values->input_format,
        .text = values->text,
        .prompt = values->prompt,
        .response = values->response,
        .id = values->id,
        .domain = values->domain,
        .limit = values->limit,
    };
}

headsift_probe_options cli_probe_options(const struct cli_values *values) {
    return (headsift_probe_options){
        .samples = (int)values->samples,
        .tokens = (int)values->probe_tokens,
        .shots = (int)values->shots,
        .seed = (uint64_t)values->seed,
        .sentences = values->sentences,
        .template_path = values->template_path,
        .language = (headsift_language)values->language,
    };
}

headsift_heads_options cli_heads_options(const struct cli_values *values) {
    return (headsift_heads_options){
        .method = (headsift_method)values->method,
        .decode = (headsift_decode)values->decode,
        .top_fraction = values->top_heads.fraction,
        .top_count = (int)values->top_heads.count,
        .settle = values->settle,
        .keep_noise = values->keep_noise,
    };
}

headsift_score_options cli_score_options(const struct cli_values *values) {
    return (headsift_score_options){
        .mask = (headsift_mask)values->mask,
        .long_documents = (headsift_long)values->long_documents,
        .max_tokens = values->max_tokens,
        .special_as_text = values->special != 0,
        .calibration = values->calibration,
        .step_marker = values->step_marker[0] != '\0' ? values->step_marker : NULL,
        .unit_bytes = values->unit_size,
        .steal = values->steal,
        .accept_changed = values->accept_changed,
        .json_log = values->log_format == 1,
    };
}

static const char *look_up(void *user, const char *name) {
    (void)user;
    return getenv(name);
}

headsift_status cli_find_ranks(const struct cli_call *call, struct cli_ranks *out, headsift_error *error) {
    return cli_ranks(call->values.rank, call->values.world, look_up, NULL, out, error);
}

headsift_select_options cli_select_options(const struct cli_values *values) {
    static const char *const orders[] = {"desc", "asc", "middle"}, *const formats[] = {"parquet", "jsonl", "dolma"};
    return (headsift_select_options){
        .keep = values->keep.fraction,
        .keep_count = values->keep.count,
        .budget = values->budget,
        .budget_total = values->budget_total,
        .by = values->by,
        .order = orders[values->order],
        .seed = (uint64_t)values->seed,
        .output_format = formats[values->output_format],
        .temperature = values->temperature,
        .rejected = values->rejected,
        .root = values->root,
        .memory = values->memory,
        .temp_dir = values->temp_dir,
        .overwrite = values->overwrite,
    };
}

headsift_task_options cli_task_options(const struct cli_values *values) {
    return (headsift_task_options){.shots = (int)values->shots, .limit = values->limit, .seed = (uint64_t)values->seed};
}

headsift_bench_options cli_bench_options(const struct cli_values *values, const int32_t *lengths) {
    return (headsift_bench_options){
        .lengths = lengths,
        .repeat = (int)values->repeat,
        .probe_tokens = values->probe_tokens,
        .mix_tokens = values->mix_tokens,
        .seed = (uint64_t)values->seed,
        .kernels = values->kernels,
        .json = values->output,
    };
}

void cli_say(struct cli_call *call, headsift_log_level level, const char *format, ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    call->monitor.callbacks.log(call->monitor.callbacks.user, level, line);
}
