/* Opens safetensors files: the length of the header, the header, the data. */
#include "formats/safetensors.h"

#include <assert.h>
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "core/fail.h"
#include "core/files.h"
#include "formats/safetensors_header.h"

enum { LENGTH_SIZE = 8 };

struct SafetensorsFile {
    Memory *memory;
    SafetensorsHeader header;
    const unsigned char *data; /* NULL: only the header was read */
    unsigned char *own_data;   /* the block that `data` is, when it is ours */
};

/* Checks the length field of a file of `file_size` bytes; `*text` is a block for that many bytes.
 */
static elman_status read_length(Memory *memory, const char *name,
                                const unsigned char length[LENGTH_SIZE], uint64_t file_size,
                                size_t *size, char **text, elman_error *error) {
    uint64_t claimed = 0;
    for (size_t i = LENGTH_SIZE; i > 0; i--) claimed = claimed << 8 | length[i - 1];
    if (claimed > file_size - LENGTH_SIZE && claimed > SAFETENSORS_HEADER_MAX)
        return fail(error, ELMAN_ERR_FORMAT,
                    "%s: is no safetensors file: its first 8 bytes are not the length of a header",
                    name);
    if (claimed > file_size - LENGTH_SIZE)
        return fail(error, ELMAN_ERR_FORMAT,
                    "%s: its header claims %" PRIu64 " bytes, the file has %" PRIu64 " behind the "
                    "length",
                    name, claimed, file_size - LENGTH_SIZE);
    if (claimed > SAFETENSORS_HEADER_MAX)
        return fail(error, ELMAN_ERR_FORMAT,
                    "%s: its header claims %" PRIu64 " bytes, expected at most %d", name, claimed,
                    SAFETENSORS_HEADER_MAX);
    *size = (size_t)claimed;
    *text = memory_allocate(memory, *size + 1);
    if (*text == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its header of %zu bytes", name,
                    *size);
    return ELMAN_OK;
}

static elman_status too_short(const char *name, uint64_t size, elman_error *error) {
    return fail(error, ELMAN_ERR_FORMAT,
                "%s: has %" PRIu64 " bytes, a safetensors file starts with %d for its length", name,
                size, LENGTH_SIZE);
}

static elman_status create(Memory *memory, const char *name, SafetensorsFile **file,
                           elman_error *error) {
    *file = memory_allocate(memory, sizeof(**file));
    if (*file == NULL) return fail(error, ELMAN_ERR_MEMORY, "%s: no memory to read it", name);
    (*file)->memory = memory;
    return ELMAN_OK;
}

static elman_status read_data(SafetensorsFile *file, FileReader *reader, size_t size,
                              elman_error *error) {
    file->own_data = memory_allocate(file->memory, size);
    file->data = file->own_data;
    if (file->own_data == NULL)
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its %zu bytes of data",
                    reader->path, size);
    return file_reader_read(reader, file->own_data, size, error);
}

static elman_status read_file(Memory *memory, const char *path, bool with_data,
                              SafetensorsFile **result, elman_error *error) {
    FileReader reader;
    SafetensorsFile *file = NULL;
    unsigned char length[LENGTH_SIZE];
    char *text = NULL;
    size_t size = 0;
    *result = NULL;
    elman_status status = file_reader_open(&reader, path, error);
    if (status != ELMAN_OK) goto done;
    if (reader.size < LENGTH_SIZE) {
        status = too_short(path, reader.size, error);
        goto done;
    }
    status = file_reader_read(&reader, length, LENGTH_SIZE, error);
    if (status != ELMAN_OK) goto done;
    status = create(memory, path, &file, error);
    if (status != ELMAN_OK) goto done;
    status = read_length(memory, path, length, reader.size, &size, &text, error);
    if (status != ELMAN_OK) goto done;
    status = file_reader_read(&reader, text, size, error);
    if (status != ELMAN_OK) goto done;

    const uint64_t data_size = reader.size - LENGTH_SIZE - size;
    status = safetensors_header_parse(memory, path, text, size, data_size, &file->header, error);
    text = NULL;
    if (status != ELMAN_OK) goto done;
    /* The sizes in the header are size_t, and they sum to data_size. */
    if (with_data) status = read_data(file, &reader, (size_t)data_size, error);
    if (status != ELMAN_OK) goto done;
    *result = file;
    file = NULL;
done:
    memory_release(memory, text);
    safetensors_close(file);
    file_reader_close(&reader);
    return status;
}

