{{/*
The Service of a component that other pods of the store use, at the port of that name: (list . "redis" "redis" 6379).
*/}}
{{- define "library.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ index . 1 }}
  labels: {{- include "library.labels" . | nindent 4 }}
spec:
  selector: {{- include "library.selector" . | nindent 4 }}
  ports:
    - name: {{ index . 2 }}
      port: {{ index . 3 }}
      targetPort: {{ index . 2 }}
{{- end }}

{{/*
The Service by which visitors reach a component, and its name: (list . "shop" "store"). While the store is suspended whoever
comes meets the page that says so.
*/}}
{{- define "library.entrance" -}}
{{- $root := index . 0 -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ index . 2 }}
  labels: {{- include "library.labels" . | nindent 4 }}
spec:
  selector: {{- include "library.selector" (list $root (ternary (index . 1) "suspended" $root.Values.running)) | nindent 4 }}
  ports:
    - name: http
      port: 80
      targetPort: http
{{- end }}

{{/*
The Ingress, where there are any, with the paths that lead to each Service: (list . "shop" (dict "store" (list "/"))).
*/}}
{{- define "library.ingress" -}}
{{- $ingress := (index . 0).Values.ingress -}}
{{- if $ingress.className -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: store
  labels: {{- include "library.labels" . | nindent 4 }}
spec:
  ingressClassName: {{ $ingress.className | quote }}
  rules:
    - host: {{ required "an ingress needs a host" $ingress.host | quote }}
      http:
        paths:
          {{- range $service, $paths := index . 2 }}
          {{- range $paths }}
          - path: {{ . }}
            pathType: Prefix
            backend:
              service:
                name: {{ $service }}
                port:
                  name: http
          {{- end }}
          {{- end }}
{{- end }}
{{- end }}
