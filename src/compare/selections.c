/* Two selections: documents shared, by domain, and lengths, exactly; words and clusters by samples.
 * Documents are told apart by file and row, so the two must come from scores of the same inputs. */
#include "compare/selections.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "compare/print.h"

/* ---- What the two have in common ---- */

static int compare_names(const char *a, size_t a_size, const char *b, size_t b_size) {
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

/* Source files are sorted by name on both sides. */
static headsift_status match_sources(struct hs_pair *pair, headsift_error *error) {
    const struct hs_selection *a = &pair->sides[0].selection, *b = &pair->sides[1].selection;
    pair->twins[0] = hs_alloc(a->n_sources, sizeof *pair->twins[0]);
    pair->twins[1] = hs_alloc(b->n_sources, sizeof *pair->twins[1]);
    if (pair->twins[0] == NULL || pair->twins[1] == NULL) {
        return hs_fail_memory(error, "the source files", a->n_sources + b->n_sources);
    }
    memset(pair->twins[0], -1, a->n_sources * sizeof *pair->twins[0]);
    memset(pair->twins[1], -1, b->n_sources * sizeof *pair->twins[1]);
    size_t matched = 0;
    for (size_t i = 0, j = 0; i < a->n_sources && j < b->n_sources;) {
        int order = strcmp(a->sources[i].name, b->sources[j].name);
        if (order == 0) {
            pair->twins[0][i] = (int32_t)j;
            pair->twins[1][j] = (int32_t)i;
            matched++;
        }
        i += order <= 0;
        j += order >= 0;
    }
    return matched > 0 ? HEADSIFT_OK
                       : hs_fail(error, HEADSIFT_FAILED,
                                 "%s and %s have no input file in common (%s; %s): compare selections from the same "
                                 "inputs, named the same way",
                                 pair->sides[0].path, pair->sides[1].path, a->sources[0].name, b->sources[0].name);
}

/* The next domain by name of the two lists, of which `at` are done. */
static void next_domain(struct hs_pair *pair, size_t at[2]) {
    const struct hs_domain *next[2] = {0};
    for (int side = 0; side < 2; side++) {
        const struct hs_selection *selection = &pair->sides[side].selection;
        next[side] = at[side] < selection->n_domains ? &selection->domains[at[side]] : NULL;
    }
    int order = next[0] == NULL   ? 1
                : next[1] == NULL ? -1
                                  : compare_names(next[0]->name, next[0]->name_size, next[1]->name, next[1]->name_size);
    const struct hs_domain *first = order <= 0 ? next[0] : next[1];
    pair->domains[pair->n_domains] = (struct hs_pair_domain){.name = first->name, .name_size = first->name_size};
    if (order <= 0) {
        pair->domains_of[0][at[0]++] = (int32_t)pair->n_domains;
    }
    if (order >= 0) {
        pair->domains_of[1][at[1]++] = (int32_t)pair->n_domains;
    }
    pair->n_domains++;
}

static headsift_status match_domains(struct hs_pair *pair, headsift_error *error) {
    size_t n[2] = {pair->sides[0].selection.n_domains, pair->sides[1].selection.n_domains}, at[2] = {0, 0};
    pair->domains = hs_alloc(n[0] + n[1], sizeof *pair->domains);
    pair->domains_of[0] = hs_alloc(n[0], sizeof *pair->domains_of[0]);
    pair->domains_of[1] = hs_alloc(n[1], sizeof *pair->domains_of[1]);
    if (pair->domains == NULL || pair->domains_of[0] == NULL || pair->domains_of[1] == NULL) {
        return hs_fail_memory(error, "the list of domains", (n[0] + n[1]) * sizeof *pair->domains);
    }
    while (at[0] < n[0] || at[1] < n[1]) {
        next_domain(pair, at);
    }
    return HEADSIFT_OK;
}

/* ---- Counting ---- */

int64_t hs_length_edge(int bin) { return bin == 0 ? 0 : (int64_t)llround(16 * pow(2, 0.5 * (bin - 1))); }

int hs_length_bin(int64_t tokens) {
    int bin = 0;
    while (bin + 1 < HS_LENGTH_BINS && tokens >= hs_length_edge(bin + 1)) {
        bin++;
    }
    return bin;
}

/* The pass over one side. */
struct counting {
    struct hs_pair *pair;
    int side;
};

static headsift_status sample_row(struct hs_pair *pair, int side, const struct hs_scored *row, headsift_error *error) {
    uint64_t key = hs_row_key(&pair->sides[side], pair->compare->options->seed, row);
    HS_TRY(hs_sample_offer(&pair->samples[side], key, row, error));
    return hs_sample_offer(&pair->states[side], key, row, error);
}

static headsift_status count_row(void *user, const struct hs_scored *row, headsift_error *error) {
    const struct counting *counting = user;
    struct hs_pair *pair = counting->pair;
    int side = counting->side, bin = hs_length_bin(row->tokens);
    pair->lengths[2][bin] += side == 0;
    if (!hs_picked(pair->sides[side].selection.sources[row->source].picks, row->row)) {
        return HEADSIFT_OK;
    }
    struct hs_pair_domain *domain = &pair->domains[pair->domains_of[side][row->domain]];
    domain->chosen[side]++;
    pair->lengths[side][bin]++;
    int32_t twin = pair->twins[side][row->source];
    if (side == 0 && twin >= 0) {
        const struct hs_source *other = &pair->sides[1].selection.sources[twin];
        bool shared = row->row <= other->last_row && hs_picked(other->picks, row->row);
        domain->shared += shared;
        pair->shared += shared;
    }
    return sample_row(pair, side, row, error);
}

static headsift_status count_rows(struct hs_pair *pair, headsift_error *error) {
    int64_t wanted = pair->compare->options->sample, most = wanted > 0 ? wanted : HS_SAMPLE;
    for (int side = 0; side < 2; side++) {
        pair->samples[side].most = (size_t)most;
        pair->states[side].most = wanted > 0 ? (size_t)wanted : HS_STATE_SAMPLE;
        struct counting counting = {pair, side};
        HS_TRY(hs_side_rows(&pair->sides[side], count_row, &counting, error));
        hs_sample_finish(&pair->samples[side]);
        hs_sample_finish(&pair->states[side]);
        HS_TRY(hs_side_check(&pair->sides[side], &pair->samples[side], error)); /* the other sample is part of it */
    }
    return HEADSIFT_OK;
}

/* ---- The result ---- */

static double share_of(int64_t part, int64_t whole) { return whole > 0 ? (double)part / (double)whole : (double)NAN; }

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static json_t *domains_json(const struct hs_pair *pair) {
    json_t *list = json_array();
    for (size_t i = 0; i < pair->n_domains; i++) {
        const struct hs_pair_domain *domain = &pair->domains[i];
        double overlap = share_of(domain->shared, smaller(domain->chosen[0], domain->chosen[1]));
        json_array_append_new(list,
                              json_pack("{s:s%, s:I, s:I, s:I, s:o}", "domain", domain->name, domain->name_size, "a",
                                        (json_int_t)domain->chosen[0], "b", (json_int_t)domain->chosen[1], "shared",
                                        (json_int_t)domain->shared, "overlap", hs_compare_number(overlap)));
    }
    return list;
}

static json_t *lengths_json(const struct hs_pair *pair) {
    static const char *const names[] = {"a", "b", "all"};
    json_t *edges = json_array(), *object = json_pack("{s:o}", "edges", edges);
    int last = 0;
    for (int bin = 0; bin < HS_LENGTH_BINS; bin++) {
        bool used = pair->lengths[0][bin] + pair->lengths[1][bin] + pair->lengths[2][bin] > 0;
        last = used ? bin : last;
    }
    for (int bin = 0; bin <= last + 1; bin++) {
        json_array_append_new(edges, json_integer(hs_length_edge(bin)));
    }
    for (int i = 0; i < 3; i++) {
        json_t *counts = json_array();
        for (int bin = 0; bin <= last; bin++) {
            json_array_append_new(counts, json_integer(pair->lengths[i][bin]));
        }
        json_object_set_new(object, names[i], counts);
    }
    return object;
}

static json_t *documents_json(const struct hs_pair *pair) {
    int64_t a = pair->sides[0].documents, b = pair->sides[1].documents;
    return json_pack("{s:I, s:o, s:o}", "shared", (json_int_t)pair->shared, "overlap",
                     hs_compare_number(share_of(pair->shared, smaller(a, b))), "jaccard",
                     hs_compare_number(share_of(pair->shared, a + b - pair->shared)));
}

static json_t *make_result(const struct hs_pair *pair) {
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "kind", "compare-selections", "a",
                     hs_side_json(&pair->sides[0]), "b", hs_side_json(&pair->sides[1]), "documents",
                     documents_json(pair), "domains", domains_json(pair), "lengths", lengths_json(pair), "seed",
                     (json_int_t)pair->compare->options->seed, "sample", (json_int_t)pair->samples[0].most);
}

