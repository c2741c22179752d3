"""What every model type of Transformers does with positions, found by running its own code.

Each model is built on the meta device from its default config. Its rotary modules are made again on
the CPU and asked for cos and sin at one position, and the model's own function applies them to an
identity matrix: what comes out says which coordinates form pairs, by which angle and in which
direction they turn, and which of them stay. Which layers rotate is read off the conditions around
the call in the attention's own code, evaluated for each layer.
"""

import ast
import functools
import importlib
import inspect
import itertools
import json
import logging
import math
import re
import types
import warnings

import torch
import transformers
from torch import nn
from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES
from transformers.models.auto.modeling_auto import MODEL_MAPPING

logging.disable(logging.CRITICAL)
warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()

VERSION, TORCH = transformers.__version__, torch.__version__

ROTARY = re.compile(r"Rotary|Rope|R[oO]PE|RoPe")
APPLIES = re.compile(r"rotary|rope|rotate_queries")

# Where a token of a text stands on each axis, and the patch of a tower: row 2, column 3.
TEXT = (1000, 700, 400, 300)
ROW, COLUMN = 2, 3


class Unknown(Exception):
    """This script cannot tell; the sentence says what it met."""


# --- configs ---------------------------------------------------------------------------------------


def tree(config, path=()):
    """Every config object of a config, with the keys that lead to it."""
    yield path, config
    for key, value in vars(config).items():
        if isinstance(value, transformers.PreTrainedConfig) and not key.startswith("_"):
            yield from tree(value, (*path, key))


def path_of(config, wanted):
    """The keys that lead to a config object, or else to the only one of its class."""
    same = [path for path, one in tree(config) if one is wanted]
    alike = [path for path, one in tree(config) if type(one) is type(wanted)]
    return (same or alike + [None])[0] if same or len(alike) < 2 else None


def written(config, short):
    """The config.json that Transformers saves: with every key, or with those that differ."""
    return json.loads(config.to_json_string(use_diff=short))


# --- models ----------------------------------------------------------------------------------------


def modelling(config):
    """The module with the modelling code of a config class."""
    return importlib.import_module(type(config).__module__.replace("configuration_", "modeling_"))


def model_class(config):
    mapped = MODEL_MAPPING.get(type(config), None)
    if mapped is not None:
        return mapped[0] if isinstance(mapped, (tuple, list)) else mapped
    own = [
        value for value in vars(modelling(config)).values()
        if inspect.isclass(value) and issubclass(value, transformers.PreTrainedModel)
        and value.config_class is type(config) and not value.__name__.endswith("PreTrainedModel")
    ]
    own.sort(key=lambda c: (not c.__name__.endswith("Model"), len(c.__name__)))
    if not own:
        raise Unknown("no model class for this config")
    return own[0]


def remember(module):
    """Has the rotary modules of this code keep what they were made of."""
    for value in list(vars(module).values()):
        if inspect.isclass(value) and issubclass(value, nn.Module) and ROTARY.search(value.__name__):
            made = value.__init__
            if not hasattr(made, "remembers"):
                value.__init__ = remembering(made)


def remembering(made):
    @functools.wraps(made)
    def init(self, *arguments, **named):
        made(self, *arguments, **named)
        vars(self).setdefault("made_of", (arguments, named))

    init.remembers = True
    return init


def build(config):
    """The model on the meta device, without touching a weight."""
    cls = model_class(config)
    remember(modelling(config))
    with torch.device("meta"), transformers.initialization.no_init_weights():
        return cls(config)


def rotates_somewhere(config):
    """Whether any class of the modelling code, or of that of a config inside, rotates."""
    codes = {modelling(own).__name__ for _, own in tree(config)}
    return any(calls(value) for code in codes for value in vars(importlib.import_module(code)).values()
               if inspect.isclass(value) and value.__module__ == code and issubclass(value, nn.Module))


