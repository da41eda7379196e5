/* The files that lm-evaluation-harness writes with --log_samples: its requests as they were asked.
 * "arguments" is a list of lists (older versions) or an object gen_args_0, ... of objects arg_0, ... */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "eval/layouts.h"

enum { DEFAULT_TOKENS = 256, MOST_TOKENS = 4096 };

struct requests {
    const json_t *arguments;
    size_t n;
};

/* ---- Requests -------------------------------------------------------------------------------------------------- */

/* Argument `place` (0 or 1) of request i; NULL: there is none. */
static const json_t *argument(const struct requests *requests, size_t i, size_t place) {
    char key[32];
    if (json_is_array(requests->arguments)) {
        const json_t *request = json_array_get(requests->arguments, i);
        return json_is_array(request) ? json_array_get(request, place) : place == 0 ? request : NULL;
    }
    snprintf(key, sizeof key, "gen_args_%zu", i);
    const json_t *request = json_object_get(requests->arguments, key);
    snprintf(key, sizeof key, "arg_%zu", place);
    return json_object_get(request, key);
}

static struct hs_view text_of(const struct requests *requests, size_t i, size_t place) {
    const json_t *value = argument(requests, i, place);
    return (struct hs_view){json_string_value(value), json_string_length(value)};
}

static headsift_status check_requests(const struct requests *requests, const char *where, headsift_error *error) {
    bool good = requests->n >= 1 && requests->n <= HS_MOST_CHOICES;
    const json_t *first = good ? argument(requests, 0, 1) : NULL;
    for (size_t i = 0; good && i < requests->n; i++) {
        const json_t *second = argument(requests, i, 1);
        good = json_is_string(argument(requests, i, 0)) &&
               (first == NULL ? second == NULL : second != NULL && json_typeof(first) == json_typeof(second));
    }
    good = good && (first == NULL || json_is_string(first) || json_is_object(first)) &&
           (requests->n == 1 || json_is_string(first));
    return good ? HEADSIFT_OK
                : hs_fail(error, HEADSIFT_FAILED,
                          "%s: \"arguments\" must be requests of one kind: text, text and continuation, or text and "
                          "settings of generation",
                          where);
}

/* Tasks that measure mutual information ask each continuation again without a context: these are left out. */
static void drop_bare_requests(struct requests *requests) {
    size_t half = requests->n / 2;
    bool again = requests->n >= 4 && requests->n % 2 == 0;
    for (size_t i = 0; again && i < half; i++) {
        again = text_of(requests, i, 0).size > 0 && text_of(requests, half + i, 0).size == 0 &&
                hs_view_is(text_of(requests, i, 1), text_of(requests, half + i, 1));
    }
    requests->n = again ? half : requests->n;
}

/* ---- Which choice is right --------------------------------------------------------------------------------------- */

/* "target" is an index, its digits, a letter, or the right choice itself. */
static headsift_status read_target(const json_t *row, const char *where, struct hs_item *item, headsift_error *error) {
    const json_t *target = json_object_get(row, "target");
    size_t n = item->n_choices, same = n, times = 0;
    struct hs_view wanted = {json_string_value(target), json_string_length(target)};
    for (size_t i = 0; json_is_string(target) && i < n; i++) {
        bool equal = hs_view_is(hs_view_trim(hs_view_of(&item->choices[i])), hs_view_trim(wanted));
        same = equal ? i : same;
        times += equal;
    }
    headsift_error reason = {0};
    bool index = hs_value_gold(target, "target", n, where, &item->gold, &reason) == HEADSIFT_OK;
    if (times == 1 && index && (size_t)item->gold != same) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"target\" is the index of one choice and the text of another",
                       where);
    }
    if (times == 1) {
        item->gold = (int32_t)same;
        return HEADSIFT_OK;
    }
    return index ? HEADSIFT_OK : hs_fail(error, reason.status, "%s", reason.message);
}

static headsift_status read_choices(const json_t *row, const struct requests *requests, const char *where,
                                    struct hs_record *out, headsift_error *error) {
    struct hs_item *item = &out->item;
    size_t n = requests->n, n_contexts = 0;
    bool same = true, ok = hs_texts_make(n, &item->choices, &item->n_choices);
    out->asked.kind = HS_TASK_CHOICE;
    for (size_t i = 0; ok && i < n; i++) {
        same = same && hs_view_is(text_of(requests, i, 0), text_of(requests, 0, 0));
        ok = HS_JOIN(&item->choices[i], text_of(requests, i, 1));
    }
    if (ok && same) {
        ok = HS_JOIN(&item->context, text_of(requests, 0, 0));
    } else if (ok) {
        ok = hs_texts_make(n, &item->contexts, &n_contexts);
        for (size_t i = 0; ok && i < n; i++) {
            ok = HS_JOIN(&item->contexts[i], text_of(requests, i, 0));
        }
    }
    return ok ? read_target(row, where, item, error) : hs_no_memory(error);
}

