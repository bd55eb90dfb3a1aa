"""The composition of a composite as its rules see it: its name, its pipeline, and how to look at it."""

from fairlead.crossplane.references import Reference, machinery
from fairlead.crossplane.tracing import Node
from fairlead.crossplane.understanding import steps
from fairlead.crossplane.understanding.causes import Object
from fairlead.crossplane.understanding.circumstances import Circumstances
from fairlead.crossplane.understanding.steps import Next

_V1 = "apiextensions.crossplane.io/v1"


def name(obj: Object) -> str:
    return str((machinery(obj).get("compositionRef") or {}).get("name") or "")


def look_at(composition: str) -> Next:
    return steps.look_at(Reference(_V1, "Composition", composition))


def following(node: Node, known: Circumstances) -> Next:
    """Looks at it, or at what compositions there are where it is not there."""
    wanted = name(node.obj or {})
    is_there = any(each["metadata"]["name"] == wanted for each in known.compositions)
    return look_at(wanted) if is_there else steps.compositions()


def pipeline(node: Node, known: Circumstances) -> list[Object]:
    """Of the revision that the composite uses, or else of its composition; an operation has its own."""
    if node.reference.kind == "Operation":
        return list(((node.obj or {}).get("spec") or {}).get("pipeline") or ())
    revision = (machinery(node.obj or {}).get("compositionRevisionRef") or {}).get("name")
    named = [each for each in known.revisions if each["metadata"]["name"] == revision]
    wanted = name(node.obj or {})
    named += [each for each in known.compositions if each["metadata"]["name"] == wanted]
    return list((named[0].get("spec") or {}).get("pipeline") or ()) if named else []


def functions(node: Node, known: Circumstances) -> list[str]:
    """Names, in the order of the pipeline."""
    return [str((each.get("functionRef") or {}).get("name")) for each in pipeline(node, known)]
