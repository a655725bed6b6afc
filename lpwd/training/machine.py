"""Choose the device of a run, its default precision and its label."""

import re
from typing import Literal

import psutil
import torch

from lpwd.cgroups import usable_cores
from lpwd.config import ConfigError
from lpwd.sentences import counted

GIB = 2**30


def resolve_device(name: str | torch.device) -> torch.device:
    """Return the device for `auto` (CUDA if available), `cpu`, `cuda` or `cuda:<index>`. Raises ConfigError."""
    name = str(name)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
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


def default_precision(device: torch.device) -> Literal["bf16", "fp32"]:
    """Return bf16 if the device supports bf16 products natively, else fp32; emulation is slower than fp32."""
    if device.type == "cuda":
        with torch.cuda.device(device):
            return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if cpu_has_bf16() else "fp32"


def cpu_has_bf16() -> bool:
    """Return whether the CPU has AVX-512 BF16, AMX or Arm BF16 instructions that torch may use."""
    if torch.backends.cpu.get_cpu_capability() == "AVX2":  # also if set by ATEN_CPU_CAPABILITY
        return False
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            flags = next((line for line in lines if line.startswith(("flags", "Features"))), "").split()
    except OSError:  # not Linux: torch 2.6 has no public query, and fp32 is always correct
        return False
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(flags)


def gpu_memory() -> int:
    """Return the bytes of GPU memory that this process holds; 0 if it uses no GPU."""
    return torch.cuda.memory_reserved() if torch.cuda.is_initialized() else 0


def own_memory(device: torch.device) -> int:
    """Return the bytes of memory of a GPU; 0 for a CPU, which shares that of the machine."""
    return int(torch.cuda.get_device_properties(device).total_memory) if device.type == "cuda" else 0


def device_label(device: torch.device) -> str:
    """Return the label to display and record: "CPU, 2 cores, 23 GiB" or "NVIDIA H100 80GB HBM3, 79 GiB"."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"{properties.name}, {properties.total_memory / GIB:.0f} GiB"
    cores = usable_cores()
    return f"CPU, {counted(cores, 'core')}, {psutil.virtual_memory().total / GIB:.0f} GiB"


def use_threads(count: int) -> None:
    """Set torch's number of threads for the calling thread, and for threads that start later."""
    torch.set_num_threads(count)
    torch.get_num_threads()  # the first call in a thread fixes its number, which other threads may change before