/* ---- Texts and answers ----------------------------------------------------------------------------------------- */

static headsift_status read_text(const struct requests *requests, struct hs_record *out, headsift_error *error) {
    bool rolling = argument(requests, 0, 1) == NULL;
    out->asked.kind = HS_TASK_LOSS;
    bool ok = hs_texts_make(1, &out->item.choices, &out->item.n_choices) &&
              HS_JOIN(&out->item.choices[0], text_of(requests, 0, rolling ? 0 : 1)) &&
              (rolling || HS_JOIN(&out->item.context, text_of(requests, 0, 0)));
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}

static headsift_status read_settings(const json_t *settings, const char *where, struct hs_asked *asked,
                                     headsift_error *error) {
    const json_t *until = json_object_get(settings, "until"), *most = json_object_get(settings, "max_gen_toks");
    json_int_t tokens = json_is_integer(most) ? json_integer_value(most) : DEFAULT_TOKENS;
    if (tokens < 1) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"max_gen_toks\" must be 1 or more", where);
    }
    json_t *list = json_is_string(until) ? json_pack("[O]", until) : json_incref((json_t *)(uintptr_t)until);
    headsift_status status = HEADSIFT_OK;
    if (list != NULL) {
        status = hs_check_list(list, "until", 0, HS_MOST_CHOICES, where, error);
    }
    if (status == HEADSIFT_OK && list != NULL && !hs_texts_of_list(list, "", &asked->stops, &asked->n_stops)) {
        status = hs_no_memory(error);
    }
    json_decref(list);
    asked->most_tokens = (int32_t)(tokens < MOST_TOKENS ? tokens : MOST_TOKENS);
    for (size_t i = 0; status == HEADSIFT_OK && i < asked->n_stops; i++) {
        if (asked->stops[i].size == 0) {
            status = hs_fail(error, HEADSIFT_FAILED, "%s: \"until\" holds an empty string", where);
        }
    }
    return status;
}

/* A text ends with "#### 5" (GSM8K), and then the number counts; other targets count as they are. */
static bool set_answer(struct hs_view target, struct hs_record *out) {
    struct hs_view rest = target;
    for (const char *mark; (mark = memmem(rest.data, rest.size, "#### ", 5)) != NULL;) {
        rest = (struct hs_view){mark + 5, rest.size - (size_t)(mark + 5 - rest.data)};
        out->asked.match = HS_MATCH_NUMBER;
    }
    return hs_record_answer(out, hs_view_trim(rest));
}

static headsift_status read_answers(const json_t *row, const char *where, struct hs_record *out,
                                    headsift_error *error) {
    const json_t *target = json_object_get(row, "target");
    bool ok;
    if (json_is_string(target)) {
        ok = set_answer((struct hs_view){json_string_value(target), json_string_length(target)}, out);
    } else if (json_is_integer(target)) {
        char number[32];
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(target));
        ok = hs_record_answer(out, hs_view(number));
    } else {
        HS_TRY(hs_check_list(target, "target", 1, HS_MOST_CHOICES, where, error));
        ok = hs_texts_of_list(target, "", &out->item.answers, &out->item.n_answers);
    }
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}

headsift_status hs_read_sample(const json_t *row, const char *where, struct hs_record *out, headsift_error *error) {
    struct requests requests = {json_object_get(row, "arguments"), 0};
    requests.n =
        json_is_array(requests.arguments) ? json_array_size(requests.arguments) : json_object_size(requests.arguments);
    HS_TRY(check_requests(&requests, where, error));
    const json_t *second = argument(&requests, 0, 1);
    if (json_is_object(second)) {
        out->asked.kind = HS_TASK_GENERATE;
        HS_TRY(read_settings(second, where, &out->asked, error));
        HS_TRY(read_answers(row, where, out, error));
        return HS_JOIN(&out->item.context, text_of(&requests, 0, 0)) ? HEADSIFT_OK : hs_no_memory(error);
    }
    drop_bare_requests(&requests);
    return requests.n > 1 ? read_choices(row, &requests, where, out, error) : read_text(&requests, out, error);
}
