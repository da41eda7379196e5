/* headsift_score_plan: what headsift_score_files would do, for people, before it does it.
 * Nothing is written. */
#include <string.h>

#include "base/text.h"
#include "influence/estimate.h"

enum { COUNTED_BYTES = 64 << 20 }; /* files up to this size are read to count their documents */

/* What is printed, and its totals. */
struct listing {
    const struct hs_score_plan *plan;
    FILE *out;
    int64_t documents;
    double bytes;
    size_t unread; /* inputs whose units are not known */
};

static void print_setting(FILE *out, const char *key, const json_t *value) {
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    char line[512] = "";
    const char *shown = json_is_string(value) ? json_string_value(value) : text != NULL ? text : "?";
    hs_escape_line(shown, strlen(shown), line, sizeof line);
    fprintf(out, "%-12s %s\n", key, json_is_null(value) ? "(default)" : line);
    free(text);
}

static void print_settings(const struct hs_score_plan *plan, const struct hs_scoring *scoring, FILE *out) {
    const char *key;
    json_t *value;
    json_object_foreach(plan->settings, key, value) {
        bool unknown = strcmp(key, "heads") == 0 && scoring->masks[1].n_heads == 0;
        bool no_limit = strcmp(key, "limit") == 0 && json_integer_value(value) == 0;
        bool unused = strcmp(key, "text") == 0 && json_is_null(value); /* prompts and responses */
        if (strcmp(key, "inputs") != 0 && !unknown && !no_limit && !unused) {
            print_setting(out, key, value);
        }
    }
}

/* Documents, units and finished units of one input: "2 documents in 1 unit, 1 done". */
static void describe(const struct hs_score_plan *plan, size_t input, int64_t *documents, char out[96]) {
    size_t first = plan->input_parts[input], n = plan->input_parts[input + 1] - first, done = 0;
    *documents = 0;
    for (size_t i = first; i < first + n; i++) {
        *documents += plan->parts[i].range.rows;
        done += plan->parts[i].done;
    }
    int size = snprintf(out, 96, "%lld documents in %zu unit%s", (long long)*documents, n, n == 1 ? "" : "s");
    if (done > 0) {
        snprintf(out + size, 96 - (size_t)size, ", %zu done", done);
    }
}

static void print_input(struct listing *listing, size_t input, const char *format) {
    const struct hs_input *file = &listing->plan->inputs.items[input];
    char path[1024], units[96] = "not counted";
    int64_t documents = 0;
    hs_escape_line(file->path, strlen(file->path), path, sizeof path);
    if (listing->plan->sources[input].unread) {
        listing->unread++;
    } else {
        describe(listing->plan, input, &documents, units);
    }
    listing->documents += documents;
    listing->bytes += (double)file->identity.size;
    fprintf(listing->out, "%-8s %12llu bytes  %s  %s\n", format, (unsigned long long)file->identity.size, units, path);
}

/* What this rank has to do: documents, or -1 where they are not known, and bytes of text or of files. */
static void print_share(const struct listing *listing, int64_t *documents, double *bytes) {
    const struct hs_score_plan *plan = listing->plan;
    size_t left = 0;
    *documents = 0;
    *bytes = 0;
    for (size_t i = plan->first; i < plan->last; i++) {
        left += !plan->parts[i].done;
        *documents += plan->parts[i].done ? 0 : plan->parts[i].range.rows;
        *bytes += plan->parts[i].done ? 0 : (double)plan->parts[i].range.text_bytes;
    }
    if (listing->unread > 0) {
        *documents = -1;
        *bytes = listing->bytes / plan->world;
        fprintf(listing->out,
                "rank %d of %d: about 1/%d of the text; files that are not counted are read through first\n",
                plan->rank, plan->world, plan->world);
    } else {
        fprintf(listing->out, "rank %d of %d: %zu of %zu units, %zu not done: %lld documents, %.0f bytes of text\n",
                plan->rank, plan->world, plan->last - plan->first, plan->n_parts, left, (long long)*documents, *bytes);
    }
}

static headsift_status print_plan(headsift_model *model, const struct hs_score_plan *plan, struct hs_scoring *scoring,
                                  const headsift_inputs *inputs, FILE *out, headsift_error *error) {
    struct listing listing = {.plan = plan, .out = out};
    const json_t *entries = json_object_get(plan->settings, "inputs");
    int64_t documents;
    double bytes;
    print_settings(plan, scoring, out);
    for (size_t i = 0; i < plan->inputs.n; i++) {
        print_input(&listing, i, json_string_value(json_object_get(json_array_get(entries, i), "format")));
    }
    fprintf(out, "in all: %zu files, %.0f bytes, %s%lld documents, %s%zu units\n", plan->inputs.n, listing.bytes,
            listing.unread > 0 ? "more than " : "", (long long)listing.documents,
            listing.unread > 0 ? "more than " : "", plan->n_parts);
    print_share(&listing, &documents, &bytes);
    return hs_estimate_print(model, scoring, plan, inputs, documents, bytes, out, error);
}

/* A missing column is found here, in any size of file. */
static headsift_status open_inputs(const struct hs_score_plan *plan, const headsift_inputs *inputs,
                                   headsift_error *error) {
    for (size_t i = 0; i < plan->inputs.n; i++) {
        struct hs_reader *reader;
        HS_TRY(hs_reader_open(&plan->inputs.items[i], inputs, false, &reader, error));
        hs_reader_close(reader);
    }
    return HEADSIFT_OK;
}

static headsift_status look(struct hs_score_plan *plan, const headsift_inputs *inputs, bool compare,
                            const headsift_monitor *monitor, headsift_error *error) {
    if (compare) {
        HS_TRY(hs_plan_compare(plan, error));
    }
    HS_TRY(open_inputs(plan, inputs, error));
    HS_TRY(hs_plan_units(plan, inputs, COUNTED_BYTES, monitor, error));
    hs_plan_share(plan);
    return compare ? hs_plan_look(plan, error) : HEADSIFT_OK;
}

headsift_status headsift_score_plan(headsift_model *model, const headsift_heads *heads,
                                    const headsift_score_options *options, const headsift_inputs *inputs,
                                    const char *directory, bool overwrite, FILE *out, const headsift_monitor *monitor,
                                    headsift_error *error) {
    static const headsift_score_options defaults = {0};
    struct hs_scoring scoring;
    struct hs_score_plan plan;
    options = options != NULL ? options : &defaults;
    bool compare = directory != NULL && heads != NULL && !overwrite;
    if (compare) {
        HS_TRY(hs_dtype_adopt(model, directory, error));
    }
    HS_TRY(hs_scoring_prepare(model, heads, options, monitor, &scoring, error));
    const char *place = directory != NULL ? directory : ".";
    headsift_status status = hs_plan_make(model, &scoring, options, inputs, place, &plan, error);
    if (status == HEADSIFT_OK) {
        status = look(&plan, inputs, compare, monitor, error);
    }
    if (status == HEADSIFT_OK) {
        status = print_plan(model, &plan, &scoring, inputs, out, error);
    }
    hs_plan_free(&plan);
    hs_scoring_free(&scoring);
    return status;
}
