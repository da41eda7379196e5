/* A call of headsift_run under way: what was asked, the folder's files, and what the steps hand on.
 * run.c walks through the steps; record.c knows which of them an earlier call has done. */
#ifndef HS_RUN_RUN_H
#define HS_RUN_RUN_H

#include <jansson.h>

#include "corpus/corpus.h"
#include "engine/scorer.h"

/** The names in the folder, with the folder before them. */
struct hs_run_files {
    char *record, *probe, *heads, *heatmap, *scores, *selected, *report;
};

struct hs_run {
    headsift_model *model;
    const headsift_run_options *options;
    const char *directory;
    const headsift_monitor *monitor;
    struct hs_run_files files;
    struct hs_input_list documents; /**< the input files, without what lies in the folder itself */
    const char **paths;             /**< of these */
    headsift_inputs inputs;         /**< the caller's, with these paths */
    json_t *settings;               /**< run.json: see settings.c */
    headsift_heads *heads;
    bool heads_in_place; /**< the caller's heads file is the folder's own: it is neither written nor removed */
    headsift_select_summary selected;
};

/** Makes run.json's object: every setting that an output depends on, in one section a step. */
headsift_status hs_run_settings(const struct hs_run *run, json_t **out, headsift_error *error);

/** Compares the settings with those of an earlier call in the folder and writes run.json. Other settings are refused,
 *  with what differs; with `overwrite` the outputs of the first step that differs and of those after it are removed
 *  (of all steps if none differs). */
headsift_status hs_run_begin(struct hs_run *run, headsift_error *error);

/** Writes the probe with sentences from the documents, or from the built-in grammar where they have too few. */
headsift_status hs_run_probe(struct hs_run *run, headsift_error *error);

/** Prints the heads, each domain's ranking and the files. */
headsift_status hs_run_print(struct hs_run *run, FILE *out, headsift_error *error);

#endif
