-- The pattern of operations that are health checks or scrapes: the usual paths of probes, the gRPC health service. For statements, by name.
'(?i)(^|[ /])(healthz?|health/(live|ready|liveness|readiness)|livez?|readyz?|liveness|readiness|ping|metrics|actuator/health)/?$|grpc\\.health\\.v1'
