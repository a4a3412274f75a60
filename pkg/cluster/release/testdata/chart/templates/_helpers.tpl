{{- define "shop.labels" -}}
app.kubernetes.io/name: shop
{{- end -}}
