/* Reads heads.json, or another tool's file (heads_foreign.c). Only "heads" is required; what else is stated must fit.
 * A head that the stated model can't have is refused with its layer, head and the limit. */
#include "probe/heads_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

enum { MOST_SAMPLES = 1 << 30 };
static const size_t heads_limit = (size_t)64 << 20;

static headsift_status copy_text(const json_t *object, const char *key, const char *where, char **out,
                                 headsift_error *error) {
    const char *text = NULL;
    HS_TRY(hs_json_string(object, key, false, where, &text, error));
    if (text == NULL) {
        return HEADSIFT_OK;
    }
    *out = hs_copy_string(text);
    return *out != NULL ? HEADSIFT_OK : hs_fail_memory(error, key, strlen(text));
}

static headsift_status take_int(const json_t *object, const char *key, int64_t low, int64_t high, const char *where,
                                int32_t *out, headsift_error *error) {
    int64_t value = *out;
    HS_TRY(hs_json_int(object, key, low, high, false, where, &value, error));
    *out = (int32_t)value;
    return HEADSIFT_OK;
}

static headsift_status take_model(const json_t *root, const char *where, headsift_heads *heads, headsift_error *error) {
    json_t *model = NULL;
    HS_TRY(hs_json_object(root, "model", false, where, &model, error));
    if (model == NULL) {
        return HEADSIFT_OK;
    }
    char place[512];
    snprintf(place, sizeof place, "%s: \"model\"", where);
    HS_TRY(copy_text(model, "name", place, &heads->model_name, error));
    HS_TRY(copy_text(model, "sha256", place, &heads->model_sha256, error));
    HS_TRY(take_int(model, "n_layer", 1, HS_MOST_LAYERS, place, &heads->n_layer, error));
    HS_TRY(take_int(model, "n_head", 1, HS_MOST_LAYERS, place, &heads->n_head, error));
    return take_int(model, "n_kv_head", 1, HS_MOST_LAYERS, place, &heads->n_kv_head, error);
}

static headsift_status take_effect(const json_t *root, const char *where, headsift_effect *effect,
                                   headsift_error *error) {
    json_t *object = NULL;
    HS_TRY(hs_json_object(root, "effect", false, where, &object, error));
    if (object == NULL) {
        return HEADSIFT_OK;
    }
    char place[512];
    snprintf(place, sizeof place, "%s: \"effect\"", where);
    HS_TRY(take_int(object, "samples", 0, MOST_SAMPLES, place, &effect->samples, error));
    HS_TRY(take_int(object, "draws", 0, MOST_SAMPLES, place, &effect->draws, error));
    HS_TRY(hs_json_number(object, "unmasked", false, place, &effect->unmasked, error));
    HS_TRY(hs_json_number(object, "masked", false, place, &effect->masked, error));
    HS_TRY(hs_json_number(object, "random_mean", false, place, &effect->random_mean, error));
    HS_TRY(hs_json_number(object, "random_low", false, place, &effect->random_low, error));
    return hs_json_number(object, "random_high", false, place, &effect->random_high, error);
}

static headsift_status take_search(const json_t *root, const char *where, headsift_heads *heads,
                                   headsift_error *error) {
    int64_t seed = 0;
    HS_TRY(copy_text(root, "source", where, &heads->source, error));
    HS_TRY(copy_text(root, "method", where, &heads->method, error));
    HS_TRY(copy_text(root, "decode", where, &heads->decode, error));
    HS_TRY(take_int(root, "samples", 0, MOST_SAMPLES, where, &heads->samples, error));
    HS_TRY(take_int(root, "samples_counted", 0, MOST_SAMPLES, where, &heads->samples_counted, error));
    HS_TRY(hs_json_int(root, "seed", INT64_MIN, INT64_MAX, false, where, &seed, error));
    heads->seed = (uint64_t)seed;
    HS_TRY(hs_json_number(root, "mask_fraction", false, where, &heads->mask_fraction, error));
    if (!(heads->mask_fraction >= 0 && heads->mask_fraction <= 1)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"mask_fraction\" is %g, must be 0 to 1", where,
                       heads->mask_fraction);
    }
    return take_effect(root, where, &heads->effect, error);
}

