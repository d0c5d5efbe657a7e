"""Tools that need something from the client: by a request of their own up to 2025-11-25, by `input_required` since."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

Context: TypeAlias = ServerRequestContext[Any, Any]
Reply: TypeAlias = types.CallToolResult | types.InputRequiredResult
Handler: TypeAlias = Callable[[Context, types.CallToolRequestParams], Awaitable[Reply]]

NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}}


def text_result(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)])


def object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def ask_form(message: str, field: str, field_type: str = "string") -> types.ElicitRequest:
    schema = object_schema({field: {"type": field_type}})
    return types.ElicitRequest(params=types.ElicitRequestFormParams(message=message, requested_schema=schema))


def ask_model(prompt: str, tokens_max: int) -> types.CreateMessageRequest:
    message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=prompt))
    return types.CreateMessageRequest(
        params=types.CreateMessageRequestParams(messages=[message], max_tokens=tokens_max)
    )


def form_content(responses: types.InputResponses | None, key: str) -> dict[str, Any] | None:
    """The accepted form under `key`, or None when the client has not (yet) given one."""
    answer = (responses or {}).get(key)
    if isinstance(answer, types.ElicitResult) and answer.action == "accept":
        return dict(answer.content or {})
    return None


# Up to 2025-11-25: the server asks on the stream of the call.


async def _sampling(ctx: Context, params: types.CallToolRequestParams) -> Reply:
    message = types.SamplingMessage(
        role="user", content=types.TextContent(type="text", text=(params.arguments or {})["prompt"])
    )
    answer = await ctx.session.create_message(messages=[message], max_tokens=100, related_request_id=ctx.request_id)
    return text_result(f"LLM response: {answer.content.text if answer.content.type == 'text' else 'not text'}")


async def _elicit(ctx: Context, message: str, schema: dict[str, Any]) -> types.ElicitResult:
    return await ctx.session.elicit_form(message, schema, related_request_id=ctx.request_id)


async def _elicitation(ctx: Context, params: types.CallToolRequestParams) -> Reply:
    schema = object_schema(
        {
            "username": {"type": "string", "description": "User's response"},
            "email": {"type": "string", "description": "User's email address"},
        }
    )
    answer = await _elicit(ctx, (params.arguments or {})["message"], schema)
    return text_result(f"User response: action={answer.action}, content={json.dumps(answer.content)}")


_DEFAULTS = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}


async def _elicitation_defaults(ctx: Context, params: types.CallToolRequestParams) -> Reply:
    answer = await _elicit(ctx, "Check these values", {"type": "object", "properties": _DEFAULTS})
    return text_result(f"Elicitation completed: action={answer.action}, content={json.dumps(answer.content)}")


_OPTIONS = ["option1", "option2", "option3"]
_TITLED = [{"const": f"value{n}", "title": f"{word} option"} for n, word in enumerate(("First", "Second", "Third"), 1)]
_ENUMS = {
    "untitledSingle": {"type": "string", "enum": _OPTIONS},
    "titledSingle": {"type": "string", "oneOf": _TITLED},
    "legacyEnum": {
        "type": "string",
        "enum": ["opt1", "opt2", "opt3"],
        "enumNames": ["Option One", "Option Two", "Option Three"],
    },
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": _OPTIONS}},
    "titledMulti": {"type": "array", "items": {"anyOf": _TITLED}},
}


async def _elicitation_enums(ctx: Context, params: types.CallToolRequestParams) -> Reply:
    answer = await _elicit(ctx, "Choose from each list", {"type": "object", "properties": _ENUMS})
    return text_result(f"Elicitation completed: action={answer.action}, content={json.dumps(answer.content)}")


# 2026-07-28: the server answers `input_required` and the client asks again (SEP-2322).


async def _ask_name(ctx: Context, params: types.CallToolRequestParams) -> Reply:
    answer = form_content(params.input_responses, "user_name")
    if answer is None:
        return types.InputRequiredResult(input_requests={"user_name": ask_form("What is your name?", "name")})
    return text_result(f"Hello, {answer.get('name')}!")


async def _ask_capital(ctx: Context, params: types.CallToolRequestParams) -> Reply:
    answer = (params.input_responses or {}).get("capital_question")
    if not isinstance(answer, types.CreateMessageResult):
        question = ask_model("What is the capital of France?", tokens_max=100)
        return types.InputRequiredResult(input_requests={"capital_question": question})
    return text_result(f"The model said: {answer.content.text if answer.content.type == 'text' else 'not text'}")


async def _ask_roots(ctx: Context, params: types.CallToolRequestParams) -> Reply:
    answer = (params.input_responses or {}).get("client_roots")
    if not isinstance(answer, types.ListRootsResult):
        return types.InputRequiredResult(input_requests={"client_roots": types.ListRootsRequest()})
    return text_result(f"Roots: {', '.join(str(root.uri) for root in answer.roots)}")


async def _ask_with_state(ctx: Context, params: types.CallToolRequestParams) -> Reply:
    """Completes only with the state it handed out; the boundary middleware refuses any other value before this."""
    if params.request_state == "asked" and form_content(params.input_responses, "confirm") is not None:
        return text_result("state-ok")
    question = ask_form("Please confirm", "ok", "boolean")
    return types.InputRequiredResult(input_requests={"confirm": question}, request_state="asked")


async def _ask_everything(ctx: Context, params: types.CallToolRequestParams) -> Reply:
    questions: types.InputRequests = {
        "user_name": ask_form("What is your name?", "name"),
        "greeting": ask_model("Generate a greeting", tokens_max=50),
        "client_roots": types.ListRootsRequest(),
    }
    if params.request_state == "asked" and questions.keys() <= (params.input_responses or {}).keys():
        return text_result("All three answers received")
    return types.InputRequiredResult(input_requests=questions, request_state="asked")


async def _ask_twice(ctx: Context, params: types.CallToolRequestParams) -> Reply:
    responses = params.input_responses
    if params.request_state == "step2" and form_content(responses, "step2") is not None:
        return text_result("Both steps are done")
    if params.request_state == "step1" and form_content(responses, "step1") is not None:
        question = ask_form("Step 2: What is your favorite color?", "color")
        return types.InputRequiredResult(input_requests={"step2": question}, request_state="step2")
    question = ask_form("Step 1: What is your name?", "name")
    return types.InputRequiredResult(input_requests={"step1": question}, request_state="step1")


async def _ask_what_the_client_can(ctx: Context, params: types.CallToolRequestParams) -> Reply:
    """Asks only by the means that the client declared on this very request."""
    if params.input_responses:
        return text_result(f"Received: {', '.join(sorted(params.input_responses))}")
    declared = ctx.session.client_capabilities or types.ClientCapabilities()
    questions: types.InputRequests = {}
    if declared.elicitation is not None:
        questions["confirm"] = ask_form("Please confirm", "ok", "boolean")
    if declared.sampling is not None:
        questions["summary"] = ask_model("Summarise this", tokens_max=50)
    return types.InputRequiredResult(input_requests=questions or None, request_state="asked")


async def _need_sampling(ctx: Context, params: types.CallToolRequestParams) -> Reply:
    """Raises -32021 unless the client declared sampling."""
    needed = types.ClientCapabilities(sampling=types.SamplingCapability())
    if not ctx.session.check_client_capability(needed):
        data = types.MissingRequiredClientCapabilityErrorData(required_capabilities=needed)
        raise MCPError(
            types.MISSING_REQUIRED_CLIENT_CAPABILITY,
            "This tool needs the client capability sampling",
            data.model_dump(mode="json", by_alias=True, exclude_none=True),
        )
    return text_result("The client declared sampling")


_PROMPT = object_schema({"prompt": {"type": "string", "description": "The prompt to send"}})
_MESSAGE = object_schema({"message": {"type": "string", "description": "The message to show"}})

TOOLS: dict[str, tuple[str, dict[str, Any], Handler]] = {
    "test_sampling": ("Asks the client's model", _PROMPT, _sampling),
    "test_elicitation": ("Asks the user", _MESSAGE, _elicitation),
    "test_elicitation_sep1034_defaults": ("Asks with default values", NO_ARGUMENTS, _elicitation_defaults),
    "test_elicitation_sep1330_enums": ("Asks with every kind of choice", NO_ARGUMENTS, _elicitation_enums),
    "test_missing_capability": ("Refuses without sampling", NO_ARGUMENTS, _need_sampling),
    "test_streaming_elicitation": ("Asks for a name", NO_ARGUMENTS, _ask_name),
    "test_input_required_result_elicitation": ("Asks for a name", NO_ARGUMENTS, _ask_name),
    "test_input_required_result_sampling": ("Asks the client's model", NO_ARGUMENTS, _ask_capital),
    "test_input_required_result_list_roots": ("Asks for roots", NO_ARGUMENTS, _ask_roots),
    "test_input_required_result_request_state": ("Carries state", NO_ARGUMENTS, _ask_with_state),
    "test_input_required_result_tampered_state": ("Carries sealed state", NO_ARGUMENTS, _ask_with_state),
    "test_input_required_result_multiple_inputs": ("Asks three things", NO_ARGUMENTS, _ask_everything),
    "test_input_required_result_multi_round": ("Asks twice", NO_ARGUMENTS, _ask_twice),
    "test_input_required_result_capabilities": ("Asks what it may", NO_ARGUMENTS, _ask_what_the_client_can),
}
