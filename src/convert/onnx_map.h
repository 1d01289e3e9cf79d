/* What an ONNX graph means as a network of ours: its recurrent layers, what stands before, between
 * and behind them, and where its output is.
 *
 * The graph is walked once with sizes in place of its open ones. Each value is an array of constant
 * numbers, of integers (shapes), or of references: which feature of which sequence, at which
 * position, an element is. Operators that only move elements are then the same for all three. */
#ifndef CONVERT_ONNX_MAP_H
#define CONVERT_ONNX_MAP_H

#include "formats/onnx.h"
#include <elman/model.h>

/* In place of a base's index. */
#define MAP_NO_BASE UINT32_MAX

/* An element that depends on what the graph reads: feature `feature` of `base` at a position. Of
 * what follows from a recurrent layer's outputs the position is step and row, of what follows from
 * its final state 0 and row; of an input it is where the element stands there. */
typedef struct MapReference {
    uint32_t base, first, second, feature;
} MapReference;

typedef enum MapContent { MAP_UNKNOWN, MAP_NUMBERS, MAP_INTEGERS, MAP_REFERENCES } MapContent;

typedef struct MapValue {
    MapContent content;
    OnnxType type;
    size_t rank, shape[ONNX_RANK_MAX], count;
    const void *elements; /* float, int64_t or MapReference: [count] */
    const char *source;   /* of numbers: the one tensor that they come from; NULL: several */
} MapValue;

typedef enum MapBaseKind {
    MAP_INPUT,   /* an input of the graph */
    MAP_LOOK_UP, /* rows of a constant table, picked by whole numbers */
    MAP_ONE_HOT, /* rows of zeros with a one, picked likewise */
    MAP_Y,       /* the output of a recurrent layer, the directions side by side */
    MAP_Y_H,     /* its final state, likewise */
    MAP_Y_C,
    MAP_SUM,      /* the sum of the output over all steps */
    MAP_MEAN,     /* that by their number */
    MAP_GREATEST, /* the greatest of each feature over all steps */
    MAP_PRODUCT,  /* weight . picked features of the base below, at the same position */
    MAP_SCALE,    /* the features of the base below, each times a number */
    MAP_SHIFT,    /* the same, plus a number */
    MAP_RELU,     /* the features of the base below, each on its own */
    MAP_TANH,
    MAP_SIGMOID,
    MAP_SOFTMAX, /* all of them together */
    MAP_LOG_SOFTMAX,
    MAP_NORM /* layer normalisation: numbers are the gain */
} MapBaseKind;

/* A sequence: vectors of `width` features at positions. */
typedef struct MapBase {
    MapBaseKind kind;
    const OnnxNode *node; /* that makes it; NULL: an input */
    size_t width;
    bool is_whole;         /* whole numbers */
    uint32_t input;        /* MAP_INPUT: which */
    size_t strides[3];     /* MAP_INPUT: of first, second and feature, in elements */
    uint32_t layer;        /* MAP_Y to MAP_GREATEST: which */
    uint32_t below;        /* of the others: what it is computed from */
    uint32_t root;         /* the lowest base below, or itself */
    size_t inner;          /* MAP_PRODUCT: features picked */
    const uint32_t *picks; /* MAP_PRODUCT: [inner] */
    const float
        *numbers;       /* MAP_LOOK_UP: [rows][width]; MAP_PRODUCT: [width][inner], else [width] */
    bool is_choice;     /* MAP_PRODUCT: stands for an order of features, not for a tensor */
    bool is_turned;     /* MAP_PRODUCT: the tensor is [width][inner], else [inner][width] */
    size_t rows;        /* MAP_LOOK_UP, MAP_ONE_HOT */
    const char *source; /* of the numbers: a tensor's name */
    OnnxType source_type;
    const float *bias; /* MAP_NORM: [width], or NULL */
    const char *bias_source;
    float epsilon;  /* MAP_NORM */
    uint32_t table; /* MAP_LOOK_UP: the value that is the table */
} MapBase;

