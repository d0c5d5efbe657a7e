// What the upstream answers: Streamable HTTP with an echo tool, in both protocol eras.
// 2026-07-28 is stateless, and its routing headers are checked against the body, so that a gateway
// which does not regenerate them is caught. Older revisions open with a handshake and a session.
#ifndef REMIT_BENCH_MCP_H
#define REMIT_BENCH_MCP_H

#include "wire.h"

typedef struct {
    bool modern, legacy; // the eras that are answered
    bool as_stream;      // results as a stream of one event
    unsigned tools;      // echo, echo_1, echo_2, ...
} McpOptions;

extern McpOptions mcp_options;

void mcp_start(void); // after the options are set

// Append the whole HTTP answer to out. True if a tool was called.
bool mcp_answer(Buffer *out, const Head *head, Slice content);

#endif
