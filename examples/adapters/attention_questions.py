"""Golden files of `attention` for kernels that give no logarithm, and of the sizes that kernels are made for.

    python3 attention_questions.py DIR          the files of vectors/attention without their `lse`
    python3 attention_questions.py DIR --long   rows of up to 300 keys, heads of 32 to 128, answered by `ropewalk compute`

    examples/adapters/audit mlx-attention --operation attention --vectors DIR

The files of vectors/ ask for the logarithm in every test, and have eight keys at most.
"""

import argparse
import json
import pathlib
import subprocess

import environments

ROOT = environments.ROOT / "vectors" / "attention"


def without(folder):
    for path in sorted(ROOT.glob("*.json")):
        golden = json.loads(path.read_text())
        for group in golden["groups"]:
            for test in group["tests"]:
                parts = [test["expected"], test["residual"], *test["bounds"].values()]
                for part in (test["input"], *parts):
                    part.pop("lse", None)
        (folder / path.name).write_text(json.dumps(golden))


def tensor(numbers, dtype):
    import numpy

    if dtype == "bf16":
        import ml_dtypes

        bits = numbers.astype("f4").astype(ml_dtypes.bfloat16).view("u2")
    else:
        kind = {"f64": "f8", "f32": "f4", "f16": "f2"}[dtype]
        bits = numbers.astype(kind).view("u" + kind[1])
    digits = 2 * bits.dtype.itemsize
    rows = ["".join("%0*x" % (digits, int(bit)) for bit in row) for row in bits.reshape(-1, bits.shape[-1])]
    return {"dtype": dtype, "shape": list(bits.shape), "bits": rows}


def alibi(form, heads):
    return {"num_heads": heads, "slopes": "code", "form": form}


def rope(layout):
    return {"head_dim": 64, "layout": layout, "rope_theta": 10000}


T5 = {"num_buckets": 32, "max_distance": 128}
# Name, config, batch, heads, key heads, queries, keys, width, width of v, and what else there is.
ASKED = [
    ("plain", {"causal": False}, 1, 2, 1, 2, 300, 64, 64, {}),
    ("causal", {"causal": True}, 2, 4, 2, 5, 130, 64, 32, {}),
    ("prompt", {"causal": True}, 1, 2, 2, 40, 40, 64, 16, {}),
    ("sharp", {"causal": False}, 1, 1, 1, 2, 257, 64, 64, {"size": 6}),
    ("wide", {"causal": True}, 1, 2, 1, 2, 65, 128, 128, {}),
    ("window", {"causal": True, "window": [63, 0]}, 1, 2, 1, 3, 200, 32, 32, {}),
    ("window-both", {"causal": False, "window": [5, 7]}, 1, 2, 1, 30, 50, 32, 16, {}),
    ("softcap", {"causal": True, "softcap": 50}, 1, 2, 1, 3, 200, 64, 32, {"size": 8}),
    ("softcap-window", {"causal": True, "softcap": 5, "window": [30, 0], "scale": 0.2}, 1, 2, 1, 3, 100, 64, 32, {"size": 3}),
    ("sinks", {"causal": True}, 1, 4, 2, 3, 150, 64, 32, {"sinks": True}),
    ("sinks-window", {"causal": True, "window": [127, 0]}, 1, 4, 2, 3, 200, 64, 32, {"sinks": True}),
    ("lengths", {"causal": False}, 2, 2, 1, 2, 150, 64, 32, {"lengths": [70, 150]}),
    ("alibi-key", {"causal": True, "alibi": alibi("key", 4)}, 1, 4, 4, 3, 300, 64, 32, {}),
    ("alibi-distance", {"causal": True, "alibi": alibi("distance", 8)}, 1, 8, 8, 2, 300, 32, 16, {}),
    ("alibi-odd", {"causal": True, "alibi": alibi("distance", 6)}, 1, 6, 6, 2, 200, 32, 16, {}),
    ("alibi-mpt", {"causal": True, "alibi": alibi("mpt", 4)}, 1, 4, 4, 2, 200, 32, 16, {}),
    ("alibi-symmetric", {"causal": False, "alibi": alibi("symmetric", 4)}, 1, 4, 2, 20, 40, 32, 16, {}),
    ("t5-encoder", {"causal": False, "scale": 1, "t5": {**T5, "bidirectional": True}}, 1, 2, 2, 40, 40, 32, 16, {"size": 0.2, "table": 32}),
    ("t5-decoder", {"causal": True, "scale": 1, "t5": {**T5, "bidirectional": False}}, 1, 2, 2, 3, 200, 32, 16, {"size": 0.2, "table": 32}),
    ("rope", {"causal": True, "rope": rope("half")}, 1, 4, 2, 3, 100, 64, 64, {}),
    ("rope-interleaved", {"causal": True, "softcap": 20, "window": [40, 0], "rope": rope("interleaved")}, 1, 2, 1, 3, 100, 64, 64, {"size": 3}),
    ("decode", {"causal": True}, 3, 8, 2, 1, 97, 64, 64, {}),
]


def questions(dtype):
    import numpy

    draw = numpy.random.default_rng(7)
    for name, config, batch, heads, key_heads, queries, keys, width, wide, more in ASKED:
        asked = {
            "q": tensor(draw.standard_normal((batch, heads, queries, width)) * more.get("size", 1), dtype),
            "k": tensor(draw.standard_normal((batch, key_heads, keys, width)), dtype),
            "v": tensor(draw.standard_normal((batch, key_heads, keys, wide)), dtype),
            "query_positions": [list(range(keys - queries, keys))] * batch,
            "key_positions": [list(range(keys))] * batch,
        }
        if "sinks" in more:
            asked["sinks"] = tensor(draw.standard_normal(heads), dtype)
        if "table" in more:
            asked["table"] = tensor(draw.standard_normal((more["table"], heads)), dtype)
        if "lengths" in more:
            asked["key_lengths"] = more["lengths"]
        yield name, config, asked


def long(folder):
    command = [*environments.ropewalk(), "compute"]
    note = {"meaning": "a kernel of its own size is wrong", "effect": "what its blocks do is seen here alone", "faults": [], "links": []}
    for dtype in ("f64", "f32", "bf16", "f16"):
        groups = []
        for name, config, asked in questions(dtype):
            request = {"cmd": "run", "id": name, "operation": "attention", "dtype": dtype, "config": config, "input": asked}
            done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=True)
            answer = json.loads(done.stdout)
            test = {
                "id": "attention-%s-long-%s" % (dtype, name), "comment": name, "flags": ["attention-pairs"], "input": asked,
                "expected": answer["output"], "residual": answer["residual"], "bounds": {},
            }
            groups.append({"name": "long-" + name, "config": config, "dtype": dtype, "basic": not groups, "tests": [test]})
        golden = {"schema": "ropewalk-golden-1", "suite": "0.2.0", "operation": "attention", "notes": {"attention-pairs": note}, "groups": groups}
        (folder / (dtype + ".json")).write_text(json.dumps(golden))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--long", action="store_true")
    given = parser.parse_args()
    folder = given.folder / "attention"
    folder.mkdir(parents=True, exist_ok=True)
    (long if given.long else without)(folder)


main()
