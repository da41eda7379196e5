/* Two selections as a model sees them: the mean state of each document of a sample, clustered, and drawn on a plane.
 * A state is made one long first, so that what counts is its direction. */
#include <math.h>
#include <string.h>

#include "compare/clusters.h"
#include "compare/print.h"
#include "compare/selections.h"
#include "engine/scorer.h"

enum { MOST_CLUSTERS = 100, DRAWN = 2000 };

struct states {
    struct hs_pair *pair;
    headsift_model *model;
    struct hs_engine *engine;
    float *values; /**< (documents of both samples, width) */
    size_t n, first[3], width;
    size_t base; /**< of the side that is being read */
    int64_t max_tokens;

    /* The batch that is being filled. */
    int32_t *tokens;
    size_t n_tokens, tokens_capacity;
    int64_t *offsets;
    size_t n_documents, offsets_capacity;
    int64_t enough;
};

/* ---- States ---- */

static headsift_status embed_batch(struct states *states, headsift_error *error) {
    if (states->n_documents == 0) {
        return HEADSIFT_OK;
    }
    const struct hs_batch batch = {
        .tokens = states->tokens, .offsets = states->offsets, .n_documents = (int32_t)states->n_documents};
    HS_TRY(hs_engine_embed(states->engine, &batch, states->values + states->n * states->width, error));
    states->n += states->n_documents;
    states->n_documents = states->n_tokens = 0;
    return HEADSIFT_OK;
}

static headsift_status add_document(struct states *states, const int32_t *ids, size_t n, headsift_error *error) {
    void *tokens = states->tokens, *offsets = states->offsets;
    bool grown = hs_grow(&tokens, &states->tokens_capacity, states->n_tokens + n, sizeof *states->tokens);
    states->tokens = tokens;
    grown = grown && hs_grow(&offsets, &states->offsets_capacity, states->n_documents + 2, sizeof *states->offsets);
    states->offsets = offsets;
    if (!grown) {
        return hs_fail_memory(error, "a batch", (states->n_tokens + n) * sizeof *states->tokens);
    }
    if (n > 0) {
        memcpy(states->tokens + states->n_tokens, ids, n * sizeof *ids);
    }
    states->offsets[states->n_documents++] = (int64_t)states->n_tokens;
    states->n_tokens += n;
    states->offsets[states->n_documents] = (int64_t)states->n_tokens;
    return HEADSIFT_OK;
}

/* Texts come in the order of the sample, so states do. */
static headsift_status take_text(void *user, size_t number, const char *text, size_t size, headsift_error *error) {
    struct states *states = user;
    (void)number;
    int32_t *ids = NULL;
    size_t n = 0;
    HS_TRY(headsift_tokenize(states->model, text, size, true, true, &ids, &n, error));
    n = n > (size_t)states->max_tokens ? (size_t)states->max_tokens : n;
    headsift_status status = HEADSIFT_OK;
    if (states->n_documents > 0 && (int64_t)(states->n_tokens + n) > states->enough) {
        status = embed_batch(states, error);
    }
    if (status == HEADSIFT_OK) {
        status = add_document(states, ids, n, error);
    }
    headsift_free(ids);
    return status;
}

static void make_unit(float *state, size_t width) {
    double length = 0;
    for (size_t d = 0; d < width; d++) {
        length += (double)state[d] * (double)state[d];
    }
    length = sqrt(length);
    for (size_t d = 0; d < width; d++) {
        state[d] = length > 0 ? (float)((double)state[d] / length) : 0;
    }
}

static headsift_status read_states(struct states *states, headsift_error *error) {
    struct hs_pair *pair = states->pair;
    const headsift_compare_options *options = pair->compare->options;
    const struct hs_config *config = hs_model_config(states->model->model);
    int64_t context = config->context;
    states->width = (size_t)config->hidden;
    states->max_tokens = options->max_tokens > 0 ? options->max_tokens : HS_STATE_TOKENS;
    states->max_tokens = context > 0 && states->max_tokens > context ? context : states->max_tokens;
    HS_TRY(hs_scorer_engine(states->model, &states->engine, error));
    states->enough = hs_engine_batch_tokens(states->engine);
    states->first[1] = pair->states[0].n;
    states->first[2] = pair->states[0].n + pair->states[1].n;
    states->values = hs_alloc(states->first[2] * states->width, sizeof *states->values);
    if (states->values == NULL) {
        return hs_fail_memory(error, "the documents' states", states->first[2] * states->width * sizeof(float));
    }
    for (int side = 0; side < 2; side++) {
        HS_TRY(hs_side_texts(&pair->sides[side], &pair->states[side], take_text, states, error));
        HS_TRY(embed_batch(states, error));
    }
    for (size_t i = 0; i < states->n; i++) {
        make_unit(states->values + i * states->width, states->width);
    }
    return HEADSIFT_OK;
}

/* ---- Clusters ---- */

/* One clustering. */
struct clustering {
    size_t k;
    struct hs_kmeans result;
    double *centres;
    int32_t *assigned;
    int64_t *counts[3]; /**< of each cluster: first side, second, both */
};

static headsift_status cluster(const struct states *states, const struct hs_points *points,
                               struct clustering *clustering, headsift_error *error) {
    size_t k = clustering->k;
    clustering->centres = hs_alloc(k * points->width, sizeof *clustering->centres);
    clustering->assigned = hs_alloc(points->n, sizeof *clustering->assigned);
    for (int i = 0; i < 3; i++) {
        clustering->counts[i] = hs_alloc(k, sizeof *clustering->counts[i]);
    }
    if (clustering->centres == NULL || clustering->assigned == NULL || clustering->counts[0] == NULL ||
        clustering->counts[1] == NULL || clustering->counts[2] == NULL) {
        return hs_fail_memory(error, "clusters", k * points->width * sizeof *clustering->centres);
    }
    HS_TRY(hs_kmeans_start(points, k, states->pair->compare->options->seed, clustering->centres, error));
    HS_TRY(hs_kmeans_run(points, k, clustering->centres, clustering->assigned, &clustering->result, error));
    for (size_t i = 0; i < points->n; i++) {
        clustering->counts[i >= states->first[1]][clustering->assigned[i]]++;
        clustering->counts[2][clustering->assigned[i]]++;
    }
    return HEADSIFT_OK;
}

