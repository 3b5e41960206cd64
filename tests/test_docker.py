"""docker/: no engine is needed to see that files agree and that commands take the flags they are given."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from nas.cli import dashboard, search

ROOT = Path(__file__).parent.parent
DOCKER = ROOT / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
RAYJOB = {each["kind"]: each for each in yaml.safe_load_all((DOCKER / "rayjob.yaml").read_text())}
SLURM = (DOCKER / "slurm.sh").read_text()
CONSTRAINTS = dict(
    line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
)
COMMANDS = {"nas-search": search.main, "nas-dashboard": dashboard.main}
SECRET_VARIABLES = ("NAS_DB_PASSWORD", "NAS_DASHBOARD_TOKEN", "NAS_RAY_TOKEN")


def words(service: dict[str, Any]) -> list[str]:
    """What a service runs after the entrypoint script."""
    line = [str(word) for word in [*service.get("entrypoint", []), *service.get("command", [])]]
    return line[2:] if line[:1] == ["sh"] else line


def parse(line: list[str]) -> None:
    """Parse flags with the product's or with Ray's own parser.

    Raises:
        click.ClickException: an unknown command or flag, or a flag without its value.
    """
    program, *flags = line
    if program == "ray":
        from ray.scripts.scripts import cli

        _, command, flags = cli.resolve_command(click.Context(cli), flags)
        assert command is not None
        command.make_context(program, flags)
    else:
        command = COMMANDS[program]
        command.make_context(program, flags)


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if words(service)])
def test_commands_take_the_flags_that_the_services_give_them(name: str) -> None:
    parse(words(SERVICES[name]))


@pytest.mark.parametrize("name", ["ray-head", "worker"])
def test_rays_health_checks_take_their_flags(name: str) -> None:
    parse(SERVICES[name]["healthcheck"]["test"][1:])


def test_the_parser_of_these_tests_finds_what_is_wrong() -> None:
    for wrong in (["ray", "start", "--haed"], ["ray", "begin"], ["nas-dashboard", "--tokn", "x"]):
        with pytest.raises(click.ClickException):
            parse(wrong)


def test_every_service_that_stays_up_has_a_health_check_and_is_started_again() -> None:
    for name, service in SERVICES.items():
        if "profiles" in service:  # run by hand, to its end
            continue
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert service["restart"] in ("unless-stopped", "on-failure"), name


def test_only_loopback_ports_are_published() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(str(port).startswith("127.0.0.1:") for port in published)


def test_every_service_waits_for_healthy_services_and_mounts_what_exists() -> None:
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in SERVICES[name]
        assert {str(v).split(":")[0] for v in service.get("volumes", [])} <= set(COMPOSE["volumes"])
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])


def test_the_dashboard_is_refused_to_the_network_without_its_token() -> None:
    service = SERVICES["dashboard"]
    assert "dashboard_token" in service["secrets"]
    assert "--allow-remote" not in service["command"], "else it would start without a token"


def test_passwords_are_secrets_and_on_no_command_line() -> None:
    assert {each["environment"] for each in COMPOSE["secrets"].values()} == set(SECRET_VARIABLES)
    for name, service in SERVICES.items():
        line = " ".join(map(str, [*words(service), *service.get("healthcheck", {}).get("test", [])]))
        line += str(service.get("environment", {}))
        assert not any(variable in line for variable in SECRET_VARIABLES), name
        assert not re.search(r"://[^/@\s]*:[^/@\s]*@", line), f"{name}: a URL with a password"


def test_ray_asks_every_node_and_driver_for_the_token() -> None:
    for name in ("ray-head", "worker", "search"):
        variables = SERVICES[name]["environment"]
        assert variables["RAY_AUTH_MODE"] == "token"
        assert variables["RAY_AUTH_TOKEN_PATH"] == "/run/secrets/ray_token"
        assert "ray_token" in SERVICES[name]["secrets"]


def test_the_file_for_gpus_changes_services_that_exist() -> None:
    more = yaml.safe_load((DOCKER / "compose.cuda.yaml").read_text())
    assert set(more["services"]) <= set(SERVICES)


def instructions() -> Iterator[tuple[str, str]]:
    """The Dockerfile's instructions: name and rest."""
    lines = [line for line in DOCKERFILE.splitlines() if not line.startswith("#")]
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            yield name, rest.strip()


