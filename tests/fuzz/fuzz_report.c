/* Fuzzes the sections of the report: any JSON as a result of any kind, and as score.json, run.json and manifest.json.
 * What comes out opens no element that is not ours, shows no control character, and its data can stand in a script
 * element. */
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool holds(const struct hs_buffer *text, const char *part) {
    return text->data != NULL && strstr(text->data, part) != NULL;
}

static void check_page(const struct hs_report *report) {
    const struct hs_buffer *page = &report->page.out;
    struct hs_buffer json = {0};
    for (size_t i = 0; i < page->size; i++) {
        unsigned char byte = (unsigned char)page->data[i];
        if ((byte < ' ' && byte != '\n' && byte != '\t') || byte == 0x7F) {
            abort();
        }
    }
    static const char *const foreign[] = {"<script", "<img", "<!--", "onerror=\"", "<svg", "<a "};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (holds(page, foreign[i])) {
            abort();
        }
    }
    if (report->page.failed || !hs_page_json(&json, report->charts) || holds(&json, "<") || holds(&json, "&")) {
        abort();
    }
    hs_buffer_free(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *value = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
    const char *kind = hs_result_kind(value);
    char name[] = "name.json";
    struct hs_result result = {name, kind != NULL ? kind : "", value};
    const struct hs_run_folder folder = {.heads_json = value,
                                         .score = value,
                                         .manifest = value,
                                         .run = value,
                                         .results = &result,
                                         .n_results = kind != NULL ? 1 : 0};
    const headsift_report_options options = {0};
    struct hs_report report = {.charts = json_array(), .folder = &folder, .options = &options};
    if (value == NULL || report.charts == NULL) {
        json_decref(value);
        json_decref(report.charts);
        return 0;
    }
    hs_add_summary(&report);
    hs_add_evals(&report);
    hs_add_baselines(&report);
    hs_add_comparisons(&report);
    hs_add_judges(&report);
    hs_add_made(&report);
    check_page(&report);
    hs_buffer_free(&report.page.out);
    hs_buffer_free(&report.contents.out);
    json_decref(report.charts);
    json_decref(value);
    return 0;
}