def parts_alone(config):
    """Of a model that cannot be built, the rotary modules and attentions, each on its own."""
    for path, own in tree(config):
        try:
            code = modelling(own)
        except ImportError:
            continue
        remember(code)
        stem = type(own).__name__.removesuffix("Config")
        for name, value in list(vars(code).items()):
            if not (inspect.isclass(value) and issubclass(value, nn.Module) and value.__module__ == code.__name__):
                continue
            keys = inspect.signature(value.__init__).parameters
            if "config" not in keys or not (
                name.startswith(stem) or keys["config"].annotation in (type(own), type(own).__name__)
            ):
                continue
            rotary = ROTARY.search(name) and "Attention" not in name
            if not rotary and not ("Attention" in name and calls(value)):
                continue
            arguments = {"config": own} | ({"layer_idx": 0} if "layer_idx" in keys else {})
            try:
                with torch.device("meta"):
                    yield ".".join((*path, name)), value(**arguments)
            except Exception:  # whatever kept the model from being built
                continue


for layer in (nn.Linear, nn.Embedding, nn.LayerNorm, nn.modules.conv._ConvNd, nn.modules.batchnorm._NormBase):
    layer.reset_parameters = lambda self: None  # weights are never looked at


# --- rotary modules --------------------------------------------------------------------------------


def is_rotary(module):
    name = type(module).__name__
    return bool(ROTARY.search(name)) and "Attention" not in name and "Layer" not in name


def remade(module):
    """The same rotary module on the CPU."""
    if "made_of" in vars(module):
        arguments, named = module.made_of
        return type(module)(*arguments, **{key: value for key, value in named.items() if key != "device"}).eval()
    return type(module)(module.config).eval()


def layer_types(module):
    """The layer types that one rotary module tells apart."""
    buffers = dict(module.named_buffers(recurse=False))
    names = [name.removesuffix("_inv_freq") for name in buffers if name.endswith("_inv_freq")]
    return [name for name in names if not name.endswith("original")] or [None]


def frequencies(module, layer):
    prefix = f"{layer}_" if layer else ""
    values = getattr(module, f"{prefix}inv_freq", None)
    factor = getattr(module, f"{prefix}attention_scaling", 1.0)
    return None if values is None else values.flatten().tolist(), float(factor)


def cos_sin(module, layer):
    """(cos, sin or None, positions): what the module hands to the attention."""
    keys = list(inspect.signature(type(module).forward).parameters)[1:]
    source = ast.unparse(classes(type(module).__module__)[type(module).__name__])
    x = torch.zeros(1, 1, 1)
    if "pixel_values" in keys:
        patch = module.config.patch_size
        high, wide = (patch, patch) if isinstance(patch, int) else patch
        angles = module(torch.zeros(1, 3, 8 * high, 10 * wide))
        index = ROW * 10 + COLUMN
        return angles[0][index][None], angles[1][index][None], [(2 * ROW - 7) / 8, (2 * COLUMN - 9) / 10]
    if "freqs_ci" in vars(module) or "freqs_ci" in dict(module.named_buffers()):
        side = module.freqs_ci.shape[0]
        side = math.isqrt(side - 1)
        return module(x)[ROW * side + COLUMN][None], None, [ROW + 1, COLUMN + 1]
    if keys == ["hidden_states"]:
        angles = module(torch.zeros(1, COLUMN + 1, 1))
        if angles.shape[0] == 2:
            return angles[0, COLUMN].reshape(1, 1, -1), angles[1, COLUMN].reshape(1, 1, -1), [COLUMN]
        angles = angles[0, COLUMN].reshape(1, 1, -1)
        return angles.cos(), angles.sin(), [COLUMN]
    if "position_ids" not in keys:
        raise Unknown(f"its rotary module takes {', '.join(keys)}")
    keys = {"layer_type": layer} if layer and "layer_type" in keys else {}
    if "recomposition_frequencies" in source and "expand(" not in source:
        positions = [ROW, COLUMN]
        shapes = [(1, 2)]
        if "freq[:, :, 0]" in source:  # Gemma 4 numbers its patches (x, y)
            found = module(x, torch.tensor([[[COLUMN, ROW]]]), **keys)
            return *found, positions
        if "dim // 3" in source:
            positions, shapes = [1, ROW, COLUMN], [(1, 3)]
    elif (axes := re.search(r"expand\((\d|len)", source)) is not None:
        count = len(module.mrope_section) if axes[1] == "len" else int(axes[1])
        positions, shapes = list(TEXT[:count]), [(count, 1, 1)]
    else:
        positions, shapes = [TEXT[0]], [(1, 1)]
    for shape in shapes:
        try:
            found = module(x, torch.tensor(positions).reshape(shape), **keys)
        except (IndexError, RuntimeError, ValueError, TypeError) as error:
            failed = error
            continue
        if not isinstance(found, tuple):
            return found, None, positions
        names = ("sin", "cos") if "return (sin, cos)" in source or "return sin, cos" in source else ("cos", "sin")
        both = dict(zip(names, found))
        return both["cos"], both["sin"], positions
    raise Unknown(f"its rotary module failed: {failed}")


