"""Kernels in double precision: right ones, and broken ones that must be caught."""

import math
import struct
from fractions import Fraction


def planes(config):
    """The rotated width and the pairs of coordinates."""
    if config.get("rope_type", "default") != "default" or {"mrope_section", "model"} & set(config):
        raise NotImplementedError("only the default rope, flat")
    width = config.get("rotary_dim") or int(config["head_dim"] * config.get("partial_rotary_factor", 1.0))
    offset, half = config.get("rotary_offset", 0), width // 2
    if config["layout"] == "half":
        return width, [(offset + i, offset + i + half) for i in range(half)]
    return width, [(offset + 2 * i, offset + 2 * i + 1) for i in range(half)]


def phasor(config, width, plane, p):
    angle = p * config["rope_theta"] ** (-2 * plane / width)
    return math.cos(angle), math.sin(angle)


def turned(config, x, positions, phasor=phasor, planes=planes):
    """Every row of [batch][heads][seq][head_dim], turned."""
    width, pairs = planes(config)

    def row(x, p):
        y = list(x)
        for plane, (a, b) in enumerate(pairs):
            if p != 0:  # at the origin bits are copied
                cos, sin = phasor(config, width, plane, p)
                y[a], y[b] = x[a] * cos - x[b] * sin, x[a] * sin + x[b] * cos
        return y

    return [
        [[row(token, p) for token, p in zip(head, ps)] for head in heads]
        for heads, ps in zip(x, positions)
    ]


def plain(x):
    return x.tolist() if hasattr(x, "tolist") else x


def rotation(config, input, **parts):
    sign = 1 if input.get("direction", "forward") == "forward" else -1
    positions = [[sign * p for p in row] for row in input["positions"]]
    names = [name for name in ("q", "k") if name in input]
    return {name: turned(config, plain(input[name]), positions, **parts) for name in names}


def rotate(config, input, dtype):
    return rotation(config, input)


# Broken rotations.


def swapped_layout(config, input, dtype):
    other = {"half": "interleaved", "interleaved": "half"}[config["layout"]]
    return rotation(dict(config, layout=other), input)


def flipped_sign(config, input, dtype):
    def clockwise(config, width, plane, p):
        cos, sin = phasor(config, width, plane, p)
        return cos, -sin

    return rotation(config, input, phasor=clockwise)


def off_by_one(config, input, dtype):
    positions = [[p + 1 for p in row] for row in input["positions"]]
    return rotation(config, dict(input, positions=positions))


def bf16(x):
    """To nearest (away from zero at ties), through the upper half of an f32."""
    bits = struct.unpack(">I", struct.pack(">f", x))[0]
    return struct.unpack(">f", struct.pack(">I", (bits + 0x8000) & 0xFFFF0000))[0]


def bf16_table(config, input, dtype):
    def rounded(*arguments):
        return tuple(bf16(x) for x in phasor(*arguments))

    return rotation(config, input, phasor=rounded)


def bf16_position(config, input, dtype):
    positions = [[bf16(p) for p in row] for row in input["positions"]]
    return rotation(config, dict(input, positions=positions))


def dropped_dims(config, input, dtype):
    """What lies outside the planes becomes zero."""
    inside = {dim for pair in planes(config)[1] for dim in pair}

    def drop(part):
        if isinstance(part[0], list):
            return [drop(inner) for inner in part]
        return [x if dim in inside else 0.0 for dim, x in enumerate(part)]

    return {name: drop(part) for name, part in rotate(config, input, dtype).items()}


def head_dim_exponent(config, input, dtype):
    def wide(config, width, plane, p):
        return phasor(config, config["head_dim"], plane, p)

    return rotation(config, input, phasor=wide)


def base_10000(config, input, dtype):
    return rotation(dict(config, rope_theta=10000), input)


def one_offset(config, input, dtype):
    rows = input["positions"]
    return rotation(config, dict(input, positions=[rows[0]] * len(rows)))


def keys_unrotated(config, input, dtype):
    output = rotate(config, input, dtype)
    if "k" in output:
        output["k"] = input["k"]
    return output


