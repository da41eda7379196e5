/* headsift_compare: what are the arguments, who compares them, and the result as a file.
 * All arguments of a call are of one kind. */
#include "compare/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

struct kind {
    const char *name;   /* for messages: "PATH is NAME" */
    size_t least, most; /* how many a call takes */
    bool (*is)(const char *path);
    headsift_status (*compare)(const struct hs_compare *compare, json_t **out, headsift_error *error);
};

static bool holds(const char *folder, const char *name) {
    char *path = hs_join_path(folder, name);
    bool there = path != NULL && hs_file_exists(path);
    hs_free(path);
    return there;
}

static bool ends_in(const char *path, const char *end) {
    size_t size = strlen(path), end_size = strlen(end);
    return size > end_size && strcmp(path + size - end_size, end) == 0;
}

static bool is_selection(const char *path) { return hs_is_directory(path) && holds(path, "manifest.json"); }

/* Score rows of headsift score, or a score file that another step or tool wrote. */
static headsift_status find_parquet(void *user, const char *folder, const char *name, headsift_error *error) {
    (void)folder, (void)error;
    *(bool *)user = *(bool *)user || name[0] != '.';
    return HEADSIFT_OK;
}

static bool is_scores(const char *path) {
    bool found = false;
    if (!hs_is_directory(path)) {
        return ends_in(path, ".parquet");
    }
    return holds(path, "score.json") ||
           (hs_each_file(path, ".parquet", find_parquet, &found, NULL) == HEADSIFT_OK && found);
}

static bool is_heads(const char *path) { return !hs_is_directory(path); }

static const struct kind kinds[] = {
    {"a selection", 1, 2, is_selection, hs_compare_selections},
    {"a folder of scores", 2, 20, is_scores, hs_compare_scores},
    {"a file of heads", 2, SIZE_MAX, is_heads, hs_compare_heads},
};

json_t *hs_compare_number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static headsift_status find_kind(const char *path, const struct kind **out, headsift_error *error) {
    if (!hs_file_exists(path)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: there is no such file or folder", path);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].is(path)) {
            *out = &kinds[i];
            return HEADSIFT_OK;
        }
    }
    return hs_fail(error, HEADSIFT_FAILED,
                   "%s is nothing that can be compared: give files of heads (heads.json), folders of scores, or "
                   "selections (folders with manifest.json)",
                   path);
}

static headsift_status agree_on_kind(const struct hs_compare *compare, const struct kind **out, headsift_error *error) {
    if (compare->n == 0) {
        return hs_fail(error, HEADSIFT_USAGE, "there is nothing to compare");
    }
    HS_TRY(find_kind(compare->paths[0], out, error));
    for (size_t i = 1; i < compare->n; i++) {
        const struct kind *other;
        HS_TRY(find_kind(compare->paths[i], &other, error));
        if (other != *out) {
            return hs_fail(error, HEADSIFT_USAGE, "%s is %s and %s is %s: compare things of one kind",
                           compare->paths[0], (*out)->name, compare->paths[i], other->name);
        }
    }
    if (compare->n < (*out)->least || compare->n > (*out)->most) {
        return hs_fail(error, HEADSIFT_USAGE, "%s is %s: compare takes %s%zu of them, not %zu", compare->paths[0],
                       (*out)->name,
                       (*out)->most == (*out)->least ? ""
                       : compare->n < (*out)->least  ? "at least "
                                                     : "at most ",
                       compare->n < (*out)->least ? (*out)->least : (*out)->most, compare->n);
    }
    return HEADSIFT_OK;
}

static headsift_status write_result(const json_t *result, const char *path, headsift_error *error) {
    struct hs_buffer bytes = {0};
    char *text = json_dumps(result, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    headsift_status status = text != NULL && hs_buffer_printf(&bytes, "%s\n", text)
                                 ? hs_file_write(path, bytes.data, bytes.size, error)
                                 : hs_fail_memory(error, "the comparison", 1);
    free(text);
    hs_buffer_free(&bytes);
    return status;
}

headsift_status headsift_compare(const char *const *paths, size_t n, const headsift_compare_options *options,
                                 const char *output, FILE *out, const headsift_monitor *monitor,
                                 headsift_error *error) {
    static const headsift_compare_options defaults = {0};
    const struct kind *kind;
    json_t *result = NULL;
    struct hs_compare compare = {
        .paths = paths, .n = n, .options = options != NULL ? options : &defaults, .monitor = monitor, .out = out};
    HS_TRY(agree_on_kind(&compare, &kind, error));
    headsift_status status = kind->compare(&compare, &result, error);
    if (status == HEADSIFT_OK && output != NULL) {
        status = json_object_set_new(result, "headsift", json_string(HEADSIFT_VERSION)) == 0
                     ? write_result(result, output, error)
                     : hs_fail_memory(error, "the comparison", 1);
    }
    json_decref(result);
    return status;
}
