/* The metadata of Parquet files from any bytes, as it is written anew with strings as bytes.
 * What comes out must be read again, and hold no string any more. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "corpus/parquet_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct hs_buffer once = {0}, twice = {0};
    bool ok = false;
    if (hs_parquet_retype(&once, (const char *)data, size, &ok) && ok) {
        bool again = hs_parquet_retype(&twice, once.data, once.size, &ok);
        if (!again || !ok || twice.size != once.size || memcmp(twice.data, once.data, once.size) != 0) {
            abort();
        }
    }
    hs_buffer_free(&twice);
    hs_buffer_free(&once);
    return 0;
}
