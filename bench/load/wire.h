// The little HTTP/1.1 and JSON that the load generator and the upstream share.
// Both run on loopback between programs of this benchmark, so this parses what it needs and
// refuses the rest; it is not a general parser.
#ifndef REMIT_BENCH_WIRE_H
#define REMIT_BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MODERN_VERSION "2026-07-28"
#define LEGACY_VERSION "2025-11-25"

typedef struct {
    const char *at;
    size_t len;
} Slice;

typedef struct {
    char *data;
    size_t len, cap;
} Buffer;

typedef struct {
    Slice start_line;
    size_t head_len; // with the empty line
    size_t length;   // Content-Length; meaningful if has_length
    bool has_length, chunked, close, event_stream;
    Slice session, version, method, name; // Mcp-* headers; at == NULL where absent
} Head;

uint64_t now_ns(void);

bool slice_is(Slice slice, const char *text);
bool slice_equal(Slice a, Slice b);

void buffer_reserve(Buffer *buffer, size_t extra);
void buffer_add(Buffer *buffer, const char *data, size_t len);
void buffer_text(Buffer *buffer, const char *text);
void buffer_number(Buffer *buffer, uint64_t number);
void buffer_drop(Buffer *buffer, size_t len); // forget the first len bytes

// 1: a whole head was read; 0: more bytes are needed; -1: malformed.
int head_parse(const char *data, size_t len, Head *head);

// Decode a chunked body into out. Returns bytes consumed, 0 if incomplete, -1 if malformed.
ssize_t chunked_decode(const char *data, size_t len, Buffer *out);

// JSON read in place: values are slices of the text, strings keep their quotes and escapes.
bool json_member(Slice object, const char *key, Slice *value);
bool json_only_element(Slice array, Slice *value); // false unless exactly one element

// The data of the single non-empty event of a server-sent event stream; false if 0 or several.
bool sse_only_event(Slice body, Buffer *data);

#endif
