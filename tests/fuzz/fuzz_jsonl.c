/* JSONL from any bytes, plain or compressed: framing, parsing, the finding of values.
 * Of plain bytes the records are counted a second way. */
#define _GNU_SOURCE
#include "corpus_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t count_lines(const uint8_t *data, size_t size) {
    int64_t lines = 0;
    bool blank = true;
    size_t start = size >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    for (size_t i = start; i < size; i++) {
        if (data[i] == '\n') {
            lines += !blank;
            blank = true;
        } else if (data[i] != ' ' && data[i] != '\t' && data[i] != '\r') {
            blank = false;
        }
    }
    return lines + !blank;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    bool packed = size >= 2 && ((data[0] == 0x1F && data[1] == 0x8B) || (data[0] == 0x28 && data[1] == 0xB5));
    headsift_inputs named = {.text = "t", .id = "i", .domain = "d"}, plain = {0},
                    pairs = {.prompt = "i", .response = "t"};
    read_bytes_as(HS_FORMAT_JSONL, data, size, &named);
    read_bytes_as(HS_FORMAT_JSONL, data, size, &pairs);
    int64_t records = read_bytes_as(HS_FORMAT_JSONL, data, size, &plain);
    MUST(packed || records == -1 || records == count_lines(data, size));
    return 0;
}
