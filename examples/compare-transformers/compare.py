"""Compares Ropewalk's frequencies with those that Hugging Face Transformers computes.

    python3 compare.py [--ropewalk PATH] [--random N] [--seed N] [--write PAGE]

Every config goes through both: Transformers builds the config object and the rotary module of the
model type, Ropewalk reads the same dictionary in the model form. Two questions are asked of each:

* as released: how many f32 ulp lie between Transformers' `inv_freq` and the correctly rounded one;
* the same Transformers code run in f64: whether both mean the same rule. What remains below 1e-11
  is f64 arithmetic, so a large f32 distance beside it is arithmetic too, and not another rule.
"""

import argparse
import collections
import json
import math
import struct
import subprocess
import sys
from pathlib import Path

import theirs
from configs import by_class, by_hand, random_configs, released, saved

ROOT = Path(__file__).resolve().parents[2]
SAME_RULE = 1e-11

# Notes that have been looked at: a part of the text, and what is behind it.
REASONS = {
    "both refuse": "both refuse it",
    "has no attribute": "its rotary code in Transformers is not driven by a config, so there is nothing to ask",
    "no rotary module": "its rotary code in Transformers is not driven by a config, so there is nothing to ask",
    "has no inv_freq for": "its rotary code in Transformers is not driven by a config, so there is nothing to ask",
    "No module named": "Transformers has the config class without modelling code",
    "no config class": "the model's code lives on the Hub, not in Transformers",
    "must be one of ['longrope']": "Transformers allows this class `longrope` only",
    "time_step_limit": "the class does not read back what it saves (an infinity)",
    "Missing required keys": "Transformers 5 no longer reads this old spelling (`su`, or `yarn` in Phi-3)",
    "mscale field must be a number": "Transformers demands short_mscale and long_mscale of this class",
    "32 pairs here, 128 in": "the shared functions do not read the `rotary_dim` of this class, whose own table does",
    "requires `rope_type='default'`": "Transformers allows this class `default` only",
    "requires the `default` rope type": "Transformers allows this class `default` only",
    "does not support RoPE types": "Transformers allows this class `default` only",
    '"axial"': "a vision tower: its class alone says how pairs are dealt out to rows and columns, so its rope is "
               "written in the flat form (`axial`, `pixtral`, `dinov3`)",
    "makes qk_rope_head_dim": "latent attention: a share that contradicts qk_rope_head_dim is `invalid_value` here, "
                              "Transformers applies it to the slice again",
    "whose sum is rotary_dim/2": "the sections that its code takes do not fit its own default head: it fails on them",
    "allowed is a multiple of num_attention_heads": "the class's own width is no multiple of its heads: Transformers "
                                                    "rounds the quotient down, here it is `invalid_value`",
}


