-- Purpose: removes dead letters for good.
-- Parameters: tenant; ids.
-- Row: none.
-- Cost: a lightweight delete over the partitions that hold them.
DELETE FROM dead_letters WHERE Tenant = {tenant:String} AND Id IN {ids:Array(String)}
