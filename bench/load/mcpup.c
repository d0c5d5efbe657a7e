// mcpup: a very fast MCP upstream for the benchmark (Streamable HTTP, one thread, loopback only).
//
// It answers both eras on /mcp: 2026-07-28 statelessly, with its routing headers checked against
// the body, so that a gateway which does not regenerate them is caught; older revisions by
// handshake, with a session id. Its tools only echo: what is measured is what stands in front.
#define _GNU_SOURCE
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define FD_MAX 65536
#define READ_SIZE 65536
#define TEXT_LENGTH_MAX "65536"
#define META "io.modelcontextprotocol/"

static const char USAGE[] =
    "usage: mcpup -p PORT [-e both|modern|legacy] [-t TOOLS] [-s] [sleep:MS]\n"
    "  -e  protocol eras to answer (default both)\n"
    "  -t  number of tools: echo, echo_1, echo_2, ... (default 1)\n"
    "  -s  answer as a one-event stream (text/event-stream) instead of application/json\n"
    "  sleep:MS  answer each tools/call after MS milliseconds\n";

typedef struct {
    int fd;
    uint32_t generation; // a descriptor number is reused; this tells its users apart
    Buffer in, out;
    size_t sent;
    bool waiting, closing, want_write;
} Conn;

typedef struct {
    uint64_t due_ns;
    int fd;
    uint32_t generation;
} Delayed;

typedef struct {
    Slice id, method, params, meta, meta_version;
    bool has_id;
} Message;

static Conn *conns[FD_MAX];
static int epoll_fd, timer_fd;
static bool era_modern = true, era_legacy = true, reply_as_stream;
static unsigned tools = 1;
static uint64_t delay_ns;
static Buffer tool_list, body;

// Every delay is the same, so the order of arrival is the order of leaving: a ring is enough.
static Delayed delayed[FD_MAX];
static size_t delayed_first, delayed_count;

static uint64_t *sessions; // the secret half of each id; 0 = ended
static uint32_t session_count, session_cap;

// ---- answers

