{{/*
The store's database as its pods are to reach it, of what an installation has set and of what holds when it says nothing:
(list . (dict "port" 3306 "name" "shop" "user" "shop")). The platform gives the key `installation`, be it empty.
*/}}
{{- define "library.database" -}}
{{- $values := (index . 0).Values -}}
{{- $given := dig "database" (dict) ($values.installation | default dict) -}}
{{- $own := merge (dict "mode" "bundled" "host" "database" "cidr" "") (index . 1) -}}
{{- if eq (dig "mode" "bundled" $given) "external" -}}
{{- $_ := mergeOverwrite $own (dict "name" "store_{store}" "user" "{store}") -}}
{{- end -}}
{{- $database := mergeOverwrite $own $given -}}
{{- if eq $database.mode "external" -}}
{{- range $key := list "name" "user" -}}
{{- $_ := set $database $key (get $database $key | replace "{store}" $values.store.id) -}}
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
The one way out of the store: from the pods with some labels to the database that the installation has given it, as
"library.database" says it: (list . "database" $database (dict "app.kubernetes.io/name" "corner")).
*/}}
{{- define "library.databaseAccess" -}}
{{- $database := index . 2 -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: allow-database
  labels: {{- include "library.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- index . 3 | toYaml | nindent 6 }}
  policyTypes: [Egress]
  egress:
    - to:
        - ipBlock:
            cidr: {{ $database.cidr | quote }}
      ports:
        - protocol: TCP
          port: {{ $database.port | int }}
{{- end }}
