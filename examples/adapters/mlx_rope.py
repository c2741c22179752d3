"""MLX on a CPU: mx.fast.rope, both layouts, an offset; mlx.nn's sinusoidal encoding and ALiBi."""

import mlx.core as mx
import mlx.nn
import numpy
import protocol

mx.set_default_device(mx.cpu)
DTYPES = {"f32": mx.float32, "bf16": mx.bfloat16, "f16": mx.float16}


def to_mlx(part):
    if part.dtype not in DTYPES:
        raise protocol.Unsupported("f64 on this device")
    return mx.array(part.bits).view(DTYPES[part.dtype])


def of_mlx(array, dtype):
    if array.dtype != DTYPES[dtype]:
        raise TypeError("the kernel answered in %s" % array.dtype)
    return protocol.Tensor(dtype, numpy.array(array.view(mx.uint16 if array.itemsize == 2 else mx.float32)).view(protocol.NUMPY[dtype]))


def rotate(config, input, dtype):
    _, rotary = protocol.leading(config)
    kind = config.get("rope_type", "default")
    if kind not in ("default", "linear"):
        raise protocol.Unsupported("rope_type")
    protocol.forward_only(input)
    grid = protocol.positions(input, rank=2)
    if grid.size and abs(grid).max() > 2**31 - 1:
        raise protocol.Unsupported("an offset of more than 32 bits")
    options = dict(
        traditional=config["layout"] == "interleaved", base=float(config["rope_theta"]),
        scale=1 / config["factor"] if kind == "linear" else 1.0,
    )
    out = {}
    for name, part in protocol.tensors(input, grid).items():
        x = to_mlx(part)
        rows = []
        for b, row in enumerate(grid):
            pieces = [
                mx.fast.rope(x[b : b + 1, :, s:e], rotary, offset=p, **options) for s, e, p in protocol.runs(row)
            ]
            rows.append(mx.concatenate(pieces, axis=2) if pieces else x[b : b + 1])
        out[name] = of_mlx(mx.concatenate(rows), part.dtype)
    return out


def bias(config, input, dtype):
    if config["form"] != "symmetric":
        raise protocol.Unsupported("form")
    if config["slopes"] != "code":
        raise protocol.Unsupported("slopes of the paper")
    queries, keys = protocol.positions(input, "query_positions"), protocol.positions(input, "key_positions")
    if len(keys) == 0 or len(queries) == 0 or min(keys.min(), queries.min()) < 0 or max(keys.max(), queries.max()) > 4096:
        raise protocol.Unsupported("positions outside 0 … 4096")
    heads, length = config["num_heads"], int(max(keys.max(), queries.max())) + 1
    made = mlx.nn.ALiBi()(mx.zeros((1, heads, length, length), dtype=DTYPES[dtype]))[0]
    return {"bias": protocol.Tensor(dtype, of_mlx(made, dtype).bits[:, queries][:, :, keys])}


protocol.serve(
    "mlx",
    {"rotate": rotate, "alibi_bias": bias},
    package="mlx",
    homepage="https://github.com/ml-explore/mlx",
    capabilities=[
        {
            "operations": ["rotate"], "dtypes": ["f32", "bf16", "f16"], "layouts": ["interleaved", "half"],
            "rope_types": ["default", "linear"], "directions": ["forward"],
            "limits": {"min_position": -(2**31), "max_position": 2**31 - 1},
        },
        {"operations": ["alibi_bias"], "dtypes": ["f32", "bf16", "f16"]},
    ],
)
