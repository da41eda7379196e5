/* Counts, spans and times as people read them, and times of the clock as files hold them.
 * One spelling for progress lines, reports and logs. */
#ifndef HS_BASE_HUMAN_H
#define HS_BASE_HUMAN_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum { HS_STAMP = 21 }; /**< "2026-01-31T23:59:59Z" and a NUL */

void hs_human_count(double count, char *out, size_t size);  /**< "850", "84.2k", "1.2M", "3.4G", "5.0T" */
void hs_human_time(double seconds, char *out, size_t size); /**< "42s", "7m03s", "3h12m", "4d07h" */

void hs_stamp_write(time_t time, char out[HS_STAMP]);
bool hs_stamp_read(const char *text, time_t *out); /**< false: not such a time, whole and in range */

#endif
