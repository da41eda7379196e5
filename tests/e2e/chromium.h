/* A real Chromium without a window, driven over a pipe by its DevTools protocol: one page at a time.
 * Everything that the page complains of, and every request beyond the page itself, is kept. */
#ifndef HS_TESTS_CHROMIUM_H
#define HS_TESTS_CHROMIUM_H

#include "support.h"

#include <jansson.h>
#include <stdbool.h>

/** Whether chromium is installed here. */
bool chromium_there(void);
/** Starts it with a profile in this folder. The process dies with the test, whatever becomes of that. */
void chromium_start(const char *profile);
void chromium_stop(void);

/** Opens a file as a page and waits until its charts are drawn (data-drawn on the root element). */
void chromium_open(const char *path, int width, int height);
void chromium_resize(int width, int height);
/** Calls a method on the page; the result is the caller's: json_decref. Fails the test on an error. @param params taken
 *  over; NULL: none */
json_t *chromium_call(const char *method, json_t *params);
/** The value of an expression, which may be a promise; the caller's. Fails the test when it throws. */
json_t *chromium_value(const char *expression);
double chromium_number(const char *expression);
/** Valid until the next call. */
const char *chromium_text(const char *expression);
/** Presses and releases a key: "Tab", "Enter". */
void chromium_press(const char *key, int code);
/** The reader prefers "light" or "dark"; "": as Chromium is. */
void chromium_scheme(const char *scheme);
/** A part of the page as a PNG. */
void chromium_picture_of(const char *path, double top, double width, double height);

/** What went wrong in the page since it was opened: exceptions, console errors, violations of its policy, requests; one
 * a line, "" if nothing did. */
const char *chromium_problems(void);

#endif
