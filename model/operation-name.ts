// Operations by name: what an application calls its route, or a span's own name when there is no route, without what changes per call.
// In: text that was met for the first time in a block (never once a span). Out: a name that stays the same for the same place.
// Bounds: 200 characters; every pattern is linear. What still varies meets the limit of operations a service may have (ingest/cardinality.ts).
//
// Why placeholders keep their names: an application's route `GET /cart/{user}` and the template that its proxy's path gives, `GET /cart/{id}`,
// are one operation and must have one name, or a service that dies (only its proxy still answers) leaves its history. Three ways were
// weighed. (1) Every placeholder becomes `{}` or `{id}`: simple and without memory, but nobody finds `GET /{id}/{id}` again, who wrote
// `/{locale}/{slug}`, and a path such as `/cart/jane` from a proxy is still another operation. (2) The analysis joins both: it sees one
// bucket at a time, and none in which the application is silent. (3) Chosen: routes are told in one notation, `{name}`, and the
// application's own name wins; ingest remembers each service's routes by their shape and names a proxy's path by the route that it fits
// (SpanMeaning, RouteMemory). A process that has not met the application yet names a path by model/route-template.ts; so the first moments
// after a start may show two names, which the analysis joins where it has both spans (storage/queries/own_time.sql).
import { cleanName } from "./names.ts";
import { routeTemplate } from "./route-template.ts";

/** Characters that an operation may have. */
export const MAX_OPERATION_CHARACTERS = 200;

const METHOD_AND_PATH = /^([A-Za-z_]{1,20}) +(\S.*)$/s;
const KNOWN_METHOD = /^[A-Z]{3,18}$/;
const PLACEHOLDER = /\{[^{}]*\}/g;

