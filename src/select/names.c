/* Names of the outputs: a source file's is its score file's, without the number of the unit; that of dolma's
 * attributes is the source file's own. */
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

/* Takes over `name` as the name of an output. */
static headsift_status take_name(struct hs_source *source, char *name, json_t *taken, headsift_error *error) {
    hs_free(source->output);
    source->output = name;
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

static headsift_status give_name(struct named *named, bool alone, int number, const char *suffix, json_t *taken,
                                 headsift_error *error) {
    struct hs_source *source = named->source;
    if (source->wanted == 0) {
        hs_free(source->output);
        source->output = NULL;
        return HEADSIFT_OK;
    }
    char *name = alone ? hs_format("%s.%s", named->stem, suffix) : hs_format("%s-%05d.%s", named->stem, number, suffix);
    return take_name(source, name, taken, error);
}

/* Source files with the same stem, as one score file of several source files has, get numbers. */
static headsift_status give_names(struct named *named, size_t n, const char *suffix, json_t *taken,
                                  headsift_error *error) {
    headsift_status status = HEADSIFT_OK;
    int number = 0;
    for (size_t i = 0; status == HEADSIFT_OK && i < n; i++) {
        bool first = i == 0 || strcmp(named[i].stem, named[i - 1].stem) != 0;
        bool alone = first && (i + 1 == n || strcmp(named[i].stem, named[i + 1].stem) != 0);
        number = first ? 0 : number + 1;
        status = give_name(&named[i], alone, number, suffix, taken, error);
    }
    return status;
}

static headsift_status name_by_parts(struct hs_selection *selection, json_t *taken, headsift_error *error) {
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
        const char *suffix = selection->choice.format == HS_OUTPUT_JSONL ? "jsonl" : "parquet";
        status = give_names(named, n, suffix, taken, error);
    }
    for (size_t i = 0; named != NULL && i < n; i++) {
        hs_free(named[i].stem);
    }
    hs_free(named);
    return status;
}

/* ---- Dolma's layout: ROOT/documents/REST and ROOT/attributes/NAME/REST ---- */

static const char documents[] = "documents/", attributes[] = "attributes/headsift/";

/* Appends a path without its first slash and without "." and "..", which could lead out of the output folder. */
static bool append_inner(struct hs_buffer *out, const char *path, size_t size) {
    bool ok = true;
    for (size_t at = 0, end; ok && at < size; at = end) {
        for (end = at; end < size && path[end] != '/'; end++) {}
        bool dots = end - at <= 2 && strspn(path + at, ".") >= end - at;
        end += end < size;
        ok = dots || hs_buffer_append(out, path + at, end - at);
    }
    return ok;
}

/* Where the last folder called "documents" begins, or NULL. */
static const char *find_documents(const char *path) {
    const char *found = NULL;
    for (const char *at = path; (at = strstr(at, documents)) != NULL; at++) {
        found = at == path || at[-1] == '/' ? at : found;
    }
    return found;
}

static bool is_jsonl(const struct hs_source *source) {
    const char *format = hs_source_inputs(source).format;
    if (format != NULL) {
        return strcmp(format, "jsonl") == 0;
    }
    static const char *const suffixes[] = {".jsonl", ".ndjson", ".json"}, *const packed[] = {"", ".gz", ".zst"};
    for (size_t i = 0; i < 9; i++) {
        char *suffix = hs_format("%s%s", suffixes[i / 3], packed[i % 3]);
        size_t size = strlen(source->name), tail = suffix != NULL ? strlen(suffix) : size + 1;
        bool same = size >= tail && strcmp(source->name + size - tail, suffix) == 0;
        hs_free(suffix);
        if (same) {
            return true;
        }
    }
    return false;
}

/* The documents' own name in place of theirs; `common` bytes of it are the folder that all source files lie in. Only
 * JSON lines are what dolma reads: others get a name of such. NULL when there is no memory. */
static char *attributes_name(const struct hs_source *source, size_t common) {
    const char *name = source->name, *found = find_documents(name), *rest = name + common;
    size_t before = 0;
    if (found != NULL) {
        before = found > rest ? (size_t)(found - rest) : 0;
        rest = found + strlen(documents);
    }
    struct hs_buffer out = {0};
    bool ok = append_inner(&out, name + common, before) && hs_buffer_printf(&out, "%s", attributes) &&
              append_inner(&out, rest, strlen(rest)) &&
              hs_buffer_printf(&out, "%s", is_jsonl(source) ? "" : ".jsonl.gz");
    char *result = ok ? hs_copy_bytes(out.data, out.size) : NULL;
    hs_buffer_free(&out);
    return result;
}

static headsift_status name_by_documents(struct hs_selection *selection, json_t *taken, headsift_error *error) {
    size_t common = hs_common_folder(selection, false);
    headsift_status status = HEADSIFT_OK;
    for (size_t i = 0; status == HEADSIFT_OK && i < selection->n_sources; i++) {
        struct hs_source *source = &selection->sources[i];
        status = take_name(source, attributes_name(source, common), taken, error);
    }
    return status;
}

headsift_status hs_sources_name(struct hs_selection *selection, headsift_error *error) {
    json_t *taken = json_object();
    if (taken == NULL) {
        return hs_fail_memory(error, "the list of outputs", 1);
    }
    headsift_status status = selection->choice.format == HS_OUTPUT_DOLMA ? name_by_documents(selection, taken, error)
                                                                         : name_by_parts(selection, taken, error);
    json_decref(taken);
    return status;
}
