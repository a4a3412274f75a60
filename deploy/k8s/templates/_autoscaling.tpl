{{/* How many of a component there are: nothing where somebody else says it, or each upgrade would take it back. Arguments: dict "root" $
     "component" name. */}}
{{- define "store-platform.replicas" -}}
{{- $of := index .root.Values .component }}
{{- if not $of.autoscaling.by -}}
replicas: {{ $of.replicas }}
{{- end }}
{{- end }}

{{/* How many there are at least. Brokers are as many as they are. */}}
{{- define "store-platform.least" -}}
{{- $of := index .root.Values .component }}
{{- if dig "autoscaling" "by" "" $of }}{{ $of.autoscaling.minReplicas }}{{ else }}{{ $of.replicas }}{{ end }}
{{- end }}

{{/* As many slots, or open commands, as one replica is there for. */}}
{{- define "store-platform.share" -}}
{{- $of := index .root.Values .component }}
{{- max 1 (div (mul (int64 $of.slots) (int64 $of.autoscaling.target)) 100) }}
{{- end }}

{{- define "store-platform.autoscaling" }}
{{- $of := (index .root.Values .component).autoscaling }}
{{- if and $of.by (lt (int $of.maxReplicas) (int $of.minReplicas)) }}{{ fail (printf "%s.autoscaling.maxReplicas is less than minReplicas." .component) }}{{ end }}
{{- if eq $of.by "keda" }}
---
{{- include "store-platform.scaledObject" . }}
{{- else if $of.by }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: store-platform-{{ .component }}
  labels:
    {{- include "store-platform.labels" . | nindent 4 }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: store-platform-{{ .component }} }
  minReplicas: {{ $of.minReplicas }}
  maxReplicas: {{ $of.maxReplicas }}
  metrics:
    {{- if eq $of.by "cpu" }}
    - type: Resource
      resource: { name: cpu, target: { type: Utilization, averageUtilization: {{ $of.target }} } }
    {{- else }}
    # Of the lane that all commands come by. The other's slots are for stores that stand, and idle where nobody changes any.
    - type: Pods
      pods:
        metric: { name: work_busy, selector: { matchLabels: { lane: all } } }
        target: { type: AverageValue, averageValue: {{ include "store-platform.share" . | quote }} }
    {{- end }}
{{- end }}
{{- end }}

{{/* KEDA asks the broker how many commands of the durable consumer aren't settled. It must find each broker by name: only the one that
     leads the consumer knows, and there it goes by an address that the others tell, or by the pod's name before the endpoint's. */}}
{{- define "store-platform.scaledObject" }}
{{- $root := .root }}
{{- $of := (index .root.Values .component).autoscaling }}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: store-platform-{{ .component }}
  labels:
    {{- include "store-platform.labels" . | nindent 4 }}
spec:
  scaleTargetRef: { name: store-platform-{{ .component }} }
  # Never none: who sleeps keeps no store, and sweeps nothing.
  minReplicaCount: {{ $of.minReplicas }}
  maxReplicaCount: {{ $of.maxReplicas }}
  triggers:
    - type: nats-jetstream
      metricType: AverageValue
      metadata:
        natsServerMonitoringEndpoint: {{ ternary (printf "store-platform-nats-peers.%s.svc:8222" $root.Release.Namespace) $root.Values.nats.monitor.endpoint $root.Values.nats.bundled | quote }}
        account: {{ ternary "$G" $root.Values.nats.monitor.account $root.Values.nats.bundled | quote }}
        stream: STORES
        consumer: {{ .component }}
        lagThreshold: {{ include "store-platform.share" . | quote }}
{{- end }}
