/* Two or more files of heads: which heads they share, and how alike they rank all of them.
 * Different shapes are refused: layer 7, head 3 of another model is another head. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/statistics.h"
#include "base/text.h"
#include "compare/compare.h"
#include "probe/detect.h"

enum { LABEL_SIZE = 64 };

/* One file. */
struct entry {
    const char *path;
    char label[LABEL_SIZE]; /* for the table and the JSON: the file's name, or its path where names are alike */
    headsift_heads *heads;
    headsift_head *top; /* the best `n_top` of the comparison; NULL: the file states no scores */
};

struct heads_comparison {
    const struct hs_compare *compare;
    struct entry *entries;
    size_t n, n_top; /* n_top 0: no file states scores */
    json_t *pairs;
};

struct pair {
    const struct entry *a, *b;
    size_t shared_top, shared_chosen, smaller_chosen;
    double spearman, pearson; /* NaN: not known */
};

/* ---- Files ---- */

static void make_label(const char *path, bool whole, char *label) {
    const char *slash = strrchr(path, '/'), *name = slash != NULL && !whole ? slash + 1 : path;
    size_t size = strlen(name);
    bool json = !whole && size > 5 && strcmp(name + size - 5, ".json") == 0;
    hs_escape_line(name, json ? size - 5 : size, label, LABEL_SIZE);
}

static void label_entries(struct heads_comparison *all) {
    bool alike = false;
    for (size_t i = 0; i < all->n; i++) {
        make_label(all->entries[i].path, false, all->entries[i].label);
        for (size_t j = 0; j < i; j++) {
            alike = alike || strcmp(all->entries[i].label, all->entries[j].label) == 0;
        }
    }
    for (size_t i = 0; alike && i < all->n; i++) {
        make_label(all->entries[i].path, true, all->entries[i].label);
    }
}

static headsift_status check_shape(const struct entry *a, const struct entry *b, headsift_error *error) {
    bool layers = a->heads->n_layer == b->heads->n_layer || a->heads->n_layer == 0 || b->heads->n_layer == 0;
    bool heads = a->heads->n_head == b->heads->n_head || a->heads->n_head == 0 || b->heads->n_head == 0;
    if (layers && heads) {
        return HEADSIFT_OK;
    }
    return hs_fail(error, HEADSIFT_FAILED,
                   "%s is of a model with %d layers x %d heads, %s of one with %d x %d: only heads of one shape can be "
                   "compared",
                   a->path, a->heads->n_layer, a->heads->n_head, b->path, b->heads->n_layer, b->heads->n_head);
}

static headsift_status load_entries(struct heads_comparison *all, headsift_error *error) {
    for (size_t i = 0; i < all->n; i++) {
        struct entry *entry = &all->entries[i];
        entry->path = all->compare->paths[i];
        HS_TRY(headsift_heads_load(entry->path, &entry->heads, error));
        for (size_t j = 0; j < i; j++) {
            HS_TRY(check_shape(&all->entries[j], entry, error));
        }
    }
    label_entries(all);
    return HEADSIFT_OK;
}

/* ---- The best heads of each ---- */

static headsift_status rank_entry(struct heads_comparison *all, struct entry *entry, headsift_error *error) {
    const headsift_heads *heads = entry->heads;
    const headsift_heads_options wanted = {.top_fraction = all->compare->options->top_fraction,
                                           .top_count = all->compare->options->top_count};
    if (heads->scores == NULL) {
        return HEADSIFT_OK;
    }
    HS_TRY(hs_heads_wanted(&wanted, (size_t)heads->n_layer * (size_t)heads->n_head, &all->n_top, error));
    entry->top = hs_alloc(all->n_top, sizeof *entry->top);
    return entry->top != NULL
               ? hs_rank_heads(heads->scores, heads->n_layer, heads->n_head, all->n_top, entry->top, error)
               : hs_fail_memory(error, "heads", all->n_top * sizeof *entry->top);
}

static bool contains(const headsift_head *heads, size_t n, headsift_head head) {
    for (size_t i = 0; i < n; i++) {
        if (heads[i].layer == head.layer && heads[i].head == head.head) {
            return true;
        }
    }
    return false;
}

static size_t count_shared(const headsift_head *a, size_t n_a, const headsift_head *b, size_t n_b) {
    size_t shared = 0;
    for (size_t i = 0; i < n_a; i++) {
        shared += contains(b, n_b, a[i]);
    }
    return shared;
}

/* ---- Pairs ---- */

