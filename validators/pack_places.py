"""Where a thing may be said in packs: in a file of the right kind, and in the built-in packs in one file."""

from collections.abc import Iterator, Sequence

from validators.pack import Pack, PackError, PackFile, PackRule

OF_EVERYBODY = ("state", "line_of_business_defaults")
OF_PAYERS = ("payer_ids", "authorizations", "encounter_facts")
FILE_OF_EVERYBODY = "a file without payer, line_of_business, lcd or of_lcd"
RULES_OF_EVERYBODY = ("scope", "starts_on", "ends_on", "stage", "secondary_payers")
"""What only a pack of everybody says of a rule."""


def require_right_files(packs: Sequence[Pack]) -> None:
    """A pack of one payer, LCD or line of business says nothing that is for more. Raises PackError."""
    for name, file in packs:
        if file.layer is None:
            continue
        said = file.model_fields_set
        if elsewhere := [key for key in OF_EVERYBODY if key in said]:
            raise PackError(
                f"pack {name}, key {elsewhere[0]}: there is one for all payers; say this in {FILE_OF_EVERYBODY}"
            )
        if file.payer is None and (elsewhere := [key for key in OF_PAYERS if key in said]):
            raise PackError(
                f"pack {name}, key {elsewhere[0]}: this is said of one payer or of everybody; say it in a pack of the "
                f"payer or in {FILE_OF_EVERYBODY}"
            )
        for rule_id, rule in file.rules.items():
            if elsewhere := [key for key in RULES_OF_EVERYBODY if key in rule.model_fields_set]:
                raise PackError(
                    f"pack {name}, key rules.{rule_id}.{_written(elsewhere[0])}: a pack of one payer, line of business "
                    f"or LCD gives only parameters and severity; say this in {FILE_OF_EVERYBODY}"
                )


def require_said_once(packs: Sequence[Pack]) -> None:
    """No two packs say the same thing of the same claims: the later would win unseen. Raises PackError."""
    first: dict[tuple[str | None, str], str] = {}
    for name, file in packs:
        for key in _keys(file):
            # A payer id is one of all payers.
            layer = None if key.startswith("payer_ids.") else file.layer
            before = first.setdefault((layer, key), name)
            if before != name:
                raise PackError(f"pack {name}, key {key}: pack {before} says this too; write it once")


def _keys(file: PackFile) -> Iterator[str]:
    """What a pack says, each thing by its key."""
    for name in ("version", "authorizations", "encounter_facts", "state"):
        if name in file.model_fields_set:
            yield name
    for name in ("payer_ids", "line_of_business_defaults", "diagnosis_tiers"):
        yield from (f"{name}.{key}" for key in getattr(file, name))
    for rule_id, rule in file.rules.items():
        yield from (f"rules.{rule_id}.{_written(name)}" for name in sorted(rule.model_fields_set - {"parameters"}))
        yield from (f"rules.{rule_id}.parameters.{name}" for name in rule.parameters)


def _written(name: str) -> str:
    return PackRule.model_fields[name].alias or name
