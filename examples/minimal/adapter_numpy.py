"""A Ropewalk adapter in Python with numpy: rotate, half or interleaved, in f32."""
import json, sys
import numpy as np

np.seterr(all="ignore")  # infinities among the questions are meant
CLAIM = {"operations": ["rotate"], "dtypes": ["f32"], "layouts": ["half", "interleaved"],
         "rope_types": ["default"], "axes": [1]}


def rotate(x, positions, config, sign):
    """Your kernel goes here: x is [batch, heads, seq, head_dim] in f32, positions [batch, seq]."""
    r, start = config["rotary_dim"], config["rotary_offset"]
    inv_freq = float(config["rope_theta"]) ** (-np.arange(0, r, 2, dtype=np.float64) / r)
    angles = sign * positions.astype(np.float64)[:, None, :, None] * inv_freq
    cos, sin = np.cos(angles), np.sin(angles)
    step, gap = (1, r // 2) if config["layout"] == "half" else (2, 1)
    out, re = x.copy(), start + step * np.arange(r // 2)
    out[..., re] = x[..., re] * cos - x[..., re + gap] * sin
    out[..., re + gap] = x[..., re] * sin + x[..., re + gap] * cos
    return out


def need(holds, why):  # what breaks a rule is rejected, with a reason of the list
    if not holds:
        raise AssertionError(why)


def read(tensor, head_dim):
    need(set(tensor) == {"dtype", "shape", "bits"} and tensor["dtype"] == "f32", "malformed_tensor")
    need(len(tensor["shape"]) == 4 and tensor["shape"][3] == head_dim, "shape_mismatch: q or k")
    need(all(len(row) == 8 * head_dim and not set(row) - set("0123456789abcdef")
             for row in tensor["bits"]), "malformed_tensor: a row")
    numbers = np.frombuffer(bytes.fromhex("".join(tensor["bits"])), ">f4")
    return numbers.reshape(tensor["shape"]).astype("f4")


def integer(p):
    need(type(p) in (int, str) and str(p) == str(int(p)), "malformed_position: no integer")
    need(abs(int(p)) <= (2**62 if type(p) is str else 2**53 - 1), "position_out_of_range: of all")
    return int(p)


def answer(request):
    config, given, output = request["config"], request["input"], {}
    config = {"rope_type": "default", "rotary_dim": config["head_dim"], "rotary_offset": 0} | config
    D, r, start = (config[key] for key in ("head_dim", "rotary_dim", "rotary_offset"))
    known = {"head_dim", "layout", "rope_theta", "rope_type", "rotary_dim", "rotary_offset"}
    need(set(config) == known, f"unknown_key: {set(config) ^ known}")
    need(config["rope_type"] == "default" and config["layout"] in CLAIM["layouts"] and r % 2 == 0
         and config["rope_theta"] > 0 and 2 <= r <= D - start, "invalid_value: in the config")
    need(set(given) <= {"q", "k", "positions", "direction"}, "unused_input: beside q, k, positions")
    sign = {"forward": 1, "inverse": -1, "backward": -1}[given.get("direction", "forward")]
    positions = np.array([[integer(p) for p in row] for row in given["positions"]], np.int64)
    for name in "qk" if "k" in given else "q":
        x = read(given[name], D)
        need(positions.shape == (x.shape[0], x.shape[2]), "shape_mismatch: positions")
        turned = rotate(x, positions, config, sign).astype(">f4").reshape(-1, D)
        bits = [row.tobytes().hex() for row in turned]
        output[name] = {"dtype": "f32", "shape": list(x.shape), "bits": bits}
    return {"output": output}


def once(pairs):
    need(len(dict(pairs)) == len(pairs), "duplicate_key: a key stands twice")
    return dict(pairs)


for line in sys.stdin:
    command = json.loads(line)
    reply = {"protocol": 1, "capabilities": [CLAIM], "kernel": {"name": "minimal with numpy"}}
    if command["cmd"] == "stop":
        break
    if command["cmd"] == "run":
        try:
            reply = answer(json.loads(line, object_pairs_hook=once))
        except (AssertionError, ValueError, KeyError, TypeError, OverflowError) as error:
            reply = {"rejected": f"{error}" if "_" in f"{error}" else f"malformed_request: {error}"}
        reply["id"] = command["id"]
    print(json.dumps(reply), flush=True)
