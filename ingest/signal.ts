// The words that all transports share: what an export request carries and how it is written.
// In: nothing. Out: types. Bounds: closed lists.

/** Signals of OTLP; each has a writer. */
export type Signal = "traces" | "logs" | "metrics";

/** Encodings of an OTLP body. */
export type Encoding = "protobuf" | "json";
