/* Weights of an open model to safetensors files, converted and written block by block.
 * Tensors go to shards in the model's order, each shard up to its share of the bytes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/export_hf.h"

enum { BLOCK_ELEMENTS = 1 << 18, FILE_NAME = 64 };

struct entry {
    char name[HS_TENSOR_NAME];
    const struct hs_weight *weight;
    int64_t bytes;
    int shard;
};

struct entries {
    struct entry *list;
    size_t n;
    int64_t bytes;
};

static int64_t element_size(enum export_dtype dtype) { return dtype == EXPORT_F32 ? 4 : 2; }

static void collect(const struct hs_model *model, const struct export_options *options, struct entries *out) {
    const struct hs_config *config = hs_model_config(model);
    for (int role = 0; role < HS_N_ROLES; role++) {
        int32_t layers = hs_role_of_model((enum hs_role)role) ? 1 : config->n_layer;
        for (int32_t layer = 0; layer < layers; layer++) {
            const struct hs_weight *weight = hs_model_weight(model, (enum hs_role)role, layer);
            if (weight == NULL || (role == HS_OUTPUT && config->tied)) {
                continue;
            }
            struct entry *entry = &out->list[out->n++];
            hs_weight_name(model, true, (enum hs_role)role, layer, entry->name);
            entry->weight = weight;
            entry->bytes = hs_weight_rows(weight) * hs_weight_cols(weight) * element_size(options->dtype);
            out->bytes += entry->bytes;
        }
    }
}

static void assign_shards(struct entries *entries, int shards) {
    int64_t before = 0;
    for (size_t i = 0; i < entries->n; i++) {
        entries->list[i].shard = (int)(before * shards / entries->bytes);
        before += entries->list[i].bytes;
    }
}

static void file_name(int shard, int shards, char out[FILE_NAME]) {
    if (shards == 1) {
        snprintf(out, FILE_NAME, "model.safetensors");
    } else {
        snprintf(out, FILE_NAME, "model-%05d-of-%05d.safetensors", shard + 1, shards);
    }
}

static json_t *header_entry(const struct entry *entry, enum export_dtype dtype, int64_t begin) {
    static const char *const NAMES[] = {"F32", "F16", "BF16"};
    json_int_t rows = hs_weight_rows(entry->weight), cols = hs_weight_cols(entry->weight);
    json_t *shape = rows == 1 ? json_pack("[I]", cols) : json_pack("[I, I]", rows, cols);
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", NAMES[dtype], "shape", shape, "data_offsets", (json_int_t)begin,
                     (json_int_t)(begin + entry->bytes));
}

static json_t *header_of(const struct entries *entries, const struct export_options *options, int shard) {
    json_t *header = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    int64_t at = 0;
    for (size_t i = 0; i < entries->n; i++) {
        if (entries->list[i].shard == shard) {
            json_object_set_new(header, entries->list[i].name, header_entry(&entries->list[i], options->dtype, at));
            at += entries->list[i].bytes;
        }
    }
    return header;
}

static bool write_header(FILE *stream, json_t *header) {
    char *text = header != NULL ? json_dumps(header, JSON_COMPACT) : NULL;
    if (text == NULL) {
        return false;
    }
    uint64_t size = strlen(text), padded = (size + 7) / 8 * 8;
    bool ok = fwrite(&padded, sizeof padded, 1, stream) == 1 && fwrite(text, 1, size, stream) == size &&
              fprintf(stream, "%*s", (int)(padded - size), "") >= 0;
    free(text);
    return ok;
}

static uint16_t bf16_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

/* Rounds to nearest, ties to even; too large becomes infinity. Adding 0.5 steps of the target lets the FPU round. */
static uint16_t f16_of(float value) {
    uint32_t bits, magnitude;
    memcpy(&bits, &value, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    magnitude = bits & 0x7fffffff;
    if (magnitude >= 0x47800000) { /* 65536 and above */
        return (uint16_t)(sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00));
    }
    if (magnitude < 0x38800000) { /* below 2^-14: steps of 2^-24 */
        float small;
        memcpy(&small, &magnitude, sizeof small);
        small += 0.5F;
        memcpy(&magnitude, &small, sizeof magnitude);
        return (uint16_t)(sign | (magnitude - 0x3f000000));
    }
    magnitude += 0xfff + (magnitude >> 13 & 1);
    return (uint16_t)(sign | ((magnitude >> 13) - (112U << 10)));
}

