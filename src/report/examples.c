/* Documents at fixed ranks of each domain: the beginning of the text, its tokens coloured by how much their loss rises
 * under the mask. What is shown is bounded, whatever the documents are. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "influence/plan.h"
#include "report/chart.h"
#include "select/ranking.h"

enum { MOST_RISES = 5 };

const double hs_example_shares[HS_EXAMPLE_RANKS] = {0.001, 0.01, 0.1, 0.5, 0.9, 0.999};

static const char key[] =
    "<p class=\"key\">Under the mask the loss of a token rises by <span class=\"a\">0.1</span> <span "
    "class=\"b\">0.5</span> <span class=\"c\">1</span> <span class=\"d\">2</span> nats or more (warm, underlined from "
    "1 "
    "on), or falls by <span class=\"e\">0.1</span> <span class=\"f\">0.5</span> <span class=\"g\">1</span> <span "
    "class=\"h\">2</span> (cold, dotted).</p>\n";

/* ---- The model's view ---- */

/* Which mask it was. False: one that can't be made again from here. */
static bool known_mask(const json_t *score, headsift_mask *out) {
    static const headsift_mask masks[] = {HEADSIFT_MASK_UNIFORM, HEADSIFT_MASK_ZERO, HEADSIFT_MASK_MEAN};
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        if (strcmp(hs_word(score, "mask"), hs_mask_name(masks[i])) == 0) {
            *out = masks[i];
            return *out != HEADSIFT_MASK_MEAN || hs_calibration_is_built_in(hs_word(score, "calibration_sha256"));
        }
    }
    return false;
}

/* How the folder was scored. False: in a way that is not known here, or of responses alone. */
static bool score_options(const json_t *score, headsift_score_options *out) {
    const json_t *most = json_object_get(score, "max_tokens");
    *out = (headsift_score_options){
        .long_documents = strcmp(hs_word(score, "long"), "chunk") == 0 ? HEADSIFT_LONG_CHUNK : HEADSIFT_LONG_TRUNCATE,
        .max_tokens = json_is_integer(most) ? json_integer_value(most) : 0,
        .special_as_text = strcmp(hs_word(score, "special"), "text") == 0,
    };
    return known_mask(score, &out->mask) && !json_is_string(json_object_get(score, "response"));
}

static headsift_status start(struct hs_report *report, headsift_model *model, struct hs_scoring *scoring,
                             headsift_error *error) {
    headsift_score_options options;
    bool known = score_options(report->folder->score, &options);
    if (model == NULL || report->folder->heads == NULL || !known) {
        return HEADSIFT_OK;
    }
    HS_TRY(hs_dtype_adopt(model, report->folder->scores, error));
    HS_TRY(hs_scoring_prepare(model, report->folder->heads, &options, NULL, scoring, error));
    return hs_scoring_start(model, scoring, error);
}

/* ---- One document ---- */

/* The text's beginning that ends with a whole character. */
static size_t whole_characters(const char *text, size_t size) {
    size_t end = size;
    while (end > 0 && size - end < 4 && ((unsigned char)text[end - 1] & 0xC0) == 0x80) {
        end--;
    }
    if (end == 0 || size - end == 4) {
        return size;
    }
    unsigned char first = (unsigned char)text[end - 1];
    size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
    return end - 1 + length <= size ? size : end - 1;
}

static void add_ranks(struct hs_page *page, const struct hs_ranked *document, int64_t n) {
    hs_page_raw(page, "<h4>Rank ");
    hs_add_count(page, document->rank);
    hs_page_raw(page, " of ");
    hs_add_count(page, n);
    hs_page_raw(page, " <span class=\"range\">(");
    const char *comma = "";
    for (int i = 0; i < HS_EXAMPLE_RANKS; i++) {
        int64_t rank = (int64_t)ceil(hs_example_shares[i] * (double)n);
        if ((rank < 1 ? 1 : rank) == document->rank) {
            hs_page_printf(page, "%s%g %%", comma, 100 * hs_example_shares[i]);
            comma = ", ";
        }
    }
    hs_page_raw(page, ")</span></h4>\n<p class=\"meta\"><span class=\"name\">");
    hs_add_name(page, document->id, document->id_size);
    hs_page_printf(page, "</span>: score %.4f, loss %.4f, masked %.4f, ", document->score, document->loss_base,
                   document->loss_ref);
    hs_add_count(page, document->tokens);
    hs_page_raw(page, " tokens</p>\n");
}

/* The spans whose loss rises most, in words: colour is not the only way to see them. */
static void add_rises(struct hs_page *page, const struct hs_explained *document) {
    double before = HUGE_VAL;
    size_t last = 0;
    hs_page_raw(page, "<p class=\"meta\">Rises most at");
    for (int shown = 0; shown < MOST_RISES; shown++) {
        struct hs_span_of_tokens best = {.rise = 0}, span;
        for (size_t i = 0; i < document->n; i += span.n) {
            span = hs_explained_span(document, i);
            bool later = span.rise < before || (!(span.rise > before) && shown > 0 && i > last);
            if (later && span.rise > best.rise) {
                best = span;
            }
        }
        if (best.n == 0) {
            hs_page_raw(page, shown == 0 ? " no token" : "");
            break;
        }
        before = best.rise;
        last = best.first;
        char line[200];
        hs_escape_line(document->text + best.start, best.end - best.start, line, sizeof line);
        hs_page_raw(page, shown > 0 ? ", <q>" : " <q>");
        hs_page_string(page, line);
        hs_page_printf(page, "</q> %+.2f", best.rise);
    }
    hs_page_raw(page, ".</p>\n");
}

