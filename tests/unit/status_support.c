/* See status_support.h.
 * Files are written plainly: what is torn here is torn on purpose. */
#define _GNU_SOURCE
#include "status_support.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/human.h"
#include "base/text.h"

static char folder[512];

void status_folder(const char *name) {
    char line[1200];
    test_scratch(folder, sizeof folder, name);
    snprintf(line, sizeof line, "rm -rf '%s' && mkdir -p '%s'", folder, folder);
    assert_int_equal(system(line), 0);
}

const char *status_path(const char *name) {
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_text(const char *name, const char *text, size_t size) {
    char path[1024];
    snprintf(path, sizeof path, "%s", status_path(name));
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(hs_make_directory(path, NULL), HEADSIFT_OK);
    FILE *file = fopen(status_path(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void put(const char *name, const char *format, ...) {
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    write_text(name, text, (size_t)size);
    free(text);
}

void put_settings(int n, long long limit) {
    struct hs_buffer text = {0};
    hs_buffer_printf(&text, "{\"version\":\"0\",\"limit\":%lld,\"inputs\":[", limit);
    for (int i = 0; i < n; i++) {
        hs_buffer_printf(&text, "%s{\"path\":\"%d.jsonl\"}", i > 0 ? "," : "", i);
    }
    hs_buffer_printf(&text, "]}");
    write_text("score.json", text.data, text.size);
    hs_buffer_free(&text);
}

void put_index(int input, int n, int rows, int weight) {
    struct hs_buffer text = {0};
    char name[64];
    hs_buffer_printf(&text, "{\"path\":\"x\",\"units\":[");
    for (int i = 0; i < n; i++) {
        hs_buffer_printf(&text, "%s[%d,%d,%d,0,0]", i > 0 ? "," : "", i * rows, rows, weight);
    }
    hs_buffer_printf(&text, "]}");
    snprintf(name, sizeof name, "_index/%05d.json", input);
    write_text(name, text.data, text.size);
    hs_buffer_free(&text);
}

void put_done(int input, int unit) {
    char name[64];
    snprintf(name, sizeof name, "_parts/%d-host-%d-1.jsonl", input, unit);
    put(name, "{\"part\":\"part-%05d-%05d-x.parquet\",\"documents\":10,\"unscored\":1,\"tokens\":1000}\n", input, unit);
    snprintf(name, sizeof name, "part-%05d-%05d-x.parquet", input, unit);
    put(name, "rows");
}

void put_rank(struct told told) {
    char started[HS_STAMP], updated[HS_STAMP], name[64];
    struct hs_buffer text = {0};
    const char *host = told.host != NULL ? told.host : "node1", *message = told.message != NULL ? told.message : "";
    hs_stamp_write(NOW - (told.started != 0 ? told.started : 3600), started);
    hs_stamp_write(NOW - (told.age != 0 ? told.age : 2), updated);
    hs_buffer_printf(&text, "{\"rank\":%d,\"world\":%d,\"pid\":77,\"state\":\"%s\",\"host\":", told.rank, told.world,
                     told.state != NULL ? told.state : "running");
    hs_json_quote(&text, host, strlen(host));
    hs_buffer_printf(&text, ",\"message\":");
    hs_json_quote(&text, message, strlen(message));
    hs_buffer_printf(&text,
                     ",\"started\":\"%s\",\"updated\":\"%s\",\"seconds\":100,\"documents\":10,\"tokens\":%lld,"
                     "\"unscored\":1,\"units\":4,\"units_done\":2,\"work\":%g,\"work_before\":0,\"work_done\":%g,"
                     "\"share\":0.5,\"tokens_per_second\":%g,\"part\":",
                     started, updated, told.tokens != 0 ? told.tokens : 1000, told.work != 0 ? told.work : 100.0,
                     told.done != 0 ? told.done : 50.0, told.rate != 0 ? told.rate : 10.0);
    if (told.part != NULL) {
        hs_buffer_printf(&text, "{\"name\":\"%s\",\"share\":%g,\"documents\":4,\"tokens\":400}}", told.part,
                         told.share);
    } else {
        hs_buffer_printf(&text, "null}");
    }
    snprintf(name, sizeof name, "_ranks/rank-%05d.json", told.rank);
    write_text(name, text.data, text.size);
    hs_buffer_free(&text);
}

void assert_near(double value, double wanted) {
    if (!(fabs(value - wanted) <= 1e-9 * (fabs(wanted) > 1 ? fabs(wanted) : 1))) {
        fail_msg("%.17g, wanted %.17g", value, wanted);
    }
}

struct hs_folder see(void) {
    struct hs_folder seen;
    headsift_error error = {0};
    if (hs_folder_read(folder, NOW, &seen, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return seen;
}

static const char *keep(bool json, bool all) {
    static struct hs_buffer text;
    struct hs_folder seen = see();
    text.size = 0;
    assert_true(json ? hs_folder_json(&seen, &text) : hs_folder_text(&seen, all, &text));
    hs_folder_free(&seen);
    return text.data;
}

const char *seen_text(bool all) { return keep(false, all); }

const char *seen_json(void) { return keep(true, false); }
