// What a run has seen, and its result as one line of JSON.
#ifndef REMIT_BENCH_TALLY_H
#define REMIT_BENCH_TALLY_H

#include "judge.h"

typedef struct {
    uint64_t good_total, faults_total, reconnects, sessions_done;
} Tally;

extern Tally tally;

// text: what the peer said; of the first fault its beginning is kept.
void note_fault(Fault fault, int status, Slice text);
void note_latency(uint64_t latency_ns); // of a right call in the measured time
void print_result(unsigned connections, uint64_t started_ns, uint64_t measured_from_ns,
                  uint64_t ended_ns);

#endif
