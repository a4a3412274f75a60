{{/*
A component's claim, its name and size: (list . "database" "store-database" "1Gi").
*/}}
{{- define "library.claim" -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ index . 2 }}
  labels: {{- include "library.labels" . | nindent 4 }}
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: {{ index . 3 | quote }}
{{- end }}

{{/*
A volume with some of the store's passwords, and with those only: (list . "credentials" "database-password" "session-key").
*/}}
{{- define "library.passwords" -}}
- name: {{ index . 1 }}
  secret:
    secretName: {{ (index . 0).Values.secret.name | quote }}
    defaultMode: 0440
    items:
      {{- range slice . 2 }}
      - key: {{ . }}
        path: {{ . }}
      {{- end }}
{{- end }}
