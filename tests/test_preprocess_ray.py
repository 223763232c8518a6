"""Preprocessing on Ray writes what the local engine writes, though a worker is killed in the middle."""

import sys
from pathlib import Path

import pytest

from drumlane.audio.features import FeatureSpec
from drumlane.data.prepare_take import Preparation
from drumlane.data.preprocess_ray import ray_engine
from drumlane.data.preprocessing import Engine, finish, local_engine, run_plan
from drumlane.data.preprocessing_plan import Selection, plan_preprocessing
from drumlane.errors import ConfigError, MissingExtraError
from drumlane.vocabulary import TD17

N_TAKES = 12


def prepare_all(folder: Path, processed: Path, engine: Engine, kill: bool = False) -> dict[str, bytes]:
    """Prepare every take and return every file; ``kill`` ends one of Ray's workers after the first take."""
    selection = Selection(folder, "folder")
    preparation = Preparation(processed, "npy", FeatureSpec(), TD17)
    plan = plan_preprocessing(selection)
    outcomes = []
    for outcome in run_plan(plan, preparation, engine):
        outcomes.append(outcome)
        if kill:
            kill = not kill_a_worker()
    assert not kill, "no worker was there to be killed"
    report = finish(plan, preparation, outcomes, selection, processed)
    assert [one.name for one in report.prepared] == [f"{n:02}" for n in range(N_TAKES)]
    return {path.name: path.read_bytes() for path in processed.rglob("*") if path.is_file()}


def kill_a_worker() -> bool:
    """Kill a process of this cluster that is at a task, if there is one."""
    import psutil

    for process in psutil.Process().children(recursive=True):
        if process.name().startswith("ray::prepare"):
            process.kill()
            return True
    return False


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_cluster_writes_what_one_machine_writes_though_a_worker_is_killed(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the ray extra")
    from egmd_material import row, write_egmd

    write_egmd(tmp_path)
    source = tmp_path / row("drummer1/session1/1", "train", 0)["audio_filename"]
    (tmp_path / "own").mkdir()
    from drumlane.audio.io import Audio, write_audio
    from material import chord

    for n in range(N_TAKES):
        write_audio(tmp_path / "own" / f"{n:02}.wav", Audio(chord(200.0 + n, 60.0), 44100))
        (tmp_path / "own" / f"{n:02}.midi").write_bytes(source.with_suffix(".midi").read_bytes())
    here = prepare_all(tmp_path / "own", tmp_path / "here", local_engine(1))
    there = prepare_all(tmp_path / "own", tmp_path / "there", ray_engine(num_cpus=2), kill=True)
    assert there == here


def test_an_address_without_a_cluster_is_refused_at_once(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the ray extra")
    for address in ("127.0.0.1:1", "ray://127.0.0.1:1", "127.0.0.1:99999"):
        with pytest.raises(ConfigError, match=f"--ray-address {address}: no cluster answers"):
            list(ray_engine(address)(str, []))  # type: ignore[arg-type]


def test_without_ray_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"--engine ray needs ray, .* pip install 'drumlane\[ray\]'"):
        ray_engine()
