"""
Names of types: which an expression may use, which the simulator runs, and which are refused.

Allowed: learn.microsoft.com/azure/api-management/api-management-policy-expressions, ".NET Framework types allowed in
policy expressions". Text of the refusal: Azure/azure-api-management-policy-toolkit, src/Analyzers.
"""

from __future__ import annotations

from azuresim.policy.csharp import syntax
from azuresim.policy.csharp.errors import ExpressionError, NotSimulated
from azuresim.policy.csharp.signatures import TYPES
from azuresim.policy.csharp.syntax import Node, TypeName
from azuresim.policy.csharp.types import T, array, nullable

ALIASES = {
    "String": "string",
    "Int32": "int",
    "Int64": "long",
    "Double": "double",
    "Decimal": "decimal",
    "Boolean": "bool",
    "Char": "char",
    "Byte": "byte",
    "Object": "object",
}
PREDEFINED = {*ALIASES.values()}
NOT_RUN = {"float", "short", "uint", "ulong", "ushort", "sbyte", "dynamic"}
ALLOWED = {
    "Newtonsoft.Json": "Formatting JsonConvert",
    "Newtonsoft.Json.Linq": "Extensions JArray JConstructor JContainer JObject JProperty JRaw JToken JTokenType JValue",
    "System": """Array BitConverter Boolean Byte Char Convert DateTime DateTimeKind DateTimeOffset Decimal Double Enum
        Exception Guid Int16 Int32 Int64 Math MidpointRounding Nullable Object Random SByte Single String StringComparer
        StringComparison StringSplitOptions TimeSpan TimeZone TimeZoneInfo Tuple UInt16 UInt32 UInt64 Uri UriPartial""",
    "System.Collections.Generic": """Dictionary HashSet ICollection IDictionary IEnumerable IEnumerator IList
        IReadOnlyCollection IReadOnlyDictionary ISet KeyValuePair List Queue Stack""",
    "System.IO": "StringReader StringWriter",
    "System.Linq": "Enumerable",
    "System.Net": "IPAddress WebUtility",
    "System.Security.Cryptography": """AsymmetricAlgorithm CipherMode HashAlgorithm HashAlgorithmName HMAC HMACMD5
        HMACSHA1 HMACSHA256 HMACSHA384 HMACSHA512 KeyedHashAlgorithm MD5 Oid PaddingMode RNGCryptoServiceProvider RSA
        RSAEncryptionPadding RSASignaturePadding SHA1 SHA1Managed SHA256 SHA256Managed SHA384 SHA384Managed SHA512
        SHA512Managed SymmetricAlgorithm""",
    "System.Security.Cryptography.X509Certificates": """PublicKey RSACertificateExtensions X500DistinguishedName
        X509Certificate X509Certificate2 X509ContentType X509NameType""",
    "System.Text": "Encoding StringBuilder",
    "System.Text.RegularExpressions": "Capture CaptureCollection Group GroupCollection Match Regex RegexOptions",
    "System.Xml": "XmlNodeType",
    "System.Xml.Linq": """Extensions XAttribute XCData XComment XContainer XDeclaration XDocument XDocumentType XElement
        XName XNamespace XNode XNodeDocumentOrderComparer XNodeEqualityComparer XObject XProcessingInstruction XText""",
}
SPACES = {name: space for space, names in reversed(ALLOWED.items()) for name in names.split()}
REFUSED = {
    "System": """Activator AppDomain Console Environment GC Type Version Buffer Lazy Attribute Delegate
        ArgumentException ArgumentNullException ArithmeticException DivideByZeroException FormatException
        IndexOutOfRangeException InvalidCastException InvalidOperationException NullReferenceException
        OverflowException""",
    "System.Collections": "ArrayList Hashtable",
    "System.Diagnostics": "Process Stopwatch Debug Trace",
    "System.Globalization": "CultureInfo NumberStyles DateTimeStyles NumberFormatInfo DateTimeFormatInfo Calendar",
    "System.IO": "File Directory Path Stream MemoryStream StreamReader StreamWriter FileInfo TextReader",
    "System.Net": "WebClient WebRequest HttpWebRequest Dns ServicePointManager HttpStatusCode Cookie",
    "System.Net.Http": "HttpClient HttpRequestMessage HttpResponseMessage StringContent HttpMethod",
    "System.Reflection": "Assembly MethodInfo BindingFlags",
    "System.Security.Cryptography": "Aes RijndaelManaged CryptoStream RandomNumberGenerator ECDsa Rfc2898DeriveBytes",
    "System.Text": "ASCIIEncoding UTF8Encoding",
    "System.Text.Json": "JsonSerializer JsonDocument JsonElement",
    "System.Threading": "Thread Monitor Interlocked Timer",
    "System.Threading.Tasks": "Task Parallel",
    "System.Web": "HttpUtility HttpContext",
    "System.Xml": "XmlDocument XmlReader XmlWriter XmlNode",
}
REFUSED_SPACES = {name: space for space, names in REFUSED.items() for name in names.split()}
NAMESPACES = {
    ".".join(space.split(".")[:end]) for space in (*ALLOWED, *REFUSED) for end in range(1, space.count(".") + 2)
}


