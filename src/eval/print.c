/* Results as a table for people, and in words where masking the chosen heads does no more than masking random ones.
 * Names of others are escaped to one line. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "eval/results.h"
#include "influence/scoring.h"

enum { CELL = 40 };

static const struct hs_interval *figure(const struct hs_figures *figures, size_t condition, enum hs_metric metric) {
    return &figures->values[condition * HS_METRICS + (size_t)metric];
}

static void spell_interval(const struct hs_interval *interval, char out[CELL]) {
    snprintf(out, CELL, "%.3f (%.3f to %.3f)", interval->value, interval->low, interval->high);
}

/* Mean of the draws, with the lowest and the highest of them. */
static void spell_draws(const struct hs_figures *figures, size_t n_draws, enum hs_metric metric, char out[CELL]) {
    double sum = 0, low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < n_draws; i++) {
        double value = figure(figures, 2 + i, metric)->value;
        sum += value;
        low = fmin(low, value);
        high = fmax(high, value);
    }
    if (n_draws == 0) {
        snprintf(out, CELL, "-");
        return;
    }
    snprintf(out, CELL, "%.3f (%.3f to %.3f)", sum / (double)n_draws, low, high);
}

static void print_row(const char *name, const struct hs_figures *figures, const struct hs_results *results,
                      const struct hs_task_result *task, enum hs_metric metric, FILE *out) {
    char unmasked[CELL], masked[CELL], random[CELL], chance[16] = "-";
    bool by_chance = metric != HS_LOSS && isfinite(task->chance);
    spell_interval(figure(figures, 0, metric), unmasked);
    spell_interval(figure(figures, 1, metric), masked);
    spell_draws(figures, results->conditions->n_draws, metric, random);
    if (by_chance) {
        snprintf(chance, sizeof chance, "%.3f", task->chance);
    }
    fprintf(out, "%-20s %6zu  %-13s %6s  %-24s %-24s %s\n", name, figures->items, hs_metric_names[metric], chance,
            unmasked, masked, random);
}

static void print_task(const struct hs_results *results, const struct hs_task_result *task, FILE *out) {
    char name[64];
    hs_escape_line(task->name, strlen(task->name), name, sizeof name);
    for (int metric = 0; metric < HS_METRICS; metric++) {
        if (task->has[metric]) {
            print_row(name, &task->all, results, task, (enum hs_metric)metric, out);
        }
    }
    for (size_t i = 0; i < task->n_groups; i++) {
        char group[48], indented[64];
        hs_escape_line(task->groups[i].group, task->groups[i].group_size, group, sizeof group);
        snprintf(indented, sizeof indented, "  %s", group);
        print_row(indented, &task->groups[i], results, task, task->primary, out);
    }
}

static void print_shares(const struct hs_results *results, FILE *out) {
    const struct hs_conditions *conditions = results->conditions;
    size_t first = 2 + conditions->n_draws;
    if (first >= conditions->n) {
        return;
    }
    fprintf(out, "\nBest heads by score masked, as a share of all:\n%-20s %-13s %8s", "task", "metric", "none");
    for (size_t i = first; i < conditions->n; i++) {
        fprintf(out, " %8.3g", conditions->all[i].fraction);
    }
    fputc('\n', out);
    for (size_t t = 0; t < results->n_tasks; t++) {
        const struct hs_task_result *task = &results->tasks[t];
        char name[64];
        hs_escape_line(task->name, strlen(task->name), name, sizeof name);
        for (int metric = 0; metric < HS_METRICS; metric++) {
            if (!task->has[metric]) {
                continue;
            }
            fprintf(out, "%-20s %-13s %8.3f", name, hs_metric_names[metric],
                    figure(&task->all, 0, (enum hs_metric)metric)->value);
            for (size_t i = first; i < conditions->n; i++) {
                fprintf(out, " %8.3f", figure(&task->all, i, (enum hs_metric)metric)->value);
            }
            fputc('\n', out);
        }
    }
}

static void print_difference(const struct hs_results *results, const char *name, const struct hs_difference *difference,
                             FILE *out) {
    const char *metric = hs_metric_names[difference->metric];
    char beyond[CELL];
    if (results->conditions->n_draws == 0) {
        return;
    }
    const struct hs_interval *by = &difference->beyond;
    struct hs_interval less = {-by->value, -by->high, -by->low};
    spell_interval(difference->hurts && difference->metric != HS_LOSS ? &less : by, beyond);
    if (difference->hurts) {
        fprintf(out, "%s: with the %zu chosen heads masked, %s is %s by %s than with random others\n", name,
                results->n_heads, metric, difference->metric == HS_LOSS ? "higher" : "lower", beyond);
    } else {
        fprintf(out, "%s: the %zu chosen heads do NOT hurt %s more than random ones: difference %s\n", name,
                results->n_heads, metric, beyond);
    }
}

static void print_words(const struct hs_results *results, FILE *out) {
    fputc('\n', out);
    for (size_t i = 0; i < results->n_tasks; i++) {
        const struct hs_task_result *task = &results->tasks[i];
        char name[64];
        hs_escape_line(task->name, strlen(task->name), name, sizeof name);
        print_difference(results, name, &task->primary_effect, out);
        if (task->primary != HS_LOSS) {
            print_difference(results, name, &task->loss_effect, out);
        }
        if (task->cut > 0) {
            fprintf(out, "%s: %zu of %zu items are too long for the model's context and lost their beginning\n", name,
                    task->cut, task->all.items);
        }
    }
}

headsift_status hs_results_print(const struct hs_results *results, FILE *out, headsift_error *error) {
    const struct hs_conditions *conditions = results->conditions;
    fprintf(out,
            "%zu of %d heads masked (%s); random: %zu draws of as many others, mean (lowest to highest); else 95 %% "
            "intervals\n%-20s %6s  %-13s %6s  %-24s %-24s %s\n",
            results->n_heads, conditions->n_layer * conditions->n_head, hs_mask_name(results->options->mask),
            conditions->n_draws, "task", "items", "metric", "chance", "unmasked", "masked", "random");
    for (size_t i = 0; i < results->n_tasks; i++) {
        print_task(results, &results->tasks[i], out);
    }
    print_shares(results, out);
    print_words(results, out);
    return ferror(out) == 0 ? HEADSIFT_OK : hs_fail_errno(error, errno, "can't write the table");
}
