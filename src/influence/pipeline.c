/* The thread that reads and tokenises, and the queue between it and the caller.
 * `lock` guards the counters and the end; a window belongs to the thread until it is counted in `filled`, and to the
 * caller until it is counted in `released`. */
#define _GNU_SOURCE
#include "influence/pipeline.h"

#include <pthread.h>
#include <signal.h>

#include "influence/duplicates.h"

enum { WINDOWS = 2 };

struct hs_pipeline {
    const struct hs_score_plan *plan;
    const struct hs_scoring *scoring;
    const headsift_inputs *inputs;
    struct hs_id_set ids; /* the thread's own */
    struct hs_window windows[WINDOWS];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* never two that wait: one for a window to fill, the other for a filled one */
    size_t filled, released;
    bool quit, finished;
    headsift_status status; /* how the reading ended */
    headsift_error error;
};

/* The input that the thread reads. */
struct reading {
    struct hs_pipeline *pipeline;
    struct hs_reader *reader;
    int64_t left; /* documents; negative: all */
    int64_t documents;
    bool more;
};

static bool must_quit(struct hs_pipeline *pipeline) {
    pthread_mutex_lock(&pipeline->lock);
    bool quit = pipeline->quit;
    pthread_mutex_unlock(&pipeline->lock);
    return quit;
}

/* Waits for a window that is free. NULL: the caller wants no more. */
static struct hs_window *free_window(struct hs_pipeline *pipeline) {
    pthread_mutex_lock(&pipeline->lock);
    while (pipeline->filled - pipeline->released == WINDOWS && !pipeline->quit) {
        pthread_cond_wait(&pipeline->changed, &pipeline->lock);
    }
    struct hs_window *window = pipeline->quit ? NULL : &pipeline->windows[pipeline->filled % WINDOWS];
    pthread_mutex_unlock(&pipeline->lock);
    return window;
}

static void count(struct hs_pipeline *pipeline, size_t *counter) {
    pthread_mutex_lock(&pipeline->lock);
    (*counter)++;
    pthread_cond_signal(&pipeline->changed);
    pthread_mutex_unlock(&pipeline->lock);
}

/* Reads one document into the window, if there is one. */
static headsift_status read_document(struct reading *reading, struct hs_window *window, headsift_error *error) {
    struct hs_document document;
    if (reading->left == 0) {
        reading->more = false;
        return HEADSIFT_OK;
    }
    HS_TRY(hs_reader_next(reading->reader, &document, &reading->more, error));
    if (!reading->more) {
        return HEADSIFT_OK;
    }
    reading->left -= reading->left > 0;
    reading->documents++;
    if (document.id != NULL) {
        window->duplicates += hs_id_set_add(&reading->pipeline->ids, document.id, document.id_size);
    }
    return hs_window_add(window, reading->pipeline->scoring, &document, error);
}

static headsift_status fill_window(struct reading *reading, struct hs_window *window, size_t batches,
                                   headsift_error *error) {
    while (reading->more && !hs_window_full(window, reading->pipeline->scoring, batches)) {
        if (must_quit(reading->pipeline)) {
            return HEADSIFT_STOPPED;
        }
        HS_TRY(read_document(reading, window, error));
    }
    window->last = !reading->more;
    window->share = hs_reader_share(reading->reader);
    return HEADSIFT_OK;
}

/* The first window of an input is small, so that the engine begins early. That goes by the input, not by the call: what
 * shares a batch must not depend on which inputs are done already. */
static headsift_status fill_windows(struct reading *reading, size_t part, headsift_error *error) {
    for (size_t batches = 1; reading->more; batches = HS_PACK_BATCHES) {
        struct hs_window *window = free_window(reading->pipeline);
        if (window == NULL) {
            return HEADSIFT_STOPPED;
        }
        hs_window_clear(window);
        window->part = part;
        HS_TRY(fill_window(reading, window, batches, error));
        count(reading->pipeline, &reading->pipeline->filled);
    }
    return HEADSIFT_OK;
}

