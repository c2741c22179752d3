"""Loads the rotary files of an engine without what the rest of it needs: servers, kernels for GPUs, hub clients.

    vllm = alone.package("vllm", ["vllm.model_executor.layers.rotary_embedding"], {"vllm.logger": {...}})

Every module of the package is one of three kinds: its own file, as installed, for the names that are listed
and what is below them; the attributes given here; or an empty stand-in, whose attributes are false and can be
called. So the arithmetic is the engine's, unchanged, and what chooses a device is ours: a CPU, no compiled kernel.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import pathlib
import sys
import types


class Nothing:
    """Stands for what is not there: false, and any attribute or call of it is the same."""

    def __bool__(self):
        return False

    def __call__(self, *_, **__):
        return Nothing()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()

    def __getitem__(self, _):
        return Nothing()

    def __or__(self, _):
        return Nothing()

    __ror__ = __or__


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of one package."""

    def __init__(self, package, folder, own, given):
        self.package, self.folder, self.own, self.given = package, folder, own, given

    def find_spec(self, name, path=None, target=None):
        if name != self.package and not name.startswith(self.package + "."):
            return None
        if name not in self.given and any(name == mine or name.startswith(mine + ".") for mine in self.own):
            return importlib.machinery.PathFinder.find_spec(name, path)
        spec = importlib.machinery.ModuleSpec(name, self, is_package=True)
        spec.submodule_search_locations = [str(self.folder.joinpath(*name.split(".")[1:]))]
        return spec

    def create_module(self, spec):
        return types.ModuleType(spec.name)

    def exec_module(self, module):
        given = self.given.get(module.__name__)
        if given is not None:
            module.__dict__.update(given)
        module.__getattr__ = Nothing().__getattr__


def package(name, own, given=None):
    """Puts the package under these rules; its folder, as installed."""
    spec = importlib.machinery.PathFinder.find_spec(name)
    folder = pathlib.Path(list(spec.submodule_search_locations)[0])
    sys.meta_path.insert(0, Finder(name, folder, own, given or {}))
    return folder
