/* CSV from any bytes, plain or compressed.
 * The first column of the header plays the text's role, so that records are reached whatever it is called. */
#define _GNU_SOURCE
#include "corpus_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char name[32];
    size_t length = 0;
    while (length < size && length < sizeof name - 1 && data[length] != ',' && data[length] != '\n' &&
           data[length] != '\0') {
        name[length] = (char)data[length];
        length++;
    }
    name[length] = '\0';
    headsift_inputs first = {.text = name}, plain = {.domain = "=FILE"}, pairs = {.prompt = name, .response = "text"};
    read_bytes_as(HS_FORMAT_CSV, data, size, &first);
    read_bytes_as(HS_FORMAT_CSV, data, size, &plain);
    read_bytes_as(HS_FORMAT_CSV, data, size, &pairs);
    return 0;
}
