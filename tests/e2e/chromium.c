/* The DevTools protocol over file descriptors 3 and 4: JSON objects with a NUL behind each.
 * Answers are waited for in turn; events that come meanwhile are looked at for what should not happen. */
#define _GNU_SOURCE
#include "chromium.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

enum { WAIT_MS = 60000, MOST_ARGUMENTS = 16 };

static pid_t child;
static int to_child = -1, from_child = -1;
static struct hs_buffer incoming, problems;
static char session[128], page_url[2048];
static int last_id;

/* ---- The process ---- */

bool chromium_there(void) { return access("/usr/bin/chromium", X_OK) == 0; }

static void become_chromium(const char *profile, int commands, int answers) {
    char home[1100], data[1100];
    snprintf(home, sizeof home, "%s/home", profile);
    snprintf(data, sizeof data, "--user-data-dir=%s/data", profile);
    const char *arguments[MOST_ARGUMENTS] = {"chromium",
                                             "--headless=new",
                                             "--remote-debugging-pipe",
                                             data,
                                             "--disable-gpu",
                                             "--disable-background-networking",
                                             "--disable-component-update",
                                             "--disable-crash-reporter",
                                             "--no-first-run",
                                             "--hide-scrollbars",
                                             "--force-device-scale-factor=1",
                                             "about:blank"};
    size_t n = 0;
    while (arguments[n] != NULL) {
        n++;
    }
    arguments[n] = geteuid() == 0 ? "--no-sandbox" : NULL;
    setenv("HOME", home, 1);
    unsetenv("DBUS_SESSION_BUS_ADDRESS");
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int quiet = open("/dev/null", O_RDWR);
    dup2(quiet, 0);
    dup2(quiet, 1);
    dup2(quiet, 2);
    dup2(commands, 3); /* both are above 9: see chromium_start */
    dup2(answers, 4);
    execv("/usr/bin/chromium", (char *const *)(uintptr_t)arguments);
    _exit(127);
}

void chromium_stop(void) {
    if (child > 0) {
        close(to_child);
        close(from_child);
        kill(-child, SIGKILL);
        waitpid(child, NULL, 0);
        child = 0;
    }
    hs_buffer_free(&incoming);
    hs_buffer_free(&problems);
}

static json_t *call(const char *method, json_t *params, bool in_page);

/* The first page: a target of its own, and a session with it. */
static void open_target(void) {
    json_t *target = call("Target.createTarget", json_pack("{s:s}", "url", "about:blank"), false);
    const char *id = json_string_value(json_object_get(target, "targetId"));
    json_t *attached = call("Target.attachToTarget", json_pack("{s:s, s:b}", "targetId", id, "flatten", 1), false);
    snprintf(session, sizeof session, "%s", json_string_value(json_object_get(attached, "sessionId")));
    json_decref(target);
    json_decref(attached);
    static const char *const domains[] = {"Page.enable", "Runtime.enable", "Log.enable", "Network.enable"};
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
        json_decref(call(domains[i], NULL, true));
    }
}

static int above_nine(int fd) {
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    close(fd);
    return moved;
}

void chromium_start(const char *profile) {
    int commands[2], answers[2];
    char folder[1100];
    snprintf(folder, sizeof folder, "mkdir -p '%s/home' '%s/data'", profile, profile);
    assert_int_equal(system(folder), 0);
    assert_int_equal(pipe(commands), 0);
    assert_int_equal(pipe(answers), 0);
    for (int i = 0; i < 2; i++) {
        commands[i] = above_nine(commands[i]);
        answers[i] = above_nine(answers[i]);
    }
    child = fork();
    if (child == 0) {
        become_chromium(profile, commands[0], answers[1]);
    }
    assert_true(child > 0);
    close(commands[0]);
    close(answers[1]);
    to_child = commands[1];
    from_child = answers[0];
    static bool registered;
    if (!registered) {
        registered = true;
        atexit(chromium_stop);
    }
    signal(SIGPIPE, SIG_IGN);
    open_target();
}

/* ---- Messages ---- */

