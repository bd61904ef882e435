// Mesh policy: what codes and Envoy's response code details say of why the mesh answered in a callee's place.
// In: the places that refuse or fail, and how requests were answered there. Out: one finding a place that names the policy.
// Bounds: pure; it decides the kind and supports a place that refusal.ts or error-origin.ts found, it finds none of its own.
import type { FaultKind } from "../../model/localization.ts";
import type { RefusalRow } from "../../storage/refusals.ts";
import type { Excess, Finding } from "./finding.ts";
import { percent } from "./finding.ts";
import type { Scene } from "./scene.ts";
import { WEIGHTS } from "./weights.ts";

// Envoy: source/common/stream_info, docs "response code details"; the names of the filters that answer.
const DETAILS: readonly (readonly [RegExp, FaultKind])[] = [
  [/rbac_access_denied|ext_authz|jwt_authn|AuthorizationPolicy/i, "AUTHORIZATION"],
  [/rate_limited|rate_limit/i, "RATE_LIMIT"],
  [/fault_filter_(abort|delay)/i, "FAULT_INJECTION"],
  [/route_not_found|cluster_not_found|no_route|filter_chain_not_found|direct_response/i, "ROUTE_CONFIG"],
  [/overflow|max_(requests|connections)/i, "CIRCUIT_BREAKER"],
  [/stream_idle_timeout|request_overall_timeout|duration_timeout/i, "TIMEOUT_CONFIG"],
];
const HTTP_KINDS: Readonly<Record<number, FaultKind>> = {
  401: "AUTHORIZATION",
  403: "AUTHORIZATION",
  429: "RATE_LIMIT",
};
const GRPC_KINDS: Readonly<Record<number, FaultKind>> = { 7: "AUTHORIZATION", 8: "RATE_LIMIT", 16: "AUTHORIZATION" };
// A policy that answers fewer than this part of a place's excess does not explain it.
const MIN_SHARE = 0.5;

/** The kind that one way of answering speaks for; null where it says nothing. `byProxy`: the application did not answer so. */
export function kindOfAnswer(row: RefusalRow, byProxy: boolean): FaultKind | null {
  const named = row.detail === "" ? undefined : DETAILS.find(([detail]) => detail.test(row.detail));
  if (named !== undefined) return named[1];
  if (row.grpc === 1) return GRPC_KINDS[row.code] ?? null;
  const kind = HTTP_KINDS[row.code];
  // No proxy finds a page missing unless it has no route to it.
  return kind ?? (byProxy && row.code === 404 ? "ROUTE_CONFIG" : null);
}

const nameOf = (row: RefusalRow) => (row.detail !== "" ? row.detail : `${row.grpc === 1 ? "gRPC " : ""}${row.code}`);

/** The rows that tell of a place: of a service its own side, of an edge its caller's. */
function rowsOf(scene: Scene, place: string, rows: readonly RefusalRow[]): RefusalRow[] {
  const edge = scene.edges.get(place);
  const entity = edge?.entity ?? scene.services.get(place)?.entity;
  if (entity === undefined) return [];
  const isAt = (row: RefusalRow, at: { cluster: string; namespace: string; service: string }) =>
    row.service === at.service && row.namespace === at.namespace && row.cluster === at.cluster;
  if (edge === undefined) return rows.filter((row) => row.is_callee === 1 && isAt(row, entity));
  // What the callee's proxy answered is told on its side, too, and there with the reason.
  return rows.filter((row) =>
    row.is_callee === 1 ? isAt(row, edge.target) : isAt(row, entity) && row.peer === edge.target.service,
  );
}

/** What the answers say of each place that refuses or fails. */
export function findPolicies(scene: Scene, found: readonly Excess[], rows: readonly RefusalRow[]): Finding[] {
  return found.flatMap(({ place, excess }): Finding[] => {
    const told = rowsOf(scene, place, rows);
    const byApplication = new Set(told.filter((row) => row.proxy === 0).map((row) => `${row.grpc} ${row.code}`));
    const kinds = new Map<FaultKind, { answers: number; named: RefusalRow }>();
    for (const row of told) {
      if (row.proxy === 0) continue;
      const kind = kindOfAnswer(row, !byApplication.has(`${row.grpc} ${row.code}`));
      if (kind === null) continue;
      const known = kinds.get(kind);
      // Spans and access logs tell of the same answers: the larger count, and the word that says more.
      if (known === undefined) kinds.set(kind, { answers: row.answers, named: row });
      else {
        const named = known.named.detail === "" ? row : known.named;
        kinds.set(kind, { answers: Math.max(known.answers, row.answers), named });
      }
    }
    const [best] = [...kinds].toSorted((a, b) => b[1].answers - a[1].answers);
    if (best === undefined || best[1].answers < MIN_SHARE * excess) return [];
    const [kind, { answers, named }] = best;
    const share = percent(Math.min(1, answers / Math.max(1, excess)));
    return [
      {
        place,
        source: "mesh-policy",
        indicator: "ERRORS",
        weight: WEIGHTS.meshAnswer,
        excess: 0,
        summary: `the mesh answers for it: ${nameOf(named)} explains ${share} of what goes wrong there`,
        kinds: { [kind]: 8 },
      },
    ];
  });
}
