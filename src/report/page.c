/* The whole page around the sections: head with its Content-Security-Policy, contents, data, scripts, licences.
 * Only scripts and styles with the hashes that stand in the policy run; nothing is loaded from anywhere. */
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

/* ---- Hashes as a policy names them ---- */

/* The 32 bytes of a SHA-256 in hex, in base64: 44 characters and a NUL. */
static void base64_of_hex(const char *hex, char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char bytes[33] = {0};
    for (int i = 0; i < 32; i++) {
        unsigned byte = 0;
        sscanf(hex + 2 * i, "%2x", &byte);
        bytes[i] = (unsigned char)byte;
    }
    for (int i = 0; i < 33; i += 3) {
        unsigned group = (unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8 | bytes[i + 2];
        for (int k = 0; k < 4; k++) {
            *out++ = digits[group >> (18 - 6 * k) & 63];
        }
    }
    out[-1] = '='; /* the 33rd byte is none */
    *out = '\0';
}

headsift_status hs_csp_hash(const char *text, size_t size, char out[HS_CSP_HASH], headsift_error *error) {
    char hex[HS_HASH_HEX];
    HS_TRY(hs_hash_bytes(text, size, hex, error));
    strcpy(out, "'sha256-");
    base64_of_hex(hex, out + strlen(out));
    strcat(out, "'");
    return HEADSIFT_OK;
}

/* ---- Data ---- */

bool hs_page_json(struct hs_buffer *out, const json_t *value) {
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(8));
    bool ok = text != NULL;
    for (const char *at = text; ok && *at != '\0';) {
        size_t plain = strcspn(at, "<>&\x7F");
        ok = hs_buffer_append(out, at, plain);
        at += plain;
        if (ok && *at != '\0') {
            ok = hs_buffer_printf(out, "\\u%04x", (unsigned)*at++); /* these stand in strings alone */
        }
    }
    free(text);
    return ok;
}

/* ---- The page ---- */

static void add_asset(struct hs_page *page, const char *tag, const struct hs_asset *asset) {
    hs_page_printf(page, "<%s>", tag);
    page->failed = !hs_buffer_append(&page->out, asset->start, (size_t)(asset->end - asset->start)) || page->failed;
    hs_page_printf(page, "</%s>\n", tag);
}

static const char *model_name(const struct hs_report *report) {
    const headsift_heads *heads = report->folder->heads;
    const char *scored = json_string_value(json_object_get(report->folder->score, "model"));
    return heads != NULL && heads->model_name != NULL ? heads->model_name : scored != NULL ? scored : "a model";
}

static headsift_status add_head(const struct hs_report *report, const struct hs_assets *assets, struct hs_page *out,
                                headsift_error *error) {
    const struct hs_asset *const scripts[] = {&assets->vega, &assets->vega_lite, &assets->interpreter, &assets->script};
    char hash[HS_CSP_HASH];
    hs_page_raw(out,
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta "
                "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; base-uri 'none'; form-action "
                "'none'; script-src");
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        HS_TRY(hs_csp_hash(scripts[i]->start, (size_t)(scripts[i]->end - scripts[i]->start), hash, error));
        hs_page_printf(out, " %s", hash);
    }
    HS_TRY(hs_csp_hash(assets->style.start, (size_t)(assets->style.end - assets->style.start), hash, error));
    hs_page_printf(out, "; style-src %s\">\n", hash);
    hs_page_raw(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta "
                     "name=\"color-scheme\" content=\"light dark\">\n<title>headsift: ");
    hs_page_string(out, model_name(report));
    hs_page_raw(out, "</title>\n");
    add_asset(out, "style", &assets->style);
    hs_page_raw(out, "</head>\n");
    return HEADSIFT_OK;
}

static void add_body(const struct hs_report *report, const struct hs_assets *assets, struct hs_page *out) {
    hs_page_raw(out, "<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header><p "
                     "class=\"brand\">headsift report</p><h1>");
    hs_page_string(out, model_name(report));
    hs_page_raw(out, "</h1>\n<nav aria-label=\"Contents\"><ul>");
    out->failed = !hs_buffer_append(&out->out, report->contents.out.data, report->contents.out.size) || out->failed;
    hs_page_raw(out, "</ul></nav></header>\n<main id=\"main\" tabindex=\"-1\">\n");
    out->failed = !hs_buffer_append(&out->out, report->page.out.data, report->page.out.size) || out->failed;
    hs_page_raw(out, "</main>\n<footer><details><summary>Licences of the scripts in this page</summary><pre>");
    hs_page_text(out, assets->licences.start, (size_t)(assets->licences.end - assets->licences.start));
    hs_page_raw(out, "</pre></details></footer>\n<script type=\"application/json\" id=\"data\">");
    out->failed = !hs_page_json(&out->out, report->charts) || out->failed;
    hs_page_raw(out, "</script>\n");
    add_asset(out, "script", &assets->vega);
    add_asset(out, "script", &assets->vega_lite);
    add_asset(out, "script", &assets->interpreter);
    add_asset(out, "script", &assets->script);
    hs_page_raw(out, "</body>\n</html>\n");
}

headsift_status hs_page_whole(const struct hs_report *report, struct hs_page *out, headsift_error *error) {
    const struct hs_assets assets = hs_report_assets();
    HS_TRY(add_head(report, &assets, out, error));
    add_body(report, &assets, out);
    bool failed = out->failed || report->page.failed || report->contents.failed;
    return failed ? hs_fail_memory(error, "the page", out->out.size) : HEADSIFT_OK;
}
