{{- /* One option for each value that says something; as in src/fairlead/connector/chart/workload.py. */ -}}
{{- define "fairlead.arguments" -}}
{{- $name := printf "%s/%s" .Release.Namespace .Release.Name -}}
{{- $controlPlane := .Values.spaces.controlPlane -}}
- connector
- serve
- {{ printf "--claim-namespace=%s" $controlPlane.claimNamespace | quote }}
- {{ printf "--service=%s" $name | quote }}
- --service-port=443
- --port=8443
- {{ printf "--owner-cluster-role=%s" (include "fairlead.clusterName" .) | quote }}
- --shutdown-delay={{ .Values.shutdownDelaySeconds | int64 }}
- --log-format={{ .Values.logFormat }}
- --reap={{ .Values.reap }}
{{- with .Values.clusterID }}
- {{ printf "--cluster-id=%s" . | quote }}
{{- end }}
{{- if $controlPlane.kubeconfigSecret.name }}
- {{ printf "--control-plane-kubeconfig=/etc/fairlead/control-plane/%s" $controlPlane.kubeconfigSecret.key | quote }}
{{- if .Values.renewToken }}
- {{ printf "--renew-token-secret=%s/%s" .Release.Namespace $controlPlane.kubeconfigSecret.name | quote }}
{{- end }}
{{- else }}
- {{ printf "--space-host=%s" .Values.spaces.host | quote }}
- {{ printf "--space-account=%s" .Values.upbound.account | quote }}
- --space-token-file=/etc/fairlead/space-token/token
- {{ printf "--space-domain=%s" .Values.upbound.domain | quote }}
{{- if .Values.spaces.caBundle }}
- --space-ca-file=/etc/fairlead/space-ca/ca.crt
{{- end }}
- {{ printf "--control-plane-name=%s" $controlPlane.name | quote }}
- {{ printf "--control-plane-group=%s" $controlPlane.group | quote }}
{{- end }}
{{- range .Values.apis.allow }}
- {{ printf "--allow-api=%s" . | quote }}
{{- end }}
{{- range .Values.apis.deny }}
- {{ printf "--deny-api=%s" . | quote }}
{{- end }}
{{- with .Values.apis.selector }}
- {{ printf "--api-selector=%s" . | quote }}
{{- end }}
{{- range .Values.apis.crds }}
- {{ printf "--allow-crd=%s" . | quote }}
{{- end }}
{{- if .Values.audit }}
- --audit-log=-
{{- end }}
{{- if .Values.syncSecrets }}
- --sync-secrets
{{- end }}
{{- if .Values.mirrorEvents }}
- --mirror-events
{{- end }}
{{- if .Values.impersonate }}
- --impersonate
{{- end }}
{{- if not .Values.quota }}
- --no-quota
{{- end }}
{{- if not .Values.webhooks }}
- --no-webhooks
{{- end }}
{{- if and .Values.spaces.host .Values.spaces.insecureSkipTLSVerify }}
- --space-insecure-skip-tls-verify
{{- end }}
{{- end }}
