"""Right and broken rotations, written as people write them. `python3 kernels.py NAME` speaks.

Nothing here knows of Ropewalk's list of faults: every kernel is a small program of its own.
"""

import math
import sys

import numpy as np

from speak import bf16, serve

F = np.float32


# The pieces of a right kernel, in f32 as Transformers has it.


def inv_freq(config):
    r, base = config["rotary_dim"], config["rope_theta"]
    return (1.0 / (F(base) ** (np.arange(0, r, 2, dtype=F) / F(r)))).astype(F)


def scaled(config, freq=inv_freq):
    """Frequencies and factor of a config."""
    theta, rule = freq(config), config.get("rope_type", "default")
    if rule == "linear":
        return theta / F(config["factor"]), 1.0
    if rule == "llama3":
        return llama3(config, theta), 1.0
    if rule == "yarn":
        return yarn(config, theta), magnitude(config)
    return theta, 1.0


def llama3(config, theta):
    s, low, high = config["factor"], config["low_freq_factor"], config["high_freq_factor"]
    length = config["original_max_position_embeddings"]
    if s == 1:
        return theta
    wave = 2 * math.pi / theta.astype(np.float64)
    smooth = (length / wave - low) / (high - low) if high != low else np.zeros_like(wave)
    mixed = (1 - smooth) * theta / s + smooth * theta
    out = np.where(wave > length / low, theta / s, mixed)
    return np.where(wave < length / high, theta, out).astype(F)


