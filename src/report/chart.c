/* Numbers as people read them, tables, and the figures that page.js fills.
 * What is not a number is a dash. */
#include "report/chart.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

static const char none[] = "\xE2\x80\x93"; /* en dash */

/* ---- Numbers ---- */

void hs_add_count(struct hs_page *page, int64_t count) {
    char digits[32], grouped[48];
    if (count < 0) {
        hs_page_raw(page, "unknown");
        return;
    }
    int n = snprintf(digits, sizeof digits, "%lld", (long long)count), used = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) {
            grouped[used++] = ',';
        }
        grouped[used++] = digits[i];
    }
    grouped[used] = '\0';
    hs_page_raw(page, grouped);
}

void hs_add_number(struct hs_page *page, double value, int decimals) {
    if (isfinite(value) && fabs(value) < 1e15) {
        hs_page_printf(page, "%.*f", decimals, value);
    } else {
        hs_page_raw(page, none);
    }
}

void hs_add_percent(struct hs_page *page, double share) {
    hs_add_number(page, 100 * share, 1);
    hs_page_raw(page, isfinite(share) ? " %" : "");
}

void hs_add_short(struct hs_page *page, double value) {
    if (!isfinite(value)) {
        hs_page_raw(page, none);
    } else if (fabs(value) >= 1000 && fabs(value) < 1e9) {
        hs_add_count(page, (int64_t)floor(value + 0.5));
    } else {
        hs_page_printf(page, "%.3g", value);
    }
}

void hs_add_interval(struct hs_page *page, const json_t *interval, int decimals) {
    double low = hs_real(interval, "low"), high = hs_real(interval, "high");
    hs_add_number(page, hs_real(interval, "value"), decimals);
    if (isfinite(low) && isfinite(high)) {
        hs_page_printf(page, " <span class=\"range\">(%.*f to %.*f)</span>", decimals, low, decimals, high);
    }
}

