/* headsift-ranking SCORES_A SCORES_B [--keep 0.20] [--json]: whether a faster way to score ranks as the exact one does.
 * Exit code 0: it meets the bar; 1: it does not; 2: the call or the scores are wrong. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ranking.h"

struct call {
    const char *scores[2];
    double keep;
    bool json;
};

static headsift_status parse(int argc, char **argv, struct call *call, headsift_error *error) {
    int n = 0;
    *call = (struct call){.keep = 0.20};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            call->json = true;
        } else if (strcmp(argv[i], "--keep") == 0 && i + 1 < argc) {
            char *end;
            call->keep = strtod(argv[++i], &end);
            if (end == argv[i] || *end != '\0' || !(call->keep > 0 && call->keep < 1)) {
                return hs_fail(error, HEADSIFT_USAGE, "--keep is \"%s\", must be a share between 0 and 1", argv[i]);
            }
        } else if (argv[i][0] != '-' && n < 2) {
            call->scores[n++] = argv[i];
        } else {
            n = 3;
        }
    }
    return n == 2 ? HEADSIFT_OK
                  : hs_fail(error, HEADSIFT_USAGE, "usage: headsift-ranking SCORES_A SCORES_B [--keep 0.20] [--json]");
}

static void print_domain(const struct hs_agreement_domain *d, FILE *out) {
    char name[25];
    hs_escape_line(d->name, d->name_size, name, sizeof name);
    fprintf(out, "%-24s %9lld  %.3e  %+.3e  %.3e  %.5f  %6lld  %6lld  %8.2f sd\n", d->name_size > 0 ? name : "(none)",
            (long long)d->documents, d->error_sd, d->bias, d->spread, d->spearman, (long long)d->kept,
            (long long)d->changed, d->farthest);
}

/* What misses the bar, a line each. */
static void print_verdict(const struct hs_agreement *agreement, FILE *out) {
    double overlap = hs_agreement_overlap(agreement);
    for (size_t i = 0; i < agreement->n; i++) {
        const struct hs_agreement_domain *d = &agreement->domains[i];
        char name[256];
        hs_escape_line(d->name, d->name_size, name, sizeof name);
        if (!(d->spearman >= HS_RANKING_SPEARMAN)) {
            fprintf(out, "too low: Spearman of domain \"%s\" is %.5f, the bar is %g\n", name, d->spearman,
                    HS_RANKING_SPEARMAN);
        }
        if (!(d->farthest <= HS_RANKING_FARTHEST)) {
            fprintf(out, "too far: in domain \"%s\" a document %.2f sd from the cut changes sides, the bar is %g\n",
                    name, d->farthest, HS_RANKING_FARTHEST);
        }
    }
    if (!(overlap >= HS_RANKING_OVERLAP)) {
        fprintf(out, "too low: the selections overlap by %.2f %%, the bar is %g %%\n", overlap, HS_RANKING_OVERLAP);
    }
    fprintf(out, "verdict: the ranking %s the bar\n", hs_agreement_passes(agreement) ? "meets" : "misses");
}

static void print(const struct hs_agreement *agreement, FILE *out) {
    int64_t kept = 0, both = 0;
    fprintf(out, "%-24s %9s  %9s  %10s  %9s  %7s  %6s  %6s  %s\n", "domain", "documents", "error sd", "bias", "spread",
            "rho", "kept", "change", "farthest");
    for (size_t i = 0; i < agreement->n; i++) {
        print_domain(&agreement->domains[i], out);
        kept += agreement->domains[i].kept;
        both += agreement->domains[i].both;
    }
    fprintf(out, "overlap of the selections: %.2f %% (%lld of %lld)\n", hs_agreement_overlap(agreement),
            (long long)both, (long long)kept);
    print_verdict(agreement, out);
}

static json_t *real(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static json_t *domain_json(const struct hs_agreement_domain *d) {
    return json_pack("{s:s%, s:I, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:b}", "domain", d->name, d->name_size,
                     "documents", (json_int_t)d->documents, "error_sd", real(d->error_sd), "bias", real(d->bias),
                     "spread", real(d->spread), "spearman", real(d->spearman), "kept", (json_int_t)d->kept, "both",
                     (json_int_t)d->both, "changed", (json_int_t)d->changed, "farthest", real(d->farthest), "passes",
                     hs_agreement_domain_passes(d));
}

static headsift_status print_json(const struct hs_agreement *agreement, FILE *out, headsift_error *error) {
    json_t *domains = json_array();
    for (size_t i = 0; i < agreement->n; i++) {
        json_array_append_new(domains, domain_json(&agreement->domains[i]));
    }
    bool whole = json_array_size(domains) == agreement->n;
    json_t *report = json_pack("{s:o, s:f, s:b}", "domains", domains, "overlap", hs_agreement_overlap(agreement),
                               "passes", hs_agreement_passes(agreement));
    whole = whole && report != NULL && json_dumpf(report, out, JSON_INDENT(1)) == 0 && fputc('\n', out) != EOF;
    json_decref(report);
    return whole ? HEADSIFT_OK : hs_fail(error, HEADSIFT_FAILED, "the report can't be written");
}

int main(int argc, char **argv) {
    headsift_error error = {0};
    struct call call;
    struct hs_agreement agreement = {0};
    headsift_status status = parse(argc, argv, &call, &error);
    if (status == HEADSIFT_OK) {
        status = hs_agreement_read(call.scores[0], call.scores[1], &(struct hs_agreement_options){.keep = call.keep},
                                   &agreement, &error);
    }
    if (status == HEADSIFT_OK && call.json) {
        status = print_json(&agreement, stdout, &error);
    } else if (status == HEADSIFT_OK) {
        print(&agreement, stdout);
    }
    int code = status != HEADSIFT_OK ? 2 : hs_agreement_passes(&agreement) ? 0 : 1;
    if (status != HEADSIFT_OK) {
        fprintf(stderr, "headsift-ranking: %s\n", error.message);
    }
    hs_agreement_free(&agreement);
    return code;
}
