// Who may speak to this server from a browser, and what the browser may do with the answers.
// In: request headers. Out: null, or why the request is refused; the headers of every answer.
// Bounds: a Host that is not ours is DNS rebinding, a foreign Origin is another site: both are refused before anything is read.
import type { IncomingHttpHeaders } from "node:http";

/** Headers of every answer. The policy fits a Vite bundle; styles may be inline because Mantine writes them so. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self' blob:",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** Which names and origins are ours. */
export interface GuardOptions {
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
}

/** The name in a Host header without its port, lower case; '' when there is none. */
export function hostName(header: string | undefined): string {
  const match = /^(\[[0-9a-f:.]+\]|[^:]*)(?::\d+)?$/i.exec(header ?? "");
  return (match?.[1] ?? "").toLowerCase();
}

function isOwnOrigin(origin: string, host: string | undefined): boolean {
  try {
    return new URL(origin).host === host?.toLowerCase();
  } catch {
    return false;
  }
}

/** Why a request is refused, or null. */
export function refuseRequest(headers: IncomingHttpHeaders, options: GuardOptions): string | null {
  const name = hostName(headers.host);
  if (!options.allowedHosts.includes("*") && !options.allowedHosts.includes(name)) {
    return `The host name ${JSON.stringify(name)} is not one this server answers to; add it to api.allowedHosts.`;
  }
  const { origin } = headers;
  if (origin !== undefined) {
    const isOurs = isOwnOrigin(origin, headers.host) || options.allowedOrigins.includes(origin);
    return isOurs
      ? null
      : `The origin ${JSON.stringify(origin)} may not call this server; add it to api.allowedOrigins.`;
  }
  return headers["sec-fetch-site"] === "cross-site" && headers["sec-fetch-mode"] !== "navigate"
    ? "Another site may not call this server."
    : null;
}

/** The CORS headers for an origin that is allowed; none for any other. */
export function corsHeaders(origin: string | undefined, options: GuardOptions): Record<string, string> {
  if (origin === undefined || !options.allowedOrigins.includes(origin)) return {};
  return {
    "access-control-allow-origin": origin,
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-allow-headers": "content-type, authorization",
    "access-control-max-age": "600",
    "cross-origin-resource-policy": "cross-origin",
    vary: "Origin",
  };
}