static headsift_status compare_pair(const struct heads_comparison *all, const struct entry *a, const struct entry *b,
                                    struct pair *pair, headsift_error *error) {
    const headsift_heads *first = a->heads, *second = b->heads;
    *pair = (struct pair){.a = a, .b = b, .spearman = NAN, .pearson = NAN};
    pair->shared_chosen = count_shared(first->heads, first->n_heads, second->heads, second->n_heads);
    pair->smaller_chosen = first->n_heads < second->n_heads ? first->n_heads : second->n_heads;
    if (a->top == NULL || b->top == NULL) {
        return HEADSIFT_OK;
    }
    size_t total = (size_t)first->n_layer * (size_t)first->n_head;
    pair->shared_top = count_shared(a->top, all->n_top, b->top, all->n_top);
    pair->pearson = hs_pearson(first->scores, second->scores, total);
    return hs_spearman(first->scores, second->scores, total, &pair->spearman, error);
}

static json_t *list_heads(const headsift_head *heads, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(list, json_pack("[i, i]", heads[i].layer, heads[i].head));
    }
    return list;
}

static json_t *list_shared(const struct heads_comparison *all, const struct pair *pair) {
    json_t *list = json_array();
    for (size_t i = 0; pair->a->top != NULL && pair->b->top != NULL && i < all->n_top; i++) {
        headsift_head head = pair->a->top[i];
        if (contains(pair->b->top, all->n_top, head)) {
            json_array_append_new(list, json_pack("[i, i]", head.layer, head.head));
        }
    }
    return list;
}

static headsift_status keep_pair(struct heads_comparison *all, const struct pair *pair, headsift_error *error) {
    bool ranked = pair->a->top != NULL && pair->b->top != NULL;
    json_t *object =
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "a", pair->a->label, "b", pair->b->label, "overlap",
                  hs_compare_number(ranked ? (double)pair->shared_top / (double)all->n_top : NAN), "overlap_chosen",
                  hs_compare_number((double)pair->shared_chosen / (double)pair->smaller_chosen), "spearman",
                  hs_compare_number(pair->spearman), "pearson", hs_compare_number(pair->pearson), "shared",
                  list_shared(all, pair));
    return json_array_append_new(all->pairs, object) == 0 ? HEADSIFT_OK : hs_fail_memory(error, "a comparison", 1);
}

/* ---- The table ---- */

static int label_width(const struct heads_comparison *all) {
    size_t width = 4;
    for (size_t i = 0; i < all->n; i++) {
        size_t size = strlen(all->entries[i].label);
        width = size > width ? size : width;
    }
    return (int)width;
}

static void print_title(const struct heads_comparison *all, FILE *out) {
    char top[32];
    int width = label_width(all);
    snprintf(top, sizeof top, all->n_top > 0 ? "top %zu" : "top", all->n_top);
    fprintf(out, "%-*s  %-*s  %9s  %9s  %8s  %8s\n", width, "a", width, "b", top, "chosen", "Spearman", "Pearson");
}

static void print_share(FILE *out, size_t shared, size_t of) {
    char text[48];
    snprintf(text, sizeof text, "%zu/%zu", shared, of);
    fprintf(out, "  %9s", text);
}

static void print_number(FILE *out, double value) {
    if (isfinite(value)) {
        fprintf(out, "  %8.4f", value);
    } else {
        fprintf(out, "  %8s", "-");
    }
}

static void print_pair(const struct heads_comparison *all, const struct pair *pair, FILE *out) {
    int width = label_width(all);
    fprintf(out, "%-*s  %-*s", width, pair->a->label, width, pair->b->label);
    if (pair->a->top != NULL && pair->b->top != NULL) {
        print_share(out, pair->shared_top, all->n_top);
    } else {
        fprintf(out, "  %9s", "-");
    }
    print_share(out, pair->shared_chosen, pair->smaller_chosen);
    print_number(out, pair->spearman);
    print_number(out, pair->pearson);
    fputc('\n', out);
}

/* Heads that every file chose, in the order of the first. */
static json_t *list_common(const struct heads_comparison *all) {
    json_t *list = json_array();
    const headsift_heads *first = all->entries[0].heads;
    for (size_t i = 0; i < first->n_heads; i++) {
        bool in_all = true;
        for (size_t j = 1; j < all->n; j++) {
            in_all = in_all && contains(all->entries[j].heads->heads, all->entries[j].heads->n_heads, first->heads[i]);
        }
        if (in_all) {
            json_array_append_new(list, json_pack("[i, i]", first->heads[i].layer, first->heads[i].head));
        }
    }
    return list;
}