def test_every_stage_starts_from_a_pinned_image_or_an_earlier_stage() -> None:
    known: dict[str, str] = {}  # arguments before the first stage, and their defaults
    stages: list[str] = []
    for name, rest in instructions():
        if name == "ARG" and not stages:
            argument, _, default = rest.partition("=")
            known[argument] = default
        if name == "FROM":
            source, _, stage = rest.partition(" AS ")
            if source == "torch-${DEVICE}":
                assert {"torch-cpu", "torch-cuda"} <= set(stages)
            elif source not in stages:
                assert re.fullmatch(r"[\w/.]+:\d+\.\d+\.\d+-[\w-]+", known[source.strip("${}")])
            stages.append(stage)
    assert stages[-1] == "final"
    assert known["DEVICE"] == "cpu"
    assert re.fullmatch(r"postgres:\d+\.\d+-\w+", SERVICES["postgres"]["image"])


def test_every_argument_that_is_used_is_declared_in_its_stage() -> None:
    declared: set[str] = set()
    for name, rest in instructions():
        if name == "FROM":
            declared = set()
        elif name == "ARG":
            declared.add(rest.partition("=")[0])
        else:
            assert set(re.findall(r"\$\{(\w+)\}", rest)) <= declared, rest


def test_what_is_copied_exists_and_reaches_the_builder() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    stages = {rest.partition(" AS ")[2] for name, rest in instructions() if name == "FROM"}
    copied = set()
    for name, rest in instructions():
        if name != "COPY":
            continue
        origin = re.match(r"--from=(\S+) ", rest)
        if origin:
            assert origin[1] in stages
            continue
        copied |= set(rest.split()[:-1])
    assert all((ROOT / path).exists() for path in copied)
    assert copied == sent
    assert {
        "constraints.txt",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "nas",
        "search_spaces",
        "distill",
    } <= copied


def test_the_image_does_not_run_as_root_and_installs_pinned_packages() -> None:
    final = list(instructions())
    users = [rest for name, rest in final if name == "USER"]
    assert users == ["1000:1000"], "Kubernetes' runAsNonRoot needs a number"
    for name, rest in final:
        if name == "RUN" and "pip install" in rest:
            assert "-c constraints.txt" in rest
    for package in ("ray", "torch", "torchvision", "aiohttp", "grpcio", "psycopg"):
        assert package in CONSTRAINTS


@pytest.mark.parametrize("script", ["entrypoint.sh", "slurm.sh"])
def test_scripts_have_no_syntax_errors(script: str) -> None:
    shell = "sh" if script == "entrypoint.sh" else "bash"
    subprocess.run([shell, "-n", DOCKER / script], check=True)


