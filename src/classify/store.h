/* How a classifier stands in a model file. */
#ifndef CLASSIFY_STORE_H
#define CLASSIFY_STORE_H

#include "model/encoder.h"

enum { STORE_VERSION = 1 };

/* Tensors. Texts are UTF-8 with a zero byte behind each. */
#define STORE_LABELS       ENCODER_PREFIX "labels"       /* U8: texts */
#define STORE_LABEL_COUNTS ENCODER_PREFIX "label_counts" /* I64 [labels] */
#define STORE_COLUMNS      ENCODER_PREFIX "columns"      /* U8: texts; missing: none */
#define STORE_SCALE        ENCODER_PREFIX "scale"        /* F64 [features][mean, deviation] */
#define STORE_WORDS        ENCODER_PREFIX "words"        /* U8: with line feeds between */
#define STORE_ENDINGS      ENCODER_PREFIX "endings"      /* U8: the same; missing: none */
#define STORE_WORD_LABELS  ENCODER_PREFIX "word_labels"  /* I32 [words] */

#endif
