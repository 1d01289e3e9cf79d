/* Opens R's data files and finds the objects in them. */
#include "formats/rdata.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/files.h"
#include "core/size.h"
#include "formats/rdata_bytes.h"
#include "formats/rdata_file.h"
#include "formats/rdata_text.h"

enum {
    MAGIC_SIZE = 5,  /* "RDX3\n" */
    LISTED_MAX = 12, /* names in a sentence */
    LIST_SIZE = 320
};

typedef struct RdataObject {
    const char *name;
    uint32_t node;         /* in the file's tree */
    size_t offset, length; /* of a pair: where it stands in the database */
} RdataObject;

struct RdataFile {
    Memory *memory;
    char *path;
    unsigned char *owned;    /* what rdata_open has read, or NULL */
    unsigned char *inflated; /* the file's bytes when they were compressed, or NULL */
    RdataTree tree;
    const unsigned char *database; /* of a pair, or NULL */
    size_t database_size;
    double compression; /* in the database: 0 none, 1 zlib, 2 bzip2, 3 xz */
    RdataObject *objects;
    size_t count;
    char *names; /* all of them, behind each other */
};

static elman_status no_memory(const RdataFile *file, elman_error *error) {
    return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for its objects", file->path);
}

static elman_status create(Memory *memory, const char *path, RdataFile **file, elman_error *error) {
    *file = NULL;
    RdataFile *const f = memory_allocate(memory, sizeof *f);
    char *const copy = f ? memory_copy_string(memory, path) : NULL;
    if (!copy) {
        memory_release(memory, f);
        return fail(error, ELMAN_ERR_MEMORY, "%s: no memory for opening it", path);
    }
    *f = (RdataFile){.memory = memory, .path = copy, .tree = {.memory = memory}};
    *file = f;
    return ELMAN_OK;
}

static RdataPlace place_of(const RdataFile *file, const char *object) {
    RdataPlace place = {.file = file->path};
    if (*object) (void)snprintf(place.object, sizeof place.object, ": object \"%.80s\"", object);
    return place;
}

static bool starts_with(const unsigned char *bytes, size_t size, const char *magic) {
    return size >= strlen(magic) && memcmp(bytes, magic, strlen(magic)) == 0;
}

static elman_status check_size(const RdataFile *file, size_t size, elman_error *error) {
    if (size <= RDATA_BYTES_MAX) return ELMAN_OK;
    return fail(error, ELMAN_ERR_DATA, "%s: has more than %zu bytes, the most that is read",
                file->path, RDATA_BYTES_MAX);
}

/* Inflates what is gzip or xz, and refuses other compressions. *bytes and *size become what is
 * inside; *inflated is a block to be released, or NULL. */
static elman_status unwrap(const RdataFile *file, const unsigned char **bytes, size_t *size,
                           unsigned char **inflated, elman_error *error) {
    static const struct {
        const char *magic, *name;
    } others[] = {{"BZh", "bzip2"}, {"\x28\xB5\x2F\xFD", "zstd"}};
    const RdataPlace place = place_of(file, "");
    elman_status status = check_size(file, *size, error);
    if (status) return status;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (starts_with(*bytes, *size, others[i].magic))
            return fail(error, ELMAN_ERR_UNSUPPORTED,
                        "%s: is compressed with %s, expected gzip or xz: save it with "
                        "compress = TRUE",
                        file->path, others[i].name);
    if (starts_with(*bytes, *size, "\xFD\x37zXZ")) {
        status = rdata_xz(file->memory, &place, *bytes, *size, inflated, size, error);
    } else if (starts_with(*bytes, *size, "\x1F\x8B")) {
        /* The last four bytes of a gzip file are its size before, little-endian. */
        const unsigned char *const end = *bytes + *size;
        const size_t expected = *size < 18 ? 0
                                           : (size_t)end[-4] | (size_t)end[-3] << 8 |
                                                 (size_t)end[-2] << 16 | (size_t)end[-1] << 24;
        status =
            rdata_inflate(file->memory, &place, *bytes, *size, expected, inflated, size, error);
    } else {
        return ELMAN_OK;
    }
    *bytes = *inflated;
    return status;
}

/* Where the objects are named: by pairs, or by the attribute of a list. */
static RdataCharacters name_at(const RdataTree *tree, uint32_t names, uint32_t pair, size_t i) {
    return pair ? rdata_symbol(tree, rdata_node(tree, pair)->name)
                : rdata_characters(tree, names, i);
}

/* Makes file->objects: `count` of them with their names, which are those of pairs from `pairs` on,
 * or, when that is 0, the elements of `names`. */
