/* Fuzzes the reader of heads.json: any bytes are read or refused; what is read has a heat map and prints to bytes
 * that read back and print the same. */
#include <stdlib.h>
#include <string.h>

#include "probe/heads_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(const headsift_heads *heads, struct hs_buffer *out) {
    if (!hs_heads_print(heads, out)) {
        abort();
    }
}

static void check_round_trip(const headsift_heads *heads) {
    struct hs_buffer first = {0}, second = {0};
    headsift_heads *again;
    print(heads, &first);
    if (hs_heads_parse(first.data, first.size, "printed", &again, NULL) != HEADSIFT_OK) {
        abort();
    }
    print(again, &second);
    if (first.size != second.size || memcmp(first.data, second.data, first.size) != 0) {
        abort();
    }
    headsift_heads_free(again);
    hs_buffer_free(&first);
    hs_buffer_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    headsift_heads *heads;
    headsift_error error = {0};
    if (hs_heads_parse((const char *)data, size, "heads", &heads, &error) != HEADSIFT_OK) {
        if (error.message[0] == '\0') {
            abort();
        }
        return 0;
    }
    check_round_trip(heads);
    if (heads->scores != NULL) {
        struct hs_buffer map = {0};
        if (!hs_heatmap_print(heads, &map)) {
            abort();
        }
        hs_buffer_free(&map);
    }
    headsift_heads_free(heads);
    return 0;
}
