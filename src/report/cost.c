/* What scoring costs: tokens, time, operations, and hours for a billion tokens.
 * Time is that of the parts' own records; operations are those of weights, attention and logits. */
#include <math.h>
#include <string.h>

#include "base/human.h"
#include "report/chart.h"

double hs_hours_a_billion(double tokens_per_second) {
    return tokens_per_second > 0 && isfinite(tokens_per_second) ? 1e9 / tokens_per_second / 3600 : (double)NAN;
}

headsift_status hs_report_work(headsift_model *model, const headsift_heads *heads, struct hs_work *out,
                               headsift_error *error) {
    const headsift_score_options options = {.max_tokens = 2};
    const struct hs_config *config = hs_model_config(model->model);
    struct hs_scoring pair, single;
    HS_TRY(hs_scoring_prepare(model, heads, &options, NULL, &pair, error));
    HS_TRY(hs_scoring_prepare(model, NULL, &options, NULL, &single, error));
    *out = (struct hs_work){
        .pair_token = pair.token_work,
        .pair_pair = pair.pair_work,
        .single_token = single.token_work - 2 * (double)config->hidden * config->vocab, /* its logits once */
        .single_pair = single.pair_work,
    };
    return HEADSIFT_OK;
}

/* Of a report of headsift bench, in operations a second. */
static double find_peak(const struct hs_run_folder *folder) {
    for (size_t i = 0; i < folder->n_results; i++) {
        if (strcmp(folder->results[i].kind, "bench") == 0) {
            return 1e9 * hs_real(json_object_get(folder->results[i].value, "peak"), "products");
        }
    }
    return (double)NAN;
}

struct hs_cost hs_report_cost(const struct hs_run_folder *folder, const struct hs_numbers *numbers,
                              const struct hs_work *work) {
    struct hs_cost cost = {.tokens = (double)numbers->all.tokens,
                           .seconds = folder->timed_tokens > 0 ? folder->seconds : (double)NAN,
                           .speed = (double)NAN,
                           .operations = (double)NAN,
                           .single_share = (double)NAN,
                           .peak = find_peak(folder)};
    if (folder->timed_tokens > 0 && folder->seconds > 0) {
        cost.speed = (double)folder->timed_tokens / folder->seconds;
    }
    if (work != NULL) {
        cost.operations = numbers->tokens_in * work->pair_token + numbers->token_pairs * work->pair_pair;
        cost.single_share =
            (numbers->tokens_in * work->single_token + numbers->token_pairs * work->single_pair) / cost.operations;
    }
    return cost;
}

/* ---- The section ---- */

static void add_way(struct hs_report *report, const char *name, double speed, const char *note) {
    struct hs_page *page = &report->page;
    double hours = hs_hours_a_billion(speed);
    hs_row_begin(page, name, strlen(name));
    hs_page_raw(page, "<td>");
    hs_add_short(page, speed);
    hs_page_raw(page, "</td><td>");
    hs_add_short(page, hours);
    hs_page_raw(page, "</td>");
    if (report->options->price > 0) {
        hs_page_raw(page, "<td>");
        hs_add_short(page, hours * report->options->price);
        hs_page_raw(page, "</td>");
    }
    hs_cell_string(page, note);
    hs_row_end(page);
}

static void add_ways(struct hs_report *report) {
    const struct hs_cost *cost = &report->cost;
    const char *const with_price[] = {
        "way", "tokens a second", "hours for a billion tokens", "cost of a billion tokens", "how it is known", NULL};
    const char *const without[] = {"way", "tokens a second", "hours for a billion tokens", "how it is known", NULL};
    double classifier = report->options->classifier_speed;
    hs_table_begin(&report->page, "A billion tokens on this machine",
                   report->options->price > 0 ? with_price : without);
    add_way(report, "headsift: two passes, one masked", cost->speed, "measured while scoring");
    add_way(report, "perplexity filter: one unmasked pass", cost->speed / cost->single_share,
            isfinite(cost->single_share) ? "by its share of the operations" : "needs the report to be made with -m");
    if (classifier > 0) {
        add_way(report, "classifier", classifier, "speed given with --classifier-speed");
    }
    hs_table_end(&report->page);
}

static void add_operations_count(struct hs_page *page, double operations) {
    char text[32];
    hs_human_count(operations, text, sizeof text);
    hs_page_raw(page, text);
}

static void add_operations(struct hs_report *report) {
    struct hs_page *page = &report->page;
    const struct hs_cost *cost = &report->cost;
    if (!isfinite(cost->operations)) {
        hs_page_raw(page,
                    "<p>The operations of the model are not known: make the report with <code>-m MODEL</code>.</p>\n");
        return;
    }
    double rate = cost->operations * (cost->speed / cost->tokens);
    hs_page_raw(page, "<p>Both passes take ");
    add_operations_count(page, cost->operations);
    hs_page_raw(page, " operations, ");
    add_operations_count(page, cost->operations / cost->tokens);
    hs_page_raw(page, " a token (a multiply-add is two)");
    if (isfinite(rate)) {
        hs_page_raw(page, ", ");
        add_operations_count(page, rate);
        hs_page_raw(page, " a second");
    }
    hs_page_raw(page, ". An unmasked pass alone is ");
    hs_add_percent(page, cost->single_share);
    hs_page_raw(page, " of that.");
    if (isfinite(rate) && isfinite(cost->peak)) {
        hs_page_raw(page, " That is ");
        hs_add_percent(page, rate / cost->peak);
        hs_page_raw(page, " of the peak that <code>headsift bench</code> measured.");
    } else {
        hs_page_raw(page, " The share of the machine's peak is not known: <code>headsift bench -m MODEL -o "
                          "DIR/bench.json</code> measures it.");
    }
    hs_page_raw(page, "</p>\n");
}

void hs_add_cost(struct hs_report *report) {
    struct hs_page *page = &report->page;
    const struct hs_cost *cost = &report->cost;
    if (report->numbers == NULL) {
        return;
    }
    hs_section_begin(report, "cost", "Cost");
    hs_page_raw(page, "<p>Scored: ");
    hs_add_count(page, report->numbers->all.tokens);
    hs_page_raw(page, " tokens");
    if (isfinite(cost->speed)) {
        hs_page_raw(page, " in ");
        hs_add_short(page, cost->seconds);
        hs_page_raw(page, " seconds of work, ");
        hs_add_short(page, cost->speed);
        hs_page_raw(page, " a second (finding the heads is not in it)");
    } else {
        hs_page_raw(page, "; the time is not known, since the scores have no records of it");
    }
    hs_page_raw(page, ".</p>\n");
    add_operations(report);
    add_ways(report);
    if (report->options->price > 0) {
        hs_page_printf(page, "<p>Cost: at %g for an hour of this machine.</p>\n", report->options->price);
    } else {
        hs_page_raw(page, "<p>For prices, make the report with <code>--price</code> (of an hour of this "
                          "machine).</p>\n");
    }
    hs_section_end(page);
}
