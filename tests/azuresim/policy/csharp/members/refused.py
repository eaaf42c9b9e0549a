"""
Members of allowed types that expressions may not use.

Source: learn.microsoft.com/azure/api-management/api-management-policy-expressions, column "Supported members".
"""

from __future__ import annotations

REFUSED_MEMBERS: dict[str, frozenset[str]] = {
    name: frozenset(members.split())
    for name, members in {
        "DateTime": """Compare Equals FromBinary FromFileTime FromFileTimeUtc FromOADate GetDateTimeFormats Kind
            ParseExact SpecifyKind ToBinary ToFileTime ToFileTimeUtc ToLocalTime ToLongDateString ToLongTimeString
            ToOADate ToShortDateString ToShortTimeString ToUniversalTime TryParse TryParseExact CompareTo
            GetHashCode""",
        "DateTimeKind": "Unspecified Local",
        "JsonConvert": """ToString PopulateObject DeserializeXNode SerializeXNode DefaultSettings
            DeserializeAnonymousType""",
        "Regex": "Escape GetGroupNames GetGroupNumbers GroupNameFromNumber Options RightToLeft MatchTimeout CacheSize",
        "Match": "NextMatch Synchronized",
        "Group": "Name Synchronized",
    }.items()
}
