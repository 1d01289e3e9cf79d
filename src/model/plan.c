/* Estimates what a pass costs when workers share it by rows, by units, by layers or not at all.
 * Rough figures of current processors do: the choices differ by more where it matters. */
#include "model/plan.h"

#include <string.h>

/* Bytes of weights that a core reads in a cycle, from its own cache and from beyond; the cycles of
 * a meeting, and those that a step takes longer where other rows of it, beside the worker's own,
 * are written by others. */
enum { NEAR_BYTES = 40, FAR_BYTES = 8, MEETING = 1500, NEIGHBOURS = 200 };

/* Cycles until workers have begun with a pass and it is found that all have finished: those that
 * look out for it, and those that sleep. */
enum { START_AWAKE = 3000, START_ASLEEP = 90000 };

/* Cycles between two meetings, less than a worker waits before it counts as late. */
enum { WATCHED = 100000 };

static double flops_per_cycle(const Kernels *kernels) {
    if (strcmp(kernels->name, "avx512") == 0) return 64.0;
    return strcmp(kernels->name, "avx2") == 0 ? 32.0 : 1.0;
}

/* Of two things that go on at once: the longer one, and some of the other. */
static double overlapped(double a, double b) {
    return a > b ? a + 0.3 * b : b + 0.3 * a;
}

static bool fits(const elman_network *network, double bytes) {
    return bytes < 0.75 * (double)network->context->cache;
}

/* Cycles of a product of rows with weights. */
static double product_cycles(const elman_network *network, double weights, double rows, bool near) {
    return overlapped(2.0 * weights * rows / flops_per_cycle(network->kernels),
                      weights * (double)sizeof(float) / (near ? NEAR_BYTES : FAR_BYTES));
}

/* The part of a direction that a worker has: `rows` rows of a batch and `panels` panels. */
typedef struct Part {
    const CellShape *shape;
    size_t inputs; /* 0 where there is no product with them or their gradient */
    size_t batch, rows, panels;
} Part;

/* Weights of the recurrence, a projection's among them, and of the input. */
static double hidden_weights(const Part *part) {
    const size_t blocks = part->shape->cell->gates + (part->shape->cell->projected ? 1 : 0);
    return (double)(blocks * part->panels * PANEL) * (double)part->shape->width;
}

static double input_weights(const Part *part) {
    return (double)(part->shape->cell->gates * part->panels * PANEL) * (double)part->inputs;
}

static double weight_bytes(const Part *part) {
    return (hidden_weights(part) + input_weights(part)) * (double)sizeof(float);
}

/* Cycles of `steps` steps: the projection of their inputs, a chunk at a time, and the recurrence,
 * whose weights come back into the cache after it. */
static double part_cycles(const elman_network *network, const Part *part, size_t steps) {
    const size_t most = cell_chunk(part->batch), chunk = steps < most ? steps : most;
    const double hidden = hidden_weights(part), rows = (double)part->rows;
    const bool all_near = fits(network, weight_bytes(part));
    const bool near = fits(network, hidden * (double)sizeof(float));
    const double activations = (double)(part->shape->cell->slots * part->panels * PANEL) * rows;
    const double step = product_cycles(network, hidden, rows, near) + activations;
    double project = product_cycles(network, input_weights(part), rows * (double)chunk, all_near);
    if (near && !all_near) project += hidden * (double)sizeof(float) / FAR_BYTES;
    return (double)steps * (step + project / (double)chunk);
}

static Part layer_part(const PlanPass *pass, size_t l) {
    const CellShape *const shape = &pass->network->layers[l][0].shape;
    const bool product = !shape->tokens && l >= pass->inputs_from;
    return (Part){shape, product ? shape->inputs : 0, pass->batch, pass->batch, shape->panels};
}

