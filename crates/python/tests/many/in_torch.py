"""Kernels in torch."""

import math

import torch

from many import LINEAR, LLAMA3, PAIRS, PARTIAL, PLAIN, kernel


def frequencies(config, width=None):
    width = width or config.get("rotary_dim", config["head_dim"])
    return 1.0 / config["rope_theta"] ** (torch.arange(0, width, 2, dtype=torch.float32) / width)


def table(positions, frequency, dtype=torch.float32):
    angle = positions[:, None, :, None].to(torch.float32) * frequency
    return angle.cos().to(dtype), angle.sin().to(dtype)


def folded(x, cos, sin):
    """As Transformers does it, in the format of x."""
    a, b = x.chunk(2, -1)
    return x * torch.cat([cos, cos], -1) + torch.cat([-b, a], -1) * torch.cat([sin, sin], -1)


@kernel(PLAIN, "bf16 f32")
def torch_as_transformers(x, positions, config):
    return folded(x, *table(positions, frequencies(config), x.dtype))


@kernel(PLAIN, "bf16 f16")
def torch_upcast(x, positions, config):
    return folded(x.float(), *table(positions, frequencies(config))).to(x.dtype)


@kernel(PAIRS, "f32 bf16")
def torch_complex(x, positions, config):
    turns = torch.view_as_complex(torch.stack(table(positions, frequencies(config)), -1))
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turns).flatten(-2).to(x.dtype)


@kernel(PAIRS, "f32")
def torch_in_place_and_strided(x, positions, config):
    cos, sin = table(positions, frequencies(config))
    x = x.transpose(1, 2).contiguous().transpose(1, 2)
    a = x[..., ::2].clone()
    x[..., ::2] = a * cos - x[..., 1::2] * sin
    x[..., 1::2] = x[..., 1::2] * cos + a * sin
    return x


@kernel(LLAMA3, "f32 bf16")
def torch_llama3(x, positions, config):
    frequency = frequencies(config)
    wavelength = 2 * math.pi / frequency
    turns = config["original_max_position_embeddings"] / wavelength
    low, high = config["low_freq_factor"], config["high_freq_factor"]
    smooth = ((turns - low) / (high - low)).clamp(0, 1)
    frequency = (1 - smooth) * frequency / config["factor"] + smooth * frequency
    return folded(x.float(), *table(positions, frequency)).to(x.dtype)


@kernel(LLAMA3, "bf16", "d1")
def torch_llama3_ignored(x, positions, config):
    return folded(x, *table(positions, frequencies(config), x.dtype))


@kernel(LINEAR, "f32")
def torch_linear(x, positions, config):
    return folded(x, *table(positions, frequencies(config) / config["factor"]))


@kernel(PLAIN, "f32", "a1")
def torch_wrong_layout(x, positions, config):
    return torch_complex(x, positions, config)


@kernel(PLAIN, "bf16", "e", "f")
def torch_positions_in_bf16(x, positions, config):
    return folded(x, *table(positions.to(torch.bfloat16), frequencies(config), x.dtype))


@kernel(PLAIN, "f32", "f1")
def torch_frequencies_in_bf16(x, positions, config):
    return folded(x, *table(positions, frequencies(config).to(torch.bfloat16).float()))


@kernel(PLAIN, "f32", "f")
def torch_tables_in_bf16(x, positions, config):
    cos, sin = table(positions, frequencies(config), torch.bfloat16)
    return folded(x, cos.float(), sin.float())


@kernel(PLAIN, "f32", "e2", "e")
def torch_one_row_for_all(x, positions, config):
    return folded(x, *table(positions[:1], frequencies(config)))


@kernel(PLAIN, "f32", "g", "j", "i", "a")
def torch_first_head_only(x, positions, config):
    made = x.clone()
    made[:, :1] = folded(x[:, :1], *table(positions, frequencies(config)))
    return made


@kernel(PLAIN, "bf16 f32", "b3", "b")
def torch_twice(x, positions, config):
    tables = table(positions, frequencies(config), x.dtype)
    return folded(folded(x, *tables), *tables)


@kernel(PARTIAL, "f32", "a", "g", "c")
def torch_partial_ignored(x, positions, config):
    return folded(x, *table(positions, frequencies(config, config["head_dim"])))
