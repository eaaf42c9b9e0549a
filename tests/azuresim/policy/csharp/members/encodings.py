"""Encoding, base64, WebUtility, Uri. Source: learn.microsoft.com/dotnet/api."""

from __future__ import annotations

import base64
import binascii
import html
import re
from urllib.parse import quote, unquote, unquote_to_bytes

from azuresim.policy.csharp.errors import EvaluationError
from azuresim.policy.csharp.members.text import given
from azuresim.policy.csharp.signatures import declare
from azuresim.policy.csharp.types import T


class Encoding:
    type = T("Encoding")

    def __init__(self, name: str) -> None:
        self.name = name

    def encode(self, text: str) -> bytes:
        if self.name == "ascii":
            return given(text, "s").encode("ascii", "replace")
        return given(text, "s").encode(self.name, "replace")

    def decode(self, content: bytes) -> str:
        if content is None:
            raise EvaluationError("Value cannot be null. (Parameter 'bytes')")
        if self.name == "ascii":
            return "".join(chr(one) if one < 128 else "?" for one in content)
        return content.decode(self.name, "replace")


declare(
    "Encoding",
    "System.Text",
    {
        "static Encoding UTF8": lambda: Encoding("utf-8"),
        "static Encoding ASCII": lambda: Encoding("ascii"),
        "static Encoding Unicode": lambda: Encoding("utf-16-le"),
        "byte[] GetBytes(string s)": Encoding.encode,
        "string GetString(byte[] bytes)": Encoding.decode,
    },
    others="""BigEndianUnicode Default UTF7 UTF32 GetEncoding Convert GetBytes* GetString* GetByteCount GetCharCount
        GetChars WebName EncodingName BodyName""",
)


def from_base64(text: str) -> bytes:
    cleaned = re.sub(r"[ \t\r\n]", "", given(text, "s"))
    try:
        return base64.b64decode(cleaned, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EvaluationError(
            "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding"
            " characters, or an illegal character among the padding characters."
        ) from error


def to_base64(content: bytes) -> str:
    if content is None:
        raise EvaluationError("Value cannot be null. (Parameter 'inArray')")
    return base64.b64encode(content).decode()


UNESCAPED = "-_.~"


def url_encode(text: str | None) -> str | None:
    """WebUtility.UrlEncode: blanks become plus signs, `!*()-_.` stay, hex digits are capitals."""
    return None if text is None else quote(text, safe=" !*()-_.").replace("~", "%7E").replace(" ", "+")


def url_decode(text: str | None) -> str | None:
    return None if text is None else unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "replace")


def html_encode(text: str | None) -> str | None:
    if text is None:
        return None
    shown = html.escape(text, quote=True).replace("&#x27;", "&#39;")
    return "".join(f"&#{ord(one)};" if "\xa0" <= one <= "\xff" or one > "\uffff" else one for one in shown)


declare(
    "WebUtility",
    "System.Net",
    {
        "static string UrlEncode(string value)": url_encode,
        "static string UrlDecode(string encodedValue)": url_decode,
        "static string HtmlEncode(string value)": html_encode,
        "static string HtmlDecode(string value)": lambda text: None if text is None else html.unescape(text),
    },
    others="UrlEncodeToBytes UrlDecodeToBytes",
)
declare(
    "Uri",
    "System",
    {
        "static string EscapeDataString(string stringToEscape)": lambda text: quote(
            given(text, "stringToEscape"), safe=UNESCAPED
        ),
        "static string UnescapeDataString(string stringToUnescape)": lambda text: unquote(
            given(text, "stringToUnescape")
        ),
    },
    others="""EscapeUriString IsWellFormedUriString TryCreate new Host Port Scheme AbsolutePath AbsoluteUri Query
        PathAndQuery Segments Fragment Authority UserInfo LocalPath OriginalString GetLeftPart ToString""",
)