static headsift_status take_point(const json_t *object, const char *where, headsift_settling *point,
                                  headsift_error *error) {
    if (!json_is_object(object)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"settling\" must be a list of objects", where);
    }
    point->overlap = point->spearman = NAN;
    HS_TRY(take_int(object, "samples", 0, MOST_SAMPLES, where, &point->samples, error));
    HS_TRY(hs_json_number(object, "overlap", false, where, &point->overlap, error));
    return hs_json_number(object, "spearman", false, where, &point->spearman, error);
}

static headsift_status take_settling(const json_t *root, const char *where, headsift_heads *heads,
                                     headsift_error *error) {
    json_t *list = NULL;
    char place[512];
    HS_TRY(hs_json_array(root, "settling", false, where, &list, error));
    size_t n = json_array_size(list);
    if (n == 0) {
        return HEADSIFT_OK;
    }
    heads->settling = hs_alloc(n, sizeof *heads->settling);
    if (heads->settling == NULL) {
        return hs_fail_memory(error, "heads", n * sizeof *heads->settling);
    }
    heads->n_settling = n;
    snprintf(place, sizeof place, "%s: \"settling\"", where);
    for (size_t i = 0; i < n; i++) {
        HS_TRY(take_point(json_array_get(list, i), place, &heads->settling[i], error));
    }
    return HEADSIFT_OK;
}

static headsift_status take_settle(const json_t *root, const char *where, headsift_settle *settle,
                                   headsift_error *error) {
    json_t *object = NULL;
    char place[512];
    HS_TRY(hs_json_object(root, "settle", false, where, &object, error));
    if (object == NULL) {
        return HEADSIFT_OK;
    }
    snprintf(place, sizeof place, "%s: \"settle\"", where);
    HS_TRY(hs_json_number(object, "threshold", false, place, &settle->threshold, error));
    HS_TRY(take_int(object, "samples", 0, MOST_SAMPLES, place, &settle->samples, error));
    return hs_json_bool(object, "settled", false, place, &settle->settled, error);
}

/* The shares belong to the chosen heads: these come first. */
static headsift_status take_bootstrap(const json_t *root, const char *where, headsift_heads *heads,
                                      headsift_error *error) {
    json_t *object = NULL, *shares = NULL;
    char place[512];
    HS_TRY(hs_json_object(root, "bootstrap", false, where, &object, error));
    if (object == NULL) {
        return HEADSIFT_OK;
    }
    snprintf(place, sizeof place, "%s: \"bootstrap\"", where);
    HS_TRY(take_int(object, "resamples", 0, MOST_SAMPLES, place, &heads->resamples, error));
    HS_TRY(hs_json_number(object, "overlap", true, place, &heads->bootstrap_overlap, error));
    HS_TRY(hs_json_array(object, "heads", true, place, &shares, error));
    if (json_array_size(shares) != heads->n_heads) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"heads\" has %zu numbers, must have one for each of %zu heads",
                       place, json_array_size(shares), heads->n_heads);
    }
    heads->bootstrap = hs_alloc(heads->n_heads, sizeof *heads->bootstrap);
    if (heads->bootstrap == NULL) {
        return hs_fail_memory(error, "heads", heads->n_heads * sizeof *heads->bootstrap);
    }
    for (size_t i = 0; i < heads->n_heads; i++) {
        const json_t *share = json_array_get(shares, i);
        if (!json_is_number(share)) {
            return hs_fail(error, HEADSIFT_FAILED, "%s: \"heads\", entry %zu is not a number", place, i);
        }
        heads->bootstrap[i] = json_number_value(share);
    }
    return HEADSIFT_OK;
}

