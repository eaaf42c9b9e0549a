"""
The API whose calls reach the functions, with an operation per function and method or those that a document describes;
or somebody else's, looked at.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from funcgate import marks, published
from funcgate import policy as documents
from funcgate.azure import Api as SeenApi
from funcgate.azure import ApimClient, Product
from funcgate.errors import Unmet
from funcgate.marks import Mark
from funcgate.model import IMPLAUSIBLE, Action, Aspect, Change, Facts, Observed, Ownership, Phase, Plan, all_at_once
from funcgate.names import api_name
from funcgate.openapi import ApiDocument
from funcgate.published import Described, InProduct, OfferedOperation, PublishedApi, State, one_by_one
from funcgate.routes import shape
from funcgate.spec import CONFIRM_DELETE, Binding, OperationsScope

DOCUMENT = "document"


class Api(Aspect[State]):
    """The API that the binding names exists; an imported one has the operations that the functions answer."""

    name = "api"
    condition = "ApiReady"
    phase = Phase.SWITCH
    gives = ("api_path", "api_revision", "unasked", "published", "offered", "placed", "document")
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
        if binding.deleting:
            return await self._to_take_away(binding)
        service, name = self.home(binding), api_name(binding)
        api = await self.apim.get_api(service, name)
        found: dict[str, Observed[State]] = {}
        if ref := binding.spec.api.document:
            found[DOCUMENT] = Observed(state=Described(document=await published.document_of(binding, ref)))
        if api is None:
            return found
        mark = marks.find(api.description)
        ownership = _ownership(binding, mark)
        if mark and ownership is Ownership.FOREIGN:
            raise published.held(name, mark)
        wanted = binding.spec.api.products
        products = await self.apim.products_of(service, name) if wanted or api.subscription_required else ()
        operations = await self.apim.list_operations(service, name)
        state = replace(
            published.as_it_stands(binding, api, operations), unasked=await self._unasked(binding, api, products)
        )
        found[_resource(binding)] = Observed(state=state, ownership=ownership, etag=api.etag)
        for product in products:
            found[_in_product(binding, product.name)] = Observed(state=InProduct(product=product.name.lower()))
        ours = Ownership.OURS if one_by_one(binding) and ownership is Ownership.OURS else Ownership.SHARED
        for each in operations:
            key = _operation(binding, shape(each.method, each.template))
            found[key] = Observed(state=published.offered(each), ownership=ours)
        return found

    async def _to_take_away(self, binding: Binding) -> Mapping[str, Observed[State]]:
        """The API, when it is ours to delete or to let go. Raises Unmet while others use it."""
        api = await self.apim.get_api(self.home(binding), api_name(binding)) if binding.spec.api.imported else None
        if api is None:
            return {}
        ownership = _ownership(binding, marks.find(api.description))
        if ownership is Ownership.OURS:
            await self._must_not_be_in_use(binding)
        return {
            _resource(binding): Observed(
                state=published.as_it_stands(binding, api, ()), ownership=ownership, etag=api.etag
            )
        }

    async def _must_not_be_in_use(self, binding: Binding) -> None:
        """What others hung on the API would go with it: they take it away first, or it stays, or somebody says so."""
        if binding.confirmed:
            return
        service, name = self.home(binding), api_name(binding)
        ours = {each.lower() for each in binding.spec.api.products or ()}
        held = await self.apim.products_of(service, name)
        products = [f"product {each.name}" for each in held if each.name.lower() not in ours]
        holders = [f"subscription {each}" for each in await self.apim.subscriptions_of(service, name)]
        if products or holders:
            raise Unmet(
                "ApiInUse",
                f"deleting API {name} would take it from {', '.join([*products, *holders][: published.QUOTED])}; "
                f"remove it there, or set the annotation {CONFIRM_DELETE}: true to delete it all the same",
                stalled=True,
            )

    async def _unasked(self, binding: Binding, api: SeenApi, products: Sequence[Product]) -> str:
        """Why somebody without a key gets as far as the API's policy."""
        open_ = sorted(each.name for each in products if published.is_open(each))
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
        seen, given = observed.get(_resource(binding)), observed.get(DOCUMENT)
        document = {"document": given.state.document} if given and isinstance(given.state, Described) else {}
        if seen is None or not isinstance(seen.state, PublishedApi):
            return document | ({"published": False} if binding.spec.api.imported else {})
        operations = [each.state for each in observed.values() if isinstance(each.state, OfferedOperation)]
        return document | {
            "api_path": seen.state.path,
            "api_revision": seen.state.revision,
            "unasked": seen.state.unasked,
            "published": True,
            "offered": frozenset(each.function.lower() for each in operations),
            "placed": _placed(operations),
        }

    def desired(self, binding: Binding, facts: Facts) -> Mapping[str, State]:
        """The API as the author wants it, and what the functions answer; nothing of somebody else's API."""
        if not binding.spec.api.imported:
            return {}
        wish: dict[str, State] = {
            _in_product(binding, product): InProduct(product=product.lower())
            for product in binding.spec.api.products or ()
        }
        if one_by_one(binding):
            for each in published.chosen(binding, facts):
                wish[_operation(binding, each.key)] = OfferedOperation(shape=each.key, name=each.name, operation=each)
        return {_resource(binding): published.wished(binding, facts)} | wish

    def foresee(
        self, binding: Binding, wish: Mapping[str, State], observed: Mapping[str, Observed[State]]
    ) -> Mapping[str, Any]:
        """The path, and the names of operations that are there or that we choose; not those that an import chooses."""
        there = {key: seen.state for key, seen in observed.items()}
        api, path = _resource(binding), {"api_path": binding.spec.api.path}
        if one_by_one(binding):
            return path | {"placed": _placed(there.get(key, state) for key, state in wish.items())}
        after = wish.get(api)
        imports = isinstance(after, PublishedApi) and published.needs_import(there.get(api), after)
        somewhere = isinstance(binding.spec.policy.scope, OperationsScope)
        return path | ({"placed": None if somewhere else {}} if imports else {})

    def object_to(self, binding: Binding, facts: Facts, plan: Plan[State]) -> Unmet | None:
        """
        That all functions went at once is not believed: App Service shows what the functions host last told it.

        Source: Azure/azure-functions-host, FunctionsSyncManager: lists are stale until triggers are synchronised.
        """
        offered, listed = facts.offered or frozenset(), {each.function.lower() for each in facts.operations or ()}
        gone = any(change.action is Action.DELETE for change in plan.changes)
        chosen = binding.spec.function_app.functions.include or not one_by_one(binding)
        if not gone or not all_at_once(len(offered - listed), len(offered)) or chosen:
            return None
        return Unmet(
            IMPLAUSIBLE,
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
        if published.is_open(product) and not binding.spec.policy.allow_anonymous_callers:
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
        properties = published.properties_of(binding, change.after, seen, created=change.ownership is Ownership.OURS)
        if change.after.made_from and published.needs_import(before, change.after):
            await self._import(binding, change, change.after.made_from, properties)
        elif before is None:
            shown = change.after.display_name or f"{binding.namespace}/{binding.name}"
            await self.apim.create_api(service, name, {"displayName": shown, "protocols": ["https"], **properties})
        else:
            await self.apim.change_api(service, name, properties, change.etag)

    async def _import(
        self, binding: Binding, change: Change[State], document: ApiDocument, properties: Mapping[str, Any]
    ) -> None:
        """API and operations as the document describes them, in one write."""
        named = {} if change.before or not document.title else {"displayName": document.title}
        await self.apim.import_api(
            self.home(binding),
            api_name(binding),
            {"protocols": ["https"], **named, **properties} if change.before is None else properties,
            format_=document.format,
            document=document.text,
            etag=change.etag,
        )

    def judge(self, binding: Binding, facts: Facts, observed: Mapping[str, Observed[State]]) -> Unmet | None:
        """An API that is somebody else's must be there already, and so must a function that is to be offered."""
        if _resource(binding) in observed:
            return published.not_there(binding, facts) if one_by_one(binding) else None
        return Unmet(
            "ApiNotFound",
            f"the service has no API named {api_name(binding)} (spec.api.name); import it, or correct the name",
            stalled=True,
        )

    def describe(self, binding: Binding, facts: Facts) -> str:
        """Where callers reach the API, and how much of the app it offers."""
        takes = binding.spec.function_app.functions.takes
        count = sum(takes(each.function) for each in facts.operations or ())
        if facts.document:
            count = len(facts.document.operations)
        offers = f" with {count} operations" if binding.spec.api.imported else ""
        later = f", revision {facts.api_revision}" if facts.api_revision not in (None, "", "1") else ""
        where = f" at {facts.gateway_url}/{facts.api_path}" if facts.gateway_url else ""
        return f"Published{where}{offers}{later}."


def _resource(binding: Binding) -> str:
    return f"apis/{api_name(binding)}"


def _in_product(binding: Binding, product: str) -> str:
    return f"products/{product.lower()}/apis/{api_name(binding)}"


def _operation(binding: Binding, known_by: str) -> str:
    return f"apis/{api_name(binding)}/operations/{known_by}"


def _placed(states: Iterable[State]) -> Mapping[str, str]:
    """The names of operations, by what a manifest may call them."""
    operations = [each for each in states if isinstance(each, OfferedOperation)]
    return {known: each.name for each in operations for known in (each.shape, each.name.lower())}


def _ownership(binding: Binding, mark: Mark | None) -> Ownership:
    """One that the binding only names is shared, whoever's mark it carries."""
    if not binding.spec.api.imported:
        return Ownership.SHARED
    return mark.ownership(binding.owner) if mark else Ownership.UNMARKED
