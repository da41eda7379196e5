/* Fuzzes the reader of probe.jsonl: any bytes are read or refused, and spans stay inside their prompts.
 * Sentences are cut out of the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "probe/probe.h"
#include "probe/probe_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool check_sentence(void *user, const char *sentence, size_t size) {
    (void)user;
    if (size < 40 || size > 200 || memchr(sentence, '\n', size) != NULL || memchr(sentence, '"', size) != NULL) {
        abort();
    }
    return true;
}

static void check_row(const struct hs_probe_row *row) {
    bool inside = row->value.start < row->value.end && row->value.end <= row->prompt_size &&
                  row->control.start <= row->control.end && row->control.end <= row->prompt_size;
    if (!inside || row->prompt_size >= row->size) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct hs_probe probe;
    headsift_error error = {0};
    if (hs_probe_parse((const char *)data, size, "probe", &probe, &error) == HEADSIFT_OK) {
        for (size_t i = 0; i < probe.n; i++) {
            check_row(&probe.rows[i]);
        }
        hs_probe_free(&probe);
    } else if (error.message[0] == '\0') {
        abort();
    }
    hs_sentences_from_text((const char *)data, size, check_sentence, NULL);
    return 0;
}
