"""The API whose calls reach the functions, with an operation per function and method; or somebody else's, looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from funcgate import marks
from funcgate import policy as documents
from funcgate.azure import Api as SeenApi
from funcgate.azure import ApimClient, ApiOperation, Product
from funcgate.conditions import WAITING
from funcgate.errors import Unmet
from funcgate.marks import Mark
from funcgate.model import Action, Aspect, Change, Facts, Observed, Ownership, Phase, Plan, named
from funcgate.names import api_name
from funcgate.routes import Operation, shape
from funcgate.spec import Binding


@dataclass(frozen=True, kw_only=True)
class PublishedApi:
    """The slice of an API that is ours; what the author leaves open is None on both sides."""

    path: str
    subscription_required: bool = True
    display_name: str | None = None
    text: str | None = None  # the description, without a mark
    description: str = field(default="", compare=False)
    unasked: str = field(default="", compare=False)  # why callers need no key; empty when they do


@dataclass(frozen=True, kw_only=True)
class OfferedOperation:
    """An operation as callers see it: it is known by its method and the shape of its template."""

    shape: str
    name: str = field(default="", compare=False)
    function: str = field(default="", compare=False)
    operation: Operation | None = field(default=None, compare=False)


FEW = 2
"""With fewer functions than that, all of them may well go at once."""


@dataclass(frozen=True, kw_only=True)
class InProduct:
    """That a product holds the API; its name in lower case, since Azure compares names without regard to it."""

    product: str


QUOTED = 5
"""As many of those who use an API a message names."""

State = PublishedApi | OfferedOperation | InProduct


class Api(Aspect[State]):
    """The API that the binding names exists; an imported one has the operations that the functions answer."""

    name = "api"
    condition = "ApiReady"
    phase = Phase.SWITCH
    gives = ("api_path", "unasked", "published", "offered", "placed")
    minds = ("gateway_url", "operations")
    also_in = (Phase.CLEAR,)

    def __init__(self, apim: ApimClient) -> None:
        self.apim = apim

    def home(self, binding: Binding) -> str:
        """The API Management service."""
        return binding.spec.api_management.id

    async def observe(self, binding: Binding) -> Mapping[str, Observed[State]]:
        """
        The API's current revision, whether its callers are asked for anything, and its operations; or nothing.

        Raises Unmet for one that another binding holds.
        """
        imported = binding.spec.api.imported
        if binding.deleting and not imported:
            return {}
        service, name = self.home(binding), api_name(binding)
        api = await self.apim.get_api(service, name)
        if api is None:
            return {}
        mark = marks.find(api.description)
        ownership = _ownership(binding, mark)
        if mark and ownership is Ownership.FOREIGN and not binding.deleting:
            raise _held(name, mark)
        state = _slice(binding, api)
        if binding.deleting:
            if ownership is Ownership.OURS:
                await self._must_not_be_in_use(binding)
            return {_resource(binding): Observed(state=state, ownership=ownership, etag=api.etag)}
        wanted = binding.spec.api.products
        products = await self.apim.products_of(service, name) if wanted or api.subscription_required else ()
        state = replace(state, unasked=await self._unasked(binding, api, products))
        found: dict[str, Observed[State]] = {
            _resource(binding): Observed(state=state, ownership=ownership, etag=api.etag),
            **{
                _in_product(binding, each.name): Observed(state=InProduct(product=each.name.lower()))
                for each in products
            },
        }
        ours = Ownership.OURS if imported and ownership is Ownership.OURS else Ownership.SHARED
        for each in await self.apim.list_operations(service, name):
            found[_operation(binding, shape(each.method, each.template))] = Observed(
                state=_offered(each), ownership=ours
            )
        return found

    async def _must_not_be_in_use(self, binding: Binding) -> None:
        """What others hung on the API would go with it: they take it away first, or it stays."""
        service, name = self.home(binding), api_name(binding)
        ours = {each.lower() for each in binding.spec.api.products or ()}
        held = await self.apim.products_of(service, name)
        products = [f"product {each.name}" for each in held if each.name.lower() not in ours]
        holders = [f"subscription {each}" for each in await self.apim.subscriptions_of(service, name)]
        if products or holders:
            raise Unmet(
                "ApiInUse",
                f"deleting API {name} would take it from {', '.join([*products, *holders][:QUOTED])}; remove it there",
                stalled=True,
            )

    async def _unasked(self, binding: Binding, api: SeenApi, products: Sequence[Product]) -> str:
        """Why somebody without a key gets as far as the API's policy."""
        open_ = sorted(each.name for each in products if _is_open(each))
        why = f"product {open_[0]} is open" if open_ else ""
        why = why if api.subscription_required else "its subscriptionRequired is off"
        if not why or await self._asked_before(self.home(binding)):
            return ""
        return why

    async def _asked_before(self, service: str) -> bool:
        """Whether the policy of the whole service checks every caller; one that cannot be read proves nothing."""
        seen = await self.apim.get_global_policy(service)
        try:
            return seen is not None and documents.checks_caller(documents.parse(seen.text))
        except documents.PolicyError:
            return False

    def learn(self, binding: Binding, observed: Mapping[str, Observed[State]]) -> Mapping[str, Any]:
        """The API's path, whether its callers are asked for anything before its own policy, and its operations."""
        seen = observed.get(_resource(binding))
        if seen is None or not isinstance(seen.state, PublishedApi):
            return {"published": False} if binding.spec.api.imported else {}
        operations = [each.state for each in observed.values() if isinstance(each.state, OfferedOperation)]
        return {
            "api_path": seen.state.path,
            "unasked": seen.state.unasked,
            "published": True,
            "offered": frozenset(each.function.lower() for each in operations),
            "placed": {known: each.name for each in operations for known in (each.shape, each.name.lower())},
        }

    def desired(self, binding: Binding, facts: Facts) -> Mapping[str, State]:
        """The API as the author wants it, and what the functions answer; nothing of somebody else's API."""
        api = binding.spec.api
        if not api.imported:
            return {}
        if facts.operations is None:
            raise Unmet(WAITING, f"waits for {named('operations')}, from FunctionAppReady", status="Unknown")
        if not facts.operations:
            raise Unmet(
                "NoFunctionsToOffer",
                "the app has no HTTP function that an API could offer: all are disabled, or ask for the admin key",
                stalled=True,
            )
        wish: dict[str, State] = {
            _resource(binding): PublishedApi(
                path=str(api.path),
                subscription_required=api.subscription_required is not False,
                display_name=api.display_name,
                text=api.description,
            )
        }
        chosen = [each for each in facts.operations if binding.spec.function_app.functions.takes(each.function)]
        if not chosen:
            raise Unmet(
                "NoFunctionsToOffer",
                "spec.functionApp.functions leaves none of the app's functions over: correct include or exclude",
                stalled=True,
            )
        for product in api.products or ():
            wish[_in_product(binding, product)] = InProduct(product=product.lower())
        for each in chosen:
            wish[_operation(binding, each.key)] = OfferedOperation(shape=each.key, name=each.name, operation=each)
        return wish

    def object_to(self, binding: Binding, facts: Facts, plan: Plan[State]) -> Unmet | None:
        """
        That all functions went at once is not believed: App Service shows what the functions host last told it.

        Source: Azure/azure-functions-host, FunctionsSyncManager: lists are stale until triggers are synchronised.
        """
        offered, listed = facts.offered or frozenset(), {each.function.lower() for each in facts.operations or ()}
        gone = any(change.action is Action.DELETE for change in plan.changes)
        if not gone or len(offered) < FEW or offered & listed or binding.spec.function_app.functions.include:
            return None
        return Unmet(
            "ImplausibleRemoval",
            f"the app lists none of the {len(offered)} functions that API {api_name(binding)} offers any more, which "
            "may be a list from before the functions host has synchronised its triggers; restart the app, or name "
            "functions in spec.functionApp.functions.include to have it believed",
            stalled=True,
        )

    def stages(self, change: Change[State], facts: Facts) -> Sequence[tuple[Phase, Change[State]]]:
        """Subscribers of a product may call the API as soon as it holds it: only when all else is as it must be."""
        return ((Phase.CLEAR if isinstance(change.after, InProduct) else Phase.SWITCH, change),)

    async def apply(self, binding: Binding, change: Change[State]) -> None:
        """Make or mend the API, one operation or its place in a product; take away what we made."""
        if isinstance(change.after, InProduct):
            await self._put_into(binding, change.after.product)
        elif isinstance(change.before, OfferedOperation):
            await self.apim.delete_operation(self.home(binding), api_name(binding), change.before.name)
        elif isinstance(change.after, OfferedOperation):
            await self._offer(binding, change.after)
        else:
            await self._publish(binding, change)

    async def _put_into(self, binding: Binding, name: str) -> None:
        """Raises Unmet for a product that is not there, or that would let anybody in."""
        product = await self.apim.get_product(self.home(binding), name)
        if product is None:
            raise Unmet(
                "ProductNotFound",
                f"the service has no product {name} (spec.api.products): create it, or correct the name",
                stalled=True,
            )
        if _is_open(product) and not binding.spec.policy.allow_anonymous_callers:
            raise Unmet(
                "ProductOpen",
                f"product {name} (spec.api.products) asks its callers for nothing, so that anybody could call the API: "
                "have it ask for a subscription, or say spec.policy.allowAnonymousCallers: true",
                stalled=True,
            )
        await self.apim.put_into_product(self.home(binding), name, api_name(binding))

    async def _offer(self, binding: Binding, after: OfferedOperation) -> None:
        wanted = after.operation
        assert wanted, "a wish knows what it is made from"
        properties = {
            "displayName": wanted.function,
            "method": wanted.method,
            "urlTemplate": wanted.template,
            "templateParameters": [{"name": name, "type": "string", "required": True} for name in wanted.parameters],
        }
        await self.apim.put_operation(self.home(binding), api_name(binding), wanted.name, properties)

    async def _publish(self, binding: Binding, change: Change[State]) -> None:
        service, name, before = self.home(binding), api_name(binding), change.before
        seen = before.description if isinstance(before, PublishedApi) else ""
        if change.action is Action.DELETE:
            await self.apim.delete_api(service, name, change.etag)
            return
        if not isinstance(change.after, PublishedApi):
            await self.apim.change_api(service, name, {"description": marks.take(seen)}, change.etag)
            return
        properties = _properties(binding, change.after, seen, created=change.ownership is Ownership.OURS)
        if before is None:
            shown = change.after.display_name or f"{binding.namespace}/{binding.name}"
            await self.apim.create_api(service, name, {"displayName": shown, "protocols": ["https"], **properties})
        else:
            await self.apim.change_api(service, name, properties, change.etag)

    def judge(self, binding: Binding, facts: Facts, observed: Mapping[str, Observed[State]]) -> Unmet | None:
        """An API that is somebody else's must be there already, and so must a function that is to be offered."""
        if observed:
            return _not_there(binding, facts)
        return Unmet(
            "ApiNotFound",
            f"the service has no API named {api_name(binding)} (spec.api.name); import it, or correct the name",
            stalled=True,
        )

    def describe(self, binding: Binding, facts: Facts) -> str:
        """Where callers reach the API, and how much of the app it offers."""
        takes = binding.spec.function_app.functions.takes
        count = sum(takes(each.function) for each in facts.operations or ())
        offers = f" with {count} operations" if binding.spec.api.imported else ""
        return f"Published at {facts.gateway_url}/{facts.api_path}{offers}." if facts.gateway_url else "Published."


