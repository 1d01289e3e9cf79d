/* What all oracles share. */
#include "convert/oracle.h"

void oracle_answer_release(OracleAnswer *answer) {
    if (!answer->memory) return;
    for (size_t i = 0; answer->tracks && i < answer->track_count; i++)
        memory_release(answer->memory, answer->tracks[i].values);
    memory_release(answer->memory, answer->tracks);
    for (size_t i = 0; answer->weights && i < answer->weight_count; i++)
        memory_release(answer->memory, answer->weights[i].values);
    memory_release(answer->memory, answer->weights);
    memory_release(answer->memory, answer->output);
    *answer = (OracleAnswer){0};
}
