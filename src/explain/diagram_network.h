/* Lays out a network: a stack of boxes, input below, output above, time from left to right. */
#ifndef EXPLAIN_DIAGRAM_NETWORK_H
#define EXPLAIN_DIAGRAM_NETWORK_H

#include "explain/diagram_picture.h"
#include "model/structure.h"
#include <elman/diagram.h>

/* Draws the structure with checked options into an empty picture and fits it. What memory fails is
 * told by picture->failed. */
void diagram_network_lay(Picture *picture, const Structure *structure,
                         const elman_diagram_options *options);

#endif
