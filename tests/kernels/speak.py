"""The protocol for kernels of numpy arrays: reads questions strictly, hands them on, writes answers."""

import json
import sys

import numpy as np

WIDE = {"f64": ">f8", "f32": ">f4", "f16": ">f2", "bf16": ">u2"}
COMMON = {"head_dim", "layout", "rope_theta", "rope_type", "rotary_dim", "partial_rotary_factor",
          "rotary_offset", "max_position_embeddings"}
RULES = {
    "default": set(),
    "linear": {"factor"},
    "llama3": {"factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"},
    "yarn": {"factor", "original_max_position_embeddings", "beta_fast", "beta_slow", "truncate",
             "attention_factor", "mscale", "mscale_all_dim"},
}


class Refused(Exception):
    pass


def need(condition, slug, text=""):
    if not condition:
        raise Refused(f"{slug}: {text}")


def bf16_bits(x):
    """f32 to bf16, ties to even."""
    bits = np.asarray(x, np.float32).view(np.uint32).astype(np.uint64)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return np.where(np.isnan(x), np.uint16(0x7FC0), rounded)


def bf16(x):
    """Rounded to bf16, kept in f32."""
    return (bf16_bits(x).astype(np.uint32) << 16).view(np.float32)


def decode(tensor, dtype):
    need(isinstance(tensor, dict) and set(tensor) == {"dtype", "shape", "bits"}, "malformed_tensor")
    need(tensor["dtype"] in WIDE, "malformed_tensor")
    need(tensor["dtype"] == dtype, "dtype_mismatch")
    shape, bits = tensor["shape"], tensor["bits"]
    need(isinstance(shape, list) and all(isinstance(n, int) and n >= 0 for n in shape), "malformed_tensor")
    kind = np.dtype(WIDE[dtype])
    rows = int(np.prod(shape[:-1])) if shape else 1
    need(isinstance(bits, list) and len(bits) == rows, "malformed_tensor")
    width = 2 * kind.itemsize * (shape[-1] if shape else 1)
    digits = set("0123456789abcdef")
    need(all(isinstance(r, str) and len(r) == width and set(r) <= digits for r in bits), "malformed_tensor")
    data = np.frombuffer(bytes.fromhex("".join(bits)), kind).reshape(shape)
    need(len(shape) == 4, "shape_mismatch")
    if dtype == "bf16":
        return (data.astype(np.uint32) << 16).view(np.float32)
    return data.astype(kind.newbyteorder("="))


def encode(x, dtype):
    if dtype == "bf16":
        data = bf16_bits(x).astype(">u2")
    else:
        data = np.asarray(x).astype(WIDE[dtype])
    rows = np.ascontiguousarray(data).reshape(-1, x.shape[-1] if x.ndim else 1)
    return {"dtype": dtype, "shape": list(x.shape), "bits": [row.tobytes().hex() for row in rows]}


def position(p):
    if isinstance(p, str):
        body = p[1:] if p.startswith("-") else p
        need(body.isdigit() and body.isascii() and (body[0] != "0" or body == "0") and p != "-0",
             "malformed_position")
        p = int(p)
    else:
        need(isinstance(p, int) and not isinstance(p, bool) and abs(p) < 2**53, "malformed_position")
    need(abs(p) <= 2**62, "position_out_of_range")
    return p