def _not_there(binding: Binding, facts: Facts) -> Unmet | None:
    listed = {each.function.lower() for each in facts.operations or ()}
    missing = [each for each in binding.spec.function_app.functions.include if each.lower() not in listed]
    if not missing:
        return None
    return Unmet(
        "FunctionsNotFound",
        f"the app has no HTTP function that an API could offer named {', '.join(missing[:QUOTED])} "
        "(spec.functionApp.functions.include): correct the names, or deploy and enable them",
        stalled=True,
    )


def _resource(binding: Binding) -> str:
    return f"apis/{api_name(binding)}"


def _in_product(binding: Binding, product: str) -> str:
    return f"products/{product.lower()}/apis/{api_name(binding)}"


def _is_open(product: Product) -> bool:
    """Whether its callers need no key."""
    return product.published and not product.subscription_required


def _operation(binding: Binding, known_by: str) -> str:
    return f"apis/{api_name(binding)}/operations/{known_by}"


def _slice(binding: Binding, api: SeenApi) -> PublishedApi:
    wish = binding.spec.api
    return PublishedApi(
        path=api.path,
        subscription_required=api.subscription_required,
        display_name=api.display_name if wish.display_name is not None else None,
        text=marks.take(api.description) if wish.description is not None else None,
        description=api.description,
    )


def _offered(seen: ApiOperation) -> OfferedOperation:
    known_by = shape(seen.method, seen.template)
    return OfferedOperation(shape=known_by, name=seen.name, function=seen.display_name)


def _ownership(binding: Binding, mark: Mark | None) -> Ownership:
    """One that the binding only names is shared, whoever's mark it carries."""
    if not binding.spec.api.imported:
        return Ownership.SHARED
    return mark.ownership(binding.owner) if mark else Ownership.UNMARKED


def _held(name: str, mark: Mark) -> Unmet:
    return Unmet(
        "Conflict",
        f"API {name} carries the mark of {mark.owner}; remove that binding, or give this one another spec.api.name",
        stalled=True,
    )


def _properties(binding: Binding, after: PublishedApi, seen: str, *, created: bool) -> dict[str, Any]:
    mark = Mark(owner=binding.owner, created=created)
    properties: dict[str, Any] = {
        "path": after.path,
        "subscriptionRequired": after.subscription_required,
        "description": marks.put(after.text if after.text is not None else seen, mark),
    }
    return properties | ({"displayName": after.display_name} if after.display_name else {})
