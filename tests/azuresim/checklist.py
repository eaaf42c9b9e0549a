"""
What a simulated Azure has to copy for this project's purposes, and the table of the tests that prove it.

    python -m azuresim.checklist            # the table; a test holds README.md to it

Tests say which item they prove with `@pytest.mark.item("apim-4")`; their docstring names the source, and
`@pytest.mark.assumed` says that no public source confirms it.
"""

from __future__ import annotations

ITEMS = {
    "apim-1": "ETags are one rising counter per service, base64 of eight bytes, raised only when the content changes",
    "apim-2": "A child's ETag is quoted on GET, HEAD and PUT; lists and unfinished named values carry none",
    "apim-3": "If-Match: none is accepted, `*` even creates, another one is 412; deleting what is absent is 204",
    "apim-4": "Named values and fragments are written asynchronously: partial body, both headers, three forms",
    "apim-5": "An asynchronous write can fail: an update keeps the old value, a create leaves nothing",
    "apim-6": "GET of a secret named value shows no value, listValue does, with an ETag",
    "apim-7": "An API's path loses its leading slash, conflicts name `path`, defaults and unknown fields are filled in",
    "apim-8": "DELETE of an API answers 200, 202 or 204 and takes what lies below it",
    "apim-9": "An operation's template and its parameters name each other; GET normalises, lists leave `request` out",
    "apim-10": "A policy is checked (sections, backends, named values, size), stored re-indented, read in two formats",
    "apim-11": "An identity PATCH: 200 when nothing changes, else an operation, Updating, and the ids afterwards",
    "apim-12": "Two writes to one API at once: the second gets 409 PessimisticConcurrencyConflict",
    "apim-13": "Quotas with their headers; 429, 412, 422, 5xx and a 404 right after create can be asked for",
    "apim-14": "GET of the link between product and API is a 405 with a `Message`",
    "apim-15": "The gateway matches a call, runs the policies, fills in named values, takes a token, calls the app",
    "apim-16": "Debug credentials belong to one API and expire; three headers; a trace is read by its id",
    "apim-17": "An unknown api-version is 400 InvalidApiVersionParameter",
    "apim-18": "Changes by hand raise ETags, and renaming a named value rewrites the policies that use it",
    "web-1": "TLS only; tokens of both versions, by the resource's setting; managed identity tokens cached a day",
    "web-2": "No token without an assignment where one is required; `roles` only when assigned",
    "web-3": "authsettingsV2: almost empty on a fresh site, PUT replaces, keeps unknown keys, V1 refused after V2",
    "web-4": "Easy Auth judges signature, audience, issuer, lifetime, lists; empty list both ways; 500 characters",
    "web-5": "Two different 403s, a configured answer without token, 401 for a missing key without Easy Auth",
    "web-6": "Host keys: `properties` is needed, empty ones generate and rotate, DELETE of a missing one is 404",
    "web-7": "A runtime that is down, in three forms; functions are stale until triggers are synced",
    "web-8": "invoke_url_template is lower case; bindings from either source; `config: {}`; disabled functions",
    "web-9": "Unique host names: a site's name is not the first label",
    "web-10": "Graph: late visibility, 204, enabled roles, upsert, soft delete, duplicate names, delta, 429",
    "web-11": "ARM: quotas, locks, rights that arrive late, policy denials, three kinds of 404",
    "web-12": "Event Grid events arrive in a storage queue: Base64, duplicates, disorder, mixed case, own echoes",
}
