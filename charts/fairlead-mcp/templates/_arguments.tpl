{{- define "mcp.arguments" -}}
- mcp
- serve
- --port=8080
- --bind-address=0.0.0.0
{{- if .Values.servers }}
- --servers=/etc/fairlead/servers
{{- else }}
- {{ printf "--config=%s" (ternary "/etc/fairlead/config/config.toml" .Values.configFilePath (not (empty .Values.config))) | quote }}
{{- if .Values.configSecret }}
- --config-dir=/etc/fairlead/config.d
{{- end }}
{{- end }}
{{- range include "mcp.hosts" . | fromYamlArray }}
- {{ printf "--allowed-host=%s" . | quote }}
{{- end }}
{{- if .Values.tls.enabled }}
- --tls-cert=/etc/fairlead/tls/tls.crt
- --tls-key=/etc/fairlead/tls/tls.key
{{- end }}
{{- if include "mcp.behindProxy" . }}
- --behind-tls-proxy
{{- end }}
{{- if .Values.sealKey.existingSecret }}
- --seal-key-file=/etc/fairlead/seal/key
{{- end }}
- --log-format={{ .Values.logFormat }}
{{- if .Values.metrics.enabled }}
- --metrics-port=9090
{{- end }}
{{- if .Values.auditing }}
- --audit-log=-
{{- end }}
{{- end }}

{{- /* The names of the Service inside the cluster, and those that were given. */ -}}
{{- define "mcp.hosts" -}}
{{- $service := printf "%s.%s" .Release.Name .Release.Namespace -}}
{{- $names := list .Release.Name $service (printf "%s.svc" $service) (printf "%s.svc.cluster.local" $service) -}}
{{- if .Values.ingress.enabled }}
{{- $names = append $names .Values.ingress.host }}
{{- end }}
{{- concat $names .Values.allowedHosts | uniq | toYaml }}
{{- end }}
