{{- define "medusa.database" -}}
{{- include "library.database" (list . (dict "port" 5432 "name" "medusa" "user" "medusa" "tls" false)) -}}
{{- end }}

{{/*
Redis is worth its memory from 2Gi on; "" otherwise.
*/}}
{{- define "medusa.redis" -}}
{{- if ge (include "library.mebibytes" .Values.plan.memory | int64) 2048 -}}
yes
{{- end -}}
{{- end }}

{{/*
How many percent of the plan a component has. The parts add up to the whole and no more: the quota of the namespace is the
plan. Medusa has what the others leave.
*/}}
{{- define "medusa.percent" -}}
{{- $root := index . 0 -}}
{{- $redis := include "medusa.redis" $root -}}
{{- $database := ternary 28 0 (eq (include "medusa.database" $root | fromYaml).mode "bundled") -}}
{{- $parts := dict "storefront" 4 "database" $database "redis" (ternary 10 0 (ne $redis "")) -}}
{{- $_ := set $parts "medusa" (sub 100 (add $parts.storefront $parts.database $parts.redis)) -}}
{{- get $parts (index . 1) -}}
{{- end }}

{{- define "medusa.memory" -}}
{{- div (mul (include "library.mebibytes" (index . 0).Values.plan.memory | int64) (include "medusa.percent" . | int64)) 100 -}}
{{- end }}

{{- define "medusa.part" -}}
{{- include "library.part" (list (index . 0) (include "medusa.percent" .)) -}}
{{- end }}

{{/*
A volume's part of the plan's storage.
*/}}
{{- define "medusa.storage" -}}
{{- $root := index . 0 -}}
{{- $bundled := eq (include "medusa.database" $root | fromYaml).mode "bundled" -}}
{{- $parts := dict "database" (ternary 50 0 $bundled) "redis" (ternary 10 0 (ne (include "medusa.redis" $root) "")) -}}
{{- $_ := set $parts "files" (sub 100 (add $parts.database $parts.redis)) -}}
{{- printf "%dMi" (div (mul (include "library.mebibytes" $root.Values.plan.storage | int64) (get $parts (index . 1))) 100) -}}
{{- end }}

{{- define "medusa.secret" -}}
valueFrom:
  secretKeyRef:
    name: {{ .Values.secret.name | quote }}
{{- end }}