static elman_status name_objects(RdataFile *file, const RdataTree *tree, uint32_t names,
                                 uint32_t pairs, size_t count, elman_error *error) {
    size_t total = 1;
    uint32_t pair = pairs;
    for (size_t i = 0; i < count; i++) {
        const RdataCharacters name = name_at(tree, names, pair, i);
        if (!name.bytes || name.length == 0)
            return fail(error, ELMAN_ERR_FORMAT, "%s: object %zu has no name, expected one",
                        file->path, i + 1);
        total += rdata_text_utf8(name, NULL);
        if (pair) pair = rdata_node(tree, pair)->next;
    }
    file->names = memory_allocate(file->memory, total);
    file->objects = memory_allocate_array(file->memory, count, sizeof *file->objects);
    if (!file->names || !file->objects) return no_memory(file, error);
    char *at = file->names;
    pair = pairs;
    for (size_t i = 0; i < count; i++) {
        file->objects[i].name = at;
        at += rdata_text_utf8(name_at(tree, names, pair, i), at);
        if (!pair) continue;
        file->objects[i].node = rdata_node(tree, pair)->first;
        pair = rdata_node(tree, pair)->next;
    }
    file->count = count;
    return ELMAN_OK;
}

/* The objects of a file that is no pair. */
static elman_status find_objects(RdataFile *file, bool is_named, elman_error *error) {
    const RdataTree *const tree = &file->tree;
    if (!is_named) {
        file->objects = memory_allocate(file->memory, sizeof *file->objects);
        if (!file->objects) return no_memory(file, error);
        file->objects[0] = (RdataObject){.name = "", .node = tree->root};
        file->count = 1;
        return ELMAN_OK;
    }
    size_t count = 0;
    uint32_t pair = tree->root;
    for (; rdata_node(tree, pair)->type == NODE_PAIRS; pair = rdata_node(tree, pair)->next) count++;
    if (rdata_node(tree, pair)->type != NODE_NULL)
        return fail(error, ELMAN_ERR_FORMAT, "%s: holds %s, expected named objects", file->path,
                    rdata_type_words(rdata_node(tree, pair)->type));
    return name_objects(file, tree, 0, tree->root, count, error);
}

static elman_status parse(RdataFile *file, const unsigned char *bytes, size_t size,
                          elman_error *error) {
    const RdataPlace place = place_of(file, "");
    elman_status status = unwrap(file, &bytes, &size, &file->inflated, error);
    if (status) return status;
    const bool is_named = size >= MAGIC_SIZE && memcmp(bytes, "RD", 2) == 0 && bytes[4] == '\n';
    if (is_named && (bytes[2] != 'X' || (bytes[3] != '2' && bytes[3] != '3')))
        return fail(error, ELMAN_ERR_UNSUPPORTED,
                    "%s: is R data in the form \"%.4s\", expected RDX2 or RDX3, which R saves by "
                    "default",
                    file->path, (const char *)bytes);
    const size_t start = is_named ? MAGIC_SIZE : 0;
    status = rdata_tree_read(file->memory, &place, bytes + start, size - start, &file->tree, error);
    return status ? status : find_objects(file, is_named, error);
}

elman_status rdata_parse(Memory *memory, const char *name, const void *bytes, size_t size,
                         RdataFile **file, elman_error *error) {
    elman_status status = create(memory, name, file, error);
    if (!status) status = parse(*file, bytes, size, error);
    if (!status) return ELMAN_OK;
    rdata_close(*file);
    *file = NULL;
    return status;
}

/* The element of a list that has this name, or 0. */
static uint32_t named_element(const RdataTree *tree, uint32_t list, const char *name) {
    const uint32_t names = rdata_attribute(tree, list, "names");
    const RdataNode *const node = rdata_node(tree, list);
    if (node->type != NODE_LIST || rdata_node(tree, names)->type != NODE_TEXT) return 0;
    for (size_t i = 0; i < node->count && i < rdata_node(tree, names)->count; i++) {
        const RdataCharacters found = rdata_characters(tree, names, i);
        if (found.bytes && found.length == strlen(name) &&
            memcmp(found.bytes, name, found.length) == 0)
            return rdata_element(tree, list, i);
    }
    return 0;
}

/* The index of a pair: list(variables = list(NAME = c(offset, length), ...), references =,
 * compressed =). */
