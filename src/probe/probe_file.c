/* Reads probe.jsonl: one JSON object a line, blank lines are none.
 * Every message names the line. */
#include "probe/probe_file.h"

#include <string.h>

#include "base/file.h"
#include "base/json.h"

static const size_t probe_limit = (size_t)4 << 30;

/* Copies prompt and answer of a parsed line into the row. */
static headsift_status take_text(const json_t *object, const char *where, struct hs_probe_row *row,
                                 headsift_error *error) {
    const char *prompt = NULL, *answer = NULL;
    HS_TRY(hs_json_string(object, "prompt", true, where, &prompt, error));
    HS_TRY(hs_json_string(object, "answer", true, where, &answer, error));
    size_t prompt_size = json_string_length(json_object_get(object, "prompt"));
    size_t answer_size = json_string_length(json_object_get(object, "answer"));
    if (prompt_size == 0 || answer_size == 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"%s\" is empty", where, prompt_size == 0 ? "prompt" : "answer");
    }
    row->text = hs_alloc(prompt_size + answer_size + 1, 1);
    if (row->text == NULL) {
        return hs_fail_memory(error, "a probe sample", prompt_size + answer_size);
    }
    memcpy(row->text, prompt, prompt_size);
    memcpy(row->text + prompt_size, answer, answer_size);
    row->prompt_size = prompt_size;
    row->size = prompt_size + answer_size;
    return HEADSIFT_OK;
}

/* value_start and value_end may be missing; what is stated must be the value of the needle's key. */
static headsift_status check_span(const json_t *object, const char *where, const struct hs_probe_row *row,
                                  headsift_error *error) {
    int64_t start = (int64_t)row->value.start, end = (int64_t)row->value.end, size = (int64_t)row->prompt_size;
    HS_TRY(hs_json_int(object, "value_start", 0, size, false, where, &start, error));
    HS_TRY(hs_json_int(object, "value_end", 0, size, false, where, &end, error));
    if (start != (int64_t)row->value.start || end != (int64_t)row->value.end) {
        return hs_fail(
            error, HEADSIFT_FAILED,
            "%s: \"value_start\" and \"value_end\" say bytes %lld to %lld, but the value of the needle's key "
            "is at %zu to %zu",
            where, (long long)start, (long long)end, row->value.start, row->value.end);
    }
    return HEADSIFT_OK;
}

static headsift_status take_row(const json_t *object, const char *where, struct hs_probe_row *row,
                                headsift_error *error) {
    if (!json_is_object(object)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: a sample must be a JSON object", where);
    }
    const char *key = NULL;
    HS_TRY(take_text(object, where, row, error));
    HS_TRY(hs_json_string(object, "needle_key", true, where, &key, error));
    if (!hs_find_value(row->text, row->prompt_size, key, &row->value, &row->control)) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: the prompt has no JSON object of strings with the needle's key \"%s\"", where, key);
    }
    if (row->value.start == row->value.end) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: the value of the needle's key is empty", where);
    }
    return check_span(object, where, row, error);
}

static headsift_status parse_line(struct hs_probe *probe, const char *text, size_t size, const char *where, size_t line,
                                  headsift_error *error) {
    void *rows = probe->rows;
    if (!hs_grow(&rows, &probe->capacity, probe->n + 1, sizeof *probe->rows)) {
        return hs_fail_memory(error, "probe samples", (probe->n + 1) * sizeof *probe->rows);
    }
    probe->rows = rows;
    json_error_t reason;
    json_t *object = json_loadb(text, size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &reason);
    if (object == NULL) {
        return hs_fail(error, HEADSIFT_FAILED, "%s is not JSON: byte %d: %s", where, reason.position, reason.text);
    }
    struct hs_probe_row *row = &probe->rows[probe->n++];
    *row = (struct hs_probe_row){.line = line};
    headsift_status status = take_row(object, where, row, error);
    json_decref(object);
    return status;
}

static bool is_blank_line(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r') {
            return false;
        }
    }
    return true;
}

static headsift_status parse_lines(struct hs_probe *probe, const char *bytes, size_t size, const char *where,
                                   headsift_error *error) {
    size_t number = 0;
    for (size_t at = 0; at < size; number++) {
        const char *stop = memchr(bytes + at, '\n', size - at);
        size_t length = stop != NULL ? (size_t)(stop - bytes) - at : size - at;
        if (!is_blank_line(bytes + at, length)) {
            char place[512];
            snprintf(place, sizeof place, "%s: line %zu", where, number + 1);
            HS_TRY(parse_line(probe, bytes + at, length, place, number + 1, error));
        }
        at += length + 1;
    }
    return probe->n > 0 ? HEADSIFT_OK : hs_fail(error, HEADSIFT_FAILED, "%s holds no probe samples", where);
}

headsift_status hs_probe_parse(const char *bytes, size_t size, const char *where, struct hs_probe *out,
                               headsift_error *error) {
    *out = (struct hs_probe){0};
    headsift_status status = parse_lines(out, bytes, size, where, error);
    if (status != HEADSIFT_OK) {
        hs_probe_free(out);
    }
    return status;
}

headsift_status hs_probe_load(const char *path, struct hs_probe *out, headsift_error *error) {
    struct hs_buffer bytes = {0};
    *out = (struct hs_probe){0};
    headsift_status status = hs_file_read(path, probe_limit, &bytes, error);
    if (status == HEADSIFT_OK) {
        status = hs_probe_parse(bytes.data, bytes.size, path, out, error);
    }
    hs_buffer_free(&bytes);
    return status;
}

void hs_probe_free(struct hs_probe *probe) {
    for (size_t i = 0; i < probe->n; i++) {
        hs_free(probe->rows[i].text);
    }
    hs_free(probe->rows);
    *probe = (struct hs_probe){0};
}
