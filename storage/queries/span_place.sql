-- The number of a place (tenant to instance), its upper half that of the service; an expression over columns of span_edges or entities, a part
-- of other statements.
bitOr(
        bitAnd(bitXor(bitXor(cityHash64(Tenant), bitRotateLeft(cityHash64(Cluster), 1)), bitXor(bitRotateLeft(cityHash64(Namespace), 2), bitRotateLeft(cityHash64(Service), 3))), 0xFFFFFFFF00000000),
        bitShiftRight(bitXor(bitRotateLeft(cityHash64(Version), 1), cityHash64(Instance)), 32))
