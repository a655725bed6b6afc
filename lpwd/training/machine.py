"""Where a run computes: choice of the device, its default precision, and its name for people."""

import re
from typing import Literal

import psutil
import torch

from lpwd.cgroups import usable_cores
from lpwd.config import ConfigError
from lpwd.sentences import counted

GIB = 2**30


def resolve_device(name: str | torch.device) -> torch.device:
    """`auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:<index>`; ConfigError for one that is not here."""
    name = str(name)
    if name == "auto":
        return default_device()
    if name == "cpu":
        return torch.device("cpu")
    match = re.fullmatch(r"cuda(?::(\d+))?", name)
    if match is None:
        raise ConfigError(f"device is {name!r}: allowed are auto, cpu, cuda and cuda:<index>.")
    index, count = int(match[1] or 0), torch.cuda.device_count() if torch.cuda.is_available() else 0
    if index >= count:
        here = counted(count, "CUDA device") if count else "no CUDA device"
        raise ConfigError(f"device is {name!r}: this machine has {here}; choose auto or cpu.")
    return torch.device("cuda", index)


def default_device() -> torch.device:
    """The first CUDA device, or the CPU."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def default_precision(device: torch.device) -> Literal["bf16", "fp32"]:
    """bf16 where the device multiplies matrices in bf16 natively; emulation is slower than fp32."""
    if device.type == "cuda":
        with torch.cuda.device(device):
            return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if cpu_has_bf16() else "fp32"


def cpu_has_bf16() -> bool:
    """Whether the CPU has AVX-512 BF16, AMX or Arm BF16 instructions, and torch may use them."""
    if torch.backends.cpu.get_cpu_capability() == "AVX2":  # also where ATEN_CPU_CAPABILITY says so
        return False
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            flags = next((line for line in lines if line.startswith(("flags", "Features"))), "").split()
    except OSError:  # not Linux: torch 2.6 has no public query, and fp32 is always right
        return False
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(flags)


def gpu_memory() -> int:
    """Bytes of GPU memory that this process holds; 0 where it uses no GPU."""
    return torch.cuda.memory_reserved() if torch.cuda.is_initialized() else 0


def own_memory(device: torch.device) -> int:
    """Bytes of memory that a GPU has; 0 for a CPU, which has the machine's."""
    return int(torch.cuda.get_device_properties(device).total_memory) if device.type == "cuda" else 0


def device_label(device: torch.device) -> str:
    """For people and for the recorded results: "CPU, 2 cores, 23 GiB" or "NVIDIA H100 80GB HBM3, 79 GiB"."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"{properties.name}, {properties.total_memory / GIB:.0f} GiB"
    cores = usable_cores()
    return f"CPU, {counted(cores, 'core')}, {psutil.virtual_memory().total / GIB:.0f} GiB"


def use_threads(count: int) -> None:
    """Give the calling thread so many torch threads. Those that begin later get as many, until it is set again."""
    torch.set_num_threads(count)
    torch.get_num_threads()  # a thread's first look takes what any thread set last
