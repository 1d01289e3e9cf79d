/* What event files are made of; see elman/tensorboard.h.
 *
 * Formats: TFRecord (tensorflow/core/lib/io/record_writer.h), the messages Event, Summary,
 * HistogramProto and SessionLog (tensorflow/core/util/event.proto, framework/summary.proto), and
 * Protocol Buffers' encoding. */
#ifndef FORMATS_TENSORBOARD_H
#define FORMATS_TENSORBOARD_H

#include <stddef.h>
#include <stdint.h>

#include <elman/tensorboard.h>

/* CRC-32C (Castagnoli): `crc` is that of the bytes before, 0 at the start. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t size);

#endif
