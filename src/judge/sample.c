/* headsift_judge_sample: DIR/key.json, which no judge should see, then DIR/sample.jsonl, in shuffled order. Where
 * sample.jsonl stands, both are whole. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "judge/judge.h"
#include "select/ranking.h"

enum { KEY_SIZE = 32 };

static void name_key(size_t place, char out[KEY_SIZE]) { snprintf(out, KEY_SIZE, "doc-%04zu", place + 1); }

/* ---- sample.jsonl ---- */

static bool append_line(struct hs_buffer *out, struct hs_buffer *prompt, const struct hs_drawn *document, size_t place,
                        uint64_t mark) {
    char key[KEY_SIZE];
    name_key(place, key);
    prompt->size = 0;
    return hs_prompt_append(prompt, key, mark, document->text, document->text_size, document->cut) &&
           hs_buffer_printf(out, "{\"key\": \"%s\", \"text\": ", key) &&
           hs_json_quote(out, document->text, document->text_size) && hs_buffer_printf(out, ", \"prompt\": ") &&
           hs_json_quote(out, prompt->data, prompt->size) && hs_buffer_append(out, "}\n", 2);
}

static headsift_status write_lines(const struct hs_sample *sample, const size_t *order, uint64_t seed, FILE *out,
                                   headsift_error *error) {
    struct hs_buffer line = {0}, prompt = {0};
    headsift_status status = HEADSIFT_OK;
    for (size_t i = 0; status == HEADSIFT_OK && i < sample->n; i++) {
        line.size = 0;
        if (!append_line(&line, &prompt, &sample->documents[order[i]], i, hs_random_at(~seed, i))) {
            status = hs_fail_memory(error, "a line of the sample", line.size);
        } else if (fwrite(line.data, 1, line.size, out) != line.size) {
            status = hs_fail_errno(error, errno, "can't write the sample");
        }
    }
    hs_buffer_free(&line);
    hs_buffer_free(&prompt);
    return status;
}

static headsift_status write_sample(const char *path, const struct hs_sample *sample, const size_t *order,
                                    uint64_t seed, headsift_error *error) {
    struct hs_atomic_file file;
    HS_TRY(hs_atomic_open(path, &file, error));
    headsift_status status = write_lines(sample, order, seed, file.stream, error);
    if (status != HEADSIFT_OK) {
        hs_atomic_abort(&file);
        return status;
    }
    return hs_atomic_commit(&file, error);
}

/* ---- key.json ---- */

static json_t *text_value(const char *text, size_t size) {
    json_t *value = json_stringn(text, size);
    if (value == NULL) { /* no UTF-8 */
        char line[2048];
        hs_escape_line(text, size, line, sizeof line);
        value = json_string(line);
    }
    return value;
}

static json_t *document_value(const struct hs_sample *sample, const struct hs_drawn *document) {
    json_t *groups = json_array();
    for (int i = 0; i < HS_GROUPS; i++) {
        if ((document->groups >> i & 1) != 0 && json_array_append_new(groups, json_string(hs_group_names[i])) != 0) {
            json_decref(groups);
            return NULL;
        }
    }
    return json_pack("{s:o, s:O, s:o, s:o, s:I, s:f, s:b}", "groups", groups, "domain",
                     json_array_get(sample->domains, (size_t)document->domain), "id",
                     text_value(document->id, document->id_size), "file",
                     text_value(document->file, strlen(document->file)), "row", (json_int_t)document->row, "score",
                     document->score, "cut", document->cut ? 1 : 0);
}

static json_t *key_value(const struct hs_sample *sample, const size_t *order, const char *scores, uint64_t seed) {
    json_t *keys = json_object();
    for (size_t i = 0; keys != NULL && i < sample->n; i++) {
        char key[KEY_SIZE];
        name_key(i, key);
        if (json_object_set_new(keys, key, document_value(sample, &sample->documents[order[i]])) != 0) {
            json_decref(keys);
            return NULL;
        }
    }
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, seed);
    return json_pack("{s:s, s:s, s:o, s:s, s:o, s:O, s:o}", "kind", "judge-key", "headsift", HEADSIFT_VERSION, "scores",
                     text_value(scores, strlen(scores)), "seed", text, "questions", hs_questions_json(), "domains",
                     sample->domains, "keys", keys);
}

