{{/*
Answers for the store while it is suspended, by a web server that an image of the shop has anyway, as a user: (list . 33
.Values.images.shop). Otherwise it stands by without a pod: were it left out then, one that an upgrade had made which didn't
end well would be in no release that succeeded, and stay, and take the shop's quota.
*/}}
{{- define "library.suspended" -}}
{{- $root := index . 0 -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: suspended
  labels: {{- include "library.labels" (list $root "suspended") | nindent 4 }}
spec:
  replicas: {{ ternary 0 1 $root.Values.running }}
  revisionHistoryLimit: 2
  strategy:
    type: Recreate
  selector:
    matchLabels: {{- include "library.selector" (list $root "suspended") | nindent 6 }}
  template:
    metadata:
      labels: {{- include "library.labels" (list $root "suspended") | nindent 8 }}
    spec:
      terminationGracePeriodSeconds: 5
      {{- include "library.pod" (index . 1) | nindent 6 }}
      containers:
        - name: page
          {{- include "library.container" (index . 2) | nindent 10 }}
          command: [nginx, -c, /etc/suspended/nginx.conf, -e, stderr, -g, daemon off;]
          ports:
            - name: http
              containerPort: 8080
          # The quota of a suspended store has this much room beside its plan.
          resources:
            requests:
              cpu: 5m
              memory: 16Mi
            limits:
              cpu: 50m
              memory: 32Mi
          # By the socket: every path is 503.
          startupProbe:
            tcpSocket:
              port: http
            periodSeconds: 1
            timeoutSeconds: 2
            failureThreshold: 60
          livenessProbe:
            tcpSocket:
              port: http
            periodSeconds: 30
            timeoutSeconds: 5
            failureThreshold: 3
          volumeMounts:
            - name: page
              mountPath: /etc/suspended
              readOnly: true
            - name: scratch
              mountPath: /tmp
      volumes:
        - name: page
          configMap:
            name: suspended
        - name: scratch
          emptyDir:
            medium: Memory
            sizeLimit: 1Mi
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: suspended
  labels: {{- include "library.labels" (list $root "suspended") | nindent 4 }}
data:
  {{- ($root.Subcharts.library.Files.Glob "suspended/*").AsConfig | nindent 2 }}
{{- end }}
