"""The jars of the embedded Kafka: which ones, where they lie, and that they are the pinned bytes.

`kafka_jars.txt` lists every jar with its SHA-256 in the format of `sha256sum`, by its path in a Maven repository.
They are looked for there, without network; jgo downloads what is missing. A machine without network names a folder
that holds the files in CLAIMSTREAM_KAFKA__JARS.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

COORDINATES = ("org.apache.kafka:kafka_2.13:4.1.0", "org.slf4j:slf4j-simple:1.7.36")
PINNED_FILE = Path(__file__).with_name("kafka_jars.txt")
FOLDER_VARIABLE = "CLAIMSTREAM_KAFKA__JARS"
FETCH_COMMAND = "python -m streams.embedded_kafka fetch"
PIN_COMMAND = "python -m streams.embedded_kafka pin"


class EmbeddedKafkaError(Exception):
    """The embedded Kafka cannot do what was asked: one sentence with what, where and how to fix it."""


class PinnedJar(NamedTuple):
    """A jar as the repository pins it; `path` is its place below the root of a Maven repository."""

    sha256: str
    path: str

    @property
    def name(self) -> str:
        """The file name."""
        return self.path.rpartition("/")[2]

    @property
    def coordinate(self) -> str:
        """The Maven coordinate, `group:artifact:version`."""
        *group, artifact, version, _ = self.path.split("/")
        return f"{'.'.join(group)}:{artifact}:{version}"


def pinned_jars() -> tuple[PinnedJar, ...]:
    """The list of jars, in class path order."""
    try:
        lines = PINNED_FILE.read_text().splitlines()
        return tuple(PinnedJar(*line.split(maxsplit=1)) for line in lines if line and not line.startswith("#"))
    except (OSError, TypeError) as error:
        raise EmbeddedKafkaError(
            f"the list of Kafka jars {PINNED_FILE} cannot be read ({error}); restore it from version control"
        ) from error


def maven_repository() -> Path:
    """The Maven repository of this account, where jgo and Maven keep what they downloaded."""
    return Path(os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository")


def jar_folder() -> Path | None:
    """The folder CLAIMSTREAM_KAFKA__JARS names, or None when it is not set."""
    folder = os.environ.get(FOLDER_VARIABLE)
    return Path(folder) if folder else None


def class_path() -> tuple[Path, ...]:
    """Every jar of the broker, present and verified; missing ones are downloaded unless a folder is named.

    The check reads every jar, once per process and place. Raises EmbeddedKafkaError.
    """
    folder = jar_folder()
    return _jars_in_folder(folder) if folder else _jars_in_repository(maven_repository())


def fetch() -> tuple[Path, ...]:
    """As `class_path`, but jars with other content than the pinned one are downloaded again."""
    if not jar_folder():
        root = maven_repository()
        for jar in pinned_jars():
            if (root / jar.path).is_file() and not _is_pinned(root / jar.path, jar):
                (root / jar.path).unlink()
    return class_path()


def pin() -> int:
    """Resolve COORDINATES with their dependencies and write the list of jars with what was downloaded.

    Returns the number of jars.
    """
    jgo = _jgo()
    try:
        found = [(artifact, artifact.resolve()) for artifact in jgo.resolve("+".join(COORDINATES))]
    except (OSError, RuntimeError) as error:
        raise EmbeddedKafkaError(
            f"{' and '.join(COORDINATES)} cannot be resolved ({error}); check the network"
        ) from error
    lines = sorted(
        f"{_sha256(path)}  {artifact.component.path_prefix.as_posix()}/{path.name}" for artifact, path in found
    )
    head = (
        f"# Written by `{PIN_COMMAND}`, for {' and '.join(COORDINATES)}. Check with sha256sum in a Maven repository.\n"
    )
    PINNED_FILE.write_text(head + "".join(f"{line}\n" for line in sorted(lines, key=lambda line: line.split()[1])))
    return len(lines)


@cache
def _jars_in_folder(folder: Path) -> tuple[Path, ...]:
    pinned = pinned_jars()
    if not folder.is_dir():
        raise EmbeddedKafkaError(
            f"{FOLDER_VARIABLE} names {folder}, which is not a folder; "
            f"make it and put the {len(pinned)} jars of {PINNED_FILE.name} into it"
        )
    missing = [jar.name for jar in pinned if not (folder / jar.name).is_file()]
    if missing:
        raise EmbeddedKafkaError(
            f"{FOLDER_VARIABLE} names {folder}, which lacks {_some(missing)}; "
            f"put the jars of {PINNED_FILE.name} into it, from a machine on which `{FETCH_COMMAND}` works"
        )
    known = {jar.name for jar in pinned}
    extra = sorted(path.name for path in folder.glob("*.jar") if path.name not in known)
    if extra:
        raise EmbeddedKafkaError(
            f"{folder} holds {_some(extra)}, not listed in {PINNED_FILE.name}; remove it, or run `{PIN_COMMAND}`"
        )
    paths = [folder / jar.name for jar in pinned]
    _verify(zip(paths, pinned, strict=True), f"replace it by the file {PINNED_FILE.name} means")
    return tuple(paths)


@cache
def _jars_in_repository(root: Path) -> tuple[Path, ...]:
    pinned = pinned_jars()
    missing = [jar for jar in pinned if not (root / jar.path).is_file()]
    if missing:
        _download(missing, root)
    paths = [root / jar.path for jar in pinned]
    _verify(zip(paths, pinned, strict=True), f"run `{FETCH_COMMAND}` to download it again")
    return tuple(paths)


def _verify(jars: Iterable[tuple[Path, PinnedJar]], fix: str) -> None:
    for path, jar in jars:
        if not _is_pinned(path, jar):
            raise EmbeddedKafkaError(f"{path} is not the {jar.coordinate} that {PINNED_FILE.name} pins; {fix}")


def _download(jars: list[PinnedJar], root: Path) -> None:
    """Download into a folder beside, verify, then move: an interrupted download leaves no half jar behind."""
    jgo = _jgo()
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".claimstream-", dir=root) as staging:
        context = jgo.maven.MavenContext(repo_cache=Path(staging), timeout=30)
        context.remote_repos.update(jgo.config.GlobalSettings.load().repositories)  # a mirror, named in jgo's own file
        for jar in jars:
            path = _download_one(context, jar, [jar.name for jar in jars])
            _verify([(path, jar)], f"the repository serves another file: look at its mirror, or run `{PIN_COMMAND}`")
            (root / jar.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, root / jar.path)


def _download_one(context: Any, jar: PinnedJar, wanted: list[str]) -> Path:
    group, artifact, version = jar.coordinate.split(":")
    try:
        return Path(context.project(group, artifact).at_version(version).artifact().resolve())
    except (OSError, RuntimeError) as error:  # requests' exceptions are OSErrors
        raise EmbeddedKafkaError(
            f"the jar of {jar.coordinate} cannot be downloaded ({type(error).__name__}); connect to the network "
            f"and run `{FETCH_COMMAND}`, or put {_some(wanted)} into a folder and name it in {FOLDER_VARIABLE}"
        ) from error


def _jgo() -> Any:
    try:
        import jgo  # noqa: PLC0415 - takes 0.3 s, and only a download needs it
        import jgo.config  # noqa: PLC0415
        import jgo.maven  # noqa: PLC0415
    except ImportError as error:
        raise EmbeddedKafkaError(
            f"the Kafka jars are not here and jgo, which downloads them, is not installed; install it, or name a "
            f"folder with the jars of {PINNED_FILE.name} in {FOLDER_VARIABLE}"
        ) from error
    return jgo


def _some(names: list[str]) -> str:
    rest = len(names) - 3
    return ", ".join(names[:3]) + (f" and {rest} more of {PINNED_FILE.name}" if rest > 0 else "")


def _is_pinned(path: Path, jar: PinnedJar) -> bool:
    return _sha256(path) == jar.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
