// An endpoint beside OTLP on the OTLP/HTTP port: what it is asked and what it answers.
// In: whole bodies of POST requests whose sender is known. Out: a status, with a body where it helps.
// Bounds: sizes, bytes in flight, timeouts and bearer tokens are the server's work (http.ts); an endpoint parses and stores.
import type { IncomingHttpHeaders } from "node:http";

/** One request; `body` is gunzipped where its content-encoding is gzip, and as sent for every other encoding. */
export interface EndpointRequest {
  readonly tenant: string;
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  readonly body: Uint8Array;
}

/** One answer; the server adds Retry-After to 429 and 503 where it is missing. */
export interface EndpointAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What is served at one path; `handle` counts its own refusals, and whatever it throws is answered with 500 and counted. */
export interface HttpEndpoint {
  readonly path: string;
  /** Content encodings besides gzip and none that it decodes itself, such as snappy. */
  readonly encodings?: readonly string[];
  /** True: its senders prove themselves by a signature that it checks, so no bearer token is asked for. */
  readonly isSelfAuthenticated?: boolean;
  handle(request: EndpointRequest): Promise<EndpointAnswer>;
}
