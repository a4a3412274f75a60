{{/* What a value that must be set says when it isn't. */}}
{{- define "store-platform.check" -}}
{{- if and (eq .Values.auth.mode "open") (not .Values.auth.openIsUnderstood) }}{{ fail "auth.mode is \"open\": everybody who reaches the gateway may create and delete stores. Set auth.openIsUnderstood=true if that is what you want." }}{{ end }}
{{- if not .Values.installation }}{{ fail "installation must be set: it names this installation for ever." }}{{ end }}
{{- if not .Values.baseDomain }}{{ fail "baseDomain must be set: stores are at store-<id>.<baseDomain>." }}{{ end }}
{{- if and (ne .Values.storeScheme "https") (dig "ingress" "tls" "" .Values.stores) }}{{ fail "stores.ingress.tls is set and storeScheme isn't https: stores would be named, and asked, by an address that only leads to another." }}{{ end }}
{{- if and (not .Values.image.registry) (ne .Values.image.pullPolicy "Never") }}{{ fail "image.registry must be set: without it nodes would ask a public registry for store-platform/gateway and the like, which are names that anybody may take there. Where the images are loaded into the nodes say so: image.pullPolicy=Never." }}{{ end }}
{{- if and (not .Values.postgres.bundled) (not .Values.postgres.existingSecret) }}{{ fail "postgres.existingSecret must be set: the name of a Secret whose key \"url\" leads to the database." }}{{ end }}
{{- if and (not .Values.nats.bundled) (not .Values.nats.url) }}{{ fail "nats.url must be set when nats.bundled is false." }}{{ end }}
{{- if and (not .Values.nats.bundled) (not .Values.nats.existingSecret) }}{{ fail "nats.existingSecret must be set when nats.bundled is false." }}{{ end }}
{{- if and .Values.nats.bundled (or .Values.nats.tls.caSecret .Values.nats.tls.clientSecret) }}{{ fail "nats.tls.caSecret and nats.tls.clientSecret are of a broker of yours, and nats.bundled is true: the broker of this chart speaks TLS where nats.tls.serverSecret is set, asks for no certificate, and is vouched for by that Secret's ca.crt." }}{{ end }}
{{- if and (not .Values.nats.bundled) .Values.nats.tls.serverSecret }}{{ fail "nats.tls.serverSecret is set and nats.bundled is false: it holds the certificate of this chart's broker. How the services know one of yours is nats.tls.caSecret." }}{{ end }}
{{- if and .Values.nats.exporter.enabled (not .Values.nats.bundled) }}{{ fail "nats.exporter.enabled is true and nats.bundled is false: the exporter stands beside this chart's brokers." }}{{ end }}
{{- if and .Values.nats.exporter.enabled .Values.networkPolicies.enabled (not .Values.networkPolicies.metricsFrom) }}{{ fail "networkPolicies.metricsFrom must be set when nats.exporter.enabled is true: the policies let nobody ask the exporter." }}{{ end }}
{{- if and .Values.nats.monitor.endpoint .Values.nats.bundled }}{{ fail "nats.monitor.endpoint is set and nats.bundled is true: where this chart's brokers tell of themselves is known." }}{{ end }}
{{- if and .Values.backup.url (not .Values.backup.keysSecret) }}{{ fail "backup.keysSecret must be set when backup.url is: the name of a Secret whose key \"keys\" holds what backups are encrypted with. It isn't made up here, because it must be kept where it outlives this cluster." }}{{ end }}
{{- if and .Values.auth.adminKey .Values.auth.existingSecret }}{{ fail "auth.adminKey and auth.existingSecret are both set: which of the keys holds must not be a guess." }}{{ end }}
{{- if and .Values.gateway.mail.secret (or (not .Values.gateway.publicURL) (not .Values.gateway.mail.from)) }}{{ fail "gateway.publicURL and gateway.mail.from must be set when gateway.mail.secret is: mails are from somebody, and their links lead somewhere." }}{{ end }}
{{- if and .Values.gateway.oidc.secret (not .Values.gateway.publicURL) }}{{ fail "gateway.publicURL must be set when gateway.oidc.secret is: providers lead people back there." }}{{ end }}
{{- if and (or .Values.gateway.ingress.enabled .Values.gateway.httpRoute.enabled) (not .Values.gateway.trustProxy) }}{{ fail "gateway.trustProxy must be set when gateway.ingress or gateway.httpRoute is enabled: without it every client has the controller's address, so that all of them are one tenant and see each other's stores and passwords." }}{{ end }}
{{- if and .Values.gateway.httpRoute.enabled (not .Values.gateway.httpRoute.parentRefs) }}{{ fail "gateway.httpRoute.parentRefs must be set when gateway.httpRoute is enabled: a route that names no Gateway leads nowhere." }}{{ end }}
{{- range list "provisioner" "janitor" }}
{{- if eq (index $.Values . "autoscaling").by "keda" }}
{{- if and (not $.Values.nats.bundled) (not $.Values.nats.monitor.endpoint) }}{{ fail (printf "nats.monitor.endpoint must be set when %s.autoscaling.by is keda and nats.bundled is false: KEDA asks the broker there." .) }}{{ end }}
{{- if and $.Values.nats.bundled $.Values.networkPolicies.enabled (not $.Values.networkPolicies.monitorFrom) }}{{ fail (printf "networkPolicies.monitorFrom must be set when %s.autoscaling.by is keda: the policies let nobody ask the broker, and KEDA would leave the replicas as they are." .) }}{{ end }}
{{- end }}
{{- end }}
{{- range .Values.gateway.trustProxy }}
{{- if hasSuffix "/0" . }}{{ fail (printf "gateway.trustProxy: %s is everybody, and whoever is trusted may say to be anybody. Name the networks of the ingress controller's pods." .) }}{{ end }}
{{- end }}
{{- end }}

