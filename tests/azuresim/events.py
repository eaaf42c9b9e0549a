"""
Event Grid: what was written through ARM, told in a storage queue, as unreliably as it is.

    world.events.subscribe("/subscriptions/…/resourceGroups/shop", queue="events")
    world.events.subscribe(scope, queue="events", copies=2, plain=True)    # each event twice; as text, not Base64
    world.events.hold()                                # nothing arrives …
    world.events.release(order=random.Random(7))       # … until now, in any order

PUT, PATCH, POST and DELETE raise `Microsoft.Resources.Resource{Write,Action,Delete}{Success,Failure}` under every scope
that contains the target; GET raises none. An event says who and what, never the new values, and the writer's own writes
come back to it like everybody's. The subject's case is not the id's.
Source: learn.microsoft.com/azure/event-grid (event-schema-resource-groups, delivery-and-retry);
MicrosoftDocs/azure-docs issue 102923 (Base64) and 69702 (plain text).
"""

from __future__ import annotations

import base64
import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from azuresim.resources import within

if TYPE_CHECKING:
    from azuresim.arm.routes import Route
    from azuresim.entra.tokens import Caller
    from azuresim.wire import HttpAnswer, HttpCall
    from azuresim.world import World

VERBS = {"PUT": "Write", "PATCH": "Write", "DELETE": "Delete", "POST": "Action"}
REFUSED = 300


@dataclass(frozen=True, kw_only=True)
class Subscription:
    scope: str
    queue: str
    copies: int = 1
    plain: bool = False


@dataclass
class Events:
    world: World = field(repr=False)
    subscriptions: list[Subscription] = field(default_factory=list)
    held: list[tuple[Subscription, dict[str, Any]]] | None = None

    def subscribe(self, scope: str, *, queue: str, copies: int = 1, plain: bool = False) -> Subscription:
        """What happens under `scope` from now on is told in the queue, which is made when it is not there."""
        made = Subscription(scope=scope, queue=queue, copies=copies, plain=plain)
        self.world.queues.create(queue)
        self.subscriptions.append(made)
        return made

    def hold(self) -> None:
        """Events wait until they are released."""
        self.held = self.held or []

    def release(self, *, order: random.Random | None = None) -> None:
        """What waited is delivered, shuffled by `order` when one is given; from now on nothing waits."""
        waiting, self.held = self.held or [], None
        if order is not None:
            order.shuffle(waiting)
        for subscription, event in waiting:
            self._deliver(subscription, event)

    def raised(self, call: HttpCall, route: Route, caller: Caller, answer: HttpAnswer) -> None:
        """To be told of every call that a route of ARM answered."""
        if call.method not in VERBS or not self.subscriptions:
            return
        event = self._event(call, route, caller, answer)
        for subscription in self.subscriptions:
            if within(call.path, subscription.scope):
                for _ in range(subscription.copies):
                    self._deliver(subscription, event) if self.held is None else self.held.append((subscription, event))

    def _deliver(self, subscription: Subscription, event: dict[str, Any]) -> None:
        text = json.dumps(event)
        self.world.queues.put(
            subscription.queue, text if subscription.plain else base64.b64encode(text.encode()).decode()
        )

    def _event(self, call: HttpCall, route: Route, caller: Caller, answer: HttpAnswer) -> dict[str, Any]:
        outcome = "Success" if answer.status < REFUSED else "Failure"
        subscription = call.path.split("/")[2]
        subject = call.path.replace("/resourceGroups/", "/resourcegroups/")
        return {
            "id": self.world.guid(),
            "topic": f"/subscriptions/{subscription}",
            "subject": subject,
            "eventType": f"Microsoft.Resources.Resource{VERBS[call.method]}{outcome}",
            "eventTime": self.world.clock.stamp(),
            "dataVersion": "2",
            "metadataVersion": "1",
            "data": {
                "authorization": {"scope": subject, "action": route.action, "evidence": {}},
                "claims": {
                    "aud": caller.claims.get("aud"),
                    "iss": caller.claims.get("iss"),
                    "appid": caller.client_id,
                    "http://schemas.microsoft.com/identity/claims/objectidentifier": caller.object_id,
                    "http://schemas.microsoft.com/identity/claims/tenantid": self.world.tenant_id,
                },
                "correlationId": answer.headers.get("x-ms-correlation-request-id"),
                "httpRequest": "",
                "resourceProvider": route.provider_parts[0] if route.provider_parts else "Microsoft.Resources",
                "resourceUri": subject,
                "operationName": route.action,
                "status": "Succeeded" if outcome == "Success" else "Failed",
                "subscriptionId": subscription,
                "tenantId": self.world.tenant_id,
            },
        }
