{{/*
The labels of an object of one component: (list . "medusa"). The platform's come last and win: informers and policies
select by them.
*/}}
{{- define "medusa.labels" -}}
{{- $root := index . 0 -}}
{{- $own := include "medusa.selector" . | fromYaml -}}
{{- toYaml (mergeOverwrite $own $root.Values.labels) -}}
{{- end }}

{{/*
The selector holds nothing that a later release may change: selectors of workloads are immutable.
*/}}
{{- define "medusa.selector" -}}
app.kubernetes.io/name: medusa
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/*
What is installed once for all stores, with what holds when an installation says nothing. The platform gives the key, be
it empty.
*/}}
{{- define "medusa.database" -}}
{{- $given := dig "database" (dict) (.Values.installation | default dict) -}}
{{- $own := dict "mode" "bundled" "host" "database" "port" 5432 "name" "medusa" "user" "medusa" "cidr" "" "tls" false -}}
{{- if eq (dig "mode" "bundled" $given) "external" -}}
{{- $_ := mergeOverwrite $own (dict "name" "store_{store}" "user" "{store}") -}}
{{- end -}}
{{- $database := mergeOverwrite $own $given -}}
{{- if eq $database.mode "external" -}}
{{- range $key := list "name" "user" -}}
{{- $_ := set $database $key (get $database $key | replace "{store}" $.Values.store.id) -}}
{{- end -}}
{{- if not $database.cidr -}}
{{- if not (regexMatch "^[0-9]+(\\.[0-9]+){3}$" $database.host) -}}
{{- fail "an external database that is named by a host name needs its addresses, too: installation.database.cidr" -}}
{{- end -}}
{{- $_ := set $database "cidr" (printf "%s/32" $database.host) -}}
{{- end -}}
{{- end -}}
{{- toYaml $database -}}
{{- end }}

{{/*
Quantities as whole numbers, for dividing a plan among pods: Mi of memory and storage, thousandths of a CPU.
*/}}
{{- define "medusa.mebibytes" -}}
{{- if hasSuffix "Gi" . -}}
{{- mulf (trimSuffix "Gi" . | float64) 1024 | floor | int64 -}}
{{- else if hasSuffix "Mi" . -}}
{{- trimSuffix "Mi" . | float64 | floor | int64 -}}
{{- else -}}
{{- fail (printf "a plan of this engine is sized in Mi or Gi, and %s isn't" .) -}}
{{- end -}}
{{- end }}

{{- define "medusa.millicores" -}}
{{- if hasSuffix "m" . -}}
{{- trimSuffix "m" . | int64 -}}
{{- else -}}
{{- mulf (float64 .) 1000 | floor | int64 -}}
{{- end -}}
{{- end }}

{{/*
Redis is worth its memory from 2Gi on; "" otherwise.
*/}}
{{- define "medusa.redis" -}}
{{- if ge (include "medusa.mebibytes" .Values.plan.memory | int64) 2048 -}}
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
{{- div (mul (include "medusa.mebibytes" (index . 0).Values.plan.memory | int64) (include "medusa.percent" . | int64)) 100 -}}
{{- end }}

{{- define "medusa.part" -}}
{{- $percent := include "medusa.percent" . | int64 -}}
cpu: {{ printf "%dm" (div (mul (include "medusa.millicores" (index . 0).Values.plan.cpu | int64) $percent) 100) }}
memory: {{ include "medusa.memory" . }}Mi
{{- end }}

{{/*
A volume's part of the plan's storage.
*/}}
{{- define "medusa.storage" -}}
{{- $root := index . 0 -}}
{{- $bundled := eq (include "medusa.database" $root | fromYaml).mode "bundled" -}}
{{- $parts := dict "database" (ternary 50 0 $bundled) "redis" (ternary 10 0 (ne (include "medusa.redis" $root) "")) -}}
{{- $_ := set $parts "files" (sub 100 (add $parts.database $parts.redis)) -}}
{{- printf "%dMi" (div (mul (include "medusa.mebibytes" $root.Values.plan.storage | int64) (get $parts (index . 1))) 100) -}}
{{- end }}

{{- define "medusa.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "medusa.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "medusa.secret" -}}
valueFrom:
  secretKeyRef:
    name: {{ .Values.secret.name | quote }}
{{- end }}
