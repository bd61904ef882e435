// Whether what is on the screen is as fresh as it looks.
// In: how far Faultline has come, the map's own word that part of it is not analysed. Out: what is worth a reader's attention.
// Bounds: the newest seconds of a period that slides with the clock are never analysed yet, which says nothing.
import type { ServiceStatus } from "./api/types.ts";

// The analysis waits for a bucket of 10 s to be whole, and for late data.
const USUAL_LAG_SECONDS = 60;
const STOPPED_SECONDS = 120;

/** Seconds since the newest telemetry where it seems to have stopped; null while it comes, or before any came. */
export function stoppedSeconds(status: Pick<ServiceStatus, "ingestLagSeconds"> | null): number | null {
  const lag = status?.ingestLagSeconds ?? null;
  return lag === null || lag < STOPPED_SECONDS ? null : lag;
}

/** Whether a map that is partial lacks more than the newest seconds. */
export function isWorthTelling(
  status: Pick<ServiceStatus, "ingestLagSeconds" | "analysisLagSeconds"> | null,
  isSliding: boolean,
): boolean {
  if (!isSliding) return true;
  if (status === null || status.ingestLagSeconds === null) return false;
  if (status.analysisLagSeconds === null) return true;
  return status.analysisLagSeconds - status.ingestLagSeconds > USUAL_LAG_SECONDS;
}