static json_t *shares_json(const int64_t *counts, size_t k, size_t n) {
    json_t *list = json_array();
    for (size_t c = 0; c < k; c++) {
        json_array_append_new(list, json_real((double)counts[c] / (double)n));
    }
    return list;
}

static json_t *clusters_json(const struct states *states, const struct clustering *clustering) {
    size_t k = clustering->k, n_a = states->first[1], n_b = states->first[2] - n_a;
    return json_pack("{s:I, s:f, s:i, s:[I, I], s:o, s:o, s:{s:f, s:f, s:f}}", "k", (json_int_t)k, "objective",
                     clustering->result.objective, "rounds", clustering->result.rounds, "documents", (json_int_t)n_a,
                     (json_int_t)n_b, "a", shares_json(clustering->counts[0], k, n_a), "b",
                     shares_json(clustering->counts[1], k, n_b), "balance", "a", hs_balance(clustering->counts[0], k),
                     "b", hs_balance(clustering->counts[1], k), "both", hs_balance(clustering->counts[2], k));
}

/* Half the sum of the differences of shares: 0 where the sides fill the clusters alike. */
static double difference(const struct states *states, const struct clustering *clustering) {
    double sum = 0, n_a = (double)states->first[1], n_b = (double)states->first[2] - n_a;
    for (size_t c = 0; c < clustering->k; c++) {
        sum += fabs((double)clustering->counts[0][c] / n_a - (double)clustering->counts[1][c] / n_b);
    }
    return sum / 2;
}

static headsift_status add_clusters(const struct states *states, const struct hs_points *points, json_t *result,
                                    headsift_error *error) {
    int wanted = states->pair->compare->options->clusters;
    size_t usual = points->n / 10 < MOST_CLUSTERS ? points->n / 10 : MOST_CLUSTERS;
    struct clustering clustering = {.k = wanted > 0 ? (size_t)wanted : usual};
    clustering.k = clustering.k < 1 ? 1 : clustering.k > points->n ? points->n : clustering.k;
    headsift_status status = cluster(states, points, &clustering, error);
    if (status == HEADSIFT_OK) {
        json_t *object = clusters_json(states, &clustering);
        json_object_set_new(object, "difference", json_real(difference(states, &clustering)));
        status = json_object_set_new(result, "clusters", object) == 0 ? HEADSIFT_OK
                                                                      : hs_fail_memory(error, "a comparison", 1);
    }
    if (status == HEADSIFT_OK && states->pair->compare->out != NULL) {
        fprintf(states->pair->compare->out,
                "\n%zu clusters of the states of %zu and %zu documents: balance %.3f and %.3f (1: all equal), share in "
                "other clusters %.1f %%\n",
                clustering.k, states->first[1], states->first[2] - states->first[1],
                hs_balance(clustering.counts[0], clustering.k), hs_balance(clustering.counts[1], clustering.k),
                100 * difference(states, &clustering));
    }
    hs_free(clustering.centres);
    hs_free(clustering.assigned);
    for (int i = 0; i < 3; i++) {
        hs_free(clustering.counts[i]);
    }
    return status;
}

/* ---- The plane ---- */

/* Every so many documents of each side are drawn, so that a plot stays small. */
static json_t *points_json(const struct states *states, const double *places, int side) {
    json_t *list = json_array();
    size_t n = states->first[side + 1] - states->first[side], step = 1 + (n - 1) / (DRAWN / 2);
    for (size_t i = 0; i < n; i += step) {
        const double *place = places + (states->first[side] + i) * HS_COMPONENTS;
        json_array_append_new(list, json_pack("[f, f]", place[0], place[1]));
    }
    return list;
}

static headsift_status add_plane(const struct states *states, const struct hs_points *points, json_t *result,
                                 headsift_error *error) {
    double explained[HS_COMPONENTS], *places = hs_alloc(points->n * HS_COMPONENTS, sizeof *places);
    if (places == NULL) {
        return hs_fail_memory(error, "principal components", points->n * HS_COMPONENTS * sizeof *places);
    }
    headsift_status status = hs_principal(points, places, explained, error);
    if (status == HEADSIFT_OK) {
        json_t *object = json_pack("{s:[f, f], s:o, s:o}", "explained", explained[0], explained[1], "a",
                                   points_json(states, places, 0), "b", points_json(states, places, 1));
        status =
            json_object_set_new(result, "pca", object) == 0 ? HEADSIFT_OK : hs_fail_memory(error, "a comparison", 1);
    }
    hs_free(places);
    return status;
}

headsift_status hs_pair_states(struct hs_pair *pair, json_t *result, headsift_error *error) {
    struct states states = {.pair = pair};
    HS_TRY(headsift_model_open(pair->compare->options->model, pair->compare->monitor, &states.model, error));
    headsift_status status = read_states(&states, error);
    const struct hs_points points = {states.values, states.n, states.width};
    if (status == HEADSIFT_OK) {
        status = add_clusters(&states, &points, result, error);
    }
    if (status == HEADSIFT_OK) {
        status = add_plane(&states, &points, result, error);
    }
    hs_free(states.values);
    hs_free(states.tokens);
    hs_free(states.offsets);
    headsift_model_close(states.model);
    return status;
}
