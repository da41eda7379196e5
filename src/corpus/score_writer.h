/* Score rows out: one Parquet file (zstd, row groups of 122,880 rows) with its metadata, written atomically.
 * The columns are spec'd in docs/formats.md. */
#ifndef HS_CORPUS_SCORE_WRITER_H
#define HS_CORPUS_SCORE_WRITER_H

#include "base/error.h"

/** Holds the rows of one file until commit: at most 512 MB of them in memory, the others in DIR/.NAME.spill-HOST-PID.
 */
struct hs_score_writer;

/** The same rows and metadata give the same bytes.
 *  @param path      final name; rows stay under a temporary name until hs_score_writer_commit.
 *  @param metadata  key, value, key, value, ..., NULL: Parquet key-value metadata. */
headsift_status hs_score_writer_open(const char *path, const char *const *metadata, struct hs_score_writer **out,
                                     headsift_error *error);
/** NaN losses and scores become NULL. `id` NULL becomes FILE:ROW. Bytes that are no UTF-8 become U+FFFD. */
headsift_status hs_score_writer_add(struct hs_score_writer *writer, const char *id, size_t id_size, const char *file,
                                    int64_t row, const char *domain, size_t domain_size, const headsift_score *score,
                                    headsift_error *error);
/** The same for scores of responses, whose rows have a column more: steps, a list of structs (docs/formats.md). */
headsift_status hs_score_writer_open_steps(const char *path, const char *const *metadata, struct hs_score_writer **out,
                                           headsift_error *error);
/** hs_score_writer_add() with the row's steps, which only a writer of hs_score_writer_open_steps() writes. */
headsift_status hs_score_writer_add_steps(struct hs_score_writer *writer, const char *id, size_t id_size,
                                          const char *file, int64_t row, const char *domain, size_t domain_size,
                                          const headsift_score *score, const headsift_step *steps, size_t n_steps,
                                          headsift_error *error);
headsift_status hs_score_writer_commit(struct hs_score_writer *writer,
                                       headsift_error *error); /**< frees it in every case */
void hs_score_writer_abort(struct hs_score_writer *writer);    /**< removes the temporary file; NULL is fine */

#endif
