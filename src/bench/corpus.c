/* The bench on documents of the user: how fast they are read, tokenised and written, and a sample with their mix of
 * lengths. Each step is timed by itself, over the same documents. */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "corpus/score_writer.h"

enum { MOST_BYTES = 64 << 20, ROWS = 20000 };

struct text {
    size_t first, size; /* in reading.bytes */
    size_t first_token, n_tokens;
};

/* What is held of the files. */
struct reading {
    struct hs_buffer bytes;
    struct text *texts;
    size_t n_texts, texts_capacity;
    int32_t *tokens;
    size_t n_tokens, tokens_capacity;
};

/* ---- Reading ---- */

static headsift_status keep_text(struct reading *reading, const struct hs_document *document, headsift_error *error) {
    void *texts = reading->texts;
    bool ok = hs_grow(&texts, &reading->texts_capacity, reading->n_texts + 1, sizeof *reading->texts);
    reading->texts = texts;
    if (ok) {
        reading->texts[reading->n_texts++] = (struct text){.first = reading->bytes.size, .size = document->text_size};
        ok = hs_buffer_append(&reading->bytes, document->text, document->text_size);
    }
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "documents", reading->bytes.size + document->text_size);
}

static headsift_status read_file(struct reading *reading, struct hs_reader *reader, int64_t limit,
                                 headsift_error *error) {
    struct hs_document document;
    bool more = true;
    while (reading->bytes.size < MOST_BYTES && (limit == 0 || (int64_t)reading->n_texts < limit)) {
        HS_TRY(hs_reader_next(reader, &document, &more, error));
        if (!more) {
            break;
        }
        if (!document.bad && document.text != NULL) {
            HS_TRY(keep_text(reading, &document, error));
        }
    }
    return HEADSIFT_OK;
}

static headsift_status read_files(struct reading *reading, const struct hs_input_list *files,
                                  const headsift_inputs *inputs, headsift_error *error) {
    headsift_status status = HEADSIFT_OK;
    reading->bytes.size = 0;
    reading->n_texts = 0;
    for (size_t i = 0; status == HEADSIFT_OK && i < files->n; i++) {
        struct hs_reader *reader = NULL;
        status = hs_reader_open(&files->items[i], inputs, false, &reader, error);
        if (status == HEADSIFT_OK) {
            status = read_file(reading, reader, inputs->limit, error);
        }
        hs_reader_close(reader);
    }
    return status;
}

/* Twice: the second time the files are in the cache and the memory is there. */
static headsift_status time_reading(struct reading *reading, const headsift_inputs *inputs,
                                    const struct hs_input_list *files, struct hs_bench_corpus *out,
                                    headsift_error *error) {
    HS_TRY(read_files(reading, files, inputs, error));
    double start = hs_bench_now();
    HS_TRY(read_files(reading, files, inputs, error));
    out->read_mb = (double)reading->bytes.size / (hs_bench_now() - start) * 1e-6;
    out->documents = (int64_t)reading->n_texts;
    out->bytes = (int64_t)reading->bytes.size;
    return out->bytes > 0 ? HEADSIFT_OK : hs_fail(error, HEADSIFT_FAILED, "the inputs hold no text to bench with");
}

/* ---- Tokens ---- */

static headsift_status add_tokens(struct reading *reading, struct text *text, const struct hs_encoding *encoding,
                                  headsift_error *error) {
    void *tokens = reading->tokens;
    bool ok = hs_grow(&tokens, &reading->tokens_capacity, reading->n_tokens + encoding->n, sizeof *reading->tokens);
    reading->tokens = tokens;
    if (!ok) {
        return hs_fail_memory(error, "tokens", (reading->n_tokens + encoding->n) * sizeof *reading->tokens);
    }
    text->first_token = reading->n_tokens;
    text->n_tokens = encoding->n;
    if (encoding->n > 0) {
        memcpy(reading->tokens + reading->n_tokens, encoding->ids, encoding->n * sizeof *reading->tokens);
    }
    reading->n_tokens += encoding->n;
    return HEADSIFT_OK;
}

static headsift_status time_tokenizer(struct reading *reading, const struct hs_tokenizer *tokenizer,
                                      struct hs_bench_corpus *out, headsift_error *error) {
    struct hs_encoding encoding = {0};
    headsift_status status = HEADSIFT_OK;
    double start = hs_bench_now();
    for (size_t i = 0; status == HEADSIFT_OK && i < reading->n_texts; i++) {
        struct text *text = &reading->texts[i];
        status = hs_encode(tokenizer, reading->bytes.data + text->first, text->size, HS_ENCODE_SPECIAL | HS_ENCODE_BOS,
                           &encoding, error);
        if (status == HEADSIFT_OK) {
            status = add_tokens(reading, text, &encoding, error);
        }
    }
    double seconds = hs_bench_now() - start;
    out->tokenize_mb = (double)out->bytes / seconds * 1e-6;
    out->tokens_per_second = (double)reading->n_tokens / seconds;
    hs_encoding_free(&encoding);
    return status;
}

/* ---- The mix ---- */

static int longest_first(const void *a, const void *b) {
    const struct text *x = a, *y = b;
    return (x->n_tokens < y->n_tokens) - (x->n_tokens > y->n_tokens);
}

