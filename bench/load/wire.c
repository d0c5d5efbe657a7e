#define _GNU_SOURCE
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool slice_is(Slice slice, const char *text) {
    return slice.len == strlen(text) && !memcmp(slice.at, text, slice.len);
}

bool slice_equal(Slice a, Slice b) {
    return a.len == b.len && !memcmp(a.at, b.at, a.len);
}

void buffer_reserve(Buffer *buffer, size_t extra) {
    if (buffer->len + extra <= buffer->cap)
        return;
    buffer->cap = (buffer->len + extra) * 2;
    buffer->data = realloc(buffer->data, buffer->cap);
    if (!buffer->data) {
        fputs("out of memory\n", stderr);
        exit(70);
    }
}

void buffer_add(Buffer *buffer, const char *data, size_t len) {
    buffer_reserve(buffer, len);
    memcpy(buffer->data + buffer->len, data, len);
    buffer->len += len;
}

void buffer_text(Buffer *buffer, const char *text) {
    buffer_add(buffer, text, strlen(text));
}

void buffer_number(Buffer *buffer, uint64_t number) {
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    buffer_add(buffer, digits + at, sizeof digits - at);
}

void buffer_drop(Buffer *buffer, size_t len) {
    if (len && len < buffer->len)
        memmove(buffer->data, buffer->data + len, buffer->len - len);
    buffer->len -= len;
}

// ---- HTTP

static bool header_value(Slice line, const char *name, Slice *value) {
    size_t n = strlen(name);
    if (line.len <= n || line.at[n] != ':' || strncasecmp(line.at, name, n))
        return false;
    const char *p = line.at + n + 1, *end = line.at + line.len;
    while (p < end && *p == ' ')
        p++;
    *value = (Slice){p, (size_t)(end - p)};
    return true;
}

static bool decimal(Slice text, size_t *number) {
    if (!text.len || text.len > 9)
        return false;
    *number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        *number = *number * 10 + (size_t)(text.at[i] - '0');
    }
    return true;
}

static bool header_read(Slice line, Head *head) {
    Slice value;
    switch (line.len ? line.at[0] | 32 : 0) {
    case 'c':
        if (header_value(line, "content-length", &value)) {
            head->has_length = true;
            return decimal(value, &head->length);
        }
        if (header_value(line, "connection", &value))
            head->close = value.len == 5 && !strncasecmp(value.at, "close", 5);
        else if (header_value(line, "content-type", &value))
            head->event_stream = value.len >= 17 && !strncasecmp(value.at, "text/event-stream", 17);
        return true;
    case 't':
        if (header_value(line, "transfer-encoding", &value))
            return head->chunked = value.len == 7 && !strncasecmp(value.at, "chunked", 7);
        return true;
    case 'm':
        if (header_value(line, "mcp-session-id", &value))
            head->session = value;
        else if (header_value(line, "mcp-protocol-version", &value))
            head->version = value;
        else if (header_value(line, "mcp-method", &value))
            head->method = value;
        else if (header_value(line, "mcp-name", &value))
            head->name = value;
        return true;
    default: return true;
    }
}

int head_parse(const char *data, size_t len, Head *head) {
    const char *end = memmem(data, len, "\r\n\r\n", 4);
    if (!end)
        return len > 65536 ? -1 : 0;
    memset(head, 0, sizeof *head);
    head->head_len = (size_t)(end - data) + 4;
    const char *line = data;
    while (line <= end) {
        const char *eol = memchr(line, '\r', (size_t)(end - line) + 1);
        Slice text = {line, (size_t)(eol - line)};
        if (line == data)
            head->start_line = text;
        else if (!header_read(text, head))
            return -1;
        line = eol + 2;
    }
    return head->chunked && head->has_length ? -1 : 1; // both is how requests are smuggled
}