# --- the attention ---------------------------------------------------------------------------------


class Call:
    """A call of a function that applies the rotation, inside an attention's code."""

    def __init__(self, name, tests):
        self.name, self.tests = name, tests


@functools.lru_cache(maxsize=None)
def classes(module):
    """The syntax trees of a module's classes."""
    root = ast.parse(inspect.getsource(importlib.import_module(module)))
    return {node.name: node for node in root.body if isinstance(node, ast.ClassDef)}


@functools.lru_cache(maxsize=None)
def calls(cls):
    """The calls in a class's methods, with the conditions around each."""
    for base in cls.__mro__:
        if base.__module__.startswith("transformers.models"):
            root = classes(base.__module__).get(base.__name__)
            if root is not None and (found := list(calls_below(root, ()))):
                return found
    return []


def calls_below(node, tests):
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if APPLIES.search(name) and ("apply" in name or "rotate" in name):
            yield Call(name, tests)
    for field, value in ast.iter_fields(node):
        inner = tests
        if isinstance(node, (ast.If, ast.IfExp)) and field in ("body", "orelse"):
            inner = (*tests, (node.test, field == "body"))
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from calls_below(child, inner)


def holds(test, module):
    """Whether a condition holds for a module; None where only a run would tell."""
    if isinstance(test, ast.BoolOp):
        parts = [holds(part, module) for part in test.values]
        known = [part for part in parts if part is not None]
        if isinstance(test.op, ast.And):
            return False if False in known else (True if len(known) == len(parts) else None)
        return True if True in known else (False if len(known) == len(parts) else None)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = holds(test.operand, module)
        return None if inner is None else not inner
    try:
        code = compile(ast.Expression(test), "test", "eval")
        return bool(eval(code, vars(importlib.import_module(type(module).__module__)), {"self": module}))
    except Exception:  # a local name
        return None


def applied(module):
    """The names of the functions that an attention module rotates with; empty if it does not."""
    names = []
    for call in calls(type(module)):
        known = [(holds(test, module), wanted) for test, wanted in call.tests]
        if all(value is None or value == wanted for value, wanted in known):
            names.append(call.name)
    return list(dict.fromkeys(names))


def function(module, name):
    found = getattr(importlib.import_module(type(module).__module__), name, None)
    return found or getattr(type(module), name, None)


