"""What Linux allows a user, where many real servers at once need more than it gives by default.

A kube-apiserver watches each of its certificate files by an inotify instance, of which a user has 128: about eighteen
clusters. Whoever comes after is told "too many open files", and no number of open files helps.
"""

from pathlib import Path

INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
NEEDED = 512
"""Three times the 167 that a run of everything was seen to hold; 128 are enough for a slice of it."""


def too_low(instances: Path = INSTANCES) -> str:
    """In one line with what to do; empty where the limit is high enough, or is none of this system's."""
    try:
        allowed = int(instances.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return ""
    if allowed >= NEEDED:
        return ""
    what = f"{allowed} inotify instances for each user may be too few for so many servers (too many open files)"
    return f"{what}; as root: sysctl fs.inotify.max_user_instances={NEEDED}"
