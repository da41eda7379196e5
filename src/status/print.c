/* headsift_status_print: reads the folder at this moment, then prints.
 * Nothing is printed of a folder that can not be read. */
#include "status/status.h"

headsift_status headsift_status_print(const char *directory, bool json, bool all, FILE *out, headsift_error *error) {
    struct hs_folder folder;
    struct hs_buffer text = {0};
    headsift_status status = hs_folder_read(directory, time(NULL), &folder, error);
    if (status == HEADSIFT_OK) {
        bool ok = json ? hs_folder_json(&folder, &text) : hs_folder_text(&folder, all, &text);
        status = ok ? HEADSIFT_OK : hs_fail_memory(error, "the state of the folder", text.size);
    }
    if (status == HEADSIFT_OK) {
        fwrite(text.data, 1, text.size, out);
    }
    hs_buffer_free(&text);
    hs_folder_free(&folder);
    return status;
}
