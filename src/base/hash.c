/* SHA-256 through OpenSSL's EVP interface, which uses the CPU's SHA instructions.
 * The EVP context is the hash: the opaque struct only keeps OpenSSL out of the header. */
#include "base/hash.h"

#include <openssl/evp.h>

static EVP_MD_CTX *context_of(struct hs_hash *hash) { return (EVP_MD_CTX *)hash; }

headsift_status hs_hash_begin(struct hs_hash **hash, headsift_error *error) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        return hs_fail(error, HEADSIFT_FAILED, "libcrypto gives no SHA-256");
    }
    *hash = (struct hs_hash *)context;
    return HEADSIFT_OK;
}

headsift_status hs_hash_add(struct hs_hash *hash, const void *bytes, size_t size, headsift_error *error) {
    if (EVP_DigestUpdate(context_of(hash), bytes, size) == 1) {
        return HEADSIFT_OK;
    }
    return hs_fail(error, HEADSIFT_FAILED, "libcrypto can't hash %zu bytes", size);
}

headsift_status hs_hash_end(struct hs_hash *hash, char hex[HS_HASH_HEX], headsift_error *error) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    int done = EVP_DigestFinal_ex(context_of(hash), digest, &size);
    hs_hash_abort(hash);
    if (done != 1 || size != 32) {
        return hs_fail(error, HEADSIFT_FAILED, "libcrypto can't finish a SHA-256");
    }
    for (size_t i = 0; i < size; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    return HEADSIFT_OK;
}

void hs_hash_abort(struct hs_hash *hash) { EVP_MD_CTX_free(context_of(hash)); }

headsift_status hs_hash_bytes(const void *bytes, size_t size, char hex[HS_HASH_HEX], headsift_error *error) {
    struct hs_hash *hash = NULL;
    HS_TRY(hs_hash_begin(&hash, error));
    headsift_status status = hs_hash_add(hash, bytes, size, error);
    if (status != HEADSIFT_OK) {
        hs_hash_abort(hash);
        return status;
    }
    return hs_hash_end(hash, hex, error);
}

uint32_t hs_crc32(uint32_t sum, const void *bytes, size_t size) {
    static const uint32_t table[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
                                       0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                       0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
    const unsigned char *at = bytes;
    sum = ~sum;
    for (size_t i = 0; i < size; i++) { /* four bits at a time */
        sum ^= at[i];
        sum = table[sum & 15u] ^ sum >> 4;
        sum = table[sum & 15u] ^ sum >> 4;
    }
    return ~sum;
}
