/* A document's tokens as one HTML page: no script, no link, nothing from outside; all text escaped.
 * Colours follow the reader's light or dark scheme; a table names the tokens whose loss rose most. */
#include "explain/explain.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

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

/* Text as the content of an element: what could be markup, and what no page may hold, becomes harmless. */
static void print_escaped(const char *text, size_t size, FILE *out) {
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        switch (byte) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            if ((byte < ' ' && byte != '\n' && byte != '\t') || byte == 0x7F) {
                fputs("\xEF\xBF\xBD", out);
            } else {
                fputc(byte, out);
            }
        }
    }
}

static void print_row(const struct hs_explained *document, FILE *out) {
    const headsift_score *row = &document->row;
    fputs("<h1>", out);
    print_escaped(document->name, strlen(document->name), out);
    fprintf(out, "</h1>\n<p>%d tokens, %d scored, %s", row->n_tokens, row->n_scored, row->status);
    if (row->note[0] != '\0') {
        fputs(": ", out);
        print_escaped(row->note, strlen(row->note), out);
    }
    if (!isnan(row->loss_base)) {
        fprintf(out, ". Loss %.4f nats a token, with the heads masked %.4f: score %.4f", row->loss_base, row->loss_ref,
                row->score);
    }
    fputs(".</p>\n", out);
}

static void print_steps(const struct hs_explained *document, FILE *out) {
    if (!document->response) {
        return;
    }
    fputs("<h2>Steps</h2>\n<div class=\"wide\"><table><thead><tr><th>step</th><th>scored</th><th>base</th>"
          "<th>masked</th><th>score</th><th>weight</th><th>text</th></tr></thead><tbody>\n",
          out);
    for (size_t i = 0; i < document->n_steps; i++) {
        const headsift_step *step = &document->steps[i];
        size_t start = (size_t)step->start, size = (size_t)step->n_bytes, shown = size < 80 ? size : 80;
        while (shown < size && ((unsigned char)document->text[start + shown] & 0xC0) == 0x80) {
            shown--;
        }
        fprintf(out, "<tr><td>%zu</td><td>%d</td>", i, step->n_scored);
        if (isnan(step->score)) {
            fputs("<td></td><td></td><td></td><td></td><td>", out);
        } else {
            fprintf(out, "<td>%.3f</td><td>%.3f</td><td>%+.3f</td><td>%.3f</td><td>", step->loss_base, step->loss_ref,
                    step->score, step->weight);
        }
        print_escaped(document->text + start, shown, out);
        fputs(shown < size ? "\xE2\x80\xA6</td></tr>\n" : "</td></tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
}

static void print_span(const struct hs_explained *document, const struct hs_span_of_tokens *span, FILE *out) {
    int level = hs_rise_level(span->rise);
    if (!isnan(span->rise)) {
        fprintf(out, "<span title=\"%+.3f\"", span->rise);
        if (level != 0) {
            fprintf(out, " class=\"%c\"", level > 0 ? 'a' + level - 1 : 'e' - level - 1);
        }
        fputc('>', out);
    }
    print_escaped(document->text + span->start, span->end - span->start, out);
    fputs(isnan(span->rise) ? "" : "</span>", out);
}

/* The tokens whose loss rose most, the first ones of equals. */
static int by_rise(const void *left, const void *right) {
    const struct hs_span_of_tokens *a = left, *b = right;
    if (a->rise < b->rise || a->rise > b->rise) {
        return a->rise > b->rise ? -1 : 1;
    }
    return (a->first > b->first) - (a->first < b->first);
}

static void print_most(const struct hs_explained *document, struct hs_span_of_tokens *spans, size_t n, FILE *out) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (spans[i].rise > 0) {
            spans[kept++] = spans[i];
        }
    }
    qsort(spans, kept, sizeof *spans, by_rise);
    fputs("<h2>Where the loss rises most</h2>\n<div class=\"wide\"><table><thead><tr><th>token</th><th>base</th>"
          "<th>masked</th><th>rise</th><th>text</th></tr></thead><tbody>\n",
          out);
    for (size_t i = 0; i < kept && i < MOST_ROWS; i++) {
        fprintf(out, "<tr><td>%zu</td><td>%.3f</td><td>%.3f</td><td>%+.3f</td><td>", spans[i].first, spans[i].base,
                spans[i].masked, spans[i].rise);
        print_escaped(document->text + spans[i].start, spans[i].end - spans[i].start, out);
        fputs("</td></tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
}

headsift_status hs_explain_page(const struct hs_explained *document, FILE *out, headsift_error *error) {
    struct hs_span_of_tokens *spans = hs_alloc(document->n, sizeof *spans);
    size_t n = 0;
    if (spans == NULL) {
        return hs_fail_memory(error, "a page", document->n * sizeof *spans);
    }
    fputs(head, out);
    print_row(document, out);
    fputs(key, out);
    fputs("<pre>", out);
    for (size_t i = 0; i < document->n; i += spans[n++].n) {
        spans[n] = hs_explained_span(document, i);
        print_span(document, &spans[n], out);
    }
    fputs("</pre>\n", out);
    print_steps(document, out);
    print_most(document, spans, n, out);
    fputs("</main></body></html>\n", out);
    hs_free(spans);
    return ferror(out) ? hs_fail_errno(error, errno, "can't write the page") : HEADSIFT_OK;
}
