/* Our own forms: items as they are asked, nothing to be worded.
 * hs_task_save writes what is read here. */
#include <string.h>

#include "base/json.h"
#include "eval/layouts.h"

enum { MOST_TOKENS = 4096, DEFAULT_TOKENS = 64, MOST_SHOTS = 1000000 };

static bool set(struct hs_text *out, struct hs_view view) { return HS_JOIN(out, view); }

/* "group", "prefix" and "shots", which all forms may have. */
static headsift_status read_common(const json_t *row, const char *where, struct hs_record *out, headsift_error *error) {
    struct hs_view group = {0}, prefix = {0};
    int64_t shots = 0;
    HS_TRY(hs_row_text(row, "group", false, where, &group, error));
    HS_TRY(hs_row_text(row, "prefix", false, where, &prefix, error));
    HS_TRY(hs_json_int(row, "shots", 0, MOST_SHOTS, false, where, &shots, error));
    out->asked.shots = (int32_t)shots;
    return set(&out->item.group, group) && set(&out->prefix, prefix) ? HEADSIFT_OK : hs_no_memory(error);
}

headsift_status hs_read_own_choice(const json_t *row, const char *where, struct hs_record *out, headsift_error *error) {
    struct hs_view context;
    json_t *choices, *contexts;
    out->asked.kind = HS_TASK_CHOICE;
    HS_TRY(read_common(row, where, out, error));
    HS_TRY(hs_row_text(row, "context", true, where, &context, error));
    HS_TRY(hs_row_list(row, "choices", 2, HS_MOST_CHOICES, where, &choices, error));
    size_t n = json_array_size(choices);
    HS_TRY(hs_row_gold(row, "gold", n, where, &out->item.gold, error));
    bool ok =
        set(&out->item.context, context) && hs_texts_of_list(choices, "", &out->item.choices, &out->item.n_choices);
    if (ok && json_object_get(row, "contexts") != NULL) {
        HS_TRY(hs_row_list(row, "contexts", n, n, where, &contexts, error));
        size_t made;
        ok = hs_texts_of_list(contexts, "", &out->item.contexts, &made);
    }
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}

headsift_status hs_read_own_loss(const json_t *row, const char *where, struct hs_record *out, headsift_error *error) {
    struct hs_view context = {0}, text;
    out->asked.kind = HS_TASK_LOSS;
    HS_TRY(read_common(row, where, out, error));
    HS_TRY(hs_row_text(row, "context", false, where, &context, error));
    HS_TRY(hs_row_text(row, "text", true, where, &text, error));
    bool ok = set(&out->item.context, context) && hs_texts_make(1, &out->item.choices, &out->item.n_choices) &&
              set(&out->item.choices[0], text);
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}

static headsift_status read_match(const json_t *row, const char *where, enum hs_match *out, headsift_error *error) {
    struct hs_view name = hs_view("exact");
    HS_TRY(hs_row_text(row, "match", false, where, &name, error));
    for (int i = 0; i < HS_MATCHES; i++) {
        if (hs_view_is(name, hs_view(hs_match_name((enum hs_match)i)))) {
            *out = (enum hs_match)i;
            return HEADSIFT_OK;
        }
    }
    return hs_fail(error, HEADSIFT_FAILED, "%s: \"match\" must be exact, words, number or boxed", where);
}

/* A member that is a string or a list of strings, as an array of its own: json_decref. NULL where there is none. */
static headsift_status read_strings(const json_t *row, const char *key, const char *where, json_t **out,
                                    headsift_error *error) {
    json_t *value = json_object_get(row, key);
    *out = NULL;
    if (value == NULL || json_is_null(value)) {
        return HEADSIFT_OK;
    }
    if (!json_is_string(value)) {
        HS_TRY(hs_check_list(value, key, 1, HS_MOST_CHOICES, where, error));
        *out = json_incref(value);
        return HEADSIFT_OK;
    }
    *out = json_pack("[O]", value);
    return *out != NULL ? HEADSIFT_OK : hs_no_memory(error);
}

static headsift_status read_texts(const json_t *row, const char *key, const char *where, struct hs_text **out,
                                  size_t *n, headsift_error *error) {
    json_t *list;
    HS_TRY(read_strings(row, key, where, &list, error));
    bool ok = list == NULL || hs_texts_of_list(list, "", out, n);
    json_decref(list);
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}

headsift_status hs_read_own_generate(const json_t *row, const char *where, struct hs_record *out,
                                     headsift_error *error) {
    struct hs_view prompt;
    int64_t most = DEFAULT_TOKENS;
    out->asked.kind = HS_TASK_GENERATE;
    HS_TRY(read_common(row, where, out, error));
    HS_TRY(hs_row_text(row, "prompt", true, where, &prompt, error));
    HS_TRY(read_match(row, where, &out->asked.match, error));
    HS_TRY(hs_json_int(row, "most_tokens", 1, MOST_TOKENS, false, where, &most, error));
    out->asked.most_tokens = (int32_t)most;
    const char *key = json_object_get(row, "answers") != NULL ? "answers" : "answer";
    HS_TRY(read_texts(row, key, where, &out->item.answers, &out->item.n_answers, error));
    if (out->item.n_answers == 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"%s\" must be a string or a list of strings", where, key);
    }
    HS_TRY(read_texts(row, "stop", where, &out->asked.stops, &out->asked.n_stops, error));
    for (size_t i = 0; i < out->asked.n_stops; i++) {
        if (out->asked.stops[i].size == 0) {
            return hs_fail(error, HEADSIFT_FAILED, "%s: a \"stop\" is empty: every answer would end at once", where);
        }
    }
    bool apart = prompt.size > 0 && strchr(" \t\n", prompt.data[prompt.size - 1]) == NULL;
    bool ok = set(&out->item.context, prompt) &&
              HS_JOIN(&out->worked, prompt, hs_view(apart ? " " : ""), hs_view_of(&out->item.answers[0]));
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}
