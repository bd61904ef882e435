// Which fields an operation selects below a field, so that what nobody asks for is not read.
// In: a resolver's info. Out: field names at any depth, fragments spread out.
// Bounds: @skip and @include are taken as selected; a fragment is walked once.
import { type GraphQLResolveInfo, Kind, type SelectionSetNode } from "graphql/index.js";

/** The names of all fields below the resolved one. */
export function selectedFields(info: Pick<GraphQLResolveInfo, "fieldNodes" | "fragments">): ReadonlySet<string> {
  const names = new Set<string>();
  const walked = new Set<string>();
  const walk = (set: SelectionSetNode | undefined): void => {
    for (const selection of set?.selections ?? []) {
      if (selection.kind === Kind.FIELD) {
        names.add(selection.name.value);
        walk(selection.selectionSet);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) walk(selection.selectionSet);
      else if (!walked.has(selection.name.value)) {
        walked.add(selection.name.value);
        walk(info.fragments[selection.name.value]?.selectionSet);
      }
    }
  };
  for (const node of info.fieldNodes) walk(node.selectionSet);
  return names;
}
