/* Looks over a protobuf message before it is unpacked. */
#include "core/fail.h"
#include "formats/onnx_read.h"

/* A model's tensors lie five messages deep, those in a branch of a conditional eight. */
enum { DEPTH_MAX = 32, VARINT_BYTES_MAX = 10, TAG_BYTES_MAX = 5 };

enum { WIRE_VARINT = 0, WIRE_64BIT = 1, WIRE_LENGTH = 2, WIRE_32BIT = 5 };

typedef struct Level {
    const ProtobufCMessageDescriptor *descriptor;
    const unsigned char *end;
} Level;

typedef struct Scan {
    const char *name;
    const unsigned char *start, *at;
    size_t depth; /* the levels in use */
    Level levels[DEPTH_MAX];
    elman_error *error;
} Scan;

static elman_status refuse(const Scan *scan, const char *what) {
    return fail(scan->error, ELMAN_ERR_FORMAT, "%s: byte %zu: %s", scan->name,
                (size_t)(scan->at - scan->start), what);
}

/* Steps over a number of at most `most` bytes; false when it does not end there. */
static bool take_varint(Scan *scan, size_t most, uint64_t *number) {
    const unsigned char *const end = scan->levels[scan->depth - 1].end;
    *number = 0;
    for (size_t i = 0; i < most && scan->at + i < end; i++) {
        *number |= (uint64_t)(scan->at[i] & 0x7f) << 7 * i;
        if (scan->at[i] < 0x80) {
            scan->at += i + 1;
            return true;
        }
    }
    return false;
}

/* Steps over the field `tag` of a stated length, or into it when it is a message. */
static elman_status scan_length(Scan *scan, uint32_t tag) {
    const Level *const level = &scan->levels[scan->depth - 1];
    uint64_t length;
    if (!take_varint(scan, VARINT_BYTES_MAX, &length)) return refuse(scan, "a length has no end");
    if (length > (uint64_t)(level->end - scan->at))
        return refuse(scan, "a field is longer than what it stands in, expected an ONNX model");
    const ProtobufCFieldDescriptor *const field =
        protobuf_c_message_descriptor_get_field(level->descriptor, tag);
    if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE) {
        scan->at += length;
        return ELMAN_OK;
    }
    if (scan->depth == DEPTH_MAX) return refuse(scan, "messages nest deeper than in any model");
    scan->levels[scan->depth++] = (Level){field->descriptor, scan->at + length};
    return ELMAN_OK;
}

static elman_status scan_field(Scan *scan) {
    uint64_t key, number;
    if (!take_varint(scan, TAG_BYTES_MAX, &key)) return refuse(scan, "a field's number has no end");
    switch (key & 7) {
    case WIRE_VARINT:
        return take_varint(scan, VARINT_BYTES_MAX, &number) ? ELMAN_OK
                                                            : refuse(scan, "a number has no end");
    case WIRE_LENGTH:
        return scan_length(scan, (uint32_t)(key >> 3));
    case WIRE_64BIT:
    case WIRE_32BIT: {
        const size_t size = (key & 7) == WIRE_64BIT ? 8 : 4;
        const size_t rest = (size_t)(scan->levels[scan->depth - 1].end - scan->at);
        if (size > rest) return refuse(scan, "a number is cut off");
        scan->at += size;
        return ELMAN_OK;
    }
    default:
        return refuse(scan, "found no field of a protobuf message, expected an ONNX model");
    }
}

elman_status onnx_scan(const char *name, const unsigned char *bytes, size_t size,
                       elman_error *error) {
    Scan scan = {.name = name, .start = bytes, .at = bytes, .depth = 1, .error = error};
    scan.levels[0] = (Level){&onnx__model_proto__descriptor, bytes + size};
    while (scan.depth > 0) {
        if (scan.at == scan.levels[scan.depth - 1].end) {
            scan.depth--;
            continue;
        }
        const elman_status status = scan_field(&scan);
        if (status) return status;
    }
    return ELMAN_OK;
}
