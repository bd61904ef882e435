// The one catalogue of operational errors: code, HTTP status, whether a retry can help, and what to do.
// In: a code and the facts of the case. Out: a ServiceError with one clear sentence.
// Bounds: bad input is a value, never one of these; each code has a page in docs/errors/ (generated from here).

interface ErrorEntry {
  readonly exitCode: number;
  readonly message: string;
  readonly advice: string;
}

/** Every operational error by code; `{name}` in a message is filled from the facts. */
export const ERROR_CATALOGUE = {
  CONFIG_INVALID: {
    exitCode: 2,
    message: "{detail}",
    advice:
      "Correct the key or value named in the message. `faultline config print` shows what is in force and where each value came from.",
  },
  USAGE: {
    exitCode: 2,
    message: "{detail}",
    advice: "Run `faultline help` for the commands and their options.",
  },
  PORT_BUSY: {
    exitCode: 3,
    message: "Port {port} on {host} is already in use, so the {role} role cannot listen there.",
    advice: "Stop the other process or set another port in the configuration (0 picks a free one).",
  },
  STORAGE_UNREACHABLE: {
    exitCode: 4,
    message: "ClickHouse at {url} cannot be reached: {cause}.",
    advice:
      "Check that the server runs, that the URL, user and password are right, and that nothing between blocks the port.",
  },
  STORAGE_PLATFORM: {
    exitCode: 4,
    message: "The embedded ClickHouse does not run on {platform}.",
    advice:
      "Run a ClickHouse server and point Faultline at it with `storage.url` (environment: FAULTLINE_STORAGE_URL).",
  },
  STORAGE_DATA_DIR_IN_USE: {
    exitCode: 4,
    message: "The data directory {dir} is already used by another Faultline process.",
    advice: "Stop the other process, or choose another directory with `storage.dataDir`.",
  },
  STORAGE_START_FAILED: {
    exitCode: 4,
    message: "The embedded ClickHouse did not start: {cause}.",
    advice: "Read the server's log in the data directory; free disk space and memory are the usual reasons.",
  },
  MIGRATION_CHANGED: {
    exitCode: 5,
    message: "Migration {name} was changed after it had been applied.",
    advice: "Migrations are never edited. Restore the file and add a new migration instead.",
  },
  MIGRATION_FAILED: {
    exitCode: 5,
    message: "Migration {name} failed: {cause}.",
    advice: "Nothing after it was applied. Correct the reason and start again; it goes on where it stopped.",
  },
  ADOPT_UNFIT: {
    exitCode: 5,
    message: "The table {table} cannot be adopted: {cause}.",
    advice:
      "storage.adopt takes a MergeTree table that the Collector's clickhouseexporter made for traces, on the ClickHouse of storage.url; docs/adopt.md lists the columns.",
  },
  RECORDING_INVALID: {
    exitCode: 6,
    message: "The recording {file} cannot be read: {cause}.",
    advice: "A recording is a zstd stream of frames: signal byte, arrival time, length, OTLP protobuf body.",
  },
  ENDPOINT_REFUSED: {
    exitCode: 7,
    message: "The endpoint {url} did not take what was sent: {cause}.",
    advice: "Check the URL and the token; `faultline doctor` tests the way.",
  },
  LETTER_UNKNOWN: {
    exitCode: 2,
    message: "Tenant {tenant} has no dead letter {id}.",
    advice: "`faultline dead-letters list --all` shows those that there are; --tenant names another tenant.",
  },
  KAFKA_LOGIN_REFUSED: {
    exitCode: 8,
    message: "Kafka at {brokers} refuses the login of {username} by {mechanism}: {cause}.",
    advice:
      "Check `kafka.sasl` (mechanism, username, password). It is tried again; a running process takes over as soon as the login is accepted.",
  },
  KAFKA_TLS_FAILED: {
    exitCode: 8,
    message: "No TLS connection to Kafka ({brokers}): {cause}.",
    advice:
      "Check `kafka.tls`, `kafka.tlsCaFile`, `kafka.tlsCertFile` and `kafka.tlsKeyFile`, and that the broker's certificate names the host that is in `kafka.brokers`. It is tried again.",
  },
  KAFKA_FAILED: {
    exitCode: 8,
    message: "Kafka at {brokers} cannot be used: {cause}.",
    advice:
      "Check that the brokers run, that `kafka.brokers` and `kafka.tls` fit them, and that this user may read the topics and the group. It is tried again.",
  },
  TOKEN_UNKNOWN: {
    exitCode: 9,
    message: "No live token has an id that begins with {id}.",
    advice: "`faultline token list --all` shows the id of every token, whose it is and whether it is revoked.",
  },
  TOKENS_MANY: {
    exitCode: 9,
    message: "There are already {limit} live tokens.",
    advice: "Revoke those that nobody uses: `faultline token list --all`, then `faultline token revoke ID`.",
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

/** An operational failure with a code, one sentence, and advice. Only the CLI turns it into an exit. */
export class ServiceError extends Error {
  readonly code: ErrorCode;
  readonly advice: string;
  readonly exitCode: number;

  constructor(code: ErrorCode, facts: Record<string, string | number>, cause?: unknown) {
    const entry = ERROR_CATALOGUE[code];
    const filled = entry.message.replace(/\{(\w+)\}/g, (_, key: string) => String(facts[key] ?? "?"));
    // A cause that is a sentence of its own brings its own full stop.
    const message = filled.replace(/([.?!])\.$/, "$1");
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ServiceError";
    this.code = code;
    this.advice = entry.advice;
    this.exitCode = entry.exitCode;
  }
}

/** The sentence of any thrown value, without a stack. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "" && error.errors.length > 0) {
    return reasonOf(error.errors[0]);
  }
  return error instanceof Error ? error.message || error.name : String(error);
}
