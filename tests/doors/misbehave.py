"""A right kernel for alibi_slopes in f32 that misbehaves in one way, named by its argument."""
import json, os, signal, struct, subprocess, sys, time

MODE = sys.argv[1] if len(sys.argv) > 1 else ""
AT = "alibi-slopes-f32-code-6-slopes"
asked = {}


def slopes(heads, kind, most):
    whole = heads if kind == "paper" else 1 << (heads.bit_length() - 1)
    first = [2 ** (-most * (h + 1) / whole) for h in range(whole)]
    return first + [2 ** (-most * (2 * h + 1) / (2 * whole)) for h in range(heads - whole)]


def once(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("duplicate_key: a key stands twice")
    return dict(pairs)


def answer(line):
    request = json.loads(line, object_pairs_hook=once)
    config = request["config"]
    known = {"num_heads": int, "slopes": str, "alibi_bias_max": int}
    if set(config) - set(known) or request["input"] or request["dtype"] != "f32":
        raise ValueError("unknown_key: or input, or dtype")
    if config["slopes"] not in ("code", "paper") or config["num_heads"] < 1:
        raise ValueError("invalid_value: of a key")
    most = config.get("alibi_bias_max", 8)
    if not isinstance(most, int) or most < 0:
        raise ValueError("invalid_value: alibi_bias_max")
    numbers = slopes(config["num_heads"], config["slopes"], config.get("alibi_bias_max", 8))
    bits = [struct.pack(f">{len(numbers)}f", *numbers).hex()]
    return {"output": {"slopes": {"dtype": "f32", "shape": [len(numbers)], "bits": bits}}}


def write(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def misbehave(id, reply):
    """What is written instead of the reply; None if nothing is to be written."""
    line = json.dumps(reply) + "\n"
    tensor = reply.get("output", {}).get("slopes")
    again = asked[id] > 1
    if id == AT:
        if MODE == "exit-3" or MODE == "exit-3-when-asked-again" and again:
            print("about to leave", file=sys.stderr, flush=True)
            os._exit(3)
        if MODE == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        if MODE == "hang":
            time.sleep(600)
        if MODE == "family":
            child = subprocess.Popen(["sleep", "600"])
            with open(sys.argv[2], "w") as file:
                file.write(str(child.pid))
            time.sleep(600)
        if MODE == "daemon":
            # Its child leaves the group, and the child's child outlives it.
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    with open(sys.argv[2], "w") as file:
                        file.write(str(os.getpid()))
                    for stream in (0, 1, 2):
                        os.close(stream)
                    time.sleep(600)
                os._exit(0)
            os.wait()
        if MODE == "orphan":
            # Its child holds the output open, and it dies.
            subprocess.Popen(["sleep", "600"])
            os._exit(3)
        if MODE == "leave":
            os._exit(0)
        if MODE == "close":
            os.close(1)
            time.sleep(600)
        if MODE == "garbage":
            return "Segmentation fault (core dumped)\n"
        if MODE == "bytes":
            sys.stdout.buffer.write(b"\xff\xfe\n")
            return ""
        if MODE == "list":
            return "[1]\n"
        if MODE == "wrong-id":
            return json.dumps(reply | {"id": "somebody else"}) + "\n"
        if MODE == "no-id":
            return json.dumps({key: reply[key] for key in reply if key != "id"}) + "\n"
        if MODE == "two-lines":
            return line + line
        if MODE == "half-a-line":
            write(line[:20])
            os._exit(0)
        if MODE == "half-a-line-and-crash":
            write(line[:20])
            os._exit(3)
        if MODE == "flood":
            while True:
                write("x" * 65536)
        if MODE == "many-lines":
            while True:
                write("{}\n" * 10000)
        if MODE == "both":
            return json.dumps(reply | {"rejected": "invalid_value: and answered"}) + "\n"
        if MODE == "unknown-key":
            return json.dumps(reply | {"note": "hello"}) + "\n"
        if MODE == "numbers":
            tensor["bits"] = [[0.5] * tensor["shape"][0]]
        if MODE == "errored":
            return json.dumps({"id": id, "errored": "out of memory"}) + "\n"
        if MODE == "wrong-shape":
            tensor["shape"], tensor["bits"] = [1, *tensor["shape"]], tensor["bits"]
        if MODE == "wrong-dtype":
            tensor["dtype"] = "i32"
        if MODE == "missing":
            reply["output"] = {}
        if MODE == "surplus":
            reply["output"]["more"] = tensor
        if MODE == "refuses":
            return json.dumps({"id": id, "rejected": "invalid_value: too many heads"}) + "\n"
        if MODE == "fickle" and again:
            tensor["bits"][0] = "3e800001" + tensor["bits"][0][8:]
        if MODE == "wrong":
            tensor["bits"][0] = "3e900000" + tensor["bits"][0][8:]
    if MODE == "answers-everything" and "rejected" in reply:
        bits = {"dtype": "f32", "shape": [1], "bits": ["3f000000"]}
        reply = {"id": id, "output": {"slopes": bits}}
    if MODE == "another-reason" and "rejected" in reply:
        reply["rejected"] = "malformed_request: for a reason of its own"
    if MODE == "skips":
        reply = {"id": id, "skipped": "not today"}
    if MODE == "unsupported":
        reply = {"id": id, "unsupported": "nothing is"}
    if MODE == "declines-a-group" and id.startswith("alibi-slopes-f32-code-6-"):
        reply = {"id": id, "unsupported": "no six heads"}
    if MODE == "skips-a-group" and id == AT:
        reply = {"id": id, "skipped": "not today"}
    if MODE == "rejects-all":
        reply = {"id": id, "rejected": "invalid_value: all of it"}
    return json.dumps(reply) + "\n"


claim = {"operations": ["alibi_slopes"], "dtypes": ["f32"]}
start = {"protocol": 1, "kernel": {"name": MODE or "right"}, "capabilities": [claim]}
if MODE == "dies-at-start":
    os._exit(3)
if MODE == "deaf":
    time.sleep(600)
if MODE == "protocol-2":
    start["protocol"] = 2
if MODE == "unknown-capability":
    claim["colours"] = ["red"]
if MODE == "claims-nothing":
    start["capabilities"] = []
if MODE == "claims-too-much":
    start["capabilities"].append({"operations": ["t5_bucket"]})
for line in sys.stdin:
    command = json.loads(line)
    if command["cmd"] == "stop":
        break
    if command["cmd"] == "start":
        write(("hello\n" if MODE == "chatty" else "") + json.dumps(start) + "\n")
        if MODE == "deaf-later":
            time.sleep(600)
        continue
    id = command["id"]
    asked[id] = asked.get(id, 0) + 1
    try:
        reply = {"id": id} | answer(line)
    except (KeyError, ValueError) as error:
        text = str(error) if ": " in str(error) else f"missing_key: {error}"
        reply = {"id": id, "rejected": text}
    write(misbehave(id, reply))
