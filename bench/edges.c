/* headsift-edges [-m MODEL] [--rate TOKENS/S] [--repeat N] FILE...: how fast one thread scans and reads each file, how
 * soon its last range begins, how fast one thread tokenises, and how many scoring cores each of them feeds. In CPU
 * time, which says on a machine with other work, too, what a core of one's own gives. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "corpus/scan.h"
#include "model/model.h"
#include "tokenizer/tokenizer.h"

enum { UNIT = 32 << 20, SAMPLE = 32 << 20 };

struct call {
    const char *model;
    double rate; /* tokens/s that one core scores */
    int repeat;
    const char **files;
    size_t n_files;
};

struct figures {
    int64_t rows;
    size_t ranges;
    double file_mb, scanned_mb, text_mb;
    double scan_s, read_s, last_s; /* the best of the repeats */
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void keep_best(double start, double *best) {
    double seconds = now() - start;
    *best = *best == 0.0 || seconds < *best ? seconds : *best;
}

static headsift_status parse_number(const char *text, double *out, headsift_error *error) {
    char *end;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out > 0 && *out < 1e12
               ? HEADSIFT_OK
               : hs_fail(error, HEADSIFT_USAGE, "\"%s\" is no number over 0", text);
}

static headsift_status parse(int argc, char **argv, struct call *call, headsift_error *error) {
    double repeat = 3;
    int i = 1;
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        if (strcmp(argv[i], "-m") == 0) {
            call->model = argv[i + 1];
        } else if (strcmp(argv[i], "--rate") == 0) {
            HS_TRY(parse_number(argv[i + 1], &call->rate, error));
        } else if (strcmp(argv[i], "--repeat") == 0) {
            HS_TRY(parse_number(argv[i + 1], &repeat, error));
        } else {
            break;
        }
    }
    call->repeat = repeat < 1000 ? (int)repeat : 1000;
    call->files = (const char **)(uintptr_t)(argv + i);
    call->n_files = (size_t)(argc - i);
    return i < argc && argv[i][0] != '-'
               ? HEADSIFT_OK
               : hs_fail(error, HEADSIFT_USAGE,
                         "usage: headsift-edges [-m MODEL] [--rate TOKENS/S] [--repeat N] FILE...");
}

/* ---- Files -------------------------------------------------------------------------------------------------- */

/* Reads a range (NULL: the file), at most so many records, and keeps what fits into the sample. */
static headsift_status read_records(const struct hs_input *input, const struct hs_range *range, int64_t most,
                                    struct figures *figures, struct hs_buffer *sample, headsift_error *error) {
    static const headsift_inputs none;
    struct hs_reader *reader;
    struct hs_document document;
    HS_TRY(hs_reader_open_range(input, &none, false, range, &reader, error));
    headsift_status status = HEADSIFT_OK;
    size_t bytes = 0;
    bool more = true;
    for (int64_t n = 0; status == HEADSIFT_OK && n < most; n++) {
        status = hs_reader_next(reader, &document, &more, error);
        if (status != HEADSIFT_OK || !more) {
            break;
        }
        bytes += document.text_size;
        if (sample != NULL && !document.bad && sample->size < SAMPLE &&
            !hs_buffer_append(sample, document.text, document.text_size)) {
            status = hs_fail_memory(error, "a sample", sample->size);
        }
    }
    hs_reader_close(reader);
    figures->text_mb = (double)bytes * 1e-6;
    return status;
}

static headsift_status measure(const struct hs_input *input, int repeat, struct figures *figures,
                               struct hs_buffer *sample, headsift_error *error) {
    static const headsift_inputs none;
    HS_TRY(read_records(input, NULL, INT64_MAX, figures, sample, error)); /* the file is in the cache then */
    figures->file_mb = (double)input->identity.size * 1e-6;
    for (int i = 0; i < repeat; i++) {
        struct hs_ranges ranges;
        double start = now();
        HS_TRY(hs_scan(input, &none, UNIT, 0, NULL, &ranges, error));
        keep_best(start, &figures->scan_s);
        struct hs_range last = ranges.items[ranges.n - 1];
        figures->ranges = ranges.n;
        figures->rows = last.first_row + last.rows;
        figures->scanned_mb = 0;
        for (size_t j = 0; j < ranges.n; j++) {
            figures->scanned_mb += (double)ranges.items[j].text_bytes * 1e-6;
        }
        hs_ranges_free(&ranges);
        struct figures ignored;
        start = now();
        HS_TRY(read_records(input, &last, 1, &ignored, NULL, error));
        keep_best(start, &figures->last_s);
        start = now();
        HS_TRY(read_records(input, NULL, INT64_MAX, figures, NULL, error));
        keep_best(start, &figures->read_s);
    }
    return HEADSIFT_OK;
}

