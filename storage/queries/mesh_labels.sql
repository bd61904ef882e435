-- The columns of mesh_points that say whose calls a series counts and how they ended; part of other statements.
Origin, Reporter, Proxy, SrcCluster, SrcNamespace, SrcService, SrcWorkload, SrcVersion, DstCluster, DstNamespace, DstService, DstWorkload, DstVersion,
DstHost, Subset, Protocol, Code, GrpcStatus, Flags, Security
