"""What an answer says to do next is possible where it is said, whichever tools a server has been given.

Tools name the call that comes next in a line of its own, `next: tool argument=value`. A tool cannot know which other
ones its server lets this caller have, and a hint that leads nowhere costs a call; so a line that names another tool is
left out here, once for all. What stands between fences is data of a cluster and is not touched.
"""

import re
from collections.abc import Callable

from fairlead.mcp import fencing

_NEXT = re.compile(r"^[ \t]*next: (?P<tool>[a-z0-9]+(?:_[a-z0-9]+)+)(?=[ \n]|$).*(?:\n|$)", re.MULTILINE)


def possible(text: str, offers: Callable[[str], bool]) -> str:
    if "next: " not in text:
        return text
    parts = fencing.FENCED.split(text)  # what is between fences comes second, fourth, …
    parts[::2] = [_NEXT.sub(lambda found: found[0] if offers(found["tool"]) else "", each) for each in parts[::2]]
    return "".join(parts).rstrip("\n") if text[-1:] != "\n" else "".join(parts)
