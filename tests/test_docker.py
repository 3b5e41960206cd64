"""docker/: no engine is needed to see that the compose file runs commands that exist with flags they take."""

from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from nas.cli import dashboard, search

ROOT = Path(__file__).parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
COMMANDS = {"nas-search": search.main, "nas-dashboard": dashboard.main}


def words(service: dict[str, Any]) -> list[str]:
    """What a service runs; of a shell, what it hands over to."""
    line = [str(word) for word in [*service.get("entrypoint", []), *service.get("command", [])]]
    return line[3:] if line[:2] == ["sh", "-c"] else line


@pytest.mark.parametrize("name", [n for n, s in SERVICES.items() if words(s) and words(s)[0] in COMMANDS])
def test_our_commands_take_the_flags_that_the_services_give_them(name: str) -> None:
    program, *flags = words(SERVICES[name])
    command = COMMANDS[program]
    assert isinstance(command, click.Command)
    command.make_context(program, flags)


def test_only_loopback_ports_are_published() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(str(port).startswith("127.0.0.1:") for port in published)


def test_every_service_waits_for_services_that_exist_and_mounts_volumes_that_exist() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        assert {str(v).split(":")[0] for v in service.get("volumes", [])} <= set(COMPOSE["volumes"])


def test_the_image_copies_what_the_package_is_built_from() -> None:
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    for path in (
        "constraints.txt",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "nas",
        "search_spaces",
        "distill",
    ):
        assert f"{path} " in dockerfile
        assert (ROOT / path).exists()
