{{/*
The labels of an object of one component: (list . "shop"). The platform's come last and win: informers and policies select
by them.
*/}}
{{- define "woocommerce.labels" -}}
{{- $root := index . 0 -}}
{{- $own := include "woocommerce.selector" . | fromYaml -}}
{{- toYaml (mergeOverwrite $own $root.Values.labels) -}}
{{- end }}

{{/*
The selector holds nothing that a later release may change: selectors of workloads are immutable.
*/}}
{{- define "woocommerce.selector" -}}
app.kubernetes.io/name: woocommerce
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/*
What is installed once for all stores, with what holds when an installation says nothing. The platform gives the key, be
it empty.
*/}}
{{- define "woocommerce.database" -}}
{{- $given := dig "database" (dict) (.Values.installation | default dict) -}}
{{- $own := dict "mode" "bundled" "host" "database" "port" 3306 "name" "shop" "user" "shop" "cidr" "" -}}
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
{{- define "woocommerce.mebibytes" -}}
{{- if hasSuffix "Gi" . -}}
{{- mulf (trimSuffix "Gi" . | float64) 1024 | floor | int64 -}}
{{- else if hasSuffix "Mi" . -}}
{{- trimSuffix "Mi" . | float64 | floor | int64 -}}
{{- else -}}
{{- fail (printf "a plan of this engine is sized in Mi or Gi, and %s isn't" .) -}}
{{- end -}}
{{- end }}

{{- define "woocommerce.millicores" -}}
{{- if hasSuffix "m" . -}}
{{- trimSuffix "m" . | int64 -}}
{{- else -}}
{{- mulf (float64 .) 1000 | floor | int64 -}}
{{- end -}}
{{- end }}

{{/*
A component's part of the plan. The parts add up to the whole and no more: the quota of the namespace is the plan. The
job has its part although it runs for seconds: without it, it would be refused just when the shop is at its limit.
*/}}
{{- define "woocommerce.part" -}}
{{- $root := index . 0 -}}
{{- $bundled := eq (include "woocommerce.database" $root | fromYaml).mode "bundled" -}}
{{- $percent := get (dict "front" 8 "shop" (ternary 47 77 $bundled) "database" 30 "cron" 15) (index . 1) -}}
cpu: {{ printf "%dm" (div (mul (include "woocommerce.millicores" $root.Values.plan.cpu | int64) $percent) 100) }}
memory: {{ printf "%dMi" (div (mul (include "woocommerce.mebibytes" $root.Values.plan.memory | int64) $percent) 100) }}
{{- end }}

{{/*
A volume's part of the plan's storage: half for the database, half for what is uploaded.
*/}}
{{- define "woocommerce.storage" -}}
{{- $all := include "woocommerce.mebibytes" .Values.plan.storage | int64 -}}
{{- $bundled := eq (include "woocommerce.database" . | fromYaml).mode "bundled" -}}
{{- printf "%dMi" (div $all (ternary 2 1 $bundled)) -}}
{{- end }}

{{- define "woocommerce.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "woocommerce.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/*
What every container with the shop's code is told. What people typed may hold dollars, which Kubernetes would expand.
*/}}
{{- define "woocommerce.environment" -}}
{{- $database := include "woocommerce.database" . | fromYaml -}}
- name: SHOP_URL
  value: {{ .Values.store.url | quote }}
- name: SHOP_TITLE
  value: {{ get .Values.options "title" | default .Values.store.name | replace "$" "$$" | quote }}
- name: SHOP_CURRENCY
  value: {{ .Values.options.currency | quote }}
- name: SHOP_COUNTRY
  value: {{ .Values.options.country | quote }}
- name: SHOP_PRODUCTS
  value: {{ .Values.options.sampleProducts | int | quote }}
# A worker takes about 50 MB when it is busy.
- name: SHOP_WORKERS
  value: {{ ternary "8" "6" (ge (include "woocommerce.mebibytes" .Values.plan.memory | int64) 2048) | quote }}
- name: DATABASE_HOST
  value: {{ printf "%s:%d" $database.host ($database.port | int) | quote }}
- name: DATABASE_NAME
  value: {{ $database.name | quote }}
- name: DATABASE_USER
  value: {{ $database.user | quote }}
{{- end }}

{{- define "woocommerce.mounts" -}}
- name: uploads
  mountPath: /var/www/shop/wp-content/uploads
- name: scratch
  mountPath: /tmp
  subPath: tmp
- name: credentials
  mountPath: /credentials
  readOnly: true
{{- end }}

{{- define "woocommerce.volumes" -}}
- name: uploads
  persistentVolumeClaim:
    claimName: store-uploads
- name: scratch
  emptyDir:
    sizeLimit: 256Mi
- name: credentials
  secret:
    secretName: {{ .Values.secret.name | quote }}
    defaultMode: 0440
    items:
      - key: database-password
        path: database-password
      - key: session-key
        path: session-key
{{- end }}
