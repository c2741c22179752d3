"""A Ropewalk adapter in Python, standard library only: rotate, half or interleaved, in f32."""
import array, json, math, re, sys

CLAIM = {"operations": ["rotate"], "dtypes": ["f32"], "layouts": ["half", "interleaved"],
         "rope_types": ["default"], "axes": [1]}


def rotate(row, position, config, sign):
    """Your kernel goes here. This one computes in double precision."""
    out, r, start = list(row), config["rotary_dim"], config["rotary_offset"]
    for i in range(r // 2):
        angle = sign * position * config["rope_theta"] ** (-2 * i / r)
        c, s = math.cos(angle), math.sin(angle)
        a, b = (i, i + r // 2) if config["layout"] == "half" else (2 * i, 2 * i + 1)
        x, y = row[start + a], row[start + b]
        out[start + a], out[start + b] = x * c - y * s, x * s + y * c
    return out


def need(holds, why):  # what breaks a rule is rejected, with a reason of the list
    if not holds:
        raise AssertionError(why)


def read(tensor, head_dim):
    need(set(tensor) == {"dtype", "shape", "bits"}, "malformed_tensor: keys")
    shape, rows = tensor["shape"], tensor["bits"]
    need(tensor["dtype"] == "f32", "dtype_mismatch: not f32")
    need(len(shape) == 4 and shape[3] == head_dim, "shape_mismatch: q or k")
    fine = re.compile("[0-9a-f]{%d}" % (8 * head_dim)).fullmatch
    need(len(rows) == math.prod(shape[:3]) and all(map(fine, rows)), "malformed_tensor: rows")
    # Bits are big-endian, the machine is not.
    return shape, [array.array("f", bytes.fromhex(row)[::-1])[::-1] for row in rows]


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
    for name in "qk" if "k" in given else "q":
        (batch, heads, seq, _), rows = read(given[name], D)
        need([len(row) for row in given["positions"]] == [seq] * batch, "shape_mismatch: positions")
        at = (integer(given["positions"][n // (heads * seq)][n % seq]) for n in range(len(rows)))
        turned = [rotate(row, p, config, sign) for row, p in zip(rows, at)]
        bits = [array.array("f", row[::-1]).tobytes()[::-1].hex() for row in turned]
        output[name] = {"dtype": "f32", "shape": [batch, heads, seq, D], "bits": bits}
    return {"output": output}


def once(pairs):
    need(len(dict(pairs)) == len(pairs), "duplicate_key: a key stands twice")
    return dict(pairs)


for line in sys.stdin:
    command = json.loads(line)
    reply = {"protocol": 1, "capabilities": [CLAIM], "kernel": {"name": "minimal in Python"}}
    if command["cmd"] == "stop":
        break
    if command["cmd"] == "run":
        try:
            reply = answer(json.loads(line, object_pairs_hook=once))
        except (AssertionError, ValueError, KeyError, TypeError, OverflowError) as error:
            own = type(error) is AssertionError
            reply = {"rejected": str(error) if own else f"malformed_request: {error!r}"}
        reply["id"] = command["id"]
    print(json.dumps(reply), flush=True)