def mapped(change, part):
    return [mapped(change, inner) for inner in part] if isinstance(part, list) else change(part)


def lost_zero_sign(config, input, dtype):
    output = rotate(config, input, dtype)
    return {name: mapped(lambda x: x + 0.0 if x == 0 else x, part) for name, part in output.items()}


def finite_nan(config, input, dtype):
    output = rotate(config, input, dtype)
    return {name: mapped(lambda x: x if math.isfinite(x) else 0.0, part) for name, part in output.items()}


def wrong_shape(config, input, dtype):
    return {name: part[0] for name, part in rotate(config, input, dtype).items()}


def missing_output(config, input, dtype):
    return {}


def no_number(config, input, dtype):
    return {name: mapped(lambda _: None, part) for name, part in rotate(config, input, dtype).items()}


def raises(config, input, dtype):
    return 1 / 0


def unsupported(config, input, dtype):
    raise NotImplementedError


# Other operations.


def table(config, input, dtype):
    if config.get("rope_type", "default") != "default" or "mrope_section" in config:
        raise NotImplementedError("only the default rope")
    width, pairs = planes(config)
    rows = [[phasor(config, width, i, p) for i in range(len(pairs))] for p in input["positions"]]
    return {"cos": [[c for c, _ in row] for row in rows], "sin": [[s for _, s in row] for row in rows]}


def inv_freq(config, input, dtype):
    width, pairs = planes(config)
    return {
        "inv_freq": [config["rope_theta"] ** (-2 * i / width) for i in range(len(pairs))],
        "attention_factor": 1.0,
        "softmax_factor": 1.0,
        "planes": [list(pair) for pair in pairs],
        "axis": [0] * len(pairs),
    }


def apply(config, input, dtype):
    _, pairs = planes(config)
    sign = 1 if input.get("direction", "forward") == "forward" else -1
    cos, sin = plain(input["cos"]), plain(input["sin"])

    def row(x, b, t):
        y = list(x)
        for plane, (i, j) in enumerate(pairs):
            c, s = cos[b][t][plane], sign * sin[b][t][plane]
            y[i], y[j] = x[i] * c - x[j] * s, x[i] * s + x[j] * c
        return y

    def rows(x):
        return [
            [[row(token, b, t) for t, token in enumerate(head)] for head in heads]
            for b, heads in enumerate(x)
        ]

    return {name: rows(plain(input[name])) for name in ("q", "k") if name in input}


