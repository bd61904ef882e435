// Findings as JSON in the words of the GraphQL contract, for `--json`.
// In: values of model/. Out: plain objects with the fields of the contract's types; unknown parts are null, entities have an id.
// Bounds: pure; nothing is added and nothing left out.
import { type Entity, entityId } from "../model/entity.ts";
import type { Cause, Change, Evidence, Localization } from "../model/localization.ts";
import type { StoredIncident } from "../storage/incidents.ts";

/** A `Localization` of the contract. */
export function localizationJson(answer: Localization): Record<string, unknown> {
  return {
    id: answer.id,
    verdict: answer.verdict,
    reason: answer.reason,
    range: answer.range,
    baseline: answer.baseline,
    onset: answer.onset,
    causes: answer.causes.map(causeJson),
    rejected: answer.rejected.map((one) => ({
      entity: entityJson(one.entity),
      reason: one.reason,
      evidence: one.evidence.map(evidenceJson),
    })),
  };
}

/** An `Incident` of the contract; `localization` null when it has none. */
export function incidentJson(incident: StoredIncident, localization: Localization | null): Record<string, unknown> {
  return {
    id: incident.id,
    status: incident.status,
    title: incident.title,
    startedAt: incident.startedAt,
    detectedAt: incident.detectedAt,
    resolvedAt: incident.resolvedAt,
    impact: incident.impact.map((one) => ({ entity: entityJson(one.entity), affectedRatio: one.affectedRatio })),
    localization: localization === null ? null : localizationJson(localization),
  };
}

function causeJson(cause: Cause): Record<string, unknown> {
  return {
    rank: cause.rank,
    confidence: cause.confidence,
    faultKind: cause.faultKind,
    entity: entityJson(cause.entity),
    summary: cause.summary,
    evidence: cause.evidence.map(evidenceJson),
    blamePath: cause.blamePath.map(entityJson),
    change: cause.change === null ? null : changeJson(cause.change),
    codeRegion: cause.codeRegion,
    remedy: cause.remedy,
  };
}

function evidenceJson(evidence: Evidence): Record<string, unknown> {
  return { source: evidence.source, summary: evidence.summary, weight: evidence.weight, traceIds: evidence.traceIds };
}

function changeJson(change: Change): Record<string, unknown> {
  return { ...change, entity: entityJson(change.entity) };
}

function entityJson(entity: Entity): Record<string, unknown> {
  return {
    id: entityId(entity),
    kind: entity.kind,
    cluster: entity.cluster || null,
    namespace: entity.namespace || null,
    service: entity.service || null,
    version: entity.version || null,
    instance: entity.instance || null,
    node: entity.node || null,
    operation: entity.operation || null,
    peer: entity.peer === undefined ? null : entityJson(entity.peer),
    runtime: entity.runtime,
    isolation: entity.isolation || null,
  };
}