static headsift_status add_text(struct hs_page *page, const struct hs_scoring *scoring,
                                const struct hs_ranked *document, headsift_error *error) {
    struct hs_explained explained = {.name = "", .text = document->text};
    explained.size = whole_characters(document->text, document->text_size);
    if (scoring->engine != NULL) {
        headsift_status status = hs_explain_losses(scoring, &explained, error);
        if (status != HEADSIFT_OK) {
            hs_explained_free(&explained);
            return status;
        }
    }
    hs_page_raw(page, "<pre>");
    if (explained.n > 0) {
        hs_explain_spans(&explained, HS_EXAMPLE_MARKUP, page);
    } else {
        hs_page_text(page, explained.text, explained.size);
    }
    hs_page_raw(page, "</pre>\n");
    if (explained.n > 0) {
        add_rises(page, &explained);
    }
    hs_explained_free(&explained);
    return HEADSIFT_OK;
}

/* ---- All of them ---- */

static int domain_slot(const struct hs_numbers *numbers, const struct hs_domain_ranking *domain) {
    for (size_t i = 0; i < numbers->n_domains; i++) {
        const struct hs_domain_numbers *known = &numbers->domains[i];
        if (known->name_size == domain->name_size && memcmp(known->name, domain->name, domain->name_size) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static headsift_status add_documents(struct hs_report *report, const struct hs_ranking *ranking,
                                     const struct hs_scoring *scoring, const headsift_monitor *monitor,
                                     headsift_error *error) {
    struct hs_page *page = &report->page;
    int32_t open = -1;
    for (size_t i = 0; i < ranking->n_documents; i++) {
        const struct hs_ranked *document = &ranking->documents[i];
        const struct hs_domain_ranking *domain = &ranking->domains[document->domain];
        if (hs_stop_wanted(monitor)) {
            return hs_fail(error, HEADSIFT_STOPPED, "stopped while the report was made");
        }
        if (document->domain != open) {
            hs_page_raw(page, open >= 0 ? "</div>\n" : "");
            hs_page_printf(page, "<div class=\"examples\" data-domain=\"%d\"><h3>",
                           domain_slot(report->numbers, domain));
            hs_add_name(page, domain->name_size > 0 ? domain->name : "All documents",
                        domain->name_size > 0 ? domain->name_size : strlen("All documents"));
            hs_page_raw(page, "</h3>\n");
            open = document->domain;
        }
        add_ranks(page, document, domain->scored);
        if (document->text != NULL) {
            HS_TRY(add_text(page, scoring, document, error));
        }
    }
    hs_page_raw(page, open >= 0 ? "</div>\n" : "");
    return HEADSIFT_OK;
}

static headsift_status read_documents(const struct hs_report *report, struct hs_ranking *out, headsift_error *error) {
    const struct hs_ranking_wish wish = {.shares = hs_example_shares,
                                         .n_shares = HS_EXAMPLE_RANKS,
                                         .most_domains = HS_EXAMPLE_DOMAINS,
                                         .text_bytes = HS_EXAMPLE_TEXT};
    const headsift_select_options options = {.root = report->options->root, .memory = report->options->memory};
    return hs_ranking_read(report->folder->scores, &wish, &options, report->options->temp_dir, out, error);
}

static void add_intro(struct hs_report *report, bool has_model, bool coloured) {
    struct hs_page *page = &report->page;
    hs_page_printf(page,
                   "<p>In each domain (the %d largest, if there are more) the documents at the ranks 0.1 %%, 1 %%, 10 "
                   "%%, 50 %%, 90 %% and 99.9 %% by score, from the highest: the first %d bytes of each.</p>\n",
                   HS_EXAMPLE_DOMAINS, HS_EXAMPLE_TEXT);
    if (coloured) {
        hs_page_raw(page, key);
    } else if (has_model) {
        hs_page_raw(page,
                    "<p>The tokens have no colours: heads.json is missing, or these scores are of responses, or of a "
                    "mask that the report can't repeat.</p>\n");
    } else {
        hs_page_raw(page, "<p>For tokens coloured by how much their loss rises, make the report with <code>-m "
                          "MODEL</code>.</p>\n");
    }
}

headsift_status hs_add_examples(struct hs_report *report, headsift_model *model, const headsift_monitor *monitor,
                                headsift_error *error) {
    struct hs_ranking ranking = {0};
    struct hs_scoring scoring = {0};
    headsift_error reason = {0};
    if (report->numbers == NULL || report->numbers->all.scored == 0) {
        return HEADSIFT_OK;
    }
    hs_section_begin(report, "examples", "Documents at ranks");
    headsift_status status = read_documents(report, &ranking, &reason);
    if (status == HEADSIFT_OK) {
        status = start(report, model, &scoring, error);
        if (status == HEADSIFT_OK) {
            add_intro(report, model != NULL, scoring.engine != NULL);
            status = add_documents(report, &ranking, &scoring, monitor, error);
        }
        hs_scoring_free(&scoring);
        hs_ranking_free(&ranking);
        HS_TRY(status);
    } else {
        hs_log(monitor, HEADSIFT_LOG_WARNING, "the report shows no documents: %s", reason.message);
        hs_page_raw(&report->page, "<p>The documents could not be read: <span class=\"name\">");
        hs_page_string(&report->page, reason.message);
        hs_page_raw(&report->page, "</span></p>\n");
    }
    hs_section_end(&report->page);
    return HEADSIFT_OK;
}
