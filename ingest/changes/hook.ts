// What all readers of change webhooks give back, and how a change is made of it.
// In: what a payload says of a change. Out: a Change with an id that a redelivery repeats, or why there is none.
// Bounds: texts are cut; times must lie between 2000 and a day ahead.
import { createHash } from "node:crypto";
import type { Entity } from "../../model/entity.ts";
import type { Change } from "../../model/localization.ts";
import type { ChangeSource } from "./hints.ts";

/** A change to store, one to leave out (`ignored`, 202), or a payload that nobody can use (400). */
export type HookReading =
  | {
      readonly kind: "change";
      readonly change: Change;
      /** One object whose revision is told again and again. */ readonly revision?: HookRevision;
    }
  | { readonly kind: "ignored"; readonly why: string }
  | { readonly kind: "refused"; readonly reason: string; readonly detail: string };

/** The revision that an object is at; the same again is no change. */
export interface HookRevision {
  readonly object: string;
  readonly value: string;
  /** When it was told, unix ms: what is told late is known already. */
  readonly atMs: number;
}

const MAX_TEXT = 300;
const EARLIEST_MS = Date.UTC(2000, 0);
const MAX_AHEAD_MS = 86_400_000;

/** The facts of a change; `key` is what a redelivery has in common. */
export interface HookFacts {
  readonly source: ChangeSource;
  readonly key: readonly unknown[];
  readonly atMs: number | null;
  readonly nowMs: number;
  readonly kind: string;
  readonly entity: Entity;
  readonly summary: string;
  readonly before?: string;
  readonly after?: string;
}

/** Makes a change; one without a believable time happened when it arrived. */
export function hookChange(facts: HookFacts): Change {
  const { source, key, atMs, nowMs, kind, entity, summary } = facts;
  const isBelievable = atMs !== null && atMs >= EARLIEST_MS && atMs <= nowMs + MAX_AHEAD_MS;
  const about = [source, ...key.map((part) => (typeof part === "string" ? part : JSON.stringify(part)))];
  return {
    id: createHash("sha256").update(about.join("\n")).digest("hex").slice(0, 16),
    at: new Date(isBelievable ? atMs : nowMs).toISOString(),
    kind: cut(kind),
    entity,
    summary: cut(summary),
    before: facts.before === undefined || facts.before === "" ? null : cut(facts.before),
    after: facts.after === undefined || facts.after === "" ? null : cut(facts.after),
  };
}

/** A payload that nobody can use. */
export function refused(reason: string, detail: string): HookReading {
  return { kind: "refused", reason, detail };
}

/** A payload that tells of no change. */
export function ignored(why: string): HookReading {
  return { kind: "ignored", why };
}

function cut(value: string): string {
  return value.length <= MAX_TEXT ? value : `${value.slice(0, MAX_TEXT - 1)}…`;
}
