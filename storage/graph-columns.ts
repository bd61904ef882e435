// Which columns tell the parts of an end or a place at each level: parameters of the graph's statements (type Identifier).
// In: a level, whether clusters are merged. Out: names of columns, or of what the statements call Untold and Virtual*.
// Bounds: closed lists; nothing from outside becomes a name.
import type { GraphDetail } from "./graph-reads.ts";

const UNTOLD = "Untold";
const COARSE_TO_FINE: readonly GraphDetail[] = ["CLUSTER", "NAMESPACE", "SERVICE", "VERSION", "INSTANCE"];

function tells(detail: GraphDetail, part: GraphDetail): boolean {
  return COARSE_TO_FINE.indexOf(detail) >= COARSE_TO_FINE.indexOf(part);
}

/** How the statements that read edges tell their ends. */
export function endColumns(detail: GraphDetail, mergeClusters: boolean): Record<string, string> {
  const columns: Record<string, string> = {};
  for (const side of ["Src", "Dst"]) {
    const at = side.toLowerCase();
    columns[`${at}_cluster`] = mergeClusters ? UNTOLD : `${side}Cluster`;
    // Ends that are no services keep their names at every level.
    columns[`${at}_namespace`] = tells(detail, "NAMESPACE") ? `${side}Namespace` : `Virtual${side}Namespace`;
    columns[`${at}_service`] = tells(detail, "SERVICE") ? `${side}Service` : `Virtual${side}Service`;
    columns[`${at}_version`] = tells(detail, "VERSION") ? `${side}Version` : UNTOLD;
    columns[`${at}_instance`] = tells(detail, "INSTANCE") ? `${side}Instance` : UNTOLD;
  }
  return columns;
}

/** How the statements that read what places answered tell them. */
export function placeColumns(
  detail: GraphDetail,
  mergeClusters: boolean,
  byOperation: boolean,
): Record<string, string> {
  return {
    at_cluster: mergeClusters ? UNTOLD : "Cluster",
    at_namespace: tells(detail, "NAMESPACE") ? "Namespace" : UNTOLD,
    at_service: tells(detail, "SERVICE") ? "Service" : UNTOLD,
    at_version: tells(detail, "VERSION") ? "Version" : UNTOLD,
    at_instance: tells(detail, "INSTANCE") ? "Instance" : UNTOLD,
    at_operation: byOperation ? "Operation" : UNTOLD,
  };
}
