/* headsift_eval: tasks, a model and heads in; figures under each condition out.
 * Cheap errors come first: every task is read before the model's weights are. */
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "eval/ask.h"
#include "eval/results.h"

struct job {
    headsift_model *model;
    const headsift_eval_options *options;
    const headsift_monitor *monitor;
    struct hs_task *tasks;
    struct hs_conditions conditions;
    struct hs_calibration calibration;
    struct hs_stage stage;
    struct hs_results results;
};

static headsift_status open_tasks(struct job *job, headsift_error *error) {
    const headsift_eval_options *options = job->options;
    struct hs_task_options asked = {options->task.shots, options->task.limit, options->task.seed};
    for (size_t i = 0; i < options->n_tasks; i++) {
        HS_TRY(hs_task_open(options->tasks[i], &asked, &job->tasks[i], error));
        for (size_t k = 0; k < i; k++) {
            if (strcmp(job->tasks[k].name, job->tasks[i].name) == 0) {
                return hs_fail(error, HEADSIFT_USAGE,
                               "two tasks are named %s; give one of them another NAME=", job->tasks[i].name);
            }
        }
    }
    return HEADSIFT_OK;
}

static headsift_status save_tasks(const struct job *job, headsift_error *error) {
    const char *directory = job->options->save_tasks;
    if (directory == NULL) {
        return HEADSIFT_OK;
    }
    HS_TRY(hs_make_directory(directory, error));
    for (size_t i = 0; i < job->options->n_tasks; i++) {
        char *path = hs_format("%s/%s.jsonl", directory, job->tasks[i].name);
        headsift_status status = path != NULL ? hs_task_save(&job->tasks[i], path, error)
                                              : hs_fail_memory(error, "a path", strlen(directory));
        hs_free(path);
        HS_TRY(status);
    }
    return HEADSIFT_OK;
}

static headsift_status read_calibration(struct job *job, headsift_error *error) {
    if (job->options->mask == HEADSIFT_MASK_MEAN) {
        return hs_calibration_read(job->options->calibration, &job->calibration, error);
    }
    return job->options->calibration == NULL ? HEADSIFT_OK
                                             : hs_fail(error, HEADSIFT_USAGE, "--calibration is for --mask mean alone");
}

/* Items count twice where they are asked for an answer and for its loss. */
static int64_t steps(const struct hs_task *task) {
    return (int64_t)task->n_items * (task->kind == HS_TASK_GENERATE ? 2 : 1);
}

int64_t hs_shared_step(const headsift_model *model) {
    return hs_model_config(model->model)->rope.kind == HS_ROPE_LONGROPE ? 0 : hs_engine_prefix_step();
}

static headsift_status measure(struct job *job, struct hs_engine *engine, size_t index, headsift_error *error) {
    const struct hs_task *task = &job->tasks[index];
    struct hs_outcomes outcomes;
    struct hs_asking asking = {job->model, engine, &job->conditions, &job->stage, hs_shared_step(job->model)};
    HS_TRY(hs_outcomes_alloc(task, job->conditions.n, &outcomes, error));
    headsift_status status = hs_ask_likelihoods(&asking, task, &outcomes, error);
    if (status == HEADSIFT_OK && task->kind == HS_TASK_GENERATE) {
        status = hs_ask_answers(&asking, task, &outcomes, error);
    }
    if (status == HEADSIFT_OK) {
        status = hs_summarise(task, &outcomes, &job->conditions, job->options->task.seed,
                              &job->results.tasks[job->results.n_tasks], error);
    }
    job->results.n_tasks += status == HEADSIFT_OK;
    hs_outcomes_free(&outcomes);
    return status;
}

static headsift_status run(struct job *job, headsift_error *error) {
    struct hs_engine *engine;
    int64_t total = 0;
    for (size_t i = 0; i < job->options->n_tasks; i++) {
        total += steps(&job->tasks[i]);
    }
    HS_TRY(hs_scorer_engine(job->model, &engine, error));
    if (job->options->mask == HEADSIFT_MASK_MEAN) {
        HS_TRY(hs_conditions_take_means(&job->conditions, job->model, &job->calibration, error));
        job->results.calibration = job->calibration.sha256;
    }
    hs_stage_begin(&job->stage, job->monitor, "eval", total);
    for (size_t i = 0; i < job->options->n_tasks; i++) {
        headsift_status status = measure(job, engine, i, error);
        if (status == HEADSIFT_STOPPED) {
            return hs_fail(error, status, "stopped in task %s, after %lld of %lld items of all; nothing was written",
                           job->tasks[i].name, (long long)job->stage.documents, (long long)total);
        }
        HS_TRY(status);
    }
    return HEADSIFT_OK;
}

static headsift_status evaluate(struct job *job, const headsift_heads *heads, const char *path, FILE *table,
                                headsift_error *error) {
    const headsift_eval_options *options = job->options;
    HS_TRY(headsift_heads_check(heads, job->model, job->monitor, error));
    HS_TRY(hs_conditions_make(heads, hs_model_config(job->model->model), options, &job->conditions, error));
    HS_TRY(read_calibration(job, error));
    HS_TRY(open_tasks(job, error));
    HS_TRY(save_tasks(job, error));
    HS_TRY(run(job, error));
    job->results.model = job->model;
    job->results.options = options;
    job->results.conditions = &job->conditions;
    job->results.n_heads = heads->n_heads;
    HS_TRY(hs_results_write(&job->results, path, error));
    return table != NULL ? hs_results_print(&job->results, table, error) : HEADSIFT_OK;
}

static void free_job(struct job *job) {
    for (size_t i = 0; job->tasks != NULL && i < job->options->n_tasks; i++) {
        hs_task_free(&job->tasks[i]);
    }
    for (size_t i = 0; i < job->results.n_tasks; i++) {
        hs_task_result_free(&job->results.tasks[i]);
    }
    hs_free(job->tasks);
    hs_free(job->results.tasks);
    hs_conditions_free(&job->conditions);
    hs_calibration_free(&job->calibration);
}

headsift_status headsift_eval(headsift_model *model, const headsift_heads *heads, const headsift_eval_options *options,
                              const char *path, FILE *table, const headsift_monitor *monitor, headsift_error *error) {
    struct job job = {.model = model, .options = options, .monitor = monitor};
    if (options->n_tasks == 0) {
        return hs_fail(error, HEADSIFT_USAGE, "no task is given");
    }
    job.tasks = hs_alloc(options->n_tasks, sizeof *job.tasks);
    job.results.tasks = hs_alloc(options->n_tasks, sizeof *job.results.tasks);
    headsift_status status = job.tasks != NULL && job.results.tasks != NULL
                                 ? evaluate(&job, heads, path, table, error)
                                 : hs_fail_memory(error, "tasks", options->n_tasks * sizeof *job.tasks);
    free_job(&job);
    return status;
}
