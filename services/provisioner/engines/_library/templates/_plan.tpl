{{/*
Quantities as whole numbers, for dividing a plan among pods: Mi of memory and storage, thousandths of a CPU.
*/}}
{{- define "library.mebibytes" -}}
{{- if hasSuffix "Gi" . -}}
{{- mulf (trimSuffix "Gi" . | float64) 1024 | floor | int64 -}}
{{- else if hasSuffix "Mi" . -}}
{{- trimSuffix "Mi" . | float64 | floor | int64 -}}
{{- else -}}
{{- fail (printf "a plan of this engine is sized in Mi or Gi, and %s isn't" .) -}}
{{- end -}}
{{- end }}

{{- define "library.millicores" -}}
{{- if hasSuffix "m" . -}}
{{- trimSuffix "m" . | int64 -}}
{{- else -}}
{{- mulf (float64 .) 1000 | floor | int64 -}}
{{- end -}}
{{- end }}

{{/*
So many percent of the plan, as limits of a container: (list . 30).
*/}}
{{- define "library.part" -}}
{{- $plan := (index . 0).Values.plan -}}
cpu: {{ div (mul (include "library.millicores" $plan.cpu | int64) (index . 1)) 100 }}m
memory: {{ div (mul (include "library.mebibytes" $plan.memory | int64) (index . 1)) 100 }}Mi
{{- end }}