def yarn(config, theta, truncate=None):
    s, r, base = config["factor"], config["rotary_dim"], config["rope_theta"]
    if s == 1:
        return theta
    turns = lambda n: r * math.log(config["original_max_position_embeddings"] / (2 * math.pi * n)) / (2 * math.log(base))
    low, high = turns(config.get("beta_fast", 32)), turns(config.get("beta_slow", 1))
    if config.get("truncate", True) if truncate is None else truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, r - 1)
    if low == high:
        high += 0.001
    ramp = np.clip((np.arange(r // 2) - low) / (high - low), 0, 1)
    return (theta / s * ramp + theta * (1 - ramp)).astype(F)


def magnitude(config):
    if "attention_factor" in config:
        return config["attention_factor"]
    s = config["factor"]
    get = lambda m: 1.0 if s <= 1 else 0.1 * m * math.log(s) + 1.0
    if config.get("mscale") and config.get("mscale_all_dim"):
        return get(config["mscale"]) / get(config["mscale_all_dim"])
    return get(1.0)


def pairs(config, layout=None):
    r, o = config["rotary_dim"], config["rotary_offset"]
    if (layout or config["layout"]) == "half":
        return np.arange(o, o + r // 2), np.arange(o + r // 2, o + r)
    return np.arange(o, o + r, 2), np.arange(o + 1, o + r, 2)


def table(theta, factor, positions):
    """cos and sin [batch, 1, seq, planes]."""
    angle = np.array(positions, dtype=np.int64).astype(F)[:, None, :, None] * theta
    return np.cos(angle) * F(factor), np.sin(angle) * F(factor)


def turn(x, cos, sin, re, im):
    y = x.astype(cos.dtype).copy()
    a, b = x[..., re].astype(cos.dtype), x[..., im].astype(cos.dtype)
    y[..., re] = a * cos - b * sin
    y[..., im] = b * cos + a * sin
    outside = np.ones(x.shape[-1], bool)
    outside[re] = outside[im] = False
    y = y.astype(x.dtype)
    y[..., outside] = x[..., outside]
    return y


def sign(way):
    return 1 if way == "forward" else -1


def plain(config, tensors, positions, way, dtype, theta=None, layout=None):
    freq, factor = scaled(config) if theta is None else theta
    cos, sin = table(freq, factor, positions)
    re, im = pairs(config, layout)
    return {name: turn(x, cos, sign(way) * sin, re, im) for name, x in tensors.items()}


# Right kernels.


def in_f64(config, tensors, positions, way, dtype):
    r, base = config["rotary_dim"], config["rope_theta"]
    theta = base ** (-np.arange(0, r, 2) / r)
    angle = np.array(positions, dtype=np.float64)[:, None, :, None] * theta
    re, im = pairs(config)
    return {n: turn(x, np.cos(angle), sign(way) * np.sin(angle), re, im) for n, x in tensors.items()}


def running_product(config, tensors, positions, way, dtype):
    r = config["rotary_dim"]
    step = F(F(config["rope_theta"]) ** F(-2.0 / r))
    angle = np.empty(np.shape(positions)[:1] + (1,) + np.shape(positions)[1:] + (r // 2,), F)
    current = np.array(positions, np.int64).astype(F)[:, None, :]
    for i in range(r // 2):
        angle[..., i] = current
        current = current * step
    re, im = pairs(config)
    return {n: turn(x, np.cos(angle), sign(way) * np.sin(angle), re, im) for n, x in tensors.items()}


def with_exp(config, tensors, positions, way, dtype):
    r = config["rotary_dim"]
    theta = np.exp(np.arange(0, r, 2, dtype=F) * F(-math.log(config["rope_theta"]) / r)).astype(F)
    return plain(config, tensors, positions, way, dtype, (theta, 1.0))


def as_complex(config, tensors, positions, way, dtype):
    freq, factor = scaled(config)
    angle = np.array(positions, np.int64).astype(F)[:, None, :, None] * freq
    w = (np.cos(angle) + 1j * sign(way) * np.sin(angle)).astype(np.complex64) * F(factor)
    re, im = pairs(config)
    out = {}
    for name, x in tensors.items():
        z = (x[..., re].astype(F) + 1j * x[..., im].astype(F)).astype(np.complex64) * w
        y = x.copy()
        y[..., re], y[..., im] = z.real, z.imag
        out[name] = y
    return out


def rotate_half(config, tensors, positions, way, dtype):
    """The whole vector times cos plus the rotated vector times sin, as Transformers writes it."""
    freq, factor = scaled(config)
    cos, sin = table(freq, factor, positions)
    re, im = pairs(config)
    out = {}
    for name, x in tensors.items():
        full = x.astype(F)
        other = full.copy()
        other[..., re], other[..., im] = -full[..., im], full[..., re]
        c = np.ones(cos.shape[:3] + x.shape[-1:], F)
        s = np.zeros_like(c)
        c[..., re] = c[..., im] = cos
        s[..., re] = s[..., im] = sign(way) * sin
        y = (full * c + other * s).astype(x.dtype)
        outside = np.ones(x.shape[-1], bool)
        outside[re] = outside[im] = False
        y[..., outside] = x[..., outside]
        out[name] = y
    return out


def bf16_table(config, tensors, positions, way, dtype):
    freq, factor = scaled(config)
    cos, sin = (bf16(t) for t in table(freq, factor, positions))
    re, im = pairs(config)
    return {n: turn(x, cos, sign(way) * sin, re, im) for n, x in tensors.items()}


def bf16_all(config, tensors, positions, way, dtype):
    freq, factor = scaled(config)
    cos, sin = (bf16(t) for t in table(freq, factor, positions))
    re, im = pairs(config)
    out = {}
    for name, x in tensors.items():
        y, a, b, s = x.copy(), x[..., re], x[..., im], sign(way) * sin
        y[..., re] = bf16(bf16(a * cos) - bf16(b * s))
        y[..., im] = bf16(bf16(b * cos) + bf16(a * s))
        out[name] = y
    return out


# Broken kernels.


def other_layout(config, tensors, positions, way, dtype):
    return plain(config, tensors, positions, way, dtype, layout={"half": "interleaved", "interleaved": "half"}[config["layout"]])


def always_half(config, tensors, positions, way, dtype):
    return plain(config, tensors, positions, way, dtype, layout="half")


def clockwise(config, tensors, positions, way, dtype):
    return plain(config, tensors, positions, "inverse" if way == "forward" else "forward", dtype)


def base_ten_thousand(config, tensors, positions, way, dtype):
    return plain(dict(config, rope_theta=10000.0), tensors, positions, way, dtype)


def base_of_mine(config, tensors, positions, way, dtype):
    return plain(dict(config, rope_theta=26000.0), tensors, positions, way, dtype)


def over_head_dim(config, tensors, positions, way, dtype):
    def freq(c):
        d = c["head_dim"]
        return (1.0 / (F(c["rope_theta"]) ** (np.arange(0, c["rotary_dim"], 2, dtype=F) / F(d)))).astype(F)

    return plain(config, tensors, positions, way, dtype, scaled(config, freq))


def whole_head(config, tensors, positions, way, dtype):
    return plain(dict(config, rotary_dim=config["head_dim"], rotary_offset=0), tensors, positions, way, dtype)


def keys_as_they_are(config, tensors, positions, way, dtype):
    out = plain(config, tensors, positions, way, dtype)
    return dict(out, **({"k": tensors["k"]} if "k" in tensors else {}))


def counts_itself(config, tensors, positions, way, dtype):
    """Ignores the positions it gets."""
    return plain(config, tensors, [list(range(len(row))) for row in positions], way, dtype)


def first_row_for_all(config, tensors, positions, way, dtype):
    return plain(config, tensors, [positions[0]] * len(positions), way, dtype)


def overwrites(config, tensors, positions, way, dtype):
    """In place: the second half reads what the first has written."""
    freq, factor = scaled(config)
    cos, sin = table(freq, factor, positions)
    sin = sign(way) * sin
    re, im = pairs(config)
    out = {}
    for name, x in tensors.items():
        y = x.astype(F)
        y[..., re] = y[..., re] * cos - y[..., im] * sin
        y[..., im] = y[..., im] * cos + y[..., re] * sin
        out[name] = y.astype(x.dtype)
    return out


def cast_module(config, tensors, positions, way, dtype):
    freq, factor = scaled(config)
    return plain(config, tensors, positions, way, dtype, (bf16(freq), factor))


def half_positions(config, tensors, positions, way, dtype):
    freq, factor = scaled(config)
    angle = np.array(positions, np.int64).astype(np.float16).astype(F)[:, None, :, None] * freq
    re, im = pairs(config)
    cos, sin = np.cos(angle) * F(factor), sign(way) * np.sin(angle) * F(factor)
    return {n: turn(x, cos, sin, re, im) for n, x in tensors.items()}


def wires_crossed(config, tensors, positions, way, dtype):
    freq, factor = scaled(config)
    cos, sin = table(freq, factor, positions)
    re, im = pairs(config)
    return {n: turn(x, sign(way) * sin, cos, re, im) for n, x in tensors.items()}


def scaling_never_read(config, tensors, positions, way, dtype):
    return plain(config, tensors, positions, way, dtype, (inv_freq(config), 1.0))


def multiplies_factor(config, tensors, positions, way, dtype):
    if config.get("rope_type") == "linear":
        return plain(config, tensors, positions, way, dtype, (inv_freq(config) * F(config["factor"]), 1.0))
    return plain(config, tensors, positions, way, dtype)


def smooth_on_waves(config, tensors, positions, way, dtype):
    if config.get("rope_type") == "llama3":
        s, low, high = config["factor"], config["low_freq_factor"], config["high_freq_factor"]
        length = config["original_max_position_embeddings"]
        wave = 2 * math.pi / inv_freq(config).astype(np.float64)
        smooth = (length / wave - low) / (high - low) if high != low else np.zeros_like(wave)
        mixed = (1 - smooth) * wave * s + smooth * wave
        out = np.where(wave > length / low, wave * s, mixed)
        out = np.where(wave < length / high, wave, out)
        return plain(config, tensors, positions, way, dtype, ((2 * math.pi / out).astype(F), 1.0))
    return plain(config, tensors, positions, way, dtype)


def no_mscale(config, tensors, positions, way, dtype):
    return plain(config, tensors, positions, way, dtype, (scaled(config)[0], 1.0))


def keeps_fractions(config, tensors, positions, way, dtype):
    if config.get("rope_type") == "yarn":
        theta = yarn(config, inv_freq(config), truncate=False), magnitude(config)
        return plain(config, tensors, positions, way, dtype, theta)
    return plain(config, tensors, positions, way, dtype)


def forward_only(config, tensors, positions, way, dtype):
    return plain(config, tensors, positions, "forward", dtype)


def short_table(config, tensors, positions, way, dtype):
    return plain(config, tensors, [[min(p, 4095) for p in row] for row in positions], way, dtype)


def heads_for_tokens(config, tensors, positions, way, dtype):
    """Written for [batch, seq, heads, dim]."""
    freq, factor = scaled(config)
    cos, sin = table(freq, factor, positions)
    re, im = pairs(config)
    out = {}
    for name, x in tensors.items():
        if not x.size:
            out[name] = x
            continue
        at = [h % cos.shape[2] for h in range(x.shape[1])]
        c, s = cos[:, 0][:, at][:, :, None], sin[:, 0][:, at][:, :, None]
        out[name] = turn(x, c, sign(way) * s, re, im)
    return out


def counts_from_one(config, tensors, positions, way, dtype):
    def freq(c):
        r = c["rotary_dim"]
        return (1.0 / (F(c["rope_theta"]) ** ((np.arange(0, r, 2, dtype=F) + 2) / F(r)))).astype(F)

    return plain(config, tensors, positions, way, dtype, scaled(config, freq))


def decode_is_one_ahead(config, tensors, positions, way, dtype):
    return plain(config, tensors, [[p + 1 for p in row] for row in positions], way, dtype)


def table_in_bf16(config, tensors, positions, way, dtype):
    """For f32 tensors."""
    return bf16_table(config, tensors, positions, way, dtype)


def twice(config, tensors, positions, way, dtype):
    return plain(config, plain(config, tensors, positions, way, dtype), positions, way, dtype)


# Nobody has reported these.


def one_percent_faster(config, tensors, positions, way, dtype):
    freq, factor = scaled(config)
    return plain(config, tensors, positions, way, dtype, (freq * F(1.01), factor))


def skips_a_pair(config, tensors, positions, way, dtype):
    freq, factor = scaled(config)
    return plain(config, tensors, positions, way, dtype, (np.where(np.arange(len(freq)) == len(freq) // 2, F(0), freq), factor))


def sine_lags(config, tensors, positions, way, dtype):
    freq, factor = scaled(config)
    cos, _ = table(freq, factor, positions)
    _, sin = table(freq, factor, [[max(p - 1, 0) for p in row] for row in positions])
    re, im = pairs(config)
    return {n: turn(x, cos, sign(way) * sin, re, im) for n, x in tensors.items()}


def drops_the_last_head(config, tensors, positions, way, dtype):
    out = plain(config, tensors, positions, way, dtype)
    for name, x in tensors.items():
        if x.shape[1] > 2:
            out[name][:, -1] = x[:, -1] * F(0.5)
    return out


# Two at once.


def layout_and_base(config, tensors, positions, way, dtype):
    return other_layout(dict(config, rope_theta=10000.0), tensors, positions, way, dtype)


def sign_and_scaling(config, tensors, positions, way, dtype):
    return scaling_never_read(config, tensors, positions, "inverse" if way == "forward" else "forward", dtype)


def keys_and_head_dim(config, tensors, positions, way, dtype):
    out = over_head_dim(config, tensors, positions, way, dtype)
    return dict(out, **({"k": tensors["k"]} if "k" in tensors else {}))


def base_and_one_ahead(config, tensors, positions, way, dtype):
    return base_ten_thousand(config, tensors, [[p + 1 for p in row] for row in positions], way, dtype)


PLAIN = dict(rules=["default"])
BOTH = dict(directions=["forward", "inverse"])
HALF = dict(dtypes=["bf16"])
KERNELS = {
    "rotate_half": (rotate_half, {}),
    "plain": (plain, dict(dtypes=["f32", "bf16", "f16"])),
    "in_f64": (in_f64, dict(dtypes=["f64", "f32", "bf16"], **PLAIN, **BOTH)),
    "running_product": (running_product, PLAIN),
    "with_exp": (with_exp, PLAIN),
    "as_complex": (as_complex, {}),
    "bf16_table": (bf16_table, HALF),
    "bf16_all": (bf16_all, HALF),
    "forward_only": (forward_only, dict(**PLAIN, **BOTH)),
    "multiplies_factor": (multiplies_factor, {}),
}


def main():
    name = sys.argv[1]
    kernel, claim = KERNELS.get(name) or (globals()[name], {})
    serve(name, kernel, **claim)


if __name__ == "__main__":
    main()