static bool write_values(FILE *stream, const float *values, uint16_t *halves, size_t n, enum export_dtype dtype) {
    if (dtype == EXPORT_F32) {
        return fwrite(values, sizeof *values, n, stream) == n;
    }
    for (size_t i = 0; i < n; i++) {
        halves[i] = dtype == EXPORT_F16 ? f16_of(values[i]) : bf16_of(values[i]);
    }
    return fwrite(halves, sizeof *halves, n, stream) == n;
}

static headsift_status write_weight(FILE *stream, const struct hs_weight *weight, enum export_dtype dtype,
                                    headsift_error *error) {
    int64_t rows = hs_weight_rows(weight), cols = hs_weight_cols(weight);
    int64_t block = BLOCK_ELEMENTS / cols > 0 ? BLOCK_ELEMENTS / cols : 1;
    float *values = hs_alloc((size_t)(block * cols), sizeof *values);
    uint16_t *halves = hs_alloc((size_t)(block * cols), sizeof *halves);
    bool ok = values != NULL && halves != NULL;
    for (int64_t row = 0; ok && row < rows; row += block) {
        int64_t count = rows - row < block ? rows - row : block;
        hs_weight_read(weight, row, count, values);
        ok = write_values(stream, values, halves, (size_t)(count * cols), dtype);
    }
    hs_free(values);
    hs_free(halves);
    return ok ? HEADSIFT_OK : hs_fail_errno(error, errno, "can't write a weight");
}

/* No fsync: what a test writes need not outlive a power cut. */
static headsift_status write_shard(const struct entries *entries, const struct export_options *options, int shard,
                                   headsift_error *error) {
    char name[FILE_NAME];
    file_name(shard, options->shards, name);
    char *path = hs_join_path(options->directory, name);
    FILE *stream = path != NULL ? fopen(path, "we") : NULL;
    hs_free(path);
    if (stream == NULL) {
        return hs_fail_errno(error, errno, "can't write %s", name);
    }
    headsift_status status = HEADSIFT_OK;
    json_t *header = header_of(entries, options, shard);
    if (!write_header(stream, header)) {
        status = hs_fail_errno(error, errno, "can't write the header of %s", name);
    }
    json_decref(header);
    for (size_t i = 0; status == HEADSIFT_OK && i < entries->n; i++) {
        if (entries->list[i].shard == shard) {
            status = write_weight(stream, entries->list[i].weight, options->dtype, error);
        }
    }
    if (fclose(stream) != 0 && status == HEADSIFT_OK) {
        status = hs_fail_errno(error, errno, "can't write %s", name);
    }
    return status;
}

static headsift_status write_index(const struct entries *entries, const struct export_options *options,
                                   headsift_error *error) {
    json_t *map = json_object();
    for (size_t i = 0; i < entries->n; i++) {
        char name[FILE_NAME];
        file_name(entries->list[i].shard, options->shards, name);
        json_object_set_new(map, entries->list[i].name, json_string(name));
    }
    json_t *root = json_pack("{s:{s:I}, s:o}", "metadata", "total_size", (json_int_t)entries->bytes, "weight_map", map);
    return export_json(options, "model.safetensors.index.json", root, error);
}

headsift_status export_weights(const struct hs_model *model, const struct export_options *options,
                               headsift_error *error) {
    size_t most = ((size_t)hs_model_config(model)->n_layer + 1) * HS_N_ROLES;
    struct entries entries = {.list = hs_alloc(most, sizeof *entries.list)};
    if (entries.list == NULL) {
        return hs_fail_memory(error, "the list of tensors", most * sizeof *entries.list);
    }
    collect(model, options, &entries);
    assign_shards(&entries, options->shards);
    headsift_status status = HEADSIFT_OK;
    for (int shard = 0; status == HEADSIFT_OK && shard < options->shards; shard++) {
        status = write_shard(&entries, options, shard, error);
    }
    if (status == HEADSIFT_OK && options->shards > 1) {
        status = write_index(&entries, options, error);
    }
    hs_free(entries.list);
    return status;
}
