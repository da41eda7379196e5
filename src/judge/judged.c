/* Figures of the answers: a document's answer is the mean of its judges', a group's the mean of its documents', with a
 * bootstrap interval over documents. Agreement is over pairs of judges of the same document. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/statistics.h"
#include "base/text.h"
#include "judge/judge.h"

static json_t *number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

/* ---- Documents ---- */

/* means[q * n + d]: the mean of the answers about document d; NaN: none. */
static double *document_means(const struct hs_answers *answers) {
    size_t n = answers->n_documents;
    double *means = hs_alloc(2 * HS_QUESTIONS * n, sizeof *means), *counts = means + HS_QUESTIONS * n;
    for (size_t i = 0; means != NULL && i < answers->n; i++) {
        for (size_t q = 0; q < HS_QUESTIONS; q++) {
            const struct hs_answer *answer = &answers->items[i];
            if (!isnan(answer->values[q])) {
                means[q * n + answer->document] += answer->values[q];
                counts[q * n + answer->document]++;
            }
        }
    }
    for (size_t i = 0; means != NULL && i < HS_QUESTIONS * n; i++) {
        means[i] = counts[i] > 0 ? means[i] / counts[i] : (double)NAN;
    }
    return means;
}

/* ---- Groups ---- */

/* The interval of one question over the documents of a group of a domain. @param room  for as many values. */
static json_t *question_value(const struct hs_answers *answers, const double *means, int group, size_t domain,
                              double *room, headsift_status *status, headsift_error *error) {
    struct hs_interval interval = {(double)NAN, (double)NAN, (double)NAN};
    size_t n = 0;
    for (size_t d = 0; d < answers->n_documents; d++) {
        const struct hs_judged_document *document = &answers->documents[d];
        if ((document->groups >> group & 1) != 0 && (size_t)document->domain == domain && !isnan(means[d])) {
            room[n++] = means[d];
        }
    }
    *status = hs_bootstrap_mean(room, n, HS_RESAMPLES, domain * HS_GROUPS + (uint64_t)group, &interval, error);
    return json_pack("{s:o, s:o, s:o, s:I}", "value", number(interval.value), "low", number(interval.low), "high",
                     number(interval.high), "documents", (json_int_t)n);
}

static headsift_status add_group(const struct hs_answers *answers, const double *means, int group, size_t domain,
                                 double *room, json_t *groups, headsift_error *error) {
    json_t *questions = json_object();
    headsift_status status = HEADSIFT_OK;
    size_t n = 0;
    for (size_t d = 0; d < answers->n_documents; d++) {
        const struct hs_judged_document *document = &answers->documents[d];
        n += (document->groups >> group & 1) != 0 && (size_t)document->domain == domain;
    }
    for (size_t q = 0; status == HEADSIFT_OK && q < HS_QUESTIONS; q++) {
        json_t *value = question_value(answers, means + q * answers->n_documents, group, domain, room, &status, error);
        if (json_object_set_new(questions, hs_question_names[q], value) != 0 && status == HEADSIFT_OK) {
            status = hs_fail_memory(error, "figures", 1);
        }
    }
    json_t *entry =
        json_pack("{s:s, s:O, s:I, s:o}", "group", hs_group_names[group], "domain",
                  json_array_get(answers->domains, domain), "documents", (json_int_t)n, "answers", questions);
    if (json_array_append_new(groups, entry) != 0 && status == HEADSIFT_OK) {
        status = hs_fail_memory(error, "figures", 1);
    }
    return status;
}

static headsift_status make_groups(const struct hs_answers *answers, const double *means, json_t *groups,
                                   headsift_error *error) {
    double *room = hs_alloc(answers->n_documents, sizeof *room);
    headsift_status status = room != NULL ? HEADSIFT_OK : hs_fail_memory(error, "figures", answers->n_documents);
    for (size_t domain = 0; domain < json_array_size(answers->domains); domain++) {
        for (int group = 0; status == HEADSIFT_OK && group < HS_GROUPS; group++) {
            status = add_group(answers, means, group, domain, room, groups, error);
        }
    }
    hs_free(room);
    return status;
}

/* ---- Agreement ---- */

static int by_document(const void *left, const void *right) {
    const struct hs_answer *a = left, *b = right;
    return (a->document > b->document) - (a->document < b->document);
}

/* Pairs of answers about the same document, of which `first` is one. Answers are sorted by document. */
static void count_pairs(const struct hs_answer *answers, size_t n, size_t first, size_t question, double *pairs,
                        double *same, double *difference) {
    for (size_t i = first + 1; i < n && answers[i].document == answers[first].document; i++) {
        double away = fabs(answers[i].values[question] - answers[first].values[question]);
        if (!isnan(away)) {
            *pairs += 1;
            *same += away == 0;
            *difference += away;
        }
    }
}

static json_t *make_agreement(const struct hs_answers *answers) {
    struct hs_answer *sorted = hs_alloc(answers->n, sizeof *sorted);
    json_t *out = sorted != NULL ? json_object() : NULL;
    if (sorted != NULL && answers->n > 0) {
        memcpy(sorted, answers->items, answers->n * sizeof *sorted);
        qsort(sorted, answers->n, sizeof *sorted, by_document);
    }
    for (size_t q = 0; out != NULL && q < HS_QUESTIONS; q++) {
        double pairs = 0, same = 0, difference = 0;
        for (size_t i = 0; i < answers->n; i++) {
            count_pairs(sorted, answers->n, i, q, &pairs, &same, &difference);
        }
        json_t *entry = json_pack("{s:I, s:o, s:o}", "pairs", (json_int_t)pairs, "same", number(same / pairs),
                                  "mean_difference", number(difference / pairs));
        if (json_object_set_new(out, hs_question_names[q], entry) != 0) {
            json_decref(out);
            out = NULL;
        }
    }
    hs_free(sorted);
    return out;
}

