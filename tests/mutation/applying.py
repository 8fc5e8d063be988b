"""Put a mutant in the place of its module, in a process that is to try it and then end."""

import importlib.abc
import importlib.util
import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the mutated module, before all others who find it as it stands in its file."""

    def __init__(self, name: str, code: CodeType) -> None:
        self._name, self._code = name, code

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != self._name:
            return None
        return importlib.util.spec_from_file_location(name, self._code.co_filename, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, vars(module))


def apply(name: str, code: CodeType, dependents: Iterable[str]) -> None:
    """Have the module `name`, when it is next imported, run `code`; `dependents` are imported anew as well."""
    for each in {name, *dependents} & sys.modules.keys():
        del sys.modules[each]
        package, _, leaf = each.rpartition(".")
        if package in sys.modules:
            vars(sys.modules[package]).pop(leaf, None)  # `from package import leaf` looks there first
    sys.meta_path.insert(0, _Mutated(name, code))
