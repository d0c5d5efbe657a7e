#include "judge.h"

static bool is_number(Slice value, uint64_t number) {
    uint64_t read = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return false;
        read = read * 10 + (uint64_t)(value.at[i] - '0');
    }
    return value.len && read == number;
}

static Fault judge_call(uint64_t sent_id, Slice sent_text, Slice message) {
    Slice id, error, result, value, content, item, type, text;
    if (!json_member(message, "id", &id) || !is_number(id, sent_id))
        return E_ID;
    if (json_member(message, "error", &error) || !json_member(message, "result", &result) ||
        (json_member(result, "isError", &value) && !slice_is(value, "false")) ||
        (json_member(result, "resultType", &value) && !slice_is(value, "\"complete\"")))
        return E_RPC;
    if (!json_member(result, "content", &content) || !json_only_element(content, &item) ||
        !json_member(item, "type", &type) || !slice_is(type, "\"text\"") ||
        !json_member(item, "text", &text) || !slice_equal(text, sent_text))
        return E_PAYLOAD;
    return OK;
}

Fault judge(Phase phase, uint64_t sent_id, Slice sent_text, const Head *head, int status,
            Slice body) {
    static Buffer event;
    if (phase == INITIALIZED)
        return status == 202 || status == 200 || status == 204 ? OK : E_HTTP;
    if (status != 200)
        return E_HTTP;
    if (head->event_stream) {
        if (!sse_only_event(body, &event))
            return E_FRAMING;
        body = (Slice){event.data, event.len};
    }
    if (phase == CALL)
        return judge_call(sent_id, sent_text, body);
    Slice id, result, version;
    if (!json_member(body, "id", &id) || !is_number(id, sent_id))
        return E_ID;
    if (!json_member(body, "result", &result) || !json_member(result, "protocolVersion", &version))
        return E_RPC;
    return OK;
}
