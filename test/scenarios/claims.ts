// What an `expect` line says of the findings.
// In: a claim of a scenario and what storage holds. Out: null when it holds, else what was found instead.
// Bounds: pure; a claim that is no sentence of the language is an error.
import { type Entity, entityName } from "../../model/entity.ts";
import type { Expectation } from "./language.ts";
import { type Findings, REPLAY_CLAIM, START_SECONDS, type StoredFinding } from "./world.ts";

const secondsOf = (iso: string) => Date.parse(iso) / 1000 - START_SECONDS;

/** A place as the language spells it. */
export function placeName(entity: Entity): string {
  const { kind, service, version, instance, peer } = entity;
  if (kind === "VERSION") return `version ${service}@${version}`;
  if (kind === "INSTANCE") return `instance ${instance}`;
  if (kind === "EDGE" && peer?.kind === "CLUSTER")
    return `link ${[entity.cluster, peer.cluster].toSorted().join(" - ")}`;
  if (kind === "EDGE") return `edge ${service} -> ${peer?.service ?? ""}`;
  if (kind === "NODE") return `node ${entity.node}`;
  return `${kind.toLowerCase()} ${entityName(entity)}`;
}

function describe(found: Findings): string {
  const lines = found.incidents.map((one) => {
    const causes = (one.answer?.causes ?? []).map(
      (c) => `${placeName(c.entity)} ${c.faultKind} ${c.confidence.toFixed(2)}`,
    );
    const end = one.resolvedAt === null ? "open" : `${secondsOf(one.resolvedAt)} s`;
    const answer = causes.join(", ") || (one.answer?.reason ?? "no answer");
    return `${one.id} ${secondsOf(one.startedAt)} s .. ${end}: ${one.title} | ${answer}`;
  });
  return lines.join("\n") || "no incident";
}

function identity(one: StoredFinding): string {
  const causes = (one.answer?.causes ?? []).map(
    (c) => `${placeName(c.entity)} ${c.faultKind} ${c.confidence.toFixed(3)}`,
  );
  return [one.id, one.status, one.startedAt, one.detectedAt, one.resolvedAt, one.title, ...causes].join(" ");
}

function holds(expectation: Expectation, found: Findings): boolean {
  const { claim, incident } = expectation;
  let m: RegExpExecArray | null;
  if (incident === 0) {
    if (claim === "no incident") return found.incidents.length === 0 && found.withdrawn === 0;
    if ((m = /^(\d+) incidents?$/.exec(claim))) return found.incidents.length === Number(m[1]);
    if (claim === "nothing was withdrawn") return found.withdrawn === 0;
    if (claim === REPLAY_CLAIM) {
      return JSON.stringify(found.incidents.map(identity)) === JSON.stringify(found.replayed.map(identity));
    }
  }
  const one = found.incidents[incident - 1];
  const cause = one?.answer?.causes[0];
  if ((m = /^starts at (\d+)s within (\d+)s$/.exec(claim))) {
    return one !== undefined && Math.abs(secondsOf(one.startedAt) - Number(m[1])) <= Number(m[2]);
  }
  if ((m = /^is closed by (\d+)s$/.exec(claim))) {
    return one?.status === "RESOLVED" && secondsOf(one.resolvedAt!) <= Number(m[1]);
  }
  if (claim === "is open") return one?.status === "OPEN";
  if (claim === "blames nobody") return one?.answer?.verdict === "INCONCLUSIVE";
  if ((m = /^blames (.+) as ([\w|]+) with ([\d.]+)$/.exec(claim))) {
    return (
      cause !== undefined &&
      placeName(cause.entity) === m[1] &&
      m[2]!.split("|").includes(cause.faultKind) &&
      cause.confidence >= Number(m[3])
    );
  }
  throw new Error(`not a claim of the language: "${expectation.text}"`);
}

/** Checks one expectation; null when it holds, else a sentence with what was found. */
export function checkClaim(expectation: Expectation, found: Findings): string | null {
  if (holds(expectation, found)) return null;
  const replay = found.replayed.map(identity).join("\n");
  return `${expectation.text}\nfound (${found.withdrawn} withdrawn):\n${describe(found)}\nafter the replay:\n${replay}`;
}
