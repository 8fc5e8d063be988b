"""Write, or check, what is generated: JSON Schemas, AsyncAPI, the Grafana board, ICD-10-CM codes, the rules.

`python -m streams.generated_files` writes them; with `--check` it exits 1 and names those that are not current.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from schemas.authorization import Authorization
from schemas.claim import Claim
from schemas.codec import Kind, content_type
from schemas.decision import Decision
from schemas.encounter import Encounter
from schemas.manifest import Manifest
from schemas.purge import Purge
from schemas.rejection import Rejection
from schemas.withdrawal import Withdrawal
from streams.dashboards import board
from streams.delivery.redrive.marks import marks_topics
from streams.rulebook.docs import in_catalogue_order
from streams.rulebook.pages import catalogue_page
from streams.rulebook.told import by_itself
from streams.topic_layout import Layout, Topics
from validators.catalogue import RULES
from validators.loading import load_ruleset
from validators.pack import PackFile

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "schemas" / "generated"
BOARD = ROOT / "ops" / "grafana" / "dashboards" / "claims-at-a-glance.json"
PACK_SCHEMA = ROOT / "validators" / "packs" / "pack.schema.json"
ICD10CM = ROOT / "validators" / "reference_data" / "icd10cm_FY2026.txt"
RULES_TOLD = ROOT / "validators" / "rules.json"
CATALOGUE = ROOT / "validators" / "CATALOGUE.md"
SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
MODELS: dict[str, type[BaseModel]] = {
    "claim": Claim,
    "authorization": Authorization,
    "encounter": Encounter,
    "purge": Purge,
    "decision": Decision,
    "withdrawal": Withdrawal,
    "manifest": Manifest,
    "rejection": Rejection,
}
SENT_IN = frozenset({"claim", "authorization", "encounter"})
"""What others write; their schema says what is read, not what is written."""
LOGGED: tuple[Kind, ...] = ("claim", "authorization", "encounter", "purge")
DECIDED: tuple[Kind, ...] = ("decision", "withdrawal")
ON_TOPICS: tuple[Kind, ...] = (*LOGGED, *DECIDED, "manifest")
PURPOSE: dict[str, tuple[str, tuple[Kind, ...]]] = {
    "received": ("Claims as they were sent, in any supported format, up to 8 MiB a record.", ()),
    "patient-events": ("The one log of a patient, in canonical form.", LOGGED),
    "accepted": ("Decisions without a deny or flag finding.", DECIDED),
    "flagged": ("Decisions with a flag finding.", DECIDED),
    "denied-risk": ("Decisions with a deny finding.", DECIDED),
    "acknowledgements": ("Receipts for the senders.", ()),
    "manifests": ("What was found in each received record.", ("manifest",)),
    "state-changelog": ("Patient state, compacted: tokens, codes and dates.", ()),
    "received-dlt": ("Received records or claims that could not be read, with their original bytes.", ()),
    "patient-events-dlt": ("Records of the patient log that could not be decided, with their original bytes.", ()),
    "received-dlt.redriven": (
        "Which letters of received-dlt were redriven, by `partition:offset`. Created by `claimstream redrive`.",
        (),
    ),
    "patient-events-dlt.redriven": (
        "Which letters of patient-events-dlt were redriven, by `partition:offset`. Created by `claimstream redrive`.",
        (),
    ),
}


def files() -> dict[Path, str]:
    """Every generated file and what it must hold."""
    generated = {
        f"{name}.schema.json": {"$schema": SCHEMA_DIALECT}
        | model.model_json_schema(mode="validation" if name in SENT_IN else "serialization", by_alias=True)
        for name, model in MODELS.items()
    }
    generated["asyncapi.json"] = _asyncapi()
    contents = {FOLDER / name: content for name, content in generated.items()} | {
        BOARD: board(),
        PACK_SCHEMA: {"$schema": SCHEMA_DIALECT} | PackFile.model_json_schema(by_alias=True),
        RULES_TOLD: [by_itself(rule) for rule in in_catalogue_order(RULES)],
    }
    texts = {path: json.dumps(content, indent=2) + "\n" for path, content in contents.items()}
    return texts | {ICD10CM: _icd10cm_leaves(), CATALOGUE: catalogue_page(load_ruleset())}


def _icd10cm_leaves() -> str:
    """The codes that have no children and can be billed, without the dot, a line each."""
    with warnings.catch_warnings(action="ignore"):  # it reads its own files in a way that Python will end
        import simple_icd_10_cm as icd10cm  # noqa: PLC0415 - only here, for it reads a hundred thousand codes

    codes = set(icd10cm.get_all_codes(with_dots=False))
    leaves = (code for code in codes if icd10cm.is_leaf(code) and "-" not in code)  # a block such as M40-M54 is no code
    return "".join(f"{code}\n" for code in sorted(leaves))


def _asyncapi() -> dict[str, Any]:
    channels = {}
    for topic in (*Layout().topics(Topics()), *marks_topics(Topics())):
        name = topic.name.removeprefix("claims.")
        description, kinds = PURPOSE[name]
        channels[name] = {
            "address": topic.name,
            "description": description,
            "messages": {kind: {"$ref": f"#/components/messages/{kind}"} for kind in kinds},
            "bindings": {"kafka": {"partitions": topic.partitions, "topicConfiguration": dict(topic.config)}},
        }
    messages = {
        kind: {"contentType": content_type(kind), "payload": {"$ref": f"./{kind}.schema.json"}} for kind in ON_TOPICS
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "claimstream",
            "version": "1",
            "description": "Topic names stand behind a deployment's prefix. Generated by streams/generated_files.py.",
        },
        "channels": channels,
        "components": {"messages": messages},
    }


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` compare them; the exit code."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: python -m streams.generated_files [--check]\n")
        return 2
    stale = {path: text for path, text in files().items() if not path.exists() or path.read_text() != text}
    for path, text in stale.items():
        if arguments:
            sys.stderr.write(f"{path.relative_to(ROOT)} is not current; run `make generate`\n")
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    return 1 if arguments and stale else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
