"""Resources, prompts and completion of the fixture server, under the names the official conformance suite asks for."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any, TypeAlias

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from tests.peers.everything_input import ask_form, form_content

Context: TypeAlias = ServerRequestContext[Any, Any]

PNG = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
        "53de0000000c4944415478da63f8cfc000000301010018dd8db00000000049454e44ae426082"
    )
).decode()
"""A red square of one pixel."""

WAV = base64.b64encode(
    b"RIFF\x26\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\2\0\0\0\0\0"
).decode()
"""One sample of silence."""

WATCHED_URI = "test://watched-resource"
_TEMPLATE = "test://template/{id}/data"
_TEMPLATE_URI = re.compile(r"test://template/(?P<id>[^/]+)/data")

_RESOURCES = (
    types.Resource(uri="test://static-text", name="static-text", description="Fixed text", mime_type="text/plain"),
    types.Resource(uri="test://static-binary", name="static-binary", description="Fixed image", mime_type="image/png"),
    types.Resource(
        uri=WATCHED_URI, name="watched-resource", description="Can be subscribed to", mime_type="text/plain"
    ),
)
_TEXTS = {
    "test://static-text": "This is the content of the static text resource.",
    WATCHED_URI: "This is the content of the watched resource.",
}


def text_block(text: str) -> types.TextContent:
    return types.TextContent(type="text", text=text)


def image_block() -> types.ImageContent:
    return types.ImageContent(type="image", data=PNG, mime_type="image/png")


def embedded_text(uri: str, text: str, mime_type: str = "text/plain") -> types.EmbeddedResource:
    contents = types.TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return types.EmbeddedResource(type="resource", resource=contents)


async def list_resources(ctx: Context, params: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
    return types.ListResourcesResult(resources=list(_RESOURCES))


async def list_templates(
    ctx: Context, params: types.PaginatedRequestParams | None
) -> types.ListResourceTemplatesResult:
    template = types.ResourceTemplate(
        uri_template=_TEMPLATE, name="template", description="Echoes its id", mime_type="application/json"
    )
    return types.ListResourceTemplatesResult(resource_templates=[template])


async def read_resource(ctx: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
    """Raises -32602 with the uri in its data for a resource that does not exist (SEP-2164)."""
    uri = params.uri
    contents: types.TextResourceContents | types.BlobResourceContents
    if uri == "test://static-binary":
        contents = types.BlobResourceContents(uri=uri, mime_type="image/png", blob=PNG)
    elif uri in _TEXTS:
        contents = types.TextResourceContents(uri=uri, mime_type="text/plain", text=_TEXTS[uri])
    elif match := _TEMPLATE_URI.fullmatch(uri):
        body = {"id": match["id"], "templateTest": True, "data": f"Data for ID: {match['id']}"}
        contents = types.TextResourceContents(uri=uri, mime_type="application/json", text=json.dumps(body))
    else:
        raise MCPError(types.INVALID_PARAMS, "Resource not found", {"uri": uri})
    return types.ReadResourceResult(contents=[contents])


async def subscribe(ctx: Context, params: types.SubscribeRequestParams) -> types.EmptyResult:
    return types.EmptyResult()


async def unsubscribe(ctx: Context, params: types.UnsubscribeRequestParams) -> types.EmptyResult:
    return types.EmptyResult()


async def set_logging_level(ctx: Context, params: types.SetLevelRequestParams) -> types.EmptyResult:
    return types.EmptyResult()


async def complete(ctx: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
    values = [word for word in ("paris", "park", "party", "test") if word.startswith(params.argument.value)]
    return types.CompleteResult(completion=types.Completion(values=values, total=len(values), has_more=False))


def _user(content: types.ContentBlock) -> types.PromptMessage:
    return types.PromptMessage(role="user", content=content)


def _simple(arguments: dict[str, str]) -> list[types.PromptMessage]:
    return [_user(text_block("This is a simple prompt for testing."))]


def _with_arguments(arguments: dict[str, str]) -> list[types.PromptMessage]:
    text = f"Prompt with arguments: arg1='{arguments['arg1']}', arg2='{arguments['arg2']}'"
    return [_user(text_block(text))]


def _with_resource(arguments: dict[str, str]) -> list[types.PromptMessage]:
    resource = embedded_text(arguments["resourceUri"], "Embedded resource content for testing.")
    return [_user(resource), _user(text_block("Please process the embedded resource above."))]


def _with_image(arguments: dict[str, str]) -> list[types.PromptMessage]:
    return [_user(image_block()), _user(text_block("Please analyze the image above."))]


Render: TypeAlias = Callable[[dict[str, str]], list[types.PromptMessage]]

_PROMPTS: dict[str, tuple[str, tuple[str, ...], Render]] = {
    "test_simple_prompt": ("A prompt without arguments", (), _simple),
    "test_prompt_with_arguments": ("A prompt with two arguments", ("arg1", "arg2"), _with_arguments),
    "test_prompt_with_embedded_resource": ("A prompt that embeds a resource", ("resourceUri",), _with_resource),
    "test_prompt_with_image": ("A prompt that shows an image", (), _with_image),
}
_ASKING_PROMPT = "test_input_required_result_prompt"


async def list_prompts(ctx: Context, params: types.PaginatedRequestParams | None) -> types.ListPromptsResult:
    prompts = [
        types.Prompt(
            name=name,
            description=description,
            arguments=[types.PromptArgument(name=each, description=each, required=True) for each in arguments],
        )
        for name, (description, arguments, _) in _PROMPTS.items()
    ]
    prompts.append(types.Prompt(name=_ASKING_PROMPT, description="A prompt that first asks for its context"))
    return types.ListPromptsResult(prompts=prompts)


async def get_prompt(
    ctx: Context, params: types.GetPromptRequestParams
) -> types.GetPromptResult | types.InputRequiredResult:
    if params.name == _ASKING_PROMPT:
        answer = form_content(params.input_responses, "user_context")
        if answer is None:
            return types.InputRequiredResult(
                input_requests={"user_context": ask_form("What context should the prompt use?", "context")}
            )
        return types.GetPromptResult(messages=[_user(text_block(f"Use this context: {answer.get('context')}"))])
    if params.name not in _PROMPTS:
        raise MCPError(types.INVALID_PARAMS, f"Unknown prompt: {params.name}")
    _, names, render = _PROMPTS[params.name]
    arguments = params.arguments or {}
    if missing := [name for name in names if name not in arguments]:
        raise MCPError(types.INVALID_PARAMS, f"Missing prompt arguments: {', '.join(missing)}")
    return types.GetPromptResult(messages=render(arguments))
