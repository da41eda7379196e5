/* The page's first section: what came out, in words, and what to be careful about.
 * Every sentence follows from numbers by a rule that docs/report.md states. */
#include <math.h>
#include <string.h>

#include "report/chart.h"

enum { FEW_SAMPLES = 100 };

static void add_name(struct hs_page *page, const char *name) {
    hs_page_raw(page, "<span class=\"name\">");
    hs_page_string(page, name);
    hs_page_raw(page, "</span>");
}

/* ---- What came out ---- */

static void add_model(struct hs_report *report) {
    const headsift_heads *heads = report->folder->heads;
    struct hs_page *page = &report->page;
    if (heads == NULL) {
        return;
    }
    int32_t all = heads->n_layer * heads->n_head;
    hs_page_raw(page, "<p>Model ");
    add_name(page, heads->model_name != NULL ? heads->model_name : "(not named)");
    if (all > 0) {
        hs_page_printf(page, ": %d layers of %d query heads. <strong>%zu of %d heads</strong> (", heads->n_layer,
                       heads->n_head, heads->n_heads, all);
        hs_add_percent(page, (double)heads->n_heads / all);
        hs_page_raw(page, ") are chosen");
    } else {
        hs_page_printf(page, ". <strong>%zu heads</strong> are chosen", heads->n_heads);
    }
    if (heads->method != NULL) {
        hs_page_raw(page, ", found by ");
        hs_page_string(page, heads->method);
    }
    if (heads->samples > 0) {
        hs_page_printf(page, " on %d of %d samples", heads->samples_counted, heads->samples);
    }
    hs_page_raw(page, ".</p>\n");
}

static void add_effect(struct hs_report *report) {
    const headsift_heads *heads = report->folder->heads;
    struct hs_page *page = &report->page;
    if (heads == NULL || heads->effect.draws == 0) {
        return;
    }
    const headsift_effect *effect = &heads->effect;
    bool matters = effect->masked > effect->random_high;
    hs_page_raw(page, matters ? "<p><strong>On the probe these heads matter:</strong> "
                              : "<p><strong>On the probe these heads matter no more than random ones:</strong> ");
    hs_page_printf(page,
                   "masking them takes the loss of the answer from %.3f to %.3f nats a token, masking as many random "
                   "heads to %.3f (%.3f to %.3f in %d draws).%s</p>\n",
                   effect->unmasked, effect->masked, effect->random_mean, effect->random_low, effect->random_high,
                   effect->draws, matters ? "" : " Scores by these heads mean little.");
}

/* Names of the tasks of all evals for which masking hurts (does not hurt) more than random heads, by the effect of this
 * name. @return how many */
static int add_tasks(struct hs_report *report, const char *effect, bool hurt, bool count_only) {
    int n = 0;
    for (size_t i = 0; i < report->folder->n_results; i++) {
        const struct hs_result *result = &report->folder->results[i];
        const json_t *tasks = json_object_get(result->value, "tasks"), *task;
        size_t t;
        if (strcmp(result->kind, "eval") != 0) {
            continue;
        }
        json_array_foreach(tasks, t, task) {
            const json_t *hurts = json_object_get(json_object_get(task, effect), "hurts_more_than_random");
            if (!json_is_boolean(hurts) || json_is_true(hurts) != hurt) {
                continue;
            }
            if (!count_only) {
                hs_page_raw(&report->page, n > 0 ? ", " : "");
                add_name(&report->page, hs_word(task, "name"));
            }
            n++;
        }
    }
    return n;
}

static void add_eval(struct hs_report *report) {
    struct hs_page *page = &report->page;
    int hurt = add_tasks(report, "effect", true, true), spared = add_tasks(report, "effect", false, true);
    if (hurt + spared == 0) {
        return;
    }
    hs_page_printf(page,
                   "<p>Masking the chosen heads hurts <strong>%d of %d tasks</strong> more than masking random ones",
                   hurt, hurt + spared);
    if (hurt > 0) {
        hs_page_raw(page, ": ");
        add_tasks(report, "effect", true, false);
    }
    hs_page_raw(page, ".");
    if (spared > 0) {
        hs_page_raw(page, " It does not (no difference that the interval can tell) on: ");
        add_tasks(report, "effect", false, false);
        hs_page_raw(page, ".");
    }
    int dearer = add_tasks(report, "effect_loss", true, true),
        all = dearer + add_tasks(report, "effect_loss", false, true);
    if (all > 0) {
        hs_page_printf(page,
                       " By the loss of the right answer, which tells finer differences, it hurts %d of %d more than "
                       "random ones.",
                       dearer, all);
    }
    hs_page_raw(page, "</p>\n");
}

