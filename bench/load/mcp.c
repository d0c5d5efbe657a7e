#define _GNU_SOURCE
#include "mcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define TEXT_LENGTH_MAX "65536"
#define META "io.modelcontextprotocol/"

typedef struct {
    Slice id, method, params, meta, meta_version;
    bool has_id;
} Message;

McpOptions mcp_options = {.modern = true, .legacy = true, .tools = 1};

static Buffer tool_list, body;
static bool tool_called; // by the request that is being answered

static uint64_t *sessions; // the secret half of each id; 0 = ended
static uint32_t session_count, session_cap;

// ---- answers

static void answer_http(Buffer *out, const char *status, const char *header, Slice content) {
    buffer_text(out, "HTTP/1.1 ");
    buffer_text(out, status);
    buffer_text(out, "\r\n");
    buffer_text(out, header);
    if (mcp_options.as_stream && content.len && status[0] == '2') {
        char size[20];
        buffer_text(out, "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        int n = snprintf(size, sizeof size, "%zx\r\n", content.len + 23);
        buffer_add(out, size, (size_t)n);
        buffer_text(out, "event: message\ndata: "); // 15 + 6 bytes, and 2 after
        buffer_add(out, content.at, content.len);
        buffer_text(out, "\n\n\r\n0\r\n\r\n");
        return;
    }
    if (content.len)
        buffer_text(out, "Content-Type: application/json\r\n");
    buffer_text(out, "Content-Length: ");
    buffer_number(out, content.len);
    buffer_text(out, "\r\n\r\n");
    buffer_add(out, content.at, content.len);
}

static void answer_empty(Buffer *out, const char *status, const char *header) {
    answer_http(out, status, header, (Slice){"", 0});
}

static void body_open(Slice id) {
    body.len = 0;
    buffer_text(&body, "{\"jsonrpc\":\"2.0\",\"id\":");
    buffer_add(&body, id.at, id.len);
}

static void answer_body(Buffer *out, const char *status, const char *header) {
    answer_http(out, status, header, (Slice){body.data, body.len});
}

// data: a JSON object, or NULL.
static void answer_error(Buffer *out, const Message *m, const char *status, int code,
                         const char *text, const char *data) {
    char error[512];
    body_open(m->has_id ? m->id : (Slice){"null", 4});
    snprintf(error, sizeof error, ",\"error\":{\"code\":%d,\"message\":\"%s\"%s%s}}", code, text,
             data ? ",\"data\":" : "", data ? data : "");
    buffer_text(&body, error);
    answer_body(out, status, "");
}

// The members that every result of the modern era, and every cacheable one, carries.
static void result_open(const Message *m, bool modern, bool cacheable) {
    body_open(m->id);
    buffer_text(&body, ",\"result\":{");
    if (modern)
        buffer_text(&body, "\"resultType\":\"complete\",");
    if (modern && cacheable)
        buffer_text(&body, "\"ttlMs\":60000,\"cacheScope\":\"private\",");
}

void mcp_start(void) {
    buffer_text(&tool_list, "\"tools\":[");
    for (unsigned i = 0; i < mcp_options.tools; i++) {
        buffer_text(&tool_list, i ? ",{\"name\":\"echo_" : "{\"name\":\"echo");
        if (i)
            buffer_number(&tool_list, i);
        buffer_text(&tool_list,
                    "\",\"description\":\"Return the text unchanged.\",\"inputSchema\":{"
                    "\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\","
                    "\"maxLength\":" TEXT_LENGTH_MAX "},\"priority\":{\"type\":\"integer\","
                    "\"minimum\":0,\"maximum\":9}},\"required\":[\"text\"],"
                    "\"additionalProperties\":false},"
                    "\"annotations\":{\"readOnlyHint\":true}}");
    }
    buffer_text(&tool_list, "]");
}

// ---- methods

static bool known_tool(Slice name) { // with its quotes
    if (slice_is(name, "\"echo\""))
        return true;
    char text[32];
    unsigned number;
    if (name.len >= sizeof text || name.len < 8)
        return false;
    memcpy(text, name.at, name.len);
    text[name.len] = 0;
    return sscanf(text, "\"echo_%u\"", &number) == 1 && number >= 1 && number < mcp_options.tools;
}

static void call_tool(Buffer *out, const Message *m, bool modern) {
    Slice name, arguments, text;
    if (!m->params.at || !json_member(m->params, "name", &name) || !known_tool(name)) {
        answer_error(out, m, modern ? "400 Bad Request" : "200 OK", -32602, "Unknown tool", NULL);
        return;
    }
    if (!json_member(m->params, "arguments", &arguments) ||
        !json_member(arguments, "text", &text) || text.at[0] != '"') {
        answer_error(out, m, modern ? "400 Bad Request" : "200 OK", -32602, "text is not a string",
                     NULL);
        return;
    }
    result_open(m, modern, false);
    buffer_text(&body, "\"content\":[{\"type\":\"text\",\"text\":");
    buffer_add(&body, text.at, text.len);
    buffer_text(&body, "}],\"isError\":false}}");
    answer_body(out, "200 OK", "");
    tool_called = true;
}

static void list_tools(Buffer *out, const Message *m, bool modern) {
    result_open(m, modern, true);
    buffer_add(&body, tool_list.data, tool_list.len);
    buffer_text(&body, "}}");
    answer_body(out, "200 OK", "");
}

static void discover(Buffer *out, const Message *m) {
    result_open(m, true, true);
    buffer_text(&body, "\"supportedVersions\":[\"" MODERN_VERSION "\"],"
                       "\"capabilities\":{\"tools\":{}},\"_meta\":{\"" META "serverInfo\":"
                       "{\"name\":\"mcpup\",\"version\":\"1.0\"}}}}");
    answer_body(out, "200 OK", "");
}

static bool legacy_version(Slice version) {
    return slice_is(version, LEGACY_VERSION) || slice_is(version, "2025-06-18") ||
           slice_is(version, "2025-03-26");
}

static void initialize(Buffer *out, const Message *m) {
    Slice asked = {0};
    char header[80];
    if (session_count == session_cap) {
        session_cap = session_cap ? session_cap * 2 : 4096;
        sessions = realloc(sessions, session_cap * sizeof *sessions);
    }
    if (!sessions || getrandom(&sessions[session_count], sizeof *sessions, 0) < 0)
        exit(70);
    sessions[session_count] |= 1; // never the value that means ended
    snprintf(header, sizeof header, "Mcp-Session-Id: %08x-%016llx\r\n", session_count,
             (unsigned long long)sessions[session_count]);
    session_count++;
    result_open(m, false, false);
    buffer_text(&body, "\"protocolVersion\":");
    if (m->params.at && json_member(m->params, "protocolVersion", &asked) && asked.len > 2 &&
        legacy_version((Slice){asked.at + 1, asked.len - 2}))
        buffer_add(&body, asked.at, asked.len);
    else
        buffer_text(&body, "\"" LEGACY_VERSION "\"");
    buffer_text(&body, ",\"capabilities\":{\"tools\":{\"listChanged\":false}},"
                       "\"serverInfo\":{\"name\":\"mcpup\",\"version\":\"1.0\"}}}");
    answer_body(out, "200 OK", header);
}

static uint64_t *session_find(Slice id) {
    char text[32];
    unsigned index;
    unsigned long long secret;
    if (id.len != 25)
        return NULL;
    memcpy(text, id.at, id.len);
    text[id.len] = 0;
    if (sscanf(text, "%8x-%16llx", &index, &secret) != 2 || index >= session_count)
        return NULL;
    return secret && sessions[index] == secret ? &sessions[index] : NULL;
}

// ---- eras

static bool same_as_quoted(Slice header, Slice quoted) {
    return header.at && quoted.len >= 2 &&
           slice_equal(header, (Slice){quoted.at + 1, quoted.len - 2});
}

static void modern_request(Buffer *out, const Head *h, const Message *m) {
    Slice name = {0}, capabilities;
    if (!m->meta_version.at || !json_member(m->meta, META "clientCapabilities", &capabilities)) {
        answer_error(out, m, "400 Bad Request", -32602, "_meta lacks a required member", NULL);
        return;
    }
    bool call = slice_is(m->method, "\"tools/call\"");
    if (call)
        json_member(m->params, "name", &name);
    if (!same_as_quoted(h->version, m->meta_version) || !same_as_quoted(h->method, m->method) ||
        (call && !same_as_quoted(h->name, name))) {
        answer_error(out, m, "400 Bad Request", -32020, "Header does not match the body", NULL);
        return;
    }
    if (!m->has_id)
        answer_empty(out, "202 Accepted", "");
    else if (call)
        call_tool(out, m, true);
    else if (slice_is(m->method, "\"server/discover\""))
        discover(out, m);
    else if (slice_is(m->method, "\"tools/list\""))
        list_tools(out, m, true);
    else
        answer_error(out, m, "404 Not Found", -32601, "Method not found", NULL);
}

static void legacy_request(Buffer *out, const Head *h, const Message *m) {
    if (slice_is(m->method, "\"initialize\"") && m->has_id) {
        initialize(out, m);
        return;
    }
    if (!h->session.at) {
        answer_error(out, m, "400 Bad Request", -32000, "Server not initialized", NULL);
        return;
    }
    if (!session_find(h->session)) {
        answer_error(out, m, "404 Not Found", -32001, "Session not found", NULL);
        return;
    }
    if (!m->has_id)
        answer_empty(out, "202 Accepted", "");
    else if (slice_is(m->method, "\"tools/call\""))
        call_tool(out, m, false);
    else if (slice_is(m->method, "\"tools/list\""))
        list_tools(out, m, false);
    else if (slice_is(m->method, "\"ping\"")) {
        result_open(m, false, false);
        buffer_text(&body, "}}");
        answer_body(out, "200 OK", "");
    } else
        answer_error(out, m, "200 OK", -32601, "Method not found", NULL);
}

static void post(Buffer *out, const Head *h, Slice content) {
    Message m = {0};
    if (!json_member(content, "method", &m.method)) {
        answer_error(out, &m, "400 Bad Request", -32600, "Not a request", NULL);
        return;
    }
    m.has_id = json_member(content, "id", &m.id);
    if (json_member(content, "params", &m.params) && json_member(m.params, "_meta", &m.meta))
        json_member(m.meta, META "protocolVersion", &m.meta_version);
    bool legacy = slice_is(m.method, "\"initialize\"") ||
                  (!m.meta_version.at && (!h->version.at || legacy_version(h->version)));
    if (legacy && mcp_options.legacy)
        legacy_request(out, h, &m);
    else if (!legacy && mcp_options.modern &&
             (!h->version.at || slice_is(h->version, MODERN_VERSION)))
        modern_request(out, h, &m);
    else if (mcp_options.modern)
        answer_error(out, &m, "400 Bad Request", -32022, "Unsupported protocol version",
                     "{\"supported\":[\"" MODERN_VERSION "\"]}");
    else // what a server that never heard of the modern era says
        answer_error(out, &m, "400 Bad Request", -32000, "Server not initialized", NULL);
}

bool mcp_answer(Buffer *out, const Head *h, Slice content) {
    tool_called = false;
    Slice line = h->start_line;
    if (line.len > 10 && !memcmp(line.at, "POST /mcp ", 10)) {
        post(out, h, content);
    } else if (line.len > 12 && !memcmp(line.at, "DELETE /mcp ", 12) && mcp_options.legacy) {
        uint64_t *session = session_find(h->session);
        if (session)
            *session = 0;
        answer_empty(out, session ? "200 OK" : "404 Not Found", "");
    } else if (memmem(line.at, line.len, " /mcp ", 6)) {
        answer_empty(out, "405 Method Not Allowed", "Allow: POST\r\n");
    } else {
        answer_empty(out, "404 Not Found", "");
    }
    return tool_called;
}