static void print_figures(const struct hs_input *input, const struct figures *figures) {
    char name[40];
    const char *slash = strrchr(input->path, '/');
    const char *base = slash != NULL ? slash + 1 : input->path;
    hs_escape_line(base, strlen(base), name, sizeof name);
    printf("%-24s %9lld %7zu  %8.1f  %8.1f  %8.3f  %8.0f  %8.0f  %8.1f\n", name, (long long)figures->rows,
           figures->ranges, figures->file_mb, figures->text_mb, figures->scan_s, figures->scanned_mb / figures->scan_s,
           figures->text_mb / figures->read_s, figures->last_s * 1e3);
    fflush(stdout);
}

/* ---- Tokens ------------------------------------------------------------------------------------------------- */

/* The sample in pieces of a usual document's size. */
static headsift_status tokenize(const struct hs_tokenizer *tokenizer, const struct hs_buffer *sample, size_t *tokens,
                                headsift_error *error) {
    struct hs_encoding encoding = {0};
    headsift_status status = HEADSIFT_OK;
    *tokens = 0;
    for (size_t at = 0, end; at < sample->size && status == HEADSIFT_OK; at = end) {
        end = at + 4096 < sample->size ? at + 4096 : sample->size;
        while (end < sample->size && ((unsigned char)sample->data[end] & 0xC0) == 0x80) {
            end++;
        }
        status = hs_encode(tokenizer, sample->data + at, end - at, HS_ENCODE_SPECIAL, &encoding, error);
        *tokens += encoding.n;
    }
    hs_encoding_free(&encoding);
    return status;
}

static headsift_status time_tokenizer(const struct call *call, const struct hs_buffer *sample, double *tokens_a_mb,
                                      double *mb_a_second, headsift_error *error) {
    struct hs_model *model = NULL;
    struct hs_tokenizer *tokenizer = NULL;
    size_t tokens = 0;
    double best = 0;
    HS_TRY(hs_model_open(call->model, NULL, &model, error));
    headsift_status status = hs_model_tokenizer(model, &tokenizer, error);
    for (int i = 0; i < call->repeat && status == HEADSIFT_OK; i++) {
        double start = now();
        status = tokenize(tokenizer, sample, &tokens, error);
        keep_best(start, &best);
    }
    hs_tokenizer_close(tokenizer);
    hs_model_close(model);
    *tokens_a_mb = (double)tokens / ((double)sample->size * 1e-6);
    *mb_a_second = (double)sample->size * 1e-6 / best;
    return status;
}

static headsift_status print_feeding(const struct call *call, const struct hs_buffer *sample, double slowest,
                                     headsift_error *error) {
    double tokens_a_mb, mb_a_second;
    if (call->model == NULL || sample->size == 0) {
        return HEADSIFT_OK;
    }
    HS_TRY(time_tokenizer(call, sample, &tokens_a_mb, &mb_a_second, error));
    printf("tokenising: %.1f MB/s, %.2f million tokens/s (%.0f tokens a MB)\n", mb_a_second,
           mb_a_second * tokens_a_mb * 1e-6, tokens_a_mb);
    if (call->rate > 0) {
        printf("at %.0f scored tokens/s a core: one tokenising thread feeds %.0f cores, one thread that reads the "
               "slowest of these files %.0f\n",
               call->rate, mb_a_second * tokens_a_mb / call->rate, slowest * tokens_a_mb / call->rate);
    }
    return HEADSIFT_OK;
}

static headsift_status run(const struct call *call, headsift_error *error) {
    headsift_inputs inputs = {.paths = call->files, .n_paths = call->n_files};
    struct hs_input_list list;
    HS_TRY(hs_inputs_find(&inputs, &list, error));
    struct hs_buffer sample = {0};
    double slowest = 0;
    headsift_status status = HEADSIFT_OK;
    printf("%-24s %9s %7s  %8s  %8s  %8s  %8s  %8s  %8s\n", "file", "rows", "ranges", "file MB", "text MB", "scan s",
           "scan MB/s", "read MB/s", "last ms");
    for (size_t i = 0; i < list.n && status == HEADSIFT_OK; i++) {
        struct figures figures = {0};
        status = measure(&list.items[i], call->repeat, &figures, &sample, error);
        if (status == HEADSIFT_OK) {
            double speed = figures.text_mb / figures.read_s;
            slowest = slowest == 0 || speed < slowest ? speed : slowest;
            print_figures(&list.items[i], &figures);
        }
    }
    if (status == HEADSIFT_OK) {
        status = print_feeding(call, &sample, slowest, error);
    }
    hs_buffer_free(&sample);
    hs_inputs_free(&list);
    return status;
}

int main(int argc, char **argv) {
    headsift_error error = {0};
    struct call call = {0};
    headsift_status status = parse(argc, argv, &call, &error);
    if (status == HEADSIFT_OK) {
        status = run(&call, &error);
    }
    if (status != HEADSIFT_OK) {
        fprintf(stderr, "headsift-edges: %s\n", error.message);
        return status == HEADSIFT_USAGE ? 2 : 1;
    }
    return 0;
}
