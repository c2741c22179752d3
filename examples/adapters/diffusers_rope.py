"""diffusers: get_1d_rotary_pos_embed with apply_rotary_emb, both layouts; sinusoidal timesteps.

`--freqs f64` makes the table in double precision, as FLUX does.
"""

import protocol
import torch
from diffusers.models.embeddings import apply_rotary_emb, get_1d_rotary_pos_embed, get_timestep_embedding

options = protocol.arguments(freqs=["f32", "f64"])
FREQS = {"f32": torch.float32, "f64": torch.float64}[options.freqs]


def rotate(config, input, dtype):
    interleaved = config["layout"] == "interleaved"
    head = protocol.whole(config)
    kind = config.get("rope_type", "default")
    if kind not in ("default", "linear"):
        raise protocol.Unsupported("rope_type")
    protocol.forward_only(input)
    grid = protocol.positions(input, rank=2)
    given = {name: part.torch() for name, part in protocol.tensors(input, grid).items()}
    out = {name: [] for name in given}
    for b, row in enumerate(grid):
        freqs = get_1d_rotary_pos_embed(
            head, row, theta=config["rope_theta"], use_real=True, repeat_interleave_real=interleaved,
            linear_factor=config["factor"] if kind == "linear" else 1.0, freqs_dtype=FREQS,
        )
        for name, x in given.items():
            out[name].append(apply_rotary_emb(x[b : b + 1], freqs, use_real_unbind_dim=-1 if interleaved else -2))
    return {name: torch.cat(rows) for name, rows in out.items()}


def sinusoidal(config, input, dtype):
    if config["layout"] != "concatenated":
        raise protocol.Unsupported("layout")
    return {
        "embedding": get_timestep_embedding(
            torch.from_numpy(protocol.positions(input, rank=1)),
            config["dim"],
            flip_sin_to_cos=config["order"] == "cos_first",
            downscale_freq_shift=1 if config["divisor"] == "half_minus_one" else 0,
            max_period=config["base"] if "base" in config else 10000,
        )
    }


protocol.serve(
    "diffusers" + ("" if options.freqs == "f32" else "-freqs-f64"),
    {"rotate": rotate, "sinusoidal": sinusoidal},
    package="diffusers",
    homepage="https://github.com/huggingface/diffusers",
    capabilities=[
        {
            "operations": ["rotate"], "dtypes": ["f32", "bf16", "f16"],
            "layouts": ["interleaved", "half"], "rope_types": ["default", "linear"], "directions": ["forward"],
        },
        {"operations": ["sinusoidal"], "dtypes": ["f32"]},
    ],
)
