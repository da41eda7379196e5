/* What a run prints: the heads and their effect, each domain's top and bottom documents, the files.
 * Everything that comes from documents or file names is escaped; columns are counted in cells of a terminal. */
#include <math.h>
#include <string.h>
#include <utf8proc.h>

#include "base/json.h"
#include "base/text.h"
#include "run/run.h"
#include "select/ranking.h"

enum { SHOW = 3, TEXT_BYTES = 1024, TEXT_CELLS = 58, ID_CELLS = 16, MANIFEST_LIMIT = 1 << 30 };

/* ---- Text in cells ---- */

static int cells_of(uint32_t point) {
    int width = utf8proc_charwidth((utf8proc_int32_t)point);
    return width > 0 ? width : 0;
}

static int width_of(const char *text) {
    int width = 0;
    for (size_t at = 0, length; text[at] != '\0'; at += length) {
        width += cells_of(hs_utf8_decode(text + at, &length));
    }
    return width;
}

/* Length in bytes of the beginning that fits into so many cells. */
static size_t head_within(const char *text, int cells) {
    size_t at = 0, length;
    for (int width = 0; text[at] != '\0'; at += length) {
        width += cells_of(hs_utf8_decode(text + at, &length));
        if (width > cells) {
            break;
        }
    }
    return at;
}

/* Blanks of any kind, many or one, become one space: a preview shows words. */
static size_t join_words(const char *text, size_t size, char *out) {
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        bool blank = text[i] == ' ' || (text[i] >= '\t' && text[i] <= '\r');
        if (!blank) {
            out[n++] = text[i];
        } else if (n > 0 && out[n - 1] != ' ') {
            out[n++] = ' ';
        }
    }
    return n;
}

static void print_preview(FILE *out, const char *text, size_t size) {
    char words[TEXT_BYTES], line[4 * TEXT_BYTES];
    size = join_words(text, size < sizeof words ? size : sizeof words, words);
    hs_escape_line(words, size, line, sizeof line);
    bool whole = width_of(line) <= TEXT_CELLS;
    fprintf(out, "%.*s%s\n", (int)head_within(line, whole ? TEXT_CELLS : TEXT_CELLS - 1), line,
            whole ? "" : "\xE2\x80\xA6");
}

/* An id that is too long keeps its end, where FILE:ROW has the row. */
static void print_id(FILE *out, const char *id, size_t size) {
    char line[2048];
    if (size > 500) {
        id += size - 500;
        size = 500;
    }
    hs_escape_line(id, size, line, sizeof line);
    const char *shown = line, *dots = "";
    int width = width_of(line);
    if (width > ID_CELLS) {
        for (dots = "\xE2\x80\xA6"; width > ID_CELLS - 1;) {
            size_t length;
            width -= cells_of(hs_utf8_decode(shown, &length));
            shown += length;
        }
        width++;
    }
    fprintf(out, "%s%s%*s", dots, shown, ID_CELLS - width, "");
}

/* ---- Heads ---- */

static void print_heads(const struct hs_run *run, FILE *out) {
    const headsift_heads *heads = run->heads;
    const headsift_effect *effect = &heads->effect;
    const struct hs_config *config = hs_model_config(run->model->model);
    char name[256];
    hs_escape_line(config->name, strlen(config->name), name, sizeof name);
    fprintf(out, "Model    %s, %d layers of %d heads\n", name, config->n_layer, config->n_head);
    fprintf(out, "Heads    %zu of %d", heads->n_heads, config->n_layer * config->n_head);
    if (heads->method != NULL) {
        hs_escape_line(heads->method, strlen(heads->method), name, sizeof name);
        fprintf(out, ", found by %s", name);
    }
    if (heads->decode != NULL) {
        hs_escape_line(heads->decode, strlen(heads->decode), name, sizeof name);
        fprintf(out, " (%s)", name);
    }
    if (heads->samples > 0) {
        fprintf(out, ", %d of %d samples counted", heads->samples_counted, heads->samples);
    }
    if (effect->draws == 0) {
        fprintf(out, "\nEffect   not measured\n");
        return;
    }
    fprintf(out,
            "\nEffect   answer loss %.4f unmasked, %.4f with these heads masked, %.4f with random ones (%.4f to "
            "%.4f)\n",
            effect->unmasked, effect->masked, effect->random_mean, effect->random_low, effect->random_high);
}

/* ---- Domains ---- */

static int64_t chosen_of(const json_t *manifest, size_t domain) {
    const json_t *object = json_array_get(json_object_get(manifest, "domains"), domain);
    return json_integer_value(json_object_get(object, "chosen"));
}

