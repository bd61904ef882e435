// Where a call went that nobody saw arrive: its caller knows a name, and where a service of that name lives is a guess until others tell.
// In: rows of storage/graph-reads.ts and the known places. Out: the same rows, guesses put where the rest of the graph says they went.
// A place is proven when something arrived there or telemetry comes from it. A guess is a row without callee's side to a place that is not:
//   of spans, because only a name is known there (never arrived, or the callee's span was lost); of access logs and metrics, when all of its
//   calls never arrived, because then no peer told its cluster. In order, it goes to
//   1. the proven place of that name which the same caller calls; of several, the one that it calls most;
//   2. the place of that name which other sources say this caller calls;
//   3. the only proven place of that name in the guessed cluster, else anywhere; 4. the only one that other sources name, likewise.
// Unknown callers that access logs or metrics tell of are none where spans know callers without proxies, which a callee's proxy cannot name.
// Bounds: linear in the rows; levels above SERVICE carry no names, so their guesses stay.
import type { GraphEdgeRow, GraphEntityRow } from "../storage/graph-reads.ts";

/** A service in a cluster and namespace. */
interface Home {
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
}

type Row = Readonly<GraphEdgeRow>;

const keyOf = ({ cluster, namespace, service }: Home): string => `${cluster}\0${namespace}\0${service}`;

function targetOf(row: Row): Home {
  return { cluster: row.ToCluster, namespace: row.ToNamespace, service: row.ToService };
}

function callerKey(row: Row): string {
  return keyOf({ cluster: row.FromCluster, namespace: row.FromNamespace, service: row.FromService });
}

/** Puts guesses where they belong, and leaves out unknown callers that are known. */
export function placeGuesses(rows: readonly Row[], entities: readonly GraphEntityRow[]): Row[] {
  // Most graphs have none, and pay nothing.
  if (!rows.some(mayBeGuessed)) return [...rows];
  const toServices = rows.filter((row) => row.ToKind === "service" && row.ToService !== "");
  const proven = new Set<string>();
  for (const row of entities) {
    if (row.AtService === "") continue;
    proven.add(keyOf({ cluster: row.AtCluster, namespace: row.AtNamespace, service: row.AtService }));
  }
  for (const row of toServices) if (row.CalleeRequests > 0) proven.add(keyOf(targetOf(row)));
  const known = new Homes();
  for (const row of toServices) {
    const isProven = proven.has(keyOf(targetOf(row)));
    if (isProven || row.Source !== "spans") known.add(row, isProven);
  }
  for (const row of entities) {
    if (row.AtService !== "") known.addAt(row.AtCluster, row.AtNamespace, row.AtService);
  }
  const explained = explainedCallees(rows);
  return rows.flatMap((row) => {
    if (row.FromKind === "unknown" && row.Source !== "spans" && explained.has(keyOf(targetOf(row)))) return [];
    const home = isGuess(row, proven) ? known.find(row) : null;
    if (home === null) return [row];
    return [{ ...row, ToCluster: home.cluster, ToNamespace: home.namespace }];
  });
}

/** Whether a row may be a guess or an unknown caller that is known. */
function mayBeGuessed(row: Row): boolean {
  const isGuessed = row.ToKind === "service" && row.ToService !== "" && row.CalleeRequests === 0;
  return isGuessed || (row.FromKind === "unknown" && row.Source !== "spans");
}

function isGuess(row: Row, proven: ReadonlySet<string>): boolean {
  if (row.ToKind !== "service" || row.ToService === "" || row.CalleeRequests > 0) return false;
  if (proven.has(keyOf(targetOf(row)))) return false;
  return row.Source === "spans"
    ? row.EvidenceWords.every((word) => word === "inferred")
    : row.NeverArrived >= row.CallerRequests;
}

/** Places by name: those that a caller calls, and all. */
class Homes {
  private readonly ofCaller = new Map<string, Map<string, { home: Home; calls: number; isProven: boolean }>>();
  private readonly ofName = new Map<string, Map<string, { home: Home; isProven: boolean }>>();

  add(row: Row, isProven: boolean): void {
    const home = targetOf(row);
    const calls = Math.max(row.CallerRequests, row.CalleeRequests);
    const caller = `${callerKey(row)}\0${home.service}`;
    const called = this.ofCaller.get(caller) ?? new Map<string, { home: Home; calls: number; isProven: boolean }>();
    this.ofCaller.set(caller, called);
    const one = called.get(keyOf(home));
    // What never arrived says nothing of where.
    const isTold = isProven || row.NeverArrived < row.CallerRequests;
    if (one !== undefined) one.calls += calls;
    else if (isTold) called.set(keyOf(home), { home, calls, isProven });
    if (isTold) this.addHome(home, isProven);
  }

  addAt(cluster: string, namespace: string, service: string): void {
    this.addHome({ cluster, namespace, service }, true);
  }

  private addHome(home: Home, isProven: boolean): void {
    const named = this.ofName.get(home.service) ?? new Map<string, { home: Home; isProven: boolean }>();
    this.ofName.set(home.service, named);
    named.set(keyOf(home), { home, isProven });
  }

  /** Where the calls of a guess went; null when nobody tells. */
  find(row: Row): Home | null {
    const guessed = targetOf(row);
    // Access logs and metrics name the namespace; only the cluster is a guess there.
    const fits = (home: Home): boolean => row.Source === "spans" || home.namespace === guessed.namespace;
    const called = [...(this.ofCaller.get(`${callerKey(row)}\0${guessed.service}`)?.values() ?? [])];
    const named = [...(this.ofName.get(guessed.service)?.values() ?? [])].filter(({ home }) => fits(home));
    for (const isProven of [true, false]) {
      const best = called
        .filter((one) => one.isProven === isProven && fits(one.home))
        .toSorted((a, b) => b.calls - a.calls || (keyOf(a.home) < keyOf(b.home) ? -1 : 1))[0];
      if (best !== undefined) return best.home;
    }
    for (const isProven of [true, false]) {
      const places = named.filter((one) => one.isProven === isProven).map(({ home }) => home);
      const near = places.filter(({ cluster }) => cluster === guessed.cluster);
      const only = near.length > 0 ? near : places;
      if (only.length > 0) return only.length === 1 ? (only[0] ?? null) : null;
    }
    return null;
  }
}

/** Services whose callers spans know, some of whom have no proxy, and that no span calls from nowhere. */
function explainedCallees(rows: readonly Row[]): Set<string> {
  const withProxies = new Set(
    rows.filter((row) => row.Source !== "spans" && row.FromKind === "service").map((row) => callerKey(row)),
  );
  const explained = new Set<string>();
  const rooted = new Set<string>();
  for (const row of rows) {
    if (row.Source !== "spans" || row.ToKind !== "service") continue;
    const key = keyOf(targetOf(row));
    if (row.FromKind === "service" && !withProxies.has(callerKey(row))) explained.add(key);
    if (row.FromKind === "unknown" && row.EvidenceWords.includes("span-pair")) rooted.add(key);
  }
  for (const key of rooted) explained.delete(key);
  return explained;
}
