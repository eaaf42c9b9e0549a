"""
Policy expressions: what each of them gives, what the compiler refuses at the PUT, what becomes an error of the call.

The corpus goes through the front door: a policy is written, the gateway is called, and what arrives is looked at.
"""

from __future__ import annotations

import base64
import json
import math
import operator
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from azuresim.policy.csharp import syntax
from azuresim.policy.csharp.parser import Parser
from azuresim.policy.csharp.values import Char, Long
from azuresim.policy.expressions import EvaluationError, ExpressionError, compile_text, text_of
from azuresim.wire import HttpAnswer
from contract.apim_world import GATEWAY, Apim, apim, refusals
from contract.gateway_world import ON_ERROR, TO_BACKEND, failure, furnished

pytestmark = pytest.mark.item("apim-15")
NOW = datetime(2027, 1, 2, 3, 4, 5, 60_000, tzinfo=UTC)
ORDER = {
    "id": 7,
    "name": "box",
    "tags": ["a", "b"],
    "lines": [{"sku": "x", "qty": 2, "price": 1.5}, {"sku": "y", "qty": 3, "price": 2.25}],
    "none": None,
    "paid": True,
    "address": {"city": "Ghent"},
    "at": "2026-01-02T03:04:05Z",
}
CLAIMS = {"iss": "https://issuer", "sub": "me", "aud": ["a1", "a2"], "roles": ["r1", "r2"], "exp": 1_767_225_600}
VARIABLES = {
    "text": '@("abc")',
    "number": "@(5)",
    "flag": "@(true)",
    "nothing": "@((string)null)",
    "order": "@(context.Request.Body.As<JObject>(preserveContent: true))",
}
OPERATION = "/apis/orders/operations/create"


