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
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    bool fits = size >= 0 && (size_t)size < sizeof line;
    page->failed = !(fits && hs_buffer_append(&page->out, line, (size_t)size)) || page->failed;
}

void hs_page_text(struct hs_page *page, const char *text, size_t size) {
    page->failed = !hs_html_escape(&page->out, text, size) || page->failed;
}

void hs_page_string(struct hs_page *page, const char *text) {
    hs_page_text(page, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}