static void print_pair(const struct hs_pair *pair, FILE *out) {
    const struct hs_side *a = &pair->sides[0], *b = &pair->sides[1];
    fprintf(out, "a: %s, %lld documents, %lld tokens\nb: %s, %lld documents, %lld tokens\n", a->label,
            (long long)a->documents, (long long)a->tokens, b->label, (long long)b->documents, (long long)b->tokens);
    double overlap = share_of(pair->shared, smaller(a->documents, b->documents));
    double jaccard = share_of(pair->shared, a->documents + b->documents - pair->shared);
    fprintf(out, "shared: %lld documents, overlap %.1f %% of the smaller one, Jaccard %.3f\n\n",
            (long long)pair->shared, 100 * overlap, jaccard);
    fprintf(out, "%-*s %9s %9s %9s %9s\n", HS_NAME_CELLS, "domain", "a", "b", "shared", "overlap");
    for (size_t i = 0; i < pair->n_domains; i++) {
        const struct hs_pair_domain *domain = &pair->domains[i];
        hs_print_name(out, domain->name, domain->name_size);
        fprintf(out, " %9lld %9lld %9lld", (long long)domain->chosen[0], (long long)domain->chosen[1],
                (long long)domain->shared);
        hs_print_percent(out, share_of(domain->shared, smaller(domain->chosen[0], domain->chosen[1])));
        fputc('\n', out);
    }
}