/* Weights as the recurrent operator has them; numbers NULL: left out. */
typedef struct MapWeights {
    const float *numbers;
    const char *source;
    OnnxType source_type;
} MapWeights;

/* One kind of initial state of a layer. Both NULL: zero. */
typedef struct MapState {
    const float *numbers;           /* [directions][hidden], the same in all rows */
    const MapReference *references; /* [directions][rows][hidden], of inputs */
    const char *source;
    OnnxType source_type;
} MapState;

typedef struct MapLayer {
    const OnnxNode *node;
    elman_cell cell;
    size_t inputs, hidden;
    size_t directions; /* of the operator */
    bool is_reverse;   /* its one direction is the backward one; the features of its bases are those
                          of two directions all the same */
    bool batch_layout; /* layout 1: rows before steps and directions */
    size_t gates;
    MapWeights w, r, b; /* [directions][gates * hidden][inputs], [][gates * hidden][hidden], [][2 *
                           gates * hidden] */
    MapWeights p;       /* peepholes: [directions][3 * hidden], not all 0 */
    elman_activation activations[2][3]; /* as elman_cell_options has them */
    float clip;                         /* 0: none */
    bool input_forget;
    uint32_t x;            /* the base that it reads */
    const uint32_t *picks; /* [inputs]: its features */
    MapState h, c;
    uint32_t lengths; /* base of the rows' lengths, or MAP_NO_BASE */
    uint32_t y;       /* its bases: y, y + 1 (the final h) and y + 2 (the final c) */
} MapLayer;

/* An output of the graph. */
typedef struct MapOutput {
    bool is_state;                  /* final states alone, of any layers */
    const MapReference *references; /* as many as the value has elements */
    size_t count;
} MapOutput;

typedef struct OnnxMap {
    Memory *memory;
    const OnnxModel *model;
    elman_error *error;
    MapValue *values; /* [model->value_count + 1]: the last is what nodes leave out */
    MapBase *bases;
    size_t base_count, base_capacity;
    MapLayer *layers;
    size_t layer_count, layer_capacity;
    void **blocks; /* what elements, picks and numbers lie in */
    size_t block_count, block_capacity;
    size_t bytes, bytes_max; /* in them, and of the layers' weights */
    size_t work;             /* elements that nodes have read */

    /* Sizes for open dimensions, and how the first layer's input tells steps from rows. */
    size_t open_steps, open_rows;
    uint32_t primary;             /* the graph's input that the first layer reads */
    bool batch_first;             /* its first axis are the rows */
    bool was_wrong;               /* about the two above: the walk has to start again */
    size_t steps, rows;           /* of all recurrent layers */
    bool fixed_steps, fixed_rows; /* the graph fixes them */

    MapOutput *outputs; /* [model->output_count] */
    size_t output;      /* which of them is the model's output */
    uint32_t top;       /* the base that it is made of */
    elman_output when;  /* there is an output */
    uint32_t *picks;    /* [pick_count]: the features of `top` that it has, in its order */
    size_t pick_count;
} OnnxMap;

/* Walks over the graph with `steps` and `rows` where it leaves them open. Its values, and the
 * weights of all layers, may have `bytes_max` bytes, and the walk takes time in proportion to them.
 * `memory` and `model` must outlive the result. Errors: UNSUPPORTED (what cannot be kept, by
 * operator and node), FORMAT (a node that contradicts the specification), DATA (too large), MEMORY.
 */
elman_status onnx_map_create(Memory *memory, const OnnxModel *model, size_t steps, size_t rows,
                             size_t bytes_max, OnnxMap **map, elman_error *error);

/* What a conversion allows: 256 MiB, and eight times the model's own tensors. */
size_t onnx_map_bytes(const OnnxModel *model);

/* NULL is legal. */
void onnx_map_destroy(OnnxMap *map);

#endif
