// The sources of evidence that look at the mesh as a whole: nodes, links, policies, loads, stores, what fell silent.
// In: the context of a localization. Out: findings; each source is one pure file and, where it needs more than the scene, one read.
// Bounds: three reads (what did not end well, who restarted, what stores say of themselves), all of the fault's and the baseline's buckets alone.
import type { Indicator } from "../../model/localization.ts";
import { BUCKET_SECONDS } from "../../storage/buckets.ts";
import { readRestarts } from "../../storage/platform-signals.ts";
import { readRefusals } from "../../storage/refusals.ts";
import { readStoreMetrics } from "../../storage/store-metrics.ts";
import { findBadLinks } from "./cluster-link.ts";
import { findErrorOrigins } from "./error-origin.ts";
import type { EvidenceContext, EvidenceSource } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import { findImbalances } from "./load-imbalance.ts";
import { findPolicies } from "./mesh-policy.ts";
import { findSlowNodes } from "./node-cohort.ts";
import { findOutboundCohorts } from "./outbound-cohort.ts";
import { findRestarts } from "./restarts.ts";
import { findAmplification } from "./retry-amplification.ts";
import { reachableFrom } from "./scene.ts";
import { findSilence } from "./silence.ts";
import { findStoreSigns } from "./store-signs.ts";
import { findSurges } from "./traffic-surge.ts";

// The count before the first restart must be seen; it comes every few seconds.
const RESTART_MARGIN_SECONDS = 20;
const OF_REQUESTS: readonly Indicator[] = ["ERRORS", "LATENCY"];

/** A source that needs nothing but the scene. */
function fromScene(
  name: string,
  find: (context: EvidenceContext, places: ReadonlySet<string>) => readonly Finding[],
): EvidenceSource {
  return {
    name,
    collect: async (context) => find(context, reachableFrom(context.scene, context.question.symptoms)),
  };
}

/** The sources, one line each. */
export const MESH_EVIDENCE: readonly EvidenceSource[] = [
  fromScene("node-cohort", ({ scene }) => OF_REQUESTS.flatMap((indicator) => findSlowNodes(scene, indicator))),
  fromScene("cluster-link", ({ scene }) => OF_REQUESTS.flatMap((indicator) => findBadLinks(scene, indicator))),
  fromScene("cohort-outbound", ({ scene }, places) =>
    OF_REQUESTS.flatMap((indicator) => findOutboundCohorts(scene, places, indicator)),
  ),
  fromScene("load-imbalance", ({ scene }, places) => findImbalances(scene, places)),
  fromScene("traffic-surge", ({ scene, question: { symptoms, windows, indicator } }) =>
    findSurges(scene, symptoms, { fault: windows.fault.length, baseline: windows.baseline.length }, indicator),
  ),
  fromScene("retry-amplification", ({ scene, changes }, places) => findAmplification(scene, places, changes)),
  fromScene("silence", ({ scene }, places) => findSilence(scene, places)),
  {
    name: "mesh-policy",
    async collect({ storage, question, scene }) {
      const failing = findErrorOrigins(scene, reachableFrom(scene, question.symptoms)).filter((one) => one.excess > 0);
      if (failing.length === 0) return [];
      return findPolicies(scene, failing, await readRefusals(storage, question.tenant, question.windows.fault));
    },
  },
  {
    name: "restart",
    async collect({ storage, question: { tenant, windows, indicator }, scene }) {
      const from = Math.min(...windows.fault) - RESTART_MARGIN_SECONDS;
      const to = Math.max(...windows.fault) + BUCKET_SECONDS;
      return findRestarts(scene, await readRestarts(storage, tenant, from, to), indicator);
    },
  },
  {
    name: "store",
    async collect({ storage, question, scene }) {
      if (![...scene.edges.values()].some((edge) => edge.virtual || edge.from.startsWith("messaging|"))) return [];
      return findStoreSigns(
        scene,
        await readStoreMetrics(storage, question.tenant, question.windows),
        question.indicator,
      );
    },
  },
];