/** A declared route such as `GET /users/:id`: its placeholders in one notation, what cannot be part of a route taken out. */
export function declaredRoute(text: string): string {
  const { method, path } = splitRoute(cleanName(text, MAX_OPERATION_CHARACTERS));
  const route = path
    .replace(/^\^|\/?\$$/g, "")
    // Django and other regular expressions: (?P<id>[0-9]+), (?<id>…).
    .replace(/\(\?P?<(\w+)>[^()]*(?:\([^()]*\)[^()]*)*\)/g, "{$1}")
    // Next.js: [[...slug]], [...slug], [id].
    .replace(/\[{1,2}(?:\.{3})?([A-Za-z_]\w*)\]{1,2}/g, "{$1}")
    // Flask: <int:id>, <id>.
    .replace(/<(?:[\w.]+(?:\([^()<>]*\))?:)?([A-Za-z_]\w*)>/g, "{$1}")
    // chi, ASP.NET, JAX-RS: {id:[0-9]+}, {id?}, {*path}, {id=5}.
    .replace(/\{\*{0,2}([A-Za-z_][\w.-]*)[^{}]*(?:\{[\d,]*\}[^{}]*)?\}/g, "{$1}")
    // Express, Rails: :id, :id(\d+), :id?. A verb of Google's style stands behind a name or a placeholder, not behind a slash.
    .replace(/(?<=[/.-]):([A-Za-z_]\w*)(?:\([^()]*\))?[?*+]?/g, "{$1}");
  // Django and ASP.NET leave the first slash out.
  const rooted = /^[/*]/.test(route) ? route : `/${route}`;
  const ended = rooted.length > 1 && rooted.endsWith("/") ? rooted.slice(0, -1) : rooted;
  const clean = /[{*]/.test(ended) ? ended : withoutIdentifiers(ended);
  return `${method}${clean}`.slice(0, MAX_OPERATION_CHARACTERS);
}

/** A span's name as an operation: statements become what they do to what, words that change per call become `{id}`. */
export function nameTemplate(text: string): string {
  const name = cleanName(text, MAX_NAME_INPUT);
  const statement = sqlSummary(name) ?? graphqlSummary(name);
  return (statement ?? withoutIdentifiers(name)).slice(0, MAX_OPERATION_CHARACTERS);
}

/** A derived name (method and template of a path): a method that is none becomes `_OTHER`, as OpenTelemetry has it. */
export function derivedRoute(text: string): string {
  const clean = cleanName(text, MAX_OPERATION_CHARACTERS);
  const { method, path } = splitRoute(clean);
  return method === "" ? clean : `${method}${path}`;
}

/** The route without the names of its placeholders: equal for `GET /cart/{user}` and `GET /cart/{id}`. */
export function routeShape(route: string): string {
  return route.replace(PLACEHOLDER, "{}");
}

/** True when a derived route, which has no placeholder for what does not look like an identifier, is one of this declared route. */
export function fitsRoute(derived: string, declared: string): boolean {
  const a = derived.split("/");
  const b = declared.split("/");
  if (a.length !== b.length) return false;
  return b.every((segment, i) => {
    const given = a[i] ?? "";
    if (segment === given) return true;
    const open = segment.indexOf("{");
    const close = segment.lastIndexOf("}");
    // What stands around a placeholder must stand there too: `{name}.json`, `{id}:cancel`.
    return (
      open >= 0 &&
      close > open &&
      given.length >= open + (segment.length - close - 1) &&
      given.startsWith(segment.slice(0, open)) &&
      given.endsWith(segment.slice(close + 1))
    );
  });
}

/** A destination without what is made anew for each client: `amq.gen-Xa2…`, reply queues named by a UUID or a hash. */
export function stableDestination(name: string): string {
  let text = name.replace(/\bamq\.(gen|rabbitmq\.reply-to)[-.][\w+/=.-]+/, "amq.$1-{id}");
  for (const pattern of TOKENS) text = text.replace(pattern, "{id}");
  return text;
}

const MAX_NAME_INPUT = 1024;

function splitRoute(text: string): { readonly method: string; readonly path: string } {
  const match = METHOD_AND_PATH.exec(text);
  if (match === null) return { method: "", path: text };
  const [, method = "", path = ""] = match;
  return { method: KNOWN_METHOD.test(method) ? `${method} ` : "_OTHER ", path };
}

const VERBS: readonly (readonly [verb: RegExp, needs: RegExp])[] = [
  [/^(SELECT)\b/i, /\bFROM\b|[*'"?$@(=]|\d/i],
  [/^(INSERT|REPLACE|MERGE)\b/i, /\bINTO\b/i],
  [/^(UPDATE)\b/i, /\bSET\b/i],
  [/^(DELETE)\b/i, /\bFROM\b/i],
  [/^(WITH)\b/i, /\bAS\s*\(/i],
  [/^(CREATE|ALTER|DROP|TRUNCATE)\b/i, /\b(TABLE|INDEX|VIEW|DATABASE)\b/i],
  [/^(CALL|EXEC|EXECUTE)\b/i, /[(@?]/],
];
const TABLE =
  /\b(?:FROM|JOIN|INTO|UPDATE|TABLE|CALL|EXEC|EXECUTE)\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+|ONLY\s+)?["'`[]?([A-Za-z_][\w.$-]*)/gi;
const MAX_TABLES = 4;

/** `SELECT * FROM users WHERE id = 5` → `SELECT users`; null when the text is no statement. By OpenTelemetry's db.query.summary. */
function sqlSummary(name: string): string | null {
  const text = name.replace(/^(?:\/\*[^*]*\*\/|--[^\n]*\n|\s)+/, "");
  const verb = VERBS.find(([pattern, needs]) => pattern.test(text) && needs.test(text))?.[0].exec(text)?.[1];
  if (verb === undefined) return null;
  const tables = new Set<string>();
  for (const match of text.matchAll(TABLE)) {
    if (tables.size === MAX_TABLES) break;
    tables.add(match[1] ?? "");
  }
  return [verb.toUpperCase(), ...[...tables].map(withoutIdentifiers)].join(" ");
}

/** `query GetUser($id: ID!) { … }` → `query GetUser`; null when the text is no document. */
function graphqlSummary(name: string): string | null {
  const named = /^(query|mutation|subscription)\b\s*([A-Za-z_]\w*)?[^{]*\{/.exec(name);
  if (named !== null) return named.slice(1, 3).filter(Boolean).join(" ");
  return /^\{\s*[A-Za-z_]\w*\s*[({:\s].*\}?/s.test(name) ? "query" : null;
}

// Names that Envoy and Istio give: a cluster, or a virtual host with its port. Their numbers are ports.
const OF_MESH = /^(?:(?:async |router )?(?:inbound|outbound|egress|ingress)\b|[\w.-]+:\d+\/\*$|[\w.-]+\.svc\b)/;
const ADDRESS_IN_NAME =
  /(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?(?![\w.])|\[[0-9a-f:]+:[0-9a-f:]*\](?::\d{1,5})?/gi;
const URL_IN_NAME = /[a-z][a-z0-9+.-]{1,10}:\/\/\S+/gi;
const PATH_IN_NAME = /(?<!\S)\/\S*/g;
const TOKENS: readonly RegExp[] = [
  /[^\s@/:]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}/g,
  /(?<![A-Za-z0-9])\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?(?![\w])/gi,
  /\beyJ[\w-]{8,}(?:\.[\w-]*){0,2}/g,
  /(?<!\w)\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?)?(?!\w)/g,
  /\b0x[0-9a-f]+\b/gi,
  // Hex with digits and letters, or very long; then any long word with digits.
  /(?<![A-Za-z0-9])(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}(?![A-Za-z0-9])/gi,
  /(?<![\w+=])(?=[\w+=-]*\d)[\w+=]{24,}(?![\w+=])/g,
];
const IDENTIFIERS: readonly RegExp[] = [
  ...TOKENS,
  // A prefix and a number: order-12345, user_42, task#7000.
  /(?<=[A-Za-z][-_#])\d{2,}(?![\w.])/g,
  /(?<![\w.])(?<!HTTP[ /])\d{3,}(?![\w.]|ms\b)/g,
];

/** Puts `{id}` for what names a thing and not a place: addresses, numbers, UUIDs, hashes, tokens, e-mail, dates. */
function withoutIdentifiers(name: string): string {
  let text = name.includes("://") ? name.replace(URL_IN_NAME, (url) => routeTemplate(url)) : name;
  text = text.replace(ADDRESS_IN_NAME, "{address}");
  if (OF_MESH.test(text)) return text;
  if (text.includes("/")) text = text.replace(PATH_IN_NAME, (path) => routeTemplate(path));
  if (!/[\d@]|eyJ/.test(text)) return text;
  for (const pattern of IDENTIFIERS) text = text.replace(pattern, "{id}");
  return text.replace(/\{id\}(?:[-_,.]\{id\})+/g, "{id}");
}