def rotated(apply, cos, sin, width):
    """The rows of an identity matrix after the model's own function."""
    keys = list(inspect.signature(apply).parameters)
    if keys[0] == "self":  # a method that reads the widths only
        return method(apply, cos, sin, width)
    eye = torch.eye(width)
    failed = None
    for shape in [(1, width, 1, width), (1, 1, width, width), (1, width, width), (1, 1, width, 1, width)]:
        q = eye.reshape(shape)
        for c in (cos, cos.unsqueeze(0)):
            s = None if sin is None else (sin if c is cos else sin.unsqueeze(0))
            values = []
            for key in keys:
                if key == "relative_position_embeddings":
                    values.append(torch.stack([c, s]))
                elif key in ("q", "k", "v", "x", "xq", "xk", "query", "key", "tensor", "query_states", "hidden_states"):
                    values.append(q)
                elif key in ("cos", "freqs_cis", "freqs_ci", "cos_k"):
                    values.append(c)
                elif key in ("sin", "sin_k"):
                    values.append(s)
                elif key == "position_ids" and inspect.signature(apply).parameters[key].default is inspect._empty:
                    values.append(torch.zeros(1, 1, 2, dtype=torch.long) if "x" in keys else torch.tensor([[0]]))
                else:
                    break
            if "v" in keys:  # CLVP looks positions up in its table
                values = [q, q, q, c[0], s[0], torch.tensor([[0]])]
            try:
                y = apply(*values)
            except Exception as error:  # another shape
                failed = error
                continue
            y = y[0] if isinstance(y, tuple) else y
            if y.numel() == width * width:
                y = y.reshape(width, width)
                sizes = y.square().sum(1)
                if bool((sizes > 1e-3).all()) and len(sizes.unique()) <= width:
                    return y.double()
    raise Unknown(f"its {apply.__name__} failed: {' '.join(str(failed).split())[:80]}")


def method(apply, cos, sin, width):
    """The same of Wav2Vec2's, which takes all heads side by side."""
    sizes = types.SimpleNamespace(num_heads=width, head_size=width)
    angles = torch.stack([cos, sin]).reshape(2, 1, 1, 1, width)
    return apply(sizes, torch.eye(width).reshape(1, 1, -1), angles).reshape(width, width).double()


def planes(matrix):
    """[(i, j, cos, sin)] of a rotation's matrix, and the coordinates that stay.

    Coordinate i of a pair is the lower one. Where the function also sorts the coordinates (DeepSeek's
    leaves the first of each pair in front), the columns are put back.
    """
    size = matrix.shape[0]
    support = [tuple((matrix[i].abs() > 1e-12).nonzero().flatten().tolist()) for i in range(size)]
    pairs, still = [], []
    for i, columns in enumerate(support):
        partners = [j for j in range(size) if j != i and set(support[j]) & set(columns)]
        if not partners and len(columns) == 1:
            still.append(i)
        elif len(partners) == 1 and len(columns) == 2:
            if i < partners[0]:
                pairs.append((i, partners[0], float(matrix[i, columns[0]]), float(matrix[i, columns[1]])))
        else:
            raise Unknown(f"coordinate {i} meets {partners[:3]}, which is no plane")
    return pairs, still


# --- one model type ----------------------------------------------------------------------------------


def common(a, b):
    a, b = a.split("."), b.split(".")
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(a, b)))


def layer_of(name, module, config):
    """The layer type of an attention module, by its number."""
    index = getattr(module, "layer_idx", None)
    if index is None:
        numbers = re.findall(r"\.(\d+)\.", f".{name}.")
        index = int(numbers[0]) if numbers else None
    own = getattr(module, "config", config)
    types = getattr(own, "layer_types", None)
    try:
        return types[index] if types else None
    except (IndexError, TypeError):
        return None


