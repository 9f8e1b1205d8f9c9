"""The manifests for Kubernetes: fit its schemas, say the same as the compose file, and start nothing that may not run.

No cluster runs them here.
"""

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from assistant.cli import app
from assistant.llm.profiles import endpoints
from assistant.service.app import create_app
from assistant.settings import ServiceBounds, load_settings
from tests.unit.test_configuration import settings_in_code

Manifest = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".docker" / "kubernetes"
KUSTOMIZATION: Manifest = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
COMPOSE: Manifest = yaml.safe_load((ROOT / ".docker" / "compose.yaml").read_text())["services"]


def manifests() -> Iterator[Manifest]:
    for name in KUSTOMIZATION["resources"]:
        yield from yaml.safe_load_all((FOLDER / name).read_text())


ALL = list(manifests())
WORKLOADS = {one["metadata"]["name"]: one for one in ALL if one["kind"] in ("Deployment", "StatefulSet")}
SERVICES = {one["metadata"]["name"]: one["spec"] for one in ALL if one["kind"] == "Service"}
POLICIES = [one["spec"] for one in ALL if one["kind"] == "NetworkPolicy"]


def pod(name: str) -> Manifest:
    return dict(WORKLOADS[name]["spec"]["template"]["spec"])


def containers(name: str) -> list[Manifest]:
    return [*pod(name).get("initContainers", []), *pod(name)["containers"]]


def environment(container: Manifest) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container["env"]}


def test_every_file_is_a_resource() -> None:
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert files == set(KUSTOMIZATION["resources"])
    names = [(one["kind"], one["metadata"]["name"]) for one in ALL]
    assert len(names) == len(set(names))
    assert set(WORKLOADS) == {"assistant", "chroma", "vllm"}


