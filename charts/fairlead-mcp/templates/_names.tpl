{{- define "mcp.selector" -}}
app.kubernetes.io/name: fairlead-mcp
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "mcp.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{ include "mcp.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "mcp.metadata" -}}
name: {{ .Release.Name | quote }}
namespace: {{ .Release.Namespace | quote }}
labels:
  {{- include "mcp.labels" . | nindent 2 }}
{{- end }}

{{- define "mcp.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (ternary .Release.Name "default" .Values.serviceAccount.create) }}
{{- end }}

{{- define "mcp.image" -}}
{{- with .Values.image -}}
{{- $name := ternary .repository (printf "%s/%s" .registry .repository) (empty .registry) -}}
{{- $version := .version | default $.Chart.AppVersion | toString -}}
{{ $name }}{{ ternary "@" ":" (hasPrefix "sha256:" $version) }}{{ $version }}
{{- end -}}
{{- end }}

{{- /* Whether TLS ends before the server. */ -}}
{{- define "mcp.behindProxy" -}}
{{- if .Values.behindTLSProxy -}}yes{{- end -}}
{{- with .Values.ingress -}}
{{- if and .enabled (or (eq .termination "edge") (and (not .termination) .tls)) -}}yes{{- end -}}
{{- end -}}
{{- end }}
