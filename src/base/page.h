/* A page being written: markup of ours as it is, text of others escaped.
 * Want of memory is remembered, so that it is asked about once, at the end. */
#ifndef HS_BASE_PAGE_H
#define HS_BASE_PAGE_H

#include "base/memory.h"

/** Zero-initialise; hs_buffer_free(&page.out). */
struct hs_page {
    struct hs_buffer out;
    bool failed; /**< there was no memory for some of it */
};

void hs_page_raw(struct hs_page *page, const char *markup);
/** For numbers, and words of ours. */
void hs_page_printf(struct hs_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
void hs_page_text(struct hs_page *page, const char *text, size_t size); /**< escaped: hs_html_escape */
void hs_page_string(struct hs_page *page, const char *text);            /**< the same; NULL is "" */

#endif
