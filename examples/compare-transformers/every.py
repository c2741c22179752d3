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
import copy
import json
import math
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
HALF = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}
VARIANTS = [
    ("esm", {"vocab_size": 33, "position_embedding_type": "rotary"}),
    ("falcon", {"alibi": True}),
    ("zamba2", {"use_mem_rope": True}),
    ("wav2vec2-conformer", {"position_embeddings_type": "rotary"}),
    ("wav2vec2-bert", {"position_embeddings_type": "rotary"}),
    ("granitemoehybrid", {"position_embedding_type": "rope", "layer_types": ["attention"] * 32}),
    ("deepseek_v3", {"rope_interleave": False}),
    ("smollm3", {"no_rope_layer_interval": 2}),
    ("qwen2_vl", {"text_config": {"rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}}}),
]
NEEDED = {
    "esm": {"vocab_size": 33},
    "cohere_compass_text": {"rope_parameters": {"full_attention": {
        "rope_type": "default", "rope_theta": 10000.0, "mrope_section": [24, 20, 20]}}},
    "bamba": {"attn_layer_indices": [0]},
    "hunyuan_v1_dense": {"head_dim": 128},
    "hunyuan_v1_moe": {"head_dim": 128},
    "hunyuan_vl_text": {"head_dim": 128, "rope_parameters": {
        "rope_type": "default", "rope_theta": 10000.0, "mrope_section": [16, 16, 16, 16]}},
    "ministral": {"head_dim": 128},
    "nemotron": {"num_key_value_heads": 8},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 16},
    "glm4v_text": {"rope_parameters": HALF},
    "glm_image_text": {"rope_parameters": HALF},
    "glm4v_moe_text": {"head_dim": 128, "rope_parameters": HALF},
    "glm4_moe": {"head_dim": 128},
    "qwen3_omni_moe_text": {"head_dim": 128},
}


def varied(only):
    """(name, keys) of every variant of the model types that rotate and hold no others."""
    import models
    import variants

    for name in models.CONFIG_MAPPING_NAMES:
        if only and name not in only:
            continue
        needed = NEEDED.get(name, {})
        try:
            config = models.CONFIG_MAPPING[name](**needed)
            saved = models.written(config, short=False)
            if len(list(models.tree(config))) > 1 or not models.rotates_somewhere(config):
                continue
            few = variants.fewer_layers(saved)
            changed = list(variants.variants(config, saved))
        except Exception:  # no defaults, or no modelling code: asked without variants
            continue
        yield from ((name, {**needed, **few, **keys}, keys) for keys in changed)


def theirs(only, with_variants):
    """A record per model type and variant."""
    import models

    asked = varied(only) if with_variants else (
        (name, keys, keys) for name, keys in
        [(name, NEEDED.get(name, {})) for name in models.CONFIG_MAPPING_NAMES] + VARIANTS
        if not only or name in only
    )
    for name, keys, shown in asked:
        record = {"name": name, "set": shown}
        try:
            config = models.CONFIG_MAPPING[name](**copy.deepcopy(keys))  # which it writes into
            record["config"] = models.written(config, short=False)
            record["short"] = {"model_type": name, **(keys if with_variants else models.written(config, short=True))}
            record["ropes"], record["rotating"], record["alone"] = models.ropes(config)
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
    config, factor = answer["config"], float(answer.get("attention_factor", 1))
    way = -1 if config.get("clockwise") else 1
    mine = {tuple(plane["coordinates"][::way]): plane for plane in answer["planes"]}
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
    if clockwise != way:
        return "turns the other way", 0
    frequencies = rope.get("inv_freq") or []
    # DINOv3 multiplies by 2π later.
    unit = 2 * math.pi if config["rope_type"] == "dinov3" else 1
    known = sorted(set(float(plane["frequency"]) / unit for plane in mine.values()))
    far = max((min(ulps(f, k) for k in known) for f in frequencies if f), default=0)
    return None, far


def added_to(answer):
    """What is shown of a model without a rope."""
    return "ALiBi, whose slopes are shown" if "slopes" in answer else "T5's bias, whose buckets are shown"


def judge(record, ropewalk):
    """(verdict, sentence, f32 ulp) per question that one model type asks."""
    name = record["name"]
    label = name + ("" if not record["set"] else f" with {', '.join(record['set'])}")
    rows = []
    if "config" not in record:
        return [(label, "", "not built", record["unbuilt"], 0)]
    if "unbuilt" in record:
        return [(label, "", "not built", record["unbuilt"], 0)]
    ropes = record["ropes"]
    texts = [rope for rope in ropes if part_of(rope["path"]) is None]
    if not ropes and record["rotating"]:
        rows.append((label, "", "unasked", f"{', '.join(record['rotating'])} rotates by code of its own", 0))
    elif not texts and not (record["alone"] and ropes):
        answers, refusal = ropewalk.show(record["config"])
        turning = [a for a in answers or [] if "planes" in a and a["config"].get("rope_type") != "none"]
        what = "the text model" if ropes else "the model"
        if turning:
            rows.append((label, "", "invented", f"{what} has no rope, and is answered with one", 0))
        elif answers:
            rows.append((label, "", "agree, no rope", added_to(answers[0]), 0))
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
                if "planes" in answers[0]:
                    difference, far = compare(rope, answers[0])
                    row = ("differs", difference, 0) if difference else ("agree", "", far)
                else:  # Falcon makes its rotary module and does not use it
                    is_so = record["config"].get("alibi") is True
                    row = ("agree, no rope", added_to(answers[0]), 0) if is_so else ("differs", "no planes", 0)
            if form == "config":
                rows.append((label, where, *row))
            elif row[0] != rows[-1][2]:
                rows.append((label, where + " (short form)", *row))
        for layer in rope["still"]:
            if layer in rope["rotating"] or layer == "None":
                layer = "no_rope"
            options = (["--part", part] if part else []) + ["--layer-type", layer]
            answers, refusal = ropewalk.show(record["config"], *options)
            is_none = answers and answers[0].get("config", {}).get("rope_type") == "none"
            row = ("agree", "does not rotate", 0) if is_none else ("differs", refusal or "these layers do not rotate", 0)
            rows.append((label, f"{where} --layer-type {layer}".strip(), *row))
    return rows


# --- the record --------------------------------------------------------------------------------------

MEANING = {
    "agree": "the same pairs, angles, direction, frequencies and factor, or the same layers that do not turn",
    "agree, no rope": "the model has none, and none is answered: refused with a sentence that says what it has "
                      "instead, or answered with its ALiBi or T5 buckets",
    "differs": "other numbers",
    "refused": "it rotates, and Ropewalk says why it does not answer",
    "unasked": "it rotates by code that this comparison cannot drive",
    "not built": "Transformers cannot build it from its own defaults",
    "invented": "answered with a rope although there is none",
}


def others(rows):
    """What does not agree, alike ones together: (verdict, why, labels)."""
    groups = collections.OrderedDict()
    for label, where, verdict, sentence, _ in rows:
        if not verdict.startswith("agree"):
            why = reason(label.split(" ")[0], sentence)
            groups.setdefault((verdict, why or f"**unexplained**: {sentence}"), []).append(f"{label} {where}".strip())
    return groups


def had(sentence):
    """What a model without a rope has, in the words of its refusal."""
    if "; it has " in sentence:
        return sentence.split("; it has ")[1].split(";")[0]
    if "nothing else in the model says that it rotates" in sentence:
        return "nothing that says so: refused, as what is not known to rotate"
    return sentence.removeprefix("rejected: ").split("; --set")[0]


def report(rows, added, version):
    counts = collections.Counter(row[2] for row in rows)
    names = {row[0].split(" ")[0] for row in rows}
    lines = [f"Transformers {version[0]}, torch {version[1]}, on the CPU; {len(names)} model types, "
             f"{len(rows)} questions.", "", "| verdict | questions | what it means |", "|---|---|---|"]
    lines += [f"| {verdict} | {counts.get(verdict, 0)} | {meaning} |" for verdict, meaning in MEANING.items()]
    far = [row for row in rows if row[2] == "agree"]
    beyond = dict.fromkeys(row[0].split(" ")[0] for row in far if row[4] > 3)
    lines += ["", f"Of those that agree, frequencies are off by at most {max(row[4] for row in far):.0f} f32 ulp; "
              f"those of {len(beyond)} model types by more than 3 ({', '.join(beyond)}), which is "
              "[f32 arithmetic](transformers.md#why-f32-is-up-to-3-ulp-off-and-sometimes-more).", "",
              "### What does not agree, and why", "", "| verdict | model types | why |", "|---|---|---|"]
    for (verdict, why), labels in others(rows).items():
        lines.append(f"| {verdict} | {', '.join(f'`{label}`' for label in dict.fromkeys(labels))} | {why} |")
    lines += ["", "### What agrees", ""]
    turning = collections.OrderedDict()
    for label, where, verdict, sentence, _ in rows:
        if verdict == "agree":
            turning.setdefault(label.split(" ")[0], None)
    lines += ["Rotating: " + ", ".join(turning) + ".", ""]
    still = collections.OrderedDict()
    for label, _, verdict, sentence, _ in rows:
        if verdict == "agree, no rope":
            still.setdefault(had(sentence), []).append(label)
    lines += [f"* {what}: {', '.join(labels)}." for what, labels in still.items()]
    lines += ["", "### What is added instead", "", "| code of | what | verdict | |", "|---|---|---|---|"]
    lines += [f"| {name} | {what} | {verdict} | {more} |" for name, what, verdict, more in added]
    return "\n".join(lines)


def put(page, text):
    start, end = "<!-- every model type: generated -->\n", "<!-- end -->"
    before, rest = page.read_text().split(start)
    page.write_text(before + start + text + "\n" + end + rest.split(end, 1)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ropewalk", default=str(ROOT / "target/release/ropewalk"))
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--cache", type=Path, help="keep what Transformers says here, and read it if it is there")
    parser.add_argument("--write", type=Path, help="put the record into this page")
    parser.add_argument("--variants", action="store_true", help="ask about other values of every key, not about defaults")
    parser.add_argument("--show", action="store_true", help="print every row")
    arguments = parser.parse_args()
    cache = arguments.cache
    if cache and cache.exists():
        records = [json.loads(line) for line in cache.read_text().splitlines()]
    else:
        records = []
        with open(cache or "/dev/null", "w") as out:
            for record in theirs(arguments.only, arguments.variants):
                records.append(record)
                print(json.dumps(record, default=str), file=out, flush=True)
    ropewalk = Ropewalk(arguments.ropewalk)
    with ThreadPoolExecutor(2) as pool:
        rows = [row for rows in pool.map(lambda r: judge(r, ropewalk), records) for row in rows]
    if arguments.show:
        for row in rows:
            print(" | ".join(map(str, row)))
    print(dict(collections.Counter(row[2] for row in rows)), file=sys.stderr)
    if not arguments.write:
        return 0
    import additive
    import models

    added = list(additive.rows(arguments.ropewalk))
    put(arguments.write, report(rows, added, (models.VERSION, models.TORCH)))
    return 1 if any(why.startswith("**unexplained") for _, why in others(rows)) else 0


if __name__ == "__main__":
    sys.exit(main())
