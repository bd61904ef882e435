// How many names a tenant may make, by default.
// In: nothing. Out: numbers by name, for the setting `ingest.cardinality`.
// Bounds: what passes a limit is stored as OVERFLOW_NAME, counted and shown; ingest/cardinality.ts decides.

/** Limits on the names of one tenant, and on all names in memory. */
export interface CardinalityLimits {
  /** How long a name is remembered at least, after it was seen last. */
  readonly windowHours: number;
  readonly clusters: number;
  readonly namespaces: number;
  readonly services: number;
  readonly versionsPerService: number;
  readonly instances: number;
  readonly instancesPerService: number;
  readonly nodes: number;
  readonly operations: number;
  readonly operationsPerService: number;
  readonly peers: number;
  readonly responseFlags: number;
  /** Of all tenants together; some 25 bytes each. */
  readonly namesInMemory: number;
}

/** Limits that fit thousands of services. */
export const CARDINALITY_LIMITS: CardinalityLimits = {
  windowHours: 24,
  clusters: 200,
  namespaces: 5_000,
  services: 5_000,
  versionsPerService: 100,
  instances: 50_000,
  instancesPerService: 5_000,
  nodes: 20_000,
  operations: 100_000,
  operationsPerService: 500,
  peers: 10_000,
  responseFlags: 500,
  namesInMemory: 1_000_000,
};
