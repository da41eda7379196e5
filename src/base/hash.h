/* SHA-256 of bytes, by OpenSSL's libcrypto, in hex in lower case as sha256sum prints it.
 * And CRC-32, for what a crash may have cut or a disk changed. */
#ifndef HS_BASE_HASH_H
#define HS_BASE_HASH_H

#include "base/error.h"

enum { HS_HASH_HEX = 65 }; /**< 64 digits and a NUL */

struct hs_hash; /**< a hash being computed */

headsift_status hs_hash_begin(struct hs_hash **hash, headsift_error *error);
headsift_status hs_hash_add(struct hs_hash *hash, const void *bytes, size_t size, headsift_error *error);
/** Writes the digest and frees the hash, also on failure. */
headsift_status hs_hash_end(struct hs_hash *hash, char hex[HS_HASH_HEX], headsift_error *error);
void hs_hash_abort(struct hs_hash *hash); /**< frees without a digest; NULL is fine */

headsift_status hs_hash_bytes(const void *bytes, size_t size, char hex[HS_HASH_HEX], headsift_error *error);

/** The CRC-32 of zlib and gzip. @param sum 0, or what it was of the bytes before these. */
uint32_t hs_crc32(uint32_t sum, const void *bytes, size_t size);

#endif
