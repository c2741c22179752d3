"""Findings in ggml, through its adapter (ggml_rope.py)."""

import json
import pathlib
import subprocess
import sys

import mpmath
import numpy
from evidence import finding, frequencies, main

ADAPTERS = pathlib.Path(__file__).parent.parent
sys.path.append(str(ADAPTERS))
from protocol import Tensor


def ask(config, x, positions):
    """One request to the adapter."""
    request = {
        "cmd": "run", "id": "a", "operation": "rotate", "dtype": "f32", "config": dict(config, layout="half", rope_theta=config.get("rope_theta", 10000)),
        "input": {"q": Tensor("f32", x.astype("f4")[None, None, None]).encode(), "positions": positions},
    }
    made = subprocess.run([sys.executable, str(ADAPTERS / "ggml_rope.py")], input=json.dumps(request) + "\n", capture_output=True, text=True)
    return Tensor.decode(json.loads(made.stdout)["output"]["q"]).wide()[0, 0, 0]


def one(width):
    """(1, 0) in every pair."""
    return numpy.concatenate([numpy.ones(width // 2), numpy.zeros(width // 2)])


@finding(56, "ggml: angles by a running product, and positions in f32")
def product(claim):
    for at, least in ((8191, 5e-4), (131071, 8e-3), (1048575, 5e-2)):
        y = ask({"head_dim": 128}, one(128), [[at]])
        c, s = y[:64], y[64:]
        off, table = [], []
        for i, f in enumerate(frequencies(128)):
            angle = at * f
            off.append(abs(float(mpmath.cos(angle) * s[i] - mpmath.sin(angle) * c[i])))
            single = float(numpy.float32(at) * (numpy.float32(1) / numpy.float32(10000) ** numpy.float32(2 * i / 128)))
            table.append(abs(float(single - angle)))
        claim(max(off) > least, "position %d: %.1e rad in pair %d; 1/base^x in f32 would be off by %.1e" % (at, max(off), int(numpy.argmax(off)), max(table)))


@finding(57, "ggml: M-RoPE sections that do not add up to the number of pairs wrap around")
def sections(claim):
    y = ask({"head_dim": 16, "mrope_section": [1, 1, 1]}, one(16), [[[10]], [[100]], [[1000]]])
    seen = []
    for i, f in enumerate(frequencies(16)):
        seen.append(min((10, 100, 1000), key=lambda p: abs(complex(mpmath.expj(p * f)) - complex(y[i], y[i + 8]))))
    claim(seen == [10, 100, 1000, 10, 100, 1000, 10, 100], "sections [1, 1, 1] of 8 pairs: the pairs turn by %s" % seen)


@finding(58, "ggml: YaRN's magnitude below a factor of 1, and a base of 0 or less, are not refused")
def bad(claim):
    y = ask({"head_dim": 8, "rope_type": "yarn", "factor": 0.5, "original_max_position_embeddings": 4096}, one(8), [[0]])
    claim(abs(y[0] - 0.930685) < 1e-5, "factor 0.5: magnitude %.4f" % y[0])
    for base in (0, -1):
        y = ask({"head_dim": 8, "rope_theta": base}, one(8), [[3]])
        claim(numpy.isnan(y).any(), "base %d: NaN" % base)


@finding(66, "ggml: interleaved M-RoPE gives pairs beyond 3h and 3w to the fourth axis, Qwen3-VL's code to the first")
def leftover(claim):
    places = (100_000, 200_000, 400_000)
    config = {"head_dim": 128, "rope_theta": 5_000_000, "mrope_section": [24, 20, 20], "mrope_interleaved": True}
    y = ask(config, one(128), [[[p]] for p in places])
    seen = []
    for i, f in enumerate(frequencies(128, 5_000_000)):
        seen.append(min((*places, 0), key=lambda p: abs(complex(mpmath.expj(p * f)) - complex(y[i], y[i + 64]))))
    t, h, w = places
    right = [h if i % 3 == 1 and i < 60 else w if i % 3 == 2 and i < 60 else t for i in range(64)]
    differ = [i for i in range(64) if seen[i] != right[i]]
    claim(differ == [61, 62], "sections [24, 20, 20]: pairs %s do not turn by t" % differ)
    claim(seen[61] == seen[62] == 0, "they turn by the fourth position, 0 here")
    lost = float(131071 * frequencies(128, 5_000_000)[61])
    claim(lost < 0.1, "their frequencies are small: %.2f rad at position 131071" % lost)


main()