static elman_status read_index(RdataFile *file, const RdataTree *tree, elman_error *error) {
    const uint32_t variables = named_element(tree, tree->root, "variables");
    const uint32_t compressed = named_element(tree, tree->root, "compressed");
    const uint32_t names = rdata_attribute(tree, variables, "names");
    const size_t count = rdata_node(tree, variables)->count;
    if (rdata_node(tree, variables)->type != NODE_LIST || !rdata_is_numeric(tree, compressed) ||
        rdata_node(tree, compressed)->count != 1 ||
        (count > 0 &&
         (rdata_node(tree, names)->type != NODE_TEXT || rdata_node(tree, names)->count != count)))
        return fail(error, ELMAN_ERR_FORMAT,
                    "%s: is no index of a database, expected its variables and how they are "
                    "compressed",
                    file->path);
    file->compression = rdata_number(tree, compressed, 0);
    const elman_status status = name_objects(file, tree, names, 0, count, error);
    if (status) return status;
    for (size_t i = 0; i < count; i++) {
        const uint32_t where = rdata_element(tree, variables, i);
        const bool is_range = rdata_is_numeric(tree, where) && rdata_node(tree, where)->count == 2;
        const double offset = is_range ? rdata_number(tree, where, 0) : -1;
        const double length = is_range ? rdata_number(tree, where, 1) : -1;
        if (!(offset >= 0 && length >= 0 && offset + length <= (double)file->database_size))
            return fail(error, ELMAN_ERR_FORMAT,
                        "%s: object \"%.80s\" is not within the database of %zu bytes", file->path,
                        file->objects[i].name, file->database_size);
        file->objects[i].offset = (size_t)offset;
        file->objects[i].length = (size_t)length;
    }
    return ELMAN_OK;
}

static elman_status parse_pair(RdataFile *file, const unsigned char *index, size_t index_size,
                               elman_error *error) {
    const RdataPlace place = place_of(file, "");
    RdataTree tree = {.memory = file->memory};
    unsigned char *inflated = NULL;
    elman_status status = check_size(file, file->database_size, error);
    if (!status) status = unwrap(file, &index, &index_size, &inflated, error);
    if (!status) status = rdata_tree_read(file->memory, &place, index, index_size, &tree, error);
    if (!status) status = read_index(file, &tree, error);
    rdata_tree_release(&tree);
    memory_release(file->memory, inflated);
    return status;
}

elman_status rdata_parse_pair(Memory *memory, const char *name, const void *index,
                              size_t index_size, const void *database, size_t database_size,
                              RdataFile **file, elman_error *error) {
    elman_status status = create(memory, name, file, error);
    if (status) return status;
    (*file)->database = database;
    (*file)->database_size = database_size;
    status = parse_pair(*file, index, index_size, error);
    if (!status) return ELMAN_OK;
    rdata_close(*file);
    *file = NULL;
    return status;
}

static bool ends_with(const char *path, const char *ending) {
    const size_t length = strlen(path), tail = strlen(ending);
    return length > tail && strcmp(path + length - tail, ending) == 0;
}

/* Whether `path` means a pair; then the paths of both, in one block each. */
static elman_status find_pair(Memory *memory, const char *path, char **index, char **database,
                              elman_error *error) {
    const bool is_part = ends_with(path, ".rdx") || ends_with(path, ".rdb");
    const size_t stem = strlen(path) - (is_part ? 4 : 0);
    bool exists = is_part;
    elman_status status = ELMAN_OK;
    *index = memory_allocate(memory, stem + sizeof ".rdx");
    *database = memory_allocate(memory, stem + sizeof ".rdb");
    if (*index && *database) {
        memcpy(*index, path, stem);
        memcpy(*database, path, stem);
        memcpy(*index + stem, ".rdx", sizeof ".rdx");
        memcpy(*database + stem, ".rdb", sizeof ".rdb");
        if (!is_part && !(status = file_exists(path, &exists, error))) {
            if (exists)
                exists = false;
            else
                status = file_exists(*index, &exists, error);
        }
        if (!status && exists) return ELMAN_OK;
    } else {
        status = fail(error, ELMAN_ERR_MEMORY, "%s: no memory for opening it", path);
    }
    memory_release(memory, *index);
    memory_release(memory, *database);
    *index = *database = NULL;
    return status;
}

static elman_status open_pair(Memory *memory, const char *index_path, const char *database_path,
                              RdataFile **file, elman_error *error) {
    unsigned char *index = NULL, *database = NULL;
    size_t index_size, database_size;
    elman_status status;
    if ((status = file_read(memory, index_path, RDATA_BYTES_MAX, &index, &index_size, error)) ||
        (status =
             file_read(memory, database_path, RDATA_BYTES_MAX, &database, &database_size, error)) ||
        (status = rdata_parse_pair(memory, index_path, index, index_size, database, database_size,
                                   file, error)))
        goto done;
    (*file)->owned = database;
    database = NULL;
done:
    memory_release(memory, database);
    memory_release(memory, index);
    return status;
}

static elman_status open_single(Memory *memory, const char *path, RdataFile **file,
                                elman_error *error) {
    unsigned char *bytes;
    size_t size;
    elman_status status = file_read(memory, path, RDATA_BYTES_MAX, &bytes, &size, error);
    if (status) return status;
    if ((status = rdata_parse(memory, path, bytes, size, file, error)) || (*file)->inflated)
        memory_release(memory, bytes);
    else
        (*file)->owned = bytes;
    return status;
}