static void print_common(const json_t *common, size_t n, FILE *out) {
    size_t index;
    json_t *pair;
    fprintf(out, "chosen in all %zu: %zu heads%s", n, json_array_size(common), json_array_size(common) > 0 ? ":" : "");
    json_array_foreach(common, index, pair) {
        fprintf(out, " [%d, %d]", (int)json_integer_value(json_array_get(pair, 0)),
                (int)json_integer_value(json_array_get(pair, 1)));
    }
    fputc('\n', out);
}

/* Rankings that say nothing, said under the table. */
static void print_noise(const struct heads_comparison *all, FILE *out) {
    for (size_t i = 0; i < all->n; i++) {
        const char *noise = all->entries[i].heads->noise;
        if (noise != NULL) {
            char why[512];
            hs_escape_line(noise, strlen(noise), why, sizeof why);
            fprintf(out, "%s is noise: %s\n", all->entries[i].label, why);
        }
    }
}

/* ---- The whole ---- */

static headsift_status compare_pairs(struct heads_comparison *all, headsift_error *error) {
    FILE *out = all->compare->out;
    if (out != NULL) {
        print_title(all, out);
    }
    for (size_t i = 0; i < all->n; i++) {
        for (size_t j = i + 1; j < all->n; j++) {
            struct pair pair;
            HS_TRY(compare_pair(all, &all->entries[i], &all->entries[j], &pair, error));
            HS_TRY(keep_pair(all, &pair, error));
            if (out != NULL) {
                print_pair(all, &pair, out);
            }
        }
    }
    return HEADSIFT_OK;
}

static json_t *text_or_null(const char *text) { return text != NULL ? json_string(text) : json_null(); }

static json_t *describe(const struct entry *entry) {
    const headsift_heads *heads = entry->heads;
    char path[1024];
    hs_escape_line(entry->path, strlen(entry->path), path, sizeof path);
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:i, s:i, s:o}", "label", entry->label, "path",
                     path, "model", text_or_null(heads->model_name), "sha256", text_or_null(heads->model_sha256),
                     "method", text_or_null(heads->method), "decode", text_or_null(heads->decode), "noise",
                     text_or_null(heads->noise), "samples", heads->samples, "samples_counted", heads->samples_counted,
                     "n_layer", heads->n_layer, "n_head", heads->n_head, "chosen",
                     list_heads(heads->heads, heads->n_heads));
}

static headsift_status finish(struct heads_comparison *all, json_t **out, headsift_error *error) {
    json_t *files = json_array(), *common = list_common(all);
    size_t total = 0;
    for (size_t i = 0; i < all->n; i++) {
        const headsift_heads *heads = all->entries[i].heads;
        total = total == 0 ? (size_t)heads->n_layer * (size_t)heads->n_head : total;
        json_array_append_new(files, describe(&all->entries[i]));
    }
    if (all->compare->out != NULL) {
        print_common(common, all->n, all->compare->out);
        print_noise(all, all->compare->out);
    }
    double top = all->n_top > 0 ? (double)all->n_top / (double)total : NAN;
    *out = json_pack("{s:s, s:o, s:o, s:I, s:o, s:o}", "kind", "compare-heads", "heads", files, "top",
                     hs_compare_number(top), "top_heads", (json_int_t)all->n_top, "pairs", json_incref(all->pairs),
                     "in_all", common);
    return *out != NULL ? HEADSIFT_OK : hs_fail_memory(error, "a comparison", 1);
}

static headsift_status do_all(struct heads_comparison *all, json_t **out, headsift_error *error) {
    if (all->entries == NULL || all->pairs == NULL) {
        return hs_fail_memory(error, "files of heads", all->n * sizeof *all->entries);
    }
    HS_TRY(load_entries(all, error));
    for (size_t i = 0; i < all->n; i++) {
        HS_TRY(rank_entry(all, &all->entries[i], error));
    }
    HS_TRY(compare_pairs(all, error));
    return finish(all, out, error);
}

headsift_status hs_compare_heads(const struct hs_compare *compare, json_t **out, headsift_error *error) {
    struct heads_comparison all = {.compare = compare,
                                   .entries = hs_alloc(compare->n, sizeof *all.entries),
                                   .n = compare->n,
                                   .pairs = json_array()};
    headsift_status status = do_all(&all, out, error);
    for (size_t i = 0; all.entries != NULL && i < all.n; i++) {
        headsift_heads_free(all.entries[i].heads);
        hs_free(all.entries[i].top);
    }
    hs_free(all.entries);
    json_decref(all.pairs);
    return status;
}
