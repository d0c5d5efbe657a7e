// Whether a reply is the right one. Only `OK` counts; every other verdict is an error of the peer.
#ifndef REMIT_BENCH_JUDGE_H
#define REMIT_BENCH_JUDGE_H

#include "wire.h"

typedef enum { INITIALIZE, INITIALIZED, CALL, FINISHED } Phase;

typedef enum { OK, E_HTTP, E_ID, E_RPC, E_PAYLOAD, E_FRAMING, E_CLOSED, E_TIMEOUT, E_KINDS } Fault;

// body: the decoded HTTP body. sent_text: the text that must come back, with its quotes.
Fault judge(Phase phase, uint64_t sent_id, Slice sent_text, const Head *head, int status,
            Slice body);

#endif
