{{/*
What all containers of the shop's pod have in common. Booting costs Medusa five seconds of CPU, so its limit is nearly the
plan's, and its request is what it uses while nobody shops.
*/}}
{{- define "medusa.shop" -}}
{{ include "library.container" .Values.images.medusa }}
resources:
  requests:
    cpu: 25m
    memory: 320Mi
  limits: {{- include "medusa.part" (list . "medusa") | nindent 4 }}
volumeMounts:
  - name: files
    mountPath: /shop/files
  - name: scratch
    mountPath: /tmp
{{- end }}

{{/*
What the shop is told. What people typed may hold dollars, which Kubernetes would expand.
*/}}
{{- define "medusa.environment" -}}
{{- $database := include "medusa.database" . | fromYaml -}}
- name: HOME
  value: /tmp
# A request is written down by the ingress; Medusa would write each one of the probes, too.
- name: LOG_LEVEL
  value: info
# Three fifths of its memory for objects of JavaScript; the rest is code, buffers and the process itself.
- name: NODE_OPTIONS
  value: --max-old-space-size={{ div (mul (include "medusa.memory" (list . "medusa") | int64) 3) 5 }}
- name: STORE_URL
  value: {{ .Values.store.url | quote }}
- name: SHOP_TITLE
  value: {{ get .Values.options "title" | default .Values.store.name | replace "$" "$$" | quote }}
- name: SHOP_CURRENCY
  value: {{ .Values.options.currency | quote }}
- name: SHOP_COUNTRY
  value: {{ .Values.options.country | quote }}
- name: SHOP_SAMPLE_PRODUCTS
  value: {{ .Values.options.sampleProducts | int | quote }}
- name: ADMIN_EMAIL
  value: admin@store.invalid
- name: DATABASE_HOST
  value: {{ $database.host | quote }}
- name: DATABASE_PORT
  value: {{ $database.port | int | quote }}
- name: DATABASE_NAME
  value: {{ $database.name | quote }}
- name: DATABASE_USER
  value: {{ $database.user | quote }}
- name: DATABASE_TLS
  value: {{ $database.tls | quote }}
- name: DATABASE_PASSWORD
  {{- include "medusa.secret" . | nindent 2 }}
      key: database-password
- name: JWT_SECRET
  {{- include "medusa.secret" . | nindent 2 }}
      key: jwt-secret
- name: COOKIE_SECRET
  {{- include "medusa.secret" . | nindent 2 }}
      key: cookie-secret
{{- if include "medusa.redis" . }}
- name: REDIS_HOST
  value: redis
- name: REDIS_PASSWORD
  {{- include "medusa.secret" . | nindent 2 }}
      key: redis-password
{{- end }}
{{- end }}
