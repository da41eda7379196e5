/* What sections are made of: headings, tables, numbers for people, and charts.
 * A chart is an empty figure in the page and an object of data, which page.js draws. */
#ifndef HS_REPORT_CHART_H
#define HS_REPORT_CHART_H

#include "report/report.h"

/** "70,377"; "unknown" for a negative one. */
void hs_add_count(struct hs_page *page, int64_t count);
/** A number with so many decimals, or a dash where it is none. */
void hs_add_number(struct hs_page *page, double value, int decimals);
void hs_add_percent(struct hs_page *page, double share); /**< "19.7 %" */
/** "0.31 (0.25 to 0.38)" of an object with value, low and high. */
void hs_add_interval(struct hs_page *page, const json_t *interval, int decimals);
/** A number that people can read whatever its size: "1.23e+15", "0.0012", "12.3". */
void hs_add_short(struct hs_page *page, double value);

/** Begins a section, and adds it to the page's contents. */
void hs_section_begin(struct hs_report *report, const char *id, const char *title);
void hs_section_end(struct hs_page *page);

/** A table that scrolls by itself where the page is narrow. The caption is escaped.
 *  @param columns up to a NULL; the first is the one of the rows' names. */
void hs_table_begin(struct hs_page *page, const char *caption, const char *const *columns);
void hs_table_end(struct hs_page *page);
enum { HS_MOST_ROWS = 300, HS_MOST_NAME = 200 };
/** Whether a table of n rows has as many as are shown; says how many more there are. @param i rows so far */
bool hs_rows_full(struct hs_page *page, size_t i, size_t n);
/** Escaped text of at most HS_MOST_NAME bytes, whole characters. */
void hs_add_name(struct hs_page *page, const char *name, size_t size);
void hs_row_begin(struct hs_page *page, const char *name, size_t size); /**< with its first cell, a header */
void hs_row_end(struct hs_page *page);
void hs_cell_number(struct hs_page *page, double value, int decimals);
void hs_cell_count(struct hs_page *page, int64_t count);
void hs_cell_percent(struct hs_page *page, double share);
void hs_cell_interval(struct hs_page *page, const json_t *interval, int decimals);
void hs_cell_string(struct hs_page *page, const char *text);

/** Adds a figure, and its object with id, kind, title and description. @return the object, of report->charts; NULL
 *  without memory (page.failed). */
json_t *hs_chart(struct hs_report *report, const char *id, const char *kind, const char *title,
                 const char *description);
/** Sets a member; takes `value` over, also on failure. NULL objects and values are a failure. */
void hs_chart_set(struct hs_report *report, json_t *object, const char *key, json_t *value);
/** Adds a row to a chart of kind "intervals": a point with its interval (NaN: none). Names need not be UTF-8. */
void hs_chart_point(struct hs_report *report, json_t *chart, const char *row, const char *series, double value,
                    double low, double high);
void hs_chart_interval(struct hs_report *report, json_t *chart, const char *row, const char *series,
                       const json_t *interval);
/** Adds a row to a chart of kind "lines". */
void hs_chart_xy(struct hs_report *report, json_t *chart, double x, const char *series, double value);
/** A string of at most HS_MOST_NAME bytes; bytes that are no UTF-8 are escaped. */
json_t *hs_chart_text(const char *text, size_t size);

/** A member that is a number, else NaN; a string, else "". */
double hs_real(const json_t *object, const char *key);
const char *hs_word(const json_t *object, const char *key);

#endif
