/* page_picture PAGE PICTURE WIDTH [light|dark [SELECTOR [HEIGHT]]]: a page in Chromium as a PNG: all of it, or from the
 * top of the first element that the selector finds. Made docs/report.png. */
#define _GNU_SOURCE
#include "e2e/chromium.h"

#include <string.h>
#include <unistd.h>

static void take(const char *picture, const char *selector, int height) {
    char expression[512];
    snprintf(expression, sizeof expression, "document.querySelector('%s').getBoundingClientRect().top + scrollY",
             selector);
    double all = chromium_number("document.documentElement.scrollHeight");
    chromium_resize((int)chromium_number("innerWidth"), (int)all); /* what is beyond the window may not be painted */
    double top = selector[0] != '\0' ? chromium_number(expression) : 0;
    chromium_picture_of(picture, top, chromium_number("innerWidth"), height > 0 ? height : all - top);
}

int main(int argc, char **argv) {
    char profile[] = "/tmp/page_picture.XXXXXX", page[4096], command[128];
    if (argc < 4 || realpath(argv[1], page) == NULL || mkdtemp(profile) == NULL) {
        fprintf(stderr, "usage: page_picture PAGE PICTURE WIDTH [light|dark [SELECTOR [HEIGHT]]]\n");
        return 2;
    }
    chromium_start(profile);
    chromium_scheme(argc > 4 ? argv[4] : "light");
    chromium_open(page, atoi(argv[3]), 900);
    take(argv[2], argc > 5 ? argv[5] : "", argc > 6 ? atoi(argv[6]) : 0);
    chromium_stop();
    snprintf(command, sizeof command, "rm -rf '%s'", profile);
    return system(command) == 0 ? 0 : 1;
}
