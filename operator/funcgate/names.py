"""
The names of what funcgate makes in Azure: chosen before the call, so that a crash makes nothing twice. Pure.

Backend and named value have the names that "Import Function App" gives them, so that an import is found and adopted.
"""

import hashlib
import re
import unicodedata

from funcgate.azure.ids import ResourceId
from funcgate.spec import Binding

LONGEST_API = 80
LONGEST_KEY = 64
_HASH = 8


def api_name(binding: Binding) -> str:
    """The API's resource name: as the author gave it, else `<namespace>-<name>`, cut where that is too long."""
    if binding.spec.api.name is not None:
        return binding.spec.api.name
    whole = f"{binding.namespace}-{binding.name}"
    if len(whole) <= LONGEST_API:
        return whole
    told = hashlib.sha256(whole.encode()).hexdigest()[:_HASH]
    return f"{whole[: LONGEST_API - _HASH - 1]}-{told}"


def backend_name(binding: Binding) -> str:
    """
    The name that "Import Function App" gives to the backend of this app.

    Lower case without accents, everything but letters and digits one hyphen, at most 80 characters.
    Source: microsoft/vscode-apimanagement, src/utils/apiUtil.ts.
    """
    plain = unicodedata.normalize("NFKD", ResourceId.parse(binding.spec.function_app.id).name)
    ascii_only = plain.encode("ascii", "ignore").decode()
    return re.sub(r"[^a-zA-Z0-9]+", "-", ascii_only)[:80].strip("-").lower()


def named_value_name(binding: Binding) -> str:
    """The name that "Import Function App" gives to the named value that holds the app's key. Source: as above."""
    return f"{backend_name(binding)}-key"


def host_key_name(binding: Binding) -> str:
    """
    The name of the host key that is made for this binding, in letters, digits and hyphens.

    `funcgate-<namespace>-<name>`, cut where it is too long, and 8 characters that tell owners apart.
    """
    told = hashlib.sha256(binding.owner.encode()).hexdigest()[:_HASH]
    readable = re.sub(r"[^a-z0-9-]+", "-", f"funcgate-{binding.namespace}-{binding.name}")
    return f"{readable[: LONGEST_KEY - _HASH - 1].rstrip('-')}-{told}"
