/* Heads in the file of Retrieval_Head (Wu et al.): {"LAYER-HEAD": [a score a sample, ...], ...}, every head of the
 * model. A head's score is the mean of its list; the top 5 % are chosen as for scores of our own. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "probe/detect.h"
#include "probe/heads_file.h"

/* "12" without a sign or leading zeros, below HS_MOST_LAYERS; NULL where it is none, else what follows it. */
static const char *read_number(const char *text, int32_t *out) {
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 4 || (text[0] == '0' && digits > 1)) {
        return NULL;
    }
    *out = (int32_t)strtol(text, NULL, 10);
    return *out < HS_MOST_LAYERS ? text + digits : NULL;
}

static bool read_key(const char *key, headsift_head *out) {
    const char *rest = read_number(key, &out->layer);
    rest = rest != NULL && *rest == '-' ? read_number(rest + 1, &out->head) : NULL;
    return rest != NULL && *rest == '\0';
}

bool hs_heads_are_foreign(const json_t *root) {
    headsift_head head;
    void *first = json_object_iter((json_t *)(uintptr_t)root);
    return first != NULL && json_object_get(root, "heads") == NULL && read_key(json_object_iter_key(first), &head);
}

/* The model's shape is that of the keys: they are every head. */
static headsift_status take_shape(const json_t *root, const char *where, headsift_heads *heads, headsift_error *error) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)root, key, value) {
        headsift_head head;
        if (!read_key(key, &head)) {
            return hs_fail(error, HEADSIFT_FAILED, "%s: \"%.40s\" is no layer and head like \"12-3\" (below %d each)",
                           where, key, HS_MOST_LAYERS);
        }
        heads->n_layer = head.layer >= heads->n_layer ? head.layer + 1 : heads->n_layer;
        heads->n_head = head.head >= heads->n_head ? head.head + 1 : heads->n_head;
    }
    return HEADSIFT_OK;
}

/* The head's list, as long as those of all heads. */
static headsift_status find_list(const json_t *root, headsift_head head, const char *where, headsift_heads *heads,
                                 const json_t **out, headsift_error *error) {
    char key[32];
    snprintf(key, sizeof key, "%d-%d", head.layer, head.head);
    *out = json_object_get(root, key);
    if (*out == NULL) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: \"%s\" is missing: a file of scores must have every head of its %d layers x %d heads",
                       where, key, heads->n_layer, heads->n_head);
    }
    size_t n = json_array_size(*out);
    if (n == 0 || n > INT32_MAX) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"%s\" must be a list of scores, one a sample", where, key);
    }
    heads->samples = heads->samples != 0 ? heads->samples : (int)n;
    if (n != (size_t)heads->samples) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: \"%s\" has %zu scores and \"0-0\" %d: every head must have one a sample", where, key, n,
                       heads->samples);
    }
    return HEADSIFT_OK;
}

static headsift_status take_mean(const json_t *list, headsift_head head, const char *where, headsift_heads *heads,
                                 headsift_error *error) {
    double sum = 0;
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n; i++) {
        const json_t *score = json_array_get(list, i);
        if (!json_is_number(score)) {
            return hs_fail(error, HEADSIFT_FAILED, "%s: \"%d-%d\", entry %zu is not a number", where, head.layer,
                           head.head, i);
        }
        sum += json_number_value(score);
    }
    heads->scores[head.layer * heads->n_head + head.head] = sum / (double)n;
    return isfinite(sum) ? HEADSIFT_OK
                         : hs_fail(error, HEADSIFT_FAILED, "%s: the scores of \"%d-%d\" have no finite sum", where,
                                   head.layer, head.head);
}

static headsift_status take_means(const json_t *root, const char *where, headsift_heads *heads, headsift_error *error) {
    for (int32_t layer = 0; layer < heads->n_layer; layer++) {
        for (int32_t i = 0; i < heads->n_head; i++) {
            const json_t *list;
            headsift_head head = {layer, i};
            HS_TRY(find_list(root, head, where, heads, &list, error));
            HS_TRY(take_mean(list, head, where, heads, error));
        }
    }
    heads->samples_counted = heads->samples;
    return HEADSIFT_OK;
}

static headsift_status choose(const char *where, headsift_heads *heads, headsift_error *error) {
    static const headsift_heads_options standard = {0};
    size_t wanted, total = (size_t)heads->n_layer * (size_t)heads->n_head;
    headsift_error reason = {0};
    headsift_status status = hs_refuse_noise(heads->scores, NULL, total, &reason);
    if (status != HEADSIFT_OK) {
        return hs_fail(error, status, "%s: %s", where, reason.message);
    }
    HS_TRY(hs_heads_wanted(&standard, total, &wanted, error));
    return hs_choose_heads(heads, wanted, error);
}

headsift_status hs_heads_take_foreign(const json_t *root, const char *where, headsift_heads *heads,
                                      headsift_error *error) {
    HS_TRY(take_shape(root, where, heads, error));
    size_t total = (size_t)heads->n_layer * (size_t)heads->n_head;
    /* Without every key there is one missing, which is found before so much memory is asked for in vain. */
    size_t room = total < json_object_size(root) ? total : json_object_size(root);
    heads->source = hs_copy_string("Retrieval_Head");
    heads->method = hs_copy_string("retrieval");
    heads->scores = hs_alloc(room, sizeof *heads->scores);
    if (heads->source == NULL || heads->method == NULL || heads->scores == NULL) {
        return hs_fail_memory(error, "scores", room * sizeof *heads->scores);
    }
    HS_TRY(take_means(root, where, heads, error));
    return choose(where, heads, error);
}