static void send_message(const json_t *message) {
    char *text = json_dumps(message, JSON_COMPACT);
    size_t size = strlen(text) + 1;
    for (size_t at = 0; at < size;) {
        ssize_t n = write(to_child, text + at, size - at);
        if (n <= 0) {
            fail_msg("chromium takes no commands: %s", strerror(errno));
        }
        at += (size_t)n;
    }
    free(text);
}

/* The next message, or a failed test. */
static json_t *next_message(void) {
    char *end;
    while (incoming.size == 0 || (end = memchr(incoming.data, '\0', incoming.size)) == NULL) {
        struct pollfd wait = {.fd = from_child, .events = POLLIN};
        char piece[65536];
        ssize_t n = poll(&wait, 1, WAIT_MS) == 1 ? read(from_child, piece, sizeof piece) : -1;
        if (n <= 0) {
            fail_msg("chromium says nothing any more");
        }
        assert_true(hs_buffer_append(&incoming, piece, (size_t)n));
    }
    size_t size = (size_t)(end - incoming.data);
    json_t *message = json_loadb(incoming.data, size, JSON_ALLOW_NUL, NULL);
    assert_non_null(message);
    memmove(incoming.data, end + 1, incoming.size - size - 1);
    incoming.size -= size + 1;
    return message;
}

static void note(const char *what, const json_t *params) {
    char *text = json_dumps(params, JSON_COMPACT);
    hs_buffer_printf(&problems, "%s: %.600s\n", what, text != NULL ? text : "");
    free(text);
}

static void look_at_event(const json_t *message) {
    const char *method = json_string_value(json_object_get(message, "method"));
    const json_t *params = json_object_get(message, "params");
    const json_t *entry = json_object_get(params, "entry"), *request = json_object_get(params, "request");
    const char *level = json_string_value(json_object_get(entry, "level"));
    const char *type = json_string_value(json_object_get(params, "type"));
    const char *url = json_string_value(json_object_get(request, "url"));
    if (strcmp(method, "Runtime.exceptionThrown") == 0) {
        note("exception", params);
    } else if (strcmp(method, "Runtime.consoleAPICalled") == 0 && type != NULL &&
               (strcmp(type, "error") == 0 || strcmp(type, "warning") == 0 || strcmp(type, "assert") == 0)) {
        note("console", params);
    } else if (strcmp(method, "Log.entryAdded") == 0 && level != NULL && strcmp(level, "verbose") != 0) {
        note("log", params);
    } else if (strcmp(method, "Network.requestWillBeSent") == 0 && url != NULL && strcmp(url, page_url) != 0) {
        note("request", request);
    } else if (strcmp(method, "Page.javascriptDialogOpening") == 0) {
        note("dialog", params); /* alert(): text became a script */
        send_message(json_pack("{s:i, s:s, s:{s:b}, s:s}", "id", ++last_id, "method", "Page.handleJavaScriptDialog",
                               "params", "accept", 1, "sessionId", session));
    }
}

static json_t *call(const char *method, json_t *params, bool in_page) {
    json_t *message = json_pack("{s:i, s:s}", "id", ++last_id, "method", method);
    int id = last_id;
    if (params != NULL) {
        json_object_set_new(message, "params", params);
    }
    if (in_page) {
        json_object_set_new(message, "sessionId", json_string(session));
    }
    send_message(message);
    json_decref(message);
    for (;;) {
        json_t *answer = next_message();
        const json_t *number = json_object_get(answer, "id"), *error = json_object_get(answer, "error");
        if (number == NULL) {
            look_at_event(answer);
        } else if (json_integer_value(number) == id) {
            if (error != NULL) {
                fail_msg("%s: %s", method, json_string_value(json_object_get(error, "message")));
            }
            json_t *result = json_incref(json_object_get(answer, "result"));
            json_decref(answer);
            return result;
        }
        json_decref(answer);
    }
}

json_t *chromium_call(const char *method, json_t *params) { return call(method, params, true); }

/* ---- The page ---- */

