-- The number of a place (tenant to instance), its upper half that of the service; an expression, a part of proxy_times.sql. It is worked out for
-- the few spans that are measured, so it may cost more a row than span_place.sql, and less to analyse.
bitOr(bitAnd(cityHash64(Tenant, Cluster, Namespace, Service), 0xFFFFFFFF00000000), bitShiftRight(cityHash64(Version, Instance), 32))