class Ropewalk:
    """`ropewalk adapter`: one process, a line per question."""

    def __init__(self, path):
        self.process = subprocess.Popen(
            [path, "adapter"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ask({"cmd": "start", "protocols": [1]})

    def ask(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def inv_freq(self, case, dtype):
        """(frequencies, attention_factor), or the sentence of a rejection."""
        config = {"model": case.model, "layout": "half"}
        if case.layer_type:
            config["layer_type"] = case.layer_type
        reply = self.ask({
            "cmd": "run", "id": case.name, "operation": "inv_freq", "dtype": dtype,
            "config": config, "input": {} if case.seq_len is None else {"seq_len": case.seq_len},
        })
        if "output" not in reply:
            return reply.get("rejected") or reply.get("errored") or str(reply)
        code = {"f32": ">%df", "f64": ">%dd"}[dtype]
        read = lambda tensor: [
            x for row in tensor["bits"]
            for x in struct.unpack(code % (len(row) * 4 // struct.calcsize(code % 8)), bytes.fromhex(row))
        ]
        return read(reply["output"]["inv_freq"]), read(reply["output"]["attention_factor"])[0]


def ulps(a, b):
    """|a − b| in f32 ulp of b."""
    if a == b:
        return 0.0
    exponent = max(math.frexp(b)[1] - 24, -149)
    return abs(a - b) / 2.0**exponent


def relative(a, b):
    return 0.0 if a == b else abs(a - b) / max(abs(b), 1e-300)


class Result:
    def __init__(self, case):
        self.case, self.ulp, self.factor_ulp, self.relative, self.note = case, 0.0, 0.0, 0.0, None


def compare(case, ropewalk):
    result = Result(case)
    try:
        released_ = theirs.inv_freq(case, in_f64=False)
        doubled = theirs.inv_freq(case, in_f64=True)
    except theirs.Refused as error:
        ours = ropewalk.inv_freq(case, "f32")
        both = isinstance(ours, str)
        result.note = f"both refuse: {ours}" if both else f"Transformers refuses: {error}"
        return result
    single, double = ropewalk.inv_freq(case, "f32"), ropewalk.inv_freq(case, "f64")
    if isinstance(single, str):
        result.note = f"Ropewalk refuses: {single}"
        return result
    if len(single[0]) != len(released_[0]):
        result.note = f"{len(single[0])} pairs here, {len(released_[0])} in Transformers"
        return result
    result.ulp = max(map(ulps, released_[0], single[0]))
    # The factor is a Python float there: it becomes f32 where it meets cos and sin.
    f32 = lambda x: struct.unpack("f", struct.pack("f", x))[0]
    result.factor_ulp = ulps(f32(released_[1]), single[1])
    result.relative = max(map(relative, [*doubled[0], doubled[1]], [*double[0], double[1]]))
    if result.relative > SAME_RULE:
        result.note = f"another rule: off by {result.relative:.1e}"
    return result


def table(results):
    """A row per source and rope_type."""
    rows = collections.OrderedDict()
    for result in results:
        rows.setdefault((result.case.source, result.case.rope_type), []).append(result)
    lines = [
        "| configs | rope_type | compared | largest, f32 ulp | beyond 3 ulp | attention_factor, f32 ulp "
        "| in f64, relative | other |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (source, rope_type), group in rows.items():
        same = [r for r in group if r.note is None]
        largest = max((r.ulp for r in same), default=0)
        lines.append(
            f"| {source} | `{rope_type}` | {len(same)} | {largest:.0f} "
            f"| {sum(r.ulp > 3 for r in same)} | {max((r.factor_ulp for r in same), default=0):.0f} "
            f"| {max((r.relative for r in same), default=0):.0e} | {len(group) - len(same)} |"
        )
    return lines


def reason(result):
    """Why a config was not compared, or disagrees; None if nobody has looked at it yet."""
    if result.case.why:
        return result.case.why
    known = (sentence for part, sentence in REASONS.items() if part in result.note)
    return next(known, None)


def others(results):
    """Every config that was not compared or disagrees, alike ones together."""
    groups = collections.OrderedDict()
    for result in results:
        if result.note is not None:
            groups.setdefault(reason(result) or result.note, []).append(result.case)
    lines = []
    for why, cases in groups.items():
        names = list(dict.fromkeys(case.name.split("@")[0] for case in cases))
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        lines.append(f"* {len(cases)} ({', '.join(names[:4])}{more}): {why}.")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ropewalk", default=str(ROOT / "target/release/ropewalk"))
    parser.add_argument("--random", type=int, default=150, help="random configs per rope_type")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="print the configs behind each note")
    parser.add_argument("--write", type=Path, help="put the record into this page")
    arguments = parser.parse_args()
    ropewalk = Ropewalk(arguments.ropewalk)
    cases = [
        *released(ROOT / "vectors/models"), *by_class(ROOT / "src/encoding/model/defaults.json"),
        *saved(theirs.saved()), *by_hand(), *random_configs(arguments.random, arguments.seed),
    ]
    results = [compare(case, ropewalk) for case in cases]
    if arguments.show:
        for result in results:
            if result.note or result.ulp > 3:
                print(result.case.name, result.case.layer_type, result.case.seq_len,
                      f"{result.ulp:.0f} ulp", result.note, json.dumps(result.case.model)[:300])
    lines = [f"Transformers {theirs.VERSION}, torch {theirs.TORCH}, on the CPU; "
             f"{len(results)} questions, seed {arguments.seed}.", "", *table(results), "",
             *others(results)]
    text = "\n".join(lines)
    if arguments.write:
        page = arguments.write.read_text()
        start, end = "<!-- comparison: generated -->\n", "<!-- end -->"
        before, rest = page.split(start)
        after = rest.split(end, 1)[1]
        arguments.write.write_text(before + start + text + "\n" + end + after)
    else:
        print(text)
    return 1 if any(r.note and reason(r) is None for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
