"""The controllers work with the rights of their own user, not only with an administrator's."""

from __future__ import annotations

from pathlib import Path

from kubelite.controllers.registry import CONTROLLERS
from kubelite.util import tls
from tests.apienv import ADMIN_TOKEN
from tests.integration.controllers import test_certificates as certificates
from tests.integration.controllers import test_protection as protection
from tests.integration.controllers.jobs import JOBS, ended, job
from tests.integration.controllers.manager import eventually, running
from tests.integration.controllers.test_cronjob import CRON_JOBS, cron_job, make_due
from tests.integration.controllers.test_daemonset import SETS as DAEMONS
from tests.integration.controllers.test_daemonset import daemon_set, nodes
from tests.integration.controllers.test_deployment import DEPLOYMENTS, complete, deployment, image
from tests.integration.controllers.test_disruption import BUDGETS, budget
from tests.integration.controllers.test_endpoints import SLICES
from tests.integration.controllers.test_nodes import node, taints
from tests.integration.controllers.test_nodes import pod as lost_pod
from tests.integration.controllers.test_statefulset import SETS, settled, with_claims
from tests.integration.controllers.test_tokens import ACCOUNTS, INFO, SECRETS, SYSTEM, account_secret, give_token
from tests.integration.controllers.workloads import finish

AGGREGATED = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}


async def test_the_controller_managers_user_may_do_all_that_its_controllers_need(tmp_path: Path):
    tokens = tmp_path / "tokens.csv"
    tokens.write_text(f'{ADMIN_TOKEN},admin,1,"system:masters"\nmanager,system:kube-controller-manager,2\n')
    settings = {"node_monitor_grace_period": 1.0, "node_eviction_rate": 100.0}
    async with running(*CONTROLLERS, kubelet=True, tokens=str(tokens), token="manager", **settings) as world:
        await world.create(
            "/api/v1/namespaces/default/services",
            {
                "metadata": {"name": "web"},
                "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
            },
        )
        await world.create(DEPLOYMENTS, deployment(2))
        await eventually(lambda: complete(world, 2, "one"))
        await world.merge(f"{DEPLOYMENTS}/web", image("two"))
        await eventually(lambda: complete(world, 2, "two"))

        async def served() -> bool:
            subsets = (await world.get("/api/v1/namespaces/default/endpoints/web"))["subsets"]
            slices = await world.items(SLICES)
            return len(subsets[0]["addresses"]) == 2 == len(slices[0]["endpoints"])

        await eventually(served)
        await node(world, "lost")
        await lost_pod(world, "away", "lost", [{"operator": "Exists", "effect": "NoSchedule"}])

        async def tainted() -> bool:
            return ("node.kubernetes.io/unreachable", "NoSchedule") in await taints(world, "lost")

        await eventually(tainted)
        await world.create("/api/v1/namespaces", {"metadata": {"name": "team"}})

        async def furnished() -> bool:
            found = await world.get("/api/v1/namespaces/team/configmaps/kube-root-ca.crt")
            return found is not None and await world.get("/api/v1/namespaces/team/serviceaccounts/default") is not None

        await eventually(furnished)
        await world.delete(f"{DEPLOYMENTS}/web")
        await world.delete("/api/v1/namespaces/team")

        async def gone() -> bool:
            sets = await world.items("/apis/apps/v1/namespaces/default/replicasets")
            return not sets and await world.get("/api/v1/namespaces/team") is None

        await eventually(gone)
        assert (await world.get("/api/v1/nodes/lost"))["spec"]["podCIDR"] == "10.244.0.0/24"


