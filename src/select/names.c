/* Names of the outputs: a source file's is its score file's, without the number of the unit. */
#include <stdlib.h>
#include <string.h>

#include "select/select.h"

/* A source file and what its output may be called. */
struct named {
    struct hs_source *source;
    char *stem;
};

static int compare_named(const void *left, const void *right) {
    const struct named *a = left, *b = right;
    int order = strcmp(a->stem, b->stem);
    return order != 0 ? order : (a->source->place > b->source->place) - (a->source->place < b->source->place);
}

static headsift_status give_name(struct named *named, bool alone, int number, const char *suffix, json_t *taken,
                                 headsift_error *error) {
    struct hs_source *source = named->source;
    hs_free(source->output);
    source->output = NULL;
    if (source->wanted == 0) {
        return HEADSIFT_OK;
    }
    source->output =
        alone ? hs_format("%s.%s", named->stem, suffix) : hs_format("%s-%05d.%s", named->stem, number, suffix);
    if (source->output == NULL) {
        return hs_fail_memory(error, source->path, strlen(source->path));
    }
    if (json_object_get(taken, source->output) != NULL) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: two outputs would be called %s: rename a score file, or select from them apart",
                       source->path, source->output);
    }
    return json_object_set_new_nocheck(taken, source->output, json_true()) == 0
               ? HEADSIFT_OK
               : hs_fail_memory(error, "the list of outputs", 1);
}

/* Source files with the same stem, as one score file of several source files has, get numbers. */
static headsift_status give_names(struct named *named, size_t n, const char *suffix, headsift_error *error) {
    json_t *taken = json_object();
    headsift_status status = taken != NULL ? HEADSIFT_OK : hs_fail_memory(error, "the list of outputs", 1);
    int number = 0;
    for (size_t i = 0; status == HEADSIFT_OK && i < n; i++) {
        bool first = i == 0 || strcmp(named[i].stem, named[i - 1].stem) != 0;
        bool alone = first && (i + 1 == n || strcmp(named[i].stem, named[i + 1].stem) != 0);
        number = first ? 0 : number + 1;
        status = give_name(&named[i], alone, number, suffix, taken, error);
    }
    json_decref(taken);
    return status;
}

headsift_status hs_sources_name(struct hs_selection *selection, headsift_error *error) {
    size_t n = selection->n_sources;
    struct named *named = hs_alloc(n, sizeof *named);
    headsift_status status = named != NULL ? HEADSIFT_OK : hs_fail_memory(error, "names", n * sizeof *named);
    for (size_t i = 0; status == HEADSIFT_OK && i < n; i++) {
        struct hs_source *source = &selection->sources[i];
        named[i] = (struct named){source, hs_part_stem(selection->parts.paths[source->part], true)};
        status = named[i].stem != NULL ? HEADSIFT_OK : hs_fail_memory(error, "a name", 1);
    }
    if (status == HEADSIFT_OK) {
        qsort(named, n, sizeof *named, compare_named);
        status = give_names(named, n, selection->choice.format == HS_OUTPUT_JSONL ? "jsonl" : "parquet", error);
    }
    for (size_t i = 0; named != NULL && i < n; i++) {
        hs_free(named[i].stem);
    }
    hs_free(named);
    return status;
}