def score(config, input, dtype):
    q = turned(config, plain(input["q"]), input["query_positions"])
    k = turned(config, plain(input["k"]), input["key_positions"])
    return [
        [
            [[math.fsum(x * y for x, y in zip(a, b)) for b in keys[h * len(keys) // len(heads)]] for a in head]
            for h, head in enumerate(heads)
        ]
        for heads, keys in zip(q, k)
    ]


def sinusoidal(config, input, dtype):
    half = config["dim"] // 2
    last = half if config["divisor"] == "half" else half - 1

    def column(p, i):
        if i >= 2 * half:
            return 0.0
        k, second = (i // 2, i % 2 == 1) if config["layout"] == "interleaved" else (i % half, i >= half)
        angle = p * config.get("base", 10000) ** (-k / last)
        return math.cos(angle) if second == (config["order"] == "sin_first") else math.sin(angle)

    return [[column(p, i) for i in range(config["dim"])] for p in input["positions"]]


def permute_qk(config, input, dtype):
    weight, dim = plain(input["weight"]), config["head_dim"]
    rotary = config.get("rotary_dim", dim)
    half = rotary // 2
    order = [2 * i for i in range(half)] + [2 * i + 1 for i in range(half)]
    if input["direction"] == "to_interleaved":
        order = [order.index(i) for i in range(rotary)]
    order += range(rotary, dim)
    return [weight[h * dim + i] for h in range(config["num_heads"]) for i in order]


def slope(config, head):
    heads, most = config["num_heads"], config.get("alibi_bias_max", 8)
    lower = heads if config["slopes"] == "paper" else 2 ** (heads.bit_length() - 1)
    if head < lower:
        return 2.0 ** (-most * (head + 1) / lower)
    return 2.0 ** (-most / 2 * (2 * (head - lower) + 1) / lower)


def alibi_bias(config, input, dtype):
    last = max(input["key_positions"], default=0)
    scale = math.sqrt(config.get("head_dim", 1))
    distance = {
        "mpt": lambda i, j: j - last,
        "distance": lambda i, j: j - i,
        "key": lambda i, j: j,
        "symmetric": lambda i, j: -abs(i - j),
    }[config["form"]]
    return {
        "bias": [
            [
                [slope(config, h) * distance(i, j) / scale for j in input["key_positions"]]
                for i in input["query_positions"]
            ]
            for h in range(config["num_heads"])
        ]
    }


def alibi_slopes(config, input, dtype):
    return [slope(config, h) for h in range(config["num_heads"])]


def bucket(config, relative):
    """In exact integers, as the paper's formula with logarithms cannot be."""
    buckets, offset = config["num_buckets"], 0
    if config["bidirectional"]:
        buckets //= 2
        offset = buckets if relative > 0 else 0
        n = abs(relative)
    else:
        n = max(-relative, 0)
    exact = buckets // 2
    if n < exact:
        return offset + n
    spread, m = buckets - exact, config["max_distance"]
    n = min(n, m)
    reached = sum(n**spread * exact**k >= m**k * exact**spread for k in range(1, spread))
    return offset + exact + reached


def t5_bucket(config, input, dtype):
    return [[bucket(config, j - i) for j in input["key_positions"]] for i in input["query_positions"]]


def t5_bias(config, input, dtype):
    table = plain(input["table"])
    rows = t5_bucket(config, input, dtype)
    return [[[table[b][h] for b in row] for row in rows] for h in range(len(table[0]))]


def t5_no_sign(config, input, dtype):
    return [[bucket(config, i - j) for j in input["key_positions"]] for i in input["query_positions"]]


def learned(config, input, dtype):
    if set(config) - {"dim", "offset"} or config["dim"] < 1 or config.get("offset", 0) < 0:
        raise ValueError("config")
    rows, offset = plain(input["table"]), config.get("offset", 0)
    if input["table"].__class__ is dict or len(rows[0]) != config["dim"] or set(input) - {"table", "positions"}:
        raise ValueError("table")
    if not isinstance(rows[0][0], float) or dtype.startswith("i"):
        raise ValueError("dtype")
    if not all(isinstance(p, int) and not isinstance(p, bool) for p in input["positions"]):
        raise ValueError("position")
    if not all(0 <= p + offset < len(rows) for p in input["positions"]):
        raise IndexError("beyond the table")
    return [rows[p + offset] for p in input["positions"]]


def wrapping_table(config, input, dtype):
    rows, offset = plain(input["table"]), config.get("offset", 0)
    return [rows[(p + offset) % len(rows)] for p in input["positions"]]


def no_offset(config, input, dtype):
    return learned({"dim": config["dim"]}, input, dtype)


def shaw_bucket(config, input, dtype):
    if config["form"] == "key_minus_query":
        limit = config["max_relative_position"]
        row = lambda i, j: min(max(j - i, -limit), limit) + limit
    else:
        row = lambda i, j: i - j + config["max_position_embeddings"] - 1
    return [[row(i, j) for j in input["key_positions"]] for i in input["query_positions"]]


def shaw_no_clip(config, input, dtype):
    return shaw_bucket(dict(config, max_relative_position=2**50), input, dtype)


def deberta_bucket(config, input, dtype):
    """The ceiling in exact integers: n^(mid−1) · mid^k ≤ (M−1)^k · mid^(mid−1)."""
    size, most = config["bucket_size"], config["max_position"]
    mid = size // 2

    def signed(rel):
        if config["clamp"] == "distance":
            rel = min(max(rel, 1 - most), most - 1)
        n = abs(rel)
        if n > mid:
            n = min(n, most * most)  # far beyond every clamp
            reaches = lambda k: n ** (mid - 1) * mid**k <= (most - 1) ** k * mid ** (mid - 1)
            n = mid + next((k for k in range(size * 4) if reaches(k)), size * 4)
        row = size + (n if rel > 0 else -n)
        if config["clamp"] == "index":
            row = min(max(row, 0), 2 * size - 1)
        return row if config["form"] == "index" else row - size

    return [[signed(i - j) for j in input["key_positions"]] for i in input["query_positions"]]


def deberta_other_clamp(config, input, dtype):
    other = {"index": "distance", "distance": "index"}[config["clamp"]]
    return deberta_bucket(dict(config, clamp=other), input, dtype)


def attention_temperature(config, input, dtype):
    floor, offset = config.get("floor_scale", 8192), config.get("offset", 1)
    weight = config.get("attn_scale", 0.1)
    return [1 + weight * math.log(1 + (p + offset) // floor) for p in input["positions"]]


def temperature_late(config, input, dtype):
    return attention_temperature(dict(config, offset=config.get("offset", 1) - 1), input, dtype)


def position_ids(config, input, dtype):
    if "segments" in input:
        return multimodal(input["segments"], input["spatial_merge_size"])
    if "grid_thw" in input:
        return patches(input)
    if "cu_seqlens" in input:
        return packed(input)
    rows = []
    for mask in plain(input["attention_mask"]):
        rows.append([sum(mask[:i]) if real else 0 for i, real in enumerate(mask)])
    return {"positions": rows}


def packed(input):
    ends, size, rank = input["cu_seqlens"], input.get("cp_size"), input.get("cp_rank")
    rows = []
    for a, b in zip(ends, ends[1:]):
        chunk = (b - a) // (2 * size) if size else 0
        for p in range(b - a):
            if not size or p // chunk in (rank, 2 * size - 1 - rank):
                rows.append((p, a + p))
    output = {"positions": [[p for p, _ in rows]]}
    if size:
        output["indices"] = [[place for _, place in rows]]
    return output


def multimodal(segments, merge):
    """Qwen2-VL's rule: a list per axis."""
    axes, start = ([], [], []), 0
    for segment in segments:
        if "text" in segment:
            tokens = [(n, n, n) for n in range(segment["text"])]
        else:
            t, h, w = segment.get("image") or segment["video"]
            pace = segment.get("seconds_per_grid", 1), segment.get("tokens_per_second", 1)
            step = lambda f: math.floor(f * Fraction(pace[0]) * Fraction(pace[1]))
            tokens = [
                (step(f), y, x) for f in range(t) for y in range(h // merge) for x in range(w // merge)
            ]
        for axis, values in zip(axes, zip(*tokens)):
            axis.extend(start + value for value in values)
        start = max([start - 1] + [value for axis in axes for value in axis]) + 1
    return {"positions": [[axis] for axis in axes], "rope_delta": start - len(axes[0])}


def patches(input):
    """Rows and columns of the patches of vision towers."""
    first, cls = input.get("first", 0), input.get("cls")
    m = input["spatial_merge_size"] if input["order"] == "merge_block" else 1
    rows = []
    for t, h, w in input["grid_thw"]:
        grid = [
            (first + y * m + b, first + x * m + a)
            for y in range(h // m) for x in range(w // m) for b in range(m) for a in range(m)
        ]
        if m == 1:
            grid = [(first + y, first + x) for y in range(h) for x in range(w)]
        origin = [(0, 0)]
        rows += origin * (cls == "first") + grid * t + origin * (cls == "last")
    return {"positions": [[[y for y, _ in rows]], [[x for _, x in rows]]]}


def raster_always(config, input, dtype):
    return position_ids(config, dict(input, order="raster"), dtype)


def columns_first(config, input, dtype):
    output = position_ids(config, input, dtype)
    output["positions"] = output["positions"][:-2] + output["positions"][:-3:-1]
    return output


def delta_of_tokens(config, input, dtype):
    output = position_ids(config, input, dtype)
    return dict(output, rope_delta=0) if "rope_delta" in output else output
