/* Marks the functions that make up the public interface; every other symbol is hidden. */
#ifndef ELMAN_EXPORT_H
#define ELMAN_EXPORT_H

#if defined(__GNUC__) || defined(__clang__)
#define ELMAN_API                 __attribute__((visibility("default")))
#define ELMAN_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define ELMAN_API
#define ELMAN_PRINTF(text, first)
#endif

#endif
