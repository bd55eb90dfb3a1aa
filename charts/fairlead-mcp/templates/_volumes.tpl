{{- /* Whole folders, never single files: what changes in a ConfigMap or a Secret reaches a running Pod only so. */ -}}
{{- define "mcp.volumes" -}}
{{- if .Values.servers }}
- name: fairlead-servers
  configMap:
    name: {{ printf "%s-servers" .Release.Name | quote }}
    defaultMode: 0440
{{- end }}
{{- if .Values.config }}
- name: fairlead-config
  configMap:
    name: {{ printf "%s-config" .Release.Name | quote }}
    defaultMode: 0440
{{- end }}
{{- with .Values.configSecret }}
- name: fairlead-config-secret
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
{{- end }}
{{- if .Values.tls.enabled }}
- name: fairlead-tls
  secret:
    secretName: {{ .Values.tls.secretName | quote }}
    defaultMode: 0440
{{- end }}
{{- with .Values.sealKey.existingSecret }}
- name: fairlead-seal
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "mcp.mounts" -}}
{{- $folders := dict -}}
{{- if .Values.servers }}{{ $_ := set $folders "fairlead-servers" "servers" }}{{ end }}
{{- if .Values.config }}{{ $_ := set $folders "fairlead-config" "config" }}{{ end }}
{{- if .Values.configSecret }}{{ $_ := set $folders "fairlead-config-secret" "config.d" }}{{ end }}
{{- if .Values.tls.enabled }}{{ $_ := set $folders "fairlead-tls" "tls" }}{{ end }}
{{- if .Values.sealKey.existingSecret }}{{ $_ := set $folders "fairlead-seal" "seal" }}{{ end }}
{{- range $name, $folder := $folders }}
- name: {{ $name }}
  mountPath: /etc/fairlead/{{ $folder }}
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}
