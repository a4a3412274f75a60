{{/* What every service is told. Arguments: dict "root" $ "component" name. */}}
{{- define "store-platform.environment" -}}
{{ include "store-platform.broker" . }}
- name: LOG_LEVEL
  value: {{ .root.Values.logLevel }}
{{- with .root.Values.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . }}
{{- end }}
{{- end }}
