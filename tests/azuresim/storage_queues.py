"""
Storage queues, as far as a reader of events needs them: put, get, peek, update, delete, clear; count, list.

    world.queues.create("events")                       # by hand; PUT /{account}/{queue} does it too
    world.queues.put("events", "text")                  # as Event Grid does (events.py)

Served path-style, `https://127.0.0.1:PORT/devstoreaccount1/{queue}`, and under `{account}.queue.core.windows.net`. A
caller shows a token for storage of version 1; shared keys are not simulated. A message that was got is hidden until its
visibility time is over on the world's clock; its pop receipt changes with each get.
Source: learn.microsoft.com/rest/api/storageservices (Queue service REST API); Azure/Azurite README.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import TYPE_CHECKING
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from azuresim.entra.tokens import InvalidToken
from azuresim.wire import HttpAnswer, HttpCall

if TYPE_CHECKING:
    from azuresim.world import World

ACCOUNT = "devstoreaccount1"
AUDIENCES = ("https://storage.azure.com", f"https://{ACCOUNT}.queue.core.windows.net")
LIFE_SECONDS = 7 * 24 * 3600
LONGEST = 64 * 1024
MOST_AT_ONCE = 32
VISIBILITY_SECONDS = 30


@dataclass
class Message:
    id: str
    text: str
    inserted: float
    visible: float
    receipt: str = ""
    dequeued: int = 0


@dataclass
class Queues:
    """The queues of the one storage account, each a list of messages in order of arrival."""

    world: World = field(repr=False)
    all: dict[str, list[Message]] = field(default_factory=dict)

    def create(self, name: str) -> bool:
        """The queue is there; False when it was."""
        if name in self.all:
            return False
        self.all[name] = []
        return True

    def put(self, name: str, text: str, *, hidden_seconds: float = 0.0) -> Message:
        """KeyError when there is no such queue."""
        now = self.world.clock.timestamp()
        message = Message(id=self.world.guid(), text=text, inserted=now, visible=now + hidden_seconds)
        message.receipt = self.receipt()
        self.all[name].append(message)
        return message

    def waiting(self, name: str) -> list[Message]:
        """The messages that a get could return now."""
        now = self.world.clock.timestamp()
        return [m for m in self.all[name] if m.visible <= now < m.inserted + LIFE_SECONDS]

    def receipt(self) -> str:
        return base64.b64encode(self.world.hexadecimal(12).encode()).decode()


class QueueError(Exception):
    """A refusal in the storage services' own form."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def is_queue_path(path: str) -> bool:
    return path.lower().startswith(f"/{ACCOUNT}/") or path.lower() == f"/{ACCOUNT}"


async def storage_queue(call: HttpCall, world: World) -> HttpAnswer:
    """The queue service's answer to one call."""
    try:
        answer = answered(call, world)
    except QueueError as refused:
        body = f"<Error><Code>{refused.code}</Code><Message>{escape(refused.message)}</Message></Error>"
        answer = document(refused.status, body).plus({"x-ms-error-code": refused.code})
    return answer.plus({"x-ms-request-id": world.guid(), "x-ms-version": call.header("x-ms-version", "2025-11-05")})


def answered(call: HttpCall, world: World) -> HttpAnswer:
    authenticate(call, world)
    parts = [part for part in call.path.split("/") if part]
    if parts and parts[0].lower() == ACCOUNT:
        parts = parts[1:]
    match (call.method, *parts):
        case ("GET",):
            return listed(world)
        case ("PUT", name) if call.argument("comp") is None:
            return HttpAnswer(201 if world.queues.create(name) else 204)
        case ("DELETE", name):
            found(world, name)
            del world.queues.all[name]
            return HttpAnswer(204)
        case ("GET" | "HEAD", name) if call.argument("comp") == "metadata":
            return HttpAnswer(200, {"x-ms-approximate-messages-count": str(len(found(world, name)))})
        case ("POST", name, "messages"):
            return posted(call, world, name)
        case ("GET", name, "messages"):
            return got(call, world, name)
        case ("DELETE", name, "messages"):
            found(world, name).clear()
            return HttpAnswer(204)
        case ("DELETE", name, "messages", message_id):
            found(world, name).remove(held(call, world, name, message_id))
            return HttpAnswer(204)
        case ("PUT", name, "messages", message_id):
            return updated(call, world, held(call, world, name, message_id))
    world.missing[f"{call.method} {call.path}: storage queues"] += 1
    raise QueueError(400, "UnsupportedHttpVerb", "The resource doesn't support the specified Http Verb.")


def authenticate(call: HttpCall, world: World) -> None:
    scheme, _, token = call.header("Authorization").partition(" ")
    try:
        if scheme.lower() != "bearer":
            raise InvalidToken("no bearer token")
        claims = world.entra.verify(token.strip(), audiences=AUDIENCES)
    except InvalidToken:
        raise QueueError(
            403,
            "AuthenticationFailed",
            "Server failed to authenticate the request. Make sure the value of Authorization header is formed "
            "correctly including the signature.",
        ) from None
    if not str(claims.get("iss", "")).startswith("https://sts.windows.net/"):
        raise QueueError(403, "AuthenticationFailed", "Issuer validation failed.")