/* Cycles of a pass by rows or units, or on one thread. */
static double even_cycles(const PlanPass *pass, Plan plan) {
    const Structure *const structure = &pass->network->structure;
    const bool units = plan.sharing == ELMAN_SHARE_UNITS;
    const double together = plan.workers == 1 ? 0.0 : units ? MEETING : NEIGHBOURS;
    double sum = 0.0;
    for (size_t l = 0; l < structure->layer_count; l++) {
        Part part = layer_part(pass, l);
        size_t *const shared = units ? &part.panels : &part.rows;
        *shared = (*shared + plan.workers - 1) / plan.workers;
        sum += (double)structure_directions(structure, l) *
               (part_cycles(pass->network, &part, pass->steps) + together * (double)pass->steps);
    }
    return sum;
}

size_t plan_stack_end(const Structure *structure, size_t first) {
    size_t end = first + 1;
    if (structure_directions(structure, first) == 2) return end;
    while (end < structure->layer_count && structure_directions(structure, end) == 1) end++;
    return end;
}

size_t plan_stack_begin(const Structure *structure, size_t end) {
    size_t first = end - 1;
    if (structure_directions(structure, first) == 2) return first;
    while (first > 0 && structure_directions(structure, first - 1) == 1) first--;
    return first;
}

/* The workers of a stack. */
static size_t stack_workers(const PlanPass *pass, size_t end) {
    return pass->worker_of[end - 1] + 1;
}

/* The most cycles that a worker needs for `chunk` steps of its layers of a stack. */
static double stage_cycles(const PlanPass *pass, size_t first, size_t end, size_t chunk) {
    double most = 0.0, cycles = 0.0, bytes = 0.0;
    for (size_t l = first; l < end; l++) {
        const Part part = layer_part(pass, l);
        cycles += part_cycles(pass->network, &part, chunk);
        bytes += weight_bytes(&part);
        if (l + 1 < end && pass->worker_of[l + 1] == pass->worker_of[l]) continue;
        /* Else each layer finds the weights of another in the cache. */
        if (!fits(pass->network, bytes)) cycles += bytes / FAR_BYTES;
        if (cycles > most) most = cycles;
        cycles = bytes = 0.0;
    }
    return most;
}

/* Cycles of a pass by layers; in *longest the most between two meetings. */
static double layers_cycles(const PlanPass *pass, size_t chunk, double *longest) {
    const Structure *const structure = &pass->network->structure;
    double sum = 0.0;
    *longest = 0.0;
    for (size_t first = 0, end; first < structure->layer_count; first = end) {
        end = plan_stack_end(structure, first);
        const bool both = structure_directions(structure, first) == 2;
        const size_t steps = both ? pass->steps : chunk;
        const size_t chunks = (pass->steps + steps - 1) / steps;
        const double stage = stage_cycles(pass, first, end, steps);
        sum += (double)(chunks + stack_workers(pass, end) - 1) * (stage + (double)MEETING);
        if (stage > *longest) *longest = stage;
    }
    return sum;
}

/* By layers, with the chunk that is estimated best: a short one keeps few workers waiting at the
 * beginning and the end, a long one has few meetings and reads the weights of the input less often.
 */
static Plan plan_by_layers(const PlanPass *pass, double *cycles) {
    Plan plan = {.sharing = ELMAN_SHARE_LAYERS,
                 .workers = elman_context_threads(pass->network->context)};
    for (size_t chunk = 1; chunk <= pass->steps; chunk += chunk / 4 + 1) {
        double longest;
        const double estimate = layers_cycles(pass, chunk, &longest);
        if (plan.chunk > 0 && estimate >= *cycles) continue;
        *cycles = estimate;
        plan.chunk = chunk;
        plan.watched = longest < WATCHED;
    }
    return plan;
}

/* The most cycles between two meetings: a step's, and those of the chunk of inputs that is
 * projected before some of them. */