static void answer_http(Conn *c, const char *status, const char *header, Slice content) {
    Buffer *out = &c->out;
    buffer_text(out, "HTTP/1.1 ");
    buffer_text(out, status);
    buffer_text(out, "\r\n");
    buffer_text(out, header);
    if (reply_as_stream && content.len && status[0] == '2') {
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

static void answer_empty(Conn *c, const char *status, const char *header) {
    answer_http(c, status, header, (Slice){"", 0});
}

static void body_open(Slice id) {
    body.len = 0;
    buffer_text(&body, "{\"jsonrpc\":\"2.0\",\"id\":");
    buffer_add(&body, id.at, id.len);
}

static void answer_body(Conn *c, const char *status, const char *header) {
    answer_http(c, status, header, (Slice){body.data, body.len});
}

// data: a JSON object, or NULL.
static void answer_error(Conn *c, const Message *m, const char *status, int code, const char *text,
                         const char *data) {
    char error[512];
    body_open(m->has_id ? m->id : (Slice){"null", 4});
    snprintf(error, sizeof error, ",\"error\":{\"code\":%d,\"message\":\"%s\"%s%s}}", code, text,
             data ? ",\"data\":" : "", data ? data : "");
    buffer_text(&body, error);
    answer_body(c, status, "");
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

static void make_tool_list(void) {
    buffer_text(&tool_list, "\"tools\":[");
    for (unsigned i = 0; i < tools; i++) {
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
    return sscanf(text, "\"echo_%u\"", &number) == 1 && number >= 1 && number < tools;
}

static void delay_reply(Conn *c) {
    if (delayed_count == FD_MAX)
        return; // cannot happen: a connection waits for one reply at a time
    Delayed *d = &delayed[(delayed_first + delayed_count++) % FD_MAX];
    *d = (Delayed){now_ns() + delay_ns, c->fd, c->generation};
    c->waiting = true;
    if (delayed_count == 1) {
        struct itimerspec at = {
            .it_value = {(time_t)(d->due_ns / 1000000000u), (long)(d->due_ns % 1000000000u)}};
        timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
    }
}

static void call_tool(Conn *c, const Message *m, bool modern) {
    Slice name, arguments, text;
    if (!m->params.at || !json_member(m->params, "name", &name) || !known_tool(name)) {
        answer_error(c, m, modern ? "400 Bad Request" : "200 OK", -32602, "Unknown tool", NULL);
        return;
    }
    if (!json_member(m->params, "arguments", &arguments) ||
        !json_member(arguments, "text", &text) || text.at[0] != '"') {
        answer_error(c, m, modern ? "400 Bad Request" : "200 OK", -32602, "text is not a string",
                     NULL);
        return;
    }
    result_open(m, modern, false);
    buffer_text(&body, "\"content\":[{\"type\":\"text\",\"text\":");
    buffer_add(&body, text.at, text.len);
    buffer_text(&body, "}],\"isError\":false}}");
    answer_body(c, "200 OK", "");
    if (delay_ns)
        delay_reply(c);
}

static void list_tools(Conn *c, const Message *m, bool modern) {
    result_open(m, modern, true);
    buffer_add(&body, tool_list.data, tool_list.len);
    buffer_text(&body, "}}");
    answer_body(c, "200 OK", "");
}

static void discover(Conn *c, const Message *m) {
    result_open(m, true, true);
    buffer_text(&body, "\"supportedVersions\":[\"" MODERN_VERSION "\"],"
                       "\"capabilities\":{\"tools\":{}},\"_meta\":{\"" META "serverInfo\":"
                       "{\"name\":\"mcpup\",\"version\":\"1.0\"}}}}");
    answer_body(c, "200 OK", "");
}

static bool legacy_version(Slice version) {
    return slice_is(version, LEGACY_VERSION) || slice_is(version, "2025-06-18") ||
           slice_is(version, "2025-03-26");
}

static void initialize(Conn *c, const Message *m) {
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
    answer_body(c, "200 OK", header);
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

static void modern_request(Conn *c, const Head *h, const Message *m) {
    Slice name = {0}, capabilities;
    if (!m->meta_version.at || !json_member(m->meta, META "clientCapabilities", &capabilities)) {
        answer_error(c, m, "400 Bad Request", -32602, "_meta lacks a required member", NULL);
        return;
    }
    bool call = slice_is(m->method, "\"tools/call\"");
    if (call)
        json_member(m->params, "name", &name);
    if (!same_as_quoted(h->version, m->meta_version) || !same_as_quoted(h->method, m->method) ||
        (call && !same_as_quoted(h->name, name))) {
        answer_error(c, m, "400 Bad Request", -32020, "Header does not match the body", NULL);
        return;
    }
    if (!m->has_id)
        answer_empty(c, "202 Accepted", "");
    else if (call)
        call_tool(c, m, true);
    else if (slice_is(m->method, "\"server/discover\""))
        discover(c, m);
    else if (slice_is(m->method, "\"tools/list\""))
        list_tools(c, m, true);
    else
        answer_error(c, m, "404 Not Found", -32601, "Method not found", NULL);
}

static void legacy_request(Conn *c, const Head *h, const Message *m) {
    if (slice_is(m->method, "\"initialize\"") && m->has_id) {
        initialize(c, m);
        return;
    }
    if (!h->session.at) {
        answer_error(c, m, "400 Bad Request", -32000, "Server not initialized", NULL);
        return;
    }
    if (!session_find(h->session)) {
        answer_error(c, m, "404 Not Found", -32001, "Session not found", NULL);
        return;
    }
    if (!m->has_id)
        answer_empty(c, "202 Accepted", "");
    else if (slice_is(m->method, "\"tools/call\""))
        call_tool(c, m, false);
    else if (slice_is(m->method, "\"tools/list\""))
        list_tools(c, m, false);
    else if (slice_is(m->method, "\"ping\"")) {
        result_open(m, false, false);
        buffer_text(&body, "}}");
        answer_body(c, "200 OK", "");
    } else
        answer_error(c, m, "200 OK", -32601, "Method not found", NULL);
}

static void post(Conn *c, const Head *h, Slice content) {
    Message m = {0};
    if (!json_member(content, "method", &m.method)) {
        answer_error(c, &m, "400 Bad Request", -32600, "Not a request", NULL);
        return;
    }
    m.has_id = json_member(content, "id", &m.id);
    if (json_member(content, "params", &m.params) && json_member(m.params, "_meta", &m.meta))
        json_member(m.meta, META "protocolVersion", &m.meta_version);
    bool legacy = slice_is(m.method, "\"initialize\"") ||
                  (!m.meta_version.at && (!h->version.at || legacy_version(h->version)));
    if (legacy && era_legacy)
        legacy_request(c, h, &m);
    else if (!legacy && era_modern && (!h->version.at || slice_is(h->version, MODERN_VERSION)))
        modern_request(c, h, &m);
    else if (era_modern)
        answer_error(c, &m, "400 Bad Request", -32022, "Unsupported protocol version",
                     "{\"supported\":[\"" MODERN_VERSION "\"]}");
    else // what a server that never heard of the modern era says
        answer_error(c, &m, "400 Bad Request", -32000, "Server not initialized", NULL);
}

static void handle(Conn *c, const Head *h, Slice content) {
    Slice line = h->start_line;
    if (line.len > 10 && !memcmp(line.at, "POST /mcp ", 10)) {
        post(c, h, content);
    } else if (line.len > 12 && !memcmp(line.at, "DELETE /mcp ", 12) && era_legacy) {
        uint64_t *session = session_find(h->session);
        if (session)
            *session = 0;
        answer_empty(c, session ? "200 OK" : "404 Not Found", "");
    } else if (memmem(line.at, line.len, " /mcp ", 6)) {
        answer_empty(c, "405 Method Not Allowed", "Allow: POST\r\n");
    } else {
        answer_empty(c, "404 Not Found", "");
    }
}

// ---- connections

static void conn_close(Conn *c) {
    close(c->fd); // also leaves the epoll set
    conns[c->fd] = NULL;
    free(c->in.data);
    free(c->out.data);
    free(c);
}

static void conn_watch(Conn *c, bool want_write) {
    if (c->want_write == want_write)
        return;
    c->want_write = want_write;
    struct epoll_event e = {.events = EPOLLIN | (want_write ? EPOLLOUT : 0u), .data.fd = c->fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
}

// Returns false when the connection is gone.
static bool conn_flush(Conn *c) {
    while (c->sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
        if (n > 0) {
            c->sent += (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            conn_watch(c, true);
            return true;
        } else {
            conn_close(c);
            return false;
        }
    }
    c->sent = c->out.len = 0;
    conn_watch(c, false);
    if (c->closing)
        conn_close(c);
    return true;
}

static void conn_process(Conn *c) {
    static Buffer decoded;
    size_t used = 0;
    while (!c->waiting && !c->closing && used < c->in.len) {
        Head head;
        const char *start = c->in.data + used;
        size_t left = c->in.len - used;
        int got = head_parse(start, left, &head);
        if (!got)
            break;
        Slice content = {start + head.head_len, head.length};
        size_t total = head.head_len + head.length;
        if (got > 0 && head.chunked) {
            ssize_t n = chunked_decode(content.at, left - head.head_len, &decoded);
            if (!n)
                break;
            got = n < 0 ? -1 : 1;
            content = (Slice){decoded.data, decoded.len};
            total = head.head_len + (size_t)n;
        }
        if (got < 0) {
            c->closing = true;
            answer_empty(c, "400 Bad Request", "Connection: close\r\n");
            break;
        }
        if (left < total)
            break;
        c->closing = head.close;
        handle(c, &head, content);
        used += total;
    }
    buffer_drop(&c->in, used);
    if (!c->waiting)
        conn_flush(c);
}

static void conn_read(Conn *c) {
    for (;;) {
        buffer_reserve(&c->in, READ_SIZE);
        ssize_t n = recv(c->fd, c->in.data + c->in.len, READ_SIZE, 0);
        if (n > 0) {
            c->in.len += (size_t)n;
            if (n == READ_SIZE)
                continue;
        } else if (n == 0 || errno != EAGAIN) {
            conn_close(c); // also with a reply outstanding: nobody is left to read it
            return;
        }
        break;
    }
    conn_process(c);
}

static void accept_all(int listener) {
    static uint32_t generation;
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        Conn *c = fd < FD_MAX ? calloc(1, sizeof *c) : NULL;
        if (!c) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c->fd = fd;
        c->generation = ++generation;
        conns[fd] = c;
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
    }
}

static void release_due(void) {
    uint64_t fired;
    if (read(timer_fd, &fired, sizeof fired) < 0 && errno != EAGAIN)
        exit(70);
    while (delayed_count && delayed[delayed_first].due_ns <= now_ns()) {
        Delayed d = delayed[delayed_first];
        delayed_first = (delayed_first + 1) % FD_MAX;
        delayed_count--;
        Conn *c = conns[d.fd];
        if (c && c->generation == d.generation) {
            c->waiting = false;
            conn_process(c); // flushes, and goes on with a request that arrived meanwhile
        }
    }
    if (delayed_count) {
        uint64_t due = delayed[delayed_first].due_ns;
        struct itimerspec at = {
            .it_value = {(time_t)(due / 1000000000u), (long)(due % 1000000000u)}};
        timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
    }
}

static int listen_on(int port) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096)) {
        perror("mcpup: cannot listen");
        exit(1);
    }
    return fd;
}

static int read_arguments(int argc, char **argv) {
    int option, port = 0;
    while ((option = getopt(argc, argv, "p:e:t:s")) > 0) {
        if (option == 'p')
            port = atoi(optarg);
        else if (option == 't')
            tools = (unsigned)atoi(optarg);
        else if (option == 's')
            reply_as_stream = true;
        else if (option == 'e') {
            era_modern = !strcmp(optarg, "both") || !strcmp(optarg, "modern");
            era_legacy = !strcmp(optarg, "both") || !strcmp(optarg, "legacy");
        }
    }
    if (optind < argc && !strncmp(argv[optind], "sleep:", 6))
        delay_ns = (uint64_t)(atof(argv[optind++] + 6) * 1e6);
    if (!port || !tools || optind < argc || (!era_modern && !era_legacy)) {
        fputs(USAGE, stderr);
        exit(2);
    }
    return port;
}

int main(int argc, char **argv) {
    int port = read_arguments(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    make_tool_list();
    int listener = listen_on(port);
    epoll_fd = epoll_create1(0);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &e);
    e.data.fd = timer_fd;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &e);
    struct epoll_event events[512];
    for (;;) {
        int n = epoll_wait(epoll_fd, events, 512, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                accept_all(listener);
            } else if (fd == timer_fd) {
                release_due();
            } else if (conns[fd]) {
                if (events[i].events & EPOLLOUT && !conn_flush(conns[fd]))
                    continue;
                if (conns[fd] && events[i].events & ~EPOLLOUT)
                    conn_read(conns[fd]);
            }
        }
    }
}