elman_status safetensors_open(Memory *memory, const char *path, SafetensorsFile **file,
                              elman_error *error) {
    return read_file(memory, path, true, file, error);
}

elman_status safetensors_open_header(Memory *memory, const char *path, SafetensorsFile **file,
                                     elman_error *error) {
    return read_file(memory, path, false, file, error);
}

elman_status safetensors_parse(Memory *memory, const char *name, const void *bytes, size_t size,
                               SafetensorsFile **result, elman_error *error) {
    const unsigned char *start = bytes;
    SafetensorsFile *file;
    char *text;
    size_t header_size;
    *result = NULL;
    if (size < LENGTH_SIZE) return too_short(name, size, error);
    elman_status status = create(memory, name, &file, error);
    if (status != ELMAN_OK) return status;
    status = read_length(memory, name, start, size, &header_size, &text, error);
    if (status == ELMAN_OK) {
        memcpy(text, start + LENGTH_SIZE, header_size);
        file->data = start + LENGTH_SIZE + header_size;
        status = safetensors_header_parse(memory, name, text, header_size,
                                          size - LENGTH_SIZE - header_size, &file->header, error);
    }
    if (status != ELMAN_OK) {
        safetensors_close(file);
        return status;
    }
    *result = file;
    return ELMAN_OK;
}

void safetensors_close(SafetensorsFile *file) {
    if (file == NULL) return;
    memory_release(file->memory, file->own_data);
    safetensors_header_release(file->memory, &file->header);
    memory_release(file->memory, file);
}

size_t safetensors_count(const SafetensorsFile *file) {
    return file->header.count;
}

/* Describes an entry of the header's list. */
static void describe(const SafetensorsFile *file, uint32_t entry, SafetensorsTensor *tensor) {
    const SafetensorsHeader *header = &file->header;
    const HeaderTensor *source = &header->tensors[entry];
    *tensor = (SafetensorsTensor){
        .name = header->text + source->name,
        .type = (SafetensorsType)source->type,
        .rank = source->rank,
        .data = file->data != NULL ? file->data + source->begin : NULL,
        .bytes = (size_t)(source->end - source->begin),
    };
    const char *digit = header->text + source->shape;
    for (size_t i = 0; i < source->rank; i++) {
        while (*digit < '0' || *digit > '9') digit++;
        for (; *digit >= '0' && *digit <= '9'; digit++)
            tensor->shape[i] = tensor->shape[i] * 10 + (size_t)(*digit - '0');
    }
}

void safetensors_at(const SafetensorsFile *file, size_t index, SafetensorsTensor *tensor) {
    assert(index < file->header.count);
    describe(file, file->header.by_data[index], tensor);
}

bool safetensors_find(const SafetensorsFile *file, const char *name, SafetensorsTensor *tensor) {
    const SafetensorsHeader *header = &file->header;
    size_t low = 0, high = header->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const uint32_t entry = header->by_name[middle];
        const int order = strcmp(header->text + header->tensors[entry].name, name);
        if (order == 0) {
            describe(file, entry, tensor);
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

const char *safetensors_metadata(const SafetensorsFile *file, const char *key) {
    size_t low = 0, high = file->header.pair_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const SafetensorsPair pair = safetensors_metadata_at(file, middle);
        const int order = strcmp(pair.key, key);
        if (order == 0) return pair.value;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

size_t safetensors_metadata_count(const SafetensorsFile *file) {
    return file->header.pair_count;
}

SafetensorsPair safetensors_metadata_at(const SafetensorsFile *file, size_t index) {
    const SafetensorsHeader *header = &file->header;
    assert(index < header->pair_count);
    const HeaderPair *pair = &header->pairs[header->by_key[index]];
    return (SafetensorsPair){header->text + pair->key, header->text + pair->value};
}