static double longest_step(const PlanPass *pass, size_t workers) {
    double longest = 0.0;
    for (size_t l = 0; l < pass->network->structure.layer_count; l++) {
        Part part = layer_part(pass, l);
        part.panels = (part.panels + workers - 1) / workers;
        const size_t most = cell_chunk(pass->batch);
        const size_t chunk = pass->steps < most ? pass->steps : most;
        const bool near = fits(pass->network, weight_bytes(&part));
        const double rows = (double)part.rows * (double)chunk;
        const double cycles = part_cycles(pass->network, &part, 1) +
                              product_cycles(pass->network, input_weights(&part), rows, near);
        if (cycles > longest) longest = cycles;
    }
    return longest;
}

static double start_cycles(bool awake) {
    return awake ? (double)START_AWAKE : (double)START_ASLEEP;
}

bool plan_shares(const elman_network *network, double multiply_adds, bool awake) {
    const double cycles = 2.0 * multiply_adds / flops_per_cycle(network->kernels);
    const double workers = (double)elman_context_threads(network->context);
    return workers > 1.0 && cycles / workers + start_cycles(awake) < cycles;
}

static bool has_plain(const elman_network *network) {
    for (size_t l = 0; l < network->structure.layer_count; l++)
        if (network->layers[l][0].shape.plain) return true;
    return false;
}

Plan plan_pass(const PlanPass *pass) {
    const size_t workers = elman_context_threads(pass->network->context);
    const Plan alone = {.sharing = ELMAN_SHARE_ROWS, .workers = 1};
    const Plan by_rows = {.sharing = ELMAN_SHARE_ROWS, .workers = workers};
    Plan by_units = {.sharing = ELMAN_SHARE_UNITS, .workers = workers};
    double layers = 0.0;
    if (workers == 1) return alone;
    /* A plain cell knows no other way. */
    const bool plain = has_plain(pass->network);
    if (plain && pass->batch == 1) return alone;
    if (plain || pass->sharing == ELMAN_SHARE_ROWS) return by_rows;
    if (pass->sharing == ELMAN_SHARE_UNITS) return by_units;
    const Plan by_layers = plan_by_layers(pass, &layers);
    if (pass->sharing == ELMAN_SHARE_LAYERS) return by_layers;
    const double one = even_cycles(pass, alone) - start_cycles(pass->awake),
                 rows = even_cycles(pass, by_rows);
    const double units = even_cycles(pass, by_units);
    const Plan best = rows < one ? by_rows : alone;
    /* Meetings are worth it only for more than a little. */
    const double least = 0.95 * (rows < one ? rows : one);
    /* Threads that share a processor cannot meet often. */
    if (pass->apart || !pool_spins(pass->network->context->pool)) return best;
    if (layers < least && layers <= units) return by_layers;
    if (units >= least) return best;
    by_units.watched = longest_step(pass, workers) < WATCHED;
    return by_units;
}

/* The middle of each layer's share of the work tells whose it is. */
void plan_layers(const elman_network *network, size_t batch, size_t *worker_of) {
    const Structure *const structure = &network->structure;
    const size_t workers = elman_context_threads(network->context);
    const PlanPass pass = {.network = network, .batch = batch};
    for (size_t first = 0, end; first < structure->layer_count; first = end) {
        end = plan_stack_end(structure, first);
        const size_t most = end - first < workers ? end - first : workers;
        double all = 0.0, before = 0.0;
        for (size_t l = first; l < end; l++) {
            const Part part = layer_part(&pass, l);
            all += part_cycles(network, &part, cell_chunk(batch));
        }
        for (size_t l = first; l < end; l++) {
            const Part part = layer_part(&pass, l);
            const double cycles = part_cycles(network, &part, cell_chunk(batch));
            const size_t worker = (size_t)((before + cycles / 2.0) / all * (double)most);
            const size_t next = l > first ? worker_of[l - 1] + 1 : 0;
            worker_of[l] = worker < next ? worker : next; /* no worker without a layer */
            before += cycles;
        }
    }
}
