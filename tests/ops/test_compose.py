"""docker-compose.yml against the part of the Compose specification it uses, and against this repository."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams import cli
from streams.cli import COMMANDS
from streams.settings import known_variables
from tests.ops.queries import PROMETHEUS, ROOT

TEXT, LIST, MAP, SWITCH = str, list, dict, bool
# Top level, service, build and healthcheck of the specification: what we use of it, with its types. A key that is not
# here is misspelled or needs its line.
TOP = {"name": TEXT, "services": MAP, "secrets": MAP, "volumes": MAP}
SERVICE = {
    "image": TEXT,
    "build": MAP,
    "command": LIST,
    "user": TEXT,
    "environment": MAP,
    "ports": LIST,
    "volumes": LIST,
    "secrets": LIST,
    "tmpfs": LIST,
    "profiles": LIST,
    "depends_on": MAP,
    "healthcheck": MAP,
    "restart": TEXT,
    "read_only": SWITCH,
    "cap_drop": LIST,
    "security_opt": LIST,
    "stop_grace_period": TEXT,
}
BUILD = {"context": TEXT, "dockerfile": TEXT}
HEALTHCHECK = {"test": LIST, "interval": TEXT, "timeout": TEXT, "retries": int, "disable": SWITCH}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
DURATION = r"(\d+(\.\d+)?(us|ms|s|m|h))+"
PORT = r"127\.0\.0\.1:\d{2,5}:\d{2,5}"
IMAGE = r"[a-z0-9._/-]+:v?\d+\.\d+\.\d+"
RUNS_ONCE = {"topics", "feed"}
GIVEN = re.compile(r"\$\{(\w+):-([^}]*)\}")

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)

services = pytest.mark.parametrize("name", SERVICES)


def mismatches(found: dict[str, Any], allowed: dict[str, type]) -> list[str]:
    return [key for key, value in found.items() if key not in allowed or type(value) is not allowed[key]]


def by_default(text: str) -> str:
    """A text with the defaults of its variables put in."""
    return GIVEN.sub(lambda match: match[2], text)


def mounts(service: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Source, target and mode of every volume of a service."""
    found = []
    for volume in service.get("volumes", []):
        source, target, *mode = by_default(volume).split(":")
        found.append((source, target, *(mode or ["rw"])))
    return found


def test_the_file_has_the_keys_and_types_of_the_specification():
    ours = {key: value for key, value in COMPOSE.items() if not key.startswith("x-")}

    assert [] == mismatches(ours, TOP)


@services
def test_a_service_has_the_keys_and_types_of_the_specification(name):
    service = SERVICES[name]
    durations = [service.get("stop_grace_period", "1s")]
    durations += [
        service["healthcheck"][key] for key in ("interval", "timeout") if key in service.get("healthcheck", {})
    ]
    listed = [each for key, kind in SERVICE.items() if kind is LIST for each in service.get(key, [])]

    assert [] == mismatches(service, SERVICE)
    assert [] == mismatches(service.get("build", {}), BUILD)
    assert [] == mismatches(service.get("healthcheck", {}), HEALTHCHECK)
    assert [] == [duration for duration in durations if not re.fullmatch(DURATION, duration)]
    assert {str} >= {type(each) for each in listed}
    assert {str} >= {type(value) for value in service.get("environment", {}).values()}
    assert service.get("restart", "no") in {"no", "always", "on-failure", "unless-stopped"}


@services
def test_a_service_refers_to_what_the_file_defines(name):
    service = SERVICES[name]
    named = [source for source, _, _ in mounts(service) if not source.startswith(".")]

    assert set(named) <= COMPOSE["volumes"].keys()
    assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()
    assert service.get("depends_on", {}).keys() <= SERVICES.keys() - {name}
    for other, wait in service.get("depends_on", {}).items():
        assert {"condition"} == wait.keys()
        assert wait["condition"] in CONDITIONS
        assert (other in RUNS_ONCE) == (wait["condition"] == "service_completed_successfully")