/* ---- All of it ---- */

static int64_t count_unanswered(const struct hs_answers *answers, const double *means) {
    int64_t n = 0;
    for (size_t d = 0; d < answers->n_documents; d++) {
        n += isnan(means[d]) && isnan(means[answers->n_documents + d]);
    }
    return n;
}

static json_t *counts_value(const struct hs_answers *answers, const double *means) {
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "records", (json_int_t)answers->records, "answers",
                     (json_int_t)answers->n, "bad_records", (json_int_t)answers->bad, "unknown_keys",
                     (json_int_t)answers->unknown, "repeated", (json_int_t)answers->repeated, "refused_values",
                     (json_int_t)answers->refused, "documents", (json_int_t)answers->n_documents, "unanswered",
                     (json_int_t)count_unanswered(answers, means));
}

headsift_status hs_judged_json(const struct hs_answers *answers, json_t **out, headsift_error *error) {
    double *means = document_means(answers);
    json_t *groups = json_array();
    headsift_status status = means != NULL && groups != NULL ? make_groups(answers, means, groups, error)
                                                             : hs_fail_memory(error, "figures", answers->n_documents);
    if (status != HEADSIFT_OK) {
        json_decref(groups);
        hs_free(means);
        return status;
    }
    *out = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "kind", "judges", "headsift", HEADSIFT_VERSION, "questions",
                     hs_questions_json(), "groups", groups, "agreement", make_agreement(answers), "counts",
                     counts_value(answers, means));
    hs_free(means);
    return *out != NULL ? HEADSIFT_OK : hs_fail_memory(error, "figures", answers->n_documents);
}

/* ---- The file and the table ---- */

static void print_answer(const json_t *answer, FILE *out) {
    const json_t *value = json_object_get(answer, "value");
    if (!json_is_number(value)) {
        fprintf(out, "  %-22s", "-");
        return;
    }
    fprintf(out, "  %5.2f (%5.2f to %5.2f)", json_number_value(value),
            json_number_value(json_object_get(answer, "low")), json_number_value(json_object_get(answer, "high")));
}

static void print_table(const json_t *judged, FILE *out) {
    const json_t *groups = json_object_get(judged, "groups"), *group;
    size_t i;
    fprintf(out, "%-8s %10s  %-22s  %-22s  %s\n", "group", "documents", "education", "reasoning", "domain");
    json_array_foreach((json_t *)(uintptr_t)groups, i, group) {
        const json_t *answers = json_object_get(group, "answers"), *domain = json_object_get(group, "domain");
        char name[256];
        hs_escape_line(json_string_value(domain), json_string_length(domain), name, sizeof name);
        fprintf(out, "%-8s %10lld", json_string_value(json_object_get(group, "group")),
                (long long)json_integer_value(json_object_get(group, "documents")));
        for (int q = 0; q < HS_QUESTIONS; q++) {
            print_answer(json_object_get(answers, hs_question_names[q]), out);
        }
        fprintf(out, "  %s\n", name[0] != '\0' ? name : "(all)");
    }
}

static headsift_status write_json(const json_t *judged, const char *path, headsift_error *error) {
    char *text = json_dumps(judged, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    struct hs_buffer line = {0};
    bool ok = text != NULL && hs_buffer_append(&line, text, strlen(text)) && hs_buffer_append(&line, "\n", 1);
    headsift_status status =
        ok ? hs_file_write(path, line.data, line.size, error) : hs_fail_memory(error, "figures", line.size);
    hs_buffer_free(&line);
    free(text);
    return status;
}

/* Figures of no answer at all are none. */
static headsift_status say_counts(const struct hs_answers *answers, const json_t *judged, const char *path,
                                  const headsift_monitor *monitor, headsift_error *error) {
    long long unanswered =
        (long long)json_integer_value(json_object_get(json_object_get(judged, "counts"), "unanswered"));
    if (unanswered == (long long)answers->n_documents) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: none of its %lld records answers about a document of the sample",
                       path, (long long)answers->records);
    }
    bool all = unanswered + answers->bad + answers->unknown + answers->repeated + answers->refused == 0;
    hs_log(monitor, all ? HEADSIFT_LOG_INFO : HEADSIFT_LOG_WARNING,
           "%zu answers; %lld of %zu documents without one; not used: %lld broken records, %lld unknown keys, %lld "
           "repeated answers, %lld values out of range",
           answers->n, unanswered, answers->n_documents, (long long)answers->bad, (long long)answers->unknown,
           (long long)answers->repeated, (long long)answers->refused);
    return HEADSIFT_OK;
}

headsift_status headsift_judge_answers(const char *directory, const char *answers, const char *path, FILE *out,
                                       const headsift_monitor *monitor, headsift_error *error) {
    struct hs_answers all;
    json_t *judged = NULL;
    HS_TRY(hs_key_read(directory, &all, error));
    headsift_status status = hs_answers_read(answers, monitor, &all, error);
    if (status == HEADSIFT_OK) {
        status = hs_judged_json(&all, &judged, error);
    }
    if (status == HEADSIFT_OK) {
        status = say_counts(&all, judged, answers, monitor, error);
    }
    if (status == HEADSIFT_OK) {
        status = write_json(judged, path, error);
    }
    if (status == HEADSIFT_OK && out != NULL) {
        print_table(judged, out);
    }
    json_decref(judged);
    hs_answers_free(&all);
    return status;
}
