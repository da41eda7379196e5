/* headsift_tokenize_files: the ids of each document of some files as a line of JSON.
 * It stands here because this is the room that brings documents and the tokenizer together. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "corpus/corpus.h"
#include "corpus/formats.h"
#include "corpus/stream.h"
#include "influence/scoring.h"

/* What all records share, and the reused memory of one. */
struct printing {
    headsift_model *model;
    unsigned flags;
    FILE *out;
    struct hs_encoding encoding;
    struct hs_buffer line;
    int64_t bad;
};

static headsift_status print_line(struct printing *printing, headsift_error *error) {
    if (fwrite(printing->line.data, 1, printing->line.size, printing->out) != printing->line.size) {
        return hs_fail_errno(error, errno, "can't write the token ids");
    }
    return HEADSIFT_OK;
}

static headsift_status print_ids(struct printing *printing, const struct hs_document *document, headsift_error *error) {
    HS_TRY(hs_encode(printing->model->tokenizer, document->text, document->text_size, printing->flags,
                     &printing->encoding, error));
    printing->line.size = 0;
    bool ok = hs_buffer_append(&printing->line, "[", 1);
    for (size_t i = 0; ok && i < printing->encoding.n; i++) {
        ok = hs_buffer_printf(&printing->line, i == 0 ? "%d" : ", %d", printing->encoding.ids[i]);
    }
    ok = ok && hs_buffer_append(&printing->line, "]\n", 2);
    return ok ? print_line(printing, error) : hs_fail_memory(error, "a line of ids", printing->line.size);
}

static headsift_status print_null(struct printing *printing, headsift_error *error) {
    printing->bad++;
    printing->line.size = 0;
    bool ok = hs_buffer_append(&printing->line, "null\n", 5);
    return ok ? print_line(printing, error) : hs_fail_memory(error, "a line", 5);
}

static headsift_status print_records(struct printing *printing, struct hs_reader *reader, int64_t *left,
                                     headsift_error *error) {
    struct hs_document document;
    bool more = true;
    while (*left != 0) {
        HS_TRY(hs_reader_next(reader, &document, &more, error));
        if (!more) {
            break;
        }
        HS_TRY(document.bad || document.text == NULL ? print_null(printing, error)
                                                     : print_ids(printing, &document, error));
        *left -= *left > 0;
    }
    return HEADSIFT_OK;
}

static headsift_status print_files(struct printing *printing, const headsift_inputs *inputs,
                                   const struct hs_input_list *list, headsift_error *error) {
    headsift_status status = HEADSIFT_OK;
    int64_t left = inputs->limit > 0 ? inputs->limit : -1;
    for (size_t i = 0; status == HEADSIFT_OK && i < list->n; i++) {
        struct hs_reader *reader;
        HS_TRY(hs_reader_open(&list->items[i], inputs, false, &reader, error));
        status = print_records(printing, reader, &left, error);
        hs_reader_close(reader);
    }
    HS_TRY(status);
    return printing->bad == 0 ? HEADSIFT_OK
                              : hs_fail(error, HEADSIFT_UNSCORED, "%lld records have no text to tokenize (null)",
                                        (long long)printing->bad);
}

/* The readers want a file that can be looked at twice: stdin is copied to one in $TMPDIR. It loses its name at once, so
 * that nothing stays when the process is killed, and is read by its number. */
struct spool {
    char *path;
    FILE *stream;
};

static headsift_status spool_stdin(struct spool *spool, headsift_error *error) {
    const char *folder = getenv("TMPDIR");
    spool->path = hs_format("%s/headsift-XXXXXX", folder != NULL && folder[0] != '\0' ? folder : "/tmp");
    if (spool->path == NULL) {
        return hs_fail_memory(error, "a path", 1);
    }
    int file = mkstemp(spool->path);
    if (file >= 0) {
        unlink(spool->path);
    }
    spool->stream = file >= 0 ? fdopen(file, "w") : NULL;
    bool ok = spool->stream != NULL;
    char block[1 << 14];
    for (size_t n = 1; ok && n > 0;) {
        n = fread(block, 1, sizeof block, stdin);
        ok = fwrite(block, 1, n, spool->stream) == n && !ferror(stdin);
    }
    if (!ok || fflush(spool->stream) != 0) {
        return hs_fail_errno(error, errno, "can't copy stdin to %s", spool->path);
    }
    hs_free(spool->path);
    spool->path = hs_format("/proc/self/fd/%d", file);
    return spool->path != NULL ? HEADSIFT_OK : hs_fail_memory(error, "a path", 1);
}

static void spool_free(struct spool *spool) {
    if (spool->stream != NULL) {
        fclose(spool->stream);
    }
    hs_free(spool->path);
}

/* What hs_inputs_find would list, had the file a name. */
static headsift_status list_stdin(const struct spool *spool, const char *format, struct hs_input_list *list,
                                  headsift_error *error) {
    struct hs_input input = {0};
    HS_TRY(hs_format_check(format, error));
    HS_TRY(hs_format_of("stdin", format, &input.format, error));
    HS_TRY(hs_stream_detect(spool->path, &input.compression, error));
    input.compression = input.format == HS_FORMAT_PARQUET ? HS_PLAIN : input.compression;
    HS_TRY(hs_file_identity(spool->path, &input.identity, error));
    input.path = hs_copy_string(spool->path);
    list->items = hs_alloc(1, sizeof *list->items);
    if (input.path == NULL || list->items == NULL) {
        hs_free(input.path);
        return hs_fail_memory(error, "a path", 1);
    }
    list->items[list->n++] = input;
    return HEADSIFT_OK;
}

static headsift_status list_inputs(const headsift_inputs *inputs, struct spool *spool, struct hs_input_list *list,
                                   headsift_error *error) {
    if (inputs->n_paths != 1 || strcmp(inputs->paths[0], "-") != 0) {
        return hs_inputs_find(inputs, list, error);
    }
    HS_TRY(spool_stdin(spool, error));
    return list_stdin(spool, inputs->format, list, error);
}

headsift_status headsift_tokenize_files(headsift_model *model, const headsift_inputs *inputs, bool parse_special,
                                        bool add_bos, FILE *out, headsift_error *error) {
    struct printing printing = {.model = model, .out = out};
    printing.flags = (parse_special ? HS_ENCODE_SPECIAL : 0u) | (add_bos ? HS_ENCODE_BOS : 0u);
    struct hs_input_list list = {0};
    struct spool spool = {0};
    headsift_status status = list_inputs(inputs, &spool, &list, error);
    if (status == HEADSIFT_OK) {
        status = print_files(&printing, inputs, &list, error);
    }
    hs_inputs_free(&list);
    hs_encoding_free(&printing.encoding);
    hs_buffer_free(&printing.line);
    spool_free(&spool);
    return status;
}
