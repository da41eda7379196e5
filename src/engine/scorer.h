/* A model with its tokenizer and, from the first use on, its engine: what the public headsift_model is.
 * Rooms above (probe, influence, run) take this and reach the parts they need. */
#ifndef HS_ENGINE_SCORER_H
#define HS_ENGINE_SCORER_H

#include "engine/engine.h"

struct headsift_model {
    struct hs_model *model;
    struct hs_tokenizer *tokenizer;
    struct hs_engine *engine; /**< NULL until hs_scorer_engine */
    char *path;
    headsift_dtype wanted; /**< as it was asked for */
    headsift_dtype dtype;  /**< resolved */
    int threads;
    struct hs_int8_recipe int8; /**< of an engine in int8 */
    headsift_monitor monitor;   /**< of headsift_model_open, for one line when the weights are packed */
};

/** Prose, maths, code and markup that an engine in int8 is calibrated with: always the same, so that a model's scores
 *  are the same on machines of one CPU class. */
extern const char hs_calibration_text[];

/** The engine, opened on the first call. */
headsift_status hs_scorer_engine(headsift_model *scorer, struct hs_engine **out, headsift_error *error);
/** Goes on in another type, by its name. HEADSIFT_USAGE where this machine lacks it. An open engine is closed. */
headsift_status hs_scorer_use_dtype(headsift_model *scorer, const char *name, headsift_error *error);

#endif