ssize_t chunked_decode(const char *data, size_t len, Buffer *out) {
    const char *p = data, *end = data + len;
    out->len = 0;
    for (;;) {
        const char *eol = memmem(p, (size_t)(end - p), "\r\n", 2);
        if (!eol)
            return 0;
        char *digits_end;
        unsigned long size = strtoul(p, &digits_end, 16);
        if (digits_end == p || digits_end > eol || size > 1u << 28)
            return -1;
        if ((size_t)(end - eol) < 2 + size + 2)
            return 0;
        p = eol + 2;
        buffer_add(out, p, size);
        if (memcmp(p + size, "\r\n", 2))
            return -1; // also refuses trailers, which nobody here sends
        p += size + 2;
        if (!size)
            return p - data;
    }
}

// ---- JSON

static const char *skip_space(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
        p++;
    return p;
}

// p is at the opening quote; returns the byte after the closing one, or NULL.
static const char *skip_string(const char *p, const char *end) {
    const char *first = p + 1, *quote = p;
    while ((quote = memchr(quote + 1, '"', (size_t)(end - quote - 1)))) {
        const char *slash = quote;
        while (slash > first && slash[-1] == '\\')
            slash--;
        if ((quote - slash) % 2 == 0) // an even run of backslashes escapes itself
            return quote + 1;
    }
    return NULL;
}

static const char *skip_nested(const char *p, const char *end) {
    int depth = 0;
    while (p < end) {
        if (*p == '"') {
            if (!(p = skip_string(p, end)))
                return NULL;
            continue;
        }
        if (*p == '{' || *p == '[')
            depth++;
        else if ((*p == '}' || *p == ']') && --depth == 0)
            return p + 1;
        p++;
    }
    return NULL;
}

static const char *skip_value(const char *p, const char *end) {
    if (p >= end)
        return NULL;
    if (*p == '"')
        return skip_string(p, end);
    if (*p == '{' || *p == '[')
        return skip_nested(p, end);
    const char *start = p;
    while (p < end && !strchr(",}] \n\r\t", *p))
        p++;
    return p > start ? p : NULL;
}

bool json_member(Slice object, const char *key, Slice *value) {
    const char *end = object.at + object.len;
    const char *p = skip_space(object.at, end);
    size_t key_len = strlen(key);
    if (p >= end || *p != '{')
        return false;
    p++;
    for (;;) {
        p = skip_space(p, end);
        if (p >= end || *p != '"')
            return false;
        const char *name = p + 1;
        if (!(p = skip_string(p, end)))
            return false;
        size_t name_len = (size_t)(p - 1 - name);
        p = skip_space(p, end);
        if (p >= end || *p != ':')
            return false;
        const char *start = skip_space(p + 1, end);
        if (!(p = skip_value(start, end)))
            return false;
        if (name_len == key_len && !memcmp(name, key, key_len)) {
            *value = (Slice){start, (size_t)(p - start)};
            return true;
        }
        p = skip_space(p, end);
        if (p >= end || *p != ',')
            return false;
        p++;
    }
}

bool json_only_element(Slice array, Slice *value) {
    const char *end = array.at + array.len;
    const char *p = skip_space(array.at, end);
    if (p >= end || *p != '[')
        return false;
    const char *start = skip_space(p + 1, end);
    if (!(p = skip_value(start, end)))
        return false;
    *value = (Slice){start, (size_t)(p - start)};
    p = skip_space(p, end);
    return p < end && *p == ']';
}

// ---- server-sent events

bool sse_only_event(Slice body, Buffer *data) {
    const char *p = body.at, *end = body.at + body.len;
    bool found = false, in_event = false; // in_event: the current event has data
    data->len = 0;
    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        if (!eol)
            return false; // an event that was cut off is no event
        size_t len = (size_t)(eol - p);
        if (len && p[len - 1] == '\r')
            len--;
        if (!len) {
            found |= in_event;
            in_event = false;
        } else if (len > 5 && !memcmp(p, "data:", 5)) {
            size_t skip = p[5] == ' ' ? 6 : 5;
            if (len > skip) { // a priming event has empty data and counts for nothing
                if (found)
                    return false;
                in_event = true;
                buffer_add(data, p + skip, len - skip);
            }
        }
        p = eol + 1;
    }
    return found && !in_event;
}
