/* Plain text: the whole file is one record without an id (FILE:0 stands for it).
 * An empty file is a record with an empty text. */
#include "corpus/reader.h"

#include "corpus/stream.h"

enum { BLOCK = 1 << 16 };

struct text {
    struct hs_stream *stream;
    struct hs_buffer bytes;
    bool done;
};

static headsift_status open_text(struct hs_reader *reader, const struct hs_input *input, const struct hs_range *range,
                                 headsift_error *error) {
    (void)range; /* there is only one record */
    if (reader->columns.names[HS_ROLE_PROMPT] != NULL) {
        return hs_fail(error, HEADSIFT_USAGE,
                       "%s is plain text and has no columns: --prompt and --response need Parquet, JSONL or CSV",
                       reader->path);
    }
    if (reader->columns.required[HS_ROLE_DOMAIN]) {
        return hs_fail(error, HEADSIFT_USAGE, "%s is plain text and has no columns: use --domain =NAME, =FILE or =DIR",
                       reader->path);
    }
    struct text *text = hs_alloc(1, sizeof *text);
    if (text == NULL) {
        return hs_fail_memory(error, reader->path, sizeof *text);
    }
    reader->state = text;
    return hs_stream_open(input->path, input->compression, &text->stream, error);
}

static headsift_status next_text(struct hs_reader *reader, struct hs_document *document, bool *more,
                                 headsift_error *error) {
    struct text *text = reader->state;
    if (text->done) {
        return HEADSIFT_OK;
    }
    for (bool bytes_left = true; bytes_left;) {
        HS_TRY(hs_stream_read(text->stream, BLOCK, &text->bytes, &bytes_left, error));
    }
    text->done = true;
    *more = true;
    hs_document_set(document, HS_ROLE_TEXT, text->bytes.data, text->bytes.size);
    return HEADSIFT_OK;
}

static double share_text(const struct hs_reader *reader) {
    const struct text *text = reader->state;
    return text->done ? 1.0 : hs_stream_share(text->stream);
}

static void close_text(struct hs_reader *reader) {
    struct text *text = reader->state;
    if (text == NULL) {
        return;
    }
    hs_stream_close(text->stream);
    hs_buffer_free(&text->bytes);
    hs_free(text);
}

const struct hs_reader_kind hs_reader_text = {open_text, next_text, share_text, close_text};
