/* The wiring inside a cell. */
#ifndef EXPLAIN_DIAGRAM_CELLS_H
#define EXPLAIN_DIAGRAM_CELLS_H

#include "explain/diagram_picture.h"
#include <elman/model.h>

enum { CELL_PANEL_WIDTH = 560 };

/* Draws one cell in a frame whose upper left corner is (x, y); returns the height of the frame. */
int diagram_cell_lay(Picture *picture, elman_cell cell, int x, int y, const char *title);

/* The equations of a cell, one a line; the last is followed by NULL. */
const char *const *diagram_cell_equations(elman_cell cell);

#endif
