/* Results of headsift eval: each task unmasked, with the chosen heads masked, with random ones masked.
 * Where the chosen heads hurt no more than random ones, the page says so. */
#include <math.h>
#include <string.h>

#include "report/chart.h"

/* The measure of a condition that the task is judged by. */
static const json_t *measure(const json_t *task, const char *condition) {
    const json_t *results = json_object_get(task, "results"), *result;
    size_t i;
    json_array_foreach(results, i, result) {
        if (strcmp(hs_word(result, "condition"), condition) == 0) {
            return json_object_get(json_object_get(result, "metrics"), hs_word(task, "primary"));
        }
    }
    return NULL;
}

/* Mean of the measure over the conditions of a group. */
static double group_mean(const json_t *eval, const json_t *task, const char *group) {
    const json_t *conditions = json_object_get(eval, "conditions"), *condition;
    double sum = 0;
    int n = 0;
    size_t i;
    json_array_foreach(conditions, i, condition) {
        double value = hs_real(measure(task, hs_word(condition, "name")), "value");
        if (strcmp(hs_word(condition, "group"), group) == 0 && isfinite(value)) {
            sum += value;
            n++;
        }
    }
    return n > 0 ? sum / n : (double)NAN;
}

static bool by_loss(const json_t *task) { return strcmp(hs_word(task, "primary"), "loss") == 0; }

/* What masking does to the loss of the right answer, where it is known. */
static const json_t *effect_by_loss(const json_t *task) {
    return json_object_get(task, by_loss(task) ? "effect" : "effect_loss");
}

static void add_task(struct hs_report *report, const json_t *eval, const json_t *task) {
    struct hs_page *page = &report->page;
    const json_t *effect = json_object_get(task, "effect"), *hurts = json_object_get(effect, "hurts_more_than_random");
    const char *name = hs_word(task, "name");
    hs_row_begin(page, name, strlen(name));
    hs_cell_string(page, json_is_true(hurts) ? "yes" : json_is_false(hurts) ? "no" : "not known");
    hs_cell_string(page, hs_word(task, "primary"));
    hs_cell_count(page, json_integer_value(json_object_get(task, "items")));
    hs_cell_number(page, hs_real(task, "chance"), 3);
    hs_cell_interval(page, measure(task, "unmasked"), 3);
    hs_cell_interval(page, measure(task, "masked"), 3);
    hs_cell_number(page, group_mean(eval, task, "random"), 3);
    hs_cell_interval(page, json_object_get(effect, "masked"), 3);
    hs_cell_interval(page, json_object_get(effect, "beyond_random"), 3);
    hs_cell_interval(page, json_object_get(effect_by_loss(task), "beyond_random"), 3);
    hs_row_end(page);
}

static void add_table(struct hs_report *report, const json_t *eval) {
    static const char *const columns[] = {"task",
                                          "hurts more than random",
                                          "measure",
                                          "items",
                                          "by chance",
                                          "unmasked",
                                          "chosen heads masked",
                                          "random heads masked",
                                          "change by the chosen heads",
                                          "beyond random heads",
                                          "loss of the answer, beyond random heads",
                                          NULL};
    const json_t *tasks = json_object_get(eval, "tasks"), *task;
    size_t i;
    hs_table_begin(&report->page, "Tasks, with bootstrap intervals that hold 95 %", columns);
    json_array_foreach(tasks, i, task) { add_task(report, eval, task); }
    hs_table_end(&report->page);
}

