/* SHA-256 of bytes and files, by OpenSSL's libcrypto.
 * Hex in lower case, as sha256sum prints it. */
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

#endif