def test_the_entrypoint_hands_secrets_to_the_command_as_variables(tmp_path: Path) -> None:
    (tmp_path / "db_password").write_text("p@ss 'w\"ord$HOME\n")
    (tmp_path / "dashboard_token").write_text("0123456789abcdef")
    told = ["sh", "-c", 'printf "%s|%s|%s" "$PGPASSWORD" "$NAS_DASHBOARD_TOKEN" "$1"', "sh", "a b"]
    variables = {"PATH": os.environ["PATH"], "NAS_SECRETS": str(tmp_path)}
    done = subprocess.run(
        ["sh", DOCKER / "entrypoint.sh", *told], env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout == "p@ss 'w\"ord$HOME|0123456789abcdef|a b"


def test_the_entrypoint_needs_no_secrets_and_returns_what_the_command_returns(tmp_path: Path) -> None:
    variables = {"PATH": os.environ["PATH"], "NAS_SECRETS": str(tmp_path)}
    told = ["sh", "-c", "exit ${PGPASSWORD:-7}"]
    assert subprocess.run(["sh", DOCKER / "entrypoint.sh", *told], env=variables).returncode == 7


def test_the_ray_job_runs_a_search_that_parses_and_shuts_its_cluster_down() -> None:
    job = RAYJOB["RayJob"]
    spec = job["spec"]
    assert job["apiVersion"] == "ray.io/v1"
    parse(shlex.split(spec["entrypoint"]))
    assert spec["shutdownAfterJobFinishes"] is True
    assert spec["ttlSecondsAfterFinished"] > 0
    assert spec["backoffLimit"] > 0


def test_the_ray_job_has_rays_version_one_image_and_one_volume() -> None:
    cluster = RAYJOB["RayJob"]["spec"]["rayClusterSpec"]
    assert cluster["rayVersion"] == CONSTRAINTS["ray"]
    assert cluster["authOptions"] == {"mode": "token"}
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        assert container["image"] == SERVICES["worker"]["image"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        (volume,), (mount,) = pod["volumes"], container["volumeMounts"]
        assert (
            volume["persistentVolumeClaim"]["claimName"]
            == RAYJOB["PersistentVolumeClaim"]["metadata"]["name"]
        )
        assert (mount["name"], mount["mountPath"]) == (volume["name"], "/data")
    head = groups[0]["template"]["spec"]["containers"][0]
    variables = {each["name"]: each for each in head["env"]}
    assert "valueFrom" in variables["PGPASSWORD"], "the manifest holds no password"
    worker = groups[1]["template"]["spec"]["containers"][0]
    for container in (head, worker):
        assert {"name": "RAY_worker_niceness", "value": "0"} in container["env"]


def slurm(tmp_path: Path, *arguments: str, **variables: str) -> list[str]:
    """What the Slurm script hands to srun on a cluster of two nodes, by stand-ins of Slurm's commands."""
    for name, body in (
        ("scontrol", "printf 'node1\\nnode2\\n'"),
        ("ray", '[ "$RAY_AUTH_MODE" = token ] && echo secret'),
        ("srun", 'printf "%s\\n" "$@"'),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    known = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_NODELIST": "node[1-2]"}
    done = subprocess.run(
        ["bash", DOCKER / "slurm.sh", *arguments],
        env=known | {"SLURM_JOB_NUM_NODES": "2"} | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_the_slurm_script_runs_a_search_on_all_nodes(tmp_path: Path) -> None:
    from ray.scripts.symmetric_run import curate_and_validate_ray_start_args, symmetric_run

    told = slurm(tmp_path, "--budget-macs", "5G", "--study", "a b", NAS_STORAGE="postgresql://nas@db/nas")
    own, line = told[: told.index("ray")], told[told.index("ray") :]
    assert own == ["--nodes=2", "--ntasks=2"]
    assert line[:2] == ["ray", "symmetric-run"]
    split = line.index("--")
    assert symmetric_run.make_context("", line[2:split]).params["min_nodes"] == 2
    rest = curate_and_validate_ray_start_args(line[2:split])
    parse(["ray", "start", "--head", *rest])
    parse(line[split + 1 :])
    assert line[split + 1 :] == [
        "nas-search", "--ray-address", "node1:6379", "--storage", "postgresql://nas@db/nas",
        "--budget-macs", "5G", "--study", "a b",
    ]  # fmt: skip
    assert "--storage" not in slurm(tmp_path, "--budget-macs", "5G")


def test_the_slurm_script_asks_for_whole_nodes_with_one_ray_each() -> None:
    asked = re.findall(r"^#SBATCH (\S+)", SLURM, flags=re.MULTILINE)
    assert {"--exclusive", "--ntasks-per-node=1"} <= set(asked)