/* One chart of the change of the loss, one of that of the accuracy: a rise of the one is harm, a fall of the other. */
static void add_chart(struct hs_report *report, const json_t *eval, int number, bool loss) {
    const json_t *tasks = json_object_get(eval, "tasks"), *task;
    json_t *chart = NULL;
    size_t i;
    char id[48];
    snprintf(id, sizeof id, "eval-%d-%s", number, loss ? "loss" : "accuracy");
    json_array_foreach(tasks, i, task) {
        const json_t *effect = loss ? effect_by_loss(task) : by_loss(task) ? NULL : json_object_get(task, "effect");
        if (!json_is_object(effect) || i >= HS_MOST_ROWS) {
            continue;
        }
        if (chart == NULL) {
            chart =
                hs_chart(report, id, "intervals",
                         loss ? "Change of the loss of the right answer (nats a token) by masking: to the right is harm"
                              : "Change of the accuracy by masking: to the left is harm",
                         "Points with 95 % intervals: change of each task when the chosen heads, and when random "
                         "heads are masked");
            hs_chart_set(report, chart, "reference", json_real(0));
        }
        hs_chart_interval(report, chart, hs_word(task, "name"), "chosen heads", json_object_get(effect, "masked"));
        hs_chart_interval(report, chart, hs_word(task, "name"), "random heads", json_object_get(effect, "random"));
    }
}

/* What masking 1, 2, 5 ... % of the heads does. */
static void add_fractions(struct hs_report *report, const json_t *eval, int number, bool loss) {
    const json_t *tasks = json_object_get(eval, "tasks"), *conditions = json_object_get(eval, "conditions");
    const json_t *task, *condition;
    json_t *chart = NULL;
    size_t i, j;
    char id[48];
    snprintf(id, sizeof id, "eval-%d-shares-%s", number, loss ? "loss" : "accuracy");
    json_array_foreach(tasks, i, task) {
        if (i >= HS_MOST_ROWS) {
            break;
        }
        json_array_foreach(conditions, j, condition) {
            const json_t *value = measure(task, hs_word(condition, "name"));
            bool none = strcmp(hs_word(condition, "group"), "unmasked") == 0;
            if (by_loss(task) != loss || value == NULL ||
                !(none || strcmp(hs_word(condition, "group"), "fraction") == 0)) {
                continue;
            }
            if (chart == NULL) {
                chart = hs_chart(report, id, "lines",
                                 loss ? "Loss by the share of heads masked, the highest scores first"
                                      : "Accuracy by the share of heads masked, the highest scores first",
                                 "Lines: each task by the share of heads that is masked");
                hs_chart_set(report, chart, "axis", json_string("share of heads masked, %"));
            }
            hs_chart_xy(report, chart, none ? 0 : 100 * hs_real(condition, "fraction"), hs_word(task, "name"),
                        hs_real(value, "value"));
        }
    }
}

static bool has_fractions(const json_t *eval) {
    const json_t *conditions = json_object_get(eval, "conditions"), *condition;
    size_t i;
    json_array_foreach(conditions, i, condition) {
        if (strcmp(hs_word(condition, "group"), "fraction") == 0) {
            return true;
        }
    }
    return false;
}

/* One of the file's results: a paragraph that says of what it is. */
static void add_intro(struct hs_report *report, const struct hs_result *result) {
    struct hs_page *page = &report->page;
    hs_page_raw(page, "<h3 class=\"name\">");
    hs_page_string(page, result->name);
    hs_page_raw(page, "</h3>\n<p>Model ");
    hs_page_string(page, hs_word(json_object_get(result->value, "model"), "name"));
    hs_page_raw(page, ", mask ");
    hs_page_string(page, hs_word(result->value, "mask"));
    hs_page_raw(page, ". Each condition sees the same items; a task hurts more than random where the interval of the "
                      "difference to the mean of the random draws leaves out 0 on the side of harm.</p>\n");
}

void hs_add_evals(struct hs_report *report) {
    int number = 0;
    for (size_t i = 0; i < report->folder->n_results; i++) {
        const struct hs_result *result = &report->folder->results[i];
        if (strcmp(result->kind, "eval") != 0) {
            continue;
        }
        if (number == 0) {
            hs_section_begin(report, "tasks", "Tasks under the mask");
        }
        add_intro(report, result);
        for (int loss = 0; loss < 2; loss++) {
            add_chart(report, result->value, number, loss != 0);
        }
        add_table(report, result->value);
        for (int loss = 0; has_fractions(result->value) && loss < 2; loss++) {
            add_fractions(report, result->value, number, loss != 0);
        }
        number++;
    }
    if (number > 0) {
        hs_section_end(&report->page);
    }
}