@pytest.mark.parametrize("manifest", ALL, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_they_fit_the_schemas(manifest: Manifest) -> None:
    schemas = pytest.importorskip(
        "kubernetes_validate", reason="kubernetes-validate, which has the schemas, is not installed"
    )
    version = schemas.latest_version()
    schemas.validate(manifest, version, strict=True)
    with pytest.raises(schemas.ValidationError):
        schemas.validate({**manifest, "metadata": {**manifest["metadata"], "lables": {}}}, version, strict=True)


def test_kustomize_puts_them_together() -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run([kubectl, "kustomize", str(FOLDER)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rendered = list(yaml.safe_load_all(done.stdout))
    assert len(rendered) == len(ALL)
    assert {one["metadata"].get("namespace") for one in rendered if one["kind"] != "Namespace"} == {"assistant"}
    images = re.findall(r"image: (\S+)", done.stdout)
    assert "registry.example.org/recommendation-assistant:0.1.0" in images
    assert all(re.search(r":v?\d+\.\d+", image) for image in images)


def test_exactly_one_pod_holds_the_sqlite_files() -> None:
    spec = WORKLOADS["assistant"]["spec"]
    assert (spec["replicas"], spec["strategy"]["type"]) == (1, "Recreate")
    (claim,) = [one for one in ALL if one["kind"] == "PersistentVolumeClaim"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert not [one for one in ALL if one["kind"] == "HorizontalPodAutoscaler"]
    assert "exactly one pod may run" in (FOLDER / "assistant.yaml").read_text()


@pytest.mark.parametrize("name", WORKLOADS)
def test_pods_have_no_privileges_and_bounded_resources(name: str) -> None:
    (namespace,) = [one for one in ALL if one["kind"] == "Namespace"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    spec = pod(name)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] >= 10_000
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    accounts = {one["metadata"]["name"] for one in ALL if one["kind"] == "ServiceAccount"}
    assert spec["serviceAccountName"] in accounts
    volumes = {one["name"] for one in spec["volumes"]}
    volumes |= {one["metadata"]["name"] for one in WORKLOADS[name]["spec"].get("volumeClaimTemplates", [])}
    for container in containers(name):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]
        assert {one["name"] for one in container["volumeMounts"]} <= volumes
        assert "/tmp" in {one["mountPath"] for one in container["volumeMounts"]}
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / ".docker" / "Dockerfile").read_text(), re.MULTILINE)
    assert user
    if name == "assistant":
        assert (spec["securityContext"]["runAsUser"], spec["securityContext"]["fsGroup"]) == (
            int(user[1]),
            int(user[2]),
        )


@pytest.mark.parametrize("name", WORKLOADS)
def test_probes_services_and_selectors_lead_to_the_pods(name: str) -> None:
    labels = WORKLOADS[name]["spec"]["template"]["metadata"]["labels"]
    assert WORKLOADS[name]["spec"]["selector"]["matchLabels"] == labels == SERVICES[name]["selector"]
    ports = {port["name"]: port["containerPort"] for one in pod(name)["containers"] for port in one["ports"]}
    assert {port["targetPort"] for port in SERVICES[name]["ports"]} <= set(ports)
    probes = [one[kind] for one in pod(name)["containers"] for kind in ("readinessProbe", "livenessProbe")]
    assert all((probe.get("httpGet") or probe["tcpSocket"])["port"] in ports for probe in probes)
    if WORKLOADS[name]["kind"] == "StatefulSet":
        assert WORKLOADS[name]["spec"]["serviceName"] == name


def test_the_assistant_s_probes_are_its_own_routes() -> None:
    (container,) = pod("assistant")["containers"]
    paths = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    document = create_app(load_settings()).openapi()
    assert set(paths.values()) <= set(document["paths"])
    assert pod("assistant")["terminationGracePeriodSeconds"] > ServiceBounds().stop_seconds + 10


def test_the_settings_are_those_of_the_compose_file_and_name_every_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    setup, main = containers("assistant")
    given = environment(main)
    assert environment(setup) == given
    known = {f"ASSISTANT_{key.upper().replace('.', '__')}" for key, _ in settings_in_code()}
    assert set(given) <= known
    composed = {name for name in COMPOSE["api"]["environment"] if name.startswith("ASSISTANT_")}
    assert composed - set(given) == {"ASSISTANT_LLM__BASE_URL"}
    for name, value in given.items():
        monkeypatch.setenv(name, value if isinstance(value, str) else "secret")
    settings = load_settings()
    replicas, service = WORKLOADS["vllm"]["spec"]["replicas"], WORKLOADS["vllm"]["spec"]["serviceName"]
    (port,) = SERVICES["vllm"]["ports"]
    urls = [f"http://vllm-{number}.{service}:{port['port']}/v1" for number in range(replicas)]
    assert [at.base_url for at in endpoints(settings)] == urls
    assert settings.chroma_url == f"http://chroma:{SERVICES['chroma']['ports'][0]['port']}"
    (vllm,) = pod("vllm")["containers"]
    assert f"--model={settings.llm.model}" in vllm["args"]


def test_images_and_vllm_s_arguments_are_those_of_the_compose_file() -> None:
    images = {one["image"] for name in WORKLOADS for one in containers(name)}
    assert images == {COMPOSE[name]["image"] for name in ("api", "vllm", "chroma")}
    (image,) = KUSTOMIZATION["images"]
    assert image["name"] == COMPOSE["api"]["image"]
    assert image["newTag"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    def fixed(arguments: list[str]) -> set[str]:
        return {one for one in arguments if not one.startswith(("--model=", "--max-model-len="))}

    assert fixed(pod("vllm")["containers"][0]["args"]) == fixed(COMPOSE["vllm"]["command"])


def test_secrets_are_references() -> None:
    assert not [one for one in ALL if one["kind"] == "Secret"]
    for name in WORKLOADS:
        for container in containers(name):
            for variable, value in environment(container).items():
                if re.search(r"KEY|TOKEN|SECRET|PASSWORD", variable):
                    assert value["secretKeyRef"]["name"] == "assistant", variable
    keys = set(re.findall(r"--from-literal=([\w-]+)=", (ROOT / "docs" / "operations.md").read_text()))
    assert keys == {"llm-api-key", "hf-token"}


def _selects(selector: Manifest | None, labels: dict[str, str]) -> bool:
    """Whether a selector of pods takes a pod; None takes none."""
    if selector is None:
        return False
    plain = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return plain and all(labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", []))


def _peers(labels: dict[str, str], way: str, end: str) -> list[Manifest]:
    """With whom a pod may speak."""
    policies = [policy for policy in POLICIES if _selects(policy["podSelector"], labels)]
    return [peer for policy in policies for rule in policy.get(way, []) for peer in rule[end]]


def test_the_network_allows_what_the_settings_need_and_nothing_else() -> None:
    labels = {name: WORKLOADS[name]["spec"]["template"]["metadata"]["labels"] for name in WORKLOADS}
    assert {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} in POLICIES

    def allowed(source: str, target: str) -> bool:
        out = (peer.get("podSelector") for peer in _peers(labels[source], "egress", "to"))
        into = (peer.get("podSelector") for peer in _peers(labels[target], "ingress", "from"))
        return any(_selects(one, labels[target]) for one in out) and any(_selects(one, labels[source]) for one in into)

    pairs = {(source, target) for source in labels for target in labels if allowed(source, target)}
    assert pairs == {("assistant", "chroma"), ("assistant", "vllm")}
    outside = {name: [one for one in _peers(labels[name], "egress", "to") if "ipBlock" in one] for name in labels}
    assert {name for name, peers in outside.items() if peers} == {"assistant", "vllm"}
    (block,) = outside["assistant"]
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} <= set(block["ipBlock"]["except"])


def test_the_set_up_waits_for_the_first_key(tmp_path: Path) -> None:
    setup = containers("assistant")[0]
    (script,) = setup["args"]
    commands = re.findall(r"assistant (\w+) (\w+)", script)
    known = get_command(app).commands  # type: ignore[attr-defined] # a group
    assert commands == [("models", "pull"), ("keys", "list")]
    assert all(second in known[first].commands for first, second in commands)
    program = tmp_path / "assistant"
    program.write_text(
        '#!/bin/sh\necho "$@" >> calls\n[ "$1" = models ] && exit 0\n'
        f'[ "$(wc -l < calls)" -gt 2 ] && echo \'{json.dumps([{"id": "3f7a"}], indent=1)}\' || echo "[]"\n'
    )
    program.chmod(0o755)
    faster = script.replace("sleep 5", "sleep 0.01")
    done = subprocess.run(
        [*setup["command"], faster], cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, timeout=20
    )
    assert done.returncode == 0
    assert (tmp_path / "calls").read_text().splitlines() == ["models pull", "keys list --json", "keys list --json"]
