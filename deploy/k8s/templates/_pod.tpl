{{/* What an operator says of a component's pods: what holds for all, and over it the component's own, as Helm puts values over each other.
     Arguments: dict "root" $ "component" name. */}}
{{- define "store-platform.said" -}}
{{- mergeOverwrite (deepCopy .root.Values.pods) (deepCopy (index .root.Values .component).pod) | toJson }}
{{- end }}

{{/* Labels and annotations of its pods. The schema refuses labels that selectors and policies go by. Arguments: "annotations", too: the
     chart's own, which hold. */}}
{{- define "store-platform.podMetadata" -}}
{{- $said := include "store-platform.said" . | fromJson -}}
labels:
  {{- include "store-platform.labels" . | nindent 2 }}
  {{- with $said.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (.annotations | default dict) ($said.annotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Where its pods run, and before whom. */}}
{{- define "store-platform.placement" -}}
{{- $said := include "store-platform.said" . | fromJson }}
{{- range $key := list "affinity" "nodeSelector" "priorityClassName" "tolerations" }}
{{- with index $said $key }}
{{ dict $key . | toYaml }}
{{- end }}
{{- end }}
{{- end }}

{{/* What its container is told beside the settings, which the chart has values for. */}}
{{- define "store-platform.extraEnv" -}}
{{- with (include "store-platform.said" . | fromJson).extraEnv }}{{ toYaml . }}{{ end }}
{{- end }}
