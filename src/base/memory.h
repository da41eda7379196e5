/* The one way to allocate: overflow-checked, NULL on failure, and a growing byte buffer on top.
 * Tests make allocations fail by wrapping malloc, calloc, realloc and aligned_alloc at link time. */
#ifndef HS_BASE_MEMORY_H
#define HS_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/** `count` elements of `size` bytes, zeroed. NULL when there is no memory or the product overflows; 0 bytes give a
 * pointer. */
void *hs_alloc(size_t count, size_t size) __attribute__((malloc));
/** Grows or shrinks an hs_alloc array to `count` elements (new ones are not zeroed). On NULL the old array stays valid.
 */
void *hs_realloc(void *pointer, size_t count, size_t size);
/** Like hs_alloc, on a 64-byte boundary, not zeroed. */
void *hs_alloc_aligned(size_t count, size_t size) __attribute__((malloc));
void hs_free(void *pointer); /**< of any of the three; NULL is fine */

/** A copy of `size` bytes with a NUL behind it. NULL when there is no memory. */
char *hs_copy_bytes(const char *bytes, size_t size);
char *hs_copy_string(const char *string);
/** printf into fresh memory. NULL when there is no memory. */
char *hs_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Ensures room for `wanted` elements in a growing array (doubling). False when there is no memory: the array stays. */
bool hs_grow(void **array, size_t *capacity, size_t wanted, size_t element_size);

/** Bytes that grow. Zero-initialise; free with hs_buffer_free. */
struct hs_buffer {
    char *data;
    size_t size;
    size_t capacity;
};

bool hs_buffer_reserve(struct hs_buffer *buffer, size_t extra); /**< room for `extra` more bytes and a NUL */
bool hs_buffer_append(struct hs_buffer *buffer, const void *bytes, size_t size); /**< keeps a NUL behind the bytes */
bool hs_buffer_printf(struct hs_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void hs_buffer_free(struct hs_buffer *buffer); /**< frees and zeroes */

#endif