json_t *chromium_value(const char *expression) {
    json_t *result =
        chromium_call("Runtime.evaluate", json_pack("{s:s, s:b, s:b, s:b}", "expression", expression, "returnByValue",
                                                    1, "awaitPromise", 1, "allowUnsafeEvalBlockedByCSP", 0));
    if (json_object_get(result, "exceptionDetails") != NULL) {
        char *text = json_dumps(json_object_get(result, "exceptionDetails"), JSON_COMPACT);
        fail_msg("%s: %s", expression, text);
    }
    json_t *value = json_incref(json_object_get(json_object_get(result, "result"), "value"));
    json_decref(result);
    return value;
}

double chromium_number(const char *expression) {
    json_t *value = chromium_value(expression);
    if (!json_is_number(value)) {
        fail_msg("%s is not a number", expression);
    }
    double number = json_number_value(value);
    json_decref(value);
    return number;
}

const char *chromium_text(const char *expression) {
    static char text[65536];
    json_t *value = chromium_value(expression);
    const char *string = json_string_value(value);
    if (string == NULL) {
        fail_msg("%s is not a string", expression);
    }
    snprintf(text, sizeof text, "%s", string);
    json_decref(value);
    return text;
}

void chromium_resize(int width, int height) {
    json_decref(
        chromium_call("Emulation.setDeviceMetricsOverride", json_pack("{s:i, s:i, s:i, s:b}", "width", width, "height",
                                                                      height, "deviceScaleFactor", 1, "mobile", 0)));
    json_decref(chromium_value("new Promise(function (done) { setTimeout(function () { done(true); }, 50); })"));
}

void chromium_open(const char *path, int width, int height) {
    problems.size = 0;
    chromium_resize(width, height);
    snprintf(page_url, sizeof page_url, "file://%s", path);
    json_t *answer = chromium_call("Page.navigate", json_pack("{s:s}", "url", page_url));
    assert_null(json_object_get(answer, "errorText"));
    json_decref(answer);
    json_decref(chromium_value(
        "new Promise(function (done, failed) { var tries = 0; (function look() {"
        "if (document.documentElement && document.documentElement.dataset.drawn && location.protocol === 'file:') "
        "{ done(true); } else if (++tries > 1000) { failed(new Error('nothing is drawn')); } "
        "else { setTimeout(look, 20); } })(); })"));
}

void chromium_press(const char *key, int code) {
    static const char *const types[] = {"keyDown", "keyUp"};
    for (int i = 0; i < 2; i++) {
        json_decref(
            chromium_call("Input.dispatchKeyEvent", json_pack("{s:s, s:s, s:s, s:i}", "type", types[i], "key", key,
                                                              "code", key, "windowsVirtualKeyCode", code)));
    }
}

static unsigned char_value(char digit) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = strchr(digits, digit);
    return at != NULL && digit != '\0' ? (unsigned)(at - digits) : 0;
}

void chromium_scheme(const char *scheme) {
    json_decref(chromium_call("Emulation.setEmulatedMedia", json_pack("{s:[{s:s, s:s}]}", "features", "name",
                                                                      "prefers-color-scheme", "value", scheme)));
}

void chromium_picture_of(const char *path, double top, double width, double height) {
    json_t *clip =
        json_pack("{s:f, s:f, s:f, s:f, s:f}", "x", 0.0, "y", top, "width", width, "height", height, "scale", 1.0);
    json_t *answer = chromium_call("Page.captureScreenshot", json_pack("{s:s, s:b, s:o}", "format", "png",
                                                                       "captureBeyondViewport", 1, "clip", clip));
    const char *text = json_string_value(json_object_get(answer, "data"));
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (; text[0] != '\0'; text += 4) {
        unsigned group =
            char_value(text[0]) << 18 | char_value(text[1]) << 12 | char_value(text[2]) << 6 | char_value(text[3]);
        unsigned char bytes[] = {(unsigned char)(group >> 16), (unsigned char)(group >> 8), (unsigned char)group};
        fwrite(bytes, 1, text[2] == '=' ? 1 : text[3] == '=' ? 2 : 3, file);
    }
    fclose(file);
    json_decref(answer);
}

const char *chromium_problems(void) {
    json_decref(chromium_value("new Promise(function (done) { setTimeout(function () { done(true); }, 50); })"));
    return problems.size > 0 ? problems.data : "";
}
