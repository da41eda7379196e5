/* The bench's report as text. A line that ends with "of the floor" is the verdict for a length.
 * What was not measured is a dash. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/text.h"
#include "bench/bench.h"

void hs_bench_cpu_name(char *out, size_t size) {
    char *line = NULL;
    size_t room = 0;
    struct utsname system;
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(out, size, "unknown CPU");
    if (uname(&system) == 0) {
        snprintf(out, size, "%s", system.machine);
    }
    while (file != NULL && getline(&line, &room, file) > 0) {
        const char *value = strstr(line, ": ");
        if (strncmp(line, "model name", 10) == 0 && value != NULL) {
            hs_escape_line(value + 2, strcspn(value + 2, "\n"), out, size);
            break;
        }
    }
    free(line);
    if (file != NULL) {
        fclose(file);
    }
}

void hs_bench_print_machine(const struct hs_bench_machine *machine, FILE *out) {
    char name[512];
    const struct hs_config *c = machine->config;
    hs_escape_line(c->name, strlen(c->name), name, sizeof name);
    double products = machine->peak.products * 2e-9, registers = machine->peak.registers * 2e-9;
    fprintf(out, "machine   %s, %d threads, %s, kernels %s, %s\n", machine->cpu, machine->threads, machine->facts.dtype,
            machine->facts.kernels, machine->facts.products);
    fprintf(out, "model     %s, %d layers of %d heads, %.0f MB packed\n", name, c->n_layer, c->n_head,
            (double)machine->facts.packed_bytes * 1e-6);
    fprintf(out, "start     %.2f s to open, %.2f s to pack (files in the cache)\n", machine->open_seconds,
            machine->pack_seconds);
    fprintf(out, "peak      %.1f GF/s (registers alone %.1f, best packed product %.1f)\n",
            products > registers ? products : registers, registers, products);
    fprintf(out, "masked    %zu heads%s, the first in layer %d\n", machine->n_heads,
            machine->own_heads ? " (no --heads: spread over the upper layers)" : "", machine->first_masked);
    fflush(out);
}

const char *hs_bench_stage_name(int stage) {
    static const char *const names[HS_STAGES] = {"embed", "qkv", "attention", "projection", "MLP", "logits+loss"};
    return names[stage];
}

void hs_bench_title(const struct hs_bench_result *result, char *out, size_t size) {
    if (result->length > 0) {
        snprintf(out, size, "length %lld, %s", (long long)result->length, result->what);
    } else {
        snprintf(out, size, "the mix, %s", result->what);
    }
}

static void print_cell(double value, const char *format, int width, FILE *out) {
    char text[32] = "-";
    if (value > 0) {
        snprintf(text, sizeof text, format, value);
    }
    fprintf(out, "%*s", width, text);
}

static void print_stages(const struct hs_bench_result *result, FILE *out) {
    bool measured = false;
    for (int i = 0; i < HS_STAGES; i++) {
        measured = measured || result->stages[i].milliseconds > 0;
    }
    if (!measured) {
        fprintf(out, "  stages    not measured\n");
        return;
    }
    fprintf(out, "  %-12s%16s%10s%16s\n", "stage", "ms/1,000 tokens", "GF/s", "% of the peak");
    for (int i = 0; i < HS_STAGES; i++) {
        const struct hs_bench_stage_result *stage = &result->stages[i];
        fprintf(out, "  %-12s", hs_bench_stage_name(i));
        print_cell(stage->milliseconds, "%.2f", 16, out);
        print_cell(stage->gflops, "%.1f", 10, out);
        print_cell(stage->share_of_peak * 100, "%.1f", 16, out);
        fputc('\n', out);
    }
    fprintf(out, "  %-12s%16.2f\n", "the rest", result->rest_milliseconds);
}

void hs_bench_print_result(const struct hs_bench_result *result, FILE *out) {
    char title[64];
    bool pair = strcmp(result->what, "pair") == 0;
    hs_bench_title(result, title, sizeof title);
    fprintf(out, "\n%s: %lld document%s, %lld tokens, peak %.1f GF/s\n", title, (long long)result->documents,
            result->documents == 1 ? "" : "s", (long long)result->tokens, result->peak);
    fprintf(out, "  %.0f tokens/s, %.1f GF/s, %.1f %% of the peak, %.1f %% of %s floor\n", result->tokens_per_second,
            result->gflops, result->share_of_peak * 100, result->share_of_floor * 100, pair ? "the" : "its own");
    print_stages(result, out);
    fflush(out);
}

void hs_bench_print_corpus(const struct hs_bench_corpus *corpus, FILE *out) {
    fprintf(out, "\ninputs: %lld documents, %.2f MB of text; %d of them, %lld tokens, are the mix\n",
            (long long)corpus->documents, (double)corpus->bytes * 1e-6, corpus->mix.n_documents,
            (long long)corpus->tokens);
    fprintf(out, "  read      %.1f MB/s\n", corpus->read_mb);
    fprintf(out, "  tokenise  %.2f MB/s, %.0f tokens/s\n", corpus->tokenize_mb, corpus->tokens_per_second);
    fprintf(out, "  write     %.0f score rows/s\n", corpus->rows_per_second);
    fflush(out);
}
