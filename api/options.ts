// What the api role can be told, with its defaults.
// In: nothing. Out: types and defaults that service/config composes.
// Bounds: every limit of the API is here, with its unit in its name.

/** Limits of the API; past them a request is refused with a code, never half done in silence. */
export interface ApiLimits {
  readonly maxGraphRangeSeconds: number;
  readonly maxTraceRangeSeconds: number;
  readonly maxLocalizeRangeSeconds: number;
  readonly maxListRangeSeconds: number;
  readonly maxGraphNodes: number;
  readonly maxGraphEdges: number;
  /** Edges, and spans by name, that a scrape of series shows. */
  readonly maxSeries: number;
  readonly maxDepth: number;
  readonly maxAliases: number;
  readonly maxFields: number;
  readonly maxCost: number;
  readonly maxTokens: number;
  readonly maxBodyBytes: number;
  readonly maxSubscribers: number;
  readonly maxSockets: number;
  readonly maxConcurrentLocalizations: number;
}

/** Options of the api role. `allowedHosts` are the Host names that are answered; `*` answers all. */
export interface ApiOptions {
  readonly host: string;
  readonly port: number;
  readonly tenant: string;
  readonly allowedHosts: readonly string[];
  /** Origins that browsers may call from; none by default. */
  readonly allowedOrigins: readonly string[];
  /** Folder of the built console; null looks beside the program. */
  readonly consoleDir: string | null;
  /** Compiles operations seen twice (graphql-jit). */
  readonly jit: boolean;
  readonly limits: ApiLimits;
}

/** Defaults: this machine only, and limits that fit a mesh of a thousand services. */
export const API_DEFAULTS: ApiOptions = {
  host: "127.0.0.1",
  port: 3300,
  tenant: "default",
  allowedHosts: ["localhost", "127.0.0.1", "[::1]"],
  allowedOrigins: [],
  consoleDir: null,
  jit: true,
  limits: {
    maxGraphRangeSeconds: 31 * 24 * 3600,
    maxTraceRangeSeconds: 6 * 3600,
    maxLocalizeRangeSeconds: 6 * 3600,
    maxListRangeSeconds: 366 * 24 * 3600,
    maxGraphNodes: 5000,
    maxGraphEdges: 10_000,
    maxSeries: 5_000,
    maxDepth: 16,
    maxAliases: 30,
    maxFields: 1000,
    maxCost: 100,
    maxTokens: 10_000,
    maxBodyBytes: 128 * 1024,
    maxSubscribers: 200,
    maxSockets: 400,
    maxConcurrentLocalizations: 2,
  },
};
