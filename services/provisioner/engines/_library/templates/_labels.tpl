{{/*
The labels of an object of one component: (list . "shop"). The platform's come last and win: informers and policies select
by them.
*/}}
{{- define "library.labels" -}}
{{- $own := include "library.selector" . | fromYaml -}}
{{- toYaml (mergeOverwrite $own (index . 0).Values.labels) -}}
{{- end }}

{{/*
The selector holds nothing that a later release may change: selectors of workloads are immutable.
*/}}
{{- define "library.selector" -}}
app.kubernetes.io/name: {{ (index . 0).Chart.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}