def once(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        return {"": "twice"}
    return dict(pairs)


def number(config, key, low=0.0, strict=True, integer=False):
    x = config[key]
    need(isinstance(x, int if integer else (int, float)) and not isinstance(x, bool), "invalid_value", key)
    need(x > low if strict else x >= low, "invalid_value", key)
    return x


def check(config, layouts, rules):
    need(isinstance(config, dict) and "" not in config, "duplicate_key")
    rule = config.get("rope_type", "default")
    need(isinstance(rule, str), "invalid_value")
    need(rule in rules, "unknown_rope_type", rule)
    for key in config:
        need(key in COMMON | RULES[rule], "unknown_key", key)
    for key in ("head_dim", "layout", "rope_theta"):
        need(key in config, "missing_key", key)
    for key in RULES[rule] - {"beta_fast", "beta_slow", "truncate", "attention_factor", "mscale", "mscale_all_dim"}:
        need(key in config, "missing_key", key)
    dim = number(config, "head_dim", 2, False, True)
    number(config, "rope_theta")
    need(config["layout"] in ("half", "interleaved"), "invalid_value")
    for key in RULES[rule] | {"max_position_embeddings"}:
        if key in config:
            if key == "truncate":
                need(isinstance(config[key], bool), "invalid_value")
            else:
                number(config, key, 0, key not in ("mscale", "mscale_all_dim"))
    offset = number(config, "rotary_offset", 0, False, True) if "rotary_offset" in config else 0
    width = dim
    if "partial_rotary_factor" in config:
        share = number(config, "partial_rotary_factor")
        need(share <= 1, "invalid_value")
        width = int(dim * share)
    if "rotary_dim" in config:
        given = number(config, "rotary_dim", 0, False, True)
        need("partial_rotary_factor" not in config or given == width, "invalid_value")
        width = given
    need(2 <= width <= dim - offset, "invalid_value", "rotary_dim")
    need(width % 2 == 0, "odd_rotary_dim")
    if rule == "llama3":
        need(config["low_freq_factor"] <= config["high_freq_factor"], "invalid_value")
    if rule == "yarn":
        need(config["rope_theta"] != 1 and config.get("beta_fast", 32) >= config.get("beta_slow", 1), "invalid_value")
    return width, offset


def answer(line, kernel, claim):
    try:
        request = json.loads(line, object_pairs_hook=once)
    except ValueError:
        return {"rejected": "malformed_request: no JSON"}
    try:
        need(isinstance(request, dict), "malformed_request")
        known = {"cmd", "id", "operation", "dtype", "config", "input"}
        need(all(key in known or key.startswith("x_") for key in request) and known <= set(request),
             "malformed_request")
        need(request["operation"] == "rotate", "unknown_operation")
        need(request["dtype"] in WIDE, "dtype_mismatch")
        config, input = request["config"], request["input"]
        need(isinstance(input, dict) and "" not in input, "malformed_request")
        width, offset = check(config, claim["layouts"], claim["rope_types"])
        names = {"q", "k", "positions", "direction"}
        need(all(key in names or key.startswith("x_") for key in input), "unused_input")
        need("q" in input and "positions" in input, "missing_input")
        way = input.get("direction", "forward")
        need(way in ("forward", "inverse", "backward"), "invalid_value")
        tensors = {name: decode(input[name], request["dtype"]) for name in ("q", "k") if name in input}
        q = tensors["q"]
        need(q.shape[3] == config["head_dim"], "shape_mismatch")
        if "k" in tensors:
            k = tensors["k"]
            need((k.shape[0], k.shape[2], k.shape[3]) == (q.shape[0], q.shape[2], q.shape[3]), "shape_mismatch")
        rows = input["positions"]
        need(isinstance(rows, list), "malformed_position")
        need(len(rows) == q.shape[0] and all(isinstance(r, list) for r in rows), "shape_mismatch")
        need(not any(isinstance(p, list) for r in rows for p in r), "shape_mismatch")
        places = [[position(p) for p in row] for row in rows]
        need(all(len(row) == q.shape[2] for row in places), "shape_mismatch")
        output = kernel(dict(config, rotary_dim=width, rotary_offset=offset), tensors, places, way, request["dtype"])
        return {"output": {name: encode(x, request["dtype"]) for name, x in output.items()}}
    except Refused as refusal:
        return {"rejected": str(refusal)}


def serve(name, kernel, dtypes=("f32",), layouts=("half", "interleaved"), rules=("default", "linear", "llama3", "yarn"),
          directions=("forward",), most=131071, heads=False):
    np.seterr(all="ignore")
    claim = {"operations": ["rotate"], "dtypes": list(dtypes), "layouts": list(layouts),
             "rope_types": list(rules), "directions": list(directions), "axes": [1],
             "limits": {"min_position": 0, "max_position": most, "equal_heads": heads}}
    for line in sys.stdin:
        request = {}
        try:
            request = json.loads(line)
        except ValueError:
            pass
        command = request.get("cmd") if isinstance(request, dict) else None
        if command == "stop":
            return
        if command == "start":
            reply = {"protocol": 1, "kernel": {"name": name, "version": "1", "language": "Python"},
                     "capabilities": [claim]}
        else:
            reply = answer(line, kernel, claim)
            reply["id"] = request.get("id", "") if isinstance(request, dict) else ""
        print(json.dumps(reply), flush=True)
