"""The shipped reference tables, from their bytes: one reader a table, named as its file is before its vintage."""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any, NamedTuple

from validators.codes import ESI
from validators.reference import (
    AddOns,
    CodeHistory,
    Drug,
    Drugs,
    FeeSchedule,
    FeeScheduleIndicators,
    Icd10Cm,
    MedicallyUnlikelyEdits,
    ModifierIndicator,
    MueValue,
    NcciPairs,
    PlacesOfService,
    Reference,
    Retired,
)

INJECTIONS = tuple(sorted(ESI))
"""The order of the injection codes in the columns of the NCCI table; `.` stands for no pair."""


class Table(NamedTuple):
    """A table file: its vintage and its bytes."""

    vintage: str
    content: bytes


def reference_of(files: Mapping[str, bytes]) -> Reference:
    """The tables of a folder, by file name `<table>_<vintage>.<kind>`. A table without a file is not loaded."""
    tables: dict[str, Table] = {}
    for name, content in files.items():
        table, _, vintage = PurePath(name).stem.rpartition("_")
        tables[table] = Table(vintage, content)
    return Reference(
        ncci=_ncci(tables),
        mue=_mue(tables),
        add_ons=_add_ons(tables),
        fee_schedule=_fee_schedule(tables),
        drugs=_drugs(tables),
        places_of_service=_places(tables),
        code_history=_history(tables),
        icd10cm=_icd10cm(tables),
    )


def _rows(table: Table) -> Iterator[dict[str, Any]]:
    return iter(csv.DictReader(table.content.decode().splitlines()))


def _ncci(tables: Mapping[str, Table]) -> NcciPairs | None:
    if (pairs := tables.get("ncci_pairs")) is None:
        return None
    over: dict[str, Mapping[str, ModifierIndicator]] = {}
    under: dict[str, Mapping[str, ModifierIndicator]] = {}
    alike: dict[str, Mapping[str, ModifierIndicator]] = {}  # thousands of codes have the same few rows
    for row in _rows(pairs):
        for table, column in ((over, "as_column_1"), (under, "as_column_2")):
            if found := alike.setdefault(row[column], _indicators(row[column])):
                table[row["code"]] = found
    ended = {
        (row["column_1"], row["column_2"]): (date.fromisoformat(row["last_day"]), row["modifier_indicator"])
        for row in sorted(_rows(tables["ncci_pairs_ended"]), key=lambda row: row["last_day"])
    }
    others = frozenset((*over, *under, *(code for pair in ended for code in pair))) - ESI
    return NcciPairs(pairs.vintage, over, under, ended, others)


def _indicators(row: str) -> dict[str, Any]:
    return {code: indicator for code, indicator in zip(INJECTIONS, row, strict=True) if indicator != "."}


def _mue(tables: Mapping[str, Table]) -> MedicallyUnlikelyEdits | None:
    if (table := tables.get("mue")) is None:
        return None
    values = {row["code"]: MueValue(Decimal(row["units"]), row["adjudication"]) for row in _rows(table)}
    return MedicallyUnlikelyEdits(table.vintage, values)


def _add_ons(tables: Mapping[str, Table]) -> AddOns | None:
    if (table := tables.get("add_ons")) is None:
        return None
    primaries: dict[str, set[str]] = defaultdict(set)
    for row in _rows(table):
        primaries[row["add_on"]].add(row["primary"])
    return AddOns(table.vintage, {add_on: frozenset(codes) for add_on, codes in primaries.items()})


def _fee_schedule(tables: Mapping[str, Table]) -> FeeSchedule | None:
    if (table := tables.get("fee_schedule")) is None:
        return None
    indicators = {row.pop("code"): FeeScheduleIndicators(**row) for row in _rows(table)}
    return FeeSchedule(table.vintage, indicators)


def _drugs(tables: Mapping[str, Table]) -> Drugs | None:
    if (table := tables.get("hcpcs_drugs")) is None:
        return None
    by_code = {
        row["code"]: Drug(
            row["kind"],
            row["drug"] or None,
            Decimal(row["mg_per_unit"]) if row["mg_per_unit"] else None,
            row["particulate"] == "yes",
            date.fromisoformat(row["first_day"]),
            date.fromisoformat(row["last_day"]) if row["last_day"] else None,
        )
        for row in _rows(table)
    }
    return Drugs(table.vintage, by_code)


def _places(tables: Mapping[str, Table]) -> PlacesOfService | None:
    if (table := tables.get("places_of_service")) is None:
        return None
    return PlacesOfService(table.vintage, frozenset(row["code"] for row in _rows(table) if row["assigned"] == "yes"))


def _history(tables: Mapping[str, Table]) -> CodeHistory | None:
    if (table := tables.get("code_history")) is None:
        return None
    retired = {
        row["code"]: Retired(date.fromisoformat(row["last_day"]), row["instead"] or None) for row in _rows(table)
    }
    return CodeHistory(table.vintage, retired)


def _icd10cm(tables: Mapping[str, Table]) -> Icd10Cm | None:
    if (leaves := tables.get("icd10cm")) is None:
        return None
    headers: dict[str, date] = {}
    children: dict[str, Sequence[str]] = {}
    first_days: dict[str, date] = {}
    for row in _rows(tables["icd10cm_changes"]):
        last_day = headers[row["code"]] = date.fromisoformat(row["last_day"])
        children[row["code"]] = tuple(row["children"].split())
        first_days |= dict.fromkeys(children[row["code"]], last_day + timedelta(days=1))
    billable = frozenset(leaves.content.decode().split())
    settled_on = max(first_days.values(), default=date.min)
    return Icd10Cm(leaves.vintage, billable, headers, children, first_days, settled_on)