async def test_the_controller_managers_user_may_do_what_quotas_certificates_tokens_and_protection_need(tmp_path: Path):
    tokens, key, ca = tmp_path / "tokens.csv", tmp_path / "sa.key", tmp_path / "ca.crt"
    tokens.write_text(f'{ADMIN_TOKEN},admin,1,"system:masters"\nmanager,system:kube-controller-manager,2\n')
    key.write_bytes(tls.new_key())
    tls.Authority.load_or_create(ca, tmp_path / "ca.key", "ca")
    settings = {
        "service_account_private_key_file": str(key),
        "cluster_signing_cert_file": str(ca),
        "cluster_signing_key_file": str(tmp_path / "ca.key"),
    }
    async with running(*CONTROLLERS, tokens=str(tokens), token="manager", **settings) as world:
        await certificates.ask(
            world, "node", certificates.KUBELET_CLIENT, certificates.request(*certificates.NODE),
            certificates.CLIENT_USAGES,
        )  # fmt: skip
        await certificates.signed(world, "node")
        await world.create(protection.CLAIMS, protection.claim("c"))
        await world.delete(f"{protection.CLAIMS}/c")
        await protection.is_gone(world, f"{protection.CLAIMS}/c")
        await world.create(protection.JOBS, protection.job("j", ttlSecondsAfterFinished=0))
        await protection.finish(world, "j")
        await protection.is_gone(world, f"{protection.JOBS}/j")
        await world.create(protection.ROLES, protection.role("more", "fly", **AGGREGATED))
        await give_token(world, "aaaaaa", usage_bootstrap_signing="true")
        await give_token(world, "bbbbbb", expiration="2020-01-01T00:00:00Z")
        await world.create(INFO, {"metadata": {"name": "cluster-info"}, "data": {"kubeconfig": "x"}})
        await world.create(ACCOUNTS, {"metadata": {"name": "robot"}})
        await world.create(SECRETS, account_secret("t", "robot"))
        hard = {"count/secrets": "9"}
        await world.create(
            "/api/v1/namespaces/default/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": hard}}
        )

        async def done() -> bool:
            quota = await world.get("/api/v1/namespaces/default/resourcequotas/q")
            rules = (await world.get(f"{protection.ROLES}/view"))["rules"]
            assert any("fly" in rule["verbs"] for rule in rules)
            assert quota["status"]["used"] == {"count/secrets": "1"}
            assert "jws-kubeconfig-aaaaaa" in (await world.get(f"{INFO}/cluster-info"))["data"]
            assert "token" in (await world.get(f"{SECRETS}/t"))["data"]
            return await world.get(f"{SYSTEM}/secrets/bootstrap-token-bbbbbb") is None

        await eventually(done)


async def test_the_controller_managers_user_may_do_all_that_workloads_need(tmp_path: Path):
    tokens = tmp_path / "tokens.csv"
    tokens.write_text(f'{ADMIN_TOKEN},admin,1,"system:masters"\nmanager,system:kube-controller-manager,2\n')
    names = ("statefulset", "daemonset", "job", "cronjob", "disruption", "garbage-collector")
    controllers = [f"{name}-controller" for name in names]
    async with running(*controllers, kubelet=True, tokens=str(tokens), token="manager") as world:
        await nodes(world, "a")
        await world.create(SETS, with_claims(1, whenDeleted="Delete"))
        await world.create(DAEMONS, daemon_set() | {"metadata": {"name": "agent"}})
        await world.create(BUDGETS, budget(minAvailable=1))
        await world.create(JOBS, job())
        await world.create(CRON_JOBS, cron_job())
        await make_due(world)

        async def done() -> bool:
            assert await settled(world, 1)
            assert (await world.get(f"{DAEMONS}/agent"))["status"]["numberReady"] == 1
            assert (await world.get(f"{BUDGETS}/web"))["status"]["conditions"]
            assert (await world.get(f"{JOBS}/sums"))["status"]["ready"] == 1
            return bool((await world.get(f"{CRON_JOBS}/tick"))["status"]["active"])

        await eventually(done)
        pod = next(p for p in await world.pods() if p["metadata"]["name"].startswith("sums-"))
        await finish(world, pod["metadata"]["name"], "Succeeded")
        await ended(world, "Complete")
        await world.delete(f"{SETS}/web")

        async def gone() -> bool:
            claims = await world.items("/api/v1/namespaces/default/persistentvolumeclaims")
            return all("deletionTimestamp" in claim["metadata"] for claim in claims)

        await eventually(gone)