/* Reads an input, at most `most` documents (negative: all); how many there were goes to *documents. */
static headsift_status read_part(struct hs_pipeline *pipeline, size_t part, int64_t most, int64_t *documents,
                                 headsift_error *error) {
    struct reading reading = {.pipeline = pipeline, .left = most, .more = true};
    HS_TRY(hs_reader_open(&pipeline->plan->inputs.items[part], pipeline->inputs, false, &reading.reader, error));
    headsift_status status = fill_windows(&reading, part, error);
    hs_reader_close(reading.reader);
    *documents = reading.documents;
    return status;
}

static headsift_status read_parts(struct hs_pipeline *pipeline, headsift_error *error) {
    const struct hs_score_plan *plan = pipeline->plan;
    int64_t left = plan->limit > 0 ? plan->limit : -1;
    for (size_t i = 0; i < plan->inputs.n && left != 0; i++) {
        int64_t documents;
        if (plan->parts[i].done) {
            documents = plan->parts[i].record.documents;
        } else {
            HS_TRY(read_part(pipeline, i, left, &documents, error));
        }
        left = left < 0 ? left : left > documents ? left - documents : 0;
    }
    return HEADSIFT_OK;
}

static void *run(void *argument) {
    struct hs_pipeline *pipeline = argument;
    headsift_error error = {0};
    headsift_status status = read_parts(pipeline, &error);
    pthread_mutex_lock(&pipeline->lock);
    pipeline->status = status;
    pipeline->error = error;
    pipeline->finished = true;
    pthread_cond_signal(&pipeline->changed);
    pthread_mutex_unlock(&pipeline->lock);
    return NULL;
}

/* Signals stay with the threads of the caller. */
static int start_thread(struct hs_pipeline *pipeline) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int reason = pthread_create(&pipeline->thread, NULL, run, pipeline);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return reason;
}

headsift_status hs_pipeline_start(const struct hs_score_plan *plan, const struct hs_scoring *scoring,
                                  const headsift_inputs *inputs, struct hs_pipeline **out, headsift_error *error) {
    *out = NULL;
    struct hs_pipeline *pipeline = hs_alloc(1, sizeof *pipeline);
    if (pipeline == NULL) {
        return hs_fail_memory(error, "windows of documents", sizeof *pipeline);
    }
    pipeline->plan = plan;
    pipeline->scoring = scoring;
    pipeline->inputs = inputs;
    pthread_mutex_init(&pipeline->lock, NULL);
    pthread_cond_init(&pipeline->changed, NULL);
    int reason = start_thread(pipeline);
    if (reason != 0) {
        hs_free(pipeline);
        return hs_fail_errno(error, reason, "can't start the thread that reads the inputs");
    }
    *out = pipeline;
    return HEADSIFT_OK;
}

headsift_status hs_pipeline_take(struct hs_pipeline *pipeline, struct hs_window **window, headsift_error *error) {
    headsift_status status = HEADSIFT_OK;
    *window = NULL;
    pthread_mutex_lock(&pipeline->lock);
    while (pipeline->filled == pipeline->released && !pipeline->finished) {
        pthread_cond_wait(&pipeline->changed, &pipeline->lock);
    }
    if (pipeline->filled > pipeline->released) {
        *window = &pipeline->windows[pipeline->released % WINDOWS];
    } else {
        status = pipeline->status;
    }
    pthread_mutex_unlock(&pipeline->lock);
    if (status != HEADSIFT_OK && error != NULL) {
        *error = pipeline->error; /* the thread is at its end */
    }
    return status;
}

void hs_pipeline_release(struct hs_pipeline *pipeline) { count(pipeline, &pipeline->released); }

void hs_pipeline_stop(struct hs_pipeline *pipeline) {
    if (pipeline == NULL) {
        return;
    }
    pthread_mutex_lock(&pipeline->lock);
    pipeline->quit = true;
    pthread_cond_signal(&pipeline->changed);
    pthread_mutex_unlock(&pipeline->lock);
    pthread_join(pipeline->thread, NULL);
    pthread_cond_destroy(&pipeline->changed);
    pthread_mutex_destroy(&pipeline->lock);
    for (size_t i = 0; i < WINDOWS; i++) {
        hs_window_free(&pipeline->windows[i]);
    }
    hs_id_set_free(&pipeline->ids);
    hs_free(pipeline);
}
