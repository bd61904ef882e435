// Localizations as kept: the answers of the analyzer, one row an answer, newest Revision wins.
// In: an answer of model/localization.ts. Out: answers by id.
// Bounds: at most 1000 ids a read, a time limit on it; causes and rejected alternatives are JSON of the model's types.
import type { Cause, Localization, RejectedCause, Verdict } from "../model/localization.ts";
import type { Storage } from "./client.ts";

interface LocalizationRow {
  Id: string;
  Verdict: Verdict;
  Reason: string;
  RangeFrom: string;
  RangeTo: string;
  BaselineFrom: string;
  BaselineTo: string;
  Onset: string | null;
  CausesJson: string;
  RejectedJson: string;
}

const READ_SETTINGS = { max_execution_time: 5 } as const;

/** Stores answers in one insert; `revision` is a UInt64 in decimal, and a newer one replaces an older answer of the same id. */
export async function writeLocalizations(
  storage: Storage,
  tenant: string,
  revision: string,
  localizations: readonly Localization[],
): Promise<void> {
  if (localizations.length === 0) return;
  await storage.insertRows(
    "localizations",
    localizations.map((answer) => ({
      Tenant: tenant,
      Id: answer.id,
      Verdict: answer.verdict,
      Reason: answer.reason ?? "",
      RangeFrom: answer.range.from,
      RangeTo: answer.range.to,
      BaselineFrom: answer.baseline.from,
      BaselineTo: answer.baseline.to,
      Onset: answer.onset,
      CausesJson: JSON.stringify(answer.causes),
      RejectedJson: JSON.stringify(answer.rejected),
      Revision: revision,
    })),
  );
}

/** The answers with these ids by id; unknown ids are absent. A row whose JSON is damaged throws: an answer is never invented. */
export async function readLocalizations(
  storage: Storage,
  tenant: string,
  ids: readonly string[],
): Promise<Map<string, Localization>> {
  if (ids.length === 0) return new Map();
  const rows = await storage.query<LocalizationRow>("read_localizations", { tenant, ids: [...ids] }, READ_SETTINGS);
  return new Map(
    rows.map((row) => [
      row.Id,
      {
        id: row.Id,
        verdict: row.Verdict,
        reason: row.Reason === "" ? null : row.Reason,
        range: { from: row.RangeFrom, to: row.RangeTo },
        baseline: { from: row.BaselineFrom, to: row.BaselineTo },
        onset: row.Onset,
        causes: JSON.parse(row.CausesJson) as Cause[],
        rejected: JSON.parse(row.RejectedJson) as RejectedCause[],
      },
    ]),
  );
}