elman_status rdata_open(Memory *memory, const char *path, RdataFile **file, elman_error *error) {
    char *index, *database;
    *file = NULL;
    elman_status status = find_pair(memory, path, &index, &database, error);
    if (status) return status;
    status = index ? open_pair(memory, index, database, file, error)
                   : open_single(memory, path, file, error);
    memory_release(memory, database);
    memory_release(memory, index);
    return status;
}

void rdata_close(RdataFile *file) {
    if (!file) return;
    Memory *const memory = file->memory;
    memory_release(memory, file->names);
    memory_release(memory, file->objects);
    rdata_tree_release(&file->tree);
    memory_release(memory, file->inflated);
    memory_release(memory, file->owned);
    memory_release(memory, file->path);
    memory_release(memory, file);
}

size_t rdata_count(const RdataFile *file) {
    return file->count;
}

const char *rdata_name(const RdataFile *file, size_t index) {
    return file->objects[index].name;
}

elman_status rdata_find(const RdataFile *file, const char *name, size_t *index,
                        elman_error *error) {
    char list[LIST_SIZE] = "";
    size_t used = 0;
    for (size_t i = 0; i < file->count; i++) {
        if (strcmp(file->objects[i].name, name) != 0) continue;
        *index = i;
        return ELMAN_OK;
    }
    if (file->count == 1 && !*file->objects[0].name)
        return fail(error, ELMAN_ERR_ARGUMENT,
                    "%s: no object \"%.80s\": its one object has no name", file->path, name);
    for (size_t i = 0; i < file->count && i < LISTED_MAX && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                                 file->objects[i].name);
    return fail(error, ELMAN_ERR_ARGUMENT, "%s: no object \"%.80s\", expected one of its %zu: %s%s",
                file->path, name, file->count, list, file->count > LISTED_MAX ? ", ..." : "");
}

/* The serialized bytes of one object of a database; *inflated is a block to be released, or NULL.
 */
static elman_status fetch(const RdataFile *file, const RdataPlace *place, const RdataObject *object,
                          const unsigned char **bytes, size_t *size, unsigned char **inflated,
                          elman_error *error) {
    *bytes = file->database + object->offset;
    *size = object->length;
    if (file->compression == 0) return ELMAN_OK;
    /* The size before, then, unless all of the database is zlib's, how this object is stored. */
    const size_t header = file->compression == 1 ? 4 : 5;
    if (*size < header)
        return fail(error, ELMAN_ERR_FORMAT, "%s%s: has %zu bytes, expected at least %zu",
                    place->file, place->object, *size, header);
    const size_t expected = bytes_word(*bytes);
    const unsigned char kind = header == 4 ? '1' : (*bytes)[4];
    *bytes += header;
    *size -= header;
    if (kind == '2')
        return fail(error, ELMAN_ERR_UNSUPPORTED,
                    "%s%s: is compressed with bzip2, expected zlib or xz", place->file,
                    place->object);
    if (kind != '0' && kind != '1' && kind != 'Z')
        return fail(error, ELMAN_ERR_FORMAT,
                    "%s%s: is stored as 0x%02x, expected '0', '1', '2' or 'Z'", place->file,
                    place->object, (unsigned)kind);
    elman_status status = ELMAN_OK;
    if (kind == '1')
        status = rdata_inflate(file->memory, place, *bytes, *size, expected, inflated, size, error);
    if (kind == 'Z')
        status = rdata_lzma2(file->memory, place, *bytes, *size, expected, inflated, size, error);
    if (status) return status;
    if (kind != '0') *bytes = *inflated;
    if (*size == expected) return ELMAN_OK;
    return fail(error, ELMAN_ERR_FORMAT, "%s%s: has %zu bytes, its header tells %zu", place->file,
                place->object, *size, expected);
}

elman_status rdata_table(const RdataFile *file, size_t index, RdataTable **table,
                         elman_error *error) {
    const RdataObject *const object = &file->objects[index];
    const RdataPlace place = place_of(file, object->name);
    *table = NULL;
    if (!file->database)
        return rdata_table_make(file->memory, &place, &file->tree, object->node, object->name,
                                table, error);
    const unsigned char *bytes;
    unsigned char *inflated = NULL;
    size_t size;
    RdataTree tree = {.memory = file->memory};
    elman_status status = fetch(file, &place, object, &bytes, &size, &inflated, error);
    if (!status) status = rdata_tree_read(file->memory, &place, bytes, size, &tree, error);
    if (!status)
        status =
            rdata_table_make(file->memory, &place, &tree, tree.root, object->name, table, error);
    rdata_tree_release(&tree);
    memory_release(file->memory, inflated);
    return status;
}
