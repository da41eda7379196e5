/* A page is a buffer with a flag.
 * Whatever goes in behind a failure is lost, and the flag says so. */
#include "base/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

void hs_page_raw(struct hs_page *page, const char *markup) {
    page->failed = !hs_buffer_append(&page->out, markup, strlen(markup)) || page->failed;
}

void hs_page_printf(struct hs_page *page, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    bool room = size >= 0 && hs_buffer_reserve(&page->out, (size_t)size);
    if (room) {
        vsnprintf(page->out.data + page->out.size, (size_t)size + 1, format, again);
        page->out.size += (size_t)size;
    }
    page->failed = !room || page->failed;
    va_end(again);
    va_end(arguments);
}

void hs_page_text(struct hs_page *page, const char *text, size_t size) {
    page->failed = !hs_html_escape(&page->out, text, size) || page->failed;
}

void hs_page_string(struct hs_page *page, const char *text) {
    hs_page_text(page, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}
