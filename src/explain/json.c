/* A document's tokens as one JSON object.
 * Strings are quoted so that they may stand in a page or on a terminal. */
#include "explain/explain.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/text.h"

static bool add_number(struct hs_buffer *out, const char *key, double value) {
    return isfinite(value) ? hs_buffer_printf(out, ", \"%s\": %.17g", key, value)
                           : hs_buffer_printf(out, ", \"%s\": null", key);
}

static bool add_string(struct hs_buffer *out, const char *key, const char *value) {
    return hs_buffer_printf(out, "%s\"%s\": ", out->size > 1 ? ", " : "", key) &&
           hs_json_quote(out, value, strlen(value));
}

static bool add_steps(struct hs_buffer *out, const struct hs_explained *document) {
    bool ok = hs_buffer_printf(out, ", \"steps\": [");
    for (size_t i = 0; ok && i < document->n_steps; i++) {
        const headsift_step *step = &document->steps[i];
        ok = hs_buffer_printf(out, "%s\n {\"start\": %lld, \"n_bytes\": %lld, \"n_scored\": %d", i > 0 ? "," : "",
                              (long long)step->start, (long long)step->n_bytes, step->n_scored) &&
             add_number(out, "loss_base", step->loss_base) && add_number(out, "loss_ref", step->loss_ref) &&
             add_number(out, "score", step->score) && add_number(out, "weight", step->weight) &&
             hs_buffer_append(out, "}", 1);
    }
    return ok && hs_buffer_append(out, "]", 1);
}

static bool add_row(struct hs_buffer *out, const struct hs_explained *document) {
    const headsift_score *row = &document->row;
    return hs_buffer_append(out, "{", 1) && add_string(out, "document", document->name) &&
           hs_buffer_printf(out, ", \"n_bytes\": %lld, \"n_tokens\": %d, \"n_scored\": %d", (long long)row->n_bytes,
                            row->n_tokens, row->n_scored) &&
           add_number(out, "loss_base", row->loss_base) && add_number(out, "loss_ref", row->loss_ref) &&
           add_number(out, "score", row->score) && add_string(out, "status", row->status) &&
           add_string(out, "note", row->note) && (!document->response || add_steps(out, document)) &&
           hs_buffer_printf(out, ", \"tokens\": [");
}

static bool add_token(struct hs_buffer *out, const struct hs_explained *document, size_t i) {
    const struct hs_explained_token *token = &document->tokens[i];
    return hs_buffer_printf(out, "%s\n {\"id\": %d, \"start\": %zu, \"end\": %zu", i > 0 ? "," : "", token->id,
                            token->start, token->end) &&
           add_number(out, "base", token->base) && add_number(out, "masked", token->masked) &&
           add_number(out, "difference", token->masked - token->base) && hs_buffer_printf(out, ", \"text\": ") &&
           hs_json_quote(out, document->text + token->start, token->end - token->start) &&
           hs_buffer_append(out, "}", 1);
}

headsift_status hs_explain_json(const struct hs_explained *document, FILE *out, headsift_error *error) {
    struct hs_buffer line = {0};
    bool ok = add_row(&line, document), written = true;
    for (size_t i = 0; ok && written && i <= document->n; i++) {
        written = fwrite(line.data, 1, line.size, out) == line.size;
        line.size = 0;
        ok = i < document->n ? add_token(&line, document, i) : hs_buffer_append(&line, "\n]}\n", 4);
    }
    written = written && ok && fwrite(line.data, 1, line.size, out) == line.size;
    size_t size = line.size;
    hs_buffer_free(&line);
    if (!ok) {
        return hs_fail_memory(error, "a line of JSON", size);
    }
    return written ? HEADSIFT_OK : hs_fail_errno(error, errno, "can't write the tokens");
}
