// A verdict on an object put into the words of a change.
// In: the sight, what is desired, the verdict. Out: a Change of the model whose id is the same for everybody who saw it.
// Bounds: the summary has at most SUMMARY characters, before and after those of field-words.ts.
import { createHash } from "node:crypto";
import type { Change } from "../../model/localization.ts";
import { entityOf } from "./change-entity.ts";
import type { ChangeVerdict } from "./decide.ts";
import type { DesiredState } from "./desired-state.ts";
import { describeFields, diffFields } from "./field-words.ts";
import { child, text } from "./json-path.ts";
import type { ObservedObject } from "./observed-object.ts";

const SUMMARY = 300;

/** Describes a change. */
export function describeChange(seen: ObservedObject, desired: DesiredState, verdict: ChangeVerdict): Change {
  const { verb, atMs, before } = verdict;
  const { kind, name, object } = seen;
  const difference = before === null || verb === "deleted" ? null : diffFields(before.fields, desired.fields);
  const current = describeFields(desired.fields);
  const cause = text(child(object, "metadata", "annotations", "kubernetes.io/change-cause"));
  const what = difference?.headline || (verb === "deleted" ? "" : cause || (verb === "created" ? (current ?? "") : ""));
  const summary = `${kind} ${name} ${verb}${what === "" ? "" : `: ${what}`}`;
  return {
    id: idOf(seen, desired, verdict),
    at: new Date(atMs).toISOString(),
    kind,
    entity: entityOf(seen),
    summary: summary.length <= SUMMARY ? summary : `${summary.slice(0, SUMMARY - 1)}…`,
    before: verb === "deleted" ? current : (difference?.before ?? null),
    after: verb === "deleted" ? null : difference === null ? current : difference.after,
  };
}

/** Cluster, object and generation: two watchers, a replay and a retry all give the same. */
function idOf(seen: ObservedObject, desired: DesiredState, { verb, atMs }: ChangeVerdict): string {
  const { cluster, kind, group, namespace, name, uid, generation, resourceVersion } = seen;
  const object = [cluster, kind, group, namespace, name, uid];
  const sight =
    verb !== "changed"
      ? [verb, uid === "" ? atMs : ""]
      : generation !== null
        ? [verb, generation, desired.phase, stepOf(seen)]
        : [verb, resourceVersion === 0 ? atMs : resourceVersion, desired.digest];
  return createHash("sha256")
    .update([...object, ...sight].join("\n"))
    .digest("hex")
    .slice(0, 16);
}

/** How far a rollout controller has come: it passes through the same phases again and again. */
function stepOf({ object }: ObservedObject): string {
  const status = child(object, "status");
  return JSON.stringify(
    ["currentStepIndex", "canaryWeight", "iterations"].map((field) => child(status, field) ?? null),
  );
}
