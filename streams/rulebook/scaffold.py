"""Begin a rule: its module, vectors, line of the catalogue, line of the pack and news, all to be filled in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from streams.vectors.cases import file_of
from validators.catalogue import RULES
from validators.codes import IN_SCOPE
from validators.loading import HERE
from validators.rule import FAMILIES

ROOT = HERE.parent
_ID = re.compile(r"([A-Z]+)-([0-9]{2})")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
_CODE = re.compile(r"[0-9A-Z][0-9]{3}[0-9A-Z]")
_OF_EVERY_CLAIM = ("claim", "system")
INJECTION = "62323"


class RefusedError(Exception):
    """A rule that cannot be begun so: one sentence."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule to begin. Raises RefusedError when its id, name or codes cannot be those of a new rule."""

    id: str
    name: str
    codes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        match = _ID.fullmatch(self.id)
        if match is None or match[1] not in FAMILIES:
            raise RefusedError(
                f"{self.id} is no rule id; write one of {', '.join(FAMILIES)}, a hyphen and two digits, like CODE-03"
            )
        if not _NAME.fullmatch(self.name):
            raise RefusedError(
                f"{self.name} is no rule name; write what is wrong in lower-case words joined by hyphens, to be read "
                "after `denied for`"
            )
        for rule in RULES:
            if self.id == rule.id or self.name == rule.name:
                raise RefusedError(f"there is a rule {rule.id} ({rule.name}); take an id and a name of its own")
        lifted = sorted(rule.id for rule in RULES if self.id in rule.bypassed_by)
        if lifted:
            raise RefusedError(
                f"{self.id} stands in bypassed_by of {', '.join(lifted)} already, so the new rule would lift findings; "
                f"take {_next_id(match[1])}, the next free id of its family"
            )
        for code in self.codes:
            if not _CODE.fullmatch(code):
                raise RefusedError(f"{code} is no procedure code; write five characters, like 62323")

    @property
    def family(self) -> str:
        """The family its id begins with."""
        return FAMILIES[self.id.partition("-")[0]]

    @property
    def stem(self) -> str:
        """What its files begin with."""
        return file_of(self.id).stem

    @property
    def module(self) -> str:
        """The name of its module."""
        return f"{self.stem}_{self.name.replace('-', '_')}"


def _next_id(prefix: str) -> str:
    """The id after all that rules of a family have or name, else the first between them."""
    known = {each for rule in RULES for each in (rule.id, *rule.bypassed_by) if each.startswith(f"{prefix}-")}
    last = max(int(each[-2:]) for each in known)
    ids = (f"{prefix}-{number:02}" for number in (*range(last + 1, 100), *range(1, last)))
    return next(each for each in ids if each not in known)


def draft_of(rule_id: str, name: str, family: str | None, codes: Sequence[str]) -> Draft:
    """The draft that was typed; codes come comma separated or one by one. Raises RefusedError."""
    typed = {code.strip().upper() for each in codes for code in each.split(",") if code.strip()}
    draft = Draft(rule_id, name, tuple(sorted(typed)))
    if family not in (None, draft.family):
        raise RefusedError(f"{rule_id} is of family {draft.family}, not {family}; write an id of that family")
    return draft


@dataclass(frozen=True, slots=True)
class Begun:
    """What was written."""

    new: tuple[Path, ...]
    changed: tuple[Path, ...]


def begin(draft: Draft, root: Path = ROOT) -> Begun:
    """Write everything a rule consists of, under the root of a checkout; no file is overwritten.

    Raises RefusedError.
    """
    catalogue, changes = root / "validators" / "catalogue.py", root / "ops" / "changes"
    if not changes.is_dir():
        raise RefusedError(f"{root} has no ops/changes, so it is no checkout; begin a rule in a checkout")
    validators = catalogue.parent
    package, pack = validators / draft.family, validators / "packs" / "base" / f"{draft.family}.yaml"
    new = {
        package / f"{draft.module}.py": _module(draft),
        validators / "vectors" / f"{draft.stem}.yaml": _vectors(draft),
        changes / f"+{draft.stem}.new_rule.md": _news(draft),
    }
    changed = {catalogue: _in_catalogue(catalogue.read_text(), draft)}
    if not package.is_dir():
        new[package / "__init__.py"] = f'"""Rules of the family {draft.family}."""\n'
    if pack.exists():
        changed[pack] = _in_pack(pack.read_text(), draft)
    else:
        new[pack] = f"# yaml-language-server: $schema=../pack.schema.json\nrules:\n  {draft.id}: {{}}\n"
    if existing := sorted(str(path.relative_to(root)) for path in new if path.exists()):
        raise RefusedError(f"{', '.join(existing)} would be overwritten; move it away, or take another id")
    for path, text in (new | changed).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return Begun(tuple(sorted(new)), tuple(sorted(changed)))


