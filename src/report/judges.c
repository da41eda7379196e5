/* Answers of people or models who judged documents from the top, from all and from the bottom of the ranking.
 * Results of kind "judges". */
#include <string.h>

#include "report/chart.h"

static void add_question(struct hs_report *report, const json_t *value, const json_t *question, const char *id) {
    static const char *const columns[] = {"domain", "documents from", "documents", "mean answer", NULL};
    const json_t *groups = json_object_get(value, "groups"), *group;
    const char *name = hs_word(question, "name");
    struct hs_page *page = &report->page;
    char title[200];
    size_t i;
    snprintf(title, sizeof title, "%.80s, from %g to %g", name, hs_real(question, "low"), hs_real(question, "high"));
    json_t *chart = hs_chart(report, id, "intervals", title, "Points with 95 % intervals: mean answer of each group");
    hs_table_begin(page, title, columns);
    json_array_foreach(groups, i, group) {
        if (hs_rows_full(page, i, json_array_size(groups))) {
            break;
        }
        const json_t *answer = json_object_get(json_object_get(group, "answers"), name);
        const char *domain = hs_word(group, "domain");
        domain = domain[0] != '\0' ? domain : "all";
        hs_row_begin(page, domain, strlen(domain));
        hs_cell_string(page, hs_word(group, "group"));
        hs_cell_count(page, json_integer_value(json_object_get(group, "documents")));
        hs_cell_interval(page, answer, 2);
        hs_row_end(page);
        hs_chart_interval(report, chart, domain, hs_word(group, "group"), answer);
    }
    hs_table_end(page);
}

void hs_add_judges(struct hs_report *report) {
    int number = 0;
    for (size_t i = 0; i < report->folder->n_results; i++) {
        const struct hs_result *result = &report->folder->results[i];
        const json_t *questions = json_object_get(result->value, "questions"), *question;
        size_t q;
        if (strcmp(result->kind, "judges") != 0) {
            continue;
        }
        if (number == 0) {
            hs_section_begin(report, "judges", "Judges");
        }
        hs_page_raw(&report->page, "<h3 class=\"name\">");
        hs_page_string(&report->page, result->name);
        hs_page_raw(&report->page, "</h3>\n");
        json_array_foreach(questions, q, question) {
            char id[48];
            snprintf(id, sizeof id, "judges-%d", number++);
            add_question(report, result->value, question, id);
        }
    }
    if (number > 0) {
        hs_section_end(&report->page);
    }
}
