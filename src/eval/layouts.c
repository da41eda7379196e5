/* The table of layouts: a record is of the first one whose fields it has.
 * Shots are the counts that lm-evaluation-harness or the papers usually ask with; docs/eval.md says so too. */
#include "eval/layouts.h"

#include <string.h>

static bool is_string(const json_t *row, const char *key) { return json_is_string(json_object_get(row, key)); }

static bool fits_sample(const json_t *row) { return !json_is_string(json_object_get(row, "arguments")); }

static bool fits_answers(const json_t *row) {
    return json_object_get(row, "answers") != NULL || json_object_get(row, "answer") != NULL;
}

static bool fits_mmlu(const json_t *row) {
    const json_t *choices = json_object_get(row, "choices");
    return json_is_array(choices) || (choices == NULL && is_string(row, "A") && is_string(row, "D"));
}

static bool fits_mmlu_pro(const json_t *row) {
    return json_object_get(row, "answer_index") != NULL || json_object_get(row, "category") != NULL;
}

static bool fits_arc(const json_t *row) { return json_is_object(json_object_get(row, "choices")); }

static bool fits_hellaswag(const json_t *row) { return is_string(row, "ctx") || is_string(row, "ctx_a"); }

static bool fits_labelled(const json_t *row) {
    return is_string(row, "label_text") || is_string(row, "label") || is_string(row, "category") ||
           json_is_integer(json_object_get(row, "label"));
}

static const struct hs_layout layouts[] = {
    {.name = "own choice", .fields = {"context", "choices", "gold"}, .read = hs_read_own_choice},
    {.name = "own generation", .fields = {"prompt"}, .fits = fits_answers, .read = hs_read_own_generate},
    {.name = "own loss", .fields = {"context", "text"}, .read = hs_read_own_loss},
    {.name = "lm-evaluation-harness samples",
     .fields = {"doc_id", "arguments"},
     .fits = fits_sample,
     .shots = HS_TAKES_NO_SHOTS,
     .read = hs_read_sample},
    {.name = "HumanEval",
     .fields = {"task_id", "prompt", "canonical_solution"},
     .shots = HS_TAKES_NO_SHOTS,
     .read = hs_read_humaneval},
    {.name = "DROP", .fields = {"passage", "question", "answers_spans"}, .shots = 3, .read = hs_read_drop},
    {.name = "MMLU-Pro",
     .fields = {"question", "options", "answer"},
     .fits = fits_mmlu_pro,
     .shots = 5,
     .read = hs_read_mmlu_pro},
    {.name = "AGIEval", .fields = {"question", "options", "label"}, .read = hs_read_agieval},
    {.name = "AGIEval queries", .fields = {"query", "choices", "gold"}, .read = hs_read_agieval_query},
    {.name = "ARC", .fields = {"question", "choices", "answerKey"}, .fits = fits_arc, .read = hs_read_arc},
    {.name = "MMLU",
     .fields = {"question", "answer"},
     .fits = fits_mmlu,
     .shots = 5,
     .file_is_group = true,
     .read = hs_read_mmlu,
     .header = hs_mmlu_header},
    {.name = "GSM8K", .fields = {"question", "answer"}, .shots = 5, .read = hs_read_gsm8k},
    {.name = "HellaSwag", .fields = {"endings", "label"}, .fits = fits_hellaswag, .read = hs_read_hellaswag},
    {.name = "MATH", .fields = {"problem", "solution"}, .shots = 4, .read = hs_read_math},
    {.name = "BBH", .fields = {"input", "target"}, .shots = 3, .read = hs_read_bbh},
    {.name = "Banking77",
     .fields = {"text"},
     .fits = fits_labelled,
     .shots = 20,
     .labels = true,
     .read = hs_read_labelled},
    {.name = "plain text", .fields = {"text"}, .shots = HS_TAKES_NO_SHOTS, .read = hs_read_own_loss},
};
enum { N_LAYOUTS = sizeof layouts / sizeof *layouts, MOST_SHOWN = 400 };

static bool is_of(const json_t *row, const struct hs_layout *layout) {
    for (size_t i = 0; i < sizeof layout->fields / sizeof *layout->fields && layout->fields[i] != NULL; i++) {
        if (json_object_get(row, layout->fields[i]) == NULL) {
            return false;
        }
    }
    return layout->fits == NULL || layout->fits(row);
}

static headsift_status refuse(const json_t *row, const char *path, headsift_error *error) {
    struct hs_buffer fields = {0}, known = {0};
    bool ok = true;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)row, key, value) {
        if (fields.size < MOST_SHOWN) {
            ok = ok && hs_buffer_printf(&fields, "%s%.60s", fields.size > 0 ? ", " : "", key);
        }
    }
    for (size_t i = 0; i < N_LAYOUTS; i++) {
        ok = ok && hs_buffer_printf(&known, "%s%s", i > 0 ? ", " : "", layouts[i].name);
    }
    headsift_status status =
        ok ? hs_fail(
                 error, HEADSIFT_USAGE,
                 "%s: records with the fields %s are of no known layout (%s): docs/eval.md says what each looks like",
                 path, fields.size > 0 ? fields.data : "(none)", known.data)
           : hs_no_memory(error);
    hs_buffer_free(&fields);
    hs_buffer_free(&known);
    return status;
}

headsift_status hs_layout_find(const json_t *row, const char *path, const struct hs_layout **out,
                               headsift_error *error) {
    for (size_t i = 0; i < N_LAYOUTS; i++) {
        if (is_of(row, &layouts[i])) {
            *out = &layouts[i];
            return HEADSIFT_OK;
        }
    }
    return refuse(row, path, error);
}