def _in_catalogue(text: str, draft: Draft) -> str:
    """The catalogue with the rule's import, in the order of modules, and its line, in the order of families and ids."""
    lines = text.splitlines()
    new_import = f"from validators.{draft.family} import {draft.module} as {draft.stem}"
    imports = [place for place, line in enumerate(lines) if line.startswith("from validators.")]
    before = next((place for place in imports if lines[place] > new_import), imports[-1] + 1)
    lines.insert(before, new_import)
    listed = {place: match[1] for place, line in enumerate(lines) if (match := re.fullmatch(r"    (\w+)\.RULE,", line))}
    after = [place for place, stem in listed.items() if _order(stem) < _order(draft.stem)]
    lines.insert(max(after, default=min(listed) - 1) + 1, f"    {draft.stem}.RULE,")
    return "\n".join([*lines, ""])


def _order(stem: str) -> tuple[int, str]:
    prefix = stem.rstrip("0123456789").upper()
    return [*FAMILIES].index(prefix), stem


def _in_pack(text: str, draft: Draft) -> str:
    """The pack with a line of the rule, in the order of ids, after all that the rule before it says."""
    lines = text.splitlines()
    named = {place: match[1] for place, line in enumerate(lines) if (match := re.match(r"  ([A-Z]+-[0-9]+):", line))}
    later = [place for place, rule_id in named.items() if rule_id > draft.id]
    if later:
        place = min(later)
        while lines[place - 1].startswith("  #"):  # what is said of the next rule
            place -= 1
    else:
        start = lines.index("rules:") + 1
        rest = (place for place, line in enumerate(lines[start:], start) if re.match(r"[^\s#]", line))
        place = next(rest, len(lines))
    lines.insert(place, f"  {draft.id}: {{}}")
    return "\n".join([*lines, ""])


def _module(draft: Draft) -> str:
    codes = ", ".join(f'"{code}"' for code in draft.codes)
    options = [
        f"    codes=frozenset({{{codes}}}),\n" if codes else "",
        "    every_claim=True,\n" if draft.family in _OF_EVERY_CLAIM else "",
        "    primary_payer_only=True,\n" if draft.family == "authorization" else "",
    ]
    return f'''"""{draft.id} {draft.name}: say what is wrong, in a sentence.

Why: say why a payer denies it.
Fires: say when, in words of the claim. It says nothing yet.
Not: say what looks like it and is right.
Source: name the document and its section.
"""

from collections.abc import Iterator, Sequence

from schemas.decision import Citation
from validators.context import Context
from validators.lines import Line
from validators.rule import Found, Needs, Rule


def check(lines: Sequence[Line], context: Context) -> Iterator[Found]:
    """Say nothing yet: yield RULE.finding(what was seen, then the bound; the line) for each line that is wrong."""
    del lines, context
    yield from ()


RULE = Rule(
    id="{draft.id}",
    name="{draft.name}",
    severity="flag",
    needs=(Needs.CLAIM,),
{"".join(options)}    suggestion="say how to mend it",
    citation=Citation(document="say which document", section="say where in it", confidence="memory-low"),
    check=check,
)
'''


def _vectors(draft: Draft) -> str:
    code = draft.codes[0] if draft.codes else INJECTION
    # Where no line is an injection only rules about every claim look.
    first = "" if code in IN_SCOPE or draft.family in _OF_EVERY_CLAIM else f'{{procedure_code: "{INJECTION}"}}, '
    void = '  - name: the claim is a void\n    given: {frequency_code: "8"}\n    expect: not_applicable\n'
    return f"""rule: {draft.id}
# Each case lays `given` over default-claim.yaml. Both sides of every bound and date, and every branch, want one.
cases:
  - name: say what is wrong with this claim
    given: {{service_lines: [{first}{{procedure_code: "{code}"}}]}}
    expect:
      status: fail
      lines: [{2 if first else 1}]
      severity: flag
      message: what was seen, then the bound
  - name: say what is right with this claim
    given: {{service_lines: [{first}{{procedure_code: "{code}", modifiers: [KX]}}]}}
    expect: pass
{"" if draft.family in _OF_EVERY_CLAIM else void}"""


def _news(draft: Draft) -> str:
    return f"{draft.id}: say what it finds. Affects: service dates from …, payer ….\n"