double hs_real(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

const char *hs_word(const json_t *object, const char *key) {
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL ? value : "";
}

/* ---- Sections and tables ---- */

void hs_section_begin(struct hs_report *report, const char *id, const char *title) {
    struct hs_page *page = &report->page;
    hs_page_printf(&report->contents, "<li><a href=\"#%s\">%s</a></li>", id, title);
    hs_page_printf(page, "<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 id=\"%s-title\">", id, id, id);
    hs_page_string(page, title);
    hs_page_raw(page, "</h2>\n");
}

void hs_section_end(struct hs_page *page) { hs_page_raw(page, "</section>\n"); }

void hs_table_begin(struct hs_page *page, const char *caption, const char *const *columns) {
    hs_page_raw(page, "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"");
    hs_page_string(page, caption);
    hs_page_raw(page, "\"><table><caption>");
    hs_page_string(page, caption);
    hs_page_raw(page, "</caption><thead><tr>");
    for (size_t i = 0; columns[i] != NULL; i++) {
        hs_page_raw(page, "<th scope=\"col\">");
        hs_page_string(page, columns[i]);
        hs_page_raw(page, "</th>");
    }
    hs_page_raw(page, "</tr></thead><tbody>\n");
}

void hs_table_end(struct hs_page *page) { hs_page_raw(page, "</tbody></table></div>\n"); }

bool hs_rows_full(struct hs_page *page, size_t i, size_t n) {
    if (i < HS_MOST_ROWS) {
        return false;
    }
    hs_page_raw(page, "<tr><th scope=\"row\">\xE2\x80\xA6 and ");
    hs_add_count(page, (int64_t)(n - i));
    hs_page_raw(page, " more</th></tr>\n");
    return true;
}

/* The bytes of a name that are shown: whole characters. */
static size_t shown_of(const char *name, size_t size) {
    size_t shown = size <= HS_MOST_NAME ? size : HS_MOST_NAME;
    while (shown < size && shown > HS_MOST_NAME - 4 && ((unsigned char)name[shown] & 0xC0) == 0x80) {
        shown--;
    }
    return shown;
}

void hs_add_name(struct hs_page *page, const char *name, size_t size) {
    size_t shown = shown_of(name, size);
    hs_page_text(page, name, shown);
    hs_page_raw(page, shown < size ? "\xE2\x80\xA6" : "");
}

void hs_row_begin(struct hs_page *page, const char *name, size_t size) {
    hs_page_raw(page, "<tr><th scope=\"row\">");
    hs_add_name(page, name, size);
    hs_page_raw(page, "</th>");
}

void hs_row_end(struct hs_page *page) { hs_page_raw(page, "</tr>\n"); }

void hs_cell_number(struct hs_page *page, double value, int decimals) {
    hs_page_raw(page, "<td>");
    hs_add_number(page, value, decimals);
    hs_page_raw(page, "</td>");
}

void hs_cell_count(struct hs_page *page, int64_t count) {
    hs_page_raw(page, "<td>");
    hs_add_count(page, count);
    hs_page_raw(page, "</td>");
}

void hs_cell_percent(struct hs_page *page, double share) {
    hs_page_raw(page, "<td>");
    hs_add_percent(page, share);
    hs_page_raw(page, "</td>");
}

void hs_cell_interval(struct hs_page *page, const json_t *interval, int decimals) {
    hs_page_raw(page, "<td>");
    hs_add_interval(page, interval, decimals);
    hs_page_raw(page, "</td>");
}

void hs_cell_string(struct hs_page *page, const char *text) {
    hs_page_raw(page, "<td>");
    hs_page_string(page, text);
    hs_page_raw(page, "</td>");
}

/* ---- Charts ---- */

void hs_chart_set(struct hs_report *report, json_t *object, const char *key, json_t *value) {
    report->page.failed = json_object_set_new(object, key, value) != 0 || report->page.failed;
}

json_t *hs_chart_text(const char *text, size_t size) {
    size = shown_of(text, size);
    if (hs_utf8_check(text, size) == size) {
        return json_stringn(text, size);
    }
    char line[512];
    hs_escape_line(text, size, line, sizeof line);
    return json_string(line);
}

json_t *hs_chart(struct hs_report *report, const char *id, const char *kind, const char *title,
                 const char *description) {
    struct hs_page *page = &report->page;
    hs_page_printf(page, "<figure class=\"%s\"><figcaption>", kind);
    hs_page_string(page, title);
    hs_page_printf(page, "</figcaption><div class=\"plot\" id=\"plot-%s\"></div></figure>\n", id);
    json_t *chart = json_object();
    hs_chart_set(report, chart, "id", json_string(id));
    hs_chart_set(report, chart, "kind", json_string(kind));
    hs_chart_set(report, chart, "title", hs_chart_text(title, strlen(title)));
    hs_chart_set(report, chart, "description", json_string(description));
    hs_chart_set(report, chart, "rows", json_array());
    bool added = json_array_append_new(report->charts, chart) == 0;
    page->failed = !added || page->failed;
    return added ? chart : NULL;
}

static json_t *real(double value) { return isfinite(value) ? json_real(value) : json_null(); }

void hs_chart_point(struct hs_report *report, json_t *chart, const char *row, const char *series, double value,
                    double low, double high) {
    json_t *point = json_object();
    hs_chart_set(report, point, "row", hs_chart_text(row, strlen(row)));
    hs_chart_set(report, point, "series", hs_chart_text(series, strlen(series)));
    hs_chart_set(report, point, "value", real(value));
    hs_chart_set(report, point, "low", real(low));
    hs_chart_set(report, point, "high", real(high));
    report->page.failed = json_array_append_new(json_object_get(chart, "rows"), point) != 0 || report->page.failed;
}

void hs_chart_interval(struct hs_report *report, json_t *chart, const char *row, const char *series,
                       const json_t *interval) {
    hs_chart_point(report, chart, row, series, hs_real(interval, "value"), hs_real(interval, "low"),
                   hs_real(interval, "high"));
}

void hs_chart_xy(struct hs_report *report, json_t *chart, double x, const char *series, double value) {
    json_t *point = json_object();
    hs_chart_set(report, point, "x", real(x));
    hs_chart_set(report, point, "series", hs_chart_text(series, strlen(series)));
    hs_chart_set(report, point, "value", real(value));
    report->page.failed = json_array_append_new(json_object_get(chart, "rows"), point) != 0 || report->page.failed;
}
