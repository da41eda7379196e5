/* headsift_tokenize_files: the ids of each document of some files as a line of JSON.
 * It stands here because this is the room that brings documents and the tokenizer together. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "corpus/corpus.h"
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

/* The readers want a file that can be looked at twice: stdin is copied to a nameless one. */
static headsift_status spool_stdin(FILE **spool, char *path, size_t size, headsift_error *error) {
    char block[1 << 16];
    *spool = tmpfile();
    bool ok = *spool != NULL;
    for (size_t n = 1; ok && n > 0;) {
        n = fread(block, 1, sizeof block, stdin);
        ok = fwrite(block, 1, n, *spool) == n && !ferror(stdin);
    }
    if (!ok || fflush(*spool) != 0) {
        return hs_fail_errno(error, errno, "can't keep stdin in a temporary file");
    }
    snprintf(path, size, "/proc/self/fd/%d", fileno(*spool));
    return HEADSIFT_OK;
}

/* The path "-", alone, becomes `path`. */
static headsift_status replace_stdin(const headsift_inputs *inputs, headsift_inputs *replaced, FILE **spool,
                                     char path[64], const char **paths, headsift_error *error) {
    *replaced = *inputs;
    if (inputs->n_paths != 1 || strcmp(inputs->paths[0], "-") != 0) {
        return HEADSIFT_OK;
    }
    HS_TRY(spool_stdin(spool, path, 64, error));
    *paths = path;
    replaced->paths = paths;
    return HEADSIFT_OK;
}

headsift_status headsift_tokenize_files(headsift_model *model, const headsift_inputs *inputs, bool parse_special,
                                        bool add_bos, FILE *out, headsift_error *error) {
    struct printing printing = {.model = model, .out = out};
    printing.flags = (parse_special ? HS_ENCODE_SPECIAL : 0u) | (add_bos ? HS_ENCODE_BOS : 0u);
    struct hs_input_list list = {0};
    headsift_inputs real;
    FILE *spool = NULL;
    char path[64];
    const char *paths;
    headsift_status status = replace_stdin(inputs, &real, &spool, path, &paths, error);
    if (status == HEADSIFT_OK) {
        status = hs_inputs_find(&real, &list, error);
    }
    if (status == HEADSIFT_OK) {
        status = print_files(&printing, &real, &list, error);
    }
    hs_inputs_free(&list);
    hs_encoding_free(&printing.encoding);
    hs_buffer_free(&printing.line);
    if (spool != NULL) {
        fclose(spool);
    }
    return status;
}
