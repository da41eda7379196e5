/* A window of documents: the pack for the engine and, beside it, the rows' ids and domains, which the reader forgets.
 * All of it is reused, but a giant's memory is given back. */
#include "influence/pipeline.h"

static bool keep_bytes(struct hs_buffer *bytes, const char *text, size_t size, size_t *at) {
    *at = bytes->size;
    return hs_buffer_append(bytes, text, size);
}

static headsift_status add_label(struct hs_window *window, const struct hs_document *document, headsift_error *error) {
    void *labels = window->labels;
    bool ok = hs_grow(&labels, &window->labels_capacity, window->n_labels + 1, sizeof *window->labels);
    window->labels = labels;
    if (!ok) {
        return hs_fail_memory(error, "labels", (window->n_labels + 1) * sizeof *window->labels);
    }
    struct hs_label *label = &window->labels[window->n_labels++];
    struct hs_buffer *bytes = &window->label_bytes;
    *label = (struct hs_label){.row = document->row,
                               .has_id = document->id != NULL,
                               .id_size = document->id_size,
                               .domain_size = document->domain_size};
    ok = (!label->has_id || keep_bytes(bytes, document->id, document->id_size, &label->id)) &&
         keep_bytes(bytes, document->domain, document->domain_size, &label->domain);
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "labels", bytes->size);
}

headsift_status hs_window_add(struct hs_window *window, const struct hs_scoring *scoring,
                              const struct hs_document *document, headsift_error *error) {
    HS_TRY(add_label(window, document, error));
    if (document->bad || document->text == NULL) {
        size_t size = document->text != NULL ? document->text_size : 0;
        return hs_pack_add_bad(&window->pack, size, document->bad ? document->note : "the record has no text", error);
    }
    return document->prompt != NULL ? hs_pack_add_response(scoring, &window->pack, document->text, document->text_size,
                                                           document->prompt_size, error)
                                    : hs_pack_add(scoring, &window->pack, document->text, document->text_size, error);
}

bool hs_window_full(const struct hs_window *window) {
    return hs_pack_full(&window->pack, window->first) || window->label_bytes.size >= HS_WINDOW_LABEL_BYTES;
}

void hs_window_clear(struct hs_window *window) {
    hs_pack_clear(&window->pack);
    if (window->label_bytes.capacity > 2 * (size_t)HS_WINDOW_LABEL_BYTES) {
        hs_buffer_free(&window->label_bytes);
    }
    window->label_bytes.size = 0;
    window->n_labels = 0;
    window->duplicates = 0;
    window->first = window->begins = window->last = false;
    window->rows = NULL;
}

void hs_window_free(struct hs_window *window) {
    hs_pack_free(&window->pack);
    hs_free(window->labels);
    hs_buffer_free(&window->label_bytes);
    *window = (struct hs_window){0};
}
