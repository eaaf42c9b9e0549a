"""
The names of what funcgate makes in Azure: chosen before the call, so that a crash makes nothing twice. Pure.

Backend and named value have the names that "Import Function App" gives them, so that an import is found and adopted.
"""

import hashlib
import re
import unicodedata

from funcgate.azure.ids import ResourceId
from funcgate.spec import Binding

LONGEST = 80
LONGEST_KEY = 64
_HASH = 8


def plain(name: str) -> str:
    """
    The name as "Import Function App" writes it: lower case without accents, everything else one hyphen.

    At most 80 characters. Source: microsoft/vscode-apimanagement, src/utils/apiUtil.ts.
    """
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-zA-Z0-9]+", "-", ascii_only)[:LONGEST].strip("-").lower()


def distinct(readable: str, identity: str, longest: int = LONGEST) -> str:
    """The readable part, cut where it is too long, and 8 characters that tell one identity from any other."""
    told = hashlib.sha256(identity.encode()).hexdigest()[:_HASH]
    return f"{readable[: longest - _HASH - 1].rstrip('-')}-{told}"


def api_name(binding: Binding) -> str:
    """The API's resource name: as the author gave it, else `<namespace>-<name>`, cut where that is too long."""
    if binding.spec.api.name is not None:
        return binding.spec.api.name
    whole = f"{binding.namespace}-{binding.name}"
    return whole if len(whole) <= LONGEST else distinct(whole, whole)


def app_name(binding: Binding) -> str:
    """The function app's name; of a slot, that and the slot's: `orders-fn-staging`."""
    site = ResourceId.parse(binding.spec.function_app.id)
    above = site.parent if site.type.lower().endswith("/slots") else None
    return f"{above.name}-{site.name}" if above else site.name


def backend_name(binding: Binding) -> str:
    """The name that "Import Function App" gives to the backend of this app."""
    return plain(app_name(binding))


def named_value_name(binding: Binding) -> str:
    """The name that "Import Function App" gives to the named value that holds the app's key."""
    return f"{backend_name(binding)}-key"


def registration_name(binding: Binding) -> str:
    """
    The unique name of the registration that is made for the function app: `funcgate-<instance>-<app>-` and a hash.

    All bindings of an app have the same one, for it has one door.
    """
    instance = binding.owner.partition("/")[0]
    site = binding.spec.function_app.id.lower()
    return distinct(plain(f"funcgate-{instance}-{app_name(binding)}"), f"{instance}{site}")


def host_key_names(binding: Binding) -> tuple[str, str]:
    """
    The names of the host keys that are made for this binding: `funcgate-<namespace>-<name>-` and a hash of the owner.

    One is used at a time; where the key is rotated they take turns.
    """
    readable = re.sub(r"[^a-z0-9-]+", "-", f"funcgate-{binding.namespace}-{binding.name}")
    return distinct(readable, binding.owner, LONGEST_KEY), distinct(readable, f"{binding.owner} in turn", LONGEST_KEY)
