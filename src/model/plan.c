/* Estimates what a step of the recurrence costs when workers share it by rows, by panels or not at
 * all. Rough figures of current processors do: the choices differ by more where it matters. */
#include "model/plan.h"

#include <string.h>

/* Bytes of weights that a core reads in a cycle, from its own cache and from beyond, and the cycles
 * of a meeting. */
enum { NEAR_BYTES = 40, FAR_BYTES = 8, MEETING = 1500 };

static double flops_per_cycle(const Kernels *kernels) {
    if (strcmp(kernels->name, "avx512") == 0) return 64.0;
    return strcmp(kernels->name, "avx2") == 0 ? 32.0 : 1.0;
}

/* Of two things that go on at once: the longer one, and some of the other. */
static double overlapped(double a, double b) {
    return a > b ? a + 0.3 * b : b + 0.3 * a;
}

/* Cycles of one step of a direction for `rows` rows and `panels` of its panels. */
static double step_cycles(const elman_network *network, const CellShape *shape, size_t rows,
                          size_t panels) {
    const double weights = (double)(shape->cell->gates * panels * PANEL) * (double)shape->hidden;
    const double bytes = weights * sizeof(float);
    const bool near = bytes < 0.75 * (double)network->context->cache;
    const double products = 2.0 * weights * (double)rows / flops_per_cycle(network->kernels);
    const double activations = (double)(shape->cell->slots * panels * PANEL * rows);
    return overlapped(products, bytes / (near ? NEAR_BYTES : FAR_BYTES)) + activations;
}

/* Cycles of one step of all layers, as `plan` shares it among `workers`. */
static double plan_cycles(const elman_network *network, size_t batch, Plan plan) {
    const Structure *const structure = &network->structure;
    const size_t rows = plan.by_panels ? batch : (batch + plan.workers - 1) / plan.workers;
    double sum = 0.0;
    for (size_t l = 0; l < structure->layer_count; l++) {
        const CellShape *const shape = &network->layers[l][0].shape;
        const size_t share = (shape->panels + plan.workers - 1) / plan.workers;
        const double step =
            step_cycles(network, shape, rows, plan.by_panels ? share : shape->panels);
        sum += (double)structure_directions(structure, l) *
               (step + (plan.by_panels ? (double)MEETING : 0.0));
    }
    return sum;
}

Plan plan_pass(const elman_network *network, elman_sharing sharing, size_t batch) {
    const size_t workers = elman_context_threads(network->context);
    const Plan alone = {.workers = 1}, by_rows = {.workers = workers};
    const Plan by_panels = {.workers = workers, .by_panels = true};
    if (workers == 1) return alone;
    if (sharing == ELMAN_SHARE_ROWS) return by_rows;
    if (sharing == ELMAN_SHARE_UNITS) return by_panels;
    const double one = plan_cycles(network, batch, alone);
    const double rows = plan_cycles(network, batch, by_rows);
    const double panels = plan_cycles(network, batch, by_panels);
    /* Threads that share a processor cannot meet at every step. */
    if (pool_spins(network->context->pool) && panels < rows && panels < one) return by_panels;
    return rows < one ? by_rows : alone;
}
