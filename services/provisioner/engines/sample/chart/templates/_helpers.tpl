{{/*
The labels of an object. The platform's come last and win: informers and policies select by them.
*/}}
{{- define "sample.labels" -}}
{{- $own := include "sample.selector" . | fromYaml -}}
{{- toYaml (mergeOverwrite $own .Values.labels) -}}
{{- end }}

{{/*
The selector holds nothing that a later release may change: a Deployment's selector is immutable.
*/}}
{{- define "sample.selector" -}}
app.kubernetes.io/name: sample
app.kubernetes.io/component: shop
{{- end }}
