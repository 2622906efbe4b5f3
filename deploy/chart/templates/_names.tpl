{{- /* What everything is called by: of letters, digits and hyphens, begun by a letter, and so short that what stands behind
it fits into a label, and into the name of a CloudNativePG cluster. */}}
{{- define "octavo.name" -}}
{{- $release := .Release.Name | replace "." "-" }}
{{- if regexMatch "^[0-9]" $release }}{{ $release = printf "o-%s" $release }}{{ end }}
{{- if contains "octavo" $release }}{{ $release | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-octavo" ($release | trunc 33 | trimSuffix "-") }}{{ end }}
{{- end }}

{{- /* Where a role has an image of its own, that is called after it; takes (dict "root" $ "role" . ). */}}
{{- define "octavo.imageOf" -}}
{{- $image := .root.Values.image }}
{{- if not .role.hasOwnImage }}{{ include "octavo.image" .root }}
{{- else }}
{{- $own := get $image .role.name | default dict }}
{{- $repository := $own.repository | default (printf "%s-%s" $image.repository .role.name) }}
{{- if $own.digest }}{{ $repository }}@{{ $own.digest }}
{{- else if $image.digest }}{{ fail (printf "image.%s.digest is not set: with image.digest each image is named by its own" .role.name) }}
{{- else }}{{ $repository }}:{{ $image.tag | default .root.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- define "octavo.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- /* What a selector holds for ever; takes (dict "root" $ "role" "catalog"). */}}
{{- define "octavo.selector" -}}
app.kubernetes.io/name: octavo
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{- define "octavo.podLabels" -}}
{{ include "octavo.selector" . }}
app.kubernetes.io/part-of: octavo
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | trunc 63 | quote }}
{{- end }}

{{- define "octavo.labels" -}}
{{ include "octavo.podLabels" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* The values of one role over those of every role, as YAML. */}}
{{- define "octavo.role" -}}
{{- $own := get .root.Values.roles .role | default dict }}
{{- mergeOverwrite (deepCopy .root.Values.everyRole) (deepCopy $own) | toYaml }}
{{- end }}

{{- /* The secrets of one role or job: each its variable, the Secret that holds it and the key, as YAML. */}}
{{- define "octavo.secrets" -}}
{{- $root := .root }}
{{- $values := .root.Values.secrets }}
{{- $name := include "octavo.name" .root }}
{{- $bookDb := $values.bookDb }}
{{- $orderDb := $values.orderDb }}
{{- if $root.Values.cloudnativePg.enabled }}
{{- $bookDb = mergeOverwrite (dict "name" (printf "%s-book-db-app" $name) "key" "uri") (deepCopy ($bookDb | default dict)) }}
{{- $orderDb = mergeOverwrite (dict "name" (printf "%s-order-db-app" $name) "key" "uri") (deepCopy ($orderDb | default dict)) }}
{{- end }}
{{- $keys := $values.keys.name }}
{{- $all := dict
  "bookDb" (dict "variable" "OCTAVO_BOOK_DB_FILE" "from" ($bookDb | default dict))
  "orderDb" (dict "variable" "OCTAVO_ORDER_DB_FILE" "from" ($orderDb | default dict))
  "broker" (dict "variable" "OCTAVO_BROKER_FILE" "from" ($values.broker | default $orderDb | default dict))
  "objectStore" (dict "variable" "OCTAVO_OBJECT_STORE_FILE" "from" ($values.objectStore | default dict))
  "payment" (dict "variable" "OCTAVO_PAYMENT_FILE" "from" ($values.payment | default dict))
  "secret" (dict "variable" "OCTAVO_SECRET_FILE" "from" (dict "name" $keys "key" "secret"))
  "voucherKey" (dict "variable" "OCTAVO_VOUCHER_KEY_FILE" "from" (dict "name" $keys "key" "voucher-key.pem"))
  "cache" (dict "variable" "OCTAVO_CACHE_FILE" "from" ($values.cache | default dict))
  "staffPassword" (dict "variable" "OCTAVO_STAFF_PASSWORD_FILE" "from" ($values.staffPassword | default dict))
  "metricsToken" (dict "variable" "OCTAVO_METRICS_TOKEN_FILE" "from" ($values.metricsToken | default dict))
}}
{{- range .wanted }}
{{- $one := get $all . }}
{{- if not $one }}{{ fail (printf "the chart does not know where the secret %s is from" .) }}{{ end }}
{{- if $one.from.name }}
{{ . }}: { variable: {{ $one.variable }}, name: {{ $one.from.name }}, key: {{ $one.from.key | default "uri" }} }
{{- else if has . (list "bookDb" "orderDb" "broker") }}
{{- fail (printf "secrets.%s.name is not set: name the Secret that holds the URL, or set cloudnativePg.enabled" .) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Where the authorities are that are trusted beside the usual ones, as YAML; nothing where there are none. */}}
{{- define "octavo.authorities" -}}
{{- $from := .Values.authorities }}
{{- if and $from.configMap $from.secret }}{{ fail "authorities.configMap and authorities.secret are both set; set one of them" }}{{ end }}
{{- $items := list (dict "key" $from.key "path" "ca.crt") }}
{{- if $from.configMap }}{{ dict "source" (dict "configMap" (dict "name" $from.configMap "items" $items)) | toYaml }}
{{- else if $from.secret }}{{ dict "source" (dict "secret" (dict "name" $from.secret "items" $items)) | toYaml }}{{ end }}
{{- end }}

{{- /* How every container is run; see Pod Security Standards, restricted. */}}
{{- define "octavo.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "octavo.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- /* Settings that are no secret, for roles and the migration alike. */}}
{{- define "octavo.settings" -}}
{{- $settings := dict
  "OCTAVO_URL" .Values.url
  "OCTAVO_HOLD_SECONDS" (printf "%d" (int .Values.holdSeconds))
  "OCTAVO_STAFF_EMAIL" .Values.staffEmail
  "OCTAVO_DEMO" (ternary "on" "off" .Values.demo)
  "OCTAVO_MIGRATE" "off"
  "OCTAVO_ENV" "production"
  "OCTAVO_LOG_LEVEL" .Values.log.level
  "OCTAVO_LOG_FORMAT" "json"
  "OCTAVO_PORT" "8080"
  "OCTAVO_SERVICE_PORT" "8080"
  "OCTAVO_DATA" "/tmp/octavo"
  "OCTAVO_DISCOVERY" (printf "kubernetes://%s/%s/%s" .Values.apiServer .Release.Namespace .Release.Name)
  "NODE_COMPILE_CACHE" "/tmp/compiled"
}}
{{- if .Values.fleet.enabled }}{{ $_ := set $settings "OCTAVO_FLEET_EPOCH" (printf "kubernetes://%s/%s/%s-fleet" .Values.apiServer .Release.Namespace (include "octavo.name" .)) }}{{ end }}
{{- if .Values.objectStore.volume }}{{ $_ := set $settings "OCTAVO_OBJECT_STORE" "file:///var/lib/octavo/objects" }}{{ end }}
{{- mergeOverwrite $settings (deepCopy .Values.settings) | toYaml }}
{{- end }}
