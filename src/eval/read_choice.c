/* Benchmarks of multiple choice: MMLU, MMLU-Pro, AGIEval, ARC, HellaSwag.
 * Worded as lm-evaluation-harness asks them; docs/eval.md shows each. */
#include <string.h>

#include "eval/layouts.h"

enum { MOST_LETTERS = 26 };

/* ---- Choices that are letters: MMLU and MMLU-Pro ------------------------------------------------------------- */

bool hs_mmlu_header(struct hs_view group, struct hs_buffer *out) {
    bool ok = hs_buffer_printf(out, "The following are multiple choice questions (with answers)");
    if (group.size > 0) {
        size_t start = out->size + 7;
        ok = ok && hs_buffer_printf(out, " about ") && hs_buffer_append(out, group.data, group.size);
        for (size_t i = start; ok && i < out->size; i++) {
            out->data[i] = out->data[i] == '_' ? ' ' : out->data[i];
        }
    }
    return ok && hs_buffer_printf(out, ".\n\n");
}

static bool append_view(struct hs_buffer *out, struct hs_view view) {
    return view.size == 0 || hs_buffer_append(out, view.data, view.size);
}

static bool letter_question(struct hs_view question, const json_t *choices, struct hs_item *item) {
    struct hs_buffer text = {0};
    size_t n = json_array_size(choices);
    bool ok = append_view(&text, question) && hs_texts_make(n, &item->choices, &item->n_choices);
    for (size_t i = 0; ok && i < n; i++) {
        char letter[4] = {' ', (char)('A' + i), '\0'};
        ok = hs_buffer_printf(&text, "\n%s. ", letter + 1) && append_view(&text, hs_list_at(choices, i)) &&
             HS_JOIN(&item->choices[i], hs_view(letter));
    }
    ok = ok && hs_buffer_printf(&text, "\nAnswer:");
    hs_text_take(&item->context, &text);
    return ok;
}