/* Cuts long texts and drops those in which no token is predicted. */
static void keep_usable(struct reading *reading, size_t context) {
    size_t n = 0;
    for (size_t i = 0; i < reading->n_texts; i++) {
        struct text text = reading->texts[i];
        text.n_tokens = text.n_tokens < context ? text.n_tokens : context;
        if (text.n_tokens >= 2) {
            reading->texts[n++] = text;
        }
    }
    reading->n_texts = n;
}

/* Puts random texts to the front until they have so many tokens, the longest first. @return how many texts */
static size_t sample(struct reading *reading, int64_t most_tokens, uint64_t seed) {
    struct hs_random random;
    size_t n = 0;
    hs_random_seed(&random, seed);
    for (int64_t tokens = 0; n < reading->n_texts && tokens < most_tokens; n++) {
        size_t at = n + (size_t)hs_random_below(&random, reading->n_texts - n);
        struct text text = reading->texts[at];
        reading->texts[at] = reading->texts[n];
        reading->texts[n] = text;
        tokens += (int64_t)text.n_tokens;
    }
    if (n > 0) {
        qsort(reading->texts, n, sizeof *reading->texts, longest_first);
    }
    return n;
}

static headsift_status make_mix(const struct reading *reading, size_t n, int64_t batch_tokens,
                                struct hs_bench_corpus *out, headsift_error *error) {
    struct hs_bench_work *mix = &out->mix;
    for (size_t i = 0; i < n; i++) {
        out->tokens += (int64_t)reading->texts[i].n_tokens;
    }
    mix->tokens = hs_alloc((size_t)out->tokens, sizeof *mix->tokens);
    mix->offsets = hs_alloc(n + 1, sizeof *mix->offsets);
    if (mix->tokens == NULL || mix->offsets == NULL) {
        return hs_fail_memory(error, "tokens", (size_t)out->tokens * sizeof *mix->tokens);
    }
    for (size_t i = 0; i < n; i++) {
        const struct text *text = &reading->texts[i];
        memcpy(mix->tokens + mix->offsets[i], reading->tokens + text->first_token,
               text->n_tokens * sizeof *mix->tokens);
        mix->offsets[i + 1] = mix->offsets[i] + (int64_t)text->n_tokens;
    }
    mix->n_documents = (int32_t)n;
    return hs_bench_cut_batches(mix, batch_tokens, error);
}

/* ---- Writing ---- */

static headsift_status write_rows(const char *path, headsift_error *error) {
    static const char *const metadata[] = {NULL};
    const headsift_score row = {.n_bytes = 1000, .n_tokens = 250, .loss_base = 2.5, .loss_ref = 3, .status = "ok"};
    struct hs_score_writer *writer;
    HS_TRY(hs_score_writer_open(path, metadata, &writer, error));
    for (int64_t i = 0; i < ROWS; i++) {
        headsift_score score = row;
        score.score = (double)(hs_random_at(0, (uint64_t)i) >> 11) * 0x1p-53; /* equal rows would pack too well */
        headsift_status status = hs_score_writer_add(writer, NULL, 0, "corpus.jsonl", i, "prose", 5, &score, error);
        if (status != HEADSIFT_OK) {
            hs_score_writer_abort(writer);
            return status;
        }
    }
    return hs_score_writer_commit(writer, error);
}

static headsift_status time_writing(struct hs_bench_corpus *out, headsift_error *error) {
    const char *folder = getenv("TMPDIR");
    char *place = hs_format("%s/headsift-bench-XXXXXX", folder != NULL && folder[0] != '\0' ? folder : "/tmp");
    if (place == NULL || mkdtemp(place) == NULL) {
        headsift_status status = hs_fail(error, HEADSIFT_FAILED, "can't make a folder in %s: set TMPDIR to another",
                                         folder != NULL && folder[0] != '\0' ? folder : "/tmp");
        hs_free(place);
        return status;
    }
    char *path = hs_join_path(place, "rows.parquet");
    double start = hs_bench_now();
    headsift_status status = path != NULL ? write_rows(path, error) : hs_fail_memory(error, "a path", 1);
    out->rows_per_second = ROWS / (hs_bench_now() - start);
    if (path != NULL) {
        unlink(path);
    }
    rmdir(place);
    hs_free(path);
    hs_free(place);
    return status;
}

headsift_status hs_bench_corpus_read(headsift_model *model, const headsift_inputs *inputs,
                                     const struct hs_input_list *files, int64_t most_tokens, uint64_t seed,
                                     struct hs_bench_corpus *out, headsift_error *error) {
    struct reading reading = {0};
    struct hs_engine *engine;
    *out = (struct hs_bench_corpus){0};
    headsift_status status = time_reading(&reading, inputs, files, out, error);
    if (status == HEADSIFT_OK) {
        status = time_tokenizer(&reading, model->tokenizer, out, error);
    }
    if (status == HEADSIFT_OK) {
        status = hs_scorer_engine(model, &engine, error);
    }
    if (status == HEADSIFT_OK) {
        keep_usable(&reading, (size_t)hs_model_config(model->model)->context);
        size_t n = sample(&reading, most_tokens, seed);
        status = n > 0 ? make_mix(&reading, n, hs_engine_batch_tokens(engine), out, error)
                       : hs_fail(error, HEADSIFT_FAILED, "no document of the inputs has two tokens to bench with");
    }
    if (status == HEADSIFT_OK) {
        status = time_writing(out, error);
    }
    if (status != HEADSIFT_OK) {
        hs_bench_work_free(&out->mix);
    }
    hs_buffer_free(&reading.bytes);
    hs_free(reading.texts);
    hs_free(reading.tokens);
    return status;
}