static void add_scores(struct hs_report *report) {
    const struct hs_numbers *numbers = report->numbers;
    struct hs_page *page = &report->page;
    if (numbers == NULL) {
        return;
    }
    hs_page_raw(page, "<p>");
    hs_add_count(page, numbers->all.documents);
    hs_page_raw(page, " documents with ");
    hs_add_count(page, numbers->all.tokens);
    hs_page_printf(page, " tokens in %zu domain%s", numbers->all_domains, numbers->all_domains == 1 ? "" : "s");
    if (numbers->all.scored < numbers->all.documents) {
        hs_page_raw(page, ", of which ");
        hs_add_count(page, numbers->all.documents - numbers->all.scored);
        hs_page_raw(page, " have no score");
    }
    hs_page_raw(page, ".");
    if (numbers->have_choice) {
        hs_page_raw(page, " <strong>Selected: ");
        hs_add_count(page, numbers->all.chosen);
        hs_page_raw(page, " documents</strong> (");
        hs_add_percent(page, (double)numbers->all.chosen / (double)numbers->all.documents);
        hs_page_raw(page, ") with ");
        hs_add_count(page, numbers->all.chosen_tokens);
        hs_page_raw(page, " tokens (");
        hs_add_percent(page, (double)numbers->all.chosen_tokens / (double)numbers->all.tokens);
        hs_page_raw(page, ").");
    }
    hs_page_raw(page, "</p>\n");
}

/* The overlap with random picks and the largest explained share say whether the ranking is something of its own. */
static void add_explained(struct hs_report *report) {
    struct hs_page *page = &report->page;
    for (size_t i = 0; i < report->folder->n_results; i++) {
        const struct hs_result *result = &report->folder->results[i];
        const json_t *rows = json_object_get(result->value, "explained"), *row, *most = NULL;
        size_t r;
        if (strcmp(result->kind, "compare-baselines") != 0) {
            continue;
        }
        json_array_foreach(rows, r, row) {
            if (most == NULL || hs_real(row, "all") > hs_real(most, "all")) {
                most = row;
            }
        }
        if (most != NULL && isfinite(hs_real(most, "all"))) {
            hs_page_raw(page, "<p>Length, loss, repetition and position together explain at most ");
            hs_add_percent(page, hs_real(most, "all"));
            hs_page_raw(page, " of the ranking (domain ");
            add_name(page, hs_word(most, "domain")[0] != '\0' ? hs_word(most, "domain") : "(no name)");
            hs_page_raw(page, ").</p>\n");
        }
    }
}

/* ---- What to be careful about ---- */

static bool has_kind(const struct hs_report *report, const char *kind) {
    for (size_t i = 0; i < report->folder->n_results; i++) {
        if (strcmp(report->folder->results[i].kind, kind) == 0) {
            return true;
        }
    }
    return false;
}

static void caveat(struct hs_page *page, const char *text) {
    hs_page_raw(page, "<li>");
    hs_page_raw(page, text);
    hs_page_raw(page, "</li>\n");
}

static void add_heads_caveats(struct hs_report *report) {
    const struct hs_run_folder *folder = report->folder;
    struct hs_page *page = &report->page;
    const json_t *scored = json_object_get(folder->score, "heads"),
                 *found = json_object_get(folder->heads_json, "heads");
    if (folder->heads != NULL && folder->heads->samples > 0 && folder->heads->samples_counted < FEW_SAMPLES) {
        hs_page_printf(page, "<li>The heads come from %d samples: few, another seed may choose others.</li>\n",
                       folder->heads->samples_counted);
    }
    if (folder->heads != NULL && folder->heads->effect.draws == 0) {
        caveat(page, "It was not measured whether masking these heads does more than masking random ones.");
    }
    if (scored != NULL && found != NULL && !json_equal(scored, found)) {
        caveat(page, "heads.json names other heads than the scores were made with.");
    }
}

static void add_score_caveats(struct hs_report *report) {
    const struct hs_numbers *numbers = report->numbers;
    struct hs_page *page = &report->page;
    if (numbers == NULL) {
        return;
    }
    if (numbers->truncated > 0) {
        hs_page_raw(page, "<li>");
        hs_add_count(page, numbers->truncated);
        hs_page_raw(page, " documents are longer than the model was shown: only their beginning counts.</li>\n");
    }
    if (strcmp(hs_word(report->folder->score, "dtype"), "int8") == 0) {
        caveat(page, "The scores come from 8-bit products: near those of f32, not equal.");
    }
    if (!has_kind(report, "compare-baselines")) {
        caveat(page, "It was not compared with simpler ways to choose: <code>headsift compare DIR/selected -o "
                     "DIR/baselines.json</code>.");
    }
}

static void add_caveats(struct hs_report *report) {
    struct hs_page *page = &report->page;
    hs_page_raw(page, "<h3>To be careful about</h3>\n<ul>\n");
    add_heads_caveats(report);
    if (!has_kind(report, "eval")) {
        caveat(page, "No task was measured under the mask: <code>headsift eval -m MODEL --heads DIR/heads.json "
                     "--task kv --task labels -o "
                     "DIR/eval.json</code>.");
    }
    add_score_caveats(report);
    caveat(page,
           "A high score says that these heads help to predict the text, not that the text is good, true or safe.");
    hs_page_raw(page, "</ul>\n");
}

void hs_add_summary(struct hs_report *report) {
    hs_section_begin(report, "summary", "Summary");
    add_model(report);
    add_effect(report);
    add_eval(report);
    add_scores(report);
    add_explained(report);
    add_caveats(report);
    hs_section_end(&report->page);
}
