{{/*
The labels of an object of one component: (list . "shop"). The platform's come last and win: informers and policies select
by them.
*/}}
{{- define "sample.labels" -}}
{{- $root := index . 0 -}}
{{- $own := include "sample.selector" . | fromYaml -}}
{{- toYaml (mergeOverwrite $own $root.Values.labels) -}}
{{- end }}

{{/*
The selector holds nothing that a later release may change: a Deployment's selector is immutable.
*/}}
{{- define "sample.selector" -}}
app.kubernetes.io/name: sample
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "sample.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "sample.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