def ropes(config):
    """The ropes of a model: a list of dictionaries, one per rotary module, function and layer type."""
    alone = False
    try:
        modules = list(build(config).named_modules())
    except Exception as error:  # of every kind: a missing package, defaults that are no model
        alone, modules = True, list(parts_alone(config))
        if not modules and rotates_somewhere(config):
            raise Unknown(f"{type(error).__name__}: {' '.join(str(error).split())[:120]}") from error
    rotary = [(name, module) for name, module in modules if is_rotary(module)]
    attentions = [(name, module) for name, module in modules if calls(type(module))]
    own = {}
    for name, module in attentions:
        near = [(n, r) for n, r in rotary if type(r).__module__ == type(module).__module__]
        best = max((common(name, other) for other, _ in near), default=None)
        for other, rotor in near:
            if common(name, other) == best and not (alone and name.rpartition(".")[0] != other.rpartition(".")[0]):
                layer = layer_of(name, module, config)
                own.setdefault(other, {}).setdefault(layer, {}).setdefault(tuple(applied(module)), module)
    found, seen = [], set()
    for name, rotor in rotary:
        made = vars(rotor).get("made_of", ((), {}))
        of = [*made[0], *made[1].values(), getattr(rotor, "config", None)]
        path = next((p for p in (path_of(config, one) for one in of if one is not None) if p is not None), None)
        if path is None and type(rotor).__module__ != type(config).__module__.replace("configuration_", "modeling_"):
            continue  # another model type's, which is asked itself
        for layer in layer_types(rotor):
            users = own.get(name, {})
            here = {k: v for k, v in users.items() if layer is None or k in (layer, None)} or users
            rope = {
                "module": type(rotor).__name__, "where": name, "path": path, "layer": layer,
                "rotating": sorted({str(k) for k, v in here.items() if any(v)}),
                "still": sorted({str(k) for k, v in here.items() if () in v}),
            }
            key = (rope["module"], path, layer)
            if key in seen:
                continue
            seen.add(key)
            found.append(rope)
            try:
                cpu = remade(rotor)
                values, rope["factor"] = frequencies(cpu, layer)
                rope["inv_freq"] = values
                cos, sin, rope["positions"] = cos_sin(cpu, layer)
                rope["planes"], rope["width"], rope["offset"], rope["apply"] = spun(cos, sin, here, values)
            except Unknown as error:
                rope["unknown"] = str(error)
            except Exception as error:  # their errors are of every kind
                rope["unknown"] = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
    by_hand = [roformer(module) for _, module in attentions[:1] if type(module).__name__ == "RoFormerSelfAttention"]
    return found + by_hand, sorted({type(module).__name__ for _, module in attentions if applied(module)}), alone


def roformer(attention):
    """RoFormer looks sin and cos up in a table that it hands to a method of its attention."""
    code = importlib.import_module(type(attention).__module__)
    width = attention.attention_head_size
    table = code.RoFormerSinusoidalPositionalEmbedding(TEXT[0] + 1, width).create_weight()
    turned, _ = type(attention).apply_rotary_position_embeddings(
        table[TEXT[0]][None, None, None], torch.eye(width)[None, :, None], torch.eye(width)[None, :, None]
    )
    pairs, _ = planes(turned.reshape(width, width).double())
    return {"module": "RoFormerSinusoidalPositionalEmbedding", "path": (), "layer": None, "rotating": ["None"],
            "still": [], "factor": 1.0, "positions": [TEXT[0]], "planes": pairs, "width": width}


def spun(cos, sin, users, values):
    """The planes of the first attention that rotates with this cos and sin."""
    names = [(name, module) for by in users.values() for names, module in by.items() for name in names]
    if not names:
        raise Unknown("no attention was found that rotates with it")
    failed = None
    for name, module in names:
        apply = function(module, name)
        if apply is None:
            failed = Unknown(f"{name} was not found")
            continue
        turned = 2 * len(values) if values else cos.shape[-1]
        if cos.shape[-1] not in (turned, turned // 2):
            turned = cos.shape[-1]
        sizes = (getattr(module, key, None) for key in ("head_dim", "head_size", "attention_head_size"))
        head = next((size for size in sizes if isinstance(size, int)), None)
        offset = getattr(module, "qk_nope_head_dim", None) or 0
        widths = [turned] if offset else [w for w in (head, turned, 2 * turned) if isinstance(w, int)]
        for width in dict.fromkeys(widths):
            try:
                pairs, still = planes(rotated(apply, cos, sin, width))
                whole = head if isinstance(head, int) and head >= width else width
                return [(i + offset, j + offset, c, s) for i, j, c, s in pairs], whole + (offset if width == turned and offset else 0), offset, name
            except Unknown as error:
                failed = error
    raise failed
