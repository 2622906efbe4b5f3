// Only read for the resources' definitions: nothing of these is compiled.
module octavo.test/tools/crds

go 1.26

require (
	github.com/cloudnative-pg/cloudnative-pg v1.30.0
	github.com/external-secrets/external-secrets v1.3.2
	github.com/kedacore/keda/v2 v2.21.0
	github.com/prometheus-operator/prometheus-operator v0.85.0
	open-cluster-management.io/api v1.3.0
	sigs.k8s.io/gateway-api v1.6.3
)