/* The table's shape is the model's; where the model states none, the table does. */
static headsift_status check_shape(const json_t *rows, const char *where, headsift_heads *heads,
                                   headsift_error *error) {
    size_t n_layer = json_array_size(rows), n_head = json_array_size(json_array_get(rows, 0));
    if (n_layer < 1 || n_layer > HS_MOST_LAYERS || n_head < 1 || n_head > HS_MOST_LAYERS) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"scores\" must be rows of numbers, 1 to %d each way", where,
                       HS_MOST_LAYERS);
    }
    heads->n_layer = heads->n_layer != 0 ? heads->n_layer : (int32_t)n_layer;
    heads->n_head = heads->n_head != 0 ? heads->n_head : (int32_t)n_head;
    if (n_layer != (size_t)heads->n_layer) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"scores\" has %zu rows, the model %d layers", where, n_layer,
                       heads->n_layer);
    }
    return HEADSIFT_OK;
}

static headsift_status take_row(const json_t *row, size_t layer, const char *where, headsift_heads *heads,
                                headsift_error *error) {
    size_t n = json_array_size(row);
    if (n != (size_t)heads->n_head) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"scores\": layer %zu has %zu numbers, must have %d", where, layer,
                       n, heads->n_head);
    }
    for (size_t head = 0; head < n; head++) {
        const json_t *score = json_array_get(row, head);
        if (!json_is_number(score)) {
            return hs_fail(error, HEADSIFT_FAILED, "%s: \"scores\": layer %zu, head %zu is not a number", where, layer,
                           head);
        }
        heads->scores[layer * n + head] = json_number_value(score);
    }
    return HEADSIFT_OK;
}

static headsift_status take_scores(const json_t *root, const char *where, headsift_heads *heads,
                                   headsift_error *error) {
    json_t *rows = NULL;
    HS_TRY(hs_json_array(root, "scores", false, where, &rows, error));
    if (rows == NULL) {
        return HEADSIFT_OK;
    }
    HS_TRY(check_shape(rows, where, heads, error));
    heads->scores = hs_alloc((size_t)heads->n_layer * (size_t)heads->n_head, sizeof *heads->scores);
    if (heads->scores == NULL) {
        return hs_fail_memory(error, "scores", (size_t)heads->n_layer * (size_t)heads->n_head * sizeof *heads->scores);
    }
    for (size_t layer = 0; layer < (size_t)heads->n_layer; layer++) {
        HS_TRY(take_row(json_array_get(rows, layer), layer, where, heads, error));
    }
    return HEADSIFT_OK;
}

static headsift_status check_limit(const char *what, json_int_t value, int32_t stated, const char *where, size_t index,
                                   headsift_error *error) {
    int32_t limit = stated != 0 ? stated : HS_MOST_LAYERS;
    if (value >= 0 && value < limit) {
        return HEADSIFT_OK;
    }
    return hs_fail(error, HEADSIFT_FAILED, "%s: \"heads\", entry %zu: %s %lld is out of range: %s 0 to %d", where,
                   index, what, (long long)value, stated != 0 ? "the model has" : "must be", limit - 1);
}

static headsift_status take_head(const json_t *pair, size_t index, const char *where, headsift_heads *heads,
                                 headsift_error *error) {
    const json_t *layer = json_array_get(pair, 0), *head = json_array_get(pair, 1);
    if (json_array_size(pair) != 2 || !json_is_integer(layer) || !json_is_integer(head)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"heads\", entry %zu must be [layer, head], two integers", where,
                       index);
    }
    HS_TRY(check_limit("layer", json_integer_value(layer), heads->n_layer, where, index, error));
    HS_TRY(check_limit("head", json_integer_value(head), heads->n_head, where, index, error));
    heads->heads[index] =
        (headsift_head){.layer = (int32_t)json_integer_value(layer), .head = (int32_t)json_integer_value(head)};
    return HEADSIFT_OK;
}

static int compare_heads(const void *a, const void *b) {
    const headsift_head *first = a, *second = b;
    return first->layer != second->layer ? first->layer - second->layer : first->head - second->head;
}

