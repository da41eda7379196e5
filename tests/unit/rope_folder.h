/* The tiny llama with other rotary positions, as a folder of its own.
 * Shared by test_model_rope.c and test_engine_prefix.c. */
#ifndef HS_TESTS_ROPE_FOLDER_H
#define HS_TESTS_ROPE_FOLDER_H

#include "support.h"

/** @param name of the scratch folder, whose path it gives. @param rope the member rope_parameters */
void write_rope_folder(const char *name, const char *rope, char *path, size_t size);

#endif