/* The columns A to D of a CSV as a list; NULL: one is no string, or no memory. */
static json_t *list_of_columns(const json_t *row) {
    static const char *const columns[] = {"A", "B", "C", "D"};
    json_t *list = json_array();
    for (size_t i = 0; i < 4; i++) {
        json_t *value = json_object_get(row, columns[i]);
        if (!json_is_string(value) || json_array_append(list, value) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static headsift_status read_letters(const json_t *row, const json_t *choices, const char *choices_key,
                                    const char *gold_key, const char *group_key, const char *where,
                                    struct hs_record *out, headsift_error *error) {
    struct hs_view question, group = {0};
    out->asked.kind = HS_TASK_CHOICE;
    HS_TRY(hs_check_list(choices, choices_key, 2, MOST_LETTERS, where, error));
    HS_TRY(hs_row_text(row, "question", true, where, &question, error));
    HS_TRY(hs_row_text(row, group_key, false, where, &group, error));
    HS_TRY(hs_row_gold(row, gold_key, json_array_size(choices), where, &out->item.gold, error));
    bool ok = letter_question(hs_view_trim(question), choices, &out->item) && HS_JOIN(&out->item.group, group);
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}

headsift_status hs_read_mmlu(const json_t *row, const char *where, struct hs_record *out, headsift_error *error) {
    json_t *listed = json_object_get(row, "choices");
    json_t *choices = listed != NULL ? json_incref(listed) : list_of_columns(row);
    headsift_status status =
        read_letters(row, choices, listed != NULL ? "choices" : "A to D", "answer", "subject", where, out, error);
    json_decref(choices);
    return status;
}

/* "answer" is the letter, "answer_index" the same as a number; both must say the same. */
headsift_status hs_read_mmlu_pro(const json_t *row, const char *where, struct hs_record *out, headsift_error *error) {
    const json_t *choices = json_object_get(row, "options");
    HS_TRY(read_letters(row, choices, "options", "answer", "category", where, out, error));
    int32_t index = out->item.gold;
    if (json_object_get(row, "answer_index") != NULL) {
        HS_TRY(hs_row_gold(row, "answer_index", json_array_size(choices), where, &index, error));
    }
    return index == out->item.gold
               ? HEADSIFT_OK
               : hs_fail(error, HEADSIFT_FAILED, "%s: \"answer\" and \"answer_index\" contradict one another", where);
}

/* ---- AGIEval --------------------------------------------------------------------------------------------------- */

/* A question without options, whose answer is written. */
static headsift_status read_cloze(const json_t *row, const char *where, struct hs_view passage, struct hs_view question,
                                  struct hs_record *out, headsift_error *error) {
    static const char *const stops[] = {"\n", NULL};
    struct hs_view answer;
    HS_TRY(hs_row_text(row, "answer", true, where, &answer, error));
    bool ok = hs_asked_generate(&out->asked, HS_MATCH_EXACT, 64, stops) &&
              HS_JOIN(&out->item.context, passage, hs_view("Q: "), question, hs_view("\nA: The answer is")) &&
              HS_JOIN(&out->worked, hs_view_of(&out->item.context), hs_view(" "), hs_view_trim(answer)) &&
              hs_record_answer(out, hs_view_trim(answer));
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}

static bool append_options(const json_t *options, struct hs_buffer *text) {
    bool ok = true;
    for (size_t i = 0; ok && i < json_array_size(options); i++) {
        ok = hs_buffer_printf(text, " ") && append_view(text, hs_list_at(options, i));
    }
    return ok;
}

headsift_status hs_read_agieval(const json_t *row, const char *where, struct hs_record *out, headsift_error *error) {
    struct hs_view passage = {0}, question;
    HS_TRY(hs_row_text(row, "passage", false, where, &passage, error));
    HS_TRY(hs_row_text(row, "question", true, where, &question, error));
    const json_t *options = json_object_get(row, "options");
    if (json_is_null(options) || (json_is_array(options) && json_array_size(options) == 0)) {
        return read_cloze(row, where, passage, question, out, error);
    }
    out->asked.kind = HS_TASK_CHOICE;
    HS_TRY(hs_check_list(options, "options", 2, MOST_LETTERS, where, error));
    size_t n = json_array_size(options);
    const char *gold = json_is_null(json_object_get(row, "label")) ? "answer" : "label";
    HS_TRY(hs_row_gold(row, gold, n, where, &out->item.gold, error));
    struct hs_buffer text = {0};
    bool ok = append_view(&text, passage) && hs_buffer_printf(&text, "Q: ") && append_view(&text, question) &&
              hs_buffer_printf(&text, " Answer Choices:") && append_options(options, &text) &&
              hs_buffer_printf(&text, "\nA: Among A through %c, the answer is", (char)('A' + n - 1));
    hs_text_take(&out->item.context, &text);
    ok = ok && hs_texts_of_list(options, " ", &out->item.choices, &out->item.n_choices);
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}

/* A list of right choices, of which we take lists of one, or the one itself. */
static headsift_status read_gold_list(const json_t *row, size_t n, const char *where, int32_t *out,
                                      headsift_error *error) {
    const json_t *gold = json_object_get(row, "gold");
    if (json_is_array(gold)) {
        if (json_array_size(gold) != 1) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%s: \"gold\" lists %zu right choices: leave out all but those with one", where,
                           json_array_size(gold));
        }
        gold = json_array_get(gold, 0);
    }
    return hs_value_gold(gold, "gold", n, where, out, error);
}

headsift_status hs_read_agieval_query(const json_t *row, const char *where, struct hs_record *out,
                                      headsift_error *error) {
    struct hs_view query;
    json_t *choices;
    out->asked.kind = HS_TASK_CHOICE;
    HS_TRY(hs_row_text(row, "query", true, where, &query, error));
    HS_TRY(hs_row_list(row, "choices", 2, MOST_LETTERS, where, &choices, error));
    HS_TRY(read_gold_list(row, json_array_size(choices), where, &out->item.gold, error));
    bool ok =
        HS_JOIN(&out->item.context, query) && hs_texts_of_list(choices, " ", &out->item.choices, &out->item.n_choices);
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}

/* ---- ARC ------------------------------------------------------------------------------------------------------- */

headsift_status hs_read_arc(const json_t *row, const char *where, struct hs_record *out, headsift_error *error) {
    struct hs_view question, key;
    json_t *texts, *labels;
    const json_t *choices = json_object_get(row, "choices");
    out->asked.kind = HS_TASK_CHOICE;
    HS_TRY(hs_row_text(row, "question", true, where, &question, error));
    HS_TRY(hs_row_text(row, "answerKey", true, where, &key, error));
    HS_TRY(hs_row_list(choices, "text", 2, MOST_LETTERS, where, &texts, error));
    size_t n = json_array_size(texts), gold = 0;
    HS_TRY(hs_row_list(choices, "label", n, n, where, &labels, error));
    while (gold < n && !hs_view_is(hs_list_at(labels, gold), key)) {
        gold++;
    }
    if (gold == n) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"answerKey\" is none of the labels", where);
    }
    out->item.gold = (int32_t)gold;
    bool ok = HS_JOIN(&out->item.context, hs_view("Question: "), question, hs_view("\nAnswer:")) &&
              hs_texts_of_list(texts, " ", &out->item.choices, &out->item.n_choices);
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}

