/* Writes heads.json and the heat map beside it.
 * Same heads, same bytes: members in a fixed order, numbers as short as reads back the same. */
#include "probe/heads_file.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

/* Appends a number with a point as its decimal mark, whatever the locale. NaN and infinities become null. */
static bool print_number(struct hs_buffer *out, double value) {
    char text[32];
    if (!isfinite(value)) {
        return hs_buffer_printf(out, "null");
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    const char *mark = localeconv()->decimal_point;
    char *at = *mark != '.' ? strstr(text, mark) : NULL;
    if (at != NULL) {
        *at = '.';
        memmove(at + 1, at + strlen(mark), strlen(at + strlen(mark)) + 1);
    }
    return hs_buffer_printf(out, strpbrk(text, ".e") != NULL ? "%s" : "%s.0", text);
}

static bool print_member(struct hs_buffer *out, const char *name, const char *text) {
    return text == NULL || (hs_buffer_printf(out, "\"%s\": ", name) && hs_json_quote(out, text, strlen(text)) &&
                            hs_buffer_printf(out, ", "));
}

static bool print_count(struct hs_buffer *out, const char *name, int32_t count) {
    return count == 0 || hs_buffer_printf(out, "\"%s\": %d, ", name, count);
}

/* Ends a list of members or values: the comma and the blank behind the last one go. */
static bool print_end(struct hs_buffer *out, const char *end) {
    if (out->size >= 2 && memcmp(out->data + out->size - 2, ", ", 2) == 0) {
        out->size -= 2;
    }
    return hs_buffer_printf(out, "%s", end);
}

static bool print_model(struct hs_buffer *out, const headsift_heads *heads) {
    return hs_buffer_printf(out, "{\"model\": {") && print_member(out, "name", heads->model_name) &&
           print_member(out, "sha256", heads->model_sha256) && print_count(out, "n_layer", heads->n_layer) &&
           print_count(out, "n_head", heads->n_head) && print_count(out, "n_kv_head", heads->n_kv_head) &&
           print_end(out, "},\n ");
}

static bool print_double(struct hs_buffer *out, const char *name, double value) {
    return hs_buffer_printf(out, "\"%s\": ", name) && print_number(out, value) && hs_buffer_printf(out, ", ");
}

static bool print_effect(struct hs_buffer *out, const headsift_effect *effect) {
    if (effect->draws == 0) {
        return true;
    }
    return hs_buffer_printf(out, "\"effect\": {\"samples\": %d, ", effect->samples) &&
           print_double(out, "unmasked", effect->unmasked) && print_double(out, "masked", effect->masked) &&
           print_double(out, "random_mean", effect->random_mean) &&
           print_double(out, "random_low", effect->random_low) &&
           print_double(out, "random_high", effect->random_high) &&
           hs_buffer_printf(out, "\"draws\": %d},\n ", effect->draws);
}

static bool print_search(struct hs_buffer *out, const headsift_heads *heads) {
    /* JSON readers take integers of 63 bits; a larger seed keeps its bits as a negative number. */
    return print_member(out, "source", heads->source) && print_member(out, "method", heads->method) &&
           print_member(out, "decode", heads->decode) &&
           hs_buffer_printf(out, "\"samples\": %d, \"samples_counted\": %d, \"seed\": %lld, ", heads->samples,
                            heads->samples_counted, (long long)heads->seed) &&
           print_double(out, "mask_fraction", heads->mask_fraction) && print_end(out, ",\n ") &&
           print_effect(out, &heads->effect);
}

static bool print_settling(struct hs_buffer *out, const headsift_heads *heads) {
    if (heads->settling == NULL) {
        return true;
    }
    bool ok = hs_buffer_printf(out, "\"settling\": [\n");
    for (size_t i = 0; ok && i < heads->n_settling; i++) {
        const headsift_settling *point = &heads->settling[i];
        ok = hs_buffer_printf(out, "  {\"samples\": %d, ", point->samples) &&
             print_double(out, "overlap", point->overlap) && print_double(out, "spearman", point->spearman) &&
             print_end(out, i + 1 < heads->n_settling ? "},\n" : "}],\n ");
    }
    return ok;
}

static bool print_bootstrap(struct hs_buffer *out, const headsift_heads *heads) {
    if (heads->bootstrap == NULL) {
        return true;
    }
    bool ok = hs_buffer_printf(out, "\"bootstrap\": {\"resamples\": %d, ", heads->resamples) &&
              print_double(out, "overlap", heads->bootstrap_overlap) && hs_buffer_printf(out, "\"heads\": [");
    for (size_t i = 0; ok && i < heads->n_heads; i++) {
        ok = print_number(out, heads->bootstrap[i]) && hs_buffer_printf(out, ", ");
    }
    return ok && print_end(out, "]},\n ");
}

/* How firm the choice is: nothing of it where it was not measured. */
static bool print_firmness(struct hs_buffer *out, const headsift_heads *heads) {
    const headsift_settle *settle = &heads->settle;
    if (heads->noise != NULL && !(print_member(out, "noise", heads->noise) && print_end(out, ",\n "))) {
        return false;
    }
    if (settle->threshold > 0 &&
        !(hs_buffer_printf(out, "\"settle\": {") && print_double(out, "threshold", settle->threshold) &&
          hs_buffer_printf(out, "\"samples\": %d, \"settled\": %s},\n ", settle->samples,
                           settle->settled ? "true" : "false"))) {
        return false;
    }
    return print_settling(out, heads) && print_bootstrap(out, heads);
}

static bool print_scores(struct hs_buffer *out, const headsift_heads *heads) {
    if (heads->scores == NULL) {
        return true;
    }
    bool ok = hs_buffer_printf(out, "\"scores\": [\n");
    for (int32_t layer = 0; ok && layer < heads->n_layer; layer++) {
        ok = hs_buffer_printf(out, "  [");
        for (int32_t head = 0; ok && head < heads->n_head; head++) {
            ok = print_number(out, heads->scores[layer * heads->n_head + head]) && hs_buffer_printf(out, ", ");
        }
        ok = ok && print_end(out, layer + 1 < heads->n_layer ? "],\n" : "]],\n ");
    }
    return ok;
}

bool hs_heads_print(const headsift_heads *heads, struct hs_buffer *out) {
    bool ok = print_model(out, heads) && print_search(out, heads) && print_firmness(out, heads) &&
              print_scores(out, heads) && hs_buffer_printf(out, "\"heads\": [");
    for (size_t i = 0; ok && i < heads->n_heads; i++) {
        ok = hs_buffer_printf(out, "[%d, %d], ", heads->heads[i].layer, heads->heads[i].head);
    }
    return ok && print_end(out, "]}\n");
}

/* NAME.svg for NAME.json; whatever else the name ends in stays. */
static char *heatmap_path(const char *path) {
    size_t size = strlen(path);
    bool json = size > 5 && strcmp(path + size - 5, ".json") == 0 && path[size - 6] != '/';
    return hs_format("%.*s.svg", (int)(json ? size - 5 : size), path);
}

static headsift_status save_heatmap(const headsift_heads *heads, const char *path, headsift_error *error) {
    struct hs_buffer bytes = {0};
    char *name = heatmap_path(path);
    headsift_status status = name != NULL && hs_heatmap_print(heads, &bytes)
                                 ? hs_file_write(name, bytes.data, bytes.size, error)
                                 : hs_fail_memory(error, "a heat map", bytes.size);
    hs_buffer_free(&bytes);
    hs_free(name);
    return status;
}

/* The heat map first: where heads.json stands, all of it is there. */
headsift_status headsift_heads_save(const headsift_heads *heads, const char *path, headsift_error *error) {
    if (heads->scores != NULL && strcmp(path, "-") != 0) {
        HS_TRY(save_heatmap(heads, path, error));
    }
    struct hs_buffer bytes = {0};
    headsift_status status = hs_heads_print(heads, &bytes) ? hs_file_write(path, bytes.data, bytes.size, error)
                                                           : hs_fail_memory(error, "heads.json", bytes.size);
    hs_buffer_free(&bytes);
    return status;
}