static headsift_status refuse_duplicates(const headsift_heads *heads, const char *where, headsift_error *error) {
    headsift_head *sorted = hs_alloc(heads->n_heads, sizeof *sorted);
    if (sorted == NULL) {
        return hs_fail_memory(error, "heads", heads->n_heads * sizeof *sorted);
    }
    memcpy(sorted, heads->heads, heads->n_heads * sizeof *sorted);
    qsort(sorted, heads->n_heads, sizeof *sorted, compare_heads);
    headsift_status status = HEADSIFT_OK;
    for (size_t i = 1; i < heads->n_heads && status == HEADSIFT_OK; i++) {
        if (compare_heads(&sorted[i - 1], &sorted[i]) == 0) {
            status = hs_fail(error, HEADSIFT_FAILED, "%s: \"heads\" names layer %d, head %d twice", where,
                             sorted[i].layer, sorted[i].head);
        }
    }
    hs_free(sorted);
    return status;
}

static headsift_status take_heads(const json_t *root, const char *where, headsift_heads *heads, headsift_error *error) {
    json_t *list = NULL;
    HS_TRY(hs_json_array(root, "heads", true, where, &list, error));
    size_t n = json_array_size(list);
    if (n == 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"heads\" is empty: there is nothing to mask", where);
    }
    heads->heads = hs_alloc(n, sizeof *heads->heads);
    if (heads->heads == NULL) {
        return hs_fail_memory(error, "heads", n * sizeof *heads->heads);
    }
    heads->n_heads = n;
    for (size_t i = 0; i < n; i++) {
        HS_TRY(take_head(json_array_get(list, i), i, where, heads, error));
    }
    if (heads->mask_fraction == 0 && heads->n_layer != 0 && heads->n_head != 0) {
        heads->mask_fraction = (double)n / ((double)heads->n_layer * heads->n_head);
    }
    return refuse_duplicates(heads, where, error);
}

static headsift_status take_all(const json_t *root, const char *where, headsift_heads *heads, headsift_error *error) {
    if (!json_is_object(root)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s must be a JSON object with a member \"heads\"", where);
    }
    if (hs_heads_are_foreign(root)) {
        return hs_heads_take_foreign(root, where, heads, error);
    }
    HS_TRY(take_model(root, where, heads, error));
    HS_TRY(take_search(root, where, heads, error));
    HS_TRY(copy_text(root, "noise", where, &heads->noise, error));
    HS_TRY(take_settle(root, where, &heads->settle, error));
    HS_TRY(take_settling(root, where, heads, error));
    HS_TRY(take_scores(root, where, heads, error));
    HS_TRY(take_heads(root, where, heads, error));
    return take_bootstrap(root, where, heads, error);
}

headsift_status hs_heads_parse(const char *bytes, size_t size, const char *where, headsift_heads **out,
                               headsift_error *error) {
    *out = NULL;
    json_error_t reason;
    json_t *root = json_loadb(bytes, size, 0, &reason);
    if (root == NULL) {
        return hs_fail(error, HEADSIFT_FAILED, "%s is not JSON: line %d, byte %d: %s", where, reason.line,
                       reason.position, reason.text);
    }
    headsift_heads *heads = hs_alloc(1, sizeof *heads);
    headsift_status status =
        heads != NULL ? take_all(root, where, heads, error) : hs_fail_memory(error, "heads", sizeof *heads);
    json_decref(root);
    if (status != HEADSIFT_OK) {
        headsift_heads_free(heads);
        return status;
    }
    *out = heads;
    return HEADSIFT_OK;
}

headsift_status headsift_heads_load(const char *path, headsift_heads **out, headsift_error *error) {
    struct hs_buffer bytes = {0};
    *out = NULL;
    headsift_status status = hs_file_read(path, heads_limit, &bytes, error);
    if (status == HEADSIFT_OK) {
        status = hs_heads_parse(bytes.data, bytes.size, path, out, error);
    }
    hs_buffer_free(&bytes);
    return status;
}

void headsift_heads_free(headsift_heads *heads) {
    if (heads == NULL) {
        return;
    }
    hs_free(heads->model_name);
    hs_free(heads->model_sha256);
    hs_free(heads->method);
    hs_free(heads->decode);
    hs_free(heads->scores);
    hs_free(heads->heads);
    hs_free(heads->source);
    hs_free(heads->noise);
    hs_free(heads->settling);
    hs_free(heads->bootstrap);
    hs_free(heads);
}
