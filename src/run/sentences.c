/* Sentences for the probe out of the documents: from the first documents of each input file, so that every domain has a
 * share, as many as a probe can use. */
#include <string.h>

#include "probe/probe.h"
#include "probe/sentences.h"
#include "run/run.h"

enum {
    MOST_SENTENCES = 5000,
    LEAST_SENTENCES = 500,
    MOST_DOCUMENTS = 2000, /* read of one file: code and tables hold few sentences */
    LEAST_SHARE = 20       /* sentences of one file, however many files there are */
};

struct harvest {
    const struct hs_tokenizer *tokenizer;
    struct hs_encoding encoding;
    struct hs_buffer text; /* one space and the sentence under test */
    json_t *seen;          /* an object: the sentences are its keys, in the order found */
    size_t wanted;         /* stop when there are so many */
    headsift_status status;
    headsift_error *error;
};

/* Whether a value of the probe can be this long: the probe's own rule, so that only usable sentences count. */
static bool fits(struct harvest *harvest, const char *sentence, size_t size) {
    harvest->text.size = 0;
    if (!hs_buffer_append(&harvest->text, " ", 1) || !hs_buffer_append(&harvest->text, sentence, size)) {
        harvest->status = hs_fail_memory(harvest->error, "a sentence", size);
        return false;
    }
    harvest->status =
        hs_encode(harvest->tokenizer, harvest->text.data, harvest->text.size, 0, &harvest->encoding, harvest->error);
    return harvest->status == HEADSIFT_OK && harvest->encoding.n >= HS_SENTENCE_LEAST &&
           harvest->encoding.n <= HS_SENTENCE_MOST;
}

static bool take_sentence(void *user, const char *sentence, size_t size) {
    struct harvest *harvest = user;
    if (fits(harvest, sentence, size) &&
        json_object_set_new_nocheck(harvest->seen, harvest->text.data + 1, json_true()) != 0) {
        harvest->status = hs_fail_memory(harvest->error, "sentences", size);
    }
    return harvest->status == HEADSIFT_OK && json_object_size(harvest->seen) < harvest->wanted;
}

static headsift_status harvest_file(struct hs_run *run, const struct hs_input *input, struct harvest *harvest,
                                    headsift_error *error) {
    struct hs_reader *reader;
    HS_TRY(hs_reader_open(input, &run->inputs, false, &reader, error));
    bool more = true;
    headsift_status status = HEADSIFT_OK;
    for (int i = 0; i < MOST_DOCUMENTS && json_object_size(harvest->seen) < harvest->wanted; i++) {
        struct hs_document document;
        status = hs_stop_wanted(run->monitor) ? hs_fail(error, HEADSIFT_STOPPED, "stopped while sentences were read")
                                              : hs_reader_next(reader, &document, &more, error);
        if (status != HEADSIFT_OK || !more) {
            break;
        }
        if (!document.bad && document.text != NULL) {
            hs_sentences_from_text(document.text, document.text_size, take_sentence, harvest);
        }
        status = harvest->status;
        if (status != HEADSIFT_OK) {
            break;
        }
    }
    hs_reader_close(reader);
    return status;
}

static headsift_status harvest_files(struct hs_run *run, struct harvest *harvest, headsift_error *error) {
    size_t share = MOST_SENTENCES / run->documents.n;
    share = share > LEAST_SHARE ? share : LEAST_SHARE;
    for (size_t i = 0; i < run->documents.n; i++) {
        size_t have = json_object_size(harvest->seen);
        harvest->wanted = have + share < MOST_SENTENCES ? have + share : MOST_SENTENCES;
        if (have == MOST_SENTENCES) {
            break;
        }
        HS_TRY(harvest_file(run, &run->documents.items[i], harvest, error));
    }
    return HEADSIFT_OK;
}

static headsift_status write_probe(struct hs_run *run, json_t *seen, headsift_error *error) {
    size_t n = 0, all = json_object_size(seen), needed = hs_probe_sentences_needed(run->options->probe.tokens);
    needed = needed > LEAST_SENTENCES ? needed : LEAST_SENTENCES;
    if (all < needed) {
        hs_log(run->monitor, HEADSIFT_LOG_INFO,
               "the documents hold %zu usable sentences, %zu are wanted: the probe's sentences are the built-in ones",
               all, needed);
        return headsift_probe_write(run->model, &run->options->probe, run->files.probe, run->monitor, error);
    }
    hs_log(run->monitor, HEADSIFT_LOG_INFO, "the probe's sentences: %zu from the documents", all);
    const char **sentences = hs_alloc(all, sizeof *sentences), *key;
    if (sentences == NULL) {
        return hs_fail_memory(error, "sentences", all * sizeof *sentences);
    }
    json_t *value;
    json_object_foreach(seen, key, value) { sentences[n++] = key; }
    headsift_status status = hs_probe_write_sentences(run->model, &run->options->probe, sentences, n, "the documents",
                                                      run->files.probe, run->monitor, error);
    hs_free(sentences);
    return status;
}

headsift_status hs_run_probe(struct hs_run *run, headsift_error *error) {
    if (run->options->probe.sentences != NULL) {
        return headsift_probe_write(run->model, &run->options->probe, run->files.probe, run->monitor, error);
    }
    struct harvest harvest = {.tokenizer = run->model->tokenizer, .seen = json_object(), .error = error};
    headsift_status status =
        harvest.seen != NULL ? harvest_files(run, &harvest, error) : hs_fail_memory(error, "sentences", 1);
    if (status == HEADSIFT_OK) {
        status = write_probe(run, harvest.seen, error);
    }
    hs_encoding_free(&harvest.encoding);
    hs_buffer_free(&harvest.text);
    json_decref(harvest.seen);
    return status;
}
