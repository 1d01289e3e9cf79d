/* Finds the loops that belong to kernels. */
#include "kernels/ceilings.h"

#include <string.h>

const Ceilings *ceilings_select(const Kernels *kernels) {
    static const Ceilings *const all[] = {
#ifndef ELMAN_PORTABLE_ONLY
        &ceilings_avx512,
        &ceilings_avx2,
#endif
        &ceilings_portable,
    };
    const size_t last = sizeof all / sizeof *all - 1;
    size_t i = 0;
    while (i < last && strcmp(all[i]->name, kernels->name) != 0) i++;
    return all[i];
}
