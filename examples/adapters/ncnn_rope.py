"""ncnn: the layer RotaryEmbed, which takes the caller's table: cosines and sines in f32."""

import ncnn
import numpy
import protocol

nets = {}


def net(half):
    if half not in nets:
        made = ncnn.Net()
        made.load_param_mem("7767517\n4 4\nInput x 0 1 x\nInput c 0 1 c\nInput s 0 1 s\nRotaryEmbed r 3 1 x c s y 0=%d\n" % (not half))
        nets[half] = made
    return nets[half]


def rotate(config, input, dtype):
    protocol.forward_only(input)
    head = protocol.whole(config)
    if config.get("rope_type", "default") != "default":
        raise protocol.Unsupported("rope_type")
    grid = protocol.positions(input, rank=2)
    freqs = 1 / config["rope_theta"] ** (numpy.arange(0, head, 2, dtype="f4") / head)
    given = {name: part.numpy() for name, part in protocol.tensors(input, grid).items()}
    out = {name: x.copy() for name, x in given.items()}
    for b, row in enumerate(grid if grid.size else []):
        angles = row.astype("f4")[:, None] * freqs.astype("f4")
        for name, x in given.items():
            asked = net(config["layout"] == "half").create_extractor()
            for label, part in (("x", x[b]), ("c", numpy.cos(angles)), ("s", numpy.sin(angles))):
                asked.input(label, ncnn.Mat(numpy.ascontiguousarray(part)).clone())
            failed, y = asked.extract("y")
            if failed:
                raise RuntimeError("extract: %d" % failed)
            out[name][b] = numpy.array(y).reshape(x[b].shape)
    return out


protocol.serve(
    "ncnn",
    {"rotate": rotate},
    package="ncnn",
    homepage="https://github.com/Tencent/ncnn",
    dtypes=["f32"],
    layouts=["interleaved", "half"],
    rope_types=["default"],
    directions=["forward"],
    axes=[1],
    mrope=False,
    partial=False,
)
