/* A document's tokens with their losses, and the three ways to show them.
 * Text that others wrote is escaped by each of them. */
#ifndef HS_EXPLAIN_EXPLAIN_H
#define HS_EXPLAIN_EXPLAIN_H

#include "base/page.h"
#include "influence/scoring.h"

/** A token of the text. */
struct hs_explained_token {
    size_t start, end; /**< bytes of the text */
    int32_t id;
    double base, masked; /**< nats; NaN where it is not predicted: a first token, or beyond the limit */
};

struct hs_explained {
    const char *name; /**< what the document is called: for people */
    const char *text;
    size_t size;
    bool response;      /**< the text is a prompt with a response behind it; hs_explain_losses leaves the response, */
    size_t prompt_size; /**< and the part of a token that is the prompt's is not shown */
    struct hs_explained_token *tokens;
    size_t n;
    headsift_step *steps; /**< of a response */
    size_t n_steps;
    headsift_score row; /**< as score would write it */
};

/** Fills in tokens and row of a document whose name and text are set. hs_explained_free, also on failure. */
headsift_status hs_explain_losses(const struct hs_scoring *scoring, struct hs_explained *document,
                                  headsift_error *error);
void hs_explained_free(struct hs_explained *document);

/** Neighbouring tokens that only together are whole characters; mostly one. */
struct hs_span_of_tokens {
    size_t first, n;     /**< tokens */
    size_t start, end;   /**< bytes: whole characters */
    double base, masked; /**< sums over those that are predicted; NaN: none is */
    double rise;         /**< masked - base */
};
/** The span that begins at token `first`. */
struct hs_span_of_tokens hs_explained_span(const struct hs_explained *document, size_t first);

/** 0: not predicted or no change to speak of; 1 to 4: the loss rises by 0.1, 0.5, 1, 2 nats or more; -1 to -4: falls.
 */
int hs_rise_level(double rise);

/** Appends the text with each span in an element of class a to d (the loss rises: levels 1 to 4) or e to h (falls), its
 *  rise as a tooltip; no more spans once that takes `most_bytes`. */
void hs_explain_spans(const struct hs_explained *document, size_t most_bytes, struct hs_page *page);

headsift_status hs_explain_text(const struct hs_explained *document, bool colour, FILE *out, headsift_error *error);
headsift_status hs_explain_json(const struct hs_explained *document, FILE *out, headsift_error *error);
headsift_status hs_explain_page(const struct hs_explained *document, FILE *out, headsift_error *error);

#endif