def known(name: str) -> T | None:
    """The type of that short or full name. Raises for those that may not be used or are not simulated."""
    space, _, short = name.rpartition(".")
    if space == "System" and short in ALIASES:
        return T(ALIASES[short])
    if not space and short in PREDEFINED:
        return T(short)
    if not space and short in ALIASES:
        return T(ALIASES[short])
    if short in TYPES and (not space or TYPES[short].space == space):
        return T(short)
    if not space and short in NOT_RUN:
        raise NotSimulated(f"the type '{short}' is not simulated")
    if short in SPACES and (not space or (space in ALLOWED and short in ALLOWED[space].split())):
        raise NotSimulated(f"the type '{space or SPACES[short]}.{short}' is not simulated")
    found = REFUSED_SPACES.get(short)
    if found and space in ("", found):
        raise ExpressionError(f"Usage of type '{found}.{short}' is not supported within expressions")
    return None


def static_type(node: Node) -> T | None:
    """The type that this name, dotted or not, stands for; None when it is none."""
    name = dotted(node)
    if name is None:
        return None
    found = known(name)
    if found is None and "." in name and name not in NAMESPACES and name.rpartition(".")[0] in NAMESPACES:
        space, _, short = name.rpartition(".")
        raise ExpressionError(
            f"The type or namespace name '{short}' does not exist in the namespace '{space}' (are you missing an"
            " assembly reference?)"
        )
    return found


def dotted(node: Node) -> str | None:
    if isinstance(node, syntax.Name):
        return node.name
    if isinstance(node, syntax.Member):
        space = dotted(node.of)
        return None if space not in NAMESPACES else f"{space}.{node.name}"
    return None


def resolved_type(name: TypeName) -> T:
    """The type as written. Raises ExpressionError when there is none of that name."""
    found = known(name.name)
    if found is None:
        raise ExpressionError(
            f"The type or namespace name '{name.name}' could not be found (are you missing a using directive or an"
            " assembly reference?)"
        )
    wanted = len(TYPES[found.name].generics) if found.name in TYPES else 0
    if wanted != len(name.args):
        raise ExpressionError(wrong_arguments(found, wanted, len(name.args)))
    found = T(found.name, tuple(resolved_type(one) for one in name.args))
    if name.nullable:
        if nullable(found) == found:
            raise ExpressionError(
                f"The type '{found}' must be a non-nullable value type in order to use it as parameter 'T' in the"
                " generic type or method 'Nullable<T>'"
            )
        found = nullable(found)
    for _ in range(name.ranks):
        found = array(found)
    return found


def wrong_arguments(found: T, wanted: int, given: int) -> str:
    if wanted == 0:
        return f"The non-generic type '{found}' cannot be used with type arguments"
    shown = f"{found.name}<{', '.join(TYPES[found.name].generics)}>"
    return f"Using the generic type '{shown}' requires {wanted} type arguments"