{{/* Arguments: dict "root" $ "component" name. */}}
{{- define "store-platform.selector" -}}
app.kubernetes.io/name: store-platform
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "store-platform.labels" -}}
{{ include "store-platform.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "store-platform.image" -}}
{{- with .root.Values.image.registry }}{{ . }}/{{ end }}store-platform/{{ .component }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- with index .root.Values.image.digests .component }}@{{ . }}{{ end }}
{{- end }}

{{- define "store-platform.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{/* Nothing is written but to volumes, which have sizes, and to the log, which the kubelet keeps short: a limit of ephemeral storage would
     have a broker evicted for how long that is. */}}
{{- define "store-platform.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "store-platform.natsSecret" -}}
{{ .Values.nats.existingSecret | default "store-platform-nats" }}
{{- end }}

{{- define "store-platform.adminSecret" -}}
{{ .Values.auth.existingSecret | default "store-platform-admin" }}
{{- end }}

{{/* Where the broker is, and as whom: everybody's. */}}
{{- define "store-platform.broker" -}}
- name: NATS_URL
  value: {{ ternary (printf "%s://store-platform-nats:4222" (ternary "tls" "nats" (ne .root.Values.nats.tls.serverSecret ""))) .root.Values.nats.url .root.Values.nats.bundled }}
- name: NATS_USER
  value: {{ .component }}
# A file, because what a container's environment holds stays as old as the container when the Secret is changed.
- name: NATS_PASSWORD_FILE
  value: /broker/password
{{- if or .root.Values.nats.tls.caSecret .root.Values.nats.tls.serverSecret }}
- name: NATS_CA_FILE
  value: /broker/ca.crt
{{- end }}
{{- if .root.Values.nats.tls.clientSecret }}
- name: NATS_CERT_FILE
  value: /broker/tls.crt
- name: NATS_KEY_FILE
  value: /broker/tls.key
{{- end }}
{{- end }}

{{/* The files that these name. */}}
{{- define "store-platform.brokerMount" -}}
{ name: broker, mountPath: /broker, readOnly: true }
{{- end }}
{{- define "store-platform.brokerVolume" -}}
name: broker
projected:
  defaultMode: 0440
  sources:
    - secret: { name: {{ include "store-platform.natsSecret" .root }}, items: [{ key: {{ .component }}, path: password }] }
    {{- with .root.Values.nats.tls.caSecret | default .root.Values.nats.tls.serverSecret }}
    - secret: { name: {{ . }}, items: [{ key: ca.crt, path: ca.crt }] }
    {{- end }}
    {{- with .root.Values.nats.tls.clientSecret }}
    - secret: { name: {{ . }}, items: [{ key: tls.crt, path: tls.crt }, { key: tls.key, path: tls.key }] }
    {{- end }}
{{- end }}

{{/* What the provisioner is told of all stores: pull secrets as the files that it finds them in. */}}
{{- define "store-platform.stores" -}}
{{- $settings := omit .Values.stores "pullSecrets" }}
{{- $secrets := list }}
{{- range .Values.stores.pullSecrets }}
{{- $secrets = append $secrets (dict "name" . "file" (printf "/registries/%s/.dockerconfigjson" .)) }}
{{- end }}
{{- if $secrets }}{{ $settings = set $settings "pullSecrets" $secrets }}{{ end }}
{{- toYaml $settings }}
{{- end }}

{{/* Replicas stand on different nodes where there are several. Brokers must, unless nats.spread says otherwise, because two that go with
     one node take the log's quorum along. No anti-affinity does the same: where it is required a second replica waits for a second node,
     and where it is preferred it is outweighed. */}}
{{- define "store-platform.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: {{ ternary .root.Values.nats.spread "ScheduleAnyway" (eq .component "nats") }}
    nodeTaintsPolicy: Honor
    labelSelector:
      matchLabels:
        {{- include "store-platform.selector" . | nindent 8 }}
{{- end }}

{{/* A pod that is asked to end is still sent requests until every node has heard of it. It goes on answering so long. The programs'
     images hold nothing to sleep with, so the kubelet does. */}}
{{- define "store-platform.leave" -}}
lifecycle: { preStop: { sleep: { seconds: 5 } } }
{{- end }}

{{/* The ports of the collector that traces go to: the one that is named, and the usual one, which may stand behind a Service of another. */}}
{{- define "store-platform.otlpPorts" -}}
{{- $url := urlParse .Values.otlpEndpoint }}
{{- $named := regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "443" "80" (eq $url.scheme "https")) | int }}
{{- range list $named 4318 | uniq }}
- port: {{ . }}
{{- end }}
{{- end }}

{{/* What is made up at the first install is found again at every later one, and where the cluster isn't asked (helm template, Argo CD)
     it would be another each time: the brokers would go on with the one, and services come with the other. */}}
{{- define "store-platform.madeUp" -}}
{{- if not (lookup "v1" "Namespace" "" "kube-system") }}{{ fail (printf "%s must be set where the cluster isn't asked while this is rendered (helm template, Argo CD): a password that is made up would be another at every time. To look at what would be installed, helm install --dry-run=server." .setting) }}{{ end }}
{{- (lookup "v1" "Secret" .root.Release.Namespace .secret).data | default dict | toJson }}
{{- end }}

{{- define "store-platform.disruption" }}
{{- if gt (include "store-platform.least" . | int) 1 }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: store-platform-{{ .component }}
  labels:
    {{- include "store-platform.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "store-platform.selector" . | nindent 6 }}
{{- end }}
{{- end }}
