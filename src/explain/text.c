/* A document's tokens on a terminal: the text with the tokens coloured by how much their loss rose, or, where there are
 * no colours, a table with a line a token. */
#include "explain/explain.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/text.h"

enum { LINE = 4096 };

static void print_head(const struct hs_explained *document, FILE *out) {
    const headsift_score *row = &document->row;
    char name[512];
    hs_escape_line(document->name, strlen(document->name), name, sizeof name);
    fprintf(out, "# %s: %s%s%s, %d tokens, %d scored\n", name, row->status, row->note[0] != '\0' ? ", " : "", row->note,
            row->n_tokens, row->n_scored);
    if (!isnan(row->loss_base)) {
        fprintf(out, "# loss %.4f, masked %.4f, score %.4f\n", row->loss_base, row->loss_ref, row->score);
    }
    for (size_t i = 0; i < document->n_steps; i++) {
        const headsift_step *step = &document->steps[i];
        fprintf(out, "# step %zu: bytes %lld to %lld, %d scored", i, (long long)step->start,
                (long long)(step->start + step->n_bytes), step->n_scored);
        if (!isnan(step->score)) {
            fprintf(out, ", loss %.4f, masked %.4f, score %.4f, weight %.4f", step->loss_base, step->loss_ref,
                    step->score, step->weight);
        }
        fputc('\n', out);
    }
}

static void print_bytes(const struct hs_explained *document, size_t start, size_t end, FILE *out) {
    char line[LINE];
    while (start < end) { /* a token may be long: in pieces that the escaped line has room for */
        size_t size = end - start < LINE / 8 ? end - start : LINE / 8;
        while (start + size < end && ((unsigned char)document->text[start + size] & 0xC0) == 0x80) {
            size--;
        }
        hs_escape_line(document->text + start, size, line, sizeof line);
        fputs(line, out);
        start += size;
    }
}

static void print_number(double value, FILE *out) {
    if (isnan(value)) {
        fputs("\t-", out);
    } else {
        fprintf(out, "\t%.4f", value);
    }
}

static void print_table(const struct hs_explained *document, FILE *out) {
    fputs("token\tid\tbase\tmasked\tdifference\ttext\n", out);
    for (size_t i = 0; i < document->n; i++) {
        const struct hs_explained_token *token = &document->tokens[i];
        fprintf(out, "%zu\t%d", i, token->id);
        print_number(token->base, out);
        print_number(token->masked, out);
        print_number(token->masked - token->base, out);
        fputc('\t', out);
        print_bytes(document, token->start, token->end, out);
        fputc('\n', out);
    }
}

/* Line ends stay line ends; everything else that moves a cursor is escaped. */
static void print_coloured(const struct hs_explained *document, const struct hs_span_of_tokens *span, FILE *out) {
    static const int rises[] = {0, 224, 217, 210, 203}, falls[] = {0, 195, 153, 117, 75};
    int level = hs_rise_level(span->rise);
    for (size_t at = span->start; at < span->end;) {
        size_t line_end = at;
        while (line_end < span->end && document->text[line_end] != '\n') {
            line_end++;
        }
        if (level != 0 && line_end > at) {
            fprintf(out, "\033[30;48;5;%dm", level > 0 ? rises[level] : falls[-level]);
        }
        print_bytes(document, at, line_end, out);
        fputs(level != 0 && line_end > at ? "\033[0m" : "", out);
        at = line_end;
        if (at < span->end) {
            fputc('\n', out);
            at++;
        }
    }
}

static void print_key(FILE *out) {
    fputs("# the loss rises by \033[30;48;5;224m 0.1 \033[0m\033[30;48;5;217m 0.5 \033[0m\033[30;48;5;210m 1 "
          "\033[0m\033[30;48;5;203m 2 \033[0m nats or more; falls by \033[30;48;5;195m 0.1 "
          "\033[0m\033[30;48;5;153m 0.5 \033[0m\033[30;48;5;117m 1 \033[0m\033[30;48;5;75m 2 \033[0m\n",
          out);
}

headsift_status hs_explain_text(const struct hs_explained *document, bool colour, FILE *out, headsift_error *error) {
    print_head(document, out);
    if (!colour) {
        print_table(document, out);
    } else {
        print_key(out);
        for (size_t i = 0; i < document->n;) {
            struct hs_span_of_tokens span = hs_explained_span(document, i);
            print_coloured(document, &span, out);
            i += span.n;
        }
        fputc('\n', out);
    }
    return ferror(out) ? hs_fail_errno(error, errno, "can't write the tokens") : HEADSIFT_OK;
}
