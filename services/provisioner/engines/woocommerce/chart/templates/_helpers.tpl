{{- define "woocommerce.database" -}}
{{- include "library.database" (list . (dict "port" 3306 "name" "shop" "user" "shop")) -}}
{{- end }}

{{/*
A component's part of the plan. The parts add up to the whole and no more: the quota of the namespace is the plan. The
job has its part although it runs for seconds: without it, it would be refused just when the shop is at its limit.
*/}}
{{- define "woocommerce.part" -}}
{{- $root := index . 0 -}}
{{- $bundled := eq (include "woocommerce.database" $root | fromYaml).mode "bundled" -}}
{{- $percents := dict "front" 8 "shop" (ternary 47 77 $bundled) "database" 30 "cron" 15 -}}
{{- include "library.part" (list $root (get $percents (index . 1))) -}}
{{- end }}

{{/*
A volume's part of the plan's storage: half for the database, half for what is uploaded.
*/}}
{{- define "woocommerce.storage" -}}
{{- $all := include "library.mebibytes" .Values.plan.storage | int64 -}}
{{- $bundled := eq (include "woocommerce.database" . | fromYaml).mode "bundled" -}}
{{- printf "%dMi" (div $all (ternary 2 1 $bundled)) -}}
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
  value: {{ ternary "8" "6" (ge (include "library.mebibytes" .Values.plan.memory | int64) 2048) | quote }}
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
{{ include "library.passwords" (list . "credentials" "database-password" "session-key") }}
{{- end }}
