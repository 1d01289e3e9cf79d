/* The forward pass and the losses in double. */
#include "reference.h"

#include <math.h>

#define SCALAR         double
#define TYPE(name)     name
#define FUNCTION(name) name
#define REAL_PART(x)   (x)
#define EXP            exp
#define LOG            log
#define TANH           tanh
#include "forward_template.h"
