// Jaeger's dependencies for its own UI and for Grafana: GET /api/dependencies (endTs and lookback in ms) and GET /api/v3/dependencies
// (startTime and endTime, RFC 3339). Traces are in jaeger-traces.ts.
// In: a request and the tenant it may read. Out: Jaeger's own answers, errors in its own form.
// Bounds: a window of MAX_WINDOW_DAYS; ten seconds a request for what is not summed up yet, then 503 with Retry-After; one such request a
// tenant at a time, others wait for it; links as in storage/dependencies.ts.
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Storage } from "../storage/client.ts";
import { type DependencyAnswer, MAX_WINDOW_DAYS, readDependencies } from "../storage/dependencies.ts";
import { parseInstant } from "./instant.ts";
import { currentRefusal, legacyAnswer, legacyRefusal } from "./jaeger-forms.ts";
import type { ReadAccess } from "./read-access.ts";

/** What the routes need; `now` is unix ms. */
export interface JaegerParts {
  readonly storage: Storage;
  readonly access: ReadAccess;
  readonly now: () => number;
}

/** A window in unix ms, or what is wrong with the request. */
type Window =
  | { readonly ok: true; readonly fromMs: number; readonly toMs: number }
  | { readonly ok: false; readonly reason: string };

const BUDGET_MS = 10_000;
const DAY_MS = 86_400_000;

/** Registers the routes. */
export function addJaegerRoutes(app: FastifyInstance, { storage, access, now }: JaegerParts): void {
  const waiting = new Map<string, Promise<unknown>>();
  const inTurn = (tenant: string, fromMs: number, toMs: number): Promise<DependencyAnswer> => {
    const before = waiting.get(tenant) ?? Promise.resolve();
    const read = before.then(() => readDependencies(storage, { tenant, fromMs, toMs, budgetMs: BUDGET_MS, now }));
    const settled = read.catch(() => {});
    waiting.set(tenant, settled);
    void settled.then(() => waiting.get(tenant) === settled && waiting.delete(tenant));
    return read;
  };
  const serve = (path: string, windowOf: (query: Query, nowMs: number) => Window, form: Form): void => {
    app.get(path, async (request, reply) => {
      const reader = await access.admit(request.headers.authorization);
      if (!reader.ok) {
        void reply.header("www-authenticate", "Bearer");
        return form.refuse(reply, reader.status, reader.detail);
      }
      const window = checked(windowOf(queryOf(request), now()));
      if (!window.ok) return form.refuse(reply, 400, window.reason);
      const answer = await inTurn(reader.tenant, window.fromMs, window.toMs);
      if (answer.ok) return form.answer(answer.links);
      void reply.header("retry-after", "1");
      const left = `${answer.missing} of ${answer.blocks} blocks of ten minutes are not summed up yet`;
      return form.refuse(reply, 503, `${left}; ask again, every request goes on.`);
    });
  };
  serve("/api/dependencies", legacyWindow, LEGACY);
  serve("/api/v3/dependencies", currentWindow, CURRENT);
}

type Query = Readonly<Record<string, string>>;
type Links = Extract<DependencyAnswer, { ok: true }>["links"];

interface Form {
  answer(links: Links): object;
  refuse(reply: FastifyReply, status: number, message: string): FastifyReply;
}

const LEGACY: Form = {
  answer: legacyAnswer,
  refuse: (reply, status, msg) => reply.code(status).send(legacyRefusal(status, msg)),
};

// 64-bit numbers are texts in the JSON of protobuf.
const CURRENT: Form = {
  answer: (links) => ({ dependencies: links.map((link) => ({ ...link, callCount: String(link.callCount) })) }),
  refuse: (reply, status, message) => reply.code(status).send(currentRefusal(status, message)),
};

function queryOf(request: FastifyRequest): Query {
  const entries = Object.entries(request.query ?? {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

// As Jaeger's query service reads them: endTs is now and lookback a day when they are not given.
function legacyWindow({ endTs, lookback }: Query, nowMs: number): Window {
  const toMs = endTs === undefined ? nowMs : wholeNumber(endTs);
  if (toMs === null) return { ok: false, reason: "unable to parse param 'endTs': it must be unix milliseconds" };
  const lengthMs = lookback === undefined ? DAY_MS : wholeNumber(lookback);
  if (lengthMs === null) return { ok: false, reason: "unable to parse param 'lookback': it must be milliseconds" };
  return { ok: true, fromMs: Math.max(0, toMs - lengthMs), toMs };
}

function currentWindow(query: Query): Window {
  const times = [
    ["startTime", query["startTime"] ?? query["start_time"]],
    ["endTime", query["endTime"] ?? query["end_time"]],
  ] as const;
  const found: number[] = [];
  for (const [name, text] of times) {
    if (text === undefined) return { ok: false, reason: `missing required parameter: ${name}` };
    const parsed = parseInstant(text);
    if (!parsed.ok) return { ok: false, reason: `malformed parameter ${name}: ${parsed.reason}` };
    found.push(Math.floor(Date.parse(parsed.text)));
  }
  const [fromMs = 0, toMs = 0] = found;
  if (toMs <= fromMs) return { ok: false, reason: "endTime must be after startTime" };
  return { ok: true, fromMs, toMs };
}

function wholeNumber(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function checked(window: Window): Window {
  if (!window.ok || window.toMs - window.fromMs <= MAX_WINDOW_DAYS * DAY_MS) return window;
  return { ok: false, reason: `the window is longer than ${MAX_WINDOW_DAYS} days` };
}
