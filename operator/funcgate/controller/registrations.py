"""
Whose an app registration is: of the binding that used it first, and of those whom its namespace shares it with. Pure.

The gateway gets a token for the registration that a binding names and hands it to the function app that it names. If
anybody could name any registration, an app of theirs would be handed tokens that open somebody else's.
"""

from collections.abc import Mapping

from funcgate.controller.cache import Snapshot
from funcgate.controller.scopes import listed
from funcgate.errors import Unmet
from funcgate.spec import GROUP

ANNOTATION = f"{GROUP}/shared-registrations"
REASON = "RegistrationTaken"


def taken(mine: Snapshot, first: Snapshot, annotations: Mapping[str, str]) -> Unmet | None:
    """Why `mine` may not use the registration that `first` used first, from a namespace with these annotations."""
    if first.key.namespace == mine.key.namespace or first.site == mine.site:
        return None
    if mine.registration in (listed(annotations.get(ANNOTATION)) or ()):
        return None
    return Unmet(
        REASON,
        f"{first.key} uses the registration {mine.registration} for another function app; name a registration of your "
        f"own in spec.entra.registration, or ask for this one in the annotation {ANNOTATION} of the namespace "
        f"{first.key.namespace}",
        stalled=True,
    )
