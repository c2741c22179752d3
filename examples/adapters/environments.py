"""Sets up what an adapter needs: a virtual environment in a cache directory, or a built crate.

The directory is $ROPEWALK_ADAPTERS, else ~/.cache/ropewalk/adapters. An environment is made once and
again when its packages change. `uv` is used if it is there, pip otherwise.
"""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = pathlib.Path(os.environ.get("ROPEWALK_ADAPTERS") or pathlib.Path.home() / ".cache" / "ropewalk" / "adapters")
KNOWN = tomllib.loads((HERE / "environments.toml").read_text())


def python(name):
    """The interpreter of an environment, which is set up if need be."""
    wanted = KNOWN["environments"][name]
    stamp = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
    folder = CACHE / name
    interpreter, done = folder / "bin" / "python", folder / "done"
    if done.exists() and done.read_text() == stamp:
        return interpreter
    print("setting up %s in %s" % (name, folder), file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    uv = shutil.which("uv")
    install = [uv, "pip", "install", "-q", "--python", interpreter] if uv else [interpreter, "-m", "pip", "install", "-q"]
    for packages, more in ((wanted["packages"], []), (wanted.get("without_dependencies", []), ["--no-deps"])):
        if packages:
            subprocess.run([*install, *more, *packages], check=True)
    done.write_text(stamp)
    return interpreter


def crate(name, binary=None):
    """A built adapter in Rust."""
    target = CACHE / "target"
    manifest = HERE / name / "Cargo.toml"
    command = ["cargo", "build", "--release", "--quiet", "--manifest-path", manifest, "--target-dir", target]
    subprocess.run(command, check=True)
    return target / "release" / (binary or name + "-adapter")


def command(implementation):
    """The command line of an implementation's adapter, as a list."""
    environment, words = KNOWN["implementations"][implementation]
    if environment == "cargo":
        return [str(crate(words))]
    script, *options = words.split()
    return [str(python(environment)), str(HERE / script), *options]


def ropewalk():
    """The auditor: $ROPEWALK, else the one on the PATH, else this repository's, built."""
    found = os.environ.get("ROPEWALK") or shutil.which("ropewalk")
    if found:
        return [found]
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    return [str(ROOT / "target" / "release" / "ropewalk")]
