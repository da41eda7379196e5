/* About how many tokens a plan would score, and how long that would take: from the first documents and one call of the
 * engine. */
#define _GNU_SOURCE
#include "influence/estimate.h"

#include <time.h>

enum { SAMPLE = 64, TIMED_TOKENS = 512 };

struct sample {
    int64_t documents;
    double bytes, tokens; /* of their texts; tokens that go into the model */
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Adds documents of a file; the pack keeps the first ones, up to about TIMED_TOKENS. */
static headsift_status sample_records(const struct hs_scoring *scoring, struct hs_reader *reader, struct hs_pack *timed,
                                      struct sample *sample, headsift_error *error) {
    struct hs_document document;
    struct hs_pack other = {0};
    struct hs_scoring brief = *scoring; /* the timed call must not become long by a long document */
    brief.chunk = false;
    brief.max_tokens = scoring->max_tokens < TIMED_TOKENS ? scoring->max_tokens : TIMED_TOKENS;
    bool more = true;
    headsift_status status = HEADSIFT_OK;
    while (status == HEADSIFT_OK && sample->documents < SAMPLE) {
        status = hs_reader_next(reader, &document, &more, error);
        if (status != HEADSIFT_OK || !more) {
            break;
        }
        sample->documents++;
        if (document.bad || document.text == NULL) {
            continue;
        }
        status = document.prompt != NULL ? hs_pack_add_response(scoring, &other, document.text, document.text_size,
                                                                document.prompt_size, error)
                                         : hs_pack_add(scoring, &other, document.text, document.text_size, error);
        if (status == HEADSIFT_OK && timed->n_tokens < TIMED_TOKENS) {
            status = hs_pack_add(&brief, timed, document.text, document.text_size, error);
        }
        sample->bytes += (double)document.text_size;
        sample->tokens += (double)other.n_tokens;
        hs_pack_clear(&other);
    }
    hs_pack_free(&other);
    return status;
}

static headsift_status take_sample(const struct hs_score_plan *plan, const struct hs_scoring *scoring,
                                   const headsift_inputs *inputs, struct hs_pack *timed, struct sample *sample,
                                   headsift_error *error) {
    headsift_status status = HEADSIFT_OK;
    for (size_t i = 0; status == HEADSIFT_OK && i < plan->inputs.n && sample->documents < SAMPLE; i++) {
        struct hs_reader *reader;
        HS_TRY(hs_reader_open(&plan->inputs.items[i], inputs, false, &reader, error));
        status = sample_records(scoring, reader, timed, sample, error);
        hs_reader_close(reader);
    }
    return status;
}

/* Seconds a token, both passes. */
static headsift_status measure(headsift_model *model, struct hs_scoring *scoring, struct hs_pack *pack, double *seconds,
                               headsift_error *error) {
    HS_TRY(hs_scoring_start(model, scoring, error));
    double start = now();
    HS_TRY(hs_pack_score(scoring, pack, error));
    *seconds = (now() - start) / (double)pack->n_tokens;
    return HEADSIFT_OK;
}

headsift_status hs_estimate_print(headsift_model *model, struct hs_scoring *scoring, const struct hs_score_plan *plan,
                                  const headsift_inputs *inputs, int64_t documents, double bytes, FILE *out,
                                  headsift_error *error) {
    struct hs_pack timed = {0};
    struct sample sample = {0};
    double seconds = 0;
    if (documents == 0 || bytes <= 0) {
        return HEADSIFT_OK;
    }
    headsift_status status = take_sample(plan, scoring, inputs, &timed, &sample, error);
    bool some = status == HEADSIFT_OK && timed.n_tokens > 0 && sample.bytes > 0;
    bool timing = some && scoring->masks[1].n_heads > 0;
    if (timing) {
        status = measure(model, scoring, &timed, &seconds, error);
    }
    if (status == HEADSIFT_OK && some) {
        double tokens = documents >= 0 ? sample.tokens / (double)sample.documents * (double)documents
                                       : sample.tokens / sample.bytes * bytes;
        fprintf(out, "about %.0f tokens", tokens);
        if (timing) {
            fprintf(out, ", %.1f minutes on this machine", tokens * seconds / 60);
        }
        fprintf(out, " (by a sample of %lld)\n", (long long)sample.documents);
    }
    hs_pack_free(&timed);
    return status;
}
