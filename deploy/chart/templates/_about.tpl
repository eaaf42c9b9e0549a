{{- define "funcgate.about" }}
  name: funcgate
  namespace: {{ .Release.Namespace }}
  labels:
    app.kubernetes.io/name: funcgate
{{- end -}}

{{- define "funcgate.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: funcgate
    namespace: {{ .Release.Namespace }}
{{- end -}}

{{- define "funcgate.rules" -}}
rules:
  - apiGroups: [funcgate.dev]
    resources: [functionapibindings]
    verbs: [get, list, watch, patch] # patch: its own finalizer
  - apiGroups: [funcgate.dev]
    resources: [functionapibindings/status]
    verbs: [patch]
  - apiGroups: [events.k8s.io]
    resources: [events]
    verbs: [create]
  - apiGroups: [""]
    resources: [namespaces]
    verbs: [get] # the annotations that narrow what its bindings may name
{{- end -}}

{{- define "funcgate.settings" -}}
FUNCGATE_INSTANCE_ID: {{ .Values.instanceId | quote }}
FUNCGATE_AZURE_SCOPES: {{ join "," .Values.azure.scopes | quote }}
{{- if .Values.namespaces }}
FUNCGATE_NAMESPACES: {{ join "," .Values.namespaces | quote }}
{{- end }}
{{- range $name, $value := .Values.settings }}
{{- with get (dict "FUNCGATE_INSTANCE_ID" "instanceId" "FUNCGATE_AZURE_SCOPES" "azure.scopes" "FUNCGATE_NAMESPACES" "namespaces") $name }}
{{- fail (printf "settings.%s: say it in the value %s" $name .) }}
{{- end }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end -}}
