"""What the kernel knows of the time and the memory processes took."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Seconds of CPU a process has used since it began, threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def busy_s() -> float:
    """Seconds of CPU the whole machine has used, whoever it was."""
    first = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _idle, _wait, irq, soft, steal = (int(word) for word in first[:8])
    return (user + nice + system + irq + soft + steal) / TICKS


def core_count() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def memory_kib(pid: int) -> int:
    """What a process holds in memory now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise ValueError(f"process {pid} has ended")


def load_average() -> str:
    """How many wanted a core in the last minute; whoever reads a table has to know."""
    return f"{os.getloadavg()[0]:.1f} wanted one of {core_count()} cores in the minute before"
