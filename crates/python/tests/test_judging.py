"""Assertions, audits, and the plugin: right kernels pass, wrong ones are named."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import kernels
import pytest

import ropewalk

numpy = pytest.importorskip("numpy")
CONFIG = {"head_dim": 32, "layout": "half", "rope_theta": 500000}


def asked(shape=(2, 4, 40, 32), seed=3):
    return numpy.random.default_rng(seed).standard_normal(shape).astype("float32")


def test_a_right_tensor_passes():
    q, positions = asked(), numpy.arange(80).reshape(2, 40)
    ropewalk.testing.assert_rotated(kernels.numpy_rotate(q, positions, CONFIG), q, positions, CONFIG)


@pytest.mark.parametrize("kernel, fault", [("wrong_sign", "b1-sign-flipped"), ("base_ignored", "c1-base-ignored")])
def test_a_wrong_one_is_named(kernel, fault):
    q, positions = asked(), numpy.arange(80).reshape(2, 40)
    with pytest.raises(ropewalk.RotationError) as caught:
        ropewalk.testing.assert_rotated(getattr(kernels, kernel)(q, positions, CONFIG), q, positions, CONFIG)
    error = caught.value
    assert error.fault and error.fault.split("-")[0] == fault.split("-")[0], str(error)
    assert error.remedy and error.explains > 0.9 and 0 < error.share <= 1
    assert error.report.verdict == "diverges" and "<html" in error.report.html()
    assert len(str(error).splitlines()) < 20 and len(error.details) > len(str(error))


def test_where_it_is_wrong():
    q, positions = asked(), numpy.arange(80).reshape(2, 40)
    got = kernels.numpy_rotate(q, positions, CONFIG)
    got[1, :, 7:20] = q[1, :, 7:20]
    with pytest.raises(ropewalk.RotationError) as caught:
        ropewalk.testing.assert_rotated(got, q, positions, CONFIG)
    assert caught.value.wrong == {"batch": [1], "head": "all", "token": ["7..19"]}
    assert set(position for _, position in caught.value.rotated_at) == {0}
    at = caught.value.worst["index"]
    assert at[0] == 1 and 7 <= at[2] < 20


def test_one_row_of_many_is_found():
    q = asked((6000, 32))
    got = ropewalk.rotate(q, range(6000), CONFIG)
    got[1001] = q[1001]
    with pytest.raises(ropewalk.RotationError, match="token 1001") as caught:
        ropewalk.testing.assert_rotated(got, q, range(6000), CONFIG)
    assert caught.value.wrong == {"token": [1001]} and caught.value.rotated_at == [((0, 0, 1001), 0)]
    with pytest.raises(ropewalk.RotationError) as caught:
        ropewalk.testing.assert_rotated(-q, q, range(6000), CONFIG)
    assert caught.value.wrong == {"token": "all"}


def test_where_it_was_really_turned():
    q, positions = asked(), numpy.arange(80).reshape(2, 40)
    got = kernels.numpy_rotate(q, positions + 1000, CONFIG)
    with pytest.raises(ropewalk.RotationError, match="really turned") as caught:
        ropewalk.testing.assert_rotated(got, q, positions, CONFIG)
    assert all(at == 1000 + row[0] * 40 + row[2] for row, at in caught.value.rotated_at)
    assert len(caught.value.rotated_at) == 2 * 4 * 40


def test_what_cannot_be_judged_does_not_pass():
    q = numpy.full((5, 32), numpy.nan, "float32")
    with pytest.raises(ropewalk.NotJudged, match="not judged"):
        ropewalk.testing.assert_rotated(q, q, range(5), CONFIG)
    ropewalk.testing.assert_rotated(q, q, range(5), CONFIG, allow_unjudged=True)


def test_what_is_plain_is_said():
    q = asked()
    with pytest.raises(ropewalk.RotationError, match="What is wrong: nothing is rotated"):
        ropewalk.testing.assert_rotated(q, q, range(40), CONFIG)
    got = ropewalk.rotate(q, range(40), CONFIG)
    got[:, 2:] = q[:, 2:]
    with pytest.raises(ropewalk.RotationError, match="heads from 2 on") as caught:
        ropewalk.testing.assert_rotated(got, q, range(40), CONFIG)
    assert "(;" not in str(caught.value)


def test_positions_0_cost_nothing():
    """A batch that is padded to the left has them everywhere."""
    q = asked((8, 4, 512, 32))
    positions = numpy.maximum(numpy.arange(512) - numpy.arange(0, 512, 64)[:, None], 0)
    got = kernels.numpy_rotate(q, positions, CONFIG)
    start = time.perf_counter()
    ropewalk.testing.assert_rotated(got, q, positions, CONFIG)
    assert time.perf_counter() - start < 20
    got[5, 1, 100] *= 1.001
    with pytest.raises(ropewalk.RotationError) as caught:
        ropewalk.testing.assert_rotated(got, q, positions, CONFIG)
    assert caught.value.wrong == {"batch": [5], "head": [1], "token": [100]}


def test_large_tensors_are_quick():
    q = asked((16384, 128))
    config = dict(CONFIG, head_dim=128)
    want = ropewalk.rotate(q, range(16384), config)
    start = time.perf_counter()
    ropewalk.testing.assert_rotated(want, q, range(16384), config)
    assert time.perf_counter() - start < 30


def test_an_audit():
    report = ropewalk.audit(kernels.numpy_rotate, config=CONFIG, dtypes=["f32", "f16"])
    assert report.conforms, report
    report.raise_if_wrong()
    assert not report.diagnoses and not report.failures
    # Small questions: known faults are looked for during some seconds only.
    report = ropewalk.audit(kernels.base_ignored, config=CONFIG, twice=False, sight=False, limits={"max_elements": 4096})
    assert report.verdict == "diverges" and report.faults == ["c1-base-ignored"]
    with pytest.raises(ropewalk.RotationError, match="c1-base-ignored"):
        report.raise_if_wrong()


def test_reports_are_written(tmp_path):
    report = ropewalk.audit(kernels.wrong_sign, config=CONFIG, twice=False)
    for name, start in [
        ("a.html", "<!DOCTYPE"),
        ("a.md", "###"),
        ("a.xml", "<?xml"),
        ("a.ndjson", "{"),
        ("a.txt", "DIV"),
    ]:
        report.save(tmp_path / name)
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    with pytest.raises(ValueError, match=".html"):
        report.save(tmp_path / "a.pdf")
    assert report._repr_html_().startswith("<iframe") and repr(report).startswith("DIVERGES")
    assert json.loads((tmp_path / "a.ndjson").read_text().splitlines()[-1])["verdict"] == "diverges"


def test_a_kernel_that_raises_is_reported_with_its_traceback():
    report = ropewalk.audit(kernels.raises, config=CONFIG, twice=False)
    assert report.verdict == "adapter_fault"
    assert "kernels.py" in report.log and "no kernel image" in report.log
    with pytest.raises(ropewalk.NotJudged, match="no kernel image"):
        report.raise_if_wrong()
    assert ropewalk.audit(kernels.declines, config=CONFIG, twice=False).verdict == "unjudged"


@pytest.mark.parametrize("axes", ["bshd", "sbhd", "thd", "hsd"])
def test_axes_of_a_kernel(axes):
    seen = []

    def kernel(q, positions, config):
        seen.append((q.shape, positions.shape))
        letters = axes.replace("t", "s")
        if "b" in letters:
            x = q.transpose(["sbhd".index(c) for c in "bhsd"] if letters == "sbhd" else [0, 2, 1, 3])
            y = kernels.numpy_rotate(x, positions, config)
            return y.transpose([2, 0, 1, 3] if letters == "sbhd" else [0, 2, 1, 3])
        x = q.swapaxes(0, 1) if letters == "shd" else q
        y = kernels.numpy_rotate(x[None], positions[None], config)[0]
        return y.swapaxes(0, 1) if letters == "shd" else y

    report = ropewalk.audit(kernel, config=CONFIG, axes=axes, twice=False)
    assert report.conforms, report
    assert seen


def test_frequencies_are_handed_over():
    def kernel(q, k, positions, inv_freq, attention_factor):
        def turn(x):
            angle = positions[:, None, :, None].astype("float32") * inv_freq
            cos, sin = numpy.cos(angle) * attention_factor, numpy.sin(angle) * attention_factor
            half = inv_freq.shape[0]
            a, b = x[..., :half], x[..., half:]
            return numpy.concatenate([a * cos - b * sin, b * cos + a * sin], -1).astype(x.dtype)

        return turn(q), turn(k)

    assert ropewalk.audit(kernel, model="llama-3.1-8b", twice=False).conforms


def test_in_place_kernels_give_nothing_back():
    def kernel(q, k, positions, config):
        q[...] = kernels.numpy_rotate(q, positions, config)
        k[...] = kernels.numpy_rotate(k, positions, config)

    assert ropewalk.audit(kernel, config=CONFIG).conforms


def test_parameters_that_nobody_knows():
    report = ropewalk.audit(lambda q, frequencies: q, config=CONFIG, twice=False)
    assert "frequencies of the kernel is not known here" in report.log


def test_identify():
    found = ropewalk.identify(kernels.base_ignored, config=CONFIG)
    assert not found.same and found.config["rope_theta"] == 10000
    assert "500000 is declared, 10000 is computed" in repr(found)
    right = ropewalk.identify(kernels.numpy_rotate, config=CONFIG)
    assert right.same and "It computes what is declared" in repr(right)


def test_what_is_drawn_is_asked():
    report = ropewalk.audit(kernels.numpy_rotate, config=CONFIG, twice=False, sight=False)
    drawn = [case["id"] for case in report.cases if case["id"].startswith("own-fresh-")]
    assert len(drawn) > 20 and report.footer["drawn"]["questions"] == len(drawn)


def test_other_threads_run_meanwhile():
    ticks = []
    stop = threading.Event()

    def tick():
        while not stop.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.005)

    thread = threading.Thread(target=tick)
    q = asked((4096, 128))
    config = dict(CONFIG, head_dim=128)
    thread.start()
    start = time.perf_counter()
    want = ropewalk.rotate(q, range(4096), config)
    ropewalk.testing.assert_rotated(want, q, range(4096), config)
    end = time.perf_counter()
    stop.set()
    thread.join()
    assert [t for t in ticks if start < t < end] or end - start < 0.02


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_works():
    code = """if True:
        import ropewalk, time
        def kernel(x, positions, config):
            print("asked", flush=True)
            return x
        try:
            ropewalk.audit(kernel, dtypes=["f32"], rope_types=["default", "yarn", "llama3"])
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=120)
    assert "interrupted" in rest


def test_the_program_is_there(tmp_path):
    def run(*arguments):
        return subprocess.run([sys.executable, "-m", "ropewalk", *arguments], capture_output=True, text=True)

    assert run("--version").stdout.strip() == f"ropewalk {ropewalk.__version__}"
    assert run("judge").returncode == 2
    numpy.save(tmp_path / "q.npy", asked((40, 32)))
    table = run("table", "--set", "head_dim=8", "--set", "layout=half", "--positions", "0..4", str(tmp_path / "t.npy"))
    assert table.returncode == 0, table.stderr
    same = str(tmp_path / "q.npy")
    wrong = run("judge", "--set", "head_dim=32", "--set", "layout=half", "--positions", "0..40", same, same)
    assert wrong.returncode == 1 and "DIVERGES" in wrong.stdout
