/* Allocation with overflow checks; the rest of the library calls nothing else.
 * All pointers come from the C library's allocator, so that sanitizers and wrappers see each one. */
#include "base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

void *hs_alloc(size_t count, size_t size) { return calloc(count > 0 ? count : 1, size > 0 ? size : 1); }

void *hs_realloc(void *pointer, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    return realloc(pointer, bytes > 0 ? bytes : 1);
}

void *hs_alloc_aligned(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - ALIGNMENT) {
        return NULL;
    }
    size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return aligned_alloc(ALIGNMENT, rounded > 0 ? rounded : ALIGNMENT);
}

void hs_free(void *pointer) { free(pointer); }

char *hs_copy_bytes(const char *bytes, size_t size) {
    char *copy = size < SIZE_MAX ? malloc(size + 1) : NULL;
    if (copy == NULL) {
        return NULL;
    }
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    copy[size] = '\0';
    return copy;
}

char *hs_copy_string(const char *string) { return hs_copy_bytes(string, strlen(string)); }

char *hs_format(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = size >= 0 ? malloc((size_t)size + 1) : NULL;
    if (text == NULL) {
        return NULL;
    }
    va_start(arguments, format);
    vsnprintf(text, (size_t)size + 1, format, arguments);
    va_end(arguments);
    return text;
}

bool hs_grow(void **array, size_t *capacity, size_t wanted, size_t element_size) {
    if (wanted <= *capacity) {
        return true;
    }
    size_t target = *capacity > SIZE_MAX / 2 ? wanted : *capacity * 2;
    if (target < wanted) {
        target = wanted;
    }
    if (target < 16) {
        target = 16;
    }
    void *grown = hs_realloc(*array, target, element_size);
    if (grown == NULL) {
        return false;
    }
    *array = grown;
    *capacity = target;
    return true;
}

bool hs_buffer_reserve(struct hs_buffer *buffer, size_t extra) {
    size_t wanted;
    if (__builtin_add_overflow(buffer->size, extra, &wanted) || wanted == SIZE_MAX) {
        return false;
    }
    void *data = buffer->data;
    bool grown = hs_grow(&data, &buffer->capacity, wanted + 1, 1);
    buffer->data = data;
    return grown;
}

bool hs_buffer_append(struct hs_buffer *buffer, const void *bytes, size_t size) {
    if (!hs_buffer_reserve(buffer, size)) {
        return false;
    }
    if (size > 0) {
        memcpy(buffer->data + buffer->size, bytes, size);
    }
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
    return true;
}

bool hs_buffer_printf(struct hs_buffer *buffer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0 || !hs_buffer_reserve(buffer, (size_t)size)) {
        return false;
    }
    va_start(arguments, format);
    vsnprintf(buffer->data + buffer->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    buffer->size += (size_t)size;
    return true;
}

void hs_buffer_free(struct hs_buffer *buffer) {
    free(buffer->data);
    *buffer = (struct hs_buffer){0};
}