@services
def test_a_service_is_pinned_and_may_do_no_more_than_it_needs(name):
    service = SERVICES[name]

    assert re.fullmatch(IMAGE, service["image"])
    assert ["ALL"] == service["cap_drop"]
    assert ["no-new-privileges:true"] == service["security_opt"]
    assert service.get("read_only", False) or name == "kafka"  # its image writes its configuration at start
    assert all(re.fullmatch(PORT, port) for port in service.get("ports", []))
    assert all(mode == "ro" for source, _, mode in mounts(service) if source.startswith("."))


def test_no_service_runs_as_root():
    dockerfile = (ROOT / "ops" / "docker" / "Dockerfile").read_text()
    by_image = {"kafka": "appuser"}  # as apache/kafka sets it

    assert re.findall(r"^USER (.+)$", dockerfile, re.MULTILINE) == ["claimstream"]
    users = {name: service.get("user", by_image.get(name)) for name, service in SERVICES.items() if name not in OURS}
    assert {"kafka": "appuser", "prometheus": "nobody", "grafana": "472"} == users


@services
def test_a_service_that_goes_on_says_whether_it_is_well(name):
    service = SERVICES[name]
    dockerfile = (ROOT / "ops" / "docker" / "Dockerfile").read_text()

    if name in RUNS_ONCE:
        assert service["healthcheck"] == {"disable": True}
    elif name in OURS:
        assert "healthcheck" not in service
        assert "HEALTHCHECK" in dockerfile
    else:
        assert service["healthcheck"]["test"][0] == "CMD"


@services
def test_what_a_service_mounts_exists_unless_the_operator_brings_it(name):
    own = [volume for volume in SERVICES[name].get("volumes", []) if volume.startswith(".")]

    assert [] == [volume for volume in own if not (ROOT / volume.split(":")[0]).is_dir()]


def test_what_prometheus_is_told_to_read_is_mounted():
    service = SERVICES["prometheus"]
    sources = {target: source for source, target, _ in mounts(service)}
    options = dict(argument.removeprefix("--").split("=") for argument in service["command"])
    targets = yaml.safe_load((PROMETHEUS / "targets" / "workers.yaml").read_text())
    port = SERVICES["worker"]["environment"]["CLAIMSTREAM_HTTP__PORT"]

    assert ROOT / sources[str(Path(options["config.file"]).parent)] == PROMETHEUS
    assert options["storage.tsdb.path"] in sources
    assert [{"targets": [f"worker:{port}"]}] == targets


@pytest.mark.parametrize("name", OURS)
def test_a_command_exists_with_its_options(name):
    command, *arguments = SERVICES[name]["command"]
    assert command in COMMANDS
    known = cli.cli.get_command(None, command)
    options = {option for parameter in known.params for option in parameter.opts}
    inner = getattr(known, "commands", {})

    assert {each for each in arguments if each.startswith("-")} <= options
    assert not inner or arguments[0] in inner


@pytest.mark.parametrize("name", OURS)
def test_a_variable_is_a_setting(name):
    assert SERVICES[name]["environment"].keys() <= set(known_variables())
    assert (ROOT / SERVICES[name]["build"]["dockerfile"]).is_file()


def test_only_the_worker_has_the_key():
    with_key = [name for name, service in SERVICES.items() if "token_key" in service.get("secrets", [])]
    told = [
        name for name, service in SERVICES.items() if "CLAIMSTREAM_TOKEN_KEY_FILE" in service.get("environment", {})
    ]

    assert with_key == told == ["worker"]
    assert SERVICES["worker"]["environment"]["CLAIMSTREAM_TOKEN_KEY_FILE"] == "/run/secrets/token_key"


def test_the_image_holds_what_the_build_copies():
    dockerfile = (ROOT / "ops" / "docker" / "Dockerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [name for line in re.findall(r"^COPY (.+)$", dockerfile, re.MULTILINE) for name in line.split()[:-1]]

    assert [] == [name for name in copied if not (ROOT / name).exists() or f"!{name}" not in ignored]
