import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TOP_LEVEL = {
    "pyproject.toml",
    "docker-compose.yml",
    "streams",
    "validators",
    "schemas",
    "tests",
    "ops",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "requirements.lock",
}


def tracked() -> list[str]:
    found = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return found.stdout.splitlines()


def locked_in(path: Path) -> dict[str, str]:
    """What a lock file says of each package."""
    found = re.findall(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==(.*?)(?=^\S|\Z)", path.read_text(), re.MULTILINE | re.DOTALL)
    return dict(found)


@pytest.mark.parametrize("package", ["schemas", "validators", "streams"])
def test_a_package_is_the_one_of_this_repository(package):
    module = __import__(package)

    assert ROOT / package == Path(module.__file__ or "").parent


def test_the_top_level_holds_what_was_agreed_and_nothing_more():
    visible = {path.split("/")[0] for path in tracked() if not path.startswith(".")}

    assert TOP_LEVEL == visible | TOP_LEVEL


def test_no_test_folder_is_a_package():
    assert [] == [path for path in tracked() if path.startswith("tests/") and path.endswith("__init__.py")]


def test_the_engine_is_pinned_exactly():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = {name: pin for name, _, pin in (each.partition("==") for each in project["dependencies"]) if pin}

    assert {"faust-streaming": "0.15.3", "aiokafka": "0.14.0", "mode-streaming": "0.7.1"} == pins
    assert pins == {name: version(name) for name in pins}


def test_every_dependency_is_locked_with_hashes():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {
        re.split(r"[<>=\[]", each)[0].lower()
        for each in project["dependencies"] + project["optional-dependencies"]["dev"]
    }
    locked = locked_in(ROOT / "requirements.lock")

    assert set() == wanted - locked.keys()
    assert [] == [name for name, entry in locked.items() if "--hash=sha256:" not in entry]


def test_every_dependency_of_mutation_testing_is_locked_with_hashes():
    folder = ROOT / "tests" / "mutation"
    wanted = set(re.findall(r"^([a-z-]+)", (folder / "requirements.in").read_text().lower(), re.MULTILINE))
    locked = locked_in(folder / "requirements.lock")

    assert set() == wanted - locked.keys()
    assert [] == [name for name, entry in locked.items() if "--hash=sha256:" not in entry]


def test_generated_files_are_current():
    done = subprocess.run([sys.executable, "-m", "streams.generated_files", "--check"], cwd=ROOT, check=False)

    assert done.returncode == 0


def test_the_generated_schemas_are_json():
    for path in (ROOT / "schemas" / "generated").glob("*.json"):
        assert json.loads(path.read_text())


def test_ci_runs_what_the_readme_says():
    makefile = (ROOT / "Makefile").read_text()

    assert "make ci" in (ROOT / ".ci" / "run").read_text()
    assert "$(MAKE) --no-print-directory test " in makefile.partition("\nci: ")[2]
    assert "make test" in (ROOT / "README.md").read_text()
    assert "make demo" in (ROOT / "README.md").read_text()


def test_compose_mounts_only_what_exists_and_sets_only_settings():
    from streams.settings import known_variables  # noqa: PLC0415 - this test alone needs it

    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    variables = {
        name
        for service in compose["services"].values()
        for name in service.get("environment", {})
        if name.startswith("CLAIMSTREAM_")
    }
    built = [service["build"]["dockerfile"] for service in compose["services"].values() if "build" in service]

    assert variables <= set(known_variables())
    assert all((ROOT / path).is_file() for path in built)
    assert all(
        str(port).startswith("127.0.0.1:")
        for service in compose["services"].values()
        for port in service.get("ports", [])
    )
