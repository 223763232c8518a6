"""Devices: what a run computes on, with what is asked for and what is there.

Flow: config + torch -> **devices** -> run

Configurations are handed round; one that names two GPUs still runs where there is none, with one warning.
"""

import logging
from dataclasses import dataclass

import torch

from drumlane.training.sections import HardwareConfig

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Devices:
    """Lightning's words for it."""

    accelerator: str
    devices: int | list[int]
    precision: str
    strategy: str

    @property
    def n_processes(self) -> int:
        """Training processes; each has batches of its own."""
        return len(self.devices) if isinstance(self.devices, list) else self.devices


def choose_devices(hardware: HardwareConfig, precision: str) -> Devices:
    """Return what there is of what ``hardware`` asks for; where it is less, say so once in the log."""
    n_gpus = torch.cuda.device_count() if hardware.accelerator in ("auto", "gpu") else 0
    if n_gpus:
        return _gpus(hardware, precision, n_gpus)
    accelerator = "cpu"
    if hardware.accelerator in ("auto", "mps") and torch.backends.mps.is_available():
        accelerator = "mps"
    asked_for_gpus = hardware.accelerator in ("gpu", "mps") or (
        hardware.accelerator == "auto" and hardware.devices not in (1, "auto")
    )
    if accelerator == "cpu" and asked_for_gpus:
        _log.warning("hardware: no GPU is here; training on the CPU")
    n_processes = hardware.devices if hardware.accelerator == "cpu" else 1
    n_processes = n_processes if isinstance(n_processes, int) else 1
    # Half precision of GPUs is not for processors.
    precision = "bf16-mixed" if precision == "16-mixed" and accelerator == "cpu" else precision
    return Devices(accelerator, n_processes, precision, _strategy(n_processes))


def _gpus(hardware: HardwareConfig, precision: str, n_gpus: int) -> Devices:
    wanted = hardware.devices
    if wanted == "auto":
        chosen = list(range(n_gpus))
    else:
        chosen = list(wanted) if isinstance(wanted, tuple) else list(range(int(wanted)))
    there = [number for number in chosen if number < n_gpus] or [0]
    if there != chosen:
        _log.warning("hardware.devices: of GPUs %s only %s are here", chosen, there)
    return Devices("gpu", there, precision, _strategy(len(there)))


def _strategy(n_processes: int) -> str:
    return "ddp" if n_processes > 1 else "auto"
