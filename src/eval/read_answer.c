/* Benchmarks whose answer is written: GSM8K, MATH, BBH, DROP; and HumanEval's reference solutions as texts.
 * Worded as lm-evaluation-harness asks them; docs/eval.md shows each. */
#include <string.h>

#include "eval/layouts.h"

/* The last place of `needle`; NULL: none. */
static const char *last_of(struct hs_view text, const char *needle) {
    size_t size = strlen(needle);
    for (size_t i = text.size >= size ? text.size - size + 1 : 0; i > 0; i--) {
        if (memcmp(text.data + i - 1, needle, size) == 0) {
            return text.data + i - 1;
        }
    }
    return NULL;
}

static struct hs_view from(struct hs_view text, const char *place) {
    return (struct hs_view){place, text.size - (size_t)(place - text.data)};
}

/* Context, one answer, and the answer as it is worked out in examples. */
static bool set_question(struct hs_record *out, const struct hs_view parts[3], struct hs_view worked,
                         struct hs_view answer) {
    return hs_text_join(&out->item.context, parts, 3) &&
           HS_JOIN(&out->worked, hs_view_of(&out->item.context), hs_view(" "), worked) &&
           hs_record_answer(out, hs_view_trim(answer));
}

headsift_status hs_read_gsm8k(const json_t *row, const char *where, struct hs_record *out, headsift_error *error) {
    static const char *const stops[] = {"Question:", NULL};
    struct hs_view question, answer;
    HS_TRY(hs_row_text(row, "question", true, where, &question, error));
    HS_TRY(hs_row_text(row, "answer", true, where, &answer, error));
    const char *mark = last_of(answer, "#### ");
    if (mark == NULL) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"answer\" must end with \"#### \" and a number", where);
    }
    const struct hs_view parts[3] = {hs_view("Question: "), question, hs_view("\nAnswer:")};
    bool ok = hs_asked_generate(&out->asked, HS_MATCH_NUMBER, 256, stops) &&
              set_question(out, parts, answer, from(answer, mark + 5));
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}

/* ---- MATH ------------------------------------------------------------------------------------------------------ */

/* What stands in the last \boxed{} or \fbox{}, or behind the last "\boxed " up to a "$". */
static bool find_boxed(struct hs_view text, struct hs_view *out) {
    const char *boxed = last_of(text, "\\boxed"), *fbox = last_of(text, "\\fbox");
    const char *start = boxed != NULL ? boxed + 6 : fbox != NULL ? fbox + 5 : NULL;
    if (start == NULL) {
        return false;
    }
    struct hs_view rest = from(text, start);
    if (rest.size > 0 && rest.data[0] == ' ') {
        const char *end = memchr(rest.data, '$', rest.size);
        *out = (struct hs_view){rest.data, end != NULL ? (size_t)(end - rest.data) : rest.size};
        return true;
    }
    size_t depth = 0;
    for (size_t i = 0; i < rest.size; i++) {
        depth += rest.data[i] == '{';
        if (rest.data[i] == '}' && depth-- == 1) {
            *out = (struct hs_view){rest.data + 1, i - 1};
            return rest.data[0] == '{';
        }
        if (depth == 0) {
            return false;
        }
    }
    return false;
}

headsift_status hs_read_math(const json_t *row, const char *where, struct hs_record *out, headsift_error *error) {
    static const char *const stops[] = {"Problem:", NULL};
    struct hs_view problem, solution, answer, group = {0};
    HS_TRY(hs_row_text(row, "problem", true, where, &problem, error));
    HS_TRY(hs_row_text(row, "solution", true, where, &solution, error));
    const char *group_key = json_object_get(row, "type") != NULL ? "type" : "subject";
    HS_TRY(hs_row_text(row, group_key, false, where, &group, error));
    if (!find_boxed(solution, &answer)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"solution\" has no whole \\boxed{answer}", where);
    }
    const struct hs_view parts[3] = {hs_view("Problem:\n"), problem, hs_view("\n\nSolution:")};
    bool ok = hs_asked_generate(&out->asked, HS_MATCH_BOXED, 512, stops) &&
              set_question(out, parts, solution, answer) && HS_JOIN(&out->item.group, group);
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}

/* ---- BBH and DROP ---------------------------------------------------------------------------------------------- */

headsift_status hs_read_bbh(const json_t *row, const char *where, struct hs_record *out, headsift_error *error) {
    static const char *const stops[] = {"\n\n", "Q:", NULL};
    struct hs_view input, target;
    HS_TRY(hs_row_text(row, "input", true, where, &input, error));
    HS_TRY(hs_row_text(row, "target", true, where, &target, error));
    const struct hs_view parts[3] = {hs_view("Q: "), input, hs_view("\nA:")};
    bool ok = hs_asked_generate(&out->asked, HS_MATCH_EXACT, 128, stops) && set_question(out, parts, target, target);
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}

static bool stands_before(const json_t *spans, size_t i) {
    for (size_t j = 0; j < i; j++) {
        if (hs_view_is(hs_list_at(spans, j), hs_list_at(spans, i))) {
            return true;
        }
    }
    return false;
}

/* Each of the spans once. */
static bool set_spans(const json_t *spans, struct hs_item *item) {
    bool ok = hs_texts_make(json_array_size(spans), &item->answers, &item->n_answers);
    size_t n = 0;
    for (size_t i = 0; ok && i < json_array_size(spans); i++) {
        if (!stands_before(spans, i)) {
            ok = HS_JOIN(&item->answers[n++], hs_view_trim(hs_list_at(spans, i)));
        }
    }
    item->n_answers = ok ? n : item->n_answers;
    return ok;
}

headsift_status hs_read_drop(const json_t *row, const char *where, struct hs_record *out, headsift_error *error) {
    static const char *const stops[] = {"\n", NULL};
    enum { MOST_SPANS = 200 };
    struct hs_view passage, question;
    json_t *spans;
    HS_TRY(hs_row_text(row, "passage", true, where, &passage, error));
    HS_TRY(hs_row_text(row, "question", true, where, &question, error));
    HS_TRY(hs_row_list(json_object_get(row, "answers_spans"), "spans", 1, MOST_SPANS, where, &spans, error));
    bool ok = hs_asked_generate(&out->asked, HS_MATCH_WORDS, 32, stops) && set_spans(spans, &out->item) &&
              HS_JOIN(&out->item.context, hs_view("Passage: "), passage, hs_view("\nQuestion: "), question,
                      hs_view("\nAnswer:")) &&
              HS_JOIN(&out->worked, hs_view_of(&out->item.context), hs_view(" "), hs_view_of(&out->item.answers[0]));
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}

/* ---- HumanEval ------------------------------------------------------------------------------------------------- */

headsift_status hs_read_humaneval(const json_t *row, const char *where, struct hs_record *out, headsift_error *error) {
    struct hs_view prompt, solution;
    out->asked.kind = HS_TASK_LOSS;
    HS_TRY(hs_row_text(row, "prompt", true, where, &prompt, error));
    HS_TRY(hs_row_text(row, "canonical_solution", true, where, &solution, error));
    bool ok = HS_JOIN(&out->item.context, prompt) && hs_texts_make(1, &out->item.choices, &out->item.n_choices) &&
              HS_JOIN(&out->item.choices[0], solution);
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}
