/* The forward pass and the losses in double complex, for complex-step derivatives. */
#include "reference.h"

#define SCALAR         double complex
#define TYPE(name)     name##Complex
#define FUNCTION(name) name##_complex
#define REAL_PART      creal
#define EXP            cexp
#define LOG            clog
#define TANH           ctanh
#include "forward_template.h"
