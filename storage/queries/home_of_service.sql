-- The place (cluster, namespace) of a service that a caller at (cluster, namespace) calls by name alone; an expression, a part of other statements.
-- Rule: the caller's own place, else the only one in the caller's cluster, else the only one at all, else the caller's.
multiIf(
  has(known, (cluster, namespace)), (cluster, namespace),
  arrayCount(x -> x.1 = cluster, known) = 1, arrayFirst(x -> x.1 = cluster, known),
  length(known) = 1, known[1], (cluster, namespace))