def found(world: World, name: str) -> list[Message]:
    if name not in world.queues.all:
        raise QueueError(404, "QueueNotFound", "The specified queue does not exist.")
    return world.queues.all[name]


def held(call: HttpCall, world: World, name: str, message_id: str) -> Message:
    """The message whose pop receipt the caller shows."""
    message = next((m for m in found(world, name) if m.id == message_id), None)
    if message is None:
        raise QueueError(404, "MessageNotFound", "The specified message does not exist.")
    if call.argument("popreceipt") != message.receipt:
        raise QueueError(
            400, "PopReceiptMismatch", "The specified pop receipt did not match the pop receipt for a dequeued message."
        )
    return message


def number(call: HttpCall, name: str, default: int, least: int, most: int) -> int:
    text = call.argument(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
        raise QueueError(
            400, "OutOfRangeQueryParameterValue", f"'{name}' must be a number between {least} and {most}, not {text!r}."
        )
    return int(text)


def posted(call: HttpCall, world: World, name: str) -> HttpAnswer:
    found(world, name)
    hidden = number(call, "visibilitytimeout", 0, 0, LIFE_SECONDS)
    message = world.queues.put(name, text_in(call), hidden_seconds=hidden)
    return messages(
        world, 201, [message], ("MessageId", "InsertionTime", "ExpirationTime", "PopReceipt", "TimeNextVisible")
    )


def text_in(call: HttpCall) -> str:
    """`<QueueMessage><MessageText>…</MessageText></QueueMessage>`, at most 64 KiB."""
    if len(call.body) > LONGEST + 200:
        raise QueueError(413, "RequestBodyTooLarge", "The request body is too large and exceeds the maximum limit.")
    try:
        root = ElementTree.fromstring(call.body.decode())  # noqa: S314  # expat expands no entity that is not declared, DTDs are refused
    except (ElementTree.ParseError, UnicodeDecodeError):
        raise QueueError(400, "InvalidXmlDocument", "XML specified is not syntactically valid.") from None
    text = root.findtext("MessageText")
    if root.tag != "QueueMessage" or text is None or b"<!DOCTYPE" in call.body:
        raise QueueError(400, "InvalidXmlDocument", "XML specified is not syntactically valid.")
    return text


def got(call: HttpCall, world: World, name: str) -> HttpAnswer:
    """The oldest visible messages; got ones are hidden, peeked ones stay and show no receipt."""
    found(world, name)
    count = number(call, "numofmessages", 1, 1, MOST_AT_ONCE)
    taken = world.queues.waiting(name)[:count]
    shown = ("MessageId", "InsertionTime", "ExpirationTime", "DequeueCount", "MessageText")
    if (call.argument("peekonly") or "").lower() == "true":
        return messages(world, 200, taken, shown)
    hidden = number(call, "visibilitytimeout", VISIBILITY_SECONDS, 0, LIFE_SECONDS)
    for message in taken:
        message.visible = world.clock.timestamp() + hidden
        message.receipt, message.dequeued = world.queues.receipt(), message.dequeued + 1
    return messages(world, 200, taken, (*shown, "PopReceipt", "TimeNextVisible"))


def updated(call: HttpCall, world: World, message: Message) -> HttpAnswer:
    hidden = number(call, "visibilitytimeout", 0, 0, LIFE_SECONDS)
    if call.body:
        message.text = text_in(call)
    message.visible, message.receipt = world.clock.timestamp() + hidden, world.queues.receipt()
    return HttpAnswer(
        204, {"x-ms-popreceipt": message.receipt, "x-ms-time-next-visible": stamp(world, message.visible)}
    )


def listed(world: World) -> HttpAnswer:
    names = "".join(f"<Queue><Name>{escape(name)}</Name></Queue>" for name in world.queues.all)
    return document(200, f"<EnumerationResults><Queues>{names}</Queues><NextMarker /></EnumerationResults>")


def messages(world: World, status: int, found: list[Message], fields: tuple[str, ...]) -> HttpAnswer:
    parts = "".join(f"<QueueMessage>{''.join(one_field(world, m, f) for f in fields)}</QueueMessage>" for m in found)
    return document(status, f"<QueueMessagesList>{parts}</QueueMessagesList>")


def one_field(world: World, message: Message, name: str) -> str:
    values = {
        "MessageId": message.id,
        "InsertionTime": stamp(world, message.inserted),
        "ExpirationTime": stamp(world, message.inserted + LIFE_SECONDS),
        "PopReceipt": message.receipt,
        "TimeNextVisible": stamp(world, message.visible),
        "DequeueCount": str(message.dequeued),
        "MessageText": message.text,
    }
    return f"<{name}>{escape(values[name])}</{name}>"


def stamp(world: World, timestamp: float) -> str:
    now = world.clock.now()
    return format_datetime(now.fromtimestamp(timestamp, tz=now.tzinfo), usegmt=True)


def document(status: int, text: str) -> HttpAnswer:
    return HttpAnswer.text(status, f'<?xml version="1.0" encoding="utf-8"?>{text}', "application/xml")
