/* The text that a mask of means is taken over (HEADSIFT_MASK_MEAN): a file of the user's, or the one that is built in.
 * hs_calibration_read checks and hashes it before any work; hs_calibration_means sends it through the model. */
#ifndef HS_INFLUENCE_CALIBRATION_H
#define HS_INFLUENCE_CALIBRATION_H

#include "base/hash.h"
#include "base/memory.h"
#include "engine/scorer.h"

enum {
    HS_CALIBRATION_BYTES = 4 << 20, /**< of a text at most */
    HS_CALIBRATION_TOKENS = 1024    /**< of a piece of it, which is a document of its own */
};

struct hs_calibration {
    struct hs_buffer text;
    char sha256[HS_HASH_HEX];
};

/** @param path NULL: the built-in text. HEADSIFT_FAILED: no such file, no text, not UTF-8, too long. */
headsift_status hs_calibration_read(const char *path, struct hs_calibration *out, headsift_error *error);
bool hs_calibration_is_built_in(const char *sha256);
void hs_calibration_free(struct hs_calibration *calibration); /**< fine on a zeroed struct */

/** The mean output of each head over the text: hs_mask.means of a mask of these heads. The text is split into tokens
 *  (none special), and those into pieces of HS_CALIBRATION_TOKENS or the model's context, each behind a BOS where the
 *  tokenizer adds one. Heads of several masks may stand behind each other, the same head more than once: the model runs
 *  once for all of them. Opens the model's engine.
 *  @param means (n_heads, head_dim), fresh; hs_free it. */
headsift_status hs_calibration_means(headsift_model *model, const struct hs_calibration *calibration,
                                     const headsift_head *heads, size_t n_heads, float **means, headsift_error *error);

#endif
