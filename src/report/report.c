/* headsift_report: reads a run's folder and writes its page.
 * The page depends on the folder, the options and the model alone: made again, it has the same bytes. */
#include <string.h>

#include "base/file.h"
#include "report/report.h"
#include "select/ranking.h"

static headsift_status make_sections(struct hs_report *report, headsift_model *model, const headsift_monitor *monitor,
                                     headsift_error *error) {
    struct hs_work work;
    if (report->numbers != NULL) {
        bool known = model != NULL && report->folder->heads != NULL;
        if (known) {
            HS_TRY(hs_report_work(model, report->folder->heads, &work, error));
        }
        report->cost = hs_report_cost(report->folder, report->numbers, known ? &work : NULL);
    }
    hs_add_summary(report);
    hs_add_heads(report);
    hs_add_evals(report);
    hs_add_domains(report);
    hs_add_baselines(report);
    hs_add_comparisons(report);
    hs_add_judges(report);
    HS_TRY(hs_add_examples(report, model, monitor, error));
    hs_add_cost(report);
    hs_add_made(report);
    return HEADSIFT_OK;
}

static headsift_status make_page(struct hs_report *report, headsift_model *model, const char *output,
                                 const headsift_monitor *monitor, headsift_error *error) {
    struct hs_page whole = {0};
    HS_TRY(make_sections(report, model, monitor, error));
    headsift_status status = hs_page_whole(report, &whole, error);
    if (status == HEADSIFT_OK) {
        status = hs_file_write(output, whole.out.data, whole.out.size, error);
    }
    hs_buffer_free(&whole.out);
    return status;
}

static headsift_status read_and_make(headsift_model *model, struct hs_report *report,
                                     const struct hs_run_folder *folder, const char *output,
                                     const headsift_monitor *monitor, headsift_error *error) {
    struct hs_numbers numbers = {0};
    if (folder->heads != NULL && model != NULL) {
        HS_TRY(headsift_heads_check(folder->heads, model, monitor, error));
    }
    if (folder->scores != NULL) {
        HS_TRY(hs_numbers_read(folder, report->options, monitor, &numbers, error));
        report->numbers = &numbers;
    }
    headsift_status status = make_page(report, model, output, monitor, error);
    hs_numbers_free(&numbers);
    return status;
}

/* Sorting many rows may spill: into the caller's folder, or into one beside the output, for the time. */
static headsift_status with_room(headsift_model *model, struct hs_report *report, const struct hs_run_folder *folder,
                                 const char *output, const headsift_monitor *monitor, headsift_error *error) {
    headsift_report_options options = *report->options;
    bool needed = folder->scores != NULL && options.temp_dir == NULL && strcmp(output, "-") != 0;
    char *own = needed ? hs_format("%s.spill", output) : NULL;
    if (needed && own == NULL) {
        return hs_fail_memory(error, "a path", strlen(output));
    }
    headsift_status status = HEADSIFT_OK;
    if (own != NULL) {
        hs_spill_remove(own);
        status = hs_make_directory(own, error);
        options.temp_dir = own;
    }
    report->options = &options;
    if (status == HEADSIFT_OK) {
        status = read_and_make(model, report, folder, output, monitor, error);
    }
    if (own != NULL) {
        hs_spill_remove(own);
    }
    hs_free(own);
    return status;
}

headsift_status headsift_report(headsift_model *model, const char *directory, const headsift_report_options *options,
                                const char *output, const headsift_monitor *monitor, headsift_error *error) {
    static const headsift_report_options defaults = {0};
    struct hs_run_folder folder;
    struct hs_report report = {.charts = json_array(), .folder = &folder};
    report.options = options != NULL ? options : &defaults;
    headsift_status status = hs_run_folder_read(directory, monitor, &folder, error);
    if (status == HEADSIFT_OK) {
        status = report.charts != NULL ? with_room(model, &report, &folder, output, monitor, error)
                                       : hs_fail_memory(error, "the charts", 1);
    }
    json_decref(report.charts);
    hs_buffer_free(&report.page.out);
    hs_buffer_free(&report.contents.out);
    hs_run_folder_free(&folder);
    return status;
}
