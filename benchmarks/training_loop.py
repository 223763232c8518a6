"""How long a training loop waits for its items: the share of its time, and the items a second of a reader.

    python benchmarks/training_loop.py --config configs/medium_test.yaml --set data.egmd_root=e-gmd-mini

Needs what ``drumlane preprocess`` makes of the same configuration. The first batches, for which nothing can
be ready, are not counted.
"""

import argparse
import time
from pathlib import Path

import lightning
import numpy as np
import torch

from drumlane.training.config import RunConfig, read_config
from drumlane.training.datamodule import TrainingData
from drumlane.training.module import TranscriberModule

WARM_UP = 5  # batches


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--steps", type=int, default=40)
    given = parser.parse_args()
    config = read_config(given.config, given.overrides)
    lightning.seed_everything(config.seed, verbose=False)
    torch.set_num_threads(config.hardware.num_threads or torch.get_num_threads())
    data = TrainingData(config, 0)
    report_reading(data, given.steps)
    waits, steps = run_loop(config, data, given.steps)
    share = waits.sum() / (waits.sum() + steps.sum())
    low, high = interval(waits, steps)
    items = f"{config.training.batch_size} x {config.data.excerpt_seconds:g} s"
    print(
        f"{len(steps)} steps of {items}, {config.hardware.num_workers} readers, a step {np.mean(steps):.2f} s"
    )
    print(f"waits {share:.2%} of the time, 95 % [{low:.2%}, {high:.2%}]")


def report_reading(data: TrainingData, n: int) -> None:
    """Print what one process reads and augments, in processor time."""
    before = time.process_time()
    for number in range(n):
        data._source.item(number)
    seconds = time.process_time() - before
    rate = n / seconds
    speed = rate * data.config.data.excerpt_seconds
    print(f"one reader: {rate:.0f} items a second, {speed:.0f} times real time")


def run_loop(config: RunConfig, data: TrainingData, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Train without Lightning's loop; return the seconds waited and worked at each step."""
    module = TranscriberModule(config.network, config.audio, config.training, config.seed, config.loss)
    optimizer = torch.optim.AdamW(module.network.parameters(), lr=config.training.learning_rate)
    bf16 = config.training.precision != "32-true"
    batches = iter(data.train_dataloader())
    waits, steps = [], []
    for number in range(n_steps + WARM_UP):
        began = time.perf_counter()
        batch = next(batches)
        ready = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = module.total_loss(module.network(batch[0]), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        module.averaged.update_parameters(module.network)
        if number >= WARM_UP:
            waits.append(ready - began)
            steps.append(time.perf_counter() - ready)
    return np.array(waits), np.array(steps)


def interval(waits: np.ndarray, steps: np.ndarray) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the share."""
    rng = np.random.default_rng(0)
    chosen = rng.integers(len(waits), size=(1000, len(waits)))
    waited, worked = waits[chosen].sum(axis=1), steps[chosen].sum(axis=1)
    low, high = np.quantile(waited / (waited + worked), [0.025, 0.975])
    return float(low), float(high)


if __name__ == "__main__":
    main()