def encoded(part: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


JWT = f"{encoded({'alg': 'RS256', 'typ': 'JWT'})}.{encoded(CLAIMS)}.c2ln"
SENT = {
    "Authorization": f"Bearer {JWT}",
    "X-Basic": "Basic dXNlcjpwYTpzcw==",
    "X-List": "1, 2",
    "Accept": "application/json",
    "Content-Type": "application/json",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop() -> AsyncIterator[Apim]:
    """One service for the whole corpus: each case writes its own policy over that of the case before."""
    async with apim() as started:
        started.world.clock.advance((NOW - started.world.clock.now()).total_seconds())
        started.world.gateway.caller_ip = "198.51.100.7"
        await furnished(started)
        yield started


def document(inbound: str = "", outbound: str = "", on_error: str = ON_ERROR) -> str:
    variables = "".join(f'<set-variable name="{name}" value="{value}" />' for name, value in VARIABLES.items())
    return (
        f"<policies><inbound>{variables}{TO_BACKEND}{inbound}</inbound><backend><base /></backend>"
        f"<outbound>{outbound}</outbound>{on_error}</policies>"
    )


def answering(expression: str) -> str:
    return f'<return-response><set-status code="200" /><set-body>{expression}</set-body></return-response>'


async def called(shop: Apim, policy: str) -> HttpAnswer:
    written = await shop.put_policy(OPERATION, policy)
    assert written.status in (200, 201), written.data()
    return await shop.azure.send("POST", GATEWAY, "/orders/orders?a=1&b=x&b=y%20z", headers=SENT, json=ORDER)


async def given_by(shop: Apim, expression: str) -> str:
    """What the caller gets as the body of the answer."""
    answer = await called(shop, document(answering(expression)))
    assert answer.status == 200, (answer.body, dict(answer.headers))
    return answer.body.decode()


def corpus(*rows: tuple[Any, ...]) -> pytest.MarkDecorator:
    """Rows of an id, an expression and what is expected of it."""
    return pytest.mark.parametrize(
        ("expression", "expected"), [pytest.param(*values, id=name) for name, *values in rows]
    )


in_module = pytest.mark.asyncio(loop_scope="module")


# --- what the call carries --------------------------------------------------------------------------------------------
@in_module
@corpus(
    ("method", "@(context.Request.Method)", "POST"),
    ("scheme", "@(context.Request.OriginalUrl.Scheme)", "https"),
    (
        "original url",
        "@(context.Request.OriginalUrl.Host + context.Request.OriginalUrl.Path)",
        f"{GATEWAY}/orders/orders",
    ),
    ("query string", "@(context.Request.OriginalUrl.QueryString)", "?a=1&b=x&b=y%20z"),
    ("query value", '@(context.Request.Url.Query.GetValueOrDefault("a", "none"))', "1"),
    ("query values are joined", '@(context.Request.Url.Query.GetValueOrDefault("b"))', "x,y z"),
    ("query by index", '@(context.Request.Url.Query["b"][1])', "y z"),
    ("absent query", '@(context.Request.Url.Query.GetValueOrDefault("z", "none"))', "none"),
    ("has query", '@(context.Request.Url.Query.ContainsKey("a") ? "yes" : "no")', "yes"),
    ("header", '@(context.Request.Headers.GetValueOrDefault("Accept", ""))', "application/json"),
    ("header in another case", '@(context.Request.Headers.GetValueOrDefault("aCCEPT", ""))', "application/json"),
    ("absent header", '@(context.Request.Headers.GetValueOrDefault("X-None", "none"))', "none"),
    ("absent header without a default", '@(context.Request.Headers.GetValueOrDefault("X-None"))', ""),
    ("first value of a header", '@(context.Request.Headers["Accept"].First())', "application/json"),
    (
        "headers with a prefix",
        '@(string.Join(";", context.Request.Headers.Where(h => h.Key.StartsWith("X-L")).Select(h => h.Key)))',
        "X-List",
    ),
    ("ip address", "@(context.Request.IpAddress)", "198.51.100.7"),
    ("no certificate", "@(context.Request.Certificate == null)", "True"),
    ("operation", '@(context.Operation.Id + " " + context.Operation.UrlTemplate)', "create /orders"),
    ("api", '@($"{context.Api.Id}/{context.Api.Revision}/{context.Api.Version ?? "none"}")', "orders/1/none"),
    ("deployment", "@(context.Deployment.ServiceName)", "contoso"),
    ("no product", '@(context.Product?.Name ?? "none")', "none"),
    ("no user", '@(context.User != null && context.User.Email.EndsWith("@example.org"))', "False"),
    ("no error", '@(context.LastError?.Message ?? "none")', "none"),
    ("timestamp", '@(context.Timestamp.ToString("yyyy-MM-ddTHH:mm:ss.fffZ"))', "2027-01-02T03:04:05.060Z"),
)
async def test_the_context_shows_the_call(shop: Apim, expression: str, expected: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-policy-expressions, table "Context variable"."""
    assert await given_by(shop, expression) == expected


@in_module
@corpus(
    ("cast to string", '@((string)context.Variables["text"])', "abc"),
    ("cast to int", '@((int)context.Variables["number"] * 2)', "10"),
    ("cast to bool", '@((bool)context.Variables["flag"] ? "on" : "off")', "on"),
    ("cast to JObject", '@((string)((JObject)context.Variables["order"])["name"])', "box"),
    ("default of a string", '@(context.Variables.GetValueOrDefault<string>("absent") ?? "null")', "null"),
    ("default of an int", '@(context.Variables.GetValueOrDefault<int>("absent") + 1)', "1"),
    ("default of a bool", '@(context.Variables.GetValueOrDefault<bool>("absent"))', "False"),
    ("given default", '@(context.Variables.GetValueOrDefault<int>("absent", 42))', "42"),
    ("inferred type", '@(context.Variables.GetValueOrDefault("absent", "other"))', "other"),
    ("present", '@(context.Variables.GetValueOrDefault<int>("number", 42))', "5"),
    ("null is there", '@(context.Variables.ContainsKey("nothing"))', "True"),
    ("null shows nothing", '@("[" + context.Variables["nothing"] + "]")', "[]"),
    ("as", '@(context.Variables["number"] as string ?? "no text")', "no text"),
    ("is", '@(context.Variables["number"] is int && !(context.Variables["number"] is long))', "True"),
    ("pattern", '@(context.Variables["number"] is int n ? n + 1 : 0)', "6"),
    ("try", '@(context.Variables.TryGetValue("text", out var found) ? (string)found : "none")', "abc"),
    ("convert", '@(Convert.ToInt32(context.Variables["number"]) + Convert.ToInt64("4"))', "9"),
)
async def test_variables_are_objects_that_are_cast(shop: Apim, expression: str, expected: str) -> None:
    """
    Source: learn.microsoft.com/azure/api-management/api-management-policy-expressions, "Context variable"
    (`GetValueOrDefault<T>`); C# language specification, "Unboxing conversions".
    """
    assert await given_by(shop, expression) == expected


@in_module
@corpus(
    ("whole", "@(context.Request.Body.As<string>(preserveContent: true).Length > 100)", "True"),
    ("bytes", "@(context.Request.Body.As<byte[]>(true)[0])", "123"),
    ("member", '@(context.Request.Body.As<JObject>(preserveContent: true)["name"].ToString())', "box"),
    ("number", '@((int)context.Request.Body.As<JObject>(true)["id"] + 1)', "8"),
    ("value of a key", '@(context.Request.Body.As<JObject>(true).Value<int>("id") * 2)', "14"),
    ("value of a token", '@(context.Request.Body.As<JObject>(true)["id"].Value<int>() * 2)', "14"),
    ("value of an absent key", '@(context.Request.Body.As<JObject>(true).Value<int>("absent"))', "0"),
    ("path", '@((string)context.Request.Body.As<JObject>(true).SelectToken("address.city"))', "Ghent"),
    ("path with an index", '@((string)context.Request.Body.As<JObject>(true).SelectToken("lines[1].sku"))', "y"),
    ("absent", '@(context.Request.Body.As<JObject>(true)["absent"]?.ToString() ?? "none")', "none"),
    ("absent string", '@((string)context.Request.Body.As<JObject>(true)["absent"] ?? "none")', "none"),
    ("null is a token", '@(context.Request.Body.As<JObject>(true)["none"] != null)', "True"),
    ("null as a nullable", '@((int?)context.Request.Body.As<JObject>(true)["none"] ?? 4)', "4"),
    ("bool", '@((bool)context.Request.Body.As<JObject>(true)["paid"])', "True"),
    ("bool as text", '@(context.Request.Body.As<JObject>(true)["paid"].ToString())', "True"),
    ("a date is read as one", '@((string)context.Request.Body.As<JObject>(true)["at"])', "01/02/2026 03:04:05"),
    ("array", '@(((JArray)context.Request.Body.As<JObject>(true)["lines"]).Count)', "2"),
    ("element", '@(context.Request.Body.As<JObject>(true)["lines"][0]["sku"])', "x"),
    ("type", '@(context.Request.Body.As<JObject>(true)["id"].Type == JTokenType.Integer)', "True"),
    ("to array", '@(context.Request.Body.As<JObject>(true)["tags"].ToObject<string[]>().Length)', "2"),
    (
        "names",
        '@(string.Join(",", context.Request.Body.As<JObject>(true).Properties().Select(p => p.Name).Take(3)))',
        "id,name,tags",
    ),
    (
        "compact",
        '@(context.Request.Body.As<JObject>(true)["address"].ToString(Newtonsoft.Json.Formatting.None))',
        '{"city":"Ghent"}',
    ),
    ("indented", '@(context.Request.Body.As<JObject>(true)["address"].ToString())', '{\r\n  "city": "Ghent"\r\n}'),
    (
        "made",
        '@(new JObject(new JProperty("a", 1), new JProperty("b", new JArray("x", 2.0))).ToString(Formatting.None))',
        '{"a":1,"b":["x",2.0]}',
    ),
    ("parsed", '@((int)JObject.Parse("{\\"a\\": {\\"b\\": [10, 20]}}")["a"]["b"][1])', "20"),
    ("serialized", '@(JsonConvert.SerializeObject(new Dictionary<string, int> { { "a", 1 } }))', '{"a":1}'),
)
async def test_a_body_is_read_as_json(shop: Apim, expression: str, expected: str) -> None:
    """
    Source: learn.microsoft.com/azure/api-management/api-management-policy-expressions (`IMessageBody`);
    newtonsoft.com/json/help, "LINQ to JSON". Assumed: line ends and the culture of dates.
    """
    assert await given_by(shop, expression) == expected


LINES = 'context.Request.Body.As<JObject>(true)["lines"]'


@in_module
@corpus(
    ("select", f'@(string.Join(",", {LINES}.Select(l => (string)l["sku"])))', "x,y"),
    ("where", f'@({LINES}.Where(l => (int)l["qty"] > 2).Select(l => (string)l["sku"]).FirstOrDefault())', "y"),
    ("nothing found", f'@({LINES}.FirstOrDefault(l => (int)l["qty"] > 9)?["sku"]?.ToString() ?? "none")', "none"),
    ("any", f'@({LINES}.Any(l => l.Value<string>("sku") == "y"))', "True"),
    ("all", f'@({LINES}.All(l => l.Value<int>("qty") > 2))', "False"),
    ("count", f"@({LINES}.Count())", "2"),
    ("sum", f'@({LINES}.Sum(l => (int)l["qty"]))', "5"),
    ("sum of decimals", f'@({LINES}.Sum(l => (decimal)l["price"] * (int)l["qty"]))', "9.75"),
    ("max", f'@({LINES}.Max(l => (int)l["qty"]))', "3"),
    ("ordered", f'@((string){LINES}.OrderByDescending(l => (int)l["qty"]).First()["sku"])', "y"),
    ("with its index", '@(string.Join(",", new[] { "a", "b" }.Select((x, i) => i + x)))', "0a,1b"),
    ("flattened", '@(new[] { "a,b", "c" }.SelectMany(x => x.Split(\',\')).Count())', "3"),
    ("distinct", "@(new[] { 1, 2, 1 }.Distinct().Count())", "2"),
    ("skip and take", '@(string.Join(",", new[] { 1, 2, 3, 4 }.Skip(1).Take(2)))', "2,3"),
    ("dictionary", '@(new[] { "a", "b" }.ToDictionary(x => x, x => x + x)["b"])', "bb"),
    ("contains", '@(new[] { "GET", "POST" }.Contains(context.Request.Method))', "True"),
    ("no default for a value type", "@(new List<int>().FirstOrDefault())", "0"),
    (
        "runs when it is enumerated",
        "@{ var all = new List<int> { 1 }; var large = all.Where(x => x > 0); all.Add(2); return large.Count(); }",
        "2",
    ),
    ("stops early", '@(new[] { "1", "x" }.Select(x => int.Parse(x)).First())', "1"),
)
async def test_linq_works_on_json_and_collections(shop: Apim, expression: str, expected: str) -> None:
    """
    Source: learn.microsoft.com/azure/api-management/api-management-policy-expressions (System.Linq.Enumerable);
    learn.microsoft.com/dotnet/api/system.linq.enumerable (deferred execution).
    """
    assert await given_by(shop, expression) == expected


BEARER = 'context.Request.Headers.GetValueOrDefault("Authorization", "")'


@in_module
@corpus(
    ("subject", f"@({BEARER}.AsJwt()?.Subject)", "me"),
    ("behind the scheme", f"@({BEARER}.Split(' ').Last().AsJwt()?.Issuer)", "https://issuer"),
    ("claim", f'@({BEARER}.AsJwt()?.Claims.GetValueOrDefault("roles", "none"))', "r1,r2"),
    ("claim by index", f'@({BEARER}.AsJwt().Claims["roles"][1])', "r2"),
    ("role", f'@({BEARER}.AsJwt()?.Claims["roles"].Contains("r2") == true)', "True"),
    ("absent claim", f'@({BEARER}.AsJwt()?.Claims.GetValueOrDefault("scp", "none"))', "none"),
    ("audience", f'@(string.Join(";", {BEARER}.AsJwt().Audiences))', "a1;a2"),
    ("expiry", f"@({BEARER}.AsJwt().ExpirationTime < DateTime.UtcNow)", "True"),
    ("algorithm", f"@({BEARER}.AsJwt().Algorithm)", "RS256"),
    ("no token", '@("nothing".AsJwt()?.Subject ?? "none")', "none"),
    (
        "try",
        f'@{{ Jwt jwt; if ({BEARER}.TryParseJwt(out jwt)) {{ return jwt.Subject; }} return "none"; }}',
        "me",
    ),
    ("try in vain", '@("x".TryParseJwt(out Jwt jwt) ? jwt.Subject : "none")', "none"),
    ("basic", '@(context.Request.Headers["X-Basic"][0].AsBasic().Password)', "pa:ss"),
)
async def test_credentials_in_headers_are_read(shop: Apim, expression: str, expected: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-policy-expressions (`AsJwt`, `TryParseJwt`)."""
    assert await given_by(shop, expression) == expected


# --- the language -----------------------------------------------------------------------------------------------------
@in_module
@corpus(
    ("concatenation", "@(\"a\" + 1 + true + null + 'c' + 1.5)", "a1Truec1.5"),
    ("from the left", '@(1 + 2 + "a" + 1 + 2)', "3a12"),
    ("escapes", '@("tab\\t quote\\" \\u00e9\\x41")', 'tab\t quote" éA'),
    ("surrogates", '@("\\uD83D\\uDE00" + "\\uD83D\\uDE00".Length)', "😀2"),
    ("verbatim", '@(@"C:\\temp\\""q""")', 'C:\\temp\\"q"'),
    ("interpolation", '@($"{context.Request.Method}: {1 + 1:D3}|{"x",3}|{"y",-3}| {{}}")', "POST: 002|  x|y  | {}"),
    ("interpolated conditional", '@($"{(1 > 0 ? "yes" : "no")}")', "yes"),
    ("verbatim interpolation", '@($@"\\{context.Operation.Id}\\")', "\\create\\"),
    ("equality is ordinal", '@("A" == "a" || "a" != "a")', "False"),
    ("equality without case", '@("A".Equals("a", StringComparison.OrdinalIgnoreCase))', "True"),
    ("substring", '@("abcdef".Substring(2, 3) + "abc".Substring(1))', "cdebc"),
    ("index of", '@("abc".IndexOf("c") + "," + "abc".IndexOf("z"))', "2,-1"),
    ("split", "@(\"/v1/orders/7\".Split('/')[2])", "orders"),
    ("split without empties", "@(\"a,,b\".Split(new[] { ',' }, StringSplitOptions.RemoveEmptyEntries).Length)", "2"),
    ("replace", '@("a-b-c".Replace("-", "").ToUpperInvariant())', "ABC"),
    ("trim", '@("  a ".Trim() + "/b/".Trim(\'/\'))', "ab"),
    ("padding", "@(\"7\".PadLeft(3, '0'))", "007"),
    ("empty", '@(string.IsNullOrEmpty(null) && string.IsNullOrWhiteSpace(" \\t") && string.Empty == "")', "True"),
    ("format", '@(string.Format("{0}-{1:00}-{0}", "a", 7))', "a-07-a"),
    ("join", '@(string.Join("|", "a", "b"))', "a|b"),
    ("character", '@("abc"[1])', "b"),
    ("case of one character", '@("straße".ToUpper())', "STRAßE"),
    ("regex group", '@(Regex.Match("/orders/42", @"/orders/(\\d+)").Groups[1].Value)', "42"),
    ("regex named group", '@(Regex.Match("k=v", "(?<key>.)=(?<value>.)").Groups["value"].Value)', "v"),
    ("regex test", '@(Regex.IsMatch("ABC", "^[a-c]+$", RegexOptions.IgnoreCase))', "True"),
    ("regex replacement", '@(Regex.Replace("a1b22", "([0-9]+)", "<$1>"))', "a<1>b<22>"),
    ("base64", '@(Convert.ToBase64String(Encoding.UTF8.GetBytes("user:pässword")))', "dXNlcjpww6Rzc3dvcmQ="),
    ("from base64", '@(Encoding.UTF8.GetString(Convert.FromBase64String("dXNlcjpww6Rzc3dvcmQ=")))', "user:pässword"),
    ("full names", '@(System.Text.Encoding.UTF8.GetString(System.Convert.FromBase64String("YQ==")))', "a"),
    ("url encoding", '@(System.Net.WebUtility.UrlEncode("a b&c") + Uri.EscapeDataString("a b&c"))', "a+b%26ca%20b%26c"),
    (
        "hash",
        '@(BitConverter.ToString(MD5.Create().ComputeHash(Encoding.UTF8.GetBytes("a"))).Replace("-", "").ToLower())',
        "0cc175b9c0f1b6a831c399e269772661",
    ),
    ("comments", '@(/* before */ "a" + "b")', "ab"),
)
async def test_texts_are_made_and_taken_apart(shop: Apim, expression: str, expected: str) -> None:
    """
    Source: learn.microsoft.com/azure/api-management/api-management-policy-expressions (allowed types); C# language
    specification, "String literals", "Interpolated string expressions"; learn.microsoft.com/dotnet/api/system.string.
    """
    assert await given_by(shop, expression) == expected


@in_module
@corpus(
    ("integer division", '@(7 / 2 + "," + -7 / 2 + "," + -7 % 3 + "," + 7 % -3)', "3,-3,-1,1"),
    ("division of doubles", "@(7 / 2.0)", "3.5"),
    ("overflow wraps", "@{ int most = int.MaxValue; return most + 1; }", "-2147483648"),
    ("long", "@{ int most = int.MaxValue; return most + 1L; }", "2147483648"),
    ("smallest int", "@(-2147483648)", "-2147483648"),
    ("char and int", "@('a' + 1)", "98"),
    ("cast to char", "@((char)('a' + 1))", "b"),
    ("cast truncates", '@((int)3.9 + "," + (int)-3.9)', "3,-3"),
    ("convert rounds to even", '@(Convert.ToInt32(2.5) + "," + Convert.ToInt32(3.5))', "2,4"),
    ("math rounds to even", '@(Math.Round(2.5) + "," + Math.Round(2.675, 2))', "2,2.68"),
    ("decimals keep their scale", "@(1.10m * 2)", "2.20"),
    ("rounding adds no digits", '@(Math.Round(1.5m, 3) + "," + Math.Round(1.2345m, 2))', "1.5,1.23"),
    ("decimals have 28 digits", "@(2m / 3)", "0.6666666666666666666666666667"),
    ("division by zero of doubles", "@(1.0 / 0)", "Infinity"),
    ("equality across types", "@(5 == 5L && 5 == 5.0 && 5m == 5 && 'a' == 97)", "True"),
    ("bits", "@((~5 ^ 3 | 8) & 0xFF)", "249"),
    ("digits with underscores", "@(1_000 + 0b11)", "1003"),
    ("precedence", "@(!false && 1 + 2 * 3 == 7 || false)", "True"),
    ("nested conditionals", '@(1 > 2 ? "a" : 2 > 3 ? "b" : "c")', "c"),
    ("lifted comparison", "@{ int? none = null; return none > 3 || none == 3; }", "False"),
    ("lifted sum", '@{ int? none = null; return (none + 1)?.ToString() ?? "null"; }', "null"),
    ("nullable length", "@{ string none = null; return none?.Length ?? -1; }", "-1"),
    ("boxed values keep their type", "@{ object o = 5; return o is int && !(o is long); }", "True"),
    ("parsed", '@(int.Parse(" 42 ") + (int)double.Parse("1.5") + long.Parse("-3"))', "40"),
    ("tried", '@(int.TryParse("x", out int n) ? n : -1)', "-1"),
    ("tried for its answer only", '@(int.TryParse("7", out _))', "True"),
    (
        "number format",
        '@(1234567.891.ToString("N2") + " " + 255.ToString("X") + " " + 0.256.ToString("P1"))',
        "1,234,567.89 FF 25.6 %",
    ),
    ("bool as text", "@(1 < 2)", "True"),
)
async def test_numbers_follow_csharp(shop: Apim, expression: str, expected: str) -> None:
    """Source: C# language specification, "Arithmetic operators", "Numeric promotions", "Lifted operators"."""
    assert await given_by(shop, expression) == expected


@in_module
@corpus(
    ("now", '@(DateTime.UtcNow.ToString("o"))', "2027-01-02T03:04:05.0600000Z"),
    ("no zone", '@(new DateTime(2027, 1, 2).ToString("o"))', "2027-01-02T00:00:00.0000000"),
    (
        "zone of json",
        '@(((DateTime)JToken.Parse("\\"2027-01-02T00:00:00\\"")).AddDays(1).ToString("s"))',
        "2027-01-03T00:00:00",
    ),
    ("tomorrow", '@(DateTime.UtcNow.AddDays(1).ToString("yyyy-MM-dd"))', "2027-01-03"),
    ("rfc 1123", '@(DateTime.UtcNow.ToString("r"))', "Sat, 02 Jan 2027 03:04:05 GMT"),
    ("seconds since 1970", "@((long)(DateTime.UtcNow - new DateTime(1970, 1, 1)).TotalSeconds)", "1798859045"),
    ("end of a short month", "@(new DateTime(2027, 1, 31).AddMonths(1).Day)", "28"),
    ("comparison", "@(DateTime.UtcNow > new DateTime(2020, 1, 1) ? 1 : 0)", "1"),
    ("day of the week", "@(DateTime.UtcNow.DayOfWeek)", "Saturday"),
    ("parsed date", '@(DateTime.Parse("2027-02-03").AddHours(2).ToString("HH:mm dd/MM"))', "02:00 03/02"),
    ("time span", "@(TimeSpan.FromMinutes(90))", "01:30:00"),
    ("parts of a time span", '@(TimeSpan.FromHours(25).Days + "." + TimeSpan.FromHours(25).TotalMinutes)', "1.1500"),
    ("negative time span", "@(new DateTime(2027, 1, 1) - new DateTime(2027, 1, 2, 1, 0, 0))", "-1.01:00:00"),
    (
        "guid",
        '@(Guid.Parse("{01234567-89ab-cdef-0123-456789ABCDEF}").ToString("N"))',
        "0123456789abcdef0123456789abcdef",
    ),
    ("new guid", "@(Guid.NewGuid().ToString().Length)", "36"),
    ("empty guid", '@(Guid.TryParse("x", out Guid g) ? "?" : g.ToString("D").Substring(0, 8))', "00000000"),
)
async def test_times_and_guids_follow_dotnet(shop: Apim, expression: str, expected: str) -> None:
    """Source: learn.microsoft.com/dotnet/standard/base-types, "Date and time format strings"; .NET API reference."""
    assert await given_by(shop, expression) == expected


@in_module
@corpus(
    ("if and else", '@{ if (context.Request.Method == "GET") return "read"; else return "write"; }', "write"),
    ("else if", '@{ var n = 5; if (n > 9) { return "a"; } else if (n > 3) { return "b"; } return "c"; }', "b"),
    ("for", "@{ var n = 0; for (int i = 0; i < 10; i++) { if (i % 2 == 0) continue; n += i; } return n; }", "25"),
    ("while", "@{ var n = 10; while (true) { n--; if (n < 3) { break; } } return n; }", "2"),
    (
        "foreach over headers",
        "@{ var names = new List<string>(); foreach (var h in context.Request.Headers) { names.Add(h.Key); } "
        'return names.Contains("X-Basic"); }',
        "True",
    ),
    (
        "foreach over an array",
        '@{ var made = new JArray(); foreach (JObject line in context.Request.Body.As<JObject>(true)["lines"]) '
        '{ made.Add(line["sku"]); } return made.ToString(Formatting.None); }',
        '["x","y"]',
    ),
    (
        "foreach over an object",
        "@{ foreach (var member in context.Request.Body.As<JObject>(true)) "
        '{ if (member.Key == "name") { return (string)member.Value; } } return "none"; }',
        "box",
    ),
    (
        "a changed body",
        '@{ var order = context.Request.Body.As<JObject>(preserveContent: true); order.Remove("lines"); '
        'order["address"]["zip"] = 9000; order.Add("extra", new JArray(1)); order["tags"] = null; '
        'return new JObject(order.Property("tags"), order.Property("address"), order.Property("extra"))'
        ".ToString(Formatting.None); }",
        '{"tags":null,"address":{"city":"Ghent","zip":9000},"extra":[1]}',
    ),
    (
        "string builder",
        "@{ var s = new StringBuilder(); s.Append(\"a\").Append(1).Append('c'); return s.ToString(); }",
        "a1c",
    ),
    ("dictionary", '@{ var d = new Dictionary<string, int> { ["a"] = 1 }; d["a"] += 2; return d["a"]; }', "3"),
    ("declared before", '@{ int n; if (context.Request.Method == "POST") { n = 1; } else { n = 2; } return n; }', "1"),
    (
        "assigned by a condition",
        '@{ int n; if (!int.TryParse("8", out n)) { return "none"; } return n.ToString(); }',
        "8",
    ),
    (
        "switch",
        '@{ switch (context.Request.Method) { case "GET": case "HEAD": return "read"; case "POST": { return "write"; } '
        'default: return "other"; } }',
        "write",
    ),
    (
        "switch in a loop",
        "@{ var n = 0; foreach (var x in new[] { 1, 2, 3 }) "
        "{ switch (x) { case 2: continue; default: break; } n += x; } return n; }",
        "4",
    ),
    ("caught", '@{ try { return int.Parse("x"); } catch { return -1; } }', "-1"),
    ("not thrown", '@{ try { return int.Parse("5"); } catch (Exception e) { return -1; } }', "5"),
    (
        "caught null",
        '@{ var found = "none"; try { found = context.Product.Name; } catch (Exception) { found = "caught"; } '
        "return found; }",
        "caught",
    ),
    ("returns of two kinds", '@{ if (context.Request.Method == "GET") { return 1; } return "text"; }', "text"),
    ("comments and lines", "@{\n  // the method\n  var m = context.Request.Method; /* done */\n  return m;\n}", "POST"),
)
async def test_statements_run(shop: Apim, expression: str, expected: str) -> None:
    """
    Source: learn.microsoft.com/azure/api-management/api-management-policy-expressions ("multi-statement expression");
    C# language specification, "Statements", "Definite assignment".
    """
    assert await given_by(shop, expression) == expected


@in_module
@corpus(
    ("status", "@(context.Response.StatusCode >= 200)", "True"),
    ("reason", "@(context.Response.StatusReason)", "OK"),
    ("header", '@(context.Response.Headers.GetValueOrDefault("Content-Type", "").Split(\';\')[0])', "application/json"),
    ("body", '@((string)context.Response.Body.As<JObject>()["method"])', "POST"),
)
async def test_outbound_sees_the_response(shop: Apim, expression: str, expected: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-policy-expressions (`context.Response`)."""
    answer = await called(shop, document(outbound=f"<set-body>{expression}</set-body>"))
    assert (answer.status, answer.body.decode()) == (200, expected)


@in_module
async def test_on_error_sees_the_exception_of_an_expression(shop: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-error-handling-policies (`context.LastError`)."""
    said = '@(string.Join("|", context.LastError.Source, context.LastError.Section, context.LastError.Path))'
    on_error = f"<on-error>{answering(said)}</on-error>"
    answer = await called(shop, document('<set-variable name="n" value="@(int.Parse("x"))" />', on_error=on_error))
    assert (answer.status, answer.body) == (200, b"set-variable|inbound|set-variable[6]")


@in_module
@pytest.mark.parametrize("written", ["xml", "rawxml"])
async def test_an_expression_may_be_escaped_or_verbatim(shop: Apim, written: str) -> None:
    """Source: Azure/azure-rest-api-specs, PolicyContract (`xml` and `rawxml`)."""
    expression = '@(1 < 2 && "<a>" != "&amp;" ? "<yes>" : "no")'
    if written == "xml":
        for plain, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            expression = expression.replace(plain, escaped)
    policy = document(answering(expression))
    if written == "xml":
        policy = document().replace(TO_BACKEND, TO_BACKEND + answering(expression))
        for name, value in VARIABLES.items():
            policy = policy.replace(f'<set-variable name="{name}" value="{value}" />', "")
    assert (await shop.put_policy(OPERATION, policy, written)).status in (200, 201)
    answer = await shop.azure.send("POST", GATEWAY, "/orders/orders", json=ORDER)
    assert answer.body == b"<yes>"


# --- what fails -------------------------------------------------------------------------------------------------------
@in_module
@corpus(
    ("null", "@(context.Subscription.Id.Length)", "Object reference not set to an instance of an object."),
    ("null error", "@(context.LastError.Message)", "Object reference not set to an instance of an object."),
    ("absent variable", '@(context.Variables["absent"])', "The given key was not present in the dictionary."),
    ("absent header", '@(context.Request.Headers["X-None"])', "The given key was not present in the dictionary."),
    ("absent token", '@(context.Request.Body.As<JObject>()["absent"].ToString())', "Object reference not set"),
    (
        "wrong cast",
        '@((string)context.Variables["number"])',
        "Unable to cast object of type 'System.Int32' to type 'System.String'.",
    ),
    ("wrong box", '@((long)context.Variables["number"])', "Unable to cast object of type 'System.Int32'"),
    ("wrong type argument", '@(context.Variables.GetValueOrDefault<int>("text"))', "Unable to cast object of type"),
    ("no number", '@(int.Parse("x"))', "Input string was not in a correct format."),
    ("no bool", '@(bool.Parse("1"))', "String was not recognized as a valid Boolean."),
    ("too large", '@(int.Parse("3000000000"))', "Value was either too large or too small for an Int32."),
    ("division by zero", "@{ int zero = 0; return 1 / zero; }", "Attempted to divide by zero."),
    (
        "smallest by minus one",
        "@{ int least = int.MinValue; int one = -1; return least / one; }",
        "Arithmetic operation resulted in an overflow.",
    ),
    ("null to look for", '@("a".IndexOf((string)null))', "Value cannot be null."),
    ("null to join", '@(string.Join(",", (string[])null))', "Value cannot be null."),
    ("null path", "@(new JObject().SelectToken((string)null))", "Value cannot be null. (Parameter 'path')"),
    ("number as guid", '@((Guid)context.Request.Body.As<JObject>()["id"])', "Unable to cast object"),
    ("beyond the text", '@("abc".Substring(1, 5))', "Index and length must refer to a location within the string."),
    ("beyond the array", "@(new[] { 1 }[1])", "Index was outside the bounds of the array."),
    ("nothing to take", "@(new List<int>().First())", "Sequence contains no elements"),
    ("two of one", "@(new[] { 1, 1 }.Single())", "Sequence contains more than one element"),
    ("no value", "@{ int? none = null; return none.Value; }", "Nullable object must have a value."),
    ("json null as int", '@((int)context.Request.Body.As<JObject>()["none"])', "Can not convert Null to Int32."),
    (
        "json null by value",
        '@(context.Request.Body.As<JObject>().Value<int>("none"))',
        "Null object cannot be converted to a value type.",
    ),
    (
        "json object as text",
        '@((string)context.Request.Body.As<JObject>()["address"])',
        "Can not convert Object to String",
    ),
    ("no json", '@(JObject.Parse("nope")["a"])', "Unexpected character encountered while parsing value: n."),
    ("no array", "@(context.Request.Body.As<JArray>().Count)", "Error reading JArray from JsonReader."),
    ("no base64", '@(Convert.FromBase64String("?").Length)', "The input is not a valid Base-64 string"),
    ("no date", "@(new DateTime(2027, 2, 30))", "parameters describe an un-representable DateTime."),
    (
        "changed while enumerated",
        "@{ var all = new List<int> { 1 }; foreach (var one in all) { all.Add(one); } return all.Count; }",
        "Collection was modified; enumeration operation may not execute.",
    ),
    (
        "body read twice",
        "@(context.Request.Body.As<string>() + context.Request.Body.As<string>())",
        "The message body has been read before",
    ),
)
async def test_an_exception_of_an_expression_is_an_error_of_the_call(
    shop: Apim, expression: str, expected: str
) -> None:
    """
    Source: learn.microsoft.com/azure/api-management/api-management-error-handling-policies
    (ExpressionValueEvaluationFailure); the texts are those of .NET's exceptions. Assumed: that of a body read twice.
    """
    status, source, reason, message = failure(await called(shop, document(answering(expression))))
    assert (status, source, reason) == (500, "return-response", "ExpressionValueEvaluationFailure")
    assert expected in message


PLACE = "Error in element 'set-variable' on line 3, column 2: "
NO_MEMBER = (
    "'{0}' does not contain a definition for '{1}' and no extension method '{1}' accepting a first argument of type"
    " '{0}' could be found (are you missing a using directive or an assembly reference?)"
)
CANNOT = "Operator '{}' cannot be applied to operands of type '{}' and '{}'"
EXPLICIT = "Cannot implicitly convert type '{}' to '{}'. An explicit conversion exists (are you missing a cast?)"
NOT_ALL_PATHS = "Not all code paths return a value in lambda expression of type 'Func<object>'"


@in_module
@corpus(
    ("nothing", "@()", "Invalid expression term ')'"),
    ("half a sum", "@(1 + )", "Invalid expression term ')'"),
    ("half a conditional", "@(true ? 1)", ": expected"),
    ("no semicolon", '@{ return "a" }', "; expected"),
    (
        "no statement",
        '@{ "a"; return 1; }',
        "Only assignment, call, increment, decrement, and new object expressions can be used as a statement",
    ),
    ("no return", "@{ var a = 1; }", NOT_ALL_PATHS),
    ("return on one path", '@{ if (context.Request.Method == "GET") { return 1; } }', NOT_ALL_PATHS),
    ("a number with letters", "@(1x)", "; expected"),
    ("unknown name", "@(undefined)", "The name 'undefined' does not exist in the current context"),
    ("unknown member", "@(context.Foo)", NO_MEMBER.format("IProxyRequestContext", "Foo")),
    ("unknown method", '@("a".Foo())', NO_MEMBER.format("string", "Foo")),
    (
        "property as method",
        "@(context.Request.Method.Length())",
        "Non-invocable member 'string.Length' cannot be used like a method.",
    ),
    (
        "method as property",
        "@(context.Request.Method.ToUpper)",
        "Cannot convert method group 'ToUpper' to non-delegate type 'object'. Did you intend to invoke the method?",
    ),
    (
        "unknown type",
        "@(new Foo())",
        "The type or namespace name 'Foo' could not be found (are you missing a using directive or an assembly"
        " reference?)",
    ),
    ("uncast variable", '@(context.Variables["flag"] ? 1 : 2)', EXPLICIT.format("object", "bool")),
    ("text minus text", '@("a" - "b")', CANNOT.format("-", "string", "string")),
    ("number against text", '@(3 > "a")', CANNOT.format(">", "int", "string")),
    ("number is text", '@(5 == "5")', CANNOT.format("==", "int", "string")),
    ("decimal and double", "@(5m == 5.0)", CANNOT.format("==", "decimal", "double")),
    ("text as condition", '@("a" && true)', CANNOT.format("&&", "string", "bool")),
    ("coalesced int", "@(1 ?? 2)", CANNOT.format("??", "int", "int")),
    ("negated number", "@(!5)", "Operator '!' cannot be applied to operand of type 'int'"),
    (
        "branches of two kinds",
        '@(true ? 1 : "a")',
        "Type of conditional expression cannot be determined because there is no implicit conversion between 'int' and"
        " 'string'",
    ),
    ("cast of a text", '@((int)"5")', "Cannot convert type 'string' to 'int'"),
    (
        "as a value type",
        '@(context.Variables["number"] as int)',
        "The as operator must be used with a reference type or nullable type ('int' is a non-nullable value type)",
    ),
    ("text into int", '@{ int a = "x"; return a; }', "Cannot implicitly convert type 'string' to 'int'"),
    ("double into int", "@{ int a = 1.5; return a; }", EXPLICIT.format("double", "int")),
    (
        "null into int",
        "@{ int a = null; return a; }",
        "Cannot convert null to 'int' because it is a non-nullable value type",
    ),
    ("var of null", "@{ var a = null; return a; }", "Cannot assign <null> to an implicitly-typed variable"),
    (
        "declared twice",
        "@{ var a = 1; var a = 2; return a; }",
        "A local variable or function named 'a' is already defined in this scope",
    ),
    (
        "unassigned",
        '@{ int n; if (context.Request.Method == "GET") { n = 1; } return n; }',
        "Use of unassigned local variable 'n'",
    ),
    (
        "unassigned after a loop",
        '@{ string s; foreach (var t in new[] { "a" }) { s = t; } return s; }',
        "Use of unassigned local variable 's'",
    ),
    (
        "unmatched pattern",
        '@{ if (context.Variables["text"] is string s) { return 1; } return s; }',
        "Use of unassigned local variable 's'",
    ),
    (
        "loop variable",
        "@{ foreach (var n in new[] { 1 }) { n = 2; } return 1; }",
        "Cannot assign to 'n' because it is a 'foreach iteration variable'",
    ),
    ("break outside", "@{ break; }", "No enclosing loop out of which to break or continue"),
    (
        "foreach over an int",
        "@{ foreach (var n in 5) { } return 1; }",
        "foreach statement cannot operate on variables of type 'int' because 'int' does not contain a public instance"
        " definition for 'GetEnumerator'",
    ),
    (
        "falls through",
        "@{ switch (1) { case 1: var a = 1; case 2: return 1; } return 2; }",
        "Control cannot fall through from one case label ('case 1:') to another",
    ),
    (
        "case twice",
        '@{ switch ("a") { case "a": return 1; case "a": return 2; } return 3; }',
        "The switch statement contains multiple cases with the label value '\"a\"'",
    ),
    ("case that varies", "@{ int n = 1; switch (1) { case n: return 1; } return 2; }", "A constant value is expected"),
    (
        "caught type",
        '@{ try { return int.Parse("x"); } catch (FormatException) { return 0; } }',
        "Usage of type 'System.FormatException' is not supported within expressions",
    ),
    ("nothing caught", "@{ try { return 1; } }", "Expected catch or finally"),
    (
        "assigned only in try",
        '@{ int n; try { n = int.Parse("x"); } catch { } return n; }',
        "Use of unassigned local variable 'n'",
    ),
    ("constant division by zero", "@(1 / 0)", "Division by constant zero"),
    ("constant overflow", "@(int.MaxValue + 1)", "The operation overflows at compile time in checked mode"),
    (
        "constant cast",
        "@((byte)300)",
        "Constant value '300' cannot be converted to a 'byte' (use 'unchecked' syntax to override)",
    ),
    ("too large a number", "@(99999999999999999999)", "Integral constant is too large"),
    (
        "variables are read only",
        '@(context.Variables["a"] = 1)',
        "Property or indexer 'IReadOnlyDictionary<string, object>.this[]' cannot be assigned to -- it is read only",
    ),
    (
        "the request is read only",
        '@{ context.Request.Method = "GET"; return 1; }',
        "Property or indexer 'Method' cannot be assigned to -- it is read only",
    ),
    (
        "wrong argument",
        "@(context.Request.Headers.GetValueOrDefault(1))",
        "Argument 1: cannot convert from 'int' to 'string'",
    ),
    (
        "wrong name of an argument",
        "@(context.Request.Body.As<string>(preserve: true))",
        "The best overload for 'As' does not have a parameter named 'preserve'",
    ),
    (
        "lambda alone",
        "@(x => x)",
        "Cannot convert lambda expression to type 'object' because it is not a delegate type",
    ),
    (
        "a file",
        '@(System.IO.File.ReadAllText("x"))',
        "Usage of type 'System.IO.File' is not supported within expressions",
    ),
    (
        "an http client",
        "@(new HttpClient())",
        "Usage of type 'System.Net.Http.HttpClient' is not supported within expressions",
    ),
    (
        "local time",
        "@(DateTime.UtcNow.ToLocalTime())",
        "Usage of member 'ToLocalTime' of type 'System.DateTime' is not supported within expressions",
    ),
)
async def test_what_does_not_compile_is_refused_with_its_place(shop: Apim, expression: str, expected: str) -> None:
    """
    Source: learn.microsoft.com/dotnet/csharp/language-reference/compiler-messages; for types and members that may not
    be used Azure/azure-api-management-policy-toolkit, src/Analyzers. Assumed: that the service passes these texts on.
    """
    policy = f'<policies>\n<inbound>\n<set-variable name="a" value="{expression}" />\n</inbound>\n</policies>'
    assert refusals(await shop.put_policy(OPERATION, policy)) == [("set-variable", PLACE + expected)]


@in_module
@corpus(
    ("text of an exception", "@{ try { return 1; } catch (Exception e) { return e.Message; } }", "'Exception.Message'"),
    ("finally", "@{ try { return 1; } finally { } }", "the statement 'finally'"),
    ("pattern in a switch", "@{ switch (1) { case int n: return n; } return 2; }", "patterns in a switch"),
    ("static member of a generic type", "@(List<int>.Empty)", "static members of 'List'"),
    ("query", "@(from x in new[] { 1 } select x)", "'from'"),
    ("anonymous type", "@(new { a = 1 })", "anonymous types"),
    ("tuple", "@((1, 2))", "tuples"),
    ("local function", "@{ void F() { } return 1; }", "local functions"),
    ("shift", "@(1 << 3)", "the operator <<"),
    ("unsigned", "@(3000000000)", "the number 3000000000 has a type"),
    ("single", "@(1.5f)", "the number 1.5f has a type"),
    ("culture", '@(string.Compare("a", "b"))', "'string.Compare' with these arguments"),
    ("xml", '@(System.Xml.Linq.XElement.Parse("a"))', "the type 'System.Xml.Linq.XElement'"),
    ("certificate", "@(context.Request.Certificate.Thumbprint)", "'X509Certificate2.Thumbprint'"),
    ("aggregate", "@(new[] { 1 }.Aggregate((a, b) => a + b))", "Aggregate"),
    ("half a surrogate pair", '@("\\uD83D")', "half of a surrogate pair"),
)
async def test_what_may_compile_but_is_unknown_here_is_refused_loudly(
    shop: Apim, expression: str, expected: str
) -> None:
    """No Azure behaviour: the PUT says what is not simulated, so that no test runs on a guess."""
    answer = await shop.put_policy(OPERATION, document(answering(expression)))
    error = answer.data()["error"]
    assert (answer.status, error["code"]) == (501, "NotSimulated")
    assert expected in error["message"]
    assert "not simulated" in error["message"]


@in_module
@corpus(
    ("digits of a double", "@(0.1 + 0.2)", "differs between versions of .NET"),
    ("negative zero", "@(-0.0)", "differs between versions of .NET"),
    ("double out of range", "@{ double d = 1e10; return (int)d; }", "differs between versions of .NET"),
    ("parts of a millisecond", "@(TimeSpan.FromSeconds(1.23456))", "rounded differently"),
    (
        "references of boxed values",
        '@(context.Variables["number"] == context.Variables["flag"])',
        "compares references",
    ),
    ("order of texts", '@(new[] { "b", "A" }.OrderBy(x => x).First())', "sorting texts in a culture"),
    ("json only Newtonsoft reads", '@(JObject.Parse("{\'a\': 1}")["a"])', "JSON that only Newtonsoft.Json reads"),
    (
        "variables that changed under a lambda",
        "@{ var n = 1; var more = new[] { 1 }.Select(x => x + n); n = 2; return more.First(); }",
        "a lambda that runs after the variables around it have changed",
    ),
    ("endless", "@{ while (true) { } }", "steps"),
)
async def test_what_runs_differently_in_azure_fails_loudly(shop: Apim, expression: str, expected: str) -> None:
    """No Azure behaviour: where nobody can say what Azure gives, the call ends in 501's code instead of a value."""
    answer = await called(shop, document(answering(expression)))
    error = answer.data()["error"]
    assert (answer.status, error["code"]) == (500, "NotSimulated")
    assert expected in error["message"]


# --- properties -------------------------------------------------------------------------------------------------------
EACH = settings(max_examples=150, deadline=None, derandomize=True, database=None)


class Nobody:
    """A context that knows nothing of a call."""

    variables: Mapping[str, Any] = {}

    def header(self, name: str) -> str | None:
        return None


PRECEDENCE = {
    **{"??": 1, "||": 2, "&&": 3, "|": 4, "^": 5, "&": 6, "==": 7, "!=": 7},
    **{"<": 8, ">": 8, "<=": 8, ">=": 8, "+": 10, "-": 10, "*": 11, "/": 11, "%": 11},
}
CONDITIONAL, UNARY, PRIMARY = 0, 20, 30
ESCAPES = {'"': '\\"', "'": "\\'", "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\0": "\\0"}


def printed(node: syntax.Node, least: int = CONDITIONAL) -> str:
    """The node in C#, in brackets only where its operator binds less than `least`."""
    text, strength = spelled(node)
    return text if strength >= least else f"({text})"


def spelled(node: syntax.Node) -> tuple[str, int]:
    """The text of a node, and how strongly its outermost operator binds."""
    match node:
        case syntax.Literal(value):
            return literal(value), PRIMARY
        case syntax.Name(name):
            return name, PRIMARY
        case syntax.Member(of, name):
            return f"{printed(of, PRIMARY)}.{name}", PRIMARY
        case syntax.Call(of, arguments):
            return f"{printed(of, PRIMARY)}({', '.join(printed(one.value, UNARY) for one in arguments)})", PRIMARY
        case syntax.Index(of, (argument,)):
            return f"{printed(of, PRIMARY)}[{printed(argument.value)}]", PRIMARY
        case syntax.Unary(operator, of):
            return operator + printed(of, PRIMARY), UNARY
        case syntax.Cast(kind, of):
            return f"({kind.name}){printed(of, PRIMARY)}", UNARY
        case syntax.Ternary(condition, yes, no):
            return f"{printed(condition, 1)} ? {printed(yes)} : {printed(no)}", CONDITIONAL
        case syntax.Binary(operator, left, right):
            return between(operator, left, right), PRECEDENCE[operator]
    raise AssertionError(f"no text for {node}")


def between(operator: str, left: syntax.Node, right: syntax.Node) -> str:
    """Operators group from the left, `??` from the right; comparisons are kept from looking like type arguments."""
    here = PRECEDENCE[operator]
    first = here + 1 if operator in ("??", "<", ">", "<=", ">=") else here
    second = here if operator == "??" else here + 1
    return f"{printed(left, first)} {operator} {printed(right, second)}"


def literal(value: object) -> str:
    if isinstance(value, Char):
        return f"'{ESCAPES.get(value, value)}'"
    if isinstance(value, str):
        return '"' + "".join(ESCAPES.get(one, one) for one in value) + '"'
    if isinstance(value, Long):
        return f"{int(value)}L"
    return {True: "true", False: "false", None: "null"}[value] if isinstance(value, bool | None) else str(value)


names = st.sampled_from(["a", "b1", "context", "_x", "Größe"])
plain = st.characters(min_codepoint=32, max_codepoint=0xD7FF, exclude_characters="\x85\u2028\u2029")
literals = st.one_of(
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**63 - 1).map(Long),
    st.text(st.one_of(plain, st.sampled_from("\n\r\0")), max_size=5),
    plain.map(Char),
    st.sampled_from([True, False, None]),
)


def grown(inner: st.SearchStrategy[syntax.Node]) -> st.SearchStrategy[syntax.Node]:
    arguments = st.lists(inner.map(syntax.Argument), max_size=2).map(tuple)
    return st.one_of(
        st.builds(syntax.Binary, st.sampled_from(list(PRECEDENCE)), inner, inner),
        st.builds(syntax.Unary, st.sampled_from("!-+~"), inner),
        st.builds(syntax.Cast, st.sampled_from(["int", "string", "double"]).map(syntax.TypeName), inner),
        st.builds(syntax.Ternary, inner, inner, inner),
        st.builds(syntax.Member, inner, names),
        st.builds(syntax.Call, st.builds(syntax.Member, inner, names), arguments),
        st.builds(syntax.Index, inner, inner.map(lambda one: (syntax.Argument(one),))),
    )


leaves: st.SearchStrategy[syntax.Node] = st.one_of(names.map(syntax.Name), literals.map(syntax.Literal))
trees = st.recursive(leaves, grown, max_leaves=15)


@EACH
@given(trees)
def test_a_printed_expression_is_parsed_back_to_the_same_tree(tree: syntax.Node) -> None:
    """Source: C# language specification, "Operator precedence and associativity"."""
    assert Parser(printed(tree)).whole() == tree


@dataclass(frozen=True)
class Typed:
    """A value in the model: its C# type, and what Python calls it."""

    type: str
    value: Any


class Throws(Exception):
    """What .NET would throw."""


WIDTH = {"int": 32, "long": 64}
VARIABLES_OF_THE_MODEL = {
    **{f"i{at}": Typed("int", value) for at, value in enumerate((0, 1, -1, 7, -3, 2**31 - 1, -(2**31)))},
    **{f"l{at}": Typed("long", value) for at, value in enumerate((0, -1, 10**12, 2**63 - 1, -(2**63)))},
    **{f"d{at}": Typed("double", value) for at, value in enumerate((0.0, 1.5, -2.25, 1e300))},
    **{f"c{at}": Typed("char", value) for at, value in enumerate("aZ0")},
    **{f"s{at}": Typed("string", value) for at, value in enumerate(("", "a", "A", "aa"))},
    **{f"b{at}": Typed("bool", value) for at, value in enumerate((True, False))},
}


def modelled(node: syntax.Node) -> Typed:
    """What the C# language specification makes of the node, independent of the simulator's evaluator."""
    match node:
        case syntax.Name(name):
            return VARIABLES_OF_THE_MODEL[name]
        case syntax.Unary("!", of):
            return Typed("bool", not modelled(of).value)
        case syntax.Unary("-", of):
            return arithmetic("-", Typed("int", 0), modelled(of))
        case syntax.Binary("&&" | "||" as word, left, right):
            first = modelled(left).value
            return Typed("bool", first) if first == (word == "||") else modelled(right)
        case syntax.Ternary(condition, yes, no):
            return modelled(yes if modelled(condition).value else no)
        case syntax.Binary(word, left, right):
            return operated(word, modelled(left), modelled(right))
    raise AssertionError(f"not in the model: {node}")


COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    **{"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge},
    **{"==": operator.eq, "!=": operator.ne},
}


def operated(word: str, left: Typed, right: Typed) -> Typed:
    if "string" in (left.type, right.type) and word == "+":
        return Typed("string", str(left.value) + str(right.value))
    if word not in COMPARISONS:
        return arithmetic(word, left, right)
    if {left.type, right.type} & {"string", "bool"}:
        return Typed("bool", COMPARISONS[word](left.value, right.value))
    _, one, other = promoted(left, right)
    return Typed("bool", COMPARISONS[word](one, other))


def promoted(left: Typed, right: Typed) -> tuple[str, Any, Any]:
    """Numeric promotion: char to int, then to the wider of both types."""
    kinds = ["int" if one.type == "char" else one.type for one in (left, right)]
    kind = max(kinds, key=["int", "long", "double"].index)
    values = [ord(one.value) if one.type == "char" else one.value for one in (left, right)]
    one, other = [float(value) if kind == "double" else value for value in values]
    return kind, one, other


def arithmetic(word: str, left: Typed, right: Typed) -> Typed:
    kind, one, other = promoted(left, right)
    if kind == "double":
        return Typed(kind, floating(word, one, other))
    bits = WIDTH[kind]
    if word in "/%" and other == 0:
        raise Throws("Attempted to divide by zero.")
    if word in "/%" and (one, other) == (-(2 ** (bits - 1)), -1):
        raise Throws("Arithmetic operation resulted in an overflow.")
    exact = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": truncated, "%": remainder}[word](one, other)
    return Typed(kind, int.from_bytes((exact % 2**bits).to_bytes(bits // 8, "big"), "big", signed=True))


def truncated(one: int, other: int) -> int:
    return math.trunc(Fraction(one, other))


def remainder(one: int, other: int) -> int:
    return one - other * truncated(one, other)


def floating(word: str, one: float, other: float) -> float:
    if word == "%":
        return math.fmod(one, other) if other and not math.isinf(one) else math.nan
    if word == "/" and not other:
        return math.nan if not one or math.isnan(one) else math.copysign(math.inf, one) * math.copysign(1, other)
    plain: Mapping[str, Callable[[float, float], float]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
    return one / other if word == "/" else plain[word](one, other)


def of_type(*types: str) -> st.SearchStrategy[syntax.Node]:
    return st.sampled_from([syntax.Name(name) for name, one in VARIABLES_OF_THE_MODEL.items() if one.type in types])


def binary(words: str, *sides: st.SearchStrategy[syntax.Node]) -> st.SearchStrategy[syntax.Node]:
    return st.builds(syntax.Binary, st.sampled_from(words.split()), sides[0], sides[-1])


whole_numbers: st.SearchStrategy[syntax.Node] = st.recursive(
    of_type("int", "long", "char"),
    lambda inner: st.one_of(binary("+ - * / %", inner), st.builds(syntax.Unary, st.just("-"), inner)),
    max_leaves=8,
)
numbers: st.SearchStrategy[syntax.Node] = st.recursive(
    st.one_of(whole_numbers, of_type("double")), lambda inner: binary("+ - * / %", inner), max_leaves=4
)
shown_texts = st.one_of(of_type("string"), binary("+", of_type("string"), st.one_of(whole_numbers, of_type("bool"))))
texts = st.one_of(shown_texts, binary("+", of_type("char", "int", "bool"), shown_texts))
conditions: st.SearchStrategy[syntax.Node] = st.recursive(
    st.one_of(of_type("bool"), binary("< > <= >= == !=", numbers), binary("== !=", texts)),
    lambda inner: st.one_of(binary("&& ||", inner), st.builds(syntax.Unary, st.just("!"), inner)),
    max_leaves=4,
)
chosen = st.builds(syntax.Ternary, conditions, texts, texts)
DECLARED = " ".join(
    f"{one.type} {name} = {text};"
    for name, one in VARIABLES_OF_THE_MODEL.items()
    for text in [
        {
            "int": str(one.value) if one.type == "int" else "",
            "long": f"{one.value}L" if one.value != -(2**63) else "long.MinValue",
            "double": repr(one.value).replace("+", ""),
            "char": f"'{one.value}'",
            "string": f'"{one.value}"',
            "bool": str(one.value).lower(),
        }[one.type]
    ]
)


@EACH
@given(st.one_of(whole_numbers, numbers, texts, conditions, chosen))
@example(syntax.Binary("/", syntax.Name("i6"), syntax.Name("i2")))
@example(syntax.Binary("%", syntax.Name("i4"), syntax.Name("i3")))
def test_arithmetic_and_comparison_agree_with_a_model_of_csharp(tree: syntax.Node) -> None:
    """Source: C# language specification, "Arithmetic operators", "Relational operators", "Numeric promotions"."""
    expression = compile_text(f"@{{ {DECLARED} return {printed(tree)}; }}")
    try:
        expected: Typed | str = modelled(tree)
    except Throws as thrown:
        expected = str(thrown)
    if isinstance(expected, str):
        with pytest.raises(EvaluationError, match=f"^{re.escape(expected)}$"):
            expression.evaluate(Nobody())
        return
    value = expression.evaluate(Nobody())
    assert expression.kind == expected.type
    assert value == expected.value or (math.isnan(value) and math.isnan(expected.value))


@EACH
@given(st.decimals(-(10**9), 10**9, places=4), st.decimals(-(10**9), 10**9, places=2), st.sampled_from("+-*"))
def test_decimals_are_exact_and_keep_their_scale(one: Decimal, other: Decimal, word: str) -> None:
    """Source: C# language specification, "The decimal type"."""
    exact = {"+": operator.add, "-": operator.sub, "*": operator.mul}[word](one, other)
    source = f"@{{ decimal one = {one}m; decimal other = {other}m; return one {word} other; }}"
    assert text_of(compile_text(source).evaluate(Nobody())) == format(exact or abs(exact), "f")


PIECES = [
    *("try", "catch", "switch", "case", "default", "break"),
    *(
        "context",
        "Variables",
        "Request",
        "Body",
        "As",
        "JObject",
        "string",
        "int",
        "decimal",
        "var",
        "new",
        "return",
        "if",
    ),
    *(
        "foreach",
        "in",
        "while",
        "true",
        "null",
        "is",
        "as",
        "out",
        "x",
        "y",
        "DateTime",
        "UtcNow",
        "Parse",
        "List",
        "Select",
    ),
    *(
        '"a"',
        '"1"',
        "'c'",
        '$"{',
        '}"',
        '@"',
        '"',
        "'",
        "\\",
        "1",
        "0",
        "2147483648",
        "1.5",
        "1e400",
        "9m",
        "1e30m",
        "0x",
        "1_0",
    ),
    *(
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        ".",
        ",",
        ";",
        ":",
        "?",
        "?.",
        "??",
        "=>",
        "=",
        "==",
        "+",
        "-",
        "++",
        "/",
        "%",
    ),
    *("&&", "!", "~", "<<", "//", "/*", "*/", "\ud83d", "😀", "\0", "@", "#"),
]


@settings(EACH, max_examples=400)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join)), st.booleans())
@example("1e99999999999999999999m", True)
@example("1m / 0", True)
@example("'\ud83d'", True)
@example("int x; return x;", False)
@example("List.Count", True)
@example("(" * 5000, True)
@example("a." * 5000, True)
def test_any_text_is_refused_or_runs_or_fails_as_an_expression_does(text: str, alone: bool) -> None:
    """No Azure behaviour: nothing but refusals and exceptions of expressions ever comes out."""
    assert isinstance(outcome(f"@({text})" if alone else f"@{{{text}}}"), str)


def outcome(expression: str) -> str:
    """What it shows, or why it does not."""
    try:
        return text_of(compile_text(expression).evaluate(Nobody()))
    except (ExpressionError, EvaluationError) as error:
        return str(error)
