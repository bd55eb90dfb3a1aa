{{- /* What is refused, in the words of src/fairlead/connector/chart/rendering.py. */ -}}
{{- define "fairlead.checks" -}}
{{- $controlPlane := .Values.spaces.controlPlane -}}
{{- $held := $controlPlane.kubeconfigSecret -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" .Release.Name) }}
{{- fail (printf "'%s' names no release of this chart: it becomes the name of a Service: lower case letters, digits and -, first a letter" .Release.Name) }}
{{- end }}
{{- if not .Values.image.repository }}
{{- fail "image.repository is not set: no image is published; build one and name its repository" }}
{{- end }}
{{- if not $controlPlane.claimNamespace }}
{{- fail "spaces.controlPlane.claimNamespace is not set: it is where the control plane keeps this cluster's claims" }}
{{- end }}
{{- if and .Values.spaces.host $held.name }}
{{- fail "one control plane must be given: both are set; set spaces.host or spaces.controlPlane.kubeconfigSecret.name" }}
{{- end }}
{{- if not (or .Values.spaces.host $held.name) }}
{{- fail "one control plane must be given: neither is set; set spaces.host or spaces.controlPlane.kubeconfigSecret.name" }}
{{- end }}
{{- if $held.name }}
{{- if not $held.key }}
{{- fail "spaces.controlPlane.kubeconfigSecret.key is not set: it is the key in the Secret" }}
{{- end }}
{{- else }}
{{- include "fairlead.checksOfSpace" . }}
{{- end }}
{{- end }}

{{- define "fairlead.checksOfSpace" -}}
{{- if .Values.renewToken }}
{{- fail "renewToken cannot be set: a Space's bearers are renewed anyway" }}
{{- end }}
{{- if not .Values.upbound.account }}
{{- fail "upbound.account is not set: a Space needs it" }}
{{- end }}
{{- if not .Values.upbound.domain }}
{{- fail "upbound.domain is not set: a Space needs it" }}
{{- end }}
{{- if not .Values.spaces.controlPlane.name }}
{{- fail "spaces.controlPlane.name is not set: a Space needs it" }}
{{- end }}
{{- if not .Values.spaces.controlPlane.group }}
{{- fail "spaces.controlPlane.group is not set: a Space needs it" }}
{{- end }}
{{- if and .Values.upbound.token .Values.upbound.tokenSecret.name }}
{{- fail "one token must be given: both are set; set upbound.tokenSecret.name or upbound.token" }}
{{- end }}
{{- if not (or .Values.upbound.token .Values.upbound.tokenSecret.name) }}
{{- fail "one token must be given: neither is set; set upbound.tokenSecret.name or upbound.token" }}
{{- end }}
{{- if and .Values.upbound.tokenSecret.name (not .Values.upbound.tokenSecret.key) }}
{{- fail "upbound.tokenSecret.key is not set: it is the key in the Secret" }}
{{- end }}
{{- end }}
