{{- /* What is refused, each in one line that says what to set. */ -}}
{{- define "mcp.checks" -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" .Release.Name) }}
{{- fail (printf "'%s' names no release of this chart: it becomes the name of a Service: lower case letters, digits and -, first a letter" .Release.Name) }}
{{- end }}
{{- if not .Values.image.repository }}
{{- fail "image.repository is not set: no image is published; build one and name its repository" }}
{{- end }}
{{- if regexMatch "kubernetes[-_]mcp[-_]server" .Values.image.repository }}
{{- fail (printf "image.repository is %s, the image of another product: set image.registry and image.repository to an image that was built from Fairlead's Containerfile" .Values.image.repository) }}
{{- end }}
{{- $given := list }}
{{- range $name, $value := dict "servers" .Values.servers "config or configFilePath" (or .Values.config .Values.configFilePath) }}
{{- if $value }}{{ $given = append $given $name }}{{ end }}
{{- end }}
{{- if ne (len $given) 1 }}
{{- fail (printf "one thing must be served: %s set; set servers, or config, or configFilePath" (ternary "nothing is" (printf "%s are" (join " and " $given)) (empty $given))) }}
{{- end }}
{{- if and .Values.configSecret .Values.servers }}
{{- fail "configSecret belongs to config or configFilePath: leave it out" }}
{{- end }}
{{- include "mcp.checksOfCallers" . }}
{{- include "mcp.checksOfReplicas" . }}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) }}
{{- fail "ingress.host is not set: it is the name that requests may use" }}
{{- end }}
{{- if and .Values.ingress.enabled (has .Values.ingress.termination (list "passthrough" "reencrypt")) (not .Values.tls.enabled) }}
{{- fail (printf "ingress.termination is %s: the server is reached by TLS then; set tls.enabled and tls.secretName" .Values.ingress.termination) }}
{{- end }}
{{- if not (or .Values.tls.enabled .Values.configFilePath .Values.config.tls_cert (include "mcp.behindProxy" .)) }}
{{- fail "TLS ends nowhere: tokens would travel in the clear; set tls, or ingress.termination to edge, or behindTLSProxy" }}
{{- end }}
{{- if and .Values.tls.enabled (not .Values.tls.secretName) }}
{{- fail "tls.secretName is not set: it is a Secret of type kubernetes.io/tls" }}
{{- end }}
{{- end }}

{{- /* A Service is reached by others: whoever comes acts as the server where callers are not told apart. */ -}}
{{- define "mcp.checksOfCallers" -}}
{{- range $name, $server := .Values.servers }}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$" $name) }}
{{- fail (printf "servers.%s cannot be served: its name is a DNS label of at most 40 characters" $name) }}
{{- end }}
{{- if ne (dig "identity" "way" "" $server) "oidc" }}
{{- fail (printf "servers.%s.identity is not set: callers have to be told apart; set identity.way to oidc, issuer and audience" $name) }}
{{- end }}
{{- if not (or (dig "access" "subjects" list $server) (dig "access" "groups" list $server)) }}
{{- fail (printf "servers.%s.access is not set: nobody could use it; set access.groups or access.subjects" $name) }}
{{- end }}
{{- end }}
{{- if and .Values.config (not .Values.config.require_oauth) }}
{{- fail "config.require_oauth is not set: callers have to be told apart; set it with authorization_url and oauth_audience" }}
{{- end }}
{{- end }}

{{- define "mcp.checksOfReplicas" -}}
{{- if and .Values.redis.url .Values.redis.existingSecret }}
{{- fail "one Redis must be given: both are set; set redis.url or redis.existingSecret" }}
{{- end }}
{{- if gt (int .Values.replicaCount) 1 }}
{{- if not (or .Values.redis.url .Values.redis.existingSecret) }}
{{- fail "replicaCount is more than 1 without Redis: limits and handles would be of each replica; set redis.url or redis.existingSecret" }}
{{- end }}
{{- if not .Values.sealKey.existingSecret }}
{{- fail "replicaCount is more than 1 without a common key: replicas could not open each other's handles; set sealKey.existingSecret" }}
{{- end }}
{{- end }}
{{- end }}
