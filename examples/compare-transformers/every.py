"""Compares Ropewalk with every model type of Transformers.

    python3 every.py [--ropewalk PATH] [--only NAME …] [--cache FILE] [--write PAGE]

`models.py` finds what each model does with positions by running its own code; Ropewalk reads the
config.json that Transformers saves for it (`ropewalk show`). What is compared: which coordinates form
pairs, by which angle and in which direction each turns at one position (row 2, column 3 for towers),
the frequencies, the factor on cos and sin, which layers turn, and that nothing is answered with a
rope that has none.
"""

import argparse
import collections
import json
import math
import struct
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reasons import reason

ROOT = Path(__file__).resolve().parents[2]

# Objects that hold the text model, which is the part that is read where none is asked for.
NESTS = {"thinker_config", "text_config", "language_config", "llm_config"}

# Configs of a class that its defaults leave out: (model type, what is set).
VARIANTS = [
    ("esm", {"vocab_size": 33, "position_embedding_type": "rotary"}),
    ("falcon", {"alibi": True}),
    ("zamba2", {"use_mem_rope": True}),
    ("wav2vec2-conformer", {"position_embeddings_type": "rotary"}),
    ("wav2vec2-bert", {"position_embeddings_type": "rotary"}),
    ("granitemoehybrid", {"position_embedding_type": "rope"}),
    ("deepseek_v3", {"rope_interleave": False}),
    ("smollm3", {"no_rope_layer_interval": 2}),
    ("qwen2_vl", {"text_config": {"rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}}}),
]
NEEDED = {"esm": {"vocab_size": 33}}


def theirs(only):
    """A record per model type and variant."""
    import models

    asked = [(name, NEEDED.get(name, {})) for name in models.CONFIG_MAPPING_NAMES] + VARIANTS
    for name, keys in asked:
        if only and name not in only:
            continue
        record = {"name": name, "set": keys}
        try:
            config = models.CONFIG_MAPPING[name](**keys)
            record["config"] = models.written(config, short=False)
            record["short"] = {"model_type": name, **models.written(config, short=True)}
            record["ropes"], record["rotating"] = models.ropes(config)
        except Exception as error:  # of every kind: no defaults, a missing package
            record["unbuilt"] = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
        yield record


def dump(value):
    """JSON without the infinities that some configs hold."""
    return json.dumps(value).replace("Infinity", "1e999").replace("NaN", "null")


class Ropewalk:
    """`ropewalk show --json`, once for each question."""

    def __init__(self, path):
        self.path = path

    def show(self, config, *options):
        """(answers, None) or (None, the sentence of a refusal)."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(dump(config))
            file.flush()
            run = subprocess.run(
                [self.path, "show", "--json", "--digits", "17", "--config", file.name, *options],
                capture_output=True, text=True,
            )
        if run.returncode != 0:
            return None, run.stderr.strip().removeprefix("ropewalk: ")
        return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")], None


def part_of(path):
    """What `--part` is called for a path of config keys; None for the text model."""
    rest = [key for key in path or () if key not in NESTS]
    return ".".join(key.removesuffix("_config") for key in rest) or None


def angle(plane, positions):
    return float(plane["frequency"]) * positions[plane["axis"] if len(positions) > 1 else 0]


def ulps(a, b):
    """|a − b| in f32 ulp of b."""
    return 0.0 if a == b else abs(a - b) / 2.0 ** max(math.frexp(b)[1] - 24, -149)


def compare(rope, answer):
    """What differs, or None; and the largest distance of a frequency in f32 ulp."""
    if "planes" not in answer:
        return "no planes", 0
    config, factor = answer["config"], float(answer.get("attention_factor", 1))
    mine = {tuple(plane["coordinates"]): plane for plane in answer["planes"]}
    mine = {pair: plane for pair, plane in mine.items() if float(plane["frequency"]) != 0}
    turns = {(i, j): (c, s) for i, j, c, s in rope["planes"] if s != 0 or abs(c - rope["factor"]) > 1e-9}
    if config["head_dim"] != rope["width"]:
        return f"head_dim {config['head_dim']} here, {rope['width']} there", 0
    if len(mine) != len(turns):
        return f"{len(mine)} pairs here, {len(turns)} there", 0
    if set(mine) != set(turns):
        odd = sorted(set(turns) - set(mine))[0]
        return f"other pairs: {odd} turn there", 0
    if abs(factor - rope["factor"]) > 1e-6 * factor:
        return f"attention_factor {factor} here, {rope['factor']} there", 0
    for clockwise in (1, -1):
        worst = 0.0
        for pair, plane in mine.items():
            turn = clockwise * angle(plane, rope["positions"])
            c, s = turns[pair]
            off = max(abs(factor * math.cos(turn) - c), abs(factor * math.sin(turn) - s))
            worst = max(worst, off / (4e-7 * (1 + abs(turn))))
        if worst <= 1:
            break
    else:
        return f"other angles at {rope['positions']}", 0
    if clockwise == -1 and not answer.get("clockwise"):
        return "turns the other way", 0
    frequencies = rope.get("inv_freq") or []
    known = sorted(set(float(plane["frequency"]) for plane in mine.values()))
    far = max((min(ulps(f, k) for k in known) for f in frequencies if f), default=0)
    return None, far


def judge(record, ropewalk):
    """(verdict, sentence, f32 ulp) per question that one model type asks."""
    name = record["name"]
    label = name + ("" if not record["set"] else " " + json.dumps(record["set"]))
    rows = []
    if "config" not in record:
        return [(label, "", "not built", record["unbuilt"], 0)]
    if "unbuilt" in record:
        return [(label, "", "not built", record["unbuilt"], 0)]
    ropes = record["ropes"]
    texts = [rope for rope in ropes if part_of(rope["path"]) is None]
    if not texts:
        answers, refusal = ropewalk.show(record["config"])
        turning = [a for a in answers or [] if "planes" in a and a["config"].get("rope_type") != "none"]
        what = "the text model" if ropes else "the model"
        if turning:
            rows.append((label, "", "invented", f"{what} has no rope, and is answered with one", 0))
        elif answers:
            rows.append((label, "", "agree, no rope", answers[0].get("title", ""), 0))
        else:
            rows.append((label, "", "agree, no rope", refusal, 0))
    for rope in ropes:
        part, layer = part_of(rope["path"]), rope["layer"]
        where = " ".join(filter(None, [part and f"--part {part}", layer and f"--layer-type {layer}"]))
        for form in ("config", "short"):
            options = (["--part", part] if part else []) + (["--layer-type", layer] if layer else [])
            answers, refusal = ropewalk.show(record[form], *options)
            if refusal is None and not layer and len(answers) > 1:
                refusal = f"it asks for a layer type: {len(answers)} ropes"
            if refusal is None and rope.get("unknown"):
                row = ("unasked", rope["unknown"], 0)
            elif refusal is not None:
                row = ("refused", refusal, 0)
            else:
                difference, far = compare(rope, answers[0])
                row = ("differs", difference, 0) if difference else ("agree", "", far)
            if form == "config":
                rows.append((label, where, *row))
            elif row[0] != rows[-1][2]:
                rows.append((label, where + " (short form)", *row))
        for layer in rope["still"]:
            if layer in rope["rotating"] or layer == "None" or not rope["rotating"]:
                layer = "no_rope"
            options = (["--part", part] if part else []) + ["--layer-type", layer]
            answers, refusal = ropewalk.show(record["config"], *options)
            is_none = answers and answers[0].get("config", {}).get("rope_type") == "none"
            row = ("agree", "does not rotate", 0) if is_none else ("differs", refusal or "these layers do not rotate", 0)
            rows.append((label, f"{where} --layer-type {layer}".strip(), *row))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ropewalk", default=str(ROOT / "target/release/ropewalk"))
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--cache", type=Path, help="keep what Transformers says here, and read it if it is there")
    parser.add_argument("--write", type=Path, help="put the record into this page")
    parser.add_argument("--show", action="store_true", help="print every row")
    arguments = parser.parse_args()
    cache = arguments.cache
    if cache and cache.exists():
        records = [json.loads(line) for line in cache.read_text().splitlines()]
    else:
        records = []
        with open(cache or "/dev/null", "w") as out:
            for record in theirs(arguments.only):
                records.append(record)
                print(json.dumps(record, default=str), file=out, flush=True)
    ropewalk = Ropewalk(arguments.ropewalk)
    with ThreadPoolExecutor(2) as pool:
        rows = [row for rows in pool.map(lambda r: judge(r, ropewalk), records) for row in rows]
    if arguments.show:
        for row in rows:
            print(" | ".join(map(str, row)))
    counts = collections.Counter(row[2] for row in rows)
    print(dict(counts), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
