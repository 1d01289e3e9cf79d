/* The wiring inside a cell. */
#ifndef EXPLAIN_DIAGRAM_CELLS_H
#define EXPLAIN_DIAGRAM_CELLS_H

#include "explain/diagram_picture.h"
#include "model/structure.h"

/* Kinds of cells that are drawn in different ways, counted from 0. */
enum { DIAGRAM_CELLS = 6 };
enum { CELL_PANEL_WIDTH = 560 };

/* The first layer of a kind; NULL: the network has none. */
const elman_cell_options *diagram_cell_of(const Structure *structure, size_t kind);

/* Draws one cell in a frame whose upper left corner is (x, y); returns the height of the frame. */
int diagram_cell_lay(Picture *picture, const elman_cell_options *cell, int x, int y,
                     const char *title);

/* The equations of a cell, one a line; the last is followed by NULL. */
const char *const *diagram_cell_equations(const elman_cell_options *cell);

#endif
