"""Fills the Secrets that hold tokens of service accounts, and removes them with their account.

Flow: Secret of the type → its account as the server has it → delete when there is none; fill in CA, namespace and token
otherwise. A Secret that is gone is taken out of its account's list. Source: pkg/controller/serviceaccount/tokens_controller.go.
"""

from __future__ import annotations

from kubelite.api.core.secret import SECRET, SERVICE_ACCOUNT_TOKEN
from kubelite.api.core.service_account import SERVICE_ACCOUNT
from kubelite.api.types.core_v1 import Secret, ServiceAccount
from kubelite.api.types.meta_v1 import DeleteOptions, Preconditions
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer, object_key, split_key
from kubelite.controllers.context import Context
from kubelite.controllers.serviceaccounttoken import plan
from kubelite.machinery import codec
from kubelite.machinery.errors import StatusError
from kubelite.util.jws import Signer
from kubelite.util.log import get_logger

NAME = "serviceaccount-token-controller"
BY_ACCOUNT = "account"
log = get_logger(__name__)


class TokenController:
    """`key` is the private key that signs, as PEM; without one the controller only removes."""

    def __init__(self, context: Context, key: bytes, bundle: str) -> None:
        self._client = context.client
        self._key = key
        self._signer: Signer | None = None  # made when it is needed: the library behind it takes 9 MB
        self._bundle = bundle
        self._secrets: Informer[Secret] = context.informers.select(SECRET, Secret, f"type={SERVICE_ACCOUNT_TOKEN}")
        self._secrets.add_indexers({BY_ACCOUNT: lambda one: (f"{one.metadata.namespace}/{plan.account_of(one)}",)})
        self._accounts: Informer[ServiceAccount] = context.informers.get(SERVICE_ACCOUNT)
        self._gone: dict[str, str] = {}
        self.loop = Controller(NAME, self.reconcile, workers=2, observe=context.observe)
        self._secrets.add_handler(self._secret_changed)
        self.loop.watch(self._accounts, self._secrets_of)

    async def run(self) -> None:
        await self.loop.run(self._secrets, self._accounts)

    async def reconcile(self, key: str) -> Result | None:
        """Fill one Secret, or remove it."""
        secret = self._secrets.get(key)
        if secret is None:
            await self._forget(key)
            return None
        if secret.metadata.deletionTimestamp is not None:
            return None
        account = await self._account(secret)
        if not plan.is_for(secret, account) or account is None:
            await self._delete(secret)
        elif self._key and plan.missing(secret, self._bundle):
            await self._fill(secret, account)
        return None

    async def _account(self, secret: Secret) -> ServiceAccount | None:
        """From the cache, or from the server when the cache does not have the right one (yet)."""
        namespace, name = secret.metadata.namespace, plan.account_of(secret)
        cached = self._accounts.get(f"{namespace}/{name}")
        if plan.is_for(secret, cached):
            return cached
        try:
            return await self._client.get(SERVICE_ACCOUNT, name, namespace, type=ServiceAccount)
        except StatusError as error:
            if error.code == 404:
                return None
            raise

    async def _fill(self, secret: Secret, account: ServiceAccount) -> None:
        self._signer = self._signer or Signer(self._key)
        changed = codec.clone(secret)
        lacking = plan.missing(secret, self._bundle)
        if plan.CA in lacking:
            changed.data[plan.CA] = plan.encoded(self._bundle)
        if plan.NAMESPACE in lacking:
            changed.data[plan.NAMESPACE] = plan.encoded(secret.metadata.namespace)
        if plan.TOKEN in lacking:
            changed.data[plan.TOKEN] = plan.encoded(self._signer.sign(plan.claims(secret, account)))
        changed.metadata.annotations[plan.ACCOUNT_UID] = account.metadata.uid
        try:
            await self._client.update(SECRET, changed)
        except StatusError as error:
            if error.code != 404:
                raise

    async def _delete(self, secret: Secret) -> None:
        meta = secret.metadata
        log.info("Deleting the token of a service account that is gone", secret=object_key(secret))
        options = DeleteOptions(preconditions=Preconditions(uid=meta.uid, resourceVersion=meta.resourceVersion))
        try:
            await self._client.delete(SECRET, meta.name, meta.namespace, options=options)
        except StatusError as error:
            if error.code != 404:
                raise

    async def _forget(self, key: str) -> None:
        """Take a Secret that is gone out of its account's list."""
        namespace, name = split_key(key)
        account = self._accounts.get(f"{namespace}/{self._gone.get(key, '')}")
        if account is not None and any(one.name == name for one in account.secrets):
            changed = codec.clone(account)
            changed.secrets = [one for one in changed.secrets if one.name != name]
            try:
                await self._client.update(SERVICE_ACCOUNT, changed)
            except StatusError as error:
                if error.code != 404:
                    raise
        self._gone.pop(key, None)

    def _secret_changed(self, change: Change[Secret]) -> None:
        key = object_key(change.object)
        if change.new is None:
            self._gone[key] = plan.account_of(change.object)
        self.loop.queue.add(key)

    def _secrets_of(self, change: Change[ServiceAccount]) -> list[str]:
        """The Secrets of an account that came or went."""
        if change.old is not None and change.new is not None and change.old.metadata.uid == change.new.metadata.uid:
            return []
        return [object_key(one) for one in self._secrets.by_index(BY_ACCOUNT, object_key(change.object))]