static headsift_status do_pair(struct hs_pair *pair, json_t **out, headsift_error *error) {
    HS_TRY(hs_side_open(pair->compare, 0, &pair->sides[0], error));
    HS_TRY(hs_side_open(pair->compare, 1, &pair->sides[1], error));
    HS_TRY(match_sources(pair, error));
    HS_TRY(match_domains(pair, error));
    HS_TRY(count_rows(pair, error));
    *out = make_result(pair);
    if (*out == NULL) {
        return hs_fail_memory(error, "a comparison", 1);
    }
    if (pair->compare->out != NULL) {
        print_pair(pair, pair->compare->out);
    }
    HS_TRY(hs_pair_words(pair, *out, error));
    return pair->compare->options->model != NULL ? hs_pair_states(pair, *out, error) : HEADSIFT_OK;
}

static headsift_status compare_pair(const struct hs_compare *compare, json_t **out, headsift_error *error) {
    struct hs_pair *pair = hs_alloc(1, sizeof *pair);
    if (pair == NULL) {
        return hs_fail_memory(error, "a comparison", sizeof *pair);
    }
    pair->compare = compare;
    headsift_status status = do_pair(pair, out, error);
    for (int side = 0; side < 2; side++) {
        hs_side_close(&pair->sides[side]);
        hs_sample_free(&pair->samples[side]);
        hs_sample_free(&pair->states[side]);
        hs_free(pair->twins[side]);
        hs_free(pair->domains_of[side]);
    }
    hs_free(pair->domains);
    hs_free(pair);
    return status;
}

headsift_status hs_compare_selections(const struct hs_compare *compare, json_t **out, headsift_error *error) {
    return compare->n == 1 ? hs_compare_baselines(compare, out, error) : compare_pair(compare, out, error);
}
