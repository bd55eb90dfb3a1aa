"""The parameters that tools share, under one name and one sentence each."""

from fairlead.mcp.tools import Parameter

CONTEXT = Parameter("context", "Cluster.")
CONTEXTS = Parameter("context", "Cluster; a,b or * for several.")
NAMESPACE = Parameter("namespace", "All by default.")
LABELS = Parameter("label_selector", "E.g. app=web,tier!=db.")
FIELD_SELECTOR = Parameter("field_selector", "E.g. status.phase=Failed.")
FIELDS = Parameter("fields", "Only these, e.g. spec.replicas.", type="array")
LIMIT = Parameter("limit", "Rows at most.", type="integer", default=50, minimum=1, maximum=500)
CURSOR = Parameter("cursor", "From the page before.")
KIND = Parameter("kind", "E.g. Pod, deploy, databases.example.org.", required=True)
API_VERSION = Parameter("api_version", "Where names clash, e.g. apps/v1.")
NAME = Parameter("name", "Its name.", required=True)
LIST_OUTPUT = Parameter("output", "Form.", default="table", choices=("table", "wide", "names", "yaml", "json"))
OBJECT_OUTPUT = Parameter("output", "Form.", default="yaml", choices=("yaml", "json"))
DRY_RUN = Parameter("dry_run", "Only show the plan.", type="boolean")
ITS_NAMESPACE = Parameter("namespace", "Its namespace.")
WAIT_SECONDS = Parameter("wait_seconds", "At most; 0 only looks.", type="integer", default=20, minimum=0, maximum=600)