static headsift_status write_key(const char *path, const struct hs_sample *sample, const size_t *order,
                                 const char *scores, uint64_t seed, headsift_error *error) {
    json_t *value = key_value(sample, order, scores, seed);
    char *text = value != NULL ? json_dumps(value, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) : NULL;
    headsift_status status =
        text != NULL ? hs_file_write(path, text, strlen(text), error) : hs_fail_memory(error, "the key", sample->n);
    free(text);
    json_decref(value);
    return status;
}

/* ---- All of it ---- */

/* A random order, so that a key's number says nothing. */
static size_t *shuffle(size_t n, uint64_t seed) {
    size_t *order = hs_alloc(n, sizeof *order);
    struct hs_random random;
    hs_random_seed(&random, seed);
    for (size_t i = 0; order != NULL && i < n; i++) {
        size_t other = (size_t)hs_random_below(&random, i + 1);
        order[i] = order[other];
        order[other] = i;
    }
    return order;
}

static headsift_status refuse_old(const char *sample, const char *key, bool overwrite, headsift_error *error) {
    const char *old = hs_file_exists(sample) ? sample : hs_file_exists(key) ? key : NULL;
    if (old != NULL && !overwrite) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s is there already: answers may refer to it; use --overwrite to replace it, or another folder",
                       old);
    }
    if (unlink(sample) != 0 && errno != ENOENT) {
        return hs_fail_errno(error, errno, "can't remove %s", sample);
    }
    return HEADSIFT_OK;
}

static headsift_status write_files(const char *directory, const char *scores, const headsift_judge_options *options,
                                   const struct hs_sample *sample, headsift_error *error) {
    char *lines = hs_join_path(directory, "sample.jsonl"), *key = hs_join_path(directory, "key.json");
    size_t *order = shuffle(sample->n, options->seed);
    headsift_status status = lines != NULL && key != NULL && order != NULL
                                 ? refuse_old(lines, key, options->overwrite, error)
                                 : hs_fail_memory(error, "the sample", sample->n);
    if (status == HEADSIFT_OK) {
        status = write_key(key, sample, order, scores, options->seed, error);
    }
    if (status == HEADSIFT_OK) {
        status = write_sample(lines, sample, order, options->seed, error);
    }
    hs_free(lines);
    hs_free(key);
    hs_free(order);
    return status;
}

static headsift_status draw(const char *scores, const headsift_judge_options *options, const char *directory,
                            const headsift_monitor *monitor, struct hs_sample *sample, headsift_error *error) {
    char *spill = hs_join_path(directory, ".spill");
    if (spill == NULL) {
        return hs_fail_memory(error, "a path", strlen(directory));
    }
    hs_spill_remove(spill);
    headsift_status status = hs_make_directory(spill, error);
    if (status == HEADSIFT_OK) {
        status = hs_draw(scores, options, spill, monitor, sample, error);
    }
    hs_spill_remove(spill);
    hs_free(spill);
    return status;
}

headsift_status headsift_judge_sample(const char *scores, const headsift_judge_options *options, const char *directory,
                                      const headsift_monitor *monitor, size_t *n, headsift_error *error) {
    static const headsift_judge_options defaults = {0};
    struct hs_sample sample = {0};
    options = options != NULL ? options : &defaults;
    *n = 0;
    if (options->documents < 0 || options->bytes < 0) {
        return hs_fail(error, HEADSIFT_USAGE, "--documents and --bytes must be above 0");
    }
    headsift_status status = draw(scores, options, directory, monitor, &sample, error);
    if (status == HEADSIFT_OK && sample.n == 0) {
        status =
            hs_fail(error, HEADSIFT_FAILED, "%s holds no document with a score: there is nothing to judge", scores);
    }
    if (status == HEADSIFT_OK) {
        status = write_files(directory, scores, options, &sample, error);
    }
    *n = status == HEADSIFT_OK ? sample.n : 0;
    hs_judge_sample_free(&sample);
    return status;
}
