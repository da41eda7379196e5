/* A document's tokens as one HTML page: no script, no link, nothing from outside; all text escaped.
 * Colours follow the reader's light or dark scheme; a table names the tokens whose loss rose most. */
#include "explain/explain.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 20 };

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>headsift explain</title>\n<style>\n"
    ":root{color-scheme:light dark;--r:200 30 30;--f:30 90 200}\n"
    "@media (prefers-color-scheme:dark){:root{--r:255 90 90;--f:90 150 255}}\n"
    "body{font:16px/1.6 system-ui,sans-serif;max-width:60rem;margin:1rem auto;padding:0 1rem}\n"
    "pre,.key{font:15px/1.7 ui-monospace,monospace}\n"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere}\n"
    ".a{background:rgb(var(--r)/.12)}.b{background:rgb(var(--r)/.28)}.c{background:rgb(var(--r)/.45)}"
    ".d{background:rgb(var(--r)/.65)}\n"
    ".e{background:rgb(var(--f)/.12)}.f{background:rgb(var(--f)/.28)}.g{background:rgb(var(--f)/.45)}"
    ".h{background:rgb(var(--f)/.65)}\n"
    ".key span{padding:0 .5em}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse}th,td{text-align:right;padding:.1rem .6rem}"
    "th:last-child,td:last-child{text-align:left;font-family:ui-monospace,monospace}\n"
    "</style></head><body><main>\n";

static const char key[] =
    "<p class=\"key\">The loss rises by <span class=\"a\">0.1</span><span class=\"b\">0.5</span><span "
    "class=\"c\">1</span><span class=\"d\">2</span> nats or more, falls by <span class=\"e\">0.1</span><span "
    "class=\"f\">0.5</span><span class=\"g\">1</span><span class=\"h\">2</span></p>\n";

static void add_row(const struct hs_explained *document, struct hs_page *page) {
    const headsift_score *row = &document->row;
    hs_page_raw(page, "<h1>");
    hs_page_string(page, document->name);
    hs_page_printf(page, "</h1>\n<p>%d tokens, %d scored, %s", row->n_tokens, row->n_scored, row->status);
    hs_page_raw(page, row->note[0] != '\0' ? ": " : "");
    hs_page_string(page, row->note);
    if (!isnan(row->loss_base)) {
        hs_page_printf(page, ". Loss %.4f nats a token, with the heads masked %.4f: score %.4f", row->loss_base,
                       row->loss_ref, row->score);
    }
    hs_page_raw(page, ".</p>\n");
}

static void add_step(const struct hs_explained *document, size_t i, struct hs_page *page) {
    const headsift_step *step = &document->steps[i];
    size_t start = (size_t)step->start, size = (size_t)step->n_bytes, shown = size < 80 ? size : 80;
    while (shown < size && ((unsigned char)document->text[start + shown] & 0xC0) == 0x80) {
        shown--;
    }
    hs_page_printf(page, "<tr><td>%zu</td><td>%d</td>", i, step->n_scored);
    if (isnan(step->score)) {
        hs_page_raw(page, "<td></td><td></td><td></td><td></td><td>");
    } else {
        hs_page_printf(page, "<td>%.3f</td><td>%.3f</td><td>%+.3f</td><td>%.3f</td><td>", step->loss_base,
                       step->loss_ref, step->score, step->weight);
    }
    hs_page_text(page, document->text + start, shown);
    hs_page_raw(page, shown < size ? "\xE2\x80\xA6</td></tr>\n" : "</td></tr>\n");
}

static void add_steps(const struct hs_explained *document, struct hs_page *page) {
    if (!document->response) {
        return;
    }
    hs_page_raw(page, "<h2>Steps</h2>\n<div class=\"wide\"><table><thead><tr><th>step</th><th>scored</th><th>base</th>"
                      "<th>masked</th><th>score</th><th>weight</th><th>text</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < document->n_steps; i++) {
        add_step(document, i, page);
    }
    hs_page_raw(page, "</tbody></table></div>\n");
}

static void add_span(const struct hs_explained *document, const struct hs_span_of_tokens *span, struct hs_page *page) {
    int level = hs_rise_level(span->rise);
    if (!isnan(span->rise)) {
        hs_page_printf(page, "<span title=\"%+.3f\"", span->rise);
        if (level != 0) {
            hs_page_printf(page, " class=\"%c\"", level > 0 ? 'a' + level - 1 : 'e' - level - 1);
        }
        hs_page_raw(page, ">");
    }
    hs_page_text(page, document->text + span->start, span->end - span->start);
    hs_page_raw(page, isnan(span->rise) ? "" : "</span>");
}

/* The tokens whose loss rose most, the first ones of equals. */
static int by_rise(const void *left, const void *right) {
    const struct hs_span_of_tokens *a = left, *b = right;
    if (a->rise < b->rise || a->rise > b->rise) {
        return a->rise > b->rise ? -1 : 1;
    }
    return (a->first > b->first) - (a->first < b->first);
}

static void add_most(const struct hs_explained *document, struct hs_span_of_tokens *spans, size_t n,
                     struct hs_page *page) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (spans[i].rise > 0) {
            spans[kept++] = spans[i];
        }
    }
    qsort(spans, kept, sizeof *spans, by_rise);
    hs_page_raw(page, "<h2>Where the loss rises most</h2>\n<div class=\"wide\"><table><thead><tr><th>token</th>"
                      "<th>base</th><th>masked</th><th>rise</th><th>text</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < kept && i < MOST_ROWS; i++) {
        hs_page_printf(page, "<tr><td>%zu</td><td>%.3f</td><td>%.3f</td><td>%+.3f</td><td>", spans[i].first,
                       spans[i].base, spans[i].masked, spans[i].rise);
        hs_page_text(page, document->text + spans[i].start, spans[i].end - spans[i].start);
        hs_page_raw(page, "</td></tr>\n");
    }
    hs_page_raw(page, "</tbody></table></div>\n");
}

void hs_explain_spans(const struct hs_explained *document, size_t most_bytes, struct hs_page *page) {
    size_t start = page->out.size;
    for (size_t i = 0; i < document->n && page->out.size - start < most_bytes;) {
        struct hs_span_of_tokens span = hs_explained_span(document, i);
        add_span(document, &span, page);
        i += span.n;
    }
}

static void add_page(const struct hs_explained *document, struct hs_span_of_tokens *spans, struct hs_page *page) {
    size_t n = 0;
    hs_page_raw(page, head);
    add_row(document, page);
    hs_page_raw(page, key);
    hs_page_raw(page, "<pre>");
    hs_explain_spans(document, SIZE_MAX, page);
    hs_page_raw(page, "</pre>\n");
    add_steps(document, page);
    for (size_t i = 0; i < document->n; i += spans[n++].n) {
        spans[n] = hs_explained_span(document, i);
    }
    add_most(document, spans, n, page);
    hs_page_raw(page, "</main></body></html>\n");
}

headsift_status hs_explain_page(const struct hs_explained *document, FILE *out, headsift_error *error) {
    struct hs_span_of_tokens *spans = hs_alloc(document->n, sizeof *spans);
    struct hs_page page = {.failed = spans == NULL};
    if (spans != NULL) {
        add_page(document, spans, &page);
    }
    hs_free(spans);
    bool written = !page.failed && fwrite(page.out.data, 1, page.out.size, out) == page.out.size;
    size_t size = page.out.size;
    hs_buffer_free(&page.out);
    if (page.failed) {
        return hs_fail_memory(error, "a page", size);
    }
    return written ? HEADSIFT_OK : hs_fail_errno(error, errno, "can't write the page");
}