static void print_domain(const struct hs_domain_ranking *domain, int64_t chosen, FILE *out) {
    char name[512];
    hs_escape_line(domain->name, domain->name_size, name, sizeof name);
    fprintf(out, "\n%s: %lld documents, %lld scored, %lld chosen", name[0] != '\0' ? name : "All documents",
            (long long)domain->documents, (long long)domain->scored, (long long)chosen);
    if (isnan(domain->mean)) {
        fprintf(out, "\n");
    } else {
        fprintf(out, ", mean score %.4f\n", domain->mean);
        fprintf(out, "%6s %8s %8s %8s %7s  %-*s  %s\n", "rank", "score", "base", "masked", "tokens", ID_CELLS, "id",
                "text");
    }
}

static void print_document(const struct hs_ranked *document, FILE *out) {
    fprintf(out, "%6lld %8.4f %8.4f %8.4f %7lld  ", (long long)document->rank, document->score, document->loss_base,
            document->loss_ref, (long long)document->tokens);
    print_id(out, document->id, document->id_size);
    fprintf(out, "  ");
    print_preview(out, document->text != NULL ? document->text : "", document->text_size);
}

static void print_domains(const struct hs_ranking *ranking, const json_t *manifest, FILE *out) {
    size_t at = 0;
    for (size_t i = 0; i < ranking->domains_shown; i++) {
        print_domain(&ranking->domains[i], chosen_of(manifest, i), out);
        int64_t last = 0;
        for (; at < ranking->n_documents && ranking->documents[at].domain == (int32_t)i; at++) {
            if (ranking->documents[at].rank > last + 1) {
                fprintf(out, "%6s\n", "...");
            }
            last = ranking->documents[at].rank;
            print_document(&ranking->documents[at], out);
        }
    }
    if (ranking->domains_shown < ranking->n_domains) {
        fprintf(out, "\n... and %zu more domains: see manifest.json\n", ranking->n_domains - ranking->domains_shown);
    }
}

/* ---- Files ---- */

static void print_files(const struct hs_run *run, const json_t *manifest, FILE *out) {
    const headsift_select_summary *all = &run->selected;
    char directory[1024];
    hs_escape_line(run->directory, strlen(run->directory), directory, sizeof directory);
    fprintf(out, "\nChosen   %lld of %lld documents, %lld of %lld tokens", (long long)all->chosen,
            (long long)all->documents, (long long)all->chosen_tokens, (long long)all->tokens);
    if (all->unscored > 0) {
        fprintf(out, "; %lld without a score", (long long)all->unscored);
    }
    fprintf(out, "\nFiles in %s\n", directory);
    if (run->options->heads_path == NULL) {
        fprintf(out, "  probe.jsonl             the task that finds the heads\n");
    }
    fprintf(out, "  heads.json, heads.svg   every head's score, and as a picture\n");
    fprintf(out, "  scores/                 %zu Parquet files, a row a document\n",
            (size_t)json_integer_value(json_object_get(json_object_get(manifest, "scores"), "files")));
    fprintf(out, "  selected/               %zu files of chosen documents, manifest.json\n",
            json_array_size(json_object_get(manifest, "files")));
    fprintf(out, "  report.html             all of it as a page to look at or to send\n");
    fprintf(out, "  run.json                the settings\n");
}

static headsift_status load_manifest(const struct hs_run *run, json_t **out, headsift_error *error) {
    char *path = hs_join_path(run->files.selected, "manifest.json");
    headsift_status status =
        path != NULL ? hs_json_load(path, MANIFEST_LIMIT, out, error) : hs_fail_memory(error, "a path", 1);
    hs_free(path);
    return status;
}

/* Sorting many rows may spill: into the caller's folder, or one of our own for the time. */
static headsift_status read_ranking(const struct hs_run *run, struct hs_ranking *ranking, headsift_error *error) {
    const headsift_select_options *select = &run->options->select;
    const struct hs_ranking_wish wish = {.show = run->options->show >= 0 ? run->options->show : SHOW,
                                         .text_bytes = TEXT_BYTES};
    if (select->temp_dir != NULL) {
        return hs_ranking_read(run->files.scores, &wish, select, select->temp_dir, ranking, error);
    }
    char *own = hs_join_path(run->directory, ".spill");
    if (own == NULL) {
        return hs_fail_memory(error, "a path", strlen(run->directory));
    }
    hs_spill_remove(own);
    headsift_status status = hs_make_directory(own, error);
    if (status == HEADSIFT_OK) {
        status = hs_ranking_read(run->files.scores, &wish, select, own, ranking, error);
    }
    hs_spill_remove(own);
    hs_free(own);
    return status;
}

headsift_status hs_run_print(struct hs_run *run, FILE *out, headsift_error *error) {
    struct hs_ranking ranking;
    json_t *manifest;
    HS_TRY(load_manifest(run, &manifest, error));
    headsift_status status = read_ranking(run, &ranking, error);
    if (status == HEADSIFT_OK) {
        print_heads(run, out);
        print_domains(&ranking, manifest, out);
        print_files(run, manifest, out);
        hs_ranking_free(&ranking);
        status =
            fflush(out) == 0 && !ferror(out) ? HEADSIFT_OK : hs_fail(error, HEADSIFT_FAILED, "can't write the ranking");
    }
    json_decref(manifest);
    return status;
}
