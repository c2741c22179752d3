"""ggml's shared libraries inside the wheel of pywhispercpp, through ctypes: tensors, and graphs that compute."""

import ctypes
import glob
import importlib.util
import os

import numpy

site = os.path.dirname(importlib.util.find_spec("pywhispercpp").submodule_search_locations[0])


def load(name):
    found = sorted(glob.glob(os.path.join(site, "lib%s.so*" % name)), key=len)
    return ctypes.CDLL(found[-1], mode=ctypes.RTLD_GLOBAL)


base, cpu = load("ggml-base"), load("ggml-cpu")
number = os.path.basename(sorted(glob.glob(os.path.join(site, "libggml-base.so.*")), key=len)[-1]).split(".so.")[1]


class Params(ctypes.Structure):
    _fields_ = [("mem_size", ctypes.c_size_t), ("mem_buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool)]


P, I, F = ctypes.c_void_p, ctypes.c_int, ctypes.c_float
for library, name, result, takes in [
    (base, "ggml_init", P, [Params]),
    (base, "ggml_free", None, [P]),
    (base, "ggml_new_tensor", P, [P, I, I, ctypes.POINTER(ctypes.c_int64)]),
    (base, "ggml_get_data", P, [P]),
    (base, "ggml_new_graph", P, [P]),
    (base, "ggml_build_forward_expand", None, [P, P]),
    (cpu, "ggml_graph_compute_with_ctx", I, [P, P, I]),
]:
    function = getattr(library, name)
    function.restype, function.argtypes = result, takes

TYPES = {"f32": 0, "f16": 1, "i32": 26, "bf16": 30}


def tensor(context, array, dtype):
    """A ggml tensor with the array's numbers; ggml counts dimensions from the innermost."""
    shape = array.shape[::-1]
    made = base.ggml_new_tensor(context, TYPES[dtype], len(shape), (ctypes.c_int64 * len(shape))(*shape))
    ctypes.memmove(base.ggml_get_data(made), array.ctypes.data, array.nbytes)
    return made


def compute(context, result, shape, dtype="f4"):
    """The numbers of a graph's result, f32 unless said."""
    graph = base.ggml_new_graph(context)
    base.ggml_build_forward_expand(graph, result)
    if cpu.ggml_graph_compute_with_ctx(context, graph, 1) != 0:
        raise RuntimeError("ggml_graph_compute failed")
    out = numpy.empty(shape, dtype)
    ctypes.memmove(out.ctypes.data, base.ggml_get_data(result), out.nbytes)
    return out
