/* How it was made: model and hash, heads, settings, seeds, versions, inputs, as score.json, run.json and the manifest
 * hold them. */
#include <stdlib.h>
#include <string.h>

#include "report/chart.h"

enum { MOST_INPUTS = 20 };

static void add_value(struct hs_page *page, const char *key, const json_t *value) {
    char *text =
        json_is_string(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(10));
    hs_row_begin(page, key, strlen(key));
    hs_page_raw(page, "<td class=\"name\">");
    if (json_is_string(value)) {
        hs_page_text(page, json_string_value(value), json_string_length(value));
    } else {
        hs_page_string(page, json_is_null(value) ? "(default)" : text);
    }
    hs_page_raw(page, "</td>");
    hs_row_end(page);
    free(text);
}

/* A table of an object's members, objects in it by "name.member"; lists of inputs are shown elsewhere. */
static void add_members(struct hs_page *page, const json_t *object, const char *prefix) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        char name[128];
        snprintf(name, sizeof name, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", key);
        if (strcmp(key, "inputs") == 0 || strcmp(key, "files") == 0 || strcmp(key, "domains") == 0 ||
            strcmp(key, "metadata") == 0) {
            continue;
        }
        if (json_is_object(value)) {
            add_members(page, value, name);
        } else {
            add_value(page, name, value);
        }
    }
}

static void add_table(struct hs_page *page, const json_t *object, const char *caption) {
    static const char *const columns[] = {"setting", "value", NULL};
    if (object == NULL) {
        return;
    }
    hs_table_begin(page, caption, columns);
    add_members(page, object, "");
    hs_table_end(page);
}

static void add_heads(struct hs_page *page, const json_t *heads) {
    static const char *const keys[] = {"model",           "method", "decode",       "samples",
                                       "samples_counted", "seed",   "mask_fraction"};
    json_t *shown = json_object();
    bool ok = shown != NULL;
    for (size_t i = 0; ok && i < sizeof keys / sizeof *keys; i++) {
        json_t *value = json_object_get(heads, keys[i]);
        ok = value == NULL || json_object_set(shown, keys[i], value) == 0;
    }
    page->failed = !ok || page->failed;
    if (json_object_size(shown) > 0) {
        add_table(page, shown, "Heads (heads.json)");
    }
    json_decref(shown);
}

static void add_inputs(struct hs_page *page, const json_t *score) {
    static const char *const columns[] = {"input", "format", "bytes", NULL};
    const json_t *inputs = json_object_get(score, "inputs"), *input;
    size_t i;
    if (json_array_size(inputs) == 0) {
        return;
    }
    hs_table_begin(page, "Inputs", columns);
    json_array_foreach(inputs, i, input) {
        const char *path = hs_word(input, "path");
        if (i == MOST_INPUTS) {
            break;
        }
        hs_row_begin(page, path, strlen(path));
        hs_cell_string(page, hs_word(input, "format"));
        hs_cell_count(page, json_integer_value(json_object_get(input, "size")));
        hs_row_end(page);
    }
    hs_table_end(page);
    if (json_array_size(inputs) > MOST_INPUTS) {
        hs_page_raw(page, "<p>\xE2\x80\xA6 and ");
        hs_add_count(page, (int64_t)json_array_size(inputs) - MOST_INPUTS);
        hs_page_raw(page, " more: see score.json.</p>\n");
    }
}

void hs_add_made(struct hs_report *report) {
    struct hs_page *page = &report->page;
    const struct hs_run_folder *folder = report->folder;
    hs_section_begin(report, "made", "How it was made");
    hs_page_raw(page, "<p>By headsift " HEADSIFT_VERSION ". Method: AttentionInfluence, arXiv 2505.07293.</p>\n");
    add_heads(page, folder->heads_json);
    add_table(page, folder->score, "Scores (score.json)");
    add_table(page, json_object_get(folder->manifest, "options"), "Selection (manifest.json)");
    add_table(page, json_object_get(folder->run, "probe"), "Probe (run.json)");
    add_inputs(page, folder->score);
    if (folder->n_results > 0) {
        hs_page_raw(page, "<p>Further results: ");
        for (size_t i = 0; i < folder->n_results; i++) {
            hs_page_raw(page, i > 0 ? ", <span class=\"name\">" : "<span class=\"name\">");
            hs_page_string(page, folder->results[i].name);
            hs_page_printf(page, "</span> (%s)", folder->results[i].kind);
        }
        hs_page_raw(page, ".</p>\n");
    }
    hs_section_end(page);
}
