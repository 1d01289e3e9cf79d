/* Chooses the kernels for a processor. */
#include <stdbool.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/tiers.h"

static bool processor_has(const Kernels *kernels) {
#ifndef ELMAN_PORTABLE_ONLY
    /* The builtins also ask whether the operating system saves the wide registers. */
    if (kernels == &kernels_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (kernels == &kernels_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma");
#endif
    return kernels == &kernels_portable;
}

const Kernels *kernels_select(const char *isa) {
    static const Kernels *const best_first[] = {
#ifndef ELMAN_PORTABLE_ONLY
        &kernels_avx512,
        &kernels_avx2,
#endif
        &kernels_portable,
    };
    for (size_t i = 0; i < sizeof best_first / sizeof *best_first; i++) {
        const Kernels *const kernels = best_first[i];
        if ((!isa || strcmp(isa, kernels->name) == 0) && processor_has(kernels)) return kernels;
    }
    return NULL;
}