/* ---- HellaSwag ------------------------------------------------------------------------------------------------- */

/* Replaces every `old`, from left to right. */
static bool replace(struct hs_buffer *text, const char *old, const char *new) {
    struct hs_buffer out = {0};
    bool ok = true;
    size_t size = strlen(old);
    for (size_t i = 0; ok && i < text->size;) {
        bool found = text->size - i >= size && memcmp(text->data + i, old, size) == 0;
        ok = found ? hs_buffer_append(&out, new, strlen(new)) : hs_buffer_append(&out, text->data + i, 1);
        i += found ? size : 1;
    }
    hs_buffer_free(text);
    *text = out;
    return ok;
}

/* Takes out marks [like this] that stand on one line. */
static void drop_marks(struct hs_buffer *text) {
    size_t kept = 0;
    for (size_t i = 0; i < text->size; i++) {
        size_t end = i;
        while (text->data[i] == '[' && end < text->size && text->data[end] != ']' && text->data[end] != '\n') {
            end++;
        }
        if (end > i && end < text->size && text->data[end] == ']') {
            i = end;
        } else {
            text->data[kept++] = text->data[i];
        }
    }
    text->size = kept;
}

/* A text without the marks of WikiHow: " [title]" ends a sentence, others go, then two blanks become one. */
static bool clean(struct hs_view text, struct hs_buffer *out) {
    struct hs_buffer plain = {0};
    bool ok = append_view(&plain, hs_view_trim(text)) && replace(&plain, " [title]", ". ");
    drop_marks(&plain);
    ok = ok && replace(&plain, "  ", " ") && append_view(out, (struct hs_view){plain.data, plain.size});
    hs_buffer_free(&plain);
    return ok;
}

/* A sentence's beginning: the first letter large, the others small, of ASCII ones. */
static bool append_capitalized(struct hs_buffer *out, struct hs_view text) {
    size_t start = out->size;
    bool ok = append_view(out, text);
    for (size_t i = start; ok && i < out->size; i++) {
        char *byte = &out->data[i];
        if (i == start && *byte >= 'a' && *byte <= 'z') {
            *byte = (char)(*byte - 'a' + 'A');
        } else if (i > start && *byte >= 'A' && *byte <= 'Z') {
            *byte = (char)(*byte - 'A' + 'a');
        }
    }
    return ok;
}

static headsift_status read_situation(const json_t *row, const char *where, struct hs_buffer *out,
                                      headsift_error *error) {
    struct hs_view activity = {0}, a = {0}, b = {0}, whole = {0};
    HS_TRY(hs_row_text(row, "activity_label", false, where, &activity, error));
    HS_TRY(hs_row_text(row, "ctx_a", false, where, &a, error));
    HS_TRY(hs_row_text(row, "ctx_b", false, where, &b, error));
    HS_TRY(hs_row_text(row, "ctx", false, where, &whole, error));
    bool ok = activity.size == 0 || (append_view(out, activity) && hs_buffer_printf(out, ": "));
    ok = ok && (a.size > 0 ? append_view(out, a) && hs_buffer_printf(out, " ") && append_capitalized(out, b)
                           : append_view(out, whole));
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}

static bool set_cleaned(struct hs_text *out, const char *before, struct hs_view text) {
    struct hs_buffer cleaned = {0};
    bool ok = hs_buffer_printf(&cleaned, "%s", before) && clean(text, &cleaned);
    hs_text_take(out, &cleaned);
    return ok;
}

headsift_status hs_read_hellaswag(const json_t *row, const char *where, struct hs_record *out, headsift_error *error) {
    json_t *endings;
    out->asked.kind = HS_TASK_CHOICE;
    HS_TRY(hs_row_list(row, "endings", 2, MOST_LETTERS, where, &endings, error));
    HS_TRY(hs_row_gold(row, "label", json_array_size(endings), where, &out->item.gold, error));
    struct hs_buffer situation = {0};
    headsift_status status = read_situation(row, where, &situation, error);
    bool ok = set_cleaned(&out->item.context, "", (struct hs_view){situation.data, situation.size}) &&
              hs_texts_make(json_array_size(endings), &out->item.choices, &out->item.n_choices);
    for (size_t i = 0; ok && i < out->item.n_choices; i++) {
        ok = set_cleaned(&out->item.choices[i], " ", hs_list_at(endings, i));
    }
    hs_buffer_free(&situation);
    return status != HEADSIFT_OK || ok ? status : hs_no_memory(error);
}
