/* headsift_score_plan: what headsift_score_files would do, for people, before it does it.
 * Nothing is written. */
#include <string.h>

#include "base/text.h"
#include "influence/estimate.h"

enum { COUNTED_BYTES = 64 << 20 }; /* files up to this size are read to count their documents */

/* What is printed, and its totals. */
struct listing {
    const headsift_inputs *inputs;
    FILE *out;
    int64_t documents;
    bool all_counted;
    double bytes;
    int64_t done_documents; /* of parts that are there */
    double done_bytes;
};

static headsift_status count_records(const struct hs_input *input, const headsift_inputs *inputs, int64_t *n,
                                     headsift_error *error) {
    struct hs_reader *reader;
    struct hs_document document;
    bool more = true;
    *n = -1;
    HS_TRY(hs_reader_open(input, inputs, false, &reader, error)); /* a missing column is found here, in any size */
    headsift_status status = HEADSIFT_OK;
    if (input->identity.size <= COUNTED_BYTES) {
        for (*n = 0; status == HEADSIFT_OK && more; *n += status == HEADSIFT_OK && more) {
            status = hs_reader_next(reader, &document, &more, error);
        }
    }
    hs_reader_close(reader);
    return status;
}

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
        if (strcmp(key, "inputs") != 0 && !unknown && !no_limit) {
            print_setting(out, key, value);
        }
    }
}

static headsift_status print_input(struct listing *listing, const struct hs_input *input, const struct hs_part *part,
                                   const char *format, bool with_part, headsift_error *error) {
    int64_t n;
    char path[1024], count[32] = "not counted";
    HS_TRY(count_records(input, listing->inputs, &n, error));
    hs_escape_line(input->path, strlen(input->path), path, sizeof path);
    if (n >= 0) {
        snprintf(count, sizeof count, "%lld", (long long)n);
        listing->documents += n;
    } else {
        listing->all_counted = false;
    }
    listing->bytes += (double)input->identity.size;
    if (part->done) {
        listing->done_documents += part->record.documents;
        listing->done_bytes += (double)input->identity.size;
    }
    fprintf(listing->out, "%-8s %12llu bytes %12s documents  %s", format, (unsigned long long)input->identity.size,
            count, path);
    if (with_part) {
        fprintf(listing->out, " -> %s%s", part->name, part->done ? " (done)" : "");
    }
    fputc('\n', listing->out);
    return HEADSIFT_OK;
}

static headsift_status print_plan(headsift_model *model, const struct hs_score_plan *plan, struct hs_scoring *scoring,
                                  const headsift_inputs *inputs, bool with_parts, FILE *out, headsift_error *error) {
    struct listing listing = {.inputs = inputs, .out = out, .all_counted = true};
    const json_t *entries = json_object_get(plan->settings, "inputs");
    print_settings(plan, scoring, out);
    for (size_t i = 0; i < plan->inputs.n; i++) {
        const char *format = json_string_value(json_object_get(json_array_get(entries, i), "format"));
        HS_TRY(print_input(&listing, &plan->inputs.items[i], &plan->parts[i], format, with_parts, error));
    }
    fprintf(out, "in all: %zu files, %.0f bytes, %s%lld documents%s\n", plan->inputs.n, listing.bytes,
            listing.all_counted ? "" : "more than ", (long long)listing.documents,
            plan->limit > 0 ? " before --limit" : "");
    int64_t documents = listing.all_counted ? listing.documents : -1;
    if (plan->limit > 0 && (documents < 0 || documents > plan->limit)) {
        documents = plan->limit;
    }
    documents = documents > listing.done_documents ? documents - listing.done_documents : documents < 0 ? -1 : 0;
    return hs_estimate_print(model, scoring, plan, inputs, documents, listing.bytes - listing.done_bytes, out, error);
}

headsift_status headsift_score_plan(headsift_model *model, const headsift_heads *heads,
                                    const headsift_score_options *options, const headsift_inputs *inputs,
                                    const char *directory, bool overwrite, FILE *out, const headsift_monitor *monitor,
                                    headsift_error *error) {
    static const headsift_score_options defaults = {0};
    struct hs_scoring scoring;
    struct hs_score_plan plan;
    options = options != NULL ? options : &defaults;
    HS_TRY(hs_scoring_prepare(model, heads, options, monitor, &scoring, error));
    HS_TRY(hs_plan_make(model, &scoring, options, inputs, directory != NULL ? directory : ".", &plan, error));
    bool compare = directory != NULL && heads != NULL && !overwrite;
    headsift_status status = compare ? hs_plan_compare(&plan, error) : HEADSIFT_OK;
    if (status == HEADSIFT_OK) {
        status = print_plan(model, &plan, &scoring, inputs, directory != NULL, out, error);
    }
    hs_plan_free(&plan);
    return status;
}
